"""A trial's cases found in a register extract, in the order that the flow shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.errors import DataError, DefinitionError
from analysis_lib.parameters import suggest
from analysis_lib.register.codes import CodeList
from analysis_lib.register.extract import Extract
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.layout import TRUTH_FILE
from analysis_lib.register.spells import Spells
from analysis_lib.register.states import weeks_in_state
from analysis_lib.register.weeks import monday, week_index, week_label
from analysis_lib.results import Message
from analysis_lib.trials.calendar_weeks import calendar_weeks
from analysis_lib.trials.cases import Cases, Chosen, count_flow, in_group, take_outcomes
from analysis_lib.trials.definition import (
    ALL,
    BirthDayRule,
    BirthYearParity,
    NotRandomised,
    RegisterData,
    ShareInStates,
    TimeToState,
    Trial,
    WeeksInStates,
)
from analysis_lib.trials.design import Design
from analysis_lib.trials.design.rules import birth_design, cohort_design
from analysis_lib.trials.entries import UNKNOWN_CODE, Exclusion, find_entries
from analysis_lib.trials.flow import Flow
from analysis_lib.trials.groups import OTHER_STRATUM, stratum_members
from analysis_lib.trials.outcomes import (
    Durations,
    Measured,
    measure_returns,
    measure_shares,
    measure_time_to_state,
    measure_weeks,
)
from analysis_lib.trials.participation import find_contacts, measure_activities, measure_priced_weeks

__all__ = ["UNKNOWN_CODE", "People", "cases_from_extract", "find_people", "measure_outcomes", "trial_year"]

EVERYBODY = Message("people in the register extract")


def cases_from_extract(
    trial: Trial,
    extract: Extract,
    *,
    codes: CodeList,
    jobcentres: Jobcentres,
    jobcentre: str = ALL,
    stratum: str | None = None,
) -> Cases:
    """Select the trial's population in an extract, in the order that the flow shows, and measure what was asked for.

    Parameters
    ----------
    jobcentre
        One of the trial's, or `all`.
    stratum
        One of the groups that are analysed apart; without, everybody.

    Raises
    ------
    DefinitionError
        Where the trial has no such stratum.
    DataError
        Where the trial is not read from a register, or the extract lacks weeks or columns that it asks for.
    """
    found = find_people(trial, extract, codes, jobcentres)
    cases = _measure(trial, extract, codes, found)
    exclusions = found.exclusions
    if stratum is not None:
        inside = stratum_members(trial, found.frame, stratum, str(extract.path))
        outside = np.zeros(len(found.eligible), dtype=bool)
        outside[found.eligible] = ~inside
        exclusions = (*exclusions, (OTHER_STRATUM, outside))
        cases = replace(in_group(cases, inside), stratum=stratum)
    flows = _site_flows(cases, found.home, exclusions)
    beyond = extract.description.persons - len(found.home)
    whole = count_flow(
        EVERYBODY, np.full(len(found.home), True), exclusions, cases.design, cases.outcomes, beyond=beyond
    )
    cases = replace(cases, flow=whole, site_flows=flows)
    if jobcentre == ALL:
        return cases
    own = (cases.frame["jobcentre"] == jobcentre).to_numpy()
    here = trial.at(jobcentre)
    arms = tuple(arm for arm in cases.design.arms if not here.assignment.arms or arm in _ids(here))
    part = in_group(cases, own)
    flow = replace(flows[jobcentre], arms=tuple(count for count in flows[jobcentre].arms if count.arm in arms))
    return replace(part, trial=here, jobcentre=jobcentre, design=replace(part.design, arms=arms), flow=flow)


def _ids(trial: Trial) -> list[str]:
    return [arm.id for arm in trial.assignment.arms]


def trial_year(data: RegisterData, jobcentres: Jobcentres) -> int:
    """Return the year of the first entries, or the first one for which the jobcentres are known."""
    return max(monday(week_index(data.entry.first_week)).year, min(jobcentres.years))


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Everybody in the extract, and the frame of those who are eligible.

    `home`, `eligible` and the exclusions are of shape (persons,); `frame` and `entry` of the n eligible.
    """

    home: NDArray[np.object_]
    eligible: Chosen
    exclusions: tuple[Exclusion, ...]
    frame: pd.DataFrame
    unknown: Sequence[int]

    @property
    def entry(self) -> NDArray[np.int64]:
        """Column of the entry week, shape (n,)."""
        entry: NDArray[np.int64] = self.frame["entry"].to_numpy()
        return entry

    def design(self, trial: Trial) -> Design:
        """Return how the trial's rule assigns the eligible."""
        rule, frame = trial.assignment, self.frame
        if isinstance(rule, NotRandomised):
            return cohort_design(len(frame))
        if not isinstance(rule, BirthDayRule | BirthYearParity):
            raise DefinitionError(f"trial {trial.id}: assignment.rule {rule.rule} does not fit a register")
        return birth_design(rule, frame["birth_date"], frame["site"].to_numpy())


def find_people(trial: Trial, extract: Extract, codes: CodeList, jobcentres: Jobcentres) -> People:
    """Find who of an extract is the trial's, and why others are not.

    Raises
    ------
    DataError
        Where the trial is not read from a register, or the extract lacks weeks or columns that it asks for.
    """
    data = trial.data
    if not isinstance(data, RegisterData):
        raise DataError(f"trial {trial.id} is not read from a register")
    home = jobcentres.jobcentres_of(extract.persons["municipality"].to_numpy(), trial_year(data, jobcentres))
    unknown = list(extract.description.unknown_codes(codes))
    entries = find_entries(data, extract, codes, unknown)
    frame = extract.persons.assign(jobcentre=home, entry=entries.week)
    frame["age"] = _age(frame["birth_date"], entries.week + extract.first_week)
    exclusions = (
        (Message("living outside the trial's jobcentres"), ~np.isin(home, data.jobcentres)),
        *entries.exclusions,
        (Message("outside the ages of the trial"), ~frame["age"].between(data.age.lowest, data.age.highest).to_numpy()),
    )
    eligible: Chosen = ~np.logical_or.reduce([left_out for _, left_out in exclusions])
    frame = frame[eligible].reset_index(drop=True)
    frame["site"] = frame["jobcentre"].map(data.site_of).to_numpy(dtype=object)
    frame["benefit_weeks_before"] = weeks_in_state(
        extract.spells.take(eligible),
        codes.codes_of(data.history.states),
        start=frame["entry"].to_numpy() - data.history.weeks,
        length=data.history.weeks,
    )
    _check_columns(trial, frame, extract)
    return People(home=home, eligible=eligible, exclusions=exclusions, frame=frame, unknown=unknown)


def _measure(trial: Trial, extract: Extract, codes: CodeList, found: People) -> Cases:
    """Return the eligible as cases, their flows still to be counted."""
    own, unknown = extract.spells.take(found.eligible), found.unknown
    contacts = find_contacts(extract, found.eligible, found.entry)
    outcomes = measure_outcomes(trial, own=own, entry=found.entry, codes=codes, unknown=unknown)
    return Cases(
        trial=trial,
        jobcentre=ALL,
        frame=found.frame,
        design=found.design(trial),
        outcomes=outcomes,
        flow=Flow(start_label=EVERYBODY, start=0, exclusions=(), arms=()),
        site_flows={},
        first_week=extract.first_week,
        observed_to=week_label(extract.last_week),
        simulated=(extract.path / TRUTH_FILE).is_file(),
        codes=codes,
        unknown_code_weeks=sum(extract.description.unknown_codes(codes).values()),
        contacts=contacts,
        activities=measure_activities(trial.activities, contacts, own, found.entry, codes, unknown=unknown),
        priced_weeks=measure_priced_weeks(trial.costs, own, found.entry, codes, unknown=unknown),
        series=calendar_weeks(trial.series, own, extract, codes, unknown=unknown) if trial.series else None,
        returns=_measure_returns(trial, outcomes, own=own, entry=found.entry, codes=codes, unknown=unknown),
    )


def _site_flows(cases: Cases, home: NDArray[np.object_], exclusions: tuple[Exclusion, ...]) -> dict[str, Flow]:
    residents = Message("people in the register extract who live in the jobcentre's area")
    flows = {}
    for site in cases.trial.data.jobcentres:
        chosen = (cases.frame["jobcentre"] == site).to_numpy()
        part = cases.design.take(chosen), take_outcomes(cases.outcomes, chosen)
        flows[site] = count_flow(residents, home == site, exclusions[1:], *part)
    return flows


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


def _age(birth_date: pd.Series[pd.Timestamp], week: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return completed years at the Monday of each person's week."""
    mondays = pd.to_datetime([monday(int(w)) for w in np.unique(week)])
    on = pd.Series(mondays[np.unique(week, return_inverse=True)[1]])
    born = pd.to_datetime(birth_date).reset_index(drop=True)
    had = (on.dt.month > born.dt.month) | ((on.dt.month == born.dt.month) & (on.dt.day >= born.dt.day))
    return (on.dt.year - born.dt.year - (~had)).to_numpy().astype(np.int64)


def measure_outcomes(
    trial: Trial, *, own: Spells, entry: NDArray[np.int64], codes: CodeList, unknown: Sequence[int]
) -> dict[str, Measured]:
    """Measure the trial's outcomes of n people.

    Parameters
    ----------
    own
        Their weeks.
    entry
        (n,) column of the entry week.
    unknown
        Codes of no known state, that end observation.
    """
    follow_up = trial.data.follow_up_weeks if isinstance(trial.data, RegisterData) else 0
    measured: dict[str, Measured] = {}
    for outcome in trial.outcomes:
        if isinstance(outcome, TimeToState):
            measured[outcome.id] = measure_time_to_state(
                outcome, own, entry, codes.codes_of, follow_up=follow_up, unknown=unknown
            )
        elif isinstance(outcome, WeeksInStates):
            measured[outcome.id] = measure_weeks(outcome, own, entry, codes.codes_of, unknown=unknown)
        elif isinstance(outcome, ShareInStates):
            measured[outcome.id] = measure_shares(outcome, own, entry, codes.codes_of, unknown=unknown)
    return measured


def _measure_returns(
    trial: Trial, outcomes: Mapping[str, Measured], *, own: Spells, entry: NDArray[np.int64], codes: CodeList,
    unknown: Sequence[int],
) -> Durations | None:  # fmt: skip
    asked = trial.inference.recurrence
    if asked is None:
        return None
    outcome = next(o for o in trial.outcomes if o.id == asked.outcome)
    first = outcomes[asked.outcome]
    if not isinstance(outcome, TimeToState) or not isinstance(first, Durations):
        raise DefinitionError(f"trial {trial.id}: inference.recurrence.outcome must be of kind time_to_state")
    follow_up = trial.data.follow_up_weeks if isinstance(trial.data, RegisterData) else 0
    return measure_returns(
        asked, outcome, first, own, entry, codes_of=codes.codes_of, follow_up=follow_up, unknown=unknown
    )
