"""Restricted mean durations: the mean time without the event up to a horizon, and its difference between the arms.

With a horizon of h, the restricted mean of durations T is E min(T, h), the area under the survival curve up to h. In
whole units (a time of t says that the event came in (t - 1, t]) the step function counts the units begun, as
`weeks_in_state` does: someone who left in week 3 counts 3 weeks. Half a unit less for those who left, on average, is
the mean of the exact time: `interpolate` takes it from straight lines between the points of the curve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate, FloatArray, Message, check_level, wald_interval, wald_p_value
from analysis_lib.trials._arrays import BoolArray, Groups, as_groups, check_clusters
from analysis_lib.trials._blocks import complete_blocks
from analysis_lib.trials._kaplan_meier import kaplan_meier
from analysis_lib.trials._options import as_positive, check_flag
from analysis_lib.trials.durations._people import People, check_variance, few_clusters, few_people, read_people
from analysis_lib.trials.durations._times import read_durations

__all__ = ["restricted_mean", "restricted_mean_difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mean:
    """A restricted mean, Greenwood's variance, and each person's influence on it, shape (n,)."""

    value: float
    variance: float
    influence: FloatArray


def restricted_mean(
    time: ArrayLike,
    event: ArrayLike,
    horizon: float,
    *,
    interpolate: bool = False,
    cluster: Any = None,
    level: float = 0.95,
) -> Estimate:
    r"""Estimate the mean time without the event up to a horizon.

    Parameters
    ----------
    time, event
        As in `survival_curve`.
    horizon
        In the unit of `time`, above 0.
    interpolate
        False for the area under the curve as a step function: exact times, or units begun. True for whole units,
        where t says that the event came in (t - 1, t], and the mean of the exact time is wanted: the area under
        straight lines between the points of the curve at the times of events, starting at 1 at time 0, as in
        `median_duration`.
    cluster
        Labels of people whose durations are related, shape (n,): the standard error then sums by cluster.
    level
        Coverage of the interval.

    Returns
    -------
    Estimate
        The p-value is NaN.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        Nobody had the event; the horizon is beyond the last time, and the curve is not 0 there; the durations up to
        the horizon do not vary; fewer than two clusters.

    Notes
    -----
    :math:`\mu(h) = \int_0^h S(t)\,dt` with variance :math:`\sum_{t_i \le h} A_i^2\, d_i / (r_i (r_i - d_i))`, where
    :math:`A_i = \int_{t_i}^h S`: `print(survfit(), rmean = h)` in R. With clusters, the sum over clusters of their
    squared influence (the infinitesimal jackknife): `survfit(cluster =)` in R.

    References
    ----------
    Irwin (1949), doi 10.1017/S0022172400014443. Kaplan and Meier (1958), doi 10.1080/01621459.1958.10501452.
    Ying and Wei (1994), Journal of Multivariate Analysis 50(1).

    Examples
    --------
    >>> weeks = restricted_mean([1, 2, 2, 3, 5], [1, 1, 0, 1, 0], 4)
    >>> f"{weeks.value:.2f}, s.e. {weeks.std_error:.3f}"
    '2.70, s.e. 0.507'
    """
    check_level(level)
    check_flag(interpolate, "interpolate")
    end = as_positive(horizon, "horizon")
    times, events = read_durations(time, event)
    groups = None if cluster is None else as_groups(cluster, "cluster", len(times))
    if groups is not None and groups.count < 2:
        raise NotEstimable(Message("{n} clusters; two are needed", n=groups.count))
    found = _mean(times, events, end, interpolate=interpolate)
    variance = found.variance if groups is None else _by_cluster(found.influence, groups, found.variance)
    std_error = math.sqrt(variance)
    return Estimate(
        estimand=Message("restricted mean up to {horizon:g}", horizon=end),
        value=found.value,
        std_error=std_error,
        interval=wald_interval(found.value, std_error, math.inf, level),
        method=_method(interpolate=interpolate, cluster=groups),
        n=len(times),
        n_clusters=None if groups is None else groups.count,
        note=Message.join(few_people(len(times)) if groups is None else few_clusters(groups)),
    )


def restricted_mean_difference(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    horizon: float,
    *,
    interpolate: bool = False,
    stratum: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> Estimate:
    r"""Estimate the difference, treated less control, in mean time without the event up to a horizon.

    Unlike a hazard ratio it needs no constant effect over time, and is in weeks.

    Parameters
    ----------
    time, event, horizon, interpolate
        As in `restricted_mean`.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    stratum
        Labels, shape (n,), within which the arms are compared; the differences are weighted by the strata's sizes.
        Strata without both arms are left out, with their number in `note`.
    cluster
        Labels of the units that were assigned together, shape (n,); an arm may cross them.
    level
        Coverage of the interval.

    Returns
    -------
    Estimate
        With the normal reference.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `restricted_mean`, of any arm (in any stratum); an arm without people or events, or with fewer than two
        clusters.

    Notes
    -----
    :math:`\sum_s (n_s / n) (\mu_{1s} - \mu_{0s})`, variances added, weights squared. With clusters, the sum over
    clusters of their squared influence on it.

    References
    ----------
    Royston and Parmar (2013), doi 10.1186/1471-2288-13-152. Uno et al. (2014), doi 10.1200/JCO.2014.55.2208.

    Examples
    --------
    >>> weeks, left, arm = [3, 5, 6, 6, 9, 11, 4, 8, 10, 12, 12, 14], [1] * 11 + [0], [1] * 6 + [0] * 6
    >>> saved = restricted_mean_difference(weeks, left, arm, 10)
    >>> f"{saved.value:.2f} ({saved.interval.low:.2f} to {saved.interval.high:.2f})"
    '-2.17 (-4.76 to 0.42)'
    """
    check_flag(interpolate, "interpolate")
    end = as_positive(horizon, "horizon")
    people = read_people(time, event, treated, stratum=stratum, cluster=cluster, level=level)
    n, groups, arm = len(people.time), people.cluster, people.treated
    strata = Groups(codes=np.zeros(n, dtype=np.intp), names=("",)) if people.stratum is None else people.stratum
    used, notes = complete_blocks(strata, arm)
    if not used.any():
        raise NotEstimable(Message("no stratum has both arms"))
    value, variance, influence, fewest = 0.0, 0.0, np.zeros(n), n
    for code in np.unique(strata.codes[used]).tolist():
        within = strata.codes == code
        share = float(np.sum(within)) / float(np.sum(used))
        name = None if people.stratum is None else strata.names[code]
        for sign, label, members in ((1, "treated", within & arm), (-1, "control", within & ~arm)):
            found = _mean_of(people, members, end, arm=label, stratum=name, interpolate=interpolate)
            value += sign * share * found.value
            variance += share**2 * found.variance
            influence[members] = sign * share * found.influence
            fewest = min(fewest, len(found.influence))
    if groups is not None:
        groups = groups.where(used)
        check_clusters(groups, arm[used])
        variance = _by_cluster(influence[used], groups, variance)
    std_error = math.sqrt(variance)
    return Estimate(
        estimand=Message("difference in restricted means up to {horizon:g}", horizon=end),
        value=value,
        std_error=std_error,
        interval=wald_interval(value, std_error, math.inf, level),
        p_value=wald_p_value(value, std_error, math.inf),
        method=_method(interpolate=interpolate, cluster=groups),
        n_treated=int(np.sum(used & arm)),
        n_control=int(np.sum(used & ~arm)),
        n=int(np.sum(used)),
        n_clusters=None if groups is None else groups.count,
        note=Message.join([*notes, *(few_people(fewest) if groups is None else few_clusters(groups))]),
    )


def _mean(times: FloatArray, events: BoolArray, horizon: float, *, interpolate: bool) -> _Mean:
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
    area = _widths(knots, horizon, interpolate=interpolate) * survival
    after = np.cumsum(area[::-1])[::-1][1:]
    died, at_risk = curve.events[event], curve.at_risk[event]
    # where everybody left at risk has the event there is no area after it
    each = np.divide(after, at_risk - died, out=np.zeros_like(after), where=at_risk > died)
    variance = float(np.sum(each * after * died / at_risk))
    if variance <= 0:
        raise NotEstimable(Message("the durations up to {horizon:g} do not vary", horizon=horizon))
    position = np.searchsorted(knots[1:], times, side="right")
    influence = np.append(0.0, np.cumsum(each * died / at_risk))[position]
    influence[events] -= each[position[events] - 1]
    return _Mean(value=float(area.sum()), variance=variance, influence=influence)


def _mean_of(
    people: People, members: BoolArray, horizon: float, *, arm: str, stratum: str | None, interpolate: bool
) -> _Mean:
    """Return the restricted mean of an arm (of a stratum), which a reason for not knowing it names."""
    try:
        return _mean(people.time[members], people.event[members], horizon, interpolate=interpolate)
    except NotEstimable as error:
        reason, label = error.args[0], Message(arm)
        if stratum is None:
            raise NotEstimable(Message("{arm} arm: {reason}", arm=label, reason=reason)) from None
        raise NotEstimable(
            Message("{arm} arm of stratum {stratum}: {reason}", arm=label, stratum=stratum, reason=reason)
        ) from None


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


def _by_cluster(influence: FloatArray, cluster: Groups, independent: float) -> float:
    """Return the variance from sums by cluster; `independent` is that of independent people."""
    return check_variance(float(np.sum(np.bincount(cluster.codes, influence, cluster.count) ** 2)), independent)


def _method(*, interpolate: bool, cluster: Groups | None) -> Message:
    area = Message("area under straight lines") if interpolate else Message("area under the Kaplan-Meier curve")
    if cluster is None:
        return Message.join([area, Message("Greenwood variance")])
    return Message.join([area, Message("standard error robust to clusters (infinitesimal jackknife)")])
