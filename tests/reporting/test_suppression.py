"""The choice of counts to hide: what a reader can work out from what is left."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput
from analysis_lib.reporting.suppression import DisclosureRule, exposed_cells, suppress_counts

# Relative to singular values of matrices of -1, 0, 1: below this a coordinate of the null space is rounding.
ZERO = 1e-9


def null_space(matrix):
    _, singular, rows = np.linalg.svd(matrix)
    rank = int((singular > ZERO).sum())
    return rows[rank:]


def relation_matrix(cells, relations):
    matrix = np.zeros((len(relations), len(cells)))
    for row, (total, parts) in enumerate(relations):
        for cell, sign in ((total, 1), *((part, -1) for part in parts)):
            if cell in cells:
                matrix[row, cells.index(cell)] += sign
    return matrix


@st.composite
def tables(draw):
    """A two-way table with its margins: counts that are small and zero often, in overlapping relations."""
    height, width = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    small = st.one_of(st.integers(0, 6), st.integers(0, 60))
    inner = np.array(draw(st.lists(small, min_size=height * width, max_size=height * width))).reshape(height, width)
    counts = {f"{r}{c}": int(inner[r, c]) for r in range(height) for c in range(width)}
    counts |= {f"{r}+": int(inner[r].sum()) for r in range(height)}
    counts |= {f"+{c}": int(inner[:, c].sum()) for c in range(width)} | {"++": int(inner.sum())}
    relations = [(f"{r}+", tuple(f"{r}{c}" for c in range(width))) for r in range(height)]
    relations += [(f"+{c}", tuple(f"{r}{c}" for r in range(height))) for c in range(width)]
    relations += [("++", tuple(f"{r}+" for r in range(height))), ("++", tuple(f"+{c}" for c in range(width)))]
    return counts, relations


@given(tables(), st.integers(1, 7))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_hidden_count_can_be_solved(table, min_count):
    counts, relations = table
    hidden = suppress_counts(counts, relations, min_count)
    assert {cell for cell, count in counts.items() if 0 < count < min_count} <= hidden
    assert all(counts[cell] > 0 for cell in hidden)
    if not hidden:
        return
    cells = sorted(hidden)
    # A cell follows from the shown ones exactly where it is 0 in every vector of the null space.
    free = np.abs(null_space(relation_matrix(cells, relations))) > ZERO
    assert free.shape[0] > 0
    assert free.any(axis=0).all()
    for total, parts in relations:
        below = sum(counts[part] for part in parts if part in hidden)
        assert total in hidden or below == 0 or below >= min_count
        assert sum(cell in hidden for cell in (total, *parts)) != 1


@given(st.lists(st.integers(0, 7), min_size=2, max_size=3), st.integers(2, 5))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_every_hidden_count_has_two_possible_values(parts, min_count):
    """Lists all tables that a reader could have before them: a second, naive way to see what is known."""
    counts = {f"p{i}": n for i, n in enumerate(parts)} | {"all": sum(parts)}
    hidden = suppress_counts(counts, [("all", tuple(f"p{i}" for i in range(len(parts))))], min_count)
    choices = [range(1, 24) if f"p{i}" in hidden else (n,) for i, n in enumerate(parts)]
    possible = [v for v in itertools.product(*choices) if "all" in hidden or sum(v) == counts["all"]]
    for i in range(len(parts)):
        assert (len({values[i] for values in possible}) > 1) == (f"p{i}" in hidden)


def test_the_second_cell_is_the_smallest_other_part():
    counts = {"all": 60, "a": 3, "b": 17, "c": 40}
    assert suppress_counts(counts, [("all", ("a", "b", "c"))], 5) == {"a", "b"}


def test_a_hidden_group_with_a_small_sum_takes_a_further_part():
    # all shown: a + b = 4 would be a small count that can be read off
    counts = {"all": 60, "a": 2, "b": 2, "c": 16, "d": 40}
    assert suppress_counts(counts, [("all", ("a", "b", "c", "d"))], 5) == {"a", "b", "c"}


def test_ones_that_their_sum_gives_away_take_the_total():
    # five hidden parts of at least 1 with a sum of 5 are all 1
    counts = {"all": 5, "a": 1, "b": 1, "c": 1, "d": 1, "e": 1}
    assert "all" in suppress_counts(counts, [("all", ("a", "b", "c", "d", "e"))], 5)


def test_the_total_goes_where_no_other_part_can():
    assert suppress_counts({"all": 40, "a": 40, "b": 0}, [("all", ("a", "b"))], 5) == frozenset()
    assert suppress_counts({"all": 3, "a": 3, "b": 0}, [("all", ("a", "b"))], 5) == {"all", "a"}


def test_two_relations_that_together_give_a_count_away():
    # arm = known + unknown and all = arm + left_out: with arm, unknown and left_out hidden, unknown + left_out is known
    counts = {"all": 107, "other": 100, "arm": 6, "left_out": 1, "known": 5, "unknown": 1}
    relations = [("all", ("other", "arm", "left_out")), ("arm", ("known", "unknown"))]
    naive = {"arm", "left_out", "unknown"}
    assert exposed_cells(naive, counts, relations) == naive
    hidden = suppress_counts(counts, relations, 5)
    assert not exposed_cells(hidden, counts, relations)


def test_kept_cells_go_last():
    counts = {"all": 20, "a": 3, "b": 17}
    assert suppress_counts(counts, [("all", ("a", "b"))], 5, keep=["b"]) == {"a", "all"}


def test_one_discloses_everything():
    assert suppress_counts({"all": 3, "a": 1, "b": 2}, [("all", ("a", "b"))], 1) == frozenset()
    assert DisclosureRule().min_count == 5


@pytest.mark.parametrize(
    ("counts", "relations", "min_count", "message"),
    [
        ({"a": -1}, [], 5, "count of 'a' is -1; must be 0 or more"),
        ({"a": 1}, [("all", ("a",))], 5, "relation of 'all' names 'all'; must be one of a"),
        ({"all": 3, "a": 1}, [("all", ("a",))], 5, "count of 'all' is 3; must be the 1 of its parts"),
        ({"a": 1}, [], 0, "min_count is 0; must be 1 or more"),
    ],
)
def test_bad_input_is_named(counts, relations, min_count, message):
    with pytest.raises(InvalidInput, match=message):
        suppress_counts(counts, relations, min_count)
