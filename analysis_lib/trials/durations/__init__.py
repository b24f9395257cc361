"""Durations: curves, medians, hazard ratios and tests, with right censoring.

Arguments are arrays of shape (n,), matched by position: `time` is 0 or more, in any unit; `event` says whether the
time ended in the event (1) or in censoring (0). Times nearer than 1.5e-8 count as equal, as in R's survival package.
Where nobody had the event, every function raises `NotEstimable`.
"""

from analysis_lib.trials.durations.hazards import hazard_ratio, logrank
from analysis_lib.trials.durations.survival import median_duration, survival_curve

__all__ = ["hazard_ratio", "logrank", "median_duration", "survival_curve"]
