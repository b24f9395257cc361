"""Randomisation tests, corrected p-values, bounds, the effect week by week, taking part, and quantities."""

from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from analysis_lib.batch.simulated_extract import write_simulated_extract
from analysis_lib.results import Message
from analysis_lib.trials.cases import in_group
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.effects import difference_in_means
from analysis_lib.trials.evaluation import DIFFERENCE, HAZARD_RATIO, estimate_effects
from analysis_lib.trials.evaluation.costs import estimate_quantities
from analysis_lib.trials.evaluation.course import effect_course, estimate_uptake
from analysis_lib.trials.evaluation.learned import estimate_learned
from analysis_lib.trials.evaluation.robustness import bound_effects, correct_p_values, randomise_effects
from analysis_lib.trials.outcomes import Numbers
from analysis_lib.trials.sources import load_cases


def rng():
    return np.random.default_rng(8)


def test_randomisation_tests_of_every_mean(hig_cases):
    rows = randomise_effects(hig_cases, rng=rng()).estimates
    assert [row.outcome for row in rows] == ["benefit_weeks_26", "benefit_weeks_52"]
    effects = estimate_effects(hig_cases).where(estimand=DIFFERENCE).estimates
    for row in rows:
        first = next(one for one in effects if one.outcome == row.outcome)
        assert row.value == pytest.approx(first.value)
        assert row.interval.low < row.value < row.interval.high
        assert 0 < row.p_value < 0.1


def test_holm_over_the_plans_outcomes(hig_cases):
    effects = estimate_effects(hig_cases)
    rows = correct_p_values(hig_cases, effects, rng=rng()).estimates
    first = {}
    for row in effects.estimates:
        if row.estimand in (DIFFERENCE, HAZARD_RATIO):
            first.setdefault(row.outcome, row.p_value)
    expected = multipletests(list(first.values()), method="holm")[1]
    assert [row.outcome for row in rows] == list(first)
    assert [row.p_value for row in rows] == pytest.approx(expected.tolist())


def test_romano_wolf_from_the_assignments(aht_cases):
    found = correct_p_values(aht_cases, estimate_effects(aht_cases), rng=rng()).estimates
    alone = {row.outcome: row.p_value for row in randomise_effects(aht_cases, rng=rng()).estimates}
    rows = [row for row in found if row.estimated]
    assert {row.outcome for row in rows} == set(alone)
    assert [row.outcome for row in found if not row.estimated] == ["time_to_self_support"]
    for row in rows:
        assert row.p_value >= alone[row.outcome] - 0.06
    assert rows[0].n_clusters > 10


def test_a_duration_is_not_quietly_left_out_of_a_family_of_means(hig_cases):
    trial = hig_cases.trial
    by_assignment = trial.inference.multiplicity.model_copy(update={"method": "max_t"})
    plan = trial.inference.model_copy(update={"multiplicity": by_assignment})
    cases = replace(hig_cases, trial=trial.model_copy(update={"inference": plan}))
    first, *means = correct_p_values(cases, estimate_effects(cases), rng=rng()).estimates
    assert (first.outcome, first.reason) == (
        "time_to_self_support", "a duration has another statistic than the family's means",
    )  # fmt: skip
    lost = int(np.isnan(np.column_stack([cases.outcomes[row.outcome].values for row in means])).any(axis=1).sum())
    assert all(f"{lost} people without all of the family's outcomes left out" in row.note for row in means)


def test_a_family_of_too_few_people_has_no_p_values(aht_cases):
    few = in_group(aht_cases, np.arange(len(aht_cases)) < 30)
    rows = correct_p_values(few, estimate_effects(few), rng=rng()).estimates
    assert rows
    assert {row.reason for row in rows} == {"fewer than 20 people in an arm"}


def test_bounds_hold_the_effect(hig_cases):
    rows = bound_effects(hig_cases).where(outcome="benefit_weeks_52").estimates
    low, high = (row.value for row in rows)
    weeks = hig_cases.outcomes["benefit_weeks_52"].values
    known = ~np.isnan(weeks)
    effect = difference_in_means(weeks[known], hig_cases.design.arm[known] == "treated").value
    assert low <= effect <= high
    assert not bound_effects(replace(hig_cases, outcomes={**hig_cases.outcomes, **{
        name: Numbers(values=np.nan_to_num(m.values)) for name, m in hig_cases.outcomes.items() if isinstance(m, Numbers)
    }}))  # fmt: skip


def test_the_course_is_the_difference_in_every_week(hig_cases):
    found = effect_course(hig_cases, "benefit_by_week", "treated", rng=rng())
    values = hig_cases.outcomes["benefit_by_week"].values
    known = ~np.isnan(values).any(axis=1)
    treated = hig_cases.design.arm == "treated"
    for week in (4, 20, 60):
        direct = values[known & treated, week].mean() - values[known & ~treated, week].mean()
        assert found.difference.y[week] == pytest.approx(direct)
    assert found.difference.x[0] == 0
    drawn = ~np.isnan(found.simultaneous.low)
    assert (found.simultaneous.low[drawn] <= found.difference.low[drawn] + 1e-12).all()


def test_a_number_that_is_not_weekly_has_no_course(hig_cases):
    assert effect_course(hig_cases, "benefit_weeks_52", "treated", rng=rng()) == Message(
        "the outcome is not a number a week"
    )


def test_one_instrument_cannot_tell_three_activities_apart(hig_cases):
    rows = estimate_uptake(hig_cases).estimates
    assert {row.reason for row in rows} == {"1 instruments cannot tell 3 activities apart"}


@pytest.mark.slow
def test_aht_shows_the_published_signs(aht_cases):
    """No faster self-support; more partial return; by instruments partial return helps and activation does not (A1-A5)."""
    effects = estimate_effects(aht_cases)
    overall = next(r for r in effects.estimates if r.outcome == "self_support_weeks_104" and r.estimand == DIFFERENCE)
    assert overall.value < 0.5
    treated = aht_cases.design.arm == aht_cases.trial.treated_arms[0].id
    partial = aht_cases.activities["partial_return"]
    known = ~np.isnan(partial)
    more = difference_in_means(partial[known], treated[known])
    assert more.interval.low > 0
    rows = {(row.outcome, row.group): row for row in estimate_uptake(aht_cases).estimates}
    assert rows["self_support_weeks_104", "partial_return"].value > 0
    assert rows["self_support_weeks_104", "activation"].interval.high < 0
    assert rows["self_support_weeks_104", "paramedical"].value < rows["self_support_weeks_104", "partial_return"].value


@pytest.mark.slow
def test_ugig_shows_the_published_signs(tmp_path):
    """Without education more education and not more jobs, more sickness (U2-U4); with education no fewer jobs (U1, U4)."""
    folder = write_simulated_extract("ugig", tmp_path / "ugig", persons=16000, seed=4)
    found = {}
    for stratum in ("with_education", "without_education"):
        cases = load_cases(read_trial("ugig"), folder, stratum=stratum)
        for row in estimate_effects(cases).estimates:
            if row.estimand == DIFFERENCE:
                found.setdefault((stratum, row.outcome), row)
    assert found["without_education", "self_support_weeks_52"].interval.high < 0
    assert found["without_education", "education_weeks_52"].interval.low > 0
    assert found["with_education", "self_support_weeks_52"].interval.high > 0
    assert found["without_education", "sickness_weeks_52"].value > 0


def test_quantities_are_differences_in_units(hig_cases):
    rows = {row.outcome: row for row in estimate_quantities(hig_cases).estimates}
    assert set(rows) == {"benefit_week", "meeting", "course", "activation_week"}
    tables = [hig_cases.priced_weeks["benefit_week"]] + [
        hig_cases.activities[name] for name in ("meetings_held", "course_taken", "activation_weeks")
    ]
    known = ~np.isnan(np.column_stack(tables)).any(axis=1)
    treated = hig_cases.design.arm[known] == "treated"
    direct = difference_in_means(tables[1][known], treated, cluster=hig_cases.design.unit[known])
    assert (rows["meeting"].value, rows["meeting"].std_error) == pytest.approx((direct.value, direct.std_error))
    assert rows["benefit_week"].value < 0 < rows["course"].value


def test_learned_effects_follow_the_plan(hig_cases):
    trial = hig_cases.trial
    quick = trial.inference.model_copy(update={"learned_splits": 5})
    found = estimate_learned(replace(hig_cases, trial=trial.model_copy(update={"inference": quick})), rng=rng())
    assert found.checks[0].passed is True
    assert [row.group for row in found.estimates[2:]] == ["learned.1", "learned.2", "learned.3", "learned.3 - 1"]
    assert all(row.n is None for row in found.estimates)
    without = trial.inference.model_copy(update={"learned_splits": None})
    assert not estimate_learned(replace(hig_cases, trial=trial.model_copy(update={"inference": without})), rng=rng())
