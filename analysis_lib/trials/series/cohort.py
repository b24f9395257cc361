"""A break in the weekly share of a cohort whose people are known: chance is who the people are."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message, check_level
from analysis_lib.trials._arrays import BoolArray
from analysis_lib.trials.effects._estimates import NO_VARIATION, no_variation
from analysis_lib.trials.series._segments import Fit, Series, newey_west
from analysis_lib.trials.series.interrupted import InterruptedSeries, read_break

__all__ = ["interrupted_cohort"]


def interrupted_cohort(
    inside: ArrayLike, observed: ArrayLike, interruption: int, *, harmonics: int = 0, level: float = 0.95
) -> InterruptedSeries:
    r"""Estimate how the level and the slope of a cohort's weekly share changed at a date, from its people.

    Parameters
    ----------
    inside
        Whether each person is in the states asked about, by week, booleans of shape (n, weeks).
    observed
        Whether the person is observed in the week, booleans of shape (n, weeks); others do not count.
    interruption, harmonics, level
        As in `interrupted_time_series`.

    Returns
    -------
    InterruptedSeries
        Values and curves are those of `interrupted_time_series` with the people of each week as weights; intervals
        have n - 1 degrees of freedom. `n` of the effects counts weeks.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `interrupted_time_series`; fewer than two people; or a week in which nobody is observed.

    Notes
    -----
    Least squares of person-weeks on the columns of `interrupted_time_series`, which has the same coefficients as that
    of the shares. With x_t the columns, e residuals, and o whether observed, the covariance is clustered by person:

    .. math:: V = \frac{n}{n-1} B^{-1} \Big(\sum_i u_i u_i'\Big) B^{-1}, \quad B = \sum_{it} o_{it} x_t x_t', \quad
        u_i = \sum_t o_{it} e_{it} x_t

    People stay in a state for months, so a share that happened to be high goes on being high: the ups and downs from
    week to week, which Newey and West's interval rests on, say little of that. What happens to everybody in a week (the
    state of the labour market) is not in this interval; `placebo_breaks` is about that.

    References
    ----------
    Liang and Zeger (1986), doi 10.1093/biomet/73.1.13.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> person = rng.normal(size=(500, 1))
    >>> inside = person + rng.normal(size=(500, 40)) < np.where(np.arange(40) < 25, -1.0, -0.5)
    >>> found = interrupted_cohort(inside, np.ones_like(inside), 25)
    >>> [f"{row.value:.3f} ({row.std_error:.3f})" for row in found.effects]
    ['0.117 (0.011)', '0.000 (0.001)', '0.120 (0.011)']
    """
    check_level(level)
    member, seen = _as_weeks(inside, "inside"), _as_weeks(observed, "observed")
    if member.shape != seen.shape:
        raise InvalidInput(f"observed has shape {seen.shape}; must have {member.shape}, as inside")
    n, people = len(seen), seen.sum(axis=0).astype(np.float64)
    if n < 2:
        raise NotEstimable(Message("{n} people in the cohort; two are needed", n=n))
    if not people.all():
        raise NotEstimable(Message("nobody is observed in {n} weeks", n=int(np.sum(people == 0))))
    share = (member & seen).sum(axis=0) / people
    series = Series.read(share, interruption, harmonics=harmonics, people=people)
    fit = _by_person(member, seen, series)
    method = Message("least squares with a break, people as clusters")
    return read_break(series, fit, method, [], level)


def _as_weeks(values: ArrayLike, name: str) -> BoolArray:
    table = np.asarray(values)
    if table.dtype != np.bool_ or table.ndim != 2:
        raise InvalidInput(f"{name} is {table.dtype} of {table.ndim} dimensions; must be booleans (people, weeks)")
    return table


def _by_person(member: BoolArray, seen: BoolArray, series: Series) -> Fit:
    """Fit the shares, with the covariance of the coefficients clustered by person."""
    design, n = series.design(), len(seen)
    fit = newey_west(design, series, 0)
    if np.max(np.abs(fit.residuals)) <= NO_VARIATION:
        raise no_variation()
    fitted = design @ fit.coefficients
    scores: FloatArray = np.where(seen, member - fitted, 0.0) @ design
    bread = np.linalg.inv(design.T @ (series.people[:, None] * design))
    covariance = bread @ (scores.T @ scores) @ bread * n / (n - 1)
    return Fit(coefficients=fit.coefficients, covariance=covariance, residuals=fit.residuals, df=n - 1)
