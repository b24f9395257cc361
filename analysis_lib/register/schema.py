"""The columns of an extract, declared once.

The declaration validates what is read, tells the simulator what it may draw and prints the data dictionary.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import suggest
from analysis_lib.results import Message

Kind = Literal["text", "date", "category", "boolean", "municipality", "week code"]
WEEK_COLUMN = "y_YYWW"
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHOLE = re.compile(r"-?[0-9]{1,9}(\.0+)?")
_PANDAS_TYPES: dict[Kind, Any] = {
    "text": "str", "date": "datetime64[s]", "category": "str", "boolean": "bool", "municipality": "int64",
    "week code": "int16",
}  # fmt: skip
_ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(), "date": pa.date32(), "category": pa.string(), "boolean": pa.bool_(),
    "municipality": pa.int32(), "week code": pa.int16(),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column: what it is called, what it holds and what is allowed in it.

    Attributes
    ----------
    name
        The column's name in the file; `y_YYWW` stands for one column a week.
    label
        What reports call it.
    kind
        How its cells are read; see `parse`.
    choices
        The values of a category, with what reports call them, in the order in which reports show them.
    earliest
        The first date allowed.
    unique
        Whether each value may stand only once.
    required
        Whether the file must have the column. A column that is there has no blank cells, except week codes.
    """

    name: str
    label: Message
    kind: Kind
    description: Message
    unit: str = ""
    choices: Mapping[str, Message] = field(default_factory=lambda: MappingProxyType({}))
    earliest: dt.date | None = None
    unique: bool = False
    required: bool = True

    @property
    def allowed(self) -> str:
        """What is allowed in a cell, for errors and the data dictionary."""
        choices = list(self.choices)
        texts: dict[Kind, str] = {
            "text": "text that is not blank" + (", once in the file" if self.unique else ""),
            "date": f"a date that exists, written YYYY-MM-DD, from {self.earliest} to the last week of the extract",
            "category": " or ".join(filter(None, (", ".join(choices[:-1]), *choices[-1:]))),
            "boolean": "true or false",
            "municipality": "a municipality code of jobcentres.yml",
            "week code": "a code of dream_codes.yml, or blank for self-support",
        }
        return texts[self.kind]

    @property
    def pandas_type(self) -> Any:
        """The column's type in a frame."""
        return _PANDAS_TYPES[self.kind]

    @property
    def arrow_type(self) -> pa.DataType:
        """The column's type in a Parquet file."""
        return _ARROW_TYPES[self.kind]

    def parse(self, value: object) -> Any:
        """Return a cell's value in the frame's own terms, or raise `ValueError`.

        Texts are trimmed, so that ``" 111"`` is 111; a blank week code, and 0, is 0. Whole numbers may be written
        with ``.0``, because software that knows no blank integers writes them so.
        """
        if self.kind == "week code":
            return 0 if _is_blank(value) else _parse_whole(value)
        if _is_blank(value):
            raise ValueError("blank")
        if self.kind == "date":
            return self._parse_date(value)
        if self.kind == "municipality":
            return _parse_whole(value)
        if self.kind == "boolean":
            return _parse_boolean(value)
        return self._parse_text(value)

    def _parse_text(self, value: object) -> str:
        if not isinstance(value, str):
            raise ValueError("not text")
        text = value.strip()
        if self.kind == "category" and text not in self.choices:
            raise ValueError("not a choice")
        return text

    def _parse_date(self, value: object) -> dt.date:
        if isinstance(value, dt.datetime):
            if value.time() != dt.time():
                raise ValueError("a time of day")
            value = value.date()
        if isinstance(value, str):
            # fromisoformat alone also reads 19600203 and 1960-W05-3.
            if not _ISO_DATE.fullmatch(value.strip()):
                raise ValueError("not YYYY-MM-DD")
            value = dt.date.fromisoformat(value.strip())
        if not isinstance(value, dt.date):
            raise ValueError("not a date")
        if self.earliest is not None and value < self.earliest:
            raise ValueError("too early")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One file of an extract: its name without the ending, and its columns."""

    name: str
    description: Message
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """Return a declared column, or raise with the nearest name."""
        for column in self.columns:
            if column.name == name:
                return column
        raise InvalidInput(f"column is '{name}'; must be one of {', '.join(self.names)}{suggest(name, self.names)}")


PERSON_ID = Column(
    name="person_id", label=Message("person"), kind="text", unique=True,
    description=Message("The person's pseudonym, the same in both files."),
)  # fmt: skip

PERSONS = Table(
    name="persons",
    description=Message("One row a person."),
    columns=(
        PERSON_ID,
        Column(
            name="birth_date", label=Message("date of birth"), kind="date", earliest=dt.date(1890, 1, 1),
            description=Message("Date of birth."),
        ),
        Column(
            name="sex", label=Message("sex"), kind="category",
            choices=MappingProxyType({"woman": Message("woman"), "man": Message("man")}),
            description=Message("Sex in the civil register."),
        ),
        Column(
            name="municipality", label=Message("municipality"), kind="municipality",
            description=Message("Municipality of residence, in the codes of 2007 and later."),
        ),
        Column(
            name="education", label=Message("education"), kind="category", required=False,
            choices=MappingProxyType({
                "compulsory": Message("compulsory school"),
                "upper_secondary": Message("upper secondary school"),
                "vocational": Message("vocational education"),
                "further": Message("short or medium further education"),
                "academic": Message("long further education"),
                "unknown": Message("education not known"),
            }),
            description=Message("Highest completed education when the extract was made."),
        ),
        Column(
            name="origin", label=Message("origin"), kind="category", required=False,
            choices=MappingProxyType({
                "danish": Message("Danish origin"),
                "western": Message("immigrant or descendant, western country"),
                "non_western": Message("immigrant or descendant, non-western country"),
            }),
            description=Message("Origin as in Statistics Denmark's groups."),
        ),
        Column(
            name="married", label=Message("married"), kind="boolean", required=False,
            description=Message("Married or in a registered partnership."),
        ),
        Column(
            name="children", label=Message("children at home"), kind="boolean", required=False,
            description=Message("Children under 18 in the household."),
        ),
    ),
)  # fmt: skip

WEEKS = Table(
    name="weeks",
    description=Message("One row a person, one column a week, without a gap and in the order of time."),
    columns=(
        PERSON_ID,
        Column(
            name=WEEK_COLUMN, label=Message("state in the week"), kind="week code", unit="DREAM code",
            description=Message("The DREAM code of ISO week WW of year YY, one column a week."),
        ),
    ),
)  # fmt: skip

TABLES = (PERSONS, WEEKS)


def data_dictionary() -> pd.DataFrame:
    """Return one row a declared column: table, column, kind, unit, required, allowed, description.

    Examples
    --------
    >>> data_dictionary().query("column == 'sex'")[["table", "kind", "allowed"]]
         table      kind       allowed
    2  persons  category  woman or man
    """
    rows = [
        {
            "table": table.name, "column": column.name, "kind": column.kind, "unit": column.unit,
            "required": "yes" if column.required else "no", "allowed": column.allowed,
            "description": str(column.description),
        }
        for table in TABLES
        for column in table.columns
    ]  # fmt: skip
    return pd.DataFrame(rows)


def data_dictionary_markdown() -> str:
    """Return the data dictionary as a Markdown table."""
    frame = data_dictionary()
    lines = [list(frame.columns), ["---"] * frame.shape[1], *frame.to_numpy().tolist()]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _is_blank(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _parse_whole(value: object) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(float(value))
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise ValueError("not a whole number")


def _parse_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "false": False}
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError("neither true nor false")
