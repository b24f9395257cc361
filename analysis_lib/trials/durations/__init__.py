"""Durations: curves, medians and means, hazard ratios (over all time and by window) and tests, with right censoring.

Arguments are arrays of shape (n,), matched by position: `time` is 0 or more, in any unit; `event` says whether the
time ended in the event (1) or in censoring (0). Times nearer than 1.5e-8 count as equal, as in R's survival package.
Where nobody had the event, every function raises `NotEstimable`.
"""

from analysis_lib.trials.durations.competing import (
    cause_specific_hazard_ratio,
    cumulative_incidence,
    cumulative_incidence_difference,
)
from analysis_lib.trials.durations.discrete_time import cloglog
from analysis_lib.trials.durations.fine_gray import fine_gray
from analysis_lib.trials.durations.gray import gray_test
from analysis_lib.trials.durations.hazards import hazard_ratio, logrank
from analysis_lib.trials.durations.mixed_hazard import MixedFit, MixedHazards, SpellHazard, mixed_proportional_hazards
from analysis_lib.trials.durations.piecewise import piecewise_hazard_ratios
from analysis_lib.trials.durations.proportionality import check_proportional_hazards
from analysis_lib.trials.durations.recurrent import recurrent_hazard_ratios
from analysis_lib.trials.durations.restricted_mean import restricted_mean, restricted_mean_difference
from analysis_lib.trials.durations.survival import median_duration, survival_curve
from analysis_lib.trials.durations.two_spells import TwoSpellHazards, two_spell_model

__all__ = [
    "MixedFit",
    "MixedHazards",
    "SpellHazard",
    "TwoSpellHazards",
    "cause_specific_hazard_ratio",
    "check_proportional_hazards",
    "cloglog",
    "cumulative_incidence",
    "cumulative_incidence_difference",
    "fine_gray",
    "gray_test",
    "hazard_ratio",
    "logrank",
    "median_duration",
    "mixed_proportional_hazards",
    "piecewise_hazard_ratios",
    "recurrent_hazard_ratios",
    "restricted_mean",
    "restricted_mean_difference",
    "survival_curve",
    "two_spell_model",
]
