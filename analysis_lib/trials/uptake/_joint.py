"""Several coefficients of one regression, for several outcomes at once: HC2 or CR2, and the test that all are 0.

The degrees of freedom take errors of equal variance as the working model, so they depend on the design alone: they
are the same for every outcome and for every sum of outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg, stats

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import Groups, IntArray

# As in _least_squares: 1 - leverage below this is rounding, and so is a share of the coefficients below the second.
_FITTED_EXACTLY = 1e-10
_NO_INFLUENCE = 1e-7
# Of the outcome's size: below this a standard error is rounding.
_ROUNDING = 1e-12
# A covariance whose least variance is below this share of its largest has lost rank.
_SINGULAR = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class JointFit:
    """Coefficients of (n, r) outcomes.

    Attributes
    ----------
    values
        Shape (q, r): q coefficients of each outcome.
    scores
        Shape (units, q, r): what each person, or cluster, adds to a coefficient's error. The covariance of the
        coefficients of outcomes a and b is the sum over units of scores_a scores_b'.
    freedom
        Pustejovsky and Tipton's eta; for one coefficient, Satterthwaite's degrees of freedom.
    """

    values: FloatArray
    scores: FloatArray
    freedom: float

    def covariance(self, first: int, second: int) -> FloatArray:
        """Return the (q, q) covariance of the coefficients of one outcome with those of another."""
        found: FloatArray = self.scores[:, :, first].T @ self.scores[:, :, second]
        return found

    def critical(self, level: float) -> float:
        """Return the limit of the Wald statistic of all q coefficients (Pustejovsky and Tipton 2018, section 3.2)."""
        q = len(self.values)
        below = self.freedom - q + 1
        if below <= 0:
            raise NotEstimable(
                Message("{m} instruments are too many to test at once with {df:.1f} degrees of freedom",
                        m=q, df=self.freedom)
            )  # fmt: skip
        return float(self.freedom * q / below * stats.f.ppf(level, q, below))

    def p_value(self, wald: float) -> float:
        """Return the p-value of a Wald statistic of all q coefficients; NaN without degrees of freedom."""
        q = len(self.values)
        below = self.freedom - q + 1
        return float(stats.f.sf(wald * below / (self.freedom * q), q, below)) if below > 0 else np.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """Of each person or cluster: g'g (units, q, q), g'P (units, q, p) and the scores (units, q, r)."""

    length: FloatArray
    shadow: FloatArray
    scores: FloatArray


def fit_joint(design: FloatArray, outcomes: FloatArray, columns: IntArray, cluster: Groups | None) -> JointFit:
    """Return the coefficients `columns` of the regressions of `outcomes` (n, r) on `design` (n, p) of full rank."""
    basis, triangle = np.linalg.qr(design)
    direction = linalg.solve_triangular(triangle, np.eye(design.shape[1])[:, columns], trans="T")
    loadings = basis.T @ outcomes
    residual = outcomes - basis @ loadings
    values: FloatArray = direction.T @ loadings
    if cluster is None:
        scores, freedom = _by_person(basis, direction, residual)
    else:
        units = _by_cluster(basis, direction, residual, cluster)
        scores, freedom = units.scores, _freedom(units)
    # the residuals of clusters may cancel but for rounding
    least = _ROUNDING * np.outer(np.linalg.norm(direction, axis=0), np.max(np.abs(outcomes), axis=0))
    scores = np.where(np.linalg.norm(scores, axis=0) <= least, 0.0, scores)
    return JointFit(values=values, scores=scores, freedom=freedom)


def wald(value: FloatArray, covariance: FloatArray) -> float:
    """Return value' covariance^-1 value, or raise where the covariance has lost rank."""
    return float(np.sum((inverse_root(covariance) @ value) ** 2))


def inverse_root(covariance: FloatArray) -> FloatArray:
    """Return R with R'R the inverse of a (q, q) covariance, or raise where it has lost rank."""
    spread = np.sqrt(np.diag(covariance))
    if not np.all(spread > 0):
        raise NotEstimable(Message("there is no variation to test the instruments against"))
    roots, axes = np.linalg.eigh(covariance / np.outer(spread, spread))
    if roots[0] <= _SINGULAR * roots[-1]:
        raise NotEstimable(Message("there are too few clusters to test {m} instruments at once", m=len(covariance)))
    found: FloatArray = (axes / np.sqrt(roots)).T / spread
    return found


def _by_person(basis: FloatArray, direction: FloatArray, residual: FloatArray) -> tuple[FloatArray, float]:
    """Return HC2 scores and the degrees of freedom, in time of order n p^2 q^2."""
    leverage = np.einsum("ij,ij->i", basis, basis)
    exact = int(np.count_nonzero(1 - leverage < _FITTED_EXACTLY))
    if exact:
        raise NotEstimable(
            Message(
                "{n} people are fitted exactly (leverage 1), which leaves HC2 undefined: merge small categories",
                n=exact,
            )
        )
    adjusted = basis @ direction / np.sqrt(1 - leverage)[:, None]
    scores = adjusted[:, :, None] * residual[:, None, :]
    # sum over pairs of (g_i'g_j)^2 (delta_ij - h_ij)^2, twice, with g made orthonormal in expectation
    unit = adjusted @ _root(direction.T @ direction).T
    q = unit.shape[1]
    total = float(np.sum(np.sum(unit**2, axis=1) ** 2 * (1 - 2 * leverage)))
    for s in range(q):
        for t in range(s, q):
            inner = basis.T @ (basis * (unit[:, s] * unit[:, t])[:, None])
            total += (1 if s == t else 2) * float(np.sum(inner**2))
    return scores, q * (q + 1) / (2 * total)


def _by_cluster(basis: FloatArray, direction: FloatArray, residual: FloatArray, cluster: Groups) -> _Unit:
    """Return the clusters' CR2 scores and the parts of their degrees of freedom."""
    lengths, shadows, scores, indispensable = [], [], [], 0
    order = np.argsort(cluster.codes, kind="stable")
    for rows in np.split(order, np.cumsum(np.bincount(cluster.codes))[:-1]):
        own, triangle = np.linalg.qr(basis[rows])
        values, vectors = np.linalg.eigh(triangle @ triangle.T)
        loadings = vectors.T @ (triangle @ direction)
        exact = 1 - values < _FITTED_EXACTLY
        indispensable += bool(np.any(np.abs(loadings[exact]) > _NO_INFLUENCE * np.linalg.norm(direction, axis=0)))
        factor = np.where(exact, 0.0, 1 / np.sqrt(np.where(exact, 1.0, 1 - values)))
        adjusted = vectors @ (loadings * factor[:, None])
        scores.append(adjusted.T @ (own.T @ residual[rows]))
        lengths.append(adjusted.T @ adjusted)
        shadows.append(adjusted.T @ triangle)
    if indispensable:
        raise NotEstimable(
            Message(
                "the effect cannot be estimated without any one of {n} clusters: each block needs two in each arm",
                n=indispensable,
            )
        )
    return _Unit(length=np.array(lengths), shadow=np.array(shadows), scores=np.array(scores))


def _freedom(units: _Unit) -> float:
    """Return eta: q (q + 1) over the summed variances of the elements of the normalised covariance."""
    expected = np.sum(units.length - units.shadow @ units.shadow.transpose(0, 2, 1), axis=0)
    q, root = len(expected), _root(expected)
    length, shadow = root @ units.length @ root.T, root @ units.shadow
    total = 0.0
    for c in range(len(length)):
        across = -np.einsum("sp,dtp->dst", shadow[c], shadow)
        across[c] += length[c]
        total += float(np.sum(across * across.transpose(0, 2, 1)))
        total += float(np.sum(np.trace(across, axis1=1, axis2=2) ** 2))
    return q * (q + 1) / total


def _root(expected: FloatArray) -> FloatArray:
    """Return R with R expected R' the identity: (q, q) scores times R are orthonormal in expectation."""
    found: FloatArray = linalg.solve_triangular(np.linalg.cholesky(expected), np.eye(len(expected)), lower=True)
    return found
