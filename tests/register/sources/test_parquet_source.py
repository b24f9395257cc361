"""Parquet files: row groups cut into chunks, types as stored, broken files refused."""

import datetime as dt
import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis_lib.errors import DataError
from analysis_lib.register.sources import contract, open_source

ROWS = 107


@pytest.fixture
def written(tmp_path):
    def write(table, name="weeks.parquet", **options):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, **options)
        return open_source(path, name=name)

    return write


def people(rows=ROWS):
    ids = [f"p{row}" for row in range(1, rows + 1)]
    return pa.table({
        " person_id ": ids,
        "y_0544": pa.array([None if row % 5 == 0 else float(row) for row in range(rows)]),
        "sex": pa.array(["woman" if row % 2 else "man" for row in range(rows)]).dictionary_encode(),
        "birth_date": pa.array([dt.date(1960, 1, 1)] * rows),
        "income": pa.array(range(rows), pa.int64()),
    })  # fmt: skip


@pytest.mark.parametrize("group", [1000, 40, 7, 1])
def test_chunks_end_with_their_row_group(written, group):
    source = written(people(), row_group_size=group)
    assert source.columns == ("person_id", "y_0544", "sex", "birth_date", "income")
    assert source.n_rows == ROWS
    chunks = list(source.chunks(integers=["y_0544"], numbers=["income"], rows=25))
    table = pa.concat_tables(chunk.table for chunk in chunks)
    assert table["person_id"].to_pylist() == people()[" person_id "].to_pylist()
    assert table["y_0544"].to_pylist() == [None if row % 5 == 0 else row for row in range(ROWS)]
    kinds = [str(kind) for kind in table.schema.types]
    assert kinds == ["string", "int32", "dictionary<values=string, indices=int32, ordered=0>", "date32[day]", "double"]
    assert max(chunk.table.num_rows for chunk in chunks) <= min(25, group)
    assert [chunk.first_row for chunk in chunks] == [
        1 + sum(c.table.num_rows for c in chunks[:k]) for k in range(len(chunks))
    ]
    assert chunks[-1].position == source.size


@pytest.mark.parametrize("group", [1000, 40, 7])
def test_skipping_gives_the_same_chunks(written, group):
    source = written(people(), row_group_size=group)
    chunks = list(source.chunks(rows=15))
    for skip in range(len(chunks) + 2):
        again = list(source.chunks(rows=15, skip=skip))
        assert [(c.first_row, c.position) for c in again] == [(c.first_row, c.position) for c in chunks[skip:]]
        assert all(a.table.equals(b.table) for a, b in zip(again, chunks[skip:], strict=True))


def test_columns_come_in_the_order_asked(written):
    (chunk,) = written(people(3)).chunks(columns=["income", "person_id"])
    assert chunk.table.to_pydict() == {"income": [0, 1, 2], "person_id": ["p1", "p2", "p3"]}


def test_wide_files_come_in_fewer_rows(written, monkeypatch):
    monkeypatch.setattr(contract, "CELLS", 50)
    assert [chunk.table.num_rows for chunk in written(people(25)).chunks()] == [10, 10, 5]
    assert [chunk.table.num_rows for chunk in written(people(25)).chunks(columns=["income"])] == [25]


def test_columns_that_stand_twice_are_kept(written):
    table = pa.table([pa.array([1, 2]), pa.array(["a", "b"]), pa.array([3, 4])], names=["x", "y", "x"])
    source = written(table)
    assert source.columns == ("x", "y", "x")
    (chunk,) = source.chunks()
    assert [column.to_pylist() for column in chunk.table.columns] == [[1, 2], ["a", "b"], [3, 4]]
    (chunk,) = source.chunks(columns=["y"])
    assert chunk.table.to_pydict() == {"y": ["a", "b"]}
    with pytest.raises(DataError) as caught:
        source.chunks(columns=["x"])
    assert str(caught.value) == "weeks.parquet: column x stands 2 times; must stand once"


def test_no_rows(written):
    source = written(people(0))
    assert source.n_rows == 0
    assert list(source.chunks()) == []


def test_folders_give_columns(written):
    source = written(people(2), name="weeks/year=2005/municipality=461/name=%C3%86r%C3%B8/part-0.parquet")
    assert dict(source.fixed) == {"year": "2005", "municipality": "461", "name": "Ærø"}
    blank = written(people(2), name="municipality=__HIVE_DEFAULT_PARTITION__/part-0.parquet")
    assert dict(blank.fixed) == {"municipality": ""}


def test_describe_and_fingerprint(written):
    source = written(people(2))
    assert source.describe() == {"format": "parquet"}
    assert source.fingerprint() == hashlib.sha256(source.path.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ["folder twice", "folder and file"])
def test_a_column_given_twice_by_folders(written, kind):
    name = {"folder twice": "year=1/year=2/w.parquet", "folder and file": "sex=man/w.parquet"}[kind]
    message = {
        "folder twice": f"{name}: column year stands in the folder 'year=1' and in another folder; must be in one",
        "folder and file": f"{name}: column sex stands in the folder 'sex=man' and in the file; must be in one",
    }[kind]
    with pytest.raises(DataError) as caught:
        written(people(2), name=name)
    assert str(caught.value) == message


@pytest.mark.parametrize("kind", ["cut", "text", "empty"])
def test_incomplete_files(written, tmp_path, kind):
    content = written(people()).path.read_bytes()
    path = tmp_path / "cut.parquet"
    path.write_bytes({"cut": content[:-100], "text": b"a;b\n1;2\n", "empty": b""}[kind])
    with pytest.raises(DataError, match=r"^cut.parquet: cannot be read \(.+\); must be a complete Parquet file$"):
        open_source(path)


def test_broken_pages_are_named_by_their_rows(written):
    path = written(people(), row_group_size=40, compression="zstd").path
    content = bytearray(path.read_bytes())
    group = pq.read_metadata(path).row_group(1).column(0)
    start = group.dictionary_page_offset or group.data_page_offset
    content[start : start + group.total_compressed_size] = b"\xff" * group.total_compressed_size
    path.write_bytes(content)
    reading = open_source(path).chunks()
    assert next(reading).first_row == 1
    with pytest.raises(
        DataError, match=r"^weeks.parquet: rows 41 to 80 cannot be read \(.+\); must be a complete Parquet"
    ):
        next(reading)


def test_nested_columns(written):
    with pytest.raises(DataError) as caught:
        written(pa.table({"a": [1], "weeks": [[1, 2]]}))
    message = "weeks.parquet: column weeks is nested (list<element: int64>); must be one value a cell"
    assert str(caught.value) == message


def test_a_file_that_changes(written):
    source = written(people(3))
    written(people(4))
    with pytest.raises(DataError, match=r"^weeks.parquet: changed while it was read"):
        list(source.chunks())
