"""Draw the people whom the trial cannot have touched, and say what it does to its controls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis_lib.register.codes import CodeList
from analysis_lib.register.declarations import PERSON_ID
from analysis_lib.register.simulation.analytic import survival_curve, why_not_exact
from analysis_lib.register.simulation.averages import compare_weeks, count_weeks
from analysis_lib.register.simulation.latent import Cohort, draw_latent, streams
from analysis_lib.register.simulation.model import SimulationModel
from analysis_lib.register.simulation.parts import CONTROL, INELIGIBLE
from analysis_lib.register.simulation.people import draw_people
from analysis_lib.register.simulation.spillover import UNTOUCHED, Spillover
from analysis_lib.register.simulation.weekly import CodeMatrix, weekly_codes
from analysis_lib.register.states import inflow


@dataclass(frozen=True, slots=True, kw_only=True)
class Untouched:
    """People elsewhere and of before the trial, in the order of their ids: the frame, and their weeks."""

    frame: pd.DataFrame
    codes: CodeMatrix
    counts: dict[str, int]


def without_trial(model: SimulationModel, plan: Spillover) -> SimulationModel:
    """Return the model with the controls' hazard as it is without the trial.

    A Weibull hazard k t^(k-1) / b^k is divided by r where b becomes b r^(1/k).
    """
    duration = model.duration
    scale = duration.weibull_scale_weeks * plan.hazard_ratio ** (1 / duration.weibull_shape)
    return model.model_copy(update={"duration": duration.model_copy(update={"weibull_scale_weeks": scale})})


def draw_untouched(
    model: SimulationModel, plan: Spillover, eligible: int, *, after: int, codes: CodeList, rng: np.random.Generator
) -> Untouched:
    """Draw people of other areas like the trial's own, and in all areas people who entered before the trial.

    Parameters
    ----------
    eligible
        People of the trial.
    after
        Number of the last person's id.
    """
    free, there = without_trial(model, plan), max(round(plan.persons * eligible), 1)
    elsewhere: dict[str, Any] = {"sites": plan.places, "elsewhere": ()}
    earlier = {
        "entry": model.entry.model_copy(update=dict(plan.before)),
        "ineligible": model.ineligible.model_copy(update=dict.fromkeys(INELIGIBLE, 0.0)),
    }
    at_home = model.ineligible.model_copy(update={"outside_area": 0.0})
    drawn = (
        (free.model_copy(update=elsewhere | {"ineligible": at_home}), there),
        (free.model_copy(update=earlier), max(round(plan.persons_before * eligible), 1)),
        (free.model_copy(update=elsewhere | earlier), max(round(plan.persons_before * there), 1)),
    )
    frames, weeks, counts = [], [], {}
    for name, (own, persons) in zip(UNTOUCHED, drawn, strict=True):
        cohort = _draw(own, persons, rng, earlier_spells=own.entry == model.entry)
        matrix = weekly_codes(cohort, CONTROL)
        frames.append(cohort.people.frame)
        weeks.append(matrix if own.entry == model.entry else _entering_once(matrix, model, codes))
        counts[name] = len(cohort)
    frame = pd.concat(frames, ignore_index=True)
    frame[PERSON_ID.name] = [f"p{number:08d}" for number in range(after + 1, after + len(frame) + 1)]
    return Untouched(frame=frame, codes=np.vstack(weeks), counts=counts)


def _draw(model: SimulationModel, persons: int, rng: np.random.Generator, *, earlier_spells: bool) -> Cohort:
    people = draw_people(model, persons, rng)
    latent = draw_latent(model, people, rng, streams(rng))
    # Before the earlier entries the register has no room for another spell.
    return Cohort(
        model=model,
        people=people,
        latent=latent if earlier_spells else replace(latent, earlier_weeks=np.zeros(len(people))),
    )


def _entering_once(matrix: CodeMatrix, model: SimulationModel, codes: CodeList) -> CodeMatrix:
    """Return the weeks without a return to the benefit in the trial's weeks of entry.

    Who comes back then, from sickness or self-support, would be one of the trial's people. What is taken away lies
    after the weeks in which their outcome is measured: it must be over before the trial begins.
    """
    first, last = (week - model.span.first_week for week in (model.entry.first_week, model.entry.last_week))
    states = codes.codes_of([model.codes.state, *(part.state for part in model.codes.mix)])
    person, week = inflow(matrix, states, from_week=first, to_week=last, free_weeks=model.entry.free_weeks)
    later = np.zeros(matrix.shape, dtype=np.bool_)
    later[person] = np.arange(matrix.shape[1]) >= week[:, None]
    return np.where(later & np.isin(matrix, states), np.int16(0), matrix)


def spillover_truth(cohort: Cohort, plan: Spillover, codes: CodeList, matrix: CodeMatrix) -> dict[str, Any]:
    """Return what the trial does to its controls: the hazard ratio, medians, and their weeks with and without it.

    Parameters
    ----------
    cohort
        The controls, as assigned.
    matrix
        Their weeks, shape (n, n_weeks).
    """
    model, free = cohort.model, without_trial(cohort.model, plan)
    without = weekly_codes(replace(cohort, model=free), CONTROL)
    truth: dict[str, Any] = {"hazard_ratio": plan.hazard_ratio}
    if not why_not_exact(model, CONTROL, model.sites):
        truth["median_control_weeks"] = survival_curve(model, CONTROL, model.sites).median()
        truth["median_without_trial_weeks"] = survival_curve(free, CONTROL, model.sites).median()
    gained = compare_weeks(*(count_weeks(cohort, codes, weeks) for weeks in (without, matrix)))
    return truth | {"average_effects": gained}
