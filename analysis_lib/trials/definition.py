"""A trial's definition: one YAML file, its whole machine-readable analysis plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from analysis_lib.errors import DefinitionError
from analysis_lib.parameters import (
    Definition,
    Id,
    Language,
    Mark,
    Sourced,
    SourcedText,
    Text,
    in_project,
    read_definition,
    suggest,
)
from analysis_lib.register.simulation import SimulationModel
from analysis_lib.register.weeks import week_index

ALL = "all"
CONTROL = "control"


class NewSpell(Sourced):
    """What counts as newly on the benefit: so many weeks without it before."""

    weeks: int = Field(ge=1)


class EntryRule(Definition):
    """Who enters: the first week in one of the states in the inflow weeks, after `new_after` weeks without any."""

    states: tuple[Id, ...] = Field(min_length=1)
    first_week: str
    last_week: str
    new_after: NewSpell
    mark: Mark
    source: str

    @model_validator(mode="after")
    def _in_order(self) -> EntryRule:
        if week_index(self.first_week) > week_index(self.last_week):
            raise ValueError(f"last_week {self.last_week} is before first_week {self.first_week}")
        return self


class AgeRule(Sourced):
    """Completed years at the Monday of the entry week, both ends included."""

    lowest: int = Field(ge=0)
    highest: int = Field(le=120)


class HistoryRule(Definition):
    """What the covariate `benefit_weeks_before` counts: weeks in the states among the last `weeks` before entry."""

    states: tuple[Id, ...] = Field(min_length=1)
    weeks: int = Field(ge=1)


class Site(Sourced):
    """A place of the trial with the jobcentres (of today) that cover it."""

    id: Id
    label: Text
    jobcentres: tuple[Id, ...] = Field(min_length=1)


class RegisterData(Definition):
    """Cases found in a register extract."""

    kind: Literal["register"]
    entry: EntryRule
    age: AgeRule
    history: HistoryRule
    sites: tuple[Site, ...] = Field(min_length=1)
    follow_up_weeks: int = Field(ge=1)

    @property
    def jobcentres(self) -> tuple[str, ...]:
        """The jobcentres of all sites, in the file's order."""
        return tuple(jobcentre for site in self.sites for jobcentre in site.jobcentres)


class FileData(Definition):
    """Cases read from one file with outcomes already measured; the path is relative to the extract folder."""

    kind: Literal["file"]
    file: str
    separator: Literal["blank", "comma", "semicolon"]
    origin: Text

    @property
    def jobcentres(self) -> tuple[str, ...]:
        """A file of cases has no jobcentres."""
        return ()


class Arm(Sourced):
    """One arm; `value` is what a recorded arm's column holds for it."""

    id: Id
    label: Text
    value: int | None = None


class BirthDayRule(Sourced):
    """Treated are those born on the given days of any month; the unit that was assigned is the day of birth."""

    rule: Literal["birth_day"]
    treated_days: tuple[int, int]
    arms: tuple[Arm, Arm]

    @model_validator(mode="after")
    def _days_and_arms(self) -> BirthDayRule:
        first, last = self.treated_days
        if not 1 <= first <= last <= 31 or (first, last) == (1, 31):
            raise ValueError(f"treated_days is [{first}, {last}]; must be days 1–31, in order, and not all of them")
        _check_arms(self.arms)
        return self


class RecordedArm(Sourced):
    """The arm stands in a column of the cases; `block` names the column of the strata it was drawn in."""

    rule: Literal["recorded_arm"]
    column: str
    arms: tuple[Arm, ...] = Field(min_length=2)
    primary_arm: Id
    block: str | None = None

    @model_validator(mode="after")
    def _arms_recorded(self) -> RecordedArm:
        _check_arms(self.arms)
        ids = [arm.id for arm in self.arms if arm.id != CONTROL]
        if self.primary_arm not in ids:
            raise ValueError(f"primary_arm is '{self.primary_arm}'; must be one of {', '.join(ids)}")
        if any(arm.value is None for arm in self.arms):
            raise ValueError("every arm of a recorded arm needs its value in the column")
        return self


def _check_arms(arms: tuple[Arm, ...]) -> None:
    ids = [arm.id for arm in arms]
    if len(set(ids)) < len(ids) or ids.count(CONTROL) != 1:
        raise ValueError(f"arms are {', '.join(ids)}; must be distinct, and one of them '{CONTROL}'")


class _Outcome(Definition):
    id: Id
    label: Text
    primary: bool = False


class TimeToState(_Outcome):
    """Weeks from entry to the first run of at least `min_weeks` weeks in the exit states.

    A run as long in one of the `competing` states is another exit, kept apart; the `censoring` states end observation.
    """

    kind: Literal["time_to_state"]
    exit_states: tuple[Id, ...] = Field(min_length=1)
    min_weeks: int = Field(ge=1)
    competing: tuple[Id, ...] = ()
    censoring: tuple[Id, ...] = ()
    mark: Mark
    source: str


class WeeksInStates(_Outcome):
    """Weeks in the states among the first `horizon` weeks from entry; unknown where they were not all observed."""

    kind: Literal["weeks_in_states"]
    states: tuple[Id, ...] = Field(min_length=1)
    censoring: tuple[Id, ...] = ()
    horizon: int = Field(ge=1)


class MeasuredMean(_Outcome):
    """A number already measured, in a column; `log` compares means of logarithms."""

    kind: Literal["measured_mean"]
    column: str
    transform: Literal["none", "log"] = "none"
    unit: Text


class MeasuredDuration(_Outcome):
    """A duration already measured, in a column; everyone's end was observed."""

    kind: Literal["measured_duration"]
    column: str
    unit: Text


Outcome = Annotated[
    TimeToState | WeeksInStates | MeasuredMean | MeasuredDuration,
    Field(discriminator="kind"),
]


class Covariate(Definition):
    """A characteristic known before assignment.

    An indicator is 0 or 1 (false or true). A category enters as indicators of its levels, the first one left out.
    """

    id: Id
    column: str
    kind: Literal["number", "indicator", "category"]
    transform: Literal["none", "square"] = "none"
    label: Text

    @model_validator(mode="after")
    def _square_numbers_only(self) -> Covariate:
        if self.kind != "number" and self.transform != "none":
            raise ValueError(f"{self.kind} cannot be squared; transform must be none")
        return self


class Group(Definition):
    """One subgroup: those with one of the values, or with a number from `lowest` to `highest` (included)."""

    id: Id
    label: Text
    values: tuple[str | int | bool, ...] | None = None
    lowest: float | None = None
    highest: float | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Group:
        if (self.values is None) == (self.lowest is None and self.highest is None):
            raise ValueError("a group is given either by values, or by lowest and/or highest")
        return self


class Subgroup(Definition):
    """A pre-specified division of the cases; its groups may not overlap."""

    id: Id
    label: Text
    column: str
    groups: tuple[Group, ...] = Field(min_length=2)


class ScheduleWindow(Sourced):
    """What the treated met from week `weeks[0]` to week `weeks[1]` after entry (an open end is null)."""

    id: Id
    weeks: tuple[float, float | None]
    label: Text


class Inference(Definition):
    """Every statistical choice that is not an outcome or a covariate."""

    level: float = Field(gt=0, lt=1)
    adjustment: Literal["lin", "additive", "none"]
    min_per_arm: int = Field(ge=2)
    balance_draws: int = Field(ge=99)
    seed: int = Field(ge=0)


class Target(Sourced):
    """A published number to hold the result against; `half_width` is how far apart counts as agreement."""

    outcome: Id
    arm: Id | None = None
    estimand: Literal["difference_in_means", "adjusted_difference", "hazard_ratio", "median_treated", "median_control"]
    value: float
    half_width: float = Field(gt=0)
    label: Text


class Limit(Sourced):
    """A known limit of the trial that a reader must be told."""

    text: Text


class Trial(Definition):
    """One trial, as `parameters/trials/<id>.yml` defines it."""

    id: Id
    title: Text
    question: Text
    population: SourcedText
    calendar: SourcedText
    data: Annotated[RegisterData | FileData, Field(discriminator="kind")]
    assignment: Annotated[BirthDayRule | RecordedArm, Field(discriminator="rule")]
    schedule: tuple[ScheduleWindow, ...] = ()
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    covariates: tuple[Covariate, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    inference: Inference
    targets: tuple[Target, ...] = ()
    limits: tuple[Limit, ...] = ()
    simulation: SimulationModel | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Trial:
        for name, things in (
            ("outcomes", self.outcomes),
            ("covariates", self.covariates),
            ("subgroups", self.subgroups),
        ):
            ids = [thing.id for thing in things]
            if len(set(ids)) < len(ids):
                raise ValueError(f"{name} has ids {', '.join(ids)}; must be distinct")
        units = {"weeks", "ratio"} | {
            o.unit.en for o in self.outcomes if isinstance(o, MeasuredMean | MeasuredDuration)
        }
        if taken := sorted(units & {outcome.id for outcome in self.outcomes}):
            raise ValueError(f"outcome '{taken[0]}' has the name of a unit; must be told apart in a sentence")
        primary = [outcome.id for outcome in self.outcomes if outcome.primary]
        if len(primary) != 1:
            raise ValueError(f"outcomes has {len(primary)} with primary: true; must be exactly one")
        measured = isinstance(self.data, FileData)
        for outcome in self.outcomes:
            if isinstance(outcome, MeasuredMean | MeasuredDuration) != measured:
                raise ValueError(
                    f"outcome '{outcome.id}' of kind {outcome.kind} does not fit data of kind {self.data.kind}"
                )
        if measured and isinstance(self.assignment, BirthDayRule):
            raise ValueError("assignment.rule birth_day needs data of kind register")
        self._check_targets()
        return self

    def _check_targets(self) -> None:
        outcomes = [outcome.id for outcome in self.outcomes]
        arms = [arm.id for arm in self.assignment.arms]
        for target in self.targets:
            if target.outcome not in outcomes:
                raise ValueError(f"target's outcome is '{target.outcome}'; must be one of {', '.join(outcomes)}")
            if target.arm is not None and target.arm not in arms:
                raise ValueError(f"target's arm is '{target.arm}'; must be one of {', '.join(arms)}")

    @property
    def primary(self) -> Outcome:
        """The primary outcome."""
        return next(outcome for outcome in self.outcomes if outcome.primary)

    @property
    def treated_arms(self) -> tuple[Arm, ...]:
        """The arms that are compared with the control arm, the primary one first."""
        arms = [arm for arm in self.assignment.arms if arm.id != CONTROL]
        if isinstance(self.assignment, RecordedArm):
            arms.sort(key=lambda arm: arm.id != self.assignment.primary_arm)  # type: ignore[union-attr]
        return tuple(arms)

    def check_jobcentre(self, jobcentre: str) -> str:
        """Return the id where the trial has it (or `all`), or raise with the nearest one suggested."""
        allowed = (ALL, *self.data.jobcentres)
        if jobcentre not in allowed:
            hint = suggest(jobcentre, allowed)
            raise DefinitionError(
                f"jobcentre is '{jobcentre}'; must be one of trial {self.id}'s: {', '.join(allowed)}{hint}"
            )
        return jobcentre


def read_trial(trial: str | Path, folder: Path | str = Path("parameters")) -> Trial:
    """Read `parameters/trials/<id>.yml` (an id) or the file given (a path ending in .yml).

    Raises
    ------
    DefinitionError
        One line for each problem: file, key, what was found and what is allowed.
    """
    by_path = str(trial).endswith((".yml", ".yaml"))
    path = Path(trial) if by_path else in_project(folder) / "trials" / f"{trial}.yml"
    definition = read_definition(path, Trial)
    if definition.id != path.stem:
        raise DefinitionError(f"{path}: id is '{definition.id}'; must be the file's name, '{path.stem}'")
    return definition


__all__ = ["ALL", "CONTROL", "Language", "Outcome", "Trial", "read_trial"]
