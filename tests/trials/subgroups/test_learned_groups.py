"""Groups learned from the data: R's answers for given proxies, medians written out, and what is refused."""

import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.ensemble import GradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials import subgroups
from analysis_lib.trials.subgroups import (
    LearnedEffects,
    Split,
    best_linear_predictor,
    classification_analysis,
    given_effects,
    learn_effects,
    sorted_group_effects,
)

REFERENCE = Path(__file__).parents[2] / "reference"
PEOPLE = pd.read_csv(REFERENCE / "subgroups_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "subgroups_answers.csv")
CLOSED_FORM = 1e-8
NOT_TO_BE_READ = "not to be read: the learned effects do not predict the effect"


def check(row, call):
    rows = ANSWERS[(ANSWERS["case"] == "learned") & (ANSWERS["call"] == call)]
    assert len(rows) == 3
    for quantity, value in zip(rows["quantity"], rows["value"].astype(float), strict=True):
        assert getattr(row, quantity) == pytest.approx(value, rel=CLOSED_FORM), (call, quantity)


def given_people(**options):
    return given_effects(
        PEOPLE["outcome"], PEOPLE["assigned"], PEOPLE[["age"]], propensity=PEOPLE["propensity"],
        baseline=PEOPLE["baseline"], effect=PEOPLE["effect"], **options,
    )  # fmt: skip


def test_best_linear_predictor_as_in_r():
    average, loading = best_linear_predictor(given_people()).estimates
    check(average, "blp h")
    check(loading, "blp hs")
    t = loading.value / loading.std_error
    assert loading.p_value == pytest.approx(2 * stats.t.sf(abs(t), loading.df), rel=CLOSED_FORM)
    half = stats.t.ppf(0.95, loading.df) * loading.std_error
    assert loading.interval_at(0.9).low == pytest.approx(loading.value - half, rel=CLOSED_FORM)
    (test,) = best_linear_predictor(given_people()).checks
    assert (test.statistic, test.p_value) == pytest.approx((t, stats.t.sf(t, loading.df)), rel=CLOSED_FORM)


def test_best_linear_predictor_by_cluster_as_in_r():
    average, loading = best_linear_predictor(given_people(cluster=PEOPLE["day"])).estimates
    check(average, "blp by day h")
    check(loading, "blp by day hs")
    assert (average.n_clusters, average.method) == (31, "one split or given predictions, CR2")


def test_sorted_groups_as_in_r():
    found = sorted_group_effects(given_people())
    rows = {row.group: row for row in found.estimates}
    assert list(rows) == ["1", "2", "3", "4", "5", "5 - 1"]
    for k in range(1, 6):
        check(rows[str(k)], f"gates h{k}")
    check(rows["5 - 1"], "gates difference h5")
    assert rows["5"].note == ""
    assert not found.checks[0].passed


def test_classification_as_in_r():
    rows = {row.group: row for row in classification_analysis(given_people()).estimates}
    check(rows["5 - 1"], "clan age")
    check(rows["5"], "clan age most")
    assert {row.outcome for row in rows.values()} == {"age"}
    assert math.isnan(rows["5"].p_value)


def trial(seed=1, n=240, loading=1.0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    treated = rng.permutation(np.repeat([1, 0], n // 2))
    y = x[:, 1] + treated * (0.5 + loading * x[:, 0]) + rng.normal(size=n)
    return y, treated, pd.DataFrame(x, columns=["a", "b", "c"])


def learn(seed=1, splits=6, **options):
    given = {"propensity": 0.5, "learner": LinearRegression()} | options
    return learn_effects(*trial(), rng=np.random.default_rng(seed), splits=splits, **given)


def test_medians_over_splits_written_out():
    learned = learn()
    rows = [best_linear_predictor(replace(learned, splits=(split,)), level=0.975).estimates for split in learned.splits]
    found = best_linear_predictor(learned)
    for k, row in enumerate(found.estimates):
        singles = [one[k] for one in rows]
        assert row.value == pytest.approx(np.median([one.value for one in singles]))
        # six splits: the third lowest of the lower limits, the third highest of the upper
        assert row.interval.low == sorted(one.interval.low for one in singles)[2]
        assert row.interval.high == sorted(one.interval.high for one in singles)[3]
        assert row.p_value == pytest.approx(min(1, 2 * sorted(one.p_value for one in singles)[3]))
        assert math.isnan(row.std_error)
        again = best_linear_predictor(learned, level=0.8).estimates[k]
        assert (row.interval_at(0.8), row.method) == (again.interval, "medians over 6 splits, HC2")
    one_sided = [best_linear_predictor(replace(learned, splits=(split,))).checks[0].p_value for split in learned.splits]
    assert found.checks[0].p_value == pytest.approx(2 * sorted(one_sided)[3])
    groups = sorted_group_effects(learned, groups=3)
    alone = [sorted_group_effects(replace(learned, splits=(s,)), groups=3).estimates[3] for s in learned.splits]
    assert groups.estimates[3].value == pytest.approx(np.median([one.value for one in alone]))


def test_learned_effects_are_what_a_naive_regression_says():
    learned = learn(splits=2)
    y, treated, x = trial()
    for split in learned.splits:
        auxiliary = np.setdiff1d(np.arange(len(y)), split.main)
        predictions = []
        for arm in (0, 1):
            own = auxiliary[treated[auxiliary] == arm]
            design = np.column_stack([np.ones(len(own)), x.iloc[own]])
            beta = np.linalg.lstsq(design, y[own], rcond=None)[0]
            predictions.append(np.column_stack([np.ones(len(split.main)), x.iloc[split.main]]) @ beta)
        assert split.baseline == pytest.approx(predictions[0])
        assert split.effect == pytest.approx(predictions[1] - predictions[0])
        assert len(split.main) == 120
        assert treated[split.main].sum() == 60
    assert not np.array_equal(learned.splits[0].main, learned.splits[1].main)


@pytest.mark.parametrize(
    "learner",
    [
        make_pipeline(StandardScaler(), RandomForestRegressor(n_estimators=5)),
        GradientBoostingRegressor(n_estimators=5),
    ],
)
def test_the_seed_decides_and_nothing_else(learner):
    first, second, other = (learn(seed=seed, splits=1, learner=learner) for seed in (3, 3, 4))
    for one, same, different in zip(first.splits, second.splits, other.splits, strict=True):
        assert np.array_equal(one.effect, same.effect)
        assert np.array_equal(one.main, same.main)
        assert not np.array_equal(one.main, different.main)
    assert all(value is None for name, value in learner.get_params().items() if name.endswith("random_state"))


def test_default_learner_finds_who_gains():
    y, treated, x = trial(seed=5, n=400)
    learned = learn_effects(y, treated, x, propensity=0.5, rng=np.random.default_rng(5), splits=3)
    average, loading = best_linear_predictor(learned).estimates
    assert average.interval.low < 0.5 < average.interval.high
    assert loading.interval.low > 0
    groups = sorted_group_effects(learned)
    assert not groups.checks[0].passed
    assert groups.checks[0].detail == ""
    # Within a fifth of a standard normal, the mean effect is 0.5 -/+ 1.4.
    assert groups.estimates[0].interval.high < 0.5 < groups.estimates[4].interval.low
    who = {(row.outcome, row.group): row for row in classification_analysis(learned).estimates}
    assert who["a", "5 - 1"].interval.low > 1
    assert who["a", "5"].note == ""
    assert who["c", "5 - 1"].interval.low < 0 < who["c", "5 - 1"].interval.high


def test_without_heterogeneity_groups_are_not_to_be_read():
    y, treated, x = trial(seed=2, loading=0.0)
    learned = learn_effects(
        y, treated, x, propensity=0.5, rng=np.random.default_rng(2), splits=5, learner=LinearRegression()
    )
    for found in (sorted_group_effects(learned, groups=3), classification_analysis(learned, groups=3)):
        assert found.checks[0].passed
        assert found.checks[0].detail == "sorted groups are not to be read"
        assert {row.note for row in found.estimates} == {NOT_TO_BE_READ}


def test_learned_effects_that_point_the_wrong_way_are_not_read_either():
    effect = -PEOPLE["effect"]
    given = replace(
        given_people(), splits=(Split(main=np.arange(420), baseline=np.zeros(420), effect=effect.to_numpy()),)
    )
    _, loading = best_linear_predictor(given).estimates
    assert loading.p_value < 0.05
    assert loading.value < 0
    found = sorted_group_effects(given)
    assert found.checks[0].passed
    assert {row.note for row in found.estimates} == {NOT_TO_BE_READ}


def test_learned_effects_that_do_not_vary_have_no_loading():
    y, treated, x = trial()
    flat = given_effects(y, treated, x, propensity=0.5, baseline=x["b"], effect=np.full(240, 0.5))
    average, loading = best_linear_predictor(flat).estimates
    assert average.estimated
    assert loading.reason == "the learned effects do not vary"
    test = best_linear_predictor(flat).checks[0]
    assert test.passed is None
    assert math.isnan(test.p_value)
    assert test.detail == "the learned effects do not vary; sorted groups are not to be read"
    for found in (sorted_group_effects(flat), classification_analysis(flat)):
        assert {row.reason for row in found.estimates} == {"the learned effects do not vary"}


def test_a_few_splits_without_a_number_widen_the_interval():
    learned = learn(splits=5)
    flat = replace(learned.splits[0], effect=np.zeros(len(learned.splits[0].main)))
    one = best_linear_predictor(replace(learned, splits=(flat, *learned.splits[1:]))).estimates[1]
    rows = [best_linear_predictor(replace(learned, splits=(s,)), level=0.975).estimates[1] for s in learned.splits[1:]]
    assert one.note == "in 1 of 5 splits: the learned effects do not vary"
    assert one.interval.low == sorted(row.interval.low for row in rows)[1]
    assert one.interval.high == sorted(row.interval.high for row in rows)[2]
    most = best_linear_predictor(replace(learned, splits=(flat,) * 3 + learned.splits[3:])).estimates[1]
    assert most.reason == "in 3 of 5 splits: the learned effects do not vary"


def test_constant_outcome_cannot_be_learned_from():
    _, treated, x = trial()
    learned = learn_effects(np.ones(240), treated, x, propensity=0.5, rng=np.random.default_rng(1), splits=2)
    found = best_linear_predictor(learned)
    assert (
        found.estimates[0].reason
        == "in 2 of 2 splits: the outcome has no variation left to estimate a standard error from"
    )
    assert found.checks[0].passed is None


def test_too_many_groups_are_empty():
    found = sorted_group_effects(learn(splits=1), groups=60)
    assert re.fullmatch("a sorted group has [01] people in an arm; two are needed", found.estimates[0].reason)
    assert found.checks[0].passed is not None


def test_groups_that_ties_leave_empty_have_a_reason():
    y, treated, x = trial()
    high = (x["a"] > x["a"].median()).astype(float)
    learned = given_effects(y, treated, x, propensity=0.5, baseline=y * 0, effect=high)
    for function, reason in (
        (sorted_group_effects, "a sorted group has 0 people in an arm; two are needed"),
        (classification_analysis, "a sorted group has 0 people; two are needed"),
    ):
        assert {row.reason for row in function(learned, groups=5).estimates} == {reason}
        assert any(row.estimated for row in function(learned, groups=2).estimates)


def test_clusters_stay_together():
    rng = np.random.default_rng(6)
    cluster = rng.integers(0, 40, 400)
    treated, x = (cluster % 2), rng.normal(size=400)
    y = x * treated + rng.normal(size=400) + rng.normal(size=40)[cluster]
    learned = learn_effects(
        y, treated, x, propensity=0.5, rng=rng, splits=3, learner=LinearRegression(), cluster=cluster
    )
    for split in learned.splits:
        main = set(cluster[split.main])
        assert not main & set(np.delete(cluster, split.main))
        assert len({c for c in main if c % 2}) == 10
    average = best_linear_predictor(learned).estimates[0]
    assert (average.n_clusters, average.method) == (40, "medians over 3 splits, CR2")
    assert classification_analysis(learned, groups=2).estimates[2].estimated
    with pytest.raises(NotEstimable, match="1 clusters in the treated arm"):
        learn_effects(y, treated, x, propensity=0.5, rng=rng, cluster=treated)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"propensity": 0.0}, "propensity has the value 0; must be between 0 and 1"),
        ({"propensity": [0.5] * 10}, "propensity has 10 rows; must have 240"),
        ({"propensity": 1.5}, "propensity has the value 1.5"),
        ({"covariates": np.empty((240, 0))}, "covariates has no columns"),
        ({"covariates": np.full(240, np.nan)}, "covariates, column 'covariate 1', has 240 missing or infinite values"),
        ({"y": [math.nan] * 240}, "y has 240 missing"),
        ({"treated": np.arange(240)}, "treated has the value 2"),
        ({"splits": 0}, "splits is 0; must be a whole number of 1 or more"),
        ({"splits": 2.5}, "splits is 2.5; must be a whole number"),
        ({"rng": 3}, "rng is a int; must be a numpy.random.Generator"),
        ({"learner": LinearRegression}, "learner is the class LinearRegression; must be a regressor made from it"),
        ({"learner": "forest"}, "learner has no fit; must be a scikit-learn regressor"),
        ({"cluster": [1]}, "cluster has 1 rows"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    y, treated, x = trial()
    given = {"y": y, "treated": treated, "covariates": x, "propensity": 0.5, "splits": 1}
    given |= {"rng": np.random.default_rng(1)} | change
    with pytest.raises(InvalidInput, match=message):
        learn_effects(**given)


class Wild(LinearRegression):
    def predict(self, X):
        return np.full(len(X), np.nan)


def test_wrong_predictions_and_readings_are_named():
    y, treated, x = trial()
    with pytest.raises(InvalidInput, match=r"learner predicted \(120,\) values; must be \(120,\) finite numbers"):
        learn(learner=Wild())
    with pytest.raises(InvalidInput, match="effect has 1 missing"):
        given_effects(y, treated, x, propensity=0.5, baseline=y, effect=np.r_[np.nan, y[1:]])
    with pytest.raises(InvalidInput, match="baseline has 2 rows; must have 240"):
        given_effects(y, treated, x, propensity=0.5, baseline=[1, 2], effect=y)
    learned = learn(splits=1)
    for function in (sorted_group_effects, classification_analysis):
        with pytest.raises(InvalidInput, match="groups is 1; must be a whole number of 2 or more"):
            function(learned, groups=1)
        with pytest.raises(InvalidInput, match="groups is 2.5; must be a whole number"):
            function(learned, groups=2.5)
        with pytest.raises(InvalidInput, match="level is 2"):
            function(learned, level=2)
    with pytest.raises(InvalidInput, match="level is 0"):
        best_linear_predictor(learned, level=0)
    with pytest.raises(InvalidInput, match="learned has no splits"):
        best_linear_predictor(replace(learned, splits=()))


@pytest.mark.parametrize("arm", [1, 0])
def test_small_arm_is_not_estimable(arm):
    rng = np.random.default_rng(1)
    treated = np.repeat([arm, 1 - arm], [19, 200])
    label = "treated" if arm else "control"
    with pytest.raises(NotEstimable, match=f"19 people in the {label} arm; 20 are needed to learn who gains"):
        learn_effects(rng.normal(size=219), treated, rng.normal(size=219), propensity=0.1, rng=rng)


def test_nothing_given_is_changed():
    y, treated, x = trial()
    before = (y.copy(), treated.copy(), x.copy())
    learned = learn_effects(
        y, treated, x, propensity=0.5, rng=np.random.default_rng(1), splits=1, learner=LinearRegression()
    )
    assert isinstance(learned, LearnedEffects)
    sorted_group_effects(learned)
    classification_analysis(learned)
    assert np.array_equal(y, before[0])
    assert np.array_equal(treated, before[1])
    assert x.equals(before[2])


def test_scikit_learn_is_imported_only_when_it_is_needed():
    for module in Path(subgroups.__file__).parent.glob("*.py"):
        assert not re.search(r"^(from|import) sklearn", module.read_text("utf-8"), re.MULTILINE), module.name


def test_covariate_that_does_not_vary_has_no_difference():
    learned = given_people()
    same = replace(learned, covariates=replace(learned.covariates, values=np.full((420, 1), 3.0)))
    reasons = [row.reason for row in classification_analysis(same).estimates]
    assert reasons == ["the outcome has no variation left to estimate a standard error from"] * 3
