"""Competing risks: the share that has ended in one cause by a time, its difference between the arms, and its rate.

Arguments are arrays of shape (n,), matched by position. `time` is 0 or more, in any unit. `cause` says how it ended:
a label for each cause (text or numbers), and one for censoring: "censored" or, where the causes are numbers, 0. Those
censored in a week were at risk of all that ended in it. Times nearer than 1.5e-8 count as equal.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Curve, Estimate, Interval, Message, check_level
from analysis_lib.trials._arrays import as_binary, check_arms
from analysis_lib.trials._options import as_number
from analysis_lib.trials.durations._causes import (
    CENSORED_LABEL,
    Endings,
    aalen_johansen,
    read_endings,
)
from analysis_lib.trials.durations._shares import Share, SharesRule
from analysis_lib.trials.durations.hazards import hazard_ratio

__all__ = ["cause_specific_hazard_ratio", "cumulative_incidence", "cumulative_incidence_difference"]

# As times among themselves (`as_times`).
_SAME_TIME = 1.5e-8


def cumulative_incidence(
    time: ArrayLike,
    cause: Any,
    cause_of_interest: Any,
    *,
    censored: Any = CENSORED_LABEL,
    level: float = 0.95,
) -> Curve:
    r"""Estimate the share that has ended in one cause, by time, where other causes compete (Aalen-Johansen).

    Parameters
    ----------
    time
        Time to the first ending or to censoring, shape (n,), 0 or more.
    cause
        How it ended, shape (n,): labels, all text or all numbers.
    cause_of_interest
        The label of the cause asked about.
    censored
        The label of censoring; where causes are numbers, "censored" stands for 0.
    level
        Coverage of the pointwise band.

    Returns
    -------
    Curve
        At every distinct time (of endings and of censoring), from 0. The band is NaN where the curve is 0 or 1.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        Nobody ended in the cause.

    Notes
    -----
    With :math:`d_{ki}` endings in the cause among r at risk and the share S that has not ended in any,
    :math:`F_k(t) = \sum_{t_i \le t} S(t_i-)\, d_{ki} / r_i`. The curves of all causes and S add up to 1; one minus
    Kaplan-Meier with the other causes as censoring is larger. The variance is

    .. math::
        \sum_{u \le t} \frac{(F(t) - F(u))^2 d_u}{r_u (r_u - d_u)} + \frac{S(u-)^2 d_{ku} (r_u - d_{ku})}{r_u^3}
        - \frac{2 (F(t) - F(u)) S(u-) d_{ku}}{r_u^2},

    and the band is :math:`F^{\exp(\pm z\,\sigma / (F \log F))}`: both as R's `survfit` with `conf.type = "log-log"`.

    References
    ----------
    Aalen and Johansen (1978), Scandinavian Journal of Statistics 5(3), 141-150. Marubini and Valsecchi (1995),
    Analysing Survival Data from Clinical Trials and Observational Studies, chapter 10.

    Examples
    --------
    >>> weeks, ended = [1, 2, 2, 3, 5], ["exit", "training", "censored", "exit", "exit"]
    >>> cumulative_incidence(weeks, ended, "exit").y.round(2).tolist()
    [0.2, 0.2, 0.5, 0.8]
    """
    check_level(level)
    found = aalen_johansen(read_endings(time, cause, cause_of_interest, censored))
    low, high = found.band(level)
    return Curve(
        x=found.time,
        y=found.incidence,
        low=low,
        high=high,
        at_risk=found.at_risk,
        start=0.0,
        level=level,
        method=Message("Aalen-Johansen, log-log band"),
    )


def cumulative_incidence_difference(
    time: ArrayLike,
    cause: Any,
    cause_of_interest: Any,
    treated: ArrayLike,
    at: float,
    *,
    censored: Any = CENSORED_LABEL,
    level: float = 0.95,
) -> Estimate:
    r"""Estimate how much larger the share that has ended in one cause by a time is among the treated.

    Parameters
    ----------
    time, cause, cause_of_interest, censored
        As in `cumulative_incidence`.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    at
        The time, in the unit of `time`, not after the last time of either arm (unless all in the arm have ended).
    level
        Coverage of the interval.

    Returns
    -------
    Estimate
        A difference of shares, treated less control. The interval is not value ± quantile x standard error: see below.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        Nobody ended in the cause; an arm has no people, is not observed until the time, or has a share of 0 or 1,
        which has no standard error.

    Notes
    -----
    :math:`F_1(t) - F_0(t)` with variance :math:`v_1(t) + v_0(t)`, each as in `cumulative_incidence`. The limits are put
    together from those of the arms' bands :math:`(l_a, u_a)`, which hold their level for few people too, and stay
    between -1 and 1 (Zou and Donner's recovery of variances):

    .. math:: F_1 - F_0 - \sqrt{(F_1 - l_1)^2 + (u_0 - F_0)^2}, \quad F_1 - F_0 + \sqrt{(u_1 - F_1)^2 + (F_0 - l_0)^2}

    The p-value is 1 less the level of the interval that ends at 0.

    References
    ----------
    As `cumulative_incidence`. Newcombe (1998), doi 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.
    Zou and Donner (2008), doi 10.1002/sim.3095.

    Examples
    --------
    >>> weeks, ended, arm = [1, 2, 2, 3, 5, 1, 3, 4, 5, 5], [1, 2, 0, 1, 1, 2, 0, 1, 2, 0], [1] * 5 + [0] * 5
    >>> difference = cumulative_incidence_difference(weeks, ended, 1, arm, 4)
    >>> f"{difference.value:.3f}, s.e. {difference.std_error:.3f}"
    '0.233, s.e. 0.341'
    """
    check_level(level)
    if as_number(at, "at", "a time of 0 or more") < 0:
        raise InvalidInput(f"at is {at!r}; must be a time of 0 or more")
    endings = read_endings(time, cause, cause_of_interest, censored)
    arm = as_binary(treated, "treated", len(endings.time))
    check_arms(arm)
    rule = SharesRule(
        treated=_share_at(endings.where(arm), float(at), Message("treated")),
        control=_share_at(endings.where(~arm), float(at), Message("control")),
    )
    low, high = rule.interval_at(level)
    return Estimate(
        estimand=Message("difference in cumulative incidence at {at:g}", at=float(at)),
        value=rule.treated.value - rule.control.value,
        std_error=math.hypot(rule.treated.std_error, rule.control.std_error),
        df=math.nan,
        interval=Interval(low=low, high=high, level=level),
        p_value=rule.p_value(),
        method=Message("Aalen-Johansen, limits from the log-log bands"),
        n_treated=int(np.sum(arm)),
        n_control=int(np.sum(~arm)),
        n=len(arm),
        rule=rule,
    )


def _share_at(endings: Endings, at: float, label: Message) -> Share:
    """Return an arm's share at a time."""
    curve = aalen_johansen(endings)
    if at > curve.time[-1] + _SAME_TIME and curve.survival[-1] > 0:
        raise NotEstimable(
            Message("nobody in the {arm} arm is observed after {last:g}, and {at:g} is asked about", arm=label,
                    last=float(curve.time[-1]), at=at)
        )  # fmt: skip
    before = int(np.searchsorted(curve.time, at + _SAME_TIME, side="right"))
    share = float(curve.incidence[before - 1]) if before else 0.0
    std_error = float(curve.std_error[before - 1]) if before else 0.0
    if std_error <= 0:
        raise NotEstimable(
            Message("the share in the {arm} arm is {share:.0f} at {at:g}: it has no standard error", arm=label,
                    share=share, at=at)
        )  # fmt: skip
    return Share(value=share, std_error=std_error)


def cause_specific_hazard_ratio(
    time: ArrayLike,
    cause: Any,
    cause_of_interest: Any,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    stratum: Any = None,
    cluster: Any = None,
    censored: Any = CENSORED_LABEL,
    level: float = 0.95,
) -> Estimate:
    r"""Estimate the ratio of treated to control in the rate of one cause, among those who have not ended in any.

    Parameters
    ----------
    time, cause, cause_of_interest, censored
        As in `cumulative_incidence`.
    treated, covariates, stratum, cluster, level
        As in `hazard_ratio`.

    Returns
    -------
    Estimate
        As of `hazard_ratio` with Efron's rule for ties, the other causes counted as censored. A ratio of rates and
        not of shares: treatment that only slows the other causes leaves it at 1, and yet raises the share that ends
        in this one (`fine_gray` and `cumulative_incidence_difference` are of shares).

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        Nobody ended in the cause, and as `hazard_ratio`.

    Notes
    -----
    :math:`h_k(t) = \lim P(t \le T < t + \epsilon, \text{cause } k \mid T \ge t) / \epsilon`, and the value is
    :math:`e^\beta` in :math:`h_k(t \mid z, x) = h_{ks}(t) \exp(\beta z + x'\gamma)`. That causes are independent
    is not assumed.

    References
    ----------
    Prentice, Kalbfleisch, Peterson, Flournoy, Farewell and Breslow (1978), doi 10.2307/2530374.

    Examples
    --------
    >>> weeks, ended, arm = [1, 2, 2, 3, 5, 1, 3, 4, 5, 5], [1, 2, 0, 1, 1, 2, 0, 1, 2, 0], [1] * 5 + [0] * 5
    >>> ratio = cause_specific_hazard_ratio(weeks, ended, 1, arm)
    >>> f"{ratio.value:.2f} ({ratio.estimand})"
    '5.81 (cause-specific hazard ratio)'
    """
    endings = read_endings(time, cause, cause_of_interest, censored)
    found = hazard_ratio(
        endings.time,
        endings.interest,
        treated,
        covariates=covariates,
        stratum=stratum,
        cluster=cluster,
        level=level,
    )
    rates = Message("a ratio of rates among those still there, not of the shares that end in the cause")
    return replace(
        found,
        estimand=Message("cause-specific hazard ratio"),
        note=Message.join([found.note, rates]),
    )
