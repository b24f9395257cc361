"""Present values of weekly quantities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput
from analysis_lib.results import FloatArray
from analysis_lib.trials._options import check_whole

__all__ = ["discount_factors", "discounted_sum"]

_WEEKS_A_YEAR = 52


def discount_factors(weeks: int, yearly_rate: float) -> FloatArray:
    r"""Return the present value at entry of one unit in each week.

    Parameters
    ----------
    weeks
        Number of weeks from entry, 1 or more.
    yearly_rate
        0 or more and below 1: 0.035 for 3.5 % a year.

    Returns
    -------
    array of shape (weeks,)
        The first, of the week of entry, is 1.

    Raises
    ------
    InvalidInput
        An argument is not as described.

    Notes
    -----
    :math:`(1 + r)^{-w / 52}` for the week w = 0, 1, ... after that of entry. The sum is that of an annuity paid in
    advance, :math:`(1 - v^W) / (1 - v)` with :math:`v = (1 + r)^{-1/52}`.

    References
    ----------
    Boardman, Greenberg, Vining and Weimer (2018), Cost-Benefit Analysis, 5th ed., chapter 9.

    Examples
    --------
    >>> factors = discount_factors(105, 0.04)
    >>> [f"{factors[week]:.4f}" for week in (0, 52, 104)]
    ['1.0000', '0.9615', '0.9246']
    """
    check_whole(weeks, "weeks", 1)
    if not 0 <= yearly_rate < 1:
        raise InvalidInput(f"yearly_rate is {yearly_rate:g}; must be 0 or more and below 1 (0.035 for 3.5 %)")
    factors: FloatArray = (1 + yearly_rate) ** (-np.arange(weeks) / _WEEKS_A_YEAR)
    return factors


def discounted_sum(weekly: ArrayLike, *, yearly_rate: float, horizon: int | None = None) -> FloatArray:
    """Return each person's discounted sum over the weeks from entry.

    Parameters
    ----------
    weekly
        Units in each week from entry, shape (n, weeks): 0/1 for weeks of a benefit, or numbers of meetings. Finite:
        people who were not followed to the horizon have no sum.
    yearly_rate
        As in `discount_factors`.
    horizon
        Number of weeks to sum; all of them unless given.

    Returns
    -------
    array of shape (n,)
        In units at entry.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    References
    ----------
    As `discount_factors`.

    Examples
    --------
    >>> [f"{x:.4f}" for x in discounted_sum([[1, 1, 0], [0, 0, 2]], yearly_rate=0.04)]
    ['1.9992', '1.9970']
    """
    table = np.asarray(weekly)
    if table.ndim != 2 or table.shape[1] == 0:
        raise InvalidInput(f"weekly has the shape {table.shape}; must be (people, weeks)")
    if table.dtype.kind not in "biuf":
        raise InvalidInput(f"weekly is of type {table.dtype}; must be finite numbers")
    weeks = table.shape[1] if horizon is None else horizon
    check_whole(weeks, "horizon", 1)
    if weeks > table.shape[1]:
        raise InvalidInput(f"horizon is {horizon}; must be 1 to {table.shape[1]}, the weeks in weekly")
    wrong = int(np.count_nonzero(~np.isfinite(table[:, :weeks])))
    if wrong:
        raise InvalidInput(f"weekly has {wrong} missing or infinite values; must be finite numbers")
    found: FloatArray = table[:, :weeks] @ discount_factors(weeks, yearly_rate)
    return found
