"""Differences between the arms' quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Estimate, FloatArray, Interval, Message, Results
from analysis_lib.trials._sample import Sample, read_sample
from analysis_lib.trials.effects._estimates import no_variation

__all__ = ["quantile_effects"]

# Shares nearer than this are one share: sums of weights are rounded.
_SAME = 1e-9


def quantile_effects(
    y: ArrayLike, treated: ArrayLike, quantiles: ArrayLike, *, block: Any = None, level: float = 0.95
) -> Results:
    r"""Estimate the difference between the arms' quantiles, such as the medians, with intervals that stand ties.

    Parameters
    ----------
    y
        Outcome, shape (n,), in any unit; finite. A duration that may be censored is not: see `median_duration`.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    quantiles
        Which quantiles, shape (k,): shares strictly between 0 and 1.
    block
        Labels of the blocks within which people were assigned, shape (n,). Each arm's distribution is then the mean of
        the blocks', weighted by their people.
    level
        Coverage of each interval.

    Returns
    -------
    Results
        An estimate a quantile: treated less control. There is no standard error. A limit that the people cannot set
        (the 90 % quantile of 9 people has no upper one) is NaN, and `note` says so.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        An arm has fewer than two people, or the outcome does not vary.

    Notes
    -----
    An arm's quantile is the middle of the outcomes at which its distribution F reaches p (R's type 2). With v the
    variance p (1 - p) times the sum of squared weights (1/n without blocks), and

    .. math:: S(\theta) = \{(F(\theta^-) - p)_+^2 + (p - F(\theta))_+^2\} / v

    the interval holds the differences :math:`\theta_1 - \theta_0` with :math:`S_1(\theta_1) + S_0(\theta_0)` up to the
    level's quantile of chi-square with 1 degree of freedom; the p-value is from the smallest sum at :math:`\theta_1 =
    \theta_0`. No density is estimated, so that it holds where many have the same number of weeks: the true quantile
    of a tied value has S near 0, and the interval is on the safe side (99 % for medians in whole weeks, 300 people).
    So it is with few people, as the distributions are stairs: 97 % for the 90 % quantile of 400.

    Variances ignore that blocks differ, which is on the safe side.

    References
    ----------
    Brookmeyer and Crowley (1982), doi 10.2307/2530286, and Su and Wei (1993), Biometrics 49(2) (the inverted test,
    for one median and for the difference of two).

    Examples
    --------
    >>> found = quantile_effects([3, 5, 8, 9, 11, 13, 4, 9, 12, 15, 19, 26], [1] * 6 + [0] * 6, [0.5])
    >>> found.estimates[0].value, found.estimates[0].interval.low, found.estimates[0].interval.high
    (-5.0, -21.0, 7.0)
    """
    shares = np.atleast_1d(np.asarray(quantiles))
    numeric = shares.ndim == 1 and shares.size > 0 and shares.dtype.kind == "f"
    if not numeric or not np.all((shares > 0) & (shares < 1)):
        raise InvalidInput(f"quantiles is {quantiles!r}; must be shares between 0 and 1, such as 0.5")
    sample = read_sample(y, treated, block=block, level=level)
    if np.all(sample.y == sample.y[0]):
        raise no_variation()
    arms = (_Distribution.of(sample, treated=True), _Distribution.of(sample, treated=False))
    return Results(_estimate(sample, *arms, float(share), level) for share in shares)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Distribution:
    """Distinct outcomes (k,) in increasing order, the distribution at and just before them, sum of squared weights."""

    value: FloatArray
    upto: FloatArray
    before: FloatArray
    squares: float

    @classmethod
    def of(cls, sample: Sample, *, treated: bool) -> _Distribution:
        """Return an arm's distribution: the mean of the blocks', weighted by their people in both arms."""
        members = sample.treated == treated
        y = sample.y[members]
        weight = np.full(len(y), 1 / len(y))
        if sample.block is not None:
            sizes = np.bincount(sample.block.codes) / len(sample.y)
            codes = sample.block.codes[members]
            weight = (sizes / np.bincount(codes, minlength=len(sizes)))[codes]
        value, position = np.unique(y, return_inverse=True)
        upto = np.cumsum(np.bincount(position, weights=weight)).astype(np.float64)
        before = np.concatenate([[0.0], upto[:-1]])
        return cls(value=value, upto=upto, before=before, squares=float(np.sum(weight**2)))

    def quantile(self, share: float) -> float:
        """Return the middle of the values at which the distribution reaches the share."""
        reached = self.upto >= share - _SAME
        low = int(np.argmax(reached))
        high = low + 1 if abs(self.upto[low] - share) <= _SAME else low
        return float((self.value[low] + self.value[min(high, len(self.value) - 1)]) / 2)

    def misses(self, share: float) -> tuple[FloatArray, FloatArray]:
        """Return the parts of S (k,) from values that may be too low, and too high, for the quantile."""
        spread = share * (1 - share) * self.squares
        low, high = share - self.upto, self.before - share
        return np.maximum(low, 0) ** 2 / spread, np.maximum(high, 0) ** 2 / spread


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Rule:
    """Interval rule of the difference between two distributions' quantiles."""

    treated: _Distribution
    control: _Distribution
    share: float

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return the limits, NaN for one that the people cannot set."""
        budget = float(stats.chi2.ppf(level, 1)) + _SAME
        return _lowest(self.treated, self.control, self.share, budget), -_lowest(
            self.control, self.treated, self.share, budget
        )

    def p_value(self) -> float:
        """Return the p-value of quantiles that are the same."""
        value = np.union1d(self.treated.value, self.control.value)
        total = sum(_at(arm, self.share, value) for arm in (self.treated, self.control))
        return float(stats.chi2.sf(np.min(total), 1))


def _at(arm: _Distribution, share: float, value: FloatArray) -> FloatArray:
    """Return S at any values."""
    spread = share * (1 - share) * arm.squares
    steps = np.concatenate([[0.0], arm.upto])
    upto = steps[np.searchsorted(arm.value, value, side="right")]
    before = steps[np.searchsorted(arm.value, value, side="left")]
    total: FloatArray = (np.maximum(share - upto, 0) ** 2 + np.maximum(before - share, 0) ** 2) / spread
    return total


def _lowest(arm: _Distribution, other: _Distribution, share: float, budget: float) -> float:
    """Return the lowest difference arm - other whose parts of S stay within the budget; NaN where there is none."""
    too_low, _ = arm.misses(share)
    _, too_high = other.misses(share)
    # below all of the arm's values, or above all of the other's, S is that of a distribution at 0, or at 1
    if min(share / ((1 - share) * arm.squares), (1 - share) / (share * other.squares)) <= budget:
        return math.nan
    within = np.flatnonzero(too_low <= budget)
    # `too_high` does not decrease: the other's highest value within what each of the arm's values leaves
    highest = np.searchsorted(too_high, budget - too_low[within], side="right") - 1
    return float(np.min(arm.value[within] - other.value[highest]))


def _estimate(sample: Sample, treated: _Distribution, control: _Distribution, share: float, level: float) -> Estimate:
    rule = _Rule(treated=treated, control=control, share=share)
    low, high = rule.interval_at(level)
    open_ended = [Message("the people are too few for a lower limit")] if math.isnan(low) else []
    open_ended += [Message("the people are too few for an upper limit")] if math.isnan(high) else []
    members = int(np.sum(sample.treated))
    return Estimate(
        estimand=Message("difference between the {percent:g} % quantiles", percent=100 * share),
        value=treated.quantile(share) - control.quantile(share),
        interval=Interval(low=low, high=high, level=level),
        p_value=rule.p_value(),
        method=Message("inverted test of quantiles"),
        n_treated=members,
        n_control=len(sample.y) - members,
        n=len(sample.y),
        note=Message.join([*sample.notes, *open_ended]),
        rule=rule,
    )
