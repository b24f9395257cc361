"""What a simulated register is like: the `simulation` block of a trial's file."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from typing import Literal

from pydantic import Field, model_validator

from analysis_lib.errors import DefinitionError
from analysis_lib.parameters import Definition, Id, Sourced
from analysis_lib.register.codes import CodeList
from analysis_lib.register.declarations import PERSONS
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.weeks import IsoWeek, monday, week_label

SHARES_TOLERANCE = 1e-9
# People who enter too late for the trial do so in these weeks after the last entry week.
LATE_WEEKS = 8
INELIGIBLE = ("outside_age", "outside_area", "not_newly_unemployed", "outside_window", "cash_benefit")


class Duration(Sourced):
    """Weeks from entry to lasting self-support: Weibull for controls, its hazard times a constant for the treated."""

    weibull_shape: float = Field(gt=0)
    weibull_scale_weeks: float = Field(gt=0)
    hazard_ratio: float = Field(gt=0)


class Entry(Sourced):
    """When people enter, and how many weeks before entry are free of benefit."""

    first_week: IsoWeek
    last_week: IsoWeek
    free_weeks: int = Field(ge=1)


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


class Activation(Definition):
    """Weeks of the spell from `from_week` on that carry an activation code, for a share of those still there."""

    arm: Literal["treated", "control"]
    from_week: int = Field(ge=1)
    weeks: int = Field(ge=1)
    share: float = Field(ge=0, le=1)


class BlankGap(Definition):
    """A blank week or more inside a spell (a holiday, say), too short to count as an exit."""

    weekly_hazard: float = Field(ge=0)
    longest_weeks: int = Field(ge=1)


class OtherExit(Definition):
    """Another way out of the spell, at a constant hazard, never affected by the treatment.

    A person has at most the first of the interruptions and exits, and only while in the spell. After an `interruption`
    of some weeks the spell goes on to its end; after an `exit` of some weeks the person is self-supporting. A `final`
    one comes at any time after entry and lasts to the end of the register.
    """

    kind: Literal["interruption", "exit", "final"]
    state: Id
    code: int
    weekly_hazard: float = Field(ge=0)
    shortest_weeks: int | None = None
    longest_weeks: int | None = None

    @model_validator(mode="after")
    def _check(self) -> OtherExit:
        given = (self.shortest_weeks, self.longest_weeks)
        if self.kind == "final":
            if given != (None, None):
                raise ValueError(f"{self.state} is final; must have no shortest_weeks and longest_weeks")
        elif self.shortest_weeks is None or self.longest_weeks is None or self.shortest_weeks > self.longest_weeks:
            raise ValueError(f"{self.state} needs shortest_weeks and longest_weeks, in order")
        return self


class SpellCodes(Definition):
    """The codes that the weeks of a spell carry."""

    benefit: int
    activation: int
    cash_benefit: int


class Ineligible(Sourced):
    """People who are not the trial's, as shares of the number of those who are."""

    outside_age: float = Field(ge=0)
    outside_area: float = Field(ge=0)
    not_newly_unemployed: float = Field(ge=0)
    outside_window: float = Field(ge=0)
    cash_benefit: float = Field(ge=0)


class SimulationModel(Definition):
    """A register to simulate. `persons` counts the eligible; the ineligible come on top.

    `exit_weeks` blank weeks are an exit, so that gaps must be shorter and other exits at least as long.
    `benefit_states` and `horizons_weeks` say for which weeks on benefit the truth is recorded.
    """

    persons: int = Field(ge=1)
    span: Span
    entry: Entry
    follow_up_weeks: int = Field(ge=1)
    exit_weeks: int = Field(ge=2)
    benefit_states: tuple[Id, ...] = Field(min_length=1)
    horizons_weeks: tuple[int, ...] = Field(min_length=1)
    duration: Duration
    ages: Ages
    sites: tuple[Place, ...] = Field(min_length=1)
    elsewhere: tuple[Place, ...] = ()
    covariates: Covariates
    codes: SpellCodes
    activation: tuple[Activation, ...] = ()
    blank_gap: BlankGap
    other_exits: tuple[OtherExit, ...] = ()
    earlier_spell: EarlierSpell
    ineligible: Ineligible

    @model_validator(mode="after")
    def _check(self) -> SimulationModel:
        problems = [*self._check_weeks(), *self._check_lengths(), *self._check_places()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def births(self, lowest: int, highest: int) -> tuple[dt.date, dt.date]:
        """Return the first and the last date of birth of people who are `lowest` to `highest` throughout entry."""
        last_entry = monday(self.entry.last_week + LATE_WEEKS)
        return _years_before(last_entry, highest + 1) + dt.timedelta(days=1), _years_before(
            monday(self.entry.first_week), lowest
        )

    def _check_weeks(self) -> Iterable[str]:
        entry, span = self.entry, self.span
        if entry.first_week > entry.last_week:
            yield "entry.last_week is before entry.first_week; must not be"
        room = entry.first_week - entry.free_weeks - span.first_week
        if room < self.earlier_spell.longest_weeks:
            latest = entry.first_week - entry.free_weeks - self.earlier_spell.longest_weeks
            yield (
                f"span.first_week is {week_label(span.first_week)}; must be {week_label(latest)} or earlier, "
                "to have room for the earlier spells and the free weeks"
            )
        needed = entry.last_week + self.follow_up_weeks + self.exit_weeks
        if span.last_week < needed:
            yield (
                f"span.last_week is {week_label(span.last_week)}; must be {week_label(needed)} or later, "
                "the last entry with the follow-up weeks and a whole exit"
            )
        if max(self.horizons_weeks) > self.follow_up_weeks or min(self.horizons_weeks) < 1:
            given = list(self.horizons_weeks)
            yield f"horizons_weeks is {given}; must be 1 to follow_up_weeks, {self.follow_up_weeks}"

    def _check_lengths(self) -> Iterable[str]:
        ages = self.ages
        for lowest, highest in ((ages.lowest, ages.highest), (ages.outside_lowest, ages.outside_highest)):
            born = self.births(lowest, highest)
            if born[0] > born[1]:
                yield f"nobody is {lowest} to {highest} years old throughout entry; ages must be further apart"
        if self.blank_gap.longest_weeks >= min(self.exit_weeks, self.entry.free_weeks):
            shortest = min(self.exit_weeks, self.entry.free_weeks)
            longest = self.blank_gap.longest_weeks
            yield f"blank_gap.longest_weeks is {longest}; must be below {shortest}, or a gap is an exit"
        for other in self.other_exits:
            if other.shortest_weeks is not None and other.shortest_weeks < self.exit_weeks:
                yield (
                    f"other_exits.{other.state}.shortest_weeks is {other.shortest_weeks}; "
                    f"must be {self.exit_weeks} or more, to be seen as an exit"
                )
        if self.earlier_spell.shortest_weeks > self.earlier_spell.longest_weeks:
            yield "earlier_spell.longest_weeks is below shortest_weeks; must not be"

    def _check_places(self) -> Iterable[str]:
        codes = [place.code for place in (*self.sites, *self.elsewhere)]
        if len(set(codes)) < len(codes):
            yield "sites and elsewhere name a municipality twice; must be distinct"
        if self.ineligible.outside_area > 0 and not self.elsewhere:
            yield "elsewhere is empty; must name municipalities, because ineligible.outside_area is above 0"
        columns = [model.column for model in self.covariates.columns]
        if len(set(columns)) < len(columns):
            yield "covariates.columns names a column twice; must be distinct"


def _years_before(day: dt.date, years: int) -> dt.date:
    leap_day = (day.month, day.day) == (2, 29)
    return (day - dt.timedelta(days=leap_day)).replace(year=day.year - years)


def check_known(model: SimulationModel, codes: CodeList, jobcentres: Jobcentres) -> None:
    """Raise where the model draws what an extract may not hold: undeclared columns or values, unknown codes or places.

    Raises
    ------
    DefinitionError
        One line for each problem.
    """
    problems = [*_undeclared(model), *_unknown_codes(model, codes)]
    problems += [
        f"municipality {place.code} is not in jobcentres.yml; must be"
        for place in (*model.sites, *model.elsewhere)
        if place.code not in jobcentres.municipality_codes
    ]
    if problems:
        raise DefinitionError("\n".join(f"simulation: {problem}" for problem in problems))
    codes.codes_of(model.benefit_states)


def _undeclared(model: SimulationModel) -> Iterable[str]:
    drawn = {"person_id", "birth_date", "municipality"} | {c.column for c in model.covariates.columns}
    missing = [column.name for column in PERSONS.columns if column.required and column.name not in drawn]
    if missing:
        yield f"covariates.columns lacks {', '.join(missing)}; every required column must be drawn"
    for covariate in model.covariates.columns:
        drawable = [column.name for column in PERSONS.columns if column.kind in ("category", "boolean")]
        if covariate.column not in drawable:
            yield f"covariates.columns names '{covariate.column}'; must be one of {', '.join(drawable)}"
            continue
        declared = PERSONS.column(covariate.column)
        allowed = (True, False) if declared.kind == "boolean" else tuple(declared.choices)
        for level in covariate.levels:
            if level.value not in allowed:
                yield f"a level of {covariate.column} is '{level.value}'; must be {declared.allowed}"


def _unknown_codes(model: SimulationModel, codes: CodeList) -> Iterable[str]:
    insured, cash = "unemployment_insurance", "cash_benefit"
    given = [(model.codes.benefit, insured), (model.codes.activation, insured), (model.codes.cash_benefit, cash)]
    for code, state in given + [(other.code, other.state) for other in model.other_exits]:
        if code not in codes.codes_of(state):
            allowed = ", ".join(map(str, codes.codes_of(state)))
            yield f"code {code} does not stand for {state}; must be one of {allowed}"
