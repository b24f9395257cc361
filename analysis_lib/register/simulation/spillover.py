"""The part of a `simulation` block about people whom the trial cannot have touched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import Field

from analysis_lib.parameters import Sourced
from analysis_lib.register.simulation.parts import Place, Span
from analysis_lib.register.weeks import week_label

if TYPE_CHECKING:
    from analysis_lib.register.simulation.model import SimulationModel


UNTOUCHED = ("elsewhere_during", "trial_before", "elsewhere_before")
"""What the counts call those whom the trial cannot have touched."""


class Spillover(Sourced):
    """What the trial does to the time to exit of its controls, and the people who show it: elsewhere, and earlier.

    The model's durations are those where and when the trial runs. The people drawn here have the controls' hazard
    divided by `hazard_ratio`; with 1 the trial touches nobody but the treated.

    Attributes
    ----------
    hazard_ratio
        The controls' hazard against what it is without the trial.
    places
        Municipalities of areas without the trial.
    persons
        Eligible people there in the weeks of entry, as a share of the trial's; the ineligible come on top.
    before
        The weeks of entry before the trial.
    persons_before
        People who entered then, as a share of those of the trial's weeks, in the trial's places and in the others.
    """

    hazard_ratio: float = Field(gt=0)
    places: tuple[Place, ...] = Field(min_length=1)
    persons: float = Field(gt=0)
    before: Span
    persons_before: float = Field(gt=0)


def check_spillover(model: SimulationModel) -> Iterable[str]:
    """Yield what in `spillover` contradicts the rest of a model."""
    plan, entry = model.spillover, model.entry
    if plan is None:
        return
    codes = [place.code for place in plan.places]
    taken = {place.code for place in (*model.sites, *model.elsewhere)}
    if len(set(codes)) < len(codes):
        yield "spillover.places names a municipality twice; must be distinct"
    for code in sorted(taken & set(codes)):
        yield f"spillover.places names municipality {code}; must be none of sites and elsewhere"
    if plan.before.last_week < plan.before.first_week:
        yield "spillover.before.last_week is before first_week; must not be"
    if plan.before.last_week >= entry.first_week:
        latest = week_label(entry.first_week - 1)
        yield f"spillover.before.last_week is {week_label(plan.before.last_week)}; must be {latest} or earlier"
    if plan.before.first_week - entry.free_weeks < model.span.first_week:
        earliest = week_label(model.span.first_week + entry.free_weeks)
        yield (
            f"spillover.before.first_week is {week_label(plan.before.first_week)}; must be {earliest} or later, "
            "to have room for the free weeks"
        )
    if not model.arms:
        yield "spillover needs arms; without, there are no controls to be touched"
    if entry.stock is not None:
        yield "spillover needs entry.stock left out: people of before the trial would enter in its weeks again"
