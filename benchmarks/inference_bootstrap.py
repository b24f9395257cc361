"""The bootstrap of adjusted effects against resampling and refitting: `python benchmarks/inference_bootstrap.py`.

Lin's adjustment, 8 outcomes, 6 covariates, 10,000 draws. The peers are timed on a few draws, and their seconds
multiplied: statsmodels on sampled data frames, which is the usual route, and least squares in NumPy on sampled rows,
which is what a careful user would write. All must give the same effects in the same resamples before anything is timed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from measure import Row, at_least, exponent, print_table, times_in_turn

from analysis_lib.results import FloatArray
from analysis_lib.trials.effects import bootstrap_effects
from analysis_lib.trials.effects._resampling import Strata

TITLE = "Bootstrap of effects on 8 outcomes adjusted for 6 covariates by arm"
OUTCOMES = tuple(f"y{j + 1}" for j in range(8))
COVARIATES = tuple(f"x{j + 1}" for j in range(6))
CLUSTERS = 94
# Of an effect in a resample, in standard errors: the library's sums are in single precision.
AGREE = 1e-4
SEED = 7


class Sizes(NamedTuple):
    """People, draws, draws that the peers are timed on, and the steps of the exponents of cost."""

    people: int
    draws: int
    timed: int
    people_steps: tuple[int, ...]
    draw_steps: tuple[int, ...]


FULL = Sizes(50_000, 10_000, 3, (12_500, 25_000, 50_000, 100_000), (500, 1_000, 2_000, 4_000))
QUICK = Sizes(2_000, 400, 1, (1_000, 2_000, 4_000), (100, 200, 400))


def draw_people(n: int, *, rng: np.random.Generator) -> pd.DataFrame:
    """Return people with skewed outcomes, covariates, and clusters within the arms; controls first."""
    x = rng.normal(size=(n, len(COVARIATES)))
    treated = np.sort(rng.random(n) < 0.5)
    y = x @ rng.normal(size=(len(COVARIATES), len(OUTCOMES))) + rng.exponential(size=(n, len(OUTCOMES)))
    y += treated[:, None] * (0.1 + 0.2 * x[:, :1])
    people = pd.DataFrame(np.hstack([y, x]), columns=[*OUTCOMES, *COVARIATES])
    cluster = 2 * rng.integers(0, CLUSTERS // 2, n) + treated
    return people.assign(treated=treated.astype(float), cluster=cluster)


def library(people: pd.DataFrame, draws: int, *, clustered: bool = False) -> FloatArray:
    """Return the library's draws (draws, outcomes)."""
    found = bootstrap_effects(
        people[list(OUTCOMES)], people["treated"], covariates=people[list(COVARIATES)], draws=draws,
        cluster=people["cluster"] if clustered else None, rng=np.random.default_rng(SEED),
    )  # fmt: skip
    return found.draws


def statsmodels_effects(people: pd.DataFrame) -> FloatArray:
    """Return the effects in one resample, a formula for each outcome."""
    terms = " + ".join(COVARIATES)
    fits = [smf.ols(f"{name} ~ treated * ({terms})", people).fit() for name in OUTCOMES]
    return np.array([fit.params["treated"] for fit in fits])


def numpy_effects(people: pd.DataFrame) -> FloatArray:
    """Return the effects in one resample, all outcomes in one least-squares fit."""
    x, arm = people[list(COVARIATES)].to_numpy(), people[["treated"]].to_numpy()
    design = np.hstack([np.ones_like(arm), arm, x, arm * x])
    effects: FloatArray = np.linalg.lstsq(design, people[list(OUTCOMES)].to_numpy(), rcond=None)[0][1]
    return effects


def resample(people: pd.DataFrame, draws: int, effects: Callable[[pd.DataFrame], FloatArray]) -> None:
    """Draw people within arms, and refit, as often as told."""
    arms = [people[people["treated"] == arm] for arm in (0, 1)]
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        effects(pd.concat([arm.sample(frac=1, replace=True, random_state=rng) for arm in arms]))


def check_same(people: pd.DataFrame, draws: int) -> None:
    """Raise where a refit of one of the library's own resamples gives other effects."""
    own, size = library(people, 100), np.bincount(people["treated"].astype(int))
    counts = Strata(start=np.cumsum(size) - size, size=size).counts(100, np.random.default_rng(SEED))
    for i in range(draws):
        drawn = people.iloc[np.repeat(np.arange(len(people)), counts[i].astype(int))]
        for refit in (statsmodels_effects, numpy_effects):
            apart = np.max(np.abs(refit(drawn) - own[i]) / own.std(axis=0))
            if apart > AGREE:
                raise RuntimeError(f"{refit.__name__} and the library are {apart:.2g} standard errors apart")


def rows(sizes: Sizes = FULL) -> list[Row]:
    """Compare, and return the table's rows."""
    drawn = draw_people(max(sizes.people, *sizes.people_steps), rng=np.random.default_rng(1))
    people = _some(drawn, sizes.people)
    check_same(people, sizes.timed)
    return [*peer_rows(people, sizes), *cost_rows(drawn, people, sizes)]


def peer_rows(people: pd.DataFrame, sizes: Sizes) -> list[Row]:
    """Time the library on all draws, the peers on a few."""
    took = times_in_turn({
        "own": partial(library, people, sizes.draws),
        "clustered": partial(library, people, sizes.draws, clustered=True),
        "statsmodels": partial(resample, people, sizes.timed, statsmodels_effects),
        "numpy": partial(resample, people, sizes.timed, numpy_effects),
    })  # fmt: skip
    own, times = took["own"], sizes.draws / sizes.timed
    what = f"{sizes.draws:,} draws of {len(people):,} people"
    usual, careful = took["statsmodels"] * times, took["numpy"] * times
    note = f"from {sizes.timed} draws"
    return [
        Row(what=f"the library, {what}", figure=f"{own:.2f} s"),
        Row(what=f"statsmodels on sampled frames, {usual:,.0f} s ({note})", **at_least(usual / own, 100)),
        Row(what=f"NumPy least squares on sampled rows, {careful:,.0f} s ({note})", figure=f"{careful / own:,.0f}x"),
        Row(what=f"the library, {CLUSTERS} clusters resampled", figure=f"{took['clustered']:.2f} s"),
    ]


def cost_rows(drawn: pd.DataFrame, people: pd.DataFrame, sizes: Sizes) -> list[Row]:
    """Time the library by number of people, and of draws."""
    fewest = sizes.draw_steps[0]
    by_people = {n: partial(library, _some(drawn, n), fewest) for n in sizes.people_steps}
    by_draws = {draws: partial(library, people, draws) for draws in sizes.draw_steps}
    found = []
    for label, calls in ((f"people ({fewest} draws)", by_people), ("draws", by_draws)):
        seconds = list(times_in_turn({str(step): call for step, call in calls.items()}).values())
        text = ", ".join(f"{step:,} {s:.2f} s" for step, s in zip(calls, seconds, strict=True))
        slope = exponent(list(calls), seconds)
        found.append(
            Row(what=f"cost by {label}: {text}; exponent", figure=f"{slope:.2f}", target="<= 1.2", reached=slope <= 1.2)
        )
    return found


def _some(people: pd.DataFrame, n: int) -> pd.DataFrame:
    """Return every so many of the people, n of them, so that arms keep their shares; covariates centred in these."""
    some = people.iloc[np.linspace(0, len(people) - 1, n).astype(int)].reset_index(drop=True)
    x = some[list(COVARIATES)]
    return some.assign(**(x - x.mean()))


def main(arguments: list[str]) -> int:
    """Print the table; 1 where a target is missed (not with --quick, whose sizes are too small for them)."""
    parser = argparse.ArgumentParser(description="The bootstrap against resampling and refitting.")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, not is it fast")
    asked = parser.parse_args(arguments)
    found = rows(QUICK if asked.quick else FULL)
    print_table(TITLE, found)
    return int(any(row.reached is False for row in found) and not asked.quick)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
