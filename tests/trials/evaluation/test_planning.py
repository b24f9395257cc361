"""The plan of a trial from its people, with the arms' outcomes unopened."""

from dataclasses import replace

import numpy as np
import pytest

from analysis_lib.errors import NotEstimable
from analysis_lib.trials.cases import in_group
from analysis_lib.trials.design import ClusterPlan, EventPlan, minimum_detectable_effect, power
from analysis_lib.trials.evaluation.planning import (
    detectable_effects,
    expect_allocation,
    expect_imbalance,
    plan_outcome,
    power_curve,
)
from analysis_lib.trials.outcomes import Numbers


def test_allocation_adds_up(hig_cases):
    treated, control = expect_allocation(hig_cases)
    assert treated.people + control.people == len(hig_cases)
    assert treated.expected + control.expected == pytest.approx(len(hig_cases))
    assert treated.expected == pytest.approx(0.4928 * len(hig_cases), abs=0.1)


def test_the_plan_of_a_duration_counts_all_exits(hig_cases):
    plan = plan_outcome(hig_cases, "time_to_self_support", "treated")
    assert isinstance(plan, EventPlan)
    assert plan.events == hig_cases.outcomes["time_to_self_support"].event.sum()
    assert plan.share_treated == pytest.approx(0.4928, abs=1e-4)


def test_the_plan_of_a_mean_has_days_of_birth_as_clusters(hig_cases):
    plan = plan_outcome(hig_cases, "benefit_weeks_52", "treated")
    weeks = hig_cases.outcomes["benefit_weeks_52"].values
    known = weeks[~np.isnan(weeks)]
    assert isinstance(plan, ClusterPlan)
    assert (plan.clusters_treated, plan.clusters_control) == (15, 16)
    assert plan.std_dev == pytest.approx(known.std(ddof=1))
    assert plan.cluster_size == pytest.approx(len(known) / 31)


def test_the_plan_does_not_look_at_the_arms(hig_cases):
    """The same people with all outcomes of the arms made equal in mean and spread give the same plan as shuffled ones."""
    rng = np.random.default_rng(1)
    shuffled = rng.permutation(len(hig_cases))
    arm = hig_cases.design.arm[shuffled]
    other = replace(hig_cases, design=replace(hig_cases.design, arm=arm, unit=hig_cases.design.unit))
    for outcome in ("time_to_self_support", "benefit_weeks_52"):
        assert plan_outcome(other, outcome, "treated") == plan_outcome(hig_cases, outcome, "treated")


def test_rows_hold_the_minimum_detectable_effects(hig_cases):
    rows = detectable_effects(hig_cases).estimates
    assert rows[0].outcome == "time_to_self_support"
    assert [row.outcome for row in rows[1:]] == ["benefit_weeks_26", "benefit_weeks_52"]
    for row in rows:
        plan = plan_outcome(hig_cases, row.outcome, "treated")
        assert row.value == pytest.approx(minimum_detectable_effect(plan))
        assert power(row.value, plan) == pytest.approx(0.8)


def test_too_few_people_is_an_empty_row(hig_cases):
    few = in_group(hig_cases, np.arange(len(hig_cases)) < 15)
    assert all(not row.estimated for row in detectable_effects(few).estimates if row.outcome != "time_to_self_support")
    constant = replace(few, outcomes={**few.outcomes, "benefit_weeks_52": Numbers(values=np.full(15, 3.0))})
    with pytest.raises(NotEstimable):
        plan_outcome(constant, "benefit_weeks_52", "treated")


def test_the_power_curve_passes_its_landmarks(hig_cases):
    plan = plan_outcome(hig_cases, "benefit_weeks_26", "treated")
    curve = power_curve(plan, level=0.95)
    assert (curve.x[0], curve.y[0]) == (0.0, pytest.approx(0.05))
    assert np.interp(minimum_detectable_effect(plan), curve.x, curve.y) == pytest.approx(0.8, abs=1e-6)
    assert np.all(np.diff(curve.y) > 0)


def test_imbalance_by_chance_shrinks_with_the_square_root_of_people(hig_cases):
    rng = np.random.default_rng(2)
    whole = expect_imbalance(hig_cases, "treated", draws=199, rng=rng)
    half = expect_imbalance(in_group(hig_cases, np.arange(len(hig_cases)) < 375), "treated", draws=199, rng=rng)
    # Days of birth are assigned, so that a quarter of the people has about twice the spread.
    assert half.value / whole.value == pytest.approx(2.0, rel=0.25)
    assert whole.n_treated + whole.n_control == len(hig_cases)
