"""Designs from a trial's assignment rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.results import Message
from analysis_lib.trials.definition import CONTROL, BirthDayRule, BirthYearParity, RecordedArm
from analysis_lib.trials.design.assignment import Design

BirthRule = BirthDayRule | BirthYearParity
TextArray = NDArray[np.object_]
COHORT = "cohort"
"""The one arm of people whom nobody drew."""


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


def assigned_by_rule(rule: BirthRule, birth_dates: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return who is treated under a rule of birth; `birth_dates` are dates, shape (n,)."""
    born = pd.to_datetime(birth_dates).dt
    if isinstance(rule, BirthYearParity):
        even: NDArray[np.bool_] = (born.year % 2 == 0).to_numpy(dtype=bool)
        return even if rule.treated == "even" else ~even
    day = born.day.to_numpy()
    first, last = rule.treated_days
    treated: NDArray[np.bool_] = (day >= first) & (day <= last)
    return treated


def arms_by_rule(rule: BirthRule, birth_dates: pd.Series[Any], sites: Sequence[str] | TextArray) -> TextArray:
    """Return each person's arm under a rule of birth, shape (n,).

    Parameters
    ----------
    birth_dates
        Dates, shape (n,).
    sites
        The site of each person, shape (n,); read only where arms differ by site.

    Raises
    ------
    InvalidInput
        Where a site has no treated arm.
    """
    treated = assigned_by_rule(rule, birth_dates)
    offered = _offered(rule, sites)
    arms: TextArray = np.where(treated, _single(rule) if offered is None else offered, CONTROL).astype(object)
    return arms


def birth_design(rule: BirthRule, birth_dates: pd.Series[Any], sites: Sequence[str] | TextArray = ()) -> Design:
    """Return the design of a rule of birth: the unit assigned is the day of the month, or the year of birth.

    The rule is the same at every site, so that sites are no blocks: an arm's treated and controls have one share at all
    of its sites. Where arms differ by site, the controls of a site are those of its arm (`Design.offered`), and the
    shares are those among the two. A rule of birth years fixes which years are treated, not how many people were born
    in them, so that it has no planned share.

    Parameters
    ----------
    birth_dates
        Dates, shape (n,).
    sites
        The site of each person, shape (n,); read only where arms differ by site.

    Raises
    ------
    InvalidInput
        Where a site has no treated arm.
    """
    treated_arms = [arm.id for arm in rule.arms if arm.id != CONTROL]
    born = pd.to_datetime(birth_dates).dt
    by_day = isinstance(rule, BirthDayRule)
    shares: dict[str, float] = {}
    if isinstance(rule, BirthDayRule):
        share = treated_day_share(*rule.treated_days)
        shares = dict.fromkeys(treated_arms, share) | {CONTROL: 1 - share}
    return Design(
        arms=(CONTROL, *treated_arms),
        arm=arms_by_rule(rule, birth_dates, sites),
        unit=(born.day if by_day else born.year).to_numpy().astype(np.int64),
        unit_name=Message("day of birth in the month") if by_day else Message("year of birth"),
        block=None,
        expected_share=shares,
        offered=_offered(rule, sites),
    )


def birth_day_design(rule: BirthDayRule, birth_dates: pd.Series[Any]) -> Design:
    """Return the design of a birth-day rule with one treated arm: the unit assigned is the day of the month."""
    return birth_design(rule, birth_dates)


def _single(rule: BirthRule) -> str:
    return next(arm.id for arm in rule.arms if arm.id != CONTROL)


def _offered(rule: BirthRule, sites: Sequence[str] | TextArray) -> TextArray | None:
    """Return the treated arm of each person's site, shape (n,); `None` where all sites have the same."""
    arm_of = {site: arm.id for arm in rule.arms for site in arm.sites or ()}
    if not arm_of:
        return None
    names, place = np.unique(np.asarray(sites, dtype=np.str_), return_inverse=True)
    unknown = [name for name in names if name not in arm_of]
    if unknown:
        raise InvalidInput(f"sites has '{unknown[0]}'; must be a site of an arm: {', '.join(arm_of)}")
    return np.array([arm_of[name] for name in names], dtype=object)[place]


def recorded_design(rule: RecordedArm, frame: pd.DataFrame, file: str) -> Design:
    """Return the design of a recorded arm; a value that is no arm's raises, with the rows.

    Raises
    ------
    DataError
        Where a value is no arm's, or people of one unit have different arms.
    """
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
    if rule.unit is not None:
        pairs = frame[[rule.unit, rule.column]].drop_duplicates()
        mixed = pairs[rule.unit][pairs[rule.unit].duplicated()].unique()
        if len(mixed):
            raise DataError(
                f"{file}: column '{rule.unit}': {len(mixed)} units have people of several arms, the first is "
                f"{mixed[0]}; each must have one"
            )
    unit = np.arange(len(frame)) if rule.unit is None else pd.factorize(frame[rule.unit], sort=True)[0]
    return Design(
        arms=(CONTROL, *(arm.id for arm in rule.arms if arm.id != CONTROL)),
        arm=recorded.map(ids).to_numpy(dtype=object),
        unit=unit.astype(np.int64),
        unit_name=Message("person") if rule.unit is None else Message("unit of column {column}", column=rule.unit),
        block=block,
        expected_share={},
    )


def cohort_design(n: int) -> Design:
    """Return the design of n people whom nobody drew: one arm, `cohort`."""
    return Design(
        arms=(COHORT,),
        arm=np.full(n, COHORT, dtype=object),
        unit=np.arange(n, dtype=np.int64),
        unit_name=Message("person"),
        block=None,
        expected_share={},
    )
