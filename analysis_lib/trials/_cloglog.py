"""Complementary log-log regression of person-weeks, from sums over the people at risk in each week.

A week without the event adds -exp(a) exp(x'b) to the log likelihood, a product: its sum over a person's weeks needs no
row for each. Only the week of the event is not linear in exp(a). The second derivative by levels is diagonal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import linalg

from analysis_lib.results import FloatArray
from analysis_lib.trials._arrays import IntArray
from analysis_lib.trials._cox import RiskSets, sums_by
from analysis_lib.trials._newton import no_maximum

_MAX_STEPS = 30
_MAX_HALVINGS = 20
# In standard deviations of the covariate; Newton's error after a step of this size is its square.
_CONVERGED = 1e-8
# A step that lowers the log likelihood by less than this share of it is rounding.
_ROUNDING = 1e-12
# Of the information at a ratio of 1. Where everyone's event is ever more certain the likelihood is flat before the
# slope is far off, so that Newton's steps end.
_SINGULAR = 1e-10
# A step too far is halved, and values that run away end in an information that is not finite.
_UNBOUNDED = np.errstate(over="ignore", divide="ignore", invalid="ignore")


class Span(NamedTuple):
    """The weeks from `low` + 1 to `high`, which share an indicator."""

    low: float
    high: float


def exposure_by_time(sets: RiskSets, spans: Sequence[Span]) -> tuple[FloatArray, IntArray]:
    """Return the weeks of each span since the time before, shape (times, spans), and the span of each time.

    A time in no span gets the span after it: it has no event.
    """
    low, high = np.array(spans).T
    before = np.append(-1.0, sets.time[:-1])
    weeks = np.minimum(sets.time[:, None], high) - np.maximum(before[:, None], low)
    return np.maximum(weeks, 0.0), np.minimum(np.searchsorted(high, sets.time), len(spans) - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _At:
    """What the derivatives need at levels a and slopes b.

    Of people, (n,): `weight` is exp(x'b), and `hazard` that times the sum of exp(a) over their weeks without the
    event. `base` is exp(a), by span. `force` is `weight` x `base`, of the people with the event.
    """

    log_likelihood: float
    weight: FloatArray
    hazard: FloatArray
    base: FloatArray
    force: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Information:
    """Minus the second derivative by spans' levels (diagonal: (spans,)), across (spans, k), and by coefficients."""

    level: FloatArray
    across: FloatArray
    slope: FloatArray

    def reduced(self) -> FloatArray:
        """Return the information on the coefficients, shape (k, k)."""
        found: FloatArray = self.slope - self.across.T @ (self.across / self.level[:, None])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """Standardised covariates `x` (n, k) sorted as the risk sets, weeks by time and span, and each event's span."""

    x: FloatArray
    sets: RiskSets
    exposure: FloatArray
    own: IntArray

    @_UNBOUNDED
    def at(self, level: FloatArray, slope: FloatArray) -> _At:
        """Return the likelihood and its parts at levels (spans,) and slopes (k,)."""
        weight, base = np.exp(self.x @ slope), np.exp(level)
        force = weight[self.sets.event] * base[self.own]
        hazard = weight * np.cumsum(self.exposure @ base)[self.sets.group]
        hazard[self.sets.event] -= force
        value = float(np.sum(np.log(-np.expm1(-force))) - np.sum(hazard))
        return _At(log_likelihood=value, weight=weight, hazard=hazard, base=base, force=force)

    @_UNBOUNDED
    def derivatives(self, at: _At) -> tuple[FloatArray, FloatArray, _Information]:
        """Return the score by levels and by slopes, and the observed information."""
        sets, event = self.sets, self.sets.event
        first = at.force / np.expm1(at.force)
        second = first * (1 - at.force - first)
        residual, curvature = -at.hazard, at.hazard.copy()
        residual[event] += first
        curvature[event] -= second
        weighted = np.column_stack([at.weight, at.weight[:, None] * self.x])
        survived = at.base[:, None] * (self.exposure.T @ sets.at_risk(sets.sums(weighted)))
        own = np.column_stack([at.force + second, (at.force + second)[:, None] * self.x[event]])
        level = survived - sums_by(own, self.own, len(at.base))
        information = _Information(
            level=level[:, 0], across=level[:, 1:], slope=self.x.T @ (curvature[:, None] * self.x)
        )  # fmt: skip
        by_level = np.bincount(self.own, first + at.force, len(at.base)) - survived[:, 0]
        return by_level, self.x.T @ residual, information

    @_UNBOUNDED
    def expected(self, at: _At) -> _Information:
        """Return the expected information: sums over the people at risk in each week."""
        total = np.zeros(len(self.x))
        level, across = np.zeros(len(at.base)), np.zeros((len(at.base), self.x.shape[1]))
        starts = self.sets.cells[self.sets.starts]
        for group, span in np.argwhere(self.exposure > 0).tolist():
            there, weeks = slice(starts[group], None), self.exposure[group, span]
            force = at.weight[there] * at.base[span]
            part = weeks * force**2 / np.expm1(force)
            total[there] += part
            level[span] += part.sum()
            across[span] += part @ self.x[there]
        return _Information(level=level, across=across, slope=self.x.T @ (total[:, None] * self.x))

    @_UNBOUNDED
    def scores(self, at: _At, information: _Information) -> FloatArray:
        """Return the people's scores of the slopes, less what the levels take up, shape (n, k)."""
        event, group = self.sets.event, self.sets.group
        slope = information.across / information.level[:, None]
        passed = np.cumsum(self.exposure @ (at.base[:, None] * slope), axis=0)
        found: FloatArray = at.weight[:, None] * passed[group] - at.hazard[:, None] * self.x
        first = at.force / np.expm1(at.force)
        found[event] += first[:, None] * self.x[event] - (first + at.force)[:, None] * slope[self.own]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class CloglogFit:
    """Coefficients (k,), their covariance (k, k), and the people's scores (n, k) in the order given."""

    coefficients: FloatArray
    covariance: FloatArray
    scores: FloatArray


def fit_cloglog(x: FloatArray, names: tuple[str, ...], sets: RiskSets, spans: Sequence[Span]) -> CloglogFit:
    """Maximise the likelihood by Newton's method."""
    centred = x[sets.order] - x.mean(axis=0)
    scale = np.sqrt(np.mean(centred**2, axis=0))
    exposure, own = exposure_by_time(sets, spans)
    model = _Model(x=centred / scale, sets=sets, exposure=exposure, own=own[sets.group[sets.event]])
    share = np.bincount(model.own) / (sets.at_risk(sets.sums(np.ones(len(x)))) @ exposure)
    level, slope, step = np.log(-np.log1p(-share)), np.zeros(x.shape[1]), np.ones(x.shape[1])
    at = model.at(level, slope)
    least = _SINGULAR * _pivots(model.derivatives(at)[2])[0]
    for _ in range(_MAX_STEPS):
        step_level, step = _newton_step(*model.derivatives(at), least)
        if not np.all(np.isfinite(step)):
            break
        for _ in range(_MAX_HALVINGS):
            found = model.at(level + step_level, slope + step)
            if found.log_likelihood >= at.log_likelihood - _ROUNDING * abs(at.log_likelihood):
                level, slope, at = level + step_level, slope + step, found
                break
            step_level, step = step_level / 2, step / 2
        if max(np.max(np.abs(step)), np.max(np.abs(step_level))) < _CONVERGED:
            information = model.expected(at)
            scores = np.empty_like(x)
            scores[sets.order] = model.scores(at, information) * scale
            covariance = np.linalg.inv(information.reduced()) / np.outer(scale, scale)
            return CloglogFit(coefficients=slope / scale, covariance=covariance, scores=scores)
    raise no_maximum(step, names)


@_UNBOUNDED
def _newton_step(
    by_level: FloatArray, by_slope: FloatArray, information: _Information, least: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the steps of levels and slopes; not finite where the information on a slope is not above `least`."""
    weighted = information.across / information.level[:, None]
    pivots, factor = _pivots(information)
    if np.any(pivots <= least):
        return by_level, np.where(pivots <= least, np.inf, 0.0)
    step = linalg.cho_solve((factor, False), by_slope - weighted.T @ by_level)
    return by_level / information.level - weighted @ step, step


@_UNBOUNDED
def _pivots(information: _Information) -> tuple[FloatArray, FloatArray]:
    """Return the information on each slope given those before it (0: none), shape (k,), and Cholesky's factor."""
    try:
        factor = linalg.cho_factor(information.reduced())[0]  # raises ValueError where a value is not finite
    except (linalg.LinAlgError, ValueError):
        return np.zeros(len(information.slope)), information.slope
    return np.diag(factor) ** 2, factor
