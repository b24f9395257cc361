"""The area of each row of a table: found once each, as columns of the frame, and which rows hold others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.aggregates.areas import Area, AreaIndex, area_key
from analysis_lib.aggregates.figures import Cell
from analysis_lib.aggregates.periods import Period
from analysis_lib.aggregates.raw import RawColumn
from analysis_lib.aggregates.totals import area_totals
from analysis_lib.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmapped:
    """An area without an id, why, and how many rows it has."""

    name: str
    reason: str
    rows: int


class AreaRows:
    """The area of each row, each different one found once.

    Parameters
    ----------
    column
        The area's column; nothing where the table has no areas.
    periods
        Of the rows; the year of a period's last day decides what a name means.
    index
        Finds areas.
    where
        The file or table, for errors.

    Raises
    ------
    DataError
        Where a cell is blank, or code and name are two different places.
    """

    def __init__(self, column: RawColumn | None, periods: Sequence[Period], index: AreaIndex, where: str) -> None:
        self.names: list[str] | None = None if column is None else texts(column, where)
        names = self.names or [""] * len(periods)
        codes = None if column is None else column.codes
        if codes is None and column is not None and all(name.isdigit() for name in names):
            codes = names
        self.codes: Sequence[str | None] = codes or [None] * len(names)
        keys = list(zip(names, self.codes, (period.last_day.year for period in periods), strict=True))
        found: dict[tuple[str, str | None, int], Area] = {}
        for key in dict.fromkeys(keys) if column is not None else ():
            try:
                found[key] = index.find(key[0], key[2], code=key[1])
            except DataError as error:
                raise DataError(f"{where}: {error}") from None
        nowhere = Area(kind="other")
        self.areas = [found.get(key, nowhere) for key in keys]
        rows = Counter((key[0], area.problem) for key, area in zip(keys, self.areas, strict=True) if area.problem)
        self.unmapped = tuple(Unmapped(name=name, reason=why, rows=n) for (name, why), n in rows.items())

    def places(self) -> list[tuple[int, ...] | str]:
        """Return what makes two rows the same place: the municipalities that they cover, else code or name."""
        covers = {area: tuple(sorted(area.municipalities)) for area in set(self.areas)}
        named = zip(self.areas, self.codes, self.names or [""] * len(self.areas), strict=True)
        return [covers[area] or code or area_key(name) for area, code, name in named]

    def columns(self) -> dict[str, pd.Series]:
        """Return the area's columns of the frame."""
        return {
            "area": pd.Series(self.names, index=range(len(self.areas)), dtype="str"),
            "area_kind": pd.Series([area.kind for area in self.areas], dtype="category"),
            "jobcentre": pd.Series([area.jobcentre for area in self.areas], dtype="str"),
            "part_of": pd.Series([area.part_of for area in self.areas], dtype="str"),
            "municipality": pd.Series([area.municipality for area in self.areas], dtype="Int64"),
        }

    def totals(self) -> NDArray[np.bool_]:
        """Return which rows are areas that hold others of the table, shape (n_rows,)."""
        different = list(dict.fromkeys(self.areas))
        held = {different[k] for k in area_totals(different)}
        return np.array([area in held for area in self.areas], dtype=bool)

    def asked(self, wanted: Collection[str]) -> NDArray[np.bool_]:
        """Return which rows are areas that were asked for, shape (n_rows,)."""
        keys, names = {area_key(name) for name in wanted}, self.names or []
        return np.array(
            [area_key(name) in keys or code in wanted for name, code in zip(names, self.codes, strict=True)], dtype=bool
        )


def texts(column: RawColumn, where: str) -> list[str]:
    """Return a column's cells as text, without blanks around it; whole numbers are written out.

    Raises
    ------
    DataError
        Where a cell is blank or something else.
    """
    found = []
    for row, value in enumerate(column.cells):
        number = isinstance(value, int) and not isinstance(value, bool)
        text = value.strip() if isinstance(value, str) else str(value) if number else ""
        if not text:
            cell = Cell(column=column.label, row=row, value=value)
            raise DataError(f"{where}: {cell}; must be text that is not blank")
        found.append(text)
    return found
