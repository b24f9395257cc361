"""A trial's cases found in a register extract, in the order that the flow shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.errors import DataError
from analysis_lib.parameters import suggest
from analysis_lib.register.codes import CodeList
from analysis_lib.register.extract import Extract
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.layout import TRUTH_FILE
from analysis_lib.register.spells import Spells
from analysis_lib.register.states import inflow, weeks_in_state
from analysis_lib.register.weeks import monday, week_index, week_label
from analysis_lib.results import Message
from analysis_lib.trials.cases import Cases, Chosen, count_flow, in_group, take_outcomes
from analysis_lib.trials.definition import (
    ALL,
    BirthDayRule,
    RegisterData,
    TimeToState,
    Trial,
    WeeksInStates,
)
from analysis_lib.trials.design import birth_day_design
from analysis_lib.trials.outcomes import Durations, Numbers, measure_time_to_state, measure_weeks

UNKNOWN_CODE = Message("a code that the code list does not have, in the weeks before")


def cases_from_extract(
    trial: Trial, extract: Extract, *, codes: CodeList, jobcentres: Jobcentres, jobcentre: str = ALL
) -> Cases:
    """Select the trial's population in an extract, in the order that the flow shows, and measure its outcomes."""
    data, rule = trial.data, trial.assignment
    if not isinstance(data, RegisterData) or not isinstance(rule, BirthDayRule):
        raise DataError(f"trial {trial.id} is not read from a register")
    home = jobcentres.jobcentres_of(extract.persons["municipality"].to_numpy(), trial_year(data, jobcentres))
    unknown = extract.description.unknown_codes(codes)
    entry = _entries(data, extract, codes, list(unknown))
    frame = extract.persons.assign(jobcentre=home, entry=entry.week)
    frame["age"] = _age(frame["birth_date"], entry.week + extract.first_week)
    exclusions = (
        (Message("living outside the trial's jobcentres"), ~np.isin(home, data.jobcentres)),
        (Message("no week on the trial's benefit in the inflow weeks"), ~entry.seen),
        (Message("on the benefit already in the weeks before, so not newly unemployed"), ~entry.new),
        *([(UNKNOWN_CODE, entry.unknown)] if unknown else []),
        (Message("outside the ages of the trial"), ~frame["age"].between(data.age.lowest, data.age.highest).to_numpy()),
    )
    eligible: Chosen = ~np.logical_or.reduce([left_out for _, left_out in exclusions])
    frame = frame[eligible].reset_index(drop=True)
    own, start = extract.spells.take(eligible), frame["entry"].to_numpy()
    history = codes.codes_of(data.history.states)
    frame["benefit_weeks_before"] = weeks_in_state(
        own, history, start=start - data.history.weeks, length=data.history.weeks
    )
    _check_columns(trial, frame, extract)
    design = birth_day_design(rule, frame["birth_date"])
    outcomes = _measure_outcomes(trial, data, own=own, entry=start, codes=codes, unknown=list(unknown))
    flows = {}
    residents = Message("people in the register extract who live in the jobcentre's area")
    for site in data.jobcentres:
        chosen = (frame["jobcentre"] == site).to_numpy()
        part = design.take(chosen), take_outcomes(outcomes, chosen)
        flows[site] = count_flow(residents, home == site, exclusions[1:], *part)
    everybody = Message("people in the register extract")
    cases = Cases(
        trial=trial,
        jobcentre=jobcentre,
        frame=frame,
        design=design,
        outcomes=outcomes,
        flow=count_flow(
            everybody,
            np.full(len(home), True),
            exclusions,
            design,
            outcomes,
            beyond=extract.description.persons - len(home),
        ),
        site_flows=flows,
        observed_to=week_label(extract.last_week),
        simulated=(extract.path / TRUTH_FILE).is_file(),
        codes=codes,
        unknown_code_weeks=sum(unknown.values()),
    )
    if jobcentre == ALL:
        return cases
    return replace(in_group(cases, (frame["jobcentre"] == jobcentre).to_numpy()), flow=flows[jobcentre])


def trial_year(data: RegisterData, jobcentres: Jobcentres) -> int:
    """Return the year of the first entries, or the first one for which the jobcentres are known."""
    return max(monday(week_index(data.entry.first_week)).year, min(jobcentres.years))


def _check_columns(trial: Trial, frame: pd.DataFrame, extract: Extract) -> None:
    """Raise where a covariate or subgroup of the trial asks for a column that the extract has not."""
    asked = [(f"covariate '{c.id}'", c.column) for c in trial.covariates]
    asked += [(f"subgroup '{s.id}'", s.column) for s in trial.subgroups]
    lines = [
        f"{extract.path}: {who} of trial {trial.id} asks for column '{column}', which is not there"
        f"{suggest(column, frame.columns)} (there are: {', '.join(frame.columns)})"
        for who, column in asked
        if column not in frame
    ]
    if lines:
        raise DataError("\n".join(lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entries:
    """What is known of each person's entry, shape (n,).

    Any week on the benefit in the window; a new spell begun there, and its column (0 without one); any week before it
    with a code that the code list does not have.
    """

    seen: Chosen
    new: Chosen
    week: NDArray[np.int64]
    unknown: Chosen


def _entries(data: RegisterData, extract: Extract, codes: CodeList, unknown: Sequence[int]) -> _Entries:
    states, spells = codes.codes_of(data.entry.states), extract.spells
    first, last = (week_index(week) - extract.first_week for week in (data.entry.first_week, data.entry.last_week))
    before = max(data.entry.new_after.weeks, data.history.weeks)
    if first < before or last >= spells.n_weeks:
        have = f"{week_label(extract.first_week)} to {week_label(extract.last_week)}"
        raise DataError(
            f"{extract.path}: holds weeks {have}; must hold {data.entry.first_week} to {data.entry.last_week} "
            f"and {before} weeks before"
        )
    person, week = inflow(spells, states, from_week=first, to_week=last, free_weeks=data.entry.new_after.weeks)
    entry = np.zeros(len(extract.persons), dtype=np.int64)
    entry[person] = week
    new = np.zeros(len(entry), dtype=bool)
    new[person] = True
    unsure = np.zeros(len(entry), dtype=bool)
    if unknown and len(person):
        own = spells.take(person)
        unsure[person] = weeks_in_state(own, unknown, start=week - before, length=before) > 0
    seen: Chosen = weeks_in_state(spells, states, start=first, length=last - first + 1) > 0
    return _Entries(seen=seen, new=new, week=entry, unknown=unsure)


def _age(birth_date: pd.Series[pd.Timestamp], week: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return completed years at the Monday of each person's week."""
    mondays = pd.to_datetime([monday(int(w)) for w in np.unique(week)])
    on = pd.Series(mondays[np.unique(week, return_inverse=True)[1]])
    born = pd.to_datetime(birth_date).reset_index(drop=True)
    had = (on.dt.month > born.dt.month) | ((on.dt.month == born.dt.month) & (on.dt.day >= born.dt.day))
    return (on.dt.year - born.dt.year - (~had)).to_numpy().astype(np.int64)


def _measure_outcomes(
    trial: Trial, data: RegisterData, *, own: Spells, entry: NDArray[np.int64], codes: CodeList, unknown: Sequence[int]
) -> dict[str, Numbers | Durations]:
    measured: dict[str, Numbers | Durations] = {}
    for outcome in trial.outcomes:
        if isinstance(outcome, TimeToState):
            measured[outcome.id] = measure_time_to_state(
                outcome, own, entry, codes.codes_of, follow_up=data.follow_up_weeks, unknown=unknown
            )
        elif isinstance(outcome, WeeksInStates):
            measured[outcome.id] = measure_weeks(outcome, own, entry, codes.codes_of, unknown=unknown)
    return measured
