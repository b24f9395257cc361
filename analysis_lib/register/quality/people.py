"""Who the persons are: twice in the file, suspiciously alike, never on a benefit, and their ages."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from analysis_lib.register.declarations import PERSON_ID, PERSONS
from analysis_lib.register.layout import partition
from analysis_lib.register.quality.collect import EXAMPLES, Collector
from analysis_lib.register.quality.findings import Finding, Rule, listed
from analysis_lib.register.quality.part import Context, Part
from analysis_lib.register.spells import Spells

IntArray = NDArray[np.int64]
_SECTION = "Persons"
TWICE = Rule(id="same_id", section=_SECTION, severity="error", title="Ids that more than one row has", unit="ids")
ALIKE = Rule(
    id="identical_persons", section=_SECTION, severity="note", unit="persons",
    title="Persons alike in birth date, sex, municipality and three spells or more",
)  # fmt: skip
NO_WEEKS = Rule(
    id="without_weeks", section=_SECTION, severity="note", unit="persons",
    title="Persons without any code: self-supporting throughout, or never seen",
)  # fmt: skip
FOLDERS = Rule(
    id="other_municipality", section=_SECTION, severity="error", unit="persons",
    title="Persons in the folder of another municipality than their own",
)  # fmt: skip
MUNICIPALITIES = Rule(
    id="unknown_municipalities", section=_SECTION, severity="warning", unit="persons",
    title="Persons in municipalities that jobcentres.yml does not have",
)  # fmt: skip
COLUMNS = Rule(
    id="missing_columns", section=_SECTION, severity="note", unit="columns",
    title="Declared columns of persons that the source did not have",
)  # fmt: skip
FEWEST_SPELLS = 3
"""People born on one day often have the same one or two spells (a pension from the same birthday)."""


class PersonChecks(Collector):
    """Looks for persons twice, alike or without weeks, and counts ages."""

    rules = (TWICE, ALIKE, NO_WEEKS, FOLDERS, MUNICIPALITIES, COLUMNS)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._hashes: list[NDArray[np.uint64]] = []
        self._homes: list[int] = []
        self._columns: set[str] = set()
        self._ages: Counter[int] = Counter()

    def add(self, part: Part) -> None:
        """Look at a municipality."""
        ids = part.persons[PERSON_ID.name]
        self._hashes.append(pd.util.hash_pandas_object(ids, index=False).to_numpy().astype(np.uint64))
        self._homes.append(part.municipality)
        self._columns |= set(part.persons.columns)
        last = part.spells.n_weeks - 1
        without = np.bincount(part.spells.person, minlength=part.n) == 0
        elsewhere = part.persons["municipality"].to_numpy() != part.municipality
        strange = np.full(part.n, part.municipality not in self.context.jobcentres.municipality_codes)
        for rule, chosen in (
            (NO_WEEKS, without), (FOLDERS, elsewhere), (MUNICIPALITIES, strange), (ALIKE, identical_persons(part)),
        ):  # fmt: skip
            self.tallies[rule.id].add(part, np.flatnonzero(chosen))
        age = whole_years(part.born, self.context.calendar.last_day)
        ages, counts = np.unique(age[part.died > last], return_counts=True)
        self._ages.update(dict(zip(ages.tolist(), counts.tolist(), strict=True)))

    def findings(self) -> list[Finding]:
        """Return what all municipalities together gave."""
        persons = self.context.description.persons
        repeated = self.repeated_ids()
        self.tallies[TWICE.id].examples = sorted(repeated)[:EXAMPLES]
        missing = [c.name for c in PERSONS.columns if c.name not in self._columns]
        repeats = Counter(repeated.values())
        text = listed((f"{number:,} in {rows} rows" for rows, number in sorted(repeats.items())), EXAMPLES)
        return [
            TWICE.finding(len(repeated), persons, text),
            *(self.tallied(rule, persons) for rule in (ALIKE, NO_WEEKS, FOLDERS, MUNICIPALITIES)),
            COLUMNS.finding(len(missing), len(PERSONS.columns), ", ".join(missing)),
        ]  # fmt: skip

    def repeated_ids(self) -> dict[str, int]:
        """Return how often each id stands that stands more than once.

        Ids of which two have the same hash are read again and compared letter by letter.
        """
        every = np.sort(np.concatenate(self._hashes))
        shared = np.unique(every[1:][every[1:] == every[:-1]])
        counts: Counter[str] = Counter()
        for home, hashes in zip(self._homes, self._hashes, strict=True):
            chosen = np.isin(hashes, shared)
            if chosen.any():
                path = self.context.folder / partition(home) / f"{PERSONS.name}.parquet"
                with pa.parquet.ParquetFile(path) as file:
                    ids = file.read(columns=[PERSON_ID.name]).column(PERSON_ID.name)
                counts.update(ids.filter(pa.array(chosen)).to_pylist())
        return {name: rows for name, rows in counts.items() if rows > 1}

    def ages(self) -> tuple[int, float, int] | None:
        """Return the least, the median and the greatest age in whole years on the last day, the dead left out."""
        if not self._ages:
            return None
        values = np.array(sorted(self._ages))
        upto = np.cumsum([self._ages[age] for age in values.tolist()])
        middle = [values[np.searchsorted(upto, place, side="right")] for place in ((upto[-1] - 1) // 2, upto[-1] // 2)]
        return int(values[0]), float(np.mean(middle)), int(values[-1])


def identical_persons(part: Part) -> NDArray[np.bool_]:
    """Return who shares date of birth, sex, municipality and all of at least three spells with somebody; shape (n,)."""
    spells = part.spells
    counts = np.bincount(spells.person, minlength=part.n)
    rows = np.flatnonzero(counts >= FEWEST_SPELLS)
    sex = pd.factorize(part.persons["sex"])[0]
    keys = [_spell_hashes(spells)[rows], counts[rows], sex[rows], part.born.astype(np.int64)[rows]]
    order = np.lexsort(keys)
    same = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])
    rows, found = rows[order], np.zeros(part.n, dtype=np.bool_)
    for place in np.flatnonzero(same):
        pair = rows[place : place + 2]
        one, other = (spells.take([row]) for row in pair.tolist())
        if all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("start", "stop", "code")):
            found[pair] = True
    return found


def whole_years(born: NDArray[np.datetime64], day: np.datetime64) -> IntArray:
    """Return ages in whole years on a day; shape (n,).

    Examples
    --------
    >>> whole_years(np.array(["1980-06-02", "1980-06-01"], dtype="datetime64[D]"), np.datetime64("2005-06-01"))
    array([24, 25])
    """
    month, now = born.astype("datetime64[M]"), np.asarray(day).astype("datetime64[M]")
    months = (now - month).astype(np.int64)
    not_yet = (born - month.astype("datetime64[D]")) > (day - now.astype("datetime64[D]"))
    years: IntArray = (months - not_yet) // 12
    return years


def _spell_hashes(spells: Spells) -> NDArray[np.uint64]:
    """Return a number for each person's spells, equal where they are; shape (n,)."""
    packed = (
        spells.start.astype(np.uint64) << np.uint64(32)
        | spells.stop.astype(np.uint64) << np.uint64(16)
        | spells.code.astype(np.uint64)
    )
    hashes = np.zeros(spells.n_persons, dtype=np.uint64)
    np.add.at(hashes, spells.person, pd.util.hash_array(packed))
    return hashes
