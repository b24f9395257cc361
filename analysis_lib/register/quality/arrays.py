"""The arithmetic under the checks of weeks: jumps in a series, spells cut at New Year, distinct persons."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

IntArray = NDArray[np.int64]
BREAK_SHARE = 0.25
BREAK_NOISE = 6.0


def find_breaks(counts: IntArray, observed: NDArray[np.bool_]) -> IntArray:
    """Find the weeks in which a code's number of persons jumps.

    Week t is a break where, with N the persons on the code and y(t) = 2·√N(t) - 2·√N(t-1),

    - |N(t) - N(t-1)| is at least a quarter of the larger of the two,
    - |y(t)| > 6 · max(1, s), s = 1.4826 · median |y| over the weeks from the code's first to its last, and
    - the change is more than twice that in the same direction in the week before and in the week after, so that an
      intake that goes on for some weeks is none.

    The square root gives counts of any size the same spread: 2·√N of a Poisson count has variance 1, so that y has √2
    where the weeks are independent (they are not: people stay), and 6 is then more than four times its spread.

    Parameters
    ----------
    counts
        Persons by week, shape (n_weeks,).
    observed
        Whether anybody has any code in the week, shape (n_weeks,); steps to and from empty weeks are no breaks.

    Returns
    -------
    numpy.ndarray
        The weeks t, counted from 0.

    Examples
    --------
    >>> find_breaks(np.array([100, 101, 100, 30, 31, 99, 100]), np.ones(7, dtype=bool))
    array([3, 5])
    """
    used = np.flatnonzero(counts)
    if len(counts) < 2 or not len(used):
        return np.zeros(0, dtype=np.int64)
    change = np.where(observed[1:] & observed[:-1], np.diff(counts), 0)
    step = np.where(change != 0, 2 * np.diff(np.sqrt(counts)), 0.0)
    within = np.abs(step[used[0] : used[-1]])
    spread = 1.4826 * float(np.median(within)) if len(within) else 0.0
    neighbours = np.pad(change, 1)
    alike = np.maximum(neighbours[:-2] * np.sign(change), neighbours[2:] * np.sign(change))
    large = np.abs(change) >= BREAK_SHARE * np.maximum(counts[1:], counts[:-1])
    jump = large & (np.abs(step) > BREAK_NOISE * max(1.0, spread)) & (np.abs(change) > 2 * alike)
    weeks: IntArray = np.flatnonzero(jump) + 1
    return weeks


def spell_years(
    start: NDArray[np.integer[Any]], stop: NDArray[np.integer[Any]], year: IntArray
) -> tuple[IntArray, IntArray, IntArray]:
    """Cut spells at the turns of the year.

    Parameters
    ----------
    start, stop
        First column of each spell, and the first after it, shape (n_spells,).
    year
        Year of each column, non-decreasing, without a gap.

    Returns
    -------
    spell, year, weeks : numpy.ndarray
        Each piece's spell, its year counted from the first, and its weeks; in the order of the spells.

    Examples
    --------
    >>> spell_years(np.array([1]), np.array([4]), np.array([2005, 2005, 2006, 2006, 2006]))
    (array([0, 0]), array([0, 1]), array([1, 2]))
    """
    number = year - year[0]
    first, last = number[start], number[stop.astype(np.int64) - 1]
    pieces = last - first + 1
    spell = np.repeat(np.arange(len(start)), pieces)
    which = first[spell] + np.arange(len(spell)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    edges = np.searchsorted(number, np.arange(number[-1] + 2))
    weeks = np.minimum(stop[spell], edges[which + 1]) - np.maximum(start[spell], edges[which])
    return spell, which, weeks


def positions(values: NDArray[np.integer[Any]]) -> tuple[NDArray[np.integer[Any]], IntArray]:
    """Return the distinct values, sorted, and where each value stands among them; shapes (n_distinct,) and (n,).

    Examples
    --------
    >>> positions(np.array([211, -1, 211]))
    (array([ -1, 211]), array([1, 0, 1]))
    """
    low = int(values.min(initial=0))
    kinds = np.flatnonzero(np.bincount(values.astype(np.int64) - low)) + low
    place = np.zeros(int(values.max(initial=0)) - low + 1, dtype=np.int64)
    place[kinds - low] = np.arange(len(kinds))
    return kinds, place[values.astype(np.int64) - low]


def count_distinct(person: IntArray, place: IntArray, n: int) -> IntArray:
    """Count the distinct persons at each of n places; shape (n,).

    Examples
    --------
    >>> count_distinct(np.array([0, 0, 1]), np.array([2, 2, 2]), 3)
    array([0, 0, 2])
    """
    distinct = pd.unique(person * n + place) % max(n, 1)
    return np.bincount(distinct, minlength=n).astype(np.int64)
