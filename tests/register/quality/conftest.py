"""Extracts made by hand, table by table, with the functions that write real ones."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from analysis_lib.register.extract_writing import count_weeks, write_description
from analysis_lib.register.importing.convert import EMPLOYMENT_SCHEMA
from analysis_lib.register.layout import (
    SPELLS_SCHEMA,
    VIGNETTES_FILE,
    Description,
    partition,
    write_groups,
    write_partition,
)
from analysis_lib.register.quality import check_extract
from analysis_lib.register.spells import spells_from_weeks

PERSONS_SCHEMA = pa.schema([
    ("person_id", pa.string()), ("birth_date", pa.date32()), ("sex", pa.string()), ("municipality", pa.int32()),
])  # fmt: skip
SCHEMAS = {
    "employment": EMPLOYMENT_SCHEMA,
    "contacts": pa.schema([
        ("row", pa.int32()), ("kind", pa.string()), ("type", pa.string()), ("planned", pa.date32()),
        ("held", pa.date32()),
    ]),
    "matches": pa.schema([
        ("row", pa.int32()), ("date", pa.date32()), ("jobcentre", pa.string()), ("caseworker", pa.string()),
        ("target_group", pa.string()), ("group", pa.string()),
    ]),
    "vignettes": pa.schema([
        ("vignette", pa.string()), ("rater", pa.string()), ("jobcentre", pa.string()), ("group", pa.string()),
    ]),
}  # fmt: skip


def person(codes, *, name=None, born="1970-06-15", sex="woman", home=461, folder=None, **tables):
    """Return one person: weekly codes, and rows of other tables; `folder` is the municipality to be filed under."""
    return {
        "person_id": name, "birth_date": dt.date.fromisoformat(born), "sex": sex, "municipality": home,
        "codes": list(codes), "folder": folder or home, "tables": tables,
    }  # fmt: skip


def write_people(folder, people, *, first_week="2005-W01", tables=(), vignettes=None, **said):
    """Write an extract; a person without a name is `id-000`, `id-001`, ..., `tables` are written even where empty."""
    folder.mkdir()
    people = [one | {"person_id": one["person_id"] or f"id-{i:03d}"} for i, one in enumerate(people)]
    names = [name for name in SCHEMAS if name in tables or any(name in one["tables"] for one in people)]
    facts, codes = {}, np.array([one["codes"] for one in people])
    for home in sorted({one["folder"] for one in people}):
        own = sorted((one for one in people if one["folder"] == home), key=lambda p: (p["birth_date"], p["person_id"]))
        spells = spells_from_weeks(np.array([one["codes"] for one in own]), first_week=0, person_id=np.arange(len(own)))
        arrays = [pa.array(getattr(spells, name)) for name in ("person", "start", "stop", "code")]
        parts = {
            "persons": pa.Table.from_pylist([{n: p[n] for n in PERSONS_SCHEMA.names} for p in own], PERSONS_SCHEMA),
            "spells": pa.Table.from_arrays(arrays, schema=SPELLS_SCHEMA),
        }
        for name in names:
            rows = [{"row": i} | row for i, one in enumerate(own) for row in one["tables"].get(name, ())]
            parts[name] = pa.Table.from_pylist(rows, SCHEMAS[name])
        facts[home] = write_partition(folder / partition(home), parts)
    rated = pa.Table.from_pylist(vignettes, SCHEMAS["vignettes"]) if vignettes is not None else None
    known = {
        "first_week": first_week, "n_weeks": codes.shape[1], "persons": len(people),
        "code_weeks": {c: n for c, n in count_weeks(codes.ravel(), np.ones(codes.size, int)).items() if c},
        "municipalities": facts,
        "vignettes": None if rated is None else write_groups(folder / VIGNETTES_FILE, rated, [0]),
    }  # fmt: skip
    write_description(folder, Description(**(known | said)))
    return folder


@pytest.fixture
def write(tmp_path):
    """Return a function that writes people as an extract in a new folder."""
    made = []

    def run(people, **options):
        made.append(tmp_path / f"extract-{len(made)}")
        return write_people(made[-1], people, **options)

    return run


@pytest.fixture
def check(write, codes, jobcentres):
    """Return a function that writes people and checks the extract."""
    return lambda people, **options: check_extract(write(people, **options), codes=codes, jobcentres=jobcentres)


@pytest.fixture(scope="session")
def check_once(codes, jobcentres):
    """Return a function like `check` for property tests; nothing of the extract is left."""

    def run(people, **options):
        with tempfile.TemporaryDirectory() as place:
            folder = write_people(Path(place) / "extract", people, **options)
            return check_extract(folder, codes=codes, jobcentres=jobcentres)

    return run


@pytest.fixture(scope="session")
def someone():
    """Return the function that makes a person."""
    return person
