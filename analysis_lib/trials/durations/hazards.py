"""Hazard ratios and the log-rank test, with right censoring."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Check, Estimate, Message
from analysis_lib.trials._arrays import as_binary, as_groups, check_arms
from analysis_lib.trials._cox import RiskSets, ever_at_risk, fit_cox, independent_of_strata, robust_covariance
from analysis_lib.trials.durations._people import SIZE, check_variance, hazard_ratio_estimate, read_people
from analysis_lib.trials.durations._times import read_durations

__all__ = ["hazard_ratio", "logrank"]

Ties = Literal["efron", "breslow"]


def hazard_ratio(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    stratum: Any = None,
    cluster: Any = None,
    ties: Ties = "efron",
    level: float = 0.95,
) -> Estimate:
    r"""Estimate the hazard ratio of treated to control (Cox regression).

    Parameters
    ----------
    time, event
        As in `survival_curve`.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    covariates
        Measured before assignment: a data frame, or an array of shape (n, k) or (n,); finite.
    stratum
        Labels, shape (n,): each stratum has a baseline hazard of its own.
    cluster
        Labels of the units that were assigned together, shape (n,): the standard error is then Lin and Wei's, which is
        too small with few clusters. Interval and test make up for it: their t reference has the clusters of the arm
        that has fewer, less one, as degrees of freedom.
    ties
        "efron", or "breslow", which is nearer to 1 where many leave in the same week.
    level
        Coverage of the interval.

    Returns
    -------
    Estimate
        `value` is the hazard ratio and `std_error` that of its logarithm. Covariates that are combinations of those
        before them within strata are left out, and named in `note`.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        An arm without people or events, fewer than two clusters in an arm, covariates or strata that determine the
        treatment, or a likelihood without a maximum.

    Notes
    -----
    :math:`h(t \mid z, x) = h_s(t) \exp(\beta z + x'\gamma)`; the value is :math:`e^{\beta}`, as R's `coxph`.

    References
    ----------
    Cox (1972), doi 10.1111/j.2517-6161.1972.tb00899.x. Efron (1977), doi 10.1080/01621459.1977.10480613.
    Lin and Wei (1989), doi 10.1080/01621459.1989.10478874.

    Examples
    --------
    >>> weeks, left, arm = [3, 5, 6, 6, 9, 11, 4, 8, 10, 12, 12, 14], [1] * 11 + [0], [1] * 6 + [0] * 6
    >>> ratio = hazard_ratio(weeks, left, arm)
    >>> f"{ratio.value:.3f}, s.e. of the logarithm {ratio.std_error:.3f}"
    '3.613, s.e. of the logarithm 0.725'
    """
    if ties not in ("efron", "breslow"):
        raise InvalidInput(f"ties is {ties!r}; must be 'efron' or 'breslow'")
    people = read_people(time, event, treated, covariates=covariates, stratum=stratum, cluster=cluster, level=level)
    used = people.where(ever_at_risk(people.time, people.event, people.stratum))
    columns, names, notes = independent_of_strata(used.treated, used.covariates, used.stratum)
    sets = RiskSets.build(used.time, used.event, used.stratum)
    fit = fit_cox(columns, names, sets, efron=ties == "efron")
    variance = float(fit.covariance[0, 0])
    if used.cluster is not None:
        variance = check_variance(float(robust_covariance(fit, used.cluster)[0, 0]), variance)
    method = Message("Cox regression, Efron ties") if ties == "efron" else Message("Cox regression, Breslow ties")
    return hazard_ratio_estimate(float(fit.coefficients[0]), variance, people, method=method, notes=notes, level=level)


def logrank(time: ArrayLike, event: ArrayLike, treated: ArrayLike, *, stratum: Any = None) -> Check:
    """Test whether the arms' durations differ (log-rank test).

    Parameters
    ----------
    time, event
        As in `survival_curve`.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    stratum
        Labels, shape (n,), within which the arms are compared.

    Returns
    -------
    Check
        `statistic` is chi-square with 1 degree of freedom. `passed` says that no difference was found at the
        threshold of 0.05, which is not to say that there is none. `detail` gives observed and expected events.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        An arm without people, nobody with the event, or no time at which both arms were at risk.

    Notes
    -----
    As R's `survdiff`: (O - E)^2 / V with the hypergeometric variance, O, E and V summed over strata.

    References
    ----------
    Mantel (1966), Cancer Chemotherapy Reports 50(3). Peto and Peto (1972), doi 10.2307/2344317.

    Examples
    --------
    >>> weeks, left, arm = [3, 5, 6, 6, 9, 11, 4, 8, 10, 12, 12, 14], [1] * 11 + [0], [1] * 6 + [0] * 6
    >>> test = logrank(weeks, left, arm)
    >>> f"{test.statistic:.3f}, p {test.p_value:.3f}: {test.detail}"
    '3.427, p 0.064: treated: 6 events, 3.4 expected; control: 5 events, 7.6 expected'
    """
    times, events = read_durations(time, event)
    arm = as_binary(treated, "treated", len(times))
    check_arms(arm)
    strata = None if stratum is None else as_groups(stratum, "stratum", len(times))
    sets = RiskSets.build(times, events, strata)
    ones = arm[sets.order].astype(np.float64)
    d, d_treated = sets.sums(sets.event.astype(np.float64)), sets.sums(sets.event * ones)
    r, r_treated = sets.at_risk(sets.sums(np.ones(len(times)))), sets.at_risk(sets.sums(ones))
    share = r_treated / r
    variance = float(np.sum(d * share * (1 - share) * (r - d) / np.maximum(r - 1, 1)))
    if variance <= 0:
        raise NotEstimable(Message("both arms are never at risk of the event at the same time"))
    observed, expected = float(d_treated.sum()), float(np.sum(d * share))
    statistic = (observed - expected) ** 2 / variance
    p_value = float(stats.chi2.sf(statistic, 1))
    counts = {"o1": int(observed), "e1": expected, "o0": int(d.sum() - observed), "e0": float(d.sum()) - expected}
    return Check(
        name=Message("log-rank test"),
        passed=p_value >= SIZE,
        statistic=statistic,
        p_value=p_value,
        threshold=SIZE,
        df=1.0,
        method=Message("log-rank test") if strata is None else Message("log-rank test within strata"),
        detail=Message("treated: {o1} events, {e1:.1f} expected; control: {o0} events, {e0:.1f} expected", **counts),
    )
