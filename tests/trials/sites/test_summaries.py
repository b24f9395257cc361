"""Effects from summary numbers: R's and statsmodels' answers, published tables, and what is refused."""

import math
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import wald_interval
from analysis_lib.trials.sites import check_equal_proportions, difference_in_proportions, std_error_from_interval

ANSWERS = pd.read_csv(Path(__file__).parents[2] / "reference" / "sites_answers.csv")
CLOSED_FORM = 1e-8


@pytest.mark.parametrize("counts", [(207, 1296, 156, 1297), (91, 1296, 65, 1297), (9, 10, 3, 10), (5, 56, 0, 29)])
def test_equal_proportions_as_in_r(counts):
    rows = ANSWERS[ANSWERS["case"] == " ".join(str(count) for count in counts)]
    wanted = dict(zip(rows["quantity"], rows["value"].astype(float), strict=True))
    found = check_equal_proportions(*counts)
    assert found.statistic**2 == pytest.approx(wanted["chi_square"], rel=CLOSED_FORM)
    assert found.p_value == pytest.approx(wanted["p_value"], rel=CLOSED_FORM)
    assert difference_in_proportions(*counts).p_value == found.p_value
    assert found.passed is (found.p_value >= 0.05)


@pytest.mark.parametrize(("shares", "z"), [((0.16, 0.12), 2.9), ((0.07, 0.05), 2.1)])
def test_mentor_trial(shares, z):
    # Verified: 2,593 people, half with a mentor; education 16 % against 12 %, job 7 % against 5 %, after a year.
    # Derived from the shares: z. Whole people, the nearest to them, move it by up to 0.06.
    counts = (round(shares[0] * 1296), 1296, round(shares[1] * 1297), 1297)
    assert check_equal_proportions(*counts).statistic == pytest.approx(z, abs=0.06)
    assert not check_equal_proportions(*counts).passed
    found = difference_in_proportions(*counts)
    assert found.value == pytest.approx(shares[0] - shares[1], abs=0.001)
    assert found.interval.low > 0


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        # Newcombe (1998), table II, method 10
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
        ((0, 10, 0, 20), -0.1611, 0.2775),
        ((0, 10, 0, 10), -0.2775, 0.2775),
        ((10, 10, 0, 20), 0.6791, 1.0000),
        ((10, 10, 0, 10), 0.6075, 1.0000),
    ],
)
def test_newcombe_interval_as_published(counts, low, high):
    found = difference_in_proportions(*counts).interval
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.00006)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.data(), st.floats(0.5, 0.99))
def test_newcombe_interval_as_statsmodels(n1, n0, data, level):
    e1, e0 = data.draw(st.integers(0, n1)), data.draw(st.integers(0, n0))
    found = difference_in_proportions(e1, n1, e0, n0).interval_at(level)
    wanted = confint_proportions_2indep(e1, n1, e0, n0, method="newcomb", compare="diff", alpha=1 - level)
    assert (found.low, found.high) == pytest.approx(wanted, abs=1e-10)
    turned = difference_in_proportions(e0, n0, e1, n1, level=level).interval
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-12)


def test_newcombe_interval_covers_as_it_says():
    # exact: over all counts of 40 people with a share of 20 % and 60 with 10 %
    covered = 0.0
    for treated in range(25):
        for control in range(25):
            chance = stats.binom.pmf(treated, 40, 0.2) * stats.binom.pmf(control, 60, 0.1)
            interval = difference_in_proportions(treated, 40, control, 60).interval
            covered += chance * (interval.low <= 0.1 <= interval.high)
    assert 0.945 < covered < 0.955


def test_nobody_with_the_event_is_not_a_test():
    found = difference_in_proportions(0, 10, 0, 20)
    assert found.value == 0
    assert math.isnan(found.p_value)
    test = check_equal_proportions(0, 10, 0, 20)
    assert test.passed is None
    assert test.detail == "nobody, or everybody, had the event"
    assert check_equal_proportions(10, 10, 20, 20).passed is None


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ((1.5, 10, 0, 20), "events_treated is 1.5; must be a whole number of 0 or more"),
        ((1, 10, -1, 20), "events_control is -1; must be a whole number of 0 or more"),
        ((1, math.nan, 1, 20), "n_treated is nan; must be a whole number of 0 or more"),
        ((1, None, 1, 20), "n_treated is None; must be a whole number of 0 or more"),
        (("1", 10, 1, 20), "events_treated is 1; must be a whole number of 0 or more"),
        ((1, 10, 21, 20), "events_control is 21; must be at most n_control, 20"),
    ],
)
def test_wrong_counts_are_named(counts, message):
    for function in (difference_in_proportions, check_equal_proportions):
        with pytest.raises(InvalidInput, match=message):
            function(*counts)


def test_an_empty_arm_is_not_estimable():
    for function in (difference_in_proportions, check_equal_proportions):
        with pytest.raises(NotEstimable, match="nobody in the control arm"):
            function(1, 10, 0, 0)
    with pytest.raises(InvalidInput, match="level is 1"):
        difference_in_proportions(1, 10, 0, 5, level=1)


@given(st.floats(0.01, 100), st.floats(0.001, 2), st.floats(0.5, 0.999), st.sampled_from(["identity", "log"]))
def test_standard_error_comes_back_from_the_interval(value, std_error, level, scale):
    interval = wald_interval(value, std_error, math.inf, level, scale)
    assert std_error_from_interval(interval.low, interval.high, level, scale) == pytest.approx(std_error, rel=1e-8)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0, 0.5), "low and high are 1.0 and 0.5; must be finite, and low below high"),
        ((math.nan, 0.5), "low and high are nan and 0.5"),
        ((0.0, 0.5, 0.95, "log"), "low is 0.0; must be above 0 for a ratio"),
        ((0.1, 0.5, 0.95, "ratio"), "scale is 'ratio'; must be 'identity' or 'log'"),
        ((0.1, 0.5, 1.5), "level is 1.5; must be between 0 and 1"),
    ],
)
def test_wrong_intervals_are_named(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        std_error_from_interval(*arguments)
