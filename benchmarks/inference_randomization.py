"""Randomisation inference: 8 outcomes of 50,000 people in 376 blocks, 10,000 draws.

    python benchmarks/inference_randomization.py            # some five minutes, 2 GiB
    python benchmarks/inference_randomization.py --quick    # does it run; its sizes say nothing about speed

The lower limit is one float32 matrix product of the draws with the outcomes, (draws x n) by (n x 8), done in tenths so
that a tenth of the draws is in memory. NumPy's BLAS takes as many threads as OPENBLAS_NUM_THREADS says, on both sides.
The naive side fits statsmodels' OLS with covariates and an indicator for every block to one outcome of one draw.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
import statsmodels.api as sm
from measure import Row, at_least, at_most, exponent, print_table, times_in_turn
from numpy.typing import NDArray

from analysis_lib.results import Results
from analysis_lib.trials.design import Design
from analysis_lib.trials.randomization import randomization_test, romano_wolf

SEED = 20_110_101
OUTCOMES, COVARIATES, BLOCKS = 8, 6, 376
Numbers = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """People, draws, and the sizes over which the exponents are taken."""

    people: int = 50_000
    draws: int = 10_000
    over_people: tuple[int, ...] = (25_000, 50_000, 100_000, 200_000)
    over_draws: tuple[int, ...] = (1_250, 2_500, 5_000, 10_000)


QUICK = Size(people=2_000, draws=200, over_people=(1_000, 2_000), over_draws=(100, 200))


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Outcomes (n, 8) in weeks, covariates (n, 6) and the design."""

    y: Numbers
    x: Numbers
    block: Numbers
    treated: Numbers
    design: Design


def draw_trial(people: int) -> Trial:
    """Draw a trial with 40 % treated in every block."""
    rng = np.random.default_rng(SEED)
    block = rng.integers(0, BLOCKS, people)
    order = np.lexsort((rng.random(people), block))
    size = np.bincount(block)
    rank = np.empty(people, dtype=np.int64)
    rank[order] = np.arange(people) - np.repeat(np.cumsum(size) - size, size)
    treated = rank < np.maximum(1, (0.4 * size).astype(np.int64))[block]
    x = rng.normal(size=(people, COVARIATES))
    y = np.round(rng.exponential(12, size=(people, OUTCOMES)) + x.sum(axis=1, keepdims=True) + treated[:, None])
    return Trial(y=y, x=x, block=block, treated=treated, design=Design.from_arrays(treated, block=block))


def test(trial: Trial, statistic: Any, draws: int, **arguments: Any) -> Results:
    """Run the library's test of all outcomes."""
    found = randomization_test(
        trial.y, trial.design, statistic=statistic, draws=draws, rng=np.random.default_rng(1), **arguments
    )
    if not isinstance(found, Results):
        raise TypeError("several outcomes give Results")
    return found


def naive_fit(trial: Trial) -> float:
    """Return the coefficient of treatment for the first outcome, as statsmodels fits it."""
    indicators = (trial.block[:, None] == np.unique(trial.block)).astype(np.float64)
    columns = np.column_stack([trial.treated.astype(np.float64), trial.x, indicators])
    return float(sm.OLS(trial.y[:, 0], columns).fit().params[0])


def rows(size: Size | None = None) -> list[Row]:
    """Time everything, and return the lines of the table."""
    size = Size() if size is None else size
    trial = draw_trial(size.people)
    part, tenth = np.ones((size.draws // 10, size.people), dtype=np.float32), trial.y.astype(np.float32)
    draws = size.draws
    calls: dict[str, Any] = {
        "product": lambda: [part @ tenth for _ in range(10)],
        "adjusted": lambda: test(trial, "additive_adjusted", draws, covariates=trial.x),
        "plain": lambda: test(trial, "difference_in_means", draws),
        "max-T": lambda: romano_wolf(trial.y, trial.design, draws=draws, rng=np.random.default_rng(1)),
        "lin": lambda: test(trial, "lin_adjusted", draws, covariates=trial.x),
        "naive": lambda: naive_fit(trial),
    }
    ours, theirs = test(trial, "additive_adjusted", 10, covariates=trial.x).estimates[0].value, naive_fit(trial)
    if abs(ours - theirs) > 1e-8 * abs(theirs):
        raise RuntimeError(f"the coefficients differ: {ours} and {theirs}")
    seconds = times_in_turn(calls)
    naive = seconds["naive"] * OUTCOMES * draws
    of_people = [_seconds(draw_trial(n), draws // 10) for n in size.over_people]
    of_draws = [_seconds(trial, number) for number in size.over_draws]
    what = f"{draws:,} draws, {size.people:,} people, {OUTCOMES} outcomes, {BLOCKS} blocks"
    ratio = {name: seconds[name] / seconds["product"] for name in calls}
    return [
        Row(what=f"one float32 product: {what}", figure=f"{seconds['product']:.2f} s"),
        Row(what="adjusted for 6 covariates (additive), over the product", **at_most(ratio["adjusted"], 25)),
        Row(what="difference in means, over the product", **at_most(ratio["plain"], 25)),
        Row(what="Lin's coefficient, fitted in every draw, over the product", figure=f"{ratio['lin']:.1f}x"),
        Row(what="naive OLS (from one fit), over adjusted", **at_least(naive / seconds["adjusted"], 10_000)),
        Row(what="studentised step-down, over difference in means", **at_most(ratio["max-T"] / ratio["plain"], 2)),
        Row(what="exponent of cost in people", figure=f"{exponent(size.over_people, of_people):.2f}"),
        Row(what="exponent of cost in draws", figure=f"{exponent(size.over_draws, of_draws):.2f}"),
    ]


def _seconds(trial: Trial, draws: int) -> float:
    call = {"adjusted": lambda: test(trial, "additive_adjusted", draws, covariates=trial.x)}
    return times_in_turn(call)["adjusted"]


def main(arguments: list[str]) -> int:
    """Print the table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run")
    quick = parser.parse_args(arguments).quick
    found = rows(QUICK if quick else None)
    print_table("Randomisation inference", found)
    return int(not quick and any(row.reached is False for row in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
