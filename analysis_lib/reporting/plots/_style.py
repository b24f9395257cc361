"""The one look of all figures, and a figure as HTML that needs nothing but itself."""

from __future__ import annotations

import base64
import io
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis_lib.errors import InvalidInput

# Okabe and Ito's colour-blind-safe colours, dark enough for paper; line and marker differ too, for grey print.
COLOURS = ("#0072B2", "#D55E00", "#007A5A", "#8A4F7D")
DASHES = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
INK, MUTED, SHADE = "#1b1f24", "#5b6570", "#e9edf1"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.labelsize": 9.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dfe4e9",
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "svg.fonttype": "path",
    "svg.hashsalt": "analysis_lib",
    "axes.unicode_minus": False,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the one look of all figures; the global settings stay as they are."""
    with mpl.rc_context(STYLE):
        yield


def new_axes(width: float, height: float, *, fill: bool = False) -> Axes:
    """Return axes of a new figure, which no other code holds (sizes in inches); `fill` leaves no margin."""
    new = Figure(figsize=(width, height), facecolor="white")
    axes: Axes = new.add_axes((0.0, 0.0, 1.0, 1.0)) if fill else new.add_subplot()
    return axes


def describe(axes: Axes, *, alt: str, caption: str) -> Axes:
    """Put the words onto the axes (alt text) and their figure (caption), where `figure` finds them."""
    axes.set_label(alt)
    _figure_of(axes).set_label(caption)
    return axes


def _figure_of(axes: Axes) -> Figure:
    found = axes.get_figure(root=True)
    if not isinstance(found, Figure):
        raise InvalidInput("ax stands in no figure; must be axes of a figure")
    return found


def wrap(text: str, width: int) -> str:
    """Break a text into lines of at most `width` signs."""
    return "\n".join(textwrap.wrap(text, width))


@dataclass(frozen=True, slots=True, kw_only=True)
class HtmlFigure:
    """A drawn figure with the text that stands in its place and its caption."""

    svg: bytes
    alt: str
    caption: str

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.svg).decode("ascii")
        picture = f'<img alt="{escape(self.alt)}" src="data:image/svg+xml;base64,{data}">'
        caption = f"<figcaption>{escape(self.caption)}</figcaption>" if self.caption else ""
        return f"<figure>{picture}{caption}</figure>"


def figure(ax: Axes, *, alt: str = "", caption: str = "") -> HtmlFigure:
    """Return the figure of the axes as HTML: an SVG picture with its text as outlines, the same bytes every time.

    Parameters
    ----------
    ax
        Drawn by `reporting.plots`.
    alt, caption
        In place of what the plot says of itself.

    Raises
    ------
    InvalidInput
        Where there is no text to stand in the place of the figure.
    """
    drawn = _figure_of(ax)
    said = alt or str(ax.get_label())
    if not said.strip():
        raise InvalidInput("alt is empty; must say what the figure shows")
    buffer = io.BytesIO()
    with style():
        drawn.savefig(buffer, format="svg", bbox_inches="tight", pad_inches=0.08, metadata={"Date": None})
    return HtmlFigure(svg=buffer.getvalue(), alt=said, caption=caption or str(drawn.get_label()))
