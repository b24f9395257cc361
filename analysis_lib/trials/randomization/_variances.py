"""Variances of differences in means over assignments, for outcomes and for outcomes less a shift of the treated.

In an arm of G units and N people, units have residual totals Y_c - N_c Y / N, and the variance is G / (G - 1) times the
sum of their squares over N^2: with people as units, Neyman's. Strata with one unit in an arm have none of their own and
share one (Pashley and Miratrix 2021). All are of pairs (`left`, `right`) of the K outcomes and treatment as made:
each outcome with itself, each with treatment, treatment with itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, IntArray
from analysis_lib.trials.randomization._problem import Problem
from analysis_lib.trials.randomization._strata import StratumSizes


def _pairs(outcomes: int) -> tuple[IntArray, IntArray]:
    """Return the left and right member of each pair of `outcomes` columns, the last of which is treatment."""
    k = outcomes - 1
    left, right = np.r_[np.arange(k), np.arange(k), k], np.r_[np.arange(k), np.full(k + 1, k)]
    return left.astype(np.intp), right.astype(np.intp)


def _factors(sizes: StratumSizes) -> tuple[FloatArray, FloatArray]:
    """Return weight^2 G / (G - 1) of the treated and of control, 0 in the strata without a variance of their own."""
    own = (sizes.treated > 1) & (sizes.control > 1)
    one, zero = (np.where(own, g / np.maximum(g - 1, 1), 0.0) * sizes.weight**2 for g in (sizes.treated, sizes.control))
    return one, zero


@dataclass(frozen=True, slots=True, kw_only=True)
class EqualUnits:
    """Variances where the units of a stratum are of equal size: sums of products are then one sum of scores.

    Outcomes are centred, so that the sums of the two arms of a stratum are opposite.
    """

    scores: FloatArray
    origin: FloatArray
    square: FloatArray
    left: IntArray
    right: IntArray

    @classmethod
    def of_problem(cls, problem: Problem, sizes: StratumSizes, totals: FloatArray) -> EqualUnits:
        """Weight the products of (units, K + 1) totals."""
        left, right = _pairs(totals.shape[1])
        people = sizes.treated_people
        one, zero = _factors(sizes)
        one, zero = one / people**2, zero / (sizes.people - people) ** 2
        stratum = problem.units.stratum
        products = totals[:, left] * totals[:, right]
        return cls(
            scores=problem.layout.spread(products * (one - zero)[stratum][:, None]),
            origin=zero[stratum] @ products,
            square=one / sizes.treated + zero / sizes.control,
            left=left,
            right=right,
        )

    def of(self, drawn: FloatArray, sums: FloatArray) -> FloatArray:
        """Return the variances (R, pairs) of assignments with (strata, R, K + 1) sums."""
        found: FloatArray = self.origin + drawn @ self.scores
        weighted = sums * self.square[:, None, None]
        last = sums.shape[2] - 1
        own = np.einsum("brk,brk->rk", weighted, sums)
        cross = np.einsum("brk,br->rk", weighted[:, :, :last], sums[:, :, last])
        found -= np.hstack([own[:, :last], cross, own[:, last:]])
        return found


def unequal_scores(totals: FloatArray, people: FloatArray) -> FloatArray:
    """Return totals, people, products, totals x people and people^2 of units, side by side."""
    left, right = _pairs(totals.shape[1])
    return np.hstack([totals, people, totals[:, left] * totals[:, right], totals * people, people**2])


@dataclass(frozen=True, slots=True, kw_only=True)
class UnequalUnits:
    """Variances from sums by stratum of `unequal_scores`, whose sums over both arms are `total` (strata, columns)."""

    total: FloatArray
    factors: tuple[FloatArray, FloatArray]
    outcomes: int

    @classmethod
    def of_problem(cls, problem: Problem, sizes: StratumSizes, scores: FloatArray, outcomes: int) -> UnequalUnits:
        """Sum the scores by stratum."""
        starts = np.cumsum(problem.units.size) - problem.units.size
        return cls(total=np.add.reduceat(scores, starts, axis=0), factors=_factors(sizes), outcomes=outcomes)

    def of(self, sums: FloatArray) -> FloatArray:
        """Return the variances (R, pairs) of assignments with (strata, R, columns) sums."""
        one, zero = self.factors
        return self._arm(sums, one) + self._arm(self.total[:, None, :] - sums, zero)

    def _arm(self, sums: FloatArray, factor: FloatArray) -> FloatArray:
        left, right = _pairs(self.outcomes)
        outcomes, people, products, by_people, squares = np.split(
            sums, np.cumsum([self.outcomes, 1, len(left), self.outcomes]), axis=2
        )
        mean = outcomes / people
        a, b = mean[:, :, left], mean[:, :, right]
        each = products - a * by_people[:, :, right] - b * by_people[:, :, left] + a * b * squares
        found: FloatArray = np.einsum("b,brp->rp", factor, each / people**2)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledStrata:
    """The variance shared by the strata with one unit in an arm, from how their differences vary."""

    small: BoolArray
    share: FloatArray
    factor: FloatArray

    @classmethod
    def of_sizes(cls, sizes: StratumSizes) -> PooledStrata | None:
        """Return the strata's weights; None where there is no such stratum.

        Raises
        ------
        NotEstimable
            There is one such stratum, or one of them has half their people or more.
        """
        small = (sizes.treated == 1) | (sizes.control == 1)
        if not small.any():
            return None
        people, strata = sizes.people[small], int(small.sum())
        total = float(people.sum())
        if strata == 1:
            raise NotEstimable(
                Message("one block has one unit in an arm, and no other such block to share a standard error with")
                if len(small) > 1
                else Message("an arm has one unit, which leaves no standard error")
            )
        if np.all(people == people[0]):
            factor = np.full(strata, 1 / (strata * (strata - 1)))
        elif np.any(2 * people >= total):
            raise NotEstimable(
                Message("of the {n} blocks with one unit in an arm, one holds half the people or more", n=strata)
            )
        else:
            factor = people**2 / (total - 2 * people)
            factor = factor / (total + factor.sum())
        return cls(small=small, share=people / total, factor=factor * sizes.weight[small].sum() ** 2)

    def of(self, differences: FloatArray) -> FloatArray:
        """Return the variances (R, pairs) from the strata's differences (strata, R, K + 1)."""
        mine = differences[self.small]
        apart = mine - np.einsum("b,brk->rk", self.share, mine)
        left, right = _pairs(mine.shape[2])
        found: FloatArray = np.einsum("b,brp->rp", self.factor, apart[:, :, left] * apart[:, :, right])
        return found
