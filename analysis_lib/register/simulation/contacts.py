"""Meetings and offers of a simulated register: planned and held while people are on the benefit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.register.declarations import CONTACTS, PERSON_ID
from analysis_lib.register.simulation.activities import Activation, ContactPlan
from analysis_lib.register.simulation.latent import Cohort
from analysis_lib.register.simulation.weekly import CodeMatrix, is_activated, joins_activity
from analysis_lib.register.weeks import monday

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ArmArray = NDArray[np.object_]
Part = dict[str, NDArray[Any]]
WORKING_DAYS = 5
WEEK = 7


def on_benefit(cohort: Cohort, codes: CodeMatrix, rows: IntArray, columns: IntArray) -> BoolArray:
    """Return whether people carry the code of their benefit or of activation; `rows` and `columns` of one shape."""
    latent = cohort.latent
    inside = (columns >= 0) & (columns < codes.shape[1])
    found = codes[rows, np.clip(columns, 0, codes.shape[1] - 1)]
    known = (found == latent.benefit[rows]) | (found == latent.activation[rows])
    there: BoolArray = inside & (found > 0) & known
    return there


def activity_weeks(cohort: Cohort, codes: CodeMatrix, arm: ArmArray, number: int) -> tuple[IntArray, IntArray]:
    """Return rows and columns of the weeks that are spent in an activity, on the benefit.

    Parameters
    ----------
    codes
        The weeks of the n people of the cohort, shape (n, n_weeks), each in their own arm.
    arm
        Shape (n,).
    number
        Which of the model's activities.
    """
    latent, activity = cohort.latent, cohort.model.activities[number]
    joins = np.zeros(len(cohort), dtype=np.bool_)
    for name in cohort.model.arm_ids:
        joins |= (arm == name) & joins_activity(cohort, name, number)
    person = np.flatnonzero(joins)
    step = np.arange(activity.longest_weeks)
    first = (latent.entry[person] + latent.begins[person, number]).astype(np.int64)
    rows, columns = np.broadcast_arrays(person[:, None], first[:, None] + step)
    spent = (step < latent.lasts[person, number][:, None]) & on_benefit(cohort, codes, rows, columns)
    return rows[spent], columns[spent]


def draw_contacts(cohort: Cohort, codes: CodeMatrix, arm: ArmArray, rng: np.random.Generator) -> pd.DataFrame | None:
    """Draw the contacts table, one row a meeting or offer, or nothing where the model has none.

    Parameters
    ----------
    codes
        The register, shape (n, n_weeks).
    arm
        Each person's arm, shape (n,); those who are not the trial's are in the control arm.

    Returns
    -------
    pandas.DataFrame
        The declared columns, sorted by person and planned day.
    """
    model = cohort.model
    parts = [_draw_plan(cohort, plan, codes, arm, rng) for plan in model.contacts]
    parts += [_offers(cohort, rule, rule.offer, codes, arm) for rule in model.activation if rule.offer is not None]
    weekday = rng.integers(0, WORKING_DAYS, size=len(cohort))
    for number, activity in enumerate(model.activities):
        rows, columns = activity_weeks(cohort, codes, arm, number)
        day = WEEK * columns + weekday[rows]
        parts.append(_part(rows, "offer", activity.type, day, day))
    if not parts:
        return None
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.lexsort([table["planned"], table["row"]])
    ids, first = cohort.people.frame[PERSON_ID.name].to_numpy(), np.datetime64(monday(model.span.first_week), "D")
    frame = {
        PERSON_ID.name: ids[table["row"][order]],
        "kind": table["kind"][order],
        "type": table["type"][order],
        "planned": _dates(first, table["planned"][order]),
        "held": _dates(first, table["held"][order]),
    }
    return pd.DataFrame({name: frame[name] for name in CONTACTS.names})


def _draw_plan(cohort: Cohort, plan: ContactPlan, codes: CodeMatrix, arm: ArmArray, rng: np.random.Generator) -> Part:
    """Draw the contacts of one plan: days counted from the register's first, -1 for not held."""
    n = len(cohort)
    weekday = rng.integers(0, WORKING_DAYS, size=n)
    chosen = (rng.random(n) < plan.share) & cohort.people.selected(plan)
    person = np.flatnonzero(chosen & (np.full(n, plan.arm is None) | (arm == plan.arm)))
    last = codes.shape[1] if plan.weeks[1] is None else min(plan.weeks[1], codes.shape[1])
    steps = np.arange(plan.weeks[0], last, plan.every_weeks)
    rows, columns = np.broadcast_arrays(person[:, None], cohort.latent.entry[person].astype(np.int64)[:, None] + steps)
    due = on_benefit(cohort, codes, rows, columns)
    rows, columns = rows[due], columns[due]
    day = WEEK * columns + weekday[rows]
    late = day + rng.integers(0, plan.longest_delay_days + 1, size=len(day))
    late += np.where(late % WEEK >= WORKING_DAYS, WEEK - late % WEEK, 0)
    held = (rng.random(len(day)) < plan.held) & on_benefit(cohort, codes, rows, late // WEEK)
    return _part(rows, plan.kind, plan.type, day, np.where(held, late, -1))


def _offers(cohort: Cohort, rule: Activation, offer: str, codes: CodeMatrix, arm: ArmArray) -> Part:
    """Return the offers of activation, begun on the Monday of its first week."""
    latent = cohort.latent
    rows = np.flatnonzero(is_activated(cohort, rule) & (arm == rule.arm))
    columns = (latent.entry[rows] + rule.from_week).astype(np.int64)
    begun = on_benefit(cohort, codes, rows, columns)
    begun &= codes[rows, np.clip(columns, 0, codes.shape[1] - 1)] == latent.activation[rows]
    day = WEEK * columns[begun]
    return _part(rows[begun], "offer", offer, day, day)


def _part(rows: IntArray, kind: str, type_: str, planned: IntArray, held: IntArray) -> Part:
    n = len(rows)
    return {
        "row": rows, "kind": np.full(n, kind, dtype=object), "type": np.full(n, type_, dtype=object),
        "planned": planned, "held": held,
    }  # fmt: skip


def _dates(first: np.datetime64, days: IntArray) -> NDArray[np.datetime64]:
    dates = first + np.maximum(days, 0)
    return np.where(days < 0, np.datetime64("NaT"), dates).astype("datetime64[s]")
