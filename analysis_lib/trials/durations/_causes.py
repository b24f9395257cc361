"""How durations ended: the cause of interest, another cause or censoring; and Aalen and Johansen's curve from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, IntArray, as_numbers, as_times

__all__ = [
    "CENSORED_LABEL",
    "AalenJohansen",
    "Endings",
    "aalen_johansen",
    "as_weeks",
    "counts_by_time",
    "read_endings",
]

CENSORED_LABEL = "censored"
_CENSORED, _INTEREST, _OTHER = range(3)
# A variance below this share of its terms is their rounding.
_ROUNDING = 1e-14
# Weeks that are counted one by one: those of a register, and up to four times as many as people.
_FEW_WEEKS, _MOST_WEEKS = 1024, 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """Times of shape (n,), and how each ended: `kind` is 0 (censored), 1 (cause of interest) or 2 (another cause).

    `week` are the times as integers, where they are whole and few enough to count by.
    """

    time: FloatArray
    kind: IntArray
    week: IntArray | None

    @property
    def interest(self) -> BoolArray:
        """Whether the cause of interest came, shape (n,)."""
        came: BoolArray = self.kind == _INTEREST
        return came

    @property
    def other(self) -> BoolArray:
        """Whether another cause came, shape (n,)."""
        came: BoolArray = self.kind == _OTHER
        return came

    def where(self, keep: BoolArray) -> Endings:
        """Return the rows kept."""
        return Endings(time=self.time[keep], kind=self.kind[keep], week=None if self.week is None else self.week[keep])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AalenJohansen:
    """The incidence of the cause at the distinct times, with its standard error; `survival` is without any event."""

    time: FloatArray
    at_risk: FloatArray
    survival: FloatArray
    incidence: FloatArray
    std_error: FloatArray

    def band(self, level: float) -> tuple[FloatArray, FloatArray]:
        """Return the pointwise limits on the scale of log(-log(incidence)), NaN where it is 0 or 1."""
        quantile = float(special.ndtri((1 + level) / 2))
        inside = (self.incidence > 0) & (self.incidence < 1)
        log = np.log(self.incidence, where=inside, out=np.full(len(inside), np.nan))
        half = quantile * self.std_error / (self.incidence * -log)
        return np.exp(log * np.exp(half)), np.exp(log * np.exp(-half))


def read_endings(time: ArrayLike, cause: Any, cause_of_interest: Any, censored: Any) -> Endings:
    """Check times and causes, and that somebody had the cause of interest."""
    found = _as_endings(time, cause, cause_of_interest, censored)
    if not found.interest.any():
        n = len(found.time)
        raise NotEstimable(
            Message("none of {n} people ended in the cause {cause}", n=n, cause=Message(str(cause_of_interest)))
        )
    return found


def _as_endings(time: ArrayLike, cause: Any, cause_of_interest: Any, censored: Any) -> Endings:
    """Return times and how they ended, or raise naming the argument."""
    times = as_numbers(time, "time")
    # whole weeks are never nearer to each other than the tolerance
    week = as_weeks(times)
    times = times if week is not None else as_times(times, "time")
    labels = _as_labels(cause, len(times))
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf":
        _refuse_missing(np.isnan(labels))
        mark = _check_marks(cause_of_interest, censored, numeric=True)
        # in bytes, several times cheaper than in words
        ended, came = (labels != mark).view(np.int8), (labels == cause_of_interest).view(np.int8)
        return Endings(time=times, kind=(np.int8(_OTHER) * ended - came).astype(np.intp), week=week)
    codes, names = pd.factorize(labels)
    _refuse_missing(codes < 0)
    if not len(names):
        return Endings(time=times, kind=np.empty(0, dtype=np.intp), week=week)
    numeric = all(_is_number(name) for name in names)
    if not numeric and not all(isinstance(name, str) for name in names):
        raise InvalidInput("cause has labels of different kinds; must have text only, or numbers only")
    mark = _check_marks(cause_of_interest, censored, numeric=numeric)
    if not numeric:
        _refuse_near(mark, names)
    kinds = [_CENSORED if v == mark else _INTEREST if v == cause_of_interest else _OTHER for v in names]
    return Endings(time=times, kind=np.array(kinds, dtype=np.intp)[codes], week=week)


def _as_labels(cause: Any, size: int) -> Any:
    """Return the causes as an array or a pandas object of shape (n,)."""
    known = isinstance(cause, pd.Series | pd.Index | pd.Categorical | np.ndarray)
    labels: Any = cause if known else pd.Series(list(cause))
    if isinstance(labels, pd.Series | pd.Index) and isinstance(labels.dtype, np.dtype):
        labels = labels.to_numpy()
    if labels.ndim != 1:
        raise InvalidInput(f"cause has {labels.ndim} dimensions; must have one, with a label for each person")
    if len(labels) != size:
        raise InvalidInput(f"cause has {len(labels)} rows; must have {size}, as the first argument")
    if isinstance(labels, np.ndarray) and labels.dtype.kind in "US":
        labels = labels.astype(object)
    return labels


def _refuse_missing(missing: BoolArray) -> None:
    if missing.any():
        raise InvalidInput(f"cause is missing for {int(missing.sum())} people; must be given for everyone")


def _check_marks(cause_of_interest: Any, censored: Any, *, numeric: bool) -> Any:
    """Return the label of censoring, or raise where it or the cause of interest cannot be a label."""
    mark = 0 if numeric and isinstance(censored, str) and censored == CENSORED_LABEL else censored
    for name, given in (("cause_of_interest", cause_of_interest), ("censored", mark)):
        if not (_is_number(given) if numeric else isinstance(given, str)):
            raise InvalidInput(f"{name} is {given!r}; must be {'a number' if numeric else 'text'}, as cause is")
        if numeric and np.isnan(given):
            raise InvalidInput(f"{name} is {given!r}; must be a number that a label can be")
    if cause_of_interest == mark:
        raise InvalidInput(f"cause_of_interest is {cause_of_interest!r}, which is the label of censoring")
    return mark


def _refuse_near(mark: str, names: Iterable[str]) -> None:
    """Raise where a cause differs from the label of censoring in capitals or spaces only: it would be another cause."""
    near = [name for name in names if name != mark and name.strip().casefold() == mark.strip().casefold()]
    if near:
        raise InvalidInput(f"cause has the label {near[0]!r}; must be {mark!r} for censoring, or censored must be it")


def _is_number(label: Any) -> bool:
    return isinstance(label, Real | np.bool_)


def counts_by_time(
    times: FloatArray, week: IntArray | None, codes: IntArray, count: int
) -> tuple[FloatArray, FloatArray]:
    """Return the distinct times, and how many people with each of the codes there are at each, (count, times).

    `week` are the times as `as_weeks` gives them.
    """
    if week is not None:
        # counting weeks is several times cheaper than sorting times
        found = _table(week, int(week.max(initial=0)) + 1, codes, count)
        seen = np.flatnonzero(found.any(axis=0))
        return seen.astype(np.float64), found[:, seen]
    distinct, position = np.unique(times, return_inverse=True)
    return distinct, _table(position, len(distinct), codes, count)


def as_weeks(times: FloatArray) -> IntArray | None:
    """Return times of shape (n,) as integers, or nothing where they are not, or too large to count by."""
    if times.min(initial=0) < 0 or times.max(initial=0) > min(4 * len(times), _MOST_WEEKS) + _FEW_WEEKS:
        return None
    week = times.astype(np.intp)
    return week if np.array_equal(week, times) else None


def _table(column: IntArray, columns: int, row: IntArray, rows: int) -> FloatArray:
    """Return how many people are in each row and column."""
    cells = np.bincount(row * columns + column, minlength=rows * columns)
    return cells.reshape(rows, columns).astype(np.float64)


def aalen_johansen(endings: Endings) -> AalenJohansen:
    r"""Return the curve of the cause of interest, in one pass over the distinct times.

    The variance has three sums over u <= t. Those with F(t) - F(u) are built up from one time to the next, by terms of
    one sign: written out as powers of F(t), they would cancel.
    """
    time, (censored, came, other) = counts_by_time(endings.time, endings.week, endings.kind, 3)
    failed = came + other
    at_risk = np.cumsum((failed + censored)[::-1])[::-1]
    survival = np.cumprod(1 - failed / at_risk)
    before = _shifted(survival, 1.0)
    step = before * came / at_risk
    remaining = at_risk - failed
    # with nobody left there is no later step for the weight to matter to
    weight = np.divide(failed, at_risk * remaining, where=remaining > 0, out=np.zeros(len(time)))
    level = _shifted(np.cumsum(weight))
    slope = _shifted(np.cumsum(step * level))
    square = np.cumsum(step * (2 * slope + step * level))
    own = np.cumsum(step * before * (at_risk - came) / at_risk**2)
    cross = np.cumsum(step * _shifted(np.cumsum(step / at_risk)))
    variance = square + own - 2 * cross
    variance = np.where(variance > _ROUNDING * (square + own), variance, 0.0)
    return AalenJohansen(
        time=time, at_risk=at_risk, survival=survival, incidence=np.cumsum(step), std_error=np.sqrt(variance)
    )


def _shifted(values: FloatArray, first: float = 0.0) -> FloatArray:
    """Return (times,) values as they were just before each time."""
    return np.concatenate(([first], values[:-1]))
