"""The decimal sign of a CSV file's numbers: one in the whole file."""

from __future__ import annotations

import re

import pyarrow as pa
import pyarrow.compute as pc

from analysis_lib.errors import DataError
from analysis_lib.register.sources.cells import number_pattern
from analysis_lib.register.sources.contract import DECIMALS


def other_sign(cells: pa.ChunkedArray, decimal: str) -> tuple[int, str] | None:
    """Return the first cell that is a number with the other decimal sign, with its place counted from 0.

    Examples
    --------
    >>> other_sign(pa.chunked_array([["1,5", "x", "2.5"]]), ",")
    (2, '2.5')
    """
    return _first_with(cells, "." if decimal == "," else ",")


class FirstSigns:
    """The first number of a file with each decimal sign; `add` refuses the second sign."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._first: dict[str, str] = {}

    def may_change(self, data: bytes) -> bool:
        """Whether these bytes hold a sign that was not yet found in a number."""
        return any(sign.encode() in data for sign in DECIMALS if sign not in self._first)

    def add(self, cells: pa.ChunkedArray, column: str, first_row: int) -> None:
        """Look through a column's texts; `first_row` is the row of the first."""
        for sign in DECIMALS:
            found = None if sign in self._first else _first_with(cells, sign)
            if found:
                self._first[sign] = f"column {column} row {first_row + found[0]:,} '{found[1]}'"
        if len(self._first) > 1:
            found_signs = ", ".join(self._first[sign] for sign in DECIMALS)
            raise DataError(
                f"{self._name}: both ',' and '.' stand as decimal signs: {found_signs}; must be one in the whole file"
            )

    def decide(self) -> str | None:
        """Return the sign that was found, `None` where none was."""
        return next(iter(self._first), None)


def _first_with(cells: pa.ChunkedArray, sign: str) -> tuple[int, str] | None:
    pattern = number_pattern(sign)
    texts = cells.combine_chunks()
    having = pc.match_substring_regex(texts, rf"^\s*[-+0-9eE]*{re.escape(sign)}[-+0-9eE]*\s*$")
    for place in pc.indices_nonzero(having).to_pylist():
        text = texts[place].as_py()
        if pattern.fullmatch(text.strip()):
            return place, text
    return None
