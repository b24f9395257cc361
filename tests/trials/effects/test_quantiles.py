"""Quantile effects: R's quantiles, a search over all differences, exact coverage by enumeration, and what is refused."""

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.effects import quantile_effects

REFERENCE = Path(__file__).parents[2] / "reference"
PEOPLE = pd.read_csv(REFERENCE / "effects_more_people.csv").query("case == 'arms' and arm != 'daily'")
ANSWERS = pd.read_csv(REFERENCE / "effects_more_answers.csv").query("case == 'arms'")


def wanted(call: str) -> float:
    return float(ANSWERS[ANSWERS["call"] == call]["value"].item())


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_values_as_r(share):
    """R's quantile(type = 2), and quantreg's rq where the quantiles are single outcomes."""
    found = quantile_effects(PEOPLE["y"], PEOPLE["arm"] == "early", share).estimates[0]
    assert found.value == pytest.approx(wanted(f"quantile {share:g}"), rel=1e-12)
    d = pd.concat([PEOPLE[PEOPLE["arm"] == "early"][:89], PEOPLE[PEOPLE["arm"] == "control"][:119]])
    found = quantile_effects(d["y"], d["arm"] == "early", share).estimates[0]
    # rq's simplex stops at 1e-6 of the scale
    assert found.value == pytest.approx(wanted(f"rq {share:g}"), abs=1e-5)


def naive_interval(y, treated, weight, share, level):
    """Every pair of outcomes tried: those whose S add up to no more than the quantile of chi-square."""

    def distance(arm):
        values, weights = y[treated == arm], weight[treated == arm]
        spread = share * (1 - share) * np.sum(weights**2)
        answers = {}
        for v in np.unique(values):
            before, upto = weights[values < v].sum(), weights[values <= v].sum()
            gap = before - share if before > share else max(share - upto, 0)
            answers[v] = gap**2 / spread
        ends = (share / ((1 - share) * np.sum(weights**2)), (1 - share) / (share * np.sum(weights**2)))
        return answers, ends

    (one, (one_low, one_high)), (zero, (zero_low, zero_high)) = distance(1), distance(0)
    budget = stats.chi2.ppf(level, 1) + 1e-9
    kept = [a - b for a, s in one.items() for b, t in zero.items() if s + t <= budget]
    low = math.nan if min(one_low, zero_high) <= budget else min(kept)
    high = math.nan if min(one_high, zero_low) <= budget else max(kept)
    p_value = stats.chi2.sf(min(
        next((s for w, s in reversed(one.items()) if w <= v), one_low)
        + next((t for w, t in reversed(zero.items()) if w <= v), zero_low)
        for v in (*one, *zero)
    ), 1) if set(one) == set(zero) else None  # fmt: skip
    return low, high, p_value


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 0.25, 0.5, 0.8]), st.sampled_from([0.8, 0.95]), st.booleans())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_intervals_as_searched(seed, share, level, blocked):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 50))
    block = rng.integers(0, 3, n) if blocked else np.zeros(n, dtype=int)
    treated = (np.arange(n) + rng.integers(0, 2)) % 2
    treated[np.argsort(block)[:4]] = [1, 0, 1, 0]
    complete = [set(treated[block == b]) == {0, 1} for b in block]
    y = rng.integers(0, 6, n).astype(float) if rng.random() < 0.5 else rng.normal(size=n)
    found = quantile_effects(y, treated, [share], block=block if blocked else None, level=level).estimates[0]
    y, treated, block = y[complete], treated[complete], block[complete]
    weight = np.array(
        [
            np.sum(block == b) / len(y) / np.sum((block == b) & (treated == t))
            for b, t in zip(block, treated, strict=True)
        ]
    )
    low, high, p_value = naive_interval(y, treated, weight, share, level)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), nan_ok=True)
    if p_value is not None:
        assert found.p_value == pytest.approx(p_value)
    # interval and test are one
    if not (math.isnan(found.interval.low) or math.isnan(found.interval.high)):
        assert (found.interval.low <= 0 <= found.interval.high) == (found.p_value >= 1 - level - 1e-9)
        assert found.interval_at(level) == found.interval


@given(st.integers(0, 2**32 - 1), st.sampled_from([0.2, 0.5, 0.7]))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_mirror_images(seed, share):
    rng = np.random.default_rng(seed)
    y, treated = rng.integers(0, 12, 60).astype(float), rng.permutation(np.arange(60) < 25)
    block = rng.integers(0, 2, 60)
    one = quantile_effects(y, treated, [share], block=block).estimates[0]
    turned = quantile_effects(-y, treated, [1 - share], block=block).estimates[0]
    swapped = quantile_effects(y, ~treated, [share], block=block).estimates[0]
    shuffle = rng.permutation(60)
    again = quantile_effects(y[shuffle], treated[shuffle], [share], block=block[shuffle]).estimates[0]
    for other, sign in ((turned, -1), (swapped, -1), (again, 1)):
        ends = (other.interval.low, other.interval.high)
        assert one.value == pytest.approx(sign * other.value)
        assert (one.interval.low, one.interval.high) == pytest.approx(
            tuple(sign * end for end in (ends if sign == 1 else ends[::-1])), nan_ok=True
        )
        assert one.p_value == pytest.approx(other.p_value)


def test_with_the_shares_of_the_blocks_alike_blocks_do_not_matter_to_the_value():
    rng = np.random.default_rng(1)
    block = np.repeat([0, 1], [40, 80])
    treated = np.tile([1, 0, 0, 0], 30)
    y = rng.normal(size=120) + 3 * block
    plain, within = quantile_effects(y, treated, [0.5]), quantile_effects(y, treated, [0.5], block=block)
    assert within.estimates[0].value == plain.estimates[0].value
    assert within.estimates[0].interval == plain.estimates[0].interval


def test_blocks_weight_people():
    """9 of 10 treated in one block, 1 of 10 in the other: each counts half in both arms."""
    y = np.r_[np.zeros(9), 0.0, 5, np.full(9, 5.0)] + np.arange(20) / 100
    treated = np.r_[np.ones(9), 0, 1, np.zeros(9)]
    found = quantile_effects(y, treated, [0.25, 0.75], block=np.repeat(["a", "b"], 10))
    assert [e.value for e in found.estimates] == pytest.approx([0.04 - 0.09, 5.10 - 5.15], abs=0.011)


def test_ties_keep_the_interval_honest():
    """Nearly everyone has 0 weeks: the difference is 0 and the interval is that point; no density is needed."""
    y = np.r_[np.zeros(80), np.arange(20.0), np.zeros(75), np.arange(25.0)]
    found = quantile_effects(y, np.repeat([1, 0], 100), [0.5]).estimates[0]
    assert (found.value, found.interval.low, found.interval.high, found.p_value) == (0, 0, 0, 1)
    assert math.isnan(found.std_error)


def test_a_limit_that_the_people_cannot_set():
    rng = np.random.default_rng(1)
    found = quantile_effects(rng.normal(size=60), np.repeat([1, 0], [9, 51]), [0.9, 0.1, 0.5])
    high, low, middle = found.estimates
    assert math.isnan(high.interval.high)
    assert high.note == "the people are too few for an upper limit"
    assert math.isnan(low.interval.low)
    assert low.note == "the people are too few for a lower limit"
    assert middle.note == ""
    assert middle.estimand == "difference between the 50 % quantiles"


def test_on_the_safe_side_at_small_numbers():
    """Without an effect all C(12, 5) orders of 5 and 7 continuous outcomes are as likely: 0 is held in 95 % or more."""
    held = []
    for chosen in combinations(range(12), 5):
        row = quantile_effects(np.arange(12.0), np.isin(np.arange(12), chosen), [0.5]).estimates[0]
        held.append(row.p_value >= 0.05)
    assert 0.95 <= np.mean(held) < 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"quantiles": [0.5, 1]}, "quantiles is [0.5, 1]; must be shares between 0 and 1, such as 0.5"),
        ({"quantiles": []}, "quantiles is []; must be shares"),
        ({"quantiles": [[0.5]]}, "quantiles is [[0.5]]; must be shares"),
        ({"quantiles": np.nan}, "quantiles is nan; must be shares"),
        ({"quantiles": "half"}, "quantiles is 'half'; must be shares"),
        ({"y": [np.nan, 2, 3, 4, 5, 6]}, "y has 1 missing or infinite values"),
        ({"treated": [1, 1]}, "treated has 2 rows; must have 6"),
        ({"block": [1]}, "block has 1 rows; must have 6"),
        ({"level": 0}, "level is 0; must be between 0 and 1"),
    ],
)
def test_invalid_input_names_the_argument(change, message):
    with pytest.raises(InvalidInput) as raised:
        quantile_effects(**({"y": [1.0, 2, 3, 4, 5, 6], "treated": [1, 1, 1, 0, 0, 0], "quantiles": [0.5]} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": [0] * 6}, "0 people in the treated arm; two are needed"),
        ({"y": [3.0] * 6}, "the outcome has no variation left"),
        ({"block": [1, 1, 1, 2, 2, 2]}, "0 people in the treated arm"),
    ],
)
def test_too_little_data_is_not_estimable(change, reason):
    with pytest.raises(NotEstimable, match=reason):
        quantile_effects(**({"y": [1.0, 2, 3, 4, 5, 6], "treated": [1, 1, 1, 0, 0, 0], "quantiles": [0.5]} | change))
