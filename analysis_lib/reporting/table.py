"""One table of text and its HTML, and how numbers are written in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Literal

from analysis_lib.errors import InvalidInput
from analysis_lib.reporting.language import NO_BREAK, Translator
from analysis_lib.results import Estimate, Message

Alignment = Literal["left", "right"]

WITHHELD = Message("withheld")
# Decimals by unit; a value in another unit shows three significant digits or more.
DECIMALS = {"weeks": 1, "ratio": 2, "percent": 1, "percentage points": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of text.

    Attributes
    ----------
    caption
        What the table shows.
    header
        One text a column.
    rows
        Cells of text, the first names the row. In a row with fewer cells than columns the last one spans the rest.
    notes
        Lines under the table.
    alignment
        One a column; empty puts the first to the left and the others to the right.
    flagged
        Numbers of rows that must stand out (unverified, failed).
    """

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    alignment: tuple[Alignment, ...] = ()
    flagged: frozenset[int] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        for row in self.rows:
            if not 1 <= len(row) <= len(self.header):
                raise InvalidInput(f"row has {len(row)} cells; must be 1 to {len(self.header)}")
        if self.alignment and len(self.alignment) != len(self.header):
            raise InvalidInput(f"alignment has {len(self.alignment)} entries; must be {len(self.header)}")

    def _repr_html_(self) -> str:
        sides = self._sides()
        head = "".join(
            f'<th scope="col" class="{side}">{_cell(cell)}</th>' for cell, side in zip(self.header, sides, strict=True)
        )
        body = "\n".join(self._row_html(number, sides) for number in range(len(self.rows)))
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes if note)
        foot = f'\n<div class="notes">{notes}</div>' if notes else ""
        return (
            f'<div class="table"><table>\n<caption>{escape(self.caption)}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>{foot}</div>"
        )

    def _sides(self) -> tuple[Alignment, ...]:
        right: list[Alignment] = ["right"] * (len(self.header) - 1)
        return self.alignment or ("left", *right)

    def _row_html(self, number: int, sides: Sequence[Alignment]) -> str:
        first, *others = self.rows[number]
        spare = len(self.header) - len(others) - 1
        cells = [f'<th scope="row" class="left">{_cell(first)}</th>']
        for place, cell in enumerate(others, start=1):
            spans = spare and place == len(others)
            attributes = f' class="left spanning" colspan="{spare + 1}"' if spans else f' class="{sides[place]}"'
            cells.append(f"<td{attributes}>{_cell(cell)}</td>")
        marked = ' class="flagged"' if number in self.flagged else ""
        return f"<tr{marked}>{''.join(cells)}</tr>"


def _cell(text: str) -> str:
    return escape(text).replace("\n", "<br>")


def format_value(value: float, unit: str, translator: Translator, *, decimals: int | None = None) -> str:
    r"""Write a value with its unit: `2,3 uger`, `12,5 %`, `1,29`; NaN is empty.

    Without `decimals` they go by the unit, or by the size of the value.

    Examples
    --------
    >>> format_value(1794.34, "dollars", Translator("en"))
    '1,794\xa0dollars'
    """
    number = translator.number(value, decimals_of(value, unit) if decimals is None else decimals)
    said = "" if unit in ("", "ratio") else "%" if unit == "percent" else translator.render(unit)
    if not number or not said:
        return number
    joined = "" if said == "%" and translator.language == "en" else NO_BREAK
    return f"{number}{joined}{said}"


def decimals_of(value: float, unit: str) -> int:
    """Return how many decimals a value is written with."""
    if unit in DECIMALS:
        return DECIMALS[unit]
    size = abs(value)
    return 0 if size >= 1000 else 1 if size >= 100 else 2 if size >= 0.1 or size == 0 else 3


def decimals_written(value: float) -> int:
    """Return the decimals that it takes to write a number of a definition or of an axis (six at most).

    Examples
    --------
    >>> [decimals_written(value) for value in (1794.0, 11.5, 0.25)]
    [0, 1, 2]
    """
    return len(f"{value:.6f}".rstrip("0").partition(".")[2])


def write_interval(row: Estimate, translator: Translator, *, decimals: int | None = None) -> str:
    """Write the interval with the decimals of its value, or as many as given; a limit not reached is a dash."""
    places = decimals_of(row.value, row.unit) if decimals is None else decimals
    low, high = (translator.number(limit, places) or "–" for limit in (row.interval.low, row.interval.high))
    return translator.t("{low} to {high}", low=low, high=high)


def write_count(n: int | None, translator: Translator) -> str:
    """Write a count of people, or that it is withheld."""
    return translator.render(WITHHELD) if n is None else translator.integer(n)


def capital(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def withheld_note(min_count: int, translator: Translator) -> str:
    """Return the note that says why numbers are withheld."""
    return translator.t("Withheld: numbers that could show a group of fewer than {n} people.", n=min_count)
