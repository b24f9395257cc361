"""Durations of a whole trial: the plan's windows, exits and checks; the threat effect is found where there is one."""

import numpy as np
import pytest

from analysis_lib.batch.simulated_extract import arms_of_people
from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.simulation import simulate_register
from analysis_lib.register.simulation.parts import Effect
from analysis_lib.trials.cases import in_group
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.durations import cumulative_incidence, hazard_ratio, restricted_mean_difference
from analysis_lib.trials.evaluation.durations import (
    check_durations,
    estimate_exits,
    estimate_mean_durations,
    estimate_windows,
    incidence_curves,
    randomise_durations,
    threat_windows,
)
from analysis_lib.trials.sources import load_cases

OUTCOME = "time_to_self_support"


def arrays(cases):
    measured = cases.outcomes[OUTCOME]
    return measured.time, measured.event, cases.design.arm == "treated"


def test_mean_durations_up_to_the_plans_horizon(hig_cases):
    difference, treated, control = estimate_mean_durations(hig_cases, OUTCOME, "treated").estimates
    direct = restricted_mean_difference(*arrays(hig_cases), hig_cases.trial.inference.restricted_mean_horizon_weeks)
    assert (difference.value, difference.std_error) == pytest.approx((direct.value, direct.std_error))
    assert difference.value == pytest.approx(treated.value - control.value)


def test_each_window_is_a_cox_regression_of_those_who_reach_it(hig_cases):
    rows = estimate_windows(hig_cases, OUTCOME, "treated").estimates
    windows = hig_cases.trial.inference.hazard_windows
    assert [row.group for row in rows] == [window.id for window in windows]
    time, event, treated = arrays(hig_cases)
    for row, window in zip(rows, windows, strict=True):
        low, high = window.weeks[0], np.inf if window.weeks[1] is None else window.weeks[1]
        there = time > low
        direct = hazard_ratio(np.minimum(time, high)[there], (event & (time <= high))[there], treated[there])
        assert (row.value, row.std_error) == pytest.approx((direct.value, direct.std_error), rel=1e-6)


def draw(tmp_path, name, effects, persons, seed):
    """The HIG trial with effects of our own in place of the constant one."""
    trial = read_trial("hig")
    duration = trial.simulation.duration.model_copy(update={"hazard_ratio": 1.0})
    model = trial.simulation.model_copy(update={"effects": effects, "duration": duration})
    codes, jobcentres = read_codes(), read_jobcentres()
    register = simulate_register(
        model, assigned=lambda people: arms_of_people(trial, people, jobcentres), codes=codes,
        jobcentres=jobcentres, rng=np.random.default_rng(seed), persons=persons,
    )  # fmt: skip
    folder = write_extract(
        tmp_path / name, persons=register.persons, codes=register.codes, first_week=register.first_week,
        truth=register.truth,
    )  # fmt: skip
    return load_cases(trial, folder)


@pytest.mark.slow
def test_the_threat_effect_is_found_where_there_is_one_and_not_where_there_is_none(tmp_path):
    """Treated leave 1.5 times as fast before the course (the first five weeks), and not otherwise; or never."""
    about = {"arm": "treated", "hazard_ratio": 1.5, "mark": "unknown", "source": "made up"}
    threat, later = Effect(weeks=(0.0, 5.0), **about), Effect(weeks=(8.0, 30.0), **about)
    for name, effects, with_threat in (("threat", (threat,), True), ("later", (later,), False)):
        cases = draw(tmp_path, name, effects, persons=8000, seed=21)
        (window,) = threat_windows(cases)
        rows = {row.group: row for row in estimate_windows(cases, OUTCOME, "treated").estimates}
        first = rows[window.id]
        truth = 1.5 if with_threat else 1.0
        assert first.interval.low <= truth <= first.interval.high
        assert (first.p_value < 0.05) == with_threat
        middle = rows["weeks_9_16"]
        assert (middle.p_value < 0.05) == (not with_threat)


def test_every_exit_and_its_curves(hig_cases):
    found = estimate_exits(hig_cases, OUTCOME, "treated")
    groups = {row.group for row in found.estimates}
    assert groups == {"exit", "education", "sickness", "maternity"}
    (alone,) = [r for r in found.estimates if r.group == "exit" and "alone" in r.estimand]
    assert alone.value == pytest.approx(hazard_ratio(*arrays(hig_cases)).value)
    control, treated = incidence_curves(hig_cases, OUTCOME, "sickness", "treated")
    measured = hig_cases.outcomes[OUTCOME]
    own = hig_cases.design.arm == "control"
    direct = cumulative_incidence(measured.time[own], measured.cause[own], "sickness")
    np.testing.assert_allclose(control.y, direct.y)
    assert treated.arm == "treated"
    empty = [row for row in found.estimates if row.group == "maternity"]
    assert all(row.reason for row in empty)


def test_checks_and_the_randomisation_test(hig_cases):
    found = check_durations(hig_cases, OUTCOME, "treated")
    assert found.estimates[0].value == pytest.approx(hazard_ratio(*arrays(hig_cases)).value, rel=0.05)
    assert len(found.checks) == 1
    (row,) = randomise_durations(hig_cases, OUTCOME, "treated", rng=np.random.default_rng(1)).estimates
    assert row.p_value < 0.05
    assert row.n_clusters == 31


def test_too_few_people_are_empty_rows_with_the_reason(hig_cases):
    few = in_group(hig_cases, np.arange(len(hig_cases)) < 20)
    for estimate in (estimate_mean_durations, estimate_windows, estimate_exits):
        rows = estimate(few, OUTCOME, "treated").estimates
        assert rows
        assert all(row.reason == "fewer than 20 people in an arm" for row in rows)
