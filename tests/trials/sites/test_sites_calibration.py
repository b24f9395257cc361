"""Pooled intervals cover, and Cochran's Q rejects equal effects, as often as they say.

Where the claim is not 0.95 it is the share found in 6,000 other trials (94 sites: 1,500), which docs/methods.md
explains. Sites have
standard errors of 0.5 to 2 (their variances differ tenfold and more), the mean is 0.3.
"""

import numpy as np
import pytest

from analysis_lib.trials.sites import pool_sites, rank_probabilities

pytestmark = [pytest.mark.slow, pytest.mark.calibration]

MEAN = 0.3
# of the trials of other cases: 94 sites take a hundredth of a second
SHARES = {3: 0.4, 10: 0.4, 94: 0.2}


def draw_sites(rng, k, tau):
    std_errors = rng.choice([0.5, 1.0, 2.0], k) * rng.uniform(0.9, 1.1, k)
    return MEAN + rng.normal(size=k) * np.sqrt(std_errors**2 + tau**2), std_errors


# coverage of: Knapp-Hartung with the floor; the same without; normal; the prediction interval (at tau = 1)
POOLED = [
    ("floor", 3, 0.0, 0.988),
    ("floor", 3, 1.0, 0.946),
    ("floor", 10, 0.0, 0.972),
    ("floor", 10, 1.0, 0.932),
    ("floor", 94, 0.0, 0.956),
    ("floor", 94, 1.0, 0.95),
    ("no floor", 3, 0.0, 0.95),
    ("no floor", 3, 1.0, 0.928),
    ("no floor", 10, 1.0, 0.926),
    ("normal", 3, 1.0, 0.855),
    ("normal", 10, 1.0, 0.901),
    ("prediction", 3, 1.0, 0.998),
    ("prediction", 10, 1.0, 0.869),
    ("prediction", 94, 1.0, 0.943),
]
TEXTS = {
    "floor": "sites: {k}, tau {tau:g}, Knapp-Hartung with floor",
    "no floor": "sites: {k}, tau {tau:g}, Knapp-Hartung without floor",
    "normal": "sites: {k}, tau {tau:g}, normal",
    "prediction": "sites: {k}, tau {tau:g}, prediction of a new site",
}


@pytest.mark.parametrize(("kind", "k", "tau", "claim"), POOLED)
def test_pooled_interval(coverage, kind, k, tau, claim):
    options = {"knapp_hartung": kind != "normal", "knapp_hartung_floor": kind != "no floor"}

    def draw(rng):
        found = pool_sites(*draw_sites(rng, k, tau), **options)
        interval, truth = found.pooled.interval, MEAN
        if kind == "prediction":
            interval, truth = found.prediction.interval, rng.normal(MEAN, tau)
        return interval.low <= truth <= interval.high

    coverage(TEXTS[kind].format(k=k, tau=tau), draw, claim=claim, share=SHARES[k])


@pytest.mark.parametrize("k", [3, 10, 94])
def test_cochran_q_and_q_profile(coverage, k):
    coverage(f"sites: {k}, Cochran's Q", lambda rng: pool_sites(*draw_sites(rng, k, 0.0)).q.passed, share=SHARES[k])

    def draw(rng):
        interval = pool_sites(*draw_sites(rng, k, 1.0)).tau2.interval
        return interval.low <= 1 <= interval.high

    coverage(f"sites: {k}, Q-profile interval of tau2", draw, share=SHARES[k])


@pytest.mark.parametrize(("k", "claim"), [(10, 0.90), (94, 0.945)])
def test_shrunken_effects(coverage, k, claim):
    # Over sites: one site of each trial is held against its interval.
    def draw(rng):
        std_errors = rng.choice([0.5, 1.0, 2.0], k) * rng.uniform(0.9, 1.1, k)
        true = rng.normal(MEAN, 1.0, k)
        row = pool_sites(rng.normal(true, std_errors), std_errors).sites[0]
        return row.interval.low <= true[0] <= row.interval.high

    coverage(f"sites: {k}, tau 1, a site's shrunken effect", draw, claim=claim, share=SHARES[k])


def test_ranks(coverage):
    # A site's true rank, spread evenly over its probability, is uniform where the probabilities are right.
    def draw(rng):
        std_errors = rng.choice([0.5, 1.0, 2.0], 39) * rng.uniform(0.9, 1.1, 39)
        true = rng.normal(MEAN, 1.5, 39)
        pooled = pool_sites(rng.normal(true, std_errors), std_errors, method="dl")
        own = rank_probabilities(pooled, draws=400, rng=rng).probabilities[0]
        rank = int(np.sum(true > true[0]))
        return 0.05 < own[:rank].sum() + rng.random() * own[rank] < 0.95

    coverage(
        "sites: 39, tau 1.5, a site's rank within the middle 90 % of its probabilities", draw, claim=0.9, share=0.4
    )
