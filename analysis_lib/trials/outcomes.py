"""Outcomes from weeks or from measured columns: numbers, numbers a week, and durations with their kind of exit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.errors import DataError
from analysis_lib.register.spells import Spells, weeks_from_spells
from analysis_lib.register.states import first_run, weeks_in_state
from analysis_lib.trials.definition import (
    MeasuredDuration,
    MeasuredMean,
    Recurrence,
    ShareInStates,
    TimeToState,
    WeeksInStates,
)

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
CodesOf = Callable[[Sequence[str]], NDArray[np.int16]]

EXIT = "exit"
CENSORED = "censored"
BLOCK_CELLS = 1 << 23
"""Weeks of codes held at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """One number a case, shape (n,); NaN where it is not known."""

    values: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """A number a case and week, shape (n, weeks), the entry week first; a row is NaN where it is not known."""

    values: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """Time to the first exit, shape (n,).

    Attributes
    ----------
    time
        Weeks from entry; a time t means that the exit came within (t - 1, t].
    cause
        `exit`, the id of a competing state, or `censored`.
    """

    time: FloatArray
    cause: NDArray[np.object_]

    @property
    def event(self) -> NDArray[np.bool_]:
        """Whether the exit itself was seen; competing exits count as censored here."""
        seen: NDArray[np.bool_] = self.cause == EXIT
        return seen

    def take(self, chosen: NDArray[np.bool_]) -> Durations:
        """Return those of the cases chosen, (n,)."""
        return Durations(time=self.time[chosen], cause=self.cause[chosen])


Measured = Numbers | Weekly | Durations


def first_unobserved(spells: Spells, entry: IntArray, censoring: Sequence[int] | NDArray[np.int16]) -> IntArray:
    """Return the first column at or after entry with a censoring code, else the number of columns; shape (n,)."""
    if not len(censoring):
        return np.full(spells.n_persons, spells.n_weeks, dtype=np.int64)
    return first_run(spells, censoring, start=entry, min_weeks=1).week


def measure_time_to_state(
    outcome: TimeToState,
    spells: Spells,
    entry: IntArray,
    codes_of: CodesOf,
    *,
    follow_up: int,
    unknown: Sequence[int] = (),
) -> Durations:
    """Measure the time from entry to the first run in the exit states, competing exits and censoring kept apart.

    A run can only be seen while `min_weeks` weeks are left. Observation of everybody therefore ends at the last week
    in which a run could have begun and been seen whole, or at `follow_up` weeks: otherwise people about to leave
    would be censored and people who stay would not.

    Parameters
    ----------
    spells
        The weeks of n people.
    entry
        (n,) column of the entry week.
    codes_of
        Gives the codes of states.
    follow_up
        Weeks after entry at which observation ends at the latest.
    unknown
        Codes of no known state: a person is not observed from the first of them on.
    """
    end = first_unobserved(spells, entry, [*codes_of(outcome.censoring), *unknown])
    week, found, _ = first_run(spells, codes_of(outcome.exit_states), start=entry, min_weeks=outcome.min_weeks, end=end)
    last = np.minimum(follow_up, spells.n_weeks - outcome.min_weeks - entry)
    if (last < 1).any():
        raise DataError(
            f"outcome '{outcome.id}': {int((last < 1).sum())} people entered so late that no run of "
            f"{outcome.min_weeks} weeks can be seen; the register must go on for longer"
        )
    exit_time = np.where(found, week - entry, np.inf)
    unobserved = np.where(found, np.inf, week - entry)
    time = np.minimum(np.minimum(exit_time, unobserved), last)
    cause = np.where(exit_time <= last, EXIT, CENSORED).astype(object)
    for state in outcome.competing:
        begun, seen, _ = first_run(spells, codes_of([state]), start=entry, min_weeks=outcome.min_weeks, end=end)
        earlier = seen & (begun - entry <= time) & ((begun - entry < time) | (cause == CENSORED))
        time = np.where(earlier, begun - entry, time)
        cause[earlier] = state
    return Durations(time=time.astype(np.float64), cause=cause)


def measure_returns(
    asked: Recurrence,
    outcome: TimeToState,
    first: Durations,
    spells: Spells,
    entry: IntArray,
    *,
    codes_of: CodesOf,
    follow_up: int,
    unknown: Sequence[int] = (),
) -> Durations:
    """Measure the time from a lasting exit to the return, of those who left; 0 and censored for all others.

    Time counts from the last of the `outcome.min_weeks` weeks that make the exit, in which the person is out by
    definition: a time t means that the run in the return's states began t weeks after it. As with the first spell, a
    run can only be seen while `min_weeks` weeks are left, so that observation of everybody ends before.

    Parameters
    ----------
    asked
        What a return is.
    outcome, first
        The duration that is the first spell, and as it was measured, shape (n,).
    spells, entry, codes_of, unknown
        As in `measure_time_to_state`.
    follow_up
        Weeks after entry (not after the exit) at which observation ends at the latest.
    """
    left = first.event
    begin = entry + np.where(left, first.time.astype(np.int64) + outcome.min_weeks - 1, 0)
    end = first_unobserved(spells, begin, [*codes_of(asked.censoring), *unknown])
    week, found, _ = first_run(spells, codes_of(asked.states), start=begin, min_weeks=asked.min_weeks, end=end)
    last = np.minimum(entry + follow_up, spells.n_weeks - asked.min_weeks) - begin
    time = np.where(left, np.clip(np.minimum(week - begin, last), 0, None), 0)
    back = left & found & (week - begin <= last)
    return Durations(time=time.astype(np.float64), cause=np.where(back, EXIT, CENSORED).astype(object))


def measure_weeks(
    outcome: WeeksInStates, spells: Spells, entry: IntArray, codes_of: CodesOf, *, unknown: Sequence[int] = ()
) -> Numbers:
    """Count the weeks in the states in the first `horizon` weeks; NaN where not all of them were observed."""
    end = first_unobserved(spells, entry, [*codes_of(outcome.censoring), *unknown])
    weeks = weeks_in_state(spells, codes_of(outcome.states), start=entry, length=outcome.horizon, end=end)
    return Numbers(values=np.asarray(weeks, dtype=np.float64))


def measure_shares(
    outcome: ShareInStates, spells: Spells, entry: IntArray, codes_of: CodesOf, *, unknown: Sequence[int] = ()
) -> Weekly:
    """Say week by week who is in the states; NaN where not all `horizon` weeks were observed, so that weeks compare.

    A row's sum is then what `measure_weeks` counts with the same states, censoring and horizon.
    """
    observed = entry + outcome.horizon <= first_unobserved(spells, entry, [*codes_of(outcome.censoring), *unknown])
    values = np.full((len(entry), outcome.horizon), np.nan)
    if observed.any():
        codes = weekly_codes(spells.take(observed), entry[observed], outcome.horizon)
        values[observed] = np.isin(codes, codes_of(outcome.states))
    return Weekly(values=values)


def weekly_codes(spells: Spells, start: IntArray, length: int) -> NDArray[np.int16]:
    """Return each person's codes in the weeks from their own start on, shape (n, length); all must be in the register.

    Parameters
    ----------
    start
        (n,) column of the first week.
    """
    found = np.empty((spells.n_persons, length), dtype=np.int16)
    size = max(BLOCK_CELLS // max(spells.n_weeks, 1), 1)
    for first in range(0, spells.n_persons, size):
        rows = np.arange(first, min(first + size, spells.n_persons))
        matrix = weeks_from_spells(spells.take(rows))
        found[rows] = matrix[np.arange(len(rows))[:, None], start[rows][:, None] + np.arange(length)]
    return found


def measure_column(outcome: MeasuredMean | MeasuredDuration, frame: pd.DataFrame, file: str) -> Numbers | Durations:
    """Take an outcome already measured in a column; a logarithm needs numbers above zero, an event 0 or 1."""
    values = frame[outcome.column].to_numpy(dtype=np.float64)
    if isinstance(outcome, MeasuredDuration):
        _refuse(values < 0, values, outcome.column, file, "0 or more")
        seen = np.ones(len(values)) if outcome.event is None else frame[outcome.event].to_numpy(dtype=np.float64)
        _refuse(~np.isin(seen, [0, 1]), seen, outcome.event or "", file, "1 where the end was seen, else 0")
        return Durations(time=values, cause=np.where(seen == 1, EXIT, CENSORED).astype(object))
    if outcome.transform == "log":
        _refuse(values <= 0, values, outcome.column, file, "above 0, for its logarithm")
        return Numbers(values=np.log(values))
    return Numbers(values=values)


def _refuse(wrong: NDArray[np.bool_], values: FloatArray, column: str, file: str, allowed: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 1
        found = f"{values[row - 1]:g} ({int(wrong.sum())} such rows)"
        raise DataError(f"{file}: column '{column}', row {row} is {found}; must be {allowed}")
