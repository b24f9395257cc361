"""Attrition: statsmodels' Newcombe interval, scipy's and R's tests, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Message
from analysis_lib.trials.effects import attrition_check, difference_in_means

REFERENCE = Path(__file__).parents[2] / "reference"
CLOSED_FORM = 1e-8
PEOPLE = pd.read_csv(REFERENCE / "effects_more_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "effects_more_answers.csv")


def people(case: str) -> pd.DataFrame:
    d = PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)
    return d.assign(treated=(d["arm"] != "control").astype(int))


def arms(one: int, n_one: int, zero: int, n_zero: int) -> tuple[np.ndarray, np.ndarray]:
    observed = np.concatenate([np.arange(n_one) < one, np.arange(n_zero) < zero])
    return observed, np.repeat([1, 0], [n_one, n_zero])


@given(st.integers(2, 60), st.integers(2, 60), st.floats(0, 1), st.floats(0, 1), st.sampled_from([0.8, 0.95]))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_newcombe_as_statsmodels(n_one, n_zero, share_one, share_zero, level):
    """statsmodels 0.15 confint_proportions_2indep(method="newcomb", compare="diff"); Fisher by hypergeometric sums."""
    one, zero = round(share_one * n_one), round(share_zero * n_zero)
    if one + zero in (0, n_one + n_zero):
        return
    found = attrition_check(*arms(one, n_one, zero, n_zero), level=level).estimates[0]
    low, high = confint_proportions_2indep(one, n_one, zero, n_zero, method="newcomb", compare="diff", alpha=1 - level)
    assert (found.interval.low, found.interval.high) == pytest.approx((low, high), abs=1e-12)
    assert found.interval_at(0.9) == attrition_check(*arms(one, n_one, zero, n_zero), level=0.9).estimates[0].interval
    chances = stats.hypergeom.pmf(np.arange(n_one + 1), n_one + n_zero, one + zero, n_one)
    assert found.p_value == pytest.approx(chances[chances <= chances[one] * (1 + 1e-7)].sum(), abs=1e-9)


def test_published_interval():
    """Newcombe (1998), table II, method 10: 56/70 - 48/80 is 0.2000, 0.0524 to 0.3339."""
    found = attrition_check(*arms(56, 70, 48, 80)).estimates[0]
    assert [round(v, 4) for v in (found.value, found.interval.low, found.interval.high)] == [0.2, 0.0524, 0.3339]


@pytest.mark.parametrize(("case", "options"), [("arms", []), ("blocked", ["block"]), ("clustered", ["cluster"])])
def test_interactions_as_in_r(case, options):
    """clubSandwich Wald_test(test = "HTZ") of the interactions of treatment with the covariates, blocks aside."""
    d = people(case)
    given_ = {name: d[name] for name in options}
    found = attrition_check(d["observed"], d["treated"], covariates=d[["age", "prior"]], **given_)
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == "attrition by covariates")]
    check = found.checks[1]
    values = {"statistic": check.statistic, "df": check.df, "p_value": check.p_value}
    assert values == pytest.approx(dict(zip(rows["quantity"], rows["value"], strict=True)), rel=CLOSED_FORM)
    assert check.passed == (check.p_value >= 0.05)


@pytest.mark.parametrize(("case", "option"), [("blocked", "block"), ("clustered", "cluster")])
def test_within_blocks_and_by_cluster_it_is_the_difference_in_means(case, option):
    d = people(case)
    found = attrition_check(d["observed"], d["treated"], **{option: d[option]})
    wanted = difference_in_means(d["observed"], d["treated"], **{option: d[option]})
    row = found.estimates[0]
    assert (row.value, row.interval, row.p_value) == (wanted.value, wanted.interval, wanted.p_value)
    assert row.estimand == "difference in share observed"
    assert found.checks[0].p_value == wanted.p_value
    assert len(found.checks) == 1


def test_few_missing_within_blocks_is_said():
    d = people("blocked")
    observed = np.ones(260)
    observed[np.flatnonzero(d["treated"] == 1)[:6]] = 0
    observed[np.flatnonzero(d["treated"] == 0)[:2]] = 0
    found = attrition_check(observed, d["treated"], block=d["block"])
    assert found.estimates[0].note == "only 2 people of a kind in an arm: the interval is rough"


def test_counts_are_said_and_a_difference_fails():
    found = attrition_check(*arms(40, 50, 20, 50))
    assert found.checks[0].detail == "observed: 40 of 50 treated, 20 of 50 control"
    assert found.checks[0].passed is False
    assert (found.estimates[0].n_treated, found.estimates[0].n_control, found.estimates[0].n) == (50, 50, 100)


def test_everyone_observed_is_no_attrition():
    found = attrition_check(np.ones(20), np.repeat([1, 0], 10), covariates=np.arange(20))
    assert found.estimates[0].reason == "everyone is observed"
    assert [check.passed for check in found.checks] == [True, True]
    assert isinstance(found.checks[0].detail, Message)


def test_a_check_that_cannot_be_made_says_why():
    observed, treated = arms(8, 10, 5, 10)
    constant = attrition_check(observed, treated, covariates=np.ones(20)).checks[1]
    assert (constant.passed, constant.detail) == (None, "no covariate varies in both arms")
    many = attrition_check(observed, treated, covariates=np.random.default_rng(1).normal(size=(20, 12))).checks[1]
    assert (many.passed, many.detail) == (None, "20 people cannot carry a regression with 26 coefficients")
    separated = attrition_check(observed, treated, covariates=treated).checks[1]
    assert separated.detail == "the covariates determine the treatment: no effect can be told apart from theirs"
    alone = attrition_check(observed, treated, covariates=np.arange(20) % 10 == 0).checks[1]
    assert "leverage 1" in alone.detail
    same = attrition_check(treated, treated, covariates=np.random.default_rng(1).normal(size=20)).checks[1]
    assert (same.passed, same.detail[:33]) == (None, "the outcome has no variation left")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"observed": [1, 0, 2, 1, 1, 0]}, "observed has the value 2; must be 0 or 1"),
        ({"observed": [1, 0, np.nan, 1, 1, 0]}, "observed has 1 missing or infinite values"),
        ({"treated": [1, 1, 0]}, "treated has 3 rows; must have 6"),
        ({"block": [1, 2]}, "block has 2 rows; must have 6"),
        ({"level": 0}, "level is 0; must be between 0 and 1"),
    ],
)
def test_invalid_input_names_the_argument(change, message):
    with pytest.raises(InvalidInput) as raised:
        attrition_check(**({"observed": [1, 0, 1, 1, 1, 0], "treated": [1, 1, 1, 0, 0, 0]} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": [0] * 6}, "0 people in the treated arm; two are needed"),
        ({"observed": [0] * 6}, "nobody is observed"),
        ({"cluster": [1, 1, 1, 2, 2, 3]}, "1 clusters in the treated arm; two are needed"),
        ({"block": [1, 1, 1, 2, 2, 2]}, "0 people in the treated arm"),
    ],
)
def test_too_little_data_is_not_estimable(change, reason):
    with pytest.raises(NotEstimable, match=reason):
        attrition_check(**({"observed": [1, 0, 1, 1, 1, 0], "treated": [1, 1, 1, 0, 0, 0]} | change))
