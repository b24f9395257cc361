"""The language of a report: Danish unless English is asked for, with numbers and dates to match.

A string is written in English in the source, as the template of a `Message` or the argument of `Translator.t`; the
English template is its key in the Danish catalogue, `catalogue/da.po`. `python -m analysis_lib.reporting.messages`
collects the strings of the package and the markdown of the notebooks into the catalogue.
"""

from __future__ import annotations

import copy
import datetime as dt
import math
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import numpy as np
from babel.dates import format_date
from babel.messages.pofile import read_po
from babel.numbers import get_decimal_symbol, get_group_symbol

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import Language, Text
from analysis_lib.results import Message

LOCALES: dict[Language, str] = {"da": "da_DK", "en": "en_GB"}
CATALOGUE = "catalogue/da.po"
SMALLEST_P = 0.001
NO_BREAK = "\N{NO-BREAK SPACE}"

_SPEC = re.compile(r"(?P<sign>\+?),?(?P<precision>(?:\.\d+)?)(?P<kind>[fg%]?)")
Number = int | float | np.integer[Any] | np.floating[Any]
Labels = Mapping[str, Text]
"""What reports call the ids of a trial: its outcomes, arms, covariates, levels (`<covariate>.<level>`), subgroups and
groups (`<subgroup>.<group>`)."""
Notebook = TypeVar("Notebook", bound=Mapping[str, Any])


@cache
def read_catalogue() -> Mapping[str, str]:
    """Return the Danish translations by English template, without the empty and the fuzzy ones."""
    with resources.files("analysis_lib.reporting").joinpath(CATALOGUE).open("rb") as file:
        catalogue = read_po(file, locale="da")
    return {str(m.id): str(m.string) for m in catalogue if m.id and m.string and not m.fuzzy}


@dataclass(frozen=True, slots=True)
class Translator:
    r"""Says the package's strings in one language.

    Parameters
    ----------
    language
        "da" or "en".
    known
        Danish texts by their English, beyond the catalogue: those of a definition (see `knowing`).
    labels
        What the ids of a trial are called, for messages that name them (see `naming`).

    Examples
    --------
    >>> translator = Translator("da")
    >>> translator.number(1234.5, 1), translator.percent(0.123, 1), translator.p_value(0.0002)
    ('1.234,5', '12,3\xa0%', 'p < 0,001')
    """

    language: Language = "da"
    known: Mapping[str, str] = field(default_factory=dict, repr=False)
    labels: Labels = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if self.language not in LOCALES:
            raise InvalidInput(f"language is '{self.language}'; must be one of {', '.join(LOCALES)}")

    def knowing(self, texts: Iterable[Text]) -> Translator:
        """Return a translator that also knows the texts of a definition by their English."""
        return replace(self, known={**self.known, **{text.en: text.da for text in texts}})

    def naming(self, labels: Labels) -> Translator:
        """Return a translator that says the labels in the place of their ids."""
        return replace(self, labels={**self.labels, **labels})

    def t(self, template: str, /, **values: Any) -> str:
        """Say an English template in the language, its values formatted by the language.

        Without values the text is taken as it stands, braces and all. Whole numbers have their thousands grouped;
        `{year:d}` writes plain digits. `{x:.1f}` has one decimal. A value that is a `Message`, or a string of the
        catalogue, is translated too. NaN is an empty string.
        """
        text = self._look_up(template)
        return _LocalFormatter(self).vformat(text, (), values) if values else text

    def render(self, message: str) -> str:
        """Say a message in the language; a plain string is translated where it is known."""
        if isinstance(message, Message):
            return message.render(self._part)
        return self._look_up(message)

    def text(self, text: Text) -> str:
        """Return a definition's text in the language."""
        return text.in_language(self.language)

    def number(self, x: float, decimals: int) -> str:
        """Write a number with fixed decimals: `1.234,5`; NaN is empty."""
        return self.localise(x, f".{decimals}f")

    def integer(self, n: int) -> str:
        """Write a whole number: `1.234`."""
        return self.localise(n, "")

    def percent(self, share: float, decimals: int = 0) -> str:
        """Write a share (0 to 1) in percent: `12,3 %`; NaN is empty."""
        return self.localise(share, f".{decimals}%")

    def p_value(self, p: float, *, bare: bool = False) -> str:
        """Write a p-value with three decimals: `p = 0,034`, `p < 0,001`; `bare` leaves out `p =`.

        Raises
        ------
        InvalidInput
            Where p is not between 0 and 1.
        """
        if math.isnan(p):
            return ""
        if not 0 <= p <= 1:
            raise InvalidInput(f"p is {p}; must be between 0 and 1")
        if p < SMALLEST_P:
            return ("" if bare else "p ") + f"< {self.number(SMALLEST_P, 3)}"
        return ("" if bare else "p = ") + self.number(p, 3)

    def date(self, date: dt.date) -> str:
        """Write a date in words: `1. november 2005`."""
        return format_date(date, format="long", locale=LOCALES[self.language])

    def localise(self, value: Number, spec: str) -> str:
        """Format a number by a Python format spec and the language's separators.

        Python rounds, so that both languages always show the same digits.

        Raises
        ------
        InvalidInput
            Where the spec is not one of `""`, `d`, and (`+`)(`,`)(`.N`) followed by `f`, `g` or `%`.
        """
        whole = isinstance(value, int | np.integer)
        if spec == "d" and whole:
            return format(value, "d")
        match = _SPEC.fullmatch(spec)
        if match is None or (match["precision"] and not match["kind"]):
            raise InvalidInput(f"format of {value} is '{spec}'; must be d, or [+][.N] and one of f, g, %")
        if not whole and math.isnan(value):
            return ""
        zero = "" if whole and not match["kind"] else "z"
        return self._separate(format(value, f"{match['sign']}{zero},{match['precision']}{match['kind']}"))

    def _separate(self, written: str) -> str:
        """Put the language's separators in the place of Python's."""
        if "inf" in written:
            return written.replace("inf", "∞")
        locale = LOCALES[self.language]
        swapped = written.translate({ord(","): get_group_symbol(locale), ord("."): get_decimal_symbol(locale)})
        return swapped.replace("%", f"{NO_BREAK}%") if self.language == "da" else swapped

    def _look_up(self, text: str) -> str:
        if text in self.labels:
            return self.text(self.labels[text])
        if self.language == "en" or not text:
            return str(text)
        return self.known.get(text) or read_catalogue().get(text) or str(text)

    def _part(self, template: str, values: dict[str, Any]) -> str:
        if isinstance(template, Message) and not values:
            return self.render(template)
        return self.t(template, **values)


class _LocalFormatter(string.Formatter):
    """`str.format` with the numbers, dates and strings of a language."""

    def __init__(self, translator: Translator) -> None:
        self._translator = translator

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, bool | np.bool_):
            raise InvalidInput(f"a value of a message is {value}; must be text, a number or a date")
        if isinstance(value, int | float | np.integer | np.floating):
            return self._translator.localise(value, format_spec)
        if isinstance(value, str):
            return format(self._translator.render(value), format_spec)
        if isinstance(value, dt.date):
            return self._translator.date(value)
        return str(format(value, format_spec))


def say_label(labels: Labels, name: str, translator: Translator) -> str:
    """Return what reports call an id; one without a label is shown as it is, translated where it is a known string."""
    return translator.text(labels[name]) if name in labels else translator.render(name)


def translate_notebook(notebook: Notebook, language: Language) -> Notebook:
    """Return a copy of a notebook with its markdown in the language; a cell is one string of the catalogue."""
    translator = Translator(language)
    copied = copy.deepcopy(notebook)
    for cell in copied["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = translator.t(cell_text(cell["source"]))
    return copied


def cell_text(source: str | Sequence[str]) -> str:
    """Return a cell's source (text, or a list of lines as in the file) without blank ends."""
    return "".join(source).strip()
