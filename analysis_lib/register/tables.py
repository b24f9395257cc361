"""Hold the tables of an extract against their declaration: every problem is found, each in one line."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import suggest
from analysis_lib.register.schema import PERSON_ID, PERSONS, WEEK_COLUMN, WEEKS, Column
from analysis_lib.register.weeks import COLUMN_PATTERN, column_name, monday, parse_column

EXAMPLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """One column's cells, read: `values[position]` of shape (n,), and where they are wrong."""

    raw: list[object]
    values: list[object]
    wrong: NDArray[np.bool_]
    position: NDArray[np.int64]

    @property
    def bad_rows(self) -> NDArray[np.int64]:
        """Rows with a wrong cell, counted from 0."""
        return np.flatnonzero(self.wrong[self.position])

    def example(self, row: int) -> str:
        """Say what stands in a row, counted from 0."""
        return f"row {row + 1} {show(self.raw[self.position[row]])}"


def read_cells(cells: pa.ChunkedArray, column: Column) -> Cells:
    """Read each distinct value of a column once."""
    whole = cells.combine_chunks()
    if pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_decode()
    encoded = pc.dictionary_encode(whole, null_encoding="encode")
    raw, values = encoded.dictionary.to_pylist(), []
    wrong = np.zeros(len(raw), dtype=np.bool_)
    for number, value in enumerate(raw):
        try:
            values.append(column.parse(value))
        except ValueError:
            values.append(None)
            wrong[number] = True
    return Cells(
        raw=raw, values=values, wrong=wrong, position=encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    )


def read_persons(
    table: pa.Table, where: str, *, municipalities: Collection[int], last_day: dt.date | None
) -> tuple[pd.DataFrame, list[str]]:
    """Turn the persons file into a frame in its own row order.

    Parameters
    ----------
    where
        The file, for the problems.
    municipalities
        The codes that exist.
    last_day
        Last day of the extract; nobody is born later. `None` where the weeks could not be read.

    Returns
    -------
    frame : pandas.DataFrame
        The declared columns that the file has; not to be used where there are problems.
    problems : list of str
    """
    problems = _check_header(table.column_names, where)
    frame: dict[str, pd.Series] = {}
    for column in PERSONS.columns:
        if table.column_names.count(column.name) != 1:
            continue
        cells = read_cells(table.column(column.name), column)
        values = [_bounded(column, value, municipalities, last_day) for value in cells.values]
        cells = Cells(
            raw=cells.raw, values=values, wrong=np.array([v is None for v in values], bool), position=cells.position
        )
        problems += _wrong_cells(cells, column, where)
        if not cells.wrong.any():
            distinct = pd.Series(values, dtype=object).astype(column.pandas_type)
            frame[column.name] = distinct.take(cells.position).reset_index(drop=True)
            problems += _repeated_values(cells, column, where)
    return pd.DataFrame(frame), problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Weeks:
    """The weeks file, read; not to be used where there are problems.

    Attributes
    ----------
    ids
        Persons in the file's row order, shape (n,); empty where the column is missing or wrong.
    codes
        Shape (n, n_weeks), 0 is blank.
    indices
        Week index of each column.
    problems
        One line each.
    """

    ids: list[str]
    codes: NDArray[np.int16]
    indices: tuple[int, ...]
    problems: tuple[str, ...]

    @property
    def last_day(self) -> dt.date | None:
        """The last day of the last week; `None` without weeks."""
        return monday(max(self.indices)) + dt.timedelta(days=6) if self.indices else None


NO_WEEKS = Weeks(ids=[], codes=np.zeros((0, 0), dtype=np.int16), indices=(), problems=())


def read_weeks(table: pa.Table, where: str, *, known: Collection[int]) -> Weeks:
    """Turn the weeks file into ids and a matrix of codes.

    Parameters
    ----------
    where
        The file, for the problems.
    known
        The codes that exist, the blank 0 among them.
    """
    names = table.column_names
    weeks, problems = _week_columns(names, where)
    ids: list[str] = []
    if names.count(PERSON_ID.name) == 1:
        cells = read_cells(table.column(PERSON_ID.name), PERSON_ID)
        problems += _wrong_cells(cells, PERSON_ID, where) + _repeated_values(cells, PERSON_ID, where)
        ids = [] if cells.wrong.any() else [str(cells.values[place]) for place in cells.position]
    else:
        problems.insert(0, _missing_or_twice(PERSON_ID.name, names, where))
    columns = [(name, table.column(place)) for place, name in enumerate(names) if name in weeks]
    codes, faults = _read_codes(columns, table.num_rows, where, known)
    return Weeks(ids=ids, codes=codes, indices=tuple(weeks.values()), problems=(*problems, *faults))


def match_people(persons: Sequence[str], weeks: Sequence[str], persons_file: str, weeks_file: str) -> list[str]:
    """Say who is in one file only."""
    problems = []
    for here, there, file, other in (
        (persons, set(weeks), persons_file, weeks_file), (weeks, set(persons), weeks_file, persons_file),
    ):  # fmt: skip
        rows = [row for row, person in enumerate(here) if person not in there]
        if rows:
            examples = _examples([f"row {row + 1} {show(here[row])}" for row in rows[:EXAMPLES]], len(rows))
            problems.append(
                f"{file}: column {PERSON_ID.name}: {_count(rows, 'person')} without a row in {other}: {examples}; "
                f"must be the same persons in both files"
            )
    return problems


def show(value: object) -> str:
    """Say what stands in a cell."""
    if (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, float) and np.isnan(value))
    ):
        return "blank"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _bounded(column: Column, value: object, municipalities: Collection[int], last_day: dt.date | None) -> object:
    if column.kind == "municipality" and value not in municipalities:
        return None
    if last_day is not None and isinstance(value, dt.date) and value > last_day:
        return None
    return value


def _check_header(names: list[str], where: str) -> list[str]:
    unknown = [name for name in names if name not in PERSONS.names]
    problems = [
        f"{where}: unknown column '{name}'{suggest(name, PERSONS.names)} (allowed: {', '.join(PERSONS.names)})"
        for name in unknown
    ]
    required = [column.name for column in PERSONS.columns if column.required]
    absent = [name for name in required if name not in names]
    twice = [name for name, count in Counter(names).items() if count > 1 and name in PERSONS.names]
    return problems + [_missing_or_twice(name, names, where) for name in absent + twice]


def _missing_or_twice(name: str, names: list[str], where: str) -> str:
    if name in names:
        return f"{where}: column {name} stands {names.count(name)} times; must stand once"
    return f"{where}: column {name} is missing{suggest(name, names)}; it is required"


def _wrong_cells(cells: Cells, column: Column, where: str) -> list[str]:
    rows = cells.bad_rows
    if not len(rows):
        return []
    examples = _examples([cells.example(row) for row in rows[:EXAMPLES]], len(rows))
    return [f"{where}: column {column.name}: {_count(rows, 'wrong cell')}: {examples}; must be {column.allowed}"]


def _repeated_values(cells: Cells, column: Column, where: str) -> list[str]:
    """Say where a value stands again; two spellings that read the same (`p1`, ` p1`) are one value."""
    if not column.unique:
        return []
    values = pd.Series(cells.values, dtype=object).take(cells.position).reset_index(drop=True)
    rows = np.flatnonzero(values.duplicated() & values.notna())
    if not len(rows):
        return []
    examples = _examples([cells.example(row) for row in rows[:EXAMPLES]], len(rows))
    return [f"{where}: column {column.name}: {_count(rows, 'repeated value')}: {examples}; must be {column.allowed}"]


def _week_columns(names: list[str], where: str) -> tuple[dict[str, int], list[str]]:
    """Return the week columns in file order with their indices, and what is wrong with them."""
    weeks: dict[str, int] = {}
    problems = []
    for name in dict.fromkeys(names):
        if name == PERSON_ID.name:
            continue
        if not COLUMN_PATTERN.fullmatch(name):
            hint = suggest(name, [PERSON_ID.name] if PERSON_ID.name not in names else [])
            problems.append(f"{where}: unknown column '{name}'{hint} (allowed: {PERSON_ID.name}, {WEEK_COLUMN})")
            continue
        try:
            weeks[name] = parse_column(name)
        except InvalidInput as error:
            problems.append(f"{where}: {error}")
    if not weeks:
        return weeks, [*problems, f"{where}: there is no week column; must be one column a week, {WEEK_COLUMN}"]
    problems += [_missing_or_twice(name, names, where) for name in weeks if names.count(name) > 1]
    order = list(weeks.values())
    for (name, index), following in zip(list(weeks.items())[1:], order, strict=False):
        if index < following:
            problems.append(
                f"{where}: column {name} stands after {column_name(following)}; must be in the order of time"
            )
            break
    gone = sorted(set(range(min(order), max(order) + 1)) - set(order))
    if gone:
        shown = _examples([column_name(index) for index in gone[:EXAMPLES]], len(gone))
        problems.append(
            f"{where}: {_count(gone, 'week column')} missing: {shown}; must be every week from first to last"
        )
    return weeks, problems


@dataclass(slots=True)
class _CodeFaults:
    """Cells of one kind that are wrong, over all week columns."""

    what: str
    cells: int
    rows: NDArray[np.bool_]
    examples: list[str]

    def add(self, rows: NDArray[np.int64], column: str, cells: Cells) -> None:
        self.cells += len(rows)
        self.rows[rows] = True
        self.examples += [f"{cells.example(row)} in {column}" for row in rows[: EXAMPLES - len(self.examples)]]


def _read_codes(
    columns: list[tuple[str, pa.ChunkedArray]], n_rows: int, where: str, known: Collection[int]
) -> tuple[NDArray[np.int16], list[str]]:
    declared = WEEKS.column(WEEK_COLUMN)
    codes = np.zeros((n_rows, len(columns)), dtype=np.int16)
    kinds = ("not a whole number", "with a negative code", "with an unknown code")
    not_whole, negative, unknown = faults = [_CodeFaults(kind, 0, np.zeros(n_rows, np.bool_), []) for kind in kinds]
    for place, (name, column) in enumerate(columns):
        cells = read_cells(column, declared)
        given = [value if isinstance(value, int) else 0 for value in cells.values]
        below = np.array([value < 0 for value in given], dtype=np.bool_)
        strange = np.array([value >= 0 and value not in known for value in given], dtype=np.bool_)
        for fault, wrong in ((not_whole, cells.wrong), (negative, below), (unknown, strange)):
            if wrong.any():
                fault.add(np.flatnonzero(wrong[cells.position]), name, cells)
        usable = np.array([value if value in known else 0 for value in given], dtype=np.int16)
        codes[:, place] = usable[cells.position]
    return codes, [
        f"{where}: {_count(range(fault.cells), 'cell')} in {_count(range(int(fault.rows.sum())), 'row')} {fault.what}: "
        f"{_examples(fault.examples, fault.cells)}; must be {declared.allowed}"
        for fault in faults
        if fault.cells
    ]


def _count(things: Collection[object] | NDArray[np.int64], noun: str) -> str:
    return f"{len(things):,} {noun}" + ("" if len(things) == 1 else "s")


def _examples(examples: list[str], total: int) -> str:
    more = total - len(examples)
    return ", ".join(examples) + (f" and {more:,} more" if more else "")
