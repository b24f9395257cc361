"""Aggregate: a published table in long form, typed, with ids, and with what was left out of it."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.aggregates.area_rows import AreaRows, Unmapped, texts
from analysis_lib.aggregates.areas import read_area_index
from analysis_lib.aggregates.figures import Cell, DecimalSign, decimal_sign, missing_reason, read_figure
from analysis_lib.aggregates.periods import Period
from analysis_lib.aggregates.raw import RawColumn, RawTable
from analysis_lib.aggregates.reading import Layout, Reading, lay_out
from analysis_lib.aggregates.totals import dimension_totals
from analysis_lib.errors import DataError, InvalidInput

SHOWN_PROBLEMS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A column of figures: its name in the frame, its published label, its unit (blank where unknown)."""

    name: str
    label: str
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removed:
    """Total rows that were left out: the value that marks them, and how many rows had it."""

    column: str
    value: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A published table.

    Attributes
    ----------
    table
        Id of the table.
    title
        Blank where it is not known.
    source
        File or address, without a token.
    request
        The body that was sent, where one was.
    retrieved_at
        Said by the caller or the server; nothing where neither did.
    frame
        One row an area, period and combination of dimensions, in the published order: `area` (as published),
        `area_kind`, `jobcentre` (our id where the row *is* that jobcentre), `part_of` (the joint jobcentre that a
        municipality is one part of), `municipality` (code), `period` (`Period`), one category column a dimension,
        `is_total`, and for each measure its figures (Int64 or float64, missing where there is none) and
        `<measure>_status`: the publisher's marker or flag, missing for a plain figure.
    measures, removed, unmapped
        What the figures are, which totals were left out, which areas have no id.
    left_out
        Labels of columns of figures that were not asked for.
    """

    table: str
    title: str
    source: str
    request: str = ""
    retrieved_at: dt.datetime | None = None
    frame: pd.DataFrame = field(repr=False, compare=False)
    measures: tuple[Measure, ...]
    removed: tuple[Removed, ...] = ()
    unmapped: tuple[Unmapped, ...] = ()
    left_out: tuple[str, ...] = ()

    def unit(self, measure: str) -> str:
        """Return a measure's unit.

        Raises
        ------
        InvalidInput
            Where there is no such measure.
        """
        units = {m.name: m.unit for m in self.measures}
        if measure not in units:
            raise InvalidInput(f"measure is '{measure}'; must be one of {', '.join(units)}")
        return units[measure]


def build_aggregate(
    raw: RawTable,
    reading: Reading,
    where: str,
    *,
    table: str,
    source: str,
    request: str = "",
    retrieved_at: dt.datetime | None = None,
    asked_areas: Collection[str] = (),
) -> Aggregate:
    """Type a published table, name its areas and take its totals out.

    Parameters
    ----------
    raw
        As published.
    reading
        How to read it.
    where
        The file or table, for errors.
    table, source, request, retrieved_at
        As in `Aggregate`.
    asked_areas
        Names or codes of areas that were asked for one by one: they stay although they hold others.

    Raises
    ------
    DataError
        Where the table has no rows or nothing but totals, a cell cannot be read, or two rows are the same area, period
        and dimensions.
    """
    layout = lay_out(raw, reading, where)
    if not raw.n_rows:
        raise DataError(f"{where}: has no rows; nothing is published for what was asked")
    periods = _periods(layout.period, where)
    areas = AreaRows(layout.area, periods, reading.areas or read_area_index(), where)
    if reading.strict and areas.unmapped:
        first = "; ".join(f"{u.name}: {u.reason}" for u in areas.unmapped[:SHOWN_PROBLEMS])
        raise DataError(f"{where}: {len(areas.unmapped)} areas have no id: {first}")
    dimensions = {column.label: _categories(column, where) for column in layout.dimensions}
    _check_once(areas, periods, dimensions, where)
    totals, dropped, removed = _totals(layout, reading, areas, asked_areas, where)
    figures, measures = _figures(layout, raw.decimal, reading, where)
    frame = pd.DataFrame(areas.columns() | {"period": pd.Series(periods, dtype=object)} | dimensions)
    frame = frame.assign(is_total=totals, **figures)
    if reading.totals == "remove":
        frame = frame.loc[~dropped].reset_index(drop=True)
        if frame.empty:
            raise DataError(f"{where}: every row is a total; keep them with Reading(totals='mark')")
    return Aggregate(
        table=table, title=reading.title or raw.title, source=source, request=request, retrieved_at=retrieved_at,
        frame=frame, measures=measures, removed=removed if reading.totals == "remove" else (),
        unmapped=areas.unmapped, left_out=layout.left_out,
    )  # fmt: skip


def _categories(column: RawColumn, where: str) -> pd.Series:
    written = texts(column, where)
    return pd.Series(pd.Categorical(written, categories=list(dict.fromkeys(written))))


def _periods(column: RawColumn, where: str) -> list[Period]:
    written = texts(column, where)
    known: dict[str, Period] = {}
    for row, text in enumerate(written):
        if text not in known:
            try:
                known[text] = Period.parse(text)
            except InvalidInput as error:
                raise DataError(f"{where}: column {column.label}, row {row + 1}: {error}") from None
    return [known[text] for text in written]


def _check_once(areas: AreaRows, periods: list[Period], dimensions: dict[str, pd.Series], where: str) -> None:
    key = pd.DataFrame({"place": areas.places(), "period": periods, **{f"_{k}": v for k, v in dimensions.items()}})
    repeated = np.flatnonzero(key.duplicated())
    if len(repeated):
        second = int(repeated[0])
        first = int(np.flatnonzero((key == key.iloc[second]).all(axis=1))[0])
        names = " and ".join(dict.fromkeys(areas.names[row] for row in (first, second))) if areas.names else "no area"
        raise DataError(
            f"{where}: rows {first + 1} and {second + 1} are the same area, period and dimensions ({names}; "
            f"{', '.join(str(value) for value in key.iloc[second, 1:])})"
        )


def _totals(
    layout: Layout, reading: Reading, areas: AreaRows, asked_areas: Collection[str], where: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], tuple[Removed, ...]]:
    """Return which rows are totals, which of them leave, and what marked those."""
    totals = areas.totals()
    dropped = totals & ~areas.asked(asked_areas) if asked_areas and totals.any() else totals.copy()
    by_area = Counter(name for name, out in zip(areas.names or (), dropped, strict=False) if out)
    removed = [
        Removed(column=layout.area.label, value=value, rows=n)
        for value, n in by_area.items()
        if layout.area is not None
    ]
    for column in layout.dimensions:
        values = dimension_totals(column, reading.total_values.get(column.label), where)
        marked = np.array([str(value) in values for value in column.cells], dtype=bool)
        counts = Counter(str(value) for value in column.cells)
        removed += [Removed(column=column.label, value=v, rows=counts[v]) for v in counts if v in values]
        totals, dropped = totals | marked, dropped | marked
    return totals, dropped, tuple(removed)


def _figures(
    layout: Layout, documented: DecimalSign | None, reading: Reading, where: str
) -> tuple[dict[str, pd.Series], tuple[Measure, ...]]:
    cells = {
        name: [Cell(column=column.label, row=row, value=value) for row, value in enumerate(column.cells)]
        for name, column in layout.measures.items()
    }
    everything = [cell for column in cells.values() for cell in column]
    sign = decimal_sign(everything, where, declared=reading.decimal, documented=documented)
    found: dict[str, pd.Series] = {}
    for name, column in layout.measures.items():
        reasons = [missing_reason(cell.value) for cell in cells[name]]
        pairs = zip(cells[name], reasons, strict=True)
        values = [None if reason else read_figure(cell, where, sign) for cell, reason in pairs]
        whole = all(isinstance(value, int) for value in values if value is not None)
        found[name] = pd.Series(values, dtype="Int64" if whole else "float64")
        flags = column.statuses or [""] * len(values)
        status = [flag or reason for flag, reason in zip(flags, reasons, strict=True)]
        found[f"{name}_status"] = pd.Series(status, dtype="str").astype("category")
    measures = tuple(
        Measure(name=name, label=column.label, unit=column.unit or unit_of(column.label))
        for name, column in layout.measures.items()
    )
    return found, measures


def unit_of(label: str) -> str:
    """Return the unit that a label says: `percent`, `percentage points`, `count`, or nothing.

    Examples
    --------
    >>> unit_of("Fuldtidspersoner i pct. af arbejdsstyrken [16-66 år]"), unit_of("Antal personer"), unit_of("INDHOLD")
    ('percent', 'count', '')
    """
    words = label.casefold()
    if "pct. point" in words or "procentpoint" in words:
        return "percentage points"
    if "pct." in words:
        return "percent"
    return "count" if "antal" in words.split() else ""
