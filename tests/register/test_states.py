"""Weeks, runs and inflow against second implementations that walk person by person, week by week."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analysis_lib.errors import InvalidInput
from analysis_lib.register.states import first_run, inflow, weeks_in_state

BENEFIT = [111, 211]
# 20,000 people x 230 weeks take 0.02-0.05 s here; the limit is what the notebooks can bear on a slow machine.
SECONDS = 0.5


@st.composite
def registers(draw):
    n, n_weeks = draw(st.integers(0, 5)), draw(st.integers(1, 12))
    codes = draw(hnp.arrays(np.int16, (n, n_weeks), elements=st.sampled_from([0, 111, 211, 890])))
    end = draw(hnp.arrays(np.int64, n, elements=st.integers(0, n_weeks)))
    share = draw(hnp.arrays(np.float64, n, elements=st.floats(0, 1)))
    states = draw(st.lists(st.sampled_from([0, 111, 211, 890, 999]), min_size=1, max_size=3))
    return codes, np.floor(share * end).astype(np.int64), end, states


def naive_weeks(row, states, start, length, end):
    if start < 0 or start + length > end:
        return np.nan
    return float(sum(int(code) in states for code in row[start : start + length]))


def naive_run(row, states, start, min_weeks, end):
    for column in range(start, end - min_weeks + 1):
        if all(int(code) in states for code in row[column : column + min_weeks]):
            return column, True
    column = end
    while column > start and int(row[column - 1]) in states:
        column -= 1
    return column, False


def naive_inflow(codes, states, first, last, free):
    found = []
    for person, row in enumerate(codes):
        for week in range(first, last + 1):
            before = [int(code) in states for code in row[week - free : week]]
            if int(row[week]) in states and not any(before):
                found.append((person, week))
                break
    return found


@given(registers(), st.integers(1, 13), st.integers(-2, 2))
def test_weeks_in_state_is_the_naive_count(register, length, shift):
    codes, start, end, states = register
    got = weeks_in_state(codes, states, start=start + shift, length=length, end=end)
    want = [naive_weeks(row, states, s + shift, length, e) for row, s, e in zip(codes, start, end, strict=True)]
    np.testing.assert_array_equal(got, np.array(want, dtype=np.float64))


@given(registers(), st.integers(1, 13))
def test_first_run_is_the_naive_search(register, min_weeks):
    codes, start, end, states = register
    run = first_run(codes, states, start=start, min_weeks=min_weeks, end=end)
    want = [naive_run(row, states, s, min_weeks, e) for row, s, e in zip(codes, start, end, strict=True)]
    assert list(zip(run.week.tolist(), run.found.tolist(), strict=True)) == want
    np.testing.assert_array_equal(run.censored, ~run.found)


@given(registers(), st.data())
def test_inflow_is_the_naive_search(register, data):
    codes, _, _, states = register
    n_weeks = codes.shape[1]
    free = data.draw(st.integers(1, n_weeks))
    if free > n_weeks - 1:
        with pytest.raises(InvalidInput):
            inflow(codes, states, from_week=free, to_week=free, free_weeks=free)
        return
    first = data.draw(st.integers(free, n_weeks - 1))
    last = data.draw(st.integers(first, n_weeks - 1))
    person, week = inflow(codes, states, from_week=first, to_week=last, free_weeks=free)
    assert list(zip(person.tolist(), week.tolist(), strict=True)) == naive_inflow(codes, states, first, last, free)


@given(registers(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(register, length, random):
    codes, start, end, states = register
    order = list(range(len(codes)))
    random.shuffle(order)
    order = np.array(order, dtype=np.int64)
    weeks = weeks_in_state(codes, states, start=start, length=length, end=end)
    again = weeks_in_state(codes[order], states, start=start[order], length=length, end=end[order])
    np.testing.assert_array_equal(weeks[order], again)
    run = first_run(codes, states, start=start, min_weeks=length, end=end)
    run_again = first_run(codes[order], states, start=start[order], min_weeks=length, end=end[order])
    np.testing.assert_array_equal(run.week[order], run_again.week)


def test_inputs_are_not_changed():
    codes = np.array([[0, 111, 0, 0], [111, 0, 0, 111]], dtype=np.int16)
    start, end = np.array([1, 0]), np.array([4, 3])
    kept = codes.copy(), start.copy(), end.copy()
    for array in (codes, start, end):
        array.flags.writeable = False
    weeks_in_state(codes, [0], start=start, length=2, end=end)
    first_run(codes, [0], start=start, min_weeks=2, end=end)
    inflow(codes, [111], from_week=1, to_week=3, free_weeks=1)
    for array, before in zip((codes, start, end), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_run_under_way_at_the_start_counts_from_the_start():
    codes = np.array([[0, 0, 0, 0, 111, 0]], dtype=np.int16)
    assert first_run(codes, [0], start=1, min_weeks=3).week.tolist() == [1]
    # Two of the three weeks lie before the start; the run that follows is cut off by the end.
    run = first_run(codes, [0], start=2, min_weeks=3)
    assert (run.week.tolist(), run.found.tolist()) == ([5], [False])


def test_first_unobserved_week_is_a_run_of_one():
    codes = np.array([[111, 0, 999, 999], [111, 111, 0, 0]], dtype=np.int16)
    end = first_run(codes, [997, 998, 999], start=0, min_weeks=1).week
    assert end.tolist() == [2, 4]
    assert first_run(codes, [0], start=0, min_weeks=2, end=end).week.tolist() == [1, 2]


def test_censoring_at_a_horizon_is_unbiased_where_the_end_of_the_register_is_not():
    """Everybody enters in week 0, leaves at a constant weekly chance q and stays out; the register has 12 weeks.

    With runs of 4 weeks and a horizon of 8 weeks the share who left by then is 1 - (1 - q)^8 up to chance.
    """
    n, q, n_weeks, min_weeks, horizon = 40_000, 0.1, 12, 4, 8
    weeks = np.random.default_rng(1).geometric(q, size=n)
    codes = np.where(np.arange(n_weeks) < weeks[:, None], 111, 0).astype(np.int16)
    run = first_run(codes, [0], start=0, min_weeks=min_weeks)
    left = np.mean(run.found & (run.week <= horizon))
    expected = 1 - (1 - q) ** horizon
    assert abs(left - expected) < 4 * np.sqrt(expected * (1 - expected) / n)
    # Without the horizon those who left in the last three weeks are censored at their own exit.
    assert np.all(
        run.week[run.censored & (weeks > horizon) & (weeks < n_weeks)] == weeks[run.censored & (weeks < n_weeks)]
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda c: weeks_in_state(c.astype(float), [0], start=0, length=1),
            "codes is float64 of shape (2, 4); must be an int",
        ),
        (
            lambda c: weeks_in_state(c[0], [0], start=0, length=1),
            "codes is int16 of shape (4,); must be an integer array",
        ),
        (lambda c: weeks_in_state(c.tolist(), [0], start=0, length=1), "codes is list; must be an integer array"),
        (lambda c: weeks_in_state(c, [], start=0, length=1), "states is []; must be one or more integer codes"),
        (lambda c: weeks_in_state(c, ["x"], start=0, length=1), "states is ['x']; must be one or more integer codes"),
        (
            lambda c: weeks_in_state(c, [-1], start=0, length=1),
            "codes and states go down to -1; must be 0 (blank) or more",
        ),
        (
            lambda c: weeks_in_state(-c, [0], start=0, length=1),
            "codes and states go down to -111; must be 0 (blank) or more",
        ),
        (
            lambda c: weeks_in_state(c, [0], start=[0], length=1),
            "start is int64 of shape (1,); must be integers of shape (2,)",
        ),
        (
            lambda c: weeks_in_state(c, [0], start=0.5, length=1),
            "start is float64 of shape (); must be integers of shape (2,)",
        ),
        (lambda c: weeks_in_state(c, [0], start=0, length=0), "length is 0; must be a whole number, 1 or more"),
        (lambda c: weeks_in_state(c, [0], start=0, length=1.5), "length is 1.5; must be a whole number, 1 or more"),
        (lambda c: weeks_in_state(c, [0], start=0, length=1, end=[4, 5]), "end is 5; must be 0 to 4"),
        (lambda c: first_run(c, [0], start=0, min_weeks=True), "min_weeks is True; must be a whole number, 1 or more"),
        (
            lambda c: first_run(c, [0], start=[0, 3], min_weeks=1, end=2),
            "start is 3 for person 1; must be 0 to the end, 2",
        ),
        (lambda c: first_run(c, [0], start=[-1, 3], min_weeks=1), "start is -1 for person 0; must be 0 to the end, 4"),
        (
            lambda c: inflow(c, [111], from_week=1, to_week=4, free_weeks=1),
            "from_week and to_week are 1 and 4; must be in order, in the columns 0 to 3, with 1 free weeks before them",
        ),
        (
            lambda c: inflow(c, [111], from_week=1, to_week=2, free_weeks=2),
            "from_week and to_week are 1 and 2; must be",
        ),
        (
            lambda c: inflow(c, [111], from_week=3, to_week=2, free_weeks=1),
            "from_week and to_week are 3 and 2; must be",
        ),
        (lambda c: inflow(c, [111], from_week=1, to_week=2, free_weeks=0), "free_weeks is 0; must be a whole number"),
    ],
)
def test_arguments_that_are_wrong(call, message):
    codes = np.array([[0, 111, 0, 0], [111, 0, 0, 111]], dtype=np.int16)
    with pytest.raises(InvalidInput) as error:
        call(codes)
    assert str(error.value).startswith(message)


def test_twenty_thousand_people_take_a_moment():
    rng = np.random.default_rng(1)
    codes = np.where(rng.random((20_000, 230)) < 0.6, 0, 111).astype(np.int16)
    start, end = rng.integers(0, 100, 20_000), rng.integers(120, 231, 20_000)
    for call in (
        lambda: weeks_in_state(codes, BENEFIT, start=start, length=52, end=end),
        lambda: first_run(codes, [0], start=start, min_weeks=4, end=end),
        lambda: inflow(codes, BENEFIT, from_week=110, to_week=131, free_weeks=52),
    ):
        began = time.process_time()
        call()
        assert time.process_time() - began < SECONDS
