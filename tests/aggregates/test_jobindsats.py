"""jobindsats: what is sent in either version, and the tables that come back."""

from __future__ import annotations

import datetime as dt
import json
import logging

import pandas as pd
import pytest

from analysis_lib.aggregates import Period, Reading, read_jobindsats, read_jobindsats_file
from analysis_lib.aggregates.jobindsats import BASE_URLS
from analysis_lib.errors import DataError, InvalidInput
from tests.aggregates.conftest import TOKEN, Reply

MEASURES = {"persons": "Antal personer", "share": "Fuldtidspersoner i pct. af arbejdsstyrken"}
READING = Reading(measures=MEASURES, strict=True)


@pytest.fixture
def ask(service, transport):
    def ask(*, area="*", period="l(m:12)", **known):
        known = {"reading": READING, **known}
        return read_jobindsats("y01a02", area=area, period=period, base_url=service.url, transport=transport, **known)

    return ask


def check_table(result):
    """The figures of data/README: 10 and 1, times 1 and 2, plus 1 in February; one suppressed, one published nought."""
    frame = result.frame
    assert list(zip(frame["area"], frame["period"].map(str), frame["Køn"], strict=True)) == [
        (area, month, sex)
        for area in ("Odense", "Fanø") for month in ("2016M01", "2016M02") for sex in ("Kvinder", "Mænd")
    ]  # fmt: skip
    assert list(frame["persons"].fillna(-1)) == [10, 20, 11, 21, -1, 2, 0, 3]
    assert list(frame["share"].fillna(-1)) == [2.5, 5, 2.75, 5.25, -1, 0.5, 0, 0.75]
    assert list(frame["persons_status"].astype(object).fillna("")) == ["", "", "", "", "*", "", "", ""]
    assert frame["persons"].dtype == "Int64"
    assert frame["share"].dtype == "float64"
    assert [(m.name, m.unit) for m in result.measures] == [("persons", "count"), ("share", "percent")]
    assert {(r.value, r.rows) for r in result.removed} == {("Hele landet", 6), ("Køn i alt", 6)}


@pytest.mark.parametrize(
    "name", ["jobindsats_v2.json", "jobindsats_v3.json", "jobindsats.csv", "jobindsats_windows.csv"]
)
def test_saved_files_are_one_table(data, name):
    when = dt.datetime(2016, 4, 1, tzinfo=dt.UTC)
    result = read_jobindsats_file(data / name, table="y01a02", retrieved_at=when, reading=READING)
    check_table(result)
    assert (result.table, result.source, result.retrieved_at) == ("y01a02", str(data / name), when)


def test_sums_of_a_saved_file_agree_with_its_totals(data):
    result = read_jobindsats_file(data / "jobindsats.csv", table="t", reading=Reading(measures=MEASURES, totals="mark"))
    frame = result.frame[result.frame["area"] == "Odense"]
    parts = frame[~frame["is_total"]].groupby("period")["persons"].sum()
    totals = frame[frame["is_total"]].set_index("period")["persons"]
    # 10 + 20 = 30; in February each of the three has 1 added, so the parts have one more than their total.
    assert (parts - totals).tolist() == [0, 1]


def test_version_2_gets_one_value_of_each(service, ask, data):
    service.line_up(Reply((data / "jobindsats_v2.json").read_bytes()))
    result = ask(version="v2", dimensions={"_kon": "*"})
    check_table(result)
    asked = service.asked[0]
    assert (asked.method, asked.path) == ("GET", "/api/data/y01a02/json/")
    assert asked.query == [("period", "l(m:12)"), ("area", "*"), ("_kon", "*")]
    assert asked.headers["Authorization"] == TOKEN
    assert result.retrieved_at == dt.datetime(2026, 1, 5, 10, tzinfo=dt.UTC)
    assert (result.source.split("?")[0], result.request) == (f"{service.url}/data/y01a02/json/", "")
    assert TOKEN not in repr(result)


def test_version_2_posts_lists(service, ask, data):
    service.line_up(Reply((data / "jobindsats_v2.json").read_bytes()))
    months = [Period.parse("2016M01"), "2016M02"]
    result = ask(
        version="v2", area=["Hele landet", "Odense", "Fanø"], period=months, dimensions={"_kon": ["Kvinder", "Mænd"]}
    )
    asked = service.asked[0]
    assert (asked.method, asked.path, asked.query) == ("POST", "/api/data/y01a02/json", [])
    sent = {"area": ["Hele landet", "Odense", "Fanø"], "period": ["2016M01", "2016M02"], "_kon": ["Kvinder", "Mænd"]}
    assert json.loads(asked.body) == json.loads(result.request) == sent
    assert asked.headers["Authorization"] == TOKEN
    # The country was asked for: it stays, and is marked.
    assert set(result.frame.loc[result.frame["is_total"], "area"]) == {"Hele landet"}
    assert [r.value for r in result.removed] == ["Køn i alt"]


def test_version_2_posts_the_latest_periods(service, ask, data):
    service.line_up(Reply((data / "jobindsats_v2.json").read_bytes()))
    ask(version="v2", area=["Odense", "Fanø"], period="l(qmat:4)")
    assert json.loads(service.asked[0].body) == {"area": ["Odense", "Fanø"], "period": "l(qmat:4)"}


def test_version_2_csv(service, ask, data):
    service.line_up(Reply((data / "jobindsats.csv").read_bytes()))
    check_table(ask(version="v2", file_format="csv", area="*", period="2022"))
    assert service.asked[0].path == "/api/data/y01a02/csv/"
    assert service.asked[0].query == [("period", "2022Y01"), ("area", "*")]


def test_version_3_is_the_one_without_being_said(service, ask, data):
    service.line_up(Reply((data / "jobindsats_v3.json").read_bytes()))
    check_table(ask(period="l(m:14)", dimensions={"_kon": "*"}))
    asked = service.asked[0]
    assert (asked.method, asked.path) == ("GET", "/api/data/y01a02")
    assert asked.query == [
        ("mgroup.*", "*"), ("period.M", "latest:14"), ("hierarchy._nykom", "*"), ("hierarchy._kon", "*"), ("format", "json"),
    ]  # fmt: skip
    assert asked.headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    ("period", "sent"),
    [
        (["2016M01", Period.parse("2016M02")], ("period.M", "2016M01,2016M02")),
        ("2008K1", ("period.Q", "2008Q1")),
        ("2021QMAT02", ("period.QMAT", "2021QMAT02")),
        ("2022", ("period.Y", "2022Y01")),
        ("l(q:4)", ("period.Q", "latest:4")),
    ],
)
def test_periods_of_version_3(service, ask, data, period, sent):
    service.line_up(Reply((data / "jobindsats_v3.json").read_bytes()))
    ask(area="/", period=period, measure_groups={"g1": "m1"}, hierarchy="_hele_landet")
    assert service.asked[0].query == [("mgroup.g1", "m1"), sent, ("hierarchy._hele_landet", "/"), ("format", "json")]


def test_names_of_version_3_are_looked_up_in_the_tables_own_list(service, ask, data):
    service.line_up(
        Reply((data / "jobindsats_v3_table.json").read_bytes()), Reply((data / "jobindsats_v3.json").read_bytes())
    )
    result = ask(area=["hele landet", "Odense", "/563/"], dimensions={"_kon": ["Kvinder", "Mænd"]})
    assert [(a.path, a.headers["Authorization"]) for a in service.asked] == [
        ("/api/table/y01a02", f"Bearer {TOKEN}"), ("/api/data/y01a02", f"Bearer {TOKEN}"),
    ]  # fmt: skip
    assert service.asked[0].query == [("format", "json")]
    assert ("hierarchy._nykom", "/,/461/,/563/") in service.asked[1].query
    assert ("hierarchy._kon", "/1/,/2/") in service.asked[1].query
    assert "Hele landet" in set(result.frame["area"])


@pytest.mark.parametrize(
    ("known", "message"),
    [
        (
            {"area": "Odenze"},
            "'Odenze' is no values of hierarchy _nykom of 127.0.0.1, table y01a02; did you mean 'Odense'",
        ),
        (
            {"area": "Odense", "hierarchy": "_region"},
            "hierarchy is '_region'; must be one of _hele_landet, _nykom, _kon",
        ),
    ],
)
def test_names_that_the_table_has_not(service, ask, data, known, message):
    service.line_up(Reply((data / "jobindsats_v3_table.json").read_bytes()))
    with pytest.raises(InvalidInput, match=message):
        ask(**known)
    assert len(service.asked) == 1


def test_a_description_that_is_none(service, ask):
    service.line_up(Reply(json.dumps({"dimensions": {"error": TOKEN}}).encode()))
    with pytest.raises(DataError, match="it repeats the access token and is not quoted"):
        ask(area="Odense")
    service.replies.clear()
    service.line_up(Reply(b'{"dimensions": {"error": "none"}}'))
    with pytest.raises(DataError, match="its description has no dimensions with hierarchies; found .*none"):
        ask(area="Odense")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>Vi opdaterer</html>", "answered with a web page .*: <html>Vi opdaterer"),
        (
            "Forkert nøgle eller nøglen er udløbet.".encode(),
            "answered with no JSON table .*: Forkert nøgle eller nøglen er ud",
        ),
        (
            f"Forkert nøgle {TOKEN}".encode(),
            "the answer is no such table; it repeats the access token and is not quoted",
        ),
        ((" " + "x" * 195 + TOKEN).encode(), "it repeats the access token and is not quoted"),
        (
            b'{"subjects": []}',
            "is no table of jobindsats; must be a list with Variables and Data .version 2. or .* found",
        ),
        (b"[]", "is no table of jobindsats"),
        (b'[{"Variables": [{"Name": "Area"}], "Data": []}]', "Variables is .* must be a list of objects with a Label"),
        (
            b'[{"Variables": [{"Label": "Area"}], "Data": [["Odense", 1]]}]',
            "row 1 is .* must have 1 cells, one a column",
        ),
        (b'{"columns": ["Periode", 3], "rows": []}', "the columns are .* must be a list of names"),
        (b'{"columns": ["Periode"], "rows": {}}', "the rows are {}; must be a list"),
        (b'{"columns": ["Periode", "Kommune", "Antal personer"], "rows": []}', "has no rows; nothing is published"),
    ],
)
def test_answers_that_are_no_such_table(service, ask, body, message):
    service.line_up(Reply(body))
    with pytest.raises(
        DataError, match=f"^127.0.0.1, table y01a02: .*{message}|^127.0.0.1, table y01a02: {message}"
    ) as caught:
        ask(reading=Reading(measures={"n": "Antal"}))
    assert TOKEN[:5] not in str(caught.value)
    assert len(service.asked) == 1


@pytest.mark.parametrize(("status", "tries"), [(400, 1), (401, 1), (404, 1), (500, 4)])
def test_refusals_name_the_table(service, ask, status, tries):
    service.line_up(Reply("Forkert nøgle eller nøglen er udløbet.".encode(), status))
    with pytest.raises(
        DataError, match=f"table y01a02: the server answered {status}: Forkert nøgle eller nøglen er udløbet"
    ):
        ask()
    assert len(service.asked) == tries


def test_a_token_that_is_not_set_is_said_before_anything_is_sent(service, ask, monkeypatch):
    monkeypatch.delenv("JOBINDSATS_TOKEN")
    with pytest.raises(InvalidInput, match="environment variable JOBINDSATS_TOKEN is not set"):
        ask()
    assert service.asked == []


def test_another_variable_may_hold_the_token(service, ask, data, monkeypatch):
    monkeypatch.setenv("OTHER_TOKEN", "other-token")
    service.line_up(Reply((data / "jobindsats_v3.json").read_bytes()))
    ask(token_variable="OTHER_TOKEN")
    assert service.asked[0].headers["Authorization"] == "Bearer other-token"


def test_no_log_shows_the_token(service, ask, data, caplog):
    service.line_up(Reply(b"busy", 503), Reply((data / "jobindsats_v3.json").read_bytes()))
    with caplog.at_level(logging.DEBUG):
        ask()
    assert caplog.records
    assert TOKEN not in caplog.text


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"version": "v1"}, "version is 'v1'; must be v2 or v3"),
        ({"file_format": "xlsx"}, "file_format is 'xlsx'; must be json or csv"),
        ({"dimensions": {"kon": "*"}}, "dimension is 'kon'; must begin with _"),
        ({"dimensions": {"_kon": []}}, "kon has no value or a blank one"),
        ({"dimensions": {"_nykom": "*"}}, "dimension _nykom is the hierarchy of the areas"),
        ({"area": []}, "area has no value or a blank one"),
        ({"area": ["Odense", " "]}, "area has no value or a blank one"),
        ({"period": []}, "period has the kinds none; must be periods of one kind"),
        ({"period": ["2016M01", "2016"]}, r"period has the kinds \['month', 'year'\]"),
        ({"period": ["l(m:12)", "2016M01"]}, r"period is 'l\(m:12\)'; must be a period"),
        ({"period": "l(d:12)"}, r"period is 'l\(d:12\)'"),
        ({"period": "2020U05"}, "jobindsats has no weeks"),
        ({"version": "v2", "hierarchy": "_nykom"}, "hierarchy and measure_groups are of version v3"),
        ({"version": "v2", "measure_groups": {"*": "*"}}, "hierarchy and measure_groups are of version v3"),
    ],
)
def test_arguments_that_are_wrong(service, ask, known, message):
    with pytest.raises(InvalidInput, match=message):
        ask(**known)
    assert service.asked == []


@pytest.mark.parametrize("table", ["", "y01a02/../x", "y01 a02", "y01a02?x=1"])
def test_table_ids_that_are_wrong(table, service):
    with pytest.raises(InvalidInput, match="table is '.*'; must be an id of letters"):
        read_jobindsats(table, area="*", period="2016M01", base_url=service.url)


def test_the_documented_addresses():
    assert BASE_URLS == {"v2": "https://api.jobindsats.dk/v2", "v3": "https://api.jobindsats.dk/v3"}


def test_files_that_cannot_be_read(tmp_path, data):
    with pytest.raises(DataError, match="none.json: cannot be read .No such file"):
        read_jobindsats_file(tmp_path / "none.json", table="t")
    with pytest.raises(InvalidInput, match="file_format of .* is 'xlsx'; must be one of json, csv"):
        read_jobindsats_file(tmp_path / "t.xlsx", table="t")
    text = tmp_path / "saved.txt"
    text.write_bytes((data / "jobindsats.csv").read_bytes())
    check_table(read_jobindsats_file(text, table="t", file_format="csv", reading=READING))


def test_csv_has_a_decimal_comma(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Area;Periode;Andel\nOdense;2019M01;1,234\n", encoding="utf-8")
    assert list(read_jobindsats_file(path, table="t").frame["Andel"]) == [1.234]
    for figure, message in (("12.5", "uses '.' as decimal sign; must be ','"), ("1.234", "can be read with '.'")):
        path.write_text(f"Area;Periode;Andel\nOdense;2019M01;{figure}\n", encoding="utf-8")
        with pytest.raises(DataError, match=f"column Andel, row 1: '{figure}' {message}"):
            read_jobindsats_file(path, table="t")
    assert list(read_jobindsats_file(path, table="t", reading=Reading(decimal=",")).frame["Andel"]) == [1234]


def test_without_options_the_published_labels_are_the_columns(data):
    frame = read_jobindsats_file(data / "jobindsats_v2.json", table="t", asked_areas=["Hele landet"]).frame
    assert "Fuldtidspersoner i pct. af arbejdsstyrken [16-66 år]" in frame
    assert pd.api.types.is_float_dtype(frame["Fuldtidspersoner i pct. af arbejdsstyrken [16-66 år]"])
    assert frame["area"].nunique() == 3
