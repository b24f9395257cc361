"""The figures of a report: results in, axes out. Nothing is shown or saved, and no global setting is touched.

`plots.figure(plots.survival(...))` is a figure as HTML with its own alt text and caption.
"""

from analysis_lib.reporting.plots._curves import curves
from analysis_lib.reporting.plots._flow import flow
from analysis_lib.reporting.plots._lines import balance, effects
from analysis_lib.reporting.plots._series import series
from analysis_lib.reporting.plots._style import HtmlFigure, figure
from analysis_lib.reporting.plots._survival import numbers_at_risk, survival, week_ticks
from analysis_lib.reporting.plots._tornado import tornado

__all__ = [
    "HtmlFigure",
    "balance",
    "curves",
    "effects",
    "figure",
    "flow",
    "numbers_at_risk",
    "series",
    "survival",
    "tornado",
    "week_ticks",
]
