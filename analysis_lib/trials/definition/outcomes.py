"""What is measured: outcomes from weeks, from measured columns, or as published."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from analysis_lib.parameters import Definition, Id, Mark, Text


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


class ShareInStates(_Outcome):
    """Whether in the states, week by week in the first `horizon` weeks; unknown where they were not all observed."""

    kind: Literal["share_in_states"]
    states: tuple[Id, ...] = Field(min_length=1)
    censoring: tuple[Id, ...] = ()
    horizon: int = Field(ge=1)

    @model_validator(mode="after")
    def _not_primary(self) -> ShareInStates:
        if self.primary:
            raise ValueError(f"outcome '{self.id}' has a number a week, so it cannot be primary")
        return self


class MeasuredMean(_Outcome):
    """A number already measured, in a column; `log` compares means of logarithms."""

    kind: Literal["measured_mean"]
    column: str
    transform: Literal["none", "log"] = "none"
    unit: Text


class MeasuredDuration(_Outcome):
    """A duration already measured, in a column; `event` names the column that is 1 where its end was seen, else 0.

    Without `event` everyone's end was seen.
    """

    kind: Literal["measured_duration"]
    column: str
    event: str | None = None
    unit: Text


class ReportedRatio(_Outcome):
    """An outcome whose ratios of treated to control were published, by site."""

    kind: Literal["reported_ratio"]
    measure: Literal["hazard_ratio"]


class ReportedShare(_Outcome):
    """An outcome whose share in each arm was published."""

    kind: Literal["reported_share"]


Outcome = Annotated[
    TimeToState | WeeksInStates | ShareInStates | MeasuredMean | MeasuredDuration | ReportedRatio | ReportedShare,
    Field(discriminator="kind"),
]

OUTCOMES_OF: dict[str, tuple[str, ...]] = {
    "register": ("time_to_state", "weeks_in_states", "share_in_states"),
    "file": ("measured_mean", "measured_duration"),
    "summary": ("reported_ratio", "reported_share"),
}
"""The kinds of outcome that each kind of data has."""
