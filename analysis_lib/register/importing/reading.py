"""Read the source files chunk by chunk, convert the chunks and stage what they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis_lib.register.declarations import PERSON_ID
from analysis_lib.register.importing.chunks import read_chunks
from analysis_lib.register.importing.convert import Converter
from analysis_lib.register.importing.faults import EXAMPLES, Fault, Faults, show
from analysis_lib.register.importing.people import People, trimmed_ids
from analysis_lib.register.importing.plan import HOME, ImportPlan, Pass, name_of
from analysis_lib.register.importing.staging import Staging, Unit
from analysis_lib.register.sources import Chunk, Source

IntArray = NDArray[np.int64]
UNIT_ROWS = 50_000
"""Rows of a source that make a unit of the staging folder: what an interruption loses at most."""
UNIT_BYTES = 16 << 20
"""Bytes of converted rows that make a unit, where so many come of fewer rows: what is held in memory at most."""


def read_source(
    source: Source, one: Pass, key: str, *, plan: ImportPlan, people: People | None, staging: Staging,
    told: Callable[[Source, int], None],
) -> list[Unit]:  # fmt: skip
    """Read a file to its end, and return its units; those that an earlier import staged are not read again.

    Parameters
    ----------
    source, one
        The file, and the pass that it belongs to.
    key
        What its units are called.
    people
        `None` where the persons are not valid: then only faults are looked for.
    told
        Told how far the file has been read.

    Raises
    ------
    DataError
        Where the file cannot be read.
    """
    units = staging.units(key)
    if staging.is_read(key):
        return units
    columns = [PERSON_ID.name, *(name for converter in one.converters for name in converter.columns)]
    chunks = read_chunks(
        source,
        columns=columns,
        integers=[name for converter in one.converters for name in converter.integers],
        numbers=[name for converter in one.converters for name in converter.numbers],
        skip=sum(unit.chunks for unit in units),
    )
    pending = _Pending()
    for chunk in chunks:
        rows = _find(chunk, source, one, plan, people=people, faults=pending.faults)
        if people is not None and source not in plan.persons:
            _check_home(chunk, source, people, rows, pending.faults)
        pending.add(chunk, rows, one.converters, source)
        told(source, chunk.position)
        if pending.rows >= UNIT_ROWS or pending.bytes >= UNIT_BYTES:
            units.append(pending.stage(staging, key, len(units)))
            pending = _Pending()
    if pending.rows:
        units.append(pending.stage(staging, key, len(units)))
    staging.mark_read(key)
    return units


def _find(
    chunk: Chunk, source: Source, one: Pass, plan: ImportPlan, *, people: People | None, faults: Faults
) -> IntArray:
    """Return the rows of the chunk's persons, -1 for nobody's; without valid persons all are the first."""
    ids, cells = trimmed_ids(chunk.table.column(PERSON_ID.name), chunk.first_row)
    if cells is not None and source not in plan.persons:
        faults.add(cells.fault(source.name, one.person_id))
    if people is None:
        return np.zeros(len(ids), dtype=np.int64)
    rows = people.find(ids)
    strange = np.flatnonzero((rows < 0) & ids.is_valid().to_numpy(zero_copy_only=False))
    where, rest = f"{source.name}: column {PERSON_ID.name}", f"without a row in {name_of(plan.persons)}"
    faults.add(Fault(where, "person", rest, "one of the persons", len(strange), _places(chunk, strange)))
    return rows


def _check_home(chunk: Chunk, source: Source, people: People, rows: IntArray, faults: Faults) -> None:
    """Find persons who live elsewhere than the folder `municipality=461` above the file says."""
    home = source.fixed.get(HOME)
    if home is None:
        return
    lives = people.municipality[rows].astype(np.str_)
    strange = np.flatnonzero((rows >= 0) & (lives != home.strip()))
    where, allowed = f"{source.name}: folder {HOME}={home}", "the persons of that municipality"
    faults.add(Fault(where, "person", "of another municipality", allowed, len(strange), _places(chunk, strange)))


def _places(chunk: Chunk, rows: IntArray) -> list[str]:
    ids = chunk.table.column(PERSON_ID.name)
    return [f"row {chunk.first_row + row:,} {show(ids[row].as_py())}" for row in rows[:EXAMPLES].tolist()]


class _Pending:
    """Chunks that have been converted and not yet staged."""

    def __init__(self) -> None:
        self._tables: dict[str, list[pa.Table]] = {}
        self._rows: list[IntArray] = []
        self._position = 0
        self.rows, self.bytes = 0, 0
        self.faults = Faults()

    def add(self, chunk: Chunk, rows: IntArray, converters: Iterable[Converter], source: Source) -> None:
        for converter in converters:
            table = converter.convert(chunk, rows, source, self.faults)
            self._tables.setdefault(converter.table, []).append(table)
            self.bytes += table.nbytes
        self._rows.append(rows)
        self._position = chunk.position
        self.rows += len(rows)

    def stage(self, staging: Staging, key: str, number: int) -> Unit:
        return staging.add(key, number, self._tables, rows=self._rows, position=self._position, faults=self.faults)
