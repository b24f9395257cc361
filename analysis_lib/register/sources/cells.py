"""Cells as whole numbers and numbers: a column is turned where all of it can be, and else left as it stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

INTEGER = pa.int32()
NUMBER = pa.float64()
_WHOLE = re.compile(r"(-?[0-9]+)(?:([.,])(0+))?")
_LAST = 2**31 - 1


def as_integers(cells: pa.ChunkedArray, decimal: str | None = None) -> pa.ChunkedArray:
    """Return the column as int32 where every cell is blank or a whole number, else unchanged.

    Parameters
    ----------
    cells
        A column of any type; texts may be padded, and written as ``111.0``.
    decimal
        The decimal sign that was declared. Without one, three zeros after a sign (``1.000``) are no whole number,
        because the sign may separate thousands.

    Examples
    --------
    >>> as_integers(pa.chunked_array([["111.0", " 130", ""]])).to_pylist()
    [111, 130, None]
    >>> as_integers(pa.chunked_array([["111", "x"]])).to_pylist()
    ['111', 'x']
    """
    return _turn(cells, INTEGER, lambda text: _read_whole(text, decimal))


def columns_as_integers(columns: Sequence[pa.ChunkedArray], decimal: str | None = None) -> list[pa.ChunkedArray]:
    """Turn equally long columns of one type as `as_integers` does, at once where it can: wide files have thousands.

    Examples
    --------
    >>> both = columns_as_integers([pa.chunked_array([["1.0"]]), pa.chunked_array([["x"]])])
    >>> [cells.to_pylist() for cells in both]
    [[1], ['x']]
    """
    if not columns:
        return []
    end_to_end = pa.chunked_array([chunk for cells in columns for chunk in cells.chunks], columns[0].type)
    turned = as_integers(end_to_end, decimal)
    if turned.type != INTEGER:
        return [as_integers(cells, decimal) for cells in columns]
    rows = len(columns[0])
    return [turned.slice(number * rows, rows) for number in range(len(columns))]


def as_numbers(cells: pa.ChunkedArray, decimal: str = ".") -> pa.ChunkedArray:
    """Return the column as double where every cell is blank or a finite number, else unchanged.

    Parameters
    ----------
    cells
        A column of any type.
    decimal
        The decimal sign of texts.

    Examples
    --------
    >>> as_numbers(pa.chunked_array([["1,5", " ", "-2"]]), ",").to_pylist()
    [1.5, None, -2.0]
    """
    pattern = number_pattern(decimal)
    return _turn(cells, NUMBER, lambda text: _read_number(text, decimal, pattern))


def number_pattern(decimal: str) -> re.Pattern[str]:
    """Return the pattern of a number with a decimal sign (which it need not use)."""
    sign = re.escape(decimal)
    return re.compile(rf"[-+]?(?:[0-9]+(?:{sign}[0-9]*)?|{sign}[0-9]+)(?:[eE][-+]?[0-9]+)?")


def is_text(kind: pa.DataType) -> bool:
    """Whether a column's type is text, whatever its layout."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _turn(cells: pa.ChunkedArray, kind: pa.DataType, read: Callable[[str], float | None]) -> pa.ChunkedArray:
    plain = cells.cast(cells.type.value_type) if pa.types.is_dictionary(cells.type) else cells
    if is_text(plain.type):
        return _read_texts(plain, kind, read, cells)
    if pa.types.is_floating(plain.type):
        plain = plain.cast(pa.float64())
        plain = pc.if_else(pc.is_nan(plain), pa.scalar(None, pa.float64()), plain)
    numeric = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_null)
    if not any(fits(plain.type) for fits in numeric):
        return cells
    try:
        return plain.cast(kind)
    except pa.ArrowInvalid:  # a fraction, or too large a number
        return cells


def _read_texts(
    plain: pa.ChunkedArray, kind: pa.DataType, read: Callable[[str], float | None], cells: pa.ChunkedArray
) -> pa.ChunkedArray:
    """Read each distinct text once."""
    encoded = pc.dictionary_encode(plain.cast(pa.string()).combine_chunks())
    try:
        values = pa.array([read(text) for text in encoded.dictionary.to_pylist()], kind)
    except ValueError:
        return cells
    return pa.chunked_array([values.take(encoded.indices)])


def _read_whole(text: str, decimal: str | None) -> int | None:
    text = text.strip()
    if not text:
        return None
    match = _WHOLE.fullmatch(text)
    if not match or (match[3] == "000" and match[2] != decimal) or (decimal and match[2] not in (None, decimal)):
        raise ValueError("not a whole number")
    value = int(match[1])
    if not -_LAST - 1 <= value <= _LAST:
        raise ValueError("too large")
    return value


def _read_number(text: str, decimal: str, pattern: re.Pattern[str]) -> float | None:
    text = text.strip()
    if not text:
        return None
    value = float(text.replace(decimal, ".")) if pattern.fullmatch(text) else float("nan")
    if not abs(value) < float("inf"):
        raise ValueError("not a finite number")
    return value
