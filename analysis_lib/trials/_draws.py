"""Draw, or list, the assignments that a design could have made: every stratum keeps its number of treated units.

A row of draws has a column for each unit, strata side by side. A stratum is filled up with empty columns to a multiple
of 8, so that its treated can be counted by words.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from analysis_lib.errors import InvalidInput
from analysis_lib.results import FloatArray
from analysis_lib.trials._arrays import BoolArray, IntArray

Scalar = TypeVar("Scalar", bound=np.generic)

_WORD = 8
# Cells (rows x columns) of a chunk, which then stays in the cache. Not the machine's to choose: the draws
# of a seed depend on it.
_CELLS = 1 << 20
_MAX_ROWS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What was assigned, sorted by stratum: within one, every choice of as many treated units was equally likely.

    Attributes
    ----------
    of_case
        (n,) the unit of each case.
    treated
        (units,) as assigned.
    size, count
        (strata,) units, and treated units; strata in order of size.
    """

    of_case: IntArray
    treated: BoolArray
    size: IntArray
    count: IntArray

    @property
    def stratum(self) -> IntArray:
        """Return the stratum of each unit."""
        return np.repeat(np.arange(len(self.size)), self.size)

    def assignments(self, limit: int) -> int | None:
        """Return the number of assignments that could have been; None where it is above the limit."""
        m, k = self.size, self.count
        logs = special.gammaln(m + 1) - special.gammaln(k + 1) - special.gammaln(m - k + 1)
        if float(np.sum(logs)) > math.log(limit) + 1:
            return None
        number = math.prod(map(math.comb, m.tolist(), k.tolist()))
        return number if number <= limit else None

    def totals(self, values: FloatArray) -> FloatArray:
        """Return the sums by unit of (n, k) values."""
        sums = np.zeros((len(self.treated), values.shape[1]))
        for j, column in enumerate(values.T):
            sums[:, j] = np.bincount(self.of_case, weights=column, minlength=len(sums))
        return sums


def read_units(treated: BoolArray, unit: NDArray[np.int64], block: NDArray[np.int64] | None) -> Units:
    """Return the units of (n,) cases. The strata are the blocks; blocks that a unit crosses are one stratum.

    Raises
    ------
    InvalidInput
        A unit has treated and control cases.
    """
    names, code = np.unique(unit, return_inverse=True)
    cases, ones = np.bincount(code), np.bincount(code, weights=treated)
    mixed = np.flatnonzero((ones > 0) & (ones < cases))
    if mixed.size:
        raise InvalidInput(
            f"unit {names[mixed[0]]} of the design has treated and control people ({mixed.size} such units); must have "
            "one of them, as units are assigned whole"
        )
    label = _joined(code, len(names), block)
    by_size = np.argsort(np.bincount(label), kind="stable")
    stratum = np.argsort(by_size)[label]
    order = np.argsort(stratum, kind="stable")
    is_treated = ones > 0
    return Units(
        of_case=np.argsort(order)[code],
        treated=is_treated[order],
        size=np.bincount(stratum),
        count=np.bincount(stratum[is_treated], minlength=len(by_size)),
    )


def _joined(code: IntArray, units: int, block: NDArray[np.int64] | None) -> IntArray:
    """Return the stratum of each unit: the connected parts of the graph of units and blocks."""
    if block is None:
        return np.zeros(units, dtype=np.intp)
    names, of_case = np.unique(block, return_inverse=True)
    nodes = units + len(names)
    links = coo_array((np.ones(len(code), dtype=np.int8), (code, units + of_case)), shape=(nodes, nodes))
    _, part = connected_components(links, directed=False)
    return np.unique(part[:units], return_inverse=True)[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draws:
    """The rows of draws of some units: `column` of each unit, `start` and `span` (columns) of each stratum."""

    units: Units
    column: IntArray
    start: IntArray
    span: IntArray
    width: int

    @classmethod
    def of(cls, units: Units) -> Draws:
        """Lay the units out."""
        span = -(-units.size // _WORD) * _WORD
        start = np.cumsum(span) - span
        before = np.cumsum(units.size) - units.size
        column = np.arange(len(units.treated)) + np.repeat(start - before, units.size)
        return cls(units=units, column=column, start=start, span=span, width=int(span.sum()))

    @property
    def rows(self) -> int:
        """Return the rows of a chunk."""
        return max(1, min(_MAX_ROWS, _CELLS // self.width))

    def spread(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return (units, ...) values as (columns, ...), 0 in the empty columns."""
        found = np.zeros((self.width, *values.shape[1:]), dtype=values.dtype)
        found[self.column] = values
        return found

    def observed(self) -> BoolArray:
        """Return the assignment made, of shape (1, columns)."""
        return self.spread(self.units.treated)[None, :]

    def every(self) -> Iterator[BoolArray]:
        """Yield all assignments, in chunks of shape (rows, columns)."""
        chosen = [
            np.array(list(combinations(range(m), k)), dtype=np.intp).reshape(math.comb(m, k), k) + first
            for m, k, first in zip(
                self.units.size.tolist(), self.units.count.tolist(), self.start.tolist(), strict=True
            )
        ]
        total = math.prod(map(len, chosen))
        for first in range(0, total, self.rows):
            number = np.arange(first, min(first + self.rows, total))
            bits = np.zeros((len(number), self.width), dtype=np.bool_)
            for columns in chosen:
                number, digit = np.divmod(number, len(columns))
                np.put_along_axis(bits, columns[digit], True, axis=1)
            yield bits

    def chunks(self, draws: int, rng: np.random.Generator) -> Iterator[BoolArray]:
        """Yield `draws` assignments drawn at random, in chunks of shape (rows, columns)."""
        seed = np.random.SeedSequence(rng.integers(0, 1 << 32, size=8).tolist())
        own = np.random.Generator(np.random.SFC64(seed))
        # p of at most one half: the rarer arm is drawn, and the bits turned round where that is control
        rarer = np.minimum(self.units.count, self.units.size - self.units.count)
        threshold = self._by_column(_threshold(self.units.size, rarer))
        turned = self._by_column((rarer < self.units.count).astype(np.uint8)).view(np.bool_)
        last = np.empty(min(self.rows, draws) * self.width, dtype=np.int32)
        for first in range(0, draws, self.rows):
            rows = min(self.rows, draws - first)
            keys = own.bit_generator.random_raw(rows * self.width // _WORD).view(np.uint8)
            bits: BoolArray = np.less(keys.reshape(rows, self.width), threshold)
            self._settle(bits, rarer, last, own)
            yield bits ^ turned if turned.any() else bits

    def _by_column(self, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return (strata,) values by column, 0 in the empty ones."""
        found = np.zeros(self.width, dtype=np.uint8)
        found[self.column] = values[self.units.stratum]
        return found

    def _settle(self, bits: BoolArray, count: IntArray, last: NDArray[np.int32], rng: np.random.Generator) -> None:
        """Turn bits chosen at random until each row has `count` in each stratum.

        Given its number, the set drawn is uniform, and turning some of its (or the other) members keeps it so.
        """
        words = np.bitwise_count(bits.view(np.uint64))
        found = np.add.reduceat(words, self.start // _WORD, axis=1, dtype=np.int32)
        lacking = (count - found).ravel()
        part = np.flatnonzero(lacking)
        row, stratum = np.divmod(part, len(count))
        lacking, base = lacking[part], row * self.width + self.start[stratum]
        size = self.units.size[stratum].astype(np.float64)
        flat = bits.reshape(-1)
        while lacking.size:
            which = np.repeat(np.arange(len(lacking), dtype=np.int32), np.abs(lacking))
            place: IntArray = (rng.random(len(which)) * size.take(which)).astype(np.intp) + base.take(which)
            usable = np.flatnonzero(flat.take(place) != (lacking > 0).take(which))
            place, which = place[usable], which[usable]
            # a place hit twice counts once: only the last hit finds its own number there
            number = np.arange(len(place), dtype=np.int32)
            last[place] = number
            once = np.flatnonzero(last.take(place) == number)
            flat[place[once]] ^= True
            turned = np.bincount(which[once], minlength=len(lacking))
            lacking = np.where(lacking > 0, lacking - turned, lacking + turned)
            open_ = np.flatnonzero(lacking)
            lacking, base, size = lacking[open_], base[open_], size[open_]


def _threshold(size: IntArray, count: IntArray) -> NDArray[np.uint8]:
    """Return the 256ths of a stratum to treat at first: the fewer of them, the further below the count.

    Adding members finds a free one soon; taking one away has to hit one of few.
    """
    share = count / size
    aim = count - 2 * (1 - 2 * share) * np.sqrt(size * share * (1 - share))
    return np.maximum(np.floor(256 * aim / size), 0).astype(np.uint8)
