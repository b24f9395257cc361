"""Coverage and size of restricted means, ratios by window and in discrete time, and of the proportional-hazards test."""

import math

import numpy as np
import pytest
from scipy import integrate, stats

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate
from analysis_lib.trials.durations.discrete_time import cloglog
from analysis_lib.trials.durations.piecewise import piecewise_hazard_ratios
from analysis_lib.trials.durations.proportionality import check_proportional_hazards
from analysis_lib.trials.durations.restricted_mean import restricted_mean, restricted_mean_difference

pytestmark = [pytest.mark.slow, pytest.mark.calibration]

# The control group's medians and the ratio of the HIG trial (`docs/data.md`): 14 weeks, 11.5 weeks, ratio 1.3.
SHAPE, SCALE, RATIO = 1.33376, 18.4277, 1.3
WINDOWS = {"threat": (0, 4), "course": (5, 8), "meetings": (9, 16), "activation": (17, 29), "after": (30, np.inf)}
HORIZON = 26


def survival(t, ratio=1.0):
    return np.exp(-ratio * (t / SCALE) ** SHAPE)


def durations(rng, hazard):
    """Weibull durations; `hazard` multiplies the hazard."""
    return SCALE * (rng.exponential(size=len(hazard)) / hazard) ** (1 / SHAPE)


def threatened(rng, treated, ratio=RATIO, until=4.0):
    """Durations whose hazard is `ratio` times as high for the treated until then, and not after."""
    passed = rng.exponential(size=len(treated))
    early = np.where(treated == 1, ratio, 1.0)
    bend = (until / SCALE) ** SHAPE
    passed = np.where(passed < early * bend, passed / early, passed - (early - 1) * bend)
    return SCALE * passed ** (1 / SHAPE)


def censored(left, until):
    return np.minimum(left, until), (left <= until).astype(int)


def assigned(rng, n):
    return rng.permutation(np.arange(n) % 2)


def by_day(rng, n):
    """Days of birth, treatment on days 1-15, and hazards that differ between days."""
    day = rng.integers(0, 31, n)
    return day, (day < 15).astype(int), np.exp(rng.normal(0, 0.3, 31)[day])


def covers(found: Estimate, truth: float) -> bool:
    return found.interval.low <= truth <= found.interval.high


def weeks_begun(ratio=1.0):
    return sum(survival(np.arange(HORIZON), ratio))


def exact_mean(ratio=1.0):
    return integrate.quad(survival, 0, HORIZON, args=(ratio,))[0]


def test_restricted_mean_of_weeks_begun(coverage):
    def draw(rng):
        return covers(restricted_mean(*censored(np.ceil(durations(rng, np.ones(200))), 52), HORIZON), weeks_begun())

    coverage("restricted mean: 200 people, whole weeks, weeks begun", draw)


def test_restricted_mean_of_exact_times_from_whole_weeks(coverage):
    def draw(rng):
        left, until = np.ceil(durations(rng, np.ones(300))), np.ceil(rng.uniform(26, 60, 300))
        return covers(restricted_mean(*censored(left, until), HORIZON, interpolate=True), exact_mean())

    coverage("restricted mean: 300 people, whole weeks, straight lines, mean of the exact time", draw)


def test_difference_of_restricted_means(coverage):
    truth = exact_mean(RATIO) - exact_mean()

    def draw(rng):
        arm = assigned(rng, 200)
        time, event = censored(durations(rng, np.where(arm, RATIO, 1.0)), rng.uniform(5, 60, 200))
        return covers(restricted_mean_difference(time, event, arm, HORIZON), truth)

    coverage("difference in restricted means: 200 people, exact times, some censored", draw)


def test_difference_of_restricted_means_in_strata(coverage):
    slow, fast = (sum(survival(np.arange(HORIZON), h * RATIO)) - sum(survival(np.arange(HORIZON), h)) for h in (0.5, 2))

    def draw(rng):
        stratum = np.repeat([0, 1], [250, 150])
        arm = (rng.random(400) < np.array([0.3, 0.6])[stratum]).astype(int)
        left = np.ceil(durations(rng, np.where(arm, RATIO, 1.0) * np.array([0.5, 2])[stratum]))
        found = restricted_mean_difference(*censored(left, 52), arm, HORIZON, stratum=stratum)
        return covers(found, (250 * slow + 150 * fast) / 400)

    coverage("difference in restricted means: 2 strata with different shares treated, whole weeks", draw)


def test_difference_of_restricted_means_in_a_small_arm(coverage):
    """Greenwood's variance of 9 people is an eighth too small."""

    def draw(rng):
        arm = np.isin(np.arange(60), rng.choice(60, 9, replace=False)).astype(int)
        return covers(
            restricted_mean_difference(*censored(np.ceil(durations(rng, np.ones(60))), 52), arm, HORIZON), 0.0
        )

    coverage("difference in restricted means: 9 treated, 51 control, whole weeks", draw)


@pytest.mark.parametrize(("treated", "n"), [(9, 60), (20, 120)])
def test_difference_of_restricted_means_to_the_end_of_follow_up(coverage, treated, n):
    truth = sum(survival(np.arange(52), RATIO)) - sum(survival(np.arange(52)))

    def draw(rng):
        arm = rng.permutation(np.arange(n) < treated).astype(int)
        time, event = censored(np.ceil(durations(rng, np.where(arm, RATIO, 1.0))), 52)
        return covers(restricted_mean_difference(time, event, arm, 52), truth)

    coverage(f"difference in restricted means: {treated} treated, {n - treated} control, up to 52 weeks", draw)


def test_difference_of_restricted_means_in_blocks_with_a_tenth_treated(coverage):
    """Drawn again where nobody of the 4 treated in a block leaves by week 26, for which there is no estimate."""
    block = np.repeat(np.arange(10), 40)

    def draw(rng):
        arm = rng.permuted(np.tile(np.arange(40) < 4, (10, 1)), axis=1).ravel().astype(int)
        left = np.ceil(durations(rng, np.linspace(0.7, 1.5, 10)[block]))
        try:
            return covers(restricted_mean_difference(*censored(left, 104), arm, HORIZON, stratum=block), 0.0)
        except NotEstimable:
            return draw(rng)

    coverage("difference in restricted means: 10 blocks of 40 people, 4 treated in each", draw, share=0.5)


@pytest.mark.parametrize(("n", "claim"), [(15, 0.95), (30, 0.95)])
def test_restricted_mean_of_few_people(coverage, n, claim):
    def draw(rng):
        return covers(restricted_mean(*censored(np.ceil(durations(rng, np.ones(n))), 52), HORIZON), weeks_begun())

    coverage(f"restricted mean: {n} people, whole weeks", draw, claim=claim)


def test_difference_of_restricted_means_in_39_clusters(coverage):
    def draw(rng):
        office = rng.integers(0, 39, 600)
        arm = (rng.permutation(39) < 13)[office].astype(int)
        left = np.ceil(rng.exponential(20 / np.exp(rng.normal(0, 0.3, 39))[office]))
        return covers(restricted_mean_difference(*censored(left, 52), arm, HORIZON, cluster=office), 0.0)

    coverage("difference in restricted means: 600 people in 39 clusters, 13 treated", draw)


def test_difference_of_restricted_means_in_clusters_within_strata(coverage):
    """3 strata with 8 clusters in each arm, as offices of regions."""
    region = np.repeat(np.arange(3), 16)

    def draw(rng):
        ones = rng.permuted(np.tile(np.arange(16) < 8, (3, 1)), axis=1).ravel()
        office = rng.integers(0, 48, 900)
        time, event = censored(np.ceil(durations(rng, np.exp(rng.normal(0, 0.3, 48))[office])), 52)
        found = restricted_mean_difference(time, event, ones[office], HORIZON, stratum=region[office], cluster=office)
        return covers(found, 0.0)

    coverage("difference in restricted means: 48 clusters in 3 strata", draw, share=0.6)


def test_restricted_mean_in_39_clusters(coverage):
    def draw(rng):
        office, frailty = rng.integers(0, 39, 600), rng.normal(0, 0.3, 39)
        left = np.ceil(rng.exponential(20 / np.exp(frailty)[office]))
        return covers(restricted_mean(*censored(left, 52), HORIZON, cluster=office), truth)

    # the frailty's mean over a normal distribution, by Gauss and Hermite
    nodes, weights = np.polynomial.hermite_e.hermegauss(30)
    rate = np.exp(0.3 * nodes) / 20
    truth = float(np.sum(weights * [np.exp(-r * np.arange(HORIZON)).sum() for r in rate]) / weights.sum())
    coverage("restricted mean: 600 people in 39 clusters", draw)


def test_difference_of_restricted_means_by_day(coverage):
    def draw(rng):
        day, arm, hazard = by_day(rng, 600)
        time, event = censored(np.ceil(durations(rng, hazard)), 52)
        return covers(restricted_mean_difference(time, event, arm, HORIZON, cluster=day), 0.0)

    coverage("difference in restricted means: 600 people, 31 days of birth as clusters", draw)


def hig(rng, ratio=RATIO, n=4500):
    arm = assigned(rng, n)
    time, event = censored(np.ceil(threatened(rng, arm, ratio)), 104)
    return piecewise_hazard_ratios(time, event, arm, WINDOWS)


def test_threat_effect_is_covered_and_the_windows_without_effect_too(coverage):
    windows = {name: RATIO if name == "threat" else 1.0 for name in WINDOWS}
    found = []

    def draw(rng):
        found.append(hig(rng).estimates)
        return all(covers(row, windows[row.group]) for row in found[-1])

    # five windows, whose estimates are independent
    coverage(
        "ratios by window: 4,500 people, threat effect in weeks 1-4, all 5 at once", draw, claim=0.95**5, share=0.3
    )
    later = np.mean([row.p_value < 0.05 for rows in found for row in rows[1:]])
    n = len(found) * 4
    low, high = stats.binom.interval(0.999, n, 0.05)
    assert low <= later * n <= high
    at = stats.binom.interval(0.999, len(found), power())
    assert at[0] <= sum(rows[0].p_value < 0.05 for rows in found) <= at[1]


def power():
    """Of finding the threat effect: a normal logarithm of the ratio, its variance by the events expected."""
    events = [2250 * (1 - survival(4, ratio)) for ratio in (RATIO, 1.0)]
    return float(stats.norm.sf(1.96 - math.log(RATIO) / math.sqrt(sum(1 / e for e in events))))


def test_equal_ratios_have_their_size(coverage):
    def draw(rng):
        arm = assigned(rng, 1000)
        left = np.ceil(durations(rng, np.where(arm, RATIO, 1.0)))
        return piecewise_hazard_ratios(*censored(left, 52), arm, [4, 8, 16, 29]).checks[0].passed

    coverage(
        "equal ratios in 5 windows: 1,000 people, whole weeks, one ratio (share not rejected at 5 %)", draw, share=0.4
    )


def test_ratios_by_window_and_day(coverage):
    def draw(rng):
        day, arm, hazard = by_day(rng, 900)
        time, event = censored(np.ceil(durations(rng, hazard)), 52)
        return covers(piecewise_hazard_ratios(time, event, arm, [4, 12], cluster=day).estimates[0], 1.0)

    coverage("ratios by window: 900 people, 31 days of birth as clusters, first of 3", draw, share=0.4)


@pytest.mark.parametrize("cuts", [[8], [4, 12]])
def test_equal_ratios_by_day_have_their_size(coverage, cuts):
    def draw(rng):
        day, arm, hazard = by_day(rng, 900)
        time, event = censored(np.ceil(durations(rng, hazard)), 52)
        return piecewise_hazard_ratios(time, event, arm, cuts, cluster=day).checks[0].passed

    coverage(
        f"equal ratios in {len(cuts) + 1} windows: 900 people, 31 days of birth as clusters "
        "(share not rejected at 5 %)", draw, share=0.4,
    )  # fmt: skip


def test_cloglog_covers(coverage):
    def draw(rng):
        arm, x = assigned(rng, 600), rng.normal(size=600)
        left = np.ceil(durations(rng, np.where(arm, RATIO, 1.0) * np.exp(0.5 * x)) / 4)
        return covers(cloglog(*censored(left, 13), arm, covariates=x), RATIO)

    coverage("cloglog: 600 people, 13 periods of 4 weeks, a covariate", draw, share=0.6)


def test_cloglog_in_groups_of_weeks_covers(coverage):
    def draw(rng):
        arm = assigned(rng, 400)
        left = np.ceil(rng.exponential(20 / np.where(arm, RATIO, 1.0)))
        return covers(cloglog(*censored(left, rng.integers(5, 60, 400)), arm, cuts=[8, 26]), RATIO)

    coverage("cloglog: 400 people, hazard constant within 3 groups of weeks", draw, share=0.6)


def test_cloglog_by_day(coverage):
    def draw(rng):
        day, arm, hazard = by_day(rng, 600)
        return covers(cloglog(*censored(np.ceil(durations(rng, hazard)), 52), arm, cluster=day), 1.0)

    coverage("cloglog: 600 people, 31 days of birth as clusters", draw, share=0.5)


@pytest.mark.parametrize("transform", ["km", "log"])
def test_proportional_hazards_have_their_size(coverage, transform):
    def draw(rng):
        arm, x, stratum = assigned(rng, 400), rng.normal(size=400), rng.integers(0, 2, 400)
        left = np.ceil(durations(rng, np.where(arm, RATIO, 1.0) * np.exp(0.5 * x) * np.array([0.7, 1.4])[stratum]))
        time, event = censored(left, rng.integers(5, 60, 400))
        found = check_proportional_hazards(time, event, arm, covariates=x, stratum=stratum, transform=transform)
        return found.checks[-1].passed

    coverage(f"proportional hazards: 400 people, whole weeks, {transform} (share not rejected at 5 %)", draw, share=0.6)
