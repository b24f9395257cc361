"""Regressions of one split, and medians over splits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate, FloatArray, Interval, Message
from analysis_lib.trials._arrays import Groups, IntArray
from analysis_lib.trials._least_squares import Coefficient, Regression, independent_columns
from analysis_lib.trials.subgroups.proxies import LearnedEffects, Split

# What one split says: a coefficient, or why there is none.
Found = Coefficient | Message
NO_VARIATION = Message("the learned effects do not vary")
# Relative to the largest: variation below this is rounding.
_CONSTANT = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Main:
    """The main part of a split: outcome, arm less its probability, weights, learned effects and controls, (m, ...)."""

    y: FloatArray
    surplus: FloatArray
    weight: FloatArray
    effect: FloatArray
    controls: FloatArray
    cluster: Groups | None

    @classmethod
    def of(cls, learned: LearnedEffects, split: Split) -> Main:
        """Return the split's main part; the controls are 1, both proxies, and p and p S where p differs."""
        p = learned.propensity[split.main]
        columns = [split.baseline, split.effect]
        if np.ptp(p) > 0:
            columns += [p, p * split.effect]
        centred = [column - column.mean() for column in columns]
        weight = 1 / (p * (1 - p))
        return cls(
            y=learned.y[split.main],
            surplus=learned.treated[split.main] - p,
            weight=weight / weight[0],
            effect=split.effect,
            controls=np.column_stack([np.ones(len(p)), *centred]),
            cluster=None if learned.cluster is None else _members(learned.cluster, split.main),
        )

    def coefficients(self, columns: FloatArray, contrasts: FloatArray) -> list[Coefficient]:
        """Return contrasts (q, j) of the coefficients of (m, j) columns, beside the controls; raise where undefined."""
        design = np.hstack([self.controls, columns])
        kept = independent_columns(design)
        first = int(np.searchsorted(kept, self.controls.shape[1]))
        if len(kept) - first < columns.shape[1]:
            raise NotEstimable(Message("the learned effects determine the treatment"))
        regression = Regression.build(design[:, kept], weight=self.weight, cluster=self.cluster)
        wanted = np.hstack([np.zeros((len(contrasts), first)), contrasts])
        found = regression.contrasts(wanted).coefficients(self.y)
        check_variation(found, self.y)
        return found

    def varies(self) -> bool:
        """Whether the learned effects differ between people."""
        return bool(np.ptp(self.effect) > _CONSTANT * np.max(np.abs(self.effect)))


def _members(cluster: Groups, main: IntArray) -> Groups:
    present, codes = np.unique(cluster.codes[main], return_inverse=True)
    return Groups(codes=codes.astype(np.intp), names=tuple(cluster.names[i] for i in present))


def attempt(count: int, estimate: Callable[[], list[Coefficient]]) -> list[Found]:
    """Return the coefficients, or the reason that there are none."""
    try:
        found: list[Found] = list(estimate())
    except NotEstimable as error:
        return [error.args[0]] * count
    return found


def check_variation(found: list[Coefficient], y: FloatArray) -> None:
    """Raise where nothing of the (m,) outcome is left to estimate a standard error from."""
    least = _CONSTANT * float(np.max(np.abs(y)))
    if any(one.std_error <= least for one in found):
        raise NotEstimable(Message("the outcome has no variation left to estimate a standard error from"))


@dataclass(frozen=True, slots=True, kw_only=True)
class MedianInterval:
    """The medians over splits of the limits; with several splits, of limits with half the error allowed."""

    found: tuple[Found, ...]

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return (low, high) at the level; a split without a number allows everything."""
        within = level if len(self.found) == 1 else (1 + level) / 2
        halves = [_half_width(one, within) for one in self.found]
        middles = [one.value if isinstance(one, Coefficient) else 0.0 for one in self.found]
        lows = [middle - half for middle, half in zip(middles, halves, strict=True)]
        highs = [middle + half for middle, half in zip(middles, halves, strict=True)]
        # of an even number of splits, the medians further out
        return float(np.quantile(lows, 0.5, method="lower")), float(np.quantile(highs, 0.5, method="higher"))


def _half_width(one: Found, level: float) -> float:
    if not isinstance(one, Coefficient):
        return math.inf
    return float(special.stdtrit(one.df, (1 + level) / 2)) * one.std_error


def median_estimate(
    found: list[Found], *, level: float, with_p: bool = True, note: Message | None = None, **known: Any
) -> Estimate:
    """Return the median over splits; empty, with the first reason, where half of them or more have no number."""
    reason = missing_reason(found)
    if reason:
        return Estimate.empty(reason=reason, level=level, **known)
    numbers = [one for one in found if isinstance(one, Coefficient)]
    rule = MedianInterval(found=tuple(found))
    low, high = rule.interval_at(level)
    one = numbers[0] if len(found) == 1 else None
    return Estimate(
        value=float(np.median([number.value for number in numbers])),
        std_error=one.std_error if one else math.nan,
        df=one.df if one else math.nan,
        interval=Interval(low=low, high=high, level=level),
        p_value=median_p_value(found, two_sided=True) if with_p else math.nan,
        note=Message.join([note or Message(), _lost(found)]),
        rule=rule,
        **known,
    )


def missing_reason(found: list[Found]) -> Message:
    """Return why there is no number over splits; empty where more than half of them have one."""
    return _lost(found) if 2 * sum(isinstance(one, Message) for one in found) >= len(found) else Message()


def _lost(found: list[Found]) -> Message:
    """Say in how many splits there is no number, and why in the first of them."""
    reasons = [one for one in found if isinstance(one, Message)]
    if not reasons or len(found) == 1:
        return reasons[0] if reasons else Message()
    return Message("in {n} of {splits} splits: {why}", n=len(reasons), splits=len(found), why=reasons[0])


def median_p_value(found: list[Found], *, two_sided: bool) -> float:
    """Return the p-value of 0 against another value, or one above 0; with several splits twice the median."""
    p_values = []
    for one in found:
        if not isinstance(one, Coefficient):
            p_values.append(1.0)
            continue
        t = one.value / one.std_error
        p_values.append(float(2 * special.stdtr(one.df, -abs(t)) if two_sided else special.stdtr(one.df, -t)))
    if len(p_values) == 1:
        return p_values[0]
    return min(1.0, 2 * float(np.quantile(p_values, 0.5, method="higher")))
