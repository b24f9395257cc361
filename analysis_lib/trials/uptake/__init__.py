"""What taking part did, with assignment as the instrument.

People are assigned to a programme and not all take part. Comparing those who did with those who did not compares
people who chose; these functions compare people as assigned, and scale by how much assignment moved taking part.
Arguments are arrays of shape (n,) or (n, k), matched by position.
"""

from analysis_lib.trials.uptake.compliers import complier_means, complier_share, late
from analysis_lib.trials.uptake.confidence_sets import ConfidenceSet
from analysis_lib.trials.uptake.two_stage import site_instruments, two_stage_least_squares
from analysis_lib.trials.uptake.weak_instruments import AndersonRubin, anderson_rubin

__all__ = [
    "AndersonRubin",
    "ConfidenceSet",
    "anderson_rubin",
    "complier_means",
    "complier_share",
    "late",
    "site_instruments",
    "two_stage_least_squares",
]
