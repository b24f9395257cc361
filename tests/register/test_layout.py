"""The files of an extract: row groups by person, and a damaged one refused by name."""

from __future__ import annotations

import hashlib
import json
import shutil
from contextlib import suppress

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis_lib.errors import DataError
from analysis_lib.register import layout
from analysis_lib.register.extract import read_description, read_extract
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.weeks import week_index


@pytest.fixture(scope="module")
def whole(tmp_path_factory, simulated):
    folder = tmp_path_factory.mktemp("extract") / "e"
    return write_extract(folder, persons=simulated.persons, codes=simulated.codes, first_week=simulated.first_week)


@pytest.fixture
def extract(whole, tmp_path):
    """Return a copy that may be damaged."""
    return shutil.copytree(whole, tmp_path / "e")


def spells_file(folder):
    return sorted(folder.glob("municipality=*/spells.parquet"))[0]


def refused(folder, path, **options):
    with pytest.raises(DataError) as error:
        read_extract(folder, **options)
    assert str(error.value).startswith(f"{path}: ")
    assert len(str(error.value).splitlines()) == 1
    return str(error.value).removeprefix(f"{path}: ")


def test_a_file_of_another_size(extract):
    path = spells_file(extract)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    assert refused(extract, path) == f"has {size - 1:,} bytes; must be the {size:,} that were written"


@pytest.mark.parametrize("born", [None, (1900, 2000)])
def test_a_flipped_byte_in_a_page(extract, born):
    path = spells_file(extract)
    column = pq.ParquetFile(path).metadata.row_group(0).column(3)
    start = column.dictionary_page_offset or column.data_page_offset
    content = bytearray(path.read_bytes())
    content[start + column.total_compressed_size - 3] ^= 1
    path.write_bytes(content)
    assert "checksum" in refused(extract, path, born=born)


@pytest.mark.parametrize("name", ["persons", "spells"])
@pytest.mark.parametrize("born", [None, (1900, 2000)])
def test_no_flipped_byte_goes_unseen(extract, name, born):
    # One byte in 5, and one in 7 of the footer: refused, or without any effect.
    path = spells_file(extract).with_name(f"{name}.parquet")
    expected = read_extract(extract, born=born)
    content = path.read_bytes()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    for place in [*range(0, footer, 5), *range(footer, len(content), 7)]:
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        path.write_bytes(damaged)
        with suppress(DataError):
            got = read_extract(extract, born=born)
            assert got.spells.equals(expected.spells), place
            assert got.persons.equals(expected.persons), place


def test_a_missing_file(extract):
    path = spells_file(extract)
    path.unlink()
    assert refused(extract, path).startswith("cannot be read (")
    persons = path.with_name("persons.parquet")
    persons.unlink()
    assert refused(extract, persons, born=(1950, 1960)).startswith("cannot be read (")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('"format": 1', '"format": 2'), "format: Input should be 1; "),
        (lambda text: text[: len(text) // 2], "the whole: Invalid JSON: EOF while parsing"),
        (lambda text: text.replace('"n_weeks"', '"weeks"'), "n_weeks: Field required; "),
        (lambda text: "", "the whole: Invalid JSON: EOF while parsing"),
    ],
    ids=["format", "truncated", "key", "empty"],
)
def test_a_description_that_is_not_ours(extract, change, message):
    path = extract / "extract.json"
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    found = refused(extract, path)
    assert found.startswith(message)
    assert found.endswith("must be as this version writes it: import the source again")


def test_description_holds_the_hash_of_every_file(extract):
    described = json.loads((extract / "extract.json").read_text(encoding="utf-8"))
    for municipality, files in described["municipalities"].items():
        for name, facts in files.items():
            content = (extract / f"municipality={municipality}" / f"{name}.parquet").read_bytes()
            footer = content[-8 - int.from_bytes(content[-8:-4], "little") :]
            first_years = facts.pop("first_years")
            assert len(first_years) == (
                pq.read_metadata(pa.BufferReader(content)).num_row_groups if name == "persons" else 0
            )
            assert facts == {
                "rows": pq.read_metadata(pa.BufferReader(content)).num_rows, "bytes": len(content),
                "sha256": hashlib.sha256(content).hexdigest(), "footer": hashlib.sha256(footer).hexdigest(),
            }  # fmt: skip


def test_unknown_codes(codes):
    facts = {"first_week": "2005-W44", "n_weeks": 1, "persons": 1, "municipalities": {}}
    description = layout.Description(**facts, code_weeks={112: 5, 111: 3, 32767: 1})
    assert description.unknown_codes(codes) == {112: 5, 32767: 1}


def test_a_cohort_reads_its_own_row_groups_only(tmp_path, simulated, monkeypatch):
    monkeypatch.setattr(layout, "GROUP", 20)
    monkeypatch.setattr("analysis_lib.register.extract.GROUP", 20)
    one = simulated.persons.assign(municipality=461)
    folder = write_extract(tmp_path / "e", persons=one, codes=simulated.codes, first_week=week_index("2005-W01"))
    home = folder / "municipality=461"
    groups = {name: pq.read_metadata(home / f"{name}.parquet").num_row_groups for name in ("persons", "spells")}
    assert groups == {"persons": -(-len(one) // 20), "spells": -(-len(one) // 20)}
    facts = read_description(folder)[0].municipalities[461]["persons"]
    wanted = layout.born_groups(facts, 1955, 1955)
    years = np.sort(simulated.persons["birth_date"].dt.year.to_numpy())
    places = np.flatnonzero(years == 1955)
    # A group that ends where the cohort begins cannot be told from one that has its first people.
    needed = sorted(set((places // 20).tolist()))
    assert wanted in (needed, [needed[0] - 1, *needed])
    assert layout.born_groups(facts, 1800, 1801) == []
    assert len(wanted) < groups["persons"] / 5
