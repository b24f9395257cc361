"""The area under a Kaplan-Meier curve up to a horizon, with its variance and people's influence on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray
from analysis_lib.trials._kaplan_meier import kaplan_meier


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A restricted mean, Greenwood's variance, and each person's influence on it, shape (n,)."""

    value: float
    variance: float
    influence: FloatArray


def area_up_to(times: FloatArray, events: BoolArray, horizon: float, *, interpolate: bool) -> Area:
    """Return the restricted mean of (n,) times, or raise where it is not known or does not vary."""
    curve = kaplan_meier(times, events)
    last, left = float(curve.time[-1]), float(curve.survival[-1])
    if horizon > last and left > 0:
        raise NotEstimable(
            Message(
                "the horizon {horizon:g} is beyond the last time, {last:g}, when {share:.0f} % had not had the event",
                horizon=horizon,
                last=last,
                share=100 * left,
            )
        )
    event = curve.events > 0
    knots, survival = np.append(0.0, curve.time[event]), np.append(1.0, curve.survival[event])
    parts = _widths(knots, horizon, interpolate=interpolate) * survival
    after = np.cumsum(parts[::-1])[::-1][1:]
    died, at_risk = curve.events[event], curve.at_risk[event]
    # where everybody left at risk has the event there is no area after it
    each = np.divide(after, at_risk - died, out=np.zeros_like(after), where=at_risk > died)
    variance = float(np.sum(each * after * died / at_risk))
    if variance <= 0:
        raise NotEstimable(Message("the durations up to {horizon:g} do not vary", horizon=horizon))
    position = np.searchsorted(knots[1:], times, side="right")
    influence = np.append(0.0, np.cumsum(each * died / at_risk))[position]
    influence[events] -= each[position[events] - 1]
    return Area(value=float(parts.sum()), variance=variance, influence=influence)


def _widths(knots: FloatArray, horizon: float, *, interpolate: bool) -> FloatArray:
    """Return the weight of the curve's value at each knot in the area up to the horizon."""
    widths: FloatArray = np.diff(np.minimum(np.append(knots, horizon), horizon))
    if not interpolate:
        return widths
    # a line through a and b has, over the first share s of the way, the mean height a (1 - s/2) + b s/2
    gap = np.diff(knots)
    moved = widths[:-1] * np.divide(widths[:-1], gap, out=np.zeros_like(gap), where=gap > 0) / 2
    tilted: FloatArray = widths - np.append(moved, 0.0) + np.append(0.0, moved)
    return tilted
