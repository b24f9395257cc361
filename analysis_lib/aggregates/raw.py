"""A published table as it stands: columns of cells, before anything is typed; and reading bytes as text and JSON."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from analysis_lib.aggregates.figures import DecimalSign
from analysis_lib.errors import DataError

Role = Literal["area", "period", "dimension", "measure"]
SHOWN = 200
_BROKEN_UTF8 = re.compile("Ã[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]")


@dataclass(frozen=True, slots=True, kw_only=True)
class RawColumn:
    """One column.

    Attributes
    ----------
    label
        As published.
    cells
        One a row: text or number, `None` for null.
    codes
        The publisher's codes of the same cells, where the table has both.
    role
        What the format says the column is; nothing where it does not say.
    unit
        Of a measure, where the format says it.
    statuses
        The publisher's flags of the same cells, blank for none.
    """

    label: str
    cells: Sequence[object]
    codes: Sequence[str] | None = None
    role: Role | None = None
    unit: str = ""
    statuses: Sequence[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RawTable:
    """A table as published; `decimal` is the sign that the format's documentation gives."""

    columns: tuple[RawColumn, ...]
    title: str = ""
    decimal: DecimalSign | None = None

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.columns[0].cells) if self.columns else 0


def quote(text: str) -> str:
    """Return the first 200 characters of what a server or file said, on one line."""
    return " ".join(text.split())[:SHOWN].rstrip()


def decode(body: bytes, where: str) -> str:
    """Return bytes as text: UTF-8 with or without a byte order mark, or Windows-1252 where it is not UTF-8.

    Raises
    ------
    DataError
        Where it is neither, or UTF-8 that was damaged on the way.

    Examples
    --------
    >>> decode("Køn".encode("cp1252"), "t.csv"), decode("Køn".encode("utf-8-sig"), "t.csv")
    ('Køn', 'Køn')
    """
    if body.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in body:
        raise DataError(f"{where}: is not text in UTF-8 or Windows-1252")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    try:
        text = body.decode("cp1252")
    except UnicodeDecodeError:
        raise DataError(f"{where}: is not text in UTF-8 or Windows-1252") from None
    if _BROKEN_UTF8.search(text):
        raise DataError(f"{where}: is UTF-8 text with damaged bytes; get it again")
    return text


def is_cut_off(body: bytes) -> bool:
    """Return whether bytes are the beginning of a JSON document that does not end.

    Examples
    --------
    >>> is_cut_off(b'[{"Data": [1, 2'), is_cut_off(b"[1]"), is_cut_off(b"<html>")
    (True, False, False)
    """
    text = body.decode("utf-8-sig", errors="replace").strip()
    if not text:
        return True
    if text[0] not in "[{":
        return False
    if text[-1] != ("]" if text[0] == "[" else "}"):
        return True
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text)
    except (ValueError, RecursionError):
        return False
    return False


def load_json(body: bytes, where: str) -> Any:
    """Return a JSON document; a page, a message or a damaged document is an error that quotes it.

    Raises
    ------
    DataError
        Also where a key stands twice, or a number is NaN or infinite.
    """
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{where}: the JSON document is not UTF-8") from None
    try:
        return json.loads(text, parse_constant=_refuse, object_pairs_hook=_once)
    except RecursionError:
        raise DataError(f"{where}: the JSON document is nested too deeply") from None
    except ValueError as error:
        if is_cut_off(body):
            raise DataError(f"{where}: the JSON document is empty or cut off") from None
        kind = "a web page" if text.lstrip().startswith("<") else "no JSON table"
        raise DataError(f"{where}: answered with {kind} ({error}): {quote(text)}") from None


def read_csv(body: bytes, where: str) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows of a table separated by semicolons.

    Raises
    ------
    DataError
        Where it is a page, has one column, a column without a name, or a row of another length.
    """
    text = decode(body, where)
    if text.lstrip().startswith("<"):
        raise DataError(f"{where}: answered with a web page, no table: {quote(text)}")
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=";", strict=True) if any(line)]
    except csv.Error as error:
        raise DataError(f"{where}: is not a table separated by semicolons ({error})") from None
    if not lines or len(lines[0]) < 2:
        raise DataError(f"{where}: is not a table separated by semicolons: {quote(text)}")
    wrong = [number for number, line in enumerate(lines[1:], 1) if len(line) != len(lines[0])]
    if wrong:
        raise DataError(
            f"{where}: row {wrong[0]} has {len(lines[wrong[0]])} cells; must have {len(lines[0])} like the header"
        )
    if not any(line[-1].strip() for line in lines):
        lines = [line[:-1] for line in lines]
    header = [label.strip() for label in lines[0]]
    if "" in header:
        raise DataError(f"{where}: column {header.index('') + 1} has no name")
    return header, lines[1:]


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, _ in pairs if sum(key == other for other, _ in pairs) > 1)
        raise ValueError(f"key '{twice}' stands twice")
    return found
