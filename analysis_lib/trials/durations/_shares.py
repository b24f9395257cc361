"""The difference of two shares that have limits of their own: its interval and its test."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import optimize, special

# Standard errors: nothing is further from 0 than that.
_FURTHEST = 37.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share between 0 and 1, and its standard error, above 0."""

    value: float
    std_error: float

    def limits(self, quantile: float) -> tuple[float, float]:
        """Return the limits on the scale of log(-log(share)), as of the curve's band."""
        log = math.log(self.value)
        half = min(quantile * self.std_error / (self.value * -log), 700.0)
        return math.exp(log * math.exp(half)), math.exp(log * math.exp(-half))


@dataclass(frozen=True, slots=True, kw_only=True)
class SharesRule:
    """The interval of a difference from the arms' limits (Zou and Donner 2008)."""

    treated: Share
    control: Share

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return (low, high) at the level."""
        value, (below, above) = self._value, self._reach(float(special.ndtri((1 + level) / 2)))
        return value - below, value + above

    def p_value(self) -> float:
        """Return 1 less the level of the interval that ends at 0."""
        side, distance = (0, self._value) if self._value > 0 else (1, -self._value)
        if distance == 0:
            return 1.0
        if self._reach(_FURTHEST)[side] <= distance:
            return float(2 * special.ndtr(-_FURTHEST))
        quantile = optimize.brentq(lambda q: self._reach(q)[side] - distance, 0.0, _FURTHEST, xtol=1e-12)
        return float(2 * special.ndtr(-quantile))

    @property
    def _value(self) -> float:
        return self.treated.value - self.control.value

    def _reach(self, quantile: float) -> tuple[float, float]:
        """Return how far the interval reaches below the difference, and above it."""
        (low_1, high_1), (low_0, high_0) = self.treated.limits(quantile), self.control.limits(quantile)
        one, zero = self.treated.value, self.control.value
        return math.hypot(one - low_1, high_0 - zero), math.hypot(high_1 - one, zero - low_0)
