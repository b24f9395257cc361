"""Fine and Gray's subdistribution hazard ratio: R's and surpyval's answers, special cases, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import surpyval
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.durations import hazard_ratio
from analysis_lib.trials.durations.fine_gray import fine_gray

REFERENCE = Path(__file__).parents[2] / "reference"
# The coefficients of both are at the maximum to far more digits than these.
ITERATIVE = 1e-7

PEOPLE = pd.read_csv(REFERENCE / "competing_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "competing_answers.csv")
COVARIATES = {"weeks": ["age", "female"], "exact": ["age"], "untied": ["age"], "complete": []}
CALLS = [("weeks", "plain"), ("weeks", "covariates"), ("exact", "covariates"), ("untied", "covariates")]
CALLS += [("complete", "plain")]

many = settings(max_examples=25, deadline=None, derandomize=True)


def people(case: str) -> pd.DataFrame:
    d = PEOPLE[PEOPLE["case"] == case.replace("untied", "exact")]
    return d.iloc[3 if case == "untied" else 0 :].reset_index(drop=True)


def expected(case: str, call: str) -> dict[str, float]:
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


def answer(case: str, call: str, cause: int):
    d = people(case)
    covariates = d[COVARIATES[case]] if call == "covariates" else None
    return fine_gray(d["time"], d["cause"], cause, d["treated"], covariates=covariates)


@pytest.mark.parametrize("cause", [1, 2])
@pytest.mark.parametrize(("case", "call"), CALLS)
def test_as_cmprsk_in_r(case, call, cause):
    """`crr(time, cause, cov1, failcode = cause)`."""
    found, wanted = answer(case, call, cause), expected(case, f"crr {call} {cause}")
    assert np.log(found.value) == pytest.approx(wanted["log_ratio"], rel=ITERATIVE)
    assert found.std_error == pytest.approx(wanted["std_error"], rel=ITERATIVE)
    assert (found.scale, found.df, found.note) == ("log", np.inf, "")
    assert (found.n, found.n_treated) == (len(people(case)), int(people(case)["treated"].sum()))


@pytest.mark.parametrize("cause", [1, 2])
@pytest.mark.parametrize(("case", "call"), CALLS)
def test_as_finegray_in_r(case, call, cause):
    """`finegray` and `coxph(ties = "breslow")`: the same but for whom it counts at risk of censoring in tied weeks."""
    found, wanted = np.log(answer(case, call, cause).value), expected(case, f"finegray {call} {cause}")["log_ratio"]
    if case in ("untied", "complete"):
        assert found == pytest.approx(wanted, rel=ITERATIVE)
    else:
        assert found == pytest.approx(wanted, abs=1e-3)
        assert found != pytest.approx(wanted, rel=ITERATIVE)


@pytest.mark.parametrize(("case", "call"), [("weeks", "covariates"), ("exact", "covariates")])
def test_as_surpyval(case, call):
    d = people(case)
    labels = [None if cause == 0 else f"cause {cause}" for cause in d["cause"]]
    columns = d[["treated", *COVARIATES[case]]].to_numpy(dtype=float)
    other = surpyval.FineGray.fit(d["time"].to_numpy(), columns, labels, event="cause 2")
    # it stops at larger steps
    assert np.log(answer(case, call, 2).value) == pytest.approx(other.beta[0], rel=1e-5)


@st.composite
def trials(draw: st.DrawFn) -> tuple[np.ndarray, ...]:
    """Weeks, causes 0 to 2, arm and two covariates of 60 to 200 people; each arm ends in cause 1 three times or more."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(60, 200))
    time = np.ceil(rng.exponential(draw(st.sampled_from([4, 10, 40])), n))
    cause, arm = rng.integers(0, 3, n), np.arange(n) % 2
    assume(all(np.sum((cause == 1) & (arm == a)) >= 3 for a in (0, 1)))
    return time, cause, arm, rng.normal(size=(n, 2)) * [1, 50]


@many
@given(trials())
def test_without_other_causes_it_is_cox_regression(drawn):
    """Breslow's ties, and Lin and Wei's variance with each person as a cluster."""
    time, cause, arm, x = drawn
    event = (cause > 0).astype(int)
    found = fine_gray(time, event, 1, arm, covariates=x)
    wanted = hazard_ratio(time, event, arm, covariates=x, cluster=np.arange(len(time)), ties="breslow")
    assert (found.value, found.std_error) == pytest.approx((wanted.value, wanted.std_error), rel=ITERATIVE)


@many
@given(trials())
def test_without_censoring_the_others_stay_at_risk_for_good(drawn):
    """Cox regression with those who ended in another cause censored after everyone else."""
    time, cause, arm, x = drawn
    cause = np.where(cause == 0, 2, cause)
    found = fine_gray(time, cause, 1, arm, covariates=x)
    stayed = np.where(cause == 1, time, time.max() + 1)
    wanted = hazard_ratio(stayed, cause == 1, arm, covariates=x, cluster=np.arange(len(time)), ties="breslow")
    assert (found.value, found.std_error) == pytest.approx((wanted.value, wanted.std_error), rel=ITERATIVE)


@many
@given(trials(), st.randoms(use_true_random=False))
def test_order_arms_labels_and_units(drawn, random):
    time, cause, arm, x = drawn
    wanted = fine_gray(time, cause, 1, arm, covariates=x)
    order = list(range(len(time)))
    random.shuffle(order)
    text = np.array(["censored", "exit", "training"])[cause]
    same = [
        fine_gray(time[order], cause[order], 1, arm[order], covariates=x[order]),
        fine_gray(time / 7, text, "exit", arm == 1, covariates=x * [0.01, 1] + [1e3, -5]),
    ]
    for found in same:
        assert (found.value, found.std_error) == pytest.approx((wanted.value, wanted.std_error), rel=ITERATIVE)
    swapped = fine_gray(time, cause, 1, 1 - arm, covariates=x)
    assert (swapped.value, swapped.std_error) == pytest.approx((1 / wanted.value, wanted.std_error), rel=ITERATIVE)


def test_interval_and_p_value():
    found = answer("weeks", "plain", 1)
    low, high = found.interval.low, found.interval.high
    assert np.log(high) - np.log(found.value) == pytest.approx(1.959963984540054 * found.std_error, rel=1e-8)
    assert np.sqrt(low * high) == pytest.approx(found.value, rel=1e-8)
    assert (low < 1 < high) == (found.p_value > 0.05)
    d = people("weeks")
    assert fine_gray(d["time"], d["cause"], 1, d["treated"], level=0.8).interval == found.interval_at(0.8)


def test_collinear_covariates_are_left_out_and_named():
    d = people("weeks")
    columns = d[["age", "female"]].assign(twice=2 * d["age"], seven=7)
    found = fine_gray(d["time"], d["cause"], 1, d["treated"], covariates=columns)
    assert found.note == "collinear columns left out: 2 (twice, seven)"
    assert found.value == pytest.approx(answer("weeks", "covariates", 1).value, rel=ITERATIVE)


TIME, CAUSE, ARM = range(1, 9), [1, 2, 0, 1, 1, 2, 0, 1], [1, 0] * 4


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [-1, *range(7)]}, "time has the value -1; must be 0 or more"),
        ({"cause": CAUSE[1:]}, "cause has 7 rows; must have 8, as the first argument"),
        ({"cause": [None, *CAUSE[1:]]}, "cause is missing for 1 people"),
        ({"cause_of_interest": 0}, "cause_of_interest is 0, which is the label of censoring"),
        ({"treated": [2, *ARM[1:]]}, "treated has the value 2; must be 0 or 1"),
        ({"covariates": [np.nan, *range(7)]}, "covariates, column 'covariate 1', has 1 missing or infinite values"),
        ({"level": 0}, "level is 0; must be between 0 and 1"),
    ],
)
def test_invalid_arguments_are_named(change, message):
    with pytest.raises(InvalidInput) as raised:
        fine_gray(**({"time": TIME, "cause": CAUSE, "cause_of_interest": 1, "treated": ARM} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": [0] * 8}, "nobody in the treated arm"),
        ({"treated": [1] * 8}, "nobody in the control arm"),
        ({"cause": [0] * 8}, "none of 8 people ended in the cause 1"),
        ({"cause": [1, 2] * 4}, "nobody in the control arm had the event"),
        ({"covariates": [2 * a + 1 for a in ARM]}, "the covariates or strata determine the treatment"),
        (
            {"covariates": np.random.default_rng(1).normal(size=(8, 9))},
            "the covariates or strata determine the treatment",
        ),
        # all treated end before the first control, and nobody stays at risk
        ({"cause": [1] * 8, "treated": [1, 1, 1, 1, 0, 0, 0, 0]}, "the likelihood has no maximum: treatment separates"),
        # nobody of the second category ends in the cause
        ({"covariates": [0, 0, 1, 0, 0, 0, 0, 0]}, "the likelihood has no maximum: covariate 1 separates"),
    ],
)
def test_ratios_that_cannot_be_estimated(change, reason):
    with pytest.raises(NotEstimable) as raised:
        fine_gray(**({"time": TIME, "cause": CAUSE, "cause_of_interest": 1, "treated": ARM} | change))
    assert reason in str(raised.value)
