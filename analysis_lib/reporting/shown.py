"""What a notebook shows: HTML of its own."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, slots=True)
class Shown:
    """Something that a notebook shows."""

    html: str

    def _repr_html_(self) -> str:
        return self.html


def together(*things: object) -> Shown:
    """Return several things that show themselves as one, in order."""
    return Shown("\n".join(thing._repr_html_() for thing in things if hasattr(thing, "_repr_html_")))


def paragraphs(*sentences: str) -> Shown:
    """Return sentences as paragraphs."""
    return Shown("".join(f"<p>{escape(sentence)}</p>" for sentence in sentences))
