"""The contents of an extract: what all its municipalities together hold, and what every check found in them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from typing import Any

import pandas as pd
import pyarrow as pa

from analysis_lib.register.declarations import CONTACTS, EMPLOYMENT, MATCHES, PERSONS, VIGNETTES
from analysis_lib.register.layout import SPELLS
from analysis_lib.register.quality.collect import Collector
from analysis_lib.register.quality.contacts import VIGNETTE_RULES, ContactChecks, MatchChecks, check_vignettes
from analysis_lib.register.quality.employment import EmploymentChecks
from analysis_lib.register.quality.events import EventChecks
from analysis_lib.register.quality.findings import Finding, Rule, listed
from analysis_lib.register.quality.observed import ABSENT, Observed
from analysis_lib.register.quality.part import EVENT_TABLES, Context, Part
from analysis_lib.register.quality.people import PersonChecks
from analysis_lib.register.quality.weekly import WeekChecks

DIFFERENT = Rule(
    id="contents_differ", section="Files", severity="error", title="Numbers of extract.json that the files do not have",
    unit="numbers",
)  # fmt: skip
ORPHANS = Rule(
    id="rows_of_nobody", section="Files", severity="error", unit="rows",
    title="Rows of employment, contacts and matches that are no person's; left out below",
)  # fmt: skip
COLLECTORS = (WeekChecks, PersonChecks, EventChecks, EmploymentChecks, ContactChecks, MatchChecks)
RULES = (DIFFERENT, ORPHANS, *(rule for one in COLLECTORS for rule in one.rules), *VIGNETTE_RULES)
SHOWN = 5


class Contents:
    """Collects what an extract holds, one municipality after the other.

    Parameters
    ----------
    context
        What holds for all of them.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._weeks, self._people, self._matches = WeekChecks(context), PersonChecks(context), MatchChecks(context)
        self._observed = Observed(context)
        self._rows: list[dict[str, Any]] = []
        self._vignettes: pa.Table | None = None
        self._collectors: tuple[Collector, ...] = (
            self._weeks, self._people, EventChecks(context), EmploymentChecks(context), ContactChecks(context),
            self._matches,
        )  # fmt: skip
        self._sexes: Counter[str] = Counter()
        self._differences: list[str] = []
        self._orphans = self._events = 0

    def add(self, part: Part) -> None:
        """Look at a municipality."""
        for collector in self._collectors:
            collector.add(part)
        self._observed.add(part)
        self._sexes.update(part.persons["sex"].tolist())
        own = [part.rows[name] - table.num_rows for name, table in part.tables.items()]
        self._orphans += sum(own)
        self._events += sum(part.rows[name] for name in part.tables)
        place = {"municipality": part.municipality, "name": self._context.short_name(part.municipality)}
        self._rows.append(place | {name: part.rows.get(name) for name in (PERSONS.name, SPELLS, *EVENT_TABLES)})
        self._differences += [
            f"rows of {name} in {part.municipality}: {facts.rows:,}, counted {part.rows[name]:,}"
            for name, facts in self._context.description.municipalities[part.municipality].items()
            if facts.rows != part.rows[name]
        ]

    def add_vignettes(self, table: pa.Table) -> None:
        """Look at the ratings of made-up cases."""
        self._vignettes = table
        self._observed.add_rows(VIGNETTES, table)

    def findings(self) -> list[Finding]:
        """Return what every check found."""
        return [
            self._held_against_description(),
            ORPHANS.finding(self._orphans, self._events if self._events else None),
            *(finding for one in self._collectors for finding in one.findings()),
            *check_vignettes(self._vignettes, self._context.jobcentres),
        ]

    def examples(self) -> dict[str, tuple[str, ...]]:
        """Return ids of persons whom checks found, by check."""
        tallies = (item for one in self._collectors for item in one.tallies.items())
        return {rule: tuple(tally.examples) for rule, tally in tallies if tally.examples}

    def tables(self) -> dict[str, pd.DataFrame]:
        """Return the tables of the report."""
        repeated = self._people.repeated_ids()
        distinct = self._context.description.persons - sum(repeated.values()) + len(repeated)
        present = [
            name for name in (PERSONS.name, SPELLS, *EVENT_TABLES) if any(r[name] is not None for r in self._rows)
        ]
        return {
            "codes": self._weeks.codes_frame(),
            "codes_by_year": self._weeks.codes_by_year(),
            "states_by_year": self._weeks.states_by_year(),
            "municipalities": pd.DataFrame(self._rows)[["municipality", "name", *present]]
            .astype(dict.fromkeys(present, "Int64")),
            "match_groups": self._matches.groups_frame(),
            "dictionary": self._observed.frame(distinct_persons=distinct, code_weeks=self._code_weeks()),
        }  # fmt: skip

    def summary(self) -> list[tuple[str, str]]:
        """Return what the extract holds: label and text."""
        persons, spells = (sum(row[name] for row in self._rows) for name in (PERSONS.name, SPELLS))
        coded, weeks = sum(self._code_weeks().values()), persons * self._context.calendar.n_weeks
        ages = self._people.ages()
        sexes = ", ".join(f"{sex} {100 * n / persons:.1f} %" for sex, n in sorted(self._sexes.items()))
        return [
            *covered(self._context),
            ("Persons", f"{persons:,}; {sexes}"),
            ("Age in the last week", "everybody is dead" if ages is None else
             f"{ages[0]} to {ages[2]}, median {ages[1]:g}, of those not dead"),
            ("Spells", f"{spells:,}, {spells / persons:.2f} a person"),
            ("Person-weeks", f"{weeks:,}, of them {coded:,} ({100 * coded / weeks:.1f} %) with a code"),
            *((table.name.capitalize(), self._rows_text(table.name)) for table in (EMPLOYMENT, CONTACTS, MATCHES)),
            ("Vignettes", ABSENT if self._vignettes is None else f"{self._vignettes.num_rows:,} rows"),
        ]  # fmt: skip

    def _rows_text(self, table: str) -> str:
        rows = [row[table] for row in self._rows if row[table] is not None]
        if not rows:
            return ABSENT
        lacking = len(self._rows) - len(rows)
        unit = "runs of equal months" if table == EMPLOYMENT.name else "rows"
        return f"{sum(rows):,} {unit}" + (f"; {lacking} municipalities have no such file" if lacking else "")

    def _code_weeks(self) -> dict[int, int]:
        return {code: int(counts.sum()) for code, counts in self._weeks.weekly.items()}

    def _held_against_description(self) -> Finding:
        """Hold the numbers of `extract.json` against those counted."""
        said, counted = self._context.description, self._code_weeks()
        persons = sum(row[PERSONS.name] for row in self._rows)
        codes = sorted({*counted, *said.code_weeks})
        texts = [] if persons == said.persons else [f"persons: {said.persons:,}, counted {persons:,}"]
        texts += [
            f"person-weeks on code {code}: {said.code_weeks.get(code, 0):,}, counted {counted.get(code, 0):,}"
            for code in codes
            if counted.get(code, 0) != said.code_weeks.get(code, 0)
        ]
        texts += self._differences
        numbers = 1 + len(codes) + sum(len(files) for files in said.municipalities.values())
        return DIFFERENT.finding(len(texts), numbers, listed(texts, SHOWN))


def covered(context: Context) -> list[tuple[str, str]]:
    """Return the weeks and municipalities of an extract: label and text."""
    calendar = context.calendar
    first, last = calendar.label(0), calendar.label(calendar.n_weeks - 1)
    labels = {calendar.label(column) for column in range(calendar.n_weeks)}
    years = sorted({int(year) for year in calendar.year})
    long = [str(y) for y in years if dt.date(y, 12, 28).isocalendar().week == 53 and f"{y:04d}-W53" in labels]
    text = f"{first} to {last}, {calendar.n_weeks:,} weeks; with a week 53: {', '.join(long) or 'no year'}"
    sources = context.description.sources
    return [
        ("Weeks covered", text),
        ("Municipalities", f"{len(context.description.municipalities):,}"),
        ("Code list", context.code_list),
        ("Sources", listed((f"{s.file} ({s.sha256[:12]})" for s in sources), SHOWN) or "not recorded (not imported)"),
    ]
