"""Lee's bounds: a naive second implementation, the bounds' logic over all who could be missing, and what is refused."""

import math
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Message
from analysis_lib.trials.effects import difference_in_means, lee_bounds


def naive(y, treated, observed):
    """Lee (2009), by replicating each outcome until whole ones can be trimmed."""
    arms = []
    for arm in (0, 1):
        seen = [v for v, t, s in zip(y, treated, observed, strict=True) if t == arm and s]
        arms.append((seen, Fraction(len(seen), sum(t == arm for t in treated)), sum(t == arm for t in treated)))
    full = 1 if arms[1][1] >= arms[0][1] else 0
    (seen, q, n_q), (others, r, n_r) = arms[full], arms[1 - full]
    keep = r / q
    answers = []
    for take_highest in (False, True) if full else (True, False):
        copies = sorted([v for v in seen for _ in range(keep.denominator)], reverse=take_highest)
        kept = copies[: int(keep * len(copies))]
        mean, cut = np.mean(kept), kept[-1]
        # Lee's variance of the trimmed mean in its two terms, with population variances
        p = float(1 - keep)
        inner = (np.var(kept) + p * (cut - mean) ** 2) / (len(seen) * float(keep))
        share = (cut - mean) ** 2 * ((1 - float(q)) / (n_q * float(q)) + (1 - float(r)) / (n_r * float(r)))
        control = np.var(others) / len(others)
        sign = 1 if full else -1
        answers.append((sign * (mean - np.mean(others)), inner, share, control))
    return answers, len(seen), len(others)


@st.composite
def trials(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = int(draw(st.integers(16, 60)))
    treated = rng.permutation(np.arange(n) < n // 2)
    observed = rng.random(n) < np.where(treated, *rng.uniform(0.5, 1, 2))
    y = draw(st.sampled_from([rng.normal(size=n), rng.integers(0, 4, n).astype(float), rng.exponential(size=n)]))
    return y, treated, observed


@given(trials())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_as_written_out(trial):
    y, treated, observed = trial
    try:
        found = lee_bounds(np.where(observed, y, np.nan), treated, observed)
    except NotEstimable:
        return
    answers, n_full, n_other = naive(*trial)
    for row, (value, inner, share, control) in zip((found.lower, found.upper), answers, strict=True):
        assert row.value == pytest.approx(value, abs=1e-12)
        # ours are sample variances
        variance = inner * n_full / (n_full - 1) + share + control * n_other / (n_other - 1)
        assert row.std_error == pytest.approx(math.sqrt(variance), rel=1e-9)
    width = (found.upper.value - found.lower.value) / max(found.lower.std_error, found.upper.std_error)
    c = (found.lower.value - found.interval.low) / found.lower.std_error
    assert c == pytest.approx((found.interval.high - found.upper.value) / found.upper.std_error, rel=1e-9)
    assert stats.norm.cdf(c + width) - stats.norm.cdf(-c) == pytest.approx(0.95, abs=1e-9)
    assert found.interval_at(0.95) == found.interval


def test_bounds_hold_whoever_is_missing():
    """One kind of people is observed only if treated: whichever of the treated they are, the truth is in between,
    and both ends are reached.
    """
    y = np.array([3.0, 1, 4, 1, 5, 9, 2, 6, 5, 8, 2, 7])
    treated, observed = np.repeat([1, 0], 6), np.r_[np.ones(6), [1, 1, 1, 1, 0, 0]]
    found = lee_bounds(y, treated, observed)
    control = y[6:10].mean()
    truths = [y[list(always)].mean() - control for always in combinations(range(6), 4)]
    assert (min(truths), max(truths)) == pytest.approx((found.lower.value, found.upper.value))
    assert (found.treated_trimmed, found.trimmed) == (True, pytest.approx(1 / 3))
    assert found.lower.note.startswith(
        "trimmed: 33.3 % of those observed in the treated arm; 95 % interval of the effect"
    )


@given(trials())
@settings(max_examples=40, deadline=None, derandomize=True)
def test_mirror_images(trial):
    """Outcomes with their sign turned, and arms exchanged, turn the bounds; one stratum is none; order is nothing."""
    y, treated, observed = trial
    try:
        found = lee_bounds(y, treated, observed)
    except NotEstimable:
        return
    shuffle = np.random.default_rng(1).permutation(len(y))
    turned = lee_bounds(-y[shuffle], treated[shuffle], observed[shuffle])
    once = lee_bounds(y, treated, observed, strata=["all"] * len(y))
    seen = [np.sum(observed & (treated == arm)) / np.sum(treated == arm) for arm in (0, 1)]
    for one, other, sign in ((found, turned, -1), (found, once, 1), (found, lee_bounds(y, ~treated, observed), -1)):
        if seen[0] == seen[1] and sign == -1:
            continue  # nobody is trimmed, but one arm's error is counted as if somebody could be
        ends = (other.lower, other.upper) if sign == 1 else (other.upper, other.lower)
        for row, end in zip((one.lower, one.upper), ends, strict=True):
            assert (row.value, row.std_error) == pytest.approx((sign * end.value, end.std_error), abs=1e-9)


def test_without_missing_outcomes_it_is_the_difference_in_means():
    rng = np.random.default_rng(1)
    y, treated = rng.normal(size=60), np.repeat([1, 0], 30)
    found, plain = lee_bounds(y, treated, np.ones(60)), difference_in_means(y, treated)
    for row in (found.lower, found.upper):
        assert (row.value, row.std_error) == pytest.approx((plain.value, plain.std_error))
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (plain.value - 1.959964 * plain.std_error, plain.value + 1.959964 * plain.std_error), rel=1e-6
    )
    assert found.trimmed == 0


def stratified(rng, n=4000):
    """Strata with different outcomes, shares observed and shares treated; the truth is 1 for the always observed."""
    stratum = rng.integers(0, 3, n)
    treated = rng.random(n) < np.array([0.5, 0.3, 0.7])[stratum]
    always, extra = rng.random(n) < 0.6, rng.random(n) < np.array([0.1, 0.3, 0.5])[stratum]
    y = rng.normal(size=n) + 3 * stratum + treated
    return y, treated, always | (treated & extra), stratum, always


def test_strata_narrow_the_bounds_and_hold_the_truth():
    y, treated, observed, stratum, _ = stratified(np.random.default_rng(2))
    plain, within = lee_bounds(y, treated, observed), lee_bounds(y, treated, observed, strata=stratum)
    assert within.upper.value - within.lower.value < 0.7 * (plain.upper.value - plain.lower.value)
    assert within.lower.value < 1 < within.upper.value
    assert within.results.estimates == (within.lower, within.upper)


def test_strata_written_out():
    """The strata's own bounds, weighted by n r; the variance by numerical derivatives of the whole in all its shares."""
    rng = np.random.default_rng(5)
    y, treated, observed, stratum, _ = stratified(rng, 600)
    found = lee_bounds(y, treated, observed, strata=stratum)
    cells = [(stratum == s) for s in range(3)]
    own = [lee_bounds(y[c], treated[c], observed[c]) for c in cells]
    assert all(one.treated_trimmed for one in own)
    n = np.array([c.sum() for c in cells])
    seen = [[y[c & (treated == a) & observed] for c in cells] for a in (False, True)]
    people = [np.array([np.sum(c & (treated == a)) for c in cells]) for a in (False, True)]
    r, q = (np.array([len(v) for v in seen[a]]) / people[a] for a in (0, 1))

    def value(p, r, q, highest):
        parts = []
        for s in range(3):
            ordered = np.sort(seen[1][s])[:: -1 if highest else 1]
            kept = r[s] / q[s] * len(ordered)
            weight = np.clip(kept - np.arange(len(ordered)), 0, 1)
            parts.append(weight @ ordered / kept - seen[0][s].mean())
        return np.sum(p * r * parts) / np.sum(p * r)

    for row, highest in ((found.lower, False), (found.upper, True)):
        shares = n / n.sum()
        assert row.value == pytest.approx(value(shares, r, q, highest))
        weight = shares * r / np.sum(shares * r)
        inside = 0.0
        for s, one in enumerate(own):
            end = one.upper if highest else one.lower
            ordered = np.sort(seen[1][s])[:: -1 if highest else 1]
            kept = r[s] / q[s] * len(ordered)
            beyond = ordered[math.ceil(kept) - 1] - np.clip(kept - np.arange(len(ordered)), 0, 1) @ ordered / kept
            shares_part = beyond**2 * ((1 - q[s]) / (people[1][s] * q[s]) + (1 - r[s]) / (people[0][s] * r[s]))
            inside += weight[s] ** 2 * (end.std_error**2 - shares_part)
        step = 1e-7
        for s in range(3):
            e = step * np.eye(3)[s]
            by_r = (value(shares, r + e, q, highest) - value(shares, r - e, q, highest)) / (2 * step)
            by_q = (value(shares, r, q + e, highest) - value(shares, r, q - e, highest)) / (2 * step)
            inside += by_r**2 * r[s] * (1 - r[s]) / people[0][s] + by_q**2 * q[s] * (1 - q[s]) / people[1][s]
        gradient = np.array([
            (value(shares + step * e, r, q, highest) - value(shares - step * e, r, q, highest)) / (2 * step)
            for e in np.eye(3)
        ])  # fmt: skip
        inside += gradient @ (np.diag(shares) - np.outer(shares, shares)) @ gradient / n.sum()
        assert row.std_error == pytest.approx(math.sqrt(inside), rel=1e-4)


def test_strata_that_go_the_other_way_are_said():
    y = np.arange(40.0)
    treated, stratum = np.tile([1, 0], 20), np.repeat([0, 1], 20)
    observed = np.ones(40)
    observed[[1, 3, 5, 7, 9]] = 0  # five controls of stratum 0
    observed[[20]] = 0  # one treated of stratum 1
    found = lee_bounds(y, treated, observed, strata=stratum)
    assert "strata where more are observed in the other arm, untrimmed: 1" in found.lower.note
    assert found.treated_trimmed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1.0, np.nan, 3, 4, 5, 6]}, "y, where observed, has 1 missing or infinite values; must be finite"),
        ({"y": [1.0, 2]}, "y has the shape (2,); must be (6,), as treated"),
        ({"y": list("abcdef")}, "y, where observed, is of type"),
        ({"treated": [1, 1, 2, 0, 0, 0]}, "treated has the value 2; must be 0 or 1"),
        ({"observed": [1, 1]}, "observed has 2 rows; must have 6"),
        ({"strata": [1, 2]}, "strata has 2 rows; must have 6"),
        ({"level": 1}, "level is 1; must be between 0 and 1"),
    ],
)
def test_invalid_input_names_the_argument(change, message):
    given_ = {"y": [1.0, 2, 3, 4, 5, 6], "treated": [1, 1, 1, 0, 0, 0], "observed": np.ones(6)}
    with pytest.raises(InvalidInput) as raised:
        lee_bounds(**(given_ | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": [0] * 6}, "0 people observed in the treated arm; two are needed"),
        ({"observed": [1, 0, 0, 1, 1, 1]}, "1 people observed in the treated arm; two are needed"),
        ({"observed": [0] * 6}, "0 people observed in the treated arm"),
        ({"y": [], "treated": [], "observed": []}, "nobody is observed"),
        ({"y": [], "treated": [], "observed": [], "strata": []}, "nobody is observed"),
        ({"y": [2.0] * 6}, "the outcome has no variation left"),
        (
            {"strata": [1, 1, 2, 1, 2, 2]},
            "1 strata have fewer than two people observed in the treated arm: merge strata",
        ),
        (
            {"y": np.arange(14.0), "treated": [1] * 3 + [0] * 11, "observed": [1] * 5 + [0] * 9},
            "trimming leaves 0.5 people; two are needed",
        ),
    ],
)
def test_too_little_data_is_not_estimable(change, reason):
    given_ = {"y": [1.0, 2, 3, 4, 5, 6], "treated": [1, 1, 1, 0, 0, 0], "observed": np.ones(6)}
    with pytest.raises(NotEstimable, match=reason) as raised:
        lee_bounds(**(given_ | change))
    assert isinstance(raised.value.args[0], Message)
