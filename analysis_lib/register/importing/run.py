"""The import: source files to an extract, in bounded memory, resumable, whole or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow as pa

from analysis_lib.errors import DataError, OutputError
from analysis_lib.files import replace_folder, restore_folder
from analysis_lib.register.codes import CodeList, read_codes
from analysis_lib.register.declarations import PERSON_ID, PERSONS, VIGNETTES
from analysis_lib.register.extract_writing import check_replaceable
from analysis_lib.register.importing.assembly import write_extract_of
from analysis_lib.register.importing.checks import check_rows
from analysis_lib.register.importing.chunks import read_chunks
from analysis_lib.register.importing.convert import checked_columns, read_columns
from analysis_lib.register.importing.faults import Faults, count_of
from analysis_lib.register.importing.people import People, read_people
from analysis_lib.register.importing.plan import ImportPlan, Pass, known_jobcentre, plan_import
from analysis_lib.register.importing.reading import read_source
from analysis_lib.register.importing.staging import Staging, Unit
from analysis_lib.register.jobcentres import Jobcentres, read_jobcentres
from analysis_lib.register.layout import SPELLS, TRUTH_FILE, Description, SourceFacts
from analysis_lib.register.sources import CsvForm, Source, contract, csv_lines
from analysis_lib.register.weeks import week_index, week_label

Progress = Callable[[str, int, int], None]
WRITING = "writing the extract"
LOOKING = "looking at the files"
FORMAT = 1
"""Of the staging folder: work of another format is thrown away."""


def _silent(stage: str, done: int, total: int) -> None:
    """Show no progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import made.

    Attributes
    ----------
    folder
        The extract.
    description
        What it says of itself.
    unknown_codes
        Person-weeks on each code that the code list does not have.
    resumed
        Whether work of an earlier, interrupted import was used.
    """

    folder: Path
    description: Description
    unknown_codes: dict[int, int]
    resumed: bool

    def summary(self) -> str:
        """Say in a few lines what was made."""
        made, first = self.description, week_index(self.description.first_week)
        spells = sum(files[SPELLS].rows for files in made.municipalities.values())
        lines = [
            *(["Went on with an earlier import."] if self.resumed else []),
            f"Extract: {self.folder}",
            f"Persons: {made.persons:,} in {len(made.municipalities)} municipalities",
            f"Weeks: {made.n_weeks:,} ({made.first_week} to {week_label(first + made.n_weeks - 1)}), {spells:,} spells",
        ]
        if self.unknown_codes:
            shown = ", ".join(f"{code} ({count_of(weeks, 'week')})" for code, weeks in self.unknown_codes.items())
            lines.append(f"Codes that the code list does not have: {shown}; nobody's state is guessed from them")
        return "\n".join(lines)


def import_extract(
    source: Path | str,
    to: Path | str,
    *,
    codes: CodeList | None = None,
    jobcentres: Jobcentres | None = None,
    form: CsvForm | None = None,
    progress: Progress = _silent,
) -> Imported:
    """Convert source files into an extract.

    The work is collected in a folder beside the extract, `.NAME.importing`. An import that is interrupted goes on there
    when it is started again with the same sources; an earlier extract stands until the new one is whole.

    Parameters
    ----------
    source
        A folder with `persons`, `weeks` and what else there is, each a file or a folder of files (Parquet, CSV, SAS);
        or one file that holds the persons with their weeks.
    to
        The extract's folder; an earlier extract there is replaced.
    codes
        The code list that unknown codes are told from; by default the project's.
    jobcentres
        The municipalities and jobcentres that exist; by default the project's.
    form
        How CSV files are written, where that is not to be detected.
    progress
        Called with a stage, what is done of it and its total.

    Returns
    -------
    Imported

    Raises
    ------
    DataError
        Where the source is not valid; one line a problem: file, column, row, what was found and what is allowed.
    OutputError
        Where the folder holds other things, or cannot be written.
    """
    place, to = Path(source), Path(to)
    jobcentres = jobcentres or read_jobcentres()
    form = form or CsvForm()
    try:
        restore_folder(to)
    except OSError as error:
        raise OutputError(f"{to}: cannot be written ({error})") from None
    check_replaceable(to)
    plan, facts = _look(place, form, jobcentres, progress)
    identity = {
        "format": FORMAT, "chunks": [contract.ROWS, contract.CELLS, csv_lines.BLOCK], "form": asdict(form),
        "sources": [fact.model_dump() for fact in facts],
        "jobcentres": hashlib.sha256(jobcentres.model_dump_json().encode()).hexdigest(),
    }  # fmt: skip
    try:
        with Staging(to.parent / f".{to.name}.importing", identity) as staging:
            description = _Import(plan, staging, jobcentres, progress).run(facts)
            truth = place / TRUTH_FILE
            if truth.is_file():
                shutil.copyfile(truth, staging.extract / TRUTH_FILE)
            replace_folder(to, staging.extract)
            staging.remove()
    except DataError as error:
        raise _of(place, str(error).splitlines()) from None
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.strerror and error.filename else str(error)
        raise OutputError(
            f"{to}: cannot be written ({reason}); what stood there still does, and the same import goes on where it was"
        ) from error
    unknown = description.unknown_codes(codes or read_codes())
    return Imported(folder=to, description=description, unknown_codes=unknown, resumed=staging.resumed)


def _look(
    place: Path, form: CsvForm, jobcentres: Jobcentres, progress: Progress
) -> tuple[ImportPlan, tuple[SourceFacts, ...]]:
    """Find out what there is to read, and what identifies it."""
    facts, problems = [], []
    try:
        plan = plan_import(place, form, jobcentres)
    except (DataError, OSError) as error:
        raise _of(place, str(error).splitlines()) from None
    for number, source in enumerate(plan.sources):
        progress(LOOKING, number, len(plan.sources))
        try:
            facts.append(SourceFacts(file=source.name, sha256=source.fingerprint(), form=source.describe()))
        except DataError as error:
            problems += str(error).splitlines()
        except OSError as error:
            problems.append(f"{source.name}: cannot be read ({error.strerror or error})")
    if problems:
        raise _of(place, [*plan.problems, *problems])
    return plan, tuple(facts)


def _of(place: Path, problems: Sequence[str]) -> DataError:
    """Return the error of a source: one line a problem, each once, with the folder in front."""
    folder = place if place.is_dir() else place.parent
    lines = [line if line.startswith(str(place)) else f"{folder}: {line}" for line in dict.fromkeys(problems)]
    return DataError("\n".join(lines))


class _Import:
    """One import under way: problems are collected, so that all of them are told at once."""

    def __init__(self, plan: ImportPlan, staging: Staging, jobcentres: Jobcentres, progress: Progress) -> None:
        self._plan, self._staging = plan, staging
        self._jobcentres, self._progress = jobcentres, progress
        self._problems = list(plan.problems)
        self._faults = Faults()

    def run(self, sources: tuple[SourceFacts, ...]) -> Description:
        """Read everything, then write the extract in the staging folder."""
        people = self._read_people()
        units = {one.table: self._read_pass(one, people) for one in self._plan.passes}
        vignettes = self._read_vignettes()
        if people is not None and not self._problems:
            for one in self._plan.passes:
                if one.row_a_person:
                    self._faults.update(check_rows(one, people, units[one.table], self._plan.persons))
        problems = self._problems + self._faults.lines()
        if problems or people is None or self._plan.weeks is None:
            self._staging.remove()
            raise DataError("\n".join(problems))
        shutil.rmtree(self._staging.extract, ignore_errors=True)
        converters = [converter for one in self._plan.passes for converter in one.converters]
        return write_extract_of(
            self._staging.extract, people=people, weeks=self._plan.weeks,
            tables={converter.table: converter.schema for converter in converters},
            units=[unit for parts in units.values() for part in parts for unit in part],
            vignettes=vignettes, sources=sources, told=lambda done, total: self._progress(WRITING, done, total),
        )  # fmt: skip

    def _told(self, source: Source, position: int) -> None:
        self._progress(source.name, position, source.size)

    def _read_people(self) -> People | None:
        names = self._plan.persons[0].columns
        if any(names.count(column.name) > 1 for column in PERSONS.columns) or PERSON_ID.name not in names:
            return None
        try:
            people, faults = read_people(
                self._plan.persons, jobcentres=self._jobcentres, last_day=self._plan.last_day, progress=self._told
            )
        except DataError as error:
            self._problems += str(error).splitlines()
            return None
        self._faults.update(faults)
        return people

    def _read_pass(self, one: Pass, people: People | None) -> list[list[Unit]]:
        """Return the units of each of its files."""
        if not one.converters or one.sources[0].columns.count(PERSON_ID.name) != 1:
            return [[] for _ in one.sources]
        units: list[list[Unit]] = []
        for number, source in enumerate(one.sources):
            key = f"{one.table}-{number}"
            try:
                read = read_source(
                    source, one, key, plan=self._plan, people=people, staging=self._staging, told=self._told
                )
            except DataError as error:
                self._problems += str(error).splitlines()
                read = []
            units.append(read)
            for unit in read:
                self._faults.update(unit.faults)
        if one.row_a_person and not self._problems and not any(units):
            self._problems.append(f"{one.sources[0].name}: has no rows; must be one row a person")
        return units

    def _read_vignettes(self) -> pa.Table | None:
        """Return the ratings, which no person of the register owns."""
        sources = self._plan.vignettes
        if not sources or self._problems:
            return None
        checked = checked_columns(
            VIGNETTES, sources[0].columns, last_day=dt.date.max, known_jobcentre=known_jobcentre(self._jobcentres)
        )
        names = [column.name for column, _ in checked]
        parts = []
        for source in sources:
            for chunk in read_chunks(source, columns=names):
                read = read_columns(checked, chunk, source.name, self._faults)
                parts.append(pa.table({column.name: read[column.name].to_arrow(column) for column, _ in checked}))
        return pa.concat_tables(parts).combine_chunks() if parts else None
