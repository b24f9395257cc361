"""Weeks in a state, first runs, inflow and shares, on weekly codes in either form.

All functions take `codes`: integers of shape (n_persons, n_weeks) in which 0 is a blank week (DREAM codes, or a uint8
index of them), or `Spells`. Both give the same answers; a matrix is turned into runs block by block, spells are never
turned into weeks. `states` are the codes that count (`CodeList.codes_of`); 0 counts blank weeks. Weeks are columns,
counted from 0. A code below 0 is refused where it is met; columns that a question does not ask about are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis_lib.errors import InvalidInput
from analysis_lib.register.questions import (
    BoolArray,
    Codes,
    IntArray,
    blocks,
    check_count,
    columns_of,
    ends_of,
    groups_of,
    is_whole,
    observed_window,
    shape_of,
    table_of,
    tables_of,
)
from analysis_lib.register.runs import Stays, first_of_each, stays_in
from analysis_lib.register.spells import Spells, spells_from_weeks, weeks_from_spells

__all__ = [
    "FirstRun",
    "Spells",
    "first_run",
    "inflow",
    "spells_from_weeks",
    "state_shares",
    "weeks_from_spells",
    "weeks_in_state",
]

FloatArray = NDArray[np.float64]


class FirstRun(NamedTuple):
    """Where each person's first run begins; arrays of shape (n,).

    Attributes
    ----------
    week
        Column where the run begins; where none was found, the first column up to which it is known that none began.
    found
        Whether a run was found.
    censored
        The opposite of `found`.
    """

    week: IntArray
    found: BoolArray
    censored: BoolArray


def weeks_in_state(
    codes: Codes, states: ArrayLike, *, start: ArrayLike, length: int, end: ArrayLike | None = None
) -> FloatArray:
    """Count the weeks in a state in a window that begins at each person's own start.

    Parameters
    ----------
    codes
        Shape (n, n_weeks), or spells of n persons.
    states
        One code or more; 0 counts blank weeks.
    start
        First column of the window, shape (n,) or one for all.
    length
        Weeks in the window, 1 or more.
    end
        Each person's first column that is not observed, shape (n,) or one for all; by default `n_weeks`.

    Returns
    -------
    numpy.ndarray
        Weeks, shape (n,); NaN where the window begins before column 0 or reaches beyond `end`.

    Raises
    ------
    InvalidInput
        Where an argument has the wrong type, shape or range.

    Examples
    --------
    >>> codes = np.array([[111, 111, 0, 111, 0], [0, 0, 111, 111, 111]])
    >>> weeks_in_state(codes, [111], start=[0, 2], length=4)
    array([ 3., nan])
    """
    n, n_weeks = shape_of(codes)
    table = table_of("states", states)
    check_count("length", length)
    window = observed_window(start, end, length, n, n_weeks)
    weeks = np.where(window.observed, 0.0, np.nan)
    for rows, low, high, runs in blocks(codes, window.low, window.high):
        stays = stays_in(runs, table, rows.stop - rows.start, low, high)
        begin = np.maximum(stays.start, window.low[rows].take(stays.person))
        finish = np.minimum(stays.stop, window.high[rows].take(stays.person))
        shared = np.maximum(finish - begin, 0)
        weeks[rows] += np.bincount(stays.person, weights=shared, minlength=rows.stop - rows.start)
    return weeks


def first_run(
    codes: Codes, states: ArrayLike, *, start: ArrayLike, min_weeks: int, end: ArrayLike | None = None
) -> FirstRun:
    """Find the first run of consecutive weeks in a state.

    A run begins at the first column c >= start for which c, ..., c + min_weeks - 1 are all in the state and observed
    (c + min_weeks <= end). Weeks before the start are not looked at.

    Where no run is found, `week` is the beginning of the incomplete run that touches the end of observation, or the end
    itself where the last observed week is not in the state.

    Parameters
    ----------
    codes
        Shape (n, n_weeks), or spells of n persons.
    states
        One code or more; 0 counts blank weeks.
    start
        First column to look at, shape (n,) or one for all; 0 to `end`.
    min_weeks
        Shortest run, 1 or more.
    end
        Each person's first column that is not observed, shape (n,) or one for all; by default `n_weeks`.

    Returns
    -------
    FirstRun
        `week`, `found`, `censored`, each of shape (n,).

    Raises
    ------
    InvalidInput
        Where an argument has the wrong type, shape or range.

    Notes
    -----
    Censoring at `week` is right for what ends a person's observation for reasons of its own (emigration, death). It
    is *not* harmless at the administrative end of the register: those who left in its last `min_weeks` - 1 weeks
    would all be censored at the very week in which they left, while those who stayed are followed further. For an
    unbiased curve censor each person at a horizon h (weeks after the start) with ``start + h + min_weeks <= n_weeks``,
    whatever happens later: every run that begins within the horizon is then seen whole.

    The first week in which somebody is no longer observed is a run of one week:
    ``first_run(codes, [997, 998, 999], start=0, min_weeks=1).week``, which is `n_weeks` for those who stay.

    Examples
    --------
    >>> codes = np.array([[111, 0, 111, 0, 0, 0], [111, 111, 111, 111, 0, 0]])
    >>> run = first_run(codes, [0], start=0, min_weeks=3)
    >>> run.week, run.found
    (array([3, 4]), array([ True, False]))
    """
    n, n_weeks = shape_of(codes)
    table = table_of("states", states)
    first, stop = columns_of("start", start, n), ends_of(end, n, n_weeks)
    check_count("min_weeks", min_weeks)
    wrong = (first < 0) | (first > stop)
    if wrong.any():
        person = int(np.argmax(wrong))
        raise InvalidInput(f"start is {first[person]} for person {person}; must be 0 to the end, {stop[person]}")
    week, found = stop.copy(), np.zeros(n, dtype=np.bool_)
    for rows, low, high, runs in blocks(codes, first, stop):
        stays = stays_in(runs, table, rows.stop - rows.start, low, high)
        ends = stop[rows].take(stays.person)
        begin, finish = np.maximum(stays.start, first[rows].take(stays.person)), np.minimum(stays.stop, ends)
        touching = np.flatnonzero((finish == ends) & (begin < finish))
        week[rows.start + stays.person[touching]] = begin[touching]
        long = np.flatnonzero(finish - begin >= min_weeks)
        hit = long[first_of_each(stays.person[long])]
        week[rows.start + stays.person[hit]] = begin[hit]
        found[rows.start + stays.person[hit]] = True
    return FirstRun(week=week, found=found, censored=~found)


def inflow(
    codes: Codes, state: ArrayLike, *, from_week: int, to_week: int, free_weeks: int
) -> tuple[IntArray, IntArray]:
    """Find who begins a new spell in a window of weeks.

    A new spell begins in a week in the state after `free_weeks` weeks without it. Only a person's first one in the
    window counts.

    Parameters
    ----------
    codes
        Shape (n, n_weeks), or spells of n persons.
    state
        One code or more; 0 counts blank weeks.
    from_week, to_week
        First and last column of the window, both included.
    free_weeks
        Weeks without the state that a new spell needs before it, 1 or more.

    Returns
    -------
    person, week : numpy.ndarray
        Rows in increasing order, and the column where each person's spell begins; shape (n_new,).

    Raises
    ------
    InvalidInput
        Where the window lies outside the matrix or has fewer than `free_weeks` columns before it.

    Examples
    --------
    >>> codes = np.array([[0, 0, 111, 111], [111, 0, 111, 111], [0, 0, 0, 0]])
    >>> inflow(codes, [111], from_week=2, to_week=3, free_weeks=2)
    (array([0]), array([2]))
    """
    n, n_weeks = shape_of(codes)
    table = table_of("state", state)
    check_count("free_weeks", free_weeks)
    for name, week in (("from_week", from_week), ("to_week", to_week)):
        if not is_whole(week):
            raise InvalidInput(f"{name} is {week!r}; must be a whole number")
    if not free_weeks <= from_week <= to_week < n_weeks:
        raise InvalidInput(
            f"from_week and to_week are {from_week} and {to_week}; must be in order, in the columns 0 to {n_weeks - 1}"
            f", with {free_weeks} free weeks before them"
        )
    low, high = (np.broadcast_to(np.int64(week), n) for week in (int(from_week) - int(free_weeks), int(to_week) + 1))
    persons, weeks = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for rows, first, last, runs in blocks(codes, low, high):
        stays = stays_in(runs, table, rows.stop - rows.start, first, last)
        new = stays.start >= from_week
        free = stays.start[1:] - stays.stop[:-1] >= free_weeks
        new[1:] &= free | (stays.person[1:] != stays.person[:-1])
        begins = np.flatnonzero(new)
        hit = begins[first_of_each(stays.person[begins])]
        persons.append(rows.start + stays.person[hit].astype(np.int64))
        weeks.append(stays.start[hit].astype(np.int64))
    return np.concatenate(persons), np.concatenate(weeks)


def state_shares(
    codes: Codes,
    states: Sequence[ArrayLike],
    *,
    start: ArrayLike,
    horizon: int,
    end: ArrayLike | None = None,
    group: ArrayLike | None = None,
) -> FloatArray:
    """Measure the share of persons in each state, week by week after each person's own start.

    Only persons whose whole window is observed count, so that every week has the same persons and a state's shares sum
    to the mean of `weeks_in_state` over them.

    Parameters
    ----------
    codes
        Shape (n, n_weeks), or spells of n persons.
    states
        The states, each one code or more; 0 counts blank weeks. They may overlap: each is measured by itself.
    start
        First column of the window, shape (n,) or one for all.
    horizon
        Weeks in the window, 1 or more.
    end
        Each person's first column that is not observed, shape (n,) or one for all; by default `n_weeks`.
    group
        Labels of shape (n,).

    Returns
    -------
    numpy.ndarray
        Shape (n_states, horizon); with `group` (n_groups, n_states, horizon), groups in the order of `numpy.unique`.
        NaN where no person has a window that is observed whole.

    Raises
    ------
    InvalidInput
        Where an argument has the wrong type, shape or range.

    Examples
    --------
    >>> codes = np.array([[111, 111, 0, 0], [0, 111, 111, 0]])
    >>> state_shares(codes, [[111], [0]], start=[0, 1], horizon=3)
    array([[1., 1., 0.],
           [0., 0., 1.]])
    """
    n, n_weeks = shape_of(codes)
    tables = tables_of(states)
    check_count("horizon", horizon)
    horizon = int(horizon)
    window = observed_window(start, end, horizon, n, n_weeks)
    member, n_groups = groups_of(group, n)
    persons = np.bincount(member[window.observed], minlength=n_groups)
    counts = np.zeros((n_groups, len(tables), horizon), dtype=np.int64)
    for rows, low, high, runs in blocks(codes, window.low, window.high):
        for i, table in enumerate(tables):
            stays = stays_in(runs, table, rows.stop - rows.start, low, high)
            counts[:, i] += _weekly_counts(stays, window.low[rows], member[rows], (n_groups, horizon))
    shares = np.full(counts.shape, np.nan)
    np.divide(counts, persons[:, None, None], out=shares, where=persons[:, None, None] > 0)
    return shares[0] if group is None else shares


def _weekly_counts(stays: Stays, first: IntArray, member: IntArray, shape: tuple[int, int]) -> IntArray:
    """Count the persons of each group in the state in each week after their first column; shape (n_groups, horizon)."""
    n_groups, horizon = shape
    begin = np.maximum(stays.start - first.take(stays.person), 0)
    finish = np.minimum(stays.stop - first.take(stays.person), horizon)
    seen = np.flatnonzero(begin < finish)
    # One column more than weeks: who stays until the window's end leaves after its last week.
    before, size = member[stays.person[seen]] * (horizon + 1), n_groups * (horizon + 1)
    come = np.bincount(before + begin[seen], minlength=size)
    leave = np.bincount(before + finish[seen], minlength=size)
    return np.cumsum((come - leave).reshape(n_groups, horizon + 1), axis=1)[:, :horizon]
