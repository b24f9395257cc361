"""The trial's whole plan carried out on its cases; each module answers one report's questions."""

from analysis_lib.trials.evaluation.effects import (
    ADJUSTED,
    ADJUSTED_HAZARD_RATIO,
    DIFFERENCE,
    HAZARD_RATIO,
    MEAN,
    MEDIAN,
    check_design,
    compare_balance,
    count_exits,
    estimate_effects,
    survival_curves,
    unit_of,
)
from analysis_lib.trials.evaluation.subgroups import estimate_subgroups
from analysis_lib.trials.evaluation.targets import TargetComparison, compare_targets

__all__ = [
    "ADJUSTED",
    "ADJUSTED_HAZARD_RATIO",
    "DIFFERENCE",
    "HAZARD_RATIO",
    "MEAN",
    "MEDIAN",
    "TargetComparison",
    "check_design",
    "compare_balance",
    "compare_targets",
    "count_exits",
    "estimate_effects",
    "estimate_subgroups",
    "survival_curves",
    "unit_of",
]
