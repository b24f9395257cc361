"""Codes week by week and year by year: what is unknown, where a delivery has holes, where a code breaks off."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.register.quality.arrays import count_distinct, find_breaks, positions, spell_years
from analysis_lib.register.quality.collect import Collector
from analysis_lib.register.quality.findings import Finding, Rule, listed
from analysis_lib.register.quality.part import UNKNOWN, Calendar, Context, Part

IntArray = NDArray[np.int64]

_CODES, _WEEKS = "Codes", "Weeks"
UNKNOWN_CODES = Rule(
    id="unknown_codes", section=_CODES, severity="warning", title="Codes that the code list does not have",
    unit="person-weeks",
)  # fmt: skip
UNVERIFIED_CODES = Rule(
    id="unverified_codes", section=_CODES, severity="note",
    title="Codes in use whose meaning was not read in a source", unit="codes",
)  # fmt: skip
EMPTY_WEEKS = Rule(
    id="empty_weeks", section=_WEEKS, severity="warning", title="Weeks in which nobody has a code", unit="weeks"
)
BREAKS = Rule(
    id="breaks", section=_WEEKS, severity="warning", unit="breaks",
    title="Breaks: a code's number of persons jumps between two weeks",
)  # fmt: skip
ABRUPT = Rule(
    id="abrupt_codes", section=_WEEKS, severity="note", unit="codes",
    title="Codes that begin or end at once within the weeks covered",
)  # fmt: skip
SHORT_GAPS = Rule(
    id="short_gaps", section=_WEEKS, severity="note", unit="gaps",
    title="Blank gaps between a person's spells that are shorter than 4 weeks and have the same state on both sides",
)  # fmt: skip
SHORT = 4
SHOWN = 5


class WeekChecks(Collector):
    """Counts persons by code, week and year, and looks at the counts."""

    rules = (UNKNOWN_CODES, UNVERIFIED_CODES, EMPTY_WEEKS, BREAKS, ABRUPT, SHORT_GAPS)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._change: dict[int, IntArray] = {}
        self._persons: Counter[int] = Counter()
        self._code_years: Counter[tuple[int, int]] = Counter()
        self._state_years: Counter[tuple[int, int]] = Counter()
        self._whole_years: Counter[int] = Counter()
        self._spaces = 0

    def add(self, part: Part) -> None:
        """Look at a municipality."""
        self._add_weeks(part)
        self._add_years(part)
        self._add_gaps(part)

    @property
    def weekly(self) -> dict[int, IntArray]:
        """Persons on each code in each week, by code; shape (n_weeks,)."""
        return {code: np.cumsum(change)[:-1] for code, change in sorted(self._change.items())}

    def findings(self) -> list[Finding]:
        """Return what the counts say."""
        calendar, weekly = self.context.calendar, self.weekly
        total = sum((counts for counts in weekly.values()), np.zeros(calendar.n_weeks, dtype=np.int64))
        empty = np.flatnonzero(total == 0)
        breaks, abrupt = self._breaks(weekly, total > 0)
        gaps = self.tallies[SHORT_GAPS.id]
        return [
            self._unknown(weekly, int(total.sum())),
            self._unverified(weekly),
            EMPTY_WEEKS.finding(len(empty), calendar.n_weeks, _weeks_text(empty, calendar)),
            BREAKS.finding(len(breaks), None, listed(breaks, SHOWN)),
            ABRUPT.finding(len(abrupt), len(weekly), listed(abrupt.values(), SHOWN)),
            SHORT_GAPS.finding(
                gaps.count, self._spaces, f"persons: {gaps.amount:,}; {gaps.where(self.context)}"
            ),
        ]  # fmt: skip

    def codes_frame(self) -> pd.DataFrame:
        """Return one row a code in use: state, name, evidence mark, person-weeks, persons, first and last week."""
        rows = []
        for code, counts in self.weekly.items():
            used = np.flatnonzero(counts)
            state, name, mark = self._meaning(code)
            rows.append({
                "code": code, "state": state, "name": name, "mark": mark, "person_weeks": int(counts.sum()),
                "persons": self._persons[code], "first_week": self.context.calendar.label(used[0]),
                "last_week": self.context.calendar.label(used[-1]),
            })  # fmt: skip
        columns = ["code", "state", "name", "mark", "person_weeks", "persons", "first_week", "last_week"]
        return pd.DataFrame(rows, columns=columns)

    def codes_by_year(self) -> pd.DataFrame:
        """Return one row a year and code in use: year, code, state, person-weeks, persons."""
        year = self.context.calendar.year
        rows = [
            {
                "year": y, "code": code, "state": self._meaning(code)[0],
                "person_weeks": int(counts[year == y].sum()), "persons": self._code_years[code, y],
            }
            for y in np.unique(year).tolist()
            for code, counts in self.weekly.items()
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=["year", "code", "state", "person_weeks", "persons"])

    def states_by_year(self) -> pd.DataFrame:
        """Return one row a year and state in use, blank weeks and unknown codes included: person-weeks, persons."""
        codes = self.codes_by_year()
        persons = self.context.description.persons
        years, lengths = np.unique(self.context.calendar.year, return_counts=True)
        rows = []
        for y, n_weeks in zip(years.tolist(), lengths.tolist(), strict=True):
            own = codes[codes["year"] == y]
            sums = own.groupby("state")["person_weeks"].sum()
            blank = persons * n_weeks - int(sums.sum())
            rows.append((y, self.context.codes.blank, blank, persons - self._whole_years[y]))
            for number, state in [*enumerate(self.context.states), (UNKNOWN, "")]:
                if state in sums.index:
                    rows.append((y, state, int(sums[state]), self._state_years[number, y]))
        return pd.DataFrame(rows, columns=["year", "state", "person_weeks", "persons"])

    def _meaning(self, code: int) -> tuple[str, str, str]:
        """Return a code's state, English name and evidence mark; empty where the code list does not have it."""
        for state in self.context.codes.states:
            for group in state.codes:
                if code in group.codes:
                    return state.id, group.name.en, group.mark
        return "", "", ""

    def _unknown(self, weekly: dict[int, IntArray], total: int) -> Finding:
        unknown = [code for code in weekly if self.context.state_of[code] == UNKNOWN]
        year, texts = self.context.calendar.year, []
        for code in unknown:
            used = year[weekly[code] > 0]
            years = str(used[0]) if used[0] == used[-1] else f"{used[0]} to {used[-1]}"
            texts.append(f"{code}: person-weeks {weekly[code].sum():,}, persons {self._persons[code]:,}, in {years}")
        count = sum(int(weekly[code].sum()) for code in unknown)
        return UNKNOWN_CODES.finding(count, total, listed(texts, 2 * SHOWN))

    def _unverified(self, weekly: dict[int, IntArray]) -> Finding:
        marks = Counter(self._meaning(code)[2] for code in weekly if self.context.state_of[code] != UNKNOWN)
        count = sum(number for mark, number in marks.items() if mark != "verified")
        text = ", ".join(f"{number} {mark}" for mark, number in sorted(marks.items()))
        return UNVERIFIED_CODES.finding(count, marks.total(), f"by evidence: {text}")

    def _breaks(self, weekly: dict[int, IntArray], observed: NDArray[np.bool_]) -> tuple[list[str], dict[int, str]]:
        """Return the breaks, largest first, and the codes that begin or end at once."""
        calendar = self.context.calendar
        found: list[tuple[int, str]] = []
        abrupt: dict[int, str] = {}
        for code, counts in weekly.items():
            used = np.flatnonzero(counts)
            for week in find_breaks(counts, observed).tolist():
                text = f"{code} in {calendar.label(week)}: {counts[week - 1]:,} to {counts[week]:,} persons"
                if used[0] == week or used[-1] == week - 1:
                    abrupt[code] = f"{abrupt[code]}, then {text}" if code in abrupt else text
                else:
                    found.append((-abs(int(counts[week] - counts[week - 1])), text))
        return [text for _, text in sorted(found)], abrupt

    def _add_weeks(self, part: Part) -> None:
        width, spells = self.context.calendar.n_weeks + 1, part.spells
        codes, place = positions(spells.code)
        size = len(codes) * width
        come = np.bincount(place * width + spells.start, minlength=size)
        leave = np.bincount(place * width + spells.stop, minlength=size)
        for code, change in zip(codes.tolist(), (come - leave).reshape(len(codes), width), strict=True):
            self._change[code] = self._change.get(code, 0) + change
        persons = count_distinct(spells.person.astype(np.int64), place, len(codes))
        self._persons.update(dict(zip(codes.tolist(), persons.tolist(), strict=True)))

    def _add_years(self, part: Part) -> None:
        calendar, spells = self.context.calendar, part.spells
        years, lengths = np.unique(calendar.year, return_counts=True)
        spell, year, weeks = spell_years(spells.start, spells.stop, calendar.year)
        person = spells.person[spell].astype(np.int64)
        for counter, values in ((self._code_years, spells.code), (self._state_years, part.state)):
            kinds, place = positions(values)
            counts = count_distinct(person, year * len(kinds) + place[spell], len(years) * len(kinds))
            keys = ((kind, y) for y in years.tolist() for kind in kinds.tolist())
            counter.update(dict(zip(keys, counts.tolist(), strict=True)))
        # Pieces are sorted by person and time, so those of a person and year follow one another.
        person_year = person * len(years) + year
        first = np.flatnonzero(np.diff(person_year, prepend=-1))
        coded = np.add.reduceat(weeks, first) if len(first) else weeks
        whole = year[first][coded == lengths[year[first]]]
        counts = np.bincount(whole, minlength=len(years))
        self._whole_years.update(dict(zip(years.tolist(), counts.tolist(), strict=True)))

    def _add_gaps(self, part: Part) -> None:
        spells, state = part.spells, part.state
        gap = spells.start[1:].astype(np.int64) - spells.stop[:-1]
        own = spells.person[1:] == spells.person[:-1]
        same = (state[1:] == state[:-1]) & ((state[1:] != UNKNOWN) | (spells.code[1:] == spells.code[:-1]))
        self._spaces += int(np.count_nonzero(own & (gap > 0)))
        short = np.flatnonzero(own & same & (gap > 0) & (gap < SHORT))
        person = spells.person[1:][short]
        year = self.context.calendar.year[spells.stop[:-1][short]]
        self.tallies[SHORT_GAPS.id].add(part, person, year, amount=len(np.unique(person)))


def _weeks_text(weeks: IntArray, calendar: Calendar) -> str:
    """Say which weeks, in runs, and which years have no other weeks."""
    if not len(weeks):
        return ""
    cuts = [0, *(np.flatnonzero(np.diff(weeks) > 1) + 1).tolist(), len(weeks)]
    texts = []
    for low, high in pairwise(cuts):
        first, last = calendar.label(weeks[low]), calendar.label(weeks[high - 1])
        texts.append(first if high - low == 1 else f"{first} to {last} ({high - low} weeks)")
    years, covered = np.unique(calendar.year, return_counts=True)
    whole = [str(y) for y, n in zip(years, covered, strict=True) if np.count_nonzero(calendar.year[weeks] == y) == n]
    text = listed(texts, SHOWN)
    return f"{text}; no code at all in {', '.join(whole)}" if whole else text
