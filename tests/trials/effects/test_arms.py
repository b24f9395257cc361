"""Several arms: R's answers, the special case of two, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, Message, Results
from analysis_lib.trials._arrays import Groups
from analysis_lib.trials._least_squares import Regression
from analysis_lib.trials.effects import adjust_p_values, lin_adjusted, multi_arm_effects
from analysis_lib.trials.effects._joint import joint_test

REFERENCE = Path(__file__).parents[2] / "reference"
CLOSED_FORM = 1e-8
PEOPLE = pd.read_csv(REFERENCE / "effects_more_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "effects_more_answers.csv")


def people(case: str) -> pd.DataFrame:
    return PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)


def wanted(case: str, call: str) -> dict[str, float]:
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


def by_arm(results: Results) -> dict[str, Estimate]:
    return {str(estimate.arm): estimate for estimate in results.estimates}


@pytest.mark.parametrize(("case", "options"), [("arms", []), ("blocked", ["block"]), ("clustered", ["cluster"])])
def test_three_arms_as_in_r(case, options):
    """lm with every arm's own slopes, clubSandwich CR2 (each person a cluster: HC2), Satterthwaite and HTZ."""
    d = people(case)
    found = multi_arm_effects(
        d["y"], d["arm"], covariates=d[["age", "prior"]], comparisons="all", multiplicity="none",
        **{name: d[name] for name in options},
    )  # fmt: skip
    rows = by_arm(found)
    assert list(rows) == ["daily", "early", "early against daily"]
    for label, call in (("early", "early control"), ("daily", "daily control"), ("early against daily", "early daily")):
        row = rows[label]
        values = {"value": row.value, "std_error": row.std_error, "df": row.df}
        assert values == pytest.approx(wanted(case, call), rel=CLOSED_FORM)
    check = found.checks[0]
    values = {"statistic": check.statistic, "df": check.df, "p_value": check.p_value}
    assert values == pytest.approx(wanted(case, "joint"), rel=CLOSED_FORM)
    assert check.passed


def test_people_in_three_arms_as_estimatr():
    d = people("arms")
    row = by_arm(multi_arm_effects(d["y"], d["arm"], covariates=d[["age", "prior"]]))["early"]
    assert {"value": row.value, "std_error": row.std_error} == pytest.approx(
        wanted("arms", "lm_lin early control"), rel=CLOSED_FORM
    )


@pytest.mark.parametrize("options", [[], ["block"], ["cluster"]])
def test_two_arms_are_lin(options):
    d = people("clustered" if "cluster" in options else "blocked")
    d = d[d["arm"] != "early"]
    given_ = {name: d[name] for name in options}
    found = multi_arm_effects(d["y"], d["arm"], covariates=d[["age", "prior"]], **given_)
    lin = lin_adjusted(d["y"], d["arm"] == "daily", d[["age", "prior"]], **given_)
    row = found.estimates[0]
    assert (row.value, row.std_error, row.df, row.p_value) == pytest.approx(
        (lin.value, lin.std_error, lin.df, lin.p_value), rel=CLOSED_FORM
    )
    assert (row.n_treated, row.n_control, row.n, row.n_clusters) == (
        lin.n_treated,
        lin.n_control,
        lin.n,
        lin.n_clusters,
    )
    # one contrast: the joint test is the t-test
    assert found.checks[0].p_value == pytest.approx(lin.p_value, rel=CLOSED_FORM)


def test_own_slopes_are_not_contaminated_where_common_ones_are():
    """Goldsmith-Pinkham et al. (2024): shares differ by block, the first arm's effects too, the second has none.

    Their example in numbers without noise: one additive regression gives the second arm an effect that it has not.
    """
    block = np.repeat([0, 1], 100)
    arm = np.array((["control"] * 50 + ["a"] * 45 + ["b"] * 5) + (["control"] * 10 + ["a"] * 10 + ["b"] * 80))
    y = block + np.where(arm == "a", 1 + 4 * block, 0.0) + np.tile([0.01, -0.01], 100)
    rows = by_arm(multi_arm_effects(y, arm, block=block))
    assert rows["a"].value == pytest.approx(3, abs=0.01)
    assert rows["b"].value == pytest.approx(0, abs=0.01)
    design = np.column_stack([np.ones(200), block, arm == "a", arm == "b"]).astype(float)
    assert abs(np.linalg.lstsq(design, y, rcond=None)[0][3]) > 0.5


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None, derandomize=True)
def test_order_labels_and_units_do_not_matter(seed):
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.repeat(["control", "a", "b", "c"], [20, 12, 9, 15]))
    x, y = rng.normal(size=(56, 2)), rng.exponential(size=56)
    rows = by_arm(multi_arm_effects(y, arm, covariates=x, multiplicity="none"))
    shuffle = rng.permutation(56)
    # named so that the arms sort the other way round
    other = np.select([arm == "a", arm == "b", arm == "c"], ["z", "y", "x"], "control")
    moved = by_arm(
        multi_arm_effects(-10 * y[shuffle], other[shuffle], covariates=3 * x[shuffle] + 1, multiplicity="none")
    )
    for old, new in (("a", "z"), ("b", "y"), ("c", "x")):
        one, two = rows[old], moved[new]
        assert (-10 * one.value, 10 * one.std_error, one.df, one.p_value) == pytest.approx(
            (two.value, two.std_error, two.df, two.p_value), rel=1e-7
        )


def test_joint_test_does_not_depend_on_the_contrasts_chosen():
    rng = np.random.default_rng(4)
    cluster = np.repeat(np.arange(24), 5)
    design = np.eye(3)[cluster % 3]
    y = rng.normal(size=120)
    regression = Regression.build(design, cluster=Groups(codes=cluster, names=tuple(map(str, range(24)))))
    one = joint_test(regression, np.array([[1.0, -1, 0], [1, 0, -1]]), y)
    two = joint_test(regression, np.array([[0.0, 5, -5], [2, -1, -1]]), y)
    assert (one.statistic, one.df_within) == pytest.approx((two.statistic, two.df_within), rel=1e-9)


def test_holm_is_the_default_and_said():
    d = people("arms")
    plain = multi_arm_effects(d["y"], d["arm"], multiplicity="none")
    holm = multi_arm_effects(d["y"], d["arm"])
    assert [e.p_value for e in holm.estimates] == [e.p_value for e in adjust_p_values(plain).estimates]
    assert holm.estimates[0].note == "p-value adjusted for 2 tests (Holm), the interval is not"
    assert plain.estimates[0].note == ""


def test_an_arm_with_one_person_is_a_row_with_the_reason():
    d = people("arms")
    more = pd.concat([d, d.iloc[:1].assign(arm="rare")], ignore_index=True)
    found = multi_arm_effects(more["y"], more["arm"], covariates=more[["age"]])
    rare = by_arm(found)["rare"]
    assert (rare.estimated, rare.reason) == (False, "1 people in the rare arm; two are needed")
    without = multi_arm_effects(d["y"], d["arm"], covariates=d[["age"]])
    assert found.estimates[:2] == without.estimates
    assert "2 tests" in found.estimates[0].note


def test_blocks_that_lack_an_arm_are_left_out():
    d = people("blocked")
    extra = pd.DataFrame({"arm": ["control", "early", "control"], "block": "x", "y": [99.0, 1, 5]})
    more = pd.concat([d, extra], ignore_index=True)
    found = multi_arm_effects(more["y"], more["arm"], block=more["block"], multiplicity="none")
    without = multi_arm_effects(d["y"], d["arm"], block=d["block"], multiplicity="none")
    assert found.estimates[0].note == "blocks left out because they lack an arm: 1, with 3 people"
    assert found.estimates[0].value == pytest.approx(without.estimates[0].value, rel=1e-12)
    assert found.estimates[0].n == 260


def test_collinear_columns_are_named():
    d = people("arms")
    columns = d[["age", "prior"]].assign(copy=2 * d["age"])
    found = multi_arm_effects(d["y"], d["arm"], covariates=columns)
    assert found.estimates[0].note.startswith("collinear columns left out: 1 (copy)")
    assert (
        found.estimates[0].value
        == multi_arm_effects(d["y"], d["arm"], covariates=d[["age", "prior"]]).estimates[0].value
    )


def test_too_few_clusters_for_the_joint_test():
    rng = np.random.default_rng(0)
    cluster = np.repeat(np.arange(14), rng.integers(2, 30, 14))
    arm = np.array(["control", *"abcdef"])[cluster % 7]
    x = rng.normal(size=len(cluster)) + 2 * rng.normal(size=14)[cluster]
    found = multi_arm_effects(rng.normal(size=len(cluster)), arm, cluster=cluster, covariates=x)
    check = found.checks[0]
    assert check.passed is None
    assert "degrees of freedom are too few to test 6 contrasts at once" in check.detail
    assert isinstance(check.detail, Message)
    assert "degrees of freedom: the interval is not to be relied on" in found.estimates[0].note


Y, ARM = [1.0, 2, 4, 3, 7, 5, 6, 8, 2], ["control", "a", "b"] * 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"control": "nobody"}, "control is 'nobody'; must be one of arm's labels: a, b, control"),
        ({"arm": ["control", "a", None] * 3}, "arm is missing for 3 people"),
        ({"arm": ARM[:8]}, "arm has 8 rows; must have 9"),
        ({"y": [np.nan, *Y[1:]]}, "y has 1 missing or infinite values"),
        ({"covariates": [1.0] * 8}, "covariates has 8 rows; must have 9"),
        ({"comparisons": "some"}, "comparisons is 'some'; must be 'control' or 'all'"),
        ({"multiplicity": "sidak"}, "method is 'sidak'; must be one of 'holm'"),
        ({"level": 0}, "level is 0; must be between 0 and 1"),
        ({"block": [1] * 8}, "block has 8 rows"),
    ],
)
def test_invalid_input_names_the_argument(change, message):
    with pytest.raises(InvalidInput) as raised:
        multi_arm_effects(**({"y": Y, "arm": ARM} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"arm": ["control"] * 9}, "only the control arm has people"),
        ({"arm": ["control", *["a"] * 8]}, "1 people in the control arm; two are needed"),
        ({"arm": ["b", *["control"] * 8]}, "1 people in the b arm; two are needed"),
        ({"cluster": [1, 2, 3] * 3}, "1 clusters in the control arm; two are needed"),
        ({"y": [3.0] * 9}, "the outcome has no variation left"),
        ({"y": [1.0, 2, 3] * 3}, "the outcome has no variation left"),
        ({"block": ARM}, "no block has people in all 3 arms"),
        ({"block": [1] * 3 + [2] * 3 + [3] * 3}, r"9 people cannot carry a regression with 9 coefficients"),
        (
            {
                "y": [*Y, 5, 9, 4],
                "arm": ARM + ARM[:3],
                "block": [1] * 6 + [2] * 6,
                "cluster": [1, 2, 3, 4, 5, 6, 1, 2, 3, 1, 5, 6],
            },
            "the effect cannot be estimated without any one of 1 clusters",
        ),
        ({"covariates": np.arange(27.0).reshape(9, 3) ** 2}, "9 people cannot carry a regression with 9 coefficients"),
        ({"covariates": [1, 0, 2, 1, 0, 3, 1, 0, 5]}, "columns without a slope of their own in an arm: 2"),
        ({"covariates": [1, 0, 2, 0, 0, 3, 0, 1, 5]}, r"2 people are fitted exactly \(leverage 1\)"),
    ],
)
def test_too_little_data_is_not_estimable(change, reason):
    with pytest.raises(NotEstimable, match=reason) as raised:
        multi_arm_effects(**({"y": Y, "arm": ARM} | change))
    assert isinstance(raised.value.args[0], Message)


def test_inputs_are_not_changed():
    d = people("blocked")
    before = d.copy(deep=True)
    multi_arm_effects(d["y"], d["arm"], covariates=d[["age"]], block=d["block"])
    pd.testing.assert_frame_equal(d, before)
