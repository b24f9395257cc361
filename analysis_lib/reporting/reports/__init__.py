"""The reports: one class a notebook, each part of which a cell asks for."""

from analysis_lib.reporting.reports.trial_conduct import TrialConduct
from analysis_lib.reporting.reports.trial_design import TrialDesign
from analysis_lib.reporting.reports.trial_durations import TrialDurations
from analysis_lib.reporting.reports.trial_effects import TrialEffects
from analysis_lib.reporting.reports.trial_page import TrialPage
from analysis_lib.reporting.reports.trial_report import TrialReport, read_results
from analysis_lib.reporting.reports.trial_sites import open_trial_sites
from analysis_lib.reporting.reports.trial_subgroups_costs import TrialSubgroupsCosts

__all__ = [
    "TrialConduct",
    "TrialDesign",
    "TrialDurations",
    "TrialEffects",
    "TrialPage",
    "TrialReport",
    "TrialSubgroupsCosts",
    "open_trial_conduct",
    "open_trial_design",
    "open_trial_durations",
    "open_trial_effects",
    "open_trial_sites",
    "open_trial_subgroups_costs",
    "read_results",
]

open_trial_conduct = TrialConduct.open
open_trial_design = TrialDesign.open
open_trial_durations = TrialDurations.open
open_trial_effects = TrialEffects.open
open_trial_subgroups_costs = TrialSubgroupsCosts.open
