"""Hazard ratios that differ between windows of time.

The threat effect is the ratio, by assignment, in the windows before the first scheduled activity.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Check, Estimate, FloatArray, Message, Results
from analysis_lib.trials._arrays import BoolArray, Groups, IntArray, check_clusters
from analysis_lib.trials._cox import RiskSets, ever_at_risk, fit_cox, independent_of_strata, robust_covariance
from analysis_lib.trials._options import is_number
from analysis_lib.trials.durations._people import (
    SIZE,
    People,
    check_variance,
    hazard_ratio_estimate,
    hotelling,
    read_people,
)

__all__ = ["piecewise_hazard_ratios"]

Windows = Sequence[float] | Sequence[tuple[float, float]] | Mapping[str, tuple[float, float]]

# Of a contrast's variances: a smaller eigenvalue is rounding.
_SINGULAR = 1e-10
_CHECK = Message("the same hazard ratio in every window")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """Times up to `high` from `low` on (after it, where not `closed`)."""

    low: float
    high: float
    closed: bool
    label: str

    def reached(self, time: FloatArray) -> BoolArray:
        """Return which (n,) times are in the window or after it."""
        return time >= self.low if self.closed else time > self.low

    def events(self, people: People) -> BoolArray:
        """Return whose event is in the window."""
        found: BoolArray = people.event & self.reached(people.time) & (people.time <= self.high)
        return found


def piecewise_hazard_ratios(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    windows: Windows,
    *,
    covariates: Any = None,
    stratum: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> Results:
    r"""Estimate the hazard ratio of treated to control in each window of time, and test whether they are the same.

    Parameters
    ----------
    time, event
        As in `survival_curve`.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    windows
        Either increasing cut points above 0: [4, 8] are the windows t <= 4, 4 < t <= 8 and t > 8. Or increasing pairs
        (from, to), each with both its ends: [(0, 4), (5, 8)] are 0 <= t <= 4 and 5 <= t <= 8, in whole weeks those of
        the cut points; the last `to` may be infinity. Or pairs by label: {"threat": (0, 4)}. As t says that the event
        came in week t, an activity in week 5 leaves weeks 1 to 4 before it.
    covariates, stratum, cluster
        As in `hazard_ratio`. Covariates have one coefficient each for all windows.
    level
        Coverage of the intervals.

    Returns
    -------
    Results
        An estimate a window (`group` is its label), with the people still at risk when it begins. A window without an
        estimate (nobody at risk or with the event in an arm, fewer than two clusters in an arm, or a ratio of 0 or
        infinity) is an empty row with its reason, and its events are used for nothing. Then a check that the ratios
        are equal (Wald's chi-square, with clusters Hotelling's); `passed` says that no difference was found at 0.05.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `hazard_ratio`.

    Notes
    -----
    :math:`h(t \mid z, x) = h_s(t) \exp(\beta_{w(t)} z + x'\gamma)`, Cox regression with Efron's rule for ties: R's
    `coxph` with `survSplit`. Without covariates, each window's ratio is that of a Cox regression in it alone. The
    ratios after the first window compare people who are still there, and treatment has changed who they are.

    References
    ----------
    Cox (1972), doi 10.1111/j.2517-6161.1972.tb00899.x. Therneau and Grambsch (2000), Modeling Survival Data, ch. 6.5.
    Graversen and van Ours (2008), Journal of Public Economics 92(10-11).

    Examples
    --------
    >>> weeks, left, arm = [1, 2, 2, 5, 9, 11, 3, 4, 6, 7, 12, 14], [1] * 11 + [0], [1] * 6 + [0] * 6
    >>> for row in piecewise_hazard_ratios(weeks, left, arm, [4]).estimates:
    ...     print(f"{row.group}: {row.value:.2f} ({row.interval.low:.2f} to {row.interval.high:.2f})")
    to 4: 2.16 (0.36 to 13.09)
    over 4: 2.29 (0.38 to 13.90)
    """
    spans = _read_windows(windows)
    people = read_people(time, event, treated, covariates=covariates, stratum=stratum, cluster=cluster, level=level)
    reasons = [_reason(people, span) for span in spans]
    used = [span for span, reason in zip(spans, reasons, strict=True) if reason is None]
    coefficients, covariance, notes = _fit(people, used) if used else (np.empty(0), np.empty((0, 0)), ())
    outside = int(np.sum(people.event)) - sum(int(np.sum(span.events(people))) for span in spans)
    if outside:
        notes = (*notes, Message("events in no window, not used: {n}", n=outside))
    rows, position = [], 0
    for span, reason in zip(spans, reasons, strict=True):
        there = people.where(span.reached(people.time))
        if reason is None:
            method = Message("Cox regression by window, Efron ties")
            log_ratio, variance = float(coefficients[position]), float(covariance[position, position])
            row = hazard_ratio_estimate(log_ratio, variance, there, method=method, notes=notes, level=level)
            position += 1
        else:
            row = Estimate.empty(
                estimand=Message("hazard ratio"), reason=reason, level=level, scale="log", n=len(there.time),
                n_treated=int(np.sum(there.treated)), n_control=int(np.sum(~there.treated)),
            )  # fmt: skip
        rows.append(replace(row, group=span.label))
    freedom = min((row.df for row in rows if row.estimated), default=math.inf)
    return Results([*rows, _check_equal(coefficients, covariance, freedom)])


def _read_windows(windows: Windows) -> list[_Window]:
    """Return the windows from cut points, from pairs, or from pairs by label."""
    if isinstance(windows, str) or not isinstance(windows, Iterable):
        raise InvalidInput(f"windows is {windows!r}; must be cut points, or pairs (from, to)")
    labels = [str(label) for label in windows] if isinstance(windows, Mapping) else []
    given: list[Any] = list(windows.values() if isinstance(windows, Mapping) else windows)
    if not given:
        raise InvalidInput("windows is empty; must have a cut point or a pair (from, to)")
    if not labels and all(isinstance(value, str) or not isinstance(value, Sized) for value in given):
        return _from_cuts([_number(value) for value in given])
    if not all(isinstance(value, Sequence | np.ndarray) and len(value) == 2 for value in given):
        raise InvalidInput(f"windows is {windows!r}; must be cut points, or pairs (from, to)")
    pairs = [(_number(low), _number(high)) for low, high in given]
    for low, high in pairs:
        if not 0 <= low <= high or math.isinf(low):
            raise InvalidInput(f"windows has ({low:g}, {high:g}); must have 0 <= from <= to")
    for before, after in pairwise(pairs):
        if after[0] <= before[1]:
            found = f"({after[0]:g}, {after[1]:g}) after ({before[0]:g}, {before[1]:g})"
            raise InvalidInput(f"windows has {found}; must increase and not overlap, as a window has both its ends")
    names = labels or [
        Message("from {low:g}", low=low) if math.isinf(high) else Message("{low:g} to {high:g}", low=low, high=high)
        for low, high in pairs
    ]
    return [
        _Window(low=low, high=high, closed=True, label=name) for (low, high), name in zip(pairs, names, strict=True)
    ]


def _from_cuts(cuts: list[float]) -> list[_Window]:
    """Return the windows that cut points part the time into."""
    if not all(math.isfinite(cut) and cut > 0 for cut in cuts) or any(b <= a for a, b in pairwise(cuts)):
        raise InvalidInput(f"windows is {cuts}; cut points must be above 0 and increasing")
    first = _Window(low=0.0, high=cuts[0], closed=True, label=Message("to {high:g}", high=cuts[0]))
    between = [
        _Window(low=low, high=high, closed=False, label=Message("over {low:g} to {high:g}", low=low, high=high))
        for low, high in pairwise(cuts)
    ]
    last = _Window(low=cuts[-1], high=math.inf, closed=False, label=Message("over {low:g}", low=cuts[-1]))
    return [first, *between, last]


def _number(value: Any) -> float:
    if not is_number(value) or math.isnan(value):
        raise InvalidInput(f"windows has {value!r}; must be numbers")
    return float(value)


def _reason(people: People, window: _Window) -> Message | None:
    """Return why the window has no ratio, if so."""
    there = people.where(window.reached(people.time))
    for label, members in ((Message("treated"), there.treated), (Message("control"), ~there.treated)):
        if not members.any():
            return Message("nobody in the {arm} arm was still at risk", arm=label)
        if not window.events(there)[members].any():
            return Message("nobody in the {arm} arm had the event in this window", arm=label)
    if there.cluster is not None:
        try:
            check_clusters(there.cluster, there.treated)
        except NotEstimable as error:
            return Message.join([error.args[0]])
    sets = RiskSets.build(np.minimum(there.time, window.high), window.events(there), there.stratum)
    ones = there.treated[sets.order].astype(np.float64)
    events, events_treated = sets.sums(sets.event.astype(np.float64)), sets.sums(sets.event * ones)
    at_risk, treated_at_risk = sets.at_risk(sets.sums(np.ones(len(ones)))), sets.at_risk(sets.sums(ones))
    both = (events > 0) & (treated_at_risk > 0) & (treated_at_risk < at_risk)
    if np.all(events_treated[both] == events[both]) or np.all(events_treated[both] == 0):
        return Message("treatment separates those with the event from those without: the ratio is 0 or infinite")
    return None


def _fit(people: People, windows: Iterable[_Window]) -> tuple[FloatArray, FloatArray, tuple[Message, ...]]:
    """Return the windows' coefficients, their covariance, and notes.

    Each window is a stratum of its own, with the people who reach it: nobody enters late within one.
    """
    parts: list[tuple[IntArray, FloatArray, BoolArray, IntArray]] = []
    for k, window in enumerate(windows):
        rows = np.flatnonzero(window.reached(people.time))
        times = np.minimum(people.time[rows], window.high)
        parts.append((rows, times, window.events(people)[rows], np.full(len(rows), k)))
    rows, times, events, code = (np.concatenate(column) for column in zip(*parts, strict=True))
    own = np.zeros(len(rows), dtype=np.intp) if people.stratum is None else people.stratum.codes[rows]
    names, codes = np.unique(code * (own.max() + 1) + own, return_inverse=True)
    stacked = People(
        time=times,
        event=events,
        treated=people.treated[rows][:, None] & (code[:, None] == np.arange(len(parts))),
        covariates=replace(people.covariates, values=people.covariates.values[rows]),
        stratum=Groups(codes=codes, names=tuple(map(str, names))),
        cluster=None if people.cluster is None else replace(people.cluster, codes=people.cluster.codes[rows]),
    )
    used = stacked.where(ever_at_risk(times, events, stacked.stratum))
    columns, labels, notes = independent_of_strata(used.treated, used.covariates, used.stratum)
    fit = fit_cox(columns, labels, RiskSets.build(used.time, used.event, used.stratum), efron=True)
    covariance, k = fit.covariance, len(parts)
    if used.cluster is not None:
        covariance = robust_covariance(fit, used.cluster)
        for robust, independent in zip(np.diag(covariance)[:k], np.diag(fit.covariance)[:k], strict=True):
            check_variance(float(robust), float(independent))
    return fit.coefficients[:k], covariance[:k, :k], notes


def _check_equal(coefficients: FloatArray, covariance: FloatArray, freedom: float) -> Check:
    """Test whether the windows' ratios are equal; `freedom` is the covariance's, infinity for independent people."""
    df = len(coefficients) - 1
    if df < 1:
        return Check(name=_CHECK, passed=None, detail=Message("fewer than two windows could be estimated"))
    contrast = np.eye(df, df + 1, 1) - np.eye(df, df + 1)
    difference, variance = contrast @ coefficients, contrast @ covariance @ contrast.T
    spread = np.sqrt(np.diag(variance))
    if np.linalg.eigvalsh(variance / np.outer(spread, spread))[0] < _SINGULAR:
        return Check(name=_CHECK, passed=None, detail=Message("too few clusters to compare the windows"))
    statistic = float(difference @ np.linalg.solve(variance, difference))
    p_value, method = float(stats.chi2.sf(statistic, df)), Message("Wald test")
    if math.isfinite(freedom):
        try:
            p_value, method = hotelling(statistic, df, freedom)[2], Message("Wald test, Hotelling df")
        except NotEstimable as error:
            return Check(name=_CHECK, passed=None, detail=error.args[0])
    return Check(
        name=_CHECK,
        passed=p_value >= SIZE,
        statistic=statistic,
        p_value=p_value,
        threshold=SIZE,
        df=float(df),
        method=method,
        detail=Message("{n} windows compared", n=df + 1),
    )
