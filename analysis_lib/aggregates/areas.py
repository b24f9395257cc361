"""Published names and codes of areas to our ids, by year; nothing is matched by likeness."""

from __future__ import annotations

import difflib
import itertools
import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field

from analysis_lib.errors import DataError
from analysis_lib.parameters import PROJECT, Definition, Id, Sourced, read_definition
from analysis_lib.register import Jobcentres, read_jobcentres

AREA_NAMES_FILE = PROJECT / "parameters" / "area_names.yml"
AreaKind = Literal["country", "region", "employment_region", "municipality", "jobcentre", "other"]
_LETTERS = str.maketrans({"æ": "ae", "ø": "oe", "å": "aa"})
_DASHES = re.compile(r"[-\u2010-\u2015\u2212/]")


class CountryNames(Sourced):
    """How the whole country is written."""

    codes: tuple[str, ...]
    names: tuple[str, ...] = Field(min_length=1)


class RegionCode(Sourced):
    """A region's code in StatBank."""

    code: str
    region: Id


class MunicipalityName(Sourced):
    """Another name of a municipality, up to `last_year` where it has one."""

    name: str
    municipality: int
    last_year: int | None = None


class NoArea(Sourced):
    """A value that is no area."""

    name: str


class AreaNames(Definition):
    """The content of `parameters/area_names.yml`."""

    country: CountryNames
    region_codes: tuple[RegionCode, ...]
    municipality_names: tuple[MunicipalityName, ...] = ()
    no_area: tuple[NoArea, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """What a published area is.

    Attributes
    ----------
    kind
        `country`, `region`, `employment_region`, `municipality`, `jobcentre` or `other`.
    municipalities
        The codes that it covers; none where it is not known.
    jobcentre
        The id of the jobcentre that *is* this area in that year.
    part_of
        The id of the joint jobcentre that a municipality is one part of in that year.
    municipality
        The code, where the area is one municipality.
    problem
        Why it has no id; empty where it has one, or needs none.
    """

    kind: AreaKind
    municipalities: frozenset[int] = frozenset()
    jobcentre: str | None = None
    part_of: str | None = None
    municipality: int | None = None
    problem: str = ""


def area_key(name: str) -> str:
    """Return a name without capitals, hyphens, stray blanks and the choice between å and aa.

    Examples
    --------
    >>> area_key(" Jobcenter  ÅRHUS ") == area_key("jobcenter Aarhus"), area_key("Høje-Taastrup")
    (True, 'hoeje taastrup')
    """
    letters = unicodedata.normalize("NFC", name).casefold().translate(_LETTERS).replace("&", " og ")
    return " ".join(_DASHES.sub(" ", letters).split())


class AreaIndex:
    """Finds areas by published name or StatBank code.

    Parameters
    ----------
    jobcentres
        The places and who serves them.
    names
        How tables write them otherwise.

    Examples
    --------
    >>> index = read_area_index()
    >>> index.find("Odense Kommune", 2016).jobcentre, index.find("Fanø", 2016).part_of
    ('jc_odense', 'jc_esbjerg_fanoe')
    >>> index.find("Svendborg-Langeland", 2016).problem
    'jc_svendborg_langeland was not in use in 2016'
    >>> index.find("101", 2016, code="101").jobcentre
    'jc_koebenhavn'
    """

    def __init__(self, jobcentres: Jobcentres, names: AreaNames) -> None:
        self._jobcentres = jobcentres
        self._names = names

    def find(self, name: str, year: int, *, code: str | None = None) -> Area:
        """Return what an area is in a year.

        Parameters
        ----------
        name
            As published.
        year
            Decides which joint jobcentres there are.
        code
            The StatBank code, where the table has one; it decides.

        Raises
        ------
        DataError
            Where code and name are two different places, as in the public list that swaps Nyborg and Langeland.
        """
        area = self._in_year(self._plain(name, year) if code is None else self._coded(code), year)
        if code is not None and code != name:
            named = self._plain(name, year)
            if named.municipalities and area.municipalities and named.municipalities != area.municipalities:
                raise DataError(f"area code {code} and name '{name}' are two different places")
        return area

    def _coded(self, code: str) -> Area:
        if found := self._by_code.get(code):
            return found
        hint = f"; StatBank's code has three digits, {code[1:]}" if re.fullmatch(r"108[1-5]", code) else ""
        return Area(kind="other", problem=f"code {code} is no municipality, region or country{hint}")

    def _plain(self, name: str, year: int) -> Area:
        key = area_key(name)
        if key in self._nothing:
            return Area(kind="other")
        bare, is_jobcentre = key.removeprefix("jobcenter "), key.startswith("jobcenter ")
        found = self._joint.get(bare) or (None if is_jobcentre else self._places.get(key))
        found = found or self._municipalities.get(bare.removesuffix(" kommune"))
        if found is None:
            return self._renamed(key, year) or self._unknown(name, bare)
        if is_jobcentre and found.kind == "municipality":
            return replace(found, kind="jobcentre")
        return found

    def _renamed(self, key: str, year: int) -> Area | None:
        for other in self._names.municipality_names:
            if area_key(other.name) in (key, key.removesuffix(" kommune")):
                if other.last_year is not None and year > other.last_year:
                    return Area(kind="other", problem=f"'{other.name}' is a name of {other.last_year} and earlier")
                return self._by_code[str(other.municipality)]
        return None

    def _unknown(self, name: str, bare: str) -> Area:
        near = difflib.get_close_matches(bare, self._written, n=1)
        hint = f"; did you mean '{self._written[near[0]]}'?" if near else ""
        return Area(kind="other", problem=f"'{name}' is no area of the lists{hint}")

    def _in_year(self, area: Area, year: int) -> Area:
        if area.kind not in ("municipality", "jobcentre"):
            return area
        years = self._jobcentres.years
        if year not in years:
            return replace(area, jobcentre=None, municipality=None, problem=f"{year} is outside {years[0]}-{years[-1]}")
        if area.municipality is None:
            in_use = area.jobcentre in self._jobcentres.in_use(year)
            problem = f"{area.jobcentre} was not in use in {year}"
            return area if in_use else replace(area, jobcentre=None, problem=problem)
        serving, own = self._jobcentres.jobcentre_of(area.municipality, year), area.jobcentre
        if serving == own:
            return area
        if area.kind == "municipality":
            return replace(area, jobcentre=None, part_of=serving)
        return replace(area, jobcentre=None, municipality=None, problem=f"{own} was part of {serving} in {year}")

    @cached_property
    def _nothing(self) -> frozenset[str]:
        return frozenset(area_key(nothing.name) for nothing in self._names.no_area)

    @cached_property
    def _municipalities(self) -> dict[str, Area]:
        found = {}
        for m in self._jobcentres.municipalities:
            area = Area(
                kind="municipality", municipalities=frozenset([m.code]), municipality=m.code, jobcentre=m.jobcentre
            )
            found.update({area_key(name): area for name in (m.name, m.short_name) if name})
        return found

    @cached_property
    def _joint(self) -> dict[str, Area]:
        found = {}
        names = {m.code: m.short_name or m.name for m in self._jobcentres.municipalities}
        for joint in self._jobcentres.joint:
            area = Area(kind="jobcentre", municipalities=frozenset(joint.municipalities), jobcentre=joint.id)
            orders = list(itertools.permutations([names[code] for code in joint.municipalities]))
            written = [between.join(order) for order in orders for between in (" ", " og ")]
            found.update({area_key(name): area for name in (*written, joint.name.removeprefix("Jobcenter "))})
        return found

    @cached_property
    def _places(self) -> dict[str, Area]:
        jobcentres = self._jobcentres
        found = {area_key(name): self._country for name in self._names.country.names}
        for region in jobcentres.employment_regions:
            inside = {r.id for r in jobcentres.regions if r.employment_region == region.id}
            area = Area(kind="employment_region", municipalities=self._in_regions(inside))
            for name in (
                region.name.da,
                f"Beskæftigelsesregion {region.name.da}",
                f"Beskæftigelsesregionen {region.name.da}",
            ):
                found[area_key(name)] = area
        for place in jobcentres.regions:
            for name in (place.name.da, place.name.en, place.name.da.removeprefix("Region ")):
                found[area_key(name)] = self._region(place.id)
        return found

    @cached_property
    def _by_code(self) -> dict[str, Area]:
        found = dict.fromkeys(self._names.country.codes, self._country)
        found.update({region.code: self._region(region.region) for region in self._names.region_codes})
        areas = {area.municipality: area for area in self._municipalities.values()}
        return found | {str(code): area for code, area in areas.items()}

    @cached_property
    def _written(self) -> dict[str, str]:
        jobcentres = self._jobcentres
        names = [m.name for m in jobcentres.municipalities] + [r.name.da for r in jobcentres.regions]
        joint = [j.name.removeprefix("Jobcenter ") for j in jobcentres.joint]
        return {area_key(name): name for name in (*names, *joint, *self._names.country.names)}

    @cached_property
    def _country(self) -> Area:
        return Area(kind="country", municipalities=self._jobcentres.municipality_codes)

    def _region(self, region: str) -> Area:
        return Area(kind="region", municipalities=self._in_regions({region}))

    def _in_regions(self, regions: set[str]) -> frozenset[int]:
        return frozenset(m.code for m in self._jobcentres.municipalities if m.region in regions)


def read_area_index(path: Path | str | None = None, *, jobcentres: Jobcentres | None = None) -> AreaIndex:
    """Read the spellings of areas.

    Parameters
    ----------
    path
        A file like `parameters/area_names.yml`, which is read where none is given.
    jobcentres
        Our ids; those of `parameters/jobcentres.yml` where none are given.

    Raises
    ------
    DefinitionError
        Where a file is not valid.
    """
    names = read_definition(AREA_NAMES_FILE if path is None else path, AreaNames)
    return AreaIndex(read_jobcentres() if jobcentres is None else jobcentres, names)
