"""The declaration of the columns: one for validation, simulation and the data dictionary."""

from __future__ import annotations

import datetime as dt
import decimal
from pathlib import Path

import numpy as np
import pytest

from analysis_lib.errors import InvalidInput
from analysis_lib.register.declarations import (
    CONTACTS,
    EMPLOYMENT,
    INDUSTRY_COLUMN,
    MATCHES,
    PERSON_ID,
    PERSONS,
    RATE_COLUMN,
    TABLES,
    WEEKS,
    data_dictionary,
    data_dictionary_markdown,
)

DATA_PAGE = Path(__file__).resolve().parents[2] / "docs" / "data.md"


def test_data_dictionary_has_every_declared_column():
    declared = [(table.name, column.name) for table in TABLES for column in table.columns]
    frame = data_dictionary()
    assert list(zip(frame["table"], frame["column"], strict=True)) == declared
    assert list(frame.columns) == ["table", "column", "kind", "unit", "required", "allowed", "description"]


def test_data_page_is_in_step():
    # When this fails, put data_dictionary_markdown() into docs/data.md again.
    assert data_dictionary_markdown() in DATA_PAGE.read_text(encoding="utf-8")


def test_simulated_register_draws_declared_columns_only(simulated):
    assert list(simulated.persons.columns) == [name for name in PERSONS.names if name in simulated.persons]
    for column in PERSONS.columns:
        assert str(simulated.persons[column.name].dtype) == column.pandas_type
        cells = simulated.persons[column.name]
        values = (cells.dt.date if column.kind == "date" else cells).unique().tolist()
        assert [column.parse(value) for value in values] == values
        if column.choices:
            assert set(values) == set(column.choices)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        (None, 0), ("  ", 0), (float("nan"), 0), (" 111", 111), ("111.00", 111), (111.0, 111), (np.int32(5), 5),
        (decimal.Decimal("111.0"), 111), ("32767", 32767), ("0", 0),
    ],
)  # fmt: skip
def test_week_codes_that_are_read(value, parsed):
    assert WEEKS.column("y_YYWW").parse(value) == parsed


@pytest.mark.parametrize(
    ("value", "reason"),
    [(value, "not a whole number") for value in (
        "111,0", "1e3", "0x6f", "11 1", 111.5, True, "١١١", b"111", "1.000", decimal.Decimal("1.5"), 2.0**60,
        "9999999999", dt.date(2005, 1, 1),
    )] + [(value, "out of range") for value in (-3, "-3", 32768, "32768.0")],
)  # fmt: skip
def test_week_codes_that_are_refused(value, reason):
    with pytest.raises(ValueError, match=reason):
        WEEKS.column("y_YYWW").parse(value)


@pytest.mark.parametrize("value", ["31-12-1971", "1971-1-2", "1971-W05-3", "1971-02-29", 1971, True, "1889-12-31", ""])
def test_dates_that_are_refused(value):
    with pytest.raises(ValueError, match=r"."):
        PERSONS.column("birth_date").parse(value)


@pytest.mark.parametrize("value", ["1960-02-29", " 1960-02-29 ", dt.datetime(1960, 2, 29), dt.date(1960, 2, 29)])
def test_dates_that_are_read(value):
    assert PERSONS.column("birth_date").parse(value) == dt.date(1960, 2, 29)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        (" p1 ", "p1"), (12, "12"), (12.0, "12"), (2**70, str(2**70)), (decimal.Decimal(10) ** 30, "1" + "0" * 30),
        (2.0**53, str(2**53)), ("001", "001"), ("1.0", "1.0"),
    ],
)  # fmt: skip
def test_ids_are_their_digits(value, parsed):
    assert PERSON_ID.parse(value) == parsed


@pytest.mark.parametrize("value", ["", " ", None, 1.5, float("nan"), True, 2.0**53 + 2, float("inf"), b"p1"])
def test_ids_that_are_refused(value):
    with pytest.raises(ValueError, match=r"."):
        PERSON_ID.parse(value)


@pytest.mark.parametrize(
    ("value", "parsed"),
    [("0.5", 0.5), (" 1 ", 1.0), (".5", 0.5), ("1e-1", 0.1), (10, 10.0), (decimal.Decimal("0.25"), 0.25), ("", None)],
)
def test_rates_that_are_read(value, parsed):
    assert EMPLOYMENT.column(RATE_COLUMN).parse(value) == parsed


@pytest.mark.parametrize("value", ["1_0", "0,5", "nan", "inf", "10.1", -0.1, 110.0, True, "١", float("inf")])
def test_rates_that_are_refused(value):
    with pytest.raises(ValueError, match=r"."):
        EMPLOYMENT.column(RATE_COLUMN).parse(value)


@pytest.mark.parametrize(("value", "parsed"), [("620100", 620100), (None, None), ("0", 0), (999_999, 999_999)])
def test_industries_that_are_read(value, parsed):
    assert EMPLOYMENT.column(INDUSTRY_COLUMN).parse(value) == parsed


@pytest.mark.parametrize("value", ["620.000", "-1", 1_000_000, "01.11.10"])
def test_industries_that_are_refused(value):
    with pytest.raises(ValueError, match=r"."):
        EMPLOYMENT.column(INDUSTRY_COLUMN).parse(value)


@pytest.mark.parametrize(("value", "parsed"), [("true", True), (" FALSE ", False), (True, True)])
def test_truth_values_that_are_read(value, parsed):
    assert PERSONS.column("married").parse(value) is parsed


@pytest.mark.parametrize("value", ["1", 1, 0.0, "ja", ""])
def test_truth_values_that_are_refused(value):
    with pytest.raises(ValueError, match=r"."):
        PERSONS.column("married").parse(value)


def test_what_is_allowed_is_said():
    assert [column.allowed for column in CONTACTS.columns] == [
        "text that is not blank",
        "meeting or offer",
        "text, or blank for not known",
        "a date that exists, written YYYY-MM-DD, or blank for not planned",
        "a date that exists, written YYYY-MM-DD, from 1991-01-01 to the last week of the extract, or blank for not held",
    ]
    assert PERSONS.column("education").allowed.endswith("further, academic or unknown")
    assert MATCHES.column("jobcentre").allowed == "an id of jobcentres.yml, such as jc_odense"


def test_unknown_column_suggests_the_nearest():
    with pytest.raises(InvalidInput, match=r"column is 'educaton'; must be one of .*did you mean 'education'"):
        PERSONS.column("educaton")
