"""Municipalities, regions and jobcentres, by year where they changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from analysis_lib.errors import DefinitionError, InvalidInput
from analysis_lib.parameters import PROJECT, Definition, Id, Sourced, Text, read_definition, suggest

JOBCENTRES_FILE = PROJECT / "parameters" / "jobcentres.yml"
_LETTERS = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa", "-": "_", " ": "_"})


class EmploymentRegion(Definition):
    """A state employment region (2007-2014)."""

    id: Id
    name: Text


class Region(Definition):
    """A region; `municipalities` is how many it must have."""

    id: Id
    name: Text
    employment_region: Id
    municipalities: int


class Municipality(Definition):
    """A municipality; `short_name` is what its jobcentre is called where that differs."""

    code: int
    name: str
    region: Id
    short_name: str | None = None

    @property
    def jobcentre(self) -> str:
        """The id of the jobcentre that it has where it has its own."""
        return "jc_" + self.name.lower().translate(_LETTERS)

    @property
    def jobcentre_name(self) -> str:
        """The name of the jobcentre that it has where it has its own."""
        return f"Jobcenter {self.short_name or self.name}"


class Period(Sourced):
    """The years, both included, in which a joint jobcentre existed."""

    first_year: int
    last_year: int


class JointJobcentre(Definition):
    """A jobcentre of several municipalities."""

    id: Id
    name: str
    municipalities: tuple[int, ...] = Field(min_length=2)
    periods: tuple[Period, ...] = Field(min_length=1)

    def exists_in(self, year: int) -> bool:
        """Return whether the municipalities shared it that year."""
        return any(period.first_year <= year <= period.last_year for period in self.periods)


class PublishedCount(Sourced):
    """A published number of jobcentres; `unidentified` joint ones are not in the file."""

    year: int
    jobcentres: int
    unidentified: int = Field(ge=0)


class Jobcentres(Definition):
    """Who serves which municipality in which year.

    Examples
    --------
    >>> jobcentres = read_jobcentres()
    >>> jobcentres.jobcentre_of(479, 2011), jobcentres.jobcentre_of(479, 2016)
    ('jc_svendborg_langeland', 'jc_svendborg')
    >>> jobcentres.name("jc_aeroe")
    'Jobcenter Ærø'
    """

    first_year: int
    last_year: int
    employment_regions: tuple[EmploymentRegion, ...]
    regions: tuple[Region, ...]
    municipalities: tuple[Municipality, ...] = Field(min_length=1)
    joint: tuple[JointJobcentre, ...] = ()
    published_counts: tuple[PublishedCount, ...] = ()

    @model_validator(mode="after")
    def _check(self) -> Jobcentres:
        problems = [*self._repeated(), *self._unknown_references(), *self._joint_twice()] or self._wrong_counts()
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def years(self) -> range:
        """The years that the file covers."""
        return range(self.first_year, self.last_year + 1)

    @cached_property
    def municipality_codes(self) -> frozenset[int]:
        """The codes of all municipalities."""
        return frozenset(m.code for m in self.municipalities)

    def jobcentre_of(self, municipality_code: int, year: int) -> str:
        """Return the id of the jobcentre that serves a municipality.

        Raises
        ------
        InvalidInput
            Where the file has no such municipality or does not cover the year.
        """
        serving = self._serving(year)
        if municipality_code not in serving:
            raise InvalidInput(
                f"municipality is {municipality_code}; must be one of the {len(serving)} codes of the file"
            )
        return serving[municipality_code]

    def jobcentres_of(self, municipality_codes: ArrayLike, year: int) -> NDArray[np.object_]:
        """Return the ids for many municipalities, shape (n,)."""
        codes, position = np.unique(np.asarray(municipality_codes), return_inverse=True)
        return np.array([self.jobcentre_of(int(code), year) for code in codes], dtype=object)[position]

    def municipalities_of(self, jobcentres: Iterable[str], year: int) -> frozenset[int]:
        """Return the codes of the municipalities that some jobcentres serve in a year."""
        wanted = set(jobcentres)
        return frozenset(code for code, jobcentre in self._serving(year).items() if jobcentre in wanted)

    def in_use(self, year: int) -> tuple[str, ...]:
        """Return the ids in use in a year, sorted."""
        return tuple(sorted(set(self._serving(year).values())))

    def check(self, jobcentre: str, year: int | None = None) -> str:
        """Return the id, or raise where there is no such jobcentre (in that year).

        Raises
        ------
        DefinitionError
            With the nearest id.
        """
        if jobcentre not in self._names:
            raise DefinitionError(
                f"jobcentre is '{jobcentre}'; must be an id of the jobcentres{suggest(jobcentre, self._names)}"
            )
        if year is not None and jobcentre not in self.in_use(year):
            raise DefinitionError(f"jobcentre is '{jobcentre}'; it was not in use in {year}")
        return jobcentre

    def name(self, jobcentre: str) -> str:
        """Return the name that reports show, such as `Jobcenter Odense`."""
        return self._names[self.check(jobcentre)]

    def to_frame(self, year: int) -> pd.DataFrame:
        """Return one row a municipality: code, names and ids of region, employment region and jobcentre."""
        above = {region.id: region.employment_region for region in self.regions}
        rows = [
            {
                "municipality": m.code, "municipality_name": m.name, "region": m.region,
                "employment_region": above[m.region], "jobcentre": self.jobcentre_of(m.code, year),
            }
            for m in self.municipalities
        ]  # fmt: skip
        frame = pd.DataFrame(rows)
        return frame.assign(jobcentre_name=frame["jobcentre"].map(self._names))

    @cached_property
    def _names(self) -> dict[str, str]:
        return {m.jobcentre: m.jobcentre_name for m in self.municipalities} | {j.id: j.name for j in self.joint}

    @cached_property
    def _by_year(self) -> dict[int, dict[int, str]]:
        own = {m.code: m.jobcentre for m in self.municipalities}
        return {
            year: own | {code: j.id for j in self.joint if j.exists_in(year) for code in j.municipalities}
            for year in self.years
        }

    def _serving(self, year: int) -> dict[int, str]:
        if year not in self._by_year:
            raise InvalidInput(f"year is {year}; must be {self.first_year} to {self.last_year}")
        return self._by_year[year]

    def _repeated(self) -> list[str]:
        ids = [m.jobcentre for m in self.municipalities] + [j.id for j in self.joint]
        values = [*(m.code for m in self.municipalities), *ids]
        return [f"'{value}' appears twice" for value, count in Counter(values).items() if count > 1]

    def _unknown_references(self) -> list[str]:
        areas = {area.id for area in self.employment_regions}
        regions = {region.id for region in self.regions}
        codes = {m.code for m in self.municipalities}
        return [
            *(f"region {r.id} lies in '{r.employment_region}'; must be one of employment_regions"
              f"{suggest(r.employment_region, areas)}" for r in self.regions if r.employment_region not in areas),
            *(f"municipality {m.code} lies in '{m.region}'; must be one of regions{suggest(m.region, regions)}"
              for m in self.municipalities if m.region not in regions),
            *(f"{j.id} names municipality {code}; must be one of municipalities"
              for j in self.joint for code in j.municipalities if code not in codes),
        ]  # fmt: skip

    def _joint_twice(self) -> list[str]:
        problems = []
        for year in self.years:
            shared = Counter(code for j in self.joint if j.exists_in(year) for code in j.municipalities)
            problems += [f"municipality {code} has two jobcentres in {year}" for code, n in shared.items() if n > 1]
        return problems

    def _wrong_counts(self) -> list[str]:
        members = Counter(m.region for m in self.municipalities)
        regions = [
            f"region {r.id} has {members[r.id]} municipalities; must be {r.municipalities}"
            for r in self.regions
            if members[r.id] != r.municipalities
        ]
        counts = [(c, len(self.in_use(c.year))) for c in self.published_counts]
        return regions + [
            f"{found} jobcentres in {c.year}; must be {c.jobcentres} published + {c.unidentified} unidentified"
            for c, found in counts
            if found != c.jobcentres + c.unidentified
        ]


def read_jobcentres(path: Path | str | None = None) -> Jobcentres:
    """Read the jobcentres.

    Parameters
    ----------
    path
        A file like `parameters/jobcentres.yml`, which is read where none is given.

    Raises
    ------
    DefinitionError
        Where the file is not valid: a municipality with no or two jobcentres, a region with the wrong number, ...
    """
    return read_definition(JOBCENTRES_FILE if path is None else path, Jobcentres)
