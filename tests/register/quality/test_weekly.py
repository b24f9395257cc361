"""Unknown codes, holes, breaks, short gaps and the counts by year, against a walk through the weeks."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from statistics import median

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.register.codes import read_codes
from analysis_lib.register.quality.arrays import find_breaks
from analysis_lib.register.weeks import thursday, week_index


def states_of():
    codes = read_codes()
    return {int(code): codes.state_of(int(code)) for code in codes.known}


def test_unknown_codes(check, someone):
    people = [someone([555, 555, 111, 556]), someone([0, 555, 0, 0]), someone([111, 111, 0, 0])]
    report = check(people)
    finding = report.finding("unknown_codes")
    assert (finding.severity, finding.count, finding.total) == ("warning", 4, 7)
    assert finding.detail == "555: person-weeks 3, persons 2, in 2005; 556: person-weeks 1, persons 1, in 2005"
    assert report.exit_code == 10
    row = report.tables["codes"].set_index("code").loc[555]
    assert (row["state"], row["mark"], row["person_weeks"], row["persons"]) == ("", "", 3, 2)


def test_known_codes(check, someone):
    assert check([someone([111, 890, 0])]).finding("unknown_codes").severity == "ok"


def test_codes_by_evidence(check, someone):
    report = check([someone([111, 890, 555])])
    finding = report.finding("unverified_codes")
    # Both known codes are marked recalled in dream_codes.yml; the unknown one has no mark.
    assert (finding.severity, finding.count, finding.total, finding.detail) == ("note", 2, 2, "by evidence: 2 recalled")


# --- holes -----------------------------------------------------------------------------------------------------------


def test_empty_weeks_are_told_in_runs(check, someone):
    people = [someone([0, 111, 0, 0, 111, 0]), someone([0, 0, 0, 0, 890, 0])]
    finding = check(people, first_week="2005-W10").finding("empty_weeks")
    assert (finding.severity, finding.count, finding.total) == ("warning", 4, 6)
    assert finding.detail == "2005-W10; 2005-W12 to 2005-W13 (2 weeks); 2005-W15"


def test_year_without_a_code(check, someone):
    codes = [111] * 2 + [0] * 53 + [111] * 2
    finding = check([someone(codes)], first_week="2003-W51").finding("empty_weeks")
    # 2003-W51 and W52, the 53 weeks of 2004, 2005-W01 and W02.
    assert finding.detail == "2004-W01 to 2004-W53 (53 weeks); no code at all in 2004"


def test_no_empty_week(check, someone):
    assert check([someone([111, 0]), someone([0, 111])]).finding("empty_weeks").severity == "ok"


# --- breaks ----------------------------------------------------------------------------------------------------------


def crowd(someone, counts, code=111):
    """Return as many people as the largest count, so many of whom are on the code in each week; all are sick before."""
    return [someone([code if i < n else 0 for n in counts]) for i in range(max(counts))]


def test_break(check, someone):
    counts = [60, 61, 60, 59, 10, 9, 10, 60, 60]
    report = check([*crowd(someone, counts), someone([890] * 9)])
    finding = report.finding("breaks")
    assert (finding.severity, finding.count, finding.total) == ("warning", 2, None)
    assert finding.detail == "111 in 2005-W08: 10 to 60 persons; 111 in 2005-W05: 59 to 10 persons"
    assert report.finding("abrupt_codes").count == 0


def test_hole_of_one_code_is_a_break(check, someone):
    report = check([*crowd(someone, [40, 40, 0, 0, 40, 40]), someone([890] * 6)])
    assert report.finding("breaks").count == 2
    assert report.finding("abrupt_codes").count == 0


def test_code_that_begins_and_ends_at_once(check, someone):
    report = check([*crowd(someone, [0, 0, 50, 50, 50, 0]), someone([890] * 6)])
    finding = report.finding("abrupt_codes")
    assert (finding.severity, finding.count, finding.total) == ("note", 1, 2)
    assert finding.detail == "111 in 2005-W03: 0 to 50 persons, then 111 in 2005-W06: 50 to 0 persons"
    assert report.finding("breaks").count == 0


@pytest.mark.parametrize(
    "counts",
    [
        [60, 60, 50, 60, 60],  # a change of a sixth
        [9, 9, 2, 9, 9],  # large, but few: 2 (3 - √2) = 3.2
        [100, 200, 300, 400, 500],  # an intake
        [0, 100, 200, 300, 400],  # an intake from the beginning
        [100] * 5,
    ],
)
def test_no_break(check, someone, counts):
    report = check([*crowd(someone, counts), someone([890] * 5)])
    assert report.finding("breaks").count == 0
    assert report.finding("abrupt_codes").count == 0


def test_empty_weeks_are_no_breaks_too(check, someone):
    report = check(crowd(someone, [40, 40, 0, 40, 40]))
    assert report.finding("empty_weeks").count == 1
    assert report.finding("breaks").count == 0


def test_steps_of_an_intake_are_less_than_twice_each_other():
    # 160 to 250: 2 (√250 - √160) = 6.3 > 6, and 90 is not more than twice the 60 of the week before; 110 is of 40.
    before, after = [100] * 8, [250] * 8
    observed = np.ones(17, dtype=bool)
    assert find_breaks(np.array([*before, 160, *after]), observed).tolist() == []
    assert find_breaks(np.array([*before, 140, *after]), observed).tolist() == [9]


def naive_breaks(counts, observed):
    """The rule of `find_breaks` as its docstring says it, week by week."""
    n = len(counts)
    used = [t for t in range(n) if counts[t]]
    if not used:
        return []
    seen = [t > 0 and observed[t] and observed[t - 1] for t in range(n)]
    change = [counts[t] - counts[t - 1] if seen[t] else 0 for t in range(n)]
    y = [2 * math.sqrt(counts[t]) - 2 * math.sqrt(counts[t - 1]) if seen[t] else 0.0 for t in range(n)]
    within = [abs(y[t]) for t in range(used[0] + 1, used[-1] + 1)]
    s = 1.4826 * median(within) if within else 0.0
    found = []
    for t in range(1, n):
        sign = (change[t] > 0) - (change[t] < 0)
        alike = max(sign * change[u] for u in (t - 1, t + 1) if 0 <= u < n)
        if (
            sign
            and abs(change[t]) >= max(counts[t], counts[t - 1]) / 4
            and abs(y[t]) > 6 * max(1, s)
            and abs(change[t]) > 2 * alike
        ):
            found.append(t)
    return found


@settings(max_examples=300)
@given(
    counts=st.lists(
        st.tuples(st.sampled_from([0, 1, 5, 20, 40, 80, 100, 140, 400]), st.booleans()), min_size=1, max_size=12
    )
)
def test_find_breaks_as_the_rule_says(counts):
    values = [n for n, _ in counts]
    observed = [n > 0 or flag for n, flag in counts]
    assert find_breaks(np.array(values), np.array(observed)).tolist() == naive_breaks(values, observed)


# --- gaps ------------------------------------------------------------------------------------------------------------


def test_short_gaps(check, someone):
    people = [
        someone([111, 0, 111, 0, 0, 0, 211, 0, 0, 0, 0, 111], name="two"),  # of 1 and 3 weeks; 4 weeks are no short gap
        someone([111, 0, 890, 0, 0, 0, 0, 0, 0, 0, 0, 0]),  # another state
        someone([555, 0, 555, 0, 556, 0, 0, 0, 0, 0, 0, 0], name="unknown"),  # unknown codes: only the same
        someone([111, 890, 111, 0, 0, 0, 0, 0, 0, 0, 0, 111]),  # no gap, and a long one
    ]
    report = check(people)
    finding = report.finding("short_gaps")
    assert (finding.severity, finding.count, finding.total) == ("note", 3, 7)
    assert finding.detail == "persons: 2; Odense (461) in 2005: 3"
    assert report.examples("short_gaps") == ("two", "unknown")


def test_no_short_gaps(check, someone):
    report = check([someone([111, 0, 0, 0, 0, 111]), someone([111, 211, 0, 0, 0, 0])])
    assert report.finding("short_gaps").severity == "ok"


# --- counts by year, and everything again by a walk -------------------------------------------------------------------

CODE = st.sampled_from([0, 0, 111, 111, 211, 130, 555, 890])


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.lists(CODE, min_size=14, max_size=14), st.sampled_from([461, 561])), min_size=1, max_size=5
    ),
    first=st.sampled_from(["2004-W48", "2008-W46", "2005-W50"]),
)
def test_the_same_as_a_walk_through_the_weeks(check_once, someone, rows, first):
    people = [someone(codes, home=home) for codes, home in rows]
    report = check_once(people, first_week=first)
    state_of = states_of()
    years = [thursday(week_index(first) + column).year for column in range(14)]
    weeks, code_people, state_people = Counter(), defaultdict(set), defaultdict(set)
    state_weeks, empty, gaps = Counter(), set(range(14)), 0
    for i, (codes, _) in enumerate(rows):
        for column, code in enumerate(codes):
            state = state_of.get(code, "")
            state_weeks[years[column], state] += 1
            state_people[years[column], state].add(i)
            if code:
                empty.discard(column)
                weeks[years[column], code] += 1
                code_people[years[column], code].add(i)
                later = next((c for c in range(column + 1, 14) if codes[c]), None)
                other = codes[later] if later is not None else None
                same = other is not None and (state_of.get(other) == state if state else other == code)
                gaps += same and 1 < later - column <= 4
    by_code = report.tables["codes_by_year"].set_index(["year", "code"])
    assert {k: n for k, n in by_code["person_weeks"].items() if n} == dict(weeks)
    assert {k: n for k, n in by_code["persons"].items() if n} == {k: len(v) for k, v in code_people.items()}
    by_state = report.tables["states_by_year"].set_index(["year", "state"])
    assert {k: n for k, n in by_state["person_weeks"].items() if n} == dict(state_weeks)
    assert {k: n for k, n in by_state["persons"].items() if n} == {k: len(v) for k, v in state_people.items()}
    assert report.finding("empty_weeks").count == len(empty)
    assert report.finding("short_gaps").count == gaps
    assert report.finding("unknown_codes").count == sum(n for (_, code), n in weeks.items() if code == 555)


def test_a_week_belongs_to_the_year_of_its_thursday(check, someone):
    # 2009-W01 begins on Monday 29 December 2008, 2004-W53 ends on Sunday 2 January 2005.
    years = check([someone([111, 111])], first_week="2008-W52").tables["codes_by_year"]
    expected = pd.DataFrame({"year": [2008, 2009], "person_weeks": [1, 1]})
    pd.testing.assert_frame_equal(years[["year", "person_weeks"]], expected)
    report = check([someone([111, 111])], first_week="2004-W53")
    assert report.tables["codes_by_year"]["year"].tolist() == [2004, 2005]
    assert dict(report.summary)["Weeks covered"] == "2004-W53 to 2005-W01, 2 weeks; with a week 53: 2004"


def test_codes_in_use(check, someone):
    codes = check([someone([0, 111, 0, 111]), someone([111, 0, 0, 0], home=561)]).tables["codes"]
    assert codes.to_dict("records") == [{
        "code": 111, "state": "unemployment_insurance", "name": "Unemployment insurance benefit", "mark": "recalled",
        "person_weeks": 3, "persons": 2, "first_week": "2005-W01", "last_week": "2005-W04",
    }]  # fmt: skip
