"""What a declared column is: how its cells are read and what is allowed in them.

The declarations themselves stand in `declarations`.
"""

from __future__ import annotations

import datetime as dt
import decimal
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import suggest
from analysis_lib.register.codes import LARGEST_CODE
from analysis_lib.results import Message

Kind = Literal[
    "text", "date", "category", "boolean", "municipality", "jobcentre", "week code", "industry", "employment rate"
]

LARGEST_INDUSTRY = 999_999
LARGEST_RATE = 10.0
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# 1.000 may be a thousand.
_WHOLE = re.compile(r"-?[0-9]{1,9}(\.(?!000$)0+)?")
_NUMBER = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?")
_EXACT = 2**53
"""Beyond it not every whole number is a float, so that two identifiers may have become one."""
_PANDAS_TYPES: dict[Kind, Any] = {
    "text": "str", "date": "datetime64[s]", "category": "str", "boolean": "bool", "municipality": "int64",
    "jobcentre": "str", "week code": "int16", "industry": "Int32", "employment rate": "float64",
}  # fmt: skip
_ARROW_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.string(), "date": pa.date32(), "category": pa.string(), "boolean": pa.bool_(),
    "municipality": pa.int32(), "jobcentre": pa.string(), "week code": pa.int16(), "industry": pa.int32(),
    "employment rate": pa.float64(),
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
        Whether the file must have the column.
    blank
        What a blank cell means where one is allowed; empty where none is.
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
    blank: str = ""

    @property
    def allowed(self) -> str:
        """What is allowed in a cell, for errors and the data dictionary."""
        choices = list(self.choices)
        since = f", from {self.earliest} to the last week of the extract" if self.earliest else ""
        texts: dict[Kind, str] = {
            "text": "text that is not blank" if not self.blank else "text",
            "date": "a date that exists, written YYYY-MM-DD" + since,
            "category": " or ".join(filter(None, (", ".join(choices[:-1]), *choices[-1:]))),
            "boolean": "true or false",
            "municipality": "a municipality code of jobcentres.yml",
            "jobcentre": "an id of jobcentres.yml, such as jc_odense",
            "week code": f"a whole number from 1 to {LARGEST_CODE}",
            "industry": f"a whole number from 0 to {LARGEST_INDUSTRY}",
            "employment rate": f"a number from 0 to {LARGEST_RATE:g}, where 1 is full time",
        }
        once = ", once in the file" if self.unique else ""
        return texts[self.kind] + once + (f", or blank for {self.blank}" if self.blank else "")

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

        Texts are trimmed, so that ``" 111"`` is 111; a blank cell is `None` where one is allowed (a blank week code,
        and 0, is 0). Whole numbers may be written with ``.0``, because software that knows no blank integers writes
        them so; where text is asked for, as an identifier, they are their digits.
        """
        if _is_blank(value):
            return self._parse_blank()
        parsers: dict[Kind, Callable[[object], Any]] = {
            "date": self._parse_date, "municipality": _parse_whole, "boolean": _parse_boolean,
            "week code": partial(_parse_between, LARGEST_CODE), "industry": partial(_parse_between, LARGEST_INDUSTRY),
            "employment rate": _parse_rate,
        }  # fmt: skip
        return parsers.get(self.kind, self._parse_text)(value)

    def _parse_blank(self) -> Any:
        if not self.blank:
            raise ValueError("blank")
        return 0 if self.kind == "week code" else None

    def _parse_text(self, value: object) -> str:
        text = value.strip() if isinstance(value, str) else str(_parse_whole(value))
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
    """One table of a register: its name (that of its file or folder), its columns, and whether it may be absent."""

    name: str
    description: Message
    columns: tuple[Column, ...]
    required: bool = False

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


def _is_blank(value: object) -> bool:
    if isinstance(value, str):
        return not value.strip()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _parse_whole(value: object) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(float(value))
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    if isinstance(value, decimal.Decimal) and value == value.to_integral_value():
        return int(value)
    raise ValueError("not a whole number")


def _parse_boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    words = {"true": True, "false": False}
    if isinstance(value, str) and value.strip().lower() in words:
        return words[value.strip().lower()]
    raise ValueError("neither true nor false")


def _parse_between(largest: int, value: object) -> int:
    whole = _parse_whole(value)
    if not 0 <= whole <= largest:
        raise ValueError("out of range")
    return whole


def _parse_rate(value: object) -> float:
    if isinstance(value, str):
        # float alone also reads 1_0 and digits of other scripts.
        if not _NUMBER.fullmatch(value.strip()):
            raise ValueError("not a number")
        value = float(value)
    if not isinstance(value, (int, float, np.integer, np.floating, decimal.Decimal)) or isinstance(value, bool):
        raise ValueError("not a number")
    if not 0 <= value <= LARGEST_RATE:
        raise ValueError("out of range")
    return float(value)
