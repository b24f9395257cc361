"""Runs in blocks of the matrix of weekly codes: found, chosen by code, joined and turned inside out.

The arithmetic under `spells` and `states`. A block is small enough for its codes and temporaries to stay in a core's
own cache, whatever the number of persons.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis_lib.errors import InvalidInput

BLOCK_CELLS = 1 << 19
Integers = NDArray[np.integer[Any]]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


class Runs(NamedTuple):
    """Runs of one code within a block of rows; arrays of shape (n_runs,), sorted by person and start.

    Attributes
    ----------
    person
        Row, counted from the block's first.
    start, stop
        First column of the run, and first column after it.
    code
        1 or more.
    """

    person: Integers
    start: Integers
    stop: Integers
    code: Integers


def code_runs(codes: Integers) -> Runs:
    """Find the runs of one code in a block of rows, blank weeks left out.

    Parameters
    ----------
    codes
        Shape (n, n_weeks); 0 is a blank week.

    Returns
    -------
    Runs
        Maximal runs.

    Raises
    ------
    InvalidInput
        Where a code is below 0.

    Examples
    --------
    >>> code_runs(np.array([[0, 111, 111], [211, 111, 0]])).start
    array([1, 0, 1])
    """
    n, width = codes.shape
    flat = np.ascontiguousarray(codes).reshape(-1)
    changed = np.zeros(flat.size, dtype=np.bool_)
    np.not_equal(flat[1:], flat[:-1], out=changed[1:])
    changed.reshape(n, width)[:, :1] = True
    begin = np.flatnonzero(changed)
    code = flat[begin].astype(np.int64)
    lowest = int(code.min(initial=0))
    if lowest < 0:
        raise InvalidInput(f"codes go down to {lowest}; must be 0 (blank) or more")
    stored = np.flatnonzero(code)
    finish = np.append(begin[1:], flat.size)[stored]
    person = begin[stored] // max(width, 1)
    column = person * width
    return Runs(person=person, start=begin[stored] - column, stop=finish - column, code=code[stored])


def row_blocks(n: int, size: int) -> Iterator[slice]:
    """Cut n rows into blocks of at most `size` rows.

    Examples
    --------
    >>> list(row_blocks(5, 3))
    [slice(0, 3, None), slice(3, 5, None)]
    """
    return (slice(first, min(first + size, n)) for first in range(0, n, size))


def rows_of_matrix(width: int) -> int:
    """Return the rows of a block of a matrix with so many columns, 1 or more."""
    return max(BLOCK_CELLS // max(width, 1), 1)


class Stays(NamedTuple):
    """Maximal runs inside a state in a block of rows; rows are counted from the block's first."""

    person: Integers
    start: Integers
    stop: Integers


def stays_in(runs: Runs, table: BoolArray, n: int, low: int, high: int) -> Stays:
    """Find the stays in a state in a block of n rows.

    Parameters
    ----------
    runs
        The runs of a code that touch columns `low` to `high` - 1; they may reach beyond.
    table
        Whether each code counts, by code; the first entry stands for blank weeks, the last for all higher codes.
    n
        Rows of the block.
    low, high
        First column, and first column after the last.

    Returns
    -------
    Stays
        Runs of codes that count, joined where they touch; with blank weeks, what the other codes leave.

    Examples
    --------
    >>> runs = code_runs(np.array([[0, 111, 211, 890]]))
    >>> stays_in(runs, np.arange(891) < 300, 1, 0, 4)
    Stays(person=array([0]), start=array([0]), stop=array([3]))
    """
    blank = bool(table[0])
    inside = table.take(runs.code, mode="clip")
    chosen = np.flatnonzero(inside != blank)
    stays = _joined(runs.person.take(chosen), runs.start.take(chosen), runs.stop.take(chosen))
    return _gaps(stays, n, low, high) if blank else stays


def _joined(person: Integers, start: Integers, stop: Integers) -> Stays:
    """Join the runs of a person that touch."""
    apart = (start[1:] != stop[:-1]) | (person[1:] != person[:-1])
    if apart.all():
        return Stays(person, start, stop)
    first = np.concatenate((np.zeros(1, dtype=np.int64), np.flatnonzero(apart) + 1))
    last = np.append(first[1:], len(person)) - 1
    return Stays(person.take(first), start.take(first), stop.take(last))


def _gaps(stays: Stays, n: int, low: int, high: int) -> Stays:
    """Return the runs outside the given ones: one before each, and one after a person's last, where not empty."""
    before = np.arange(len(stays.person)) + stays.person
    start = np.full(len(stays.person) + n, low, dtype=np.int64)
    stop = np.full(len(stays.person) + n, high, dtype=np.int64)
    start[before + 1] = stays.stop
    stop[before] = stays.start
    person = np.repeat(np.arange(n), np.bincount(stays.person, minlength=n) + 1)
    some = np.flatnonzero(start < stop)
    return Stays(person.take(some), start.take(some), stop.take(some))


def first_of_each(person: Integers) -> IntArray:
    """Return where each person first appears; shape (n_distinct,)."""
    new = np.ones(len(person), dtype=np.bool_)
    np.not_equal(person[1:], person[:-1], out=new[1:])
    return np.flatnonzero(new)


def check_codes(codes: object) -> None:
    """Raise InvalidInput where `codes` is not an integer array of shape (n_persons, n_weeks)."""
    if not isinstance(codes, np.ndarray) or codes.ndim != 2 or not np.issubdtype(codes.dtype, np.integer):
        found = f"{codes.dtype} of shape {codes.shape}" if isinstance(codes, np.ndarray) else type(codes).__name__
        raise InvalidInput(f"codes is {found}; must be an integer array of shape (n_persons, n_weeks), or Spells")
