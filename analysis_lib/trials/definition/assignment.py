"""How people came into the arms."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from analysis_lib.parameters import Id, Sourced, Text

CONTROL = "control"


class Arm(Sourced):
    """One arm.

    Attributes
    ----------
    value
        What a recorded arm's column holds for it.
    sites
        The sites that could assign it, where arms differ by site: their controls are this arm's controls.
    """

    id: Id
    label: Text
    value: int | str | None = None
    sites: tuple[Id, ...] | None = None


class _ByBirth(Sourced):
    arms: tuple[Arm, ...] = Field(min_length=2)
    primary_arm: Id | None = None

    @model_validator(mode="after")
    def _arms_and_sites(self) -> _ByBirth:
        _check_arms(self.arms, self.primary_arm)
        treated = [arm for arm in self.arms if arm.id != CONTROL]
        if any(arm.sites is not None for arm in self.arms if arm.id == CONTROL):
            raise ValueError("the control arm has sites; must have none: every site has controls")
        if any((arm.sites is None) == (len(treated) > 1) for arm in treated):
            raise ValueError("sites must be given for each treated arm where there are several, and for none where not")
        return self


class BirthDayRule(_ByBirth):
    """Treated are those born on the given days of any month; the unit that was assigned is the day of birth."""

    rule: Literal["birth_day"]
    treated_days: tuple[int, int]

    @model_validator(mode="after")
    def _days(self) -> BirthDayRule:
        first, last = self.treated_days
        if not 1 <= first <= last <= 31 or (first, last) == (1, 31):
            raise ValueError(f"treated_days is [{first}, {last}]; must be days 1–31, in order, and not all of them")
        return self


class BirthYearParity(_ByBirth):
    """Treated are those born in even (or odd) years; the unit that was assigned is the year of birth."""

    rule: Literal["birth_year_parity"]
    treated: Literal["even", "odd"]


class RecordedArm(Sourced):
    """The arm stands in a column of the cases.

    `block` names the column of the strata it was drawn in, `unit` that of what was assigned, where that was not the
    single case (a class, an office).
    """

    rule: Literal["recorded_arm"]
    column: str
    arms: tuple[Arm, ...] = Field(min_length=2)
    primary_arm: Id
    block: str | None = None
    unit: str | None = None

    @model_validator(mode="after")
    def _arms_recorded(self) -> RecordedArm:
        _check_arms(self.arms, self.primary_arm)
        if any(arm.value is None for arm in self.arms):
            raise ValueError("every arm of a recorded arm needs its value in the column")
        values = [arm.value for arm in self.arms]
        if len(set(values)) < len(values) or len({type(value) for value in values}) > 1:
            raise ValueError(f"arms have the values {', '.join(map(str, values))}; must be distinct, and of one type")
        if any(arm.sites is not None for arm in self.arms):
            raise ValueError("arms of a recorded arm have sites; must have none")
        return self


class Reported(Sourced):
    """Drawn by the trial, and known only from published numbers."""

    rule: Literal["reported"]
    arms: tuple[Arm, ...] = Field(min_length=2)
    primary_arm: Id | None = None

    @model_validator(mode="after")
    def _known_arms(self) -> Reported:
        _check_arms(self.arms, self.primary_arm)
        return self


class NotRandomised(Sourced):
    """Nobody was drawn: there is no control group to compare with, for the reason given."""

    rule: Literal["not_randomised"]
    reason: Text

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Without assignment there are no arms."""
        return ()


Assignment = Annotated[
    BirthDayRule | BirthYearParity | RecordedArm | Reported | NotRandomised, Field(discriminator="rule")
]


def _check_arms(arms: tuple[Arm, ...], primary: str | None) -> None:
    ids = [arm.id for arm in arms]
    if len(set(ids)) < len(ids) or ids.count(CONTROL) != 1:
        raise ValueError(f"arms are {', '.join(ids)}; must be distinct, and one of them '{CONTROL}'")
    treated = [name for name in ids if name != CONTROL]
    if primary is None and len(treated) > 1:
        raise ValueError(f"primary_arm is missing; must be one of {', '.join(treated)}")
    if primary is not None and primary not in treated:
        raise ValueError(f"primary_arm is '{primary}'; must be one of {', '.join(treated)}")
