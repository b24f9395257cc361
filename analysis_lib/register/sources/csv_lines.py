"""The lines of a CSV file, in blocks that are cut at line ends, so that row numbers are exact."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from analysis_lib.errors import DataError

BLOCK = 4 << 20
"""Bytes of a chunk at most. The chunks' borders depend on it, and so does where an import resumes."""
EXAMPLES = 3
_RETURN = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """Consecutive whole lines, each with its line end.

    Attributes
    ----------
    first_row
        Row of the first line; the first line after the header is 1.
    position
        Bytes of the file up to the end of the last line.
    has_blank
        Whether a line is blank.
    """

    first_row: int
    n_rows: int
    data: bytes
    position: int
    newline: bytes
    has_blank: bool

    def split(self) -> list[bytes]:
        """Return the lines without their ends."""
        lines = self.data.split(self.newline)[:-1]
        return [line.removesuffix(b"\r") for line in lines]

    @property
    def last(self) -> bytes:
        """The last line, without its end."""
        return self.data[self.data.rfind(self.newline, 0, -1) + 1 :].rstrip(b"\r\n")


def cut_lines(stream: BinaryIO, *, name: str, end: int, newline: bytes, rows: int) -> Iterator[Lines]:
    """Cut the rest of a file into blocks of at most `rows` lines and `BLOCK` bytes.

    Parameters
    ----------
    stream
        Stands at the first row.
    name
        What messages call the file.
    end
        Where reading ends, in bytes of the file; a last line without a line end gets one.

    Raises
    ------
    DataError
        Where a line is longer than a block.
    """
    start, first_row, buffer = stream.tell(), 1, b""
    while start + len(buffer) < end:
        buffer += stream.read(min(BLOCK, end - start) - len(buffer))
        at_end = start + len(buffer) >= end
        buffer += newline if at_end else b""
        codes = np.frombuffer(buffer, np.uint8)
        ends = np.flatnonzero(codes == newline[0]) + 1
        if not len(ends):
            raise DataError(f"{name}: row {first_row:,} is longer than {BLOCK:,} bytes; must be one row a line")
        begins = codes[np.concatenate(([0], ends[:-1]))]
        blank = (begins == newline[0]) | (begins == _RETURN)
        done, used = 0, 0
        # What is left of a block goes into the next one, unless the block is one chunk.
        while len(ends) - done >= rows or (done < len(ends) and (at_end or not done)):
            n_rows = min(rows, len(ends) - done)
            cut = int(ends[done + n_rows - 1])
            yield Lines(
                first_row=first_row, n_rows=n_rows, data=buffer[used:cut], position=min(start + cut, end),
                newline=newline, has_blank=bool(blank[done : done + n_rows].any()),
            )  # fmt: skip
            first_row, done, used = first_row + n_rows, done + n_rows, cut
        start, buffer = start + used, buffer[used:]


def read_cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of one line."""
    return next(csv.reader([line], delimiter=delimiter), [""])


def count_cells(line: bytes, delimiter: bytes) -> int | None:
    """Return the number of cells of a line (0 where it is blank), or `None` where a quoted cell is not closed.

    Examples
    --------
    >>> count_cells(b'p1;"a;b";7', b";"), count_cells(b'p1;"a', b";")
    (3, None)
    """
    if b'"' not in line:
        return line.count(delimiter) + 1 if line else 0
    sign = re.escape(delimiter)
    cell = re.compile(rb'(?:"(?:[^"]|"")*"[^%b]*|[^"%b][^%b]*)?' % (sign, sign, sign))
    place, cells = 0, 0
    while True:
        match = cell.match(line, place)
        place = match.end() if match else place
        cells += 1
        if place == len(line):
            return cells
        if line[place : place + 1] != delimiter:
            return None
        place += 1


def line_faults(blocks: Iterable[Lines], *, name: str, delimiter: bytes, n_columns: int) -> DataError | None:
    """Say which rows have another number of cells than the header, or a cell that goes on in the next line."""
    wrong: list[str] = []
    total = 0
    for block in blocks:
        for place, line in enumerate(block.split()):
            found = count_cells(line, delimiter)
            row = block.first_row + place
            if found is None:
                return DataError(
                    f"{name}: row {row:,} has a quoted cell that does not end in its line; must be closed, "
                    f"and must hold no line break"
                )
            if found != n_columns and not (n_columns == 1 and found == 0):
                total += 1
                if len(wrong) < EXAMPLES:
                    wrong.append(f"row {row:,} " + (f"has {found:,}" if found else "is blank"))
    if not total:
        return None
    more = f" and {total - len(wrong):,} more" if total > len(wrong) else ""
    rows = "1 row" if total == 1 else f"{total:,} rows"
    return DataError(f"{name}: {rows} with a wrong number of cells: {', '.join(wrong)}{more}; must be {n_columns:,}")
