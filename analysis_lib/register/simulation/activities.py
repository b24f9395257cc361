"""The parts of a `simulation` block that say what people meet while on benefit: activation, activities, contacts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from analysis_lib.parameters import Definition, Id, Sourced
from analysis_lib.register.simulation.parts import Selection

MAIN = "main"
"""What an activity's effect calls the exit to lasting self-support."""


class Activation(Selection):
    """Weeks of the spell from `from_week` on that carry an activation code, for a share of those selected and there.

    With `offer` the beginning of each is a contact of kind offer and that type too.
    """

    arm: Id
    from_week: int = Field(ge=1)
    weeks: int = Field(ge=1)
    share: float = Field(ge=0, le=1)
    offer: str | None = None


class ActivityEffect(Sourced):
    """What an activity multiplies the hazard of an exit by: of a state of `other_exits`, or of `main`.

    `during` the activity, from its `start` to the end of the spell, or `after` it.
    """

    exit: Id
    hazard_ratio: float = Field(gt=0)
    when: Literal["during", "start", "after"] = "start"


class ActivityShares(Definition):
    """Who takes part in some municipalities: a share of each arm."""

    municipalities: tuple[int, ...] = Field(min_length=1)
    shares: dict[Id, float]


class Activity(Sourced):
    """Something that a share of the people in the spell begin in one of some weeks, for some weeks.

    A person who would take part at some share also does at any higher one, in whatever arm. Each week of it that is
    spent on the benefit is a contact of kind offer and this `type`.
    """

    id: Id
    type: str = Field(min_length=1)
    from_week: int = Field(ge=1)
    to_week: int
    shortest_weeks: int = Field(ge=1)
    longest_weeks: int
    shares: dict[Id, float]
    sites: tuple[ActivityShares, ...] = ()
    effects: tuple[ActivityEffect, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Activity:
        if self.to_week < self.from_week or self.longest_weeks < self.shortest_weeks:
            raise ValueError(f"{self.id} needs from_week and to_week, shortest_weeks and longest_weeks, in order")
        for shares in (self.shares, *(site.shares for site in self.sites)):
            for arm, share in shares.items():
                if not 0 <= share <= 1:
                    raise ValueError(f"{self.id}: the share of {arm} is {share:g}; must be 0 to 1")
        places = [code for site in self.sites for code in site.municipalities]
        if len(set(places)) < len(places):
            raise ValueError(f"{self.id}: sites name a municipality twice; must be distinct")
        return self


class ContactPlan(Sourced, Selection):
    """Contacts planned every so many weeks for those in one arm (or, without `arm`, in all) while on the benefit.

    They are planned for one weekday of each person's own in the weeks `weeks[0]`, `weeks[0] + every_weeks`, ... before
    `weeks[1]`. A share of the people is planned for at all. A contact is `held` with this probability, up to
    `longest_delay_days` late (on the Monday after a weekend), if the person is then still on the benefit.
    """

    arm: Id | None = None
    kind: Literal["meeting", "offer"]
    type: str = Field(min_length=1)
    weeks: tuple[int, int | None]
    every_weeks: int = Field(ge=1)
    share: float = Field(default=1.0, ge=0, le=1)
    held: float = Field(default=1.0, ge=0, le=1)
    longest_delay_days: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> ContactPlan:
        first, last = self.weeks
        if first < 0 or (last is not None and last <= first):
            raise ValueError(f"weeks is [{first}, {last}]; must be 0 or more, in order (null: to the end)")
        return self
