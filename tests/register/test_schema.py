"""The declaration of the columns: one for validation, simulation and the data dictionary."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis_lib.errors import InvalidInput
from analysis_lib.register.schema import PERSONS, TABLES, WEEKS, data_dictionary, data_dictionary_markdown

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
    ("column", "value", "parsed"),
    [
        ("y_YYWW", None, 0),
        ("y_YYWW", "  ", 0),
        ("y_YYWW", float("nan"), 0),
        ("y_YYWW", " 111", 111),
        ("y_YYWW", "111.00", 111),
        ("y_YYWW", 111.0, 111),
        ("y_YYWW", "-3", -3),
    ],
)
def test_week_codes_that_are_read(column, value, parsed):
    assert WEEKS.column(column).parse(value) == parsed


@pytest.mark.parametrize("value", ["111,0", "1e3", "0x6f", "11 1", 111.5, True, "١١١", b"111"])
def test_week_codes_that_are_not_numbers(value):
    with pytest.raises(ValueError, match="not a whole number"):
        WEEKS.column("y_YYWW").parse(value)


@pytest.mark.parametrize("value", ["31-12-1971", "1971-1-2", "1971-W05-3", "1971-02-29", 1971, True])
def test_dates_that_are_refused(value):
    with pytest.raises(ValueError, match=r"."):
        PERSONS.column("birth_date").parse(value)


def test_unknown_column_suggests_the_nearest():
    with pytest.raises(InvalidInput, match=r"column is 'educaton'; must be one of .*did you mean 'education'"):
        PERSONS.column("educaton")
