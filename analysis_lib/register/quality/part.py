"""One municipality of an extract, as the checks see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analysis_lib.errors import DataError
from analysis_lib.register.codes import CODES_FILE, LARGEST_CODE, CodeList, read_codes
from analysis_lib.register.declarations import CONTACTS, EMPLOYMENT, MATCHES, PERSONS
from analysis_lib.register.extract import read_extract
from analysis_lib.register.jobcentres import Jobcentres, read_jobcentres
from analysis_lib.register.layout import ROW, SPELLS, Description, partition, read_file
from analysis_lib.register.runs import first_of_each
from analysis_lib.register.spells import Spells
from analysis_lib.register.weeks import mondays, week_index, week_label

IntArray = NDArray[np.int64]
Days = NDArray[np.datetime64]
UNKNOWN = -1
"""The state of a code that the code list does not have."""
EVENT_TABLES = (EMPLOYMENT.name, CONTACTS.name, MATCHES.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The weeks that an extract covers.

    Attributes
    ----------
    first_week
        Week index of column 0.
    year, month
        Those of each week's Thursday, shape (n_weeks,); months since year 0, 12 · year + month - 1.
    monday
        Shape (n_weeks,).
    """

    first_week: int
    year: IntArray
    month: IntArray
    monday: Days

    @classmethod
    def of(cls, description: Description) -> Calendar:
        """Return the weeks of an extract."""
        first = week_index(description.first_week)
        monday = mondays(first + np.arange(description.n_weeks))
        year = (monday + 3).astype("datetime64[Y]").astype(np.int64) + 1970
        return cls(first_week=first, year=year, month=_months(monday), monday=monday)

    @property
    def n_weeks(self) -> int:
        """Weeks covered."""
        return len(self.year)

    @property
    def last_day(self) -> np.datetime64:
        """The Sunday of the last week."""
        return np.datetime64(self.monday[-1] + 6)

    def months_around(self) -> IntArray:
        """Return the months of the weeks from the one before the first to the one after the last; (n_weeks + 2,)."""
        return _months(mondays(self.first_week - 1 + np.arange(self.n_weeks + 2)))

    def label(self, column: int) -> str:
        """Return the label of a column's week."""
        return week_label(self.first_week + int(column))

    def column_of(self, day: Days) -> IntArray:
        """Return the column of the week that a day lies in; below 0 and from n_weeks on where it is not covered."""
        days = (np.asarray(day, dtype="datetime64[D]") - self.monday[0]).astype(np.int64)
        columns: IntArray = days // 7
        return columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What holds for every municipality of an extract.

    Attributes
    ----------
    code_list
        What the code list is called, its file where it is the project's, and its codes by evidence mark.
    states
        The ids of the code list's states.
    state_of
        State of each code, by code: a position in `states`, or `UNKNOWN`; shape (32768,).
    """

    folder: Path
    description: Description
    calendar: Calendar
    codes: CodeList
    code_list: str
    jobcentres: Jobcentres
    states: tuple[str, ...]
    state_of: NDArray[np.int16]

    @classmethod
    def of(
        cls, folder: Path, description: Description, codes: CodeList | None, jobcentres: Jobcentres | None
    ) -> Context:
        """Return what the checks need to know of an extract; the project's definitions where none are given."""
        file = f", {CODES_FILE.name}" if codes is None else ""
        codes, jobcentres = codes or read_codes(), jobcentres or read_jobcentres()
        marks = ", ".join(f"{number} {mark}" for mark, number in codes.marks.items() if number)
        code_list = f"{codes.title.en}{file}; {sum(codes.marks.values())} codes: {marks}"
        states = tuple(state.id for state in codes.states)
        state_of = np.full(LARGEST_CODE + 1, UNKNOWN, dtype=np.int16)
        for number, state in enumerate(states):
            state_of[codes.codes_of(state)] = number
        return cls(
            folder=folder, description=description, calendar=Calendar.of(description), codes=codes,
            code_list=code_list, jobcentres=jobcentres, states=states, state_of=state_of,
        )  # fmt: skip

    def lacks(self, *states: str) -> str:
        """Return why a check that needs these states cannot be made; empty where it can."""
        missing = [state for state in dict.fromkeys(states) if state not in self.states]
        return f"the code list has no state {', '.join(missing)}" if missing else ""

    def name(self, municipality: int) -> str:
        """Return a municipality's name and code."""
        short = self.short_name(municipality)
        return f"{short} ({municipality})" if short else str(municipality)

    def short_name(self, municipality: int) -> str:
        """Return a municipality's name; empty where `jobcentres.yml` does not have it."""
        return next((m.name for m in self.jobcentres.municipalities if m.code == municipality), "")

    def rows(self, table: str) -> int | None:
        """Return the rows of a table in the whole extract; `None` where it was made without."""
        files = [files[table].rows for files in self.description.municipalities.values() if table in files]
        return sum(files) if files else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The people of one municipality.

    Attributes
    ----------
    persons, spells
        As `read_extract` gives them.
    born
        Dates of birth, shape (n,).
    state
        State of each spell, a position in `Context.states` or `UNKNOWN`; shape (n_spells,).
    died
        Column of each person's first week as dead, `n_weeks` where there is none; shape (n,).
    tables
        The other tables that there are, rows of nobody left out.
    rows
        Rows of each file, by table, rows of nobody included.
    """

    municipality: int
    persons: pd.DataFrame
    spells: Spells
    born: Days
    state: NDArray[np.int16]
    died: IntArray
    tables: Mapping[str, pa.Table]
    rows: Mapping[str, int]

    @property
    def n(self) -> int:
        """Number of persons."""
        return len(self.persons)

    @property
    def weeks(self) -> IntArray:
        """Length of each spell, shape (n_spells,)."""
        return self.spells.stop.astype(np.int64) - self.spells.start


def read_part(context: Context, municipality: int) -> Part:
    """Read everything that an extract has on the people of a municipality.

    Raises
    ------
    DataError
        Where a file is damaged, or a column that must be there is missing or has blank cells.
    InvalidInput
        Where the spells are not valid runs.
    """
    extract = read_extract(context.folder, municipalities={municipality})
    persons, spells = extract.persons, extract.spells
    home = context.folder / partition(municipality)
    for column in PERSONS.columns:
        missing = column.name not in persons.columns
        if column.required and (missing or persons[column.name].isna().any()):
            found = "is missing" if missing else "has blank cells"
            raise DataError(f"{home / PERSONS.name}.parquet: column {column.name} {found}; must be {column.allowed}")
    files = context.description.municipalities[municipality]
    tables, rows = {}, {PERSONS.name: len(persons), SPELLS: len(spells)}
    for name in (name for name in EVENT_TABLES if name in files):
        table = read_file(home / f"{name}.parquet", files[name])
        row = to_numpy(table, ROW)
        somebody = (row >= 0) & (row < len(persons))
        tables[name] = table if somebody.all() else table.filter(pa.array(somebody))
        rows[name] = table.num_rows
    state = context.state_of[spells.code]
    return Part(
        municipality=municipality, persons=persons, spells=spells, state=state, tables=tables, rows=rows,
        born=persons["birth_date"].to_numpy().astype("datetime64[D]"), died=_first_dead(context, spells, state),
    )  # fmt: skip


def to_numpy(table: pa.Table, column: str) -> NDArray[Any]:
    """Return a column as an array; blank cells are NaN or NaT."""
    values: NDArray[Any] = table.column(column).combine_chunks().to_numpy(zero_copy_only=False)
    return values


def birthday(born: Days, age: int) -> Days:
    """Return the day on which people reach an age, 1 March in years without 29 February; shape (n,).

    Examples
    --------
    >>> birthday(np.array(["1960-02-29"], dtype="datetime64[D]"), 15)
    array(['1975-03-01'], dtype='datetime64[D]')
    """
    month = born.astype("datetime64[M]")
    return np.asarray((month + 12 * age).astype("datetime64[D]") + (born - month.astype("datetime64[D]")))


def _months(monday: Days) -> IntArray:
    return (monday + 3).astype("datetime64[M]").astype(np.int64) + 12 * 1970


def _first_dead(context: Context, spells: Spells, state: NDArray[np.int16]) -> IntArray:
    died = np.full(spells.n_persons, context.calendar.n_weeks, dtype=np.int64)
    if not context.lacks("dead"):
        dead = np.flatnonzero(state == context.states.index("dead"))
        first = dead[first_of_each(spells.person[dead])]
        died[spells.person[first]] = spells.start[first]
    return died
