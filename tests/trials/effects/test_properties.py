"""What must hold whatever the data: order, labels, origins and units do not matter, and special cases agree."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.results import Check, Estimate
from analysis_lib.trials.durations import hazard_ratio, logrank, median_duration, survival_curve
from analysis_lib.trials.effects import additive_adjusted, difference_in_means, lin_adjusted

# Sums in another order, and a covariance through another basis, differ by rounding.
ROUNDING = 1e-7
# Standard errors against which a difference of rounding is nothing.
NOTHING = 1e-9

many = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


class Trial(NamedTuple):
    """A trial of 4 blocks with at least two people, from different clusters, in each arm; skewed outcomes, ties."""

    y: np.ndarray
    treated: np.ndarray
    block: np.ndarray
    cluster: np.ndarray
    weight: np.ndarray
    covariates: np.ndarray
    time: np.ndarray
    event: np.ndarray

    def rows(self, index: np.ndarray) -> "Trial":
        return Trial(*(part[index] for part in self))


@st.composite
def trials(draw: st.DrawFn) -> Trial:
    rng = np.random.default_rng(draw(seeds))
    n = draw(st.integers(60, 150))
    person = np.arange(n)
    cluster = np.where(person < 32, person % 8, rng.integers(0, 14, n))
    block = np.where(person < 32, person // 8, rng.integers(0, 4, n))
    treated = cluster % 2
    covariates = np.column_stack([rng.normal(size=n), rng.exponential(size=n), rng.integers(0, 2, n)])
    y = np.exp(rng.normal(size=n)) + treated * covariates[:, 1] + block
    left = np.ceil(10 * rng.exponential(size=n) * np.exp(-0.3 * treated))
    until = rng.integers(5, 40, n)
    time, event = np.minimum(left, until), (left <= until).astype(int)
    return Trial(y, treated, block, cluster, rng.uniform(0.2, 3, n), covariates, time, event)


EFFECTS: dict[str, Callable[[Trial], Estimate]] = {
    "plain": lambda d: difference_in_means(d.y, d.treated),
    "weight": lambda d: difference_in_means(d.y, d.treated, weight=d.weight),
    "block": lambda d: difference_in_means(d.y, d.treated, block=d.block),
    "cluster": lambda d: difference_in_means(d.y, d.treated, cluster=d.cluster),
    "cluster, weight": lambda d: difference_in_means(d.y, d.treated, cluster=d.cluster, weight=d.weight),
    "block, cluster": lambda d: difference_in_means(d.y, d.treated, block=d.block, cluster=d.cluster),
    "lin": lambda d: lin_adjusted(d.y, d.treated, d.covariates),
    "lin, block": lambda d: lin_adjusted(d.y, d.treated, d.covariates, block=d.block),
    "lin, cluster": lambda d: lin_adjusted(d.y, d.treated, d.covariates, cluster=d.cluster),
    "additive": lambda d: additive_adjusted(d.y, d.treated, d.covariates, block=d.block),
    "additive, cluster": lambda d: additive_adjusted(d.y, d.treated, d.covariates, cluster=d.cluster),
}
RATIOS: dict[str, Callable[[Trial], Estimate]] = {
    "efron": lambda d: hazard_ratio(d.time, d.event, d.treated),
    "breslow": lambda d: hazard_ratio(d.time, d.event, d.treated, ties="breslow", cluster=d.cluster),
    "strata": lambda d: hazard_ratio(
        d.time, d.event, d.treated, covariates=d.covariates, stratum=d.block, cluster=d.cluster
    ),
}
TESTS: dict[str, Callable[[Trial], Check]] = {
    "log-rank": lambda d: logrank(d.time, d.event, d.treated),
    "log-rank, strata": lambda d: logrank(d.time, d.event, d.treated, stratum=d.block),
}


def same(found: Estimate, wanted: Estimate, *, value: float | None = None, scale: float = 1.0) -> None:
    target = wanted.value * scale if value is None else value
    assert found.value == pytest.approx(target, rel=ROUNDING, abs=NOTHING * found.std_error)
    assert found.std_error == pytest.approx(wanted.std_error * abs(scale), rel=ROUNDING)
    assert found.df == pytest.approx(wanted.df, rel=ROUNDING)
    assert found.p_value == pytest.approx(wanted.p_value, rel=ROUNDING, abs=NOTHING)


@pytest.mark.parametrize("name", EFFECTS | RATIOS)
@many
@given(d=trials(), seed=seeds)
def test_row_order_is_irrelevant(name, d, seed):
    estimator = (EFFECTS | RATIOS)[name]
    shuffled = d.rows(np.random.default_rng(seed).permutation(len(d.y)))
    same(estimator(shuffled), estimator(d))


@many
@given(d=trials(), seed=seeds)
def test_row_order_is_irrelevant_to_curves_and_tests(d, seed):
    shuffled = d.rows(np.random.default_rng(seed).permutation(len(d.y)))
    for check in TESTS.values():
        assert check(shuffled).statistic == pytest.approx(check(d).statistic, rel=ROUNDING)
    found, wanted = survival_curve(shuffled.time, shuffled.event), survival_curve(d.time, d.event)
    for part in ("x", "y", "low", "high", "at_risk"):
        np.testing.assert_array_equal(getattr(found, part), getattr(wanted, part))


@pytest.mark.parametrize("name", EFFECTS)
@many
@given(d=trials())
def test_relabelling_the_arms_flips_the_sign(name, d):
    wanted = EFFECTS[name](d)
    found = EFFECTS[name](d._replace(treated=1 - d.treated))
    same(found, wanted, value=-wanted.value)
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (-wanted.interval.high, -wanted.interval.low), rel=ROUNDING, abs=NOTHING * found.std_error
    )
    assert (found.n_treated, found.n_control) == (wanted.n_control, wanted.n_treated)


@pytest.mark.parametrize("name", RATIOS)
@many
@given(d=trials())
def test_relabelling_the_arms_inverts_the_ratio(name, d):
    wanted = RATIOS[name](d)
    found = RATIOS[name](d._replace(treated=1 - d.treated))
    same(found, wanted, value=1 / wanted.value)
    assert found.interval.low == pytest.approx(1 / wanted.interval.high, rel=ROUNDING)


@many
@given(d=trials())
def test_relabelling_the_arms_leaves_the_test(d):
    for check in TESTS.values():
        other = check(d._replace(treated=1 - d.treated))
        assert other.statistic == pytest.approx(check(d).statistic, rel=ROUNDING)


@pytest.mark.parametrize("name", EFFECTS)
@many
@given(d=trials(), origin=st.floats(-1e3, 1e3), unit=st.floats(1e-3, 1e3), sign=st.sampled_from([-1, 1]))
def test_origin_and_unit_of_the_outcome(name, d, origin, unit, sign):
    wanted = EFFECTS[name](d)
    same(EFFECTS[name](d._replace(y=d.y + origin)), wanted)
    same(EFFECTS[name](d._replace(y=sign * unit * d.y)), wanted, scale=sign * unit)


@pytest.mark.parametrize("name", ["lin", "lin, block", "lin, cluster", "additive", "additive, cluster"])
@many
@given(d=trials(), seed=seeds)
def test_origin_and_unit_of_the_covariates(name, d, seed):
    rng = np.random.default_rng(seed)
    mixed = d.covariates @ (np.eye(3) + 0.3 * rng.uniform(-1, 1, (3, 3))) + rng.normal(size=3)
    same(EFFECTS[name](d._replace(covariates=mixed)), EFFECTS[name](d))


@pytest.mark.parametrize("name", EFFECTS | RATIOS)
@many
@given(d=trials())
def test_names_of_blocks_and_clusters_are_irrelevant(name, d):
    renamed = d._replace(
        block=np.array(["w", "a", "é", "B"])[d.block], cluster=np.array([f"{97 - c}" for c in d.cluster])
    )
    estimator = (EFFECTS | RATIOS)[name]
    same(estimator(renamed), estimator(d))


@many
@given(d=trials())
def test_a_single_block_is_no_block(d):
    one = np.zeros(len(d.y))
    plain = difference_in_means(d.y, d.treated)
    found = difference_in_means(d.y, d.treated, block=one)
    # Degrees of freedom differ on purpose: n - 2 here, Welch's there.
    assert (found.value, found.std_error) == pytest.approx((plain.value, plain.std_error), rel=ROUNDING)
    same(lin_adjusted(d.y, d.treated, d.covariates, block=one), lin_adjusted(d.y, d.treated, d.covariates))
    clustered = difference_in_means(d.y, d.treated, cluster=d.cluster, block=one)
    same(clustered, difference_in_means(d.y, d.treated, cluster=d.cluster))
    same(hazard_ratio(d.time, d.event, d.treated, stratum=one), hazard_ratio(d.time, d.event, d.treated))
    stratified = logrank(d.time, d.event, d.treated, stratum=one)
    assert stratified.statistic == pytest.approx(logrank(d.time, d.event, d.treated).statistic, rel=ROUNDING)


@many
@given(d=trials())
def test_each_person_as_a_cluster_is_hc2(d):
    own = np.arange(len(d.y))
    for estimator in (lin_adjusted, additive_adjusted):
        for block in (None, d.block):
            found = estimator(d.y, d.treated, d.covariates, block=block, cluster=own)
            same(found, estimator(d.y, d.treated, d.covariates, block=block))
    found, plain = difference_in_means(d.y, d.treated, cluster=own), difference_in_means(d.y, d.treated)
    assert (found.value, found.std_error) == pytest.approx((plain.value, plain.std_error), rel=ROUNDING)
    # With weights the degrees of freedom agree; the errors differ by the working model of CR2 (clubSandwich).
    weighted = difference_in_means(d.y, d.treated, weight=d.weight)
    found = difference_in_means(d.y, d.treated, weight=d.weight, cluster=own)
    assert found.df == pytest.approx(weighted.df, rel=ROUNDING)


@many
@given(d=trials(), unit=st.floats(1e-3, 1e3))
def test_weights_matter_by_their_ratios(d, unit):
    for cluster in (None, d.cluster):
        wanted = difference_in_means(d.y, d.treated, weight=d.weight, cluster=cluster)
        same(difference_in_means(d.y, d.treated, weight=unit * d.weight, cluster=cluster), wanted)
    equal = difference_in_means(d.y, d.treated, weight=np.full(len(d.y), unit))
    same(equal, lin_adjusted(d.y, d.treated, np.empty((len(d.y), 0))))


@many
@given(d=trials())
def test_a_second_copy_as_a_block_of_its_own(d):
    """Two blocks with the same people: the same value, half the variance."""
    twice = np.tile(np.arange(len(d.y)), 2)
    copy = np.repeat([0, 1], len(d.y))
    plain, found = (
        difference_in_means(d.y, d.treated),
        difference_in_means(d.y[twice], d.treated[twice], block=copy),
    )
    assert found.value == pytest.approx(plain.value, rel=ROUNDING, abs=NOTHING * plain.std_error)
    assert found.std_error == pytest.approx(plain.std_error / np.sqrt(2), rel=ROUNDING)
    ratio = hazard_ratio(d.time, d.event, d.treated)
    stacked = hazard_ratio(d.time[twice], d.event[twice], d.treated[twice], stratum=copy)
    assert stacked.value == pytest.approx(ratio.value, rel=ROUNDING)
    assert stacked.std_error == pytest.approx(ratio.std_error / np.sqrt(2), rel=ROUNDING)
    single = logrank(d.time, d.event, d.treated)
    double = logrank(d.time[twice], d.event[twice], d.treated[twice], stratum=copy)
    assert double.statistic == pytest.approx(2 * single.statistic, rel=ROUNDING)


@many
@given(seed=seeds, parts=st.lists(st.integers(1, 6), min_size=2, max_size=6))
def test_merging_blocks_with_equal_shares_leaves_the_difference(seed, parts):
    """2 of every 5 treated in each block: the blocks' sizes are then the arms' weights too."""
    block = np.repeat(np.arange(len(parts)), [5 * k for k in parts])
    treated = np.concatenate([np.arange(5 * k) < 2 * k for k in parts])
    y = np.random.default_rng(seed).exponential(size=len(block)) + block
    blocked, plain = difference_in_means(y, treated, block=block), difference_in_means(y, treated)
    assert blocked.value == pytest.approx(plain.value, rel=ROUNDING, abs=NOTHING * plain.std_error)


@many
@given(d=trials(), unit=st.floats(1e-2, 1e2))
def test_unit_of_time(d, unit):
    for interpolate in (True, False):
        wanted = median_duration(d.time, d.event, interpolate=interpolate)
        found = median_duration(unit * d.time, d.event, interpolate=interpolate)
        assert found.value == pytest.approx(unit * wanted.value, rel=ROUNDING)
        assert found.interval.low == pytest.approx(unit * wanted.interval.low, rel=ROUNDING)
        assert found.interval.high == pytest.approx(unit * wanted.interval.high, rel=ROUNDING, nan_ok=True)
    # Only the order of times matters to the comparison of arms.
    same(hazard_ratio(np.sqrt(d.time), d.event, d.treated), hazard_ratio(d.time, d.event, d.treated))


@many
@given(d=trials())
def test_without_censoring_the_curve_is_the_share_remaining(d):
    curve = survival_curve(d.time, np.ones(len(d.time)))
    share = [np.mean(d.time > t) for t in curve.x]
    np.testing.assert_allclose(curve.y, share, atol=1e-12)
    assert [curve.at(t) for t in (-1, 0)] == [1, 1]
