"""Competing risks: intervals cover the truth, and Gray's test rejects a true hypothesis, as often as they say.

Time is in whole weeks, so that many people end in the same one; people censored in a week were at risk in it. A
claim other than 0.95 is from 20,000 other trials.
"""

import math

import numpy as np
import pytest

from analysis_lib.errors import NotEstimable
from analysis_lib.trials.durations.competing import (
    cause_specific_hazard_ratio,
    cumulative_incidence,
    cumulative_incidence_difference,
)
from analysis_lib.trials.durations.fine_gray import fine_gray
from analysis_lib.trials.durations.gray import gray_test

pytestmark = [pytest.mark.slow, pytest.mark.calibration]

RATIO = 1.35
# The share of the control arm that ever ends in the cause of interest.
EVER = 0.5


def draw_rates(rng, n, rates, lost):
    """Draw weeks and causes 1, 2, ... that come at constant rates; of those left, the share `lost` is lost each week."""
    left = np.ceil(rng.exponential(1 / sum(rates), n))
    until = np.minimum(rng.geometric(lost, n), 104)
    cause = rng.choice(len(rates), n, p=np.array(rates) / sum(rates)) + 1
    return np.minimum(left, until), np.where(left <= until, cause, 0)


def true_share(rates, week):
    return rates[0] / sum(rates) * -math.expm1(-sum(rates) * week)


def draw_subdistribution(rng, n, *, ratio, weekly, lost, other=(1.0, 1.0), more=0.0):
    """Draw from Fine and Gray's model, in whole weeks.

    1 - F(t) = (1 - EVER (1 - exp(-weekly t)))^(ratio^arm exp(more x)) for cause 1, and exponential times to cause 2
    with rates weekly x `other` by arm. With `lost` given for each arm the arms are censored differently.
    """
    arm, x = rng.permutation(n) % 2, rng.normal(size=n)
    power = ratio**arm * np.exp(more * x)
    chance = rng.random(n)
    first = chance < 1 - (1 - EVER) ** power
    share = np.where(first, 1 - (1 - chance) ** (1 / power), 0) / EVER
    weeks = np.where(first, -np.log1p(-share), rng.exponential(1 / np.array(other)[arm])) / weekly
    left, until = np.ceil(weeks), np.minimum(rng.geometric(np.broadcast_to(lost, 2)[arm]), 104)
    return np.minimum(left, until), np.where(left > until, 0, np.where(first, 1, 2)), arm, x


@pytest.mark.parametrize(
    ("name", "n", "rates", "week", "claim"),
    [
        ("150 people, week 26", 150, (0.03, 0.02, 0.005), 26, 0.95),
        ("150 people, week 78", 150, (0.03, 0.02, 0.005), 78, 0.95),
        ("40 people, week 26", 40, (0.03, 0.02, 0.005), 26, 0.95),
        ("150 people, a fifth ends each week, week 5", 150, (0.15, 0.06, 0.02), 5, 0.95),
        ("150 people, about 12 end in the cause", 150, (0.006, 0.04, 0.01), 52, 0.95),
    ],
)
def test_band(coverage, name, n, rates, week, claim):
    def draw(rng):
        time, cause = draw_rates(rng, n, rates, 0.01)
        curve = cumulative_incidence(time, cause, 1)
        last = np.searchsorted(curve.x, week, side="right") - 1
        return curve.low[last] <= true_share(rates, week) <= curve.high[last]

    coverage(f"cumulative incidence: {name}", draw, claim=claim)


@pytest.mark.parametrize(
    ("name", "sizes", "week", "claim"),
    [
        ("150 in each arm, week 26", (150, 150), 26, 0.95),
        ("150 in each arm, week 39", (150, 150), 39, 0.95),
        ("40 treated, 100 control, week 13", (40, 100), 13, 0.95),
        ("20 treated, 100 control, week 13", (20, 100), 13, 0.95),
        ("20 treated, 100 control, week 26", (20, 100), 26, 0.95),
        # on the safe side: the share of 9 people has few values
        ("9 treated, 51 control, week 26", (9, 51), 26, 0.963),
    ],
)
def test_difference(coverage, name, sizes, week, claim):
    rates = ((0.03, 0.02, 0.005), (0.02, 0.03, 0.005))

    def draw(rng):
        parts = [draw_rates(rng, n, r, 0.01) for n, r in zip(sizes, rates, strict=True)]
        time, cause = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        treated = np.repeat([1, 0], sizes)
        try:
            found = cumulative_incidence_difference(time, cause, 1, treated, week).interval
        except NotEstimable:
            # an arm in which nobody, or everybody, had ended in the cause, or was observed as long
            return draw(rng)
        return found.low <= true_share(rates[0], week) - true_share(rates[1], week) <= found.high

    coverage(f"difference in incidence: {name}", draw, claim=claim)


@pytest.mark.parametrize(
    ("name", "n", "options", "share", "claim"),
    [
        ("400 people", 400, {"weekly": 0.03, "lost": 0.015}, 0.6, 0.95),
        ("400 people, a tenth ends each week", 400, {"weekly": 0.15, "lost": 0.08}, 0.6, 0.95),
        ("400 people, covariate", 400, {"weekly": 0.03, "lost": 0.015, "more": 0.5}, 0.6, 0.95),
        ("60 people", 60, {"weekly": 0.03, "lost": 0.015}, 0.6, 0.95),
    ],
)
def test_subdistribution_ratio(coverage, name, n, options, share, claim):
    def draw(rng):
        time, cause, arm, x = draw_subdistribution(rng, n, ratio=RATIO, **options)
        found = fine_gray(time, cause, 1, arm, covariates=x if "more" in options else None).interval
        return found.low <= RATIO <= found.high

    coverage(f"Fine-Gray: {name}", draw, claim=claim, share=share)


@pytest.mark.parametrize(
    ("name", "n", "options", "test", "claim"),
    [
        ("300 people", 300, {"weekly": 0.03, "lost": 0.015}, {}, 0.95),
        ("300 people, rho 1", 300, {"weekly": 0.03, "lost": 0.015}, {"rho": 1}, 0.95),
        # Gray's variance leaves out that causes which come in the same week have a negative covariance
        ("300 people, a tenth ends each week", 300, {"weekly": 0.15, "lost": 0.08}, {}, 0.943),
        (
            "300 people, the other cause and censoring differ by arm",
            300,
            {"weekly": 0.03, "lost": (0.005, 0.03), "other": (0.6, 1.5)},
            {},
            0.95,
        ),
        ("300 people in 6 strata", 300, {"weekly": 0.03, "lost": 0.015}, {"stratum": np.arange(300) % 6}, 0.95),
        ("40 people", 40, {"weekly": 0.03, "lost": 0.015}, {}, 0.95),
    ],
)
def test_size_of_grays_test(coverage, name, n, options, test, claim):
    def draw(rng):
        time, cause, arm, _ = draw_subdistribution(rng, n, ratio=1, **options)
        return gray_test(time, cause, 1, arm, **test).passed

    coverage(f"Gray's test: {name}", draw, claim=claim)


@pytest.mark.parametrize(("treated", "n"), [(300, 600), (9, 60)])
def test_cause_specific_ratio(coverage, treated, n):
    """The other cause is slowed by treatment, which must not matter."""

    def draw(rng):
        arm = (rng.permutation(n) < treated).astype(int)
        one = rng.exponential(1 / (0.05 * np.where(arm, RATIO, 1.0)))
        other = rng.exponential(1 / (0.03 * np.where(arm, 0.6, 1.0)))
        week = np.ceil(np.minimum(one, other))
        cause = np.where(week > 52, 0, np.where(one < other, 1, 2))
        found = cause_specific_hazard_ratio(np.minimum(week, 52), cause, 1, arm).interval
        return found.low <= RATIO <= found.high

    coverage(f"cause-specific hazard ratio: {treated} of {n} treated, whole weeks", draw)
