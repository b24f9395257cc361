"""Every rule of `EVENT_RULES` with people who break it and who do not, and all against a walk through the weeks."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.register.codes import CodeList, read_codes
from analysis_lib.register.quality import check_extract
from analysis_lib.register.quality.events import EVENT_RULES
from analysis_lib.register.weeks import monday, week_index

FIRST = "2005-W01"  # begins on Monday 2005-01-03
BENEFIT = {111, 130, 211, 611, 651, 740, 783, 890}
CASES = {
    # rule: (date of birth, weeks that break it, persons' weeks, weeks that do not)
    "code_after_death": ("1950-01-01", [999, 0, 890, 555], 2, [890, 555, 999, 999]),
    "code_before_birth": ("2005-01-20", [555, 999, 0, 0], 2, [0, 0, 130, 130]),
    "benefit_after_pension": ("1935-01-01", [998, 0, 783, 111], 2, [111, 998, 999, 555]),
    "benefit_under_15": ("1990-01-20", [111, 890, 111, 0], 2, [0, 999, 111, 111]),
    "alive_at_110": ("1895-01-10", [0, 998, 555, 999], 2, [998, 999, 999, 999]),
    "pension_under_60": ("1945-01-20", [998, 998, 998, 998], 2, [111, 0, 998, 998]),
    "early_retirement_under_50": ("1955-01-20", [611, 0, 611, 611], 1, [111, 111, 611, 611]),
    "unemployment_at_70": ("1935-01-10", [111, 211, 111, 0], 2, [111, 998, 998, 998]),
    "unemployment_after_disability": ("1960-01-01", [783, 890, 111, 211], 2, [111, 783, 890, 783]),
    "benefit_after_emigration": ("1960-01-01", [997, 890, 555, 997], 1, [890, 997, 998, 999]),
    "blank_after_death": ("1950-01-01", [0, 999, 0, 0], 2, [0, 999, 999, 999]),
}


def test_every_rule_has_a_case():
    assert set(CASES) == {rule.id for rule in EVENT_RULES} | {"blank_after_death"}


@pytest.mark.parametrize("rule", CASES)
def test_rule_breaks(check, someone, rule):
    born, wrong, weeks, right = CASES[rule]
    report = check([someone(right, born=born), someone(wrong, born=born, name="guilty"), someone([0] * 4)])
    finding = report.finding(rule)
    assert (finding.count, finding.total) == (1, 3)
    assert finding.detail == f"person-weeks: {weeks}; Odense (461) in 2005: 1"
    assert report.examples(rule) == ("guilty",)
    declared = {r.id: r.severity for r in EVENT_RULES} | {"blank_after_death": "note"}
    assert finding.severity == declared[rule]


@pytest.mark.parametrize("rule", CASES)
def test_rule_holds(check, someone, rule):
    born, _, _, right = CASES[rule]
    report = check([someone(right, born=born), someone([0] * 4)])
    assert (report.finding(rule).severity, report.finding(rule).count, report.finding(rule).detail) == ("ok", 0, "")
    assert report.examples(rule) == ()


def test_severity_is_declared_where_the_user_expects_it():
    severity = {rule.id: rule.severity for rule in EVENT_RULES}
    assert {rule for rule, s in severity.items() if s == "error"} == {"code_after_death", "code_before_birth"}


@pytest.mark.parametrize(("born", "weeks"), [("1990-01-09", 0), ("1990-01-10", 1), ("1990-01-03", 0)])
def test_week_of_the_birthday_is_allowed(check, someone, born, weeks):
    # The first week is 3 to 9 January 2005: it is forbidden only to those who turn 15 after its Sunday.
    report = check([someone([111, 0], born=born)])
    assert report.finding("benefit_under_15").count == weeks


@pytest.mark.parametrize(
    ("born", "weeks"), [("1935-01-03", 2), ("1935-01-04", 1), ("1935-01-10", 1), ("1935-01-11", 0)]
)
def test_weeks_from_an_age_begin_with_a_monday(check, someone, born, weeks):
    # Weeks of 3 and of 10 January 2005: whoever is 70 on the Monday.
    finding = check([someone([111, 111], born=born)]).finding("unemployment_at_70")
    assert finding.detail == (f"person-weeks: {weeks}; Odense (461) in 2005: 1" if weeks else "")


def test_code_list_without_a_state(write, someone):
    codes = read_codes()
    alive = CodeList(title=codes.title, blank=codes.blank, states=tuple(s for s in codes.states if s.id != "dead"))
    report = check_extract(write([someone([999, 111])]), codes=alive)
    for rule in ("code_after_death", "alive_at_110", "benefit_after_pension", "blank_after_death"):
        finding = report.finding(rule)
        assert (finding.severity, finding.count) == ("note", None)
        assert finding.detail == "not checked: the code list has no state dead"
    assert report.finding("code_before_birth").made
    assert report.finding("unknown_codes").count == 1


# --- a walk through the weeks ----------------------------------------------------------------------------------------


def birthday(born, age):
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return dt.date(born.year + age, 3, 1)


def walk(people, first_week):
    """Return persons and person-weeks by rule, one week of one person after the other."""
    persons, weeks = Counter(), Counter()
    for one in people:
        found, seen = Counter(), set()
        for column, code in enumerate(one["codes"]):
            day = monday(week_index(first_week) + column)
            sunday, born = day + dt.timedelta(days=6), one["birth_date"]
            state = {
                111: "ui",
                211: "ui",
                611: "early",
                783: "disabled",
                998: "pension",
                997: "abroad",
                999: "dead",
            }.get(code)
            found["code_after_death"] += code not in (0, 999) and "dead" in seen
            found["blank_after_death"] += code == 0 and "dead" in seen
            found["code_before_birth"] += code != 0 and sunday < born
            found["benefit_after_pension"] += code in BENEFIT and "pension" in seen
            found["benefit_under_15"] += code in BENEFIT and sunday < birthday(born, 15)
            found["alive_at_110"] += code not in (0, 999) and day >= birthday(born, 110)
            found["pension_under_60"] += code == 998 and sunday < birthday(born, 60)
            found["early_retirement_under_50"] += code == 611 and sunday < birthday(born, 50)
            found["unemployment_at_70"] += state == "ui" and day >= birthday(born, 70)
            found["unemployment_after_disability"] += state == "ui" and "disabled" in seen
            found["benefit_after_emigration"] += code in BENEFIT and "abroad" in seen
            seen.add(state)
        weeks += found
        persons += Counter(rule for rule, n in found.items() if n)
    return persons, weeks


CODE = st.sampled_from([0, 0, 111, 111, 211, 130, 555, 611, 651, 740, 783, 890, 997, 998, 999])
BORN = st.one_of(
    st.dates(dt.date(1890, 1, 1), dt.date(2005, 12, 31)),
    st.builds(
        lambda age, days: dt.date(2005 - age, 1, 1) + dt.timedelta(days=days),
        st.sampled_from([0, 15, 50, 60, 70, 110]), st.integers(0, 120),
    ),
    st.sampled_from([dt.date(1992, 2, 29), dt.date(1936, 2, 29), dt.date(1896, 2, 29)]),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.lists(CODE, min_size=16, max_size=16), BORN, st.sampled_from([461, 561])), min_size=1, max_size=6
    )
)
def test_the_same_as_a_walk_through_the_weeks(check_once, someone, rows):
    people = [someone(codes, born=born.isoformat(), home=home) for codes, born, home in rows]
    report = check_once(people, first_week=FIRST)
    persons, weeks = walk(people, FIRST)
    for rule in CASES:
        finding = report.finding(rule)
        assert finding.count == persons[rule], rule
        assert finding.detail.startswith(f"person-weeks: {weeks[rule]:,}; ") or not weeks[rule]
        assert len(report.examples(rule)) == persons[rule]
