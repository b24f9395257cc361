"""Extracts read and written: what is accepted, and every fault with its message."""

from __future__ import annotations

import datetime as dt
import hashlib

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from analysis_lib.errors import DataError, InvalidInput, OutputError
from analysis_lib.register.extract import read_extract, read_truth, write_extract
from analysis_lib.register.weeks import week_index

PERSONS = """\
person_id,birth_date,sex,municipality,married
b,1960-02-29,woman,370,true
a,1971-12-31,man,580,false
Åse,1980-01-01,woman,492,True
"""
WEEKS = """\
person_id,y_0544,y_0545,y_0546
Åse,,890,
a,111,111,
b,, 111 ,211.0
"""


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "extract"
    made.mkdir()
    (made / "persons.csv").write_text(PERSONS, encoding="utf-8")
    (made / "weeks.csv").write_text(WEEKS, encoding="utf-8")
    return made


@pytest.fixture
def read(codes, jobcentres):
    return lambda folder: read_extract(folder, codes=codes, jobcentres=jobcentres)


@pytest.fixture
def faults(folder, read):
    """Return a function that changes a file and returns the lines of the error, without the folder."""

    def run(file, old, new):
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")
        with pytest.raises(DataError) as error:
            read(folder)
        return str(error.value).replace(f"{folder}: ", "").splitlines()

    return run


def to_parquet(folder, **changed):
    """Replace the CSV files by Parquet ones, with columns changed."""
    for name in ("persons", "weeks"):
        frame = pd.read_csv(folder / f"{name}.csv").assign(**changed.get(name, {}))
        pa.parquet.write_table(pa.Table.from_pandas(frame, preserve_index=False), folder / f"{name}.parquet")
        (folder / f"{name}.csv").unlink()


# --- what is accepted ----------------------------------------------------------------------------------------------


def test_persons_sorted_and_weeks_aligned(folder, read):
    extract = read(folder)
    assert extract.persons["person_id"].tolist() == ["a", "b", "Åse"]
    assert extract.persons["birth_date"].dt.date.tolist() == [
        dt.date(1971, 12, 31), dt.date(1960, 2, 29), dt.date(1980, 1, 1),
    ]  # fmt: skip
    assert extract.persons["married"].tolist() == [False, True, True]
    assert extract.persons["municipality"].tolist() == [580, 370, 492]
    assert extract.codes.dtype == np.int16
    assert extract.codes.tolist() == [[111, 111, 0], [0, 111, 211], [0, 890, 0]]
    assert extract.first_week == week_index("2005-W44")
    assert extract.last_week == week_index("2005-W46")
    assert extract.path == folder
    assert extract.hashes == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("persons.csv", "weeks.csv")
    }


def test_codes_are_read_only(folder, read):
    with pytest.raises(ValueError, match="read-only"):
        read(folder).codes[0, 0] = 0


@pytest.mark.parametrize("start", ["", "\ufeff"])
def test_semicolons_and_byte_order_mark(folder, read, start):
    expected = read(folder)
    for name in ("persons.csv", "weeks.csv"):
        text = start + (folder / name).read_text(encoding="utf-8").replace(",", ";").replace("\n", "\r\n")
        (folder / name).write_text(text, encoding="utf-8")
    got = read(folder)
    pd.testing.assert_frame_equal(got.persons, expected.persons)
    np.testing.assert_array_equal(got.codes, expected.codes)


def test_parquet_as_other_software_writes_it(folder, read):
    expected = read(folder)
    weeks = {"y_0544": [np.nan, 111.0, np.nan], "y_0546": pd.Categorical([None, " ", "211"])}
    persons = {
        "birth_date": pd.to_datetime(["1960-02-29", "1971-12-31", "1980-01-01"]),
        "sex": pd.Categorical(["woman", "man", "woman"]),
    }
    weeks["y_0545"] = ["890", "111", "111"]
    to_parquet(folder, persons=persons, weeks=weeks)
    got = read(folder)
    pd.testing.assert_frame_equal(got.persons, expected.persons)
    np.testing.assert_array_equal(got.codes, expected.codes)


def test_zero_and_a_column_without_any_code_are_blank(folder, read):
    to_parquet(folder, weeks={"y_0544": [0, 0, 111], "y_0545": [None, None, None], "y_0546": [0.0, 0.0, 0.0]})
    assert read(folder).codes.tolist() == [[0, 0, 0], [111, 0, 0], [0, 0, 0]]


def test_row_order_of_the_files_does_not_matter(folder, read):
    expected = read(folder)
    for name in ("persons.csv", "weeks.csv"):
        header, *rows = (folder / name).read_text(encoding="utf-8").splitlines()
        (folder / name).write_text("\n".join([header, *reversed(rows)]), encoding="utf-8")
    got = read(folder)
    pd.testing.assert_frame_equal(got.persons, expected.persons)
    np.testing.assert_array_equal(got.codes, expected.codes)


# --- faults --------------------------------------------------------------------------------------------------------

BIRTH = "must be a date that exists, written YYYY-MM-DD, from 1890-01-01 to the last week of the extract"
CODE = "must be a code of dream_codes.yml, or blank for self-support"
COLUMNS = "person_id, birth_date, sex, municipality, education, origin, married, children"
ONCE = "must be text that is not blank, once in the file"
SAME = "must be the same persons in both files"
EVERY = "must be every week from first to last"
DAY = "1971-12-31"
A = "a,111,111,\n"


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (
            "birth_date",
            "birthdate",
            [
                f"unknown column 'birthdate'; did you mean 'birth_date'? (allowed: {COLUMNS})",
                "column birth_date is missing; did you mean 'birthdate'?; it is required",
            ],
        ),
        (",married", ",sex", ["column sex stands 2 times; must stand once"]),
        (DAY, "1971-02-31", [f"column birth_date: 1 wrong cell: row 2 '1971-02-31'; {BIRTH}"]),
        (DAY, "19711231", [f"column birth_date: 1 wrong cell: row 2 '19711231'; {BIRTH}"]),
        (DAY, "1871-12-31", [f"column birth_date: 1 wrong cell: row 2 '1871-12-31'; {BIRTH}"]),
        (DAY, "2005-11-21", [f"column birth_date: 1 wrong cell: row 2 '2005-11-21'; {BIRTH}"]),
        (DAY, "", [f"column birth_date: 1 wrong cell: row 2 blank; {BIRTH}"]),
        ("woman", "kvinde", ["column sex: 2 wrong cells: row 1 'kvinde', row 3 'kvinde'; must be woman or man"]),
        (
            "580",
            "411",
            ["column municipality: 1 wrong cell: row 2 '411'; must be a municipality code of jobcentres.yml"],
        ),
        ("580", "x", ["column municipality: 1 wrong cell: row 2 'x'; must be a municipality code of jobcentres.yml"]),
        ("false", "0", ["column married: 1 wrong cell: row 2 '0'; must be true or false"]),
        ("b,1960", " ,1960", [f"column person_id: 1 wrong cell: row 1 blank; {ONCE}"]),
        ("a,1971-12-31,man,580,false\n", "", None),
    ],
)
def test_one_fault_of_the_persons(faults, old, new, lines):
    if lines is None:
        lost = f"weeks.csv: column person_id: 1 person without a row in persons.csv: row 2 'a'; {SAME}"
        assert faults("persons.csv", old, new) == [lost]
    else:
        assert faults("persons.csv", old, new) == [f"persons.csv: {line}" for line in lines]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (A, f"{A}a,111,,\n", [f"column person_id: 1 repeated value: row 3 'a'; {ONCE}"]),
        (A, f"{A} a,111,,\n", [f"column person_id: 1 repeated value: row 3 ' a'; {ONCE}"]),
        (
            "person_id,",
            "person,",
            [
                "column person_id is missing; did you mean 'person'?; it is required",
                "unknown column 'person'; did you mean 'person_id'? (allowed: person_id, y_YYWW)",
            ],
        ),
        (
            "y_0545",
            "y_0544",
            ["column y_0544 stands 2 times; must stand once", f"1 week column missing: y_0545; {EVERY}"],
        ),
        ("y_0546", "y_0601", [f"7 week columns missing: y_0546, y_0547, y_0548 and 4 more; {EVERY}"]),
        ("y_0544,y_0545", "y_0545,y_0544", ["column y_0544 stands after y_0545; must be in the order of time"]),
        ("y_0546", "y_0553", ["column is 'y_0553'; must be a week that exists (2005 has weeks 01 to 52)"]),
        ("y_0546", "Y_0546", ["unknown column 'Y_0546' (allowed: person_id, y_YYWW)"]),
        ("890", "-890", [f"1 cell in 1 row with a negative code: row 1 '-890' in y_0545; {CODE}"]),
        ("890", "89.5", [f"1 cell in 1 row not a whole number: row 1 '89.5' in y_0545; {CODE}"]),
        ("890", "70000", [f"1 cell in 1 row with an unknown code: row 1 '70000' in y_0545; {CODE}"]),
        (
            "111,111",
            "112,113",
            [
                f"2 cells in 1 row with an unknown code: row 2 '112' in y_0544, row 2 '113' in y_0545; {CODE}",
            ],
        ),
        (",890,", ",890", ["wrong number of cells: row 1 has 3; must be 4 as in the header"]),
        (A, "a,111,111,,\nx,1\n", ["wrong number of cells: row 2 has 5, row 3 has 2; must be 4 as in the header"]),
    ],
)
def test_one_fault_of_the_weeks(faults, old, new, lines):
    assert faults("weeks.csv", old, new) == [f"weeks.csv: {line}" for line in lines]


def test_a_person_twice_and_so_another_one_missing(faults):
    assert faults("persons.csv", "b,1960", "a,1960") == [
        f"persons.csv: column person_id: 1 repeated value: row 2 'a'; {ONCE}",
        f"weeks.csv: column person_id: 1 person without a row in persons.csv: row 3 'b'; {SAME}",
    ]


def test_a_person_without_weeks(faults):
    lost = f"persons.csv: column person_id: 1 person without a row in weeks.csv: row 2 'a'; {SAME}"
    assert faults("weeks.csv", A, "") == [lost]


def test_weeks_without_a_week_column(faults):
    assert faults("weeks.csv", WEEKS, "person_id\na\nb\nÅse\n") == [
        "weeks.csv: there is no week column; must be one column a week, y_YYWW"
    ]


def test_all_faults_of_both_files_at_once(folder, read):
    persons = PERSONS.replace("woman", "kvinde").replace("1971-12-31", "1971-13-31").replace("married", "gift")
    (folder / "persons.csv").write_text(persons, encoding="utf-8")
    (folder / "weeks.csv").write_text(WEEKS.replace("890", "8x").replace("211.0", "-5"), encoding="utf-8")
    with pytest.raises(DataError) as error:
        read(folder)
    assert str(error.value).splitlines() == [
        f"{folder}: persons.csv: unknown column 'gift' (allowed: {COLUMNS})",
        f"{folder}: persons.csv: column birth_date: 1 wrong cell: row 2 '1971-13-31'; {BIRTH}",
        f"{folder}: persons.csv: column sex: 2 wrong cells: row 1 'kvinde', row 3 'kvinde'; must be woman or man",
        f"{folder}: weeks.csv: 1 cell in 1 row not a whole number: row 1 '8x' in y_0545; {CODE}",
        f"{folder}: weeks.csv: 1 cell in 1 row with a negative code: row 3 '-5' in y_0546; {CODE}",
    ]


def test_three_examples_and_the_count_of_the_rest(folder, read):
    rows = "".join(f"p{i},1970-01-01,x,580,true\n" for i in range(1200))
    (folder / "persons.csv").write_text(PERSONS.splitlines()[0] + "\n" + rows, encoding="utf-8")
    (folder / "weeks.csv").unlink()
    with pytest.raises(DataError) as error:
        read(folder)
    examples = "row 1 'x', row 2 'x', row 3 'x' and 1,197 more"
    assert str(error.value).splitlines() == [
        f"{folder}: weeks: found no such file; must be one file, weeks.parquet or weeks.csv",
        f"{folder}: persons.csv: column sex: 1,200 wrong cells: {examples}; must be woman or man",
    ]


def test_wrong_types_in_parquet(folder, read):
    persons = {
        "person_id": [1, 2, 3],
        "birth_date": pd.to_datetime(["1960-02-29 08:00", "1971-12-31 00:00", "1980-01-01 00:00"]),
    }
    to_parquet(
        folder, persons=persons | {"sex": [1, 2, 1], "married": [1, 0, 1]}, weeks={"y_0544": [True, False, True]}
    )
    with pytest.raises(DataError) as error:
        read(folder)
    examples = "row 1 True in y_0544, row 2 False in y_0544, row 3 True in y_0544"
    assert str(error.value).replace(f"{folder}: ", "").splitlines() == [
        f"persons.parquet: column person_id: 3 wrong cells: row 1 1, row 2 2, row 3 3; {ONCE}",
        f"persons.parquet: column birth_date: 1 wrong cell: row 1 1960-02-29 08:00:00; {BIRTH}",
        "persons.parquet: column sex: 3 wrong cells: row 1 1, row 2 2, row 3 1; must be woman or man",
        "persons.parquet: column married: 3 wrong cells: row 1 1, row 2 0, row 3 1; must be true or false",
        f"weeks.parquet: 3 cells in 3 rows not a whole number: {examples}; {CODE}",
    ]


def test_no_such_folder(tmp_path, read):
    with pytest.raises(DataError) as error:
        read(tmp_path / "none")
    assert (
        str(error.value)
        == f"{tmp_path / 'none'}: there is no such folder; must be a register extract with persons and weeks"
    )


def test_neither_or_both_kinds_of_file(folder, read):
    (folder / "persons.csv").rename(folder / "persons.xlsx")
    (folder / "weeks.parquet").write_bytes(b"")
    with pytest.raises(DataError) as error:
        read(folder)
    assert str(error.value).splitlines() == [
        f"{folder}: persons: found no such file; must be one file, persons.parquet or persons.csv",
        f"{folder}: weeks: found weeks.parquet and weeks.csv; must be one file, weeks.parquet or weeks.csv",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "persons.csv: cannot be read (Empty CSV file); must be CSV in UTF-8, comma or semicolon separated"),
        (PERSONS.splitlines()[0].encode() + b"\n", "persons.csv: has no rows; must be one row a person"),
        (PERSONS.encode("latin-1"), "persons.csv: cannot be read ("),
    ],
)
def test_empty_or_foreign_csv(folder, read, content, message):
    (folder / "persons.csv").write_bytes(content)
    with pytest.raises(DataError) as error:
        read(folder)
    assert str(error.value).startswith(f"{folder}: {message}")


def test_truncated_parquet(folder, read):
    to_parquet(folder)
    whole = (folder / "weeks.parquet").read_bytes()
    (folder / "weeks.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"weeks\.parquet: cannot be read \(.*\); must be a complete Parquet file"):
        read(folder)


def test_parquet_without_rows(folder, read):
    to_parquet(folder)
    table = pa.parquet.read_table(folder / "weeks.parquet")
    pa.parquet.write_table(table.slice(0, 0), folder / "weeks.parquet")
    with pytest.raises(DataError, match=r"weeks\.parquet: has no rows; must be one row a person"):
        read(folder)


# --- writing -------------------------------------------------------------------------------------------------------


@pytest.fixture
def parts(folder, read):
    extract = read(folder)
    return {"persons": extract.persons, "codes": extract.codes, "first_week": extract.first_week}


def test_written_and_read_again(tmp_path, parts, read):
    made = write_extract(tmp_path / "a" / "b", **parts, truth={"hazard_ratio": 1.3, "navn": "Åse"})
    got = read(made)
    pd.testing.assert_frame_equal(got.persons, parts["persons"])
    np.testing.assert_array_equal(got.codes, parts["codes"])
    assert got.first_week == parts["first_week"]
    assert read_truth(made) == {"hazard_ratio": 1.3, "navn": "Åse"}
    assert sorted(path.name for path in made.iterdir()) == ["persons.parquet", "truth.json", "weeks.parquet"]
    assert [path.name for path in made.parent.iterdir()] == ["b"]


def test_truth_only_beside_simulated_data(tmp_path, parts):
    made = write_extract(tmp_path / "x", **parts)
    with pytest.raises(DataError, match=r"truth\.json: there is no such file; only simulated extracts have one"):
        read_truth(made)


def test_an_earlier_extract_is_replaced_whole(tmp_path, parts, read):
    made = write_extract(tmp_path / "x", **parts, truth={})
    one = {"persons": parts["persons"].iloc[:1], "codes": parts["codes"][:1], "first_week": parts["first_week"]}
    write_extract(made, **one)
    assert read(made).persons["person_id"].tolist() == ["a"]
    assert not (made / "truth.json").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["extract", "x"]


@pytest.mark.parametrize("step", ["write_table", "rename"])
def test_an_earlier_extract_survives_a_write_that_fails(tmp_path, parts, read, monkeypatch, step):
    made = write_extract(tmp_path / "x", **parts, truth={"n": 3})
    before = dict(read(made).hashes)
    one = {"persons": parts["persons"].iloc[:1], "codes": parts["codes"][:1], "first_week": parts["first_week"]}
    calls = []

    def fail_second(original):
        def call(*args, **options):
            calls.append(args)
            if len(calls) == 2:
                raise OSError("no space left on device")
            return original(*args, **options)

        return call

    with monkeypatch.context() as patch:
        target = pa.parquet if step == "write_table" else type(tmp_path)
        patch.setattr(target, step, fail_second(getattr(target, step)))
        with pytest.raises(OutputError, match=r"x: cannot be written \(no space left on device\)"):
            write_extract(made, **one)
    assert dict(read(made).hashes) == before
    assert read_truth(made) == {"n": 3}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["extract", "x"]


def test_a_folder_with_other_things_is_not_replaced(tmp_path, parts):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(OutputError, match=r"home: holds 'letter\.txt'; must be new, empty or an earlier extract"):
        write_extract(tmp_path / "home", **parts)
    assert (tmp_path / "home" / "letter.txt").read_text(encoding="utf-8") == "keep"
    with pytest.raises(OutputError, match=r"letter\.txt: is a file; must be a folder"):
        write_extract(tmp_path / "home" / "letter.txt", **parts)


def test_parts_that_do_not_fit(tmp_path, parts):
    with pytest.raises(InvalidInput, match=r"codes has shape \(2, 3\); must be \(3, n_weeks\)"):
        write_extract(tmp_path / "x", **(parts | {"codes": parts["codes"][:2]}))
    with pytest.raises(InvalidInput, match="column is 'salary'; must be one of person_id"):
        write_extract(tmp_path / "x", **(parts | {"persons": parts["persons"].assign(salary=1)}))
    assert not (tmp_path / "x").exists()
