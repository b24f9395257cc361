"""Contacts, match decisions and vignettes: dates that cannot be, rows twice, ratings that compare nothing."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analysis_lib.register.declarations import CONTACTS, MATCHES, VIGNETTES
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.layout import ROW
from analysis_lib.register.quality.collect import Collector
from analysis_lib.register.quality.findings import Finding, Rule, listed
from analysis_lib.register.quality.part import Context, Part, to_numpy

IntArray = NDArray[np.int64]
EARLY = np.timedelta64(365, "D")
SHOWN = 5

_CONTACTS, _MATCHES, _VIGNETTES = "Contacts", "Match decisions", "Vignettes"
HELD_EARLY = Rule(
    id="held_before_planned", section=_CONTACTS, severity="warning", unit="contacts",
    title="Contacts held more than 365 days before the day they were planned for",
)  # fmt: skip
HELD_DEAD = Rule(
    id="held_after_death", section=_CONTACTS, severity="warning", unit="contacts",
    title="Contacts held after the person's first week as dead",
)  # fmt: skip
NOT_HELD = Rule(
    id="planned_not_held", section=_CONTACTS, severity="note", unit="planned contacts",
    title="Contacts planned for a day up to the last week, and not held",
)  # fmt: skip
REPEATED = Rule(
    id="repeated_contacts", section=_CONTACTS, severity="warning", unit="contacts",
    title="Contacts that repeat another in every column",
)  # fmt: skip
DECIDED_OUTSIDE = Rule(
    id="decisions_outside", section=_MATCHES, severity="warning", unit="decisions",
    title="Decisions outside the weeks covered",
)  # fmt: skip
DECIDED_TWICE = Rule(
    id="decisions_same_day", section=_MATCHES, severity="warning", unit="decisions",
    title="Decisions on a day on which the person has an earlier one in the table",
)  # fmt: skip
STRANGE_DECIDED = Rule(
    id="decisions_jobcentre", section=_MATCHES, severity="warning", unit="decisions",
    title="Decisions by jobcentres that jobcentres.yml does not have",
)  # fmt: skip
ONCE = Rule(
    id="raters_once", section=_VIGNETTES, severity="note", title="Raters with a single rating", unit="raters"
)  # fmt: skip
UNRATED = Rule(
    id="vignettes_unrated", section=_VIGNETTES, severity="warning", title="Vignettes that nobody rated",
    unit="vignettes",
)  # fmt: skip
RATED_TWICE = Rule(
    id="ratings_twice", section=_VIGNETTES, severity="warning", unit="ratings",
    title="Ratings of a vignette that the rater has rated before in the table",
)  # fmt: skip
STRANGE_RATED = Rule(
    id="ratings_jobcentre", section=_VIGNETTES, severity="warning", unit="rows",
    title="Rows of jobcentres that jobcentres.yml does not have",
)  # fmt: skip
VIGNETTE_RULES = (ONCE, UNRATED, RATED_TWICE, STRANGE_RATED)


class ContactChecks(Collector):
    """Looks at meetings and offers."""

    rules = (HELD_EARLY, HELD_DEAD, NOT_HELD, REPEATED)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._both = self._held = self._planned = 0

    def add(self, part: Part) -> None:
        """Look at a municipality."""
        if CONTACTS.name not in part.tables:
            return
        table = part.tables[CONTACTS.name]
        calendar = self.context.calendar
        person = to_numpy(table, ROW)
        planned, held = (to_numpy(table, name).astype("datetime64[D]") for name in ("planned", "held"))
        is_planned, is_held = ~np.isnat(planned), ~np.isnat(held)
        due = is_planned & (planned <= calendar.last_day)
        self._both += int(np.count_nonzero(is_planned & is_held))
        self._held += int(np.count_nonzero(is_held))
        self._planned += int(np.count_nonzero(due))
        early = is_planned & is_held & (planned - held > EARLY)
        week = np.where(is_held, calendar.column_of(np.where(is_held, held, calendar.monday[0])), -1)
        dead = is_held & (part.died[person] < calendar.n_weeks) & (week > part.died[person])
        day = np.where(is_held, held, planned)
        for rule, chosen in (
            (HELD_EARLY, early), (HELD_DEAD, dead), (NOT_HELD, due & ~is_held), (REPEATED, _repeats(table)),
        ):  # fmt: skip
            rows = np.flatnonzero(chosen)
            self.tallies[rule.id].add(part, person[rows], _year(day[rows]))

    def findings(self) -> list[Finding]:
        """Return what all municipalities together gave."""
        rows = self.context.rows(CONTACTS.name)
        if rows is None:
            return [rule.not_made("contacts are not in this extract") for rule in self.rules]
        reason = self.context.lacks("dead")
        return [
            self.tallied(HELD_EARLY, self._both),
            HELD_DEAD.not_made(reason) if reason else self.tallied(HELD_DEAD, self._held),
            self.tallied(NOT_HELD, self._planned),
            self.tallied(REPEATED, rows),
        ]


class MatchChecks(Collector):
    """Looks at match decisions."""

    rules = (DECIDED_OUTSIDE, DECIDED_TWICE, STRANGE_DECIDED)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._groups: Counter[tuple[str, str]] = Counter()
        self._strange: Counter[str] = Counter()
        self._known = known_jobcentres(context.jobcentres)

    def add(self, part: Part) -> None:
        """Look at a municipality."""
        if MATCHES.name not in part.tables:
            return
        table, calendar = part.tables[MATCHES.name], self.context.calendar
        frame = table.select([ROW, "date", "jobcentre", "target_group", "group"]).to_pandas(date_as_object=False)
        date = to_numpy(table, "date").astype("datetime64[D]")
        outside = (date < calendar.monday[0]) | (date > calendar.last_day)
        strange = ~frame["jobcentre"].isin(self._known).to_numpy()
        twice = frame.duplicated([ROW, "date"]).to_numpy()
        for rule, chosen in ((DECIDED_OUTSIDE, outside), (DECIDED_TWICE, twice), (STRANGE_DECIDED, strange)):
            rows = np.flatnonzero(chosen)
            self.tallies[rule.id].add(part, to_numpy(table, ROW)[rows], _year(date[rows]))
        self._strange.update(frame["jobcentre"][strange].tolist())
        self._groups.update(frame.groupby(["target_group", "group"]).size().to_dict())

    def findings(self) -> list[Finding]:
        """Return what all municipalities together gave."""
        rows = self.context.rows(MATCHES.name)
        if rows is None:
            return [rule.not_made("match decisions are not in this extract") for rule in self.rules]
        strange = self.tallies[STRANGE_DECIDED.id].count
        return [
            self.tallied(DECIDED_OUTSIDE, rows),
            self.tallied(DECIDED_TWICE, rows),
            STRANGE_DECIDED.finding(strange, rows, _counted(self._strange)),
        ]

    def groups_frame(self) -> pd.DataFrame:
        """Return one row a target group and match group: decisions."""
        rows = [(target, group, number) for (target, group), number in sorted(self._groups.items())]
        return pd.DataFrame(rows, columns=["target_group", "group", "decisions"])


def check_vignettes(table: pa.Table | None, jobcentres: Jobcentres) -> list[Finding]:
    """Look at the ratings of made-up cases; `table` is `None` where the extract has none."""
    if table is None:
        return [rule.not_made("vignettes are not in this extract") for rule in VIGNETTE_RULES]
    frame = table.select(list(VIGNETTES.names)).to_pandas()
    rated = frame[frame["group"].notna()]
    once = rated["rater"].value_counts() == 1
    unrated = sorted(set(frame["vignette"]) - set(rated["vignette"]))
    strange = frame["jobcentre"][~frame["jobcentre"].isin(known_jobcentres(jobcentres))]
    return [
        ONCE.finding(int(once.sum()), len(once), "they say nothing of agreement between vignettes"),
        UNRATED.finding(len(unrated), frame["vignette"].nunique(), listed(unrated, SHOWN)),
        RATED_TWICE.finding(
            int(rated.duplicated(["rater", "vignette"]).sum()), len(rated), "only one of them can count"
        ),
        STRANGE_RATED.finding(len(strange), len(frame), _counted(Counter(strange.tolist()))),
    ]  # fmt: skip


def known_jobcentres(jobcentres: Jobcentres) -> frozenset[str]:
    """Return the ids of all jobcentres that there are or were."""
    return frozenset(jobcentre for year in jobcentres.years for jobcentre in jobcentres.in_use(year))


def _repeats(table: pa.Table) -> NDArray[np.bool_]:
    repeats: NDArray[np.bool_] = table.to_pandas(date_as_object=False).duplicated().to_numpy()
    return repeats


def _year(day: NDArray[np.datetime64]) -> IntArray:
    return day.astype("datetime64[Y]").astype(np.int64) + 1970


def _counted(values: Counter[str]) -> str:
    return listed((f"{value}: {number:,}" for value, number in values.most_common()), SHOWN)
