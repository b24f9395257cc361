"""Files damaged, missing and too many; numbers that do not agree; rows of nobody."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from analysis_lib.errors import DataError
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.layout import hash_footer
from analysis_lib.register.quality import check_extract

SPELLS = "municipality=461/spells.parquet"


@pytest.fixture
def folder(write, someone):
    contact = {"kind": "meeting", "planned": None, "held": None}
    return write([someone([111, 111, 0], contacts=[contact]), someone([0, 890, 890], home=561)])


def test_whole_extract(folder):
    report = check_extract(folder)
    files = [report.finding(f"files_{name}") for name in ("missing", "damaged", "extra")]
    # Two municipalities with persons, spells and contacts each.
    assert [(f.severity, f.count, f.total) for f in files] == [("ok", 0, 6), ("ok", 0, 6), ("ok", 0, None)]
    assert report.finding("unreadable").total == 2
    assert report.finding("contents_differ").severity == "ok"
    # Persons, two codes, six files.
    assert report.finding("contents_differ").total == 9
    assert (report.finding("rows_of_nobody").count, report.finding("rows_of_nobody").total) == (0, 1)
    assert (report.severity, report.exit_code) == ("ok", 0)


def test_missing_file(folder):
    (folder / SPELLS).unlink()
    report = check_extract(folder)
    finding = report.finding("files_missing")
    assert (finding.severity, finding.count, finding.total, finding.detail) == ("error", 1, 6, SPELLS)
    assert report.finding("files_damaged").count == 0
    assert (report.severity, report.exit_code) == ("error", 4)
    rest = [f for f in report.findings if not f.id.startswith("files_")]
    assert len(rest) > 30
    assert all(not f.made and f.detail.startswith("not checked: files are missing") for f in rest)
    assert dict(report.tables) == {}
    assert "Person-weeks by calendar year" not in report.to_text()


def test_damage_that_keeps_the_size(folder):
    content = bytearray((folder / SPELLS).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / SPELLS).write_bytes(content)
    finding = check_extract(folder).finding("files_damaged")
    assert (finding.severity, finding.count) == ("error", 1)
    assert finding.detail == f"{SPELLS} has other contents (SHA-256)"


def test_damage_that_changes_the_size(folder):
    size = (folder / SPELLS).stat().st_size
    with (folder / SPELLS).open("ab") as stream:
        stream.write(b"x")
    finding = check_extract(folder).finding("files_damaged")
    assert finding.detail == f"{SPELLS} has {size + 1:,} bytes, not {size:,}"


def test_extra_files_are_errors_but_the_rest_is_checked(folder):
    (folder / "municipality=461" / "old.parquet").write_bytes(b"")
    (folder / "truth.json").write_text("{}")
    (folder / "municipality=999").mkdir()
    (folder / "municipality=999" / "persons.parquet").write_bytes(b"")
    report = check_extract(folder)
    finding = report.finding("files_extra")
    assert (finding.severity, finding.count) == ("error", 2)
    assert finding.detail == "municipality=461/old.parquet; municipality=999/persons.parquet"
    assert report.finding("without_weeks").made
    assert report.exit_code == 4


def _replace(folder, name, table):
    """Write another table in the place of one, with its facts: what a faulty writer would do."""
    path = folder / f"municipality=461/{name}.parquet"
    pa.parquet.write_table(table, path)
    content = json.loads((folder / "extract.json").read_text())
    content["municipalities"]["461"][name] |= {
        "bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "footer": hash_footer(path),
    }  # fmt: skip
    (folder / "extract.json").write_text(json.dumps(content))


def test_numbers_that_the_files_do_not_have(folder):
    table = pa.parquet.read_table(folder / SPELLS, partitioning=None)
    longer = table.set_column(2, "stop", pa.array([3], pa.int16()))
    _replace(folder, "spells", longer)
    content = json.loads((folder / "extract.json").read_text())
    content["persons"] = 3
    content["municipalities"]["561"]["spells"]["rows"] = 7
    (folder / "extract.json").write_text(json.dumps(content))
    finding = check_extract(folder).finding("contents_differ")
    assert (finding.severity, finding.count, finding.total) == ("error", 3, 9)
    assert finding.detail == (
        "persons: 3, counted 2; person-weeks on code 111: 2, counted 3; rows of spells in 561: 7, counted 1"
    )


def test_spells_that_overlap_are_told_not_raised(folder):
    columns = {"row": [0, 0], "start": [0, 1], "stop": [2, 3], "code": [111, 890]}
    schema = pa.parquet.read_schema(folder / SPELLS)
    _replace(folder, "spells", pa.table(columns, schema=schema))
    report = check_extract(folder)
    finding = report.finding("unreadable")
    assert (finding.severity, finding.count, finding.total) == ("error", 1, 2)
    assert finding.detail.startswith("the first is 461: start is 1 for spell 1; must be sorted")
    assert report.finding("without_weeks").detail == (
        "not checked: files cannot be understood; import the source again"
    )


@pytest.mark.parametrize("column", ["birth_date", "sex"])
def test_blank_and_missing_columns_of_persons_are_told(folder, column):
    path = folder / "municipality=461/persons.parquet"
    table = pa.parquet.read_table(path, partitioning=None)
    place = table.schema.get_field_index(column)
    _replace(folder, "persons", table.set_column(place, column, pa.nulls(1, table.schema.field(column).type)))
    detail = check_extract(folder).finding("unreadable").detail
    assert f"persons.parquet: column {column} has blank cells; must be" in detail


def test_rows_of_nobody_are_counted_and_left_out(folder):
    table = pa.parquet.read_table(folder / "municipality=461/contacts.parquet", partitioning=None)
    _replace(folder, "contacts", table.set_column(0, "row", pa.array([1], pa.int32())))
    report = check_extract(folder)
    finding = report.finding("rows_of_nobody")
    assert (finding.severity, finding.count, finding.total) == ("error", 1, 1)
    assert report.finding("contents_differ").severity == "ok"


def test_no_extract(tmp_path):
    with pytest.raises(DataError, match="must be a register extract"):
        check_extract(tmp_path)


def test_extract_without_weeks(tmp_path, simulated):
    codes = np.zeros((len(simulated.persons), 0), dtype=np.int16)
    write_extract(tmp_path / "none", persons=simulated.persons, codes=codes, first_week=104_563)
    with pytest.raises(DataError, match="holds no week; must hold at least one person and one week"):
        check_extract(tmp_path / "none")


def test_extract_without_people(tmp_path, simulated):
    nobody = simulated.persons.iloc[:0]
    codes = np.zeros((0, 4), dtype=np.int16)
    write_extract(tmp_path / "none", persons=nobody, codes=codes, first_week=104_563)
    with pytest.raises(DataError, match="holds nobody"):
        check_extract(tmp_path / "none")
