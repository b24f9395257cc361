"""The persons of a source: read whole, sorted as the extract has them, and found by their id."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis_lib.errors import DataError
from analysis_lib.register.declarations import PERSON_ID, PERSONS
from analysis_lib.register.extract_writing import ORDER
from analysis_lib.register.importing.cells import Cells, read_cells
from analysis_lib.register.importing.chunks import read_chunks
from analysis_lib.register.importing.faults import Fault, Faults
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.sources import Chunk, Source

IntArray = NDArray[np.int64]
Progress = Callable[[Source, int], None]
LONGEST_ID = 200
"""Bytes of an id: all ids are held side by side in the width of the longest."""
_SOURCE, _ROW = "_source", "_row"


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """The persons in the order of the extract.

    Attributes
    ----------
    table
        Declared columns, one row a person.
    source, row
        Which file, and which row of it, each came from; shape (n,).
    """

    table: pa.Table
    source: NDArray[np.int16]
    row: IntArray
    _ids: NDArray[np.bytes_]
    _position: IntArray

    @property
    def municipality(self) -> NDArray[np.int32]:
        """Municipality codes, non-decreasing, shape (n,)."""
        codes: NDArray[np.int32] = self.table.column("municipality").to_numpy()
        return codes

    def find(self, ids: pa.Array) -> IntArray:
        """Return the rows of the persons with these ids (text, trimmed), -1 for nobody's; shape (n,)."""
        if not len(self._ids):
            return np.full(len(ids), -1, dtype=np.int64)
        wanted = _bytes(ids)
        place = np.minimum(np.searchsorted(self._ids, wanted), len(self._ids) - 1)
        return np.where(self._ids[place] == wanted, self._position[place], -1)


def read_people(
    sources: Sequence[Source], *, jobcentres: Jobcentres, last_day: dt.date | None, progress: Progress
) -> tuple[People | None, Faults]:
    """Read the persons.

    Parameters
    ----------
    sources
        Files whose columns have been checked; others than the declared ones are passed over.
    last_day
        Nobody is born later; `None` where the weeks could not be read.
    progress
        Told how far a file has been read.

    Returns
    -------
    people : People or None
        `None` where there are faults, or a required column is missing.
    faults : Faults

    Raises
    ------
    DataError
        Where there is nobody, or a file cannot be read.
    """
    faults = Faults()
    parts: list[pa.Table] = []
    for number, source in enumerate(sources):
        names = [c.name for c in PERSONS.columns if c.name in source.columns or c.name in source.fixed]
        for chunk in read_chunks(source, columns=names):
            parts.append(_read_chunk(chunk, source, number, _checks(jobcentres, last_day), faults))
            progress(source, chunk.position)
    if not sum(part.num_rows for part in parts):
        raise DataError(f"{sources[0].name}: has no rows; must be one row a person")
    table = pa.concat_tables(parts).combine_chunks()
    _check_unique(table, sources, faults)
    if faults or not {column.name for column in PERSONS.columns if column.required} <= set(table.column_names):
        return None, faults
    ids = _bytes(table.column(PERSON_ID.name))
    keys = [ids if name == PERSON_ID.name else table.column(name).to_numpy() for name in reversed(ORDER)]
    table = table.take(pa.array(np.lexsort(keys)))
    ids = _bytes(table.column(PERSON_ID.name))
    by_id = np.argsort(ids)
    source, row = (table.column(name).to_numpy() for name in (_SOURCE, _ROW))
    people = People(table=table.drop_columns([_SOURCE, _ROW]), source=source, row=row, _ids=ids[by_id], _position=by_id)
    return people, faults


def trimmed_ids(cells: pa.ChunkedArray, first_row: int) -> tuple[pa.Array, Cells | None]:
    """Return ids as trimmed text, and their cells where one is wrong (blank, or a number that is not whole)."""
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        text = pc.utf8_trim_whitespace(cells.combine_chunks()).cast(pa.string())
        if not text.null_count and pc.all(pc.not_equal(text, "")).as_py():
            return text, None
    read = read_cells(cells, PERSON_ID, first_row)
    return read.to_arrow(PERSON_ID), read if read.wrong.any() else None


def _checks(jobcentres: Jobcentres, last_day: dt.date | None) -> dict[str, Callable[[Any], bool]]:
    known = jobcentres.municipality_codes
    return {
        PERSON_ID.name: lambda text: len(text.encode()) <= LONGEST_ID,
        "municipality": lambda code: code in known,
        "birth_date": lambda day: last_day is None or day <= last_day,
    }


def _read_chunk(
    chunk: Chunk, source: Source, number: int, checks: Mapping[str, Callable[[Any], bool]], faults: Faults
) -> pa.Table:
    """Return the declared columns with the file and the row of each person."""
    n = chunk.table.num_rows
    arrays: dict[str, pa.Array] = {}
    for column in (PERSONS.column(name) for name in chunk.table.column_names):
        cells = chunk.table.column(column.name)
        read = read_cells(cells, column, chunk.first_row, accept=checks.get(column.name))
        longest = f", at most {LONGEST_ID} bytes long" if column is PERSON_ID else ""
        faults.add(read.fault(source.name, column, column.allowed + longest))
        arrays[column.name] = read.to_arrow(column)
    arrays[_SOURCE] = pa.repeat(pa.scalar(number, pa.int16()), n)
    arrays[_ROW] = pa.array(np.arange(chunk.first_row, chunk.first_row + n))
    return pa.table(arrays)


def _check_unique(table: pa.Table, sources: Sequence[Source], faults: Faults) -> None:
    """Find persons who stand twice; in two municipalities is a fault of its own."""
    ids = _bytes(table.column(PERSON_ID.name))
    order = np.argsort(ids, kind="stable")
    again = (ids[order][1:] == ids[order][:-1]) & (ids[order][1:] != b"")
    has_home = "municipality" in table.column_names
    homes = table.column("municipality").fill_null(0).to_numpy() if has_home else np.zeros(len(ids), np.int32)
    number, row = (table.column(name).to_numpy() for name in (_SOURCE, _ROW))
    for place in np.sort(order[1:][again]):
        first = int(order[np.searchsorted(ids, ids[place], sorter=order)])
        name, file = ids[place].decode(), sources[number[place]].name
        before = f"row {row[first]:,}" + (
            f" of {sources[number[first]].name}" if number[first] != number[place] else ""
        )
        if homes[first] and homes[place] and homes[first] != homes[place]:
            example = f"row {row[place]:,} '{name}' in {homes[place]}, {before} in {homes[first]}"
            where, allowed = f"{file}: column municipality", "one municipality a person"
            faults.add(Fault(where, "person", "in two municipalities", allowed, 1, [example]))
        else:
            where = f"{file}: column {PERSON_ID.name}"
            faults.add(Fault(where, "repeated value", "", PERSON_ID.allowed, 1, [f"row {row[place]:,} '{name}'"]))


def _bytes(ids: pa.Array | pa.ChunkedArray) -> NDArray[np.bytes_]:
    """Return text as UTF-8 bytes of one width, which sort and compare without Python objects; null is empty.

    What is longer than an id may be is cut one byte after it, so that it is nobody's.
    """
    text = ids.combine_chunks() if isinstance(ids, pa.ChunkedArray) else ids
    text = text.fill_null("").cast(pa.large_binary())
    if not len(text):
        return np.zeros(0, dtype="S1")
    offsets = np.frombuffer(text.buffers()[1], np.int64)[text.offset : text.offset + len(text) + 1]
    length = np.minimum(np.diff(offsets), LONGEST_ID + 1)
    found = np.zeros((len(text), max(int(length.max()), 1)), dtype=np.uint8)
    for place in range(int(length.max())):
        rows = np.flatnonzero(length > place)
        found[rows, place] = np.frombuffer(text.buffers()[2], np.uint8)[offsets[rows] + place]
    return found.view(f"S{found.shape[1]}").reshape(-1)
