"""CSV files: forms detected, cells typed, and every broken file refused with its row."""

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.register.sources import CsvForm, csv_lines, open_source


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end", "blank lines"])
def test_delimiters_and_line_ends(csv_file, read, delimiter, line_end, last):
    lines = [delimiter.join(row) for row in (("person_id", "y_0544"), ("p1", "111"), ("p2", ""))]
    tail = {"": "", "end": line_end, "blank lines": 3 * line_end}[last]
    source = csv_file(line_end.join(lines) + tail)
    assert source.columns == ("person_id", "y_0544")
    assert source.n_rows is None
    assert source.describe()["delimiter"] == ("tab" if delimiter == "\t" else delimiter)
    assert read(source, integers=["y_0544"]) == {"person_id": ["p1", "p2"], "y_0544": [111, None]}


def test_byte_order_mark_quotes_and_blanks(csv_file, read):
    source = csv_file(b'\xef\xbb\xbf "person_id" ;"a;b"; c \n" p1";"x ""y""; z"; t \n"";;""\n')
    assert source.columns == ('"person_id"', "a;b", "c")
    quoted = csv_file(b'\xef\xbb\xbf"person_id";"a;b"; c \n" p1";"x ""y""; z"; t \n"";;""\n')
    assert quoted.columns == ("person_id", "a;b", "c")
    assert read(quoted) == {"person_id": [" p1", ""], "a;b": ['x "y"; z', ""], "c": [" t ", ""]}


def test_delimiter_of_most_columns(csv_file, read):
    source = csv_file("id;name, first;c\n1;a,b;2\n")
    assert source.columns == ("id", "name, first", "c")
    assert read(source)["name, first"] == ["a,b"]


def test_whole_numbers(csv_file):
    content = "a;b;c;d;e\n 111;111.0;111,00;-5;1\n;  ;\t;007;x\n2147483647;0;0;-2147483648;2\n"
    (chunk,) = csv_file(content).chunks(integers=list("abcde"))
    assert [str(kind) for kind in chunk.table.schema.types] == ["int32"] * 4 + ["string"]
    assert chunk.table.to_pydict() == {
        "a": [111, None, 2147483647], "b": [111, None, 0], "c": [111, None, 0], "d": [-5, 7, -2147483648],
        "e": ["1", "x", "2"],
    }  # fmt: skip


@pytest.mark.parametrize(
    "cell", [".", "+5", "1.5", "1e2", "0x1F", "2147483648", "1 000", "1.000", "1,000", "--1", "nan", "1.0.0", "¹"]
)
def test_what_is_no_whole_number_stays_text(csv_file, read, cell):
    source = csv_file(f"a;b\n1;2\n{cell};3\n")
    assert read(source, integers=["a", "b"]) == {"a": ["1", cell], "b": [2, 3]}


def test_three_zeros_count_with_a_declared_decimal_sign(csv_file, read):
    assert read(csv_file("a;b\n1.000;2\n", decimal="."), integers=["a"])["a"] == [1]
    assert read(csv_file("a;b\n1,000;2\n", decimal="."), integers=["a"])["a"] == ["1,000"]


def test_types_are_decided_chunk_by_chunk(csv_file):
    source = csv_file("a;b\n1;\n2;\nx;\n4;\n5;\n")
    chunks = list(source.chunks(integers=["a"], columns=["a"], rows=2))
    assert [chunk.first_row for chunk in chunks] == [1, 3, 5]
    assert [chunk.table["a"].to_pylist() for chunk in chunks] == [[1, 2], ["x", "4"], [5]]
    assert chunks[-1].position == source.size


@given(st.lists(st.text("0123456789-+.,xXeE \t", max_size=6), min_size=1, max_size=8))
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_fast_and_slow_reading_agree(tmp_path, cells):
    """A wrong cell sends the whole chunk the slow way; the other columns must read the same."""
    files = []
    for wrong in ("1", "wrong"):
        path = tmp_path / f"{wrong}.csv"
        path.write_bytes("".join(f"{line}\n" for line in ["a|b", f"|{wrong}", *(f"{c}|1" for c in cells)]).encode())
        files.append(open_source(path, form=CsvForm(delimiter="|", decimal=".")))
    for typed in ("integers", "numbers"):
        fast, slow = (_outcome(source, typed) for source in files)
        assert fast == slow


def _outcome(source, typed):
    try:
        (chunk,) = source.chunks(**{typed: ["a", "b"]})
    except DataError as error:
        return str(error).partition(":")[2]
    return str(chunk.table["a"].type), chunk.table["a"].to_pylist()


@pytest.mark.parametrize(
    ("content", "sign", "expected"),
    [
        ("a;b\n1,5;\n -2 ;\n;\n1e3;\n", ",", [1.5, -2.0, None, 1000.0]),
        ("a;b\n1.5;\n+2;\n.5;\n", ".", [1.5, 2.0, 0.5]),
        ("a;b\n1,5;x.y\n2;x\n", ",", [1.5, 2.0]),
        ("a;b\n1.5;x,y\n2;x\n", ".", [1.5, 2.0]),
        ("a,b\n1.5,\n2,\n", ".", [1.5, 2.0]),
    ],
)
def test_decimal_sign_is_detected(csv_file, read, content, sign, expected):
    source = csv_file(content)
    assert read(source, numbers=["a"])["a"] == expected
    assert source.describe()["decimal"] == sign


def test_decimal_sign_is_blank_while_not_known(csv_file):
    assert csv_file("a;b\n1.5;x,y\n").describe()["decimal"] == ""


@pytest.mark.parametrize("cell", ["nan", "inf", "1e999", "x", "1 5", "0x1F", "."])
def test_what_is_no_number_stays_text(csv_file, read, cell):
    assert read(csv_file(f"a;b\n{cell};1\n", decimal="."), numbers=["a", "b"]) == {"a": [cell], "b": [1.0]}


def test_quoted_decimal_commas_in_a_declared_comma_file(csv_file, read):
    source = csv_file('a,b\n"1,5",2\n', delimiter=",", decimal=",")
    assert read(source, numbers=["a", "b"]) == {"a": [1.5], "b": [2.0]}
    assert source.describe() == {"format": "csv", "delimiter": ",", "decimal": ",", "encoding": "utf-8"}


def test_columns_come_in_the_order_asked(csv_file):
    (chunk,) = csv_file("a;b;c\n1;2;3\n").chunks(columns=["c", "a"], integers=["a", "b"])
    assert chunk.table.column_names == ["c", "a"]
    assert chunk.table.schema.types == [pa.string(), pa.int32()]


def test_columns_that_stand_twice_are_kept(csv_file, read):
    source = csv_file("a;b;a\n1;2;3\n")
    assert source.columns == ("a", "b", "a")
    (chunk,) = source.chunks(integers=["b"])
    assert chunk.table.column_names == ["a", "b", "a"]
    assert read(source, columns=["b"]) == {"b": ["2"]}


def test_header_only(csv_file):
    assert list(csv_file("a;b\n").chunks()) == []
    assert list(csv_file("a;b\n\n\n").chunks()) == []


def test_one_declared_column_may_be_blank(csv_file, read):
    assert read(csv_file("a\n1\n\n3\n", delimiter=";"), integers=["a"]) == {"a": [1, None, 3]}


def test_fingerprint(csv_file):
    # printf 'a;b\n1;2\n' | sha256sum
    expected = "403bea5152c251c5bc7ef420d824d191605723f99392e83a0549ad58c6d46291"
    assert csv_file("a;b\n1;2\n").fingerprint() == expected


def test_skipping_gives_the_same_chunks(csv_file):
    source = csv_file("a;b\n" + "".join(f"{row};x{row}\n" for row in range(1, 108)))
    chunks = list(source.chunks(integers=["a"], rows=10))
    assert [chunk.first_row for chunk in chunks] == list(range(1, 108, 10))
    for skip in (0, 1, 7, 10, 11, 12):
        again = list(source.chunks(integers=["a"], rows=10, skip=skip))
        assert [(c.first_row, c.position) for c in again] == [(c.first_row, c.position) for c in chunks[skip:]]
        assert all(a.table.equals(b.table) for a, b in zip(again, chunks[skip:], strict=True))


def test_blocks_do_not_change_what_is_read(csv_file, read, monkeypatch):
    source = csv_file("a;b\r\n" + "".join(f"{row};{'x' * (row % 30)}\r\n" for row in range(1, 301)))
    expected = read(source, integers=["a"])
    assert expected["a"] == list(range(1, 301))
    for block in (40, 41, 64, 1000):
        monkeypatch.setattr(csv_lines, "BLOCK", block)
        assert read(source, integers=["a"]) == expected
        firsts = [(chunk.first_row, chunk.table.num_rows) for chunk in source.chunks(rows=4)]
        assert max(n for _, n in firsts) <= 4
        assert [first for first, _ in firsts] == [1 + sum(n for _, n in firsts[:k]) for k in range(len(firsts))]


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\ufeff"), max_size=5)


@given(st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_the_standard_library_writes_is_read_back(tmp_path, rows, line_end):
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator=line_end, quoting=csv.QUOTE_MINIMAL)
    writer.writerows([("a", "b", "c"), *rows])
    path = tmp_path / "t.csv"
    path.write_bytes(buffer.getvalue().encode())
    table = pa.concat_tables(chunk.table for chunk in open_source(path).chunks(rows=7))
    assert list(zip(*table.to_pydict().values(), strict=True)) == rows


def test_a_quote_within_a_cell_is_itself(csv_file, read):
    assert read(csv_file('a;b\n5" pipe;1\n6";2"\n')) == {"a": ['5" pipe', '6"'], "b": ["1", '2"']}


@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        ("", {}, "weeks.csv: is empty; must begin with a header"),
        ("\na;b\n", {}, "weeks.csv: the header line is blank; must begin with a header"),
        (
            "person_id:y_0544\np1:111\n", {},
            ("weeks.csv: the header line has one column, 'person_id:y_0544'; must be separated by ; , tab or |, or "
            "declared"),
        ),
        ("a;b,c\n", {}, "weeks.csv: the header line has 2 columns with ; and ,; the delimiter must be declared"),
        (
            "a,b,c\n", {"delimiter": ";"},
            "weeks.csv: the header line has one column, 'a,b,c', with ; as declared; has 3 with ,",
        ),
        ('a;"b\n1;2\n', {}, "weeks.csv: the header line has a quoted name that does not end; must be closed"),
        (
            "a,b\n", {"decimal": ","},
            ("weeks.csv: the header line is separated by commas, and the decimal sign is declared to be a comma; must "
            "be separated by ; tab or |, or the delimiter be declared too (cells with a comma in quotes)"),
        ),
        (b"\xff\xfea\0;\0b\0\n\0", {}, "weeks.csv: is written in UTF-16; must be UTF-8 or Windows-1252"),
    ],
)  # fmt: skip
def test_wrong_headers(csv_file, content, form, message):
    with pytest.raises(DataError) as caught:
        csv_file(content, **form)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        (
            "a;b\n1;2\n1\n1;2\n1;2;3\n\n1\n1;2\n", {},
            ("weeks.csv: 4 rows with a wrong number of cells: row 2 has 1, row 4 has 3, row 5 is blank and 1 more; "
            "must be 2"),
        ),
        ("a;b\n1;2\n1;2;\n", {}, "weeks.csv: 1 row with a wrong number of cells: row 2 has 3; must be 2"),
        ("a;b\n1;2\n\n1;2\n", {}, "weeks.csv: 1 row with a wrong number of cells: row 2 is blank; must be 2"),
        ("a;b\r\n1;2\r\n\r\n1;2\r\n", {}, "weeks.csv: 1 row with a wrong number of cells: row 2 is blank; must be 2"),
        (
            'a;b\n1;2\n1;"x\ny"\n1;2\n', {},
            ("weeks.csv: row 2 has a quoted cell that does not end in its line; must be closed, and must hold no line "
            "break"),
        ),
        (
            'a;b\n1;2\n1;"x\n', {},
            ("weeks.csv: row 2 has a quoted cell that does not end in its line; must be closed, and must hold no line "
            "break"),
        ),
        (
            "income;b\n1;x\n1,5;x\n2.5;x\n3.5;x\n", {},
            ("weeks.csv: both ',' and '.' stand as decimal signs: column income row 2 '1,5', column income row 3 "
            "'2.5'; must be one in the whole file"),
        ),
        (
            "income;b\n1;x\n2.5;x\n", {"decimal": ","},
            "weeks.csv: column income: row 2 '2.5' has another decimal sign than ','; must be ',' as declared",
        ),
        (
            'income,b\n1,x\n"2,5",x\n', {},
            ("weeks.csv: column income: row 2 '2,5' has another decimal sign than '.'; must be '.' in a file separated "
            "by ,"),
        ),
    ],
)  # fmt: skip
def test_wrong_rows(csv_file, content, form, message):
    source = csv_file(content, **form)
    with pytest.raises(DataError) as caught:
        list(source.chunks(numbers=["income"] if "income" in source.columns else []))
    assert str(caught.value) == message


def test_rows_are_counted_over_chunks(csv_file):
    source = csv_file("a;b\n" + "1;2\n" * 100 + "1\n" + "1;2\n" * 100 + "1;2;3\n")
    message = "weeks.csv: 2 rows with a wrong number of cells: row 101 has 1, row 202 has 3; must be 2"
    reading = source.chunks(rows=10)
    assert [next(reading).first_row for _ in range(10)] == list(range(1, 101, 10))
    with pytest.raises(DataError) as caught:
        next(reading)
    assert str(caught.value) == message


def test_decimal_signs_are_told_apart_over_chunks_and_columns(csv_file):
    source = csv_file("a;b\n" + "1;2,5\n" * 50 + "1.5;2\n", name="income.csv")
    with pytest.raises(DataError) as caught:
        list(source.chunks(numbers=["a", "b"], rows=10, skip=3))
    assert str(caught.value) == (
        "income.csv: both ',' and '.' stand as decimal signs: column b row 1 '2,5', column a row 51 '1.5'; "
        "must be one in the whole file"
    )


def test_decimal_signs_of_columns_read_one_after_the_other(csv_file, read):
    source = csv_file("a;b;c\n1;2,5;3.5\n")
    assert read(source, numbers=["a"])["a"] == [1.0]
    assert source.describe()["decimal"] == ""
    assert read(source, numbers=["a", "b"])["b"] == [2.5]
    assert source.describe()["decimal"] == ","
    with pytest.raises(DataError) as caught:
        list(source.chunks(numbers=["c"]))
    message = "weeks.csv: column c: row 1 '3.5' has another decimal sign than ','; must be ',' as further up"
    assert str(caught.value) == message


def test_a_line_longer_than_a_block(csv_file, monkeypatch):
    monkeypatch.setattr(csv_lines, "BLOCK", 50)
    source = csv_file("a;b\n1;2\n" + "x" * 60 + ";1\n")
    with pytest.raises(DataError) as caught:
        list(source.chunks())
    assert str(caught.value) == "weeks.csv: row 2 is longer than 50 bytes; must be one row a line"


def test_a_file_that_changes(csv_file):
    source = csv_file("a;b\n1;2\n")
    source.path.write_text("a;b\n1;2\n3;4\n")
    with pytest.raises(DataError) as caught:
        list(source.chunks())
    assert str(caught.value) == "weeks.csv: changed while it was read; must stay as it is until the import is done"


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"columns": ["persn"]}, "weeks.csv: there is no column 'persn'; did you mean 'person'?"),
        ({"integers": ["zz"]}, "weeks.csv: there is no column 'zz'"),
        ({"columns": []}, "columns is []; must name at least one column, each once"),
        ({"columns": ["ab", "ab"]}, "columns is ['ab', 'ab']; must name at least one column, each once"),
        ({"integers": ["ab"], "numbers": ["ab"]}, "column 'ab' is asked for as integer and as number; must be one of them"),
        ({"rows": 0}, "rows is 0; must be at least 1"),
        ({"skip": -1}, "skip is -1; must be at least 0"),
    ],
)  # fmt: skip
def test_wrong_arguments(csv_file, wanted, message):
    with pytest.raises(InvalidInput) as caught:
        csv_file("person;ab;b;c;c\n").chunks(**wanted)
    assert str(caught.value) == message


def test_a_column_asked_for_that_stands_twice(csv_file):
    with pytest.raises(DataError) as caught:
        csv_file("ab;b;c;c\n").chunks(columns=["c"])
    assert str(caught.value) == "weeks.csv: column c stands 2 times; must stand once"


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"delimiter": ":"}, "delimiter is ':'; must be ';' or ',' or '\\t' or '|'"),
        ({"decimal": ";"}, "decimal is ';'; must be ',' or '.'"),
        ({"encoding": "latin-1"}, "encoding is 'latin-1'; must be 'utf-8' or 'windows-1252'"),
    ],
)
def test_wrong_forms(form, message):
    with pytest.raises(InvalidInput) as caught:
        CsvForm(**form)
    assert str(caught.value) == message
