"""What cases met: their contacts in weeks since entry, and how much of each activity they took part in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.register.codes import CodeList
from analysis_lib.register.declarations import CONTACTS
from analysis_lib.register.extract import Extract
from analysis_lib.register.spells import Spells
from analysis_lib.register.states import weeks_in_state
from analysis_lib.register.weeks import mondays
from analysis_lib.trials.costs import discounted_sum
from analysis_lib.trials.definition import Activity, ContactRule, Costs, ShareInStates
from analysis_lib.trials.outcomes import first_unobserved, measure_shares

Chosen = NDArray[np.bool_]
IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


def find_contacts(extract: Extract, chosen: Chosen, entry: IntArray) -> pd.DataFrame | None:
    """Return the contacts of the people chosen; `None` where the extract has no contacts.

    Parameters
    ----------
    chosen
        Who of the extract's persons is a case, shape (persons,).
    entry
        Column of each case's entry week, shape (n,).

    Returns
    -------
    pandas.DataFrame or None
        One row a contact: `case` (0 to n - 1), `kind`, `type`, `planned_week` and `held_week`, the week since entry
        (the entry week is 0, weeks before it are negative); NaN where it was not planned, or not held.
    """
    if not extract.description.has(CONTACTS.name):
        return None
    contacts = extract.read_table(CONTACTS.name)
    own = contacts[chosen[contacts["row"].to_numpy()]]
    case = (np.cumsum(chosen) - 1)[own["row"].to_numpy()].astype(np.int64)
    monday = mondays(entry + extract.first_week)[case]
    return pd.DataFrame({
        "case": case,
        "kind": own["kind"].to_numpy(),
        "type": own["type"].to_numpy() if "type" in own else np.full(len(own), None, dtype=object),
        "planned_week": _weeks_since(own["planned"], monday),
        "held_week": _weeks_since(own["held"], monday),
    })  # fmt: skip


def _weeks_since(days: pd.Series[pd.Timestamp], monday: NDArray[np.datetime64]) -> FloatArray:
    passed = days.to_numpy().astype("datetime64[D]") - monday
    weeks = np.floor(passed.astype(np.float64) / 7)
    return np.where(days.isna(), np.nan, weeks)


def take_contacts(contacts: pd.DataFrame | None, chosen: Chosen) -> pd.DataFrame | None:
    """Return the contacts of the cases chosen, (n,), who are then counted from 0."""
    if contacts is None:
        return None
    own = contacts[chosen[contacts["case"].to_numpy()]].reset_index(drop=True)
    taken: pd.DataFrame = own.assign(case=(np.cumsum(chosen) - 1)[own["case"].to_numpy()])
    return taken


def is_contact(contacts: pd.DataFrame, rule: ContactRule) -> Chosen:
    """Return which contacts are of the rule's kind and type, shape (contacts,)."""
    wanted = contacts["kind"] == rule.kind
    if rule.type is not None:
        wanted &= contacts["type"] == rule.type
    return wanted.to_numpy(dtype=bool)


def measure_activities(
    activities: Sequence[Activity], contacts: pd.DataFrame | None, spells: Spells, entry: IntArray, codes: CodeList,
    *, unknown: Sequence[int] = (),
) -> Mapping[str, FloatArray]:  # fmt: skip
    """Measure how much of each activity every case took part in, by activity id.

    Parameters
    ----------
    contacts
        As `find_contacts` gives them.
    spells, entry
        The weeks of the n cases, and the column of each one's entry week.
    unknown
        Codes of no known state: the weeks of an activity are not known from the first of them on.

    Returns
    -------
    Mapping
        Contacts held, or weeks, from the entry week to week `horizon` - 1, shape (n,); NaN where not all of these weeks
        were observed, and everywhere where the extract has no contacts to count.
    """
    amounts: dict[str, FloatArray] = {}
    for activity in activities:
        if activity.contacts is None:
            listed = [c for low, high in activity.codes or () for c in range(low, high + 1)]
            listed += codes.codes_of(activity.states or ()).tolist()
            end = first_unobserved(spells, entry, list(unknown))
            amounts[activity.id] = weeks_in_state(spells, listed, start=entry, length=activity.horizon, end=end)
        elif contacts is None:
            amounts[activity.id] = np.full(len(entry), np.nan)
        else:
            held = _count_held(contacts, activity.contacts, len(entry), activity.horizon)
            amounts[activity.id] = np.where(entry + activity.horizon <= spells.n_weeks, held, np.nan)
    return amounts


def _count_held(contacts: pd.DataFrame, rule: ContactRule, n: int, horizon: int) -> FloatArray:
    held = contacts["held_week"].to_numpy()
    counted = is_contact(contacts, rule) & (held >= 0) & (held < horizon)
    return np.bincount(contacts["case"].to_numpy()[counted], minlength=n).astype(np.float64)


def measure_priced_weeks(
    costs: Costs | None, spells: Spells, entry: IntArray, codes: CodeList, *, unknown: Sequence[int] = ()
) -> Mapping[str, FloatArray]:
    """Measure the weeks in the states of every price of weeks, discounted to the entry week, by price id.

    Parameters
    ----------
    costs
        The plan's; its rate discounts, and without a known rate weeks count alike.
    spells, entry, unknown
        As in `measure_activities`.

    Returns
    -------
    Mapping
        Weeks among the first `horizon_weeks`, shape (n,); NaN where not all of them were observed.
    """
    amounts: dict[str, FloatArray] = {}
    for price in () if costs is None else costs.prices:
        if price.states is None or costs is None:
            continue
        asked = ShareInStates(
            id=price.id, label=price.label, kind="share_in_states", states=price.states, horizon=costs.horizon_weeks
        )
        weekly = measure_shares(asked, spells, entry, codes.codes_of, unknown=unknown).values
        known = ~np.isnan(weekly).any(axis=1)
        amounts[price.id] = np.full(len(entry), np.nan)
        amounts[price.id][known] = discounted_sum(weekly[known], yearly_rate=costs.discount_rate.value or 0.0)
    return amounts
