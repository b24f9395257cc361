"""The average effects on the very people simulated: each of them in both arms, from the same draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis_lib.register.codes import CodeList
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.simulation.analytic import exact_truth
from analysis_lib.register.simulation.contacts import activity_weeks
from analysis_lib.register.simulation.latent import Cohort
from analysis_lib.register.simulation.parts import CONTROL
from analysis_lib.register.simulation.weekly import CodeMatrix, find_exits, weekly_codes
from analysis_lib.register.states import weeks_in_state
from analysis_lib.register.weeks import monday

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
BENEFIT = "benefit"
Weeks = dict[tuple[str, int], FloatArray]
"""By outcome and horizon each person's weeks in its states, shape (n,); NaN where not all were observed."""
Cells = dict[str, dict[str, dict[str, float | None]]]
"""By outcome and horizon: weeks (arm minus control), control_weeks, persons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmPeople:
    """The people an arm is about, the eligible who can be in it, with their weeks in that arm and in control."""

    arm: str
    cohort: Cohort
    control: CodeMatrix
    treated: CodeMatrix


def arm_truth(about: ArmPeople, codes: CodeList, jobcentres: Jobcentres) -> dict[str, Any]:
    """Return what is true of an arm: exactly where it has such a form, and on average over its people.

    The averages are over those observed throughout the horizon; whether a person is does not depend on the arm.
    """
    model, people = about.cohort.model, about.cohort.people
    control, treated = (count_weeks(about.cohort, codes, matrix) for matrix in (about.control, about.treated))
    year = max(monday(model.entry.first_week).year, min(jobcentres.years))
    home = jobcentres.jobcentres_of(people.frame["municipality"].to_numpy(), year)
    own = next(arm for arm in model.arms if arm.id == about.arm)
    places = [place for place in model.sites if not own.municipalities or place.code in own.municipalities]
    varied = any(effect.municipalities for effect in model.effects)
    by_jobcentre = {}
    for jobcentre in sorted(set(home)):
        by_jobcentre[jobcentre] = {"average_effects": _cells(control, treated, home == jobcentre)}
        if varied:
            here = [place for place in places if jobcentres.jobcentre_of(place.code, year) == jobcentre]
            by_jobcentre[jobcentre]["time_to_exit"] = exact_truth(model, about.arm, here)
    return {
        "time_to_exit": exact_truth(model, about.arm, places),
        "average_effects": _cells(control, treated, np.full(len(home), True)),
        "groups": {
            group.id: {"average_effects": _cells(control, treated, people.having(group.where))}
            for group in model.truth_groups
        },
        "jobcentres": by_jobcentre,
        "activities": {
            activity.id: _activity(about, codes, home, treated, number)
            for number, activity in enumerate(model.activities)
        },
    }


def count_weeks(cohort: Cohort, codes: CodeList, matrix: CodeMatrix) -> Weeks:
    """Return the weeks of each outcome of the model, the benefit first, by horizon."""
    model = cohort.model
    entry = cohort.latent.entry.astype(np.int64)
    end = np.minimum(find_exits(cohort, CONTROL).final, matrix.shape[1]).astype(np.int64)
    states = {BENEFIT: model.benefit_states} | model.truth_outcomes
    return {
        (name, horizon): weeks_in_state(matrix, codes.codes_of(chosen), start=entry, length=horizon, end=end)
        for name, chosen in states.items()
        for horizon in model.horizons_weeks
    }


def compare_weeks(without: Weeks, given: Weeks) -> Cells:
    """Return the mean weeks gained over everybody observed, and what they are `without`."""
    (n,) = {len(weeks) for weeks in without.values()}
    return _cells(without, given, np.full(n, True))


def _cells(control: Weeks, treated: Weeks, chosen: BoolArray) -> Cells:
    cells: Cells = {}
    for (name, horizon), before in control.items():
        seen = chosen & ~np.isnan(before)
        cell: dict[str, float | None] = {"weeks": None, "control_weeks": None, "persons": int(seen.sum())}
        if seen.any():
            gain = treated[name, horizon][seen] - before[seen]
            cell |= {"weeks": float(gain.mean()), "control_weeks": float(before[seen].mean())}
        cells.setdefault(name, {})[str(horizon)] = cell
    return cells


def _activity(
    about: ArmPeople, codes: CodeList, home: NDArray[np.object_], treated: Weeks, number: int
) -> dict[str, Any]:
    """Return mean weeks in an activity by arm and jobcentre, and its average effect per week of it in the arm.

    The effect is that of the activity on those who take part in it in the arm: their outcome with it minus without,
    everything else as it is in the arm, divided by their mean weeks in it.
    """
    model = about.cohort.model
    spent = {
        CONTROL: _spent(about.cohort, about.control, CONTROL, number),
        about.arm: _spent(about.cohort, about.treated, about.arm, number),
    }
    activities = list(model.activities)
    nobody = {"shares": dict.fromkeys(model.arm_ids, 0.0), "sites": ()}
    activities[number] = activities[number].model_copy(update=nobody)
    without = replace(about.cohort, model=model.model_copy(update={"activities": tuple(activities)}))
    per_week: dict[str, dict[str, float | None]] = {}
    for (name, horizon), weeks in count_weeks(without, codes, weekly_codes(without, about.arm)).items():
        seen = ~np.isnan(weeks)
        total = spent[about.arm][seen].sum()
        gain = (treated[name, horizon] - weeks)[seen].sum()
        per_week.setdefault(name, {})[str(horizon)] = float(gain / total) if total else None
    return {
        "weeks": {arm: float(own.mean()) if len(own) else None for arm, own in spent.items()},
        "jobcentres": {
            jobcentre: {arm: float(own[home == jobcentre].mean()) for arm, own in spent.items()}
            for jobcentre in sorted(set(home))
        },
        "effect_per_week": per_week,
    }


def _spent(cohort: Cohort, matrix: CodeMatrix, arm: str, number: int) -> FloatArray:
    rows, _ = activity_weeks(cohort, matrix, np.full(len(cohort), arm, dtype=object), number)
    return np.bincount(rows, minlength=len(cohort)).astype(np.float64)
