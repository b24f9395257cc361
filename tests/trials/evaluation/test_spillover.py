"""The plan's spillover carried out: what was put into a simulated register is found again, and nothing where nothing is."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import DefinitionError
from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.simulation import simulate_register
from analysis_lib.results import Message
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.design import assigned_by_rule
from analysis_lib.trials.evaluation.spillover import SPILLOVER, estimate_spillover
from analysis_lib.trials.spillover import county_difference_in_differences
from analysis_lib.trials.spillover_cases import SpilloverCases, spillover_cases


def people(counts=(60, 60, 60, 60), effect=2.0):
    """Four areas, two of them the trial's, with so many people (exposed before and during, elsewhere the same)."""
    rng, rows = np.random.default_rng(8), []
    for (exposed, after), n in zip([(True, False), (True, True), (False, False), (False, True)], counts, strict=True):
        for person in range(n):
            area = ("storstroem", "soenderjylland")[person % 2] if exposed else ("aarhus", "viborg")[person % 2]
            rows.append((area, exposed, after, 10 + effect * (exposed and after) + rng.normal()))
    return pd.DataFrame(rows, columns=["area", "exposed", "after", "value"])


@pytest.fixture
def cases():
    return SpilloverCases(trial=read_trial("hig"), frame=people())


def test_the_rows_are_those_of_the_function_with_the_plans_choices(cases):
    frame, trial = cases.frame, cases.trial
    rows = estimate_spillover(cases, rng=np.random.default_rng(1))
    expected = county_difference_in_differences(
        frame["value"], frame["area"], frame["exposed"], frame["after"], weight=trial.spillover.weight,
        level=trial.inference.level, draws=trial.inference.randomization_draws, rng=np.random.default_rng(1),
    )  # fmt: skip
    assert len(rows) == len(expected) == 2
    for row, other in zip(rows.estimates, expected.estimates, strict=True):
        assert (row.value, row.interval, row.p_value) == (other.value, other.interval, other.p_value)
        assert (row.outcome, row.unit, row.estimand) == ("benefit_weeks_26", "weeks", SPILLOVER)
        assert (row.n_treated, row.n_control, row.n_clusters) == (120, 120, 4)


def test_areas_left_out_are_named(cases):
    row = estimate_spillover(replace(cases, absent=("aarhus", "viborg")), rng=np.random.default_rng(1))[0]
    assert "left out, without people before or during the trial: aarhus, viborg" in row.note


@pytest.mark.parametrize("cohort", range(4))
def test_few_people_in_a_cohort_are_not_compared(cases, cohort):
    least = cases.trial.inference.min_per_arm
    counts = [60] * 4
    counts[cohort] = least - 1
    (row,) = estimate_spillover(replace(cases, frame=people(counts)), rng=np.random.default_rng(1))
    assert row.reason == f"fewer than {least} people before or during the trial, there or elsewhere"
    assert np.isnan([row.value, row.p_value, row.interval.low]).all()
    counts[cohort] = least
    assert estimate_spillover(replace(cases, frame=people(counts)), rng=np.random.default_rng(1))[0].estimated


def test_the_reason_why_there_are_no_cases_is_the_rows(cases):
    (row,) = estimate_spillover(replace(cases, reason=Message("no weeks")), rng=np.random.default_rng(1))
    assert (row.reason, row.outcome, row.estimand) == ("no weeks", "benefit_weeks_26", SPILLOVER)


def test_a_trial_without_the_question_is_refused(cases):
    with pytest.raises(DefinitionError, match="trial aht has no spillover in its plan"):
        estimate_spillover(replace(cases, trial=read_trial("aht")), rng=np.random.default_rng(1))


# --- the whole way from the simulated register ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def draw_spillover():
    """Return a function that draws HIG with a spillover: the estimate, and what is true of its controls."""
    trial, codes, jobcentres = read_trial("hig"), read_codes(), read_jobcentres()

    def draw(seed, ratio, folder, persons=None):
        plan = trial.simulation.spillover.model_copy(update={"hazard_ratio": ratio})
        register = simulate_register(
            trial.simulation.model_copy(update={"spillover": plan}), codes=codes, jobcentres=jobcentres,
            assigned=lambda born: assigned_by_rule(trial.assignment, born["birth_date"]), persons=persons,
            rng=np.random.default_rng(seed),
        )  # fmt: skip
        write_extract(
            folder, persons=register.persons, codes=register.codes, first_week=register.first_week, truth=register.truth
        )
        cases = spillover_cases(trial, folder, codes=codes, jobcentres=jobcentres)
        row = estimate_spillover(cases, rng=np.random.default_rng(seed))[0]
        return row, register.truth["spillover"]["average_effects"]["benefit"]["26"]["weeks"]

    return draw


def test_a_spillover_put_in_is_found_within_its_interval(draw_spillover, tmp_path):
    row, truth = draw_spillover(2006, 0.8, tmp_path / "hig")
    assert truth == pytest.approx(1.33, abs=0.1)
    assert 0 < row.interval.low <= truth <= row.interval.high
    assert row.p_value == pytest.approx(1 / 28)
    assert row.n_clusters == 8


def test_without_a_spillover_none_is_found(draw_spillover, tmp_path):
    row, truth = draw_spillover(2006, 1.0, tmp_path / "hig")
    assert truth == 0
    assert row.interval.low < 0 < row.interval.high
    assert row.p_value > 0.05


@pytest.mark.slow
@pytest.mark.calibration
def test_intervals_of_the_simulated_spillover_cover_it(draw_spillover, coverage, tmp_path):
    """With a spillover and without one.

    All of the 28 choices of 2 of 8 areas count but the outermost, which is 27 of 28 where areas are alike. Counties
    differ in size, so it is on the safe side: the claim is the figure found.
    """

    def draw(rng):
        seed, ratio = int(rng.integers(2**31)), rng.choice([0.8, 1.0])
        row, truth = draw_spillover(seed, ratio, tmp_path / "hig", persons=1000)
        return row.interval.low <= truth <= row.interval.high

    coverage("difference-in-differences: spillover of the simulated HIG, 2 of 8 counties", draw, claim=0.99, share=0.2)
