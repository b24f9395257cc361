"""The answers of StatBank, as files or bodies: JSON-stat 1.x and 2.0, and semicolon CSV (also BULK)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis_lib.aggregates.figures import ABSENT
from analysis_lib.aggregates.raw import RawColumn, RawTable, Role, load_json, quote, read_csv
from analysis_lib.errors import DataError

ROLES: dict[str, Role] = {"geo": "area", "time": "period", "metric": "measure"}
MOST_CELLS = 20_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Dimension:
    """One dimension of a JSON-stat cube: codes and labels of its categories, in order; units where it is the metric."""

    name: str
    codes: tuple[str, ...]
    labels: tuple[str, ...]
    role: Role
    units: tuple[str, ...]

    @property
    def texts(self) -> tuple[str, ...]:
        """The labels; code and label where two categories have the same label."""
        count = Counter(self.labels)
        both = zip(self.codes, self.labels, strict=True)
        return tuple(label if count[label] == 1 else f"{code} {label}" for code, label in both)


def parse_jsonstat(body: bytes, where: str) -> RawTable:
    """Read a JSON-stat dataset: 1.x (`{"dataset": ...}`, as StatBank writes it) or 2.0 (`class: dataset`).

    One row a cell of the cube without its metric dimension, whose categories are the measures. Values may be a list in
    row-major order (the last dimension runs fastest) or an object with the positions that are not empty.

    Parameters
    ----------
    body
        UTF-8, with or without a byte order mark.
    where
        The file or address, for errors.

    Raises
    ------
    DataError
        Where it is another document, or its sizes, categories and values do not fit together.

    Notes
    -----
    Cell (i_1, ..., i_k) of a cube of sizes (n_1, ..., n_k) stands at position ((i_1 n_2 + i_2) n_3 + ...) n_k + i_k.
    """
    dataset = _dataset(load_json(body, where), where)
    dimensions = _dimensions(dataset, where)
    sizes = [len(dimension.codes) for dimension in dimensions]
    values = _cells(dataset.get("value"), sizes, f"{where}: value", missing=ABSENT)
    flags = _flags(dataset.get("status"), sizes, f"{where}: status")
    metric = next((k for k, dimension in enumerate(dimensions) if dimension.role == "measure"), None)
    positions = np.arange(math.prod(sizes)).reshape(sizes)
    title = dataset.get("label", "")
    if not isinstance(title, str):
        raise DataError(f"{where}: label is {quote(str(title))}; must be text")
    if metric is None:
        measures = [_measure(title or "value", positions, values, flags, "")]
        kept = dimensions
    else:
        slices = np.moveaxis(positions, metric, 0)
        categories = zip(dimensions[metric].texts, slices, dimensions[metric].units, strict=True)
        measures = [_measure(label, part, values, flags, unit) for label, part, unit in categories]
        kept = [*dimensions[:metric], *dimensions[metric + 1 :]]
    return RawTable(columns=(*_axes(kept), *measures), title=title)


def parse_statbank_csv(body: bytes, where: str) -> RawTable:
    r"""Read CSV or BULK: semicolons, one row a cell, the figures in the column INDHOLD.

    Raises
    ------
    DataError
        Where it is no such table.

    Examples
    --------
    >>> table = parse_statbank_csv("OMRÅDE;TID;INDHOLD\n101;2008K1;503699\n".encode(), "t.csv")
    >>> table.columns[2].role, table.columns[2].cells
    ('measure', ('503699',))
    """
    labels, rows = read_csv(body, where)
    if [label.casefold() for label in labels].count("indhold") != 1:
        raise DataError(
            f"{where}: has the columns {', '.join(labels)}; must have one column INDHOLD, StatBank's figures"
        )
    cells = list(zip(*rows, strict=True)) if rows else [()] * len(labels)
    roles: dict[str, Role] = {"indhold": "measure", "tid": "period"}
    return RawTable(
        columns=tuple(
            RawColumn(label=label, cells=column, role=roles.get(label.casefold(), "dimension"))
            for label, column in zip(labels, cells, strict=True)
        )
    )


def _dataset(document: Any, where: str) -> dict[str, Any]:
    if isinstance(document, dict):
        inner = document.get("dataset")
        if isinstance(inner, dict):
            return inner
        if document.get("class") == "dataset":
            return document
    raise DataError(
        f"{where}: is no JSON-stat dataset; must be an object with 'dataset' (1.x) or with class 'dataset' (2.0); "
        f"found {quote(str(document))}"
    )


def _dimensions(dataset: dict[str, Any], where: str) -> list[Dimension]:
    described = dataset.get("dimension")
    if not isinstance(described, dict):
        raise DataError(f"{where}: dimension is {quote(str(described))}; must be an object")
    # JSON-stat 2.0 has id, size and role beside `dimension`, 1.x inside it.
    outer = dataset if "id" in dataset else described
    names, sizes, role = outer.get("id"), outer.get("size"), outer.get("role", {})
    if (
        not isinstance(names, list)
        or not isinstance(sizes, list)
        or not isinstance(role, dict)
        or len(names) != len(sizes)
    ):
        raise DataError(f"{where}: id is {quote(str(names))}, size is {quote(str(sizes))}; must be lists of one length")
    for key, holders in role.items():
        most = 1 if key in ("time", "metric") else len(names)
        if not isinstance(holders, list) or not set(holders) <= set(names) or len(holders) > most:
            raise DataError(f"{where}: role {key} is {quote(str(holders))}; must be a list of {most} of the dimensions")
    roles = {name: ROLES[key] for key, holders in role.items() if key in ROLES for name in holders}
    found = []
    for name, size in zip(names, sizes, strict=True):
        if not isinstance(name, str) or not isinstance(described.get(name), dict):
            raise DataError(f"{where}: dimension '{name}' of id is not described")
        found.append(_dimension(name, size, described[name], roles.get(name, "dimension"), where))
    if math.prod(len(dimension.codes) for dimension in found) > MOST_CELLS:
        raise DataError(f"{where}: has more than {MOST_CELLS:,} cells; ask for less, or for BULK")
    return found


def _dimension(name: str, size: Any, described: dict[str, Any], role: Role, where: str) -> Dimension:
    category = described.get("category")
    if not isinstance(category, dict) or not all(isinstance(category.get(key, {}), dict) for key in ("label", "unit")):
        raise DataError(f"{where}: category of dimension '{name}' must be an object with objects label and unit")
    index, label, units = category.get("index"), category.get("label", {}), category.get("unit", {})
    if isinstance(index, dict):
        if set(index.values()) != set(range(len(index))):
            raise DataError(f"{where}: the positions of dimension '{name}' are not 0, 1, 2, ...")
        codes = sorted(index, key=index.__getitem__)
    elif isinstance(index, list):
        codes = [str(code) for code in index]
    else:
        # The index may be left out where there is one category.
        codes = list(label) if len(label) == 1 else []
    if not codes or len(codes) != size or len(set(codes)) != len(codes):
        raise DataError(f"{where}: dimension '{name}' has {len(set(codes))} categories; must have its size, {size}")
    return Dimension(
        name=name, codes=tuple(codes), labels=tuple(str(label.get(code, code)) for code in codes), role=role,
        units=tuple(_unit(units.get(code)) for code in codes),
    )  # fmt: skip


def _unit(described: Any) -> str:
    return str(described.get("base", "")) if isinstance(described, dict) else ""


def _cells(content: Any, sizes: Sequence[int], where: str, *, missing: object) -> list[object]:
    count = math.prod(sizes)
    if isinstance(content, list):
        if len(content) != count:
            raise DataError(f"{where} has {len(content)} cells; must have {count} ({' x '.join(map(str, sizes))})")
        return content
    if not isinstance(content, dict):
        raise DataError(f"{where} is {quote(str(content))}; must be a list or an object")
    cells = [missing] * count
    for key, value in content.items():
        if not key.isascii() or not key.isdigit() or int(key) >= count:
            raise DataError(f"{where} has a cell '{key}'; must be 0 to {count - 1}")
        cells[int(key)] = value
    return cells


def _flags(content: Any, sizes: Sequence[int], where: str) -> list[object]:
    if content is None or isinstance(content, str):
        return [content or ""] * math.prod(sizes)
    return ["" if flag is None else str(flag) for flag in _cells(content, sizes, where, missing="")]


def _measure(
    label: str, positions: NDArray[np.int64], values: list[object], flags: list[object], unit: str
) -> RawColumn:
    flat = positions.ravel().tolist()
    cells = [None if values[k] == ABSENT else values[k] for k in flat]
    statuses = [str(flags[k]) or (ABSENT if values[k] == ABSENT else "") for k in flat]
    return RawColumn(label=label, cells=cells, role="measure", unit=unit, statuses=statuses)


def _axes(dimensions: Sequence[Dimension]) -> list[RawColumn]:
    sizes = [len(dimension.codes) for dimension in dimensions]
    columns = []
    for axis, dimension in enumerate(dimensions):
        inner, outer = math.prod(sizes[axis + 1 :]), math.prod(sizes[:axis])
        position = np.tile(np.repeat(np.arange(sizes[axis]), inner), outer).tolist()
        texts = dimension.texts
        # A period's code says K for the quarter in either language; its label may be in words.
        shown = dimension.codes if dimension.role == "period" else texts
        columns.append(
            RawColumn(
                label=dimension.name, role=dimension.role,
                cells=[shown[k] for k in position], codes=[dimension.codes[k] for k in position],
            )
        )  # fmt: skip
    return columns
