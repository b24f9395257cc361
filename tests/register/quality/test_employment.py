"""Employment held against the weeks: exact counts, against a walk through weeks and months."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.register.weeks import thursday, week_index

RULES = ("employed_on_benefit", "high_rates", "months_outside")
MARCH = 12 * 2008 + 2  # 2008-W10 to W13: the Thursdays are 6, 13, 20 and 27 March


def months(month, number=1, rate=1.0, industry=1000):
    return {"month": month, "months": number, "rate": rate, "industry": industry}


def test_not_in_this_extract_is_not_zero(check, someone):
    report = check([someone([111, 111])])
    for rule in RULES:
        finding = report.finding(rule)
        assert (finding.severity, finding.count, finding.total) == ("note", None, None)
        assert finding.detail == "not checked: employment is not in this extract"
    assert dict(report.summary)["Employment"] == "not in this extract"
    assert report.severity == "ok"


def test_employed_all_month_while_on_full_benefit(check, someone):
    people = [
        someone([111, 130, 111, 111, 0, 0], employment=[months(MARCH, rate=0.9)], name="both"),
        someone([111, 130, 111, 211, 0, 0], employment=[months(MARCH)]),  # activation in one week
        someone([0, 111, 111, 111, 111, 111], employment=[months(MARCH)]),  # one week free
        someone([111] * 6, employment=[months(MARCH, rate=0.89)]),  # not employed enough
        someone([111] * 6, employment=[months(MARCH, rate=None)]),  # rate not known
        someone([111] * 6, employment=[months(MARCH + 1)]),  # April is not covered whole
    ]
    report = check(people, first_week="2008-W10")
    finding = report.finding("employed_on_benefit")
    assert (finding.severity, finding.count, finding.total) == ("note", 1, 5)
    assert finding.detail == "persons: 1; Odense (461) in 2008: 1"
    assert report.examples("employed_on_benefit") == ("both",)
    assert report.finding("high_rates").count == report.finding("months_outside").count == 0


def test_high_rates_and_months_outside(check, someone):
    people = [
        someone([0] * 6, employment=[months(MARCH - 2, 3, 1.51), months(MARCH + 1, 1, 1.5)], name="high"),
        someone([0] * 6, employment=[months(MARCH, 4, 0.2)], name="late"),
    ]
    report = check(people, first_week="2008-W10")
    high, outside = report.finding("high_rates"), report.finding("months_outside")
    assert (high.severity, high.count, high.total) == ("note", 3, 8)
    # January and February of one, May and June of the other; W15 is in April.
    assert (outside.severity, outside.count, outside.total) == ("warning", 4, 8)
    assert outside.detail == "persons: 2; Odense (461) in 2008: 4"
    assert report.examples("high_rates") == ("high",)
    assert report.examples("months_outside") == ("high", "late")


def test_table_with_no_rows_was_checked(check, someone):
    report = check([someone([111])], tables=["employment"])
    assert [report.finding(rule).count for rule in RULES] == [0, 0, 0]


RUN = st.tuples(st.integers(0, 3), st.integers(1, 3), st.sampled_from([None, 0.3, 0.9, 1.0, 1.6]))


@settings(max_examples=50, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.lists(st.tuples(st.sampled_from([111, 111, 130, 730, 211, 231, 890, 0]), st.integers(1, 9)), min_size=24, max_size=24),
            st.lists(RUN, max_size=3), st.sampled_from([461, 561]),
        ),
        min_size=1, max_size=4,
    ),
    first=st.sampled_from(["2008-W10", "2008-W11", "2008-W49"]),
)  # fmt: skip
def test_the_same_as_a_walk_through_weeks_and_months(check_once, someone, rows, first):
    start = week_index(first)
    begin = 12 * thursday(start).year + thursday(start).month - 1
    month_of = [12 * thursday(w).year + thursday(w).month - 1 for w in range(start - 9, start + 34)]
    people, counts = [], dict.fromkeys(RULES, 0)
    for pairs, gaps, home in rows:
        codes = [code for code, length in pairs for _ in range(length)][:24]
        runs, month = [], begin - 2
        for gap, number, rate in gaps:
            runs.append(months(month + gap, number, rate))
            month += gap + number
        people.append(someone(codes, home=home, employment=runs))
        for run in runs:
            for m in range(run["month"], run["month"] + run["months"]):
                weeks = [i - 9 for i, other in enumerate(month_of) if other == m]
                covered = [w for w in weeks if 0 <= w < 24]
                full = bool(weeks) and covered == weeks and all(codes[w] in (111, 130, 730) for w in weeks)
                rate = run["rate"] or 0
                counts["employed_on_benefit"] += full and rate >= 0.9
                counts["high_rates"] += rate > 1.5
                counts["months_outside"] += not covered
    report = check_once(people, first_week=first, tables=["employment"])
    assert {rule: report.finding(rule).count for rule in RULES} == counts
