"""The reports: one class a notebook, each part of which a cell asks for."""

from analysis_lib.reporting.reports.trial_conduct import TrialConduct
from analysis_lib.reporting.reports.trial_design import TrialDesign
from analysis_lib.reporting.reports.trial_durations import TrialDurations
from analysis_lib.reporting.reports.trial_effects import TrialEffects
from analysis_lib.reporting.reports.trial_page import TrialPage
from analysis_lib.reporting.reports.trial_published import TrialPublished
from analysis_lib.reporting.reports.trial_report import TrialReport, read_results
from analysis_lib.reporting.reports.trial_series import TrialSeries
from analysis_lib.reporting.reports.trial_sites import SitesPage, open_trial_sites
from analysis_lib.reporting.reports.trial_subgroups_costs import TrialSubgroupsCosts

__all__ = [
    "PAGES",
    "TrialConduct",
    "TrialDesign",
    "TrialDurations",
    "TrialEffects",
    "TrialPage",
    "TrialPublished",
    "TrialReport",
    "TrialSeries",
    "TrialSubgroupsCosts",
    "open_trial_conduct",
    "open_trial_design",
    "open_trial_durations",
    "open_trial_effects",
    "open_trial_published",
    "open_trial_series",
    "open_trial_sites",
    "open_trial_subgroups_costs",
    "read_results",
]

open_trial_conduct = TrialConduct.open
open_trial_design = TrialDesign.open
open_trial_durations = TrialDurations.open
open_trial_effects = TrialEffects.open
open_trial_published = TrialPublished.open
open_trial_series = TrialSeries.open
open_trial_subgroups_costs = TrialSubgroupsCosts.open

PAGES: dict[str, type[TrialPage]] = {
    page.notebook: page
    for page in (
        TrialConduct, TrialDesign, TrialDurations, TrialEffects, TrialPublished, TrialSeries, SitesPage,
        TrialSubgroupsCosts,
    )
}  # fmt: skip
"""The page of each of our notebooks, by the notebook's id."""
