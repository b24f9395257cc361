"""Designs from a trial's assignment rule."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.errors import DataError
from analysis_lib.results import Message
from analysis_lib.trials.definition import CONTROL, BirthDayRule, RecordedArm
from analysis_lib.trials.design.assignment import Design


def treated_day_share(first: int, last: int) -> float:
    """Return the share born on days `first` to `last` of the month, births uniform over the days of four years.

    Examples
    --------
    >>> round(treated_day_share(1, 15), 4)
    0.4928
    """
    month_days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] * 4
    month_days[1] = 29
    inside = sum(max(0, min(last, days) - first + 1) for days in month_days)
    return inside / sum(month_days)


def assigned_by_rule(rule: BirthDayRule, birth_dates: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return who is treated under a birth-day rule; `birth_dates` are dates, shape (n,)."""
    day = pd.to_datetime(birth_dates).dt.day.to_numpy()
    first, last = rule.treated_days
    treated: NDArray[np.bool_] = (day >= first) & (day <= last)
    return treated


def birth_day_design(rule: BirthDayRule, birth_dates: pd.Series[Any]) -> Design:
    """Return the design of a birth-day rule: the unit assigned is the day of the month."""
    treated_id = next(arm.id for arm in rule.arms if arm.id != CONTROL)
    treated = assigned_by_rule(rule, birth_dates)
    share = treated_day_share(*rule.treated_days)
    return Design(
        arms=(CONTROL, treated_id),
        arm=np.where(treated, treated_id, CONTROL).astype(object),
        unit=pd.to_datetime(birth_dates).dt.day.to_numpy().astype(np.int64),
        unit_name=Message("day of birth in the month"),
        block=None,
        expected_share={treated_id: share, CONTROL: 1 - share},
    )


def recorded_design(rule: RecordedArm, frame: pd.DataFrame, file: str) -> Design:
    """Return the design of a recorded arm; a value that is no arm's raises, with the rows."""
    ids = {arm.value: arm.id for arm in rule.arms}
    recorded = frame[rule.column]
    wrong = ~recorded.isin(list(ids))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 1
        allowed = ", ".join(str(value) for value in ids)
        raise DataError(
            f"{file}: column '{rule.column}', row {row} is {recorded.iloc[row - 1]} ({int(wrong.sum())} such rows); "
            f"must be an arm's value: {allowed}"
        )
    block = None if rule.block is None else pd.factorize(frame[rule.block], sort=True)[0].astype(np.int64)
    return Design(
        arms=(CONTROL, *(arm.id for arm in rule.arms if arm.id != CONTROL)),
        arm=recorded.map(ids).to_numpy(dtype=object),
        unit=np.arange(len(frame), dtype=np.int64),
        unit_name=Message("person"),
        block=block,
        expected_share={},
    )
