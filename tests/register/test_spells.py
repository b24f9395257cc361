"""Spells: the way to weeks and back, the rows taken, and what is refused."""

from __future__ import annotations

import copy
import pickle
from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from analysis_lib.errors import InvalidInput
from analysis_lib.register import runs, states
from analysis_lib.register.spells import Spells, spells_from_weeks, weeks_from_spells

WEEK = 104_563


@st.composite
def matrices(draw, max_n=5):
    n, n_weeks = draw(st.integers(0, max_n)), draw(st.integers(0, 12))
    dtype = draw(st.sampled_from([np.uint8, np.int16, np.int64, np.uint64]))
    return draw(hnp.arrays(dtype, (n, n_weeks), elements=st.sampled_from([0, 1, 111, 211])))


@st.composite
def drawn_spells(draw):
    """Runs drawn as runs: gaps, lengths and codes in turn, not by way of a matrix."""
    n, rows = draw(st.integers(0, 4)), []
    for person in range(n):
        column, last = 0, 0
        for _ in range(draw(st.integers(0, 4))):
            gap, length = draw(st.integers(0, 3)), draw(st.integers(1, 4))
            code = draw(st.sampled_from([c for c in (1, 111, 32_767) if gap or c != last]))
            rows.append((person, column + gap, column + gap + length, code))
            column, last = column + gap + length, code
    width = max([stop for _, _, stop, _ in rows], default=0) + draw(st.integers(0, 3))
    return make(rows, n, width)


def make(rows, n_persons, n_weeks):
    person, start, stop, code = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    return Spells(
        person=person.astype(np.int32),
        start=start.astype(np.int16),
        stop=stop.astype(np.int16),
        code=code.astype(np.int16),
        person_id=np.array([f"p{i}" for i in range(n_persons)], dtype=object),
        first_week=WEEK,
        n_weeks=n_weeks,
    )


def naive_spells(codes):
    found = []
    for person, row in enumerate(codes.tolist()):
        column = 0
        for code, weeks in groupby(row):
            length = len(list(weeks))
            if code:
                found.append((person, column, column + length, code))
            column += length
    return found


def rows_of(spells):
    return list(zip(*(getattr(spells, name).tolist() for name in ("person", "start", "stop", "code")), strict=True))


@given(matrices())
def test_weeks_to_spells_is_the_naive_walk(codes):
    spells = spells_from_weeks(codes, first_week=WEEK, person_id=np.arange(len(codes)))
    assert rows_of(spells) == naive_spells(codes)
    assert (spells.n_persons, spells.n_weeks, len(spells)) == (*codes.shape, len(naive_spells(codes)))
    assert spells.last_week == WEEK + codes.shape[1] - 1


@given(matrices())
def test_weeks_come_back(codes):
    again = weeks_from_spells(spells_from_weeks(codes, first_week=WEEK, person_id=np.arange(len(codes))))
    assert again.dtype == np.int16
    np.testing.assert_array_equal(again, codes)


@given(drawn_spells())
def test_spells_come_back(spells):
    again = spells_from_weeks(weeks_from_spells(spells), first_week=WEEK, person_id=spells.person_id)
    assert again.equals(spells)


@given(matrices(), st.data())
def test_rows_are_taken_as_from_the_matrix(codes, data):
    n = len(codes)
    spells = spells_from_weeks(codes, first_week=WEEK, person_id=np.arange(n) + 7)
    rows = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=8) if n else st.just([])), dtype=np.int64)
    mask = data.draw(hnp.arrays(np.bool_, n))
    for chosen in (rows, mask):
        taken = spells.take(chosen)
        np.testing.assert_array_equal(weeks_from_spells(taken), codes[chosen])
        np.testing.assert_array_equal(taken.person_id, spells.person_id[chosen])
        assert (taken.first_week, taken.n_weeks) == (spells.first_week, spells.n_weeks)


def test_many_blocks_give_what_one_gives(monkeypatch):
    rng = np.random.default_rng(2)
    codes = np.repeat(rng.choice([0, 0, 0, 111, 211], (50, 10)), 3, axis=1).astype(np.int16)
    whole = spells_from_weeks(codes, first_week=WEEK, person_id=np.arange(50))
    monkeypatch.setattr(runs, "BLOCK_CELLS", 100)
    assert spells_from_weeks(codes, first_week=WEEK, person_id=np.arange(50)).equals(whole)
    np.testing.assert_array_equal(weeks_from_spells(whole), codes)


def test_the_longest_register_and_the_highest_code():
    codes = np.zeros((2, 32_767), dtype=np.int16)
    codes[0, -1] = codes[1, 0] = 32_767
    spells = spells_from_weeks(codes, first_week=0, person_id=["a", "b"])
    assert rows_of(spells) == [(0, 32_766, 32_767, 32_767), (1, 0, 1, 32_767)]
    np.testing.assert_array_equal(weeks_from_spells(spells), codes)


def test_columns_in_any_memory_order():
    codes = np.asfortranarray(np.array([[0, 111, 111], [211, 0, 111]], dtype=np.int16))
    for view in (codes, codes[:, ::-1], codes[::-1, 1:]):
        spells = spells_from_weeks(view, first_week=WEEK, person_id=["a", "b"])
        np.testing.assert_array_equal(weeks_from_spells(spells), view)


def test_arrays_are_read_only_views():
    person, start = np.array([0, 1], dtype=np.int32), np.array([0, 2], dtype=np.int16)
    spells = Spells(
        person=person, start=start, stop=start + np.int16(1), code=np.array([111, 211], dtype=np.int16),
        person_id=np.array(["a", "b"]), first_week=np.int64(WEEK), n_weeks=np.int16(3),
    )  # fmt: skip
    assert np.shares_memory(spells.person, person)
    assert person.flags.writeable
    for name in ("person", "start", "stop", "code", "person_id"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(spells, name)[0] = getattr(spells, name)[1]
    assert (type(spells.first_week), type(spells.n_weeks)) == (int, int)
    assert repr(spells) == f"Spells(n_persons=2, n_spells=2, first_week={WEEK}, n_weeks=3)"


def test_copies_are_equal_and_differences_are_seen():
    spells = make([(0, 0, 2, 111), (0, 2, 3, 211), (2, 1, 3, 111)], 3, 4)
    assert pickle.loads(pickle.dumps(spells)).equals(spells)
    assert copy.deepcopy(spells).equals(spells)
    for other in (
        make([(0, 0, 2, 111), (0, 2, 3, 211), (2, 1, 3, 112)], 3, 4),
        make([(0, 0, 2, 111), (0, 2, 3, 211)], 3, 4),
        make([(0, 0, 2, 111), (0, 2, 3, 211), (2, 1, 3, 111)], 3, 5),
        make([(0, 0, 2, 111), (0, 2, 3, 211), (2, 1, 3, 111)], 4, 4),
    ):
        assert not spells.equals(other)


def test_the_fixed_module_gives_them_too():
    assert states.Spells is Spells
    assert states.spells_from_weeks is spells_from_weeks
    assert states.weeks_from_spells is weeks_from_spells


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([(0, 0, 1, 1), (3, 0, 1, 1)], "person is 3 for spell 1; must be 0 to 2"),
        ([(-1, 0, 1, 1)], "person is -1 for spell 0; must be 0 to 2"),
        (
            [(1, 0, 1, 1), (0, 0, 1, 1)],
            "person is 0 for spell 1; must be sorted: not below that of the spell before",
        ),
        ([(0, -1, 1, 1)], "start is -1 for spell 0; must be 0 or more"),
        ([(0, 0, 1, 1), (1, 2, 2, 1)], "stop is 2 for spell 1; must be after its start"),
        ([(0, 0, 1, 1), (1, 2, 11, 1)], "stop is 11 for spell 1; must be at most n_weeks, 10"),
        ([(0, 0, 1, 0)], "code is 0 for spell 0; must be 1 to 32767 (blank weeks are left out)"),
        (
            [(0, 0, 3, 1), (0, 2, 4, 2)],
            "start is 2 for spell 1; must be sorted within a person, and not before the stop of the spell before",
        ),
        ([(0, 5, 6, 1), (0, 2, 4, 2)], "start is 2 for spell 1; must be sorted within a person"),
        (
            [(0, 0, 3, 1), (0, 3, 4, 1)],
            "code is 1 for spell 1; must be another than in the spell that it touches: one run is one spell",
        ),
    ],
)
def test_values_that_are_wrong(rows, message):
    with pytest.raises(InvalidInput) as error:
        make(rows, 3, 10)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"person": [0]}, "person is list; must be an array of int32, of shape (n_spells,)"),
        ({"person": np.zeros(1, dtype=np.int64)}, "person is int64 of shape (1,); must be an array of int32"),
        ({"start": np.zeros(2, dtype=np.int16)}, "start is int16 of shape (2,); must be an array of int16"),
        ({"stop": np.ones(1)}, "stop is float64 of shape (1,); must be an array of int16"),
        ({"code": np.ones((1, 1), dtype=np.int16)}, "code is int16 of shape (1, 1); must be an array of int16"),
        ({"person_id": ["a"]}, "person_id is list; must be an array of shape (n_persons,)"),
        ({"person_id": np.array([["a"]])}, "person_id is of shape (1, 1); must be an array of shape (n_persons,)"),
        ({"first_week": -1}, "first_week is -1; must be a whole number, 0 or more"),
        ({"first_week": True}, "first_week is True; must be a whole number, 0 or more"),
        ({"n_weeks": 2.0}, "n_weeks is 2.0; must be a whole number, 0 or more"),
        ({"n_weeks": 32_768}, "n_weeks is 32768; must be at most 32767"),
    ],
)
def test_fields_that_are_wrong(change, message):
    fields = {
        "person": np.zeros(1, dtype=np.int32),
        "start": np.zeros(1, dtype=np.int16),
        "stop": np.ones(1, dtype=np.int16),
        "code": np.ones(1, dtype=np.int16),
        "person_id": np.array(["a"]),
        "first_week": WEEK,
        "n_weeks": 2,
    }
    assert len(Spells(**fields)) == 1
    with pytest.raises(InvalidInput) as error:
        Spells(**(fields | change))
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.take([0, 3]), "rows has 3; must be 0 to 2"),
        (lambda s: s.take([-1]), "rows has -1; must be 0 to 2"),
        (lambda s: s.take([0.5]), "rows is float64 of shape (1,); must be a list of row numbers, or a mask of shape (3,)"),
        (lambda s: s.take([True]), "rows is bool of shape (1,); must be a list of row numbers, or a mask of shape (3,)"),
        (lambda s: s.take(1), "rows is int64 of shape (); must be a list of row numbers"),
        (
            lambda s: spells_from_weeks(np.zeros((1, 2)), first_week=WEEK, person_id=["a"]),
            "codes is float64 of shape (1, 2); must be an integer array of shape (n_persons, n_weeks)",
        ),
        (
            lambda s: spells_from_weeks(np.array([[40_000]]), first_week=WEEK, person_id=["a"]),
            "codes go up to 40000; must be 0 (blank) to 32767",
        ),
        (
            lambda s: spells_from_weeks(np.array([[-1]]), first_week=WEEK, person_id=["a"]),
            "codes go down to -1; must be 0 (blank) or more",
        ),
        (
            lambda s: spells_from_weeks(np.zeros((1, 32_768), dtype=np.int8), first_week=WEEK, person_id=["a"]),
            "codes have 32768 columns; must be at most 32767",
        ),
        (
            lambda s: spells_from_weeks(np.array([[1], [1]]), first_week=WEEK, person_id=["a"]),
            "person_id is of shape (1,); must be of shape (2,)",
        ),
    ],
)  # fmt: skip
def test_arguments_that_are_wrong(call, message):
    with pytest.raises(InvalidInput) as error:
        call(make([(0, 0, 2, 111), (2, 1, 3, 111)], 3, 4))
    assert str(error.value).startswith(message)
