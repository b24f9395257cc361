"""Effects read from a series of weeks or periods: a break at one date, and adoption at different dates."""

from analysis_lib.trials.series.adoption import Base, Control, StaggeredEffects, staggered_effects
from analysis_lib.trials.series.cohort import interrupted_cohort
from analysis_lib.trials.series.interrupted import InterruptedSeries, SeriesMethod, interrupted_time_series
from analysis_lib.trials.series.placebo import PlaceboBreaks, placebo_breaks

__all__ = [
    "Base",
    "Control",
    "InterruptedSeries",
    "PlaceboBreaks",
    "SeriesMethod",
    "StaggeredEffects",
    "interrupted_cohort",
    "interrupted_time_series",
    "placebo_breaks",
    "staggered_effects",
]
