"""Ranks of sites: closed forms, a naive count, and what is refused."""

import math

import numpy as np
import pytest
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.sites import pool_sites, rank_probabilities

DRAWS = 40_000
# Four Monte Carlo standard errors of a share.
WITHIN = 4 * math.sqrt(0.25 / DRAWS)


def test_two_sites_have_the_normal_probability():
    y, s = np.array([0.8, 0.1]), np.array([0.3, 0.2])
    found = pool_sites(y, s, method="dl", knapp_hartung=False)
    own = found.tau2.value / (found.tau2.value + s**2)
    mean = own * y + (1 - own) * found.pooled.value
    # The common mean moves both sites, the less precise one more.
    variance = np.sum(own * s**2) + (own[0] - own[1]) ** 2 * found.pooled.std_error**2
    first = stats.norm.cdf((mean[0] - mean[1]) / math.sqrt(variance))
    ranks = rank_probabilities(found, draws=DRAWS, rng=np.random.default_rng(2))
    assert ranks.probabilities == pytest.approx(np.array([[first, 1 - first], [1 - first, first]]), abs=WITHIN)
    assert ranks.expected == pytest.approx([2 - first, 1 + first], abs=WITHIN)


def test_ranks_as_counted_one_by_one():
    y, s = [0.5, 0.2, 1.6, 0.4], [0.1, 0.3, 0.25, 0.1]
    found = pool_sites(y, s, scale="log")
    ranks = rank_probabilities(found, draws=DRAWS, rng=np.random.default_rng(3))
    rng, counts, trials = np.random.default_rng(4), np.zeros((4, 4)), 10_000
    for _ in range(trials):
        mean = math.log(found.pooled.value) + found.pooled.std_error * rng.standard_t(3)
        effects = []
        for own, error in zip(y, s, strict=True):
            share = found.tau2.value / (found.tau2.value + error**2)
            effects.append(rng.normal(share * own + (1 - share) * mean, math.sqrt(share) * error))
        for site in range(4):
            counts[site, sum(other > effects[site] for other in effects)] += 1
    assert ranks.probabilities == pytest.approx(counts / trials, abs=4 * math.sqrt(0.25 / trials + 0.25 / DRAWS))


def test_rows_and_columns_add_up_and_the_order_can_be_turned():
    found = pool_sites([0.5, 0.2, 1.6, 0.4], [0.1, 0.3, 0.25, 0.1], names=["a", "b", "c", "d"])
    ranks = rank_probabilities(found, draws=500, rng=np.random.default_rng(1))
    assert ranks.probabilities.sum(axis=0) == pytest.approx(np.ones(4))
    assert ranks.probabilities.sum(axis=1) == pytest.approx(np.ones(4))
    turned = rank_probabilities(found, draws=500, rng=np.random.default_rng(1), largest_first=False)
    assert np.array_equal(turned.probabilities, ranks.probabilities[:, ::-1])
    assert np.array_equal(
        ranks.probabilities, rank_probabilities(found, draws=500, rng=np.random.default_rng(1)).probabilities
    )
    frame = ranks.to_frame()
    assert list(frame.columns) == ["site", "rank", "probability", "expected_rank"]
    assert frame.loc[(frame["site"] == "c") & (frame["rank"] == 1), "probability"].item() == ranks.probabilities[2, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"draws": 0}, "draws is 0; must be a whole number of 1 or more"),
        ({"draws": 10.5}, "draws is 10.5; must be a whole number"),
        ({"draws": True}, "draws is True; must be a whole number"),
        ({"rng": 5}, "rng is a int; must be a numpy.random.Generator"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    found = pool_sites([0.5, 0.2, 1.6, 0.4], [0.1, 0.3, 0.25, 0.1])
    with pytest.raises(InvalidInput, match=message):
        rank_probabilities(found, **{"draws": 10, "rng": np.random.default_rng(1), **change})


def test_sites_that_do_not_differ_have_no_ranks():
    alike = pool_sites([0.5, 0.51, 0.49], [0.3, 0.3, 0.3])
    fixed = pool_sites([0.5, 1.51, 0.49], [0.1, 0.1, 0.1], method="fixed")
    for found in (alike, fixed):
        with pytest.raises(NotEstimable, match="no difference between the sites is estimated"):
            rank_probabilities(found, draws=10, rng=np.random.default_rng(1))
    with pytest.raises(InvalidInput, match="draws is 0; must be a whole number of 1 or more"):
        rank_probabilities(pool_sites([0.5, 1.5], [0.1, 0.1]), draws=0, rng=np.random.default_rng(1))
