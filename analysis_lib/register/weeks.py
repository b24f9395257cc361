"""ISO weeks as integers: labels, DREAM column names and dates.

A week's index is the ordinal of its Monday (day 1 is 0001-01-01) divided by 7, rounded down: consecutive weeks differ
by 1 across any New Year. A week belongs to the year and the month of its Thursday (ISO 8601; DREAM's months follow it).
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BeforeValidator, PlainSerializer

from analysis_lib.errors import InvalidInput

LABEL_PATTERN = re.compile(r"([0-9]{4})-W([0-9]{2})")
COLUMN_PATTERN = re.compile(r"y_([0-9]{2})([0-9]{2})")
# DREAM begins in 1991: two-digit years below 90 are 20YY, the others 19YY.
PIVOT = 90
_EPOCH_ORDINAL = dt.date(1970, 1, 1).toordinal()
_LAST_INDEX = dt.date.max.toordinal() // 7 - 1


def week_index(label: str) -> int:
    """Return the index of a week written `YYYY-Www`.

    Parameters
    ----------
    label
        Such as `2005-W44`; week 53 only in years that have one.

    Returns
    -------
    int
        The week's index.

    Raises
    ------
    InvalidInput
        Where the text is not such a week.

    Examples
    --------
    >>> week_index("2005-W01") - week_index("2004-W53")
    1
    """
    try:
        return _parse_label(label)
    except ValueError as error:
        raise InvalidInput(f"week is '{label}'; {error}") from None


def week_label(index: int) -> str:
    """Return the label of a week's index, `YYYY-Www`.

    Examples
    --------
    >>> week_label(week_index("2005-W44"))
    '2005-W44'
    """
    year, week, _ = monday(index).isocalendar()
    return f"{year:04d}-W{week:02d}"


def column_name(index: int) -> str:
    """Return the name that DREAM gives a week's column, `y_YYWW`.

    Raises
    ------
    InvalidInput
        Where two digits cannot tell the year: before 1990 and after 2089.

    Examples
    --------
    >>> column_name(week_index("2005-W44"))
    'y_0544'
    """
    year, week, _ = monday(index).isocalendar()
    if not 1900 + PIVOT <= year < 2000 + PIVOT:
        raise InvalidInput(f"week is {week_label(index)}; a DREAM column needs a year from 1990 to 2089")
    return f"y_{year % 100:02d}{week:02d}"


def parse_column(name: str) -> int:
    """Return the index of the week that a DREAM column holds.

    Raises
    ------
    InvalidInput
        Where the name is not `y_YYWW`, or the year has no such week.

    Examples
    --------
    >>> week_label(parse_column("y_9201")), week_label(parse_column("y_0544"))
    ('1992-W01', '2005-W44')
    """
    match = COLUMN_PATTERN.fullmatch(name)
    if not match:
        raise InvalidInput(f"column is '{name}'; must be y_YYWW, such as y_0544")
    short_year, week = int(match[1]), int(match[2])
    try:
        return _index_of(short_year + (2000 if short_year < PIVOT else 1900), week)
    except ValueError as error:
        raise InvalidInput(f"column is '{name}'; {error}") from None


def monday(index: int) -> dt.date:
    """Return the week's Monday.

    Examples
    --------
    >>> monday(week_index("2005-W44")).isoformat()
    '2005-10-31'
    """
    if not 0 <= index <= _LAST_INDEX:
        raise InvalidInput(f"week index is {index}; must be 0 to {_LAST_INDEX}")
    return dt.date.fromordinal(7 * int(index) + 1)


def thursday(index: int) -> dt.date:
    """Return the week's Thursday, whose year and month are the week's.

    Examples
    --------
    >>> thursday(week_index("2009-W01")).isoformat()
    '2009-01-01'
    """
    return monday(index) + dt.timedelta(days=3)


def mondays(indices: ArrayLike) -> NDArray[np.datetime64]:
    """Return the Mondays of many weeks.

    Parameters
    ----------
    indices
        Integers, any shape.

    Returns
    -------
    numpy.ndarray
        `datetime64[D]`, the same shape.

    Examples
    --------
    >>> mondays([week_index("2005-W44")])
    array(['2005-10-31'], dtype='datetime64[D]')
    """
    days = 7 * np.asarray(indices, dtype=np.int64) + 1 - _EPOCH_ORDINAL
    return days.astype("datetime64[D]")


def week_of(day: dt.date) -> int:
    """Return the index of the week that a day lies in.

    Examples
    --------
    >>> week_label(week_of(dt.date(2005, 1, 2)))
    '2004-W53'
    """
    return (day.toordinal() - 1) // 7


def _parse_label(label: str) -> int:
    match = LABEL_PATTERN.fullmatch(label)
    if not match:
        raise ValueError("must be an ISO week written YYYY-Www, such as 2005-W44")
    return _index_of(int(match[1]), int(match[2]))


def _index_of(year: int, week: int) -> int:
    try:
        return week_of(dt.date.fromisocalendar(year, week, 1))
    except ValueError:
        weeks = dt.date(year, 12, 28).isocalendar().week if year else 52
        raise ValueError(f"must be a week that exists ({year:04d} has weeks 01 to {weeks})") from None


def _from_file(value: object) -> object:
    if isinstance(value, str):
        return _parse_label(value)
    raise ValueError("must be an ISO week written YYYY-Www, such as 2005-W44")


IsoWeek = Annotated[int, BeforeValidator(_from_file), PlainSerializer(week_label, return_type=str)]
"""A week of a definition: `2005-W44` in the file, its index in the model."""
