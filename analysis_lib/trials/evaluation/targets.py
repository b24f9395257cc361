"""Published numbers beside ours."""

from __future__ import annotations

from dataclasses import dataclass

from analysis_lib.results import Estimate, Results
from analysis_lib.trials.definition import CONTROL, Target, Trial
from analysis_lib.trials.evaluation.effects import ADJUSTED, ADJUSTED_HAZARD_RATIO, DIFFERENCE, HAZARD_RATIO, MEDIAN


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetComparison:
    """A published number beside ours.

    Attributes
    ----------
    target, found
        The published number, and our estimate of the same (`None` without one).
    agrees
        Whether they are no further apart than the target allows; `None` without an estimate.
    inside
        Whether our interval holds the published number: with few people a difference may be chance.
    """

    target: Target
    found: Estimate | None
    agrees: bool | None
    inside: bool | None


def compare_targets(trial: Trial, effects: Results) -> tuple[TargetComparison, ...]:
    """Hold every published target against the estimate of the same outcome, arm and estimand."""
    return tuple(_compare(trial, target, effects) for target in trial.targets)


def _compare(trial: Trial, target: Target, effects: Results) -> TargetComparison:
    arm = target.arm or trial.treated_arms[0].id
    estimand, of_arm = {
        "difference_in_means": (DIFFERENCE, arm),
        "adjusted_difference": (ADJUSTED, arm),
        "hazard_ratio": (HAZARD_RATIO, arm),
        "adjusted_hazard_ratio": (ADJUSTED_HAZARD_RATIO, arm),
        "median_treated": (MEDIAN, arm),
        "median_control": (MEDIAN, CONTROL),
    }[target.estimand]
    rows = effects.where(outcome=target.outcome, arm=of_arm, estimand=estimand).estimates
    found = next((row for row in rows if row.estimated), None)
    if found is None:
        return TargetComparison(target=target, found=None, agrees=None, inside=None)
    agrees = abs(found.value - target.value) <= target.half_width
    inside = found.interval.low <= target.value <= found.interval.high
    return TargetComparison(target=target, found=found, agrees=agrees, inside=inside)
