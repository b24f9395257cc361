"""The questions of `states` put in order: codes, states and windows checked, runs found block by block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis_lib.errors import InvalidInput
from analysis_lib.register.codes import LARGEST_CODE
from analysis_lib.register.runs import Runs, check_codes, code_runs, row_blocks, rows_of_matrix
from analysis_lib.register.spells import Spells

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Codes = NDArray[np.integer[Any]] | Spells

BLOCK_SPELLS = 1 << 17


class Window(NamedTuple):
    """Columns asked about, shape (n,): `low` to `high` - 1; a window that is not observed whole has high = 0 <= low."""

    observed: BoolArray
    low: IntArray
    high: IntArray


def observed_window(start: ArrayLike, end: ArrayLike | None, length: int, n: int, n_weeks: int) -> Window:
    """Return the windows of `length` columns from each person's own start."""
    first, stop = columns_of("start", start, n), ends_of(end, n, n_weeks)
    # No longer than can matter, so that nothing overflows.
    length = min(int(length), n_weeks + 1)
    observed = (first >= 0) & (first <= stop - length)
    return Window(observed=observed, low=np.where(observed, first, n_weeks), high=np.where(observed, first + length, 0))


def blocks(codes: Codes, low: IntArray, high: IntArray) -> Iterator[tuple[slice, int, int, Runs]]:
    """Yield blocks: rows, first column asked about and first one after, and the runs of a code that touch these.

    A matrix's runs are cut at these columns, those of spells are not: no answer depends on what lies beyond.
    """
    n, n_weeks = shape_of(codes)
    width = max(int(high.max(initial=0)) - int(low.min(initial=n_weeks)), 1)
    size = BLOCK_SPELLS * n // max(len(codes), 1) if isinstance(codes, Spells) else rows_of_matrix(width)
    for rows in row_blocks(n, max(size, 1)):
        first, last = int(low[rows].min()), int(high[rows].max())
        if first < last:
            yield rows, first, last, _runs_between(codes, rows, first, last)


def _runs_between(codes: Codes, rows: slice, low: int, high: int) -> Runs:
    if not isinstance(codes, Spells):
        runs = code_runs(codes[rows, low:high])
        return runs._replace(start=runs.start + low, stop=runs.stop + low)
    begin, end = np.searchsorted(codes.person, np.array([rows.start, rows.stop], dtype=np.int32))
    asked = slice(begin, end)
    # `take` gathers about half as fast again as an index does.
    near = np.flatnonzero((codes.start[asked] < high) & (codes.stop[asked] > low))
    person, start, stop, code = (
        column[asked].take(near) for column in (codes.person, codes.start, codes.stop, codes.code)
    )
    return Runs(person=person - rows.start, start=start, stop=stop, code=code)


def shape_of(codes: Codes) -> tuple[int, int]:
    """Return persons and weeks."""
    if isinstance(codes, Spells):
        return codes.n_persons, codes.n_weeks
    check_codes(codes)
    return codes.shape[0], codes.shape[1]


def table_of(name: str, states: ArrayLike) -> BoolArray:
    """Return whether each code counts, by code; the last entry stands for all higher codes."""
    given = sorted(states) if isinstance(states, (set, frozenset)) else states
    wanted = np.atleast_1d(np.asarray(given))
    if wanted.size == 0 or not np.issubdtype(wanted.dtype, np.integer):
        raise InvalidInput(f"{name} is {states!r}; must be one or more integer codes")
    wrong = wanted[(wanted < 0) | (wanted > LARGEST_CODE)]
    if wrong.size:
        raise InvalidInput(f"{name} has {wrong[0]}; must be 0 (blank) to {LARGEST_CODE}")
    table = np.zeros(int(wanted.max()) + 2, dtype=np.bool_)
    table[wanted] = True
    return table


def tables_of(states: Sequence[ArrayLike]) -> list[BoolArray]:
    """Return `table_of` each of several states."""
    if not isinstance(states, (Sequence, np.ndarray)) or isinstance(states, str) or len(states) == 0:
        raise InvalidInput(f"states is {states!r}; must be a list of states, each one or more integer codes")
    return [table_of(f"states[{i}]", state) for i, state in enumerate(states)]


def groups_of(group: ArrayLike | None, n: int) -> tuple[IntArray, int]:
    """Return each person's group, counted from 0 in the order of the labels, and the number of groups."""
    if group is None:
        return np.zeros(n, dtype=np.int64), 1
    labels = np.asarray(group)
    if labels.shape != (n,):
        raise InvalidInput(f"group is of shape {labels.shape}; must be labels of shape ({n},)")
    try:
        distinct, member = np.unique(labels, return_inverse=True)
    except TypeError:
        raise InvalidInput("group has labels that have no order; must be all numbers or all texts") from None
    return member.astype(np.int64), len(distinct)


def columns_of(name: str, values: ArrayLike, n: int) -> IntArray:
    """Return a column for each person, shape (n,)."""
    given = np.asarray(values)
    if not np.issubdtype(given.dtype, np.integer) or given.shape not in ((), (n,)):
        raise InvalidInput(
            f"{name} is {given.dtype} of shape {given.shape}; must be integers of shape ({n},), or one for all"
        )
    return np.broadcast_to(given.astype(np.int64), (n,))


def ends_of(end: ArrayLike | None, n: int, n_weeks: int) -> IntArray:
    """Return each person's first column that is not observed, by default `n_weeks`; shape (n,)."""
    ends = columns_of("end", n_weeks if end is None else end, n)
    wrong = (ends < 0) | (ends > n_weeks)
    if wrong.any():
        raise InvalidInput(f"end is {ends[wrong][0]}; must be 0 to {n_weeks}")
    return ends


def check_count(name: str, value: int) -> None:
    """Raise InvalidInput where a value is not a whole number, 1 or more."""
    if not is_whole(value) or value < 1:
        raise InvalidInput(f"{name} is {value!r}; must be a whole number, 1 or more")


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
