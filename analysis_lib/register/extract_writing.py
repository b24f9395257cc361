"""Write an extract, whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analysis_lib.errors import InvalidInput, OutputError
from analysis_lib.files import replace_folder, restore_folder
from analysis_lib.register.declarations import CONTACTS, PERSON_ID, PERSONS
from analysis_lib.register.layout import (
    DESCRIPTION_FILE,
    FOLDER,
    ROW,
    SPELLS,
    SPELLS_SCHEMA,
    TRUTH_FILE,
    VIGNETTES_FILE,
    Description,
    partition,
    write_partition,
)
from analysis_lib.register.spells import Spells, spells_from_weeks
from analysis_lib.register.weeks import week_label

ORDER = ("municipality", "birth_date", PERSON_ID.name)
"""How the people of an extract are sorted."""


def write_extract(
    folder: Path | str,
    *,
    persons: pd.DataFrame,
    codes: NDArray[np.integer[Any]] | Spells,
    first_week: int,
    truth: Mapping[str, Any] | None = None,
    contacts: pd.DataFrame | None = None,
) -> Path:
    """Write people and their matrix of weeks as an extract, whole or not at all.

    The files are written to a folder beside it, which then takes its name. An earlier extract of that name is
    replaced only by a complete one; a folder that holds anything else is refused.

    Parameters
    ----------
    persons
        Declared columns, one row a person, in any order.
    codes
        Shape (n_persons, n_weeks), in the rows of `persons`, 0 is a blank week; or the spells of these rows.
    first_week
        Week index of column 0.
    truth
        What a simulation knows, written as `truth.json`.
    contacts
        The declared columns, one row a contact of one of the persons, in any order; without, there is no such table.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidInput
        Where the rows of `persons` and `codes` differ, a person stands twice, a column is missing or not declared, or a
        contact is nobody's.
    OutputError
        Where the folder holds other things, or cannot be written.
    """
    folder = Path(folder)
    _check_persons(persons)
    rows = np.lexsort([persons[name].to_numpy() for name in reversed(ORDER)])
    table = persons_table(persons.iloc[rows])
    spells = _spells_of(persons, codes, first_week).take(rows)
    met = None if contacts is None else _contacts_table(contacts, table.column(PERSON_ID.name).to_pylist())

    def fill(made: Path) -> None:
        home = table.column("municipality").to_numpy()
        facts = {}
        for municipality in np.unique(home).tolist():
            low, high = np.searchsorted(home, [municipality, municipality + 1])
            parts = {PERSONS.name: table.slice(low, high - low), SPELLS: spells_table(spells, low, high)}
            parts |= {} if met is None else {CONTACTS.name: _own_rows(met, low, high)}
            facts[municipality] = write_partition(made / partition(municipality), parts)
        description = Description(
            first_week=week_label(first_week), n_weeks=spells.n_weeks, persons=len(persons), municipalities=facts,
            code_weeks=count_weeks(spells.code, spells.stop - spells.start),
        )  # fmt: skip
        write_description(made, description)
        if truth is not None:
            text = json.dumps(truth, indent=2, ensure_ascii=False, allow_nan=False)
            (made / TRUTH_FILE).write_text(text + "\n", encoding="utf-8")

    _write_extract(folder, fill)
    return folder


def _spells_of(persons: pd.DataFrame, codes: NDArray[np.integer[Any]] | Spells, first_week: int) -> Spells:
    if isinstance(codes, Spells):
        if (codes.n_persons, codes.first_week) != (len(persons), first_week):
            raise InvalidInput(f"codes is {codes}; must be of {len(persons)} persons, from first_week {first_week}")
        return codes
    if codes.ndim != 2 or len(persons) != len(codes):
        raise InvalidInput(f"codes has shape {codes.shape}; must be ({len(persons)}, n_weeks), in the rows of persons")
    return spells_from_weeks(codes, first_week=first_week, person_id=persons[PERSON_ID.name].to_numpy())


def write_description(folder: Path, description: Description) -> None:
    """Write `extract.json`."""
    text = description.model_dump_json(indent=1)
    (folder / DESCRIPTION_FILE).write_text(text + "\n", encoding="utf-8")


def check_replaceable(folder: Path) -> None:
    """Refuse a place where something else than an extract stands.

    Raises
    ------
    OutputError
        Where the folder is a file, or holds other things.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; must be a folder to write the extract to")
    ours = {DESCRIPTION_FILE, TRUTH_FILE, VIGNETTES_FILE}
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    strange = [name for name in names if name not in ours and not name.startswith(FOLDER)]
    if strange or (names and DESCRIPTION_FILE not in names):
        raise OutputError(
            f"{folder}: holds '{(strange or names)[0]}'; must be new, empty or an earlier extract, which is replaced"
        )


def persons_table(persons: pd.DataFrame) -> pa.Table:
    """Return the persons as they are stored."""
    columns = [PERSONS.column(name) for name in persons.columns]
    arrays = [pa.array(persons[column.name].tolist(), type=column.arrow_type) for column in columns]
    return pa.Table.from_arrays(arrays, names=[column.name for column in columns])


def spells_table(spells: Spells, low: int, high: int) -> pa.Table:
    """Return the spells of the persons `low` to `high` (excluded) as they are stored."""
    first, last = np.searchsorted(spells.person, [low, high])
    own = slice(first, last)
    arrays = [spells.person[own] - np.int32(low), spells.start[own], spells.stop[own], spells.code[own]]
    return pa.Table.from_arrays([pa.array(array) for array in arrays], schema=SPELLS_SCHEMA)


def _contacts_table(contacts: pd.DataFrame, ids: list[str]) -> pa.Table:
    """Return contacts as they are stored, sorted by the row of the person among `ids`."""
    columns = [column for column in CONTACTS.columns if column.name != PERSON_ID.name]
    missing = [column.name for column in (PERSON_ID, *columns) if column.required and column.name not in contacts]
    if missing:
        raise InvalidInput(f"contacts has no column {missing[0]}; it is required")
    row = contacts[PERSON_ID.name].map({name: number for number, name in enumerate(ids)})
    if row.isna().any():
        raise InvalidInput(
            f"contacts has {PERSON_ID.name} '{contacts[PERSON_ID.name][row.isna()].iloc[0]}'; must be one of persons"
        )
    own = contacts.iloc[np.argsort(row.to_numpy(), kind="stable")]
    stored = {ROW: pa.array(np.sort(row.to_numpy().astype(np.int32)))}
    stored |= {
        column.name: pa.Array.from_pandas(own[column.name], type=column.arrow_type)
        for column in columns
        if column.name in own
    }
    return pa.table(stored)


def _own_rows(table: pa.Table, low: int, high: int) -> pa.Table:
    """Return the rows of the persons `low` to `high` (excluded), counted from `low`."""
    row = table.column(ROW).to_numpy()
    first, last = np.searchsorted(row, [low, high])
    own = table.slice(first, last - first)
    return own.set_column(0, ROW, pa.array(row[first:last] - np.int32(low), type=pa.int32()))


def count_weeks(code: NDArray[np.int16], weeks: NDArray[np.integer[Any]]) -> dict[int, int]:
    """Return the person-weeks on each code."""
    total = np.bincount(code, weights=weeks)
    return {int(c): int(total[c]) for c in np.flatnonzero(total)}


def _check_persons(persons: pd.DataFrame) -> None:
    for column in PERSONS.columns:
        if column.required and column.name not in persons:
            raise InvalidInput(f"persons has no column {column.name}; it is required")
    twice = persons[PERSON_ID.name][persons[PERSON_ID.name].duplicated()]
    if len(twice):
        raise InvalidInput(f"persons has {PERSON_ID.name} '{twice.iloc[0]}' twice; must be once")


def _write_extract(folder: Path, fill: Callable[[Path], None]) -> None:
    check_replaceable(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        restore_folder(folder)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as place:
            # A folder in it, because temporary folders are for their owner only, whatever others may read.
            made = Path(place) / folder.name
            made.mkdir()
            fill(made)
            replace_folder(folder, made)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error})") from error
