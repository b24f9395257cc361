"""Groups chosen beforehand: rows and tests against the functions of arrays, called by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import DefinitionError
from analysis_lib.trials.cases import in_group
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.effects import adjust_p_values
from analysis_lib.trials.evaluation import estimate_subgroups
from analysis_lib.trials.groups import members
from analysis_lib.trials.outcomes import Numbers
from analysis_lib.trials.sources import load_cases
from analysis_lib.trials.subgroups import subgroup_effects, subgroup_hazard_ratios


def planned(cases, primary=None, **inference):
    """Return the cases with another plan: other choices of inference, another primary outcome."""
    trial = cases.trial
    changed = {"inference": trial.inference.model_copy(update=inference)}
    if primary is not None:
        changed["outcomes"] = tuple(o.model_copy(update={"primary": o.id == primary}) for o in trial.outcomes)
    return replace(cases, trial=trial.model_copy(update=changed))


def age_group(cases):
    return np.array(
        pd.cut(cases.frame["age"], [0, 29, 49, 99], labels=["under_30", "from_30_to_49", "over_49"]).astype(str)
    )


def test_durations_by_days_of_birth(hig_cases):
    """HIG assigned days: every group's interval, and the tests, are by day."""
    found = estimate_subgroups(hig_cases)
    assert [row.group for row in found.estimates] == [
        "sex.women",
        "sex.men",
        "age.under_30",
        "age.from_30_to_49",
        "age.over_49",
    ]
    measured, treated = hig_cases.outcomes["time_to_self_support"], hig_cases.design.arm == "treated"
    given = (measured.time, measured.event, treated)
    sex = np.where(hig_cases.frame["sex"] == "woman", "women", "men")
    direct = {
        "sex": subgroup_hazard_ratios(*given, sex, cluster=hig_cases.design.unit, min_cell=20),
        "age": subgroup_hazard_ratios(*given, age_group(hig_cases), cluster=hig_cases.design.unit, min_cell=20),
    }
    for row in found.estimates:
        division, _, group = row.group.partition(".")
        (alone,) = direct[division].where(group=group).estimates
        assert (row.value, row.std_error, row.interval) == (alone.value, alone.std_error, alone.interval)
        assert (row.outcome, row.arm, row.unit, row.scale) == ("time_to_self_support", "treated", "ratio", "log")
        assert row.n_clusters == 31
    raw = [direct[name].checks[0].p_value for name in ("sex", "age")]
    assert [check.group for check in found.checks] == ["sex", "age"]
    assert [check.p_value for check in found.checks] == pytest.approx(adjust_p_values(raw, "holm"))
    assert all("31" not in check.method and "clusters" in check.method for check in found.checks)
    assert f"p {raw[0]:.4f} before adjustment over 2 divisions" in found.checks[0].detail


def test_means_of_people_whose_outcome_is_known(hig_cases):
    cases = planned(hig_cases, primary="benefit_weeks_52")
    values = hig_cases.outcomes["benefit_weeks_52"].values.copy()
    values[::7] = np.nan
    cases = replace(cases, outcomes={**cases.outcomes, "benefit_weeks_52": Numbers(values=values)})
    found, known = estimate_subgroups(cases), ~np.isnan(values)
    direct = subgroup_effects(
        values[known], cases.design.arm[known] == "treated", age_group(cases)[known], cluster=cases.design.unit[known], min_cell=20
    )  # fmt: skip
    rows = {row.group: row for row in found.estimates}
    for row in direct.estimates[:3]:
        same = rows[f"age.{row.group}"]
        assert (same.value, same.std_error, same.df, same.n) == (row.value, row.std_error, row.df, row.n)
        assert (same.unit, same.scale) == ("weeks", "identity")
        lost = int((~known & (age_group(cases) == row.group)).sum())
        assert f"{lost} people without the outcome left out" in same.note
    assert "HTZ" in found.checks[0].method


def test_blocks_of_the_design_are_kept(hig_cases):
    sites = (hig_cases.frame["site"] == "storstroem").to_numpy().astype(np.int64)
    n = np.arange(len(hig_cases))
    cases = replace(
        planned(hig_cases, primary="benefit_weeks_52"), design=replace(hig_cases.design, block=sites, unit=n)
    )
    found, values = estimate_subgroups(cases), cases.outcomes["benefit_weeks_52"].values
    known = ~np.isnan(values)
    direct = subgroup_effects(
        values[known], cases.design.arm[known] == "treated", age_group(cases)[known], block=sites[known], min_cell=20
    )
    assert found.where(group="age.over_49").estimates[0].value == direct.where(group="over_49").estimates[0].value
    assert "Welch" in found.checks[0].method
    durations = replace(cases, trial=hig_cases.trial)
    measured = cases.outcomes["time_to_self_support"]
    given = (measured.time, measured.event, cases.design.arm == "treated", age_group(cases))
    stratified = subgroup_hazard_ratios(*given, stratum=sites, min_cell=20).where(group="over_49").estimates[0]
    assert estimate_subgroups(durations).where(group="age.over_49").estimates[0].value == stratified.value
    assert stratified.value != subgroup_hazard_ratios(*given, min_cell=20).where(group="over_49").estimates[0].value


def test_the_plan_says_how_tests_are_adjusted(hig_cases):
    raw = [check.p_value for check in estimate_subgroups(planned(hig_cases, subgroup_adjustment="none")).checks]
    for method in ("bonferroni", "bh"):
        found = estimate_subgroups(planned(hig_cases, subgroup_adjustment=method)).checks
        assert [check.p_value for check in found] == pytest.approx(adjust_p_values(raw, method))


def test_a_small_group_is_empty_and_not_tested(hig_cases):
    old = hig_cases.frame["age"].to_numpy() > 49
    cases = in_group(hig_cases, ~old | (np.cumsum(old) <= 30))
    found = estimate_subgroups(planned(cases, min_per_arm=20))
    (small,) = found.where(group="age.over_49").estimates
    assert small.reason == "fewer than 20 people in an arm of the group"
    assert small.n == 30
    age = found.checks[1]
    assert age.passed is not None
    assert (age.df, "not in the test: 1" in age.detail) == (1.0, True)
    assert found.where(group="age.under_30").estimates[0].estimated


def test_no_group_without_its_test(hig_cases):
    women = in_group(hig_cases, members(hig_cases.frame["sex"], hig_cases.trial.subgroups[0].groups[0]))
    found = estimate_subgroups(women)
    sex = [row for row in found.estimates if row.group.startswith("sex.")]
    assert not any(row.estimated for row in sex)
    assert "the test of equal effects, which was not made: fewer than two groups could be estimated" in sex[0].reason
    assert sex[1].reason == "fewer than 20 people in an arm of the group"
    assert found.checks[0].passed is None
    assert np.isnan(found.checks[0].p_value)
    # The other division is the only one tested, so nothing is adjusted.
    assert "before adjustment" not in found.checks[1].detail


def test_nobody_at_all(hig_cases):
    found = estimate_subgroups(in_group(hig_cases, np.zeros(len(hig_cases), dtype=bool)))
    assert [row.n for row in found.estimates] == [0] * 5
    assert all(check.passed is None for check in found.checks)


def test_rows_do_not_depend_on_the_order_of_people(hig_cases):
    shuffled = np.random.default_rng(4).permutation(len(hig_cases))
    mixed = replace(
        in_group(hig_cases, np.ones(len(hig_cases), dtype=bool)),
        frame=hig_cases.frame.iloc[shuffled].reset_index(drop=True), design=hig_cases.design.take(shuffled),
        outcomes={"time_to_self_support": replace(
            hig_cases.outcomes["time_to_self_support"], time=hig_cases.outcomes["time_to_self_support"].time[shuffled],
            cause=hig_cases.outcomes["time_to_self_support"].cause[shuffled],
        )},
    )  # fmt: skip
    one, other = (estimate_subgroups(cases).to_frame() for cases in (hig_cases, mixed))
    pd.testing.assert_frame_equal(one, other, rtol=1e-8)


def test_a_number_a_week_is_no_primary_outcome(hig_cases):
    cases = planned(hig_cases, primary="benefit_by_week")
    with pytest.raises(DefinitionError, match="outcome 'benefit_by_week' has a number a week"):
        estimate_subgroups(cases)


def test_without_divisions_there_is_nothing(hig_cases):
    assert not estimate_subgroups(replace(hig_cases, trial=hig_cases.trial.model_copy(update={"subgroups": ()})))


def test_rossi_against_r(public_data):
    """R 4.2.2, survival 3.5-3: coxph(Surv(week, arrest) ~ fin, subset = wexp == "yes"), and "no"; and anova of
    coxph(Surv(week, arrest) ~ fin + strata(wexp)) against fin * strata(wexp).
    """
    found = estimate_subgroups(load_cases(read_trial("rossi"), public_data))
    assert [row.value for row in found.estimates] == pytest.approx([0.7079440769, 0.6666762234], rel=1e-6)
    (test,) = found.checks
    assert (test.statistic, test.p_value) == (
        pytest.approx(0.02485641556, rel=1e-5),
        pytest.approx(0.8747253715, rel=1e-5),
    )
