"""ISO weeks against the standard library's own calendar."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.errors import DefinitionError, InvalidInput
from analysis_lib.parameters import Definition, check_definition
from analysis_lib.register.weeks import (
    IsoWeek,
    column_name,
    monday,
    mondays,
    parse_column,
    thursday,
    week_index,
    week_label,
    week_of,
)

DREAM_DAYS = st.dates(dt.date(1990, 1, 1), dt.date(2089, 12, 31))


@given(DREAM_DAYS)
def test_label_and_column_name_the_week_of_the_calendar(day):
    year, week, _ = day.isocalendar()
    index = week_of(day)
    assert week_label(index) == f"{year}-W{week:02d}"
    assert week_index(week_label(index)) == index
    if 1990 <= year <= 2089:
        assert column_name(index) == f"y_{year % 100:02d}{week:02d}"
        assert parse_column(column_name(index)) == index


@given(DREAM_DAYS)
def test_index_counts_weeks(day):
    index = week_of(day)
    assert index == monday(index).toordinal() // 7
    assert monday(index) <= day < monday(index + 1)
    assert monday(index).isoweekday() == 1
    assert week_of(day + dt.timedelta(weeks=1)) == index + 1


@given(st.lists(DREAM_DAYS, max_size=5))
def test_mondays_are_those_of_each_week(days):
    indices = [week_of(day) for day in days]
    assert mondays(np.array(indices, dtype=np.int64)).tolist() == [monday(index) for index in indices]


def test_week_belongs_to_the_month_of_its_thursday():
    # 2007-W01 runs from Monday 1 January; 2009-W01 begins on Monday 29 December 2008 (ISO 8601).
    assert thursday(week_index("2009-W01")) == dt.date(2009, 1, 1)
    assert thursday(week_index("2007-W05")) == dt.date(2007, 2, 1)


def test_years_with_53_weeks():
    with_53 = []
    for year in range(1991, 2025):
        try:
            week_index(f"{year}-W53")
        except InvalidInput:
            continue
        with_53.append(year)
    assert with_53 == [1992, 1998, 2004, 2009, 2015, 2020]


def test_two_digit_years_pivot_at_90():
    assert week_label(parse_column("y_8901")) == "2089-W01"
    assert week_label(parse_column("y_9001")) == "1990-W01"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("y_0553", "column is 'y_0553'; must be a week that exists (2005 has weeks 01 to 52)"),
        ("y_0453x", "column is 'y_0453x'; must be y_YYWW, such as y_0544"),
        ("y_544", "column is 'y_544'; must be y_YYWW, such as y_0544"),
        ("y_0500", "column is 'y_0500'; must be a week that exists (2005 has weeks 01 to 52)"),
    ],
)
def test_column_that_is_no_week(name, message):
    with pytest.raises(InvalidInput) as error:
        parse_column(name)
    assert str(error.value) == message


@pytest.mark.parametrize("label", ["2005-44", "2005W44", "2005-W4", "05-W44", "2005-W44 "])
def test_label_that_is_no_week(label):
    with pytest.raises(InvalidInput) as error:
        week_index(label)
    assert str(error.value) == f"week is '{label}'; must be an ISO week written YYYY-Www, such as 2005-W44"


def test_label_of_a_week_that_does_not_exist():
    with pytest.raises(
        InvalidInput, match=r"week is '2004-W54'; must be a week that exists \(2004 has weeks 01 to 53\)"
    ):
        week_index("2004-W54")


def test_column_name_of_a_year_that_two_digits_cannot_tell():
    with pytest.raises(InvalidInput, match="week is 1989-W10; a DREAM column needs a year from 1990 to 2089"):
        column_name(week_index("1989-W10"))


def test_index_before_the_calendar():
    with pytest.raises(InvalidInput, match="week index is -1; must be 0 to"):
        monday(-1)


class _Window(Definition):
    week: IsoWeek


def test_week_of_a_definition():
    assert check_definition({"week": "2005-W44"}, _Window, "x.yml").week == week_index("2005-W44")
    with pytest.raises(DefinitionError) as error:
        check_definition({"week": "2005-W53"}, _Window, "x.yml")
    assert str(error.value) == "x.yml: week is '2005-W53'; must be a week that exists (2005 has weeks 01 to 52)"
    with pytest.raises(DefinitionError, match=r"x\.yml: week is 200544; must be an ISO week written YYYY-Www"):
        check_definition({"week": 200544}, _Window, "x.yml")
