"""Periods: forms, days, order and round trips."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.aggregates import Period
from analysis_lib.errors import InvalidInput

LAST = {"month": 12, "quarter": 4, "week": 52, "year": 1, "rolling_year": 4}
periods = st.sampled_from(sorted(LAST)).flatmap(
    lambda kind: st.builds(Period, st.just(kind), st.integers(1900, 2200), st.integers(1, LAST[kind]))
)


@pytest.mark.parametrize(
    ("text", "kind", "first", "last"),
    [
        ("2019M01", "month", "2019-01-01", "2019-01-31"),
        ("2020M02", "month", "2020-02-01", "2020-02-29"),
        ("2022Q1", "quarter", "2022-01-01", "2022-03-31"),
        ("2008K4", "quarter", "2008-10-01", "2008-12-31"),
        ("2022Y01", "year", "2022-01-01", "2022-12-31"),
        ("2022", "year", "2022-01-01", "2022-12-31"),
        # Twelve months that end with the second quarter; with the fourth they are the year.
        ("2021QMAT02", "rolling_year", "2020-07-01", "2021-06-30"),
        ("2021QMAT04", "rolling_year", "2021-01-01", "2021-12-31"),
        # ISO 8601: week 53 of 2020 ends on Sunday 3 January 2021, week 1 of 2020 began on 30 December 2019.
        ("2020U53", "week", "2020-12-28", "2021-01-03"),
        ("2020U01", "week", "2019-12-30", "2020-01-05"),
        (" 2019M12 ", "month", "2019-12-01", "2019-12-31"),
    ],
)
def test_forms_and_days(text, kind, first, last):
    period = Period.parse(text)
    assert period.kind == kind
    assert (period.first_day, period.last_day) == (dt.date.fromisoformat(first), dt.date.fromisoformat(last))


@pytest.mark.parametrize(
    "text",
    ["2019M13", "2019M00", "2019M1", "2022Q5", "2022K0", "2021QMAT05", "2022Y02", "2021U53", "2021U00", "19", "", "0000",
     "2019-01", "2019m01", "201901", "2019M01D05", "2022H1", "l(m:12)", "٢٠١٩M01"],
)  # fmt: skip
def test_what_is_no_period_is_an_error_with_the_forms(text):
    with pytest.raises(
        InvalidInput, match=r"^period is '.*'; must be a period that exists, written 2019M01 .*2021QMAT02"
    ):
        Period.parse(text)


def test_two_forms_of_one_period_are_one():
    assert len({Period.parse(text) for text in ("2008K1", "2008Q1")}) == 1
    assert len({Period.parse(text) for text in ("2022", "2022Y01")}) == 1
    assert Period.parse("2021QMAT04") != Period.parse("2021")


def test_forms_of_each_publisher():
    quarter, year, rolling, week = (Period.parse(text) for text in ("2008K1", "2022Y01", "2021QMAT02", "2020U05"))
    assert (quarter.label, quarter.jobindsats_code) == ("2008Q1", "2008Q1")
    assert (quarter.statbank_code(), quarter.statbank_code("en")) == ("2008K1", "2008Q1")
    assert (year.label, year.jobindsats_code, year.statbank_code()) == ("2022", "2022Y01", "2022")
    assert (rolling.jobindsats_code, week.statbank_code(), str(week)) == ("2021QMAT02", "2020U05", "2020U05")
    with pytest.raises(InvalidInput, match="jobindsats has no weeks"):
        _ = week.jobindsats_code
    with pytest.raises(InvalidInput, match="StatBank has no rolling years"):
        rolling.statbank_code()


@pytest.mark.parametrize("bad", [("decade", 2020, 1), ("month", 2020, 13), ("quarter", 1899, 1), ("week", 2021, 53)])
def test_no_period_can_be_made_that_does_not_exist(bad):
    with pytest.raises(InvalidInput, match="must be"):
        Period(*bad)


@given(periods)
def test_round_trips(period):
    assert Period.parse(period.label) == period
    if period.kind != "week":
        assert Period.parse(period.jobindsats_code) == period
    if period.kind != "rolling_year":
        assert Period.parse(period.statbank_code("da")) == Period.parse(period.statbank_code("en")) == period


@given(periods, periods)
def test_order_follows_the_days_and_is_total(a, b):
    assert (a < b) + (b < a) + (a == b) == 1
    assert (a <= b) == (a < b or a == b)
    if a.first_day < b.first_day:
        assert a < b


@given(periods)
def test_length_in_days(period):
    days = (period.last_day - period.first_day).days + 1
    low, high = {
        "month": (28, 31),
        "quarter": (90, 92),
        "week": (7, 7),
        "year": (365, 366),
        "rolling_year": (365, 366),
    }[period.kind]
    assert low <= days <= high


def test_periods_are_compared_with_periods_only():
    with pytest.raises(TypeError):
        _ = Period.parse("2020") < "2021"
