"""Effects in groups chosen beforehand: R's answers, second implementations, and what is refused."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.oneway import anova_generic

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Results
from analysis_lib.trials.durations import hazard_ratio
from analysis_lib.trials.effects import difference_in_means, lin_adjusted
from analysis_lib.trials.subgroups import combine_divisions, subgroup_effects, subgroup_hazard_ratios

REFERENCE = Path(__file__).parents[2] / "reference"
PEOPLE = pd.read_csv(REFERENCE / "subgroups_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "subgroups_answers.csv")
# Closed forms in double precision; Cox regression is iterated by both tools.
CLOSED_FORM, ITERATED = 1e-8, 1e-5


def expected(case, call):
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"].astype(float), strict=True))


def by_group(found):
    return {row.group: row for row in found.estimates}


def test_welch_test_as_oneway_test():
    # Where no control has the event, each group's effect and its variance are those of its treated.
    treated = PEOPLE["treated"] == 1
    y = np.where(treated, PEOPLE["y"], 0.0)
    found = subgroup_effects(y, treated, PEOPLE["group"])
    wanted = expected("treated", "oneway.test")
    (test,) = found.checks
    assert (test.statistic, test.df, test.p_value) == pytest.approx(
        (wanted["statistic"], wanted["df"], wanted["p_value"]), rel=CLOSED_FORM
    )
    assert test.detail == f"2 and {wanted['df_error']:.1f} degrees of freedom"
    assert test.passed
    assert test.name == "the same effect in every group"


def test_contrast_of_two_groups_is_the_test():
    rng = np.random.default_rng(4)
    group = np.repeat(["a", "b"], [40, 90])
    treated = rng.random(130) < 0.3
    y = rng.normal(size=130) * (1 + treated) + treated * (group == "b")
    found = subgroup_effects(y, treated, group)
    rows, (test,) = by_group(found), found.checks
    contrast = rows["b - a"]
    one, base = rows["b"], rows["a"]
    # Welch and Satterthwaite, written out
    variances = one.std_error**2, base.std_error**2
    assert contrast.value == pytest.approx(one.value - base.value, rel=CLOSED_FORM)
    assert contrast.std_error == pytest.approx(math.sqrt(sum(variances)), rel=CLOSED_FORM)
    df = sum(variances) ** 2 / (variances[0] ** 2 / one.df + variances[1] ** 2 / base.df)
    assert contrast.df == pytest.approx(df, rel=CLOSED_FORM)
    assert contrast.p_value == pytest.approx(
        2 * stats.t.sf(abs(contrast.value) / contrast.std_error, df), rel=CLOSED_FORM
    )
    assert test.statistic == pytest.approx((contrast.value / contrast.std_error) ** 2, rel=CLOSED_FORM)
    assert test.p_value == pytest.approx(contrast.p_value, rel=CLOSED_FORM)


@pytest.mark.parametrize("call", ["plain", "age"])
def test_days_of_birth_that_groups_share_as_in_clubsandwich(call):
    covariates = PEOPLE["age"] if call == "age" else None
    found = subgroup_effects(
        PEOPLE["y"], PEOPLE["treated"], PEOPLE["group"], cluster=PEOPLE["day"], covariates=covariates
    )
    wanted = expected("crossed", call)
    rows, (test,) = by_group(found), found.checks
    assert list(rows) == ["high", "low", "middle", "low - high", "middle - high"]
    for name, row in rows.items():
        for quantity in ("value", "std_error", "df"):
            assert getattr(row, quantity) == pytest.approx(wanted[f"{name} {quantity}"], rel=CLOSED_FORM), (
                name,
                quantity,
            )
    assert (test.statistic, test.df, test.p_value) == pytest.approx(
        (wanted["F"], wanted["df_num"], wanted["p_value"]), rel=CLOSED_FORM
    )
    assert test.method == "approximate Hotelling test, CR2 (HTZ)"
    assert test.detail == f"2 and {wanted['df_denom']:.1f} degrees of freedom"


def test_reference_group_can_be_named():
    found = subgroup_effects(PEOPLE["y"], PEOPLE["treated"], PEOPLE["group"], cluster=PEOPLE["day"], reference="low")
    wanted = expected("crossed", "plain")
    rows = by_group(found)
    assert list(rows)[3:] == ["high - low", "middle - low"]
    assert rows["high - low"].value == pytest.approx(-wanted["low - high value"], rel=CLOSED_FORM)
    assert rows["high - low"].std_error == pytest.approx(wanted["low - high std_error"], rel=CLOSED_FORM)
    # The test does not depend on the group that the others are held against.
    assert found.checks[0].p_value == pytest.approx(wanted["p_value"], rel=CLOSED_FORM)


@pytest.mark.parametrize("options", [["block"], ["covariates"], ["block", "covariates"]])
def test_each_group_is_the_trial_of_its_people(options):
    columns = {"block": PEOPLE["office"], "covariates": PEOPLE[["age"]]}
    given = {name: columns[name] for name in options}
    found = subgroup_effects(PEOPLE["outcome"], PEOPLE["assigned"], PEOPLE["group"], **given)
    rows = by_group(found)
    for name in ("high", "low", "middle"):
        own = (PEOPLE["group"] == name).to_numpy()
        estimator = lin_adjusted if "covariates" in options else difference_in_means
        part = {key: value[own] for key, value in given.items()}
        alone = estimator(PEOPLE["outcome"][own], PEOPLE["assigned"][own], **part)
        assert (rows[name].value, rows[name].std_error, rows[name].df) == (alone.value, alone.std_error, alone.df)
        assert (rows[name].n_treated, rows[name].method) == (alone.n_treated, alone.method)
    # statsmodels 0.15: Welch's test of k means with variance s^2 n and n observations has df n - 1; ours have df + 1.
    dfs = np.array([rows[name].df for name in ("high", "low", "middle")])
    means = np.array([rows[name].value for name in ("high", "low", "middle")])
    errors = np.array([rows[name].std_error for name in ("high", "low", "middle")])
    theirs = anova_generic(means, errors**2 * (dfs + 1), dfs + 1, use_var="unequal")
    assert found.checks[0].statistic == pytest.approx(theirs.statistic, rel=CLOSED_FORM)
    assert found.checks[0].p_value == pytest.approx(theirs.pvalue, rel=CLOSED_FORM)


def test_clusters_within_groups_are_independent():
    # Offices lie within regions: Welch's test, not Hotelling's.
    rng = np.random.default_rng(7)
    office = np.repeat(np.arange(24), 12)
    region, treated = np.repeat(["n", "s"], 144), office % 2
    y = rng.normal(size=288) + rng.normal(size=24)[office]
    found = subgroup_effects(y, treated, region, cluster=office)
    assert found.checks[0].method == "Welch's test of equal effects"
    alone = difference_in_means(y[:144], treated[:144], cluster=office[:144])
    assert (found.estimates[0].std_error, found.estimates[0].df) == (alone.std_error, alone.df)


@pytest.mark.parametrize("call", ["plain", "office", "age", "day"])
def test_hazard_ratios_as_coxph(call):
    given = {
        "office": {"stratum": PEOPLE["office"]},
        "age": {"covariates": PEOPLE["age"]},
        "day": {"cluster": PEOPLE["day"]},
    }
    found = subgroup_hazard_ratios(
        PEOPLE["time"], PEOPLE["event"], PEOPLE["treated"], PEOPLE["group"], **given.get(call, {})
    )
    wanted, rows, (test,) = expected("cox", call), by_group(found), found.checks
    assert rows["high"].value == pytest.approx(wanted["high"], rel=ITERATED)
    for name in ("low - high", "middle - high"):
        assert rows[name].value == pytest.approx(wanted[f"{name} value"], rel=ITERATED)
        assert rows[name].std_error == pytest.approx(wanted[f"{name} std_error"], rel=ITERATED)
        assert rows[name].value == pytest.approx(rows[name.split()[0]].value / rows["high"].value, rel=ITERATED)
    if call == "day":
        # Hotelling's, with the days of the arm that has fewer: R gives Wald's statistic
        df = PEOPLE.groupby("treated")["day"].nunique().min() - 1
        f = wanted["wald"] * df / (df + 1) * (2 * df - 1) / (2 * 2 * df)
        assert (test.statistic, test.p_value) == pytest.approx((f, stats.f.sf(f, 2, 2 * df - 1)), rel=ITERATED)
        assert rows["low - high"].df == df
        assert test.method == "Wald test robust to clusters (Lin-Wei), treatment by group"
    else:
        assert test.statistic == pytest.approx(wanted["chi_square"], rel=ITERATED)
        assert (test.p_value, test.df) == pytest.approx((wanted["p_value"], 2), rel=ITERATED)
        assert test.method == "likelihood ratio test, treatment by group"


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_each_group_is_the_hazard_ratio_of_its_people(ties):
    columns = (PEOPLE["time"], PEOPLE["event"], PEOPLE["treated"])
    found = subgroup_hazard_ratios(*columns, PEOPLE["group"], covariates=PEOPLE[["age"]], ties=ties)
    own = (PEOPLE["group"] == "low").to_numpy()
    alone = hazard_ratio(*(column[own] for column in columns), covariates=PEOPLE[["age"]][own], ties=ties)
    row = by_group(found)["low"]
    assert (row.value, row.std_error, row.method) == (alone.value, alone.std_error, alone.method)


def small_groups():
    rng = np.random.default_rng(9)
    group = np.repeat(["a", "b", "c"], [60, 8, 40])
    treated = np.r_[np.tile([1, 0], 30), [1, 1, 0, 0, 0, 0, 0, 0], np.tile([1, 0], 20)]
    return rng.normal(size=108), treated, group


def test_small_group_is_empty_with_the_reason_and_stays_out_of_the_test():
    y, treated, group = small_groups()
    found = subgroup_effects(y, treated, group)
    rows = by_group(found)
    assert rows["b"].reason == "fewer than 5 people in an arm of the group"
    assert math.isnan(rows["b"].value)
    assert (rows["b"].n_treated, rows["b"].n_control, rows["b"].n) == (2, 6, 8)
    assert rows["b - a"].reason == "no estimate in group b: fewer than 5 people in an arm of the group"
    assert rows["c - a"].estimated
    without = subgroup_effects(y[group != "b"], treated[group != "b"], group[group != "b"])
    assert found.checks[0].p_value == without.checks[0].p_value
    assert "groups without an estimate, not in the test: 1" in found.checks[0].detail
    assert subgroup_effects(y, treated, group, min_cell=2).estimates[1].estimated
    against_b = by_group(subgroup_effects(y, treated, group, reference="b"))
    assert [against_b[name].estimated for name in ("a - b", "c - b")] == [False, False]
    assert against_b["a - b"].reason.startswith("no estimate in group b")


def test_small_group_is_empty_in_durations_too():
    y, treated, group = small_groups()
    time, event = np.exp(y), np.where(group == "c", 0, 1)
    found = subgroup_hazard_ratios(time, event, treated, group)
    rows = by_group(found)
    assert rows["b"].reason == "fewer than 5 people in an arm of the group"
    assert rows["c"].reason == "none of 40 people had the event"
    assert rows["c - a"].reason == "no estimate in group c: none of 40 people had the event"
    assert found.checks[0].passed is None
    assert found.checks[0].detail == "fewer than two groups could be estimated"


def test_separated_group_does_not_spoil_the_others():
    rng = np.random.default_rng(3)
    group, treated = np.repeat(["a", "b", "c"], 40), np.tile([1, 0], 60)
    time = rng.exponential(size=120)
    # in b all treated leave before any control does
    time[(group == "b") & (treated == 1)] /= 1e6
    found = subgroup_hazard_ratios(time, np.ones(120), treated, group)
    rows = by_group(found)
    assert "the likelihood has no maximum" in rows["b"].reason
    assert rows["c - a"].estimated
    assert found.checks[0].df == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": np.ones(40)}, "fewer than 5 people in an arm of the group"),
        ({"y": np.ones(40)}, "the outcome has no variation left to estimate a standard error from"),
        ({"cluster": np.zeros(40)}, "1 clusters in the treated arm; two are needed"),
        ({"covariates": np.random.default_rng(1).normal(size=(40, 45))}, "people cannot carry a regression"),
        ({"covariates": np.tile([1.0, 0.0], 20)}, "the covariates determine the treatment"),
        ({"block": np.arange(40)}, "0 people in the treated arm; two are needed"),
        ({"covariates": np.eye(40)[:, 0]}, "1 people are fitted exactly"),
    ],
)
def test_what_cannot_be_estimated_is_empty_and_still_has_its_test(change, reason):
    rng = np.random.default_rng(2)
    given = {"y": rng.normal(size=40), "treated": np.tile([1, 0], 20), "group": np.repeat(["a", "b"], 20)} | change
    found = subgroup_effects(**given)
    assert reason in found.estimates[0].reason
    assert found.estimates[2].reason.startswith("no estimate in group")
    assert len(found.checks) == 1
    assert found.checks[0].passed is None
    assert math.isnan(found.checks[0].p_value)


def test_one_group_has_no_interaction():
    rng = np.random.default_rng(2)
    found = subgroup_effects(rng.normal(size=40), np.tile([1, 0], 20), ["all"] * 40)
    assert len(found.estimates) == 1
    assert found.checks[0].passed is None


def test_too_few_clusters_for_so_many_groups():
    rng = np.random.default_rng(2)
    cluster, group = np.tile(np.arange(4), 60), np.repeat(list("abcdef"), 40)
    treated = cluster % 2
    found = subgroup_effects(rng.normal(size=240), treated, group, cluster=cluster)
    assert found.estimates[0].estimated
    assert found.checks[0].passed is None
    assert "too few" in found.checks[0].detail
    durations = subgroup_hazard_ratios(rng.exponential(size=240), np.ones(240), treated, group, cluster=cluster)
    assert durations.checks[0].detail == "4 clusters are too few to test 6 groups"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [math.nan, *[1.0] * 19]}, "y has 1 missing or infinite values"),
        ({"treated": [2, *[1] * 19]}, "treated has the value 2; must be 0 or 1"),
        ({"group": ["a"] * 19}, "group has 19 rows; must have 20"),
        ({"group": [None, *["a"] * 19]}, "group is missing for 1 people"),
        ({"block": ["a"] * 19}, "block has 19 rows"),
        ({"cluster": ["a"] * 19}, "cluster has 19 rows"),
        ({"covariates": ["a"] * 20}, "covariates, column 'covariate 1', is of type"),
        ({"level": 95}, "level is 95"),
        ({"min_cell": 1}, "min_cell is 1; must be a whole number of 2 or more"),
        ({"min_cell": 2.5}, "min_cell is 2.5; must be a whole number"),
        ({"min_cell": "5"}, "min_cell is '5'; must be a whole number"),
        ({"reference": "z"}, "reference is 'z'; must be one of the groups: a, b"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    good = {"y": np.arange(20.0), "treated": [1, 0] * 10, "group": ["a"] * 10 + ["b"] * 10}
    with pytest.raises(InvalidInput, match=message):
        subgroup_effects(**good | change)
    renamed = {"time" if key == "y" else "stratum" if key == "block" else key: v for key, v in (good | change).items()}
    with pytest.raises(InvalidInput, match=message.replace("y has", "time has").replace("block", "stratum")):
        subgroup_hazard_ratios(event=np.ones(20), **renamed)


def test_wrong_durations_are_named():
    good = {"time": np.arange(20.0), "event": [1] * 20, "treated": [1, 0] * 10, "group": ["a"] * 10 + ["b"] * 10}
    for change, message in (
        ({"time": np.arange(-1.0, 19)}, "time has the value -1; must be 0 or more"),
        ({"event": [2] * 20}, "event has the value 2"),
        ({"ties": "exact"}, "ties is 'exact'; must be 'efron' or 'breslow'"),
    ):
        with pytest.raises(InvalidInput, match=message):
            subgroup_hazard_ratios(**good | change)


# Several divisions at once


def divisions():
    one = subgroup_effects(PEOPLE["outcome"], PEOPLE["assigned"], PEOPLE["group"])
    old = np.where(PEOPLE["age"] > 40, "old", "young")
    return {
        "education": one,
        "age": subgroup_effects(PEOPLE["outcome"], PEOPLE["assigned"], old),
        "weeks": subgroup_hazard_ratios(PEOPLE["time"], PEOPLE["event"], PEOPLE["treated"], old),
    }


def test_interaction_tests_are_adjusted_for_the_number_of_divisions():
    given = divisions()
    raw = {name: results.checks[0].p_value for name, results in given.items()}
    found = combine_divisions(given)
    # Holm, written out
    order = sorted(raw, key=raw.__getitem__)
    running, wanted = 0.0, {}
    for i, name in enumerate(order):
        running = max(running, min(1.0, (3 - i) * raw[name]))
        wanted[name] = running
    assert {check.group: check.p_value for check in found.checks} == pytest.approx(wanted)
    for check in found.checks:
        assert check.passed is (check.p_value >= 0.05)
        assert f"p {raw[check.group]:.4f} before adjustment over 3 divisions" in check.detail
    assert [row.group for row in found.estimates][:3] == ["education.high", "education.low", "education.middle"]
    bonferroni = combine_divisions(given, adjust="bonferroni").checks
    assert [check.p_value for check in bonferroni] == pytest.approx([min(1, 3 * raw[c.group]) for c in bonferroni])
    same = combine_divisions(given, adjust="none").checks
    assert [check.p_value for check in same] == list(raw.values())
    rates = combine_divisions(given, adjust="bh").checks
    best = [min(min(1, 3 / (j + 1) * raw[order[j]]) for j in range(i, 3)) for i in range(3)]
    assert {check.group: check.p_value for check in rates} == pytest.approx(dict(zip(order, best, strict=True)))


def test_division_that_could_not_be_tested_does_not_count():
    given = divisions()
    alone = subgroup_effects(PEOPLE["outcome"], PEOPLE["assigned"], ["all"] * len(PEOPLE))
    with_empty = combine_divisions(given | {"nothing": alone})
    assert [c.p_value for c in with_empty.checks[:3]] == [c.p_value for c in combine_divisions(given).checks]
    assert with_empty.checks[3].passed is None
    assert with_empty.checks[3].group == "nothing"
    assert combine_divisions({"nothing": alone}).checks[0].passed is None


def test_division_without_its_test_is_refused():
    one = subgroup_effects(PEOPLE["outcome"], PEOPLE["assigned"], PEOPLE["group"])
    with pytest.raises(InvalidInput, match="divisions, 'education', has 0 interaction tests; must have one"):
        combine_divisions({"education": Results(one.estimates)})
    with pytest.raises(InvalidInput, match="divisions is empty"):
        combine_divisions({})
    with pytest.raises(InvalidInput, match="adjust is 'sidak'; must be 'holm', 'bonferroni', 'bh' or 'none'"):
        combine_divisions({"education": one}, adjust="sidak")


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-5, 5), st.floats(0.1, 10))
def test_order_shift_and_scale(seed, shift, factor):
    rng = np.random.default_rng(seed)
    n = 90
    group, cluster = rng.choice(["a", "b", "c"], n), rng.integers(0, 12, n)
    treated, y = cluster % 2, rng.normal(size=n) + rng.normal(size=12)[cluster]
    found = subgroup_effects(y, treated, group, cluster=cluster)
    order = rng.permutation(n)
    moved = subgroup_effects((shift + factor * y)[order], treated[order], group[order], cluster=cluster[order])
    for one, other in zip(found.estimates, moved.estimates, strict=True):
        assert (other.group, other.reason) == (one.group, one.reason)
        wanted = (factor * one.value, factor * one.std_error)
        assert (other.value, other.std_error) == pytest.approx(wanted, rel=1e-6, nan_ok=not one.estimated)
    tested = found.checks[0].passed is not None
    assert moved.checks[0].p_value == pytest.approx(found.checks[0].p_value, rel=1e-6, nan_ok=not tested)
    turned = subgroup_effects(y, 1 - treated, group, cluster=cluster)
    values = [-row.value for row in found.estimates]
    assert [row.value for row in turned.estimates] == pytest.approx(values, nan_ok=True)
    assert turned.checks[0].p_value == pytest.approx(found.checks[0].p_value, rel=1e-6, nan_ok=not tested)
