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
from analysis_lib.results import Estimate, FloatArray, Interval, Message, check_level, wald_interval, wald_p_value
from analysis_lib.trials._arrays import BoolArray, Groups, as_groups, check_clusters
from analysis_lib.trials._blocks import complete_blocks, satterthwaite
from analysis_lib.trials._options import as_positive, check_flag
from analysis_lib.trials.durations._area import Area, area_up_to
from analysis_lib.trials.durations._people import (
    People,
    check_variance,
    cluster_df,
    few_freedoms,
    read_people,
)
from analysis_lib.trials.durations._times import read_durations

__all__ = ["restricted_mean", "restricted_mean_difference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wider:
    """The t interval from a standard error that is wider than the one reported."""

    value: float
    std_error: float
    df: float

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return (low, high) at the level."""
        found = wald_interval(self.value, self.std_error, self.df, level)
        return found.low, found.high


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cell:
    """An arm (of a stratum): the weight of its mean in the difference, which (n,) people are in it, and the area."""

    weight: float
    members: BoolArray
    area: Area


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
        The p-value is NaN. The interval is wider than value ± t x standard error: see below.

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
    squared influence (the infinitesimal jackknife): `survfit(cluster =)` in R. Both are about (n - 1) / n of what they
    should be, of n people or clusters: the interval has n / (n - 1) times the variance, and n - 1 degrees of freedom.

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
    found = area_up_to(times, events, end, interpolate=interpolate)
    variance = found.variance if groups is None else _by_cluster(found.influence, groups, found.variance)
    units = len(times) if groups is None else groups.count
    return _t_row(
        found.value, variance, variance * units / (units - 1), units - 1.0, level=level,
        estimand=Message("restricted mean up to {horizon:g}", horizon=end),
        method=_method(interpolate=interpolate, cluster=groups),
        n=len(times),
        n_clusters=None if groups is None else groups.count,
    )  # fmt: skip


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
        Without clusters the interval is wider than value ± t x standard error, and the p-value larger: see below.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `restricted_mean`, of any arm (in any stratum); an arm without people or events, or with fewer than two
        clusters.

    Notes
    -----
    :math:`\sum_s (n_s / n) (\mu_{1s} - \mu_{0s})`, variances added, weights squared. Greenwood's variance of n people
    is about (n - 1) / n of what it should be: interval and test have n / (n - 1) times that of each arm (of a stratum),
    and Bell and McCaffrey's degrees of freedom, as `difference_in_means` within blocks.

    With clusters, the sum over clusters of their squared influence on it; the degrees of freedom are the clusters of
    the arm that has fewer, less one, which makes up for a variance that is too small.

    References
    ----------
    Royston and Parmar (2013), doi 10.1186/1471-2288-13-152. Uno et al. (2014), doi 10.1200/JCO.2014.55.2208.

    Examples
    --------
    >>> weeks, left, arm = [3, 5, 6, 6, 9, 11, 4, 8, 10, 12, 12, 14], [1] * 11 + [0], [1] * 6 + [0] * 6
    >>> saved = restricted_mean_difference(weeks, left, arm, 10)
    >>> f"{saved.value:.2f} ({saved.interval.low:.2f} to {saved.interval.high:.2f})"
    '-2.17 (-5.39 to 1.06)'
    """
    check_flag(interpolate, "interpolate")
    end = as_positive(horizon, "horizon")
    people = read_people(time, event, treated, stratum=stratum, cluster=cluster, level=level)
    n, groups, arm = len(people.time), people.cluster, people.treated
    strata = Groups(codes=np.zeros(n, dtype=np.intp), names=("",)) if people.stratum is None else people.stratum
    used, notes = complete_blocks(strata, arm)
    if not used.any():
        raise NotEstimable(Message("no stratum has both arms"))
    cells = _cells(people, strata, used, end, interpolate=interpolate)
    if groups is None:
        variance, wider, df = _of_people(cells)
    else:
        groups = groups.where(used)
        check_clusters(groups, arm[used])
        influence = np.zeros(n)
        for cell in cells:
            influence[cell.members] = cell.weight * cell.area.influence
        wider = variance = _by_cluster(influence[used], groups, _of_people(cells)[0])
        df = cluster_df(groups, arm[used], strata.where(used))
    return _t_row(
        math.fsum(cell.weight * cell.area.value for cell in cells), variance, wider, df, level=level, notes=notes,
        tested=True,
        estimand=Message("difference in restricted means up to {horizon:g}", horizon=end),
        method=_method(interpolate=interpolate, cluster=groups),
        n_treated=int(np.sum(used & arm)),
        n_control=int(np.sum(used & ~arm)),
        n=int(np.sum(used)),
        n_clusters=None if groups is None else groups.count,
    )  # fmt: skip


def _cells(people: People, strata: Groups, used: BoolArray, horizon: float, *, interpolate: bool) -> list[_Cell]:
    """Return the arms of each stratum that has both."""
    found = []
    for code in np.unique(strata.codes[used]).tolist():
        within = strata.codes == code
        share = float(np.sum(within)) / float(np.sum(used))
        name = None if people.stratum is None else strata.names[code]
        for sign, label, arm in ((1, "treated", people.treated), (-1, "control", ~people.treated)):
            members: BoolArray = within & arm
            area = _area_of(people, members, horizon, arm=label, stratum=name, interpolate=interpolate)
            found.append(_Cell(weight=sign * share, members=members, area=area))
    return found


def _of_people(cells: list[_Cell]) -> tuple[float, float, float]:
    """Return Greenwood's variance of the difference, that with n / (n - 1) in each cell, and degrees of freedom.

    These are Bell and McCaffrey's of the means of as many people in each cell, with errors of equal variance.
    """
    weight = np.array([cell.weight**2 for cell in cells])
    variance = weight * [cell.area.variance for cell in cells]
    people = np.array([len(cell.area.influence) for cell in cells], dtype=np.float64)
    df = satterthwaite(weight / people, people - 1)
    return float(np.sum(variance)), float(np.sum(variance * people / (people - 1))), df


def _t_row(
    value: float, variance: float, wider: float, df: float,
    *, level: float, notes: tuple[Message, ...] = (), tested: bool = False, **known: Any,
) -> Estimate:  # fmt: skip
    """Return the estimate with its standard error, and the t interval (and test of 0) from the wider variance."""
    rule = _Wider(value=value, std_error=math.sqrt(wider), df=df)
    low, high = rule.interval_at(level)
    return Estimate(
        value=value,
        std_error=math.sqrt(variance),
        df=df,
        interval=Interval(low=low, high=high, level=level),
        p_value=wald_p_value(value, rule.std_error, df) if tested else math.nan,
        note=Message.join([*notes, *few_freedoms(df)]),
        rule=rule,
        **known,
    )


def _area_of(
    people: People, members: BoolArray, horizon: float, *, arm: str, stratum: str | None, interpolate: bool
) -> Area:
    """Return the restricted mean of an arm (of a stratum), which a reason for not knowing it names."""
    try:
        return area_up_to(people.time[members], people.event[members], horizon, interpolate=interpolate)
    except NotEstimable as error:
        reason, label = error.args[0], Message(arm)
        if stratum is None:
            raise NotEstimable(Message("{arm} arm: {reason}", arm=label, reason=reason)) from None
        raise NotEstimable(
            Message("{arm} arm of stratum {stratum}: {reason}", arm=label, stratum=stratum, reason=reason)
        ) from None


def _by_cluster(influence: FloatArray, cluster: Groups, independent: float) -> float:
    """Return the variance from sums by cluster; `independent` is that of independent people."""
    return check_variance(float(np.sum(np.bincount(cluster.codes, influence, cluster.count) ** 2)), independent)


def _method(*, interpolate: bool, cluster: Groups | None) -> Message:
    area = Message("area under straight lines") if interpolate else Message("area under the Kaplan-Meier curve")
    if cluster is None:
        return Message.join([area, Message("Greenwood variance, times n / (n - 1) in the interval")])
    return Message.join([area, Message("standard error robust to clusters (infinitesimal jackknife)")])
