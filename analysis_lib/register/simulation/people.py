"""The people of a simulated register."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis_lib.errors import InvalidInput
from analysis_lib.register.declarations import PERSON_ID, PERSONS
from analysis_lib.register.simulation.model import SimulationModel
from analysis_lib.register.simulation.parts import INELIGIBLE, Place, Selection

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
ELIGIBLE = "eligible"
# Persons at a time in the mixture distribution: keeps the temporary array in memory.
CHUNK = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Who there is: the frame, the kind of each (`eligible` or why not), and employability without and with noise."""

    frame: pd.DataFrame
    kind: NDArray[np.str_]
    index: FloatArray
    employability: FloatArray

    def __len__(self) -> int:
        return len(self.kind)

    @property
    def eligible(self) -> BoolArray:
        """Who is the trial's, shape (n,)."""
        return np.asarray(self.kind == ELIGIBLE)

    def take(self, rows: NDArray[np.int64]) -> People:
        """Return some of the people."""
        return People(
            frame=self.frame.iloc[rows].reset_index(drop=True), kind=self.kind[rows], index=self.index[rows],
            employability=self.employability[rows],
        )  # fmt: skip

    def living_in(self, municipalities: tuple[int, ...]) -> BoolArray:
        """Return who lives in one of the municipalities, where none are given everybody; shape (n,)."""
        if not municipalities:
            return np.full(len(self), True)
        return self.frame["municipality"].isin(municipalities).to_numpy(dtype=np.bool_)

    def having(self, where: Mapping[str, tuple[str | bool, ...]]) -> BoolArray:
        """Return who has one of the values in every column, shape (n,)."""
        chosen = np.full(len(self), True)
        for column, values in where.items():
            chosen &= self.frame[column].isin(values).to_numpy()
        return chosen

    def selected(self, selection: Selection) -> BoolArray:
        """Return whom something is about, shape (n,)."""
        return self.living_in(selection.municipalities) & self.having(selection.where)


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
