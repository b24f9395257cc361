"""Outcomes from weeks, on registers small enough to count by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import DataError
from analysis_lib.register.spells import spells_from_weeks
from analysis_lib.register.weeks import week_index
from analysis_lib.trials.definition import MeasuredDuration, MeasuredMean, ShareInStates, TimeToState, WeeksInStates
from analysis_lib.trials.outcomes import (
    CENSORED,
    EXIT,
    measure_column,
    measure_shares,
    measure_time_to_state,
    measure_weeks,
    weekly_codes,
)

CODES = {"self_support": [0], "unemployment": [111, 211], "education": [651], "sickness": [890], "gone": [997, 999]}
TEXT = {"da": "x", "en": "x"}


def codes_of(states):
    return np.array(sorted(code for state in states for code in CODES[state]), dtype=np.int16)


def spells_of(codes):
    codes = np.atleast_2d(np.array(codes, dtype=np.int16))
    return spells_from_weeks(codes, first_week=week_index("2005-W44"), person_id=np.arange(len(codes)))


def time_to_job(codes, entry=0, follow_up=20, min_weeks=2, competing=("education", "sickness"), unknown=()):
    outcome = TimeToState.model_validate(
        {"id": "job", "kind": "time_to_state", "label": TEXT, "exit_states": ("self_support",), "min_weeks": min_weeks,
         "competing": tuple(competing), "censoring": ("gone",), "mark": "recalled", "source": ""}
    )  # fmt: skip
    spells = spells_of(codes)
    entries = np.full(spells.n_persons, entry)
    return measure_time_to_state(outcome, spells, entries, codes_of, follow_up=follow_up, unknown=unknown)


U, B, E, S, G = 111, 0, 651, 890, 997


@pytest.mark.parametrize(
    ("weeks", "time", "cause"),
    [
        ([U, U, U, B, B, U, U, U], 3, EXIT),
        ([U, B, U, U, B, B, B, B], 4, EXIT),  # one blank week is no exit
        ([U, 211, U, E, E, B, B, B], 3, "education"),
        ([U, E, U, U, B, B, B, B], 4, EXIT),  # one week of education is no exit
        ([U, S, S, B, B, B, B, B], 1, "sickness"),
        ([U, U, U, U, U, U, U, U], 6, CENSORED),  # a run of two could last have begun in week 6
        ([U, U, U, U, U, U, U, B], 6, CENSORED),  # left in the last week: nobody can see for how long
        ([U, U, U, U, U, U, B, B], 6, EXIT),
        ([U, U, U, G, G, G, G, G], 3, CENSORED),
        ([U, U, B, G, G, G, G, G], 2, CENSORED),  # the run was broken off by emigration
    ],
)
def test_time_and_cause(weeks, time, cause):
    measured = time_to_job(weeks)
    assert measured.time.tolist() == [time]
    assert measured.cause.tolist() == [cause]
    assert measured.event.tolist() == [cause == EXIT]


def test_time_counts_from_the_entry_week():
    assert time_to_job([B, B, U, U, U, B, B, B], entry=2).time.tolist() == [3]


def test_follow_up_ends_observation():
    measured = time_to_job([U, U, U, U, B, B, B, B], follow_up=3)
    assert measured.time.tolist() == [3]
    assert measured.cause.tolist() == [CENSORED]
    assert time_to_job([U, U, U, B, B, B, B, B], follow_up=3).cause.tolist() == [EXIT]


def test_entry_too_late_for_any_run():
    with pytest.raises(DataError, match="1 people entered so late that no run of 2 weeks can be seen"):
        time_to_job([U, U, U], entry=1)


@settings(max_examples=150, deadline=None)
@given(weeks=st.lists(st.sampled_from([U, U, B, B, E, S, G]), min_size=6, max_size=14), min_weeks=st.integers(1, 3))
def test_against_a_naive_walk(weeks, min_weeks):
    weeks = [U, *weeks]
    measured = time_to_job(weeks, min_weeks=min_weeks, follow_up=9)
    assert (measured.time[0], measured.cause[0]) == naive(weeks, min_weeks, 9)


def naive(weeks, k, follow_up):
    gone = next((t for t, code in enumerate(weeks) if code in (997, 999)), len(weeks))
    last = min(follow_up, len(weeks) - k)
    for t in range(last + 1):
        for cause, code in ((EXIT, 0), ("education", 651), ("sickness", 890)):
            if t + k <= gone and all(week == code for week in weeks[t : t + k]):
                return t, cause
        rest = weeks[t:gone]
        if t >= gone or (gone < len(weeks) and all(week == 0 for week in rest)):
            return t, CENSORED
    return last, CENSORED


def test_weeks_in_states_needs_the_whole_window():
    outcome = WeeksInStates.model_validate(
        {"id": "w", "kind": "weeks_in_states", "label": TEXT, "states": ("unemployment", "sickness"),
         "censoring": ("gone",), "horizon": 4}
    )  # fmt: skip
    spells = spells_of([[U, U, B, S, U], [U, B, G, G, G], [B, U, U, U, 211]])
    found = measure_weeks(outcome, spells, np.array([0, 0, 1]), codes_of)
    np.testing.assert_array_equal(found.values, [3, np.nan, 4])


def test_nobodys_state_is_guessed_from_an_unknown_code():
    outcome = WeeksInStates.model_validate(
        {
            "id": "w",
            "kind": "weeks_in_states",
            "label": TEXT,
            "states": ("unemployment",),
            "censoring": (),
            "horizon": 3,
        }
    )
    spells = spells_of([[U, 555, U, B], [U, U, B, 555]])
    found = measure_weeks(outcome, spells, np.array([0, 0]), codes_of, unknown=[555])
    np.testing.assert_array_equal(found.values, [np.nan, 2])
    measured = time_to_job([U, U, 555, B, B, B, B, B], unknown=[555])
    assert (measured.time.tolist(), measured.cause.tolist()) == ([2], [CENSORED])


def test_log_of_zero_is_refused():
    outcome = MeasuredMean.model_validate(
        {"id": "w", "kind": "measured_mean", "column": "w", "transform": "log", "unit": TEXT, "label": TEXT}
    )
    with pytest.raises(DataError, match=r"f.csv: column 'w', row 2 is 0 \(1 such rows\); must be above 0"):
        measure_column(outcome, pd.DataFrame({"w": [1.0, 0.0]}), "f.csv")


def weeks_and_shares(spells, entry, horizon, unknown=()):
    facts = {
        "id": "w",
        "label": TEXT,
        "states": ("unemployment", "self_support"),
        "censoring": ("gone",),
        "horizon": horizon,
    }
    weeks = WeeksInStates.model_validate(facts | {"kind": "weeks_in_states"})
    shares = ShareInStates.model_validate(facts | {"kind": "share_in_states"})
    return (
        measure_weeks(weeks, spells, entry, codes_of, unknown=unknown).values,
        measure_shares(shares, spells, entry, codes_of, unknown=unknown).values,
    )


def test_shares_week_by_week():
    spells = spells_of([[E, U, B, S, U], [U, U, G, G, G], [B, U, S, U, E], [U, U, U, 555, U]])
    _, found = weeks_and_shares(spells, np.array([1, 0, 2, 1]), 3, unknown=[555])
    nan = [np.nan] * 3
    np.testing.assert_array_equal(found, [[1, 1, 0], nan, [0, 1, 0], nan])


def test_shares_beyond_the_register_are_not_known():
    _, found = weeks_and_shares(spells_of([[U, U, B]]), np.array([0]), 4)
    assert np.isnan(found).all()
    assert found.shape == (1, 4)


@settings(max_examples=100, deadline=None)
@given(
    weeks=st.lists(st.lists(st.sampled_from([U, B, E, S, G, 555]), min_size=9, max_size=9), min_size=1, max_size=5),
    entry=st.integers(0, 8),
    horizon=st.integers(1, 9),
)
def test_the_weeks_of_a_row_are_what_weeks_in_states_counts(weeks, entry, horizon):
    total, found = weeks_and_shares(spells_of(weeks), np.full(len(weeks), entry), horizon, unknown=[555])
    np.testing.assert_array_equal(found.sum(axis=1), total)
    known = ~np.isnan(total)
    inside = np.isin(np.array(weeks)[:, entry : entry + horizon], [0, 111, 211])
    if known.any():
        np.testing.assert_array_equal(found[known], inside[known])


def test_weekly_codes_in_blocks(monkeypatch):
    monkeypatch.setattr("analysis_lib.trials.outcomes.BLOCK_CELLS", 7)
    codes = np.random.default_rng(1).choice([0, 111, 890], size=(9, 6))
    start = np.arange(9) % 4
    expected = [row[first : first + 3] for row, first in zip(codes, start, strict=True)]
    np.testing.assert_array_equal(weekly_codes(spells_of(codes), start, 3), expected)


def duration(event):
    return MeasuredDuration.model_validate(
        {"id": "t", "kind": "measured_duration", "column": "week", "event": event, "unit": TEXT, "label": TEXT}
    )


def test_a_measured_duration_may_be_censored():
    frame = pd.DataFrame({"week": [20, 52], "arrest": [1, 0]})
    assert measure_column(duration("arrest"), frame, "f.csv").cause.tolist() == [EXIT, CENSORED]
    assert measure_column(duration(None), frame, "f.csv").cause.tolist() == [EXIT, EXIT]


def test_an_event_is_zero_or_one():
    frame = pd.DataFrame({"week": [20, 52], "arrest": [1, 2]})
    with pytest.raises(DataError, match=r"f.csv: column 'arrest', row 2 is 2 \(1 such rows\); must be 1 where the end"):
        measure_column(duration("arrest"), frame, "f.csv")
