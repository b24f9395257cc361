"""Cumulative incidence, its difference, and cause-specific hazard ratios: R's and surpyval's answers, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import surpyval
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.durations import hazard_ratio, survival_curve
from analysis_lib.trials.durations._causes import aalen_johansen, read_endings
from analysis_lib.trials.durations.competing import (
    cause_specific_hazard_ratio,
    cumulative_incidence,
    cumulative_incidence_difference,
)

REFERENCE = Path(__file__).parents[2] / "reference"
CLOSED_FORM = 1e-8
ITERATIVE = 1e-7

PEOPLE = pd.read_csv(REFERENCE / "competing_people.csv")
CURVES = pd.read_csv(REFERENCE / "competing_curves.csv", dtype={"arm": str})
ANSWERS = pd.read_csv(REFERENCE / "competing_answers.csv")

many = settings(max_examples=40, deadline=None, derandomize=True)


def people(case: str, arm: str = "all") -> pd.DataFrame:
    d = PEOPLE[PEOPLE["case"] == case]
    return (d if arm == "all" else d[d["treated"] == int(arm)]).reset_index(drop=True)


def expected(case: str, call: str) -> dict[str, float]:
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


@st.composite
def endings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Weeks and causes 0 to 3 of 12 to 80 people, tied within weeks; the first three ended in each cause."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(12, 80))
    cause = np.r_[1, 2, 3, rng.integers(0, 4, n - 3)]
    return np.ceil(rng.exponential(draw(st.sampled_from([2, 8, 40])), n)), cause


# Curves


@pytest.mark.parametrize("case", CURVES["case"].unique())
def test_curves_as_in_r(case):
    """`survfit(Surv(time, factor(cause)))`: times, people at risk, estimates, standard errors and log-log band."""
    for (arm, cause, level), wanted in CURVES[CURVES["case"] == case].groupby(["arm", "cause", "level"]):
        d = people(case, arm)
        found = cumulative_incidence(d["time"], d["cause"], cause, level=level)
        np.testing.assert_allclose(found.x, wanted["time"], rtol=CLOSED_FORM)
        np.testing.assert_array_equal(found.at_risk, wanted["at_risk"])
        for name, column in (("y", "incidence"), ("low", "low"), ("high", "high")):
            np.testing.assert_allclose(getattr(found, name), wanted[column], rtol=CLOSED_FORM, atol=1e-14)
        std_error = aalen_johansen(read_endings(d["time"], d["cause"], cause, "censored")).std_error
        np.testing.assert_allclose(std_error, wanted["std_error"], rtol=CLOSED_FORM, atol=1e-8)
        assert (found.start, found.level) == (0.0, level)


@pytest.mark.parametrize("case", ["weeks", "exact"])
def test_curves_as_in_surpyval(case):
    d = people(case)
    labels = [None if cause == 0 else f"cause {cause}" for cause in d["cause"]]
    other = surpyval.CompetingRisks.fit(d["time"].to_numpy(), labels)
    for cause in (1, 2):
        found = cumulative_incidence(d["time"], d["cause"], cause)
        np.testing.assert_allclose(found.y, other.cif(found.x, f"cause {cause}"), rtol=CLOSED_FORM)


def incidence_of_weights(time, cause, weight, at):
    """Aalen and Johansen's estimate for weighted people, written out in full."""
    survival, incidence = 1.0, 0.0
    for t in np.unique(time[time <= at]):
        risk = weight[time >= t].sum()
        incidence += survival * weight[(time == t) & (cause == 1)].sum() / risk
        survival *= 1 - weight[(time == t) & (cause > 0)].sum() / risk
    return incidence


@many
@given(endings())
def test_variance_is_the_infinitesimal_jackknife(drawn):
    """The squares of the derivatives by each person's weight (by a complex step) add up to the variance."""
    time, cause = drawn
    found = aalen_johansen(read_endings(time, cause, 1, "censored"))
    for t in (found.time[len(found.time) // 2], found.time[-1]):
        step = 1e-20
        slopes = [
            np.imag(incidence_of_weights(time, cause, 1 + 1j * step * (np.arange(len(time)) == i), t)) / step
            for i in range(len(time))
        ]
        std_error = found.std_error[np.searchsorted(found.time, t)]
        assert std_error == pytest.approx(np.linalg.norm(slopes), rel=CLOSED_FORM, abs=1e-9)


def test_variance_does_not_cancel_in_a_long_tail():
    """With one cause and no censoring it is F (1 - F) / n, here down to one person of 50,000."""
    time = np.arange(1, 50_001)
    found = aalen_johansen(read_endings(time, np.ones(len(time)), 1, "censored"))
    share = time / len(time)
    np.testing.assert_allclose(found.std_error, np.sqrt(share * (1 - share) / len(time)), rtol=CLOSED_FORM)
    assert found.std_error[-1] == 0


@many
@given(endings())
def test_incidences_of_all_causes_and_survival_add_up_to_one(drawn):
    time, cause = drawn
    curves = [cumulative_incidence(time, cause, k) for k in (1, 2, 3)]
    survival = survival_curve(time, cause > 0)
    np.testing.assert_allclose(sum(curve.y for curve in curves) + survival.y, 1, rtol=1e-12)
    for curve in curves:
        assert (np.diff(curve.y, prepend=0) >= 0).all()
        inside = ~np.isnan(curve.low)
        assert (curve.low[inside] <= curve.y[inside]).all()
        assert (curve.y[inside] <= curve.high[inside]).all()


@many
@given(endings())
def test_one_cause_is_one_minus_kaplan_meier(drawn):
    time, cause = drawn
    found = cumulative_incidence(time, cause > 0, True)
    np.testing.assert_allclose(found.y, 1 - survival_curve(time, cause > 0).y, atol=1e-12)


def test_without_censoring_the_curve_is_the_share_that_ended():
    d = people("complete")
    found = cumulative_incidence(d["time"], d["cause"], 1)
    share = [np.mean((d["time"] <= t) & (d["cause"] == 1)) for t in found.x]
    np.testing.assert_allclose(found.y, share, rtol=1e-12)
    assert found.at(0.5) == 0
    assert found.at(1e6) == pytest.approx(np.mean(d["cause"] == 1))


@many
@given(endings(), st.randoms(use_true_random=False))
def test_order_of_people_labels_and_unit_of_time_do_not_matter(drawn, random):
    time, cause = drawn
    wanted = cumulative_incidence(time, cause, 2)
    shuffled = list(range(len(time)))
    random.shuffle(shuffled)
    text = np.array(["censored", "exit", "training", "sick"], dtype=object)[cause]
    same = [
        cumulative_incidence(time[shuffled], cause[shuffled], 2),
        cumulative_incidence(time / 7, cause, 2),
        cumulative_incidence(time, cause.astype(float), 2),
        cumulative_incidence(time, text, "training"),
        cumulative_incidence(list(time), list(text), "training"),
        cumulative_incidence(time, text.astype(str), "training"),
        cumulative_incidence(pd.Series(time), pd.Series(text), "training"),
        cumulative_incidence(time, pd.Categorical(text), "training"),
        cumulative_incidence(time, pd.Series(cause, dtype="Int64"), 2),
        cumulative_incidence(time, np.where(cause == 0, 9, cause), 2, censored=9),
        cumulative_incidence(time, np.where(text == "censored", "udvandret", text), "training", censored="udvandret"),
    ]
    for found in same:
        for name in ("y", "low", "high", "at_risk"):
            np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=1e-12)


def test_times_equal_but_for_rounding_are_one_time():
    apart = cumulative_incidence([0.3, 0.1 + 0.2, 0.7], [1, 2, 1], 1)
    assert apart.x.tolist() == [0.3, 0.7]
    assert apart.at_risk.tolist() == [3, 1]


def test_people_censored_in_a_week_were_at_risk_in_it():
    together = cumulative_incidence([4, 4, 9], [1, 0, 1], 1)
    assert together.y.tolist() == pytest.approx([1 / 3, 1])
    assert together.at_risk.tolist() == [3, 1]


def test_weeks_far_apart_are_not_counted_one_by_one():
    """A table of every week up to 10^12 would not fit into memory."""
    found = cumulative_incidence([3, 1e12, 5, 1e12], [1, 1, 2, 0], 1)
    # at such times R too takes 3 and 5 for one time
    assert found.x.tolist() == [3, 1e12]
    assert found.y.tolist() == pytest.approx([1 / 4, 1 / 4 + 1 / 2 * 1 / 2])


# Differences


@pytest.mark.parametrize(("cause", "at"), [(1, 26), (1, 49.5), (2, 13), (3, 40)])
def test_difference_is_that_of_rs_curves(cause, at):
    """Value and standard error from R's curve of each arm."""
    d = people("weeks")
    curves = CURVES[(CURVES["case"] == "weeks") & (CURVES["cause"] == cause) & (CURVES["time"] <= at)]
    ends = [curves[curves["arm"] == arm].iloc[-1] for arm in ("1", "0")]
    found = cumulative_incidence_difference(d["time"], d["cause"], cause, d["treated"], at)
    assert found.value == pytest.approx(ends[0]["incidence"] - ends[1]["incidence"], rel=CLOSED_FORM)
    assert found.std_error == pytest.approx(np.hypot(ends[0]["std_error"], ends[1]["std_error"]), rel=CLOSED_FORM)
    # of R's log-log bands
    (f1, f0), (l1, l0), (u1, u0) = ([end[name] for end in ends] for name in ("incidence", "low", "high"))
    limits = found.value - np.hypot(f1 - l1, u0 - f0), found.value + np.hypot(u1 - f1, f0 - l0)
    assert (found.interval.low, found.interval.high) == pytest.approx(limits, rel=CLOSED_FORM)
    at_its_p = found.interval_at(1 - found.p_value)
    assert min(abs(at_its_p.low), abs(at_its_p.high)) == pytest.approx(0, abs=1e-9)
    assert np.isnan(found.df)
    assert (found.n, found.n_treated) == (len(d), int(d["treated"].sum()))
    assert found.estimand == f"difference in cumulative incidence at {at:g}"
    assert (
        found.interval_at(0.8)
        == cumulative_incidence_difference(d["time"], d["cause"], cause, d["treated"], at, level=0.8).interval
    )


def test_difference_changes_sign_with_the_arms_and_not_with_the_order():
    d = people("weeks")
    wanted = cumulative_incidence_difference(d["time"], d["cause"], 1, d["treated"], 26)
    swapped = cumulative_incidence_difference(d["time"], d["cause"], 1, 1 - d["treated"], 26)
    assert (swapped.value, swapped.std_error) == pytest.approx((-wanted.value, wanted.std_error), rel=1e-12)
    d = d.sample(frac=1, random_state=1)
    shuffled = cumulative_incidence_difference(d["time"], d["cause"], 1, d["treated"], 26)
    assert (shuffled.value, shuffled.std_error) == pytest.approx((wanted.value, wanted.std_error), rel=1e-12)


def test_difference_without_censoring_is_that_of_two_shares():
    d = people("complete")
    found = cumulative_incidence_difference(d["time"], d["cause"], 1, d["treated"], 8)
    arms = [((d["time"] <= 8) & (d["cause"] == 1))[d["treated"] == arm] for arm in (1, 0)]
    assert found.value == pytest.approx(arms[0].mean() - arms[1].mean(), rel=1e-12)
    variance = sum(arm.mean() * (1 - arm.mean()) / len(arm) for arm in arms)
    assert found.std_error == pytest.approx(np.sqrt(variance), rel=CLOSED_FORM)


def test_difference_at_a_time_that_is_tied_but_for_rounding():
    time, cause, arm = [0.1 + 0.2, 0.5, 0.6, 0.1, 0.6, 0.9], [1, 0, 1, 1, 2, 0], [1, 1, 1, 0, 0, 0]
    assert cumulative_incidence_difference(time, cause, 1, arm, 0.3).value == pytest.approx(0, abs=1e-15)


def test_difference_after_everyone_ended_stays():
    time, cause, arm = [1, 2, 3, 1, 2, 9], [1, 2, 2, 1, 1, 0], [1, 1, 1, 0, 0, 0]
    found = cumulative_incidence_difference(time, cause, 1, arm, 8)
    assert found.value == pytest.approx(1 / 3 - 2 / 3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": [0] * 8}, "nobody in the treated arm"),
        ({"treated": [1] * 8}, "nobody in the control arm"),
        ({"at": 9}, "nobody in the treated arm is observed after 7, and 9 is asked about"),
        ({"at": 0}, "the share in the treated arm is 0 at 0: it has no standard error"),
        ({"cause": [1, 2, 0, 2, 1, 2, 0, 0]}, "the share in the control arm is 0 at 6: it has no standard error"),
        ({"cause": [1, 1] * 4}, "the share in the treated arm is 1 at 8: it has no standard error"),
        ({"cause": [0] * 8}, "none of 8 people ended in the cause 1"),
    ],
)
def test_differences_that_cannot_be_estimated(change, reason):
    at = 8 if "is 1" in reason else 6
    given_arguments = {"time": range(1, 9), "cause": [1, 2, 0, 1, 1, 1, 0, 2], "treated": [1, 0] * 4, "at": at}
    with pytest.raises(NotEstimable) as raised:
        cumulative_incidence_difference(cause_of_interest=1, **(given_arguments | change))
    assert str(raised.value) == reason


@pytest.mark.parametrize("at", [-1, np.nan, np.inf, "26"])
def test_times_that_cannot_be_asked_about(at):
    with pytest.raises(InvalidInput) as raised:
        cumulative_incidence_difference([1, 2], [1, 1], 1, [0, 1], at)
    assert str(raised.value) == f"at is {at!r}; must be a time of 0 or more"


# Cause-specific hazard ratios


@pytest.mark.parametrize("call", ["plain", "all"])
@pytest.mark.parametrize("cause", [1, 2])
def test_cause_specific_hazard_ratio_as_in_r(cause, call):
    d = people("weeks")
    adjusted = {"covariates": d[["age", "female"]], "stratum": d["stratum"], "cluster": d["cluster"]}
    found = cause_specific_hazard_ratio(
        d["time"], d["cause"], cause, d["treated"], **(adjusted if call == "all" else {})
    )
    wanted = expected("weeks", f"coxph {call} {cause}")
    assert np.log(found.value) == pytest.approx(wanted["log_ratio"], rel=ITERATIVE)
    assert found.std_error == pytest.approx(wanted["std_error"], rel=ITERATIVE)
    assert found.estimand == "cause-specific hazard ratio"
    assert "a ratio of rates among those still there" in found.note
    assert found.n_clusters == (31 if call == "all" else None)


def test_cause_specific_hazard_ratio_has_the_other_causes_as_censoring():
    d = people("small12")
    text = d["cause"].map({0: "censored", 1: "exit", 2: "training"})
    found = cause_specific_hazard_ratio(d["time"], text, "exit", d["treated"], level=0.8)
    wanted = hazard_ratio(d["time"], d["cause"] == 1, d["treated"], level=0.8)
    assert (found.value, found.interval, found.p_value) == (wanted.value, wanted.interval, wanted.p_value)
    swapped = cause_specific_hazard_ratio(d["time"], text, "exit", 1 - d["treated"])
    assert swapped.value == pytest.approx(1 / wanted.value, rel=ITERATIVE)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"cause": [0, 2] * 4}, "none of 8 people ended in the cause 1"),
        ({"cause": [1, 2] * 4}, "nobody in the control arm had the event"),
        ({"cluster": [1, 2, 1, 3, 1, 4, 1, 5]}, "1 clusters in the treated arm; two are needed"),
        ({"covariates": [2 * a + 1 for a in [1, 0] * 4]}, "the covariates or strata determine the treatment"),
    ],
)
def test_cause_specific_hazard_ratios_that_cannot_be_estimated(change, reason):
    given_arguments = {"time": range(1, 9), "cause": [1, 1, 0, 1, 2, 1, 0, 2], "treated": [1, 0] * 4}
    with pytest.raises(NotEstimable) as raised:
        cause_specific_hazard_ratio(cause_of_interest=1, **(given_arguments | change))
    assert reason in str(raised.value)


# What is refused


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [1, -2, 3]}, "time has the value -2; must be 0 or more"),
        ({"time": [1, np.nan, 3]}, "time has 1 missing or infinite values"),
        ({"time": [[1, 2, 3]]}, "time has 2 dimensions; must have one"),
        ({"cause": [1, 2]}, "cause has 2 rows; must have 3, as the first argument"),
        ({"cause": [[1, 2, 1]]}, "cause has 1 rows; must have 3"),
        ({"cause": np.ones((3, 1))}, "cause has 2 dimensions; must have one, with a label for each person"),
        ({"cause": [1, np.nan, 2]}, "cause is missing for 1 people; must be given for everyone"),
        ({"cause": [1, None, "a"]}, "cause is missing for 1 people; must be given for everyone"),
        ({"cause": pd.Series([1, pd.NA, 2], dtype="Int64")}, "cause is missing for 1 people"),
        ({"cause": [1, "exit", 2]}, "cause has labels of different kinds; must have text only, or numbers only"),
        ({"cause": [(1,), (2,), (1,)]}, "cause has labels of different kinds"),
        ({"cause": ["a", "b", "a"], "cause_of_interest": "a", "censored": None}, "censored is None; must be text"),
        ({"cause": ["1", "0", "2"]}, "cause_of_interest is 1; must be text, as cause is"),
        ({"cause_of_interest": "exit"}, "cause_of_interest is 'exit'; must be a number, as cause is"),
        ({"cause_of_interest": 0}, "cause_of_interest is 0, which is the label of censoring"),
        ({"censored": 1}, "cause_of_interest is 1, which is the label of censoring"),
        ({"censored": np.nan}, "censored is nan; must be a number that a label can be"),
        (
            {"cause": ["a", "Censored ", "b"], "cause_of_interest": "a"},
            "cause has the label 'Censored '; must be 'censored'",
        ),
        ({"censored": "none"}, "censored is 'none'; must be a number, as cause is"),
        ({"level": 1}, "level is 1; must be between 0 and 1"),
    ],
)
def test_invalid_arguments_are_named(change, message):
    with pytest.raises(InvalidInput) as raised:
        cumulative_incidence(**({"time": [1, 2, 3], "cause": [1, 2, 0], "cause_of_interest": 1} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize("cause", [[0, 0, 0], [2, 0, 2]])
def test_a_cause_that_nobody_ended_in_has_no_curve(cause):
    with pytest.raises(NotEstimable, match="none of 3 people ended in the cause 1"):
        cumulative_incidence([1, 2, 3], cause, 1)
    with pytest.raises(NotEstimable, match="none of 0 people ended in the cause 1"):
        cumulative_incidence([], [], 1)


def test_nothing_given_is_changed():
    time, cause, arm = np.array([3.0, 1.0, 2.0, 4.0]), np.array([1, 0, 2, 1]), np.array([1, 1, 0, 0])
    before = [part.copy() for part in (time, cause, arm)]
    cumulative_incidence(time, cause, 1)
    with pytest.raises(NotEstimable):
        cumulative_incidence_difference(time, cause, 1, arm, 2)
    for part, copy in zip((time, cause, arm), before, strict=True):
        np.testing.assert_array_equal(part, copy)


def test_limits_stay_between_minus_one_and_one():
    """9 of 10 against 1 of 10: value ± 1.96 standard errors would end at 1.06."""
    time = np.arange(1.0, 11)
    cause = np.concatenate([[1] * 9 + [2], [1] + [2] * 9])
    found = cumulative_incidence_difference([*time, *time], cause, 1, [1] * 10 + [0] * 10, 10)
    assert found.value == pytest.approx(0.8)
    assert found.value + 1.96 * found.std_error > 1
    assert found.interval_at(0.999999).high < 1
    assert 0 < found.interval.low < found.interval.high < 1
    assert found.p_value < 0.05


def test_equal_shares_have_a_p_value_of_one():
    time, cause = np.arange(1.0, 11), [1, 2] * 5
    found = cumulative_incidence_difference([*time, *time], [*cause, *cause], 1, [1] * 10 + [0] * 10, 10)
    assert (found.value, found.p_value) == (0, 1)
    assert found.interval.low == -found.interval.high


def test_shares_far_apart_have_a_p_value_of_nearly_zero():
    n = 200_000
    cause = np.concatenate([np.repeat([1, 2], [n - 2000, 2000]), np.repeat([1, 2], [2000, n - 2000])])
    found = cumulative_incidence_difference(np.ones(2 * n), cause, 1, np.repeat([1, 0], n), 1)
    assert 0 <= found.p_value < 1e-200
