"""One coefficient of a (weighted) least-squares fit, with HC2 or CR2 variance and Satterthwaite degrees of freedom.

With M the matrix that turns errors into residuals, M M' = I - P K P' for P of shape (n, m), and the coefficient is
a'y with a = P d. Unweighted, P is an orthonormal basis of the columns, K = I and m = k; weighted, m = 2 k. Everything
stays in those m columns: no n x n matrix is formed, and the time is of order n m^2.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Projection:
    """P (n, m), K (m, m) and d (m,) as above; leverages (n,) of the weighted rows; residuals (n,)."""

    basis: FloatArray
    kernel: FloatArray
    direction: FloatArray
    leverage: FloatArray
    residual: FloatArray


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
    value, projection = _project(design, y, column, np.ones(len(y)) if weight is None else weight)
    std_error, df = _hc2(projection) if cluster is None else _cr2(projection, cluster)
    return Coefficient(value=value, std_error=std_error, df=df)


def _project(design: FloatArray, y: FloatArray, column: int, weight: FloatArray) -> tuple[float, _Projection]:
    """Fit, and return the coefficient and the parts of its variance."""
    root = np.sqrt(weight)
    basis, triangle = np.linalg.qr(design * root[:, None])
    unit = np.zeros(design.shape[1])
    unit[column] = 1.0
    direction = linalg.solve_triangular(triangle, unit, trans="T")
    loadings = basis.T @ (y * root)
    plain = basis / root[:, None]
    residual = y - plain @ loadings
    leverage = np.einsum("ij,ij->i", basis, basis)
    identity, nothing = np.eye(len(unit)), np.zeros((len(unit), len(unit)))
    if np.all(weight == 1):
        kernel, columns = identity, basis
    else:
        columns = np.hstack([plain, plain * weight[:, None]])
        squares = -columns[:, len(unit) :].T @ columns[:, len(unit) :]
        kernel = np.block([[squares, identity], [identity, nothing]])
        direction = np.concatenate([np.zeros_like(direction), direction])
    value = float(direction[-len(unit) :] @ loadings)
    return value, _Projection(basis=columns, kernel=kernel, direction=direction, leverage=leverage, residual=residual)


def _hc2(fit: _Projection) -> tuple[float, float]:
    """Return the HC2 standard error and the Bell-McCaffrey degrees of freedom.

    With weights, HC2 is defined by the leverages of the weighted rows; the degrees of freedom are those of CR2 with
    each person as a cluster, the same thing where the weights are equal.
    """
    exact = int(np.count_nonzero(1 - fit.leverage < _FITTED_EXACTLY))
    if exact:
        raise NotEstimable(
            Message(
                "{n} people are fitted exactly (leverage 1), which leaves HC2 undefined: merge small categories",
                n=exact,
            )
        )
    influence = (fit.basis @ fit.direction) ** 2
    variance = float((influence / (1 - fit.leverage)) @ fit.residual**2)
    # trace(D M M') and trace((D M M')^2), where the diagonal D makes the first the sum of the squared influences
    fitted = np.einsum("ij,ij->i", fit.basis @ fit.kernel, fit.basis)
    squares = influence / (1 - fitted)
    inner = fit.kernel @ (fit.basis.T @ (fit.basis * squares[:, None]))
    trace_square = float(squares**2 @ (1 - 2 * fitted)) + float(np.sum(inner * inner.T))
    return float(np.sqrt(variance)), float(np.sum(influence)) ** 2 / trace_square


def _cr2(fit: _Projection, cluster: Groups) -> tuple[float, float]:
    """Return the CR2 standard error and the Satterthwaite degrees of freedom.

    For cluster c the adjusted influence is g = (M M')_cc^-1/2 a_c (Moore-Penrose); then the variance is the sum of
    (g'e_c)^2, and the degrees of freedom come from the traces of the matrix of g_c'(M M')_cd g_d.
    """
    variance, lengths, shadows, indispensable = 0.0, [], [], 0
    for rows in _members(cluster):
        basis, triangle = np.linalg.qr(fit.basis[rows])
        values, vectors = np.linalg.eigh(triangle @ fit.kernel @ triangle.T)
        loadings = vectors.T @ (triangle @ fit.direction)
        exact = 1 - values < _FITTED_EXACTLY
        indispensable += bool(np.any(np.abs(loadings[exact]) > _NO_INFLUENCE * np.linalg.norm(fit.direction)))
        adjusted = vectors @ np.where(exact, 0.0, loadings / np.sqrt(np.where(exact, 1.0, 1 - values)))
        variance += float(adjusted @ (basis.T @ fit.residual[rows])) ** 2
        lengths.append(float(adjusted @ adjusted))
        shadows.append(triangle.T @ adjusted)
    if indispensable:
        raise NotEstimable(
            Message(
                "the effect cannot be estimated without any one of {n} clusters: each block needs two in each arm",
                n=indispensable,
            )
        )
    length, shadow = np.array(lengths), np.array(shadows)
    across = shadow @ fit.kernel
    own = np.einsum("cj,cj->c", across, shadow)
    inner = across.T @ shadow
    trace = float(np.sum(length - own))
    trace_square = float(length @ (length - 2 * own)) + float(np.sum(inner * inner.T))
    return float(np.sqrt(variance)), trace**2 / trace_square


def _members(cluster: Groups) -> Iterator[IntArray]:
    """Yield the positions of each cluster's rows."""
    order = np.argsort(cluster.codes, kind="stable")
    yield from np.split(order, np.cumsum(np.bincount(cluster.codes))[:-1])
