"""A Parquet file, chunk by chunk: one row group after the other, in batches."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from analysis_lib.errors import DataError
from analysis_lib.register.sources.cells import as_integers, as_numbers
from analysis_lib.register.sources.contract import (
    ROWS,
    Chunk,
    Stamp,
    Wanted,
    check_wanted,
    fixed_values,
    hash_file,
    rows_a_chunk,
)

BUFFER = 1 << 16
"""Bytes that a column of a row group is read ahead, so that no row group is ever held whole."""


class ParquetSource:
    """One Parquet file; see `Source`. No chunk crosses a row group; columns come as they are stored."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self._stamp = Stamp.of(path)
        self.size = self._stamp.size
        try:
            with _open(path) as file:
                schema, metadata = file.schema_arrow, file.metadata
        except (pa.ArrowException, OSError) as error:
            raise DataError(f"{name}: cannot be read ({_short(error)}); must be a complete Parquet file") from None
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        if nested:
            kind = schema.field(schema.names.index(nested[0])).type
            raise DataError(f"{name}: column {nested[0]} is nested ({kind}); must be one value a cell")
        self._stored = tuple(schema.names)
        self._has_own_names = len(set(self._stored)) == len(self._stored)
        self._groups = tuple(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))
        self.n_rows: int | None = int(metadata.num_rows)
        self.columns = tuple(column.strip() for column in self._stored)
        self.fixed: Mapping[str, str] = fixed_values(name, self.columns)

    def describe(self) -> dict[str, str]:
        """Return the format."""
        return {"format": "parquet"}

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file."""
        return hash_file(self.path)

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
        return self._chunks(wanted, skip, rows_a_chunk(rows, len(wanted.places)))

    def _chunks(self, wanted: Wanted, skip: int, rows: int) -> Iterator[Chunk]:
        self._stamp.check(self.path, self.name)
        first_row = 1
        with _open(self.path) as file:
            for group, group_rows in enumerate(self._groups):
                n_chunks = -(-group_rows // rows)
                passed = min(skip, n_chunks)
                skip -= passed
                if passed == n_chunks:
                    first_row += group_rows
                    continue
                for number, table in enumerate(self._tables(file, group, wanted, rows, first_row)):
                    if number >= passed:
                        yield self._chunk(table, wanted, first_row)
                    first_row += table.num_rows
        self._stamp.check(self.path, self.name)

    def _tables(
        self, file: pq.ParquetFile, group: int, wanted: Wanted, rows: int, first_row: int
    ) -> Iterator[pa.Table]:
        """Read a row group in tables of `rows` rows."""
        # A file in which a name stands twice is read whole, because the reader knows columns by their names.
        names = [self._stored[place] for place in wanted.places] if self._has_own_names else None
        try:
            batches = file.iter_batches(batch_size=rows, row_groups=[group], columns=names, use_threads=False)
            yield from _regroup(batches, rows)
        except (pa.ArrowException, OSError) as error:
            last = first_row + self._groups[group] - 1
            raise DataError(
                f"{self.name}: rows {first_row:,} to {last:,} cannot be read ({_short(error)}); "
                f"must be a complete Parquet file"
            ) from None

    def _chunk(self, table: pa.Table, wanted: Wanted, first_row: int) -> Chunk:
        columns = []
        for place in wanted.places:
            cells = table.column(self._stored[place] if self._has_own_names else place)
            if place in wanted.integers:
                cells = as_integers(cells)
            elif place in wanted.numbers:
                cells = as_numbers(cells)
            columns.append(cells)
        done = first_row - 1 + table.num_rows
        return Chunk(
            first_row=first_row, table=pa.table(columns, names=list(wanted.names)),
            position=self.size * done // (self.n_rows or 1),
        )  # fmt: skip


def _open(path: Path) -> pq.ParquetFile:
    return pq.ParquetFile(path, pre_buffer=False, buffer_size=BUFFER)


def _regroup(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Join and cut batches into tables of `rows` rows, the last one shorter; batches may end early."""
    held: list[pa.RecordBatch] = []
    n_held = 0
    for batch in batches:
        held.append(batch)
        n_held += batch.num_rows
        while n_held >= rows:
            table = pa.Table.from_batches(held)
            yield table.slice(0, rows)
            held, n_held = table.slice(rows).to_batches(), n_held - rows
    if n_held:
        yield pa.Table.from_batches(held)


def _short(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
