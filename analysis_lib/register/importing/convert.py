"""Chunks of source files turned into rows of the extract: spells, months of employment, contacts, match decisions.

Every converter returns a table whose first column is `row`, the person's row in the extract, sorted by it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis_lib.register.codes import LARGEST_CODE
from analysis_lib.register.declarations import (
    EMPLOYMENT,
    INDUSTRY_COLUMN,
    PERSON_ID,
    RATE_COLUMN,
    WEEK_COLUMN,
    WEEKS,
)
from analysis_lib.register.importing.cells import Cells, read_cells
from analysis_lib.register.importing.faults import EXAMPLES, Fault, Faults
from analysis_lib.register.importing.headers import Series
from analysis_lib.register.importing.series import UNKNOWN, SeriesCells
from analysis_lib.register.layout import ROW, SPELLS, SPELLS_SCHEMA
from analysis_lib.register.schema import LARGEST_INDUSTRY, Column, Table
from analysis_lib.register.sources import Chunk, Source
from analysis_lib.register.spells import spells_from_weeks

IntArray = NDArray[np.int64]
Checked = tuple[Column, Callable[[Any], bool] | None]
EMPLOYMENT_SCHEMA = pa.schema(
    [(ROW, pa.int32()), ("month", pa.int32()), ("months", pa.int16()), ("industry", pa.int32()), ("rate", pa.float32())]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Converter:
    """What turns chunks of one source into rows of one table of the extract.

    Attributes
    ----------
    table
        The table of the extract.
    schema
        Its columns.
    columns
        The source's columns that it needs, without `person_id`; `integers` and `numbers` say which are asked for as
        such.
    convert
        Takes a chunk, the rows of its persons in the extract (-1 for nobody's), the file and the faults found so far,
        to which it adds; returns the table.
    """

    table: str
    schema: pa.Schema
    columns: tuple[str, ...]
    integers: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    convert: Callable[[Chunk, IntArray, Source, Faults], pa.Table]


def convert_weeks(weeks: Series) -> Converter:
    """Return the converter of weekly codes to `row`, `start`, `stop`, `code`."""
    return Converter(
        table=SPELLS, schema=SPELLS_SCHEMA, columns=weeks.present, integers=weeks.present,
        convert=partial(_weeks_to_spells, weeks),
    )  # fmt: skip


def convert_months(months: Mapping[str, Series]) -> Converter:
    """Return the converter of months of employment to `row`, `month`, `months`, `industry`, `rate`: runs.

    Months without industry and rate are left out; one of them is null where only the other is known.
    """
    industries, rates = months["branche"].present, months["grad"].present
    return Converter(
        table=EMPLOYMENT.name, schema=EMPLOYMENT_SCHEMA, columns=industries + rates, integers=industries, numbers=rates,
        convert=partial(_months_to_runs, months),
    )  # fmt: skip


def convert_events(
    table: Table, present: Sequence[str], *, last_day: dt.date, known_jobcentre: Callable[[str], bool]
) -> Converter:
    """Return the converter of events of a person (contacts, match decisions) to `row` and their columns.

    Days of what has happened must not be later than `last_day`.
    """
    checked = checked_columns(table, present, last_day=last_day, known_jobcentre=known_jobcentre)
    own = tuple((column, accept) for column, accept in checked if column.name != PERSON_ID.name)
    schema = pa.schema([(ROW, pa.int32()), *((column.name, column.arrow_type) for column, _ in own)])
    return Converter(
        table=table.name, schema=schema, columns=tuple(column.name for column, _ in own),
        convert=partial(_events_to_rows, own),
    )  # fmt: skip


def checked_columns(
    table: Table, present: Sequence[str], *, last_day: dt.date, known_jobcentre: Callable[[str], bool]
) -> tuple[Checked, ...]:
    """Return the declared columns that are present, each with what its values must fulfil beyond its declaration."""
    checks: dict[str, Callable[[Any], bool]] = {
        "jobcentre": known_jobcentre, "date": lambda day: bool(day <= last_day),
    }  # fmt: skip
    return tuple(
        (column, None if column.kind == "date" and column.earliest is None else checks.get(column.kind))
        for column in table.columns
        if column.name in present
    )


def read_columns(columns: Sequence[Checked], chunk: Chunk, file: str, faults: Faults) -> dict[str, Cells]:
    """Read declared columns of a chunk."""
    read = {}
    for column, accept in columns:
        read[column.name] = read_cells(chunk.table.column(column.name), column, chunk.first_row, accept=accept)
        faults.add(read[column.name].fault(file, column))
    return read


def _weeks_to_spells(weeks: Series, chunk: Chunk, rows: IntArray, source: Source, faults: Faults) -> pa.Table:
    cells = SeriesCells(chunk, WEEKS.column(WEEK_COLUMN), source)
    matrix = cells.matrix(weeks.present, LARGEST_CODE)
    cells.report(faults)
    spells = spells_from_weeks(matrix, first_week=weeks.first, person_id=rows)
    return _sorted_table([rows[spells.person], spells.start, spells.stop, spells.code], SPELLS_SCHEMA)


def _months_to_runs(
    months: Mapping[str, Series], chunk: Chunk, rows: IntArray, source: Source, faults: Faults
) -> pa.Table:
    industry, rate = _industries_and_rates(months, chunk, source, faults)
    begins = np.ones(industry.shape, dtype=np.bool_)
    begins[:, 1:] = (industry[:, 1:] != industry[:, :-1]) | (rate[:, 1:] != rate[:, :-1])
    person, start = np.nonzero(begins)
    ends = np.append(start[1:], 0)
    ends[np.append(person[1:] != person[:-1], True)] = industry.shape[1]
    kept = (industry[person, start] != UNKNOWN) | (rate[person, start] != UNKNOWN)
    person, start, ends = person[kept], start[kept], ends[kept]
    first = months["branche"].first
    columns = [rows[person], first + start, ends - start, industry[person, start], rate[person, start]]
    return _sorted_table(columns, EMPLOYMENT_SCHEMA, nulls=("industry", "rate"))


def _industries_and_rates(
    months: Mapping[str, Series], chunk: Chunk, source: Source, faults: Faults
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return both, shape (n, months), `UNKNOWN` where blank."""
    industries = SeriesCells(chunk, EMPLOYMENT.column(INDUSTRY_COLUMN), source)
    rates = SeriesCells(chunk, EMPLOYMENT.column(RATE_COLUMN), source)
    unknown = np.full(chunk.table.num_rows, UNKNOWN)
    industry = [
        unknown if name is None else industries.whole(name, LARGEST_INDUSTRY, blank=UNKNOWN)
        for name in months["branche"].names
    ]
    rate = [unknown if name is None else rates.rate(name) for name in months["grad"].names]
    industries.report(faults)
    rates.report(faults)
    return np.stack(industry, axis=1).astype(np.int32), np.stack(rate, axis=1).astype(np.float32)


def _events_to_rows(
    columns: Sequence[Checked], chunk: Chunk, rows: IntArray, source: Source, faults: Faults
) -> pa.Table:
    read = read_columns(columns, chunk, source.name, faults)
    if {"planned", "held"} <= set(read):
        _check_some_day(read, source.name, faults)
    order = np.argsort(rows, kind="stable")
    order = order[rows[order] >= 0]
    arrays = {column.name: read[column.name].to_arrow(column) for column, _ in columns}
    return pa.table({ROW: pa.array(rows, type=pa.int32()), **arrays}).take(pa.array(order))


def _check_some_day(read: Mapping[str, Cells], file: str, faults: Faults) -> None:
    """Find contacts that were neither planned nor held."""
    days = [read[name] for name in ("planned", "held")]
    neither = np.logical_and.reduce([
        np.array([v is None for v in cells.values], dtype=np.bool_)[cells.position] & ~cells.bad for cells in days
    ])  # fmt: skip
    rows = np.flatnonzero(neither)
    examples = [f"row {days[0].first_row + int(row):,}" for row in rows[:EXAMPLES]]
    allowed = "planned for a day, held on one, or both"
    faults.add(Fault(file, "contact", "neither planned nor held", allowed, len(rows), examples))


def _sorted_table(columns: Sequence[NDArray[Any]], schema: pa.Schema, nulls: Sequence[str] = ()) -> pa.Table:
    """Return the columns sorted by row, those of nobody left out; `UNKNOWN` is null in the columns named."""
    order = np.argsort(columns[0], kind="stable")
    order = order[columns[0][order] >= 0]
    arrays = []
    for column, field in zip(columns, schema, strict=True):
        values = column[order]
        mask = values == UNKNOWN if field.name in nulls else None
        arrays.append(pa.array(values.astype(field.type.to_pandas_dtype()), mask=mask))
    return pa.Table.from_arrays(arrays, schema=schema)
