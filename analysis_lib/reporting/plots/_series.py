"""A weekly series with a break: what was observed, the model, and what the weeks before continue to."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from analysis_lib.errors import InvalidInput
from analysis_lib.register.weeks import monday, week_index
from analysis_lib.reporting.descriptions import describe_curves
from analysis_lib.reporting.language import Labels, Translator, say_label
from analysis_lib.reporting.plots._style import COLOURS, DASHES, INK, MUTED, describe, new_axes, style
from analysis_lib.results import Curve


def series(
    observed: Curve,
    *,
    fitted: Curve | None = None,
    without_break: Curve | None = None,
    interruption: int,
    first_week: str,
    event: str,
    y_label: str,
    translator: Translator,
    labels: Labels,
    ax: Axes | None = None,
) -> Axes:
    """Draw a share week by week, with the interruption as an upright line.

    Parameters
    ----------
    observed
        The share (0 to 1), after disclosure control; withheld weeks are NaN.
    fitted, without_break
        The model, with its interval where there is a break, and what the weeks before continue to.
    interruption
        The first week after the break, counted from 0.
    first_week
        The week of the first point, such as `2004-W27`.
    event, y_label
        What began, and what the share is, in the language.
    translator, labels
        The language, and what the ids are called.
    ax
        Axes to draw on; a new figure without.

    Raises
    ------
    InvalidInput
        Where no point is left, or the curves are not in weeks of the series.
    """
    drawn = [curve for curve in (observed, fitted, without_break) if curve is not None]
    if np.isnan(observed.y).all() or any(curve.x[-1] != observed.x[-1] for curve in drawn):
        raise InvalidInput("observed must have a point, and the other curves its last week")
    with style():
        axes = new_axes(7.2, 3.8) if ax is None else ax
        axes.axvline(interruption - 0.5, color=INK, linewidth=0.9)
        axes.plot(
            observed.x, observed.y, linestyle="none", marker="o", markersize=2.4, color=MUTED,
            label=say_label(labels, observed.label, translator),
        )  # fmt: skip
        for number, curve in enumerate(drawn[1:]):
            colour = COLOURS[number]
            name = say_label(labels, curve.label, translator)
            axes.plot(curve.x, curve.y, color=colour, linestyle=DASHES[number], linewidth=1.9, label=name)
            axes.fill_between(curve.x, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0)
        _mark_years(axes, first_week, int(observed.x[-1]))
        axes.set_xlim(0, float(observed.x[-1]))
        axes.yaxis.set_major_formatter(lambda y, _: translator.percent(y))
        axes.set_xlabel(translator.t("Week; a tick is the first week of a year"))
        axes.set_ylabel(y_label)
        axes.grid(axis="x", visible=False)
        axes.annotate(
            event, (interruption - 0.5, 1), (4, -2), xycoords=axes.get_xaxis_transform(), textcoords="offset points",
            va="top", fontsize=8.5, color=INK,
        )  # fmt: skip
        axes.legend(loc="upper left", bbox_to_anchor=(0, 0.92))
    alt = describe_curves(drawn, translator=translator, labels=labels, title=f"{y_label}; {event}", percent=True)
    caption = translator.t(
        "Points: the share each week. Band: {level:.0f} % interval of the model.", level=100 * drawn[-1].level
    )
    return describe(axes, alt=alt, caption=caption if fitted is not None else "")


def _mark_years(axes: Axes, first_week: str, last: int) -> None:
    """Put a tick at the first week of every year."""
    first = week_index(first_week)
    years = range(monday(first).year, monday(first + last).year + 2)
    places = {year: week_index(f"{year}-W01") - first for year in years}
    shown = {year: place for year, place in places.items() if 0 <= place <= last}
    axes.set_xticks(list(shown.values()), [str(year) for year in shown])
