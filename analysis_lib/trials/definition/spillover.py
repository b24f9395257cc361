"""What the plan compares to see whether the trial touched those who were not treated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from analysis_lib.parameters import Id, Sourced
from analysis_lib.register.weeks import week_index
from analysis_lib.trials.definition.data import LongTerm, RegisterData, Site, WeekSpan, check_distinct
from analysis_lib.trials.definition.outcomes import WeeksInStates

if TYPE_CHECKING:
    from analysis_lib.trials.definition.trial import Trial


class Spillover(Sourced):
    """Differences-in-differences of people in no treated group: the trial's areas against others, before and during it.

    The weeks of entry during the trial are those of `data.entry`. Its mark and source are about the choice of areas.

    Attributes
    ----------
    outcome
        One of the trial's outcomes of kind `weeks_in_states`.
    before
        The weeks of entry before the trial.
    areas
        Areas without the trial, as large as the trial's sites.
    unit
        What counts as one area: a site (the trial was put into whole counties), or each jobcentre by itself.
    weight
        Whether an area counts by its people, or each the same.
    """

    outcome: Id
    before: WeekSpan
    areas: tuple[Site, ...] = Field(min_length=1)
    unit: Literal["site", "jobcentre"]
    weight: Literal["people", "areas"]

    @model_validator(mode="after")
    def _areas_once(self) -> Spillover:
        check_distinct("areas", [area.id for area in self.areas])
        check_distinct("jobcentres of areas", list(self.jobcentres))
        return self

    @property
    def jobcentres(self) -> tuple[str, ...]:
        """The jobcentres of all areas, in the file's order."""
        return tuple(jobcentre for area in self.areas for jobcentre in area.jobcentres)


def spillover_problems(trial: Trial) -> Iterator[str]:
    """Yield what does not fit between `spillover` and the rest of a trial's file."""
    plan, data = trial.spillover, trial.data
    if plan is None:
        return
    if not isinstance(data, RegisterData) or not trial.randomised:
        yield "spillover needs people of a register and a control group to compare with"
        return
    for name in sorted(set(data.jobcentres) & set(plan.jobcentres)):
        yield f"spillover.areas has the trial's own jobcentre {name}; must be areas without the trial"
    if trial.strata:
        yield "spillover is of all people together; must be left out where strata are analysed apart"
    if any(arm.sites for arm in trial.assignment.arms):
        yield "spillover needs arms alike at all sites: an area without the trial has no arms of its own"
    if trial.inference.randomization_draws is None:
        yield "inference.randomization_draws is missing; spillover needs it"
    yield from _time_problems(trial, plan, data)


def _time_problems(trial: Trial, plan: Spillover, data: RegisterData) -> Iterator[str]:
    """Yield what is wrong with the weeks before: they end, and the outcome of their people too, before the trial."""
    if isinstance(data.entry, LongTerm):
        yield "spillover.before is weeks of entry; data.entry must be of kind inflow or stock_and_inflow"
        return
    weeks = {outcome.id: outcome for outcome in trial.outcomes if isinstance(outcome, WeeksInStates)}
    outcome = weeks.get(plan.outcome)
    if outcome is None:
        listed = ", ".join(weeks) or "none: there are none"
        yield f"spillover.outcome is '{plan.outcome}'; must be one of kind weeks_in_states: {listed}"
        return
    room = week_index(data.entry.first_week) - week_index(plan.before.last_week)
    if room < 1:
        yield f"spillover.before ends in {plan.before.last_week}; must end before the trial's {data.entry.first_week}"
    elif room < outcome.horizon:
        yield (
            f"spillover.before ends in {plan.before.last_week}, {room} weeks before the trial's first week; must be "
            f"{outcome.horizon} or more, or the trial would touch outcome '{outcome.id}' of those who entered before"
        )
