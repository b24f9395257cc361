"""Effects of several sites: pooled, how much the sites differ, each site's own, ranks, and published numbers."""

from analysis_lib.trials.sites.pooling import PooledSites, leave_one_out, pool_sites
from analysis_lib.trials.sites.ranks import RankProbabilities, rank_probabilities
from analysis_lib.trials.sites.summaries import (
    check_equal_proportions,
    difference_in_proportions,
    std_error_from_interval,
)

__all__ = [
    "PooledSites",
    "RankProbabilities",
    "check_equal_proportions",
    "difference_in_proportions",
    "leave_one_out",
    "pool_sites",
    "rank_probabilities",
    "std_error_from_interval",
]
