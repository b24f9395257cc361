"""Draw a register: the people, their weeks in the arm they are in, their contacts, and what is true of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import suggest
from analysis_lib.register.codes import CodeList
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.simulation.averages import BENEFIT, ArmPeople, arm_truth
from analysis_lib.register.simulation.contacts import draw_contacts
from analysis_lib.register.simulation.known import check_known
from analysis_lib.register.simulation.latent import Cohort, draw_latent, streams
from analysis_lib.register.simulation.model import SimulationModel
from analysis_lib.register.simulation.parts import CONTROL, INELIGIBLE
from analysis_lib.register.simulation.people import ELIGIBLE, People, draw_people
from analysis_lib.register.simulation.series import series_truth
from analysis_lib.register.simulation.spillover_draw import draw_untouched, spillover_truth
from analysis_lib.register.simulation.weekly import CodeMatrix, weekly_codes

TREATED = "treated"
ArmArray = NDArray[np.object_]
Assigned = Callable[[pd.DataFrame], NDArray[Any]]


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
    contacts
        One row a meeting or offer; declared columns, sorted by person and planned day. None where the model has none.
        People whom the trial cannot have touched have none.
    truth
        Plain numbers and texts, to be written beside the data. By arm: exact medians, means and hazard ratios, and
        the average effects on the eligible people (arm minus control) by outcome, group and jobcentre; with one arm
        also at the top. A series with and without its break; what the trial does to its controls; counts of people,
        the seed and the model.
    """

    persons: pd.DataFrame
    codes: NDArray[np.int16]
    first_week: int
    contacts: pd.DataFrame | None
    truth: dict[str, Any]


def simulate_register(
    model: SimulationModel,
    *,
    assigned: Assigned | None,
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
        Says from the persons' frame, n rows, who is in which arm: ids, shape (n,), or for the one arm `treated` whether
        they are in it; the trial's design gives it. Only the eligible are. None where the model has no arms.
    codes, jobcentres
        What an extract may hold.
    persons
        Eligible people, in place of the model's number.

    Raises
    ------
    DefinitionError
        Where the model draws what an extract may not hold.
    InvalidInput
        Where `persons` is below 1, or `assigned` does not answer for everybody with arms that they can be in.
    """
    check_known(model, codes, jobcentres)
    seed = _seed(rng)
    children = streams(rng)
    people = draw_people(model, model.persons if persons is None else persons, rng)
    cohort = Cohort(model=model, people=people, latent=draw_latent(model, people, rng, children))
    arm = _ask(assigned, model, people)
    matrix, arms = _put_in_arms(cohort, arm, codes, jobcentres)
    truth = _single_arm(model, arms) | {"arms": arms}
    if model.truth_series is not None:
        truth["series"] = series_truth(model, model.truth_series, codes, children["series"])
    truth |= {"counts": _counts(model, people, arm), "seed": seed, "model": model.model_dump(mode="json")}
    register = SimulatedRegister(
        persons=people.frame,
        codes=matrix,
        first_week=model.span.first_week,
        contacts=draw_contacts(cohort, matrix, arm, children["contacts"]),
        truth=truth,
    )
    return _with_untouched(register, cohort, arm, codes, children["spillover"])


def _with_untouched(
    register: SimulatedRegister, cohort: Cohort, arm: ArmArray, codes: CodeList, rng: np.random.Generator
) -> SimulatedRegister:
    """Return the register with the people whom the trial cannot have touched, after all others and their draws."""
    plan, eligible = cohort.model.spillover, cohort.people.eligible
    if plan is None:
        return register
    rows = np.flatnonzero(eligible & (arm == CONTROL))
    truth = spillover_truth(cohort.take(rows), plan, codes, register.codes[rows])
    others = draw_untouched(cohort.model, plan, int(eligible.sum()), after=len(cohort), codes=codes, rng=rng)
    persons = pd.concat([register.persons, others.frame], ignore_index=True)
    counts = register.truth["counts"] | others.counts | {"persons": len(persons)}
    return replace(
        register,
        persons=persons,
        codes=np.vstack([register.codes, others.codes]),
        truth=register.truth | {"spillover": truth, "counts": counts},
    )


def _put_in_arms(
    cohort: Cohort, arm: ArmArray, codes: CodeList, jobcentres: Jobcentres
) -> tuple[CodeMatrix, dict[str, Any]]:
    """Return everybody's weeks in their own arm, shape (n, n_weeks), and what is true of each arm."""
    control = weekly_codes(cohort, CONTROL)
    matrix, truth = control.copy(), {}
    for own in cohort.model.arms:
        rows = np.flatnonzero(cohort.people.eligible & cohort.people.living_in(own.municipalities))
        theirs = cohort.take(rows)
        treated = weekly_codes(theirs, own.id)
        inside = arm[rows] == own.id
        matrix[rows[inside]] = treated[inside]
        about = ArmPeople(arm=own.id, cohort=theirs, control=control[rows], treated=treated)
        truth[own.id] = arm_truth(about, codes, jobcentres)
    return matrix, truth


def _ask(assigned: Assigned | None, model: SimulationModel, people: People) -> ArmArray:
    """Return everybody's arm, control for those who are not the trial's."""
    n = len(people)
    if assigned is None:
        if model.arms:
            raise InvalidInput(f"assigned is missing; must say who is in {', '.join(model.arm_ids)}")
        return np.full(n, CONTROL, dtype=object)
    answer = np.asarray(assigned(people.frame.copy()))
    if answer.dtype == np.bool_ and model.arm_ids == (CONTROL, TREATED):
        answer = np.where(answer, TREATED, CONTROL)
    if answer.dtype.kind not in "OUT" or answer.shape != (n,):
        raise InvalidInput(f"assigned answers {answer.dtype} of shape {answer.shape}; must be arms of {n} people")
    answer = np.where(people.eligible, answer, CONTROL).astype(object)
    for name in sorted(set(answer)):
        if name not in model.arm_ids:
            known = ", ".join(model.arm_ids)
            raise InvalidInput(f"assigned answers '{name}'; must be one of {known}{suggest(str(name), model.arm_ids)}")
    for own in model.arms:
        away = (answer == own.id) & ~people.living_in(own.municipalities)
        if away.any():
            place = people.frame["municipality"].to_numpy()[away][0]
            raise InvalidInput(
                f"assigned puts {int(away.sum())} people in {own.id} who live elsewhere, one in {place}; "
                f"must be municipalities {', '.join(map(str, own.municipalities))}"
            )
    return answer


def _single_arm(model: SimulationModel, arms: dict[str, Any]) -> dict[str, Any]:
    """Return what stands at the top where there is one arm: its exact numbers and the effects on weeks on benefit."""
    if len(model.arms) != 1:
        return {}
    (own,) = arms.values()
    exact = {
        key: value for key, value in own["time_to_exit"].items() if key not in ("exact", "reason", "hazard_ratios")
    }
    windows = own["time_to_exit"].get("hazard_ratios") or []
    ratio = {"hazard_ratio": windows[0]["hazard_ratio"]} if len(windows) == 1 else {}
    benefit = own["average_effects"][BENEFIT]
    weeks = {h: {"weeks": cell["weeks"], "persons": cell["persons"]} for h, cell in benefit.items()}
    return exact | ratio | {"average_effects": weeks}


def _counts(model: SimulationModel, people: People, arm: ArmArray) -> dict[str, int]:
    kinds = {kind: int((people.kind == kind).sum()) for kind in (ELIGIBLE, *INELIGIBLE)}
    arms = {name: int(((arm == name) & people.eligible).sum()) for name in model.arm_ids}
    return {"persons": len(people)} | kinds | arms


def _seed(rng: np.random.Generator) -> dict[str, Any]:
    sequence = getattr(rng.bit_generator, "seed_seq", None)
    if not isinstance(sequence, np.random.SeedSequence):
        raise InvalidInput("rng has no seed to record; must be made by numpy.random.default_rng")
    entropy = sequence.entropy
    entropy = entropy if entropy is None or isinstance(entropy, int) else [int(part) for part in entropy]
    return {"entropy": entropy, "spawn_key": list(sequence.spawn_key)}
