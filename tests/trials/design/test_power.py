"""Power and minimum detectable effects: against R, by hand, and by simulated trials."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.design import (
    ClusterPlan,
    EventPlan,
    IndividualPlan,
    events_needed,
    intraclass_correlation,
    minimum_detectable_effect,
    power,
)

FOLDER = Path(__file__).parents[2] / "reference"
REFERENCE = pd.read_csv(FOLDER / "design_answers.csv")
# pwr integrates the noncentral t distribution to about 1e-10, and finds an effect to the root finder's 1e-4 or so.
EXACT, ROOT = 1e-8, 2e-4


def rows(quantity):
    return [pytest.param(r, id=f"{r.case}-{r.call}") for r in REFERENCE.itertuples() if r.quantity == quantity]


@pytest.mark.parametrize("row", rows("power"))
def test_power_as_in_r(row):
    treated, control, effect = (float(part.split()[0]) for part in row.case.split(", "))
    plan = IndividualPlan(n_treated=treated, n_control=control, std_dev=1)
    size = float(row.call.rsplit("= ", 1)[1].rstrip(")"))
    assert power(effect, plan, level=1 - size) == pytest.approx(row.value, abs=EXACT)
    assert power(-effect, plan, level=1 - size) == pytest.approx(row.value, abs=EXACT)


@pytest.mark.parametrize("row", rows("effect"))
def test_minimum_detectable_effect_as_in_r(row):
    treated, control = (float(part.split()[0]) for part in row.case.split(", "))
    plan = IndividualPlan(n_treated=treated, n_control=control, std_dev=20)
    wanted = float(row.call.rsplit("= ", 1)[1].rstrip(")"))
    assert minimum_detectable_effect(plan, power=wanted) == pytest.approx(20 * row.value, rel=ROOT)


@pytest.mark.parametrize("wanted", [0.06, 0.5, 0.8, 0.999])
@pytest.mark.parametrize(
    "plan",
    [
        IndividualPlan(n_treated=2, n_control=2, std_dev=3),
        IndividualPlan(n_treated=[20, 8], n_control=[20, 70], std_dev=[3, 9], r_squared=0.3, n_covariates=2),
        ClusterPlan(clusters_treated=2, clusters_control=3, cluster_size=40, std_dev=20, icc=0.05),
        EventPlan(events=300, share_treated=0.4),
    ],
)
def test_the_minimum_detectable_effect_has_the_power_wanted(plan, wanted):
    assert power(minimum_detectable_effect(plan, power=wanted), plan) == pytest.approx(wanted, abs=1e-9)


def test_no_effect_is_found_as_often_as_the_level_allows():
    plan = IndividualPlan(n_treated=9, n_control=51, std_dev=4)
    assert power(0, plan, level=0.9) == pytest.approx(0.1)
    assert power(1, EventPlan(events=50)) == pytest.approx(0.05)


def test_blocks_by_hand():
    """Two blocks of 28 and 78 people: the size-weighted difference, with Satterthwaite's degrees of freedom."""
    plan = IndividualPlan(n_treated=[20, 8], n_control=[8, 70], std_dev=[3, 9])
    first, second = (28 / 106) ** 2 * 9 * (1 / 20 + 1 / 8), (78 / 106) ** 2 * 81 * (1 / 8 + 1 / 70)
    assert plan.std_error == pytest.approx(math.sqrt(first + second), rel=1e-12)
    parts = [(28 / 106) ** 2 * 9 / n for n in (20, 8)] + [(78 / 106) ** 2 * 81 / n for n in (8, 70)]
    freedoms = [19, 7, 7, 69]
    assert plan.df == pytest.approx(sum(parts) ** 2 / sum(v**2 / d for v, d in zip(parts, freedoms, strict=True)))


def test_clusters_by_hand():
    """Donner and Klar: 1 + (m - 1) icc; with unequal sizes 1 + ((1 + cv^2) m - 1) icc (Eldridge et al. 2006)."""
    plan = ClusterPlan(
        clusters_treated=10, clusters_control=30, cluster_size=50, std_dev=20, icc=0.02, size_variation=0.6
    )
    assert plan.design_effect == pytest.approx(1 + (1.36 * 50 - 1) * 0.02)
    assert plan.std_error == pytest.approx(20 * math.sqrt(2.34 * (1 / 500 + 1 / 1500)))
    assert plan.df == 38
    alone = ClusterPlan(clusters_treated=64, clusters_control=64, cluster_size=1, std_dev=10, icc=0.3)
    assert power(5, alone) == pytest.approx(power(5, IndividualPlan(n_treated=64, n_control=64, std_dev=10)))
    assert IndividualPlan(n_treated=64, n_control=64, std_dev=10).df == pytest.approx(126)


def test_events_needed_by_hand():
    """Schoenfeld (1981): (1.959964 + 0.841621)^2 / (0.25 log(1.3)^2) = 456.1."""
    exact = (1.959963985 + 0.841621234) ** 2 / (0.25 * math.log(1.3) ** 2)
    assert events_needed(1.3) == math.ceil(exact) == 457
    assert events_needed(1 / 1.3) == 457
    assert events_needed(1.3, share_treated=0.1) == math.ceil(exact * 0.25 / 0.09)
    assert power(1.3, EventPlan(events=exact)) == pytest.approx(0.8, abs=1e-6)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: IndividualPlan(n_treated=1, n_control=9, std_dev=1), "n_treated is 1; must be whole numbers of 2 or more"),
        (lambda: IndividualPlan(n_treated=9, n_control=[9, 8], std_dev=1), "have 1, 2 and 1 blocks; must have the same"),
        (lambda: IndividualPlan(n_treated=9, n_control=9, std_dev=0), "std_dev is 0; must be above 0"),
        (lambda: IndividualPlan(n_treated=9, n_control=9, std_dev=math.nan), "std_dev is nan; must be a number"),
        (lambda: IndividualPlan(n_treated=9, n_control=9, std_dev=1, r_squared=1), "r_squared is 1; must be 0 or more"),
        (lambda: ClusterPlan(clusters_treated=1, clusters_control=9, cluster_size=5, std_dev=1, icc=0), "clusters_treated"),
        (lambda: ClusterPlan(clusters_treated=2, clusters_control=9, cluster_size=5, std_dev=1, icc=1.2), "icc is 1.2"),
        (lambda: ClusterPlan(clusters_treated=2, clusters_control=9, cluster_size=0.5, std_dev=1, icc=0), "cluster_size"),
        (lambda: EventPlan(events=0), "events is 0; must be a number above 0"),
        (lambda: EventPlan(events=9, share_treated=1), "share_treated is 1"),
        (lambda: power(math.inf, EventPlan(events=9)), "effect is inf"),
        (lambda: power(-1, EventPlan(events=9)), "effect is -1; must be a hazard ratio above 0"),
        (lambda: minimum_detectable_effect(EventPlan(events=9), power=0.04), "power is 0.04; must be above 0.05"),
        (lambda: power(1, EventPlan(events=9), level=1), "level is 1"),
        (lambda: events_needed(1), "hazard_ratio is 1; must be above 0, and not 1"),
        (lambda: events_needed(2, power=1), "power is 1"),
        (lambda: events_needed(2, power=0.04), "power is 0.04; must be above 0.05"),
        (lambda: IndividualPlan(n_treated=9, n_control=9, std_dev=1, n_covariates=-1), "n_covariates is -1; must be"),
    ],
)  # fmt: skip
def test_bad_input_names_the_argument(build, message):
    with pytest.raises(InvalidInput, match=message):
        build()


def test_no_degrees_of_freedom():
    with pytest.raises(NotEstimable, match="as many coefficients as people"):
        IndividualPlan(n_treated=[2, 2], n_control=[2, 2], std_dev=1, n_covariates=2)


def test_large_plans_are_found():
    assert power(np.float64(50), IndividualPlan(n_treated=1000, n_control=1000, std_dev=10)) == 1.0


def test_intraclass_correlation_as_in_r():
    people = pd.read_csv(FOLDER / "design_people.csv")
    (answer,) = REFERENCE.query("quantity == 'intraclass correlation'")["value"]
    assert intraclass_correlation(people["y"], people["cluster"]) == pytest.approx(answer, abs=EXACT)


def test_intraclass_correlation_needs_clusters():
    for cluster in ([1, 1, 1], [1, 2, 3]):
        with pytest.raises(NotEstimable, match="no variation between or within them"):
            intraclass_correlation([1.0, 2.0, 3.0], cluster)
    with pytest.raises(NotEstimable, match="the outcome has no variation"):
        intraclass_correlation([2.0, 2.0, 2.0], [1, 1, 2])
    with pytest.raises(NotEstimable, match="the outcome has no variation"):
        # the mean of 3.3 ten times is off by rounding
        intraclass_correlation([3.3] * 10, [1, 1, 1, 2, 2, 2, 3, 3, 3, 3])
    with pytest.raises(InvalidInput, match="y has 1 missing"):
        intraclass_correlation([2.0, np.nan, 2.0], [1, 1, 2])
