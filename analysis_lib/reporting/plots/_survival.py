"""Survival curves with bands, schedule and the people at risk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from analysis_lib.errors import InvalidInput
from analysis_lib.reporting.descriptions import STAY, SurvivalWords, caption_survival, describe_survival
from analysis_lib.reporting.language import Labels, Translator, say_label
from analysis_lib.reporting.plots._style import COLOURS, DASHES, MUTED, SHADE, describe, new_axes, style, wrap
from analysis_lib.reporting.trial_facts import say_weeks
from analysis_lib.results import Curve
from analysis_lib.trials.definition import ScheduleWindow

_WEEK_STEPS = (1, 2, 4, 13, 26, 52)


def survival(
    curves: Sequence[Curve],
    *,
    translator: Translator,
    labels: Labels,
    windows: Sequence[ScheduleWindow] = (),
    words: SurvivalWords = STAY,
    ax: Axes | None = None,
) -> Axes:
    """Draw survival curves as steps with their bands and, under the axis, the people at risk.

    Parameters
    ----------
    curves
        After disclosure control; `x` in weeks, `y` a share. The numbers at risk are those at the first point from the
        tick on that has them; a curve without them has no row, and after its end there are none.
    translator, labels
        The language, and what the ids are called.
    windows
        Periods of the trial's schedule, shaded, with their labels above the axes.
    words
        What the curves are of.
    ax
        Axes to draw on; a new figure without.

    Raises
    ------
    InvalidInput
        Without curves, or where one does not start at 1.
    """
    if not curves or any(curve.start != 1 for curve in curves):
        raise InvalidInput("curves must hold at least one, and each must start at 1")
    with style():
        axes = new_axes(7.2, 4.0) if ax is None else ax
        last = max(float(curve.x[-1]) for curve in curves)
        for number, curve in enumerate(curves):
            _draw_curve(axes, curve, number, say_label(labels, curve.label, translator))
        _shade(axes, [window for window in windows if window.weeks[0] < last], last, translator)
        axes.set_xlim(0, last)
        axes.set_ylim(0, 1)
        axes.set_xticks(week_ticks(last))
        axes.yaxis.set_major_formatter(lambda share, _: translator.percent(share))
        axes.set_xlabel(translator.render(words[1]))
        axes.set_ylabel(translator.render(words[2]))
        axes.grid(axis="x", visible=False)
        axes.legend(loc="upper right")
        _write_at_risk(axes, curves, translator, labels)
    alt = describe_survival(curves, translator=translator, labels=labels, words=words)
    return describe(axes, alt=alt, caption=caption_survival(curves, translator=translator))


def _draw_curve(axes: Axes, curve: Curve, number: int, label: str) -> None:
    colour, dashes = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
    x = np.concatenate(([0.0], curve.x))
    y = np.concatenate(([curve.start], curve.y))
    low, high = (np.concatenate(([np.nan], limit)) for limit in (curve.low, curve.high))
    axes.step(x, y, where="post", color=colour, linestyle=dashes, linewidth=1.9, label=label)
    known = ~np.isnan(low) & ~np.isnan(high)
    axes.fill_between(x, low, high, where=known.tolist(), step="post", color=colour, alpha=0.16, linewidth=0)


def week_ticks(last: float) -> list[float]:
    """Return ticks from 0, at most nine, at whole weeks, quarters, halves or years.

    Examples
    --------
    >>> week_ticks(104)
    [0.0, 13.0, 26.0, 39.0, 52.0, 65.0, 78.0, 91.0, 104.0]
    """
    years = 52 * int(np.ceil(last / (8 * 52)))
    step = next((step for step in _WEEK_STEPS if last / step <= 8), years)
    return [float(week) for week in range(0, int(last) + 1, step)]


def _shade(axes: Axes, windows: Sequence[ScheduleWindow], last: float, translator: Translator) -> None:
    """Shade the windows, their labels in a stack above so that they cannot overlap; heights are shares of the axes."""
    above = axes.get_xaxis_transform()
    for number, window in enumerate(windows):
        first, end = window.weeks[0], last if window.weeks[1] is None else min(window.weeks[1], last)
        axes.axvspan(first, end, facecolor=SHADE, edgecolor="#c3ccd5", alpha=0.6, linewidth=0.8, zorder=0)
        height = 1.03 + 0.055 * (len(windows) - 1 - number)
        side = "left" if first < 0.6 * last else "right"
        text = f"{say_weeks(window, translator)}: {translator.text(window.label)}"
        axes.plot([first, first], [1, height + 0.02], transform=above, color=MUTED, linewidth=0.8, clip_on=False)
        label = f" {text}" if side == "left" else f"{text} "
        axes.text(first, height, label, transform=above, fontsize=8, color=MUTED, ha=side, va="center")


def numbers_at_risk(curve: Curve, weeks: Iterable[float]) -> list[float]:
    """Return the people at risk at the first point of the curve from each week on that has them; NaN after the last."""
    wanted = np.asarray(list(weeks))
    if curve.at_risk is None:
        return [float("nan")] * len(wanted)
    known = ~np.isnan(curve.at_risk)
    padded = np.append(curve.at_risk[known], np.nan)
    return [float(padded[place]) for place in np.searchsorted(curve.x[known], wanted, side="left")]


def _write_at_risk(axes: Axes, curves: Sequence[Curve], translator: Translator, labels: Labels) -> None:
    """Write a row of numbers a curve under the axis label; heights are shares of the axes."""
    counted = [curve for curve in curves if curve.at_risk is not None]
    if not counted:
        return
    look: dict[str, Any] = {"fontsize": 8.5, "va": "top"}
    height, weeks = -0.2, axes.get_xticks()
    head = translator.t("Still unemployed and observed (number of people):")
    axes.text(0, height, head, transform=axes.transAxes, color=MUTED, **look)
    for curve in counted:
        height -= 0.065
        name = wrap(say_label(labels, curve.label, translator), 18)
        axes.text(-0.06, height, name, ha="right", transform=axes.transAxes, **look)
        for week, n in zip(weeks, numbers_at_risk(curve, weeks), strict=True):
            if not np.isnan(n):
                count = translator.integer(int(n))
                axes.text(week, height, count, ha="center", transform=axes.get_xaxis_transform(), gid="at risk", **look)
        height -= 0.05 * name.count("\n")
