"""The periods of published tables: months, quarters, weeks, years and rolling years, ordered and written both ways."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from functools import cached_property, total_ordering
from typing import Literal

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import Language

PeriodKind = Literal["month", "quarter", "week", "year", "rolling_year"]
FORMS = "2019M01 (month), 2022Q1 or 2022K1 (quarter), 2020U05 (week), 2022 or 2022Y01 (year), 2021QMAT02 (rolling year)"
_PATTERNS: tuple[tuple[re.Pattern[str], PeriodKind], ...] = (
    (re.compile(r"([0-9]{4})M([0-9]{2})"), "month"),
    (re.compile(r"([0-9]{4})[QK]([0-9])"), "quarter"),
    (re.compile(r"([0-9]{4})U([0-9]{2})"), "week"),
    (re.compile(r"([0-9]{4})QMAT([0-9]{2})"), "rolling_year"),
    (re.compile(r"([0-9]{4})(?:Y(01))?"), "year"),
)
_LAST: dict[PeriodKind, int] = {"month": 12, "quarter": 4, "week": 53, "year": 1, "rolling_year": 4}


@total_ordering
@dataclass(frozen=True)
class Period:
    """A period of a published table; earlier ones sort first, by first day, last day and kind.

    The same quarter is one period whether it was written 2008K1 (Danish) or 2008Q1 (English), and so is a year written
    2022Y01 (jobindsats) or 2022 (StatBank). A rolling year 2021QMAT02 is the twelve months that end with the second
    quarter of 2021 (derived from the name of the kind, "rolling 12 months by quarter"). A week is an ISO week.

    Parameters
    ----------
    kind
        `month`, `quarter`, `week`, `year` or `rolling_year`.
    year
        1900 to 2200.
    number
        The month, quarter or week in the year; 1 for a year; the last quarter for a rolling year.

    Raises
    ------
    InvalidInput
        Where there is no such period.

    Examples
    --------
    >>> Period.parse("2021QMAT02").first_day.isoformat(), Period.parse("2021QMAT02").last_day.isoformat()
    ('2020-07-01', '2021-06-30')
    >>> Period.parse("2008K1") == Period.parse("2008Q1"), Period.parse("2008K1") < Period.parse("2008M04")
    (True, True)
    """

    kind: PeriodKind
    year: int
    number: int = 1

    def __post_init__(self) -> None:
        if self.kind not in _LAST:
            raise InvalidInput(f"period kind is '{self.kind}'; must be one of {', '.join(_LAST)}")
        last = _LAST[self.kind] if self.kind != "week" else dt.date(self.year, 12, 28).isocalendar().week
        if not 1900 <= self.year <= 2200 or not 1 <= self.number <= last:
            raise InvalidInput(
                f"period is {self.kind} {self.number} of {self.year}; must be 1 to {last}, of a year from 1900 to 2200"
            )

    @classmethod
    def parse(cls, text: str) -> Period:
        """Read a period as jobindsats or StatBank writes it; blanks around it do not count.

        Raises
        ------
        InvalidInput
            With the forms that are allowed.
        """
        written = text.strip()
        for pattern, kind in _PATTERNS:
            if found := pattern.fullmatch(written):
                try:
                    return cls(kind, int(found[1]), int(found[2] or 1))
                except (InvalidInput, ValueError):
                    break
        raise InvalidInput(f"period is '{text}'; must be a period that exists, written {FORMS}")

    @cached_property
    def first_day(self) -> dt.date:
        """The first day of the period."""
        if self.kind == "week":
            return dt.date.fromisocalendar(self.year, self.number, 1)
        if self.kind == "rolling_year":
            month = 3 * self.number + 1
            return dt.date(self.year - 1, month, 1) if month <= 12 else dt.date(self.year, 1, 1)
        step = {"month": 1, "quarter": 3, "year": 12}[self.kind]
        return dt.date(self.year, step * (self.number - 1) + 1, 1)

    @cached_property
    def last_day(self) -> dt.date:
        """The last day of the period."""
        if self.kind == "week":
            return dt.date.fromisocalendar(self.year, self.number, 7)
        step = {"month": 1, "quarter": 3, "year": 12, "rolling_year": 3}[self.kind]
        month = step * self.number
        return dt.date(self.year, month, calendar.monthrange(self.year, month)[1])

    @property
    def label(self) -> str:
        """The period in one form whatever its source: quarters with Q, years bare. `parse` reads it back."""
        match self.kind:
            case "month":
                return f"{self.year}M{self.number:02d}"
            case "quarter":
                return f"{self.year}Q{self.number}"
            case "week":
                return f"{self.year}U{self.number:02d}"
            case "rolling_year":
                return f"{self.year}QMAT{self.number:02d}"
            case "year":
                return str(self.year)

    @property
    def jobindsats_code(self) -> str:
        """The period as jobindsats writes it (a year is 2022Y01).

        Raises
        ------
        InvalidInput
            For a week, which jobindsats does not publish.
        """
        if self.kind == "week":
            raise InvalidInput(f"period is {self.label}; jobindsats has no weeks")
        return f"{self.year}Y01" if self.kind == "year" else self.label

    def statbank_code(self, language: Language = "da") -> str:
        """Return the period as StatBank writes it: a quarter is 2008K1 in Danish, and as a code in either language.

        Parameters
        ----------
        language
            `en` gives the label of the English tables (2008Q1).

        Raises
        ------
        InvalidInput
            For a rolling year, which StatBank does not publish.
        """
        if self.kind == "rolling_year":
            raise InvalidInput(f"period is {self.label}; StatBank has no rolling years")
        return self.label.replace("Q", "K") if language == "da" else self.label

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Period):
            return NotImplemented
        return (self.first_day, self.last_day, self.kind) < (other.first_day, other.last_day, other.kind)

    def __str__(self) -> str:
        return self.label
