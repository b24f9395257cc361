"""Persons twice, alike, without weeks, in the wrong place; ages."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.register.quality.people import whole_years

BUSY = [111, 0, 890, 890, 111, 0]


def test_same_id_in_one_and_in_two_municipalities(check, someone):
    people = [
        someone([111], name="a"), someone([890], name="a"), someone([111], name="a", home=561),
        someone([111], name="b"), someone([111], name="b", home=561), someone([111], name="c"),
    ]  # fmt: skip
    report = check(people)
    finding = report.finding("same_id")
    assert (finding.severity, finding.count, finding.total) == ("error", 2, 6)
    assert finding.detail == "1 in 2 rows; 1 in 3 rows"
    assert report.examples("same_id") == ("a", "b")
    row = report.tables["dictionary"].query("table == 'persons' and column == 'person_id'").iloc[0]
    assert (row["rows"], row["distinct"]) == (6, 3)
    assert report.exit_code == 4


def test_different_ids(check, someone):
    assert check([someone([111]), someone([111], home=561)]).finding("same_id").severity == "ok"


def test_identical_persons(check, someone):
    people = [someone(BUSY, name=name) for name in ("a", "b", "c")]
    report = check([*people, someone(BUSY, sex="man")])
    finding = report.finding("identical_persons")
    assert (finding.severity, finding.count, finding.total) == ("note", 3, 4)
    assert finding.detail == "Odense (461): 3"
    assert report.examples("identical_persons") == ("a", "b", "c")


@pytest.mark.parametrize(
    "other",
    [
        {"sex": "man"}, {"born": "1970-06-16"}, {"home": 561}, {"codes": [111, 0, 890, 890, 111, 111]},
        {"codes": [111, 0, 890, 890, 130, 0]}, {"codes": [111, 111, 890, 890, 111, 0]},
    ],
)  # fmt: skip
def test_persons_alike_in_all_but_one(check, someone, other):
    report = check([someone(BUSY), someone(**({"codes": BUSY} | other))])
    assert report.finding("identical_persons").severity == "ok"


def test_two_spells_are_too_few_to_be_alike(check, someone):
    assert check([someone([111, 0, 998, 998])] * 2).finding("identical_persons").severity == "ok"


def test_without_weeks(check, someone):
    report = check([someone([0, 0], name="none"), someone([0, 0], home=561, name="other"), someone([0, 111])])
    finding = report.finding("without_weeks")
    assert (finding.severity, finding.count, finding.total) == ("note", 2, 3)
    assert finding.detail == "Odense (461): 1; Esbjerg (561): 1"
    assert report.examples("without_weeks") == ("none", "other")
    assert check([someone([0, 111])]).finding("without_weeks").severity == "ok"


def test_folder_of_another_municipality(check, someone):
    report = check([someone([111], home=561, folder=461, name="moved"), someone([111])])
    finding = report.finding("other_municipality")
    assert (finding.severity, finding.count, finding.total) == ("error", 1, 2)
    assert report.examples("other_municipality") == ("moved",)
    assert check([someone([111])]).finding("other_municipality").severity == "ok"


def test_municipality_that_nobody_knows(check, someone):
    finding = check([someone([111], home=9), someone([111])]).finding("unknown_municipalities")
    assert (finding.severity, finding.count, finding.detail) == ("warning", 1, "9: 1")
    assert check([someone([111])]).finding("unknown_municipalities").severity == "ok"


def test_missing_columns(check, someone):
    finding = check([someone([111])]).finding("missing_columns")
    assert (finding.severity, finding.count, finding.total) == ("note", 4, 8)
    assert finding.detail == "education, origin, married, children"


# --- ages and sexes --------------------------------------------------------------------------------------------------


def test_ages_on_the_last_day(check, someone):
    # The last week, 2005-W02, ends on Sunday 2005-01-16.
    people = [
        someone([111, 111], born="1985-01-16"),  # 20 that day
        someone([111, 111], born="1985-01-17"),  # 19
        someone([111, 111], born="1955-06-01", sex="man"),  # 49
        someone([111, 111], born="1940-01-01"),  # 65
        someone([111, 999], born="1900-01-01"),  # dead
    ]
    summary = dict(check(people).summary)
    assert summary["Age in the last week"] == "19 to 65, median 34.5, of those not dead"
    assert summary["Persons"] == "5; man 20.0 %, woman 80.0 %"
    assert summary["Spells"] == "6, 1.20 a person"
    assert summary["Person-weeks"] == "10, of them 10 (100.0 %) with a code"


def test_everybody_dead(check, someone):
    assert dict(check([someone([999])]).summary)["Age in the last week"] == "everybody is dead"


@given(born=st.dates(dt.date(1890, 1, 1), dt.date(2010, 1, 1)), day=st.dates(dt.date(2010, 1, 2), dt.date(2030, 1, 1)))
def test_whole_years(born, day):
    expected = day.year - born.year - ((day.month, day.day) < (born.month, born.day))
    got = whole_years(np.array([born], dtype="datetime64[D]"), np.datetime64(day))
    assert got.tolist() == [expected]


def test_municipalities(check, someone):
    contact = {"kind": "offer", "planned": dt.date(2005, 1, 3), "held": dt.date(2005, 1, 3)}
    report = check([someone([111, 890], contacts=[contact]), someone([0, 111]), someone([111, 0], home=561)])
    assert report.tables["municipalities"].to_dict("records") == [
        {"municipality": 461, "name": "Odense", "persons": 2, "spells": 3, "contacts": 1},
        {"municipality": 561, "name": "Esbjerg", "persons": 1, "spells": 1, "contacts": 0},
    ]
    assert pa.types.is_integer(pa.array(report.tables["municipalities"]["contacts"]).type)
