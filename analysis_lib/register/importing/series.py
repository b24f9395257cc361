"""The cells of week and month columns in a chunk, with their faults counted over all columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analysis_lib.register.importing.cells import BoolArray, read_cells
from analysis_lib.register.importing.faults import EXAMPLES, Fault, Faults
from analysis_lib.register.schema import LARGEST_RATE, Column
from analysis_lib.register.sources import Chunk, Source

IntArray = NDArray[np.int64]
UNKNOWN = -1
"""Inside arrays: no industry, no employment rate."""
NEGATIVE, TOO_LARGE = "negative", "too large"
NOT_WHOLE, NOT_A_NUMBER = "not a whole number", "not a number"


ROWS_AT_ONCE = 500
"""Rows that are laid side by side at once; few enough to stay in the processor's cache."""


class SeriesCells:
    """The cells of many columns of one kind (weeks or months) in a chunk, with their faults counted by kind."""

    def __init__(self, chunk: Chunk, column: Column, source: Source) -> None:
        self._chunk, self._column, self._source = chunk, column, source
        self._found: dict[str, tuple[list[int], BoolArray, list[str]]] = {}

    def matrix(self, names: Sequence[str], largest: int) -> NDArray[np.int16]:
        """Return the whole numbers of many columns, shape (n, columns), 0 where blank and where the cell is wrong."""
        table = self._chunk.table.select(names)
        fast = _whole_matrix(table, largest) if all(pa.types.is_integer(kind) for kind in table.schema.types) else None
        if fast is not None:
            return fast
        return np.stack([self.whole(name, largest).astype(np.int16) for name in names], axis=1)

    def whole(self, name: str, largest: int, *, blank: int = 0) -> IntArray:
        """Return a column's whole numbers, `blank` where there is none and where the cell is wrong."""
        cells = self._chunk.table.column(name)
        if not pa.types.is_integer(cells.type):
            return self._slowly(name, cells, largest, blank).astype(np.int64)
        # A blank cell must pass the checks, and UNKNOWN would not.
        values: IntArray = pc.fill_null(cells, 0).to_numpy()
        wrong = self._out_of_range(name, values, values < 0, values > largest)
        if blank and cells.null_count:
            wrong = wrong | cells.is_null().to_numpy()
        return np.where(wrong, blank, values) if wrong.any() else values

    def rate(self, name: str) -> NDArray[np.float64]:
        """Return a column's employment rates, `UNKNOWN` where there is none and where the cell is wrong."""
        cells = self._chunk.table.column(name)
        if not pa.types.is_floating(cells.type):
            return self._slowly(name, cells, LARGEST_RATE, UNKNOWN)
        values: NDArray[np.float64] = pc.fill_null(cells, np.nan).to_numpy().astype(np.float64)
        wrong = self._out_of_range(name, values, values < 0, values > LARGEST_RATE)
        return np.where(np.isnan(values) | wrong, UNKNOWN, values)

    def report(self, faults: Faults) -> None:
        """Add the faults of all columns."""
        for kind, (counts, rows, examples) in self._found.items():
            what = self._source.name, "cell", kind, self._column.allowed
            faults.add(Fault(*what, sum(counts), examples[:EXAMPLES], rows=int(rows.sum())))

    def _out_of_range(self, name: str, values: NDArray[np.generic], low: BoolArray, high: BoolArray) -> BoolArray:
        """Note the numbers that are too low or too high, and return which they are."""
        both: BoolArray = low | high
        if both.any():
            for kind, wrong in ((NEGATIVE, low), (TOO_LARGE, high)):
                rows = np.flatnonzero(wrong)
                first = self._chunk.first_row
                shown = [f"row {first + row:,} {values[row]:.10g} in {name}" for row in rows[:EXAMPLES]]
                self._note(kind, rows, shown)
        return both

    def _slowly(self, name: str, cells: pa.ChunkedArray, largest: float, blank: int) -> NDArray[np.float64]:
        """Read a column of which a cell is wrong, or which is of a strange type."""
        decimal = self._source.describe().get("decimal") or "."
        read = read_cells(cells, self._column, self._chunk.first_row, decimal=decimal)
        kinds = np.array([
            self._kind_of(raw, largest) if bad else "" for raw, bad in zip(read.raw, read.wrong, strict=True)
        ])  # fmt: skip
        for kind in sorted(set(kinds.tolist()) - {""}):
            rows = np.flatnonzero((kinds == kind)[read.position])
            self._note(kind, rows, [f"{read.example(int(row))} in {name}" for row in rows[:EXAMPLES]])
        values = np.array([blank if value is None else value for value in read.values], dtype=np.float64)
        return values[read.position]

    def _kind_of(self, raw: object, largest: float) -> str:
        """Say why a cell that does not read is wrong."""
        is_rate = self._column.kind == "employment rate"
        strange = NOT_A_NUMBER if is_rate else NOT_WHOLE
        if isinstance(raw, bool) or not isinstance(raw, (str, int, float)):
            return strange
        try:
            value = float(raw)
        except ValueError:
            return strange
        if not (is_rate or value.is_integer()):
            return strange
        return NEGATIVE if value < 0 else TOO_LARGE if value > largest else strange

    def _note(self, kind: str, rows: IntArray, examples: list[str]) -> None:
        if not len(rows):
            return
        if kind not in self._found:
            self._found[kind] = [], np.zeros(self._chunk.table.num_rows, dtype=np.bool_), []
        counts, marked, shown = self._found[kind]
        counts.append(len(rows))
        marked[rows] = True
        shown += examples


def _whole_matrix(table: pa.Table, largest: int) -> NDArray[np.int16] | None:
    """Return whole numbers as a matrix, 0 where blank, or `None` where one is out of range."""
    matrix = np.zeros((table.num_rows, table.num_columns), dtype=np.int16)
    for low in range(0, table.num_rows, ROWS_AT_ONCE):
        rows = table.slice(low, ROWS_AT_ONCE).combine_chunks()
        values = rows.to_batches()[0].to_tensor(null_to_nan=True, row_major=True).to_numpy()
        if ((values < 0) | (values > largest)).any():
            return None
        matrix[low : low + ROWS_AT_ONCE] = np.where(np.isnan(values), 0, values)
    return matrix
