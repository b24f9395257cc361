"""Rank-sum and log-rank statistics: sums of the treated's scores, with their exact variance over assignments."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, Groups
from analysis_lib.trials._cox import RiskSets
from analysis_lib.trials._draws import Units
from analysis_lib.trials.randomization._problem import Problem
from analysis_lib.trials.randomization._values import Scores, Statistic


def rank_sum(problem: Problem) -> Statistic:
    """Return the sums of the treated's ranks within strata, over the strata's people + 1 (van Elteren)."""
    stratum = problem.stratum
    people, treated = np.bincount(stratum), np.bincount(stratum, weights=problem.treated)
    ranks = pd.DataFrame(problem.y).groupby(stratum).rank(method="average").to_numpy()
    scores = (ranks - (people[stratum, None] + 1) / 2) / (people[stratum, None] + 1)
    totals = problem.units.totals(scores)
    factor = float(1 / np.sum(treated * (people - treated) / (people + 1)))
    return Scores(
        label=Message("rank sum"),
        scores=problem.layout.spread(totals), size=np.ones(totals.shape[1]), shifts=False, origin=0.5, factor=factor,
        std_error=factor * np.sqrt(null_variance(totals, problem.units)),
        notes=(Message("no interval: ranks do not say by how much outcomes were shifted"),),
    )  # fmt: skip


def log_rank(problem: Problem, event: BoolArray) -> Statistic:
    """Return the treated's events less those expected from everyone's hazard in their stratum (Mantel)."""
    strata = Groups(codes=problem.stratum, names=tuple(map(str, range(len(problem.units.size)))))
    columns = [_martingales(time, ends, strata) for time, ends in zip(problem.y.T, event.T, strict=True)]
    totals = problem.units.totals(np.column_stack(columns))
    return Scores(
        label=Message("log-rank"),
        scores=problem.layout.spread(totals), size=np.ones(totals.shape[1]), shifts=False,
        std_error=np.sqrt(null_variance(totals, problem.units)),
        notes=(Message("no interval: the log-rank test does not say by how much hazards differ"),),
    )  # fmt: skip


def null_variance(totals: FloatArray, units: Units) -> FloatArray:
    """Return the variance over assignments of the sums of (units, K) scores of the treated, shape (K,)."""
    size, count = units.size.astype(np.float64), units.count
    sums = np.add.reduceat(totals, np.cumsum(units.size) - units.size, axis=0)
    apart = (totals - (sums / size[:, None])[units.stratum]) ** 2
    weight = count * (size - count) / (size * (size - 1))
    found: FloatArray = weight[units.stratum] @ apart
    return found


def _martingales(time: FloatArray, event: BoolArray, strata: Groups) -> FloatArray:
    """Return each person's event less the cumulative hazard of the stratum at their time, shape (n,)."""
    sets = RiskSets.build(time, event, strata)
    died, at_risk = sets.sums(sets.event.astype(np.float64)), sets.at_risk(sets.sums(np.ones(len(time))))
    found = np.empty(len(time))
    found[sets.order] = sets.event - sets.until(died / at_risk)[sets.group]
    return found
