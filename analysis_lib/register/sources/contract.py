"""What every source file promises: its columns, and its rows chunk by chunk."""

from __future__ import annotations

import hashlib
import urllib.parse
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Protocol

import pyarrow as pa

from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.parameters import suggest

ROWS = 20_000
"""Rows of a chunk at most, where the caller does not say."""
CELLS = 4_000_000
"""Cells of a chunk at most, so that wide files come in fewer rows a chunk."""
DELIMITERS = (";", ",", "\t", "|")
DECIMALS = (",", ".")
ENCODINGS = ("utf-8", "windows-1252")
_HIVE_BLANK = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvForm:
    """How a CSV file is written; `None` is detected from the file.

    Attributes
    ----------
    delimiter
        `;`, `,`, tab or `|`.
    decimal
        The decimal sign of numbers, `,` or `.`.
    encoding
        `utf-8` or `windows-1252`.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        """Check that each value is a known one."""
        for name, allowed in (("delimiter", DELIMITERS), ("decimal", DECIMALS), ("encoding", ENCODINGS)):
            value = getattr(self, name)
            if value is not None and value not in allowed:
                raise InvalidInput(f"{name} is {value!r}; must be {' or '.join(repr(choice) for choice in allowed)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Consecutive rows of a file.

    Attributes
    ----------
    first_row
        Number of the chunk's first row in the file; the first data row is 1.
    table
        The columns asked for, in the order asked, by their trimmed names.
    position
        How far the file has been read when the chunk is done, in bytes of its `size`.
    """

    first_row: int
    table: pa.Table
    position: int


class Source(Protocol):
    """One source file.

    Attributes
    ----------
    name
        What messages call the file: its path from the source folder.
    columns
        The header, trimmed, in file order, duplicates kept.
    fixed
        The values of folders such as `municipality=461` above the file.
    n_rows
        Rows, where the file says so (Parquet, SAS).
    size
        Bytes.
    """

    @property
    def path(self) -> Path: ...  # noqa: D102 (see Attributes)
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def columns(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def fixed(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def n_rows(self) -> int | None: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102

    def describe(self) -> dict[str, str]:
        """Return how the file is written, as detected or declared: format, and for CSV its form."""

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file, in hexadecimal."""

    def chunks(
        self,
        *,
        columns: Sequence[str] | None = None,
        integers: Collection[str] = (),
        numbers: Collection[str] = (),
        skip: int = 0,
        rows: int = ROWS,
    ) -> Iterator[Chunk]:
        """Read the file in order; the same arguments give the same chunks.

        Parameters
        ----------
        columns
            Wanted columns; all by default.
        integers
            Columns that come as int32 where every cell of the chunk is blank (null) or a whole number, written with
            `.0` or not; else as they stand, so that the caller can name the wrong cells.
        numbers
            Columns that come as double by the same rule.
        skip
            Whole chunks to pass over, which are not checked.
        rows
            Rows of a chunk at most; a chunk of a wide file has fewer.

        Raises
        ------
        InvalidInput
            Where a column is not in the file, or an argument is out of its range.
        DataError
            Where the file is broken; the message names the file, and the column and the rows where it can.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The columns a caller asked for, checked: `places[i]` is where `names[i]` stands in the file."""

    names: tuple[str, ...]
    places: tuple[int, ...]
    integers: frozenset[int]
    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size and time of change of a file, to notice a change while it is read."""

    size: int
    changed_ns: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """Return the file's stamp."""
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns)

    def check(self, path: Path, name: str) -> None:
        """Raise where the file has changed since."""
        if Stamp.of(path) != self:
            raise DataError(f"{name}: changed while it was read; must stay as it is until the import is done")


def check_wanted(
    header: Sequence[str],
    name: str,
    *,
    columns: Sequence[str] | None,
    integers: Collection[str],
    numbers: Collection[str],
    skip: int,
    rows: int,
) -> Wanted:
    """Return the places of the columns asked for, or raise; `name` is the file's."""
    if skip < 0 or rows < 1:
        what, value, least = ("skip", skip, 0) if skip < 0 else ("rows", rows, 1)
        raise InvalidInput(f"{what} is {value}; must be at least {least}")
    if columns is not None and (not columns or len(set(columns)) < len(columns)):
        raise InvalidInput(f"columns is {list(columns)}; must name at least one column, each once")
    both = sorted(set(integers) & set(numbers))
    if both:
        raise InvalidInput(f"column '{both[0]}' is asked for as integer and as number; must be one of them")
    stands = Counter(header)
    for column in (*(columns or ()), *integers, *numbers):
        if not stands[column]:
            raise InvalidInput(f"{name}: there is no column '{column}'{suggest(column, header)}")
        if stands[column] > 1:
            raise DataError(f"{name}: column {column} stands {stands[column]} times; must stand once")
    places = tuple(range(len(header))) if columns is None else tuple(header.index(column) for column in columns)
    return Wanted(
        names=tuple(header[place] for place in places), places=places,
        integers=frozenset(place for place in places if header[place] in integers),
        numbers=frozenset(place for place in places if header[place] in numbers),
    )  # fmt: skip


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, read as a stream."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fixed_values(name: str, header: Iterable[str]) -> Mapping[str, str]:
    """Return the values that the folders directly above a file give, as in `municipality=461/part-0.parquet`.

    Folders above the source are not looked at: `name` is the path from there.

    Raises
    ------
    DataError
        Where two folders, or a folder and the file, give the same column.
    """
    fixed: dict[str, str] = {}
    columns = set(header)
    for folder in PurePosixPath(name).parents:
        key, sign, value = folder.name.partition("=")
        if not sign or not key:
            break
        if key in fixed or key in columns:
            other = "another folder" if key in fixed else "the file"
            raise DataError(f"{name}: column {key} stands in the folder '{folder.name}' and in {other}; must be in one")
        fixed[key] = "" if value == _HIVE_BLANK else urllib.parse.unquote(value)
    return MappingProxyType(dict(reversed(fixed.items())))


def rows_a_chunk(rows: int, n_columns: int) -> int:
    """Return the rows of a chunk, fewer where the file is wide."""
    return max(1, min(rows, CELLS // max(1, n_columns)))


def show_delimiter(delimiter: str) -> str:
    """Say a delimiter."""
    return "tab" if delimiter == "\t" else delimiter
