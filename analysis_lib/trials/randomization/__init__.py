"""Randomisation inference: tests and intervals from the assignments that the design could have made."""

from analysis_lib.trials.randomization._choice import StatisticName
from analysis_lib.trials.randomization.inference import randomization_test
from analysis_lib.trials.randomization.multiplicity import Family, max_t, romano_wolf

__all__ = ["Family", "StatisticName", "max_t", "randomization_test", "romano_wolf"]
