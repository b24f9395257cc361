"""A CSV file, chunk by chunk: the form is detected, the fast parser reads, and what it cannot read is explained.

A row is a line: line breaks inside quoted cells are refused, so that rows can be counted and found again.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from analysis_lib.errors import DataError
from analysis_lib.register.sources.cells import INTEGER, NUMBER, as_numbers, columns_as_integers
from analysis_lib.register.sources.contract import (
    DELIMITERS,
    ROWS,
    Chunk,
    CsvForm,
    Stamp,
    Wanted,
    check_wanted,
    fixed_values,
    rows_a_chunk,
    show_delimiter,
)
from analysis_lib.register.sources.csv_lines import BLOCK, Lines, count_cells, cut_lines, line_faults, read_cells
from analysis_lib.register.sources.decimals import FirstSigns, other_sign
from analysis_lib.register.sources.encoding import BOM, UTF_16, Scan, find_newline, scan_file


class CsvSource:
    """One CSV file; see `Source`. Opening reads the header only, the first chunk is preceded by a scan of the file."""

    def __init__(self, path: Path, name: str, form: CsvForm) -> None:
        self.path, self.name = path, name
        self.n_rows: int | None = None
        self._form = form
        self._stamp = Stamp.of(path)
        self.size = self._stamp.size
        self._header, self._body = _read_header(path, name)
        self._delimiter = _find_delimiter(self._header, name, form.delimiter)
        self._decimal = form.decimal or ("." if self._delimiter == "," else None)
        if self._delimiter == "," and form.decimal == "," and form.delimiter is None:
            raise DataError(
                f"{name}: the header line is separated by commas, and the decimal sign is declared to be a comma; "
                f"must be separated by ; tab or |, or the delimiter be declared too (cells with a comma in quotes)"
            )
        self.columns = self._read_columns()
        self.fixed: Mapping[str, str] = fixed_values(name, self.columns)

    @cached_property
    def _scan(self) -> Scan:
        return scan_file(self.path, self.name, self._form.encoding)

    def _read_columns(self) -> tuple[str, ...]:
        encoding = "utf-8" if self._header.isascii() else self._scan.encoding
        cells = read_cells(self._header.decode(encoding), self._delimiter)
        return tuple(cell.strip() for cell in cells)

    def describe(self) -> dict[str, str]:
        """Return format, delimiter, decimal (blank while not known) and encoding, as detected or declared."""
        decimal = self._decimal or self._decimal_of_bytes() or ""
        return {
            "format": "csv", "delimiter": show_delimiter(self._delimiter), "decimal": decimal,
            "encoding": self._scan.encoding,
        }  # fmt: skip

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file."""
        return self._scan.sha256

    def chunks(
        self,
        *,
        columns: Sequence[str] | None = None,
        integers: Collection[str] = (),
        numbers: Collection[str] = (),
        skip: int = 0,
        rows: int = ROWS,
    ) -> Iterator[Chunk]:
        """Read the file in order; see `Source.chunks`."""
        wanted = check_wanted(
            self.columns, self.name, columns=columns, integers=integers, numbers=numbers, skip=skip, rows=rows
        )
        return self._chunks(wanted, skip, rows_a_chunk(rows, len(self.columns)))

    def _chunks(self, wanted: Wanted, skip: int, rows: int) -> Iterator[Chunk]:
        self._stamp.check(self.path, self.name)
        if wanted.numbers and self._decimal is None:
            self._decimal = self._decimal_of_bytes() or self._decimal_of_cells(wanted.numbers)
        blocks = self._blocks(rows)
        for block in itertools.islice(blocks, skip, None):
            table = self._read(block, blocks, wanted)
            # Line ends after the last row are no row's.
            position = self.size if block.position >= self._scan.end else block.position
            yield Chunk(first_row=block.first_row, table=table, position=position)
        self._stamp.check(self.path, self.name)

    def _blocks(self, rows: int) -> Iterator[Lines]:
        with self.path.open("rb") as stream:
            stream.seek(self._body)
            scan = self._scan
            yield from cut_lines(stream, name=self.name, end=scan.end, newline=scan.newline, rows=rows)

    def _read(self, block: Lines, following: Iterator[Lines], wanted: Wanted) -> pa.Table:
        """Return the block's columns; types that the fast parser refuses are read as text and turned one by one."""
        types = dict.fromkeys(wanted.integers, INTEGER) | dict.fromkeys(wanted.numbers, NUMBER)
        # The fast parser takes 0x1F for 31. One byte is found much faster than two.
        has_hex = any(sign in block.data and b"0" + sign in block.data for sign in (b"x", b"X"))
        table = None if has_hex or not types else self._parse(block, wanted.places, types)
        if table is None or not _all_finite(table, wanted):
            table = self._parse(block, wanted.places, {})
        if table is None or not self._is_whole(block, table):
            raise self._fault(block, following)
        read = dict(zip(wanted.places, table.columns, strict=True))
        whole = [place for place in wanted.places if place in wanted.integers and read[place].type != INTEGER]
        read |= zip(whole, columns_as_integers([read[place] for place in whole], self._form.decimal), strict=True)
        read |= {place: self._numbers(read[place], place, block) for place in wanted.numbers}
        return pa.table(list(read.values()), names=list(wanted.names))

    def _parse(self, block: Lines, places: Sequence[int], types: Mapping[int, pa.DataType]) -> pa.Table | None:
        """Parse a block, each column under its number, or return `None` where a cell or a row is wrong."""
        data = block.data
        if self._scan.encoding != "utf-8" and not data.isascii():
            data = data.decode(self._scan.encoding).encode()
        names = [str(place) for place in range(len(self.columns))]
        kinds = dict.fromkeys(names, pa.string()) | {str(place): kind for place, kind in types.items()}
        try:
            return pacsv.read_csv(
                pa.BufferReader(data),
                read_options=pacsv.ReadOptions(column_names=names, block_size=len(data) + 1, use_threads=False),
                parse_options=pacsv.ParseOptions(delimiter=self._delimiter, ignore_empty_lines=False),
                convert_options=pacsv.ConvertOptions(
                    column_types=kinds, include_columns=[str(place) for place in places], null_values=[""],
                    decimal_point=self._decimal or ".",
                ),
            )  # fmt: skip
        except pa.ArrowInvalid:
            return None

    def _is_whole(self, block: Lines, table: pa.Table) -> bool:
        """Whether each line of a block is one row: none blank, and none inside a quoted cell."""
        if table.num_rows != block.n_rows or (len(self.columns) > 1 and block.has_blank):
            return False
        return b'"' not in block.last or count_cells(block.last, self._delimiter.encode()) is not None

    def _fault(self, block: Lines, following: Iterator[Lines]) -> DataError:
        blocks = itertools.chain([block], following)
        fault = line_faults(
            blocks, name=self.name, delimiter=self._delimiter.encode(), n_columns=len(self.columns)
        )  # fmt: skip
        last = block.first_row + block.n_rows - 1
        return fault or DataError(f"{self.name}: rows {block.first_row:,} to {last:,} are not valid CSV")

    def _numbers(self, cells: pa.ChunkedArray, place: int, block: Lines) -> pa.ChunkedArray:
        """Return a column of numbers as double where it can be; refuse the other decimal sign."""
        decimal = self._decimal or "."
        turned = as_numbers(cells, decimal)
        wrong = other_sign(cells, decimal) if turned.type != NUMBER else None
        if wrong:
            row, cell = wrong
            detected = f"in a file separated by {self._delimiter}" if self._delimiter == "," else "as further up"
            reason = "as declared" if self._form.decimal else detected
            raise DataError(
                f"{self.name}: column {self.columns[place]}: row {block.first_row + row:,} '{cell}' has another "
                f"decimal sign than '{decimal}'; must be '{decimal}' {reason}"
            )
        return turned

    def _decimal_of_bytes(self) -> str | None:
        """Return the decimal sign where the file has one of the two signs at most."""
        if self._scan.has_comma and self._scan.has_point:
            return None
        return "," if self._scan.has_comma else "."

    def _decimal_of_cells(self, places: Collection[int]) -> str | None:
        """Return the decimal sign that the columns of numbers have, all the file over."""
        signs = FirstSigns(self.name)
        order = sorted(places)
        for block in self._blocks(ROWS):
            if signs.may_change(block.data):
                table = self._parse(block, order, {})
                if table is None or not self._is_whole(block, table):
                    raise self._fault(block, iter(()))
                for at, place in enumerate(order):
                    signs.add(table.column(at), self.columns[place], block.first_row)
        return signs.decide()


def _read_header(path: Path, name: str) -> tuple[bytes, int]:
    """Return the header line and where the first row begins."""
    with path.open("rb") as stream:
        newline = find_newline(stream)
        first = stream.read(BLOCK)
    if first.startswith(UTF_16):
        raise DataError(f"{name}: is written in UTF-16; must be UTF-8 or Windows-1252")
    begin = len(BOM) if first.startswith(BOM) else 0
    found = first.find(newline, begin)
    if found < 0 and len(first) == BLOCK:
        raise DataError(f"{name}: the header line is longer than {BLOCK:,} bytes; must be text, one row a line")
    end = found if found >= 0 else len(first)
    header = first[begin:end].removesuffix(b"\r")
    if not header.strip():
        raise DataError(f"{name}: {'is empty' if not first else 'the header line is blank'}; must begin with a header")
    return header, end + 1


def _find_delimiter(header: bytes, name: str, declared: str | None) -> str:
    """Return the delimiter that gives the header most columns, or the declared one where the header has it."""
    counts = {sign: count_cells(header, sign.encode()) for sign in DELIMITERS}
    shown = header[:60].decode("utf-8", errors="replace")
    known = {sign: cells for sign, cells in counts.items() if cells}
    most = max(known.values(), default=0)
    is_open = counts[declared] is None if declared else most <= 1 and None in counts.values()
    if is_open:
        raise DataError(f"{name}: the header line has a quoted name that does not end; must be closed")
    best = [sign for sign, cells in known.items() if cells == most]
    if declared:
        if known[declared] == 1 and most > 1:
            raise DataError(
                f"{name}: the header line has one column, '{shown}', with {show_delimiter(declared)} as declared; "
                f"has {most:,} with {show_delimiter(best[0])}"
            )
        return declared
    if most == 1:
        raise DataError(
            f"{name}: the header line has one column, '{shown}'; must be separated by ; , tab or |, or declared"
        )
    if len(best) > 1:
        signs = " and ".join(show_delimiter(sign) for sign in best)
        raise DataError(f"{name}: the header line has {most:,} columns with {signs}; the delimiter must be declared")
    return best[0]


def _all_finite(table: pa.Table, wanted: Wanted) -> bool:
    """Whether no text such as `nan` or `1e999` was taken for a number."""
    numbers = [at for at, place in enumerate(wanted.places) if place in wanted.numbers]
    return all(pc.all(pc.is_finite(table.column(at)), min_count=0).as_py() for at in numbers)
