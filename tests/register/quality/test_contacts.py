"""Contacts, match decisions and vignettes: every rule with rows that break it and rows that do not."""

from __future__ import annotations

import datetime as dt

import pytest

CONTACT_RULES = ("held_before_planned", "held_after_death", "planned_not_held", "repeated_contacts")
MATCH_RULES = ("decisions_outside", "decisions_same_day", "decisions_jobcentre")
VIGNETTE_RULES = ("raters_once", "vignettes_unrated", "ratings_twice", "ratings_jobcentre")


def day(text):
    return None if text is None else dt.date.fromisoformat(text)


def contact(planned, held, kind="meeting", type=None):  # noqa: A002 (the column's name)
    return {"kind": kind, "type": type, "planned": day(planned), "held": day(held)}


def decision(date, *, jobcentre="jc_odense", target="cash_benefit", group="job_ready"):
    return {"date": day(date), "jobcentre": jobcentre, "target_group": target, "group": group, "caseworker": "cw-1"}


def rating(vignette, rater, group="job_ready", jobcentre="jc_odense"):
    return {"vignette": vignette, "rater": rater, "group": group, "jobcentre": jobcentre}


def found(report, rules):
    return {rule: (report.finding(rule).count, report.finding(rule).total) for rule in rules}


@pytest.mark.parametrize(
    ("rules", "name"), [(CONTACT_RULES, "contacts"), (MATCH_RULES, "match decisions"), (VIGNETTE_RULES, "vignettes")]
)
def test_not_in_this_extract_is_not_zero(check, someone, rules, name):
    report = check([someone([111])])
    assert found(report, rules) == dict.fromkeys(rules, (None, None))
    assert {report.finding(r).detail for r in rules} == {f"not checked: {name} are not in this extract"}


def test_contacts(check, someone):
    # Weeks 2005-W01 to W04: 3 to 30 January.
    people = [
        someone([111, 999, 999, 999], name="dead", contacts=[
            contact("2005-01-16", "2005-01-16"),  # in the week of death
            contact("2005-01-17", "2005-01-17"),  # the week after
        ]),
        someone([111] * 4, name="early", contacts=[
            contact("2006-01-05", "2005-01-05"),  # 365 days
            contact("2006-01-05", "2005-01-04"),  # 366 days
        ]),
        someone([111] * 4, name="absent", contacts=[
            contact("2005-01-30", None), contact("2005-01-31", None),  # the second is still to come
            contact(None, "2005-01-05", "offer"),
        ]),
        someone([111] * 4, home=561, name="twice", contacts=[
            contact("2005-01-05", "2005-01-06", type="first"), contact("2005-01-05", "2005-01-06", type="first"),
            contact("2005-01-05", "2005-01-06"), contact("2005-01-05", "2005-01-06", "offer", "first"),
        ]),
    ]  # fmt: skip
    report = check(people)
    assert found(report, CONTACT_RULES) == {
        "held_before_planned": (1, 8), "held_after_death": (1, 9), "planned_not_held": (1, 7),
        "repeated_contacts": (1, 11),
    }  # fmt: skip
    assert [report.examples(rule) for rule in CONTACT_RULES] == [("early",), ("dead",), ("absent",), ("twice",)]
    assert [report.finding(rule).severity for rule in CONTACT_RULES] == ["warning", "warning", "note", "warning"]
    assert report.finding("repeated_contacts").detail == "Esbjerg (561) in 2005: 1"


def test_contacts_in_order(check, someone):
    people = [someone([111, 999], contacts=[contact("2005-01-05", "2005-01-05"), contact("2005-01-06", "2005-01-06")])]
    report = check(people)
    assert {report.finding(rule).severity for rule in CONTACT_RULES} == {"ok"}


def test_the_same_contact_of_two_people_is_no_repetition(check, someone):
    report = check([someone([111], contacts=[contact("2005-01-05", "2005-01-05")]) for _ in range(2)])
    assert report.finding("repeated_contacts").count == 0


def test_decisions(check, someone):
    people = [
        someone([111, 111], name="outside", matches=[
            decision("2005-01-02"), decision("2005-01-03"), decision("2005-01-16"), decision("2005-01-17"),
        ]),
        someone([111, 111], name="twice", matches=[decision("2005-01-05"), decision("2005-01-05", group="other")]),
        someone([111, 111], name="strange", matches=[decision("2005-01-05", jobcentre="jc_nowhere", target="sickness")]),
    ]  # fmt: skip
    report = check(people)
    assert found(report, MATCH_RULES) == {
        "decisions_outside": (2, 7), "decisions_same_day": (1, 7), "decisions_jobcentre": (1, 7),
    }  # fmt: skip
    assert [report.examples(rule) for rule in MATCH_RULES] == [("outside",), ("twice",), ("strange",)]
    assert {report.finding(rule).severity for rule in MATCH_RULES} == {"warning"}
    assert report.finding("decisions_jobcentre").detail == "jc_nowhere: 1"
    assert report.tables["match_groups"].to_dict("records") == [
        {"target_group": "cash_benefit", "group": "job_ready", "decisions": 5},
        {"target_group": "cash_benefit", "group": "other", "decisions": 1},
        {"target_group": "sickness", "group": "job_ready", "decisions": 1},
    ]
    assert "Match decisions by target group" in report.to_text()


def test_decisions_in_order(check, someone):
    people = [someone([111, 111], matches=[decision("2005-01-05")]), someone([0, 0], matches=[decision("2005-01-05")])]
    report = check(people)
    assert {report.finding(rule).severity for rule in MATCH_RULES} == {"ok"}


def test_vignettes(check, someone):
    rows = [
        rating("v1", "r1"), rating("v2", "r1"), rating("v2", "r1", "other"), rating("v1", "r2"),
        rating("v2", "r2", None), rating("v3", "r2", None), rating("v3", "r3", None, "jc_nowhere"),
    ]  # fmt: skip
    report = check([someone([111])], vignettes=rows)
    # r1 has three ratings, r2 one, r3 none; of v3 nobody has one.
    assert found(report, VIGNETTE_RULES) == {
        "raters_once": (1, 2), "vignettes_unrated": (1, 3), "ratings_twice": (1, 4), "ratings_jobcentre": (1, 7),
    }  # fmt: skip
    assert [report.finding(r).severity for r in VIGNETTE_RULES] == ["note", "warning", "warning", "warning"]
    assert report.finding("vignettes_unrated").detail == "v3"
    assert dict(report.summary)["Vignettes"] == "7 rows"


def test_vignettes_in_order(check, someone):
    rows = [rating(vignette, rater) for vignette in ("v1", "v2") for rater in ("r1", "r2")]
    report = check([someone([111])], vignettes=rows)
    assert {report.finding(rule).severity for rule in VIGNETTE_RULES} == {"ok"}
