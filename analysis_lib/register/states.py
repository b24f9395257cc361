"""Weeks in a state, first runs and inflow, on the matrix of weekly codes.

All functions take `codes`, integers of shape (n_persons, n_weeks) in which 0 is a blank week, and `states`, the codes
that count (`CodeList.codes_of`). Weeks are columns of the matrix, counted from 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis_lib.errors import InvalidInput

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Codes = NDArray[np.integer[Any]]


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
) -> NDArray[np.float64]:
    """Count the weeks in a state in a window that begins at each person's own start.

    Parameters
    ----------
    codes
        Shape (n, n_weeks).
    states
        The codes that count; 0 counts blank weeks.
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
    inside = _inside(codes, states)
    n, n_weeks = inside.shape
    first, stop = _columns("start", start, n), _ends(end, n, n_weeks)
    _check_count("length", length)
    observed = (first >= 0) & (first + length <= stop)
    totals = _running_totals(inside)
    low = np.where(observed, first, 0)
    high = np.where(observed, first + length, 0)
    person = np.arange(n)
    return np.where(observed, totals[person, high] - totals[person, low], np.nan)


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
        Shape (n, n_weeks).
    states
        The codes that count; 0 counts blank weeks.
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
    inside = _inside(codes, states)
    n, n_weeks = inside.shape
    first, stop = _columns("start", start, n), _ends(end, n, n_weeks)
    _check_count("min_weeks", min_weeks)
    wrong = (first < 0) | (first > stop)
    if wrong.any():
        person = int(np.argmax(wrong))
        raise InvalidInput(f"start is {first[person]} for person {person}; must be 0 to the end, {stop[person]}")
    column = np.arange(n_weeks)
    begins = _all_in_window(inside, min_weeks)
    begins &= (column >= first[:, None]) & (column + min_weeks <= stop[:, None])
    found: BoolArray = np.asarray(begins.any(axis=1))
    week = np.where(found, begins.argmax(axis=1) if n_weeks else 0, 0)
    open_ended = np.flatnonzero(~found)
    week[open_ended] = _trailing_run(inside[open_ended], first[open_ended], stop[open_ended])
    return FirstRun(week=week.astype(np.int64), found=found, censored=~found)


def inflow(
    codes: Codes, state: ArrayLike, *, from_week: int, to_week: int, free_weeks: int
) -> tuple[IntArray, IntArray]:
    """Find who begins a new spell in a window of weeks.

    A new spell begins in a week in the state after `free_weeks` weeks without it. Only a person's first one in the
    window counts.

    Parameters
    ----------
    codes
        Shape (n, n_weeks).
    state
        The codes of the state.
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
    inside = _inside(codes, state)
    n_weeks = inside.shape[1]
    _check_count("free_weeks", free_weeks)
    if not free_weeks <= from_week <= to_week < n_weeks:
        raise InvalidInput(
            f"from_week and to_week are {from_week} and {to_week}; must be in order, in the columns 0 to {n_weeks - 1}"
            f", with {free_weeks} free weeks before them"
        )
    free = _all_in_window(~inside[:, from_week - free_weeks : to_week], free_weeks)[:, : to_week - from_week + 1]
    begins = inside[:, from_week : to_week + 1] & free
    person = np.flatnonzero(begins.any(axis=1))
    return person, from_week + begins[person].argmax(axis=1)


def _inside(codes: Codes, states: ArrayLike) -> BoolArray:
    """Return where the code is one of the states, shape (n, n_weeks)."""
    if not isinstance(codes, np.ndarray) or codes.ndim != 2 or not np.issubdtype(codes.dtype, np.integer):
        found = f"{codes.dtype} of shape {codes.shape}" if isinstance(codes, np.ndarray) else type(codes).__name__
        raise InvalidInput(f"codes is {found}; must be an integer array of shape (n_persons, n_weeks)")
    wanted = np.unique(np.atleast_1d(np.asarray(states)))
    if wanted.size == 0 or not np.issubdtype(wanted.dtype, np.integer):
        raise InvalidInput(f"states is {states!r}; must be one or more integer codes")
    lowest = min(int(wanted[0]), int(codes.min(initial=0)))
    if lowest < 0:
        raise InvalidInput(f"codes and states go down to {lowest}; must be 0 (blank) or more")
    # A table look-up is several times faster than np.isin on this many cells.
    table = np.zeros(max(int(wanted[-1]), int(codes.max(initial=0))) + 1, dtype=np.bool_)
    table[wanted] = True
    return table[codes]


def _running_totals(inside: BoolArray) -> NDArray[np.int32]:
    """Return the weeks in the state before each column, shape (n, n_weeks + 1)."""
    n, n_weeks = inside.shape
    totals = np.zeros((n, n_weeks + 1), dtype=np.int32)
    np.cumsum(inside, axis=1, out=totals[:, 1:])
    return totals


def _all_in_window(inside: BoolArray, length: int) -> BoolArray:
    """Return where this week and the next `length` - 1 are all in the state, by doubling; beyond the array none is."""
    result, covered = inside.copy(), 1
    while covered < length:
        step = min(covered, length - covered)
        shifted = np.zeros_like(result)
        shifted[:, : max(result.shape[1] - step, 0)] = result[:, step:]
        result &= shifted
        covered += step
    return result


def _trailing_run(inside: BoolArray, first: IntArray, stop: IntArray) -> IntArray:
    """Return the column where the run that touches `stop` begins (`stop` where there is none), not before `first`."""
    column = np.arange(inside.shape[1])
    broken: IntArray = np.where(~inside & (column < stop[:, None]), column, -1)
    begins: IntArray = np.maximum(broken.max(axis=1, initial=-1) + 1, first)
    return begins


def _columns(name: str, values: ArrayLike, n: int) -> IntArray:
    given = np.asarray(values)
    if not np.issubdtype(given.dtype, np.integer) or given.shape not in ((), (n,)):
        raise InvalidInput(
            f"{name} is {given.dtype} of shape {given.shape}; must be integers of shape ({n},), or one for all"
        )
    return np.broadcast_to(given.astype(np.int64), (n,))


def _ends(end: ArrayLike | None, n: int, n_weeks: int) -> IntArray:
    ends = _columns("end", n_weeks if end is None else end, n)
    wrong = (ends < 0) | (ends > n_weeks)
    if wrong.any():
        raise InvalidInput(f"end is {ends[wrong][0]}; must be 0 to {n_weeks}")
    return ends


def _check_count(name: str, value: int) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
        raise InvalidInput(f"{name} is {value!r}; must be a whole number, 1 or more")
