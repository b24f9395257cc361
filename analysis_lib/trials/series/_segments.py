"""A weekly series with a break: its arguments, its columns, and least squares with Newey and West's covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import as_numbers
from analysis_lib.trials._least_squares import independent_columns

WEEKS_PER_YEAR = 365.25 / 7
# A line needs two weeks, and a third to leave an error.
LEAST_WEEKS = 3
# Columns of the design, before those of the seasons.
LEVEL, SLOPE, LEVEL_CHANGE, SLOPE_CHANGE = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A series (weeks,), the people behind each week (weeks,), and the position of the first week after the break."""

    y: FloatArray
    people: FloatArray
    interruption: int
    harmonics: int

    @classmethod
    def read(cls, y: ArrayLike, interruption: int, *, harmonics: int, people: ArrayLike | None) -> Series:
        """Check the arguments."""
        outcome = as_numbers(y, "y")
        n = len(outcome)
        at = whole_number(interruption, "interruption", 1, n - 1)
        seasons = whole_number(harmonics, "harmonics", 0, int(WEEKS_PER_YEAR / 2))
        weight = np.ones(n) if people is None else as_numbers(people, "people", n)
        if np.any(weight <= 0):
            raise InvalidInput(f"people has the value {weight.min():g}; must be above 0")
        for weeks, side in ((at, Message("before")), (n - at, Message("after"))):
            if weeks < LEAST_WEEKS:
                raise NotEstimable(
                    Message("{n} weeks {side} the break; {least} are needed", n=weeks, side=side, least=LEAST_WEEKS)
                )
        if seasons and n < WEEKS_PER_YEAR:
            raise NotEstimable(Message("{n} weeks are less than a year: seasons cannot be told from a trend", n=n))
        return cls(y=outcome, people=weight, interruption=at, harmonics=seasons)

    def design(self) -> FloatArray:
        """Return the columns (weeks, 4 + 2 harmonics), or raise where they do not tell the terms apart."""
        week = np.arange(len(self.y), dtype=np.float64)
        columns = np.column_stack([break_columns(week - self.interruption), *_seasons(week, self.harmonics)])
        if len(columns) <= columns.shape[1] or len(independent_columns(columns)) < columns.shape[1]:
            raise NotEstimable(
                Message("{n} weeks cannot carry a regression with {k} coefficients", n=len(week), k=columns.shape[1])
            )
        return columns


def whole_number(value: int | None, name: str, low: int, high: int) -> int:
    """Return the whole number, or raise naming the argument."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise InvalidInput(f"{name} is {value!r}; must be a whole number from {low} to {high}")
    return int(value)


def break_columns(since: FloatArray) -> FloatArray:
    """Return level, slope, and their changes, of weeks since the break."""
    late = since >= 0
    return np.column_stack([np.ones_like(since), since, late, np.where(late, since, 0.0)])


def _seasons(week: FloatArray, harmonics: int) -> list[FloatArray]:
    """Return cosines and sines of the year and its parts."""
    angles = [2 * math.pi * j * week / WEEKS_PER_YEAR for j in range(1, harmonics + 1)]
    return [wave(angle) for angle in angles for wave in (np.cos, np.sin)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Least squares: coefficients (k,), their covariance (k, k), residuals (weeks,), degrees of freedom."""

    coefficients: FloatArray
    covariance: FloatArray
    residuals: FloatArray
    df: int

    def combined(self, contrasts: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return values and standard errors of contrasts, the rows of (q, k)."""
        variance = np.einsum("qi,ij,qj->q", contrasts, self.covariance, contrasts)
        return contrasts @ self.coefficients, np.sqrt(np.maximum(variance, 0))

    def freedoms(self, contrasts: FloatArray) -> FloatArray:
        """Return the degrees of freedom of contrasts, the rows of (q, k)."""
        return np.full(len(contrasts), float(self.df))


def newey_west(design: FloatArray, series: Series, lag: int) -> Fit:
    """Fit weighted least squares, with Bartlett weights up to the lag and the factor n / (n - k)."""
    n, k = design.shape
    root = np.sqrt(series.people)[:, None]
    columns, triangle = np.linalg.qr(design * root)
    coefficients = np.linalg.solve(triangle, columns.T @ (series.y * root[:, 0]))
    residuals = series.y - design @ coefficients
    # each week's share in the coefficients' errors, (weeks, k)
    share = np.linalg.solve(triangle, (columns * root * residuals[:, None]).T).T
    covariance = share.T @ share
    for j in range(1, lag + 1):
        cross = share[j:].T @ share[:-j]
        covariance += (1 - j / (lag + 1)) * (cross + cross.T)
    return Fit(coefficients=coefficients, covariance=covariance * n / (n - k), residuals=residuals, df=n - k)
