"""Units that adopt at different times: the differences of one group and period, and their sums.

A parameter is a weighted sum of differences. With each goes every unit's share in its error (n,), whose squares make
up the variance: of a unit treated in the parameter times m / (m - 1), with m such units; of the others times
m / (m - q), with m units compared with and q coefficients of their regression. For one difference of means this is
Neyman's variance, and Welch's degrees of freedom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, IntArray, as_covariates, as_numbers
from analysis_lib.trials._least_squares import independent_columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Outcomes (n, periods), the position of each unit's first period (n,), `never` for later ones, and covariates.

    `x` (n, q) starts with a column of ones. `periods` (periods,) are names.
    """

    y: FloatArray
    first: IntArray
    periods: FloatArray
    x: FloatArray
    notes: tuple[Message, ...]

    @property
    def never(self) -> int:
        """Return the position that stands for no adoption within the panel."""
        return len(self.periods)

    @property
    def groups(self) -> list[int]:
        """Return the positions at which someone adopts."""
        return [int(g) for g in np.unique(self.first) if g < self.never]

    @classmethod
    def read(cls, y: ArrayLike, first_period: ArrayLike, periods: ArrayLike | None, covariates: object) -> Panel:
        """Check the arguments, and leave out units that have no period before adoption."""
        table = _outcomes(y)
        n, width = table.shape
        names = np.arange(float(width)) if periods is None else as_numbers(periods, "periods", width)
        if np.any(np.diff(names) <= 0):
            raise InvalidInput("periods is not increasing; must be, with one for each column of y")
        adopted = _adoption(first_period, n)
        first = np.searchsorted(names, np.where(np.isnan(adopted), np.inf, adopted))
        given = as_covariates(np.empty((n, 0)) if covariates is None else covariates, n)
        x = np.column_stack([np.ones(n), given.values])
        keep = first > 0
        if not keep.any():
            raise NotEstimable(Message("every unit has adopted in the first period: there is no period before"))
        if np.all(first[keep] == width):
            raise NotEstimable(Message("no unit adopts after the first period"))
        notes = () if keep.all() else (
            Message("units left out because they adopted in the first period: {n}", n=int(np.sum(~keep))),
        )  # fmt: skip
        return cls(y=table[keep], first=first[keep].astype(np.intp), periods=names, x=x[keep], notes=notes)


def _outcomes(y: ArrayLike) -> FloatArray:
    """Return a balanced panel (n, periods), or raise."""
    found = np.asarray(y)
    if found.ndim != 2 or found.shape[1] < 2:
        raise InvalidInput(f"y has the shape {found.shape}; must be (units, periods), with two periods or more")
    return as_numbers(found.reshape(-1), "y").reshape(found.shape)


def _adoption(first_period: ArrayLike, n: int) -> FloatArray:
    """Return the first periods (n,), NaN for never."""
    found = np.asarray(first_period)
    if found.dtype.kind not in "biuf" or found.shape != (n,):
        raise InvalidInput(
            f"first_period has the shape {found.shape} and type {found.dtype}; must be {n} numbers, one for each unit, "
            "with NaN or infinity for never"
        )
    numbers = found.astype(np.float64)
    if np.any(np.isneginf(numbers)):
        raise InvalidInput("first_period has the value -inf; must be a period, or NaN or infinity for never")
    return np.where(np.isinf(numbers), np.nan, numbers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A parameter: value, each unit's share in its error (n,), who is treated in it and who is compared with."""

    value: float
    error: FloatArray
    treated: BoolArray
    compared: BoolArray
    regressors: int

    def scaled(self) -> tuple[FloatArray, float]:
        """Return the shares whose squares sum to the variance, and the degrees of freedom.

        Raises
        ------
        NotEstimable
            One unit is treated.
        """
        treated, compared = int(self.treated.sum()), int(self.compared.sum())
        if treated < 2:
            raise NotEstimable(Message("one unit has adopted; two are needed for a standard error"))
        spare = compared - self.regressors
        factor = np.where(self.treated, treated / (treated - 1), compared / spare)
        scores = self.error * np.sqrt(factor)
        squares = scores**2
        total = float(squares.sum())
        if not total:
            return scores, math.nan
        share = float(squares[self.treated].sum()) / total
        return scores, 1 / (share**2 / (treated - 1) + (1 - share) ** 2 / spare)


def difference(panel: Panel, group: int, period: int, base: int, *, never_treated: bool) -> Part:
    """Return the change of a group from the base to the period, less that of those compared with.

    Raises
    ------
    NotEstimable
        Too few units to compare with.
    """
    treated = panel.first == group
    compared = panel.first == panel.never if never_treated else (panel.first > max(period, base)) & ~treated
    x, m = panel.x, int(compared.sum())
    change = panel.y[:, period] - panel.y[:, base]
    q = x.shape[1]
    if m <= q:
        raise NotEstimable(Message("{n} units to compare with; {least} are needed", n=m, least=q + 1))
    if len(independent_columns(x[compared])) < q:
        raise NotEstimable(Message("the covariates are collinear among the {n} units compared with", n=m))
    columns, triangle = np.linalg.qr(x[compared])
    expected = x @ np.linalg.solve(triangle, columns.T @ change[compared])
    rest, n1 = change - expected, int(treated.sum())
    value = float(rest[treated].mean())
    error = np.where(treated, (rest - value) / n1, 0.0)
    # the mean covariates of the treated, in the columns' coordinates
    mean = np.linalg.solve(triangle.T, x[treated].mean(axis=0))
    error[compared] = -(columns @ mean) * rest[compared]
    return Part(value=value, error=error, treated=treated, compared=compared, regressors=q)


def combine(parts: Sequence[Part]) -> Part:
    """Return the mean of parameters by their treated units, whose numbers are estimated too."""
    sizes = np.array([part.treated.sum() for part in parts], dtype=np.float64)
    total = sizes.sum()
    value = float(sum(size * part.value for size, part in zip(sizes, parts, strict=True)) / total)
    error = np.zeros(len(parts[0].error))
    for size, part in zip(sizes, parts, strict=True):
        error += (size * part.error + (part.value - value) * part.treated) / total
    return Part(
        value=value,
        error=error,
        treated=np.any([part.treated for part in parts], axis=0),
        compared=np.any([part.compared for part in parts], axis=0),
        regressors=parts[0].regressors,
    )
