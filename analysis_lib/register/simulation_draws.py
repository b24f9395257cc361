"""The people of a simulated register and what happens to each in either arm."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis_lib.errors import InvalidInput
from analysis_lib.register.declarations import PERSON_ID, PERSONS
from analysis_lib.register.simulation_model import INELIGIBLE, LATE_WEEKS, OtherExit, Place, SimulationModel

FloatArray = NDArray[np.float64]
ELIGIBLE = "eligible"
# Persons at a time in the mixture distribution: keeps the temporary array in memory.
CHUNK = 2048
# Those on benefit already when the inflow weeks begin have been so for up to half a year more than the free weeks.
HALF_YEAR = 26


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who there is: the frame, the kind of each (`eligible` or why not), and employability without and with noise."""

    frame: pd.DataFrame
    kind: NDArray[np.str_]
    index: FloatArray
    employability: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Latent:
    """What happens to each person in either arm; columns of the matrix as floats, shape (n,), infinity for never."""

    entry: FloatArray
    rank: FloatArray
    others: tuple[tuple[OtherExit, FloatArray, FloatArray], ...]
    gap: FloatArray
    gap_weeks: FloatArray
    activated: FloatArray
    earlier: FloatArray
    earlier_weeks: FloatArray
    weeks_before: FloatArray

    def first(self, *kinds: str) -> FloatArray:
        """Return where the first other exit of the kinds begins."""
        starts = [start for other, start, _ in self.others if other.kind in kinds]
        return np.min(starts, axis=0) if starts else np.full(len(self.entry), np.inf)


def draw_people(model: SimulationModel, eligible: int, rng: np.random.Generator) -> People:
    """Draw the eligible people, and the ineligible in proportion."""
    if eligible < 1:
        raise InvalidInput(f"persons is {eligible}; must be 1 or more")
    counts = [eligible, *(round(getattr(model.ineligible, kind) * eligible) for kind in INELIGIBLE)]
    # Shuffled, so that neither the order of the rows nor the ids tell who is eligible.
    kind = rng.permutation(np.repeat([ELIGIBLE, *INELIGIBLE], counts))
    n = len(kind)
    frame = {PERSON_ID.name: [f"p{number:08d}" for number in range(1, n + 1)]}
    old = kind == "outside_age"
    ages = model.ages
    usual = _draw_births(model.births(ages.lowest, ages.highest), n, rng)
    too_old = _draw_births(model.births(ages.outside_lowest, ages.outside_highest), n, rng)
    drawn: dict[str, Any] = {"birth_date": np.where(old, too_old, usual).astype("datetime64[s]")}
    away = kind == "outside_area"
    drawn["municipality"], index = _draw_places(model.sites, n, rng)
    if model.elsewhere:
        elsewhere, effect = _draw_places(model.elsewhere, n, rng)
        drawn["municipality"] = np.where(away, elsewhere, drawn["municipality"])
        index = np.where(away, effect, index)
    for covariate in model.covariates.columns:
        level = rng.choice(len(covariate.levels), size=n, p=[level.share for level in covariate.levels])
        drawn[covariate.column] = np.array([level.value for level in covariate.levels])[level]
        index = index + np.array([level.effect for level in covariate.levels])[level]
    employability = index + model.covariates.noise_sd * rng.standard_normal(n)
    ordered = {name: drawn[name] for name in PERSONS.names if name in drawn}
    return People(frame=pd.DataFrame(frame | ordered), kind=kind, index=index, employability=employability)


def _draw_births(between: tuple[dt.date, dt.date], n: int, rng: np.random.Generator) -> NDArray[np.datetime64]:
    """Draw dates of birth, each calendar day equally likely."""
    first, last = np.datetime64(between[0], "D"), np.datetime64(between[1], "D")
    born: NDArray[np.datetime64] = first + rng.integers(0, (last - first) // np.timedelta64(1, "D") + 1, size=n)
    return born


def _draw_places(places: tuple[Place, ...], n: int, rng: np.random.Generator) -> tuple[NDArray[np.int64], FloatArray]:
    weights = np.array([place.weight for place in places])
    chosen = rng.choice(len(places), size=n, p=weights / weights.sum())
    return np.array([place.code for place in places])[chosen], np.array([place.effect for place in places])[chosen]


def draw_latent(model: SimulationModel, people: People, rng: np.random.Generator) -> Latent:
    """Draw when people enter, their rank, and all that may happen to them apart from the treatment."""
    n = len(people.kind)
    first_week = model.span.first_week
    in_time = rng.integers(model.entry.first_week, model.entry.last_week + 1, size=n)
    late = model.entry.last_week + rng.integers(1, LATE_WEEKS + 1, size=n)
    entry = np.where(people.kind == "outside_window", late, in_time) - float(first_week)
    begun = people.kind == "not_newly_unemployed"
    others = []
    for other in model.other_exits:
        start = entry + _onsets(other.weekly_hazard, n, rng)
        weeks = np.full(n, np.inf)
        if other.shortest_weeks is not None and other.longest_weeks is not None:
            weeks = rng.integers(other.shortest_weeks, other.longest_weeks + 1, size=n).astype(np.float64)
        # A return to benefit after an interruption would make a new spell of one that began before the window.
        start = np.where(begun & (other.kind == "interruption"), np.inf, start)
        others.append((other, start, weeks))
    earlier, earlier_weeks = _draw_earlier_spells(model, people, rng)
    weeks_before = (
        entry + first_week - model.entry.first_week + rng.integers(1, model.entry.free_weeks + HALF_YEAR + 1, size=n)
    )
    return Latent(
        entry=entry,
        rank=uniform_ranks(model, people.employability),
        others=tuple(others),
        gap=entry + _onsets(model.blank_gap.weekly_hazard, n, rng),
        gap_weeks=rng.integers(1, model.blank_gap.longest_weeks + 1, size=n).astype(np.float64),
        activated=rng.random(n),
        earlier=earlier,
        earlier_weeks=earlier_weeks,
        weeks_before=np.where(begun, weeks_before, 0),
    )


def _onsets(hazard: float, n: int, rng: np.random.Generator) -> FloatArray:
    """Draw weeks until something at a constant hazard is seen: the first whole week after it happened, 1 or more."""
    waits = rng.standard_exponential(n)
    return np.maximum(np.ceil(waits / hazard), 1) if hazard > 0 else np.full(n, np.inf)


def _draw_earlier_spells(
    model: SimulationModel, people: People, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw earlier spells that end `free_weeks` before the first entry week at the latest."""
    n, spell = len(people.kind), model.earlier_spell
    odds = special.logit(spell.share) + spell.effect * (people.index - people.index.mean())
    had = rng.random(n) < special.expit(odds)
    weeks = np.where(had, rng.integers(spell.shortest_weeks, spell.longest_weeks + 1, size=n), 0)
    room = model.entry.first_week - model.entry.free_weeks - model.span.first_week
    start = np.floor(rng.random(n) * (room - weeks + 1))
    return start, weeks.astype(np.float64)


def uniform_ranks(model: SimulationModel, employability: FloatArray) -> FloatArray:
    """Return U = F(z), F the distribution of employability over all cells of the covariates and places."""
    weights = np.array([place.weight for place in model.sites])
    means, shares = np.array([place.effect for place in model.sites]), weights / weights.sum()
    for covariate in model.covariates.columns:
        means = np.add.outer(means, [level.effect for level in covariate.levels]).ravel()
        shares = np.multiply.outer(shares, [level.share for level in covariate.levels]).ravel()
    ranks = np.empty(len(employability))
    for begin in range(0, len(ranks), CHUNK):
        part = employability[begin : begin + CHUNK, None]
        ranks[begin : begin + CHUNK] = special.ndtr((part - means) / model.covariates.noise_sd) @ shares
    tiny = np.finfo(np.float64).eps
    return np.clip(ranks, tiny, 1 - tiny)
