"""The cases of a trial: who they are, their arm, covariates and outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.register.codes import CodeList
from analysis_lib.results import Message
from analysis_lib.trials.calendar_weeks import CalendarWeeks
from analysis_lib.trials.definition import Trial
from analysis_lib.trials.design import Design
from analysis_lib.trials.flow import ArmCount, Flow, FlowStep
from analysis_lib.trials.outcomes import Durations, Measured, Numbers, Weekly
from analysis_lib.trials.participation import take_contacts

Chosen = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """The analysis sample of a trial at one jobcentre, or at all.

    Attributes
    ----------
    trial, jobcentre
        What and where (`all` for everywhere).
    frame
        (n, columns) one row a case: covariates and, from a register, `jobcentre` and `site`.
    design
        The assignment of the same n cases; one arm, `cohort`, where nobody was drawn.
    outcomes
        By outcome id, each of shape (n,).
    flow
        Counts from the register to the sample.
    site_flows
        The flow of every jobcentre of the trial: what disclosure control needs to know about the other pages.
    first_week
        Week index of the register's first week, from which the frame's `entry` counts; 0 for a file.
    observed_to
        The last week observed, or empty for a file.
    simulated
        Whether the people were drawn by the simulator.
    codes
        The code list that a register was read with.
    unknown_code_weeks
        Person-weeks of the whole register with a code that the list does not have.
    stratum
        The group analysed apart that the cases are of; empty for all.
    contacts
        The cases' contacts, as `participation.find_contacts` gives them; `None` without any to read.
    activities
        By activity id, how much of it each case took part in, shape (n,); NaN where it is not known.
    priced_weeks
        By price id, the weeks in the states that it is a price of, discounted by the plan's rate, shape (n,); NaN where
        not all of the horizon was observed.
    series
        The cases' weeks by the calendar, where the trial has a series.
    returns
        Time from the exit to the return, where the plan has a recurrence; 0 of those who did not leave.
    """

    trial: Trial
    jobcentre: str
    frame: pd.DataFrame
    design: Design
    outcomes: Mapping[str, Measured]
    flow: Flow
    site_flows: Mapping[str, Flow]
    observed_to: str
    simulated: bool
    first_week: int = 0
    codes: CodeList | None = None
    unknown_code_weeks: int = 0
    stratum: str = ""
    contacts: pd.DataFrame | None = None
    activities: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    priced_weeks: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    series: CalendarWeeks | None = None
    returns: Durations | None = None

    def __len__(self) -> int:
        return len(self.frame)


def count_flow(
    start: Message,
    here: Chosen,
    exclusions: tuple[tuple[Message, Chosen], ...],
    design: Design,
    outcomes: Mapping[str, Measured],
    *,
    beyond: int = 0,
) -> Flow:
    """Count the flow from the people of the data to the cases.

    Parameters
    ----------
    start
        Who stands at the start.
    here
        Whether each person of the data stands there, shape (people,).
    exclusions
        Each reason with whom it leaves out, shape (people,), in the order in which they apply.
    design, outcomes
        Those of the cases left.
    beyond
        People of the register who were not read, because the first reason leaves them out.
    """
    left = here.copy()
    steps: list[FlowStep] = []
    for reason, left_out in exclusions:
        steps.append(FlowStep(reason=reason, count=int((left & left_out).sum()) + (0 if steps else beyond)))
        left &= ~left_out
    known = {name: _known(measured) for name, measured in outcomes.items()}
    arms = tuple(
        ArmCount(
            arm=arm,
            assigned=int((design.arm == arm).sum()),
            outcome_known={name: int((seen & (design.arm == arm)).sum()) for name, seen in known.items()},
        )
        for arm in (*design.arms[1:], design.arms[0])
    )
    return Flow(start_label=start, start=int(here.sum()) + beyond, exclusions=tuple(steps), arms=arms)


def _known(measured: Measured) -> Chosen:
    """Return whose outcome is known, shape (n,)."""
    if isinstance(measured, Durations):
        return np.full(len(measured.time), True)
    if isinstance(measured, Weekly):
        return np.asarray(~np.isnan(measured.values).any(axis=1))
    return np.asarray(~np.isnan(measured.values))


def in_group(cases: Cases, chosen: Chosen) -> Cases:
    """Return the cases chosen, (n,), with the flows of the whole."""
    return replace(
        cases,
        frame=cases.frame[chosen].reset_index(drop=True),
        design=cases.design.take(chosen),
        outcomes=take_outcomes(cases.outcomes, chosen),
        contacts=take_contacts(cases.contacts, chosen),
        activities={name: amount[chosen] for name, amount in cases.activities.items()},
        priced_weeks={name: weeks[chosen] for name, weeks in cases.priced_weeks.items()},
        series=None if cases.series is None else cases.series.take(chosen),
        returns=None if cases.returns is None else cases.returns.take(chosen),
    )


def take_outcomes(outcomes: Mapping[str, Measured], chosen: Chosen) -> dict[str, Measured]:
    """Return the outcomes of the cases chosen, (n,)."""
    taken: dict[str, Measured] = {}
    for name, measured in outcomes.items():
        if isinstance(measured, Numbers):
            taken[name] = Numbers(values=measured.values[chosen])
        elif isinstance(measured, Weekly):
            taken[name] = Weekly(values=measured.values[chosen])
        else:
            taken[name] = measured.take(chosen)
    return taken
