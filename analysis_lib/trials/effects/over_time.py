"""Effects week by week, with bands for each week and for the whole course."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Curve, FloatArray, Message, check_level
from analysis_lib.trials._arrays import as_numbers
from analysis_lib.trials._options import check_flag, check_rng
from analysis_lib.trials._sample import everyone
from analysis_lib.trials.effects._course import CONTROL, DIFFERENCE, TREATED, Course, as_table, as_weeks
from analysis_lib.trials.effects._estimates import lin_method

__all__ = ["EffectOverTime", "effect_of_shares", "effect_over_time"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EffectOverTime:
    """The effect week by week; every array has shape (weeks,), NaN where a week has no answer (`note` says why).

    Attributes
    ----------
    difference
        Treated less control, with the interval of each week; `at_risk` counts the people used.
    simultaneous
        The same difference, with the band that holds all weeks at once; `None` where there are only shares.
    treated, control
        The arms' (adjusted) means, with the interval of each week.
    std_error, df
        Of the difference, with the degrees of freedom of its t reference.
    critical
        Standard errors on either side in the simultaneous band, with infinite degrees of freedom; NaN without it.
    note
        Weeks without an answer, and people left out.
    """

    difference: Curve
    simultaneous: Curve | None
    treated: Curve
    control: Curve
    std_error: FloatArray
    df: FloatArray
    critical: float
    note: Message


def effect_over_time(
    values: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
    weeks: ArrayLike | None = None,
    cumulative: bool = False,
    level: float = 0.95,
    draws: int = 10_000,
    rng: np.random.Generator,
) -> EffectOverTime:
    r"""Estimate the effect in every week, with an interval for each and a band for all of them together.

    Parameters
    ----------
    values
        Indicators (in employment that week) or numbers, shape (n, weeks); NaN where a person is not observed.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    covariates, block, cluster
        As in `lin_adjusted`; none is needed.
    weeks
        What the columns are called, shape (weeks,), increasing; by default 1, 2, ...
    cumulative
        Add up the weeks: the effect on the sum of the values to date. A person counts up to the first NaN.
    level
        Coverage of each interval, and of the band as a whole.
    draws
        Draws behind the band's width, 1,000 or more.
    rng
        Draws them.

    Returns
    -------
    EffectOverTime
        With curves of the difference, and of the arms.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        No week can be estimated; the reason is that of the first.

    Notes
    -----
    Each week is `lin_adjusted` of that week's values among those observed, with HC2 or CR2 and its degrees of freedom.
    A week in which nothing varies has its difference and no band; it is not part of the simultaneous one.

    With :math:`\psi_{uw}` the share of person (or cluster) u in the error of week w, so that :math:`\sum_u \psi_{uw}^2
    = s_w^2`, the band is :math:`d_w \pm c_w s_w`. The level's quantile c of :math:`\max_w |\sum_u \xi_u \psi_{uw}| /
    s_w` over normal multipliers :math:`\xi` becomes :math:`c_w` by the week's degrees of freedom: the t quantile with
    the tail that c has in the normal distribution. The sums over multipliers are drawn from their own distribution,
    normal with the covariance :math:`\sum_u \psi_u \psi_u'`, at the cost of weeks in place of people.

    NaN is taken for missing at random: with people leaving the register by arm, see `attrition_check`.

    References
    ----------
    Montiel Olea and Plagborg-Møller (2019), doi 10.1002/jae.2656. Lin (2013), doi 10.1214/12-AOAS583.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> treated = np.repeat([1, 0], 100)
    >>> employed = rng.random((200, 3)) < 0.3 + 0.2 * treated[:, None]
    >>> found = effect_over_time(employed, treated, rng=rng)
    >>> found.difference.y.round(2), (found.simultaneous.high - found.difference.high).round(2)
    (array([0.11, 0.29, 0.27]), array([0.03, 0.03, 0.03]))
    """
    check_level(level)
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1000:
        raise InvalidInput(f"draws is {draws!r}; must be a whole number, 1,000 or more")
    check_rng(rng)
    check_flag(cumulative, "cumulative")
    table = as_table(values, "values")
    table = np.cumsum(table, axis=1) if cumulative else table
    sample = everyone(len(table), treated, covariates=covariates, block=block, cluster=cluster)
    x, course = as_weeks(weeks, table.shape[1]), Course.estimate(sample, table)
    course.check()
    critical = course.critical_value(level, draws, rng)
    method = lin_method(len(sample.covariates.names), clustered=sample.cluster is not None)
    return _result(course, x, level, method, critical)


def effect_of_shares(
    shares: ArrayLike, n: ArrayLike, *, weeks: ArrayLike | None = None, level: float = 0.95
) -> EffectOverTime:
    r"""Estimate the effect on a share in every week from the arms' shares alone.

    For published or aggregated shares. The band is pointwise: how the weeks move together is not in the shares, and
    neither are blocks, clusters or covariates. Effects on cumulated weeks are for the same reason not to be had.

    Parameters
    ----------
    shares
        Shape (2, weeks): control, then treated, as `state_shares(..., group=treated)` returns them for each state.
    n
        People behind the shares in every week, shape (2,): control, then treated.
    weeks, level
        As in `effect_over_time`.

    Returns
    -------
    EffectOverTime
        The same differences, errors and intervals as `effect_over_time` gives for the indicators themselves.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        An arm has fewer than two people, or no week varies.

    Notes
    -----
    The variance of an arm's share is p (1 - p) / (n - 1), which is Neyman's for an indicator.

    References
    ----------
    Neyman (1923), doi 10.1214/ss/1177012031. Imbens and Kolesár (2016), doi 10.1162/REST_a_00552 (degrees of freedom).

    Examples
    --------
    >>> found = effect_of_shares([[0.10, 0.25], [0.20, 0.40]], [200, 100])
    >>> found.difference.low.round(3), found.difference.high.round(3)
    (array([0.01 , 0.036]), array([0.19 , 0.264]))
    """
    check_level(level)
    table = as_table(shares, "shares")
    if len(table) != 2 or np.isnan(table).any() or np.any((table < 0) | (table > 1)):
        raise InvalidInput("shares is not a pair of rows of shares from 0 to 1; must be control's, then those treated")
    people = as_numbers(n, "n")
    if len(people) != 2 or np.any(people != np.floor(people)) or np.any(people < 0):
        raise InvalidInput("n is not a pair of counts; must be control's people, then those treated")
    for count, label in zip(people, (Message("control"), Message("treated")), strict=True):
        if count < 2:
            raise NotEstimable(Message("{n} people in the {arm} arm; two are needed", n=int(count), arm=label))
    x = as_weeks(weeks, table.shape[1])
    errors = np.sqrt(table * (1 - table) / (people[:, None] - 1))
    df = float(np.sum(1 / people)) ** 2 / float(np.sum(1 / (people**2 * (people - 1))))
    course = Course.of_arms(table, errors, counts=people, df=df)
    course.check()
    return _result(course, x, level, Message("difference in shares, Neyman variance"), math.nan)


def _result(course: Course, x: FloatArray, level: float, method: Message, critical: float) -> EffectOverTime:
    """Return the curves, with a simultaneous band where there is a critical value."""
    pointwise = course.half_widths(float(stats.norm.isf((1 - level) / 2)))
    counts = (*course.counts, course.counts.sum(axis=0))

    def curve(which: int, half: FloatArray, label: Message, how: Message) -> Curve:
        y = course.values[which]
        return Curve(
            x=x, y=y, low=y - half[which], high=y + half[which], at_risk=counts[which], label=label, level=level,
            unit_x=Message("week"), method=how,
        )  # fmt: skip

    difference = Message("difference in means")
    band = None
    if not math.isnan(critical):
        how = Message.join([method, Message("simultaneous band")])
        band = curve(DIFFERENCE, course.half_widths(critical), difference, how)
    return EffectOverTime(
        difference=curve(DIFFERENCE, pointwise, difference, method),
        simultaneous=band,
        treated=curve(TREATED, pointwise, Message("treated"), method),
        control=curve(CONTROL, pointwise, Message("control"), method),
        std_error=course.errors[DIFFERENCE],
        df=course.df[DIFFERENCE],
        critical=critical,
        note=course.notes(),
    )
