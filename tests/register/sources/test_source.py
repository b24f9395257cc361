"""Opening files, and finding the tables of an extract's folder."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis_lib.errors import DataError
from analysis_lib.register.sources import CsvForm, find_tables, open_source

TABLES = ("persons", "weeks", "events")
CONTENT = "person_id;y_0544\np1;111\n"


@pytest.fixture
def folder(tmp_path):
    """Return a function that fills an extract's folder with files of these contents."""

    def fill(files):
        root = tmp_path / "extract"
        for name, content in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if name.lower().endswith(".parquet"):
                pq.write_table(content, path)
            else:
                path.write_text(content)
        return root

    return fill


def test_files_are_opened_by_their_endings(folder):
    root = folder({"persons.CSV": CONTENT, "weeks.Parquet": pa.table({"a": [1]}), "README.md": "x", "truth.json": "{}"})
    found = find_tables(root, TABLES)
    assert {table: [source.name for source in sources] for table, sources in found.items()} == {
        "persons": ["persons.CSV"], "weeks": ["weeks.Parquet"],
    }  # fmt: skip
    assert list(find_tables(root, ("weeks", "persons"))) == ["weeks", "persons"]


def test_folders_of_files(folder):
    root = folder({
        "weeks/municipality=461/part-1.csv": CONTENT, "weeks/municipality=101/part-0.csv": CONTENT,
        "weeks/_SUCCESS": "", "weeks/.part-0.csv.crc": "", "weeks/_temporary/x.csv": "broken",
        ".hidden/persons.csv": "broken", "_old/persons.csv": "broken", "notes/readme.txt": "x",
        "persons.csv": CONTENT, "persons.sas7bcat": "formats",
    })  # fmt: skip
    found = find_tables(root, TABLES)
    assert [source.name for source in found["weeks"]] == [
        "weeks/municipality=101/part-0.csv", "weeks/municipality=461/part-1.csv",
    ]  # fmt: skip
    assert [dict(source.fixed) for source in found["weeks"]] == [{"municipality": "101"}, {"municipality": "461"}]
    assert [source.name for source in found["persons"]] == ["persons.csv"]


def test_the_folders_above_an_extract_give_no_columns(folder, tmp_path):
    source = open_source(folder({"year=2005/x/weeks.csv": CONTENT}) / "year=2005" / "x" / "weeks.csv")
    assert dict(source.fixed) == {}


def test_one_file(folder):
    path = folder({"anything.csv": CONTENT}) / "anything.csv"
    found = find_tables(path, TABLES)
    assert list(found) == [""]
    assert found[""][0].name == "anything.csv"


def test_the_form_reaches_the_files(folder):
    root = folder({"persons.csv": "a:b\n1:2\n", "weeks/x.csv": "a\n1\n"})
    found = find_tables(root, TABLES, form=CsvForm(delimiter="|", encoding="windows-1252"))
    assert [source.describe() for sources in found.values() for source in sources] == 2 * [
        {"format": "csv", "delimiter": "|", "decimal": ".", "encoding": "windows-1252"}
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"perons.csv": CONTENT}, "perons.csv: belongs to no table; did you mean 'persons'? (allowed: persons, weeks, events)"),
        ({"Weeks.csv": CONTENT}, "Weeks.csv: belongs to no table; did you mean 'weeks'? (allowed: persons, weeks, events)"),
        ({"zzz/x.csv": CONTENT}, "zzz/: belongs to no table (allowed: persons, weeks, events)"),
        ({"persons.xlsx": "x"}, "persons.xlsx: must be .csv, .parquet or .sas7bdat"),
        ({"persons.csv.gz": "x"}, "persons.csv.gz: must be .csv, .parquet or .sas7bdat"),
        (
            {"weeks.csv": CONTENT, "weeks.parquet": pa.table({"a": [1]})},
            "weeks: found weeks.csv and weeks.parquet; must be one file or one folder",
        ),
        ({"weeks.csv": CONTENT, "weeks/x.csv": CONTENT}, "weeks: found weeks/ and weeks.csv; must be one file or one folder"),
        (
            {"weeks/x.csv": CONTENT, "weeks/y.parquet": pa.table({"a": [1]})},
            "weeks/: holds files with .csv and .parquet; must be .csv, .parquet or .sas7bdat files of one kind",
        ),
        (
            {"weeks/x.csv": CONTENT, "weeks/readme": "x"},
            "weeks/: holds files with no ending and .csv; must be .csv, .parquet or .sas7bdat files of one kind",
        ),
        ({"weeks/_x.csv": CONTENT}, "weeks/: holds no file; must hold .csv, .parquet or .sas7bdat files of one kind"),
        (
            {"weeks/0.csv": "a;b;c\n", "weeks/1.csv": "a;b;c\n", "weeks/2.csv": "a;c;b\n"},
            "weeks/2.csv: column 2 is 'c'; must be 'b', as in weeks/0.csv",
        ),
        ({"weeks/0.csv": "a;b;c\n", "weeks/1.csv": "a;b\n"}, "weeks/1.csv: column 3 is missing; must be 'c', as in weeks/0.csv"),
        (
            {"weeks/0.csv": "a;b\n", "weeks/1.csv": "a;b;c\n"},
            "weeks/1.csv: column 3 is 'c'; must not be there, as in weeks/0.csv",
        ),
        (
            {"weeks/0.csv": "a;b\n", "weeks/m=1/1.csv": "a;b\n"},
            "weeks/m=1/1.csv: the folders give m; must give no column, as those of weeks/0.csv",
        ),
    ],
)  # fmt: skip
def test_wrong_folders(folder, files, message):
    with pytest.raises(DataError) as caught:
        find_tables(folder(files), TABLES)
    assert str(caught.value) == message


def test_no_such_place(tmp_path):
    with pytest.raises(DataError) as caught:
        find_tables(tmp_path / "nowhere", TABLES)
    message = f"{tmp_path}/nowhere: there is no such folder or file; must be an extract's folder, or one file"
    assert str(caught.value) == message
    with pytest.raises(DataError) as caught:
        open_source(tmp_path / "no.csv")
    assert str(caught.value) == f"{tmp_path}/no.csv: there is no such file; must be .csv, .parquet or .sas7bdat"


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "weeks.xlsx"
    path.write_bytes(b"x")
    with pytest.raises(DataError) as caught:
        open_source(path)
    assert str(caught.value) == f"{path}: must be .csv, .parquet or .sas7bdat"
