"""Intervals cover the truth, and tests reject a true hypothesis, as often as they say: simulated trials.

The coverage claimed is 0.95, or where a method is known to fall short (or to be on the safe side) in a case, the figure
that docs/methods.md gives for it, from 20,000 other trials. `make calibrate` prints the table of docs/methods.md.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from analysis_lib.results import Estimate
from analysis_lib.trials.durations import hazard_ratio, logrank, median_duration, survival_curve
from analysis_lib.trials.effects import additive_adjusted, difference_in_means, lin_adjusted

pytestmark = [pytest.mark.slow, pytest.mark.calibration]

SEED = 20051101
RATIO = 1.3
# Weibull with medians of 14 and, at a hazard ratio of 1.3, 11.5 weeks.
SHAPE, SCALE = 1.33376, 18.4277

Draw = Callable[[np.random.Generator], bool]
DAYS = np.arange(31)


@dataclass(frozen=True)
class Case:
    """One simulated trial says whether the interval covered (or the test did not reject)."""

    name: str
    draw: Draw
    claim: float = 0.95


CASES: list[Case] = []


def case(name: str, claim: float = 0.95) -> Callable[[Draw], Draw]:
    def keep(draw: Draw) -> Draw:
        CASES.append(Case(name, draw, claim))
        return draw

    return keep


def covers(estimate: Estimate, truth: float) -> bool:
    return estimate.interval.low <= truth <= estimate.interval.high


def assigned(rng: np.random.Generator, treated: int, control: int) -> np.ndarray:
    return rng.permutation(np.repeat([1, 0], [treated, control]))


def skewed(rng: np.random.Generator, n: int) -> np.ndarray:
    """Lognormal with mean 0, skewness 6."""
    return np.exp(rng.normal(size=n)) - math.exp(0.5)


# Differences in means


@case("difference in means: 1,000 people, normal")
def normal(rng):
    t = assigned(rng, 500, 500)
    return covers(difference_in_means(rng.normal(size=1000) + 0.2 * t, t), 0.2)


@case("difference in means: 9 treated, 51 control, treated vary twice as much")
def small_arm(rng):
    t = assigned(rng, 9, 51)
    return covers(difference_in_means(rng.normal(size=60) * (1 + t) + t, t), 1)


@case("difference in means: 400 people, lognormal")
def lognormal(rng):
    t = assigned(rng, 200, 200)
    return covers(difference_in_means(skewed(rng, 400) + t, t), 1)


@case("difference in means: 9 treated, 51 control, lognormal", claim=0.899)
def lognormal_small_arm(rng):
    t = assigned(rng, 9, 51)
    return covers(difference_in_means(skewed(rng, 60) + t, t), 1)


@case("difference in means: 400 people, effects differ between people (effect in the population)")
def heterogeneous(rng):
    t = assigned(rng, 120, 280)
    effect = 1 + rng.exponential(size=400) - 1
    return covers(difference_in_means(rng.normal(size=400) + t * effect, t), 1)


SIZES = np.array([10, 14, 20, 30, 45, 60, 90, 120])
BLOCK = np.repeat(np.arange(8), SIZES)


def in_blocks(rng: np.random.Generator, treated: np.ndarray) -> np.ndarray:
    """Assign the given number in each of the blocks of SIZES."""
    rank = np.argsort(np.argsort(BLOCK + rng.random(len(BLOCK))))
    return (rank - np.repeat(np.cumsum(SIZES) - SIZES, SIZES) < treated[BLOCK]).astype(int)


@case("blocks: 8 of 10 to 120 people, 20 to 60 % treated, effects differ by block")
def blocked(rng):
    t = in_blocks(rng, (SIZES * np.array([0.6, 0.5, 0.4, 0.4, 0.3, 0.3, 0.2, 0.2])).astype(int))
    truth = float(np.average(np.arange(8) / 4, weights=SIZES))
    return covers(difference_in_means(rng.normal(size=389) + BLOCK * (1 + t / 4), t, block=BLOCK), truth)


@case("blocks: 2 of 60 people, 9 treated in each, treated vary twice as much")
def two_small_blocks(rng):
    block = np.repeat([0, 1], 60)
    t = np.concatenate([assigned(rng, 9, 51), assigned(rng, 9, 51)])
    return covers(difference_in_means(rng.normal(size=120) * (1 + t) + t + block, t, block=block), 1)


@case("blocks: 30 matched pairs")
def pairs(rng):
    pair, t = np.repeat(np.arange(30), 2), np.tile([1, 0], 30)
    return covers(difference_in_means(rng.normal(size=60) + rng.normal(size=30)[pair] + t, t, block=pair), 1)


@case("blocks: 12 with one treated of 3 to 6, and 3 of 20")
def small_blocks(rng):
    sizes = np.array([3, 4, 5, 6] * 3 + [20] * 3)
    block = np.repeat(np.arange(15), sizes)
    ones = np.where(sizes < 20, 1, 8)
    t = np.concatenate([np.arange(n) < k for n, k in zip(sizes, ones, strict=True)])
    y = rng.normal(size=114) + rng.normal(size=15)[block] + t
    return covers(difference_in_means(y, t, block=block), 1)


def by_day(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Days of birth, treatment of those born on days 1-15, and an outcome that varies between days."""
    day = rng.integers(0, 31, n)
    return day, (day < 15).astype(int), rng.normal(size=n) + rng.normal(0, 0.3, 31)[day]


@case("clusters: 600 people, 31 days of birth, days 1-15 treated")
def clustered(rng):
    day, t, y = by_day(rng, 600)
    return covers(difference_in_means(y + t, t, cluster=day), 1)


@case("clusters: 10 offices of 10 to 100 people, 3 treated", claim=0.965)
def few_clusters(rng):
    office = np.repeat(np.arange(10), np.arange(10, 110, 10))
    t = rng.permutation(np.repeat([1, 0], [3, 7]))[office]
    y = rng.normal(size=550) + rng.normal(0, 0.3, 10)[office] + t
    return covers(difference_in_means(y, t, cluster=office), 1)


@case("blocks and clusters: 5 offices crossed by 31 days of birth")
def crossed(rng):
    day, t, y = by_day(rng, 600)
    office = rng.choice(5, 600, p=[0.4, 0.3, 0.15, 0.1, 0.05])
    return covers(difference_in_means(y + t + office, t, block=office, cluster=day), 1)


@case("weights: 60 people, 3 groups with 10, 15 and 25 % treated, inverse probabilities", claim=0.959)
def weighted(rng):
    group = np.repeat([0, 1, 2], 20)
    t = np.concatenate([assigned(rng, k, 20 - k) for k in (2, 3, 5)])
    p = np.array([0.1, 0.15, 0.25])[group]
    return covers(difference_in_means(rng.normal(size=60) + t, t, weight=np.where(t == 1, 1 / p, 1 / (1 - p))), 1)


# Adjusted differences


@case("Lin: 1,000 people, 3 covariates, normal")
def lin_normal(rng):
    t, x = assigned(rng, 500, 500), rng.normal(size=(1000, 3))
    return covers(lin_adjusted(x.sum(axis=1) + rng.normal(size=1000) + t, t, x), 1)


@case("Lin: 9 treated, 51 control, 1 covariate, normal", claim=0.955)
def lin_small_arm(rng):
    t, x = assigned(rng, 9, 51), rng.normal(size=60)
    return covers(lin_adjusted(x + rng.normal(size=60) + t, t, x), 1)


@case("Lin: 9 treated, 51 control, 1 covariate, lognormal", claim=0.923)
def lin_lognormal_small_arm(rng):
    t, x = assigned(rng, 9, 51), rng.normal(size=60)
    return covers(lin_adjusted(x + skewed(rng, 60) + t, t, x), 1)


@case("Lin: 400 people, lognormal outcome and covariate")
def lin_lognormal(rng):
    t, x = assigned(rng, 200, 200), skewed(rng, 400)
    return covers(lin_adjusted(0.5 * x + skewed(rng, 400) + t, t, x), 1)


@case("Lin: 400 people, effect differs by covariate (effect in the sample)")
def lin_heterogeneous(rng):
    t, x = assigned(rng, 120, 280), rng.exponential(size=400)
    return covers(lin_adjusted(x + rng.normal(size=400) + t * (1 + x), t, x), float(np.mean(1 + x)))


@case("Lin: 8 blocks of 10 to 120 people, 2 covariates, effects differ by block")
def lin_blocked(rng):
    t, x = in_blocks(rng, np.maximum(5, SIZES // 3)), rng.normal(size=(389, 2))
    truth = float(np.average(np.arange(8) / 4, weights=SIZES))
    y = rng.normal(size=389) + x @ [1, 0.5] + BLOCK * (1 + t / 4)
    return covers(lin_adjusted(y, t, x, block=BLOCK), truth)


@case("Lin: 600 people, 31 days of birth, 2 covariates")
def lin_clustered(rng):
    (day, t, y), x = by_day(rng, 600), rng.normal(size=(600, 2))
    return covers(lin_adjusted(y + x @ [1, 0.5] + t, t, x, cluster=day), 1)


# Durations


def weibull(rng: np.random.Generator, treated: np.ndarray, ratio: float = RATIO) -> np.ndarray:
    hazard = np.where(treated == 1, ratio, 1.0)
    return SCALE * (rng.exponential(size=len(treated)) / hazard) ** (1 / SHAPE)


def censored(left: np.ndarray, until: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(left, until), (left <= until).astype(int)


@case("hazard ratio: 400 people, exact times, some censored")
def exact_times(rng):
    t = assigned(rng, 200, 200)
    return covers(hazard_ratio(*censored(weibull(rng, t), rng.uniform(5, 60, 400)), t), RATIO)


@case("hazard ratio: 1,000 people, whole weeks, Efron")
def whole_weeks(rng):
    t = assigned(rng, 500, 500)
    return covers(hazard_ratio(*censored(np.ceil(weibull(rng, t)), 52), t), RATIO)


@case("hazard ratio: 600 people in 3 strata with hazards of their own, whole weeks")
def in_strata(rng):
    t, stratum = assigned(rng, 300, 300), rng.integers(0, 3, 600)
    left = np.ceil(weibull(rng, t) * np.array([0.5, 1, 2])[stratum])
    return covers(hazard_ratio(*censored(left, 52), t, stratum=stratum), RATIO)


@case("hazard ratio: 600 people, 31 days of birth as clusters, standard error robust")
def hazards_by_day(rng):
    day = rng.integers(0, 31, 600)
    t = (day < 15).astype(int)
    # Normal effects of days on the log hazard would bend the ratio; at no effect of treatment it stays 1.
    left = np.ceil(weibull(rng, t, 1.0) * np.exp(rng.normal(0, 0.3, 31)[day]))
    return covers(hazard_ratio(*censored(left, 52), t, cluster=day), 1.0)


@case("median: 500 people, whole weeks, interpolated, true value 14")
def median_control(rng):
    left = weibull(rng, np.zeros(500))
    return covers(median_duration(*censored(np.ceil(left), 52)), 14)


@case("median: 500 people, whole weeks, interpolated, true value 11.5")
def median_treated(rng):
    left = weibull(rng, np.ones(500))
    return covers(median_duration(*censored(np.ceil(left), 52)), 11.5)


@case("median: 500 people, exact times, true value 14")
def median_exact(rng):
    left = weibull(rng, np.zeros(500))
    return covers(median_duration(*censored(left, rng.uniform(5, 60, 500)), interpolate=False), 14)


@case("log-rank test: 400 people, whole weeks, no effect (share not rejected at 5 %)")
def logrank_size(rng):
    t = assigned(rng, 200, 200)
    return bool(logrank(*censored(np.ceil(weibull(rng, t, 1.0)), rng.uniform(5, 60, 400)), t).passed)


@case("log-rank test: 3 strata with different shares treated, no effect (share not rejected at 5 %)")
def logrank_strata_size(rng):
    stratum = rng.integers(0, 3, 400)
    t = (rng.random(400) < np.array([0.3, 0.5, 0.7])[stratum]).astype(int)
    left = np.ceil(weibull(rng, t, 1.0) * np.array([0.5, 1, 2])[stratum])
    return bool(logrank(*censored(left, 52), t, stratum=stratum).passed)


# Blocks with a tenth treated, 39 clusters, one slope for both arms, small arms, heavy ties


def tenth(rng: np.random.Generator, blocks: int, people: int) -> tuple[np.ndarray, np.ndarray]:
    """Return blocks of equal size, and treatment of a tenth in each."""
    ones = rng.permuted(np.tile(np.arange(people) < people // 10, (blocks, 1)), axis=1)
    return np.repeat(np.arange(blocks), people), ones.ravel().astype(int)


def offices(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return 39 clusters of 2 to 40 people, and treatment of 13 of them."""
    office = np.repeat(np.arange(39), rng.integers(2, 41, 39))
    return office, (rng.permutation(39) < 13)[office].astype(int)


@case("blocks: 10 of 40 people, 4 treated in each, treated vary twice as much")
def blocks_of_40(rng):
    block, t = tenth(rng, 10, 40)
    return covers(difference_in_means(rng.normal(size=400) * (1 + t) + block + t, t, block=block), 1)


@case("blocks: 10 of 20 people, 2 treated in each")
def blocks_of_20(rng):
    block, t = tenth(rng, 10, 20)
    return covers(difference_in_means(rng.normal(size=200) + block + t, t, block=block), 1)


@case("Lin: 10 blocks of 20 people, 2 treated in each, no covariates")
def lin_blocks_of_20(rng):
    block, t = tenth(rng, 10, 20)
    return covers(lin_adjusted(rng.normal(size=200) + block + t, t, None, block=block), 1)


@case("clusters: 39 of 2 to 40 people, 13 treated")
def many_clusters(rng):
    office, t = offices(rng)
    return covers(
        difference_in_means(rng.normal(size=len(t)) + rng.normal(0, 0.7, 39)[office] + t, t, cluster=office), 1
    )


@case("Lin: 39 clusters of 2 to 40 people, 13 treated, 2 covariates")
def lin_many_clusters(rng):
    office, t = offices(rng)
    x = rng.normal(size=(len(t), 2))
    y = rng.normal(size=len(t)) + rng.normal(0, 0.7, 39)[office] + x[:, 0] + t
    return covers(lin_adjusted(y, t, x, cluster=office), 1)


@case("additive: 9 treated, 51 control, 1 covariate, normal")
def additive_small_arm(rng):
    t, x = assigned(rng, 9, 51), rng.normal(size=60)
    return covers(additive_adjusted(x + rng.normal(size=60) + t, t, x), 1)


@case("additive: 10 blocks of 40 people, 4 treated in each, 2 covariates")
def additive_blocked(rng):
    (block, t), x = tenth(rng, 10, 40), rng.normal(size=(400, 2))
    return covers(additive_adjusted(x @ [1, 0.5] + rng.normal(size=400) + block + t, t, x, block=block), 1)


@case("additive: 600 people, 31 days of birth, 2 covariates")
def additive_clustered(rng):
    (day, t, y), x = by_day(rng, 600), rng.normal(size=(600, 2))
    return covers(additive_adjusted(y + x @ [1, 0.5] + t, t, x, cluster=day), 1)


@case("hazard ratio: 9 treated, 51 control, whole weeks", claim=0.943)
def hazards_small_arm(rng):
    t = assigned(rng, 9, 51)
    return covers(hazard_ratio(*censored(np.ceil(weibull(rng, t)), 52), t), RATIO)


@case("hazard ratio: 300 people, a third treated, nearly all gone in 6 weeks")
def hazards_in_ties(rng):
    t = assigned(rng, 100, 200)
    left = np.ceil(rng.exponential(1 / np.where(t, 0.45 * RATIO, 0.45)))
    return covers(hazard_ratio(*censored(left, 6.0), t), RATIO)


@case("hazard ratio: 10 strata of 40 people, 4 treated in each, hazards of their own")
def hazards_in_blocks(rng):
    block, t = tenth(rng, 10, 40)
    left = np.ceil(rng.exponential(1 / (0.05 * np.where(t, RATIO, 1.0) * np.linspace(0.5, 2, 10)[block])))
    return covers(hazard_ratio(*censored(left, 52), t, stratum=block), RATIO)


@case("hazard ratio: 600 people in 39 clusters, 13 treated, standard error robust")
def hazards_by_office(rng):
    office = rng.integers(0, 39, 600)
    t = (rng.permutation(39) < 13)[office].astype(int)
    return covers(hazard_ratio(*censored(np.ceil(weibull(rng, t, 1.0)), 52), t, cluster=office), 1.0)


@case("hazard ratio: 39 clusters of 2 to 40 people, 13 treated, hazards of their own, standard error robust")
def hazards_by_uneven_office(rng):
    office, t = offices(rng)
    left = np.ceil(weibull(rng, t, 1.0) * np.exp(rng.normal(0, 0.3, 39))[office])
    return covers(hazard_ratio(*censored(left, 52), t, cluster=office), 1.0)


@case("hazard ratio: 10 offices of 10 to 100 people, 3 treated, standard error robust", claim=0.977)
def hazards_by_few_offices(rng):
    office = np.repeat(np.arange(10), np.arange(10, 110, 10))
    t = rng.permutation(np.repeat([1, 0], [3, 7]))[office]
    left = np.ceil(weibull(rng, t, 1.0) * np.exp(rng.normal(0, 0.3, 10))[office])
    return covers(hazard_ratio(*censored(left, 52), t, cluster=office), 1.0)


@case("hazard ratio: 900 people, 52 clusters in 4 regions of 4 to 24, standard error robust", claim=0.962)
def hazards_by_office_in_regions(rng):
    halves = np.array([2, 4, 8, 12])
    region = np.repeat(np.arange(4), 2 * halves)
    ones = np.concatenate([rng.permutation(2 * k) < k for k in halves])
    office = rng.integers(0, 52, 900)
    left = np.ceil(weibull(rng, ones[office], 1.0) * np.exp(rng.normal(0, 0.3, 52))[office])
    return covers(hazard_ratio(*censored(left, 52), ones[office], stratum=region[office], cluster=office), 1.0)


def band_covers(time: np.ndarray, event: np.ndarray, at: float, truth: float) -> bool:
    curve = survival_curve(time, event)
    last = int(np.searchsorted(curve.x, at, side="right")) - 1
    return bool(curve.low[last] <= truth <= curve.high[last])


@case("survival curve: 30 people, exact times, some censored, at the true median")
def curve_of_few(rng):
    return band_covers(*censored(weibull(rng, np.zeros(30)), rng.uniform(5, 60, 30)), 14, 0.5)


@case("survival curve: 200 people, whole weeks, at the true median")
def curve_in_weeks(rng):
    return band_covers(*censored(np.ceil(weibull(rng, np.zeros(200))), 52), 14, 0.5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.draw.__name__)
def test_coverage(case, coverage):
    coverage(case.name, case.draw, claim=case.claim, seed=(SEED, CASES.index(case)))
