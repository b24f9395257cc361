"""Mixed hazards and returns of a whole trial: true ratios found, none found where there is none, reasons where not."""

from dataclasses import replace

import numpy as np
import pytest

from analysis_lib.batch.simulated_extract import arms_of_people
from analysis_lib.errors import InvalidInput
from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.simulation import simulate_register
from analysis_lib.register.simulation.parts import Effect, Recurrence
from analysis_lib.trials.cases import in_group
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.durations import mixed_proportional_hazards, two_spell_model
from analysis_lib.trials.evaluation.durations import window_cuts
from analysis_lib.trials.evaluation.mixed_durations import (
    ALIKE_RATIO,
    BY_LENGTH,
    BY_SELECTION,
    DIRECT,
    DIRECT_SHARE,
    LEAVING_RATIO,
    MIXED_RATIO,
    RETURN_RATIO,
    effect_on_share,
    estimate_mixed,
    estimate_returns,
    fewest_returns,
    mixed_outcomes,
    return_curves,
    share_back,
)
from analysis_lib.trials.outcomes import CENSORED, EXIT, Durations
from analysis_lib.trials.sources import load_cases

OUTCOME = "time_to_self_support"
PLAN = read_trial("hig").inference.recurrence


def rng():
    return np.random.default_rng(7)


def plan_without_covariates(cases, model="mixed_hazard"):
    """The cases with a model of no covariates, whose truth the simulation knows exactly."""
    inference = cases.trial.inference
    plan = getattr(inference, model).model_copy(update={"covariates": False})
    trial = cases.trial.model_copy(update={"inference": inference.model_copy(update={model: plan})})
    return replace(cases, trial=trial)


@pytest.fixture(scope="session")
def returning(tmp_path_factory):
    """Return a function that draws the HIG register with returns, their hazard multiplied in the treated group."""
    drawn = {}

    def draw(ratio):
        if ratio not in drawn:
            drawn[ratio] = draw_returns(tmp_path_factory.mktemp("returns"), ratio)
        return drawn[ratio]

    return draw


def draw_returns(folder, ratio, *, persons=4000, seed=11):
    about = {"mark": "unknown", "source": "made up"}
    effects = () if ratio == 1 else (Effect(arm="treated", hazard_ratio=ratio, **about),)
    again = Recurrence(return_hazard=0.015, exit_hazard=0.05, most_returns=3, return_effects=effects, **about)
    trial, codes, jobcentres = read_trial("hig"), read_codes(), read_jobcentres()
    register = simulate_register(
        trial.simulation.model_copy(update={"recurrence": again}),
        assigned=lambda people: arms_of_people(trial, people, jobcentres), codes=codes, jobcentres=jobcentres,
        rng=np.random.default_rng(seed), persons=persons,
    )  # fmt: skip
    extract = write_extract(
        folder / "extract", persons=register.persons, codes=register.codes, first_week=register.first_week,
        truth=register.truth,
    )  # fmt: skip
    return load_cases(trial, extract)


def rows_of(results, estimand):
    return results.where(estimand=estimand).estimates


# --- mixed hazards ---------------------------------------------------------------------------------------------------


def test_rows_are_those_of_the_two_fits(hig_cases):
    cases = plan_without_covariates(hig_cases)
    plan, cuts = cases.trial.inference.mixed_hazard, window_cuts(cases)
    found = estimate_mixed(cases, OUTCOME, "treated", rng=rng())
    measured, random = cases.outcomes[OUTCOME], rng()
    given = (measured.time, measured.event, cases.design.arm == "treated", plan.baseline_weeks)
    whole = mixed_proportional_hazards(*given, rng=random).ratios.estimates
    by_window = mixed_proportional_hazards(*given, rng=random, windows=cuts).ratios.estimates
    for number, kind in enumerate((ALIKE_RATIO, MIXED_RATIO)):
        rows = rows_of(found, kind)
        assert [row.group for row in rows] == ["", *(window.id for window in cases.trial.inference.hazard_windows)]
        assert rows[0].value == pytest.approx(whole[number].value)
        direct = [row.value for row in by_window[5 * number : 5 * number + 5]]
        assert [row.value for row in rows[1:]] == pytest.approx(direct)
    assert {(row.outcome, row.arm, row.unit) for row in found.estimates} == {(OUTCOME, "treated", "ratio")}
    assert len(found.checks) == 1


def test_covariates_are_in_the_hazard_where_the_plan_says_so(hig_cases):
    few = in_group(hig_cases, np.arange(len(hig_cases)) < 600)
    adjusted = rows_of(estimate_mixed(few, OUTCOME, "treated", rng=rng()), ALIKE_RATIO)[0]
    plain = rows_of(estimate_mixed(plan_without_covariates(few), OUTCOME, "treated", rng=rng()), ALIKE_RATIO)[0]
    assert adjusted.estimated
    assert adjusted.value != pytest.approx(plain.value, rel=1e-4)


def test_the_simulated_ratio_is_found_where_nobody_differs(returning):
    """The arms' durations are exactly proportional, 1.30, so that both fits are right."""
    found = estimate_mixed(plan_without_covariates(returning(0.8)), OUTCOME, "treated", rng=rng())
    for kind in (ALIKE_RATIO, MIXED_RATIO):
        row = rows_of(found, kind)[0]
        assert row.interval.low <= 1.30 <= row.interval.high


def test_the_ratio_of_unlike_people_is_found_and_without_it_falls_short(returning):
    """Half of the people leave eight times as fast as the others, 1.5 times as fast when treated."""
    cases, random = returning(0.8), np.random.default_rng(3)
    treated = cases.design.arm == "treated"
    easily = random.random(len(cases)) < 0.5
    hazard = np.where(easily, 0.16, 0.02) * np.where(treated, 1.5, 1.0)
    weeks = np.ceil(random.exponential(1 / hazard))
    cause = np.where(weeks <= 104, EXIT, CENSORED).astype(object)
    planted = Durations(time=np.minimum(weeks, 104.0), cause=cause)
    own = replace(plan_without_covariates(cases), outcomes={**cases.outcomes, OUTCOME: planted})
    found = estimate_mixed(own, OUTCOME, "treated", rng=rng())
    alike, mixed = (rows_of(found, kind)[0] for kind in (ALIKE_RATIO, MIXED_RATIO))
    assert mixed.interval.low <= 1.5 <= mixed.interval.high
    assert alike.interval.high < 1.5
    assert found.checks[0].statistic > 20
    last = rows_of(found, ALIKE_RATIO)[-1], rows_of(found, MIXED_RATIO)[-1]
    assert last[0].value < last[1].value


def test_without_the_key_there_are_no_rows(hig_cases):
    inference = hig_cases.trial.inference.model_copy(update={"mixed_hazard": None, "recurrence": None})
    cases = replace(hig_cases, trial=hig_cases.trial.model_copy(update={"inference": inference}))
    assert not estimate_mixed(cases, OUTCOME, "treated", rng=rng())
    assert not estimate_returns(cases, "treated", rng=rng())
    assert mixed_outcomes(cases) == ()
    assert return_curves(cases, "treated") == ()
    assert mixed_outcomes(hig_cases) == (OUTCOME,)


def test_baseline_steps_are_those_of_the_windows_where_none_are_given(hig_cases):
    cases = plan_without_covariates(hig_cases)
    inference = cases.trial.inference
    plan = inference.mixed_hazard.model_copy(update={"baseline_weeks": ()})
    own = replace(
        cases, trial=cases.trial.model_copy(update={"inference": inference.model_copy(update={"mixed_hazard": plan})})
    )
    measured = cases.outcomes[OUTCOME]
    direct = mixed_proportional_hazards(
        measured.time, measured.event, cases.design.arm == "treated", [5, 9, 17, 30], rng=rng()
    )
    found = rows_of(estimate_mixed(own, OUTCOME, "treated", rng=rng()), ALIKE_RATIO)[0]
    assert found.value == pytest.approx(direct.ratios.estimates[0].value)


# --- returns ---------------------------------------------------------------------------------------------------------


def test_fewer_returns_are_found_and_are_direct(returning):
    """Returns are 0.8 times as fast when treated, and do not depend on how long people were away."""
    cases = returning(0.8)
    found = estimate_returns(cases, "treated", rng=rng())
    for row in rows_of(found, LEAVING_RATIO):
        assert row.interval.low <= 1.30 <= row.interval.high
    for row in rows_of(found, RETURN_RATIO):
        assert row.interval.low <= 0.8 <= row.interval.high
        assert row.interval.high < 1
    # From the last week of the exit, the first return stands for four weeks: 1 - exp(-h (w + 3)) are back after w.
    true = [100 * (1 - np.exp(-0.015 * ratio * 55)) for ratio in (0.8, 1.0)]
    treated, control = rows_of(found, share_back(PLAN))
    assert (treated.arm, control.arm) == ("treated", "control")
    for row, share in zip((treated, control), true, strict=True):
        assert row.interval.low <= share <= row.interval.high
    (effect,), (direct,) = rows_of(found, effect_on_share(PLAN)), rows_of(found, DIRECT)
    assert effect.interval.low <= true[0] - true[1] <= effect.interval.high < 0
    assert direct.interval.low <= true[0] - true[1] <= direct.interval.high < 0
    (by_length,) = rows_of(found, BY_LENGTH)
    assert by_length.interval.low <= 0 <= by_length.interval.high
    assert effect.value == pytest.approx(treated.value - control.value)


def test_covariates_are_in_both_hazards_where_the_plan_says_so(returning):
    """With them people differ, so that there is a part by who leaves, small here: returns do not depend on them."""
    cases = in_group(returning(0.8), np.arange(4000) < 900)
    (part,) = rows_of(estimate_returns(cases, "treated", rng=rng()), BY_SELECTION)
    assert part.estimated
    assert part.interval.low <= 0 <= part.interval.high
    plain = estimate_returns(plan_without_covariates(cases, "recurrence"), "treated", rng=rng())
    ratios = [
        rows_of(found, LEAVING_RATIO)[0].value for found in (plain, estimate_returns(cases, "treated", rng=rng()))
    ]
    assert ratios[0] != pytest.approx(ratios[1], rel=1e-4)


def test_no_effect_on_returns_is_found_where_there_is_none(returning):
    found = estimate_returns(returning(1), "treated", rng=rng())
    row = rows_of(found, RETURN_RATIO)[0]
    assert row.interval.low <= 1 <= row.interval.high
    (effect,), (share,) = rows_of(found, effect_on_share(PLAN)), rows_of(found, DIRECT_SHARE)
    assert effect.interval.low <= 0 <= effect.interval.high
    assert share.reason == "the interval of the effect includes 0: there is no share of it to tell"


def test_rows_are_those_of_the_two_spell_model(returning):
    cases = plan_without_covariates(returning(0.8), "recurrence")
    found, first = estimate_returns(cases, "treated", rng=rng()), cases.outcomes[OUTCOME]
    direct = two_spell_model(
        first.time, first.event, cases.returns.time, cases.returns.event, cases.design.arm == "treated",
        first_cuts=PLAN.leaving_weeks, second_cuts=PLAN.return_weeks, left_within=52, returned_within=52, rng=rng(),
    )  # fmt: skip
    ratios = [row.value for row in found.estimates if row.estimand in (LEAVING_RATIO, RETURN_RATIO)]
    assert ratios == pytest.approx([row.value for row in direct.ratios.estimates], nan_ok=True)
    parts = [share_back(PLAN), effect_on_share(PLAN), DIRECT, BY_LENGTH, BY_SELECTION, DIRECT_SHARE]
    values = [row.value for part in parts for row in rows_of(found, part)]
    assert values == pytest.approx([100 * row.value for row in direct.decomposition.estimates[-7:]], nan_ok=True)
    # How many left is no row's to show.
    assert {row.n_treated for row in found.estimates} <= {None, int((cases.design.arm == "treated").sum())}


def test_curves_are_of_those_who_left_and_were_seen(returning):
    cases = returning(0.8)
    control, treated = return_curves(cases, "treated")
    assert (control.arm, treated.arm) == ("control", "treated")
    left = cases.outcomes[OUTCOME].event & (cases.returns.time > 0)
    for curve in (control, treated):
        assert curve.at_risk[0] == (left & (cases.design.arm == curve.arm)).sum()
        ratio = 0.8 if curve.arm == "treated" else 1.0
        assert curve.at(26) == pytest.approx(np.exp(-0.015 * ratio * 29), abs=0.03)


def test_fewest_returns_counts_by_arm(returning):
    cases = returning(0.8)
    first, back = cases.outcomes[OUTCOME].event, cases.returns.event
    counts = [
        (first & (back == seen) & (cases.design.arm == arm)).sum() for arm in ("treated", "control") for seen in (0, 1)
    ]
    assert fewest_returns(cases, "treated") == min(counts)


def test_what_cannot_be_estimated_has_its_reason(hig_cases, returning):
    nobody = replace(hig_cases, returns=replace(hig_cases.returns, cause=np.full(len(hig_cases), CENSORED, object)))
    reasons = {row.reason for row in estimate_returns(nobody, "treated", rng=rng()).estimates}
    assert reasons == {"nobody came back while people were observed"}
    few = in_group(returning(0.8), np.arange(4000) < 20)
    for found in (estimate_returns(few, "treated", rng=rng()), estimate_mixed(few, OUTCOME, "treated", rng=rng())):
        assert {row.reason for row in found.estimates} == {"fewer than 20 people in an arm"}
    with pytest.raises(InvalidInput, match="cases have no returns"):
        estimate_returns(replace(hig_cases, returns=None), "treated", rng=rng())
