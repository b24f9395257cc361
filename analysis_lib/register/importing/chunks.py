"""The chunks of a source file as an import takes them: with the columns that the folders above the file give."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from analysis_lib.errors import DataError
from analysis_lib.register.sources import Chunk, Source


def read_chunks(
    source: Source, *, columns: Sequence[str], integers: Collection[str] = (), numbers: Collection[str] = (),
    skip: int = 0,
) -> Iterator[Chunk]:  # fmt: skip
    """Read a source file in order; see `Source.chunks`.

    Parameters
    ----------
    columns
        Wanted columns, of the file or of the folders above it.

    Raises
    ------
    DataError
        Where the file is broken or cannot be read.
    """
    own = [name for name in columns if name not in source.fixed]
    chunks = source.chunks(columns=own, integers=integers, numbers=numbers, skip=skip)
    try:
        for chunk in chunks:
            n = chunk.table.num_rows
            cells = [
                pa.repeat(pa.scalar(source.fixed[name]), n) if name in source.fixed else chunk.table.column(name)
                for name in columns
            ]
            yield replace(chunk, table=pa.table(cells, names=list(columns)))
    except OSError as error:
        raise DataError(f"{source.name}: cannot be read ({error.strerror or error})") from None
