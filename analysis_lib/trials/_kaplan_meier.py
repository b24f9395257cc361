"""The Kaplan-Meier curve, its log-log band, and where they come down to one half."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from analysis_lib.results import FloatArray
from analysis_lib.trials._arrays import BoolArray

# R's survfit: a curve this near to one half is at one half (rounding of the product).
_HALF = 0.5 + float(np.sqrt(np.finfo(float).eps))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KaplanMeier:
    """The curve at the distinct times; `spread` is the standard error of log(-log(survival)), NaN at 0 and 1."""

    time: FloatArray
    at_risk: FloatArray
    events: FloatArray
    survival: FloatArray
    spread: FloatArray

    def band(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return the pointwise log-log limits, NaN where the curve is 0 or 1."""
        quantile = float(stats.norm.ppf((1 + level) / 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            log_log = np.log(-np.log(self.survival))
            low = np.exp(-np.exp(log_log + quantile * self.spread))
            high = np.exp(-np.exp(log_log - quantile * self.spread))
        return low, high


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MedianRule:
    """Interval rule of a median: where the curve's log-log band crosses one half (Brookmeyer and Crowley 1982)."""

    curve: KaplanMeier
    interpolate: bool

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return the limits at the level; NaN for one that is not reached."""
        low, high = self.curve.band(level)
        return self.crossing(low), self.crossing(high)

    def crossing(self, survival: FloatArray) -> float:
        """Return when (times,) values first come down to one half; NaN where they do not."""
        known = ~np.isnan(survival)
        if self.interpolate:
            known &= self.curve.events > 0
        time, value = self.curve.time[known], survival[known]
        below = np.flatnonzero(value < _HALF)
        if not below.size:
            return math.nan
        first = int(below[0])
        return _on_polygon(time, value, first) if self.interpolate else _on_step(time, value, first)


def kaplan_meier(times: FloatArray, events: BoolArray) -> KaplanMeier:
    """Return the curve of (n,) times that end in an event or in censoring."""
    distinct, position = np.unique(times, return_inverse=True)
    leaving = np.bincount(position)
    died = np.bincount(position, weights=events).astype(np.float64)
    at_risk = np.cumsum(leaving[::-1])[::-1].astype(np.float64)
    survival: FloatArray = np.cumprod(1 - died / at_risk, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(died / (at_risk * (at_risk - died)))
        spread = np.sqrt(greenwood) / -np.log(survival)
    spread[(survival <= 0) | (survival >= 1)] = np.nan
    return KaplanMeier(time=distinct, at_risk=at_risk, events=died, survival=survival, spread=spread)


def _on_polygon(time: FloatArray, value: FloatArray, first: int) -> float:
    """Return where the line to the first point at or below one half crosses it."""
    start, height = (time[first - 1], value[first - 1]) if first else (0.0, 1.0)
    return float(start + (height - 0.5) / (height - value[first]) * (time[first] - start))


def _on_step(time: FloatArray, value: FloatArray, first: int) -> float:
    """Return the first time at or below one half; from exactly one half, the middle of the way to the next step."""
    if abs(value[first] - 0.5) < _HALF - 0.5:
        lower = np.flatnonzero(value[first:] < value[first])
        if lower.size:
            return float((time[first] + time[first + lower[0]]) / 2)
    return float(time[first])
