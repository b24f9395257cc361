"""What an import gives: people and weeks, unknown codes counted, the other tables, and an extract replaced whole."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from analysis_lib.errors import DataError
from analysis_lib.register.extract import read_extract, read_truth
from analysis_lib.register.importing.run import LOOKING, WRITING, import_extract
from analysis_lib.register.sources import CsvForm
from analysis_lib.register.weeks import week_index


def test_persons_sorted_and_weeks_aligned(imported):
    extract = imported()
    assert extract.persons["person_id"].tolist() == ["b", "Åse", "a"]
    assert extract.persons["municipality"].tolist() == [370, 492, 580]
    assert extract.persons["birth_date"].dt.date.tolist() == [
        dt.date(1960, 2, 29), dt.date(1980, 1, 1), dt.date(1971, 12, 31),
    ]  # fmt: skip
    assert extract.persons["married"].tolist() == [True, True, False]
    spells = extract.spells
    assert spells.person_id.tolist() == ["b", "Åse", "a"]
    assert (extract.first_week, extract.last_week) == (week_index("2005-W44"), week_index("2005-W46"))
    runs = list(zip(spells.person, spells.start, spells.stop, spells.code, strict=True))
    assert runs == [(0, 1, 2, 111), (0, 2, 3, 211), (1, 1, 2, 890), (2, 0, 2, 111)]


def test_unknown_codes_are_imported_counted_and_told(source, write, tmp_path, codes):
    write("weeks.csv", "112,112", "111,111")
    write("weeks.csv", "32767", "890")
    made = import_extract(source, tmp_path / "to", codes=codes)
    assert made.unknown_codes == {112: 2, 32767: 1}
    assert made.description.code_weeks == {111: 1, 112: 2, 211: 1, 32767: 1}
    extract = read_extract(made.folder)
    assert extract.description == made.description
    assert extract.spells.code.tolist() == [111, 211, 32767, 112]


def test_blank_weeks_zeros_and_people_without_any_code(write, imported):
    write("weeks.csv", "person_id,y_0544,y_0545\nÅse,,\na,0,0.0\nb, ,111\n")
    extract = imported()
    assert extract.spells.n_persons == 3
    assert extract.spells.person.tolist() == [0]
    assert extract.description.code_weeks == {111: 1}


def test_nobody_has_any_code(write, imported):
    write("weeks.csv", "person_id,y_0544\nÅse,\na,\nb,\n")
    extract = imported()
    assert (len(extract.spells), extract.spells.n_persons, extract.description.code_weeks) == (0, 3, {})


def test_other_tables(write, imported):
    rows = "b,meeting,samtale,2005-11-01,\nb,offer,,,2005-10-03\na,meeting,x,2006-01-02,2005-11-20\n"
    write("contacts.csv", f"person_id,kind,type,planned,held\n{rows}")
    write("matches.csv", "person_id,date,jobcentre,target_group,group\na,2005-11-01,jc_odense,kontanthjælp,2\n")
    write("vignettes.csv", "vignette,rater,jobcentre,group\nv1,r1,jc_odense,2\nv1,r2,jc_odense,\n")
    extract = imported()
    contacts = extract.read_table("contacts")
    assert contacts.columns.tolist() == ["row", "kind", "type", "planned", "held"]
    assert contacts["row"].tolist() == [0, 0, 2]
    assert contacts["type"].fillna("").tolist() == ["samtale", "", "x"]
    assert contacts["held"].dt.strftime("%Y-%m-%d").fillna("").tolist() == ["", "2005-10-03", "2005-11-20"]
    assert str(contacts["planned"].dtype) == "datetime64[s]"
    matches = extract.read_table("matches")
    assert matches.drop(columns="date").to_dict("list") == {
        "row": [2], "jobcentre": ["jc_odense"], "target_group": ["kontanthjælp"], "group": ["2"],
    }  # fmt: skip
    assert extract.read_table("vignettes")["group"].fillna("").tolist() == ["2", ""]
    with pytest.raises(DataError, match="to: has no table employment; the source had none"):
        extract.read_table("employment")


def test_tables_without_rows(write, imported):
    write("contacts.csv", "person_id,kind,planned,held\n")
    extract = imported()
    contacts = extract.read_table("contacts")
    assert (len(contacts), contacts.columns.tolist()) == (0, ["row", "kind", "planned", "held"])


def test_columns_of_events_that_folders_give(write, imported):
    write("contacts/kind=meeting/1.csv", "person_id,planned,held\na,2005-11-01,\n")
    write("contacts/kind=offer/1.csv", "person_id,planned,held\nb,2005-11-01,\n")
    contacts = imported().read_table("contacts")
    assert contacts[["row", "kind"]].to_numpy().tolist() == [[0, "offer"], [2, "meeting"]]


def test_an_earlier_extract_is_replaced_whole(source, write, tmp_path):
    write("truth.json", json.dumps({"n": 3}))
    write("contacts.csv", "person_id,kind,planned,held\na,offer,2005-11-01,\n")
    made = import_extract(source, tmp_path / "to").folder
    assert read_truth(made) == {"n": 3}
    (source / "truth.json").unlink()
    (source / "contacts.csv").unlink()
    import_extract(source, made)
    assert not (made / "truth.json").exists()
    assert not list(made.rglob("contacts.parquet"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "to"]


def test_a_declared_form_is_kept_to(source, write, tmp_path):
    with pytest.raises(DataError, match=r"persons\.csv: the header line has one column, .* with ; as declared"):
        import_extract(source, tmp_path / "to", form=CsvForm(delimiter=";"))


def test_progress(source, tmp_path):
    told = []
    import_extract(source, tmp_path / "to", progress=lambda *args: told.append(args))
    size = {name: (source / f"{name}.csv").stat().st_size for name in ("persons", "weeks")}
    # Two files to look at, one chunk of each three municipalities to write.
    assert told == [
        (LOOKING, 0, 2), (LOOKING, 1, 2), ("persons.csv", size["persons"], size["persons"]),
        ("weeks.csv", size["weeks"], size["weeks"]), (WRITING, 0, 3), (WRITING, 1, 3), (WRITING, 2, 3), (WRITING, 3, 3),
    ]  # fmt: skip
