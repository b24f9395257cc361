"""How far attrition can have moved an effect: Lee's trimming bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import optimize, stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, FloatArray, Interval, Message, Results, check_level, wald_interval
from analysis_lib.trials._arrays import BoolArray, Groups, as_binary, as_groups, as_numbers
from analysis_lib.trials.effects._estimates import NO_VARIATION, no_variation

__all__ = ["LeeBounds", "lee_bounds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeeBounds:
    """Bounds of the effect on those who would be observed in either arm.

    Attributes
    ----------
    lower, upper
        Each with its own standard error and interval; neither has a p-value.
    interval
        Imbens and Manski's, which holds the effect itself: shorter than from `lower.interval.low` to
        `upper.interval.high`.
    treated_trimmed
        Whether more of the treated are observed, so that some of them are trimmed.
    trimmed
        The share of that arm's observed people that is trimmed, in all.
    """

    lower: Estimate
    upper: Estimate
    interval: Interval
    treated_trimmed: bool
    trimmed: float

    @property
    def results(self) -> Results:
        """The two bounds as results; the effect's interval is in their notes."""
        return Results([self.lower, self.upper])

    def interval_at(self, level: float) -> Interval:
        """Return the effect's interval at another level (0 < level < 1)."""
        return _imbens_manski(self.lower.value, self.upper.value, self.lower.std_error, self.upper.std_error, level)


def lee_bounds(
    y: ArrayLike, treated: ArrayLike, observed: ArrayLike, *, strata: Any = None, level: float = 0.95
) -> LeeBounds:
    r"""Bound the effect where outcomes are missing for more people in one arm than in the other (Lee 2009).

    Parameters
    ----------
    y
        Outcome, shape (n,), in any unit; finite where observed, anything (NaN) elsewhere.
    treated, observed
        Assigned to treatment, and outcome known, shape (n,); booleans or 0/1.
    strata
        Labels, shape (n,), from before assignment: trimming within strata gives narrower bounds. The share treated may
        differ by stratum.
    level
        Coverage of the intervals.

    Returns
    -------
    LeeBounds
        For people who would be observed whichever arm they were in.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        An arm has fewer than two people observed (in a stratum: merge strata), trimming leaves fewer than two, or the
        outcome does not vary.

    Notes
    -----
    Assumes that assignment is random and *monotone*: it makes some people observed who otherwise would not be, or the
    other way round, but not both. Which way is read off the shares observed, over all strata; in a stratum where they
    go the other way nobody is trimmed, which `note` says. Nothing is assumed of who is missing, or of the outcome.

    With shares observed q in the fuller arm and r < q in the other, the mean of the fuller arm is taken over the
    lowest, or highest, r/q of its observed outcomes (of the outcome at the cut a fraction, so that ties need no rule),
    less the other arm's mean. The variance, with Q the outcome at the cut, :math:`\mu` the trimmed mean, and numbers
    of people N (q observed of N_q, m observed),

    .. math:: \frac{s^2(\min(y, Q))}{m (r/q)^2} + (Q - \mu)^2 \left(\frac{1 - q}{N_q q} + \frac{1 - r}{N_r r}\right)
        + \frac{s_r^2}{m_r},

    is Lee's (the first term is his first two together, in a form that holds for tied outcomes). Strata are
    weighted by their people observed whatever the arm, n r; the variance of the weights is counted. Interval: value of
    each bound and c standard errors outwards, :math:`\Phi(c + (U - L)/\max(s_L, s_U)) - \Phi(-c)` = level.

    People are taken as independent: there are no intervals by cluster. Where as many are observed in both arms the
    bounds are one number, but not one without doubt: its errors then overstate.

    References
    ----------
    Lee (2009), doi 10.1111/j.1467-937X.2009.00536.x. Imbens and Manski (2004), doi 10.1111/j.1468-0262.2004.00555.x.

    Examples
    --------
    >>> y = [10, 14, 8, 12, 9, 13, 7, 11, 10, 15, 9, float("nan"), 12, 16, float("nan"), 11]
    >>> bounds = lee_bounds(y, [1] * 8 + [0] * 8, [v == v for v in y])
    >>> f"{bounds.lower.value:.2f} to {bounds.upper.value:.2f}, trimmed {bounds.trimmed:.2f}"
    '-2.67 to -0.67, trimmed 0.25'
    """
    check_level(level)
    cells = _Cells.read(y, treated, observed, strata)
    gap = float(np.sum(cells.people * (cells.shares[1] - cells.shares[0])))
    full = 1 if gap >= 0 else 0
    low, high = (cells.bound(full, upper=upper) for upper in (False, True))
    if min(low[1], high[1]) <= NO_VARIATION * cells.largest:
        raise no_variation()
    interval = _imbens_manski(low[0], high[0], low[1], high[1], level)
    trimmed = cells.trimmed(full)
    notes = [*cells.notes(full, trimmed), _effect_note(interval)]
    lower, upper = (
        Estimate(
            estimand=name,
            value=value,
            std_error=error,
            interval=wald_interval(value, error, math.inf, level),
            method=Message("Lee bounds") if strata is None else Message("Lee bounds within strata"),
            n_treated=int(cells.assigned[1].sum()),
            n_control=int(cells.assigned[0].sum()),
            n=int(cells.people.sum()),
            note=Message.join(notes),
        )
        for name, (value, error) in (
            (Message("lower bound of the effect"), low),
            (Message("upper bound of the effect"), high),
        )
    )
    return LeeBounds(lower=lower, upper=upper, interval=interval, treated_trimmed=bool(full), trimmed=trimmed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cells:
    """Outcomes by arm (0 control, 1 treated) and stratum, in increasing order; counts (2, strata) of people."""

    outcomes: tuple[tuple[FloatArray, ...], tuple[FloatArray, ...]]
    assigned: FloatArray
    seen: FloatArray

    @classmethod
    def read(cls, y: ArrayLike, treated: ArrayLike, observed: ArrayLike, strata: Any) -> _Cells:
        """Check the arguments and sort the outcomes; raise where an arm of a stratum has fewer than two."""
        arm = as_binary(treated, "treated")
        n = len(arm)
        known = as_binary(observed, "observed", n)
        values = np.asarray(y)
        if values.shape != (n,):
            raise InvalidInput(f"y has the shape {values.shape}; must be ({n},), as treated")
        given = np.zeros(n)
        given[known] = as_numbers(values[known], "y, where observed,")
        names = np.zeros(n) if strata is None else strata
        group = as_groups(names, "strata", n)
        if not n:
            raise NotEstimable(Message("nobody is observed"))
        cell = arm * group.count + group.codes
        shape = (2, group.count)
        assigned = np.bincount(cell, minlength=2 * group.count).astype(np.float64).reshape(shape)
        seen = np.bincount(cell[known], minlength=2 * group.count).astype(np.float64).reshape(shape)
        _check_cells(seen, strata is not None)
        rows = [_sorted_by_stratum(given, known & (arm == a), group) for a in (False, True)]
        return cls(outcomes=(rows[0], rows[1]), assigned=assigned, seen=seen)

    @property
    def shares(self) -> FloatArray:
        """Shares observed (2, strata)."""
        return self.seen / self.assigned

    @property
    def people(self) -> FloatArray:
        """People assigned, by stratum."""
        total: FloatArray = self.assigned.sum(axis=0)
        return total

    @property
    def largest(self) -> float:
        """Largest absolute outcome."""
        return float(max(np.max(np.abs(y)) for arm in self.outcomes for y in arm))

    def bound(self, full: int, *, upper: bool) -> tuple[float, float]:
        """Return a bound of the effect and its standard error."""
        q, r = self.shares[full], self.shares[1 - full]
        sign = 1 if full else -1
        # An upper bound takes the highest outcomes of the treated, or the lowest of control.
        highest = upper if full else not upper
        parts = [
            _trimmed(y, keep, highest=highest)
            for y, keep in zip(self.outcomes[full], np.minimum(1, r / q), strict=True)
        ]
        mean, variance, beyond = (np.array(part) for part in zip(*parts, strict=True))
        others = self.outcomes[1 - full]
        variance = variance + np.array([np.var(y, ddof=1) / len(y) for y in others])
        difference = sign * (mean - np.array([y.mean() for y in others]))
        share = self.people / self.people.sum()
        total = float(share @ r)
        weight = share * r / total
        value = float(weight @ difference)
        distance = (difference - value) / total
        by_r = share * distance + weight * sign * beyond / r
        by_q = weight * sign * beyond / q
        variances = (
            weight**2 @ variance,
            by_r**2 @ (r * (1 - r) / self.assigned[1 - full]),
            by_q**2 @ (q * (1 - q) / self.assigned[full]),
            share @ (r * distance) ** 2 / self.people.sum(),
        )
        return value, math.sqrt(float(sum(variances)))

    def trimmed(self, full: int) -> float:
        """Return the share of the fuller arm's observed people that is trimmed."""
        q, r = self.shares[full], self.shares[1 - full]
        return float(1 - self.seen[full] @ np.minimum(1, r / q) / self.seen[full].sum())

    def notes(self, full: int, trimmed: float) -> list[Message]:
        """Say who is trimmed, and in how many strata nobody is though more of the other arm are observed."""
        arm = Message("treated") if full else Message("control")
        notes = [Message("trimmed: {share:.1f} % of those observed in the {arm} arm", share=100 * trimmed, arm=arm)]
        against = int(np.sum(self.shares[1 - full] > self.shares[full]))
        if against:
            notes.append(Message("strata where more are observed in the other arm, untrimmed: {n}", n=against))
        return notes


def _sorted_by_stratum(y: FloatArray, members: BoolArray, group: Groups) -> tuple[FloatArray, ...]:
    order = np.lexsort((y[members], group.codes[members]))
    ends = np.cumsum(np.bincount(group.codes[members], minlength=group.count))[:-1]
    return tuple(np.split(y[members][order], ends))


def _check_cells(seen: FloatArray, stratified: bool) -> None:
    for counts, label in ((seen[1], Message("treated")), (seen[0], Message("control"))):
        if stratified and np.any(counts < 2):
            n = int(np.sum(counts < 2))
            raise NotEstimable(
                Message("{n} strata have fewer than two people observed in the {arm} arm: merge strata", n=n, arm=label)
            )
        if np.any(counts < 2):
            n = int(counts[0])
            raise NotEstimable(Message("{n} people observed in the {arm} arm; two are needed", n=n, arm=label))


def _trimmed(y: FloatArray, keep: float, *, highest: bool) -> tuple[float, float, float]:
    """Return the mean of the lowest (or highest) share `keep` of increasing outcomes, its variance, and Q - mean."""
    ordered = -y[::-1] if highest else y
    kept = keep * len(y)
    if kept < 2 and keep < 1:
        raise NotEstimable(Message("trimming leaves {n:.1f} people; two are needed", n=kept))
    mean = float(np.clip(kept - np.arange(len(y)), 0, 1) @ ordered) / kept
    # the tolerance keeps 0.7 x 10 from being more than 7
    cut = float(ordered[math.ceil(kept * (1 - 1e-12)) - 1])
    variance = float(np.var(np.minimum(ordered, cut), ddof=1)) / (len(y) * keep**2)
    sign = -1 if highest else 1
    return sign * mean, variance, sign * (cut - mean)


def _imbens_manski(low: float, high: float, error_low: float, error_high: float, level: float) -> Interval:
    check_level(level)
    width = (high - low) / max(error_low, error_high)

    def excess(c: float) -> float:
        return float(stats.norm.cdf(c + width) - stats.norm.cdf(-c)) - level

    c = float(optimize.brentq(excess, 0.0, float(stats.norm.isf((1 - level) / 2)) + 1e-9))
    return Interval(low=low - c * error_low, high=high + c * error_high, level=level)


def _effect_note(interval: Interval) -> Message:
    return Message(
        "{level:.0f} % interval of the effect itself: {low:.2f} to {high:.2f} (Imbens-Manski)",
        level=100 * interval.level, low=interval.low, high=interval.high,
    )  # fmt: skip
