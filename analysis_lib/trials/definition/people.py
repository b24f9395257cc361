"""What is known of people before assignment: covariates, subgroups, and strata that are analysed apart."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from analysis_lib.parameters import Definition, Id, Text
from analysis_lib.trials.definition.data import check_distinct


class CovariateLevel(Definition):
    """What reports call one value of a category."""

    value: str | int
    label: Text


class Covariate(Definition):
    """A characteristic known before assignment.

    An indicator is 0 or 1 (false or true). A category enters as indicators of its levels, the first one left out;
    `levels` says what reports call them where the column is not one of the register's.
    """

    id: Id
    column: str
    kind: Literal["number", "indicator", "category"]
    transform: Literal["none", "square"] = "none"
    label: Text
    levels: tuple[CovariateLevel, ...] = ()

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Covariate:
        if self.kind != "number" and self.transform != "none":
            raise ValueError(f"{self.kind} cannot be squared; transform must be none")
        if self.kind != "category" and self.levels:
            raise ValueError(f"{self.kind} has no levels; leave levels out")
        check_distinct("levels", [str(level.value) for level in self.levels])
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


class Strata(Definition):
    """A division whose groups are analysed apart, each as a trial of its own; its groups may not overlap."""

    label: Text
    column: str
    groups: tuple[Group, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _distinct(self) -> Strata:
        check_distinct("groups", [group.id for group in self.groups])
        return self
