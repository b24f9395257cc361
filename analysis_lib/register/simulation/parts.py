"""The parts of a `simulation` block: who enters when, how long they stay, and where they go."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from analysis_lib.parameters import Definition, Id, Sourced
from analysis_lib.register.weeks import IsoWeek

SHARES_TOLERANCE = 1e-9
CONTROL = "control"
INELIGIBLE = (
    "outside_age", "outside_area", "not_newly_unemployed", "outside_window", "cash_benefit", "too_short",
    "other_benefit",
)  # fmt: skip
"""Why people are not the trial's. New kinds go to the end, so that older definitions draw what they drew."""


class Selection(Definition):
    """Whom something is about: people with one of the values in every column of `where`, in the municipalities.

    Nothing said means everybody.
    """

    where: dict[str, tuple[str | bool, ...]] = Field(default_factory=dict)
    municipalities: tuple[int, ...] = ()


class SimulatedArm(Definition):
    """An arm other than control; with `municipalities` only people who live there can be in it."""

    id: Id
    municipalities: tuple[int, ...] = ()


class Effect(Sourced, Selection):
    """A constant that a hazard is multiplied by, in one arm or (without `arm`) in all, for some people in some weeks.

    `weeks` are weeks since entry, from `weeks[0]` up to, not including, `weeks[1]` (to the end where it is null).
    `calendar` restricts it to calendar weeks in the same way. Effects on the same week multiply. Those `of_break` are
    left out of the series without the break.
    """

    arm: Id | None = None
    hazard_ratio: float = Field(gt=0)
    weeks: tuple[float, float | None] = (0.0, None)
    calendar: tuple[IsoWeek, IsoWeek | None] | None = None
    of_break: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> Effect:
        first, last = self.weeks
        if first < 0 or (last is not None and last <= first):
            raise ValueError(f"weeks is [{first:g}, {last}]; must be 0 or more, in order (null: to the end)")
        if self.calendar is not None and self.calendar[1] is not None and self.calendar[1] <= self.calendar[0]:
            raise ValueError("calendar must be two weeks in order (null: to the end)")
        return self


class Duration(Sourced):
    """Weeks from entry to lasting self-support: Weibull for controls, its hazard times a constant for the treated."""

    weibull_shape: float = Field(gt=0)
    weibull_scale_weeks: float = Field(gt=0)
    hazard_ratio: float = Field(default=1.0, gt=0)


class Stock(Sourced):
    """A share of the people who are on the benefit already in the first entry week, and for how many weeks before."""

    share: float = Field(gt=0, le=1)
    shortest_weeks: int = Field(ge=1)
    longest_weeks: int

    @model_validator(mode="after")
    def _in_order(self) -> Stock:
        if self.longest_weeks < self.shortest_weeks:
            raise ValueError(f"longest_weeks is {self.longest_weeks}; must be shortest_weeks or more")
        return self


class Entry(Sourced):
    """When people enter, how many weeks before entry are free of benefit, and the share who stand there already."""

    first_week: IsoWeek
    last_week: IsoWeek
    free_weeks: int = Field(ge=1)
    stock: Stock | None = None


class Span(Definition):
    """The register's first and last week."""

    first_week: IsoWeek
    last_week: IsoWeek


class Ages(Sourced):
    """Completed years that people have at any time during entry, both included; and those of the people too old."""

    lowest: int = Field(ge=0)
    highest: int
    outside_lowest: int
    outside_highest: int = Field(le=110)

    @model_validator(mode="after")
    def _check(self) -> Ages:
        if not self.lowest < self.highest < self.outside_lowest < self.outside_highest:
            raise ValueError("lowest, highest, outside_lowest, outside_highest must be in increasing order")
        return self


class Place(Definition):
    """A municipality, its weight in the draw and its effect on employability."""

    code: int
    weight: float = Field(gt=0)
    effect: float = 0.0


class Level(Definition):
    """One value of a covariate, its share and its effect on employability."""

    value: str | bool
    share: float = Field(gt=0, le=1)
    effect: float


class CovariateModel(Definition):
    """A declared column of the persons and how its values are drawn."""

    column: str
    levels: tuple[Level, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> CovariateModel:
        total = math.fsum(level.share for level in self.levels)
        if abs(total - 1) > SHARES_TOLERANCE:
            raise ValueError(f"shares of {self.column} add up to {total:g}; must be 1")
        values = [level.value for level in self.levels]
        if len(set(values)) < len(values):
            raise ValueError(f"levels of {self.column} repeat a value; must be distinct")
        return self


class Covariates(Sourced):
    """Covariates, drawn independently of each other, of the date of birth and of the place.

    Employability is the sum of the effects and normal noise; who is more employable leaves earlier.
    """

    noise_sd: float = Field(gt=0)
    columns: tuple[CovariateModel, ...] = ()


class EarlierSpell(Sourced):
    """An earlier spell before the first entry week: how many had one, less often the more employable they are."""

    share: float = Field(gt=0, lt=1)
    effect: float
    shortest_weeks: int = Field(ge=1)
    longest_weeks: int


class BlankGap(Definition):
    """A blank week or more inside a spell (a holiday, say), too short to count as an exit."""

    weekly_hazard: float = Field(ge=0)
    longest_weeks: int = Field(ge=1)


class After(Definition):
    """What follows an exit of some weeks, before self-support; without weeks it lasts to the end of the register."""

    state: Id
    code: int
    shortest_weeks: int | None = None
    longest_weeks: int | None = None

    @model_validator(mode="after")
    def _both_or_none(self) -> After:
        if problem := _weeks_problem(self.shortest_weeks, self.longest_weeks, lasting=None):
            raise ValueError(f"{self.state} {problem}")
        return self


class OtherExit(Definition):
    """Another way out of the spell, at a constant hazard that `effects` may change.

    A person has at most the first of the interruptions, exits and lasting ones, and only while in the spell. After an
    `interruption` of some weeks the spell goes on to its end; after an `exit` of some weeks the person is
    self-supporting, or in what `after` says first; a `lasting` one goes on to the end of the register. A `final` one
    comes at any time after entry, lasts to the end of the register, ends observation and is never affected.
    """

    kind: Literal["interruption", "exit", "lasting", "final"]
    state: Id
    code: int
    weekly_hazard: float = Field(ge=0)
    shortest_weeks: int | None = None
    longest_weeks: int | None = None
    effects: tuple[Effect, ...] = ()
    after: After | None = None

    @model_validator(mode="after")
    def _check(self) -> OtherExit:
        lasting = self.kind in ("lasting", "final")
        if problem := _weeks_problem(self.shortest_weeks, self.longest_weeks, lasting=lasting):
            raise ValueError(f"{self.state} {'is ' + self.kind + '; ' if lasting else ''}{problem}")
        if self.kind == "final" and self.effects:
            raise ValueError(f"{self.state} is final; must have no effects, or who is observed depends on the arm")
        if self.after is not None and self.kind != "exit":
            raise ValueError(f"{self.state} is of kind {self.kind}; only an exit may have after")
        return self


def _weeks_problem(shortest: int | None, longest: int | None, *, lasting: bool | None) -> str:
    """Return what is wrong with a length; `lasting` says whether none may be given (None: as one likes)."""
    if shortest is None and longest is None and lasting is not False:
        return ""
    if lasting:
        return "must have no shortest_weeks and longest_weeks"
    if shortest is None or longest is None or not 0 < shortest <= longest:
        return "needs shortest_weeks and longest_weeks, in order"
    return ""


class Recurrence(Sourced):
    """Spells after the first: a return after lasting self-support, and another exit, both at constant hazards.

    Who left by another exit does not return. `exit_weeks` weeks pass before a return at the earliest.
    """

    return_hazard: float = Field(gt=0)
    exit_hazard: float = Field(gt=0)
    most_returns: int = Field(ge=1, le=50)
    return_effects: tuple[Effect, ...] = ()
    exit_effects: tuple[Effect, ...] = ()


class BenefitShare(Sourced, Selection):
    """A share of the selected people who enter on another benefit than `codes.benefit`; its code while activated."""

    state: Id
    code: int
    activation: int | None = None
    share: float = Field(gt=0, le=1)


class OtherBenefit(Definition):
    """A benefit of people who are not the trial's."""

    state: Id
    code: int


class SpellCodes(Definition):
    """The codes that the weeks of a spell carry.

    `benefit` and `activation` stand for `state`; `mix` are other benefits that some of the people are on in its place.
    `cash_benefit` and `other` are those of the ineligible who enter on the wrong benefit.
    """

    benefit: int
    state: Id = "unemployment_insurance"
    activation: int | None = None
    mix: tuple[BenefitShare, ...] = ()
    cash_benefit: int | None = None
    other: OtherBenefit | None = None


class Ineligible(Sourced):
    """People who are not the trial's, as shares of the number of those who are.

    `too_short` were on the benefit in the first entry week for less than the stock's shortest time.
    """

    outside_age: float = Field(ge=0)
    outside_area: float = Field(ge=0)
    not_newly_unemployed: float = Field(ge=0)
    outside_window: float = Field(ge=0)
    cash_benefit: float = Field(ge=0)
    too_short: float = Field(default=0.0, ge=0)
    other_benefit: float = Field(default=0.0, ge=0)

    def kinds(self) -> Iterable[str]:
        """Return the kinds of whom there are some."""
        return [kind for kind in INELIGIBLE if getattr(self, kind) > 0]
