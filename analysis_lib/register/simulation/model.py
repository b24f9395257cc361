"""What a simulated register is like: the `simulation` block of a trial's file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

from pydantic import Field, model_validator

from analysis_lib.parameters import Definition, Id
from analysis_lib.register.simulation.activities import Activation, Activity, ContactPlan
from analysis_lib.register.simulation.consistency import find_problems
from analysis_lib.register.simulation.parts import (
    CONTROL,
    Ages,
    BlankGap,
    Covariates,
    Duration,
    EarlierSpell,
    Effect,
    Entry,
    Ineligible,
    OtherExit,
    Place,
    Recurrence,
    Selection,
    SimulatedArm,
    Span,
    SpellCodes,
)
from analysis_lib.register.simulation.spillover import Spillover
from analysis_lib.register.weeks import IsoWeek, monday

# People who enter too late for the trial do so in these weeks after the last entry week.
LATE_WEEKS = 8
# Those on benefit already when the inflow weeks begin have been so for up to half a year more than the free weeks.
HALF_YEAR = 26


class TruthGroup(Definition):
    """A group of people for which the truth is recorded too."""

    id: Id
    where: dict[str, tuple[str | bool, ...]] = Field(min_length=1)


class TruthSeries(Definition):
    """A weekly share of the people in some states, with and without the effects of a break.

    `persons` are drawn anew for it, so that it is the expected series and not that of the people in the register.
    """

    states: tuple[Id, ...] = Field(min_length=1)
    first_week: IsoWeek
    last_week: IsoWeek
    break_week: IsoWeek
    persons: int = Field(ge=100)


class SimulationModel(Definition):
    """A register to simulate. `persons` counts the eligible; the ineligible come on top.

    `exit_weeks` blank weeks are an exit, so that gaps must be shorter and other exits at least as long.
    `benefit_states` and `horizons_weeks` say for which weeks on benefit the truth is recorded; `truth_outcomes` names
    other sets of states, `truth_groups` groups of people, and `truth_series` a weekly share with a break.
    """

    persons: int = Field(ge=1)
    arms: tuple[SimulatedArm, ...] = (SimulatedArm(id="treated"),)
    span: Span
    entry: Entry
    follow_up_weeks: int = Field(ge=1)
    exit_weeks: int = Field(ge=2)
    benefit_states: tuple[Id, ...] = Field(min_length=1)
    horizons_weeks: tuple[int, ...] = Field(min_length=1)
    truth_outcomes: dict[Id, tuple[Id, ...]] = Field(default_factory=dict)
    truth_groups: tuple[TruthGroup, ...] = ()
    truth_series: TruthSeries | None = None
    duration: Duration
    effects: tuple[Effect, ...] = ()
    ages: Ages
    sites: tuple[Place, ...] = Field(min_length=1)
    elsewhere: tuple[Place, ...] = ()
    covariates: Covariates
    codes: SpellCodes
    activation: tuple[Activation, ...] = ()
    activities: tuple[Activity, ...] = ()
    contacts: tuple[ContactPlan, ...] = ()
    blank_gap: BlankGap
    other_exits: tuple[OtherExit, ...] = ()
    recurrence: Recurrence | None = None
    earlier_spell: EarlierSpell
    ineligible: Ineligible
    spillover: Spillover | None = None

    @model_validator(mode="after")
    def _check(self) -> SimulationModel:
        if problems := find_problems(self):
            raise ValueError("; ".join(problems))
        return self

    @property
    def arm_ids(self) -> tuple[str, ...]:
        """The arms, control first."""
        return (CONTROL, *(arm.id for arm in self.arms))

    def births(self, lowest: int, highest: int) -> tuple[dt.date, dt.date]:
        """Return the first and the last date of birth of people who are `lowest` to `highest` throughout entry."""
        last_entry = monday(self.entry.last_week + LATE_WEEKS)
        return _years_before(last_entry, highest + 1) + dt.timedelta(days=1), _years_before(
            monday(self.entry.first_week), lowest
        )

    def selections(self) -> Iterator[tuple[str, Selection]]:
        """Yield all that is about some of the people, with the name of its key."""
        for key, effects in self.effect_lists():
            yield from ((f"{key}.{number}", effect) for number, effect in enumerate(effects))
        yield from ((f"codes.mix.{number}", share) for number, share in enumerate(self.codes.mix))
        yield from ((f"activation.{number}", rule) for number, rule in enumerate(self.activation))
        yield from ((f"contacts.{number}", plan) for number, plan in enumerate(self.contacts))

    def effect_lists(self) -> Iterator[tuple[str, tuple[Effect, ...]]]:
        """Yield the lists of effects, with their keys."""
        yield "effects", self.effects
        yield from ((f"other_exits.{other.state}.effects", other.effects) for other in self.other_exits)
        if self.recurrence is not None:
            yield "recurrence.return_effects", self.recurrence.return_effects
            yield "recurrence.exit_effects", self.recurrence.exit_effects


def _years_before(day: dt.date, years: int) -> dt.date:
    leap_day = (day.month, day.day) == (2, 29)
    return (day - dt.timedelta(days=leap_day)).replace(year=day.year - years)
