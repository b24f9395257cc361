"""Confidence sets that need not be intervals: the values that a test does not reject."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Literal

import numpy as np
from scipy import linalg

from analysis_lib.results import FloatArray, Interval, Message

__all__ = ["ConfidenceSet", "Shape"]

Shape = Literal["interval", "one ray", "two rays", "everything", "empty", "several pieces"]
# An eigenvalue with a smaller imaginary part, relative to its size, may be a real one with rounding.
_REAL = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceSet:
    """The values that a test at size 1 - `level` does not reject.

    Attributes
    ----------
    parts
        Intervals that do not touch, in order; ends may be infinite. None where every value is rejected.
    level
        Coverage aimed at.

    Examples
    --------
    >>> rays = ConfidenceSet(estimand="effect", parts=((-np.inf, -2.0), (5.0, np.inf)), level=0.95)
    >>> rays.shape, rays.contains(0), str(rays.summary())
    ('two rays', False, '95 % confidence set: below -2.00 or above 5.00')
    """

    estimand: str
    parts: tuple[tuple[float, float], ...]
    level: float
    unit: str = ""
    method: str = ""
    note: str = ""

    @property
    def shape(self) -> Shape:
        """What the set is: an interval, rays, everything, nothing, or (with several instruments) several pieces."""
        bounded = [math.isfinite(low) + math.isfinite(high) for low, high in self.parts]
        if len(bounded) < 2:
            shapes: tuple[Shape, ...] = ("everything", "one ray", "interval")
            return shapes[bounded[0]] if bounded else "empty"
        return "two rays" if bounded == [1, 1] else "several pieces"

    @property
    def intervals(self) -> tuple[Interval, ...]:
        """The parts as intervals with their level."""
        return tuple(Interval(low=low, high=high, level=self.level) for low, high in self.parts)

    def contains(self, value: float) -> bool:
        """Whether the set holds the value."""
        return any(low <= value <= high for low, high in self.parts)

    def summary(self) -> Message:
        """Say the set in words."""
        level = 100 * self.level
        if self.shape == "everything":
            return Message("{level:.0f} % confidence set: every value", level=level)
        if self.shape == "empty":
            return Message("{level:.0f} % confidence set: no value at all", level=level)
        pieces = reduce(_either, (_piece(low, high) for low, high in self.parts))
        return Message("{level:.0f} % confidence set: {pieces}", level=level, pieces=pieces)


def _either(first: Message, second: Message) -> Message:
    return Message("{first} or {second}", first=first, second=second)


def _piece(low: float, high: float) -> Message:
    if math.isinf(low):
        return Message("below {high:.2f}", high=high)
    if math.isinf(high):
        return Message("above {low:.2f}", low=low)
    return Message("{low:.2f} to {high:.2f}", low=low, high=high)


def accepted_values(
    a: FloatArray, b: FloatArray, *, aa: FloatArray, ab: FloatArray, bb: FloatArray, critical: float
) -> tuple[tuple[float, float], ...]:
    r"""Return the values :math:`\theta` at which the Wald test of :math:`a - \theta b = 0` does not reject.

    Parameters
    ----------
    a, b
        Estimates, shape (q,).
    aa, ab, bb
        Covariances of a, of a (rows) with b (columns), and of b, each (q, q).
    critical
        Limit of the Wald statistic.

    Returns
    -------
    tuple
        Intervals (low, high) in order, possibly infinite.

    Notes
    -----
    With :math:`V(\theta) = V_{aa} - \theta (V_{ab} + V_{ab}') + \theta^2 V_{bb}`, the limits are where
    :math:`\det(c V(\theta) - (a - \theta b)(a - \theta b)') = 0`: a quadratic equation for q = 1 (Fieller), a quadratic
    eigenvalue problem with 2 q roots otherwise. Nothing is searched for on a grid.

    References
    ----------
    Fieller (1954), doi 10.1111/j.2517-6161.1954.tb00159.x. Tisseur and Meerbergen (2001),
    doi 10.1137/S0036144500381988.

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> low, high = accepted_values(np.array([2.0]), np.array([4.0]), aa=one, ab=0 * one, bb=one, critical=3.84)[0]
    >>> f"{low:.4f} to {high:.4f}"
    '0.0101 to 1.3057'
    """
    # in units in which both are of size 1, so that rounding is relative
    unit_a, unit_b = (math.sqrt(float(np.trace(v) + x @ x)) for v, x in ((aa, a), (bb, b)))
    scale = unit_a / unit_b
    a, b = a / unit_a, b / unit_b
    aa, ab, bb = aa / unit_a**2, ab / (unit_a * unit_b), bb / unit_b**2
    both = ab + ab.T
    roots = _real_roots(
        critical * aa - np.outer(a, a),
        np.outer(a, b) + np.outer(b, a) - critical * both,
        critical * bb - np.outer(b, b),
    )

    def accepts(theta: float) -> bool:
        gap = a - theta * b
        return float(gap @ np.linalg.solve(aa - theta * both + theta**2 * bb, gap)) <= critical

    edges = [-math.inf, *roots, math.inf]
    parts: list[tuple[float, float]] = []
    for low, high in pairwise(edges):
        if not accepts(_inside(low, high)):
            continue
        if parts and parts[-1][1] == low * scale:
            parts[-1] = (parts[-1][0], high * scale)
        else:
            parts.append((low * scale, high * scale))
    return tuple(parts)


def _real_roots(constant: FloatArray, linear: FloatArray, square: FloatArray) -> list[float]:
    """Return the real roots of det(constant + x linear + x^2 square), and perhaps points that are none."""
    q = len(constant)
    identity, nothing = np.eye(q), np.zeros((q, q))
    left = np.block([[nothing, identity], [-constant, -linear]])
    right = np.block([[identity, nothing], [nothing, square]])
    top, bottom = linalg.eig(left, right, right=False, homogeneous_eigvals=True)
    finite = np.abs(bottom) > np.finfo(float).eps * np.abs(top)
    found = top[finite] / bottom[finite]
    real = found[np.abs(found.imag) <= _REAL * np.maximum(1.0, np.abs(found.real))].real
    return [float(x) for x in np.unique(real)]


def _inside(low: float, high: float) -> float:
    """Return a point between two roots, or beyond the last one."""
    if math.isinf(low):
        return 0.0 if math.isinf(high) else high - max(1.0, abs(high))
    return low + max(1.0, abs(low)) if math.isinf(high) else (low + high) / 2
