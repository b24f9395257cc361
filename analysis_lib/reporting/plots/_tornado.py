"""How far each price moves the balance."""

from __future__ import annotations

from matplotlib.axes import Axes

from analysis_lib.errors import InvalidInput
from analysis_lib.reporting.descriptions import caption_tornado, describe_tornado, name_swing
from analysis_lib.reporting.language import Translator
from analysis_lib.reporting.plots._lines import name_lines, pitch
from analysis_lib.reporting.plots._style import COLOURS, DASHES, INK, MUTED, describe, new_axes, style, wrap
from analysis_lib.reporting.table import decimals_written
from analysis_lib.trials.costs import Sensitivity

_NAME_WIDTH = 44
_THICK = 0.7


def tornado(found: Sensitivity, *, translator: Translator, ax: Axes | None = None) -> Axes:
    """Draw the balance at the low and at the high end of every price's range, the widest first.

    Parameters
    ----------
    found
        What `sensitivity` returned, where it may be shown (disclosure control).
    translator
        The language.
    ax
        Axes to draw on; a new figure without.

    Raises
    ------
    InvalidInput
        Where no price is varied, or the balance cannot be estimated at an end.
    """
    ends = [(one.at_low, one.at_high) for one in found.swings]
    if not ends or not all(row.estimated for pair in ends for row in pair):
        raise InvalidInput("found has no price with a balance at both ends of its range; must have one or more")
    names = ["\n".join(wrap(line, _NAME_WIDTH) for line in name_swing(one, translator)) for one in found.swings]
    centre = found.central.value
    with style():
        axes = new_axes(4.8, 1.2 + pitch(names) * len(names)) if ax is None else ax
        said = (translator.t("Price low"), translator.t("Price high"))
        for end, (colour, hatch) in enumerate(((COLOURS[0], ""), (COLOURS[1], "//"))):
            axes.barh(
                range(len(names)), [pair[end].value - centre for pair in ends], left=centre, height=_THICK,
                color=colour, hatch=hatch, edgecolor="white", linewidth=0, label=said[end],
            )  # fmt: skip
        axes.axvline(centre, color=INK, linewidth=0.9)
        axes.axvline(0, color=MUTED, linewidth=1.2, linestyle=DASHES[1])
        name_lines(axes, names)
        axes.xaxis.set_major_formatter(lambda x, _: translator.number(x, decimals_written(x)))
        axes.set_xlabel(translator.t("Balance in {unit}; above 0 is a gain", unit=found.central.unit))
        axes.grid(axis="y", visible=False)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    return describe(
        axes, alt=describe_tornado(found, translator=translator), caption=caption_tornado(translator=translator)
    )
