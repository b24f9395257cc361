"""Extracts read: sorted people with their spells, parts of them, their other tables, and source files on the way."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.register.extract import read_description, read_extract, read_truth
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.weeks import week_index

PERSONS = pd.DataFrame({
    "person_id": ["b", "a", "Åse", "c"],
    "birth_date": pd.to_datetime(["1960-02-29", "1971-12-31", "1980-01-01", "1960-02-29"]),
    "sex": ["woman", "man", "woman", "man"],
    "municipality": [370, 580, 492, 370],
    "married": [True, False, True, False],
})  # fmt: skip
CODES = np.array([[0, 111, 211], [111, 111, 0], [0, 890, 0], [0, 0, 0]], dtype=np.int16)
FIRST = week_index("2005-W44")


@pytest.fixture
def folder(tmp_path):
    return write_extract(tmp_path / "e", persons=PERSONS, codes=CODES, first_week=FIRST)


@pytest.fixture
def source(tmp_path):
    made = tmp_path / "source"
    made.mkdir()
    PERSONS.to_csv(made / "persons.csv", index=False)
    weeks = pd.DataFrame(CODES, columns=["y_0544", "y_0545", "y_0546"]).replace(0, "")
    weeks.insert(0, "person_id", PERSONS["person_id"])
    weeks.to_csv(made / "weeks.csv", index=False)
    (made / "contacts.csv").write_text(
        "person_id,kind,planned,held\na,offer,2005-11-01,\nb,meeting,,2005-11-02\n", encoding="utf-8"
    )
    (made / "vignettes.csv").write_text("vignette,rater,jobcentre,group\nv,r,jc_odense,1\n", encoding="utf-8")
    return made


def test_whole(folder):
    extract = read_extract(folder)
    assert extract.persons["person_id"].tolist() == ["b", "c", "Åse", "a"]
    assert extract.spells.person_id.tolist() == ["b", "c", "Åse", "a"]
    assert extract.persons["married"].tolist() == [True, False, True, False]
    assert {name: str(kind) for name, kind in extract.persons.dtypes.items()} == {
        "person_id": "str", "birth_date": "datetime64[s]", "sex": "str", "municipality": "int64", "married": "bool",
    }  # fmt: skip
    assert (extract.first_week, extract.last_week) == (FIRST, FIRST + 2)
    assert extract.path == folder
    description, sha256 = read_description(folder)
    assert (extract.description, extract.sha256) == (description, sha256)
    assert extract.description.persons == 4


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"municipalities": [370]}, ["b", "c"]),
        ({"municipalities": {580, 370}}, ["b", "c", "a"]),
        ({"municipalities": [101]}, []),
        ({"municipalities": []}, []),
        ({"born": (1960, 1970)}, ["b", "c"]),
        ({"born": (1971, 1980)}, ["Åse", "a"]),
        ({"born": (1972, 1979)}, []),
        ({"municipalities": [370], "born": (1980, 1980)}, []),
    ],
)
def test_parts(folder, options, expected):
    part = read_extract(folder, **options)
    assert part.persons["person_id"].tolist() == expected
    whole = read_extract(folder)
    assert part.spells.equals(whole.spells.take(whole.persons["person_id"].isin(expected).to_numpy()))
    assert part.persons.dtypes.equals(whole.persons.dtypes)
    assert part.description == whole.description


def test_years_that_are_not_in_order(folder):
    with pytest.raises(InvalidInput, match=r"born is \(1980, 1970\); must be a first and a last year, in order"):
        read_extract(folder, born=(1980, 1970))


def test_no_such_folder(tmp_path):
    with pytest.raises(DataError) as error:
        read_extract(tmp_path / "none")
    assert str(error.value) == (
        f"{tmp_path / 'none'}: there is no such folder; must be a register extract, or persons and weeks to import"
    )


def test_source_files_are_imported_on_the_way(source, folder):
    extract = read_extract(source)
    expected = read_extract(folder)
    pd.testing.assert_frame_equal(extract.persons, expected.persons)
    assert extract.spells.equals(expected.spells)
    assert extract.path == source
    assert sorted(path.name for path in source.parent.iterdir()) == ["e", "source"]


def test_other_tables_of_source_files(source):
    contacts = read_extract(source).read_table("contacts")
    assert contacts[["row", "kind"]].to_numpy().tolist() == [[0, "meeting"], [3, "offer"]]
    part = read_extract(source, municipalities=[580])
    assert part.read_table("contacts")["row"].tolist() == [0]
    assert part.read_table("vignettes")["rater"].tolist() == ["r"]
    # A caller may change what it gets.
    changed = part.read_table("contacts")
    changed.loc[0, "kind"] = "meeting"
    assert part.read_table("contacts")["kind"].tolist() == ["offer"]


def test_source_files_that_are_wrong(source):
    (source / "weeks.csv").unlink()
    with pytest.raises(
        DataError, match=r"source: weeks: found no such file; must be one file or folder, weeks\.parquet"
    ):
        read_extract(source)


def test_tables_that_are_not_there(source, folder):
    with pytest.raises(InvalidInput) as error:
        read_extract(folder).read_table("persons")
    assert str(error.value) == "table is 'persons'; must be one of employment, contacts, matches, vignettes"
    for name in ("employment", "vignettes"):
        with pytest.raises(DataError, match=f"e: has no table {name}; the source had none"):
            read_extract(folder).read_table(name)
    with pytest.raises(DataError, match="source: has no table matches; the source had none"):
        read_extract(source).read_table("matches")


def test_a_table_for_nobody_has_its_columns(source):
    contacts = read_extract(source, municipalities=[]).read_table("contacts")
    whole = read_extract(source).read_table("contacts")
    assert len(contacts) == 0
    assert contacts.dtypes.equals(whole.dtypes)


def test_truth_only_beside_simulated_data(folder):
    with pytest.raises(DataError, match=r"truth\.json: there is no such file; only simulated extracts have one"):
        read_truth(folder)
