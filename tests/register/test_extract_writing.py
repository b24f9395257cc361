"""Extracts written: whole or not at all, the same bytes from the same seed."""

from __future__ import annotations

import os
import resource
import signal

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import DataError, InvalidInput, OutputError
from analysis_lib.files import replace_folder, restore_folder
from analysis_lib.register.extract import read_extract, read_truth
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.spells import spells_from_weeks, weeks_from_spells
from analysis_lib.register.weeks import week_index


def bytes_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def parts():
    persons = pd.DataFrame({
        "person_id": ["b", "a", "Åse"],
        "birth_date": pd.to_datetime(["1960-02-29", "1971-12-31", "1980-01-01"]),
        "sex": ["woman", "man", "woman"],
        "municipality": [580, 370, 370],
    })  # fmt: skip
    codes = np.array([[0, 111, 111], [0, 0, 0], [999, 0, 1]], dtype=np.int16)
    return {"persons": persons, "codes": codes, "first_week": week_index("2005-W44")}


@pytest.fixture
def file_limit():
    """Return a function that sets the largest file that this process may write; it is lifted again."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, ignored)


def test_written_and_read_again(tmp_path, parts):
    made = write_extract(tmp_path / "a" / "b", **parts, truth={"hazard_ratio": 1.3, "navn": "Åse"})
    got = read_extract(made)
    assert got.persons["person_id"].tolist() == ["a", "Åse", "b"]
    assert weeks_from_spells(got.spells).tolist() == [[0, 0, 0], [999, 0, 1], [0, 111, 111]]
    assert got.first_week == parts["first_week"]
    assert got.description.code_weeks == {1: 1, 111: 2, 999: 1}
    assert read_truth(made) == {"hazard_ratio": 1.3, "navn": "Åse"}
    assert [path.name for path in made.parent.iterdir()] == ["b"]


def test_the_same_seed_gives_the_same_bytes(tmp_path, simulate):
    for name, seed in (("one", 5), ("two", 5), ("three", 6)):
        made = simulate(seed, persons=200)
        write_extract(
            tmp_path / name, persons=made.persons, codes=made.codes, first_week=made.first_week, truth=made.truth
        )  # fmt: skip
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")
    assert bytes_of(tmp_path / "one") != bytes_of(tmp_path / "three")


def test_row_order_does_not_matter(tmp_path, parts):
    write_extract(tmp_path / "one", **parts)
    order = [2, 0, 1]
    turned = {"persons": parts["persons"].iloc[order], "codes": parts["codes"][order]}
    write_extract(tmp_path / "two", **(parts | turned))
    assert bytes_of(tmp_path / "one") == bytes_of(tmp_path / "two")


def test_an_earlier_extract_is_replaced_whole(tmp_path, parts):
    made = write_extract(tmp_path / "x", **parts, truth={})
    one = {"persons": parts["persons"].iloc[:1], "codes": parts["codes"][:1]}
    write_extract(made, **(parts | one))
    assert read_extract(made).persons["person_id"].tolist() == ["b"]
    assert sorted(bytes_of(made)) == [
        "extract.json",
        "municipality=580/persons.parquet",
        "municipality=580/spells.parquet",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_an_earlier_extract_survives_a_write_that_fails(tmp_path, parts, simulated, file_limit):
    made = write_extract(tmp_path / "x", **parts, truth={"n": 3})
    before = bytes_of(made)
    file_limit(2_000)
    with pytest.raises(OutputError, match=r"x: cannot be written \(.*File too large"):
        write_extract(made, persons=simulated.persons, codes=simulated.codes, first_week=simulated.first_week)
    assert bytes_of(made) == before
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_an_earlier_extract_survives_a_rename_that_fails(tmp_path, parts):
    made = write_extract(tmp_path / "x", **parts)
    before = bytes_of(made)
    with pytest.raises(FileNotFoundError):
        replace_folder(made, tmp_path / "none")
    assert bytes_of(made) == before
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_replacement_that_was_cut_off(tmp_path, parts):
    made = write_extract(tmp_path / "x", **parts)
    before = bytes_of(made)
    made.rename(tmp_path / ".x.previous")
    restore_folder(made)
    assert bytes_of(made) == before
    write_extract(tmp_path / ".x.previous", **parts)
    restore_folder(made)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_folder_with_other_things_is_not_replaced(tmp_path, parts):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(OutputError, match=r"home: holds 'letter\.txt'; must be new, empty or an earlier extract"):
        write_extract(tmp_path / "home", **parts)
    with pytest.raises(OutputError, match=r"letter\.txt: is a file; must be a folder"):
        write_extract(tmp_path / "home" / "letter.txt", **parts)
    # Folders named as ours do not make an extract.
    (tmp_path / "parts" / "municipality=461").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"parts: holds 'municipality=461'; must be new, empty or an earlier extract"):
        write_extract(tmp_path / "parts", **parts)
    assert bytes_of(tmp_path) == {"home/letter.txt": b"keep"}


def test_files_are_as_private_as_the_process_says(tmp_path, parts):
    before = os.umask(0o077)
    try:
        made = write_extract(tmp_path / "x", **parts)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o077 for path in (made, *made.rglob("*"))} == {0}


def test_parts_that_do_not_fit(tmp_path, parts):
    with pytest.raises(InvalidInput, match=r"codes has shape \(2, 3\); must be \(3, n_weeks\)"):
        write_extract(tmp_path / "x", **(parts | {"codes": parts["codes"][:2]}))
    with pytest.raises(InvalidInput, match="column is 'salary'; must be one of person_id"):
        write_extract(tmp_path / "x", **(parts | {"persons": parts["persons"].assign(salary=1)}))
    with pytest.raises(InvalidInput, match="persons has no column sex; it is required"):
        write_extract(tmp_path / "x", **(parts | {"persons": parts["persons"].drop(columns="sex")}))
    with pytest.raises(InvalidInput, match="persons has person_id 'a' twice; must be once"):
        write_extract(tmp_path / "x", **(parts | {"persons": parts["persons"].assign(person_id=["a", "b", "a"])}))
    assert not (tmp_path / "x").exists()


def test_an_extract_of_nobody(tmp_path, parts):
    nobody = {"persons": parts["persons"].iloc[:0], "codes": parts["codes"][:0]}
    made = write_extract(tmp_path / "x", **(parts | nobody))
    with pytest.raises(DataError, match="x: holds nobody; must be the extract of a register with people"):
        read_extract(made)


def test_spells_in_place_of_the_matrix(tmp_path, parts):
    spells = spells_from_weeks(parts["codes"], first_week=parts["first_week"], person_id=parts["persons"]["person_id"])
    one = write_extract(tmp_path / "one", **parts)
    two = write_extract(tmp_path / "two", **(parts | {"codes": spells}))
    assert bytes_of(one) == bytes_of(two)
    with pytest.raises(InvalidInput, match="codes is Spells.*; must be of 3 persons, from first_week 5"):
        write_extract(tmp_path / "x", **(parts | {"codes": spells, "first_week": 5}))
