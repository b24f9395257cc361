"""The flow from the register to the analysis as boxes, measured in inches."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from analysis_lib.reporting.descriptions import describe_flow
from analysis_lib.reporting.disclosure import ProtectedArm, ProtectedFlow
from analysis_lib.reporting.language import Labels, Translator, say_label
from analysis_lib.reporting.plots._style import COLOURS, MUTED, describe, new_axes, style
from analysis_lib.reporting.table import capital, withheld_note, write_count

_WIDTH, _LINE, _PAD, _GAP = 7.2, 0.165, 0.1, 0.3
_MAIN, _SIDE = 3.2, 3.7
# Signs that fit into an inch of text.
_SIGNS = 14.0


def flow(table: ProtectedFlow, *, translator: Translator, labels: Labels, ax: Axes | None = None) -> Axes:
    """Draw the flow from the register to the analysis as boxes (a CONSORT diagram); withheld counts say so.

    Parameters
    ----------
    table
        After disclosure control.
    translator, labels
        The language, and what the ids are called.
    ax
        Axes to draw on, 7.2 inches wide or in that proportion; a new figure without.
    """
    start = _plain(translator.render(table.start_label), table.start, _MAIN, translator)
    left_out = [
        line
        for step in table.exclusions
        for line in _item(capital(translator.render(step.reason)), step.count, _SIDE, translator)
    ]
    assigned = _plain(translator.t("In the trial"), table.assigned, _MAIN, translator)
    arms = [_arm_lines(arm, translator, labels, _WIDTH / len(table.arms) - 0.2) for arm in table.arms]
    height = sum(_height(lines) + _GAP for lines in (start, left_out, assigned, max(arms, key=len)) if lines)
    with style():
        axes = new_axes(_WIDTH, height, fill=True) if ax is None else ax
        axes.set_xlim(0, _WIDTH)
        axes.set_ylim(-height + _GAP - 0.05, 0.05)
        axes.axis("off")
        middle = _MAIN / 2 if left_out else _WIDTH / 2
        below = _box(axes, middle, 0.0, _MAIN, start)
        if left_out:
            below = _draw_left_out(axes, middle, below, left_out)
        _arrow(axes, (middle, below), (middle, below - _GAP))
        below = _box(axes, middle, below - _GAP, _MAIN, assigned)
        _draw_arms(axes, arms, middle, below)
    caption = withheld_note(table.min_count, translator) if table.withheld else ""
    return describe(axes, alt=describe_flow(table, translator=translator, labels=labels), caption=caption)


def _draw_left_out(axes: Axes, middle: float, top: float, lines: Sequence[str]) -> float:
    """Draw the box of those left out to the side and the line that passes it; return where it ends."""
    edge = _WIDTH - _SIDE
    below = _box(axes, edge + _SIDE / 2, top - _GAP / 2, _SIDE, lines, left=True)
    _line(axes, [(middle, top), (middle, below)])
    _arrow(axes, (middle, (top - _GAP / 2 + below) / 2), (edge, (top - _GAP / 2 + below) / 2))
    return below


def _draw_arms(axes: Axes, arms: Sequence[Sequence[str]], middle: float, below: float) -> None:
    width = _WIDTH / len(arms)
    centres = [width * (number + 0.5) for number in range(len(arms))]
    turn, top = below - _GAP / 2, below - _GAP
    _line(axes, [(middle, below), (middle, turn)])
    _line(axes, [(min(*centres, middle), turn), (max(*centres, middle), turn)])
    for centre, lines in zip(centres, arms, strict=True):
        _arrow(axes, (centre, turn), (centre, top))
        _box(axes, centre, top, width - 0.2, lines, left=True)


def _arm_lines(arm: ProtectedArm, translator: Translator, labels: Labels, width: float) -> list[str]:
    lines = _plain(say_label(labels, arm.arm, translator), arm.assigned, width, translator)
    if arm.outcome_known:
        lines.append(translator.t("Outcome known:"))
    for outcome, known in arm.outcome_known.items():
        lines += _item(say_label(labels, outcome, translator), known, width, translator)
    return lines


def _plain(text: str, n: int | None, width: float, translator: Translator) -> list[str]:
    return textwrap.wrap(f"{capital(text)}: {write_count(n, translator)}", _signs(width))


def _item(text: str, n: int | None, width: float, translator: Translator) -> list[str]:
    line = f"{text}: {write_count(n, translator)}"
    return textwrap.wrap(line, _signs(width), initial_indent="– ", subsequent_indent="   ")


def _signs(width: float) -> int:
    return int((width - 2 * _PAD) * _SIGNS)


def _height(lines: Sequence[str]) -> float:
    return _LINE * len(lines) + 2 * _PAD


def _box(axes: Axes, centre: float, top: float, width: float, lines: Sequence[str], *, left: bool = False) -> float:
    """Draw a box of text and return where it ends below."""
    x, height = centre - width / 2, _height(lines)
    axes.add_patch(Rectangle((x, top - height), width, height, facecolor="#f5f7f9", edgecolor=COLOURS[0], zorder=2))
    place, side = (x + _PAD, "left") if left else (centre, "center")
    text = "\n".join(lines)
    axes.text(place, top - height / 2, text, ha=side, va="center", fontsize=8.8, linespacing=1.25, zorder=3)
    return top - height


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate(
        "", xy=end, xytext=start, arrowprops={"arrowstyle": "-|>", "color": MUTED, "shrinkA": 0, "shrinkB": 0}
    )


def _line(axes: Axes, points: Sequence[tuple[float, float]]) -> None:
    axes.plot([x for x, _ in points], [y for _, y in points], color=MUTED, linewidth=1)
