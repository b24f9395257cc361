"""The answers of jobindsats, as files or bodies: v2 JSON, v3 JSON and semicolon CSV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from analysis_lib.aggregates.raw import RawColumn, RawTable, load_json, quote, read_csv
from analysis_lib.errors import DataError


def parse_jobindsats_json(body: bytes, where: str) -> RawTable:
    """Read a JSON answer of version 2 (a list with `Variables` and `Data`) or 3 (`columns` and `rows`).

    Parameters
    ----------
    body
        UTF-8, with or without a byte order mark.
    where
        The file or address, for errors.

    Raises
    ------
    DataError
        Where it is another document, or a row has not one cell a column.

    Examples
    --------
    >>> body = '{"columns": ["Periode", "Område", "Antal personer"], "rows": [["2019M01", "Odense", 12]]}'
    >>> [column.label for column in parse_jobindsats_json(body.encode(), "t.json").columns]
    ['Periode', 'Område', 'Antal personer']
    """
    document = load_json(body, where)
    if isinstance(document, list):
        labels, rows = _version_2(document, where)
    elif isinstance(document, dict) and {"columns", "rows"} <= document.keys():
        labels, rows = document["columns"], document["rows"]
    else:
        raise _not_a_table(document, where)
    if not isinstance(labels, list) or not all(isinstance(label, str) and label.strip() for label in labels):
        raise DataError(f"{where}: the columns are {quote(str(labels))}; must be a list of names")
    return RawTable(columns=_columns([label.strip() for label in labels], rows, where))


def parse_jobindsats_csv(body: bytes, where: str) -> RawTable:
    r"""Read a CSV answer: semicolons, decimal comma, UTF-8 (older files Windows-1252).

    Raises
    ------
    DataError
        Where it is no such table.

    Examples
    --------
    >>> table = parse_jobindsats_csv("Area;Periode;Andel\nOdense;2019M01;1,5\n".encode(), "t.csv")
    >>> table.n_rows, table.columns[2].cells
    (1, ('1,5',))
    """
    labels, rows = read_csv(body, where)
    return RawTable(columns=_columns(labels, rows, where), decimal=",")


def _version_2(document: list[Any], where: str) -> tuple[Any, Any]:
    if len(document) != 1 or not isinstance(document[0], dict) or not {"Variables", "Data"} <= document[0].keys():
        raise _not_a_table(document, where)
    variables = document[0]["Variables"]
    if not isinstance(variables, list) or not all(isinstance(v, dict) and "Label" in v for v in variables):
        raise DataError(f"{where}: Variables is {quote(str(variables))}; must be a list of objects with a Label")
    return [v["Label"] for v in variables], document[0]["Data"]


def _columns(labels: Sequence[str], rows: Any, where: str) -> tuple[RawColumn, ...]:
    if not isinstance(rows, list):
        raise DataError(f"{where}: the rows are {quote(str(rows))}; must be a list")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, list) or len(row) != len(labels):
            raise DataError(f"{where}: row {number} is {quote(str(row))}; must have {len(labels)} cells, one a column")
    cells = zip(*rows, strict=True) if rows else [()] * len(labels)
    return tuple(RawColumn(label=label, cells=tuple(column)) for label, column in zip(labels, cells, strict=True))


def _not_a_table(document: Any, where: str) -> DataError:
    return DataError(
        f"{where}: is no table of jobindsats; must be a list with Variables and Data (version 2) or an object with "
        f"columns and rows (version 3); found {quote(str(document))}"
    )
