"""The declared rule for total rows: what counts as a total of other rows of the same table.

- A value of a dimension is a total where its code is TOT or IALT, or its text ends in "i alt" or "total", or begins
  with "Alle" or "All" - and the dimension has other values too. One total alone ("Køn i alt") double counts nothing.
- An area is a total where it holds another area of the table: the country where there is any other, a region where
  there is a municipality or jobcentre of it, a joint jobcentre where there is one of its municipalities.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from analysis_lib.aggregates.areas import Area
from analysis_lib.aggregates.raw import RawColumn
from analysis_lib.errors import DataError

TOTAL_CODES = frozenset(["TOT", "IALT"])
_TOTAL_TEXT = re.compile(r"(?:.*[ ,])?(?:i alt|total)|all(?:e)? .+", re.IGNORECASE)


def reads_as_total(text: str, code: str | None = None) -> bool:
    """Return whether a value of a dimension reads as a total.

    Examples
    --------
    >>> [reads_as_total(text) for text in ("Køn i alt", "Alle uddannelsesparate", "Mænd", "TOT", "Allerød")]
    [True, True, False, True, False]
    """
    return (code or text).strip().upper() in TOTAL_CODES or _TOTAL_TEXT.fullmatch(text.strip()) is not None


def dimension_totals(column: RawColumn, declared: Collection[str] | None, where: str) -> frozenset[str]:
    """Return the values of a dimension that are totals of its other values.

    Parameters
    ----------
    column
        The dimension.
    declared
        Its totals, where the caller says them in place of the rule.
    where
        The file or address, for errors.

    Raises
    ------
    DataError
        Where every value reads as a total and there are several, or a declared one is not there.
    """
    codes: Sequence[str | None] = column.codes or [None] * len(column.cells)
    values: Mapping[str, str | None] = {str(text): code for text, code in zip(column.cells, codes, strict=True)}
    if declared is not None:
        unknown = sorted(set(declared) - values.keys())
        if unknown:
            raise DataError(f"{where}: column '{column.label}' has no value '{unknown[0]}', which total_values names")
        return frozenset(declared)
    totals = frozenset(text for text, code in values.items() if reads_as_total(text, code))
    if len(totals) < len(values):
        return totals
    if len(totals) > 1:
        shown = ", ".join(f"'{text}'" for text in sorted(totals))
        raise DataError(
            f"{where}: every value of column '{column.label}' reads as a total ({shown}); "
            "say which are with Reading(total_values=...)"
        )
    return frozenset()


def area_totals(areas: Sequence[Area]) -> frozenset[int]:
    """Return the positions of areas that hold another one of them.

    Parameters
    ----------
    areas
        The different areas of a table.

    Examples
    --------
    >>> odense = Area(kind="municipality", municipalities=frozenset([461]))
    >>> sorted(area_totals([odense, Area(kind="country", municipalities=frozenset([461, 101]))]))
    [1]
    """
    return frozenset(
        k
        for k, area in enumerate(areas)
        if any(o.municipalities < area.municipalities and (o.municipalities or area.kind == "country") for o in areas)
    )
