"""Contrasts of least-squares coefficients, with HC2 or CR2 variance and Satterthwaite degrees of freedom.

With M the matrix that turns errors into residuals, M M' = I - P K P' for P of shape (n, m), and a contrast of the
coefficients is a'y with a = P d. Unweighted, P is an orthonormal basis of the columns, K = I and m = k; weighted,
m = 2 k. Everything stays in those m columns: no n x n matrix is formed, and the time is of order n m^2.

A unit is a person or, where there are clusters, a cluster c. Its adjusted influence is g = (M M')_cc^-1/2 a_c
(Moore-Penrose), which for a person is a / sqrt(1 - leverage). The variance of contrasts s and t is the sum over units
of g_s'e g_t'e, and degrees of freedom come from the moments of that sum where errors are independent and of equal
variance. These are made of `length` g_s'g_t, `own` h_s K h_t' and sums of h_s'h_t, with h = g'P_c.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import Groups, IntArray

# Of R's lm: a column is a combination of those before it when less than this share of its length is left.
_COLLINEAR = 1e-7
# 1 - leverage below this is rounding: the rows are fitted exactly whatever their outcome.
_FITTED_EXACTLY = 1e-10
# Share of the coefficient that may lie in directions fitted exactly before the variance is called undefined.
_NO_INFLUENCE = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Coefficient:
    """A coefficient, its standard error and the degrees of freedom of the t reference."""

    value: float
    std_error: float
    df: float


def independent_columns(columns: FloatArray) -> IntArray:
    """Return the positions of the columns of (n, k) that are not combinations of columns before them."""
    lengths = np.linalg.norm(columns, axis=0)
    # R has the same inner products as the columns, so the search needs k x k numbers only.
    triangle = np.asarray(np.linalg.qr(columns / np.where(lengths > 0, lengths, 1.0), mode="r"))
    width = columns.shape[1]
    if len(triangle) == width and np.all(np.abs(np.diag(triangle)) > _COLLINEAR):
        return np.arange(width)
    basis = np.zeros_like(triangle)
    kept: list[int] = []
    for j in range(width):
        rest = triangle[:, j]
        for _ in range(2):  # the second pass removes the rounding of the first
            rest = rest - basis @ (basis.T @ rest)
        length = float(np.linalg.norm(rest))
        if length > _COLLINEAR:
            basis[:, len(kept)] = rest / length
            kept.append(j)
    return np.array(kept, dtype=np.intp)


def fit_coefficient(
    design: FloatArray, y: FloatArray, *, column: int, weight: FloatArray | None = None, cluster: Groups | None = None
) -> Coefficient:
    """Return one coefficient of the regression of `y` (n,) on `design` (n, k), which has full rank.

    The adjustments of CR2, and all degrees of freedom, take errors of equal variance as the working model, also where
    there are weights: weights are here for how people came into the arms, not for how precise their outcomes are.
    """
    unit = np.zeros((1, design.shape[1]))
    unit[0, column] = 1.0
    contrasts = Regression.build(design, weight=weight, cluster=cluster).contrasts(unit)
    return contrasts.coefficients(y)[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Regression:
    """Least squares on one design, for any outcome and any contrasts of the coefficients.

    P (n, m) and K (m, m) as above; R (k, k) of the weighted design; leverages (n,) of the weighted rows.
    """

    basis: FloatArray
    kernel: FloatArray
    triangle: FloatArray
    leverage: FloatArray
    cluster: Groups | None

    @classmethod
    def build(
        cls, design: FloatArray, *, weight: FloatArray | None = None, cluster: Groups | None = None
    ) -> Regression:
        """Decompose the design (n, k), which has full rank; raise where someone alone is fitted exactly."""
        root = None if weight is None or np.all(weight == 1) else np.sqrt(weight)[:, None]
        columns, triangle = np.linalg.qr(design if root is None else design * root)
        leverage = np.einsum("ij,ij->i", columns, columns)
        kernel = np.eye(len(triangle))
        if root is not None:
            squares = -(columns * root).T @ (columns * root)
            kernel = np.block([[squares, kernel], [kernel, np.zeros_like(kernel)]])
            columns = np.hstack([columns / root, columns * root])
        exact = int(np.count_nonzero(1 - leverage < _FITTED_EXACTLY))
        if exact and cluster is None:
            raise NotEstimable(
                Message(
                    "{n} people are fitted exactly (leverage 1), which leaves HC2 undefined: merge small categories",
                    n=exact,
                )
            )
        return cls(basis=columns, kernel=kernel, triangle=triangle, leverage=leverage, cluster=cluster)

    def loadings(self, y: FloatArray) -> FloatArray:
        """Return the (k, ...) products of the orthonormal columns with outcomes of shape (n, ...)."""
        return self.basis[:, -len(self.triangle) :].T @ y

    def residuals(self, y: FloatArray) -> FloatArray:
        """Return the residuals of outcomes of shape (n, ...)."""
        return y - self.basis[:, : len(self.triangle)] @ self.loadings(y)

    def contrasts(self, wanted: FloatArray) -> Contrasts:
        """Prepare contrasts of the coefficients, the rows of (q, k)."""
        direction = linalg.solve_triangular(self.triangle, wanted.T, trans="T")
        return self.along(direction)

    def along(self, direction: FloatArray) -> Contrasts:
        """Prepare the contrasts with directions (k, q): their values are direction' loadings."""
        padding = np.zeros((self.basis.shape[1] - len(direction), direction.shape[1]))
        full = np.vstack([padding, direction])
        if self.cluster is None:
            plain = self.basis @ full
            fitted = np.einsum("ij,ij->i", self.basis @ self.kernel, self.basis)
            # with weights, HC2 is defined by the leverages of the weighted rows, and the working model by `fitted`
            influence = plain / np.sqrt(1 - self.leverage)[:, None]
            working = plain / np.sqrt(1 - fitted)[:, None]
        else:
            influence = working = self._by_cluster(full, self.cluster)
        return Contrasts(regression=self, direction=direction, influence=influence, working=working)

    def _by_cluster(self, direction: FloatArray, cluster: Groups) -> FloatArray:
        """Return CR2's adjusted influences (n, q), or raise where a contrast hangs on one cluster."""
        adjusted, indispensable = np.empty((len(self.basis), direction.shape[1])), 0
        lengths = np.linalg.norm(direction, axis=0)
        for rows in _members(cluster):
            basis, triangle = np.linalg.qr(self.basis[rows])
            values, vectors = np.linalg.eigh(triangle @ self.kernel @ triangle.T)
            loadings = vectors.T @ (triangle @ direction)
            exact = 1 - values < _FITTED_EXACTLY
            indispensable += bool(np.any(np.abs(loadings[exact]) > _NO_INFLUENCE * lengths))
            root = np.sqrt(np.where(exact, 1.0, 1 - values))[:, None]
            adjusted[rows] = basis @ (vectors @ np.where(exact[:, None], 0.0, loadings / root))
        if indispensable:
            raise NotEstimable(
                Message(
                    "the effect cannot be estimated without any one of {n} clusters: each block needs two in each arm",
                    n=indispensable,
                )
            )
        return adjusted


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contrasts:
    """Contrasts of one regression: directions (k, q), and adjusted influences (n, q) of the outcomes on them."""

    regression: Regression
    direction: FloatArray
    influence: FloatArray
    working: FloatArray

    def values(self, y: FloatArray) -> FloatArray:
        """Return the contrasts' values (q, ...) for outcomes of shape (n, ...)."""
        return self.direction.T @ self.regression.loadings(y)

    def scores(self, which: int, residuals: FloatArray) -> FloatArray:
        """Return each unit's share (units, ...) in one contrast's error; the sum of squares is the variance."""
        weights = self.influence[:, which].reshape(-1, *[1] * (residuals.ndim - 1))
        return sum_by_unit(weights * residuals, self.regression.cluster)

    def coefficients(self, y: FloatArray) -> list[Coefficient]:
        """Return each contrast for one outcome (n,)."""
        residuals, freedoms = self.regression.residuals(y), self.freedoms()
        errors = [float(np.linalg.norm(self.scores(s, residuals))) for s in range(len(freedoms))]
        return [
            Coefficient(value=float(value), std_error=error, df=float(df))
            for value, error, df in zip(self.values(y), errors, freedoms, strict=True)
        ]

    def freedoms(self) -> FloatArray:
        """Return the Satterthwaite degrees of freedom of each contrast, shape (q,)."""
        return np.array([self._freedom(s) for s in range(self.working.shape[1])])

    def _freedom(self, s: int) -> float:
        length, own, cross = self.moments(s, s)
        inner = self.regression.kernel @ cross
        trace_square = float(length @ (length - 2 * own)) + float(np.sum(inner * inner.T))
        return float(np.sum(length - own)) ** 2 / trace_square

    def moments(self, s: int, t: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return `length` and `own` (units,) of two contrasts, and the sum of h_s'h_t (m, m)."""
        basis, kernel, cluster = self.regression.basis, self.regression.kernel, self.regression.cluster
        product = self.working[:, s] * self.working[:, t]
        length = sum_by_unit(product, cluster)
        if cluster is None:
            own = product * np.einsum("ij,ij->i", basis @ kernel, basis)
            return length, own, basis.T @ (basis * product[:, None])
        first, second = (sum_by_unit(basis * self.working[:, [j]], cluster) for j in (s, t))
        return length, np.einsum("cj,cj->c", first @ kernel, second), first.T @ second


def sum_by_unit(values: FloatArray, cluster: Groups | None) -> FloatArray:
    """Return the sums of (n, ...) by cluster, or the values themselves where people are the units."""
    if cluster is None:
        return values
    order = np.argsort(cluster.codes, kind="stable")
    starts = np.searchsorted(cluster.codes[order], np.arange(cluster.count))
    sums: FloatArray = np.add.reduceat(values[order], starts, axis=0)
    return sums


def _members(cluster: Groups) -> Iterator[IntArray]:
    """Yield the positions of each cluster's rows."""
    order = np.argsort(cluster.codes, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(cluster.codes))[:-1])
