"""Evaluate Danish employment trials from a DREAM-shaped register, and publish what may be shared.

In the order in which things flow:

errors      what users meet: each says what was found, where, and what is allowed
results     Estimate, Check, Curve, Results: the only shapes in which an answer travels
parameters  the strict reader of the definitions under `parameters/`
register    who is in the data: columns declared once, reading, DREAM codes to states, simulation
trials      a trial's definition, design, outcomes, effects and durations
reporting   disclosure control, tables, figures, language, the report that a notebook shows, pages
batch       plan, run and record a batch of notebooks
"""

from analysis_lib.reporting.report import Report, open_report, read_results
from analysis_lib.results import Check, Curve, Estimate, Results
from analysis_lib.trials.definition import Trial, read_trial
from analysis_lib.trials.durations import hazard_ratio, logrank, median_duration, survival_curve
from analysis_lib.trials.effects import additive_adjusted, difference_in_means, lin_adjusted
from analysis_lib.trials.sources import load_cases

__all__ = [
    "Check",
    "Curve",
    "Estimate",
    "Report",
    "Results",
    "Trial",
    "additive_adjusted",
    "difference_in_means",
    "hazard_ratio",
    "lin_adjusted",
    "load_cases",
    "logrank",
    "median_duration",
    "open_report",
    "read_results",
    "read_trial",
    "survival_curve",
]
