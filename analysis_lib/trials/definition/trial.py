"""The whole definition of a trial, and its reader."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from analysis_lib.errors import DefinitionError
from analysis_lib.parameters import Definition, Id, SourcedText, Text, in_project, read_definition, suggest
from analysis_lib.register.simulation import SimulationModel
from analysis_lib.trials.definition.assignment import CONTROL, Arm, Assignment, NotRandomised
from analysis_lib.trials.definition.conduct import Activity, Costs, ScheduleWindow, Uptake
from analysis_lib.trials.definition.consistency import problems_of
from analysis_lib.trials.definition.data import FileData, RegisterData
from analysis_lib.trials.definition.outcomes import Outcome
from analysis_lib.trials.definition.people import Covariate, Group, Strata, Subgroup
from analysis_lib.trials.definition.plan import Inference, Series
from analysis_lib.trials.definition.published import Limit, Published, Target
from analysis_lib.trials.definition.spillover import Spillover
from analysis_lib.trials.definition.summary import SummaryData

ALL = "all"


class Trial(Definition):
    """One trial, as `parameters/trials/<id>.yml` defines it.

    A `template` is a design with what is unknown marked so: it can be run, and claims no result.
    """

    id: Id
    status: Literal["trial", "template"] = "trial"
    title: Text
    question: Text
    population: SourcedText
    calendar: SourcedText
    data: Annotated[RegisterData | FileData | SummaryData, Field(discriminator="kind")]
    assignment: Assignment
    strata: Strata | None = None
    schedule: tuple[ScheduleWindow, ...] = ()
    outcomes: tuple[Outcome, ...] = Field(min_length=1)
    covariates: tuple[Covariate, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    inference: Inference
    uptake: Uptake | None = None
    costs: Costs | None = None
    series: Series | None = None
    spillover: Spillover | None = None
    targets: tuple[Target, ...] = ()
    published: tuple[Published, ...] = ()
    limits: tuple[Limit, ...] = ()
    simulation: SimulationModel | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Trial:
        problems = list(problems_of(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def primary(self) -> Outcome:
        """The primary outcome."""
        return next(outcome for outcome in self.outcomes if outcome.primary)

    @property
    def treated_arms(self) -> tuple[Arm, ...]:
        """The arms that are compared with the control arm, the primary one first; none where nobody was drawn."""
        primary = getattr(self.assignment, "primary_arm", None)
        treated = [arm for arm in self.assignment.arms if arm.id != CONTROL]
        return tuple(sorted(treated, key=lambda arm: arm.id != primary))

    @property
    def randomised(self) -> bool:
        """Whether people were drawn into arms."""
        return not isinstance(self.assignment, NotRandomised)

    @property
    def has_people(self) -> bool:
        """Whether there are people to read, and not published numbers alone."""
        return not isinstance(self.data, SummaryData)

    @property
    def activities(self) -> tuple[Activity, ...]:
        """The activities of `uptake`."""
        return self.uptake.activities if self.uptake else ()

    @property
    def stratum_ids(self) -> list[str]:
        """The ids of the groups that are analysed apart."""
        return [group.id for group in self.strata.groups] if self.strata else []

    def check_assigned(self) -> None:
        """Raise where the arms of people cannot be compared: nobody was drawn, or there are no people.

        Raises
        ------
        DefinitionError
            With the reason.
        """
        if isinstance(self.assignment, NotRandomised):
            raise DefinitionError(
                f"trial {self.id} was not randomised, so that it has no arms to compare: {self.assignment.reason.en}"
            )
        self.check_people()

    def check_people(self) -> RegisterData | FileData:
        """Return where the people are read, or raise where there are none.

        Raises
        ------
        DefinitionError
            For data of kind summary.
        """
        if isinstance(self.data, SummaryData):
            raise DefinitionError(
                f"trial {self.id} has data of kind summary: published numbers and no people; read it with load_summary"
            )
        return self.data

    def check_jobcentre(self, jobcentre: str) -> str:
        """Return the id where the trial has it (or `all`), or raise with the nearest one suggested."""
        allowed = (ALL, *self.data.jobcentres)
        if jobcentre not in allowed:
            hint = suggest(jobcentre, allowed)
            raise DefinitionError(
                f"jobcentre is '{jobcentre}'; must be one of trial {self.id}'s: {', '.join(allowed)}{hint}"
            )
        return jobcentre

    def stratum(self, name: str) -> Group:
        """Return a group that is analysed apart, or raise with those there are."""
        groups = self.strata.groups if self.strata else ()
        for group in groups:
            if group.id == name:
                return group
        allowed = ", ".join(self.stratum_ids) or "none: the trial has no strata"
        raise DefinitionError(f"stratum is '{name}'; must be one of {allowed}{suggest(name, self.stratum_ids)}")

    def at(self, jobcentre: str) -> Trial:
        """Return the trial as it was at one jobcentre: with the arms that could be assigned there, and their schedule.

        The first of them takes the primary arm's place. Everywhere (`all`), and without arms by site, it is the trial.
        """
        data, rule = self.data, self.assignment
        if jobcentre == ALL or not isinstance(data, RegisterData) or not any(arm.sites for arm in rule.arms):
            return self
        site = data.site_of[jobcentre]
        arms = tuple(arm for arm in rule.arms if arm.id == CONTROL or site in (arm.sites or ()))
        ids = [arm.id for arm in arms]
        primary = next(arm.id for arm in self.treated_arms if arm.id in ids)
        return self.model_copy(
            update={
                "assignment": rule.model_copy(update={"arms": arms, "primary_arm": primary}),
                "schedule": tuple(window for window in self.schedule if window.arm is None or window.arm in ids),
                "targets": tuple(target for target in self.targets if target.arm is None or target.arm in ids),
                "published": tuple(found for found in self.published if found.arm is None or found.arm in ids),
            }
        )

    def within(self, stratum: str) -> Trial:
        """Return the trial as it was for one of the groups analysed apart: its schedule, and what was found on it."""
        self.stratum(stratum)
        own = (None, stratum)
        return self.model_copy(
            update={
                "schedule": tuple(window for window in self.schedule if window.stratum in own),
                "published": tuple(found for found in self.published if found.stratum in own),
            }
        )

    def check_stratum(self, stratum: str) -> str | None:
        """Return the stratum that a page is about, `None` for a trial without strata, or raise.

        Raises
        ------
        DefinitionError
            Where the plan analyses groups apart and `all` is asked for, or a group that it does not name.
        """
        if stratum != ALL:
            return self.stratum(stratum).id
        if self.strata is not None:
            raise DefinitionError(
                f"trial {self.id} analyses groups apart: stratum is 'all'; must be one of {', '.join(self.stratum_ids)}"
            )
        return None

    def schedule_of(self, arm: str, stratum: str | None = None) -> tuple[ScheduleWindow, ...]:
        """Return the windows of an arm's schedule, in one stratum or (without) in all."""
        return tuple(
            window
            for window in self.schedule
            if window.arm in (None, arm) and (stratum is None or window.stratum in (None, stratum))
        )

    def cohort(self, area: Literal["trial", "comparison"], period: Literal["before", "during"]) -> Trial:
        """Return the same trial for the people of another area or of the weeks before it.

        The four cohorts are what differences-in-differences of the spillover compare. Day of birth (or what the rule
        is) divides all of them, although only the trial's own people met anything.

        Raises
        ------
        DefinitionError
            Where the plan does not ask for the spillover.
        """
        data, plan = self.data, self.spillover
        if plan is None or not isinstance(data, RegisterData):
            raise DefinitionError(f"trial {self.id} has no spillover in its plan; must have, to be compared elsewhere")
        changes: dict[str, object] = {} if area == "trial" else {"sites": plan.areas}
        if period == "before":
            changes["entry"] = data.entry.model_copy(update=plan.before.model_dump())
        return self.model_copy(update={"data": data.model_copy(update=changes)})


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
