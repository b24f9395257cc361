"""The mass points of a fit: their multipliers of the hazard, their shares, and the errors of both."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis_lib.results import Estimate, FloatArray, Interval, Message, Results, wald_interval
from analysis_lib.trials._arrays import BoolArray
from analysis_lib.trials.durations._mass_points import Fit

_BOUNDARY = Message("at the boundary: no standard error")
# Standard error of a logarithm: an interval as wide says nothing.
_UNKNOWN = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogitRule:
    """The interval of a share, from its logit."""

    value: float
    std_error: float
    df: float

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return (low, high) at the level."""
        middle = special.logit(self.value)
        half = special.stdtrit(self.df, (1 + level) / 2) * self.std_error / (self.value * (1 - self.value))
        return float(special.expit(middle - half)), float(special.expit(middle + half))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimated:
    """A fit, the covariance of its parameters (size, size), its degrees of freedom, and the level of intervals."""

    fit: Fit
    covariance: FloatArray
    df: float
    level: float

    def std_error(self, gradient: FloatArray) -> float:
        """Return the standard error of what has the gradient (size,)."""
        return math.sqrt(max(float(gradient @ self.covariance @ gradient), 0.0))

    def unreached(self, spell: int) -> BoolArray:
        """Return which types do not get to a spell, as they stay in the first, shape (types,)."""
        return self.fit.stays(0) if spell else np.zeros(self.fit.mixture.types, dtype=bool)

    def mean_multiplier(self, spell: int) -> tuple[float, FloatArray]:
        """Return the logarithm of the mean multiplier of the types that reach the spell, and its gradient (size,)."""
        mixture, shares = self.fit.mixture, self.fit.at.shares
        reached = shares * ~self.unreached(spell)
        weighted = reached * self.fit.at.terms[spell].multiplier
        gradient = np.zeros(mixture.size)
        gradient[mixture.levels[spell]] = mixture.points[spell].T @ (weighted / weighted.sum())
        gradient[mixture.logits] = mixture.weights.T @ (weighted / weighted.sum() - reached / reached.sum())
        return float(np.log(weighted.sum() / reached.sum())), gradient

    def points(self, spells: tuple[str, ...]) -> Results:
        """Return each type's multiplier in each of the spells named, and its share, the least multiplier first."""
        if self.fit.mixture.types == 1:
            return Results()
        order = np.lexsort([term.multiplier for term in reversed(self.fit.at.terms)])
        rows = []
        for number, kind in enumerate(order.tolist(), start=1):
            rows += [self._multiplier(s, kind, number, name) for s, name in enumerate(spells)]
            rows.append(self._share(kind, number))
        return Results(rows)

    def _share(self, kind: int, number: int) -> Estimate:
        """Return a type's share of the people."""
        mixture, shares = self.fit.mixture, self.fit.at.shares
        value, gradient = float(shares[kind]), np.zeros(mixture.size)
        gradient[mixture.logits] = value * (mixture.weights[kind] - shares @ mixture.weights)
        rule = LogitRule(value=value, std_error=self.std_error(gradient), df=self.df)
        low, high = rule.interval_at(self.level)
        return Estimate(
            estimand=Message("share of mass point {k}", k=number),
            value=value,
            std_error=rule.std_error,
            df=self.df,
            interval=Interval(low=low, high=high, level=self.level),
            rule=rule,
        )

    def _multiplier(self, spell: int, kind: int, number: int, name: str) -> Estimate:
        """Return a type's multiplier of the hazard in a spell."""
        fit, estimand = self.fit, Message("hazard multiplier of mass point {k}", k=number)
        if self.unreached(spell)[kind]:
            reason = Message("people of this mass point do not leave the first spell")
            return Estimate.empty(estimand=estimand, reason=reason, level=self.level, outcome=name, scale="log")
        if fit.stays(spell)[kind]:
            nothing = Interval(low=math.nan, high=math.nan, level=self.level)
            return Estimate(estimand=estimand, value=0.0, interval=nothing, note=_BOUNDARY, outcome=name)
        mean, gradient = self.mean_multiplier(spell)
        gradient = -gradient
        gradient[fit.mixture.levels[spell]] += fit.mixture.points[spell][kind]
        value, std_error = math.exp(float(fit.mixture.level(fit.params, spell)[kind]) - mean), self.std_error(gradient)
        if std_error > _UNKNOWN:
            reason = Message("the likelihood hardly depends on this multiplier")
            return Estimate.empty(estimand=estimand, reason=reason, level=self.level, outcome=name, scale="log")
        return Estimate(
            estimand=estimand,
            value=value,
            std_error=std_error,
            df=self.df,
            interval=wald_interval(value, std_error, self.df, self.level, "log"),
            scale="log",
            outcome=name,
        )
