"""SAS files; provenance in tests/reference/sas/README.md."""

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pyreadstat
import pytest

from analysis_lib.errors import DataError
from analysis_lib.register.sources import open_source
from analysis_lib.register.sources.sas_source import DATE_TIMES, DATES, sas_dates, sas_times

FILES = Path(__file__).parents[2] / "reference" / "sas"
ENCODING_BYTE = 70
"""Place of the encoding's number in the head of a .sas7bdat file; 20 is UTF-8, 62 Windows-1252."""


def test_people_are_read_as_written(read):
    source = open_source(FILES / "people.sas7bdat")
    assert source.columns == ("person_id", "y_0544", "income", "name", "birth", "moved", "half_day")
    assert source.n_rows == 5
    assert source.describe() == {"format": "sas7bdat", "encoding": "utf-8"}
    noon = dt.datetime(2005, 11, 1, 12, 30)
    # people.R wrote these values.
    assert read(source, integers=["y_0544"], numbers=["income"]) == {
        "person_id": ["p01", "p02", "p03", "p04", "p05"],
        "y_0544": [111, None, 130, 700, 0],
        "income": [1.5, None, -2.25, 1e6, 0.0],
        "name": ["Søren", "Åse", None, "x", "Ærø"],
        "birth": [dt.date(1960, 1, 1), dt.date(1959, 12, 31), None, dt.date(2004, 2, 29), dt.date(9999, 12, 31)],
        "moved": [noon, noon + dt.timedelta(seconds=1), None, noon + dt.timedelta(seconds=3), noon + dt.timedelta(seconds=4)],
        "half_day": [0.5, -0.5, None, 16130.5, 2936547.5],
    }  # fmt: skip


def test_dates_and_datetimes_have_their_types():
    (chunk,) = open_source(FILES / "people.sas7bdat").chunks(columns=["moved", "birth", "income", "name"])
    assert [str(kind) for kind in chunk.table.schema.types] == ["timestamp[s]", "date32[day]", "double", "string"]


@pytest.mark.parametrize("file", ["many", "iris"])
@pytest.mark.parametrize("rows", [1000, 37])
def test_another_reader_agrees(read, file, rows):
    path = FILES / f"{file}.sas7bdat"
    expected, metadata = pyreadstat.read_sas7bdat(path)
    source = open_source(path)
    assert source.n_rows == len(expected) == metadata.number_rows
    assert read(source, rows=rows) == expected.to_dict("list")


def test_a_file_that_sas_wrote():
    source = open_source(FILES / "iris.sas7bdat")
    assert source.describe() == {"format": "sas7bdat", "encoding": "cp1252"}
    (chunk,) = source.chunks()
    # Fisher's first and last flower.
    assert chunk.table.slice(0, 1).to_pylist()[0] == {
        "Sepal_Length": 5.1, "Sepal_Width": 3.5, "Petal_Length": 1.4, "Petal_Width": 0.2, "Species": "setosa",
    }  # fmt: skip
    assert chunk.table.slice(149).to_pylist()[0]["Petal_Length"] == 5.1


def test_skipping_gives_the_same_chunks():
    source = open_source(FILES / "many.sas7bdat")
    chunks = list(source.chunks(integers=["y_0544"], rows=150))
    assert [(chunk.first_row, chunk.table.num_rows) for chunk in chunks] == [(1 + 150 * k, 150) for k in range(6)] + [
        (901, 100)
    ]
    assert chunks[-1].position == source.size
    for skip in (1, 6, 7, 9):
        again = list(source.chunks(integers=["y_0544"], rows=150, skip=skip))
        assert [c.first_row for c in again] == [c.first_row for c in chunks[skip:]]
        assert all(a.table.equals(b.table) for a, b in zip(again, chunks[skip:], strict=True))


def test_no_rows():
    source = open_source(FILES / "empty.sas7bdat")
    assert (source.n_rows, len(source.columns), list(source.chunks())) == (0, 7, [])


@pytest.mark.parametrize("size", [0, 100, 1000, 8192, 20000, -10])
def test_truncated_files(tmp_path, size):
    path = tmp_path / "cut.sas7bdat"
    path.write_bytes((FILES / "many.sas7bdat").read_bytes()[:size])
    with pytest.raises(DataError, match=r"^cut.sas7bdat: cannot be read \(.+\); must be a complete .sas7bdat file$"):
        open_source(path)


def test_a_file_cut_at_a_page_is_refused_by_its_number_of_rows(tmp_path):
    """The head of `many` says 1,000 rows; another number there is noticed."""
    path = tmp_path / "more.sas7bdat"
    content = (FILES / "many.sas7bdat").read_bytes()
    path.write_bytes(content.replace((1000).to_bytes(8, "little"), (1005).to_bytes(8, "little")))
    with pytest.raises(DataError, match=r"^more.sas7bdat: .*(1,005|complete)"):
        list(open_source(path).chunks())


def test_letters_of_another_encoding(tmp_path, read):
    content = (FILES / "people.sas7bdat").read_bytes()
    assert content[ENCODING_BYTE] == 20
    western = content.replace("Søren".encode(), "Søren ".encode("windows-1252"))
    path = tmp_path / "people.sas7bdat"
    path.write_bytes(western)
    with pytest.raises(DataError) as caught:
        list(open_source(path).chunks(rows=5))
    assert str(caught.value) == (
        "people.sas7bdat: from row 1 on, a text is not utf-8, which the file says it is (invalid start byte); "
        "must be exported again in its own encoding, or as CSV"
    )
    path.write_bytes(western[:ENCODING_BYTE] + bytes([62]) + western[ENCODING_BYTE + 1 :])
    assert read(open_source(path))["name"][0] == "Søren"


def test_a_file_that_changes(tmp_path):
    path = shutil.copy(FILES / "many.sas7bdat", tmp_path / "w.sas7bdat")
    source = open_source(path)
    Path(path).write_bytes(Path(path).read_bytes() + b"\0")
    with pytest.raises(DataError, match=r"^w.sas7bdat: changed while it was read"):
        list(source.chunks())


@pytest.mark.parametrize(
    "name", ["DATE", "DATE9", "DATE9.", "DDMMYY10.", "YYMMDDN8", "YYMMDD10", "E8601DA", "WEEKDATX29"]
)
def test_formats_of_dates(name):
    assert DATES.fullmatch(name)
    assert not DATE_TIMES.fullmatch(name)


@pytest.mark.parametrize("name", ["DATETIME", "DATETIME20.", "DATETIME22.3", "E8601DT"])
def test_formats_of_datetimes(name):
    assert DATE_TIMES.fullmatch(name)
    assert not DATES.fullmatch(name)


@pytest.mark.parametrize("name", ["", "BEST12.", "8.", "TIME8.", "MONTH", "YEAR4.", "COMMAX12.2"])
def test_other_formats(name):
    assert not DATES.fullmatch(name)
    assert not DATE_TIMES.fullmatch(name)


def test_sas_dates_at_the_missing_leap_days():
    # SAS: 28FEB4000 is day 745,153 and 01MAR4000 the day after.
    days = np.array([745_153.0, 745_154.0, -138_061.0])
    assert sas_dates(days).to_pylist() == [dt.date(4000, 2, 28), dt.date(4000, 3, 1), dt.date(1582, 1, 1)]
    for wrong in (0.5, 2_936_548.0, -138_062.0, 1e30, np.inf):
        assert sas_dates(np.array([0.0, wrong])) is None


def test_sas_times():
    seconds = np.array([0.0, np.nan, -1.0, 86_400.0 * 2_936_547 + 59])
    assert sas_times(seconds).to_pylist() == [
        dt.datetime(1960, 1, 1), None, dt.datetime(1959, 12, 31, 23, 59, 59), dt.datetime(9999, 12, 31, 0, 0, 59),
    ]  # fmt: skip
    assert sas_times(np.array([0.5])) is None
