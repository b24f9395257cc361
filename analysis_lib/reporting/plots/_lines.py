"""Points on lines: covariate differences, and estimates with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from analysis_lib.errors import InvalidInput
from analysis_lib.reporting.descriptions import (
    NOTABLE,
    caption_balance,
    caption_effects,
    describe_balance,
    describe_effects,
    name_effects,
)
from analysis_lib.reporting.disclosure import ProtectedBalance
from analysis_lib.reporting.language import Labels, Translator
from analysis_lib.reporting.plots._style import COLOURS, DASHES, INK, MUTED, describe, new_axes, style, wrap
from analysis_lib.reporting.table import decimals_of, decimals_written, write_interval
from analysis_lib.reporting.tables import name_covariate
from analysis_lib.results import Estimate, Results

_NAME_WIDTH = 44
# More of them run into each other where numbers are long.
_TICKS = 5
_RATIOS = (0.1, 0.2, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 5, 10)


def balance(table: ProtectedBalance, *, translator: Translator, labels: Labels, ax: Axes | None = None) -> Axes:
    """Draw the normalised difference of every covariate, with lines at ±0.1; withheld rows have no point.

    Parameters
    ----------
    table
        After disclosure control.
    translator, labels
        The language, and what the ids are called.
    ax
        Axes to draw on; a new figure without.
    """
    names = [wrap(name_covariate(row, translator, labels), _NAME_WIDTH) for row in table.rows]
    values = np.array([row.normalised_difference for row in table.rows])
    with style():
        axes = new_axes(4.8, 0.9 + pitch(names) * len(names)) if ax is None else ax
        axes.axvline(0, color=INK, linewidth=0.9)
        for limit in (-NOTABLE, NOTABLE):
            axes.axvline(limit, color=MUTED, linewidth=1, linestyle=DASHES[1])
        axes.plot(values, np.arange(len(names)), linestyle="none", marker="o", markersize=5.5, color=COLOURS[0])
        name_lines(axes, names)
        reach = 1.2 * float(np.nanmax(np.abs(values), initial=NOTABLE))
        axes.set_xlim(-reach, reach)
        axes.xaxis.set_major_formatter(lambda x, _: translator.number(x, 2))
        axes.set_xlabel(translator.t("Normalised difference: treated less control"))
        axes.grid(axis="x", visible=False)
    alt = describe_balance(table, translator=translator, labels=labels)
    return describe(axes, alt=alt, caption=caption_balance(table, translator=translator))


def pitch(names: Sequence[str]) -> float:
    """Return the distance of the lines, in inches, that their names need."""
    return 0.1 + 0.16 * max((name.count("\n") + 1 for name in names), default=1)


def name_lines(axes: Axes, names: Sequence[str]) -> None:
    """Name the lines 0, 1, ... from the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)


def effects(results: Results, *, translator: Translator, labels: Labels, ax: Axes | None = None) -> Axes:
    """Draw estimates with their intervals, one a line, and the line of no effect (0, or a ratio of 1).

    Parameters
    ----------
    results
        Comparisons of treated with control, of one unit and scale, after disclosure control; one not estimated says
        so, checks are passed over.
    translator, labels
        The language, and what the ids are called.
    ax
        Axes to draw on; a new figure without.

    Raises
    ------
    InvalidInput
        Where nothing was estimated, or the estimates differ in unit or scale.
    """
    rows = results.estimates
    ratio = _one_scale(rows) == "log"
    named = name_effects(results, translator, labels)
    names = ["\n".join(wrap(part, _NAME_WIDTH) for part in parts) for parts in named]
    with style():
        axes = new_axes(4.2, 0.9 + pitch(names) * len(names)) if ax is None else ax
        axes.axvline(1 if ratio else 0, color=INK, linewidth=0.9)
        for place, row in enumerate(rows):
            _draw_effect(axes, row, place, translator)
        name_lines(axes, names)
        if ratio:
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(_ratio_ticks(rows))
            axes.xaxis.set_minor_locator(NullLocator())
        else:
            axes.xaxis.set_major_locator(MaxNLocator(_TICKS))
        axes.xaxis.set_major_formatter(lambda x, _: translator.number(x, decimals_written(x)))
        axes.set_xlabel(_axis_label(next(row for row in rows if row.estimated), translator))
        axes.grid(axis="y", visible=False)
    alt = describe_effects(results, translator=translator, labels=labels)
    return describe(axes, alt=alt, caption=caption_effects(results, translator=translator, labels=labels))


def _one_scale(rows: Sequence[Estimate]) -> str:
    kinds = {(str(row.unit), row.scale) for row in rows if row.estimated}
    if len(kinds) != 1:
        found = ", ".join(f"'{unit}' ({scale})" for unit, scale in sorted(kinds)) or "none"
        raise InvalidInput(f"results have units {found}; must be estimates of one unit and scale")
    return next(scale for _, scale in kinds)


def _draw_effect(axes: Axes, row: Estimate, place: int, translator: Translator) -> None:
    beside: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 8.5}
    if not row.estimated:
        axes.text(1.03, place, translator.t("Not estimated"), color=MUTED, **beside)
        return
    limits = [row.interval.low, row.interval.high]
    axes.plot(limits, [place, place], color=COLOURS[0], linewidth=2, solid_capstyle="butt")
    axes.plot([row.value], [place], marker="s", markersize=6, color=COLOURS[0], linestyle="none")
    value = translator.number(row.value, decimals_of(row.value, row.unit))
    axes.text(1.03, place, f"{value} ({write_interval(row, translator)})", **beside)


def _axis_label(row: Estimate, translator: Translator) -> str:
    if row.scale == "log":
        return translator.t("Ratio: treated over control")
    return translator.t("Difference in {unit}: treated less control", unit=row.unit)


def _ratio_ticks(rows: Sequence[Estimate]) -> FixedLocator:
    """Return ticks at round ratios over what is drawn."""
    drawn = [1.0, *(x for row in rows for x in (row.interval.low, row.interval.high) if not np.isnan(x))]
    low, high = min(drawn) * 0.97, max(drawn) * 1.03
    return FixedLocator([ratio for ratio in _RATIOS if low <= ratio <= high])
