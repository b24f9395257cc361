"""Generalised least squares whose errors follow each other, AR(1), by restricted likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import linalg, optimize

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials.series._segments import Fit, Series

# Weeks beyond the coefficients: the variance and the autocorrelation are estimated from these.
_LEAST_SPARE = 4
# The autocorrelation is sought up to tanh of this, 0.999, on a grid that is then refined.
_BOUND = 3.8
_GRID = np.linspace(-_BOUND, _BOUND, 77)


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoregressiveFit(Fit):
    """A fit whose degrees of freedom depend on the contrast.

    `slope` (k, k) is the covariance's derivative in the autocorrelation, `uncertainty` (2, 2) the covariance of the
    logarithm of the variance and the autocorrelation.
    """

    autocorrelation: float
    at_bound: bool
    slope: FloatArray
    uncertainty: FloatArray

    def freedoms(self, contrasts: FloatArray) -> FloatArray:
        """Return Satterthwaite's degrees of freedom of contrasts, the rows of (q, k)."""
        size, slope = (np.einsum("qi,ij,qj->q", contrasts, v, contrasts) for v in (self.covariance, self.slope))
        gradient = np.column_stack([size, slope])
        found: FloatArray = 2 * size**2 / np.einsum("qi,ij,qj->q", gradient, self.uncertainty, gradient)
        return found


def autoregressive(design: FloatArray, series: Series) -> AutoregressiveFit:
    """Fit errors of variance s2 / people whose correlation over j weeks is r^j, or raise with too few weeks."""
    n, k = design.shape
    if n - k < _LEAST_SPARE:
        raise NotEstimable(
            Message("{n} weeks are too few to estimate an autocorrelation beside {k} coefficients", n=n, k=k)
        )
    root = np.sqrt(series.people)
    columns, triangle = np.linalg.qr(design * root[:, None])
    y = series.y * root
    r, at_bound = _autocorrelation(columns, y)
    basis, inner = np.linalg.qr(_whitened(columns, r))
    loadings = basis.T @ _whitened(y, r)
    variance = float(np.sum((_whitened(y, r) - basis @ loadings) ** 2)) / (n - k)
    inverse = np.linalg.inv(inner @ triangle)
    coefficients = inverse @ loadings
    moved = _derivative(n, r)
    return AutoregressiveFit(
        coefficients=coefficients,
        covariance=variance * inverse @ inverse.T,
        residuals=series.y - design @ coefficients,
        df=n - k,
        autocorrelation=r,
        at_bound=at_bound,
        slope=variance * inverse @ (basis.T @ moved @ basis) @ inverse.T,
        uncertainty=np.asarray(np.linalg.inv(_information(basis, moved)), dtype=np.float64),
    )


def _autocorrelation(columns: FloatArray, y: FloatArray) -> tuple[float, bool]:
    """Return the autocorrelation of the highest restricted likelihood, and whether it is at the bound."""

    def loss(z: float) -> float:
        return -_log_likelihood(columns, y, math.tanh(z))

    best = int(np.argmin([loss(z) for z in _GRID]))
    low, high = _GRID[max(best - 1, 0)], _GRID[min(best + 1, len(_GRID) - 1)]
    found = float(optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-10}).x)
    return math.tanh(found), abs(found) > _BOUND - 1e-6


def _log_likelihood(columns: FloatArray, y: FloatArray, r: float) -> float:
    """Return the restricted log likelihood, its variance at the maximum."""
    n, k = columns.shape
    basis, inner = np.linalg.qr(_whitened(columns, r))
    rest = _whitened(y, r)
    rest = rest - basis @ (basis.T @ rest)
    size = float(np.sum(np.log(np.abs(np.diag(inner)))))
    spread = math.log(float(rest @ rest))
    return float(-((n - 1) * math.log1p(-r * r) / 2 + size + (n - k) * spread / 2))


def _whitened(values: FloatArray, r: float) -> FloatArray:
    """Return W values, W R W' = I: the first week as it is, others less r times the week before."""
    return np.concatenate([values[:1], (values[1:] - r * values[:-1]) / math.sqrt(1 - r * r)])


def _derivative(n: int, r: float) -> FloatArray:
    """Return W (dR / dr) W', (n, n)."""
    apart = np.arange(n)
    first: FloatArray = linalg.toeplitz(np.r_[0.0, apart[1:] * float(r) ** apart[:-1]])
    return _whitened(_whitened(first, r).T, r)


def _information(basis: FloatArray, moved: FloatArray) -> FloatArray:
    """Return the expected information of the logarithm of the variance, and of the autocorrelation."""
    outside = moved - basis @ (basis.T @ moved)
    rest = outside - (outside @ basis) @ basis.T
    trace, n, k = float(np.trace(rest)), *basis.shape
    return np.array([[n - k, trace], [trace, float(np.sum(rest * rest))]]) / 2
