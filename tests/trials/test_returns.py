"""How long after a lasting exit people come back, on registers small enough to count by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.register.spells import spells_from_weeks
from analysis_lib.register.weeks import week_index
from analysis_lib.trials.cases import in_group
from analysis_lib.trials.definition import Recurrence, TimeToState, read_trial
from analysis_lib.trials.outcomes import CENSORED, EXIT, measure_returns, measure_time_to_state
from analysis_lib.trials.sources import load_cases

CODES = {"self_support": [0], "unemployment": [111, 211], "education": [651], "gone": [997]}
U, B, E, G, X = 111, 0, 651, 997, 555
TEXT = {"da": "x", "en": "x"}


def codes_of(states):
    return np.array(sorted(code for state in states for code in CODES[state]), dtype=np.int16)


def job(min_weeks):
    return TimeToState.model_validate(
        {"id": "job", "kind": "time_to_state", "label": TEXT, "exit_states": ("self_support",), "min_weeks": min_weeks,
         "competing": ("education",), "censoring": ("gone",), "mark": "recalled", "source": ""}
    )  # fmt: skip


def asked(min_weeks):
    return Recurrence(
        outcome="job", states=("unemployment",), min_weeks=min_weeks, censoring=("education", "gone"),
        leaving_weeks=(2,), return_weeks=(2,), left_within=5, returned_within=5, mass_points=2, covariates=False,
        mark="unknown",
    )  # fmt: skip


def measure(codes, *, entry=0, exit_weeks=2, min_weeks=1, follow_up=20, unknown=()):
    codes = np.atleast_2d(np.array(codes, dtype=np.int16))
    spells = spells_from_weeks(codes, first_week=week_index("2005-W44"), person_id=np.arange(len(codes)))
    entries, outcome = np.full(len(codes), entry), job(exit_weeks)
    first = measure_time_to_state(outcome, spells, entries, codes_of, follow_up=follow_up, unknown=unknown)
    found = measure_returns(
        asked(min_weeks), outcome, first, spells, entries, codes_of=codes_of, follow_up=follow_up, unknown=unknown
    )
    return first, found


@pytest.mark.parametrize(
    ("weeks", "time", "cause"),
    [
        ([U, B, B, U, U, U, U, U], 1, EXIT),  # back in the first week in which that can be seen
        ([U, B, B, B, B, 211, B, B], 3, EXIT),
        ([U, B, B, B, B, B, B, B], 5, CENSORED),  # out to the last week
        ([U, B, B, B, E, U, U, U], 2, CENSORED),  # what ends the second spell is not a return
        ([U, B, B, G, G, G, G, G], 1, CENSORED),
        ([U, B, B, X, U, U, U, U], 1, CENSORED),  # nobody's state is guessed from an unknown code
        ([U, U, U, U, U, U, B, B], 0, CENSORED),  # left, and nothing of what followed is seen
        ([U, U, U, U, U, U, U, U], 0, CENSORED),  # did not leave
        ([U, E, E, B, B, U, U, U], 0, CENSORED),  # another exit begins no second spell
        ([U, B, U, U, B, B, U, U], 1, EXIT),  # one week out is no exit
    ],
)
def test_time_and_cause(weeks, time, cause):
    _, found = measure(weeks, unknown=[X])
    assert (found.time.tolist(), found.cause.tolist()) == ([time], [cause])


def test_weeks_count_from_the_entry_and_follow_up_ends_them():
    weeks = [B, B, U, B, B, B, B, U, U, U]
    assert measure(weeks, entry=2)[1].time.tolist() == [3]
    assert measure(weeks, entry=2)[1].event.tolist() == [True]
    ended = measure(weeks, entry=2, follow_up=4)[1]
    assert (ended.time.tolist(), ended.event.tolist()) == ([2], [False])


def test_a_return_of_two_weeks_is_none_of_one():
    weeks = [U, B, B, U, B, B, U, U, B]
    assert measure(weeks)[1].time.tolist() == [1]
    assert measure(weeks, min_weeks=2)[1].time.tolist() == [4]


def naive(weeks, first, exit_weeks, min_weeks, follow_up):
    """Walk week by week from the last of the weeks that make the exit."""
    if first[1] != EXIT:
        return 0, CENSORED
    begin = int(first[0]) + exit_weeks - 1
    last = min(follow_up, len(weeks) - min_weeks) - begin
    for t in range(1, last + 1):
        if weeks[begin + t] in (E, G, X):
            return t, CENSORED
        run = 0
        while begin + t + run < len(weeks) and weeks[begin + t + run] in (111, 211):
            run += 1
        if run >= min_weeks:
            return t, EXIT
        if run and begin + t + run < len(weeks) and weeks[begin + t + run] in (E, G, X):
            return t, CENSORED
    return max(last, 0), CENSORED


@settings(max_examples=400, deadline=None)
@given(
    weeks=st.lists(st.sampled_from([U, 211, B, B, B, E, G, X]), min_size=6, max_size=16),
    exit_weeks=st.integers(1, 3),
    min_weeks=st.integers(1, 3),
    follow_up=st.integers(4, 20),
)
def test_against_a_naive_walk(weeks, exit_weeks, min_weeks, follow_up):
    weeks = [U, *weeks]
    first, found = measure(weeks, exit_weeks=exit_weeks, min_weeks=min_weeks, follow_up=follow_up, unknown=[X])
    expected = naive(weeks, (first.time[0], first.cause[0]), exit_weeks, min_weeks, follow_up)
    assert (found.time[0], found.cause[0]) == expected


def test_the_cases_of_a_trial_have_their_returns(write_register):
    """Entry in 2005-W45; out from 2006-W01, lasting in its 4th week; back three weeks after that week, or not at all."""
    spell = ("2005-W45", "2005-W52", 111)
    back, away = [spell, ("2006-W07", "2006-W20", 111)], [spell]
    day = {"birth_date": "1970-03-10"}
    folder = write_register(
        [(day, back), (day, away), (day, [("2005-W45", "2008-W01", 111)])], first="2004-W40", last="2008-W18"
    )
    cases = load_cases(read_trial("hig"), folder)
    # Weeks to the end of follow-up, 104 weeks after entry: the exit took 8, and 3 more until it was lasting.
    assert cases.returns.time.tolist() == [3, 104 - 8 - 3, 0]
    assert cases.returns.event.tolist() == [True, False, False]
    assert in_group(cases, np.array([False, True, False])).returns.time.tolist() == [93]


def test_without_a_recurrence_in_the_plan_there_are_none(write_register):
    spell = [("2008-W10", "2008-W30", 111)]
    folder = write_register([({"municipality": 851}, spell)], first="2006-W01", last="2012-W12")
    assert load_cases(read_trial("hig2"), folder).returns is None
