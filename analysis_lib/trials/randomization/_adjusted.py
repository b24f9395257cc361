"""Differences in means adjusted for covariates, over assignments."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, Groups
from analysis_lib.trials._least_squares import independent_columns
from analysis_lib.trials._sample import Sample, regression_columns
from analysis_lib.trials.randomization._problem import Problem
from analysis_lib.trials.randomization._strata import StratumSizes, StratumSums
from analysis_lib.trials.randomization._values import Scores, Statistic, Values

# Below this share of its length a residual is rounding.
_FITTED = 1e-10
# The least eigenvalue of an arm's cross-products, over its share of the people, of columns orthonormal in both arms
# together, at which the normal equations still have ten digits. Assignments below it are fitted one by one, with
# columns left out as in `lin_adjusted`.
_WELL_POSED = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """An orthonormal basis of the covariates less their means by stratum, (n, m), and a note on those left out."""

    columns: FloatArray
    notes: tuple[Message, ...]

    @classmethod
    def of(cls, problem: Problem, *, by_arm: bool) -> Basis:
        """Return the basis; raise where the covariates determine treatment, or are as many as the people."""
        given = problem.centred(problem.covariates.values)
        treated = problem.centred(problem.treated.astype(np.float64)[:, None])
        kept = independent_columns(np.hstack([given, treated]))
        last, strata = given.shape[1], len(problem.units.size)
        own = np.setdiff1d(kept, [last])
        coefficients = 2 * (len(own) + strata) if by_arm else len(own) + strata + 1
        if coefficients >= len(given):
            raise NotEstimable(
                Message("{n} people cannot carry a regression with {k} coefficients", n=len(given), k=coefficients)
            )
        if last not in kept:
            raise NotEstimable(
                Message("the covariates determine the treatment: no effect can be told apart from theirs")
            )
        dropped = [name for j, name in enumerate(problem.covariates.names) if j not in kept]
        note = Message("collinear columns left out: {n} ({names})", n=len(dropped), names=", ".join(dropped))
        return cls(columns=np.linalg.qr(given[:, own])[0], notes=(note,) if dropped else ())

    def residuals(self, values: FloatArray) -> FloatArray:
        """Return what the covariates leave of centred (n, k) values, exactly 0 where that is rounding."""
        rest: FloatArray = values - self.columns @ (self.columns.T @ values)
        fitted = np.max(np.abs(rest), axis=0) <= _FITTED * np.max(np.abs(values), axis=0)
        return np.where(fitted, 0.0, rest)


def additive_adjusted(problem: Problem) -> Statistic:
    """Return the sums of the treated's residuals from blocks and covariates: the score of treatment's coefficient."""
    basis = Basis.of(problem, by_arm=False)
    treated = problem.treated.astype(np.float64)[:, None]
    residuals = basis.residuals(problem.centred(np.hstack([problem.y, treated])))
    size = np.max(np.abs(problem.y), axis=0)
    return Scores(
        label=Message("difference in means adjusted for {k} covariates (additive)", k=_width(problem)),
        scores=problem.columns(residuals), size=size, shifts=True, std_error=np.full(len(size), math.nan),
        notes=basis.notes,
    )  # fmt: skip


def _width(problem: Problem) -> int:
    return len(problem.covariates.names)


def lin_adjusted(problem: Problem) -> Statistic:
    """Return Lin's estimates, fitted anew for every assignment."""
    basis = Basis.of(problem, by_arm=True)
    treated = problem.treated.astype(np.float64)[:, None]
    q, y = basis.columns, problem.centred(np.hstack([problem.y, treated]))
    m, rows = q.shape[1], np.triu_indices(q.shape[1])
    products = np.hstack([q[:, rows[0]] * q[:, rows[1]], *(q[:, [j]] * y for j in range(m))])
    people = np.ones((len(q), 1))
    statistic = LinAdjusted(
        label=Message("difference in means adjusted for {k} covariates by arm (Lin)", k=_width(problem)),
        size=np.max(np.abs(problem.y), axis=0),
        problem=problem,
        sizes=StratumSizes.of(problem.layout),
        sums=StratumSums(scores=problem.columns(np.hstack([q, y, people])), layout=problem.layout),
        scores=problem.columns(products),
        total=products.sum(axis=0),
        width=m,
        notes=basis.notes,
    )
    made = problem.layout.observed().astype(np.float64)
    if not np.all(np.isfinite(statistic.of(made).value)):
        statistic.refit(made[0])
    return statistic


@dataclass(frozen=True, slots=True, kw_only=True)
class LinAdjusted:
    """Lin's estimates from sums by stratum of the basis (m), outcomes, treatment and people, and of their products.

    In each arm, coefficients come from cross-products within strata. With all columns centred by stratum, the estimate
    is the difference in means of y - q'b, b the arm's own.
    """

    label: Message
    size: FloatArray
    problem: Problem
    sizes: StratumSizes
    sums: StratumSums
    scores: FloatArray
    total: FloatArray
    width: int
    notes: tuple[Message, ...]

    def of(self, drawn: FloatArray) -> Values:
        """Return the values of (R, columns) assignments."""
        sums = self.sums.of(drawn).transpose(1, 0, 2)
        products = drawn @ self.scores
        people = sums[:, :, -1]
        one, posed = self._arm(sums, people, products)
        zero, posed_too = self._arm(-sums, self.sizes.people - people, self.total - products)
        values = one - zero
        for row in np.flatnonzero(~(posed & posed_too)):
            try:
                values[row] = self.refit(drawn[row])
            except NotEstimable:
                values[row] = np.inf
        return Values(value=values[:, :-1], shift=values[:, -1])

    def _arm(self, sums: FloatArray, people: FloatArray, products: FloatArray) -> tuple[FloatArray, BoolArray]:
        """Return an arm's mean outcomes with the covariates at their means, (R, K + 1), and which are well posed."""
        m = self.width
        share = self.sizes.weight / people
        of_basis, of_outcomes = sums[:, :, :m], sums[:, :, m:-1]
        within = (of_basis / people[:, :, None]).transpose(0, 2, 1)
        split = m * (m + 1) // 2
        square = np.empty((len(sums), m, m))
        rows, columns = np.triu_indices(m)
        square[:, rows, columns] = square[:, columns, rows] = products[:, :split]
        square -= within @ of_basis
        cross = products[:, split:].reshape(len(sums), m, len(self.size) + 1) - within @ of_outcomes
        least = _WELL_POSED * people.sum(axis=1) / self.sizes.people.sum()
        posed = np.linalg.eigvalsh(square).min(axis=1, initial=np.inf) > least
        square[~posed] = np.eye(m)
        slopes = np.linalg.solve(square, cross)
        means = np.einsum("rb,rbk->rk", share, sums[:, :, :-1])
        found: FloatArray = means[:, m:] - np.einsum("rm,rmk->rk", means[:, :m], slopes)
        return found, posed

    def refit(self, drawn: FloatArray) -> FloatArray:
        """Return the estimates (K + 1,) of one assignment by a regression of its own; raise where it has none."""
        problem = self.problem
        treated = drawn[problem.layout.column][problem.units.of_case] == 1
        names = tuple(map(str, range(len(problem.units.size))))
        sample = Sample(
            y=problem.y[:, 0], treated=treated, cluster=None, weight=None, covariates=problem.covariates,
            block=Groups(codes=problem.stratum, names=names) if len(names) > 1 else None,
        )  # fmt: skip
        design, position, _ = regression_columns(sample, interact=True)
        outcomes = np.hstack([problem.y, problem.treated.astype(np.float64)[:, None]])
        found: FloatArray = np.linalg.lstsq(design, outcomes)[0][position]
        return found

    def report(self, observed: Values) -> tuple[FloatArray, FloatArray]:
        """Return the estimates; their intervals need no standard errors."""
        return observed.value[0], np.full(len(self.size), math.nan)
