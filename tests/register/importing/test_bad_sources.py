"""Sources that are not valid: each a line with file, column, row, what was found and what is allowed.

`refused` also holds that the earlier extract stays byte for byte as it is and that nothing else is left behind.
"""

from __future__ import annotations

import decimal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis_lib.errors import DataError
from analysis_lib.register.importing.run import import_extract

BIRTH = "must be a date that exists, written YYYY-MM-DD, from 1890-01-01 to the last week of the extract"
EVENT = "must be a date that exists, written YYYY-MM-DD, from 1991-01-01 to the last week of the extract"
CODE = "must be a whole number from 1 to 32767, or blank for self-support"
INDUSTRY = "must be a whole number from 0 to 999999, or blank for no employment"
RATE = "must be a number from 0 to 10, where 1 is full time, or blank for no employment"
COLUMNS = "person_id, birth_date, sex, municipality, education, origin, married, children"
SERIES = "person_id, y_YYWW, branche_YYYY_MM, grad_YYYY_MM"
ID = "must be text that is not blank, once in the file, at most 200 bytes long"
ONCE = "must be text that is not blank, once in the file"
SAME = "must be the same persons in both files"
LOST = f"persons.csv: column person_id: 1 person without a row in weeks.csv: row 2 'a'; {SAME}"
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
        (DAY, "1971-02-30", [f"column birth_date: 1 wrong cell: row 2 '1971-02-30'; {BIRTH}"]),
        (DAY, "19711231", [f"column birth_date: 1 wrong cell: row 2 '19711231'; {BIRTH}"]),
        (DAY, "1871-12-31", [f"column birth_date: 1 wrong cell: row 2 '1871-12-31'; {BIRTH}"]),
        # The last week is 2005-W46, whose Sunday is 20 November.
        (DAY, "2005-11-21", [f"column birth_date: 1 wrong cell: row 2 '2005-11-21'; {BIRTH}"]),
        (DAY, "", [f"column birth_date: 1 wrong cell: row 2 blank; {BIRTH}"]),
        ("woman", "kvinde", ["column sex: 2 wrong cells: row 1 'kvinde', row 3 'kvinde'; must be woman or man"]),
        ("580", "411", ["column municipality: 1 wrong cell: row 2 '411'; must be a municipality code of jobcentres.yml"]),
        ("580", "x", ["column municipality: 1 wrong cell: row 2 'x'; must be a municipality code of jobcentres.yml"]),
        ("false", "0", ["column married: 1 wrong cell: row 2 '0'; must be true or false"]),
        ("b,1960", " ,1960", [f"column person_id: 1 wrong cell: row 1 blank; {ID}"]),
        ("b,1960", f"{'æ' * 101},1960", [f"column person_id: 1 wrong cell: row 1 '{'æ' * 60}...'; {ID}"]),
        (
            "Åse,1980",
            "a,1980",
            [
                ("column municipality: 1 person in two municipalities: row 3 'a' in 492, row 2 in 580; "
                "must be one municipality a person")
            ],
        ),
        ("Åse,1980-01-01,woman,492", "a,1980-01-01,woman,580", [f"column person_id: 1 repeated value: row 3 'a'; {ONCE}"]),
    ],
)  # fmt: skip
def test_one_fault_of_the_persons(write, refused, old, new, lines):
    write("persons.csv", new, old)
    assert refused() == [f"persons.csv: {line}" for line in lines]


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (A, f"{A}a,111,,\n", [f"column person_id: 1 repeated value: row 3 'a'; {ONCE}"]),
        (A, f"{A} a,111,,\n", [f"column person_id: 1 repeated value: row 3 'a'; {ONCE}"]),
        (
            "person_id,",
            "person,",
            [
                "column person_id is missing; did you mean 'person'?; it is required",
                f"unknown column 'person'; did you mean 'person_id'? (allowed: {SERIES})",
            ],
        ),
        ("a,111", ",111", [f"column person_id: 1 wrong cell: row 2 blank; {ONCE}", LOST]),
        (
            "y_0545",
            "y_0544",
            ["column y_0544 stands 2 times; must stand once", f"1 week column missing: y_0545; {EVERY}"],
        ),
        ("y_0546", "y_0601", [f"7 week columns missing: y_0546, y_0547, y_0548 and 4 more; {EVERY}"]),
        ("y_0544,y_0545", "y_0545,y_0544", ["column y_0544 stands after y_0545; must be in the order of time"]),
        ("y_0546", "y_0553", ["column is 'y_0553'; must be a week that exists (2005 has weeks 01 to 52)"]),
        ("y_0546", "Y_0546", [f"unknown column 'Y_0546' (allowed: {SERIES})"]),
        ("890", "-890", [f"1 cell in 1 row negative: row 1 -890 in y_0545; {CODE}"]),
        ("890", "89.5", [f"1 cell in 1 row not a whole number: row 1 '89.5' in y_0545; {CODE}"]),
        ("890", "1e2", [f"1 cell in 1 row not a whole number: row 1 '1e2' in y_0545; {CODE}"]),
        ("890", "8 90", [f"1 cell in 1 row not a whole number: row 1 '8 90' in y_0545; {CODE}"]),
        # Three zeros after a point may be a thousand.
        ("890", "1.000", [f"1 cell in 1 row not a whole number: row 1 '1.000' in y_0545; {CODE}"]),
        ("890", "70000", [f"1 cell in 1 row too large: row 1 70000 in y_0545; {CODE}"]),
        ("890", "99999999999", [f"1 cell in 1 row too large: row 1 '99999999999' in y_0545; {CODE}"]),
        (",890,", ",890", ["1 row with a wrong number of cells: row 1 has 3; must be 4"]),
        (A, "a,111,111,,\nx,1\n", ["2 rows with a wrong number of cells: row 2 has 5, row 3 has 2; must be 4"]),
        ("Åse", '"Åse', ["row 1 has a quoted cell that does not end in its line; must be closed, and must hold no line break"]),
    ],
)  # fmt: skip
def test_one_fault_of_the_weeks(write, refused, old, new, lines):
    write("weeks.csv", new, old)
    assert refused() == [line if line == LOST else f"weeks.csv: {line}" for line in lines]


def test_a_person_in_one_file_only(write, refused):
    write("persons.csv", "c,1971", "a,1971")
    assert refused() == [
        "weeks.csv: column person_id: 1 person without a row in persons.csv: row 2 'a'; must be one of the persons",
        f"persons.csv: column person_id: 1 person without a row in weeks.csv: row 2 'c'; {SAME}",
    ]


def test_weeks_without_a_week_column(write, refused):
    write("weeks.csv", "person_id,branche_2008_01\na,1\nb,1\nÅse,1\n")
    assert refused() == ["weeks.csv: there is no week column; must be one column a week, y_YYWW"]


def test_all_faults_of_both_files_at_once(write, refused):
    write("persons.csv", "kvinde", "woman")
    write("persons.csv", "1971-13-31", DAY)
    write("persons.csv", "gift", "married")
    write("weeks.csv", "8x", "890")
    write("weeks.csv", "-5", "211.0")
    assert refused() == [
        f"persons.csv: unknown column 'gift' (allowed: {COLUMNS})",
        f"persons.csv: column birth_date: 1 wrong cell: row 2 '1971-13-31'; {BIRTH}",
        "persons.csv: column sex: 2 wrong cells: row 1 'kvinde', row 3 'kvinde'; must be woman or man",
        f"weeks.csv: 1 cell in 1 row not a whole number: row 1 '8x' in y_0545; {CODE}",
        f"weeks.csv: 1 cell in 1 row negative: row 3 -5 in y_0546; {CODE}",
    ]


def test_faults_of_many_columns_are_counted_by_kind(write, refused):
    write("weeks.csv", "-1,-2", "111,111")
    assert refused() == [f"weeks.csv: 2 cells in 1 row negative: row 2 -1 in y_0544, row 2 -2 in y_0545; {CODE}"]


def test_three_examples_and_the_count_of_the_rest(write, refused, monkeypatch):
    # Several chunks and units: counts add up over them, and rows are those of the file.
    monkeypatch.setattr("analysis_lib.register.sources.contract.CELLS", 400)
    monkeypatch.setattr("analysis_lib.register.importing.reading.UNIT_ROWS", 300)
    ids = [f"p{i}" for i in range(1200)]
    write("persons.csv", "person_id,birth_date,sex,municipality\n" + "".join(f"{i},1970-01-01,x,580\n" for i in ids))
    write("weeks.csv", "person_id,y_0544\n" + "".join(f"{i},{111 if n < 1100 else -n}\n" for n, i in enumerate(ids)))
    assert refused() == [
        "persons.csv: column sex: 1,200 wrong cells: row 1 'x', row 2 'x', row 3 'x' and 1,197 more; must be woman or man",
        ("weeks.csv: 100 cells in 100 rows negative: row 1,101 -1100 in y_0544, row 1,102 -1101 in y_0544, "
        f"row 1,103 -1102 in y_0544 and 97 more; {CODE}"),
    ]  # fmt: skip


# --- files ---------------------------------------------------------------------------------------------------------


def to_parquet(folder, **changed):
    """Replace the CSV files by Parquet ones, with columns changed."""
    for name in ("persons", "weeks"):
        table = pa.Table.from_pandas(pd.read_csv(folder / f"{name}.csv"), preserve_index=False)
        for column, cells in changed.get(name, {}).items():
            array = cells if isinstance(cells, pa.Array) else pa.array(cells)
            table = table.set_column(table.column_names.index(column), column, array)
        pq.write_table(table, folder / f"{name}.parquet")
        (folder / f"{name}.csv").unlink()


def test_wrong_types_in_parquet(source, refused):
    to_parquet(
        source,
        persons={
            "person_id": [1.5, 2.0, 2.0**53 + 2],
            "birth_date": pd.to_datetime(["1960-02-29 08:00", "1971-12-31 00:00", "1980-01-01 00:00"]),
            "sex": [1, 2, 1],
            "married": [1, 0, 1],
        },
        weeks={"y_0544": [True, False, True], "y_0545": ["x", "1", "1"]},
    )
    shown = "row 1 True in y_0544, row 2 False in y_0544, row 3 True in y_0544 and 1 more"
    assert refused() == [
        # Beyond 2^53 a float no longer tells whole numbers apart.
        f"persons.parquet: column person_id: 2 wrong cells: row 1 1.5, row 3 9007199254740994.0; {ID}",
        f"persons.parquet: column birth_date: 1 wrong cell: row 1 1960-02-29 08:00:00; {BIRTH}",
        "persons.parquet: column sex: 3 wrong cells: row 1 1, row 2 2, row 3 1; must be woman or man",
        "persons.parquet: column married: 3 wrong cells: row 1 1, row 2 0, row 3 1; must be true or false",
        f"weeks.parquet: 4 cells in 3 rows not a whole number: {shown}; {CODE}",
    ]


def test_truncated_parquet(source, refused):
    to_parquet(source)
    whole = (source / "weeks.parquet").read_bytes()
    (source / "weeks.parquet").write_bytes(whole[: len(whole) // 2])
    (line,) = refused()
    assert line.startswith("weeks.parquet: cannot be read (")
    assert line.endswith("); must be a complete Parquet file")


def test_parquet_with_a_damaged_page(source, refused):
    ids = [f"p{i}" for i in range(2000)]
    persons = pd.DataFrame({"person_id": ids, "birth_date": "1970-01-01", "sex": "man", "municipality": 461})
    weeks = pa.table({"person_id": ids, "y_0544": pa.array(range(1, 2001), pa.int32())})
    for name in ("persons.csv", "weeks.csv"):
        (source / name).unlink()
    persons.to_csv(source / "persons.csv", index=False)
    pq.write_table(weeks, source / "weeks.parquet", use_dictionary=False, compression="zstd")
    content = bytearray((source / "weeks.parquet").read_bytes())
    content[200:600] = bytes(400)
    (source / "weeks.parquet").write_bytes(content)
    (line,) = refused()
    assert line.startswith("weeks.parquet: rows 1 to 2,000 cannot be read (")


def test_wrong_delimiter(write, refused):
    write("weeks.csv", "person_id:y_0544:y_0545:y_0546\na:::\n")
    assert refused() == [
        (
            "weeks.csv: the header line has one column, 'person_id:y_0544:y_0545:y_0546'; "
            "must be separated by ; , tab or |, or declared"
        )
    ]


def test_mixed_encodings(source, write, refused):
    text = (source / "persons.csv").read_bytes()
    write("persons.csv", text + "Søren,1980-01-01,man,461,true\n".encode("windows-1252"))
    assert refused() == [
        ("persons.csv: mixed encodings: row 3 is UTF-8 and row 4 is Windows-1252; "
        "must be one encoding in the whole file")
    ]  # fmt: skip


def test_two_files_that_cannot_be_read_are_told_at_once(write, refused):
    write("persons.csv", b"person_id,birth_date,sex,municipality\n\xc5,1980-01-01,man\x81,461\n")
    write("weeks.csv", b"person_id,y_0544\na\0,111\n")
    assert refused() == [
        "persons.csv: row 1 has the byte 0x81, which is no letter in Windows-1252; must be UTF-8 or Windows-1252",
        "weeks.csv: row 1 has a NUL byte; must be text in UTF-8 or Windows-1252",
    ]


@pytest.mark.parametrize("name", ["persons", "weeks"])
def test_empty_files(source, write, refused, name):
    header = (source / f"{name}.csv").read_text(encoding="utf-8").splitlines()[0]
    write(f"{name}.csv", "")
    assert refused() == [f"{name}.csv: is empty; must begin with a header"]
    write(f"{name}.csv", header + "\n")
    assert refused() == [f"{name}.csv: has no rows; must be one row a person"]


def test_no_parquet_rows(source, refused):
    to_parquet(source)
    table = pq.read_table(source / "weeks.parquet")
    pq.write_table(table.slice(0, 0), source / "weeks.parquet")
    assert refused() == ["weeks.parquet: has no rows; must be one row a person"]


def test_two_files_for_one_table(source, write, refused):
    write("weeks.parquet", b"")
    assert refused() == ["weeks: found weeks.csv and weeks.parquet; must be one file or one folder"]


def test_files_that_are_missing_or_misspelt(source, refused):
    (source / "persons.csv").rename(source / "person.csv")
    assert refused() == [
        ("person.csv: belongs to no table; did you mean 'persons'? "
        "(allowed: persons, weeks, employment, contacts, matches, vignettes)")
    ]  # fmt: skip
    (source / "person.csv").unlink()
    (source / "weeks.csv").unlink()
    what = "found no such file; must be one file or folder"
    assert refused() == [
        f"persons: {what}, persons.parquet, persons.csv or persons.sas7bdat",
        f"weeks: {what}, weeks.parquet, weeks.csv or weeks.sas7bdat",
    ]


def test_a_table_in_files_with_different_columns(source, write, refused):
    (source / "weeks.csv").unlink()
    write("weeks/1.csv", "person_id,y_0544\nÅse,1\n")
    write("weeks/2.csv", "person_id,y_0545\na,1\nb,1\n")
    assert refused() == ["weeks/2.csv: column 2 is 'y_0545'; must be 'y_0544', as in weeks/1.csv"]


def test_a_person_in_two_files_of_a_table(source, write, refused):
    (source / "weeks.csv").unlink()
    write("weeks/1.csv", "person_id,y_0544\nÅse,1\na,1\n")
    write("weeks/2.csv", "person_id,y_0544\na,1\n")
    assert refused() == [
        f"weeks/2.csv: column person_id: 1 repeated value: row 1 'a'; {ONCE}",
        f"persons.csv: column person_id: 1 person without a row in weeks/: row 1 'b'; {SAME}",
    ]


def test_a_single_file_is_named_once(tmp_path, source):
    wide = source / "wide.csv"
    wide.write_text(
        "person_id,birth_date,sex,municipality,y_0544,colour\na,1980-01-01,x,461,111,red\n", encoding="utf-8"
    )
    with pytest.raises(DataError) as error:
        import_extract(wide, tmp_path / "to")
    assert str(error.value).splitlines() == [
        f"{source}: wide.csv: unknown column 'colour' (allowed: {COLUMNS})",
        f"{source}: wide.csv: column sex: 1 wrong cell: row 1 'x'; must be woman or man",
    ]


def test_no_such_source(tmp_path):
    with pytest.raises(DataError) as error:
        import_extract(tmp_path / "none", tmp_path / "to")
    assert str(error.value) == f"{tmp_path / 'none'}: there is no such file or folder; must be the register to import"


def test_folders_that_contradict_the_persons(source, write, refused):
    (source / "weeks.csv").unlink()
    write("weeks/municipality=580/1.csv", "person_id,y_0544\nÅse,1\na,1\n")
    write("weeks/municipality=370/1.csv", "person_id,y_0544\nb,1\n")
    assert refused() == [
        (
            "weeks/municipality=580/1.csv: folder municipality=580: 1 person of another municipality: row 1 'Åse'; "
            "must be the persons of that municipality"
        )
    ]


def test_ids_that_a_folder_gives(source, write, refused):
    (source / "weeks.csv").unlink()
    write("weeks/person_id=a/1.csv", "y_0544,y_0545\n1,2\n")
    assert refused() == ["weeks/person_id=a/1.csv: column person_id is missing; it is required"]


# --- months, contacts, match decisions, vignettes -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "lines"),
    [
        ("grad_2008_02,grad_2008_02", ["column grad_2008_02 stands 2 times; must stand once"]),
        ("grad_2008_02,grad_2008_01", ["column grad_2008_01 stands after grad_2008_02; must be in the order of time"]),
        ("grad_2008_01,grad_2008_03", ["1 month column missing: grad_2008_02; must be every month from first to last"]),
        ("grad_2008_01,grad_2008_13", ["column is 'grad_2008_13'; must be a month from 2008_01"]),
        ("grad_2007_12,grad_2008_01", ["column is 'grad_2007_12'; must be a month from 2008_01"]),
        (
            "grad_2008_01,Grad_2008_02",
            ["unknown column 'Grad_2008_02' (allowed: person_id, branche_YYYY_MM, grad_YYYY_MM)"],
        ),
        ("grad_2008_01,y_0544", ["unknown column 'y_0544' (allowed: person_id, branche_YYYY_MM, grad_YYYY_MM)"]),
    ],
)
def test_month_columns(write, refused, header, lines):
    write("employment.csv", f"person_id,{header}\na,1,1\n")
    assert refused() == [f"employment.csv: {line}" for line in lines]


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        ("110,5", f"1 cell in 1 row too large: row 1 110 in grad_2008_01; {RATE}"),
        ("-0.5,5", f"1 cell in 1 row negative: row 1 -0.5 in grad_2008_01; {RATE}"),
        ("1_0,5", f"1 cell in 1 row not a number: row 1 '1_0' in grad_2008_01; {RATE}"),
        ("nan,5", f"1 cell in 1 row not a number: row 1 'nan' in grad_2008_01; {RATE}"),
        ("1,-1", f"1 cell in 1 row negative: row 1 -1 in branche_2008_01; {INDUSTRY}"),
        ("1,1000000", f"1 cell in 1 row too large: row 1 1000000 in branche_2008_01; {INDUSTRY}"),
        ("1,620.000", f"1 cell in 1 row not a whole number: row 1 '620.000' in branche_2008_01; {INDUSTRY}"),
    ],
)
def test_cells_of_months(write, refused, cells, line):
    write("employment.csv", f"person_id,grad_2008_01,branche_2008_01\na,{cells}\nb,1,\n")
    assert refused() == [f"employment.csv: {line}"]


def test_a_wrong_rate_beside_decimal_commas(write, refused):
    # The cells that read must not be blamed.
    write("employment.csv", "person_id;grad_2008_01\na;0,5\nb;x\nÅse;1,25\n")
    assert refused() == [f"employment.csv: 1 cell in 1 row not a number: row 2 'x' in grad_2008_01; {RATE}"]


def test_months_in_two_places(write, refused):
    write("employment.csv", "person_id,grad_2008_01\na,1\n")
    write("weeks.csv", "y_0546,grad_2008_01", "y_0546")
    write("weeks.csv", ",890,,", ",890,")
    write("weeks.csv", "a,111,111,,", "a,111,111,")
    write("weeks.csv", "211.0,", "211.0")
    assert refused() == ["employment.csv: months also stand in the weeks file; must stand in one of them"]


def test_employment_of_nobody_and_twice(write, refused):
    write("employment.csv", "person_id,grad_2008_01\na,1\nz,1\na,1\n")
    assert refused() == [
        "employment.csv: column person_id: 1 person without a row in persons.csv: row 2 'z'; must be one of the persons",
        f"employment.csv: column person_id: 1 repeated value: row 3 'a'; {ONCE}",
    ]


def test_contacts(write, refused):
    rows = [
        "a,meeting,,2005-11-01,2005-11-01",
        "a,meeting,,,",
        "b,offer,x,2006-01-01,",  # planned after the last week: allowed
        "b,visit,x,2005-02-30,2005-11-21",
        "z,offer,x,,1990-12-31",
        ",offer,x,,2005-11-01",
    ]
    write("contacts.csv", "person_id,kind,type,planned,held\n" + "\n".join(rows))
    assert refused() == [
        "contacts.csv: column person_id: 1 wrong cell: row 6 blank; must be text that is not blank",
        "contacts.csv: column person_id: 1 person without a row in persons.csv: row 5 'z'; must be one of the persons",
        "contacts.csv: column kind: 1 wrong cell: row 4 'visit'; must be meeting or offer",
        (
            "contacts.csv: column planned: 1 wrong cell: row 4 '2005-02-30'; "
            "must be a date that exists, written YYYY-MM-DD, or blank for not planned"
        ),
        (
            f"contacts.csv: column held: 2 wrong cells: row 4 '2005-11-21', row 5 '1990-12-31'; {EVENT}, "
            "or blank for not held"
        ),
        "contacts.csv: 1 contact neither planned nor held: row 2; must be planned for a day, held on one, or both",
    ]


def test_contacts_without_their_columns(write, refused):
    write("contacts.csv", "person_id,type,planned,planned\na,x,,\n")
    assert refused() == [
        "contacts.csv: column kind is missing; it is required",
        "contacts.csv: column held is missing; it is required",
        "contacts.csv: column planned stands 2 times; must stand once",
    ]


def test_match_decisions(write, refused):
    rows = ["a,2005-11-20,jc_odense,x,y", "a,2005-11-21,jc_odens,x,y", "b,,461,,"]
    write("matches.csv", "person_id,date,jobcentre,target_group,group\n" + "\n".join(rows))
    assert refused() == [
        f"matches.csv: column date: 2 wrong cells: row 2 '2005-11-21', row 3 blank; {EVENT}",
        ("matches.csv: column jobcentre: 2 wrong cells: row 2 'jc_odens', row 3 '461'; "
        "must be an id of jobcentres.yml, such as jc_odense"),
        "matches.csv: column target_group: 1 wrong cell: row 3 blank; must be text that is not blank",
        "matches.csv: column group: 1 wrong cell: row 3 blank; must be text that is not blank",
    ]  # fmt: skip


def test_vignettes(write, refused):
    write("vignettes.csv", "vignette,rater,jobcentre,group\nv1,r1,jc_nowhere,a\nv1,,jc_odense,\n")
    assert refused() == [
        "vignettes.csv: column rater: 1 wrong cell: row 2 blank; must be text that is not blank",
        "vignettes.csv: column jobcentre: 1 wrong cell: row 1 'jc_nowhere'; must be an id of jobcentres.yml, such as jc_odense",
    ]


# --- what is accepted ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([2, 1, 3], pa.int64()),
        pa.array([2.0, 1.0, 3.0]),
        pa.array([decimal.Decimal(2), decimal.Decimal(1), decimal.Decimal(3)]),
        pa.array(["2", " 1", "3 "]).dictionary_encode(),
        pa.array(["2", " 1", "3 "], pa.string_view()),
        pa.array(["2", " 1", "3 "], pa.large_string()),
    ],
    ids=["int", "float", "decimal", "category", "view", "large"],
)
def test_ids_of_other_types_are_their_digits(source, imported, ids):
    to_parquet(source, persons={"person_id": ids}, weeks={"person_id": ["3", "1", "2"]})
    extract = imported()
    assert extract.persons["person_id"].tolist() == ["2", "3", "1"]
    assert extract.spells.code.tolist() == [111, 211, 890, 111]


def test_ids_with_quotes_and_separators(write, imported):
    name = 'O\'Neil "x", y'
    quoted = '"O\'Neil ""x"", y"'
    write("persons.csv", f"{quoted},1971", "a,1971")
    write("weeks.csv", f"{quoted},111", "a,111")
    assert imported().persons["person_id"].tolist() == ["b", "Åse", name]


def test_the_longest_ids(write, imported):
    twins = "æ" * 99 + "x1", "æ" * 99 + "x2"
    write("persons.csv", f"{twins[0]},1971", "a,1971")
    write("persons.csv", f"{twins[1]},1960", "b,1960")
    write("weeks.csv", f"{twins[0]},111", "a,111")
    write("weeks.csv", f"{twins[1]},,", "b,,")
    extract = imported()
    assert extract.persons["person_id"].tolist() == [twins[1], "Åse", twins[0]]
    assert extract.spells.code.tolist() == [111, 211, 890, 111]
