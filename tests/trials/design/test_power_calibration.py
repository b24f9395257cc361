"""The power that a plan promises is the power that simulated trials have."""

import numpy as np
import pytest

from analysis_lib.trials.design import ClusterPlan, EventPlan, IndividualPlan, events_needed, power
from analysis_lib.trials.durations import logrank
from analysis_lib.trials.effects import difference_in_means, lin_adjusted

pytestmark = [pytest.mark.slow, pytest.mark.calibration]


def test_individual(coverage):
    plan = IndividualPlan(n_treated=30, n_control=90, std_dev=10)
    arm = np.arange(120) < 30

    def draw(rng):
        return difference_in_means(rng.normal(0, 10, 120) + 6 * arm, arm).p_value < 0.05

    coverage("power: 30 treated, 90 control", draw, claim=power(6, plan))


def test_blocks(coverage):
    treated, control = np.array([20, 8]), np.array([20, 72])
    plan = IndividualPlan(n_treated=treated, n_control=control, std_dev=[5, 5])
    block = np.repeat([0, 1], treated + control)
    arm = np.concatenate([np.arange(t + c) < t for t, c in zip(treated, control, strict=True)])

    def draw(rng):
        y = rng.normal(0, 5, 120) + 4 * arm + 10 * block
        return difference_in_means(y, arm, block=block).p_value < 0.05

    coverage("power: 2 blocks, 50 and 10 % treated", draw, claim=power(4, plan))


def test_covariate(coverage):
    plan = IndividualPlan(n_treated=40, n_control=40, std_dev=10, r_squared=0.5, n_covariates=1)
    arm = np.arange(80) < 40

    def draw(rng):
        x = rng.normal(0, 1, 80)
        y = np.sqrt(50) * x + rng.normal(0, np.sqrt(50), 80) + 5 * arm
        return lin_adjusted(y, arm, x).p_value < 0.05

    coverage("power: 80 people, a covariate with R2 of one half", draw, claim=power(5, plan))


def test_clusters(coverage):
    plan = ClusterPlan(clusters_treated=12, clusters_control=12, cluster_size=20, std_dev=10, icc=0.1)
    cluster = np.repeat(np.arange(24), 20)
    arm = cluster < 12

    def draw(rng):
        y = rng.normal(0, np.sqrt(10), 24)[cluster] + rng.normal(0, np.sqrt(90), 480) + 5 * arm
        return difference_in_means(y, arm, cluster=cluster).p_value < 0.05

    coverage("power: 24 clusters of 20, intraclass correlation 0.1", draw, claim=power(5, plan))


def test_events(coverage):
    """The number of events is random here; the plan takes its expectation, as it is made before the trial."""
    events = events_needed(1.4, share_treated=0.5)
    arm = np.arange(2 * events) < events
    share_seen = 0.5

    def draw(rng):
        time = rng.exponential(1 / np.where(arm, 1.4, 1.0))
        # Observation ends for everybody when half of them have had the event.
        end = np.quantile(time, share_seen)
        return logrank(np.minimum(time, end), time <= end, arm).p_value < 0.05

    coverage("power: hazard ratio 1.4, the events needed for 80 %", draw, claim=power(1.4, EventPlan(events=events)))


@pytest.mark.parametrize(("ratio", "claim"), [(1.8, 0.874), (0.6, 0.721)])
def test_events_with_a_tenth_treated(coverage, ratio, claim):
    """Schoenfeld's formula is of small effects: with a small arm, fewer of its people leave where the ratio is below 1."""
    events = events_needed(ratio, share_treated=0.1)
    people = round(events / 0.6)
    arm = np.arange(people) < 0.1 * people

    def draw(rng):
        time = rng.exponential(1 / np.where(arm, ratio, 1.0))
        end = np.quantile(time, 0.6)
        return logrank(np.minimum(time, end), time <= end, arm).p_value < 0.05

    coverage(f"power: a tenth treated, hazard ratio {ratio}, the events needed for 80 %", draw, claim=claim)
