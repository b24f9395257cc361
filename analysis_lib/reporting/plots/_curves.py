"""Curves with bands over weeks or any other scale: effects over time, contacts a week, power."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from analysis_lib.errors import InvalidInput
from analysis_lib.reporting.descriptions import caption_survival, describe_curves
from analysis_lib.reporting.language import Labels, Translator, say_label
from analysis_lib.reporting.plots._style import COLOURS, DASHES, INK, describe, new_axes, style
from analysis_lib.reporting.plots._survival import week_ticks
from analysis_lib.reporting.table import decimals_written
from analysis_lib.results import Curve


def curves(
    drawn: Sequence[Curve],
    *,
    translator: Translator,
    labels: Labels,
    title: str,
    x_label: str,
    y_label: str,
    percent: bool = False,
    weeks: bool = True,
    null: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw curves with their bands.

    Parameters
    ----------
    drawn
        After disclosure control, at least one.
    translator, labels
        The language, and what the ids are called.
    title
        What the figure shows, for the alt text.
    x_label, y_label
        With units, in the language.
    percent
        Whether the values are shares, to be written in percent.
    weeks
        Whether `x` is in weeks.
    null
        Where a line of no effect goes.
    ax
        Axes to draw on; a new figure without.

    Raises
    ------
    InvalidInput
        Without curves, or with one without points.
    """
    if not drawn or any(not len(curve.x) for curve in drawn):
        raise InvalidInput("drawn must hold at least one curve, each with a point")
    with style():
        axes = new_axes(7.2, 3.6) if ax is None else ax
        if null is not None:
            axes.axhline(null, color=INK, linewidth=0.9)
        for number, curve in enumerate(drawn):
            colour, dashes = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
            label = say_label(labels, curve.label, translator)
            axes.plot(curve.x, curve.y, color=colour, linestyle=dashes, linewidth=1.9, label=label)
            known = ~np.isnan(curve.low) & ~np.isnan(curve.high)
            axes.fill_between(
                curve.x, curve.low, curve.high, where=known.tolist(), color=colour, alpha=0.16, linewidth=0
            )
        first, last = (float(limit(limit(curve.x) for curve in drawn)) for limit in (min, max))
        axes.set_xlim(first, last if last > first else first + 1)
        if weeks:
            axes.set_xticks([tick for tick in week_ticks(last) if tick >= first])
        axes.xaxis.set_major_formatter(lambda x, _: translator.number(x, decimals_written(x)))
        axes.yaxis.set_major_formatter(
            lambda y, _: translator.percent(y) if percent else translator.number(y, min(decimals_written(y), 3))
        )
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        axes.grid(axis="x", visible=False)
        if len(drawn) > 1:
            axes.legend(loc="best")
    alt = describe_curves(drawn, translator=translator, labels=labels, title=title, percent=percent)
    return describe(axes, alt=alt, caption=caption_survival(drawn, translator=translator))
