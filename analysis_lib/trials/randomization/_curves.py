"""Differences between Kaplan-Meier curves over assignments: restricted means, and survival at a time.

People are weighted by the inverse of the probability of the arm they got, so that arms compare like with like where
the strata have different shares treated; with equal shares the weights cancel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray
from analysis_lib.trials._kaplan_meier import kaplan_meier
from analysis_lib.trials.randomization._problem import Problem
from analysis_lib.trials.randomization._values import Values

# Relative to the people: fewer than this at risk is the rounding of a difference.
_NOBODY = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """The people of one outcome by event time up to the limit: cells are W + 1 to be at risk in, and W of events.

    `treated` and `control` are (cells, columns) of weights; `total` (cells,) is of control, were all of it. A curve
    counts with `area` (W,) at each time.
    """

    treated: csr_array
    control: csr_array
    total: FloatArray
    area: FloatArray

    def difference(self, drawn: FloatArray) -> FloatArray:
        """Return the difference between the arms' curves, weighted by `area`, over (R, columns) assignments."""
        across = np.ascontiguousarray(drawn.T)
        one = (self.treated @ across).T
        zero = self.total - (one if self.control is self.treated else (self.control @ across).T)
        found: FloatArray = (self._survival(one) - self._survival(zero)) @ self.area
        return found

    def _survival(self, counts: FloatArray) -> FloatArray:
        """Return the curves at the W times; one whose people have all left stays where it was."""
        times = len(self.area)
        at_risk = np.cumsum(counts[:, times::-1], axis=1)[:, times - 1 :: -1]
        died = counts[:, times + 1 :]
        some = at_risk > _NOBODY * self.total.sum()
        hazard = np.divide(died, at_risk, out=np.zeros_like(died), where=some)
        found: FloatArray = np.cumprod(1 - np.minimum(hazard, 1), axis=1)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveDifferences:
    """Differences between curves, one set of counts an outcome."""

    label: Message
    size: FloatArray
    counts: tuple[Counts, ...]
    notes: tuple[Message, ...]

    def of(self, drawn: FloatArray) -> Values:
        """Return the values of (R, columns) assignments."""
        return Values(value=np.column_stack([counts.difference(drawn) for counts in self.counts]))

    def report(self, observed: Values) -> tuple[FloatArray, FloatArray]:
        """Return the estimates; they have no standard errors."""
        return observed.value[0], np.full(len(self.counts), math.nan)


def restricted_mean_difference(problem: Problem, event: BoolArray, horizon: float) -> CurveDifferences:
    """Return the differences in the area under the curves up to the horizon."""
    return CurveDifferences(
        label=Message("difference in restricted means"),
        size=np.full(problem.y.shape[1], horizon),
        counts=_counts(problem, event, horizon, area=True),
        notes=_notes(problem),
    )


def survival_difference(problem: Problem, event: BoolArray, at: float) -> CurveDifferences:
    """Return the differences in the curves at a time."""
    return CurveDifferences(
        label=Message("difference in survival"),
        size=np.ones(problem.y.shape[1]),
        counts=_counts(problem, event, at, area=False),
        notes=_notes(problem),
    )


def check_followed(time: FloatArray, event: BoolArray, treated: BoolArray, limit: float) -> None:
    """Raise where an arm was not followed to the limit, or nobody had the event by then."""
    if not np.any(event & (time <= limit)):
        raise NotEstimable(Message("nobody had the event up to {limit:g}", limit=limit))
    for label, members in ((Message("treated"), treated), (Message("control"), ~treated)):
        curve = kaplan_meier(time[members], event[members])
        last, left = float(curve.time[-1]), float(curve.survival[-1])
        if limit > last and left > 0:
            raise NotEstimable(
                Message(
                    "{arm} arm: {limit:g} is beyond the last time, {last:g}, when {share:.0f} % had not had the event",
                    arm=label, limit=limit, last=last, share=100 * left,
                )
            )  # fmt: skip


def _notes(problem: Problem) -> tuple[Message, ...]:
    notes = [Message("no interval: durations that are censored cannot be shifted by a constant effect")]
    if not _even(problem):
        notes.append(Message("people weighted by the inverse of their block's share in the arm"))
    return tuple(notes)


def _even(problem: Problem) -> bool:
    share = problem.units.count / problem.units.size
    return bool(np.all(share == share[0]))


def _counts(problem: Problem, event: BoolArray, limit: float, *, area: bool) -> tuple[Counts, ...]:
    share = (problem.units.count / problem.units.size)[problem.stratum]
    weights = (np.ones(len(share)),) if _even(problem) else (1 / share, 1 / (1 - share))
    return tuple(
        _count(problem, time, ends, limit, weights, area=area) for time, ends in zip(problem.y.T, event.T, strict=True)
    )


def _count(
    problem: Problem, time: FloatArray, event: BoolArray, limit: float, weights: tuple[FloatArray, ...], *, area: bool
) -> Counts:
    early = event & (time <= limit)
    knots = np.unique(time[early])
    column = problem.layout.column[problem.units.of_case]
    reached = np.searchsorted(knots, time, side="right")
    cell = np.concatenate([reached, len(knots) + reached[early]])
    shape = (2 * len(knots) + 1, problem.layout.width)
    tables = [
        coo_array((np.concatenate([w, w[early]]), (cell, np.concatenate([column, column[early]]))), shape=shape).tocsr()
        for w in weights
    ]
    total = np.asarray(tables[-1].sum(axis=1), dtype=np.float64)
    widths = np.diff(np.append(knots, limit)) if area else np.append(np.zeros(len(knots) - 1), 1.0)
    return Counts(treated=tables[0], control=tables[-1], total=total, area=widths)
