"""How much the mean outcome of each area changed between two periods."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import (
    BoolArray,
    Groups,
    IntArray,
    as_binary,
    as_covariates,
    as_groups,
    as_numbers,
)
from analysis_lib.trials._least_squares import independent_columns
from analysis_lib.trials.effects._estimates import collinear_note

# Relative to a column's size: variation within areas and times below this is rounding.
_CONSTANT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """People, or means of people, in areas and periods.

    Attributes
    ----------
    y, people
        (n,) outcome, and the number of people that it is the mean of.
    area
        (n,) areas, each with people in every period.
    exposed
        (areas,) the areas where the trial ran.
    after
        (n,) whether the row is of the time of the trial.
    period
        (n,) positions in `periods` (in order of time).
    x
        (n, k) covariates.
    """

    y: FloatArray
    people: FloatArray
    area: Groups
    exposed: BoolArray
    after: BoolArray
    period: IntArray
    periods: FloatArray
    x: FloatArray
    notes: tuple[Message, ...] = ()

    @property
    def before(self) -> IntArray:
        """Return the positions of the periods before the trial, in order."""
        return np.unique(self.period[~self.after])

    def within(self, first: BoolArray, second: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Return each area's change in mean from the `first` rows to the `second`, and its people (areas, 2)."""
        used = first | second
        cell = 2 * self.area.codes[used] + second[used]
        # less the mean, which cancels: a large one would leave rounding in the changes
        people, y = self.people[used], self.y[used] - self.y.mean()
        size = np.bincount(cell, weights=people, minlength=2 * self.area.count).astype(np.float64)
        columns = np.hstack([self.x[used], _indicators(self.period[used], cell)])
        y = y - columns @ _slopes(columns, y, cell, people)
        mean = (np.bincount(cell, weights=people * y, minlength=len(size)) / size).reshape(-1, 2)
        return mean[:, 1] - mean[:, 0], size.reshape(-1, 2)

    def where(self, keep: BoolArray) -> Rows:
        """Return the rows kept, which are of every area."""
        return replace(
            self, y=self.y[keep], people=self.people[keep], area=self.area.where(keep), after=self.after[keep],
            period=self.period[keep], x=self.x[keep],
        )  # fmt: skip

    def people_by_exposure(self) -> tuple[int, int]:
        """Return the people of exposed areas, and of the others."""
        mine = self.exposed[self.area.codes]
        return round(float(self.people[mine].sum())), round(float(self.people[~mine].sum()))


def read_rows(
    y: ArrayLike, area: Any, exposed: ArrayLike, after: ArrayLike,
    *, period: ArrayLike | None, people: ArrayLike | None, covariates: Any,
) -> Rows:  # fmt: skip
    """Check the arguments, and return the rows of areas with people in every period."""
    outcome = as_numbers(y, "y")
    n = len(outcome)
    ran, late = as_binary(exposed, "exposed", n), as_binary(after, "after", n)
    weight = np.ones(n) if people is None else as_numbers(people, "people", n)
    if np.any(weight <= 0):
        raise InvalidInput(f"people has the value {weight.min():g}; must be above 0")
    when = late.astype(np.float64) if period is None else as_numbers(period, "period", n)
    periods, position = np.unique(when, return_inverse=True)
    _check_order(late, when)
    groups = as_groups(area, "area", n)
    given = as_covariates(np.empty((n, 0)) if covariates is None else covariates, n)
    rows = Rows(
        y=outcome, people=weight, area=groups, exposed=_by_area(ran, groups), after=late,
        period=position.astype(np.intp), periods=periods, x=given.values,
    )  # fmt: skip
    return _check_covariates(_complete(rows), given.names)


def _check_order(late: BoolArray, when: FloatArray) -> None:
    """Raise where a period before the trial does not come before those of it."""
    for part, label in ((~late, Message("before")), (late, Message("after"))):
        if not part.any():
            raise NotEstimable(Message("nobody {when} the trial began", when=label))
    if when[~late].max() >= when[late].min():
        raise InvalidInput(
            f"after is not of whole periods: period {when[~late].max():g} has people before, and period "
            f"{when[late].min():g} has people after; all periods before must come first"
        )


def _by_area(ran: BoolArray, area: Groups) -> BoolArray:
    """Return exposure by area, or raise where one is in both."""
    share = np.bincount(area.codes, weights=ran) / np.bincount(area.codes)
    mixed = np.flatnonzero((share > 0) & (share < 1))
    if mixed.size:
        raise InvalidInput(f"exposed differs within area {area.names[mixed[0]]}; must be the same for the whole area")
    exposed: BoolArray = share == 1
    return exposed


def _complete(rows: Rows) -> Rows:
    """Return the areas with people in every period, or raise where there is nothing to compare."""
    width = len(rows.periods)
    cells = np.bincount(rows.area.codes * width + rows.period, minlength=rows.area.count * width)
    whole: BoolArray = np.min(cells.reshape(-1, width), axis=1) > 0
    if not whole.all():
        names = ", ".join(name for name, kept in zip(rows.area.names, whole, strict=True) if not kept)
        note = Message("areas left out because they lack a period: {n} ({names})", n=int(np.sum(~whole)), names=names)
        keep = whole[rows.area.codes]
        rows = replace(rows.where(keep), exposed=rows.exposed[whole], notes=(note,))
    ran = int(rows.exposed.sum())
    for count, label in ((ran, Message("exposed")), (len(rows.exposed) - ran, Message("not exposed"))):
        if not count:
            raise NotEstimable(Message("no area is {which} and has people in every period", which=label))
    return rows


def _indicators(period: IntArray, cell: IntArray) -> FloatArray:
    """Return indicators of the periods but the last on each side, (n, periods - 2)."""
    inner = [p for side in (0, 1) for p in np.unique(period[cell % 2 == side])[:-1]]
    found: FloatArray = (period[:, None] == np.array(inner, dtype=np.intp)).astype(np.float64)
    return found


def _inside(columns: FloatArray, cell: IntArray, people: FloatArray) -> FloatArray:
    """Return (n, k) columns less their means by cell, times the root of the people; 0 where they do not vary."""
    size = np.bincount(cell, weights=people)
    found = np.zeros(columns.shape)
    for j, column in enumerate(columns.T):
        rest = column - (np.bincount(cell, weights=people * column) / size)[cell]
        if np.max(np.abs(rest)) > _CONSTANT * np.max(np.abs(column)):
            found[:, j] = rest * np.sqrt(people)
    return found


def _slopes(columns: FloatArray, y: FloatArray, cell: IntArray, people: FloatArray) -> FloatArray:
    """Return the columns' slopes within cells, 0 for those that are combinations of others."""
    found: FloatArray = np.zeros(columns.shape[1])
    if columns.shape[1]:
        table = _inside(columns, cell, people)
        kept = independent_columns(table)
        if len(kept):
            found[kept] = np.linalg.lstsq(table[:, kept], _inside(y[:, None], cell, people)[:, 0], rcond=None)[0]
    return found


def _check_covariates(rows: Rows, names: tuple[str, ...]) -> Rows:
    """Return the rows without collinear covariates, or raise where one cannot be adjusted for."""
    if not names:
        return rows
    cell = 2 * rows.area.codes + rows.after
    table = _inside(rows.x, cell, rows.people)
    constant = [name for name, column in zip(names, table.T, strict=True) if not column.any()]
    if constant:
        raise NotEstimable(
            Message(
                "covariates that do not vary within an area and time cannot be adjusted for: {names}",
                names=", ".join(constant),
            )
        )
    kept = independent_columns(table)
    if len(rows.y) - 2 * rows.area.count <= len(kept):
        raise NotEstimable(
            Message("{n} people cannot carry a regression with {k} coefficients", n=len(rows.y), k=table.shape[1])
        )
    lost = [name for j, name in enumerate(names) if j not in kept]
    notes = (*rows.notes, collinear_note(lost)) if lost else rows.notes
    return replace(rows, x=rows.x[:, kept], notes=notes)
