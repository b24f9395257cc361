"""Runs of one code: the form in which an extract's weeks are stored, and the way there and back.

A person has about six runs in 600 weeks, so the runs take a fiftieth of the matrix of weekly codes. Blank weeks are the
gaps between them. `states` measures on either form.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis_lib.errors import InvalidInput
from analysis_lib.register.codes import LARGEST_CODE
from analysis_lib.register.runs import Integers, Runs, check_codes, code_runs, row_blocks, rows_of_matrix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Spells:
    """Maximal runs of one code, blank weeks left out, sorted by person and start.

    The arrays are kept as read-only views of those given, not copied.

    Attributes
    ----------
    person
        int32 of shape (n_spells,), the person's row, non-decreasing.
    start, stop
        int16 of shape (n_spells,): first column of the run, and first column after it. Runs of a person do not
        overlap; two that touch have different codes.
    code
        int16 of shape (n_spells,), 1 to 32767.
    person_id
        Shape (n_persons,).
    first_week
        Week index of column 0.
    n_weeks
        Columns, 0 to 32767.

    Raises
    ------
    InvalidInput
        Where a field has the wrong type, shape or value; names the field and the first wrong spell, counted from 0.

    Examples
    --------
    >>> spells = spells_from_weeks(np.array([[0, 111, 111], [211, 111, 0]]), first_week=104_563, person_id=["a", "b"])
    >>> spells
    Spells(n_persons=2, n_spells=3, first_week=104563, n_weeks=3)
    >>> spells.person, spells.start, spells.stop, spells.code
    (array([0, 1, 1], dtype=int32), array([1, 0, 1], dtype=int16), array([3, 1, 2], dtype=int16),
     array([111, 211, 111], dtype=int16))
    """

    person: NDArray[np.int32]
    start: NDArray[np.int16]
    stop: NDArray[np.int16]
    code: NDArray[np.int16]
    person_id: NDArray[Any]
    first_week: int
    n_weeks: int
    _first: NDArray[np.int64] = field(init=False)
    """Shape (n_persons + 1,), each person's first spell."""

    def __post_init__(self) -> None:
        _check_scalars(self)
        _check_arrays(self)
        _check_values(self)
        for name in ("person", "start", "stop", "code", "person_id"):
            view = getattr(self, name).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)
        first = np.zeros(self.n_persons + 1, dtype=np.int64)
        np.cumsum(np.bincount(self.person, minlength=self.n_persons), out=first[1:])
        object.__setattr__(self, "_first", first)

    def __len__(self) -> int:
        return len(self.person)

    def __repr__(self) -> str:
        return (
            f"Spells(n_persons={self.n_persons}, n_spells={len(self)}, first_week={self.first_week}, "
            f"n_weeks={self.n_weeks})"
        )

    @property
    def n_persons(self) -> int:
        """Number of persons, those without a run included."""
        return len(self.person_id)

    @property
    def last_week(self) -> int:
        """Week index of the last column."""
        return self.first_week + self.n_weeks - 1

    def take(self, rows: ArrayLike) -> Spells:
        """Return the spells of some persons.

        Parameters
        ----------
        rows
            Row numbers in any order, repeats allowed, or a mask of shape (n_persons,).

        Returns
        -------
        Spells
            Its row i is the person `rows[i]` of this one.

        Raises
        ------
        InvalidInput
            Where a row does not exist.

        Examples
        --------
        >>> spells = spells_from_weeks(np.array([[0, 111], [211, 111]]), first_week=104_563, person_id=["a", "b"])
        >>> weeks_from_spells(spells.take([1, 0, 1])).tolist()
        [[211, 111], [0, 111], [211, 111]]
        """
        chosen = self._rows(rows)
        begin, counts = self._first[chosen], self._first[chosen + 1] - self._first[chosen]
        before = np.cumsum(counts) - counts
        spell = np.repeat(begin - before, counts) + np.arange(counts.sum())
        return Spells(
            person=np.repeat(np.arange(len(chosen), dtype=np.int32), counts),
            start=self.start.take(spell),
            stop=self.stop.take(spell),
            code=self.code.take(spell),
            person_id=self.person_id[chosen],
            first_week=self.first_week,
            n_weeks=self.n_weeks,
        )

    def equals(self, other: Spells) -> bool:
        """Return whether the other one holds the same spells of the same persons in the same weeks."""
        return (self.first_week, self.n_weeks) == (other.first_week, other.n_weeks) and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("person", "start", "stop", "code", "person_id")
        )

    def _rows(self, rows: ArrayLike) -> NDArray[np.int64]:
        given = np.asarray(rows)
        if given.dtype == np.bool_ and given.shape == (self.n_persons,):
            return np.flatnonzero(given)
        if given.ndim != 1 or not (np.issubdtype(given.dtype, np.integer) or given.size == 0):
            raise InvalidInput(
                f"rows is {given.dtype} of shape {given.shape}; must be a list of row numbers, or a mask of shape "
                f"({self.n_persons},)"
            )
        wrong = (given < 0) | (given >= self.n_persons)
        if wrong.any():
            raise InvalidInput(f"rows has {given[wrong][0]}; must be 0 to {self.n_persons - 1}")
        return given.astype(np.int64)


def spells_from_weeks(codes: Integers, *, first_week: int, person_id: ArrayLike) -> Spells:
    """Turn the matrix of weekly codes into spells.

    Parameters
    ----------
    codes
        Integers of shape (n_persons, n_weeks), 0 to 32767; 0 is a blank week.
    first_week
        Week index of column 0.
    person_id
        Shape (n_persons,).

    Returns
    -------
    Spells
        The same weeks; `weeks_from_spells` is the way back.

    Raises
    ------
    InvalidInput
        Where an argument has the wrong type, shape or range.
    """
    check_codes(codes)
    n, width = codes.shape
    ids = np.asarray(person_id)
    if width > LARGEST_CODE:
        raise InvalidInput(f"codes have {width} columns; must be at most {LARGEST_CODE}")
    if ids.shape != (n,):
        raise InvalidInput(f"person_id is of shape {ids.shape}; must be of shape ({n},)")
    blocks = [_stored(code_runs(codes[:0]), 0)]
    for rows in row_blocks(n, rows_of_matrix(width)):
        runs = code_runs(codes[rows])
        highest = int(runs.code.max(initial=0))
        if highest > LARGEST_CODE:
            raise InvalidInput(f"codes go up to {highest}; must be 0 (blank) to {LARGEST_CODE}")
        blocks.append(_stored(runs, rows.start))
    whole = Runs(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))
    return Spells(**whole._asdict(), person_id=ids, first_week=first_week, n_weeks=width)


def _stored(runs: Runs, first_row: int) -> Runs:
    """Return a block's runs in the types of `Spells`, rows counted from the first of all."""
    person = (runs.person + first_row).astype(np.int32)
    start, stop, code = (column.astype(np.int16) for column in (runs.start, runs.stop, runs.code))
    return Runs(person=person, start=start, stop=stop, code=code)


def weeks_from_spells(spells: Spells) -> NDArray[np.int16]:
    """Turn spells into the matrix of weekly codes.

    Parameters
    ----------
    spells
        Runs of one code.

    Returns
    -------
    numpy.ndarray
        int16 of shape (n_persons, n_weeks); 0 is a blank week.

    Examples
    --------
    >>> spells = spells_from_weeks(np.array([[0, 111, 111, 0]]), first_week=104_563, person_id=["a"])
    >>> weeks_from_spells(spells)
    array([[  0, 111, 111,   0]], dtype=int16)
    """
    n, width = spells.n_persons, spells.n_weeks
    weeks = np.zeros((n, width), dtype=np.int16)
    for rows in row_blocks(n, rows_of_matrix(width)):
        block = slice(spells._first[rows.start], spells._first[rows.stop])
        length = (spells.stop[block] - spells.start[block]).astype(np.int64)
        before = (spells.person[block] - rows.start).astype(np.int64) * width + spells.start[block]
        cell = np.repeat(before - (np.cumsum(length) - length), length) + np.arange(length.sum())
        weeks[rows].reshape(-1)[cell] = np.repeat(spells.code[block], length)
    return weeks


def _check_scalars(spells: Spells) -> None:
    largest = np.iinfo(np.int16).max
    for name, value in (("first_week", spells.first_week), ("n_weeks", spells.n_weeks)):
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 0:
            raise InvalidInput(f"{name} is {value!r}; must be a whole number, 0 or more")
        object.__setattr__(spells, name, int(value))
    if spells.n_weeks > largest:
        raise InvalidInput(f"n_weeks is {spells.n_weeks}; must be at most {largest}")


def _check_arrays(spells: Spells) -> None:
    for name, dtype in (("person", np.int32), ("start", np.int16), ("stop", np.int16), ("code", np.int16)):
        array, shape = getattr(spells, name), np.shape(spells.person)
        allowed = (
            f"must be an array of {np.dtype(dtype)}, of shape (n_spells,), the same in person, start, stop and code"
        )
        if not isinstance(array, np.ndarray):
            raise InvalidInput(f"{name} is {type(array).__name__}; {allowed}")
        if array.dtype != dtype or array.ndim != 1 or array.shape != shape:
            raise InvalidInput(f"{name} is {array.dtype} of shape {array.shape}; {allowed}")
    ids = spells.person_id
    if not isinstance(ids, np.ndarray) or ids.ndim != 1:
        found = f"of shape {ids.shape}" if isinstance(ids, np.ndarray) else type(ids).__name__
        raise InvalidInput(f"person_id is {found}; must be an array of shape (n_persons,)")


def _check_values(spells: Spells) -> None:
    person, start, stop, code = spells.person, spells.start, spells.stop, spells.code
    last = spells.n_persons - 1
    _refuse(person < 0, "person", person, f"0 to {last}")
    _refuse(person > last, "person", person, f"0 to {last}")
    _refuse(start < 0, "start", start, "0 or more")
    _refuse(stop <= start, "stop", stop, "after its start")
    _refuse(stop > spells.n_weeks, "stop", stop, f"at most n_weeks, {spells.n_weeks}")
    _refuse(code < 1, "code", code, f"1 to {LARGEST_CODE} (blank weeks are left out)")
    _refuse(person[1:] < person[:-1], "person", person[1:], "sorted: not below that of the spell before", offset=1)
    same = person[1:] == person[:-1]
    early = same & (start[1:] < stop[:-1])
    _refuse(early, "start", start[1:], "sorted within a person, and not before the stop of the spell before", offset=1)
    touching = same & (start[1:] == stop[:-1]) & (code[1:] == code[:-1])
    _refuse(touching, "code", code[1:], "another than in the spell that it touches: one run is one spell", offset=1)


def _refuse(wrong: NDArray[np.bool_], name: str, values: Integers, allowed: str, *, offset: int = 0) -> None:
    if wrong.any():
        first = int(wrong.argmax())
        raise InvalidInput(f"{name} is {values[first]} for spell {first + offset}; must be {allowed}")
