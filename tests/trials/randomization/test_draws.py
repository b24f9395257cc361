"""Draws: every assignment of the design is as likely as any other, and no other is drawn."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis_lib.errors import InvalidInput
from analysis_lib.trials import _draws
from analysis_lib.trials._draws import Draws, read_units
from tests.trials.randomization import naive


def layout(treated, unit=None, block=None):
    treated = np.asarray(treated, dtype=bool)
    return Draws.of(read_units(treated, np.arange(len(treated)) if unit is None else unit, block))


def people(drawn, bits):
    """Return rows of (n,) people from rows of bits."""
    return bits[:, drawn.column[drawn.units.of_case]]


def drawn_people(drawn, draws, rng):
    return np.concatenate([people(drawn, bits) for bits in drawn.chunks(draws, rng)])


SMALL = {
    "3 of 7": ([1, 0, 1, 0, 0, 1, 0], None, None),
    "6 of 7": ([1, 1, 1, 1, 1, 1, 0], None, None),
    "1 of 9": ([1] + [0] * 8, None, None),
    "blocks, one without an arm": ([1, 0, 0, 1, 1, 0, 0, 0, 0], None, np.array([5, 5, 5, 2, 2, 2, 2, 8, 8])),
    "clusters": (np.repeat([1, 0, 0, 1, 0], [2, 1, 3, 1, 2]), np.repeat([3, 1, 4, 0, 7], [2, 1, 3, 1, 2]), None),
    "clusters within blocks": (
        np.repeat([1, 0, 0, 1, 0], 2), np.repeat([3, 1, 4, 0, 7], 2), np.repeat([1, 1, 1, 2, 2], 2),
    ),
    "clusters that cross blocks": ([1, 0, 0, 1, 0, 0, 1, 0], np.array([0, 1, 2, 0, 1, 2, 3, 4]), np.array([1, 1, 1, 2, 2, 2, 3, 3])),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_all_assignments_are_listed_once(name):
    treated, unit, block = SMALL[name]
    drawn = layout(treated, unit, block)
    listed = [tuple(row) for bits in drawn.every() for row in people(drawn, bits)]
    expected = {tuple(row) for row in naive.assignments(np.asarray(treated, dtype=bool), unit=unit, block=block)}
    assert len(listed) == len(expected) == drawn.units.assignments(10_000)
    assert set(listed) == expected


@pytest.mark.parametrize("name", SMALL)
def test_all_assignments_are_equally_likely(name):
    """Chi-square over the assignments; a fair sampler is below the limit in all but one of 10,000 seeds."""
    treated, unit, block = SMALL[name]
    drawn = layout(treated, unit, block)
    counts = Counter(map(bytes, drawn_people(drawn, 40_000, np.random.default_rng(7))))
    number = drawn.units.assignments(10_000)
    assert len(counts) == number
    statistic = sum((count - 40_000 / number) ** 2 for count in counts.values()) * number / 40_000
    assert statistic < stats.chi2.ppf(0.9999, number - 1)


@pytest.mark.parametrize(("size", "count"), [(300, 120), (300, 3), (300, 297), (1500, 40), (260, 130), (9, 1)])
def test_pairs_of_people_are_drawn_together_as_often_as_they_should(size, count):
    """Large strata: the first two moments of who is drawn, within five standard errors, in each of two blocks."""
    treated = np.tile(np.arange(size) < count, 2)
    drawn, draws = layout(treated, block=np.repeat([0, 1], size)), 6_000
    rows = drawn_people(drawn, draws, np.random.default_rng(11)).astype(float)
    assert np.all(rows[:, :size].sum(axis=1) == count)
    assert np.all(rows[:, size:].sum(axis=1) == count)
    share, both = count / size, count * (count - 1) / (size * (size - 1))
    assert np.abs(rows.mean(axis=0) - share).max() < 5 * np.sqrt(share * (1 - share) / draws) + 1e-12
    together = (rows[:, :-1] * rows[:, 1:]).mean(axis=0)
    assert np.abs(np.delete(together, size - 1) - both).max() < 5 * np.sqrt(max(both * (1 - both), 1 / draws) / draws)
    assert abs(together[size - 1] - share**2) < 5 * np.sqrt(share**2 / draws)
    assert abs(np.corrcoef(rows[:-1, 0], rows[1:, 0])[0, 1]) < 5 / np.sqrt(draws)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12), seed=st.integers(0, 10_000), share=st.floats(0, 1),
    draws=st.integers(1, 40),
)  # fmt: skip
def test_every_stratum_keeps_its_number(sizes, seed, share, draws):
    rng = np.random.default_rng(seed)
    block = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    treated = rng.random(len(block)) < share
    rows = drawn_people(layout(treated, block=block), draws, rng)
    assert rows.shape == (draws, len(block))
    for b in range(len(sizes)):
        assert np.all(rows[:, block == b].sum(axis=1) == treated[block == b].sum())


def test_draws_are_those_of_the_seed_and_go_on(monkeypatch):
    drawn = layout(np.arange(200) < 60)
    rng = np.random.default_rng(3)
    first, second = (drawn_people(drawn, 50, rng) for _ in range(2))
    again = drawn_people(drawn, 50, np.random.default_rng(3))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)


def test_chunks_stay_small(monkeypatch):
    monkeypatch.setattr(_draws, "_CELLS", 1000)
    drawn = layout(np.arange(200) < 60)
    chunks = list(drawn.chunks(23, np.random.default_rng(3)))
    assert [len(bits) for bits in chunks] == [5, 5, 5, 5, 3]
    assert sum(len(bits) for bits in layout(np.arange(12) < 6).every()) == 924


@pytest.mark.parametrize(("limit", "expected"), [(924, 924), (923, None), (10**6, 924)])
def test_number_of_assignments(limit, expected):
    assert layout(np.arange(12) < 6).units.assignments(limit) == expected
    assert layout(np.arange(50_000) < 20_000).units.assignments(limit) is None


def test_units_with_both_arms_are_refused():
    with pytest.raises(InvalidInput, match=r"unit 4 of the design has treated and control people \(1 such units\)"):
        layout([1, 0, 1, 1], unit=np.array([4, 4, 2, 2]))
