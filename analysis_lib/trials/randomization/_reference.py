"""A statistic over the assignments that could have been: p-values, and the shifts that a test does not reject."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.results import FloatArray
from analysis_lib.trials.randomization._problem import Problem
from analysis_lib.trials.randomization._values import Spread, Statistic, Values

# In root mean squares of the statistic. Rounding of a sum over n people is some 1e-13 sqrt(n) of it; statistics of
# data in whole weeks that are not equal are further apart than this.
TIE = 1e-9
_NO_VARIATION = 1e-12
_DOUBLINGS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The values of K outcomes as observed, and over R assignments: all of them (`exact`), or drawn at random."""

    observed: Values
    drawn: Values
    exact: bool

    @property
    def number(self) -> int:
        """Return the number of assignments."""
        return len(self.drawn.value)

    def standard(self, j: int) -> tuple[float, FloatArray]:
        """Return outcome j's size on the scale common to all: observed, and over the assignments (R,).

        The t-statistic, where there is a variance; else over the root mean square, observed included.
        """
        observed, drawn = abs(float(self.observed.value[0, j])), np.abs(self.drawn.value[:, j])
        if self.drawn.spread is None or self.observed.spread is None:
            scale = self._root_mean_square(j)
            return observed / scale, drawn / scale
        variance = np.maximum(self.drawn.spread.own[:, j], 0)
        sizes = np.divide(drawn, np.sqrt(variance), out=np.full(len(drawn), np.inf), where=variance > 0)
        return observed / math.sqrt(self.observed.spread.own[0, j]), sizes

    def varies(self, j: int, size: float) -> bool:
        """Return whether outcome j's statistic differs between assignments by more than rounding."""
        largest = max(np.max(np.abs(self.drawn.value[:, j])), abs(self.observed.value[0, j]))
        if self.observed.spread is not None and self.observed.spread.own[0, j] <= (_NO_VARIATION * size) ** 2:
            return False
        return bool(largest > _NO_VARIATION * size)

    def test(self, j: int) -> ShiftTest:
        """Return the test of outcome j."""
        observed, drawn = self.observed, self.drawn
        nothing = np.zeros(1)
        return ShiftTest(
            value=drawn.value[:, j].copy(),
            shift=nothing if drawn.shift is None else drawn.shift,
            spread=Spread(own=nothing + 1, cross=nothing, shift=nothing)
            if drawn.spread is None
            else drawn.spread.of(j),
            observed=float(observed.value[0, j]),
            observed_shift=0.0 if observed.shift is None else float(observed.shift[0]),
            observed_own=1.0 if observed.spread is None else float(observed.spread.own[0, j]),
            scale=self._root_mean_square(j),
            exact=self.exact,
            studentized=drawn.spread is not None,
        )

    def _root_mean_square(self, j: int) -> float:
        both = np.append(self.drawn.value[:, j], self.observed.value[0, j])
        return float(np.sqrt(np.mean(np.square(both[np.isfinite(both)]))))


def share(further: ArrayLike, number: int, *, exact: bool) -> FloatArray:
    """Return p-values where so many of the assignments were at least as far out as the one made.

    All assignments count the one made; drawn ones do not, and it is added (Phipson and Smyth 2010,
    doi 10.2202/1544-6115.1585).
    """
    counts = np.asarray(further, dtype=np.float64)
    return counts / number if exact else (1 + counts) / (1 + number)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShiftTest:
    """Tests of one outcome that every treated person was shifted by t, and the interval of t not rejected.

    Arrays are of shape (R,), or (1,) for the same in all; as in `Values`. An interval rule of `Estimate`.
    """

    value: FloatArray
    shift: FloatArray
    spread: Spread
    observed: float
    observed_shift: float
    observed_own: float
    scale: float
    exact: bool
    studentized: bool

    def p_value(self, shift: float = 0.0) -> float:
        """Return the two-sided p-value of a shift: the assignments with a statistic at least as far from 0."""
        root = math.sqrt(self.observed_own)
        variance = self.spread.own - 2 * shift * self.spread.cross + shift**2 * self.spread.shift
        bound = abs(self.observed - shift * self.observed_shift) * np.sqrt(np.maximum(variance, 0))
        tie = TIE * (self.scale + abs(shift * self.observed_shift)) * root
        with np.errstate(invalid="ignore"):
            nearer = np.abs(self.value - shift * self.shift) * root < bound - tie
        # not nearer, so that an assignment whose statistic is undefined counts as far out
        return float(share(np.count_nonzero(~nearer), len(self.value), exact=self.exact))

    def least(self) -> float:
        """Return the p-value that the assignment furthest out would have, where the statistic has no spread."""
        sizes = np.abs(self.value)
        furthest = np.count_nonzero(sizes >= np.max(sizes) - TIE * self.scale) if self.exact else 0
        return float(share(furthest, len(sizes), exact=self.exact))

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return the limits at the level; infinite where no shift in that direction is rejected."""
        size = (1 - level) * (1 + TIE)
        if self.studentized or np.any(self._shift_size() > 1 + TIE):
            return self._search(-1.0, size), self._search(1.0, size)
        low, high = self._roots()
        number = len(self.value)
        # as many assignments must be as far out for a shift not to be rejected
        least = math.floor(size * number) + 1 if self.exact else math.floor(size * (1 + number))
        if least == 0:
            return -math.inf, math.inf
        # a limit itself is a tie, which counts as far out
        slack = TIE * self.scale / self.observed_shift
        lowest, highest = np.partition(low, least - 1)[least - 1], np.partition(high, -least)[-least]
        return float(lowest - slack), float(highest + slack)

    def _shift_size(self) -> FloatArray:
        """Return |b| / B, which is 0 for an assignment without a statistic."""
        return np.where(np.isfinite(self.shift), np.abs(self.shift), 0.0) / self.observed_shift

    def _roots(self) -> tuple[FloatArray, FloatArray]:
        """Return from where to where each assignment is as far out: |a - t b| >= |A - t B|, the capitals observed.

        That is an interval around A / B where |b| < B, and everywhere for the assignment made and its mirror image,
        where |b| = B.
        """
        a, b = np.broadcast_arrays(self.value, self.shift)
        inside = np.isfinite(a) & (self._shift_size() < 1 - TIE)
        nowhere = np.full((2, len(a)), math.inf)
        roots = np.stack([
            np.divide(self.observed - a, self.observed_shift - b, out=nowhere[0], where=inside),
            np.divide(self.observed + a, self.observed_shift + b, out=nowhere[1], where=inside),
        ])  # fmt: skip
        return np.where(inside, roots.min(axis=0), -math.inf), roots.max(axis=0)

    def _search(self, sign: float, size: float) -> float:
        """Return where, going out from the estimate, the p-value first comes down to the test's size."""
        centre, step = self.observed / self.observed_shift, self.scale / self.observed_shift
        near, far = 0.0, step
        for _ in range(_DOUBLINGS):
            if self.p_value(centre + sign * far) <= size:
                break
            near, far = far, 2 * far
        else:
            return sign * math.inf
        while far - near > TIE * step:
            middle = (near + far) / 2
            if self.p_value(centre + sign * middle) <= size:
                far = middle
            else:
                near = middle
        return centre + sign * far


def evaluate(
    problem: Problem, statistic: Statistic, *, draws: int, rng: np.random.Generator, exact: bool = True
) -> Reference:
    """Compute the statistic as observed and over all assignments, where those are at most `draws`, or over draws."""
    layout = problem.layout
    all_of_them = exact and problem.units.assignments(draws) is not None
    chunks = layout.every() if all_of_them else layout.chunks(draws, rng)
    buffer, parts = np.empty((layout.rows, layout.width)), []
    for bits in chunks:
        drawn = buffer[: len(bits)]
        drawn[...] = bits
        parts.append(statistic.of(drawn))
    return Reference(
        observed=statistic.of(layout.observed().astype(np.float64)), drawn=Values.join(parts), exact=all_of_them
    )
