"""A fixed cohort's weeks by the calendar: what an interrupted series is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis_lib.errors import DataError
from analysis_lib.register.codes import CodeList
from analysis_lib.register.extract import Extract
from analysis_lib.register.spells import Spells
from analysis_lib.register.weeks import week_index, week_label
from analysis_lib.trials.definition import Series
from analysis_lib.trials.outcomes import weekly_codes

Chosen = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarWeeks:
    """Who is in the series' states week by week.

    Attributes
    ----------
    first_week
        Week index of the first column.
    inside, observed
        (n, weeks) in the states; observed at all (a person abroad or dead is not).
    """

    first_week: int
    inside: Chosen
    observed: Chosen

    @property
    def share(self) -> NDArray[np.float64]:
        """The share of those observed who are in the states, shape (weeks,); NaN where nobody is observed."""
        seen = self.observed.sum(axis=0)
        share = np.full(len(seen), np.nan)
        np.divide((self.inside & self.observed).sum(axis=0), seen, out=share, where=seen > 0)
        return share

    def column(self, week: str) -> int:
        """Return the column of a week such as `2006-W27`."""
        return week_index(week) - self.first_week

    def take(self, chosen: Chosen) -> CalendarWeeks:
        """Return the weeks of the cases chosen, (n,)."""
        return CalendarWeeks(
            first_week=self.first_week, inside=self.inside[chosen], observed=self.observed[chosen]
        )  # fmt: skip


def calendar_weeks(
    series: Series, spells: Spells, extract: Extract, codes: CodeList, *, unknown: Sequence[int] = ()
) -> CalendarWeeks:
    """Return the weeks of a series for the people of `spells`.

    Raises
    ------
    DataError
        Where the extract lacks weeks of the series.
    """
    first, last = week_index(series.first_week), week_index(series.last_week)
    if first < extract.first_week or last > extract.last_week:
        have = f"{week_label(extract.first_week)} to {week_label(extract.last_week)}"
        raise DataError(
            f"{extract.path}: holds weeks {have}; must hold the series' {series.first_week} to {series.last_week}"
        )
    start = np.full(spells.n_persons, first - extract.first_week, dtype=np.int64)
    found = weekly_codes(spells, start, last - first + 1)
    gone = [*codes.codes_of(series.censoring), *unknown]
    return CalendarWeeks(
        first_week=first, inside=np.isin(found, codes.codes_of(series.states)), observed=~np.isin(found, gone)
    )
