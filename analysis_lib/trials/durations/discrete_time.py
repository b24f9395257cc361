"""Proportional hazards in whole weeks: the complementary log-log regression of person-weeks, without person-weeks.

The week of the event is known, and nothing of when in it. With hazards that are proportional in continuous time, the
chance of the event in a week is 1 - exp(-exp(u)), u the week's level plus the covariates' part: the coefficients are
those of Cox's model, and many events in a week do no harm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, Message
from analysis_lib.trials._arrays import BoolArray
from analysis_lib.trials._cloglog import Span, exposure_by_time, fit_cloglog
from analysis_lib.trials._cox import RiskSets, independent_of_strata, sums_by
from analysis_lib.trials._options import as_cuts
from analysis_lib.trials.durations._people import People, check_variance, hazard_ratio_estimate, read_people

__all__ = ["cloglog"]


def cloglog(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    cluster: Any = None,
    cuts: Sequence[float] | None = None,
    level: float = 0.95,
) -> Estimate:
    r"""Estimate the hazard ratio of treated to control from whole weeks (complementary log-log, week indicators).

    Parameters
    ----------
    time
        Whole weeks to event or censoring, shape (n,): 3 is the event in week 3, or seen through week 3 without it.
        Weeks count from 1; from 0 where someone has the event at 0.
    event
        Whether the event came, shape (n,); booleans or 0/1.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    covariates, cluster
        As in `hazard_ratio`.
    cuts
        Increasing weeks that end a group: with [4, 8], weeks up to 4 share one indicator, weeks 5 to 8 one, and the
        later ones one. Without it each week has its own.
    level
        Coverage of the interval.

    Returns
    -------
    Estimate
        `value` is the hazard ratio and `std_error` that of its logarithm. Weeks (or groups of them) without an event,
        and those in which everyone at risk had it, hold no information: they are left out, with their number in
        `note`, as are covariates that are combinations of those before them.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `hazard_ratio`.

    Notes
    -----
    :math:`P(T = t \mid T \ge t) = 1 - \exp(-\exp(\alpha_t + \beta z + x'\gamma))`: R's
    `glm(binomial("cloglog"))` on a row for each person and week, with its (expected) information; with clusters,
    `sandwich::vcovCL(type = "HC0", cadjust = FALSE)`. A week without the event adds :math:`-e^{\alpha_t} e^{x'\gamma}`
    to the log likelihood, a product, so that sums by week do for Newton's method.

    References
    ----------
    Prentice and Gloeckler (1978), doi 10.2307/2529588. Jenkins (1995), doi 10.1111/j.1468-0084.1995.tb00031.x.

    Examples
    --------
    >>> weeks, left, arm = [3, 5, 6, 6, 9, 11, 4, 8, 10, 12, 12, 14], [1] * 11 + [0], [1] * 6 + [0] * 6
    >>> ratio = cloglog(weeks, left, arm, cuts=[4, 8])
    >>> f"{ratio.value:.3f}, s.e. of the logarithm {ratio.std_error:.3f}"
    '3.111, s.e. of the logarithm 0.639'
    """
    people = read_people(time, event, treated, covariates=covariates, cluster=cluster, level=level)
    fraction = people.time[people.time != np.floor(people.time)]
    if fraction.size:
        raise InvalidInput(f"time has the value {fraction[0]:g}; must be whole weeks")
    spans, events, notes = _informative(people, _spans(people, cuts))
    # nobody seen only before the first week used tells anything
    used = replace(people, event=events).where(people.time > spans[0].low)
    x, names, dropped = independent_of_strata(used.treated, used.covariates, None)
    fit = fit_cloglog(x, names, RiskSets.build(used.time, used.event, None), spans)
    variance = float(fit.covariance[0, 0])
    if used.cluster is not None:
        influence = sums_by(fit.scores, used.cluster.codes, used.cluster.count) @ fit.covariance
        variance = check_variance(float(np.sum(influence[:, 0] ** 2)), variance)
    method = Message("complementary log-log regression, an indicator for each week")
    if cuts is not None:
        method = Message("complementary log-log regression, indicators for groups of weeks")
    return hazard_ratio_estimate(
        float(fit.coefficients[0]), variance, people, method=method, notes=(*notes, *dropped), level=level,
        robust=Message("standard error robust to clusters"),
    )  # fmt: skip


def _spans(people: People, cuts: Sequence[float] | None) -> list[Span]:
    """Return the weeks with an event, or the groups of weeks that the cuts make."""
    if cuts is None:
        return [Span(week - 1, week) for week in np.unique(people.time[people.event]).tolist()]
    ends = as_cuts(cuts, "cuts")
    if not all(math.isfinite(end) and end >= 1 and end == math.floor(end) for end in ends):
        raise InvalidInput(f"cuts is {list(cuts)}; must be whole weeks from 1 on")
    if any(b <= a for a, b in pairwise(ends)):
        raise InvalidInput(f"cuts is {list(cuts)}; must be increasing")
    start = -1.0 if np.any(people.event & (people.time == 0)) else 0.0
    return [Span(low, high) for low, high in pairwise([start, *ends, math.inf])]


def _informative(people: People, spans: list[Span]) -> tuple[list[Span], BoolArray, tuple[Message, ...]]:
    """Return the spans in which some at risk had the event and some not, whose event is in one, and notes."""
    sets = RiskSets.build(people.time, people.event, None)
    exposure, own = exposure_by_time(sets, spans)
    died = np.bincount(own[sets.group[sets.event]], minlength=len(spans))
    person_weeks = sets.at_risk(sets.sums(np.ones(len(people.time)))) @ exposure
    keep = (died > 0) & (died < person_weeks)
    events = people.event.copy()
    events[sets.order[sets.event]] = keep[own[sets.group[sets.event]]]
    for label, arm in ((Message("treated"), people.treated), (Message("control"), ~people.treated)):
        if not np.any(events & arm):
            reason = "nobody in the {arm} arm had the event in a week when others at risk had not"
            raise NotEstimable(Message(reason, arm=label))
    last = int(people.time.max())
    without = last - len(spans) + int(spans[0].low < 0) if math.isfinite(spans[-1].high) else int(np.sum(died == 0))
    saturated = int(np.sum((died > 0) & ~keep))
    notes = []
    if without:
        notes.append(Message("weeks (or groups of weeks) without an event, left out: {n}", n=without))
    if saturated:
        notes.append(Message("weeks in which everyone at risk had the event, left out: {n}", n=saturated))
    return [span for span, kept in zip(spans, keep, strict=True) if kept], events, tuple(notes)
