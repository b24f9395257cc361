"""The bootstrap: refits one by one, exact variances, the values of the estimators, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Message
from analysis_lib.trials.effects import additive_adjusted, bootstrap_effects, difference_in_means, lin_adjusted
from analysis_lib.trials.effects._resampling import Strata

REFERENCE = Path(__file__).parents[2] / "reference"
PEOPLE = pd.read_csv(REFERENCE / "effects_people.csv")
# Of a standard error of the effect: sums are in single precision.
SINGLE_PRECISION = 2e-5


def people(case: str) -> pd.DataFrame:
    d = PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)
    return d.assign(z=np.sqrt(d["y"].abs()) + d["age"] / 10)


def rng(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def given_of(d: pd.DataFrame, options: list[str]) -> dict:
    return {name: d[name] for name in options}


CASES = [("small", []), ("blocked", ["block"]), ("clustered", ["cluster"]), ("nested", ["block", "cluster"]),
         ("crossed", ["block", "cluster"])]  # fmt: skip
ESTIMATORS = {
    "lin": lambda y, d, **given_: lin_adjusted(y, d["treated"], d[["age", "prior"]], **given_),
    "additive": lambda y, d, **given_: additive_adjusted(y, d["treated"], d[["age", "prior"]], **given_),
    "none": lambda y, d, **given_: difference_in_means(y, d["treated"], **given_),
}


@pytest.mark.parametrize(("case", "options"), CASES)
@pytest.mark.parametrize("adjustment", ESTIMATORS)
def test_values_are_those_of_the_estimators(case, options, adjustment):
    d = people(case)
    covariates = None if adjustment == "none" else d[["age", "prior"]]
    found = bootstrap_effects(
        d[["y", "z"]], d["treated"], covariates=covariates, adjustment=adjustment, draws=100, rng=rng(),
        **given_of(d, options),
    )  # fmt: skip
    wanted = [ESTIMATORS[adjustment](d[name], d, **given_of(d, options)) for name in ("y", "z")]
    assert found.value == pytest.approx([e.value for e in wanted], rel=1e-9)
    rows = found.estimates().estimates
    assert [row.outcome for row in rows] == ["y", "z"]
    assert (rows[0].n_treated, rows[0].n_control, rows[0].n) == (wanted[0].n_treated, wanted[0].n_control, wanted[0].n)
    assert rows[0].n_clusters == wanted[0].n_clusters


def unit_order(d: pd.DataFrame, options: list[str]) -> tuple[pd.Series, pd.DataFrame]:
    """Each person's unit, and the units in the order of their strata (arm, then block) with their strata."""
    unit = d["cluster"] if "cluster" in options else d["id"]
    strata = ["treated", "block"] if "block" in options else ["treated"]
    if "cluster" in options and "block" in options and d.groupby("cluster")["block"].nunique().max() > 1:
        strata = ["treated"]
    units = d.assign(unit=unit)[["unit", *strata]].drop_duplicates().sort_values([*strata, "unit"])
    return unit, units.assign(stratum=units[strata].astype(str).agg("|".join, axis=1)).reset_index(drop=True)


@pytest.mark.parametrize(("case", "options"), CASES)
@pytest.mark.parametrize("adjustment", ["lin", "additive"])
def test_draws_are_weighted_refits(case, options, adjustment):
    """statsmodels' WLS with the resample's weights, all columns written out: covariates centred as in all people."""
    d, draws = people(case), 100
    found = bootstrap_effects(
        d[["y", "z"]], d["treated"], covariates=d[["age", "prior"]], adjustment=adjustment, draws=draws, rng=rng(),
        **given_of(d, options),
    )  # fmt: skip
    unit, units = unit_order(d, options)
    sizes = units.groupby("stratum", sort=False)["unit"].size().to_numpy()
    strata = Strata(start=np.cumsum(sizes) - sizes, size=sizes)
    counts = strata.counts(draws, rng())
    factor = np.repeat(sizes / (sizes - 1), sizes)
    indicators = pd.get_dummies(d["block"], dtype=float).iloc[:, 1:] if "block" in options else d[[]]
    x = pd.concat([indicators, d[["age", "prior"]]], axis=1)
    x = (x - x.mean()).to_numpy()
    arm = d["treated"].to_numpy(float)[:, None]
    design = np.hstack([np.ones_like(arm), arm, x] + ([arm * x] if adjustment == "lin" else []))
    kept = [i for i in range(draws) if i % 20 == 0]
    error = found.draws.std(axis=0)
    for i in kept:
        weight = unit.map(dict(zip(units["unit"], counts[i] * factor, strict=True))).to_numpy()
        for j, name in enumerate(("y", "z")):
            refit = sm.WLS(d[name].to_numpy(), design, weights=weight).fit()
            assert found.draws[i, j] == pytest.approx(refit.params[1], abs=SINGLE_PRECISION * error[j])


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(2, 9), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None, derandomize=True)
def test_resamples_keep_their_strata(seed, sizes):
    size = np.array(sizes)
    strata = Strata(start=np.cumsum(size) - size, size=size)
    counts = strata.counts(20, np.random.default_rng(seed))
    sums = np.add.reduceat(counts, strata.start, axis=1)
    assert np.array_equal(sums, np.broadcast_to(size - 1, sums.shape))
    halves = np.random.default_rng(seed)
    assert np.array_equal(counts, np.vstack([strata.counts(7, halves), strata.counts(13, halves)]))


def test_every_unit_is_drawn_alike():
    counts = Strata(start=np.array([0, 3]), size=np.array([3, 5])).counts(40_000, rng())
    for columns, size in ((slice(0, 3), 3), (slice(3, 8), 5)):
        mean, error = (size - 1) / size, np.sqrt((size - 1) / size * (1 - 1 / size) / 40_000)
        assert np.all(np.abs(counts[:, columns].mean(axis=0) - mean) < 4 * error)


@pytest.mark.parametrize(("case", "options"), [("small", []), ("blocked", ["block"])])
def test_variance_of_a_difference_is_neymans(case, options):
    """Rao and Wu: with m - 1 of m drawn, exactly; here within 4 Monte Carlo errors, blocks of 9 included."""
    d, draws = people(case), 20_000
    found = bootstrap_effects(
        d[["y", "z"]], d["treated"], adjustment="none", draws=draws, rng=rng(), **given_of(d, options)
    )
    for j, name in enumerate(("y", "z")):
        wanted = difference_in_means(d[name], d["treated"], **given_of(d, options)).std_error
        column = found.draws[:, j]
        fourth = np.mean(((column - column.mean()) / column.std()) ** 4)
        margin = 4 * wanted * np.sqrt((fourth - 1) / (4 * draws))
        assert column.std(ddof=1) == pytest.approx(wanted, abs=margin)
        assert abs(column.mean() - found.value[j]) < 4 * wanted / np.sqrt(draws)


def test_clusters_of_one_size_have_the_variance_of_their_means():
    random, draws = rng(1), 20_000
    cluster = np.repeat(np.arange(30), 7)
    treated = (cluster < 12).astype(int)
    y = random.normal(size=210) + random.normal(size=30)[cluster]
    found = bootstrap_effects(y, treated, cluster=cluster, adjustment="none", draws=draws, rng=rng())
    wanted = difference_in_means(y, treated, cluster=cluster).std_error
    assert found.draws.std() == pytest.approx(wanted, abs=4 * wanted / np.sqrt(2 * draws))


def test_joint_distribution():
    """Linear in the outcomes: the draws of a sum are the sums of the draws, and the covariance is theirs."""
    d = people("blocked")
    options = {"covariates": d[["age", "prior"]], "block": d["block"], "draws": 500}
    both = bootstrap_effects(d[["y", "z"]], d["treated"], rng=rng(), **options)
    total = bootstrap_effects(d["y"] + 2 * d["z"], d["treated"], rng=rng(), **options)
    assert total.draws[:, 0] == pytest.approx(both.draws @ [1, 2], abs=1e-4)
    assert both.covariance.shape == (2, 2)
    assert total.covariance[0, 0] == pytest.approx(np.array([1, 2]) @ both.covariance @ [1, 2], rel=1e-5)


def test_origin_and_scale_of_outcomes_and_covariates():
    d = people("blocked")
    plain = bootstrap_effects(d["y"], d["treated"], covariates=d[["age"]], draws=200, rng=rng())
    moved = bootstrap_effects(1e6 + 1e3 * d["y"], d["treated"], covariates=1e5 + 10 * d["age"], draws=200, rng=rng())
    assert moved.draws / 1e3 == pytest.approx(plain.draws, abs=SINGLE_PRECISION * plain.draws.std() * 5)


def test_intervals():
    d = people("blocked")
    found = bootstrap_effects(d["y"], d["treated"], block=d["block"], draws=999, rng=rng(), level=0.9)
    draws = found.draws[:, 0]
    percentile, normal = found.estimates().estimates[0], found.estimates("normal").estimates[0]
    assert (percentile.interval.low, percentile.interval.high) == pytest.approx(tuple(np.quantile(draws, [0.05, 0.95])))
    assert percentile.p_value == 2 * (1 + min(np.sum(draws <= 0), np.sum(draws >= 0))) / 1000
    assert normal.interval.high - normal.value == pytest.approx(1.6448536 * draws.std(ddof=1))
    assert percentile.interval_at(0.5).low == pytest.approx(np.quantile(draws, 0.25))
    assert percentile.outcome == "y"
    with pytest.raises(InvalidInput, match="interval is 't'; must be 'percentile' or 'normal'"):
        found.estimates("t")


def test_collinear_columns_and_incomplete_blocks_are_said():
    d = people("blocked")
    d.loc[0, "block"] = "alone"
    columns = d[["age"]].assign(copy=d["age"] * 2, block=d["block"].map(ord_of))
    found = bootstrap_effects(d["y"], d["treated"], covariates=columns, block=d["block"], draws=100, rng=rng())
    assert found.note == (
        "blocks left out because they lack an arm: 1, with 1 people; collinear columns left out: 2 (copy, block)"
    )
    wanted = lin_adjusted(d["y"], d["treated"], columns, block=d["block"])
    assert found.value[0] == pytest.approx(wanted.value)


def ord_of(label: str) -> int:
    return ord(label[0])


def test_small_arms_are_said():
    d = people("small")
    found = bootstrap_effects(d["y"], d["treated"], draws=100, rng=rng())
    assert found.note == "only 9 units in an arm: resampling is not to be relied on"


def test_an_outcome_without_variation_is_a_row_with_the_reason():
    d = people("blocked")
    found = bootstrap_effects(d.assign(same=4.0)[["y", "same"]], d["treated"], draws=100, rng=rng())
    empty = found.estimates().estimates[1]
    assert (empty.estimated, empty.outcome) == (False, "same")
    assert "no variation left" in empty.reason
    assert np.isnan(found.draws[:, 1]).all()
    assert not np.isnan(found.draws[:, 0]).any()


def test_resamples_that_cannot_be_fitted():
    """An indicator that few have is constant in some resamples."""
    random = rng(1)
    treated = np.repeat([1, 0], 40)
    y = random.normal(size=80)
    some, few = (np.isin(np.arange(80) % 40, range(k)).astype(float) for k in (5, 2))
    found = bootstrap_effects(y, treated, covariates=some, draws=2000, rng=rng())
    lost = 2000 - len(found.draws)
    # each arm misses all five with probability (35 / 40)^39
    expected = 2000 * (1 - (1 - (35 / 40) ** 39) ** 2)
    assert abs(lost - expected) < 4 * np.sqrt(expected) + 1
    assert f"resamples that cannot be fitted, left out: {lost} of 2000" in found.note
    with pytest.raises(NotEstimable, match=r"the regression cannot be fitted in \d+ of 2000 resamples"):
        bootstrap_effects(y, treated, covariates=few, draws=2000, rng=rng())


Y, T = np.arange(12.0) ** 2 % 7, np.tile([1, 0], 6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [*Y[:11], np.nan]}, "y has 1 missing or infinite values"),
        ({"y": pd.DataFrame({"weeks": [*Y[:11], np.nan]})}, "y, column 'weeks', has 1 missing or infinite values"),
        ({"y": np.ones((12, 2, 2))}, "y has 3 dimensions; must have one or two"),
        ({"y": np.empty((12, 0))}, "y has no columns"),
        ({"treated": T[:5]}, "treated has 5 rows; must have 12"),
        ({"covariates": Y[:5]}, "covariates has 5 rows; must have 12"),
        ({"cluster": np.arange(12) // 2}, "cluster has people of both arms in 6 clusters; must have all of a cluster"),
        ({"adjustment": "ols"}, "adjustment is 'ols'; must be 'lin', 'additive' or 'none'"),
        ({"adjustment": "none", "covariates": Y}, "covariates is given with adjustment 'none'; must be left out"),
        ({"draws": 10}, "draws is 10; must be a whole number, 100 or more"),
        ({"level": 1}, "level is 1; must be between 0 and 1"),
    ],
)
def test_invalid_input_names_the_argument(change, message):
    with pytest.raises(InvalidInput) as raised:
        bootstrap_effects(**({"y": Y, "treated": T, "rng": rng()} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": np.zeros(12)}, "0 people in the treated arm; two are needed"),
        ({"y": np.ones(12)}, "the outcome has no variation left"),
        ({"y": 1 + T}, "the outcome has no variation left"),
        ({"cluster": T}, "1 clusters in the treated arm; two are needed"),
        ({"block": [0, 0, *[1] * 10]}, "2 blocks have one person in an arm, which leaves nothing to resample"),
        (
            {"block": [0] * 4 + [1] * 8, "cluster": [0, 1, 0, 1, 2, 3, 4, 5, 2, 3, 4, 5]},
            "2 blocks have one cluster in an arm",
        ),
        ({"covariates": np.where(T == 1, 3.0, Y)}, "covariates do not vary, or are collinear, in the treated arm"),
        ({"covariates": T, "adjustment": "additive"}, "the covariates determine the treatment"),
        ({"covariates": T}, "covariates do not vary, or are collinear, in the treated arm"),
        ({"covariates": rng(1).normal(size=(12, 5))}, "6 people cannot carry a regression with 6 coefficients"),
        (
            {"covariates": rng(1).normal(size=(12, 10)), "adjustment": "additive"},
            "12 people cannot carry a regression with 12 coefficients",
        ),
        ({"covariates": rng(1).normal(size=(12, 30))}, "covariates do not vary, or are collinear, in the treated arm"),
    ],
)
def test_too_little_data_is_not_estimable(change, reason):
    with pytest.raises(NotEstimable, match=reason) as raised:
        bootstrap_effects(**({"y": Y, "treated": T, "rng": rng()} | change))
    assert isinstance(raised.value.args[0], Message)
