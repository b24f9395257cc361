"""What an import reads: which files make up which table, their columns checked, and what turns them into an extract."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from analysis_lib.errors import DataError
from analysis_lib.register.declarations import (
    CONTACTS,
    EMPLOYMENT,
    MATCHES,
    PERSON_ID,
    PERSONS,
    TABLES,
    VIGNETTES,
    WEEKS,
)
from analysis_lib.register.importing.convert import Converter, convert_events, convert_months, convert_weeks
from analysis_lib.register.importing.headers import (
    MONTH_PATTERN,
    Series,
    check_columns,
    check_series_file,
    month_series,
    week_series,
)
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.schema import Column
from analysis_lib.register.sources import CsvForm, Source, find_tables
from analysis_lib.register.weeks import COLUMN_PATTERN, monday

WHOLE = ""
"""The key under which a single file is found that holds persons, weeks and months at once."""
HOME = "municipality"
"""The column that a folder above the file of any table may give; the persons' own is compared with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """Files that are read through once, and what their rows become; `table` is what the files are called."""

    table: str
    sources: tuple[Source, ...]
    converters: tuple[Converter, ...]

    @property
    def row_a_person(self) -> bool:
        """Whether a person has one row, not one an event."""
        return self.table in (WEEKS.name, EMPLOYMENT.name)

    @property
    def person_id(self) -> Column:
        """The declaration of the ids in these files."""
        return PERSON_ID if self.row_a_person else CONTACTS.column(PERSON_ID.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """An import found possible, but for the `problems` of its columns.

    Attributes
    ----------
    persons
        The persons' files.
    weeks
        The week columns; `None` where they are wrong.
    passes
        Everything else that a person has, weeks first.
    """

    persons: tuple[Source, ...]
    weeks: Series | None
    passes: tuple[Pass, ...]
    vignettes: tuple[Source, ...]
    problems: tuple[str, ...]

    @property
    def sources(self) -> tuple[Source, ...]:
        """All files, each once."""
        every = [*self.persons, *(source for one in self.passes for source in one.sources), *self.vignettes]
        return tuple({source.name: source for source in every}.values())

    @property
    def last_day(self) -> dt.date | None:
        """The Sunday of the last week; `None` where the weeks are not known."""
        if self.weeks is None:
            return None
        return monday(self.weeks.first + len(self.weeks) - 1) + dt.timedelta(days=6)


def plan_import(place: Path, form: CsvForm, jobcentres: Jobcentres) -> ImportPlan:
    """Find the files of a source, a folder or one file, and check their columns.

    Raises
    ------
    DataError
        Where there is no such source, or its files cannot be told apart or opened.
    """
    if not place.exists():
        raise DataError(f"{place}: there is no such file or folder; must be the register to import")
    names = [table.name for table in TABLES]
    found = find_tables(place, names, form=form)
    if WHOLE in found:
        return _plan_one_file(found[WHOLE], jobcentres)
    missing = [table.name for table in TABLES if table.required and table.name not in found]
    if missing:
        raise DataError("\n".join(_not_found(name) for name in missing))
    persons, weeks = found[PERSONS.name], found[WEEKS.name]
    problems = check_columns(PERSONS, _names(persons, home=True), persons[0].name)
    problems += check_series_file(_names(weeks), weeks[0].name, weeks=True)
    return _plan(persons, weeks, found, problems, jobcentres)


def _plan_one_file(sources: tuple[Source, ...], jobcentres: Jobcentres) -> ImportPlan:
    names, where = _names(sources, home=True), sources[0].name
    own = [name for name in names if not COLUMN_PATTERN.fullmatch(name) and not MONTH_PATTERN.fullmatch(name)]
    return _plan(sources, sources, {}, check_columns(PERSONS, own, where), jobcentres)


def _plan(
    persons: tuple[Source, ...], weeks: tuple[Source, ...], found: dict[str, tuple[Source, ...]], problems: list[str],
    jobcentres: Jobcentres,
) -> ImportPlan:  # fmt: skip
    series, faults = week_series(_names(weeks), weeks[0].name)
    months, month_faults = month_series(_names(weeks), weeks[0].name)
    problems = [*problems, *faults, *month_faults]
    converters = [convert_weeks(series)] if series is not None else []
    if months is not None:
        converters.append(convert_months(months))
    passes = [Pass(table=WEEKS.name, sources=weeks, converters=tuple(converters))]
    if EMPLOYMENT.name in found:
        own, faults = _plan_employment(found[EMPLOYMENT.name], twice=months is not None)
        passes += own
        problems += faults
    plan = ImportPlan(persons=persons, weeks=series, passes=(), vignettes=found.get(VIGNETTES.name, ()), problems=())
    last_day = plan.last_day or dt.date.max
    for table in (CONTACTS, MATCHES):
        if table.name in found:
            names, where = _names(found[table.name]), found[table.name][0].name
            problems += check_columns(table, names, where)
            events = convert_events(table, names, last_day=last_day, known_jobcentre=known_jobcentre(jobcentres))
            passes.append(Pass(table=table.name, sources=found[table.name], converters=(events,)))
    if plan.vignettes:
        problems += check_columns(VIGNETTES, _names(plan.vignettes), plan.vignettes[0].name)
    return ImportPlan(
        persons=persons, weeks=series, passes=tuple(passes), vignettes=plan.vignettes, problems=tuple(problems)
    )


def known_jobcentre(jobcentres: Jobcentres) -> Callable[[str], bool]:
    """Return what says whether there is, or was, a jobcentre of an id."""
    ids = {jobcentre for year in jobcentres.years for jobcentre in jobcentres.in_use(year)}
    return lambda jobcentre: jobcentre in ids


def _plan_employment(sources: tuple[Source, ...], *, twice: bool) -> tuple[list[Pass], list[str]]:
    names, where = _names(sources), sources[0].name
    problems = check_series_file(names, where, weeks=False)
    if twice:
        problems.append(f"{where}: months also stand in the weeks file; must stand in one of them")
    months, faults = month_series(names, where)
    problems += faults
    if months is None:
        return [], problems or [f"{where}: there is no month column; must be branche_YYYY_MM or grad_YYYY_MM"]
    return [Pass(table=EMPLOYMENT.name, sources=sources, converters=(convert_months(months),))], problems


def name_of(sources: Sequence[Source]) -> str:
    """Say the file, or the folder where there are several."""
    return sources[0].name if len(sources) == 1 else f"{sources[0].name.partition('/')[0]}/"


def _names(sources: Sequence[Source], *, home: bool = False) -> list[str]:
    """Return the columns of the files, which all have the same, and of the folders above them.

    Ids come from files only. The municipality is a column of the persons only (`home`); folders may give it anyhow.
    """
    above = [name for name in sources[0].fixed if name != PERSON_ID.name and (home or name != HOME)]
    return [*sources[0].columns, *above]


def _not_found(name: str) -> str:
    return f"{name}: found no such file; must be one file or folder, {name}.parquet, {name}.csv or {name}.sas7bdat"
