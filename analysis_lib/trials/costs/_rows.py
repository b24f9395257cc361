"""Rows of money: weighted sums of effects with their intervals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Estimate, FloatArray, Interval, Message, wald_interval, wald_p_value
from analysis_lib.trials._percentiles import Percentiles
from analysis_lib.trials.costs.quantities import JointEffects

PER_PERSON = Message("DKK per person")
# Relative to the parts of a sum: below this a value, or a standard error, is rounding.
NO_VARIATION = 1e-12
_FEW_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Wilson:
    """Wilson's interval of a share of draws."""

    share: float
    draws: int

    def interval_at(self, level: float) -> tuple[float, float]:
        z = float(special.ndtri((1 + level) / 2))
        widening = 1 + z**2 / self.draws
        centre = (self.share + z**2 / (2 * self.draws)) / widening
        half = z / widening * math.sqrt(self.share * (1 - self.share) / self.draws + z**2 / (4 * self.draws**2))
        return max(centre - half, 0.0), min(centre + half, 1.0)


def check_draws(drawn: FloatArray, effects: JointEffects) -> None:
    """Raise where an effect is outside all its (draws, k) draws: they are of other effects, or in another order."""
    size = np.maximum(np.abs(effects.values), np.abs(drawn).max(axis=0))
    low, high = drawn.min(axis=0) - NO_VARIATION * size, drawn.max(axis=0) + NO_VARIATION * size
    outside = np.flatnonzero((effects.values < low) | (effects.values > high))
    if outside.size:
        j = int(outside[0])
        raise InvalidInput(
            f"draws of quantity {j + 1} run from {low[j]:g} to {high[j]:g}, the effect is {effects.values[j]:g}; "
            "must be draws of the effects, in their order"
        )


def as_draws(draws: ArrayLike, k: int) -> FloatArray:
    """Return finite draws of shape (draws, k), or raise."""
    table = np.asarray(draws)
    if table.ndim != 2 or table.shape[1] != k:
        raise InvalidInput(f"draws has the shape {table.shape}; must be (draws, {k})")
    if len(table) < _FEW_DRAWS:
        raise InvalidInput(f"draws has {len(table)} rows; must have {_FEW_DRAWS} or more")
    if table.dtype.kind not in "iuf" or not np.all(np.isfinite(table)):
        raise InvalidInput("draws has missing or infinite values; must be finite numbers")
    return table.astype(np.float64)


def value_at(
    effects: JointEffects,
    weights: FloatArray,
    draws: FloatArray | None,
    *,
    estimand: str,
    outcome: str,
    note: Message,
    level: float,
) -> Estimate:
    """Return the weighted sum of the effects, in DKK per person."""
    value = float(weights @ effects.values)
    drawn = None if draws is None else draws @ weights
    variance = float(weights @ effects.covariance @ weights) if drawn is None else float(np.var(drawn, ddof=1))
    size = float(np.abs(weights) @ np.abs(effects.values))
    std_error = math.sqrt(max(variance, 0.0))
    if std_error <= NO_VARIATION * size:
        same = Message(
            "everybody in an arm has the same: {value:.2f} DKK per person, without a standard error", value=value
        )
        nothing = Message("everybody in both arms has the same: nothing to price")
        return empty_row(estimand, outcome, same if abs(value) > NO_VARIATION * size else nothing, level)
    df, rule = effects.df, None
    interval, p_value = wald_interval(value, std_error, df, level), wald_p_value(value, std_error, df)
    method = Message.join([Message("delta method"), effects.method])
    if drawn is not None:
        df, rule = math.inf, Percentiles(drawn)
        low, high = rule.interval_at(level)
        interval = Interval(low=low, high=high, level=level)
        p_value = rule.p_value()
        method = Message("percentiles of {draws} draws", draws=len(drawn))
    return Estimate(
        estimand=estimand, value=value, std_error=std_error, df=df, interval=interval, p_value=p_value,
        unit=PER_PERSON, method=method, note=Message.join([note, effects.note]), outcome=outcome, rule=rule,
        n_treated=effects.n_treated, n_control=effects.n_control, n=effects.n, n_clusters=effects.n_clusters,
    )  # fmt: skip


def empty_row(estimand: str, outcome: str, reason: Message, level: float) -> Estimate:
    """Return the row in DKK per person for what cannot be estimated."""
    return Estimate.empty(estimand=estimand, reason=reason, level=level, unit=PER_PERSON, outcome=outcome)
