"""The columns of source files held against the declarations: every problem is found, each in one line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import suggest
from analysis_lib.register.declarations import INDUSTRY_COLUMN, PERSON_ID, RATE_COLUMN, WEEK_COLUMN
from analysis_lib.register.importing.faults import EXAMPLES, count_of, shown_of
from analysis_lib.register.schema import Table
from analysis_lib.register.weeks import COLUMN_PATTERN, column_name, parse_column

MONTH_PATTERN = re.compile(r"(branche|grad)_([0-9]{4})_([0-9]{2})")
FIRST_MONTH = 12 * 2008
"""Months are counted from January of year 0; employment is known from 2008."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Columns of consecutive weeks or months.

    Attributes
    ----------
    names
        In the order of time; `None` where the file has none.
    first
        Index of the first.
    """

    names: tuple[str | None, ...]
    first: int

    def __len__(self) -> int:
        return len(self.names)

    @property
    def present(self) -> tuple[str, ...]:
        """The columns that the file has."""
        return tuple(name for name in self.names if name is not None)


def check_columns(table: Table, names: Sequence[str], where: str) -> list[str]:
    """Return what is wrong with the columns of a table whose names are fixed: unknown, missing, twice."""
    problems = [
        f"{where}: unknown column '{name}'{suggest(name, table.names)} (allowed: {', '.join(table.names)})"
        for name in names
        if name not in table.names
    ]
    required = [column.name for column in table.columns if column.required]
    absent = [name for name in required if name not in names]
    twice = [name for name, count in Counter(names).items() if count > 1 and name in table.names]
    return problems + [_missing_or_twice(name, names, where) for name in absent + twice]


def check_series_file(names: Sequence[str], where: str, *, weeks: bool) -> list[str]:
    """Return the columns that stand neither for a person, nor for a week (where it has weeks), nor for a month."""
    kinds = [PERSON_ID.name, *([WEEK_COLUMN] if weeks else []), INDUSTRY_COLUMN, RATE_COLUMN]
    problems = [] if PERSON_ID.name in names else [_missing_or_twice(PERSON_ID.name, names, where)]
    if names.count(PERSON_ID.name) > 1:
        problems.append(_missing_or_twice(PERSON_ID.name, names, where))
    for name in dict.fromkeys(names):
        known = name == PERSON_ID.name or MONTH_PATTERN.fullmatch(name) or (weeks and COLUMN_PATTERN.fullmatch(name))
        if not known:
            hint = suggest(name, [PERSON_ID.name] if PERSON_ID.name not in names else [])
            problems.append(f"{where}: unknown column '{name}'{hint} (allowed: {', '.join(kinds)})")
    return problems


def week_series(names: Sequence[str], where: str) -> tuple[Series | None, list[str]]:
    """Return the week columns, which must be every week from first to last, once and in the order of time."""
    weeks = [name for name in names if COLUMN_PATTERN.fullmatch(name)]
    if not weeks:
        return None, [f"{where}: there is no week column; must be one column a week, {WEEK_COLUMN}"]
    return _series(weeks, where, "week", parse_column, column_name)


def month_series(names: Sequence[str], where: str) -> tuple[Mapping[str, Series] | None, list[str]]:
    """Return the columns of industry and of employment rate by month, over the same months; `None` without any."""
    found: dict[str, Series] = {}
    problems: list[str] = []
    for stem in ("branche", "grad"):
        own = [name for name in names if name.startswith(f"{stem}_") and MONTH_PATTERN.fullmatch(name)]
        if own:
            series, faults = _series(own, where, "month", _parse_month, partial(month_column, stem))
            problems += faults
            if series is not None:
                found[stem] = series
    if not found:
        return None, problems
    first = min(series.first for series in found.values())
    last = max(series.first + len(series) for series in found.values())
    return {stem: _padded(found.get(stem), first, last) for stem in ("branche", "grad")}, problems


def month_column(stem: str, month: int) -> str:
    """Return the name of a month's column.

    Examples
    --------
    >>> month_column("grad", 12 * 2008)
    'grad_2008_01'
    """
    return f"{stem}_{month // 12:04d}_{month % 12 + 1:02d}"


def _parse_month(name: str) -> int:
    match = MONTH_PATTERN.fullmatch(name)
    if match is None:
        raise InvalidInput(f"column is '{name}'; must be {INDUSTRY_COLUMN} or {RATE_COLUMN}")
    year, month = int(match[2]), int(match[3])
    if not 1 <= month <= 12 or 12 * year < FIRST_MONTH:
        raise InvalidInput(f"column is '{name}'; must be a month from {FIRST_MONTH // 12}_01")
    return 12 * year + month - 1


def _padded(series: Series | None, first: int, last: int) -> Series:
    if series is None:
        return Series(names=(None,) * (last - first), first=first)
    before, after = series.first - first, last - series.first - len(series)
    return Series(names=(None,) * before + series.names + (None,) * after, first=first)


def _series(
    names: Sequence[str], where: str, unit: str, parse: Callable[[str], int], column: Callable[[int], str]
) -> tuple[Series | None, list[str]]:
    indices: dict[str, int] = {}
    problems = []
    for name in dict.fromkeys(names):
        try:
            indices[name] = parse(name)
        except InvalidInput as error:
            problems.append(f"{where}: {error}")
    problems += [_missing_or_twice(name, names, where) for name in indices if names.count(name) > 1]
    order = list(indices.values())
    for (name, index), before in zip(list(indices.items())[1:], order, strict=False):
        if index < before:
            problems.append(f"{where}: column {name} stands after {column(before)}; must be in the order of time")
            break
    gone = sorted(set(range(min(order), max(order) + 1)) - set(order)) if order else []
    if gone:
        shown = shown_of([column(index) for index in gone[:EXAMPLES]], len(gone))
        problems.append(
            f"{where}: {count_of(len(gone), f'{unit} column')} missing: {shown}; "
            f"must be every {unit} from first to last"
        )
    if problems or not order:
        return None, problems
    return Series(names=tuple(indices), first=order[0]), []


def _missing_or_twice(name: str, names: Sequence[str], where: str) -> str:
    if name in names:
        return f"{where}: column {name} stands {names.count(name)} times; must stand once"
    return f"{where}: column {name} is missing{suggest(name, names)}; it is required"
