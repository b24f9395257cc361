"""Figures: Danish and English forms, missing markers, and what can be read two ways."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.aggregates.figures import MISSING_MARKERS, Cell, decimal_sign, is_figure, missing_reason, read_figure
from analysis_lib.errors import DataError


def cells(*values):
    return [Cell(column="Antal", row=row, value=value) for row, value in enumerate(values)]


def numbers(*values, declared=None, documented=None):
    column = cells(*values)
    sign = decimal_sign(column, "t.csv", declared=declared, documented=documented)
    return [read_figure(cell, "t.csv", sign) for cell in column]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["1.234,5", "7"], [1234.5, 7]),
        (["1,234.5"], [1234.5]),
        (["12,5", "1.234"], [12.5, 1234]),  # the comma of the first settles the second
        (["12.5", "1,234"], [12.5, 1234]),
        (["1.234.567"], [1234567]),
        (["0,125"], [0.125]),  # no thousands begin with 0
        (["1234,567"], [1234.567]),  # four digits are no thousands
        (["1 234", "1\u00a0234\u00a0567"], [1234, 1234567]),
        (["\u22123", "-4"], [-3, -4]),
        ([0, "0", 3, 2.5], [0, 0, 3, 2.5]),
    ],
)
def test_forms(texts, expected):
    read = numbers(*texts)
    assert read == expected
    assert [type(value) for value in read] == [type(value) for value in expected]


@pytest.mark.parametrize("text", ["1.234", "1,234", "12.345", "123.456"])
def test_what_can_be_read_two_ways_is_an_error_until_the_sign_is_said(text):
    with pytest.raises(
        DataError, match=rf"t.csv: column Antal, row 2: '{text}' can be read with .* Reading\(decimal=...\)"
    ):
        numbers("7", text)
    assert numbers(text, declared="," if "." in text else ".") == [int(text.replace(".", "").replace(",", ""))]
    assert numbers(text, declared="." if "." in text else ",") == [float(text.replace(",", "."))]


def test_a_documented_comma_reads_decimals_but_not_thousands_alone():
    assert numbers("1,234", documented=",") == [1.234]
    with pytest.raises(DataError, match=r"'1.234' can be read"):
        numbers("1.234", documented=",")
    assert numbers("1.234", "0,5", documented=",") == [1234, 0.5]


@pytest.mark.parametrize("known", [{"documented": ","}, {"declared": ","}])
def test_a_figure_that_contradicts_the_sign_is_an_error(known):
    with pytest.raises(DataError, match=r"column Antal, row 2: '12.5' uses '.' as decimal sign; must be ','"):
        numbers("1,5", "12.5", **known)


def test_two_signs_in_a_file_are_an_error():
    with pytest.raises(DataError, match=r"row 1: '1,5' and column Antal, row 2: '1.5' use different decimal signs"):
        numbers("1,5", "1.5")


@pytest.mark.parametrize(
    "value", ["1.23.4", "12,34,5", "1.2345.678", "3+", "5 %", "1e3", "--1", True, "1 23", "1.234,5,6", [1]]
)
def test_what_is_no_number_is_an_error(value):
    with pytest.raises(DataError, match=r"column Antal, row 1: .* is no number; must be a number or one of -"):
        numbers(value, declared=",")


def test_a_whole_number_must_be_exact():
    assert numbers(str(2**53)) == [2**53]
    with pytest.raises(DataError, match="is too large"):
        numbers(2**53 + 1)


@pytest.mark.parametrize("marker", MISSING_MARKERS)
def test_no_marker_is_a_figure(marker):
    assert missing_reason(marker) == (marker or "blank")
    assert missing_reason(f" {marker} ") == (marker or "blank")
    assert not is_figure(marker)


@pytest.mark.parametrize("value", [0, 0.0, "0", "0,0", "-1"])
def test_a_nought_is_not_missing(value):
    assert missing_reason(value) is None
    assert is_figure(value)


@given(st.integers(-(10**9), 10**9), st.integers(0, 99), st.sampled_from([",", "."]))
def test_grouped_and_bare_writing_are_the_same_number(whole, hundredths, sign):
    other = "." if sign == "," else ","
    grouped = f"{whole:,}".replace(",", other)
    texts = [f"{grouped}{sign}{hundredths:02d}", f"{whole}{sign}{hundredths:02d}"]
    expected = float(f"{whole}.{hundredths:02d}")
    assert numbers(*texts) == [expected, expected]
