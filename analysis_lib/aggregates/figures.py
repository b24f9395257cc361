"""Published figures to numbers: Danish and English forms, missing markers; what can be read two ways is an error."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from analysis_lib.errors import DataError

DecimalSign = Literal[",", "."]
MISSING_MARKERS = ("-", ".", "..", "...", "…", "*", "")
"""Cells without a number. What each means is the publisher's to say; none of them is ever read as 0."""
BLANK, NULL, ABSENT = "blank", "null", "absent"
"""How the status names a blank cell, a JSON null and a cell that a sparse table leaves out."""
_SPACES = re.compile(r"(?<=[0-9])[ \u00a0\u2009\u202f](?=[0-9]{3}(?:[^0-9]|$))")
_PLAIN = re.compile(r"-?[0-9]+")
_ONE = re.compile(r"-?([0-9]+)([.,])([0-9]+)")
_GROUPED = re.compile(r"-?[1-9][0-9]{0,2}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*(?:(?!\1)([.,])[0-9]+)?")
_NUMBER_LIKE = re.compile(r"[-\u2212]?[0-9][0-9.,\s]*")
_LIMIT = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell of a column that may hold figures, for errors: where it stands and what it says."""

    column: str
    row: int
    value: object

    def __str__(self) -> str:
        return f"column {self.column}, row {self.row + 1}: {self.value!r}"


def missing_reason(value: object) -> str | None:
    """Return the marker of a cell without a number, or nothing where it may hold one.

    Examples
    --------
    >>> missing_reason("..").strip("."), missing_reason(None), missing_reason(" "), missing_reason(0)
    ('', 'null', 'blank', None)
    """
    if value is None:
        return NULL
    if isinstance(value, str) and (text := value.strip()) in MISSING_MARKERS:
        return text or BLANK
    return None


def is_figure(value: object) -> bool:
    """Return whether a cell is a number or written like one, well formed or not.

    Examples
    --------
    >>> is_figure("1.234,5"), is_figure("16-19 år"), is_figure(3)
    (True, False, True)
    """
    if isinstance(value, str):
        return _NUMBER_LIKE.fullmatch(value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def decimal_sign(
    cells: Sequence[Cell], where: str, *, declared: DecimalSign | None = None, documented: DecimalSign | None = None
) -> DecimalSign | None:
    """Return the decimal sign that a file uses.

    Parameters
    ----------
    cells
        All cells of the file that may hold figures.
    where
        The file or address, for errors.
    declared
        What the caller knows; it decides how 1.234 is read.
    documented
        What the format says. A figure that contradicts it is an error, but a figure that is right either way (1.234
        where the sign is a comma) still needs another figure of the file as proof.

    Returns
    -------
    str or None
        `,` or `.`; nothing where no figure has a sign.

    Raises
    ------
    DataError
        Where figures use both signs, contradict the one that is declared or documented, or can be read two ways.
    """
    proofs: dict[DecimalSign, Cell] = {}
    doubtful: dict[DecimalSign, Cell] = {}
    for cell in cells:
        if isinstance(cell.value, str):
            sign, sure = _sign_of(_normalised(cell.value))
            if sign is not None:
                (proofs if sure else doubtful).setdefault(sign, cell)
    known = declared or documented
    for sign, cell in proofs.items():
        if known is not None and sign != known:
            raise DataError(f"{where}: {cell} uses '{sign}' as decimal sign; must be '{known}'")
    if len(proofs) == 2:
        raise DataError(f"{where}: {proofs[',']} and {proofs['.']} use different decimal signs; must be one in a file")
    settled = declared or next(iter(proofs), None)
    if settled is None:
        for sign, cell in doubtful.items():
            if sign != documented:
                raise DataError(
                    f"{where}: {cell} can be read with '{sign}' between thousands or before decimals; "
                    "say which sign is the decimal one with Reading(decimal=...)"
                )
    return settled or documented


def read_figure(cell: Cell, where: str, sign: DecimalSign | None) -> int | float:
    """Return a cell's number; `sign` is the file's decimal sign.

    Raises
    ------
    DataError
        Where it is no number, or a whole number too large to be exact (2^53).

    Examples
    --------
    >>> read_figure(Cell(column="Antal", row=0, value="1.234,5"), "t.csv", ",")
    1234.5
    """
    value = cell.value
    if isinstance(value, str):
        text = _normalised(value)
        group = {",": ".", ".": ","}.get(sign or "", "")
        grouped = _GROUPED.fullmatch(text)
        if group and grouped and group in text and grouped[1] == group:
            text = text.replace(group, "")
        if _PLAIN.fullmatch(text):
            value = int(text)
        elif sign is not None and re.fullmatch(rf"-?[0-9]+{re.escape(sign)}[0-9]+", text):
            value = float(text.replace(sign, "."))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(f"{where}: {cell} is no number; must be a number or one of {', '.join(MISSING_MARKERS[:-1])}")
    if isinstance(value, int) and abs(value) > _LIMIT:
        raise DataError(f"{where}: {cell} is too large; must be at most 2^53")
    return value


def _normalised(text: str) -> str:
    """Write a minus sign as a hyphen, and thousands without spaces."""
    return _SPACES.sub("", text.strip().replace("\u2212", "-"))


def _sign_of(text: str) -> tuple[DecimalSign | None, bool]:
    """Return the decimal sign that a figure shows, or the sign in doubt (a single `1.234`), and whether it is sure."""
    if one := _ONE.fullmatch(text):
        sign: DecimalSign = "," if one[2] == "," else "."
        grouping_too = len(one[3]) == 3 and len(one[1]) <= 3 and not one[1].startswith("0")
        return sign, not grouping_too
    grouped = _GROUPED.fullmatch(text)
    if grouped is None:
        return None, True
    return ("," if grouped[1] == "." else "."), True
