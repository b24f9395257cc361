"""Which effort works for whom: groups chosen beforehand, and groups that are learned from the data."""

from analysis_lib.trials.subgroups.divisions import combine_divisions
from analysis_lib.trials.subgroups.hazards import subgroup_hazard_ratios
from analysis_lib.trials.subgroups.learned import (
    best_linear_predictor,
    classification_analysis,
    sorted_group_effects,
)
from analysis_lib.trials.subgroups.means import subgroup_effects
from analysis_lib.trials.subgroups.proxies import LearnedEffects, Split, given_effects, learn_effects

__all__ = [
    "LearnedEffects",
    "Split",
    "best_linear_predictor",
    "classification_analysis",
    "combine_divisions",
    "given_effects",
    "learn_effects",
    "sorted_group_effects",
    "subgroup_effects",
    "subgroup_hazard_ratios",
]
