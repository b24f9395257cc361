"""Weeks, runs and inflow against second implementations that walk person by person, week by week."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analysis_lib.errors import InvalidInput
from analysis_lib.register import questions, runs
from analysis_lib.register.states import first_run, inflow, spells_from_weeks, state_shares, weeks_in_state

BENEFIT = [111, 211]
CODES = [0, 111, 211, 890]


@st.composite
def registers(draw):
    n, n_weeks = draw(st.integers(0, 5)), draw(st.integers(1, 12))
    codes = draw(hnp.arrays(np.int16, (n, n_weeks), elements=st.sampled_from(CODES)))
    codes[:, draw(hnp.arrays(np.bool_, n_weeks))] = draw(st.sampled_from(CODES))
    end = draw(hnp.arrays(np.int64, n, elements=st.integers(0, n_weeks)))
    share = draw(hnp.arrays(np.float64, n, elements=st.floats(0, 1)))
    return codes, np.floor(share * end).astype(np.int64), end, draw(state_sets())


def state_sets():
    return st.lists(st.sampled_from([*CODES, 999]), min_size=1, max_size=4)


def forms(codes):
    """The same weeks as a matrix, as a matrix in another memory order, as one of another type, and as spells."""
    spells = spells_from_weeks(codes, first_week=104_563, person_id=np.arange(len(codes)))
    return codes, np.asfortranarray(codes), codes.astype(np.uint64), spells


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


def naive_shares(codes, sets, start, horizon, end, group):
    shares = np.full((len(set(group)), len(sets), horizon), np.nan)
    for g, label in enumerate(sorted(set(group))):
        people = [i for i in range(len(codes)) if group[i] == label and start[i] >= 0 and start[i] + horizon <= end[i]]
        for s, wanted in enumerate(sets):
            for week in range(horizon):
                inside = [int(codes[i, start[i] + week]) in wanted for i in people]
                shares[g, s, week] = sum(inside) / len(inside) if inside else np.nan
    return shares


@given(registers(), st.integers(1, 13), st.integers(-2, 2))
def test_weeks_in_state_is_the_naive_count(register, length, shift):
    codes, start, end, states = register
    want = [naive_weeks(row, states, s + shift, length, e) for row, s, e in zip(codes, start, end, strict=True)]
    for form in forms(codes):
        got = weeks_in_state(form, states, start=start + shift, length=length, end=end)
        np.testing.assert_array_equal(got, np.array(want, dtype=np.float64))


@given(registers(), st.integers(1, 13))
def test_first_run_is_the_naive_search(register, min_weeks):
    codes, start, end, states = register
    want = [naive_run(row, states, s, min_weeks, e) for row, s, e in zip(codes, start, end, strict=True)]
    for form in forms(codes):
        run = first_run(form, states, start=start, min_weeks=min_weeks, end=end)
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
    want = naive_inflow(codes, states, first, last, free)
    for form in forms(codes):
        person, week = inflow(form, states, from_week=first, to_week=last, free_weeks=free)
        assert list(zip(person.tolist(), week.tolist(), strict=True)) == want


@given(registers(), st.lists(state_sets(), min_size=1, max_size=3), st.integers(1, 6), st.integers(-1, 1), st.data())
def test_state_shares_are_the_naive_shares(register, sets, horizon, shift, data):
    codes, start, end, _ = register
    group = np.array(data.draw(st.lists(st.sampled_from("abc"), min_size=len(codes), max_size=len(codes))), dtype="U1")
    want = naive_shares(codes, sets, start + shift, horizon, end, group)
    total = naive_shares(codes, sets, start + shift, horizon, end, np.full(len(codes), ""))
    total = total[0] if len(total) else np.full((len(sets), horizon), np.nan)
    for form in forms(codes):
        by_group = state_shares(form, sets, start=start + shift, horizon=horizon, end=end, group=group)
        np.testing.assert_allclose(by_group, want, rtol=1e-14)
        everybody = state_shares(form, sets, start=start + shift, horizon=horizon, end=end)
        np.testing.assert_allclose(everybody, total, rtol=1e-14)


@given(registers(), state_sets(), st.integers(1, 6))
def test_shares_sum_to_the_mean_of_the_weeks(register, other, horizon):
    codes, start, end, states = register
    sets = [states, other]
    shares = state_shares(codes, sets, start=start, horizon=horizon, end=end)
    for share, state in zip(shares, sets, strict=True):
        weeks = weeks_in_state(codes, state, start=start, length=horizon, end=end)
        weeks = weeks[~np.isnan(weeks)]
        if len(weeks):
            assert share.sum() == pytest.approx(weeks.mean(), rel=1e-13)
        else:
            assert np.isnan(share).all()


@given(registers(), st.permutations([111, 211, 890, 999, 5]), st.integers(1, 4))
def test_the_names_of_codes_do_not_matter(register, names, length):
    codes, start, end, states = register
    new = {0: 0} | dict(zip([111, 211, 890, 999], names, strict=False))
    renamed = np.array([new[c] for c in codes.ravel().tolist()], dtype=np.int16).reshape(codes.shape)
    asked = [new[state] for state in states]
    for form in forms(renamed):
        np.testing.assert_array_equal(
            weeks_in_state(form, asked, start=start, length=length, end=end),
            weeks_in_state(codes, states, start=start, length=length, end=end),
        )
        np.testing.assert_array_equal(
            first_run(form, asked, start=start, min_weeks=length, end=end),
            first_run(codes, states, start=start, min_weeks=length, end=end),
        )
        if length < codes.shape[1]:
            window = {"from_week": length, "to_week": codes.shape[1] - 1, "free_weeks": length}
            np.testing.assert_array_equal(inflow(form, asked, **window), inflow(codes, states, **window))


@given(registers(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_row_order_does_not_matter(register, length, random):
    codes, start, end, states = register
    order = list(range(len(codes)))
    random.shuffle(order)
    order = np.array(order, dtype=np.int64)
    window = {"from_week": codes.shape[1] - 1, "to_week": codes.shape[1] - 1, "free_weeks": codes.shape[1] - 1}
    for form in forms(codes):
        mixed = form[order] if isinstance(form, np.ndarray) else form.take(order)
        np.testing.assert_array_equal(
            weeks_in_state(mixed, states, start=start[order], length=length, end=end[order]),
            weeks_in_state(form, states, start=start, length=length, end=end)[order],
        )
        run = first_run(form, states, start=start, min_weeks=length, end=end)
        again = first_run(mixed, states, start=start[order], min_weeks=length, end=end[order])
        np.testing.assert_array_equal(again, np.array(run)[:, order])
        # A mean has rounding that depends on the order; counts have none.
        np.testing.assert_array_equal(
            state_shares(mixed, [states], start=start[order], horizon=length, end=end[order]),
            state_shares(form, [states], start=start, horizon=length, end=end),
        )
        if codes.shape[1] > 1:
            assert sorted(order[inflow(mixed, states, **window)[0]]) == inflow(form, states, **window)[0].tolist()


@pytest.mark.parametrize("cells", [1, 30, 200])
def test_many_blocks_give_what_one_gives(monkeypatch, cells):
    rng = np.random.default_rng(3)
    codes = np.repeat(rng.choice([*CODES, 0, 0], (60, 8)), 5, axis=1).astype(np.int16)
    start, end = rng.integers(4, 20, 60), rng.integers(25, 41, 60)
    group = rng.integers(0, 3, 60)

    def answers(form):
        yield weeks_in_state(form, BENEFIT, start=start, length=12, end=end)
        yield from first_run(form, [0, 890], start=start, min_weeks=4, end=end)
        yield from inflow(form, BENEFIT, from_week=10, to_week=22, free_weeks=4)
        yield state_shares(form, [BENEFIT, 0], start=start, horizon=12, end=end, group=group)

    whole = list(answers(codes))
    assert len(whole[-2]) > 10
    monkeypatch.setattr(runs, "BLOCK_CELLS", cells)
    monkeypatch.setattr(questions, "BLOCK_SPELLS", cells)
    for form in forms(codes):
        for got, want in zip(answers(form), whole, strict=True):
            np.testing.assert_array_equal(got, want)


def test_nobody_and_no_weeks():
    for codes in (np.zeros((0, 3), dtype=np.int16), np.zeros((2, 0), dtype=np.int16)):
        n, n_weeks = codes.shape
        for form in forms(codes):
            np.testing.assert_array_equal(weeks_in_state(form, [0], start=0, length=1), np.full(n, np.nan))
            assert first_run(form, [0], start=0, min_weeks=1).week.tolist() == [n_weeks] * n
            assert np.isnan(state_shares(form, [0, 111], start=0, horizon=2)).all()
            assert state_shares(form, [0], start=0, horizon=2, group=np.zeros(n)).shape == (min(n, 1), 1, 2)
    for form in forms(np.zeros((0, 3), dtype=np.int16)):
        person, week = inflow(form, [0], from_week=1, to_week=2, free_weeks=1)
        assert (person.tolist(), week.tolist()) == ([], [])


def test_a_state_is_one_code_or_any_collection_of_codes():
    codes = np.array([[0, 111, 211, 890]], dtype=np.int16)
    for states_given in (
        [111, 211],
        (211, 111),
        {111, 211},
        frozenset({111, 211}),
        np.array([111, 211]),
        range(111, 212),
    ):
        assert weeks_in_state(codes, states_given, start=0, length=4).tolist() == [2]
    assert weeks_in_state(codes, 111, start=0, length=4).tolist() == [1]
    # States may overlap: each row stands alone.
    shares = state_shares(codes, [111, {111, 211}, [0]], start=0, horizon=4)
    assert shares.tolist() == [[0, 1, 0, 0], [0, 1, 1, 0], [1, 0, 0, 0]]


def test_codes_beyond_the_states_asked_about_are_other_codes():
    codes = np.array([[70_000, 111, 2**40, 0]])
    assert weeks_in_state(codes, [0, 111], start=0, length=4).tolist() == [2]
    assert first_run(codes, [32_767], start=0, min_weeks=1).found.tolist() == [False]


def test_huge_numbers_do_not_wrap():
    codes = np.array([[111, 0]], dtype=np.int16)
    far = np.iinfo(np.int64).max
    for form in forms(codes):
        assert np.isnan(weeks_in_state(form, [0], start=[far], length=2)).all()
        assert np.isnan(weeks_in_state(form, [0], start=0, length=10**30)).all()
        assert first_run(form, [0], start=0, min_weeks=10**30).week.tolist() == [1]
        person, week = inflow(form, [0], from_week=np.int8(1), to_week=np.int8(1), free_weeks=np.int8(1))
        assert (person.tolist(), week.tolist()) == ([0], [1])


def test_inputs_are_not_changed():
    codes = np.array([[0, 111, 0, 0], [111, 0, 0, 111]], dtype=np.int16)
    start, end = np.array([1, 0]), np.array([4, 3])
    kept = codes.copy(), start.copy(), end.copy()
    for array in (codes, start, end):
        array.flags.writeable = False
    weeks_in_state(codes, [0], start=start, length=2, end=end)
    first_run(codes, [0], start=start, min_weeks=2, end=end)
    inflow(codes, [111], from_week=1, to_week=3, free_weeks=1)
    state_shares(codes, [[0]], start=start, horizon=2, end=end)
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
            "states has -1; must be 0 (blank) to 32767",
        ),
        (
            lambda c: weeks_in_state(-c, [0], start=0, length=1),
            "codes go down to -111; must be 0 (blank) or more",
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
        (
            lambda c: inflow(c, [111], from_week=1.5, to_week=2, free_weeks=1),
            "from_week is 1.5; must be a whole number",
        ),
        (
            lambda c: inflow(c, [111], from_week=1, to_week=True, free_weeks=1),
            "to_week is True; must be a whole number",
        ),
        (
            lambda c: inflow(c, [], from_week=1, to_week=2, free_weeks=1),
            "state is []; must be one or more integer codes",
        ),
        (lambda c: weeks_in_state(c, [40_000], start=0, length=1), "states has 40000; must be 0 (blank) to 32767"),
        (lambda c: state_shares(c, [[0]], start=0, horizon=0), "horizon is 0; must be a whole number, 1 or more"),
        (lambda c: state_shares(c, [], start=0, horizon=1), "states is []; must be a list of states"),
        (lambda c: state_shares(c, 0, start=0, horizon=1), "states is 0; must be a list of states"),
        (lambda c: state_shares(c, {0}, start=0, horizon=1), "states is {0}; must be a list of states"),
        (lambda c: state_shares(c, "0", start=0, horizon=1), "states is '0'; must be a list of states"),
        (lambda c: state_shares(c, [0, []], start=0, horizon=1), "states[1] is []; must be one or more integer codes"),
        (lambda c: state_shares(c, [0, [-1]], start=0, horizon=1), "states[1] has -1; must be 0 (blank) to 32767"),
        (
            lambda c: state_shares(c, [0], start=0, horizon=1, group=["a"]),
            "group is of shape (1,); must be labels of shape (2,)",
        ),
        (
            lambda c: state_shares(c, [0], start=0, horizon=1, group=np.array(["a", 1], dtype=object)),
            "group has labels that have no order; must be all numbers or all texts",
        ),
    ],
)
def test_arguments_that_are_wrong(call, message):
    codes = np.array([[0, 111, 0, 0], [111, 0, 0, 111]], dtype=np.int16)
    with pytest.raises(InvalidInput) as error:
        call(codes)
    assert str(error.value).startswith(message)
