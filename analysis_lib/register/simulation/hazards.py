"""When something happens whose hazard is a baseline times constants that hold for some people in some weeks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
NEVER = 1e6
"""Weeks beyond anything that is looked at: finite, so that differences of it are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A cumulative hazard of weeks and its inverse, both increasing from 0 at 0."""

    cumulative: Callable[[FloatArray], FloatArray]
    inverse: Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A constant for the people chosen from `start` up to `stop`; weeks of each person's clock, shape (n,)."""

    start: FloatArray
    stop: FloatArray
    ratio: float
    chosen: BoolArray


def weibull(shape: float, scale: float) -> Baseline:
    """Return the Weibull's cumulative hazard (t / b)^k."""
    return Baseline(
        cumulative=lambda weeks: (weeks / scale) ** shape, inverse=lambda total: scale * total ** (1 / shape)
    )


def constant(hazard: float) -> Baseline:
    """Return the cumulative hazard of a constant hazard above 0."""
    return Baseline(cumulative=lambda weeks: hazard * weeks, inverse=lambda total: total / hazard)


def waiting_times(energy: FloatArray, baseline: Baseline, windows: Sequence[Window] = ()) -> FloatArray:
    r"""Return when the cumulative hazard reaches each person's `energy`, exactly.

    With r the product of the constants, which changes at the edges c_0 = 0 < c_1 < ... only, and H0 the baseline,

    .. math:: H(t) = \sum_j r_j [H_0(\min(t, c_{j+1})) - H_0(c_j)]_+ .

    H(T) = E is solved in the piece where it falls: H0(T) = H0(c_j) + (E - H(c_j)) / r_j. A standard exponential E gives
    T with the survival function exp(-H(t)).

    Parameters
    ----------
    energy
        Shape (n,), above 0; infinity is never.
    windows
        Those that overlap multiply.

    Returns
    -------
    numpy.ndarray
        Weeks, shape (n,).

    Examples
    --------
    >>> window = Window(start=np.array([2.0]), stop=np.array([4.0]), ratio=3.0, chosen=np.array([True]))
    >>> waiting_times(np.array([5.0]), constant(1.0), [window])
    array([3.])
    """
    left_over, reached = energy.copy(), np.full(len(energy), np.nan)
    edges = _edges(len(energy), windows)
    for piece in range(edges.shape[1]):
        left = edges[:, piece]
        ratio = np.ones(len(energy))
        for window in windows:
            ratio = np.where(window.chosen & (window.start <= left) & (left < window.stop), ratio * window.ratio, ratio)
        begun = baseline.cumulative(left)
        if piece + 1 < edges.shape[1]:
            gain = ratio * (baseline.cumulative(edges[:, piece + 1]) - begun)
        else:
            gain = np.full(len(energy), np.inf)
        here = np.isnan(reached) & ((left_over < gain) | np.isinf(gain))
        reached[here] = begun[here] + left_over[here] / ratio[here]
        left_over = left_over - np.where(np.isfinite(gain), gain, 0)
    return baseline.inverse(reached)


def _edges(n: int, windows: Sequence[Window]) -> FloatArray:
    """Return where some constant begins or ends, sorted for each person, shape (n, pieces); the first is 0."""
    columns = [np.zeros(n)]
    for window in windows:
        columns += [np.clip(window.start, 0, NEVER), np.clip(window.stop, 0, NEVER)]
    return np.sort(np.stack(columns, axis=1), axis=1)
