"""The people that a randomisation test compares: outcomes, and units in strata, checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import (
    BoolArray,
    Covariates,
    IntArray,
    as_array,
    as_binary,
    as_covariates,
    as_numbers,
    as_times,
    check_arms,
)
from analysis_lib.trials._draws import Draws, Units, read_units
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.design import Design

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Outcomes: `values` of shape (n, k), the columns' names in errors and in results."""

    values: FloatArray
    places: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """The n people compared, all in strata with both arms.

    Attributes
    ----------
    y, event
        (n, k) outcomes, or times and whether they end in the event.
    covariates
        (n, m) values and names.
    treated
        (n,) as assigned.
    layout
        The rows of draws of the units assigned.
    blocked
        Whether there are several strata.
    """

    y: FloatArray
    names: tuple[str, ...]
    event: BoolArray | None
    covariates: Covariates
    treated: BoolArray
    layout: Draws
    unit_name: str
    blocked: bool
    notes: tuple[Message, ...]

    def only(self, chosen: list[int]) -> Problem:
        """Return the problem of some of the outcomes."""
        event = None if self.event is None else self.event[:, chosen]
        return replace(self, y=self.y[:, chosen], event=event, names=tuple(self.names[j] for j in chosen))

    @property
    def units(self) -> Units:
        """Return what was assigned."""
        return self.layout.units

    @property
    def stratum(self) -> IntArray:
        """Return the stratum of each person."""
        return self.units.stratum[self.units.of_case]

    @property
    def grouped(self) -> bool:
        """Return whether a unit holds several people."""
        return len(self.units.treated) < len(self.treated)

    def centred(self, values: FloatArray) -> FloatArray:
        """Return (n, k) values less their means by stratum; exactly 0 where they do not vary in any."""
        stratum = self.stratum
        size = np.bincount(stratum)
        found = np.empty(values.shape)
        for j, column in enumerate(values.T):
            rest = column - (np.bincount(stratum, weights=column) / size)[stratum]
            found[:, j] = rest if np.max(np.abs(rest)) > _ROUNDING * np.max(np.abs(column)) else 0.0
        return found

    def columns(self, values: FloatArray) -> FloatArray:
        """Return the sums by unit of (n, k) values, laid out as the draws: (columns, k)."""
        return self.layout.spread(self.units.totals(values))


def read_problem(y: Any, design: Design, arm: str, *, event: Any, covariates: Any) -> Problem:
    """Check the arguments, and return the people compared for the arm."""
    n = len(design.arm)
    values, ends, names = _read_outcomes(y, event, n)
    given = as_covariates(np.empty((n, 0)) if covariates is None else covariates, n)
    pair = np.flatnonzero(design.pair(arm))
    treated = design.arm[pair] == arm
    check_arms(treated)
    block = None if design.block is None else design.block[pair]
    units = read_units(treated, design.unit[pair], block)
    complete = (units.count > 0) & (units.count < units.size)
    notes = []
    if not complete.all():
        keep = complete[units.stratum][units.of_case]
        left_out = {"blocks": int(np.sum(~complete)), "people": int(np.sum(~keep))}
        notes.append(Message("blocks left out because they lack an arm: {blocks}, with {people} people", **left_out))
        if not keep.any():
            raise NotEstimable(Message("no block has both arms"))
        pair, treated = pair[keep], treated[keep]
        units = read_units(treated, design.unit[pair], None if design.block is None else design.block[pair])
    blocks = 0 if design.block is None else len(np.unique(design.block[pair]))
    if blocks > len(units.size):
        joined = {"blocks": blocks, "strata": len(units.size)}
        notes.append(Message("blocks that a unit crosses count as one: {blocks} blocks, {strata} strata", **joined))
    return Problem(
        y=values[pair],
        names=names,
        event=None if ends is None else ends[pair],
        covariates=Covariates(values=given.values[pair], names=given.names),
        treated=treated,
        layout=Draws.of(units),
        unit_name=design.unit_name,
        blocked=len(units.size) > 1,
        notes=tuple(notes),
    )


def _read_outcomes(y: Any, event: Any, n: int) -> tuple[FloatArray, BoolArray | None, tuple[str, ...]]:
    """Return outcomes (n, k), or times with their events, and the outcomes' names."""
    outcomes = read_columns(y, n, "y")
    if event is None:
        return outcomes.values, None, outcomes.names
    ends = read_columns(event, n, "event")
    found, wanted = ends.values.shape[1], outcomes.values.shape[1]
    if found != wanted:
        raise InvalidInput(f"event has {found} columns; must have {wanted}, as y")
    times = [as_times(column, place) for column, place in zip(outcomes.values.T, outcomes.places, strict=True)]
    events = [as_binary(column, place) for column, place in zip(ends.values.T, ends.places, strict=True)]
    return np.column_stack(times), np.column_stack(events), outcomes.names


def read_columns(y: Any, n: int, name: str) -> Columns:
    """Return outcomes from an array of shape (n,) or (n, k) or a data frame, or raise naming the column."""
    if isinstance(y, pd.DataFrame):
        names = tuple(str(label) for label in y)
        columns = [np.asarray(y.iloc[:, j]) for j in range(len(names))]
        places = tuple(f"{name}, column {label!r}," for label in names)
    else:
        table = as_array(y, name)
        if table.ndim not in (1, 2):
            raise InvalidInput(f"{name} has {table.ndim} dimensions; must have one or two (people, outcomes)")
        columns = [table] if table.ndim == 1 else list(table.T)
        alone = table.ndim == 1
        names = ("",) if alone else tuple(Message("outcome {n}", n=j + 1) for j in range(len(columns)))
        places = (name,) if alone else tuple(f"{name}, column {j + 1}," for j in range(len(columns)))
    if not columns:
        raise InvalidInput(f"{name} has no columns; must have one for each outcome")
    for column, place in zip(columns, places, strict=True):
        if len(column) != n:
            raise InvalidInput(f"{place} has {len(column)} rows; must have {n}, as the design")
    values = np.column_stack([as_numbers(column, place) for column, place in zip(columns, places, strict=True)])
    return Columns(values=values, places=places, names=names)


def treated_arms(design: Design) -> tuple[str, ...]:
    """Return the design's arms but control, or raise where it is no design."""
    if not isinstance(design, Design):
        raise InvalidInput(f"design is a {type(design).__name__}; must be a Design, such as Design.from_arrays gives")
    return tuple(name for name in design.arms if name != CONTROL)
