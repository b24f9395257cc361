"""Differences in means and adjusted effects: other tools' answers, published numbers, and what is refused."""

import gc
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, Message
from analysis_lib.trials.effects import additive_adjusted, difference_in_means, lin_adjusted

REFERENCE = Path(__file__).parents[2] / "reference"
# Closed forms in double precision on both sides; p-values lose a few digits in the tail of t.
CLOSED_FORM = 1e-8

PEOPLE = pd.read_csv(REFERENCE / "effects_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "effects_answers.csv")
PUBLIC = pd.read_csv(REFERENCE / "public_answers.csv")


def people(case: str) -> pd.DataFrame:
    return PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)


def numbers(estimate: Estimate) -> dict[str, float]:
    return {
        "value": estimate.value,
        "std_error": estimate.std_error,
        "df": estimate.df,
        "p_value": estimate.p_value,
        "low": estimate.interval.low,
        "high": estimate.interval.high,
    }


def expected(answers: pd.DataFrame, case: str, call: str) -> dict[str, float]:
    rows = answers[(answers["case"] == case) & (answers["call"] == call)]
    return dict(zip(rows["quantity"], rows["value"], strict=True))


def check(estimate: Estimate, case: str, call: str, answers: pd.DataFrame = ANSWERS) -> None:
    wanted = expected(answers, case, call)
    assert wanted
    found = numbers(estimate)
    for quantity, value in wanted.items():
        assert found[quantity] == pytest.approx(value, rel=CLOSED_FORM), quantity


@pytest.mark.parametrize(
    ("case", "call", "options"),
    [
        ("small", "difference", []),
        ("small", "weighted", ["weight"]),
        ("blocked", "difference", ["block"]),
        ("pairs", "difference", ["block"]),
        ("clustered", "difference", ["cluster"]),
        ("clustered", "weighted", ["cluster", "weight"]),
        ("nested", "difference", ["block", "cluster"]),
        ("crossed", "difference", ["block", "cluster"]),
        ("within", "difference", ["cluster"]),
    ],
)
def test_difference_in_means_as_in_r(case, call, options):
    d = people(case)
    check(difference_in_means(d["y"], d["treated"], **{name: d[name] for name in options}), case, call)


@pytest.mark.parametrize(
    ("case", "covariates", "options"),
    [
        ("small", ["age", "prior", "female"], []),
        ("blocked", ["age", "prior"], ["block"]),
        ("clustered", ["age", "prior"], ["cluster"]),
    ],
)
def test_adjustment_as_in_r(case, covariates, options):
    d = people(case)
    given = {name: d[name] for name in options}
    check(lin_adjusted(d["y"], d["treated"], d[covariates], **given), case, "lin")
    check(additive_adjusted(d["y"], d["treated"], d[covariates], **given), case, "additive")


def test_adjustment_with_days_of_birth_that_cross_offices_as_in_r():
    d = people("crossed")
    covariates = d[["age", "prior"]]
    check(lin_adjusted(d["y"], d["treated"], covariates, block=d["block"], cluster=d["cluster"]), "crossed", "lin")
    by_office = additive_adjusted(d["y"], d["treated"], covariates, block=d["block"], cluster=d["block"])
    check(by_office, "crossed", "additive by office")
    assert by_office.note == "only 1.4 degrees of freedom: the interval is not to be relied on"


def test_collinear_covariates_are_left_out_and_named():
    d = people("small")
    columns = pd.DataFrame(
        {
            "age": d["age"],
            "constant": 7,
            "prior": d["prior"],
            "copy": 3 * d["age"] - 2,
            "both": d["age"] + d["prior"],
            "female": d["female"],
        }
    )
    for estimator, call in ((lin_adjusted, "lin collinear"), (additive_adjusted, "additive collinear")):
        found = estimator(d["y"], d["treated"], columns)
        check(found, "small", call)
        assert found.note.startswith("collinear columns left out: 3 (constant, copy, both)")
        # What is left out must not change the answer.
        assert found.df == pytest.approx(estimator(d["y"], d["treated"], columns[["age", "prior", "female"]]).df)


def test_covariate_that_does_not_vary_in_one_arm_keeps_one_slope():
    rng = np.random.default_rng(5)
    treated = np.repeat([1, 0], 40)
    x = np.where(treated == 1, rng.normal(size=80), 2.0)
    y = rng.normal(size=80) + x
    found = lin_adjusted(y, treated, x)
    assert found.note == "collinear columns left out: 1 (treated x covariate 1)"
    additive = additive_adjusted(y, treated, x)
    assert (found.value, found.std_error) == pytest.approx((additive.value, additive.std_error), rel=CLOSED_FORM)


# A second, deliberately naive implementation: every matrix of the papers written out in full.


def naive_cr2(design, y, column, cluster, weight=None):
    """CR2 of Pustejovsky and Tipton (2018), eq. 6 and 11, with errors of equal variance as the working model."""
    n = len(y)
    weights = np.diag(np.ones(n) if weight is None else weight)
    bread = np.linalg.inv(design.T @ weights @ design)
    residual_maker = np.eye(n) - design @ bread @ design.T @ weights
    product = residual_maker @ residual_maker.T
    rows = []
    for label in np.unique(cluster):
        at = np.flatnonzero(cluster == label)
        values, vectors = np.linalg.eigh(product[np.ix_(at, at)])
        powers = np.where(values > 1e-10, np.abs(values) ** -0.5, 0)
        adjusted = np.zeros(n)
        adjusted[at] = (bread @ design.T @ weights)[column, at] @ (vectors * powers) @ vectors.T
        rows.append(residual_maker.T @ adjusted)
    form = np.array(rows).T @ np.array(rows)
    return float(np.sqrt(y @ form @ y)), float(np.trace(form) ** 2 / np.trace(form @ form))


@pytest.mark.parametrize("case", ["clustered", "crossed", "within", "nested"])
@pytest.mark.parametrize("weighted", [False, True])
def test_cr2_as_written_out_in_full(case, weighted):
    d = people(case)
    rng = np.random.default_rng(3)
    weight = rng.uniform(0.2, 4, len(d)) if weighted else None
    found = difference_in_means(d["y"], d["treated"], cluster=d["cluster"], weight=weight)
    design = np.column_stack([np.ones(len(d)), d["treated"]])
    std_error, df = naive_cr2(design, d["y"].to_numpy(), 1, d["cluster"].to_numpy(), weight)
    assert (found.std_error, found.df) == pytest.approx((std_error, df), rel=CLOSED_FORM)


@pytest.fixture(scope="module")
def pymare():
    with warnings.catch_warnings():
        # PyMARE leaves a file open when it is imported
        warnings.simplefilter("ignore", ResourceWarning)
        from pymare.estimators import WeightedLeastSquares

        gc.collect()
    return WeightedLeastSquares


@pytest.mark.parametrize("case", ["within", "blocked"])
def test_bell_mccaffrey_degrees_of_freedom_as_pymare(case, pymare):
    """PyMARE 0.0.13, WeightedLeastSquares(tau2=0) with each person as a group."""
    d = people(case)
    treated = d["treated"].to_numpy(float)
    x = (d[["age", "prior"]] - d[["age", "prior"]].mean()).to_numpy()
    design = np.column_stack([np.ones(len(d)), treated, x, treated[:, None] * x])
    fit = pymare(tau2=0).fit(y=d[["y"]].to_numpy(), X=design, v=np.ones((len(d), 1)), g=np.arange(len(d)))
    found = lin_adjusted(d["y"], d["treated"], d[["age", "prior"]])
    assert found.df == pytest.approx(np.ravel(fit.params_["dof"])[1], rel=1e-6)
    assert found.value == pytest.approx(np.ravel(fit.params_["fe_params"])[1], rel=CLOSED_FORM)


def test_blocks_with_one_person_in_an_arm_share_a_variance():
    """Pashley and Miratrix (2021): the pooled formula written out, with Neyman's for the blocks that have their own."""
    rng = np.random.default_rng(11)
    sizes, ones = [5, 6, 4, 7, 30, 40], [1, 5, 1, 1, 12, 20]
    block = np.repeat(np.arange(6), sizes)
    treated = np.concatenate([np.arange(n) < k for n, k in zip(sizes, ones, strict=True)])
    y = np.exp(rng.normal(size=len(block)))
    differences = [y[(block == b) & treated].mean() - y[(block == b) & ~treated].mean() for b in range(6)]
    n, small_n = sum(sizes), sum(sizes[:4])
    value = sum(s * d for s, d in zip(sizes, differences, strict=True)) / n
    centre = sum(s * d for s, d in zip(sizes[:4], differences[:4], strict=True)) / small_n
    factors = [s**2 / (small_n - 2 * s) for s in sizes[:4]]
    pooled = sum(f * (d - centre) ** 2 for f, d in zip(factors, differences[:4], strict=True)) / (
        small_n + sum(factors)
    )
    small = (small_n / n) ** 2 * pooled
    big, weights = 0.0, []
    for b in (4, 5):
        arms = [y[(block == b) & (treated == arm)] for arm in (True, False)]
        big += (sizes[b] / n) ** 2 * sum(arm.var(ddof=1) / len(arm) for arm in arms)
        weights += [(sizes[b] ** 2 / len(arm), len(arm) - 1) for arm in arms]
    big_df = sum(w for w, _ in weights) ** 2 / sum(w**2 / df for w, df in weights)
    found = difference_in_means(y, treated, block=block)
    assert found.value == pytest.approx(value, rel=CLOSED_FORM)
    assert found.std_error == pytest.approx(np.sqrt(small + big), rel=CLOSED_FORM)
    assert found.df == pytest.approx((small + big) ** 2 / (small**2 / 3 + big**2 / big_df), rel=CLOSED_FORM)
    assert found.note == "blocks with one person in an arm, sharing one variance: 4"


def test_pooled_variance_is_unbiased_when_the_effect_is_the_same_in_all_blocks():
    """Average over all 5 x 6 x 4 x 7 assignments of one treated in each block: the exact variance of the estimate."""
    rng = np.random.default_rng(2)
    sizes = [5, 6, 4, 7]
    outcomes = [rng.exponential(size=n) for n in sizes]
    block = np.repeat(np.arange(4), sizes)
    values, variances = [], []
    for chosen in np.ndindex(*sizes):
        treated = np.concatenate([np.arange(n) == k for n, k in zip(sizes, chosen, strict=True)])
        found = difference_in_means(np.concatenate(outcomes) + 0.7 * treated, treated, block=block)
        values.append(found.value)
        variances.append(found.std_error**2)
    assert np.mean(values) == pytest.approx(0.7, rel=CLOSED_FORM)
    assert np.mean(variances) == pytest.approx(np.var(values), rel=CLOSED_FORM)


@pytest.mark.parametrize(
    ("sizes", "reason"),
    [
        ([3, 20], "one block has one person in an arm and no other such block to share a variance with: merge blocks"),
        ([3, 8, 20], "of the 2 blocks with one person in an arm, one holds half the people or more: merge blocks"),
    ],
)
def test_small_blocks_that_cannot_share_a_variance(sizes, reason):
    rng = np.random.default_rng(1)
    block = np.repeat(np.arange(len(sizes)), sizes)
    treated = np.concatenate([np.arange(n) < (1 if n < 20 else 10) for n in sizes])
    with pytest.raises(NotEstimable, match=reason):
        difference_in_means(rng.normal(size=len(block)), treated, block=block)


def test_blocks_without_both_arms_are_left_out_with_a_note():
    d = people("blocked")
    extra = pd.DataFrame(
        {"y": [90.0, 80.0, 70.0], "treated": [1, 1, 0], "block": ["x", "x", "z"], "age": 30, "prior": 1}
    )
    more = pd.concat([extra, d], ignore_index=True)
    note = "blocks left out because they lack an arm: 2, with 3 people"
    for estimator, covariates in (
        (difference_in_means, ()),
        (lin_adjusted, ("age", "prior")),
        (additive_adjusted, ("age", "prior")),
    ):
        given = [more[list(covariates)]] if covariates else []
        without = [d[list(covariates)]] if covariates else []
        found = estimator(more["y"], more["treated"], *given, block=more["block"])
        wanted = estimator(d["y"], d["treated"], *without, block=d["block"])
        assert found.note == note
        assert numbers(found) == pytest.approx(numbers(wanted), rel=CLOSED_FORM)
        assert (found.n, found.n_treated) == (wanted.n, wanted.n_treated)


def test_blocks_alone_as_covariates_are_the_blocked_difference():
    d = people("blocked")
    found = lin_adjusted(d["y"], d["treated"], np.empty((len(d), 0)), block=d["block"])
    wanted = difference_in_means(d["y"], d["treated"], block=d["block"])
    assert (found.value, found.std_error) == pytest.approx((wanted.value, wanted.std_error), rel=CLOSED_FORM)


def test_people_with_weight_zero_are_left_out():
    d = people("small")
    weight = d["weight"].where(d.index >= 5, 0.0)
    found = difference_in_means(d["y"], d["treated"], weight=weight)
    wanted = difference_in_means(d["y"][5:], d["treated"][5:], weight=weight[5:])
    assert numbers(found) == numbers(wanted)
    assert found.n == 55
    assert found.note == "people with weight 0 left out: 5"


def test_counts_and_labels():
    d = people("crossed")
    found = difference_in_means(d["y"], d["treated"], block=d["block"], cluster=d["cluster"])
    assert (found.n, found.n_treated, found.n_control) == (400, int(d["treated"].sum()), int((1 - d["treated"]).sum()))
    assert found.n_clusters == 31
    assert isinstance(found.method, Message)
    assert difference_in_means(d["y"], d["treated"]).n_clusters is None
    assert pickle.loads(pickle.dumps(found)) == found


def test_interval_at_another_level():
    d = people("small")
    wide = difference_in_means(d["y"], d["treated"], level=0.99)
    assert difference_in_means(d["y"], d["treated"]).interval_at(0.99) == wide.interval


@pytest.mark.parametrize("kind", [list, np.asarray, pd.Series, lambda v: pd.Series(v).astype("Float64")])
def test_kinds_of_input(kind):
    d = people("blocked")
    found = difference_in_means(
        kind(d["y"].tolist()), kind(d["treated"].astype(float).tolist()), block=d["block"].tolist()
    )
    check(found, "blocked", "difference")
    as_booleans = difference_in_means(d["y"], d["treated"] == 1, block=d["block"].astype("category"))
    check(as_booleans, "blocked", "difference")


def test_inputs_are_not_changed():
    d = people("blocked")
    before = d.copy(deep=True)
    lin_adjusted(d["y"], d["treated"], d[["age", "prior"]], block=d["block"])
    difference_in_means(d["y"], d["treated"], weight=d["age"])
    pd.testing.assert_frame_equal(d, before)


Y, T = [1.0, 2.0, 4.0, 3.0, 7.0, 5.0], [1, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1, 2, np.nan, 3, 4, 5]}, "y has 1 missing or infinite values; must be finite numbers"),
        ({"y": [1, 2, np.inf, 3, 4, 5]}, "y has 1 missing or infinite values"),
        ({"y": pd.Series([1, 2, None, 3, 4, 5], dtype="Int64")}, "y has 1 missing or infinite values"),
        ({"y": list("abcdef")}, "y is of type <U1; must be finite numbers"),
        ({"y": [[1.0] * 6]}, "y has 2 dimensions; must have one"),
        ({"treated": [1, 1, 2, 0, 0, 0]}, "treated has the value 2; must be 0 or 1"),
        ({"treated": [1, 1, 1, 0, 0]}, "treated has 5 rows; must have 6"),
        ({"treated": [1, 1, None, 0, 0, 0]}, "treated has 1 missing values"),
        ({"block": ["a", "a", None, "b", "b", "b"]}, "block is missing for 1 people; must be given for everyone"),
        ({"block": ["a"] * 5}, "block has 5 rows; must have 6"),
        ({"block": np.ones((6, 2))}, "block has 2 dimensions; must have one"),
        ({"cluster": [1, 2, np.nan, 3, 4, 5]}, "cluster is missing for 1 people"),
        ({"cluster": ["a", "b", np.nan, "d", "e", "f"]}, "cluster is missing for 1 people"),
        ({"weight": [1, 1, -1, 1, 1, 1]}, "weight has the value -1; must be 0 or more"),
        ({"weight": [1, 1, np.nan, 1, 1, 1]}, "weight has 1 missing or infinite values"),
        ({"weight": [1] * 6, "block": [1] * 6}, "weight is given with block; must be one of them"),
        ({"level": 1.0}, "level is 1.0; must be between 0 and 1"),
    ],
)
def test_invalid_input_names_the_argument(change, message):
    with pytest.raises(InvalidInput) as raised:
        difference_in_means(**({"y": Y, "treated": T} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("covariates", "message"),
    [
        (pd.DataFrame({"age": [1, 2, np.nan, 3, 4, 5]}), "covariates, column 'age', has 1 missing or infinite values"),
        (pd.DataFrame({"sex": list("abcdef")}), "covariates, column 'sex', is of type"),
        ([1, 2, 3], "covariates has 3 rows; must have 6"),
        (np.ones((6, 2, 2)), "covariates has 3 dimensions; must have one or two"),
    ],
)
def test_invalid_covariates_name_the_column(covariates, message):
    for estimator in (lin_adjusted, additive_adjusted):
        with pytest.raises(InvalidInput) as raised:
            estimator(Y, T, covariates)
        assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": [0] * 6}, "0 people in the treated arm; two are needed"),
        ({"treated": [1] * 6}, "0 people in the control arm; two are needed"),
        ({"treated": [1, 0, 0, 0, 0, 0]}, "1 people in the treated arm; two are needed"),
        ({"y": [], "treated": []}, "0 people in the treated arm"),
        ({"y": [3.1] * 6}, "the outcome has no variation left to estimate a standard error from"),
        ({"y": [0, 0, 0, 1, 1, 1]}, "the outcome has no variation left"),
        ({"y": [0] * 6, "weight": [1, 2, 1, 2, 1, 2]}, "the outcome has no variation left"),
        ({"y": [3.1] * 6, "block": [1, 1, 2, 1, 2, 2]}, "the outcome has no variation left"),
        ({"y": [3.1] * 6, "cluster": [1, 1, 2, 3, 4, 4]}, "the outcome has no variation left"),
        ({"cluster": [1, 1, 1, 2, 3, 4]}, "1 clusters in the treated arm; two are needed"),
        ({"block": [1, 1, 1, 2, 2, 2]}, "0 people in the treated arm"),
        (
            {"block": [1, 1, 1, 1, 2, 2], "treated": [1, 1, 0, 0, 1, 0], "cluster": [1, 2, 3, 4, 5, 6]},
            "the effect cannot be estimated without any one of 2 clusters: each block needs two in each arm",
        ),
    ],
)
def test_too_little_data_is_not_estimable(change, reason):
    with pytest.raises(NotEstimable) as raised:
        difference_in_means(**({"y": Y, "treated": T} | change))
    assert reason in str(raised.value)
    assert isinstance(raised.value.args[0], Message)


def test_adjustments_that_cannot_be_made():
    rng = np.random.default_rng(1)
    y, treated = rng.normal(size=12), np.tile([1, 0], 6)
    single = np.zeros(12)
    single[0] = 1
    for estimator in (lin_adjusted, additive_adjusted):
        with pytest.raises(NotEstimable, match=r"12 people cannot carry a regression with \d+ coefficients"):
            estimator(y, treated, rng.normal(size=(12, 30)))
        with pytest.raises(NotEstimable, match="the covariates determine the treatment"):
            estimator(y, treated, np.column_stack([rng.normal(size=12), 5 - 2 * treated]))
        with pytest.raises(NotEstimable, match=r"1 people are fitted exactly \(leverage 1\)"):
            estimator(y, treated, single)
        with pytest.raises(NotEstimable, match="the outcome has no variation left"):
            estimator(2 + treated, treated, rng.normal(size=12))


# Published numbers, from the data themselves.


def nsw(public_data: Path) -> pd.DataFrame:
    d = pd.read_csv(public_data / "nsw_mixtape.csv")
    return d.assign(age2=d["age"] ** 2)


def test_national_supported_work(public_data):
    """Dehejia and Wahba (1999), doi 10.1080/01621459.1999.10473858: 1,794 dollars; adjusted 1,672; HC2 error 671."""
    d = nsw(public_data)
    plain = difference_in_means(d["re78"], d["treat"])
    check(plain, "nsw", "difference", PUBLIC)
    assert (round(plain.value), round(plain.std_error)) == (1794, 671)
    covariates = d[["age", "age2", "educ", "black", "hisp", "nodegree"]]
    additive = additive_adjusted(d["re78"], d["treat"], covariates)
    check(additive, "nsw", "additive", PUBLIC)
    assert round(additive.value) == 1672
    check(lin_adjusted(d["re78"], d["treat"], covariates), "nsw", "lin", PUBLIC)


def test_pennsylvania_bonus(public_data):
    """Group 4 against control, log weeks: -0.0855, HC1 error 0.0359 as published (Chernozhukov et al. 2018)."""
    d = pd.read_csv(public_data / "penn_jae.dat", sep=r"\s+")
    d = d[d["tg"].isin([0, 4])]
    found = difference_in_means(np.log(d["inuidur1"]), d["tg"] == 4)
    wanted = expected(PUBLIC, "penn", "difference")
    hc1 = wanted.pop("hc1")
    assert {k: numbers(found)[k] for k in wanted} == pytest.approx(wanted, rel=CLOSED_FORM)
    assert (round(found.value, 4), round(found.std_error, 4)) == (-0.0855, 0.0359)
    # HC1 differs from HC2 by n / (n - 2) against each arm's n / (n - 1).
    assert found.std_error == pytest.approx(hc1, rel=1e-4)


def test_one_block_is_no_block():
    """n - 2 degrees of freedom would take the variances of 9 and 51 people for equal."""
    rng = np.random.default_rng(8)
    treated = np.arange(60) < 9
    y = rng.normal(size=60) * (1 + treated)
    plain = difference_in_means(y, treated)
    alone = difference_in_means(y, treated, block=["odense"] * 60)
    with_another = difference_in_means(np.append(y, [1.0, 2.0]), np.append(treated, [1, 1]), block=[1] * 60 + [2] * 2)
    for found in (alone, with_another):
        assert (found.value, found.std_error, found.df) == (plain.value, plain.std_error, plain.df)


@pytest.mark.parametrize(("sizes", "ones"), [([30] * 5, [3] * 5), ([20] * 6, [2] * 6), ([9, 20, 41], [2, 10, 5])])
def test_blocks_have_bell_mccaffrey_degrees_of_freedom(sizes, ones):
    """Of the regression on arm by block, every matrix written out, with each person as a cluster."""
    rng = np.random.default_rng(9)
    block = np.repeat(np.arange(len(sizes)), sizes)
    treated = np.concatenate([np.arange(n) < k for n, k in zip(sizes, ones, strict=True)])
    y, shares = rng.normal(size=len(block)) + block, np.bincount(block) / len(block)
    centred = (block[:, None] == np.arange(1, len(sizes))) - shares[1:]
    design = np.column_stack([np.ones(len(y)), treated, centred, treated[:, None] * centred])
    found = difference_in_means(y, treated, block=block)
    wanted = naive_cr2(design, y, 1, np.arange(len(y)))
    assert (found.std_error, found.df) == pytest.approx(wanted, rel=CLOSED_FORM)
    assert found.df < len(y) - 2 * len(sizes)
    assert found.note == ""
