"""How a published table is to be read, and which of its columns is what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from analysis_lib.aggregates.areas import AreaIndex
from analysis_lib.aggregates.figures import Cell, DecimalSign, is_figure, missing_reason
from analysis_lib.aggregates.raw import RawColumn, RawTable
from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.parameters import suggest

AREA_LABELS = frozenset(
    ["area", "område", "omrade", "kommune", "kommuner", "kommunedk", "region", "regioner", "jobcenter", "jobcentre"]
)
"""Column names that mean the area; only `Area` is verified for jobindsats, `OMRÅDE` and `KOMMUNEDK` for StatBank."""
PERIOD_LABELS = frozenset(["period", "periode", "tid", "time"])
FIXED = ("area", "area_kind", "jobcentre", "part_of", "municipality", "period", "is_total")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How to read a table.

    Attributes
    ----------
    measures
        Column names of the result to the beginning of the published label, such as
        `{"share": "Fuldtidspersoner i pct. af arbejdsstyrken"}`: labels change at their ends. Other figures are left
        out. Where nothing is given, every column of figures is a measure under its published label.
    dimension_columns
        Columns that are dimensions although they look like figures.
    area_column, period_column
        Labels of these columns where they cannot be told. `area_column=""` says that the table has no areas.
    totals
        `remove` leaves total rows out, `mark` keeps them with `is_total` true.
    total_values
        For a dimension: the values that are totals, in place of the rule.
    decimal
        The decimal sign, where the figures do not show it.
    strict
        Whether an area name that is not known is an error.
    title
        Of the table, where the format has none.
    areas
        Spellings of areas; those of `parameters/area_names.yml` where none are given.

    Examples
    --------
    >>> Reading(measures={"persons": "Antal personer"}).totals
    'remove'
    """

    measures: Mapping[str, str] | None = None
    dimension_columns: Collection[str] = ()
    area_column: str | None = None
    period_column: str | None = None
    totals: Literal["remove", "mark"] = "remove"
    total_values: Mapping[str, Collection[str]] = field(default_factory=dict)
    decimal: DecimalSign | None = None
    strict: bool = False
    title: str = ""
    areas: AreaIndex | None = None

    def __post_init__(self) -> None:
        if self.totals not in ("remove", "mark"):
            raise InvalidInput(f"totals is '{self.totals}'; must be remove or mark")
        if self.decimal not in (None, ",", "."):
            raise InvalidInput(f"decimal is '{self.decimal}'; must be ',' or '.'")
        if self.measures is not None and not self.measures:
            raise InvalidInput("measures is empty; must name at least one, or be left out")
        texts = [name for name, value in self.total_values.items() if isinstance(value, str)]
        if isinstance(self.dimension_columns, str) or texts:
            raise InvalidInput("dimension_columns, and each of total_values, must be a list of texts, not one text")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Which column is what; `measures` are by their name in the result, `left_out` are labels of unused figures."""

    area: RawColumn | None
    period: RawColumn
    dimensions: tuple[RawColumn, ...]
    measures: dict[str, RawColumn]
    left_out: tuple[str, ...]


def lay_out(table: RawTable, reading: Reading, where: str) -> Layout:
    """Say which column of a table is what.

    Raises
    ------
    DataError
        Where a label stands twice, no column or two can be the area or the period, a measure that was asked for is
        not there or is two columns, or a column mixes figures and words.
    """
    twice = [label for label, n in Counter(column.label for column in table.columns).items() if n > 1]
    if twice:
        raise DataError(f"{where}: column '{twice[0]}' stands twice")
    for label in (*reading.dimension_columns, *reading.total_values):
        _named(table, label, where)
    period = _single(table, "period", reading.period_column, PERIOD_LABELS, where)
    area = None if reading.area_column == "" else _single(table, "area", reading.area_column, AREA_LABELS, where)
    rest = [column for column in table.columns if column is not period and column is not area]
    asked = None if reading.measures is None else _asked(rest, reading, where)
    dimensions: list[RawColumn] = []
    figures: dict[str, RawColumn] = {}
    for column in rest:
        if asked is not None and any(column is chosen for chosen in asked.values()):
            continue
        is_dimension = column.role in ("dimension", "area") or column.label in reading.dimension_columns
        if is_dimension or not _holds_figures(column, where, asked is not None):
            dimensions.append(column)
        else:
            figures[column.label] = column
    left_out = () if asked is None else tuple(figures)
    measures = figures if asked is None else asked
    if not measures:
        raise DataError(f"{where}: has no column of figures; the columns are {_labels(table.columns)}")
    _check_names(dimensions, measures, where)
    return Layout(area=area, period=period, dimensions=tuple(dimensions), measures=measures, left_out=left_out)


def _labels(columns: Collection[RawColumn]) -> str:
    return ", ".join(f"'{column.label}'" for column in columns)


def _named(table: RawTable, label: str, where: str) -> RawColumn:
    for column in table.columns:
        if column.label == label:
            return column
    labels = [column.label for column in table.columns]
    raise DataError(
        f"{where}: has no column '{label}'{suggest(label, labels)}; the columns are {_labels(table.columns)}"
    )


def _single(table: RawTable, role: str, given: str | None, labels: Collection[str], where: str) -> RawColumn:
    if given is not None:
        return _named(table, given, where)
    found = [column for column in table.columns if column.role == role]
    found = found or [column for column in table.columns if column.label.casefold() in labels]
    if len(found) != 1:
        none = ", or say area_column='' where it has none" if role == "area" else ""
        raise DataError(
            f"{where}: {len(found) or 'no'} columns can be the {role}; name it with Reading({role}_column=...){none}; "
            f"the columns are {_labels(table.columns)}"
        )
    return found[0]


def _asked(columns: Collection[RawColumn], reading: Reading, where: str) -> dict[str, RawColumn]:
    asked: dict[str, RawColumn] = {}
    for name, prefix in (reading.measures or {}).items():
        wanted = _folded(prefix)
        begins = [column for column in columns if _folded(column.label).startswith(wanted)]
        exact = [column for column in begins if _folded(column.label) == wanted]
        found = exact or begins
        if len(found) != 1:
            among = _labels(found or columns)
            count = f"{len(found)} columns begin" if found else "no column begins"
            raise DataError(f"{where}: {count} with '{prefix}' (measure {name}); must be one of {among}")
        if any(found[0] is column for column in asked.values()):
            raise DataError(f"{where}: column '{found[0].label}' is asked for by two measures")
        asked[name] = found[0]
    return asked


def _folded(label: str) -> str:
    return " ".join(label.casefold().split())


def _holds_figures(column: RawColumn, where: str, others_are_asked: bool) -> bool:
    if column.role == "measure":
        return True
    figures, words = 0, None
    for row, value in enumerate(column.cells):
        if is_figure(value):
            figures += 1
        elif missing_reason(value) is None and words is None:
            words = Cell(column=column.label, row=row, value=value)
    if figures and words:
        raise DataError(
            f"{where}: {words} is no number while other cells are; where the column is a dimension, name it in "
            "Reading(dimension_columns=...)"
        )
    if not figures and not words and not others_are_asked:
        raise DataError(
            f"{where}: column '{column.label}' has neither a number nor words; say what it is with "
            "Reading(measures=...) or Reading(dimension_columns=...)"
        )
    return words is None


def _check_names(dimensions: Collection[RawColumn], measures: Mapping[str, RawColumn], where: str) -> None:
    names = [*FIXED, *(column.label for column in dimensions)]
    names += [name for measure in measures for name in (measure, f"{measure}_status")]
    taken = [name for name, n in Counter(names).items() if n > 1]
    if taken:
        raise DataError(
            f"{where}: two columns of the result would be called '{taken[0]}'; rename with Reading(measures=...)"
        )
