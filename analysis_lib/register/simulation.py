"""Simulate a register around a trial, with a truth that is known exactly.

The time T from entry to lasting self-support has the survival function S0(t) = exp(-(t / b)^k) among the controls and
S0^r among the treated, exactly, although covariates matter: employability z = x'g + noise has the mixture
distribution F over the cells of the covariates, U = F(z) is uniform, and T solves S(T) = U. A person carries a code in
week j of the spell (j = 0, 1, ...) when T > j, as DREAM counts a week with one day on benefit: without gaps and other
exits there are ceil(T) weeks on benefit.

Covariates are independent of the date of birth, so that nothing but the treatment differs between people born on
different days. After T a person stays self-supporting: spells do not recur.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis_lib.errors import InvalidInput
from analysis_lib.register.codes import CodeList
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.simulation_draws import ELIGIBLE, Latent, People, draw_latent, draw_people
from analysis_lib.register.simulation_model import INELIGIBLE, Duration, SimulationModel, check_known
from analysis_lib.register.states import weeks_in_state

__all__ = ["SimulatedRegister", "SimulationModel", "simulate_register"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedRegister:
    """A simulated extract and what is true of it.

    Attributes
    ----------
    persons
        One row a person, sorted by `person_id`; declared columns.
    codes
        int16 of shape (n_persons, n_weeks); 0 is a blank week.
    first_week
        Week index of column 0.
    truth
        Plain numbers and texts, to be written beside the data: the parameters' medians and means (weeks; gaps are
        control minus treated), the average effects on the eligible people's weeks on benefit (treated minus control),
        counts of people, the seed and the model.
    """

    persons: pd.DataFrame
    codes: NDArray[np.int16]
    first_week: int
    truth: dict[str, Any]


def simulate_register(
    model: SimulationModel,
    *,
    assigned: Callable[[pd.Series[pd.Timestamp]], NDArray[np.bool_]],
    codes: CodeList,
    jobcentres: Jobcentres,
    rng: np.random.Generator,
    persons: int | None = None,
) -> SimulatedRegister:
    """Simulate a register.

    Parameters
    ----------
    model
        What the register is like.
    assigned
        Says from the dates of birth, shape (n,), who is treated; the trial's design gives it. Only the eligible are.
    codes, jobcentres
        What an extract may hold.
    persons
        Eligible people, in place of the model's number.

    Raises
    ------
    DefinitionError
        Where the model draws what an extract may not hold.
    InvalidInput
        Where `persons` is below 1 or `assigned` does not answer for everybody.
    """
    check_known(model, codes, jobcentres)
    people = draw_people(model, model.persons if persons is None else persons, rng)
    latent = draw_latent(model, people, rng)
    treated = _ask(assigned, people.frame["birth_date"]) & (people.kind == ELIGIBLE)
    by_arm = [_weekly_codes(model, people, latent, treated=arm) for arm in (False, True)]
    matrix = np.where(treated[:, None], by_arm[True], by_arm[False])
    return SimulatedRegister(
        persons=people.frame,
        codes=matrix,
        first_week=model.span.first_week,
        truth=_analytic_truth(model)
        | {
            "average_effects": _average_effects(model, codes, people, latent, by_arm),
            "counts": _counts(people, treated),
            "seed": _seed(rng),
            "model": model.model_dump(mode="json"),
        },
    )


def _durations(rank: FloatArray, duration: Duration, *, treated: bool) -> FloatArray:
    """Return T with S(T) = U: T = b (-ln U / r)^(1/k)."""
    ratio = duration.hazard_ratio if treated else 1.0
    weeks: FloatArray = duration.weibull_scale_weeks * (-np.log(rank) / ratio) ** (1 / duration.weibull_shape)
    return weeks


def _weekly_codes(model: SimulationModel, people: People, latent: Latent, *, treated: bool) -> NDArray[np.int16]:
    """Lay out everybody's weeks as if all were (or none was) treated, shape (n, n_weeks)."""
    span, entry = model.span, latent.entry
    weeks = _Weeks(len(entry), span.last_week - span.first_week + 1)
    stay = entry + np.ceil(_durations(latent.rank, model.duration, treated=treated))
    other, final = latent.first("interruption", "exit"), latent.first("final")
    left = other < stay
    for_good = left & (latent.first("exit") == other)
    end = np.where(for_good, other, stay)
    insured = people.kind != "cash_benefit"
    benefit = np.where(insured, model.codes.benefit, model.codes.cash_benefit)
    weeks.put(latent.earlier, latent.earlier + latent.earlier_weeks, model.codes.benefit)
    weeks.put(entry - latent.weeks_before, entry, benefit)
    weeks.put(entry, end, benefit)
    for rule in model.activation:
        takes_part = insured & (latent.activated < rule.share) & (rule.arm == ("treated" if treated else "control"))
        begins = entry + rule.from_week
        weeks.put(begins, np.minimum(begins + rule.weeks, end), model.codes.activation, where=takes_part)
    inside = latent.gap + latent.gap_weeks < np.minimum(stay, np.minimum(other, final))
    weeks.put(latent.gap, latent.gap + latent.gap_weeks, 0, where=inside)
    for exit_, start, length in latent.others:
        happens = start == (final if exit_.kind == "final" else np.where(left, other, np.nan))
        weeks.put(start, start + length, exit_.code, where=happens)
    return weeks.codes


class _Weeks:
    """A matrix of codes under construction; what is put later covers what was put before."""

    def __init__(self, n: int, n_weeks: int) -> None:
        self.codes = np.zeros((n, n_weeks), dtype=np.int16)
        self._column = np.arange(n_weeks, dtype=np.float64)

    def put(
        self, start: FloatArray, stop: FloatArray, code: int | NDArray[np.int64], where: BoolArray | bool = True
    ) -> None:
        """Set the columns from `start` up to, not including, `stop`."""
        rows = np.flatnonzero(np.broadcast_to(where, start.shape) & (start < stop) & (start < len(self._column)))
        chosen = (self._column >= start[rows, None]) & (self._column < stop[rows, None])
        new = np.broadcast_to(np.asarray(code, dtype=np.int16), start.shape)[rows, None]
        self.codes[rows] = np.where(chosen, new, self.codes[rows])


def _ask(
    assigned: Callable[[pd.Series[pd.Timestamp]], NDArray[np.bool_]], births: pd.Series[pd.Timestamp]
) -> BoolArray:
    answer = np.asarray(assigned(births.copy()))
    if answer.dtype != np.bool_ or answer.shape != (len(births),):
        raise InvalidInput(
            f"assigned answers {answer.dtype} of shape {answer.shape}; must be true or false for {len(births)} people"
        )
    return answer


def _analytic_truth(model: SimulationModel) -> dict[str, Any]:
    duration = model.duration
    shape, control = duration.weibull_shape, duration.weibull_scale_weeks
    treated = control * duration.hazard_ratio ** (-1 / shape)
    median, mean = math.log(2) ** (1 / shape), math.gamma(1 + 1 / shape)
    return {
        "median_control_weeks": control * median,
        "median_treated_weeks": treated * median,
        "hazard_ratio": duration.hazard_ratio,
        "mean_gap_weeks": (control - treated) * mean,
        "restricted_mean_gap_weeks": {
            str(horizon): _restricted_mean(shape, control, horizon) - _restricted_mean(shape, treated, horizon)
            for horizon in model.horizons_weeks
        },
    }


def _restricted_mean(shape: float, scale: float, horizon: float) -> float:
    """Return the integral of exp(-(t / b)^k) from 0 to h: b G(1 + 1/k) P(1/k, (h / b)^k), P the regularised gamma."""
    share = special.gammainc(1 / shape, (horizon / scale) ** shape)
    return float(scale * math.gamma(1 + 1 / shape) * share)


def _average_effects(
    model: SimulationModel, codes: CodeList, people: People, latent: Latent, by_arm: list[NDArray[np.int16]]
) -> dict[str, dict[str, float | None]]:
    """Return the mean effect on the eligible people's weeks on benefit, over those observed throughout the horizon.

    Both arms have the same latent draws, and whether a person is observed does not depend on the arm.
    """
    eligible = people.kind == ELIGIBLE
    n_weeks = by_arm[0].shape[1]
    entry = latent.entry[eligible].astype(np.int64)
    end = np.minimum(latent.first("final")[eligible], n_weeks).astype(np.int64)
    states = codes.codes_of(model.benefit_states)
    effects: dict[str, dict[str, float | None]] = {}
    for horizon in model.horizons_weeks:
        control, treated = (
            weeks_in_state(arm[eligible], states, start=entry, length=horizon, end=end) for arm in by_arm
        )
        gain = (treated - control)[~np.isnan(control)]
        effects[str(horizon)] = {"weeks": float(gain.mean()) if len(gain) else None, "persons": len(gain)}
    return effects


def _counts(people: People, treated: BoolArray) -> dict[str, int]:
    kinds = {kind: int((people.kind == kind).sum()) for kind in (ELIGIBLE, *INELIGIBLE)}
    arms = {"treated": int(treated.sum()), "control": kinds[ELIGIBLE] - int(treated.sum())}
    return {"persons": len(people.kind)} | kinds | arms


def _seed(rng: np.random.Generator) -> dict[str, Any]:
    sequence = getattr(rng.bit_generator, "seed_seq", None)
    if not isinstance(sequence, np.random.SeedSequence):
        raise InvalidInput("rng has no seed to record; must be made by numpy.random.default_rng")
    entropy = sequence.entropy
    entropy = entropy if entropy is None or isinstance(entropy, int) else [int(part) for part in entropy]
    return {"entropy": entropy, "spawn_key": list(sequence.spawn_key)}
