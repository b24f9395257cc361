"""Whether hazard ratios stay the same over time."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Check, FloatArray, Message, Results
from analysis_lib.trials._cox import CoxFit, RiskSets, ever_at_risk, fit_cox, independent_of_strata
from analysis_lib.trials._kaplan_meier import kaplan_meier
from analysis_lib.trials.durations._people import SIZE, People, read_people

__all__ = ["check_proportional_hazards"]

Transform = Literal["km", "identity", "rank", "log"]

_TRANSFORMS = ("km", "identity", "rank", "log")
# Of what is left of the information on a change over time: less is rounding.
_SINGULAR = 1e-10
_METHOD = Message("score test from Schoenfeld residuals, Efron ties")


def check_proportional_hazards(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    stratum: Any = None,
    transform: Transform = "km",
) -> Results:
    r"""Test, for treatment and each covariate, whether the hazard ratio changes with time.

    Parameters
    ----------
    time, event
        As in `survival_curve`.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    covariates, stratum
        As in `hazard_ratio`.
    transform
        The change looked for is linear in g(t): "km" is 1 less the survival curve just before t, which keeps late
        times with few people from ruling the test; "identity" is t; "rank" the rank of t among all times; "log" its
        logarithm.

    Returns
    -------
    Results
        A check for treatment, one for each covariate (not those left out as collinear), and one for all together.
        `passed` says that no change was found at 0.05, which is not to say that there is none; `detail`, in which
        direction the ratio was seen to change. A column whose change cannot be told from its effect is not tested.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `hazard_ratio`; also where all events came at one time.

    Notes
    -----
    The score test of :math:`\theta_j` in :math:`h(t \mid x) = h_s(t) \exp(x'\beta + \sum_j \theta_j x_j g(t))` at
    :math:`\theta = 0`: the sum of the Schoenfeld residuals, each times :math:`g(t)` less its mean over events, against
    its variance given :math:`\beta`. R's `cox.zph` from version 3.0 of survival; the test of Grambsch and Therneau
    (1994), in earlier versions, is an approximation to it.

    References
    ----------
    Schoenfeld (1982), doi 10.1093/biomet/69.1.239. Grambsch and Therneau (1994), doi 10.1093/biomet/81.3.515.
    Therneau and Grambsch (2000), Modeling Survival Data, ch. 6.

    Examples
    --------
    >>> weeks, left, arm = [3, 5, 6, 6, 9, 11, 4, 8, 10, 12, 12, 14], [1] * 11 + [0], [1] * 6 + [0] * 6
    >>> check = check_proportional_hazards(weeks, left, arm).checks[0]
    >>> f"{check.name}: chi-square {check.statistic:.3f}, p {check.p_value:.2f}; {check.detail}"
    'proportional hazards, treatment: chi-square 0.062, p 0.80; the ratio seems to rise with time'
    """
    if transform not in _TRANSFORMS:
        raise InvalidInput(f"transform is {transform!r}; must be one of {', '.join(_TRANSFORMS)}")
    people = read_people(time, event, treated, covariates=covariates, stratum=stratum)
    used = people.where(ever_at_risk(people.time, people.event, people.stratum))
    columns, names, _ = independent_of_strata(used.treated, used.covariates, used.stratum)
    sets = RiskSets.build(used.time, used.event, used.stratum)
    fit = fit_cox(columns, names, sets, efron=True)
    if len(np.unique(people.time[people.event])) < 2:
        raise NotEstimable(Message("all events came at one time: no change over time can be seen"))
    score, variance, raw = _score_test(fit, _centred_times(people, sets, transform))
    each = [_check(name, score[[j]], variance[[j], [j]][:, None], raw[[j]]) for j, name in enumerate(names)]
    return Results([*each, _check(None, score, variance, raw)])


def _centred_times(people: People, sets: RiskSets, transform: Transform) -> FloatArray:
    """Return g of each risk set's time, less its mean over events."""
    if transform == "km":
        curve = kaplan_meier(people.time, people.event)
        found = 1 - np.append(1.0, curve.survival)[np.searchsorted(curve.time, sets.time)]
    elif transform == "rank":
        distinct, rank = np.unique(people.time), np.unique(stats.rankdata(people.time))
        found = rank[np.searchsorted(distinct, sets.time)]
    elif transform == "log":
        at_zero = int(np.sum(people.event & (people.time == 0)))
        if at_zero:
            raise InvalidInput(f"transform is 'log' and {at_zero} events are at time 0; must be another")
        found = np.log(np.where(sets.time > 0, sets.time, 1.0))  # 0 without an event weighs nothing
    else:
        found = sets.time
    events = sets.sums(sets.event.astype(np.float64))
    centred: FloatArray = found - float(found @ events) / float(events.sum())
    return centred


def _score_test(fit: CoxFit, times: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the scores (k,) of the changes over time, their covariance (k, k), and variances were ratios known."""
    model, at = fit.model, fit.at
    score: FloatArray = times @ model.score(at)
    own, across = model.information(at), model.information(at.times(times))
    change = model.information(at.times(times**2))
    return score, change - across @ np.linalg.solve(own, across), np.diag(change)


def _check(column: str | None, score: FloatArray, variance: FloatArray, raw: FloatArray) -> Check:
    """Return the test of one column, or of all where none is named."""
    name = Message("proportional hazards, all columns")
    if column is not None:
        name = Message("proportional hazards, {column}", column=column)
    spread = np.sqrt(raw)
    if np.any(raw <= 0) or np.linalg.eigvalsh(variance / np.outer(spread, spread))[0] < _SINGULAR:
        return Check(name=name, passed=None, detail=Message("a change over time cannot be told from the ratio itself"))
    statistic, df = float(score @ np.linalg.solve(variance, score)), len(score)
    p_value = float(stats.chi2.sf(statistic, df))
    rising = (
        Message("the ratio seems to rise with time") if score[0] > 0 else Message("the ratio seems to fall with time")
    )
    return Check(
        name=name,
        passed=p_value >= SIZE,
        statistic=statistic,
        p_value=p_value,
        threshold=SIZE,
        df=float(df),
        method=_METHOD,
        detail=Message("{k} columns", k=df) if column is None else rising,
    )
