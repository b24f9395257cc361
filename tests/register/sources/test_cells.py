"""Columns of any stored type as whole numbers and numbers."""

from decimal import Decimal

import pyarrow as pa
import pytest

from analysis_lib.register.sources.cells import as_integers, as_numbers

NAN = float("nan")


@pytest.mark.parametrize(
    ("stored", "kind", "expected"),
    [
        ([1, None], pa.int8(), [1, None]),
        ([2**31 - 1, 5], pa.uint64(), [2**31 - 1, 5]),
        ([1.0, NAN, None, -3.0], pa.float64(), [1, None, None, -3]),
        ([2.0], pa.float32(), [2]),
        ([Decimal("7.00"), None], pa.decimal128(9, 2), [7, None]),
        (["1", " 2.0 ", "", None], pa.large_string(), [1, 2, None, None]),
        (["1", "2,00"], pa.string_view(), [1, 2]),
        ([None, None], pa.null(), [None, None]),
        ([], pa.string(), []),
    ],
)
def test_whole_numbers_of_stored_types(stored, kind, expected):
    cells = pa.chunked_array([pa.array(stored, kind)])
    turned = as_integers(cells)
    assert turned.type == pa.int32()
    assert turned.to_pylist() == expected


@pytest.mark.parametrize(
    ("stored", "kind"),
    [
        ([1.5], pa.float64()),
        ([float("inf")], pa.float64()),
        ([2**31], pa.int64()),
        ([3e9], pa.float64()),
        ([Decimal("7.50")], pa.decimal128(9, 2)),
        (["1", "x"], pa.string()),
        ([True], pa.bool_()),
        ([0], pa.date32()),
    ],
)
def test_other_columns_stay_as_they_stand(stored, kind):
    cells = pa.chunked_array([pa.array(stored, kind)])
    assert as_integers(cells) is cells


@pytest.mark.parametrize(
    ("stored", "kind", "expected"),
    [
        ([1, None], pa.int16(), [1.0, None]),
        ([1.5, NAN], pa.float32(), [1.5, None]),
        ([Decimal("7.50")], pa.decimal128(9, 2), [7.5]),
        (["1.5", " -2e3", ""], pa.string(), [1.5, -2000.0, None]),
        ([None], pa.null(), [None]),
    ],
)
def test_numbers_of_stored_types(stored, kind, expected):
    turned = as_numbers(pa.chunked_array([pa.array(stored, kind)]))
    assert turned.type == pa.float64()
    assert turned.to_pylist() == expected


@pytest.mark.parametrize("cell", ["1,5", "nan", "Infinity", "1e999", "1 5", "x", "0x1", "1_0"])
def test_what_is_no_number(cell):
    cells = pa.chunked_array([["1", cell]])
    assert as_numbers(cells) is cells


def test_a_whole_number_too_large_for_a_double_stays():
    cells = pa.chunked_array([pa.array([2**60 + 1])])
    assert as_numbers(cells) is cells


def test_dictionaries_are_decoded():
    cells = pa.chunked_array([pa.array(["1", "2", None, "1"]).dictionary_encode()])
    assert as_integers(cells).to_pylist() == [1, 2, None, 1]
    assert as_numbers(cells).to_pylist() == [1.0, 2.0, None, 1.0]
