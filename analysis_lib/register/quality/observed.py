"""The data dictionary of an extract, with what was found in each column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from analysis_lib.register.declarations import (
    CONTACTS,
    EMPLOYMENT,
    INDUSTRY_COLUMN,
    MATCHES,
    PERSON_ID,
    PERSONS,
    RATE_COLUMN,
    TABLES,
    WEEK_COLUMN,
    WEEKS,
)
from analysis_lib.register.layout import ROW
from analysis_lib.register.quality.findings import listed
from analysis_lib.register.quality.part import Context, Part
from analysis_lib.register.schema import Column, Table

ABSENT = "not in this extract"
LEVELS = 8
_STORED = {INDUSTRY_COLUMN: "industry", RATE_COLUMN: "rate"}
FRAME_COLUMNS = ("table", "column", "kind", "unit", "required", "rows", "distinct", "blank", "observed", "description")


class ColumnFacts:
    """What was found in one column: rows, blank cells, and how often each value stands there."""

    def __init__(self) -> None:
        self.rows = 0
        self.blank = 0
        self.values: Counter[Any] = Counter()

    def add(self, values: Mapping[Any, int], blank: int) -> None:
        """Add the rows of a part: its values with their number, and its blank cells."""
        self.rows += sum(values.values()) + blank
        self.blank += blank
        for value, number in values.items():
            self.values[value] += number

    def range_text(self, column: Column) -> str:
        """Say which values: shares of categories, least and greatest numbers and dates; texts are not shown.

        Dates of birth are shown as years: the least and the greatest belong to one person each.
        """
        if not self.values or column.kind in ("text", "jobcentre"):
            return ""
        if column.kind in ("category", "boolean"):
            total = self.values.total()
            return listed((f"{_word(v)} {100 * n / total:.1f} %" for v, n in self.values.most_common()), LEVELS)
        low, high = min(self.values), max(self.values)
        if column.kind == "date":
            places = 4 if column.name == "birth_date" else 10
            low, high = str(low)[:places], str(high)[:places]
        elif column.kind == "industry":
            low, high = int(low), int(high)
        elif column.kind == "employment rate":
            low, high = f"{low:.3g}", f"{high:.3g}"
        return f"{low} to {high}"


class Observed:
    """Collects the facts of every column of an extract."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._facts: dict[tuple[str, str], ColumnFacts] = {}
        self._people: Counter[str] = Counter()

    def add(self, part: Part) -> None:
        """Look at a municipality."""
        for column in PERSONS.columns:
            if column.name in part.persons.columns and column.name != PERSON_ID.name:
                values = part.persons[column.name]
                counts = values.value_counts().to_dict()
                self._of(PERSONS, column).add(counts, int(values.isna().sum()))
        for name, rows in part.tables.items():
            self._people[name] += len(pc.unique(rows.column(ROW)))
        for table in (CONTACTS, MATCHES):
            if table.name in part.tables:
                self.add_rows(table, part.tables[table.name])
        if EMPLOYMENT.name in part.tables:
            self._add_employment(part.tables[EMPLOYMENT.name])

    def add_rows(self, table: Table, rows: pa.Table) -> None:
        """Look at the rows of a table that is stored as it is declared."""
        for column in table.columns:
            if column.name in rows.column_names:
                self._of(table, column).add(*_counts(rows.column(column.name)))

    def frame(self, *, distinct_persons: int, code_weeks: Mapping[int, int]) -> pd.DataFrame:
        """Return one row a declared column: rows, distinct values, share of blank cells and what was observed.

        Parameters
        ----------
        distinct_persons
            Different person ids.
        code_weeks
            Person-weeks on each code.
        """
        description = self._context.description
        weeks = ColumnFacts()
        coded = sum(code_weeks.values())
        weeks.add(code_weeks, description.persons * description.n_weeks - coded)
        self._facts[WEEKS.name, WEEK_COLUMN] = weeks
        rows = [self._row(table, column, distinct_persons) for table in TABLES for column in table.columns]
        frame = pd.DataFrame(rows, columns=list(FRAME_COLUMNS))
        return frame.astype({"rows": "Int64", "distinct": "Int64", "blank": "float64"})

    def _row(self, table: Table, column: Column, distinct_persons: int) -> dict[str, Any]:
        row: dict[str, Any] = {
            "table": table.name, "column": column.name, "kind": column.kind, "unit": column.unit,
            "required": column.required, "rows": None, "distinct": None, "blank": None, "observed": ABSENT,
            "description": str(column.description),
        }  # fmt: skip
        if column.name == PERSON_ID.name:
            return row | self._person_id(table, distinct_persons)
        facts = self._facts.get((table.name, column.name))
        if facts is None:
            return row
        share = facts.blank / facts.rows if facts.rows else None
        return row | {
            "rows": facts.rows, "distinct": len(facts.values), "blank": share, "observed": facts.range_text(column),
        }  # fmt: skip

    def _person_id(self, table: Table, distinct: int) -> dict[str, Any]:
        """Return the facts of `person_id`, which is stored with the persons only."""
        persons = self._context.description.persons
        if table.name in (PERSONS.name, WEEKS.name):
            return {"rows": persons, "distinct": distinct, "blank": 0.0, "observed": ""}
        rows, people = self._context.rows(table.name), self._people[table.name]
        if rows is None:
            return {}
        rows = people if table.name == EMPLOYMENT.name else rows  # it is stored as runs of months
        return {"rows": rows, "distinct": people, "blank": 0.0 if rows else None, "observed": ""}

    def _add_employment(self, rows: pa.Table) -> None:
        months = rows.column("months").to_numpy().astype(np.int64)
        for column in EMPLOYMENT.columns:
            name = _STORED.get(column.name)
            if name is not None:
                values = pd.Series(rows.column(name).to_numpy())
                counts = pd.Series(months).groupby(values).sum()
                known = {value: int(number) for value, number in counts.items()}
                self._of(EMPLOYMENT, column).add(known, int(months[values.isna()].sum()))

    def _of(self, table: Table, column: Column) -> ColumnFacts:
        return self._facts.setdefault((table.name, column.name), ColumnFacts())


def _counts(values: pa.ChunkedArray) -> tuple[dict[Any, int], int]:
    counts = pc.value_counts(values.drop_null())
    known = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return dict(known), values.null_count


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, (bool, np.bool_)) else str(value)
