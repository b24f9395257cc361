"""Every statistical choice that is not an outcome or a covariate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from pydantic import Field, model_validator

from analysis_lib.parameters import Definition, Id, Sourced, Text
from analysis_lib.register.weeks import week_index
from analysis_lib.trials.definition.data import check_distinct


class Multiplicity(Definition):
    """How p-values are corrected for there being several, and over which family.

    Step-down Holm, Benjamini–Hochberg (`bh`), the largest t (`max_t`), or Romano–Wolf; `none` says that they are not.
    """

    method: Literal["holm", "bh", "max_t", "romano_wolf", "none"]
    family: Literal["arms", "outcomes", "arms_and_outcomes"] | None = None

    @model_validator(mode="after")
    def _family_known(self) -> Multiplicity:
        if (self.family is None) != (self.method == "none"):
            raise ValueError(
                f"family is {self.family or 'missing'} with method {self.method}; must be given unless none"
            )
        return self


class HazardWindow(Definition):
    """Exits after `weeks[0]` and up to `weeks[1]` weeks (an open end is null): [0, 5] is the first five weeks.

    `threat` marks windows before the first activity that was scheduled: an effect there is of what is to come.
    """

    id: Id
    label: Text
    weeks: tuple[float, float | None]
    threat: bool = False

    @model_validator(mode="after")
    def _in_order(self) -> HazardWindow:
        first, last = self.weeks
        if first < 0 or (last is not None and last <= first):
            raise ValueError(f"weeks is [{first:g}, {last}]; must be 0 or more, in order")
        return self


class MixedHazard(Sourced):
    """Hazard ratios that allow for people who differ in what nobody measured, beside those that do not.

    Attributes
    ----------
    mass_points
        Types of people: 2 or 3.
    baseline_weeks
        Weeks that end a step of the hazard over time; by default those that end the hazard windows.
    covariates
        Whether the trial's covariates are in the hazard.
    """

    mass_points: int = Field(ge=2, le=3)
    baseline_weeks: tuple[int, ...] = ()
    covariates: bool

    @model_validator(mode="after")
    def _in_order(self) -> MixedHazard:
        check_weeks("baseline_weeks", self.baseline_weeks)
        return self


class Recurrence(Sourced):
    """Whether people came back after a duration ended, by a model of both spells.

    The second spell begins with the last of the weeks that make the exit (`min_weeks` of the outcome): a return cannot
    come before. It ends with the first run of `min_weeks` weeks in `states`, and is observed to the trial's follow-up
    from entry, or the first week in one of the `censoring` states.

    Attributes
    ----------
    outcome
        The duration that is the first spell; its exit begins the second.
    leaving_weeks, return_weeks
        Weeks that end a step of the hazard, each from the beginning of its spell.
    left_within, returned_within
        The effect is on the chance to be back within `returned_within` weeks, of those who left within `left_within`.
    mass_points
        Types of people, each with a level in both spells: 2 to 4.
    covariates
        Whether the trial's covariates are in both hazards.
    """

    outcome: Id
    states: tuple[Id, ...] = Field(min_length=1)
    min_weeks: int = Field(ge=1)
    censoring: tuple[Id, ...] = ()
    leaving_weeks: tuple[int, ...] = Field(min_length=1)
    return_weeks: tuple[int, ...] = Field(min_length=1)
    left_within: int = Field(ge=1)
    returned_within: int = Field(ge=1)
    mass_points: int = Field(ge=2, le=4)
    covariates: bool

    @model_validator(mode="after")
    def _in_order(self) -> Recurrence:
        check_weeks("leaving_weeks", self.leaving_weeks)
        check_weeks("return_weeks", self.return_weeks)
        both = sorted(set(self.states) & set(self.censoring))
        if both:
            raise ValueError(f"'{both[0]}' stands in states and censoring; must be a return or an end, not both")
        return self


def check_weeks(name: str, weeks: Sequence[int]) -> None:
    """Raise where weeks are not increasing and 1 or more."""
    if any(later <= earlier for earlier, later in pairwise((0, *weeks))):
        raise ValueError(f"{name} is {list(weeks)}; must be increasing, from 1 on")


class Pooling(Definition):
    """How sites' estimates are pooled: one common effect, or effects that vary between sites."""

    method: Literal["reml", "dl", "pm", "fixed"]
    knapp_hartung: bool = False

    @model_validator(mode="after")
    def _of_random_effects(self) -> Pooling:
        if self.method == "fixed" and self.knapp_hartung:
            raise ValueError("knapp_hartung is for effects that vary between sites; must be false with method fixed")
        return self


class Inference(Definition):
    """Level, adjustment, least numbers, draws and seed; what is left out is not done.

    Attributes
    ----------
    min_per_arm, min_per_site
        People an arm (of a subgroup too), or a site, must have for a number to be shown.
    subgroup_adjustment
        How the tests of equal effects are corrected for the number of divisions into subgroups.
    balance_draws, randomization_draws, bootstrap_draws
        Permutations of the joint balance test and of the randomisation tests; bootstrap samples.
    restricted_mean_horizon_weeks
        Up to where the mean duration is compared.
    hazard_windows
        One after the other, without overlap.
    mixed_hazard, recurrence
        Models of durations with people who differ in what nobody measured: of one spell, and of the return after it.
    learned_splits
        Splits of the people in which learned effects are made in one half and held against the other.
    """

    level: float = Field(gt=0, lt=1)
    adjustment: Literal["lin", "additive", "none"]
    min_per_arm: int = Field(ge=2)
    balance_draws: int = Field(ge=99)
    seed: int = Field(ge=0)
    multiplicity: Multiplicity | None = None
    subgroup_adjustment: Literal["holm", "bonferroni", "bh", "none"] = "holm"
    randomization_draws: int | None = Field(default=None, ge=99)
    bootstrap_draws: int | None = Field(default=None, ge=99)
    restricted_mean_horizon_weeks: int | None = Field(default=None, ge=1)
    hazard_windows: tuple[HazardWindow, ...] = ()
    mixed_hazard: MixedHazard | None = None
    recurrence: Recurrence | None = None
    pooling: Pooling | None = None
    min_per_site: int | None = Field(default=None, ge=2)
    learned_splits: int | None = Field(default=None, ge=5)

    @model_validator(mode="after")
    def _consistent(self) -> Inference:
        method = self.multiplicity.method if self.multiplicity else "none"
        if method in ("max_t", "romano_wolf") and self.randomization_draws is None:
            raise ValueError(f"randomization_draws is missing; multiplicity.method {method} needs it")
        check_distinct("hazard_windows", [window.id for window in self.hazard_windows])
        for earlier, later in zip(self.hazard_windows, self.hazard_windows[1:], strict=False):
            if earlier.weeks[1] is None or later.weeks[0] < earlier.weeks[1]:
                raise ValueError(f"hazard window '{later.id}' begins before '{earlier.id}' ends; must not")
        if self.mixed_hazard and not (self.mixed_hazard.baseline_weeks or self.hazard_windows):
            raise ValueError("mixed_hazard.baseline_weeks is missing; must be given where there are no hazard_windows")
        return self


class Interruption(Sourced):
    """The week in which something began."""

    week: str
    label: Text


class Coinciding(Sourced):
    """What else changed at the same time: its effect cannot be told from the campaign's."""

    text: Text


class Series(Definition):
    """A fixed cohort's share in the states by calendar week, broken at the interruption.

    Attributes
    ----------
    first_week, last_week
        The weeks of the series.
    errors
        The model of the weeks' errors whose rows come next after those with people as clusters: AR(1), or Newey and
        West's; the other's come last.
    lag_weeks
        Autocorrelation that Newey and West's standard errors allow for.
    harmonics
        Pairs of waves for the seasons; 0 for none.
    placebo_weeks
        Weeks before the interruption at which nothing happened: a break there must not be found.
    placebo_window_weeks
        Weeks on either side from which the jump at the interruption, and at every earlier week, is read.
    coinciding
        Reforms of the same date; with any, the interruption is not separately identified.
    """

    label: Text
    states: tuple[Id, ...] = Field(min_length=1)
    censoring: tuple[Id, ...] = ()
    first_week: str
    last_week: str
    interruption: Interruption
    errors: Literal["newey_west", "ar1"] = "newey_west"
    lag_weeks: int = Field(ge=0)
    harmonics: int = Field(default=0, ge=0)
    placebo_weeks: tuple[str, ...] = ()
    placebo_window_weeks: int = Field(ge=3)
    coinciding: tuple[Coinciding, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> Series:
        first, broken, last = map(week_index, (self.first_week, self.interruption.week, self.last_week))
        if not first < broken < last:
            raise ValueError(
                f"interruption is {self.interruption.week}; must lie between first_week {self.first_week} and "
                f"last_week {self.last_week}"
            )
        if self.placebo_window_weeks > min(last - broken + 1, (broken - first) // 2):
            raise ValueError(
                f"placebo_window_weeks is {self.placebo_window_weeks}; must fit once after the interruption and twice "
                "before it"
            )
        check_distinct("placebo_weeks", list(self.placebo_weeks))
        for week in self.placebo_weeks:
            if not first < week_index(week) < broken:
                raise ValueError(
                    f"placebo week {week} must lie between first_week {self.first_week} and the interruption"
                )
        return self

    @property
    def separately_identified(self) -> bool:
        """Whether nothing else is known to have changed at the same time."""
        return not self.coinciding
