"""Tests reject a true hypothesis, and intervals miss the effect, in one trial of twenty.

With 199 draws, a test at 5 % rejects where at most 9 are as far out, which for a statistic without ties is exactly
one in twenty. Where many assignments tie it is less, as ties count as far out: claims other than 0.95 are from 6,000
other trials.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from analysis_lib.results import Estimate
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.design import Design
from analysis_lib.trials.randomization import max_t, randomization_test, romano_wolf

pytestmark = [pytest.mark.slow, pytest.mark.calibration]

DRAWS = 199
# 200 trials a case by default
SHARE = 0.4
Draw = Callable[[np.random.Generator], bool]


@dataclass(frozen=True)
class Case:
    name: str
    draw: Draw
    claim: float = 0.95


CASES: list[Case] = []


def case(name: str, claim: float = 0.95) -> Callable[[Draw], Draw]:
    def keep(draw: Draw) -> Draw:
        CASES.append(Case(f"randomisation test: {name}", draw, claim))
        return draw

    return keep


def accepts(y, design: Design, rng: np.random.Generator, **given) -> bool:
    found = randomization_test(y, design, draws=DRAWS, rng=rng, **given)
    assert isinstance(found, Estimate)
    return found.p_value > 0.05


def covers(y, design: Design, rng: np.random.Generator, effect: float, **given) -> bool:
    found = randomization_test(y, design, draws=DRAWS, rng=rng, **given)
    assert isinstance(found, Estimate)
    return found.interval.low <= effect <= found.interval.high


# Blocks of 20 with 2 treated in each, whose levels differ, and outcomes that are skewed.

TENTH = np.repeat(np.arange(10), 20)


def tenth(rng):
    treated = rng.permuted(np.tile(np.arange(20) < 2, (10, 1)), axis=1).ravel()
    x = rng.normal(size=(200, 2))
    return (
        Design.from_arrays(treated, block=TENTH),
        treated,
        x,
        rng.exponential(size=200) * (1 + TENTH) + 3 * TENTH + x[:, 0],
    )


def weeks_of(rng, mean):
    """Weeks to the event, most before the 26th, when following ends."""
    weeks = np.ceil(rng.exponential(mean))
    return np.minimum(weeks, 26.0), weeks <= 26


for statistic in ("difference_in_means", "studentized", "rank_sum"):

    @case(f"blocks with 10 % treated, {statistic}")
    def in_blocks(rng, statistic=statistic):
        design, _, _, y = tenth(rng)
        return accepts(y, design, rng, statistic=statistic)


for statistic in ("additive_adjusted", "lin_adjusted"):

    @case(f"blocks with 10 % treated, {statistic}")
    def adjusted_in_blocks(rng, statistic=statistic):
        design, _, x, y = tenth(rng)
        return accepts(y, design, rng, statistic=statistic, covariates=x)


for statistic, given, claim in (
    ("log_rank", {}, 0.95), ("restricted_mean_difference", {"horizon": 26}, 0.95), ("survival_difference", {"at": 13}, 0.966)
):  # fmt: skip

    @case(f"blocks with 10 % treated, {statistic}", claim)
    def durations_in_blocks(rng, statistic=statistic, given=given):
        design, *_ = tenth(rng)
        weeks, event = weeks_of(rng, 5 + TENTH)
        return accepts(weeks, design, rng, statistic=statistic, event=event, **given)


# 9 treated, 51 control.


def small(rng):
    treated = rng.permutation(60) < 9
    return Design.from_arrays(treated), treated, np.exp(rng.normal(size=60))


for statistic in ("difference_in_means", "studentized", "rank_sum"):

    @case(f"9 treated, 51 control, lognormal, {statistic}")
    def in_small(rng, statistic=statistic):
        design, _, y = small(rng)
        return accepts(y, design, rng, statistic=statistic)


@case("9 treated, 51 control, lognormal, lin_adjusted")
def lin_in_small(rng):
    design, _, y = small(rng)
    return accepts(y, design, rng, statistic="lin_adjusted", covariates=rng.normal(size=(60, 2)))


@case("9 treated, 51 control, restricted_mean_difference")
def durations_in_small(rng):
    design, _, _ = small(rng)
    weeks, event = weeks_of(rng, np.full(60, 12.0))
    return accepts(weeks, design, rng, statistic="restricted_mean_difference", event=event, horizon=26)


# Heavy ties: weeks 0 to 4.

for statistic, claim in (("difference_in_means", 0.960), ("studentized", 0.958), ("rank_sum", 0.954)):

    @case(f"9 treated, 51 control, weeks 0 to 4, {statistic}", claim)
    def in_ties(rng, statistic=statistic):
        design, _, y = small(rng)
        return accepts(np.minimum(np.floor(y), 4), design, rng, statistic=statistic)


@case("300 people, 60 % of events in two weeks, log_rank")
def log_rank_in_ties(rng):
    weeks = np.minimum(np.ceil(rng.exponential(2.2, size=300)), 6.0)
    return accepts(weeks, Design.from_arrays(rng.permutation(300) < 100), rng, statistic="log_rank", event=weeks < 6)


# 39 clusters of 2 to 40 people, 13 treated; days of birth that cross offices.


def clusters(rng):
    people = rng.integers(2, 41, 39)
    cluster = np.repeat(np.arange(39), people)
    treated = (rng.permutation(39) < 13)[cluster]
    return (
        cluster,
        treated,
        rng.normal(size=len(cluster)) + rng.normal(0, 0.7, 39)[cluster] * (1 + people[cluster] / 40),
    )


for statistic in ("difference_in_means", "studentized", "rank_sum"):

    @case(f"39 clusters, {statistic}")
    def in_clusters(rng, statistic=statistic):
        cluster, treated, y = clusters(rng)
        return accepts(y, Design.from_arrays(treated, cluster=cluster), rng, statistic=statistic)


@case("39 clusters, log_rank")
def log_rank_in_clusters(rng):
    cluster, treated, y = clusters(rng)
    weeks, event = weeks_of(rng, np.exp(2 + y / 3))
    return accepts(weeks, Design.from_arrays(treated, cluster=cluster), rng, statistic="log_rank", event=event)


@case("24 clusters in 3 blocks, a quarter treated, studentized")
def clusters_in_blocks(rng):
    cluster = np.repeat(np.arange(24), rng.integers(2, 20, 24))
    treated = rng.permuted(np.tile(np.arange(8) < 2, (3, 1)), axis=1).ravel()[cluster]
    design = Design.from_arrays(treated, block=cluster // 8, cluster=cluster)
    y = rng.normal(size=len(cluster)) + rng.normal(size=24)[cluster] + cluster // 8
    return accepts(y, design, rng, statistic="studentized")


def days(rng):
    day, office = rng.integers(0, 31, 400), rng.integers(0, 3, 400)
    treated = (rng.permutation(31) < 15)[day]
    return (
        Design.from_arrays(treated, block=office, cluster=day),
        treated,
        rng.normal(size=400) + rng.normal(0, 0.4, 31)[day] + office,
    )


for statistic in ("difference_in_means", "studentized"):

    @case(f"31 days of birth, 15 treated, that cross 3 offices, {statistic}")
    def in_days(rng, statistic=statistic):
        design, _, y = days(rng)
        return accepts(y, design, rng, statistic=statistic)


# Intervals.


@case("interval, 9 treated, 51 control, lognormal, effect 1")
def interval_in_small(rng):
    design, treated, y = small(rng)
    return covers(y + treated, design, rng, 1.0)


for statistic in ("studentized", "additive_adjusted", "lin_adjusted"):

    @case(f"interval, blocks with 10 % treated, effect 2, {statistic}")
    def interval_in_blocks(rng, statistic=statistic):
        design, treated, x, y = tenth(rng)
        given = {} if statistic == "studentized" else {"covariates": x}
        return covers(y + 2 * treated, design, rng, 2.0, statistic=statistic, **given)


@case("interval, 31 days of birth that cross 3 offices, effect 0.5")
def interval_in_days(rng):
    design, treated, y = days(rng)
    return covers(y + 0.5 * treated, design, rng, 0.5)


@case("no effect on average, 40 of 200 treated, who vary twice as much, studentized")
def weak_null(rng):
    treated = rng.permutation(200) < 40
    return accepts(rng.normal(size=200) * (1 + treated), Design.from_arrays(treated), rng, statistic="studentized")


# Several hypotheses: no true one is rejected.


def related(rng, n):
    return rng.normal(size=(n, 6)) + 1.5 * rng.normal(size=(n, 1))


def none_rejected(family, true) -> bool:
    return all(family.adjusted.estimates[j].p_value > 0.05 for j in true)


for function in (max_t, romano_wolf):

    @case(f"6 related outcomes without an effect, {function.__name__}")
    def family(rng, function=function):
        treated = rng.permutation(80) < 25
        return none_rejected(function(related(rng, 80), Design.from_arrays(treated), draws=DRAWS, rng=rng), range(6))

    @case(f"4 of 6 related outcomes without an effect, {function.__name__}")
    def part(rng, function=function):
        treated = rng.permutation(80) < 25
        y = related(rng, 80) + 2.5 * np.outer(treated, [1, 1, 0, 0, 0, 0])
        return none_rejected(function(y, Design.from_arrays(treated), draws=DRAWS, rng=rng), range(2, 6))


def two_arms(rng, effect):
    arm = rng.permutation(np.repeat(np.array([CONTROL, "a", "b"], dtype=object), [40, 30, 30]))
    y = related(rng, 100)[:, :3] + effect * (arm == "b")[:, None]
    design = Design(
        arms=(CONTROL, "a", "b"), arm=arm, unit=np.arange(100), unit_name="person", block=None, expected_share={}
    )
    return max_t(y, design, draws=DRAWS, rng=rng)


@case("2 arms, 3 related outcomes, arm b has an effect, max_t")
def one_arm_works(rng):
    return none_rejected(two_arms(rng, 2.0), range(3))


@case("2 arms, 3 related outcomes without an effect, max_t")
def no_arm_works(rng):
    return none_rejected(two_arms(rng, 0.0), range(6))


@pytest.mark.parametrize("chosen", CASES, ids=lambda c: c.name)
def test_size_and_coverage(chosen, coverage):
    coverage(chosen.name, chosen.draw, claim=chosen.claim, share=SHARE)
