"""The reports: one class a notebook, each part of which a cell asks for."""

from analysis_lib.reporting.reports.trial_effects import TrialEffects
from analysis_lib.reporting.reports.trial_report import TrialReport, read_results

__all__ = ["TrialEffects", "TrialReport", "open_trial_effects", "read_results"]

open_trial_effects = TrialEffects.open
