"""Which areas were exposed, against the other choices of as many areas: p-values, and shifts not rejected."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis_lib.results import FloatArray
from analysis_lib.trials._arrays import BoolArray
from analysis_lib.trials._draws import Draws, Units
from analysis_lib.trials.randomization._reference import TIE, share


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choices:
    """A difference as it was, and its values (R,) over the choices; an interval rule of `Estimate`.

    `shift` (R,) is the difference of exposure as it was: less t in exposed areas, a value is `value` - t `shift`.
    All choices (`exact`), or drawn ones.
    """

    observed: float
    value: FloatArray
    shift: FloatArray
    exact: bool

    @property
    def scale(self) -> float:
        """Return the root mean square of the values."""
        return float(np.sqrt(np.mean(np.append(self.value, self.observed) ** 2)))

    def share_beyond(self, size: float) -> float:
        """Return the p-value of a difference of that size."""
        further = np.count_nonzero(np.abs(self.value) >= size - TIE * self.scale)
        return float(share(further, len(self.value), exact=self.exact))

    @property
    def p_value(self) -> float:
        """Return the two-sided p-value of no effect."""
        return self.share_beyond(abs(self.observed))

    @property
    def least_p_value(self) -> float:
        """Return the p-value had the difference been the largest of all choices."""
        return self.share_beyond(float(np.max(np.abs(self.value)))) if self.exact else 1 / (1 + len(self.value))

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return the limits of the shifts with a p-value above 1 - level; infinite where none is rejected.

        As |shift| is at most 1, a choice is as far out as the one made for the t between the roots of
        |value - t shift| = |observed - t|, which enclose the estimate, and for all t where |shift| is 1.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            roots = (self.observed + np.outer([-1, 1], self.value)) / (1 + np.outer([-1, 1], self.shift))
        everywhere = np.abs(self.shift) > 1 - TIE
        low, high = np.where(everywhere, [[-math.inf], [math.inf]], np.sort(roots, axis=0))
        # the fewest choices that keep a p-value above the size, where the one made counts among drawn ones
        size = (1 - level) * (1 + TIE)
        fewest = math.floor(size * len(low)) + 1 if self.exact else math.floor(size * (1 + len(low)))
        if fewest < 1:
            return -math.inf, math.inf
        return float(np.sort(low)[fewest - 1]), float(np.sort(high)[-fewest])


def over_choices(
    values: FloatArray, weight: FloatArray, exposed: BoolArray, *, draws: int, rng: np.random.Generator
) -> list[Choices]:
    """Return each of k weighted differences of (areas, k) values over the choices of as many areas as are exposed."""
    areas = len(exposed)
    units = Units(
        of_case=np.arange(areas), treated=exposed, size=np.array([areas]), count=np.array([np.sum(exposed)])
    )  # fmt: skip
    layout = Draws.of(units)
    both = np.hstack([values, np.repeat(exposed[:, None].astype(np.float64), values.shape[1], axis=1)])
    weights = np.hstack([weight, weight])
    sums, sizes = layout.spread(weights * both), layout.spread(weights)

    def differences(bits: BoolArray) -> FloatArray:
        chosen = bits.astype(np.float64)
        total, size = chosen @ sums, chosen @ sizes
        found: FloatArray = total / size - (sums.sum(axis=0) - total) / (sizes.sum(axis=0) - size)
        return found

    exact = units.assignments(draws) is not None
    found = np.vstack([differences(bits) for bits in (layout.every() if exact else layout.chunks(draws, rng))])
    observed, k = differences(layout.observed())[0], values.shape[1]
    return [
        Choices(observed=float(observed[j]), value=found[:, j].copy(), shift=found[:, k + j].copy(), exact=exact)
        for j in range(k)
    ]
