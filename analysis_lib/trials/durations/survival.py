"""Survival curves and medians, with right censoring."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Curve, Estimate, Interval, Message, check_level
from analysis_lib.trials._kaplan_meier import MedianRule, kaplan_meier
from analysis_lib.trials._options import check_flag
from analysis_lib.trials.durations._times import read_durations

__all__ = ["median_duration", "survival_curve"]


def survival_curve(time: ArrayLike, event: ArrayLike, *, level: float = 0.95) -> Curve:
    r"""Estimate the share still without the event, by time (Kaplan-Meier).

    Parameters
    ----------
    time
        Time to event or censoring, shape (n,), 0 or more.
    event
        Whether the event came, shape (n,); booleans or 0/1.
    level
        Coverage of the pointwise band.

    Returns
    -------
    Curve
        At every distinct time (of events and of censoring). The band is NaN where the curve is 1 or 0.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        Nobody had the event.

    Notes
    -----
    With d events among r at risk, :math:`S(t) = \prod_{t_i \le t} (1 - d_i / r_i)`, and the band is
    :math:`S^{\exp(\pm z\,\sigma / \log S)}` for Greenwood's :math:`\sigma^2 = \sum d_i / (r_i (r_i - d_i))`:
    `survfit(conf.type = "log-log")` in R.

    References
    ----------
    Kaplan and Meier (1958), doi 10.1080/01621459.1958.10501452. Kalbfleisch and Prentice (2002), section 1.4.

    Examples
    --------
    >>> curve = survival_curve([1, 2, 2, 3, 5], [1, 1, 0, 1, 0])
    >>> curve.y.round(2).tolist(), curve.at_risk.tolist()
    ([0.8, 0.6, 0.3, 0.3], [5.0, 4.0, 2.0, 1.0])
    """
    check_level(level)
    found = kaplan_meier(*read_durations(time, event))
    low, high = found.band(level)
    return Curve(
        x=found.time,
        y=found.survival,
        low=low,
        high=high,
        at_risk=found.at_risk,
        start=1.0,
        level=level,
        method=Message("Kaplan-Meier, log-log band"),
    )


def median_duration(time: ArrayLike, event: ArrayLike, *, interpolate: bool = True, level: float = 0.95) -> Estimate:
    """Estimate the median duration, by which half have had the event.

    Parameters
    ----------
    time, event
        As in `survival_curve`.
    interpolate
        True for durations in whole units (a week), where t says that the event came in (t - 1, t]: the median and
        its limits are read from straight lines between the points of the curve, and of its band, at the times of
        events, starting at 1 at time 0. False for exact times: the first time at which the curve is at or below one
        half, and the middle of the interval where it is exactly one half, as R does.
    level
        Coverage of the interval.

    Returns
    -------
    Estimate
        The interval is where the log-log band crosses one half; a limit not reached is NaN, with a note. The
        standard error and p-value are NaN.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        Nobody had the event, or the curve does not come down to one half.

    References
    ----------
    Brookmeyer and Crowley (1982), doi 10.2307/2530286.

    Examples
    --------
    >>> weeks, left = [2, 4, 4, 6, 8, 9, 9, 12], [1, 1, 1, 1, 1, 1, 0, 0]
    >>> median_duration(weeks, left, interpolate=False).value, median_duration(weeks, left).value
    (7.0, 6.0)
    """
    check_level(level)
    check_flag(interpolate, "interpolate")
    times, events = read_durations(time, event)
    rule = MedianRule(curve=kaplan_meier(times, events), interpolate=interpolate)
    value = rule.crossing(rule.curve.survival)
    if math.isnan(value):
        share, last = 100 * float(rule.curve.survival[-1]), float(rule.curve.time[-1])
        raise NotEstimable(
            Message(
                "the median is not reached: {share:.0f} % had not had the event at the last time, {time:g}",
                share=share,
                time=last,
            )
        )
    low, high = rule.interval_at(level)
    whole_units = Message("whole units of time: the median is read within the unit, by straight lines")
    notes = [whole_units] if interpolate else []
    notes += [Message("lower limit not reached")] if math.isnan(low) else []
    notes += [Message("upper limit not reached")] if math.isnan(high) else []
    return Estimate(
        estimand=Message("median duration"),
        value=value,
        df=math.nan,
        interval=Interval(low=low, high=high, level=level),
        method=Message("Kaplan-Meier, limits from the log-log band"),
        n=len(times),
        note=Message.join(notes),
        rule=rule,
    )
