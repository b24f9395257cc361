"""What a trial does to people who are not treated: differences-in-differences of areas, and two-stage designs."""

from analysis_lib.trials.spillover.differences import Weight, county_difference_in_differences
from analysis_lib.trials.spillover.saturation import Average, saturation_effects

__all__ = ["Average", "Weight", "county_difference_in_differences", "saturation_effects"]
