"""Breaks at dates when nothing happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Check, FloatArray, Message
from analysis_lib.trials._arrays import IntArray, as_numbers
from analysis_lib.trials.effects._estimates import NO_VARIATION, no_variation
from analysis_lib.trials.effects._joint import THRESHOLD
from analysis_lib.trials.series._segments import (
    LEAST_WEEKS,
    LEVEL_CHANGE,
    Series,
    break_columns,
    newey_west,
    whole_number,
)

__all__ = ["PlaceboBreaks", "placebo_breaks"]

# Relative to the largest change: nearer ones are equal.
_TIE = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlaceboBreaks:
    """Level changes at dates when nothing happened.

    Attributes
    ----------
    check
        Passed where the level change at the interruption stands out: at most 5 % of all dates, its own included,
        have one as large.
    dates, changes
        The earlier dates (positions in the series) and the level change at each, of shape (dates,).
    found
        The level change at the interruption, from as many weeks on either side.
    """

    check: Check
    dates: IntArray
    changes: FloatArray
    found: float


def placebo_breaks(
    y: ArrayLike,
    interruption: int,
    *,
    window: int,
    dates: ArrayLike | None = None,
    harmonics: int = 0,
    people: ArrayLike | None = None,
) -> PlaceboBreaks:
    r"""Compare the level change at the interruption with those at earlier dates, when nothing happened.

    Parameters
    ----------
    y, interruption, harmonics, people
        As in `interrupted_time_series`.
    window
        Weeks on either side that a level change is read from, three or more: the same at the interruption and at
        every earlier date, so that they compare.
    dates
        Positions of the earlier dates to use; by default all whose window ends before the interruption.

    Returns
    -------
    PlaceboBreaks
        The check's `passed` is None where there are so few dates (under 19) that nothing could stand out at 5 %.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it. Also for a date whose window leaves the series or
        reaches the interruption.
    NotEstimable
        As in `interrupted_time_series`; or the window leaves no earlier date, or no change varies.

    Notes
    -----
    At each date a line with a break in level and slope is fitted to `window` weeks on either side, after the
    seasons of the whole series' model are taken off. With k of m earlier dates that have a level change at least as
    large as the one found, :math:`p = (1 + k) / (1 + m)`. Nearby dates share most of their weeks, so that m is not
    a number of independent dates, and a test at 5 % rejects somewhat more often: with windows of 20 weeks and 182 weeks
    before, 6 % of the time where weeks are independent, 7 % with autocorrelation 0.8. The series before must be
    like the one after but for the break. It says nothing of what else happened in the same week.

    References
    ----------
    Abadie, Diamond and Hainmueller (2010), doi 10.1198/jasa.2009.ap08746 (placebos in time). Phipson and Smyth (2010),
    doi 10.2202/1544-6115.1585.

    Examples
    --------
    >>> week = np.arange(140)
    >>> share = 0.1 + 0.001 * week + 0.05 * (week >= 100) + 0.01 * np.cos(2.1 * week)
    >>> found = placebo_breaks(share, 100, window=20)
    >>> f"{found.found:.3f}, one of {1 + len(found.dates)}: p {found.check.p_value:.3f}"
    '0.048, one of 62: p 0.016'
    """
    series = Series.read(y, interruption, harmonics=harmonics, people=people)
    weeks = whole_number(window, "window", LEAST_WEEKS, len(series.y))
    chosen = _dates(series, weeks, dates)
    every = _level_changes(series, np.append(chosen, series.interruption), weeks)
    changes, found = every[:-1], float(every[-1])
    if np.max(np.abs(every)) <= NO_VARIATION * np.max(np.abs(series.y)):
        raise no_variation()
    bound = abs(found) - _TIE * float(np.max(np.abs(every)))
    beyond, m = int(np.count_nonzero(np.abs(changes) >= bound)), len(chosen)
    p_value = (1 + beyond) / (1 + m)
    details = [
        Message("earlier dates with a level change as large: {k} of {n}", k=beyond, n=m),
        Message("{n} weeks on either side", n=weeks),
    ]
    if 1 / (1 + m) > THRESHOLD:
        details.append(
            Message("no p-value below {p:.3f} is possible, so that nothing could be rejected", p=1 / (1 + m))
        )
    check = Check(
        name=Message("the break stands out from earlier dates"),
        passed=None if 1 / (1 + m) > THRESHOLD else p_value <= THRESHOLD,
        statistic=found,
        p_value=p_value,
        threshold=THRESHOLD,
        method=Message("level changes at earlier dates"),
        detail=Message.join(details),
    )
    return PlaceboBreaks(check=check, dates=chosen, changes=changes, found=found)


def _dates(series: Series, window: int, dates: ArrayLike | None) -> IntArray:
    """Return the earlier dates, or raise where a window does not fit."""
    first, last = window, series.interruption - window
    after = len(series.y) - series.interruption
    if after < window:
        raise InvalidInput(f"window is {window}; must be at most {after}, the weeks after the interruption")
    if first > last:
        raise NotEstimable(
            Message(
                "{n} weeks before the break leave no earlier date {w} weeks from both ends", n=last + window, w=window
            )
        )
    if dates is None:
        return np.arange(first, last + 1)
    given = as_numbers(dates, "dates")
    wrong = given[(given < first) | (given > last) | (given != np.floor(given))]
    if wrong.size or not given.size or len(np.unique(given)) < len(given):
        found = f"has {wrong[0]:g}" if wrong.size else "is empty or has a date twice"
        raise InvalidInput(f"dates {found}; must be different positions from {first} to {last}")
    return given.astype(np.intp)


def _level_changes(series: Series, dates: IntArray, window: int) -> FloatArray:
    """Return the level change at each date, from the weeks around it, shape (dates,)."""
    y = series.y
    if series.harmonics:
        design = series.design()
        y = y - design[:, 4:] @ newey_west(design, series, 0).coefficients[4:]
    since = np.arange(-window, window)
    rows = dates[:, None] + since
    # in windows, for numbers near 1
    columns = break_columns(since / window)
    weighted = series.people[rows][:, :, None] * columns
    crossed = np.einsum("dti,tj->dij", weighted, columns)
    found: FloatArray = np.linalg.solve(crossed, np.einsum("dti,dt->di", weighted, y[rows])[:, :, None])[
        :, LEVEL_CHANGE, 0
    ]
    return found
