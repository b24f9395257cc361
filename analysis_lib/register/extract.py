"""A register extract, read whole or only the people asked for."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray
from pydantic import ValidationError

from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.register.declarations import PERSON_ID, PERSONS, TABLES, VIGNETTES
from analysis_lib.register.layout import (
    DESCRIPTION_FILE,
    GROUP,
    ROW,
    SPELLS,
    SPELLS_SCHEMA,
    TRUTH_FILE,
    VIGNETTES_FILE,
    Description,
    born_groups,
    partition,
    read_file,
)
from analysis_lib.register.spells import Spells
from analysis_lib.register.weeks import week_index

IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """An extract, or the part of it that was asked for.

    Attributes
    ----------
    persons
        One row a person, sorted by municipality, date of birth and `person_id`; the declared columns that the source
        had. Not to be changed.
    spells
        Their weeks as runs of one code, in the rows of `persons`.
    path
        The folder.
    description
        What `extract.json` says of the whole extract.
    sha256
        The hash of `extract.json`, which holds those of all other files.
    """

    persons: pd.DataFrame
    spells: Spells
    path: Path
    description: Description
    sha256: str = ""
    chosen: Mapping[int, IntArray] = field(default_factory=dict)
    """By municipality, the rows of its persons file that `persons` holds, in order."""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """Other tables, where they were read already because the folder is no extract itself."""

    @property
    def first_week(self) -> int:
        """Week index of the first week."""
        return self.spells.first_week

    @property
    def last_week(self) -> int:
        """Week index of the last week."""
        return self.spells.first_week + self.spells.n_weeks - 1

    def read_table(self, name: str) -> pd.DataFrame:
        """Read one of the other tables for the people of `persons`: `employment`, `contacts`, `matches` or `vignettes`.

        Returns
        -------
        pandas.DataFrame
            The declared columns, days as datetime64[s]; `row` is the person's row in `persons` in the place of
            `person_id`. `employment` holds runs of equal months: `month` (months since year 0: 12 · year + month - 1),
            `months`, `industry` (Int32) and `rate` (float32).

        Raises
        ------
        InvalidInput
            Where there is no such table.
        DataError
            Where the extract was made without it, or a file is damaged.
        """
        others = [table.name for table in TABLES[2:]]
        if name not in others:
            raise InvalidInput(f"table is '{name}'; must be one of {', '.join(others)}")
        if not self.description.has(name):
            raise DataError(f"{self.path}: has no table {name}; the source had none")
        if name in self.tables:
            return self.tables[name].copy()
        if name == VIGNETTES.name and self.description.vignettes is not None:
            return _frame(read_file(self.path / VIGNETTES_FILE, self.description.vignettes))
        parts, first = [], 0
        for municipality, rows in self.chosen.items():
            parts.append(_own_rows(self._read_file(municipality, name), rows, first))
            first += len(rows)
        if not parts:
            parts = [_own_rows(self._read_file(min(self.description.municipalities), name), np.zeros(0, np.int64), 0)]
        return _frame(pa.concat_tables(parts))

    def _read_file(self, municipality: int, name: str) -> pa.Table:
        facts = self.description.municipalities[municipality][name]
        return read_file(self.path / partition(municipality) / f"{name}.parquet", facts)


def read_extract(
    folder: Path | str, *, municipalities: Collection[int] | None = None, born: tuple[int, int] | None = None
) -> Extract:
    """Read an extract, or only the people of some municipalities or birth years, whose bytes alone are then read.

    A folder of source files (persons and weeks as CSV, Parquet or SAS) is imported on the way, every time; for more
    than a small file import it once (`python -m analysis_lib import`).

    Parameters
    ----------
    folder
        The extract.
    municipalities
        Codes; nobody lives in one that the extract does not have.
    born
        First and last year of birth, both included.

    Raises
    ------
    InvalidInput
        Where the years are not in order.
    DataError
        Where the folder is no extract, or a file is not what was written; for source files, one line a problem.
    """
    folder = Path(folder)
    if born is not None and born[0] > born[1]:
        raise InvalidInput(f"born is {born}; must be a first and a last year, in order")
    if not folder.is_dir():
        raise DataError(
            f"{folder}: there is no such folder; must be a register extract, or persons and weeks to import"
        )
    if not (folder / DESCRIPTION_FILE).is_file():
        return _imported(folder, municipalities, born)
    description, sha256 = read_description(folder)
    wanted = [m for m in sorted(description.municipalities) if municipalities is None or m in municipalities]
    read = {m: _read_partition(folder, m, description, born) for m in wanted}
    parts = {m: part for m, part in read.items() if part is not None}
    persons = _persons_frame(list(parts.values()), description, folder)
    spells = _spells(list(parts.values()), persons, description)
    rows = np.concatenate([np.zeros(0, np.int64), *(part.first_row + np.arange(len(part)) for part in parts.values())])
    ends = np.cumsum([len(part) for part in parts.values()], dtype=np.int64)
    if born is not None:
        kept = persons["birth_date"].dt.year.between(*born).to_numpy()
        persons, spells = persons[kept].reset_index(drop=True), spells.take(kept)
        rows, ends = rows[kept], np.concatenate([np.zeros(1, np.int64), np.cumsum(kept)])[ends]
    return Extract(
        persons=persons,
        spells=spells,
        path=folder,
        description=description,
        sha256=sha256,
        chosen=dict(zip(parts, np.split(rows, ends[:-1]), strict=True)) if parts else {},
    )


def read_description(folder: Path | str) -> tuple[Description, str]:
    """Read what an extract says of itself (`extract.json`), and that file's SHA-256.

    Raises
    ------
    DataError
        Where the folder is no extract, or one of another format.
    """
    path = Path(folder) / DESCRIPTION_FILE
    try:
        content = path.read_bytes()
        return Description.model_validate_json(content), hashlib.sha256(content).hexdigest()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); must be a register extract") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(place) for place in first["loc"]) or "the whole"
        raise DataError(
            f"{path}: {where}: {first['msg']}; must be as this version writes it: import the source again"
        ) from None


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
class _Part:
    """What was read of one municipality: persons and spells, and the row of its files that the first person is."""

    persons: pa.Table
    spells: pa.Table
    first_row: int

    def __len__(self) -> int:
        return int(self.persons.num_rows)


def _read_partition(
    folder: Path, municipality: int, description: Description, born: tuple[int, int] | None
) -> _Part | None:
    """Read the row groups that people born in these years stand in; `None` where there are none."""
    files = description.municipalities[municipality]
    groups = None if born is None else born_groups(files[PERSONS.name], *born)
    if groups == []:
        return None
    home = folder / partition(municipality)
    persons, spells = (
        read_file(home / f"{name}.parquet", files[name], groups=groups) for name in (PERSONS.name, SPELLS)
    )
    return _Part(persons=persons, spells=spells, first_row=groups[0] * GROUP if groups else 0)


def _own_rows(table: pa.Table, rows: IntArray, first: int) -> pa.Table:
    """Return what a municipality's table has for some rows, which are counted from `first` then."""
    local = table.column(ROW).to_numpy()
    place = np.minimum(np.searchsorted(rows, local), max(len(rows) - 1, 0))
    kept = rows[place] == local if len(rows) else np.zeros(len(local), dtype=np.bool_)
    return table.set_column(0, ROW, pa.array(place + first, type=pa.int64())).filter(pa.array(kept))


def _frame(table: pa.Table) -> pd.DataFrame:
    """Return a table in types that do not depend on what is blank in it."""
    columns = {name: table.column(name).to_pandas(date_as_object=False) for name in table.column_names}
    kinds = {"date32[day]": "datetime64[s]"}
    types = {name: kinds.get(str(table.schema.field(name).type)) for name in columns} | {"industry": "Int32"}
    return pd.DataFrame({
        name: column.astype(types[name]) if types[name] else column for name, column in columns.items()
    })  # fmt: skip


def _persons_frame(parts: Sequence[_Part], description: Description, folder: Path) -> pd.DataFrame:
    tables = [part.persons for part in parts] or [_no_persons(folder, description)]
    table = pa.concat_tables(tables)
    columns = {
        name: table.column(name).to_pandas(date_as_object=False).astype(PERSONS.column(name).pandas_type)
        for name in table.column_names
    }
    return pd.DataFrame(columns)


def _no_persons(folder: Path, description: Description) -> pa.Table:
    if not description.municipalities:
        raise DataError(f"{folder}: holds nobody; must be the extract of a register with people")
    path = folder / partition(next(iter(description.municipalities))) / f"{PERSONS.name}.parquet"
    return pa.parquet.read_schema(path).empty_table()


def _spells(parts: Sequence[_Part], persons: pd.DataFrame, description: Description) -> Spells:
    # Rows of a file are counted from its first person, those of the spells from the first person read.
    shifts = np.cumsum([0, *(len(part) for part in parts)])[:-1] - [part.first_row for part in parts]
    columns = {name: _column([part.spells for part in parts], name) for name in SPELLS_SCHEMA.names[1:]}
    person = [part.spells.column(ROW).to_numpy() + np.int32(shift) for part, shift in zip(parts, shifts, strict=True)]
    return Spells(
        person=np.concatenate([*person, np.zeros(0, np.int32)]), **columns,
        person_id=persons[PERSON_ID.name].to_numpy(), first_week=week_index(description.first_week),
        n_weeks=description.n_weeks,
    )  # fmt: skip


def _column(tables: Sequence[pa.Table], name: str) -> NDArray[np.int16]:
    return np.concatenate([*(table.column(name).to_numpy() for table in tables), np.zeros(0, np.int16)])


def _imported(folder: Path, municipalities: Collection[int] | None, born: tuple[int, int] | None) -> Extract:
    from analysis_lib.register.importing.run import import_extract  # noqa: PLC0415 (it writes extracts)

    with tempfile.TemporaryDirectory() as place:
        import_extract(folder, Path(place) / "extract")
        extract = read_extract(Path(place) / "extract", municipalities=municipalities, born=born)
        others = [table.name for table in TABLES[2:] if extract.description.has(table.name)]
        return replace(extract, path=folder, tables={name: extract.read_table(name) for name in others})
