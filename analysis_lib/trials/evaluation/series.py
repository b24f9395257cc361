"""A fixed cohort's weekly share with a break at the interruption, as the plan's series asks for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from analysis_lib.errors import DefinitionError, NotEstimable
from analysis_lib.results import Check, Curve, Estimate, FloatArray, Message, Results
from analysis_lib.trials.calendar_weeks import CalendarWeeks
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import Series
from analysis_lib.trials.series import (
    InterruptedSeries,
    SeriesMethod,
    interrupted_cohort,
    interrupted_time_series,
    placebo_breaks,
)

SERIES = "series"
"""The outcome under which the rows of a series go."""
LEVEL, SLOPE, MEAN_CHANGE = CHANGES = (
    Message("level change at the break"),
    Message("slope change over 52 weeks"),
    Message("mean change after the break"),
)
"""The changes, in the order of `interrupted_time_series`."""
YEAR = 52
LEAST_DF = 2
"""Below, t has no variance, and an interval would run over thousands of percentage points."""
PERCENTAGE_POINTS = Message("percentage points")
STANDS_OUT = Message("the break stands out from earlier dates")


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesEffects:
    """A series and its break.

    Attributes
    ----------
    effects
        Changes at the interruption in percentage points: with people as clusters, then by the plan's model of the
        errors of weeks and by the other one; and the check against earlier dates. Empty rows with the reason where
        nothing can be said.
    placebo
        The level change at each week of the plan at which nothing happened, from the weeks before the interruption
        alone; the estimand names the week.
    observed
        The share of those observed, week by week from 0; `at_risk` says how many were observed.
    fitted, without_break
        The model's share in every week, and what the weeks before continue to; none where nothing was estimated.
    interruption
        The first week after the break, counted from 0.
    """

    effects: Results
    placebo: Results
    observed: Curve
    fitted: Curve | None
    without_break: Curve | None
    interruption: int


def estimate_series(cases: Cases) -> SeriesEffects:
    """Estimate the break in the plan's series among the cases.

    Raises
    ------
    DefinitionError
        Where the trial has no series.
    """
    plan, weeks = cases.trial.series, cases.series
    if plan is None or weeks is None:
        raise DefinitionError(f"trial {cases.trial.id} has no series; must have the key series")
    level = cases.trial.inference.level
    people = weeks.observed.sum(axis=0).astype(np.float64)
    observed = Curve(
        x=np.arange(len(people), dtype=np.float64), y=weeks.share, low=np.full(len(people), np.nan),
        high=np.full(len(people), np.nan), label=Message("observed"), unit_x=Message("week"), at_risk=people,
        level=level,
    )  # fmt: skip
    broken = weeks.column(plan.interruption.week)
    methods = sorted(get_args(SeriesMethod), key=lambda method: method != plan.errors)
    fits = [_fit_people(cases, plan, weeks), *(_fit(cases, plan, weeks, people, method) for method in methods)]
    rows = [row for found in fits for row in _changes(found, len(cases), level)]
    first = fits[0]
    if isinstance(first, Message):
        check = Check(name=STANDS_OUT, passed=None, outcome=SERIES, detail=first)
        return SeriesEffects(
            effects=Results([*rows[: len(CHANGES)], check]), placebo=Results(), observed=observed, fitted=None,
            without_break=None, interruption=broken,
        )  # fmt: skip
    return SeriesEffects(
        effects=Results([*rows, _stands_out(plan, weeks, people)]),
        placebo=_placebo(plan, weeks, level),
        observed=observed, fitted=first.fitted, without_break=first.without_break, interruption=broken,
    )  # fmt: skip


def _fit_people(cases: Cases, plan: Series, weeks: CalendarWeeks) -> InterruptedSeries | Message:
    """Return the series fitted with people as clusters, or the reason why not."""
    least = cases.trial.inference.min_per_arm
    if weeks.observed.sum(axis=0).min() < least:
        return Message("fewer than {n} people are observed in a week", n=least)
    try:
        return interrupted_cohort(
            weeks.inside, weeks.observed, weeks.column(plan.interruption.week), harmonics=plan.harmonics,
            level=cases.trial.inference.level,
        )  # fmt: skip
    except NotEstimable as error:
        return Message.join([error.args[0]])


def _fit(
    cases: Cases, plan: Series, weeks: CalendarWeeks, people: FloatArray, method: SeriesMethod
) -> InterruptedSeries | Message:
    """Return the fitted series, or the reason why there is none."""
    least = cases.trial.inference.min_per_arm
    if people.min() < least:
        return Message("fewer than {n} people are observed in a week", n=least)
    try:
        return interrupted_time_series(
            weeks.share, weeks.column(plan.interruption.week), lag=_lag(plan, method), harmonics=plan.harmonics,
            people=people, method=method, level=cases.trial.inference.level,
        )  # fmt: skip
    except NotEstimable as error:
        return Message.join([error.args[0]])


def _lag(plan: Series, method: SeriesMethod) -> int | None:
    return plan.lag_weeks if method == "newey_west" else None


def _changes(found: InterruptedSeries | Message, n: int, level: float) -> list[Estimate]:
    """Return the changes in percentage points, that of the slope over a year; or empty rows with the reason."""
    if isinstance(found, Message):
        return [_empty(estimand, found, level) for estimand in CHANGES]
    rows = []
    for row, estimand in zip(found.effects.estimates, CHANGES, strict=True):
        if row.df < LEAST_DF:
            reason = Message("the errors of the weeks resemble each other so much that no useful interval follows")
            rows.append(replace(_empty(estimand, reason, level), method=row.method))
        else:
            rows.append(replace(_in_points(row, n, times=YEAR if estimand == SLOPE else 1), estimand=estimand))
    return rows


def _stands_out(plan: Series, weeks: CalendarWeeks, people: FloatArray) -> Check:
    try:
        found = placebo_breaks(
            weeks.share, weeks.column(plan.interruption.week), window=plan.placebo_window_weeks,
            harmonics=plan.harmonics, people=people,
        )  # fmt: skip
    except NotEstimable as error:
        return Check(name=STANDS_OUT, passed=None, outcome=SERIES, detail=Message.join([error.args[0]]))
    return replace(found.check, statistic=100 * found.check.statistic, outcome=SERIES)


def _placebo(plan: Series, weeks: CalendarWeeks, level: float) -> Results:
    """Return the level change at each placebo week, as if the series ended before the interruption."""
    before = slice(weeks.column(plan.interruption.week))
    rows = []
    for week in plan.placebo_weeks:
        try:
            found = interrupted_cohort(
                weeks.inside[:, before], weeks.observed[:, before], weeks.column(week), harmonics=plan.harmonics,
                level=level,
            )  # fmt: skip
            row = _in_points(found.effects.estimates[0], len(weeks.inside))
        except NotEstimable as error:
            row = _empty(LEVEL, Message.join([error.args[0]]), level)
        rows.append(replace(row, estimand=Message("level change in week {week}", week=week)))
    return Results(rows)


def _in_points(row: Estimate, n: int, *, times: int = 1) -> Estimate:
    """Return a change of a share in percentage points, over `times` weeks, for a cohort of n people."""
    unit = 100 * times
    interval = replace(row.interval, low=unit * row.interval.low, high=unit * row.interval.high)
    return replace(
        row, value=unit * row.value, std_error=unit * row.std_error, interval=interval, outcome=SERIES,
        unit=PERCENTAGE_POINTS, n=n,
    )  # fmt: skip


def _empty(estimand: Message, reason: Message, level: float) -> Estimate:
    return Estimate.empty(estimand=estimand, reason=reason, level=level, outcome=SERIES, unit=PERCENTAGE_POINTS)
