"""How one run of a batch ended: its status, what went wrong, and its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from analysis_lib.batch.plan import PlannedRun
from analysis_lib.results import ESTIMATE_COLUMNS, Results

Status = Literal["ok", "not_estimable", "failed", "timeout", "died"]
FAILURES: tuple[Status, ...] = ("failed", "timeout", "died")
UNIT_COLUMNS = ("trial", "jobcentre", "stratum")


def empty_rows() -> pd.DataFrame:
    """Return the table of no rows, with every column and type.

    Examples
    --------
    >>> list(empty_rows().columns[:4])
    ['trial', 'jobcentre', 'stratum', 'outcome']
    """
    rows = as_typed(Results().to_frame())
    return pd.DataFrame({name: pd.Series(dtype="str") for name in UNIT_COLUMNS}).join(rows)


def as_typed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return estimates with the file format's types: text, float64, and Int64 for counts."""
    numbers = ("value", "std_error", "df", "low", "high", "level", "p_value")
    counts = ("n_treated", "n_control", "n", "n_clusters")
    texts = [
        name for name in rows.columns if name in (*UNIT_COLUMNS, *ESTIMATE_COLUMNS) and name not in numbers + counts
    ]
    kinds = dict.fromkeys(numbers, "float64") | dict.fromkeys(counts, "Int64") | dict.fromkeys(texts, "str")
    return rows.astype(kinds)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunError:
    """What ended a run: the exception's name and message, and the last place in the traceback."""

    name: str
    message: str
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run that ended.

    Attributes
    ----------
    status
        `ok`; `not_estimable`: executed, with rows, none of which has a value; `failed`: a cell raised or the table is
        missing; `timeout`: a cell took too long; `died`: the kernel or the process was lost.
    seconds
        Wall time.
    pages
        Names of the files written in the run's folder.
    rows
        The notebook's table: trial, jobcentre, stratum and `ESTIMATE_COLUMNS`; empty for a failure.
    """

    planned: PlannedRun
    status: Status
    seconds: float
    error: RunError | None = None
    pages: tuple[str, ...] = ()
    rows: pd.DataFrame = field(repr=False, compare=False, default_factory=empty_rows)

    @property
    def failed(self) -> bool:
        """Whether there is no report."""
        return self.status in FAILURES
