"""Adjusted means of both arms week by week, and the width of a band that holds all weeks at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, IntArray, as_array, as_numbers
from analysis_lib.trials._least_squares import Contrasts, Regression
from analysis_lib.trials._sample import Sample, regression_columns, usable
from analysis_lib.trials.effects._estimates import NO_VARIATION, no_variation

# Rows of a course's arrays.
CONTROL, TREATED, DIFFERENCE = range(3)
# Eigenvalues of the weeks' correlations, relative to the largest, that are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Course:
    """The weeks' answers: values, errors and df of shape (3, weeks) (control, treated, difference), NaN where none.

    `counts` (2, weeks) are the arms' people used; `scores` (units, weeks) the units' shares in the difference's error;
    `reasons` and `remarks` say in how many weeks something is missing or left out.
    """

    values: FloatArray
    errors: FloatArray
    df: FloatArray
    counts: FloatArray
    scores: FloatArray
    reasons: Counter[Message] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)

    @classmethod
    def estimate(cls, sample: Sample, table: FloatArray) -> Course:
        """Estimate every week of the table (n, weeks) among the people observed in it.

        The sample's outcomes are people's positions: they say who is left when blocks without both arms are gone.
        """
        width = table.shape[1]
        units = len(table) if sample.cluster is None else sample.cluster.count
        values, errors, df = (np.full((3, width), np.nan) for _ in range(3))
        course = cls(values=values, errors=errors, df=df, counts=np.zeros((2, width)), scores=np.zeros((units, width)))
        for seen, weeks in _observed_together(table):
            try:
                course._fill(sample, seen, table, weeks)
            except NotEstimable as error:
                course.reasons[error.args[0]] += len(weeks)
        return course

    def _fill(self, sample: Sample, seen: BoolArray, table: FloatArray, weeks: IntArray) -> None:
        """Estimate the weeks in which the people seen are observed."""
        people = usable(sample.where(seen, ()))
        if people.notes:
            self.remarks["blocks"] += len(weeks)
        contrasts, dropped = _arm_contrasts(people)
        if dropped:
            self.remarks["columns"] += len(weeks)
        rows = people.y.astype(np.intp)
        y = table[np.ix_(rows, weeks)]
        residuals = contrasts.regression.residuals(y)
        units = rows if sample.cluster is None else np.unique(sample.cluster.codes[rows])
        for which in (CONTROL, TREATED, DIFFERENCE):
            scores = contrasts.scores(which, residuals)
            self.errors[which, weeks] = np.linalg.norm(scores, axis=0)
        self.scores[np.ix_(units, weeks)] = scores
        self.values[:, weeks] = contrasts.values(y)
        self.df[:, weeks] = contrasts.freedoms()[:, None]
        self.counts[:, weeks] = np.array([[np.sum(~people.treated)], [np.sum(people.treated)]])
        flat = self.errors[:, weeks] <= NO_VARIATION * np.max(np.abs(y), axis=0)
        self.errors[:, weeks] = np.where(flat, np.nan, self.errors[:, weeks])
        if flat[DIFFERENCE].any():
            self.reasons[no_variation().args[0]] += int(np.sum(flat[DIFFERENCE]))

    @classmethod
    def of_arms(cls, shares: FloatArray, errors: FloatArray, *, counts: FloatArray, df: float) -> Course:
        """Return the course of two independent arms (2, weeks), control first, with (2,) people in every week."""
        width = shares.shape[1]
        values = np.vstack([shares, shares[TREATED] - shares[CONTROL]])
        every = np.vstack([errors, np.hypot(*errors)])
        course = cls(
            values=values,
            errors=np.where(every > 0, every, np.nan),
            df=np.repeat(np.array([*(counts - 1), df])[:, None], width, axis=1),
            counts=np.repeat(counts[:, None], width, axis=1),
            scores=np.empty((0, width)),
        )
        if flat := int(np.sum(every[DIFFERENCE] == 0)):
            course.reasons[no_variation().args[0]] += flat
        return course

    def check(self) -> None:
        """Raise where no week has an interval, with the reason of most."""
        if not np.isfinite(self.errors[DIFFERENCE]).any():
            raise NotEstimable(self.reasons.most_common(1)[0][0])

    def critical_value(self, level: float, draws: int, rng: np.random.Generator) -> float:
        """Return the level's quantile of the weeks' largest absolute deviation, in standard errors."""
        varying = np.isfinite(self.errors[DIFFERENCE])
        standard = self.scores[:, varying] / self.errors[DIFFERENCE, varying]
        size, axes = np.linalg.eigh(standard.T @ standard)
        kept = size > _ROUNDING * size[-1]
        root = (axes[:, kept] * np.sqrt(size[kept])).T
        largest = np.abs(rng.standard_normal((draws, len(root))) @ root).max(axis=1)
        return float(np.quantile(largest, level, method="higher"))

    def half_widths(self, critical: float) -> FloatArray:
        """Return half the bands' widths (3, weeks): the t quantiles with the tail of a normal quantile."""
        tail = stats.norm.sf(critical)
        widths: FloatArray = stats.t.isf(tail, np.where(np.isnan(self.df), 1.0, self.df)) * self.errors
        return widths

    def notes(self) -> Message:
        """Say which weeks have no answer, and what is left out."""
        known = [Message("no interval in {n} weeks ({reason})", n=n, reason=r) for r, n in self.reasons.items()]
        if n := self.remarks["blocks"]:
            known.append(Message("blocks that lack an arm are left out in {n} weeks", n=n))
        if n := self.remarks["columns"]:
            known.append(Message("collinear columns are left out in {n} weeks", n=n))
        return Message.join(known)


def _arm_contrasts(people: Sample) -> tuple[Contrasts, tuple[str, ...]]:
    """Return the contrasts of the arms' means and their difference, and the columns left out."""
    design, column, dropped = regression_columns(people, interact=True)
    wanted = np.zeros((3, design.shape[1]))
    wanted[[CONTROL, TREATED], 0] = 1
    wanted[[TREATED, DIFFERENCE], column] = 1
    return Regression.build(design, cluster=people.cluster).contrasts(wanted), dropped


def _observed_together(table: FloatArray) -> Iterator[tuple[BoolArray, IntArray]]:
    """Yield who is observed (n,), with the weeks in which just they are."""
    seen = ~np.isnan(table)
    weeks: dict[bytes, list[int]] = {}
    for week in range(table.shape[1]):
        weeks.setdefault(np.packbits(seen[:, week]).tobytes(), []).append(week)
    for together in weeks.values():
        yield seen[:, together[0]], np.array(together)


def as_table(values: ArrayLike, name: str) -> FloatArray:
    """Return numbers of shape (rows, weeks), NaN allowed, or raise naming the argument."""
    found = as_array(values, name)
    if found.ndim != 2 or not found.shape[1]:
        raise InvalidInput(f"{name} has the shape {found.shape}; must have two dimensions, with a column for each week")
    if found.dtype.kind not in "biuf":
        raise InvalidInput(f"{name} is of type {found.dtype}; must be numbers, NaN where not observed")
    table: FloatArray = found.astype(np.float64)
    if np.isinf(table).any():
        raise InvalidInput(f"{name} has {int(np.isinf(table).sum())} infinite values; must be finite or NaN")
    return table


def as_weeks(weeks: ArrayLike | None, width: int) -> FloatArray:
    """Return the weeks' names (weeks,), by default 1, 2, ..., or raise."""
    if weeks is None:
        return np.arange(1.0, width + 1)
    x = as_numbers(weeks, "weeks")
    if len(x) != width or np.any(np.diff(x) <= 0):
        raise InvalidInput(f"weeks is not {width} increasing numbers; must be one for each column")
    return x
