"""StatBank: what is sent, and the tables that come back in each format."""

from __future__ import annotations

import json

import pytest

from analysis_lib.aggregates import Period, Reading, read_statbank, read_statbank_file
from analysis_lib.aggregates.statbank import BASE_URL
from analysis_lib.errors import DataError, InvalidInput
from tests.aggregates.conftest import Reply

VARIABLES = {"OMRÅDE": ["000", "101", "461"], "KØN": "*", "Tid": [Period.parse("2008Q1"), "2008K2"]}
FILES = {"jsonstat": "statbank_1x.json", "csv": "statbank.csv", "bulk": "statbank.csv"}
POPULATION = "Population at the first day of the quarter"


@pytest.fixture
def ask(service, transport):
    def ask(**known):
        known = {"variables": VARIABLES, "base_url": service.url, "transport": transport} | known
        return read_statbank("FOLK1A", **known)

    return ask


def check_table(result, measure, sexes, status):
    """The figures of data/README: 100 and 10, times 1 and 2, plus 1 in the second quarter; one not published."""
    frame = result.frame[result.frame["area_kind"] == "municipality"]
    assert list(zip(frame["jobcentre"], frame["KØN"], frame["period"].map(str), strict=True)) == [
        (jobcentre, sex, quarter)
        for jobcentre in ("jc_koebenhavn", "jc_odense") for sex in sexes for quarter in ("2008Q1", "2008Q2")
    ]  # fmt: skip
    assert list(frame[measure].fillna(-1)) == [100, 101, 200, 201, -1, 11, 20, 21]
    assert list(frame[f"{measure}_status"].astype(object).fillna("")) == ["", "", "", "", status, "", "", ""]
    assert list(frame["municipality"].unique()) == [101, 461]


@pytest.mark.parametrize(
    ("name", "measure", "sexes", "status"),
    [
        ("statbank_1x.json", POPULATION, ("Men", "Women"), ".."),
        ("statbank_2.json", POPULATION, ("Men", "Women"), "absent"),
        ("statbank.csv", "INDHOLD", ("1", "2"), ".."),
    ],
)
def test_saved_files_are_one_table(data, name, measure, sexes, status):
    result = read_statbank_file(data / name, table="FOLK1A", reading=Reading(strict=True))
    check_table(result, measure, sexes, status)
    assert len(result.frame) == 8
    assert {(r.column, r.rows) for r in result.removed} == {("OMRÅDE", 6), ("KØN", 6)}


def test_units_and_title_come_from_json_stat(data):
    result = read_statbank_file(data / "statbank_1x.json", table="FOLK1A")
    assert result.unit(POPULATION) == "Number"
    assert result.title == "Population at the first day of the quarter by region, sex, Indhold and time"
    assert read_statbank_file(data / "statbank.csv", table="F", reading=Reading(title="Folk")).title == "Folk"


@pytest.mark.parametrize("file_format", ["jsonstat", "csv", "bulk"])
@pytest.mark.parametrize("language", ["da", "en"])
def test_what_is_sent(service, ask, data, file_format, language):
    service.line_up(Reply((data / FILES[file_format]).read_bytes(), ending="chunked"))
    result = ask(file_format=file_format, language=language)
    asked = service.asked[0]
    assert (asked.method, asked.path, asked.query) == ("POST", "/api/data", [])
    csv = {} if file_format == "jsonstat" else {"delimiter": "Semicolon", "valuePresentation": "Code"}
    assert json.loads(asked.body) == json.loads(result.request) == csv | {
        "table": "FOLK1A", "lang": language, "format": file_format.upper(),
        "variables": [
            {"code": "OMRÅDE", "values": ["000", "101", "461"]}, {"code": "KØN", "values": ["*"]},
            {"code": "Tid", "values": ["2008K1", "2008K2"]},
        ],
    }  # fmt: skip
    assert "Authorization" not in asked.headers
    # The country was asked for by its code: it stays, and is marked.
    assert set(result.frame.loc[result.frame["is_total"], "area_kind"]) == {"country"}
    check_table(result, *(("INDHOLD", ("1", "2"), "..") if csv else (POPULATION, ("Men", "Women"), "..")))


def test_labels_in_csv(service, ask):
    text = "OMRÅDE;KØN;TID;INDHOLD\nHele landet;I alt;2008Q1;3\nKøbenhavn;Mænd;2008Q1;1\nNyborg;Kvinder;2008Q1;2\n"
    service.line_up(Reply(text.encode("utf-8-sig")))
    result = ask(file_format="csv", presentation="Value", language="en", variables={"OMRÅDE": "*", "Tid": "(1)"})
    assert json.loads(service.asked[0].body)["valuePresentation"] == "Value"
    assert list(result.frame["municipality"]) == [101, 450]


def test_the_swapped_pair_of_a_public_list_is_refused(data, tmp_path):
    text = (data / "statbank_1x.json").read_text(encoding="utf-8")
    right = text.replace('"101"', '"450"').replace('"Copenhagen"', '"Nyborg"')
    right = right.replace('"461"', '"482"').replace('"Odense"', '"Langeland"')
    path = tmp_path / "swapped.json"
    path.write_text(right, encoding="utf-8")
    frame = read_statbank_file(path, table="t").frame
    # In 2008 Langeland was a part of a joint jobcentre.
    assert dict(zip(frame["area"], frame["municipality"], strict=True)) == {"Nyborg": 450, "Langeland": 482}
    assert set(frame["part_of"].dropna()) == {"jc_svendborg_langeland"}
    path.write_text(
        right.replace('"Nyborg"', '"x"').replace('"Langeland"', '"Nyborg"').replace('"x"', '"Langeland"'),
        encoding="utf-8",
    )
    with pytest.raises(DataError, match="swapped.json: area code 450 and name 'Langeland' are two different places"):
        read_statbank_file(path, table="t")


def test_four_digit_region_codes_are_not_statbanks(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("OMRÅDE;TID;INDHOLD\n1084;2008K1;5\n084;2008K1;5\n", encoding="utf-8")
    result = read_statbank_file(path, table="t")
    assert [u.name for u in result.unmapped] == ["1084"]
    assert list(result.frame["area_kind"]) == ["other", "region"]


def test_a_table_without_areas(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("VAREGR;TID;INDHOLD\n000000;2008M01;99,5\n01;2008M01;101,3\n", encoding="utf-8")
    with pytest.raises(DataError, match="no columns can be the area"):
        read_statbank_file(path, table="PRIS111")
    result = read_statbank_file(path, table="PRIS111", reading=Reading(area_column=""))
    assert list(result.frame["INDHOLD"]) == [99.5, 101.3]


def test_refusals_are_in_statbanks_words(service, ask):
    words = {"errorTypeCode": "EXTRACT-NOTFOUND", "message": "Can't find value: 999 (OMRÅDE)"}
    service.line_up(Reply(json.dumps(words).encode(), 400))
    with pytest.raises(
        DataError, match=r"table FOLK1A: the server answered 400: EXTRACT-NOTFOUND Can't find value: 999 \(OMRÅDE\)"
    ):
        ask()
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"file_format": "px"}, "file_format is 'px'; must be jsonstat, csv or bulk"),
        ({"language": "de"}, "language is 'de'; must be da or en"),
        ({"presentation": "Value"}, "presentation is 'Value'; must be Code or Value, and only for csv"),
        ({"presentation": "Default", "file_format": "csv"}, "presentation is 'Default'"),
        ({"variables": {"Tid": []}}, "variable 'Tid' has no value or a blank one"),
        ({"variables": {"Tid": Period.parse("2021QMAT02")}}, "StatBank has no rolling years"),
        ({"base_url": "http://example.org"}, "base_url is http://example.org; must be https"),
    ],
)
def test_arguments_that_are_wrong(service, ask, known, message):
    with pytest.raises(InvalidInput, match=message):
        ask(**known)
    assert service.asked == []


def test_table_ids_that_are_wrong(service):
    with pytest.raises(InvalidInput, match="table is 'FOLK 1A'; must be an id of letters"):
        read_statbank("FOLK 1A", variables={"Tid": "*"}, base_url=service.url)


def test_the_documented_address():
    assert BASE_URL == "https://api.statbank.dk/v1"
