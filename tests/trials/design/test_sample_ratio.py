"""Shares of the arms against the plan, and the recorded arm against the rule."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis_lib.errors import InvalidInput
from analysis_lib.trials.design import check_assignment_rule, check_sample_ratio

HALVES = {"control": 0.5, "treated": 0.5}


def arms(*counts, names=("control", "treated", "other")):
    return np.repeat(np.array(names[: len(counts)], dtype=object), counts)


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.05, 0.95))
@settings(max_examples=60, deadline=None)
def test_two_arms_are_the_exact_binomial_test(control, treated, share):
    check = check_sample_ratio(arms(control, treated), {"control": 1 - share, "treated": share})[0]
    if control + treated == 0:
        assert check.passed is None
        assert check.detail == "nobody was assigned"
        return
    assert check.p_value == pytest.approx(stats.binomtest(treated, control + treated, share).pvalue, abs=1e-9)
    assert check.passed == (check.p_value >= 0.001)


def test_more_arms_are_a_chi_square_test():
    check = check_sample_ratio(arms(50, 30, 40), {"control": 0.4, "treated": 0.3, "other": 0.3})[0]
    expected = stats.chisquare([50, 30, 40], [48, 36, 36])
    assert (check.statistic, check.p_value) == pytest.approx(tuple(expected))
    assert check.df == 2
    assert check.detail == "share in treated: 0.2500, expected 0.3000"


def test_blocks_together_are_the_convolution_of_their_binomials():
    """All 4 x 6 pairs of counts of two blocks, written out."""
    block = np.repeat(["a", "b"], [3, 5])
    arm = np.concatenate([arms(0, 3), arms(2, 3)])
    plans = {"a": {"control": 0.9, "treated": 0.1}, "b": {"control": 0.4, "treated": 0.6}}
    chances = {}
    for one in range(4):
        for two in range(6):
            chance = stats.binom.pmf(one, 3, 0.1) * stats.binom.pmf(two, 5, 0.6)
            chances[one + two] = chances.get(one + two, 0) + chance
    naive = sum(chance for chance in chances.values() if chance <= chances[6] * (1 + 1e-7))
    together, first, second = check_sample_ratio(arm, plans, block=block, threshold=0.05)
    assert together.p_value == pytest.approx(naive, rel=1e-12)
    assert (together.group, first.group, second.group) == ("", "a", "b")
    assert first.p_value == pytest.approx(0.001, rel=1e-9)
    assert first.passed is False
    assert second.passed is True


def test_a_mismatch_in_opposite_directions_shows_in_the_blocks_only():
    block = np.repeat([1, 2], [200, 200])
    arm = np.concatenate([arms(60, 140), arms(140, 60)])
    together, *each = check_sample_ratio(arm, HALVES, block=block)
    assert together.passed is True
    assert [check.passed for check in each] == [False, False]


def test_chi_square_over_blocks_adds_up():
    block = np.repeat(["x", "y"], [120, 60])
    arm = np.concatenate([arms(50, 30, 40), arms(20, 20, 20)])
    thirds = dict.fromkeys(("control", "treated", "other"), 1 / 3)
    together, one, two = check_sample_ratio(arm, thirds, block=block)
    assert together.statistic == pytest.approx(one.statistic + two.statistic)
    assert together.df == 4


def test_too_few_expected_is_no_test():
    check = check_sample_ratio(arms(4, 3, 2), dict.fromkeys(("control", "treated", "other"), 1 / 3))[0]
    assert check.passed is None
    assert np.isnan(check.p_value)
    assert check.detail == "fewer than five people are expected in an arm"


def test_blocks_with_different_arms_are_tested_one_by_one():
    block = np.repeat(["north", "south"], 100)
    arm = np.concatenate([arms(50, 50), arms(52, 48, names=("control", "other"))])
    plans = {"north": {"control": 0.5, "treated": 0.5}, "south": {"control": 0.5, "other": 0.5}}
    together, north, south = check_sample_ratio(arm, plans, block=block)
    assert together.passed is None
    assert together.detail == "the blocks have different arms: they are tested one by one"
    assert north.passed
    assert south.passed


def test_ninety_four_offices_are_quick_and_exact_in_the_tail():
    """With one share for all the convolution is one binomial: its tail is exact where a transform's would be noise."""
    block = np.arange(40_000) % 94
    arm = np.where(np.arange(40_000) < 21_500, "treated", "control")
    together = check_sample_ratio(arm, HALVES, block=block)[0]
    assert together.p_value == pytest.approx(stats.binomtest(21_500, 40_000).pvalue, rel=1e-6)
    assert together.p_value < 1e-49


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((arms(3, 3), {"control": 0.5, "treated": 0.6}), "must be two or more shares above 0 that add up to 1"),
        ((arms(3, 3), {"control": 1.0}), "must be two or more shares"),
        ((arms(3, 3), {"a": 0.5, "b": 0.5}), "arm has 'control', which expected_share has no share of"),
        ((arms(3, 3), [0.5, 0.5]), "must map each arm to its share"),
        (([None, "treated"], HALVES), "arm is missing for 1 people"),
    ],
)
def test_bad_input_names_the_argument(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        check_sample_ratio(*arguments)


def test_bad_blocks_name_the_block():
    plans = {"a": HALVES}
    with pytest.raises(InvalidInput, match="block has 'b', which expected_share has no plan for"):
        check_sample_ratio(arms(1, 1), plans, block=["a", "b"])
    with pytest.raises(InvalidInput, match="arm has 'other' in a block whose plan has only control, treated"):
        check_sample_ratio(["other", "control"], plans, block=["a", "a"])


def test_the_rule_and_the_record():
    same = check_assignment_rule(["a", "b"], ["a", "b"])
    assert (same.passed, same.statistic) == (True, 0.0)
    one = check_assignment_rule(np.array([1, 0, 0, 0]), np.array([1, 1, 0, 0]), allowed=0.25)
    assert (one.passed, one.statistic, one.threshold) == (True, 0.25, 0.25)
    assert check_assignment_rule([], []).passed is None
    with pytest.raises(InvalidInput, match="allowed is 1; must be 0 or more"):
        check_assignment_rule(["a"], ["a"], allowed=1)
    with pytest.raises(InvalidInput, match="by_rule has 1 rows; must have 2"):
        check_assignment_rule(["a", "b"], ["a"])


def test_nobody_in_blocks_is_no_test():
    (check,) = check_sample_ratio([], HALVES, block=[])
    assert check.passed is None


def test_the_order_in_which_a_block_names_its_arms_does_not_matter():
    arm, block = np.concatenate([arms(30, 10), arms(10, 40)]), np.repeat(["a", "b"], [40, 50])
    plan = {"control": 0.7, "treated": 0.3}
    same = check_sample_ratio(arm, {"a": plan, "b": {"control": 0.2, "treated": 0.8}}, block=block)
    turned = check_sample_ratio(arm, {"a": plan, "b": {"treated": 0.8, "control": 0.2}}, block=block)
    assert same[0].p_value == turned[0].p_value
    assert [check.statistic for check in same] == [check.statistic for check in turned]


@pytest.mark.parametrize(("n", "share"), [(9, 0.5), (60, 0.1), (200, 0.4928)])
def test_size_over_all_counts(n, share):
    """What is rejected at 5 % has a probability of 5 % or less, and of more than 1 %, under the plan."""
    plan = {"control": 1 - share, "treated": share}
    p_values = np.array([check_sample_ratio(arms(n - k, k), plan)[0].p_value for k in range(n + 1)])
    size = stats.binom.pmf(np.arange(n + 1), n, share)[p_values <= 0.05].sum()
    assert 0.01 < size <= 0.05


@pytest.mark.slow
@pytest.mark.calibration
def test_size_with_three_arms(coverage):
    plan = {"a": 0.5, "b": 0.3, "c": 0.2}

    def draw(rng):
        return check_sample_ratio(rng.choice(list(plan), 200, p=list(plan.values())), plan, threshold=0.05)[0].passed

    coverage("sample ratio: 200 people in three arms as planned (share not rejected at 5 %)", draw)
