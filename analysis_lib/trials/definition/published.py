"""What was published of a trial, and what its readers must know."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from analysis_lib.parameters import Id, Sourced, Text


class Target(Sourced):
    """A published number to hold the result against; `half_width` is how far apart counts as agreement."""

    outcome: Id
    arm: Id | None = None
    estimand: Literal[
        "difference_in_means", "adjusted_difference", "hazard_ratio", "adjusted_hazard_ratio", "median_treated",
        "median_control",
    ]  # fmt: skip
    value: float
    half_width: float = Field(gt=0)
    label: Text


class Published(Sourced):
    """A published finding without a number to compare: its direction (`+`, `0`, `-`) and its words.

    Findings may contradict each other; all are shown.
    """

    id: Id
    label: Text
    text: Text
    sign: Literal["+", "0", "-"] | None
    arm: Id | None = None
    stratum: Id | None = None
    outcome: Id | None = None


class Limit(Sourced):
    """A known limit of the trial that a reader must be told."""

    text: Text
