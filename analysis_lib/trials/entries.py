"""When people of a register enter a trial, and why others do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis_lib.errors import DataError
from analysis_lib.register.codes import CodeList
from analysis_lib.register.extract import Extract
from analysis_lib.register.spells import Spells
from analysis_lib.register.states import first_run, inflow, weeks_in_state
from analysis_lib.register.weeks import week_index, week_label
from analysis_lib.results import Message
from analysis_lib.trials.definition import Inflow, LongTerm, RegisterData, StockAndInflow

Chosen = NDArray[np.bool_]
IntArray = NDArray[np.int64]
Exclusion = tuple[Message, Chosen]

NO_BENEFIT = Message("no week on the trial's benefit in the inflow weeks")
UNKNOWN_CODE = Message("a code that the code list does not have, in the weeks before")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """Each person's entry, shape (n,).

    Attributes
    ----------
    week
        Its column; 0 without one.
    exclusions
        Each reason with whom it leaves out, shape (n,), in the order in which they apply.
    """

    week: IntArray
    exclusions: tuple[Exclusion, ...]


def find_entries(data: RegisterData, extract: Extract, codes: CodeList, unknown: Sequence[int]) -> Entries:
    """Find who enters and when, by the rule of the trial's data.

    Parameters
    ----------
    unknown
        Codes of no known state: whoever has one in the weeks before entry that the trial looks at is left out.

    Raises
    ------
    DataError
        Where the extract lacks the weeks that the rule looks at.
    """
    entry, spells = data.entry, extract.spells
    first, last = (week_index(week) - extract.first_week for week in (entry.first_week, entry.last_week))
    before = max(entry.weeks_before, data.history.weeks)
    if first < before or last >= spells.n_weeks:
        have = f"{week_label(extract.first_week)} to {week_label(extract.last_week)}"
        raise DataError(
            f"{extract.path}: holds weeks {have}; must hold {entry.first_week} to {entry.last_week} "
            f"and {before} weeks before"
        )
    states = codes.codes_of(entry.states)
    if isinstance(entry, Inflow):
        found = _inflow(entry, spells, states, first, last)
    elif isinstance(entry, StockAndInflow):
        found = _stock_and_inflow(spells, states, first, last)
    else:
        found = _long_term(entry, spells, states, first)
    if not unknown:
        return found
    enters = ~np.logical_or.reduce([left_out for _, left_out in found.exclusions])
    unsure = np.zeros(len(enters), dtype=bool)
    if enters.any():
        own, start = spells.take(enters), found.week[enters] - before
        unsure[enters] = weeks_in_state(own, list(unknown), start=start, length=before) > 0
    return Entries(week=found.week, exclusions=(*found.exclusions, (UNKNOWN_CODE, unsure)))


def _inflow(entry: Inflow, spells: Spells, states: NDArray[np.int16], first: int, last: int) -> Entries:
    person, begun = inflow(spells, states, from_week=first, to_week=last, free_weeks=entry.new_after.weeks)
    week = np.zeros(spells.n_persons, dtype=np.int64)
    week[person] = begun
    new = np.zeros(spells.n_persons, dtype=bool)
    new[person] = True
    seen = weeks_in_state(spells, states, start=first, length=last - first + 1) > 0
    already = Message("on the benefit already in the weeks before, so not newly unemployed")
    return Entries(week=week, exclusions=((NO_BENEFIT, ~seen), (already, ~new)))


def _stock_and_inflow(spells: Spells, states: NDArray[np.int16], first: int, last: int) -> Entries:
    begun, found, _ = first_run(spells, states, start=first, min_weeks=1, end=last + 1)
    return Entries(week=np.where(found, begun, 0), exclusions=((NO_BENEFIT, ~found),))


def _long_term(entry: LongTerm, spells: Spells, states: NDArray[np.int16], week: int) -> Entries:
    on_it = weeks_in_state(spells, states, start=week, length=1) > 0
    weeks = weeks_in_state(spells, states, start=week - entry.of_last + 1, length=entry.of_last)
    few = Message("on the benefit in fewer than {n} of the last {m} weeks", n=entry.at_least, m=entry.of_last)
    exclusions: list[Exclusion] = [
        (Message("not on the trial's benefit in the entry week"), ~on_it),
        (few, weeks < entry.at_least),
    ]
    if entry.passive is not None:
        n = entry.passive.weeks
        listed = [code for low, high in entry.passive.codes for code in range(low, high + 1)]
        active = weeks_in_state(spells, listed, start=week - n + 1, length=n) > 0
        exclusions.append((Message("in activation in the last {n} weeks", n=n), active))
    return Entries(week=np.full(spells.n_persons, week, dtype=np.int64), exclusions=tuple(exclusions))
