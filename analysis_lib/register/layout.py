"""The files of an extract: a folder a municipality with a Parquet file a table, and what `extract.json` says of them.

    extract.json                      weeks covered, rows and hashes of every file, weeks on each code, the sources
    truth.json                        only beside simulated data
    municipality=461/persons.parquet  one row a person, sorted by date of birth and person_id
    municipality=461/spells.parquet   runs of one code: row, start, stop, code; blank weeks left out
    municipality=461/...              employment, contacts, matches
    vignettes.parquet

`row` is the person's row in the municipality's persons file. All files of a municipality are cut into row groups after
the same `GROUP` persons, so that a cohort of birth years reads its own row groups only.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from numpy.typing import NDArray
from pydantic import Field

from analysis_lib.errors import DataError
from analysis_lib.parameters import Definition
from analysis_lib.register.codes import CodeList
from analysis_lib.register.declarations import PERSONS, VIGNETTES

DESCRIPTION_FILE = "extract.json"
TRUTH_FILE = "truth.json"
VIGNETTES_FILE = "vignettes.parquet"
FOLDER = "municipality="
GROUP = 5_000
"""Persons a row group."""
SMALL = 4_000_000
"""Bytes of a file up to which starting threads costs more than they save."""
SPELLS = "spells"
ROW = "row"
SPELLS_SCHEMA = pa.schema([(ROW, pa.int32()), ("start", pa.int16()), ("stop", pa.int16()), ("code", pa.int16())])

IntArray = NDArray[np.int64]


class FileFacts(Definition):
    """A file of the extract.

    Attributes
    ----------
    footer
        SHA-256 of its end, which page checksums do not cover.
    first_years
        Of a persons file: the year of birth of the first person of each row group.
    """

    rows: int
    bytes: int
    sha256: str
    footer: str
    first_years: tuple[int, ...] = ()


class SourceFacts(Definition):
    """A file that the extract was made from; `form` says how it was read (delimiter, encoding, ...)."""

    file: str
    sha256: str
    form: dict[str, str] = Field(default_factory=dict)


class Description(Definition):
    """What `extract.json` says.

    Attributes
    ----------
    first_week
        Such as `1991-W32`.
    persons
        People in the whole extract.
    code_weeks
        Person-weeks on each code in the whole extract.
    municipalities
        By municipality code and table.
    """

    format: Literal[1] = 1
    first_week: str
    n_weeks: int
    persons: int
    code_weeks: dict[int, int]
    municipalities: dict[int, dict[str, FileFacts]]
    vignettes: FileFacts | None = None
    sources: tuple[SourceFacts, ...] = ()

    def unknown_codes(self, codes: CodeList) -> dict[int, int]:
        """Return the person-weeks on each code that a code list does not have."""
        known = set(codes.known.tolist())
        return {code: weeks for code, weeks in sorted(self.code_weeks.items()) if code not in known}

    def has(self, table: str) -> bool:
        """Return whether the extract has a table."""
        if table == VIGNETTES.name:
            return self.vignettes is not None
        return any(table in files for files in self.municipalities.values())


def partition(municipality: int) -> str:
    """Return the name of a municipality's folder."""
    return f"{FOLDER}{municipality}"


def write_partition(folder: Path, tables: Mapping[str, pa.Table]) -> dict[str, FileFacts]:
    """Write the tables of one municipality.

    Parameters
    ----------
    folder
        The municipality's folder, which must not exist.
    tables
        `persons` in its final order; the others with a column `row` (int32, position in persons), sorted by it.
    """
    folder.mkdir()
    n = tables[PERSONS.name].num_rows
    edges = np.arange(0, max(n, 1), GROUP)
    facts = {}
    for name, table in tables.items():
        starts = edges if name == PERSONS.name else np.searchsorted(table.column(ROW).to_numpy(), edges)
        facts[name] = write_groups(folder / f"{name}.parquet", table, starts)
    born = tables[PERSONS.name].column("birth_date").take(pa.array(edges[edges < n]))
    first_years = tuple(pc.year(born).to_pylist())
    return facts | {PERSONS.name: facts[PERSONS.name].model_copy(update={"first_years": first_years})}


def write_groups(path: Path, table: pa.Table, starts: Sequence[int] | IntArray) -> FileFacts:
    """Write a Parquet file whose row groups begin at the given rows, and return its facts."""
    ends = [*starts[1:], table.num_rows]
    with pa.parquet.ParquetWriter(path, table.schema, compression="zstd", write_page_checksum=True) as writer:
        for start, end in zip(starts, ends, strict=True):
            part = table.slice(start, end - start)
            writer.write_table(part, row_group_size=max(part.num_rows, 1))
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileFacts(rows=table.num_rows, bytes=path.stat().st_size, sha256=sha256, footer=hash_footer(path))


def read_file(path: Path, facts: FileFacts, *, groups: Collection[int] | None = None) -> pa.Table:
    """Read a file of the extract, or some of its row groups, and hold it against its facts.

    Raises
    ------
    DataError
        Where the file is not what was written.
    """
    with _opened(path, facts) as file:
        threads = facts.bytes > SMALL
        if groups is None:
            return file.read(use_threads=threads)
        return file.read_row_groups(sorted(groups), use_threads=threads)


def born_groups(facts: FileFacts, first: int, last: int) -> list[int]:
    """Return the row groups of a persons file with people born in the years `first` to `last`.

    The file is sorted by date of birth, so that they follow one another, and nobody in a group is born after the first
    person of the next one.
    """
    ends = [*facts.first_years[1:], last]
    years = enumerate(zip(facts.first_years, ends, strict=True))
    return [group for group, (start, end) in years if start <= last and end >= first]


@contextmanager
def _opened(path: Path, facts: FileFacts) -> Iterator[pa.parquet.ParquetFile]:
    """Open a file of the extract that has the size and the footer that were written."""
    try:
        if path.stat().st_size != facts.bytes:
            raise DataError(f"{path}: has {path.stat().st_size:,} bytes; must be the {facts.bytes:,} that were written")
        if hash_footer(path) != facts.footer:
            raise DataError(f"{path}: cannot be read (its footer has changed); must be as it was written")
        with pa.parquet.ParquetFile(path, page_checksum_verification=True) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read ({str(error).splitlines()[0]}); must be as it was written") from None


def hash_footer(path: Path) -> str:
    """Return the SHA-256 of the end of a Parquet file, whose length stands in its last bytes."""
    with path.open("rb") as stream:
        end = stream.seek(-8, os.SEEK_END)
        length = int.from_bytes(stream.read(4), "little")
        stream.seek(max(end - length, 0))
        return hashlib.sha256(stream.read()).hexdigest()
