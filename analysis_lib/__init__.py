"""Evaluate Danish employment trials from a DREAM-shaped register, and publish what may be shared.

In the order in which things flow:

errors      what users meet: each says what was found, where, and what is allowed
results     Estimate, Check, Curve, Results: the only shapes in which an answer travels
files       folders and files that are replaced whole or not at all
parameters  the strict reader of the definitions under `parameters/`
register    who is in the data: columns declared once, reading, DREAM codes to states, simulation
aggregates  public figures of jobindsats and StatBank, typed, with our jobcentre ids
trials      a trial's definition and cases; functions of arrays by topic; `evaluation` carries out the plan
reporting   disclosure control, tables, figures, language, the report that a notebook shows, pages
batch       plan, run and record a batch of notebooks
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis_lib.aggregates import read_jobindsats, read_statbank
    from analysis_lib.register.codes import read_codes
    from analysis_lib.register.extract import Extract, read_extract
    from analysis_lib.register.importing.run import import_extract
    from analysis_lib.register.quality import check_extract
    from analysis_lib.register.spells import Spells, spells_from_weeks, weeks_from_spells
    from analysis_lib.register.states import first_run, inflow, state_shares, weeks_in_state
    from analysis_lib.reporting.reports import (
        TrialReport,
        open_trial_conduct,
        open_trial_design,
        open_trial_durations,
        open_trial_effects,
        open_trial_published,
        open_trial_series,
        open_trial_sites,
        open_trial_subgroups_costs,
        read_results,
    )
    from analysis_lib.results import Check, Curve, Estimate, Results
    from analysis_lib.trials.definition import Trial, read_trial
    from analysis_lib.trials.durations import hazard_ratio, logrank, median_duration, survival_curve
    from analysis_lib.trials.effects import additive_adjusted, difference_in_means, lin_adjusted
    from analysis_lib.trials.sources import load_cases, load_spillover
    from analysis_lib.trials.summary_cases import load_summary

__all__ = [
    "Check",
    "Curve",
    "Estimate",
    "Extract",
    "Results",
    "Spells",
    "Trial",
    "TrialReport",
    "additive_adjusted",
    "check_extract",
    "difference_in_means",
    "first_run",
    "hazard_ratio",
    "import_extract",
    "inflow",
    "lin_adjusted",
    "load_cases",
    "load_spillover",
    "load_summary",
    "logrank",
    "median_duration",
    "open_trial_conduct",
    "open_trial_design",
    "open_trial_durations",
    "open_trial_effects",
    "open_trial_published",
    "open_trial_series",
    "open_trial_sites",
    "open_trial_subgroups_costs",
    "read_codes",
    "read_extract",
    "read_jobindsats",
    "read_results",
    "read_statbank",
    "read_trial",
    "spells_from_weeks",
    "state_shares",
    "survival_curve",
    "weeks_from_spells",
    "weeks_in_state",
]

# Imported when first asked for: the command line starts in a third of a second instead of three.
_HOMES = {
    "aggregates": ("read_jobindsats", "read_statbank"),
    "register.codes": ("read_codes",),
    "register.extract": ("Extract", "read_extract"),
    "register.importing.run": ("import_extract",),
    "register.quality": ("check_extract",),
    "register.spells": ("Spells", "spells_from_weeks", "weeks_from_spells"),
    "register.states": ("first_run", "inflow", "state_shares", "weeks_in_state"),
    "results": ("Check", "Curve", "Estimate", "Results"),
    "trials.definition": ("Trial", "read_trial"),
    "trials.durations": ("hazard_ratio", "logrank", "median_duration", "survival_curve"),
    "trials.effects": ("additive_adjusted", "difference_in_means", "lin_adjusted"),
    "trials.sources": ("load_cases", "load_spillover"),
    "trials.summary_cases": ("load_summary",),
    "reporting.reports": (
        "TrialReport",
        "open_trial_conduct",
        "open_trial_design",
        "open_trial_durations",
        "open_trial_effects",
        "open_trial_published",
        "open_trial_series",
        "open_trial_sites",
        "open_trial_subgroups_costs",
        "read_results",
    ),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__
