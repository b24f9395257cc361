"""Intervals cover the truth, and tests reject a true hypothesis, as often as they say: simulated trials.

The coverage claimed is 0.95 or, where a method is known to fall short of it (or to be on the safe side), the figure
found in 5,000 other trials; docs/methods.md says why.
"""

import math

import numpy as np
import pytest
from scipy import stats

from analysis_lib.results import Estimate
from analysis_lib.trials.effects import (
    attrition_check,
    bootstrap_effects,
    effect_of_shares,
    effect_over_time,
    lee_bounds,
    multi_arm_effects,
    quantile_effects,
)

pytestmark = [pytest.mark.slow, pytest.mark.calibration]


def covers(estimate: Estimate, truth: float) -> bool:
    low, high = estimate.interval.low, estimate.interval.high
    # a limit that the people cannot set is none
    return not (low > truth or high < truth)


def assigned(rng, *people):
    return rng.permutation(np.repeat(np.arange(len(people)), people))


SIZES = np.array([10, 20, 40, 60, 70])
BLOCK = np.repeat(np.arange(5), SIZES)


def in_blocks(rng, share):
    """Assign a share, at least two, in each of the blocks of SIZES."""
    treated = np.maximum(2, np.round(SIZES * share)).astype(int)
    rank = np.argsort(np.argsort(BLOCK + rng.random(len(BLOCK))))
    return (rank - np.repeat(np.cumsum(SIZES) - SIZES, SIZES) < treated[BLOCK]).astype(int)


# Shares of the arms, in place of people


@pytest.mark.parametrize(("people", "share", "claim"), [((250, 250), 0.3, 0.95), ((51, 9), 0.4, 0.95)])
def test_effect_of_shares(coverage, people, share, claim):
    """The effect in one week, from the arms' shares: 9 people's share is in steps of a ninth."""

    def draw(rng):
        counts = rng.binomial(np.array(people)[:, None], [[share], [share + 0.1]])
        week = effect_of_shares(counts / np.array(people)[:, None], people).difference
        return not (week.low[0] > 0.1 or week.high[0] < 0.1)

    coverage(f"effect of shares: {people[1]} treated, {people[0]} control", draw, claim=claim)


# Several arms

ARMS = np.array(["control", "a", "b"])


def test_arms(coverage):
    def three(rng):
        arm, x = assigned(rng, 51, 9, 30), rng.normal(size=90)
        y = x * (1 + arm) + rng.normal(size=90) * (1 + (arm == 1)) + arm
        truth = 1 + x.mean()
        return covers(multi_arm_effects(y, ARMS[arm], covariates=x, multiplicity="none").estimates[0], truth)

    def clustered(rng):
        cluster = rng.integers(0, 39, 500)
        arm = rng.permutation(np.arange(39) % 3)[cluster]
        y = rng.normal(size=500) + rng.normal(0, 0.4, 39)[cluster] + 1.0 * arm
        found = multi_arm_effects(y, ARMS[arm], cluster=cluster, multiplicity="none")
        return covers(found.estimates[1], 2)

    coverage("arms: 51 control, 9 and 30 treated, own slopes, the 9 vary twice as much", three, claim=0.942, share=0.5)
    coverage("arms: 500 people in 39 clusters, three arms", clustered, share=0.3)


def test_all_arms_alike(coverage):
    def small(rng):
        arm, x = assigned(rng, 30, 9, 15), rng.normal(size=54)
        return multi_arm_effects(x + rng.normal(size=54), ARMS[arm], covariates=x, multiplicity="none").checks[0].passed

    def clustered(rng):
        cluster = rng.integers(0, 39, 400)
        arm = rng.permutation(np.arange(39) % 3)[cluster]
        y = rng.normal(size=400) + rng.normal(0, 0.4, 39)[cluster]
        return multi_arm_effects(y, ARMS[arm], cluster=cluster, multiplicity="none").checks[0].passed

    coverage(
        "all arms alike: 30, 9 and 15 people, a covariate, no effect (share not rejected at 5 %)", small, share=0.5
    )
    coverage("all arms alike: 39 clusters in three arms, no effect (share not rejected at 5 %)", clustered, share=0.3)


# Weeks


def course(rng, n, treated, *, weeks=26, rate=20.0, office=None):
    """Indicators of work: each begins in a week of their own, and stays; the truth is their distribution's."""
    frailty = 1.0 if office is None else np.exp(office)
    begins = rng.exponential(rate / frailty / np.where(treated, 1.5, 1), n)
    truth = np.exp(-np.arange(1, weeks + 1) / rate) - np.exp(-1.5 * np.arange(1, weeks + 1) / rate)
    return (begins[:, None] <= np.arange(1, weeks + 1)).astype(float), truth


def whole(band, truth):
    known = ~np.isnan(band.low)
    return bool(np.all((band.low <= truth)[known] & (truth <= band.high)[known]))


def test_simultaneous_bands(coverage):
    def people(rng):
        treated = assigned(rng, 150, 150)
        values, truth = course(rng, 300, treated)
        return whole(effect_over_time(values, treated, draws=1000, rng=rng).simultaneous, truth)

    def small(rng):
        treated = assigned(rng, 51, 9)
        values = rng.normal(size=(60, 12)).cumsum(axis=1)
        return whole(effect_over_time(values, treated, draws=1000, rng=rng).simultaneous, np.zeros(12))

    def clustered(rng):
        cluster = rng.integers(0, 39, 500)
        treated = (cluster < 20).astype(int)
        values = rng.normal(size=(500, 12)).cumsum(axis=1) + rng.normal(0, 0.5, (39, 12)).cumsum(axis=1)[cluster]
        return whole(effect_over_time(values, treated, cluster=cluster, draws=1000, rng=rng).simultaneous, np.zeros(12))

    def blocked(rng):
        treated = in_blocks(rng, 0.1)
        values = rng.normal(size=(200, 12)).cumsum(axis=1) + BLOCK[:, None]
        return whole(effect_over_time(values, treated, block=BLOCK, draws=1000, rng=rng).simultaneous, np.zeros(12))

    def cumulated(rng):
        treated = assigned(rng, 150, 150)
        values, truth = course(rng, 300, treated)
        band = effect_over_time(values, treated, cumulative=True, draws=1000, rng=rng).simultaneous
        return whole(band, truth.cumsum())

    def leaving(rng):
        treated = assigned(rng, 150, 150)
        values, truth = course(rng, 300, treated, weeks=12)
        values[np.arange(12) >= rng.integers(4, 20, 300)[:, None]] = np.nan
        return whole(effect_over_time(values, treated, draws=1000, rng=rng).simultaneous, truth)

    coverage("weeks, whole course: 300 people, 26 weeks of indicators", people, share=0.3)
    coverage("weeks, whole course: 9 treated, 51 control, 12 weeks", small, share=0.3)
    coverage("weeks, whole course: 39 clusters, 12 weeks", clustered, claim=0.943, share=0.3)
    coverage("weeks, whole course: 5 blocks with 10 % treated, 12 weeks", blocked, share=0.3)
    coverage("weeks, whole course: 300 people, 26 cumulated weeks", cumulated, share=0.3)
    coverage("weeks, whole course: 300 people, many leave observation", leaving, share=0.3)


def test_intervals_of_one_week(coverage):
    def week(rng):
        treated = assigned(rng, 150, 150)
        values, truth = course(rng, 300, treated)
        curve = effect_over_time(values, treated, draws=1000, rng=rng).difference
        return curve.low[12] <= truth[12] <= curve.high[12]

    coverage("weeks, one of them: 300 people, indicators", week, share=0.3)


# Attrition


def attrition(rng, treated, share, effect=0.0):
    return rng.random(len(treated)) < share + effect * treated


def test_attrition(coverage):
    def newcombe(rng):
        treated = assigned(rng, 51, 9)
        return covers(attrition_check(attrition(rng, treated, 0.8), treated).estimates[0], 0)

    def rare(rng):
        treated = assigned(rng, 200, 200)
        return covers(attrition_check(attrition(rng, treated, 0.97, -0.05), treated).estimates[0], -0.05)

    def fisher(rng):
        treated = assigned(rng, 200, 200)
        return attrition_check(attrition(rng, treated, 0.8), treated).checks[0].passed

    def clustered(rng):
        cluster = rng.integers(0, 39, 600)
        treated = (cluster < 20).astype(int)
        seen = rng.random(600) < stats.norm.cdf(1 + rng.normal(0, 0.3, 39)[cluster])
        return covers(attrition_check(seen, treated, cluster=cluster).estimates[0], 0)

    def blocked(rng):
        treated = in_blocks(rng, 0.1)
        return covers(
            attrition_check(attrition(rng, treated, 0.7 + 0.05 * (BLOCK % 2)), treated, block=BLOCK).estimates[0], 0
        )

    coverage("attrition: 9 treated, 51 control, 80 % observed", newcombe, claim=0.965, share=0.5)
    coverage("attrition: 400 people, 97 and 92 % observed", rare, share=0.5)
    coverage("attrition: 400 people, Fisher's test (share not rejected at 5 %)", fisher, claim=0.962, share=0.5)
    coverage("attrition: 39 clusters", clustered, share=0.3)
    coverage("attrition: 5 blocks with 10 % treated, 70 % observed", blocked, claim=0.927, share=0.5)


def test_attrition_by_covariates(coverage):
    def people(rng):
        treated, x = assigned(rng, 150, 50), rng.normal(size=(200, 3))
        seen = rng.random(200) < stats.norm.cdf(0.7 + 0.4 * x[:, 0])
        return attrition_check(seen, treated, covariates=x).checks[1].passed is not False

    def clustered(rng):
        cluster = rng.integers(0, 39, 400)
        treated, x = (cluster < 20).astype(int), rng.normal(size=(400, 2))
        seen = rng.random(400) < stats.norm.cdf(0.7 + 0.4 * x[:, 0] + rng.normal(0, 0.3, 39)[cluster])
        return attrition_check(seen, treated, covariates=x, cluster=cluster).checks[1].passed is not False

    coverage("attrition by covariates: 50 of 200 treated, 3 covariates (share not rejected at 5 %)", people, share=0.3)
    coverage("attrition by covariates: 39 clusters, 2 covariates (share not rejected at 5 %)", clustered, share=0.3)


# Lee's bounds


def lee(rng, n, treated_share, draw, extra=0.2):
    treated = (rng.random(n) < treated_share).astype(int)
    always = rng.random(n) < 0.7
    observed = always | ((rng.random(n) < extra / 0.3) & (treated == 1))
    return draw(rng, n), treated, observed


def trimmed_means(quantile, mean_below, share):
    """The means of the lowest and highest `share` of a distribution."""
    total = mean_below(math.inf)
    low = mean_below(quantile(share)) / share
    return low, (total - mean_below(quantile(1 - share))) / share


def test_lee_bounds(coverage):
    keep = 0.7 / 0.9
    # normal: the mean of the lowest share k is -phi(z_k) / k
    bound = float(stats.norm.pdf(stats.norm.ppf(keep)) / keep)

    def lower(rng):
        y, treated, observed = lee(rng, 500, 0.5, lambda rng, n: rng.normal(size=n))
        return covers(lee_bounds(y, treated, observed).lower, -bound)

    def upper(rng):
        y, treated, observed = lee(rng, 150, 0.15, lambda rng, n: rng.normal(size=n))
        return covers(lee_bounds(y, treated, observed).upper, bound)

    # weeks 0 to 4 with equal chances: the lowest 7/9 of them
    weeks = np.arange(5)
    counted = np.clip(keep * 5 - np.arange(5), 0, 1) @ weeks / (keep * 5)

    def ties(rng):
        y, treated, observed = lee(rng, 500, 0.5, lambda rng, n: rng.integers(0, 5, n).astype(float))
        return covers(lee_bounds(y, treated, observed).lower, counted - 2)

    def strata(rng):
        """Trimmed shares differ by stratum, outcomes too; bounds by stratum have the truth of each."""
        stratum = rng.integers(0, 2, 800)
        treated = (rng.random(800) < np.array([0.5, 0.25])[stratum]).astype(int)
        observed = rng.random(800) < np.where(treated, np.array([0.9, 0.8])[stratum], np.array([0.6, 0.7])[stratum])
        y = rng.normal(size=800) + 2 * stratum
        own = [stats.norm.pdf(stats.norm.ppf(k)) / k for k in (6 / 9, 7 / 8)]
        truth = -np.average(own, weights=[0.6, 0.7])
        return covers(lee_bounds(y, treated, observed, strata=stratum).lower, truth)

    def effect(rng):
        """The effect is at the lower bound: those observed only if treated have the highest outcomes."""
        n = 500
        y = rng.normal(size=n)
        treated = (rng.random(n) < 0.5).astype(int)
        reachable = rng.random(n) < 0.9
        always = reachable & (y < stats.norm.ppf(keep))
        found = lee_bounds(y, treated, np.where(treated == 1, reachable, always))
        return found.interval.low <= 0 <= found.interval.high

    coverage("Lee, lower bound: 500 people, 90 and 70 % observed", lower, share=0.5)
    coverage("Lee, upper bound: 150 people, 15 % treated", upper, claim=0.94, share=0.5)
    coverage("Lee, lower bound: 500 people, five tied values", ties, share=0.5)
    coverage("Lee, lower bound: 800 people, two strata", strata, share=0.5)
    coverage("Lee, the effect at its worst place (Imbens-Manski): 500 people", effect, share=0.5)


# Quantiles


def test_quantiles(coverage):
    def small(rng):
        t = assigned(rng, 51, 9)
        return covers(quantile_effects(rng.exponential(size=60) * (1 + t), t, [0.5]).estimates[0], math.log(2))

    def upper(rng):
        t = assigned(rng, 200, 200)
        truth = -math.log(0.1)
        return covers(quantile_effects(rng.exponential(size=400) * (1 + t), t, [0.9]).estimates[0], truth)

    def weeks(rng):
        t = assigned(rng, 150, 150)
        y = np.ceil(rng.exponential(10 + 5 * t))
        # the first whole week by which half have left: 7 and 11
        return covers(quantile_effects(y, t, [0.5]).estimates[0], 4)

    def between(rng):
        """Two values, 50.5 % and 49.5 % have the lower one: the medians differ, and are easily taken for each other."""
        t = assigned(rng, 150, 150)
        y = np.where(rng.random(300) < np.where(t == 1, 0.505, 0.495), 1.0, 2.0)
        return covers(quantile_effects(y, t, [0.5]).estimates[0], -1)

    def blocked(rng):
        t = in_blocks(rng, 0.1)
        return covers(quantile_effects(rng.normal(size=200) + BLOCK / 2 + t, t, [0.5], block=BLOCK).estimates[0], 1)

    def test(rng):
        t = assigned(rng, 150, 150)
        return quantile_effects(np.ceil(rng.exponential(10, 300)), t, [0.5]).estimates[0].p_value >= 0.05

    coverage("quantiles: median, 9 treated, 51 control, skewed", small, claim=0.98)
    coverage("quantiles: 90 %, 400 people, skewed", upper, claim=0.974)
    coverage("quantiles: median, 300 people, whole weeks", weeks, claim=0.989)
    coverage("quantiles: median, 300 people, about half at each of two values", between, claim=0.957)
    coverage("quantiles: median, 5 blocks with 10 % treated", blocked, claim=0.988)
    coverage("quantiles: median, 300 people, whole weeks, no effect (share not rejected at 5 %)", test, claim=0.995)


# Bootstrap


def test_bootstrap(coverage):
    def interval(rng, truth, kind="percentile", **given):
        found = bootstrap_effects(draws=400, rng=rng, **given)
        return covers(found.estimates(kind).estimates[0], truth)

    def people(rng):
        t, x = assigned(rng, 100, 100), rng.normal(size=(200, 2))
        return interval(rng, 1, y=x.sum(axis=1) + rng.normal(size=200) + t, treated=t, covariates=x)

    def normal(rng):
        t, x = assigned(rng, 100, 100), rng.normal(size=(200, 2))
        return interval(rng, 1, "normal", y=x.sum(axis=1) + rng.normal(size=200) + t, treated=t, covariates=x)

    def small(rng):
        t = assigned(rng, 51, 9)
        return interval(rng, 1, "normal", y=rng.normal(size=60) * (1 + t) + t, treated=t, adjustment="none")

    def blocked(rng):
        t = in_blocks(rng, 0.1)
        return interval(rng, 1, "normal", y=rng.normal(size=200) + BLOCK + t, treated=t, block=BLOCK, adjustment="none")

    def clustered(rng):
        cluster = rng.integers(0, 39, 500)
        t, x = (cluster < 20).astype(int), rng.normal(size=500)
        y = x + rng.normal(size=500) + rng.normal(0, 0.4, 39)[cluster] + t
        return interval(rng, 1, "normal", y=y, treated=t, covariates=x, cluster=cluster)

    def ratio(rng):
        """What it is for: the interval of a ratio of two effects, by percentiles of the draws."""
        t = assigned(rng, 300, 300)
        cost, gain = 2 * t + rng.exponential(size=600), 3 * t + 4 * rng.normal(size=600)
        found = bootstrap_effects(np.column_stack([gain, cost]), t, draws=400, rng=rng)
        low, high = np.quantile(found.draws[:, 0] / found.draws[:, 1], [0.025, 0.975])
        return low <= 1.5 <= high

    coverage("bootstrap, percentile: 200 people, Lin, 2 covariates", people, share=0.3)
    coverage("bootstrap, normal: 200 people, Lin, 2 covariates", normal, share=0.3)
    coverage("bootstrap, normal: 9 treated, 51 control, treated vary twice as much", small, share=0.3, claim=0.921)
    coverage("bootstrap, normal: 5 blocks with 10 % treated", blocked, share=0.3, claim=0.93)
    coverage("bootstrap, normal: 39 clusters, Lin, a covariate", clustered, share=0.3, claim=0.941)
    coverage("bootstrap, percentile of a ratio of two effects: 600 people", ratio, share=0.3)
