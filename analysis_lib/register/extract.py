"""A register extract: a folder with the persons and their weeks, in Parquet or CSV, read whole and checked whole."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from numpy.typing import NDArray

from analysis_lib.errors import DataError, InvalidInput, OutputError
from analysis_lib.register.codes import CodeList
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.schema import PERSON_ID, PERSONS, TABLES, WEEK_COLUMN, WEEKS, Table
from analysis_lib.register.tables import EXAMPLES, NO_WEEKS, Weeks, match_people, read_persons, read_weeks
from analysis_lib.register.weeks import column_name

ENDINGS = (".parquet", ".csv")
TRUTH_FILE = "truth.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """A valid extract.

    Attributes
    ----------
    persons
        One row a person, sorted by `person_id`; the declared columns that the file had. Not to be changed.
    codes
        DREAM codes, int16 of shape (n_persons, n_weeks), in the rows of `persons`; 0 is a blank week. Read-only.
    first_week
        Week index of column 0.
    path
        The folder.
    hashes
        SHA-256 of each file, by its name.
    """

    persons: pd.DataFrame
    codes: NDArray[np.int16]
    first_week: int
    path: Path
    hashes: Mapping[str, str]

    @property
    def last_week(self) -> int:
        """Week index of the last column."""
        return self.first_week + int(self.codes.shape[1]) - 1


def read_extract(folder: Path | str, *, codes: CodeList, jobcentres: Jobcentres) -> Extract:
    """Read an extract.

    Parameters
    ----------
    folder
        Holds `persons` and `weeks`, each as .parquet or .csv (UTF-8, comma or semicolon).
    codes
        The DREAM codes that are known.
    jobcentres
        The municipalities that exist.

    Raises
    ------
    DataError
        One line for each problem of both files: file, column, row (1 is the first person), and what is allowed.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: there is no such folder; must be a register extract with persons and weeks")
    files = {table.name: _read_table(folder, table) for table in TABLES}
    problems = [line for file in files.values() for line in file.problems]
    persons_file, weeks_file = files[PERSONS.name], files[WEEKS.name]
    weeks = NO_WEEKS
    if weeks_file.table is not None:
        weeks = read_weeks(weeks_file.table, weeks_file.name, known=frozenset(codes.known.tolist()))
    persons = pd.DataFrame()
    if persons_file.table is not None:
        municipalities, last_day = jobcentres.municipality_codes, weeks.last_day
        persons, faults = read_persons(
            persons_file.table, persons_file.name, municipalities=municipalities, last_day=last_day
        )
        problems += faults
    problems += weeks.problems
    if PERSON_ID.name in persons and weeks.ids:
        problems += match_people(persons[PERSON_ID.name].tolist(), weeks.ids, persons_file.name, weeks_file.name)
    if problems:
        raise DataError("\n".join(f"{folder}: {line}" for line in problems))
    hashes = MappingProxyType({file.name: file.sha256 for file in files.values()})
    return _aligned(persons, weeks, folder, hashes)


def write_extract(
    folder: Path | str,
    *,
    persons: pd.DataFrame,
    codes: NDArray[np.int16],
    first_week: int,
    truth: Mapping[str, Any] | None = None,
) -> Path:
    """Write an extract in Parquet, whole or not at all.

    The files are written to a folder beside it, which then takes its name. An earlier extract of that name is
    replaced only by a complete one; a folder that holds anything else is refused.

    Parameters
    ----------
    persons
        Declared columns, one row a person.
    codes
        Shape (n_persons, n_weeks), in the rows of `persons`; 0 is a blank week.
    first_week
        Week index of column 0.
    truth
        What a simulation knows, written as `truth.json`.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidInput
        Where the rows of `persons` and `codes` differ, or a column is not declared.
    OutputError
        Where the folder holds other things, or cannot be written.
    """
    folder = Path(folder)
    if codes.ndim != 2 or len(persons) != len(codes):
        raise InvalidInput(f"codes has shape {codes.shape}; must be ({len(persons)}, n_weeks), in the rows of persons")
    tables = {PERSONS.name: _persons_table(persons), WEEKS.name: _weeks_table(persons, codes, first_week)}
    _check_replaceable(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            for name, table in tables.items():
                pa.parquet.write_table(table, made / f"{name}.parquet", compression="zstd")
            if truth is not None:
                text = json.dumps(truth, indent=2, ensure_ascii=False, allow_nan=False)
                (made / TRUTH_FILE).write_text(text + "\n", encoding="utf-8")
            made.chmod(0o755)  # mkdtemp makes folders that only their owner may open
            _replace(folder, made)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error})") from error
    return folder


def read_truth(folder: Path | str) -> dict[str, Any]:
    """Read what a simulation knows about its extract (`truth.json`).

    Raises
    ------
    DataError
        Where the extract was not simulated.
    """
    path = Path(folder) / TRUTH_FILE
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; only simulated extracts have one")
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """One file of the folder; `table` is `None` where it could not be read."""

    name: str
    sha256: str = ""
    table: pa.Table | None = None
    problems: tuple[str, ...] = ()


def _read_table(folder: Path, table: Table) -> _File:
    found = [folder / f"{table.name}{ending}" for ending in ENDINGS if (folder / f"{table.name}{ending}").is_file()]
    if len(found) != 1:
        there = " and ".join(path.name for path in found) if found else "no such file"
        problem = f"{table.name}: found {there}; must be one file, {table.name}.parquet or {table.name}.csv"
        return _File(name=table.name, problems=(problem,))
    path = found[0]
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    try:
        return _File(name=path.name, sha256=sha256, table=_read_content(path))
    except DataError as error:
        return _File(name=path.name, sha256=sha256, problems=(f"{path.name}: {error}",))


def _read_content(path: Path) -> pa.Table:
    kind = "CSV in UTF-8, comma or semicolon separated" if path.suffix == ".csv" else "a complete Parquet file"
    try:
        table = _read_csv(path) if path.suffix == ".csv" else pa.parquet.read_table(path)
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise DataError(f"cannot be read ({str(error).splitlines()[0]}); must be {kind}") from None
    if table.num_rows == 0:
        raise DataError("has no rows; must be one row a person")
    return table


def _read_csv(path: Path) -> pa.Table:
    """Read every cell as text; blanks stay empty text."""
    with path.open(encoding="utf-8-sig") as stream:
        header = stream.readline()
    separator = ";" if ";" in header else ","
    names = [name.strip().strip('"') for name in header.rstrip("\r\n").split(separator)]
    places = [str(place) for place in range(len(names))]
    ragged: list[pa.csv.InvalidRow] = []

    def note(row: pa.csv.InvalidRow) -> str:
        ragged.append(row)
        return "skip"

    table = pa.csv.read_csv(
        path,
        # One thread, because only then does a ragged row know its number.
        read_options=pa.csv.ReadOptions(column_names=places, skip_rows=1, use_threads=False),
        parse_options=pa.csv.ParseOptions(delimiter=separator, invalid_row_handler=note),
        convert_options=pa.csv.ConvertOptions(
            column_types=dict.fromkeys(places, pa.string()), strings_can_be_null=False
        ),
    )  # fmt: skip
    if ragged:
        rows = ", ".join(f"row {row.number - 1} has {row.actual_columns}" for row in ragged[:EXAMPLES])
        more = f" and {len(ragged) - EXAMPLES:,} more" if len(ragged) > EXAMPLES else ""
        raise DataError(f"wrong number of cells: {rows}{more}; must be {len(names)} as in the header")
    return table.rename_columns(names)


def _aligned(persons: pd.DataFrame, weeks: Weeks, folder: Path, hashes: Mapping[str, str]) -> Extract:
    frame = persons.sort_values(PERSON_ID.name, ignore_index=True)
    row = pd.Index(weeks.ids).get_indexer(pd.Index(frame[PERSON_ID.name].tolist()))
    codes = weeks.codes[row]
    codes.flags.writeable = False
    return Extract(persons=frame, codes=codes, first_week=weeks.indices[0], path=folder, hashes=hashes)


def _persons_table(persons: pd.DataFrame) -> pa.Table:
    columns = [PERSONS.column(name) for name in persons.columns]
    arrays = [pa.array(persons[column.name].tolist(), type=column.arrow_type) for column in columns]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def _weeks_table(persons: pd.DataFrame, codes: NDArray[np.int16], first_week: int) -> pa.Table:
    kind = WEEKS.column(WEEK_COLUMN).arrow_type
    weeks = [pa.array(codes[:, place], mask=codes[:, place] == 0, type=kind) for place in range(codes.shape[1])]
    ids = pa.array(persons[PERSON_ID.name].tolist(), type=PERSON_ID.arrow_type)
    names = [PERSON_ID.name, *(column_name(first_week + place) for place in range(codes.shape[1]))]
    return pa.Table.from_arrays([ids, *weeks], names=names)


def _check_replaceable(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; must be a folder to write the extract to")
    ours = {f"{table.name}{ending}" for table in TABLES for ending in ENDINGS} | {TRUTH_FILE}
    strange = sorted(path.name for path in folder.iterdir() if path.name not in ours) if folder.is_dir() else []
    if strange:
        raise OutputError(
            f"{folder}: holds '{strange[0]}'; must be new, empty or an earlier extract, which is replaced"
        )


def _replace(folder: Path, made: Path) -> None:
    if not folder.exists():
        made.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-old-", dir=folder.parent)) / folder.name
    folder.rename(old)
    try:
        made.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    finally:
        shutil.rmtree(old.parent, ignore_errors=True)
