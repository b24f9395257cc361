"""Differences in means, weighted by the strata's sizes, over their standard errors or not."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis_lib.results import FloatArray, Message
from analysis_lib.trials.randomization._problem import Problem
from analysis_lib.trials.randomization._strata import StratumSizes, StratumSums
from analysis_lib.trials.randomization._values import Scores, Spread, Statistic, Values
from analysis_lib.trials.randomization._variances import EqualUnits, PooledStrata, UnequalUnits, unequal_scores

DIFFERENCE = Message("difference in means")


def mean_differences(problem: Problem, *, studentized: bool) -> Statistic:
    """Return the differences in the means of all outcomes."""
    sizes = StratumSizes.of(problem.layout)
    treated = problem.treated.astype(np.float64)[:, None]
    totals = problem.units.totals(problem.centred(np.hstack([problem.y, treated])))
    size = np.max(np.abs(problem.y), axis=0)
    if sizes.equal and not studentized:
        rate = sizes.rate(sizes.treated_people)[problem.units.stratum]
        return Scores(
            label=DIFFERENCE, scores=problem.layout.spread(totals * rate[:, None]), size=size,
            shifts=True, std_error=np.full(len(size), math.nan),
        )  # fmt: skip
    people = np.bincount(problem.units.of_case).astype(np.float64)[:, None]
    scores = totals if sizes.equal else np.hstack([totals, people])
    variance: EqualUnits | UnequalUnits | None = None
    if studentized and sizes.equal:
        variance = EqualUnits.of_problem(problem, sizes, totals)
    elif studentized:
        scores = unequal_scores(totals, people)
        variance = UnequalUnits.of_problem(problem, sizes, scores, totals.shape[1])
    return Differences(
        label=Message("studentised difference in means") if studentized else DIFFERENCE,
        size=size,
        sums=StratumSums(scores=problem.layout.spread(scores), layout=problem.layout),
        sizes=sizes,
        variance=variance,
        pooled=PooledStrata.of_sizes(sizes) if studentized else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """Differences from sums by stratum of K outcomes and treatment as made and, where units are unequal, people."""

    label: Message
    size: FloatArray
    sums: StratumSums
    sizes: StratumSizes
    variance: EqualUnits | UnequalUnits | None
    pooled: PooledStrata | None
    notes: tuple[Message, ...] = ()

    def of(self, drawn: FloatArray) -> Values:
        """Return the values of (R, columns) assignments."""
        sums, outcomes = self.sums.of(drawn), len(self.size) + 1
        people = self.sizes.treated_people[:, None] if self.sizes.equal else sums[:, :, outcomes]
        parts = sums[:, :, :outcomes] * self.sizes.rate(people)[:, :, None]
        values = parts.sum(axis=0)
        if self.variance is None:
            return Values(value=values[:, :-1], shift=values[:, -1])
        spread = self.variance.of(drawn, sums) if isinstance(self.variance, EqualUnits) else self.variance.of(sums)
        if self.pooled is not None:
            spread = spread + self.pooled.of(parts / self.sizes.weight[:, None, None])
        k = outcomes - 1
        own, cross, shift = spread[:, :k], spread[:, k : 2 * k], spread[:, 2 * k]
        return Values(value=values[:, :k], shift=values[:, k], spread=Spread(own=own, cross=cross, shift=shift))

    def report(self, observed: Values) -> tuple[FloatArray, FloatArray]:
        """Return the estimates and their standard errors."""
        value = observed.value[0]
        nothing = np.full(len(value), math.nan)
        return value, nothing if observed.spread is None else np.sqrt(np.maximum(observed.spread.own[0], 0))
