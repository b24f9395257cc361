"""One column of a chunk, each distinct value read once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis_lib.register.importing.faults import EXAMPLES, Fault, show
from analysis_lib.register.schema import Column

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """One column's cells, read: `values[position]` of shape (n,), and where they are wrong."""

    raw: list[object]
    values: list[Any]
    wrong: BoolArray
    position: NDArray[np.int64]
    first_row: int

    @property
    def bad(self) -> BoolArray:
        """Whether each cell is wrong, shape (n,)."""
        return self.wrong[self.position]

    def example(self, index: int) -> str:
        """Say what stands in the cell at a position of the chunk, with its row in the file."""
        return f"row {self.first_row + index:,} {show(self.raw[self.position[index]])}"

    def fault(self, where: str, column: Column, allowed: str | None = None) -> Fault:
        """Return the wrong cells; `allowed` says more than the declaration where that is needed."""
        rows = np.flatnonzero(self.bad)
        examples = [self.example(int(row)) for row in rows[:EXAMPLES]]
        return Fault(f"{where}: column {column.name}", "wrong cell", "", allowed or column.allowed, len(rows), examples)

    def to_arrow(self, column: Column) -> pa.Array:
        """Return the values in the type in which an extract stores them; wrong cells are null."""
        return pa.array(self.values, type=column.arrow_type).take(pa.array(self.position))


def read_cells(
    cells: pa.ChunkedArray, column: Column, first_row: int, *, accept: Callable[[Any], bool] | None = None,
    decimal: str = ".",
) -> Cells:  # fmt: skip
    """Read a column.

    Parameters
    ----------
    cells
        As the file has them.
    column
        Its declaration.
    first_row
        Row of the first cell in the file.
    accept
        Says whether a value that reads well is allowed, where the declaration alone cannot tell.
    decimal
        The decimal sign of texts.
    """
    whole = cells.combine_chunks()
    if pa.types.is_dictionary(whole.type):
        whole = whole.dictionary_decode()
    encoded = pc.dictionary_encode(whole, null_encoding="encode")
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    raw, values = encoded.dictionary.to_pylist(), []
    wrong = np.zeros(len(raw), dtype=np.bool_)
    for number, value in enumerate(raw):
        try:
            parsed = column.parse(value.replace(decimal, ".") if isinstance(value, str) and decimal != "." else value)
            wrong[number] = parsed is not None and accept is not None and not accept(parsed)
        except ValueError:
            wrong[number] = True
        values.append(None if wrong[number] else parsed)
    position = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return Cells(raw=raw, values=values, wrong=wrong, position=position, first_row=first_row)
