"""Draws as a distribution: percentiles, and how often they lie on the other side of 0."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis_lib.results import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Percentiles:
    """Percentiles of draws (draws,) as the interval at any level."""

    draws: FloatArray

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return the percentile limits."""
        low, high = np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def p_value(self) -> float:
        """Return the two-sided p-value of 0, 2 (1 + k) / (1 + draws) with k draws on the other side."""
        side = min(int(np.sum(self.draws <= 0)), int(np.sum(self.draws >= 0)))
        return min(1.0, 2 * (1 + side) / (1 + len(self.draws)))
