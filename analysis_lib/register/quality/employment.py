"""Months of employment held against the weeks: employed and on full benefit at once, rates that cannot be."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis_lib.register.declarations import EMPLOYMENT
from analysis_lib.register.layout import ROW
from analysis_lib.register.quality.collect import Collector
from analysis_lib.register.quality.findings import Finding, Rule
from analysis_lib.register.quality.part import Context, Part, to_numpy
from analysis_lib.register.runs import Runs, stays_in

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

FULL_BENEFIT = ("unemployment_insurance", "cash_benefit")
ACTIVATION = (*range(211, 220), *range(231, 240))
"""Left out of full benefit: a job with a wage subsidy is activation."""
EMPLOYED_RATE = 0.9
HIGH_RATE = 1.5

_SECTION = "Employment"
ON_BENEFIT = Rule(
    id="employed_on_benefit", section=_SECTION, severity="note", unit="person-months",
    title=f"Employment rate of {EMPLOYED_RATE:g} or more in months wholly on unemployment insurance or cash benefit, "
    "activation left out",
)  # fmt: skip
HIGH = Rule(
    id="high_rates", section=_SECTION, severity="note", title=f"Employment rates above {HIGH_RATE:g}",
    unit="person-months",
)  # fmt: skip
OUTSIDE = Rule(
    id="months_outside", section=_SECTION, severity="warning", title="Months outside the weeks covered",
    unit="person-months",
)  # fmt: skip


class EmploymentChecks(Collector):
    """Looks at the months of employment."""

    rules = (ON_BENEFIT, HIGH, OUTSIDE)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._months = self._rated = 0
        self._codes = np.zeros(len(context.state_of), dtype=np.bool_)
        if not context.lacks(*FULL_BENEFIT):
            self._codes[context.codes.codes_of(FULL_BENEFIT)] = True
            self._codes[list(ACTIVATION)] = False

    def add(self, part: Part) -> None:
        """Look at a municipality."""
        if EMPLOYMENT.name not in part.tables:
            return
        table = part.tables[EMPLOYMENT.name]
        person, first, months = (to_numpy(table, name).astype(np.int64) for name in (ROW, "month", "months"))
        rate = to_numpy(table, "rate").astype(np.float64)
        rated = ~np.isnan(rate)
        self._months += int(months.sum())
        self._rated += int(months[rated].sum())
        # Rates are stored as float32: 0.9 and 1.5 written in a source are compared as they were written.
        rate = np.round(rate, 6)
        inside = np.minimum(first + months, self._last_month + 1) - np.maximum(first, self._first_month)
        outside = months - np.maximum(inside, 0)
        self._tally(OUTSIDE, part, person, first, outside)
        self._tally(HIGH, part, person, first, np.where(rated & (rate > HIGH_RATE), months, 0))
        stays = stays_in(
            Runs(part.spells.person, part.spells.start, part.spells.stop, part.spells.code), self._codes, part.n, 0,
            self.context.calendar.n_weeks,
        )  # fmt: skip
        low, high = whole_months(stays.start, stays.stop, self.context.calendar.months_around())
        months_both = shared_months(
            (stays.person.astype(np.int64), low, high), (person, first, first + months)
        )  # fmt: skip
        self._tally(ON_BENEFIT, part, person, first, np.where(rated & (rate >= EMPLOYED_RATE), months_both, 0))

    def findings(self) -> list[Finding]:
        """Return what all municipalities together gave."""
        if self.context.rows(EMPLOYMENT.name) is None:
            return [rule.not_made("employment is not in this extract") for rule in self.rules]
        reason = self.context.lacks(*FULL_BENEFIT)
        return [
            ON_BENEFIT.not_made(reason) if reason else self.tallied(ON_BENEFIT, self._rated, "persons"),
            self.tallied(HIGH, self._rated, "persons"),
            self.tallied(OUTSIDE, self._months, "persons"),
        ]

    @property
    def _first_month(self) -> int:
        return int(self.context.calendar.month[0])

    @property
    def _last_month(self) -> int:
        return int(self.context.calendar.month[-1])

    def _tally(self, rule: Rule, part: Part, person: IntArray, month: IntArray, months: IntArray) -> None:
        """Count months, in the year in which their run begins, and persons."""
        found = np.flatnonzero(months)
        self.tallies[rule.id].add(
            part, person[found], month[found] // 12, amount=len(np.unique(person[found])), cases=months[found]
        )


def whole_months(
    start: NDArray[np.integer[Any]], stop: NDArray[np.integer[Any]], month: IntArray
) -> tuple[IntArray, IntArray]:
    """Find the months all of whose weeks lie in a stay; a week belongs to the month of its Thursday.

    Parameters
    ----------
    start, stop
        First column of each stay, and the first after it, shape (n_stays,).
    month
        Month of each week from the one before column 0 to the one after the last, shape (n_weeks + 2,).

    Returns
    -------
    low, high : numpy.ndarray
        First month, and the first after the last; equal where there is none. Shape (n_stays,).

    Examples
    --------
    >>> month = np.array([7, 8, 8, 8, 8, 9, 9, 9, 9, 9, 10])
    >>> whole_months(np.array([0, 1, 0]), np.array([4, 9, 9]), month)
    (array([8, 9, 8]), array([ 9, 10, 10]))
    """
    first, after = np.asarray(start, dtype=np.int64) + 1, np.asarray(stop, dtype=np.int64) + 1
    # A month is entered whole where the week before belongs to another, left whole where the week after does.
    low = month[first] + (month[first - 1] == month[first])
    high = month[after - 1] + (month[after] != month[after - 1])
    return low, np.maximum(low, high)


def shared_months(stays: tuple[IntArray, IntArray, IntArray], runs: tuple[IntArray, IntArray, IntArray]) -> IntArray:
    """Count the months of each run that lie in a stay of the same person.

    Parameters
    ----------
    stays, runs
        Person, first month and the first month after, each of shape (n_stays,) and (n_runs,). The stays of a person do
        not overlap, and are sorted by person and month.

    Returns
    -------
    numpy.ndarray
        Shape (n_runs,).

    Examples
    --------
    >>> stays = np.array([0, 0, 1]), np.array([3, 8, 5]), np.array([6, 9, 7])
    >>> shared_months(stays, (np.array([0, 1]), np.array([4, 0]), np.array([20, 6])))
    array([3, 1])
    """
    if not len(stays[0]):
        return np.zeros(len(runs[0]), dtype=np.int64)
    # All persons' months on one line, so far apart that nobody's run reaches the next person's months.
    width = 1 + int(max(stays[2].max(), runs[2].max(initial=0)))
    begin, end = stays[0] * width + stays[1], stays[0] * width + stays[2]
    before = np.concatenate([[0], np.cumsum(end - begin)])

    def upto(place: IntArray) -> IntArray:
        whole = np.searchsorted(begin, place, side="right")
        over = np.maximum(end[whole - 1] - place, 0)
        total: IntArray = before[whole] - np.where(whole > 0, over, 0)
        return total

    shared: IntArray = upto(runs[0] * width + runs[2]) - upto(runs[0] * width + runs[1])
    return shared
