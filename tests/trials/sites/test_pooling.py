"""Pooled sites: metafor's and PyMARE's answers, published numbers, and what is refused."""

import gc
import math
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate
from analysis_lib.trials.sites import leave_one_out, pool_sites, std_error_from_interval

REFERENCE = Path(__file__).parents[2] / "reference"
SITES = pd.read_csv(REFERENCE / "sites_effects.csv")
ANSWERS = pd.read_csv(REFERENCE / "sites_answers.csv")
# Closed forms in double precision; REML, Paule-Mandel and Q-profile are iterated by both tools.
CLOSED_FORM, ITERATED = 1e-8, 1e-5
CASES = ["two", "three", "ten", "offices", "outlier", "alike"]
# Half a unit of the second decimal.
TWO_DECIMALS = 0.005


def site_data(case):
    rows = SITES[SITES["case"] == case]
    return rows["effect"].to_numpy(), rows["std_error"].to_numpy()


def expected(case, call):
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"].astype(float), strict=True))


def numbered(wanted, name):
    return [value for key, value in wanted.items() if key.rsplit(" ", 1)[0] == name]


def check(estimate, wanted, tolerance, *, value="value", low="low", high="high"):
    """Hold the quantities that R gives against the estimate."""
    found = {
        value: estimate.value,
        "std_error": estimate.std_error,
        "p_value": estimate.p_value,
        low: estimate.interval.low,
        high: estimate.interval.high,
    }
    compared = [name for name in found if name in wanted]
    assert compared
    for name in compared:
        assert found[name] == pytest.approx(wanted[name], rel=tolerance, abs=1e-12), name


@pytest.mark.parametrize("test", ["z", "knha"])
@pytest.mark.parametrize("method", ["reml", "dl", "pm", "fixed"])
@pytest.mark.parametrize("case", CASES)
def test_pooled_sites_as_metafor(case, method, test):
    if method == "fixed" and test == "knha":
        return
    wanted = expected(case, f"{'fe' if method == 'fixed' else method} {test}")
    tolerance = CLOSED_FORM if method in ("dl", "fixed") else ITERATED
    effects, std_errors = site_data(case)
    found = pool_sites(effects, std_errors, method=method, knapp_hartung=test == "knha", knapp_hartung_floor=False)
    check(found.pooled, wanted, tolerance)
    assert found.i2.value == pytest.approx(wanted["i2"], rel=tolerance, abs=1e-9)
    assert found.q.statistic == pytest.approx(wanted["q"], rel=CLOSED_FORM)
    assert (found.q.df, found.n_sites) == (wanted["q_df"], len(effects))
    assert found.q.p_value == pytest.approx(wanted["q_p_value"], rel=CLOSED_FORM)
    if method == "fixed":
        return
    assert found.tau2.value == pytest.approx(wanted["tau2"], rel=tolerance, abs=1e-9)
    assert len(found.sites) == len(effects)
    assert [row.value for row in found.sites] == pytest.approx(numbered(wanted, "site_value"), rel=tolerance)
    assert [row.std_error for row in found.sites] == pytest.approx(numbered(wanted, "site_std_error"), rel=tolerance)
    assert [row.interval.low for row in found.sites] == pytest.approx(numbered(wanted, "site_low"), rel=tolerance)
    if case == "two":
        assert found.prediction.reason == "2 sites; a prediction needs three"
    else:
        limits = (found.prediction.interval.low, found.prediction.interval.high)
        assert limits == pytest.approx((wanted["new_low"], wanted["new_high"]), rel=tolerance)
        assert found.prediction.df == len(effects) - 2


@pytest.mark.parametrize("method", ["reml", "dl", "pm"])
@pytest.mark.parametrize("case", [case for case in CASES if case != "alike"])
def test_q_profile_interval_as_metafor(case, method):
    wanted = expected(case, f"{method} z")
    found = pool_sites(*site_data(case), method=method)
    for estimate, name in ((found.tau2, "tau2"), (found.i2, "i2")):
        limits = (estimate.interval.low, estimate.interval.high)
        assert limits == pytest.approx((wanted[f"{name}_low"], wanted[f"{name}_high"]), rel=ITERATED, abs=1e-9)
        again = estimate.interval_at(0.95)
        assert (again.low, again.high) == limits
        assert estimate.interval_at(0.8).high < limits[1]


def test_q_profile_interval_is_empty_where_sites_are_too_alike():
    # metafor: "The upper and lower CI bounds for tau^2 both fall below 0", given as 0 to 0; here no number stands for it.
    found = pool_sites(*site_data("alike"))
    assert math.isnan(found.tau2.interval.low)
    assert math.isnan(found.i2.interval.high)
    assert "the Q-profile interval is empty" in found.tau2.note
    assert found.tau2.value == 0


@pytest.mark.parametrize("method", ["reml", "dl", "pm", "fixed"])
@pytest.mark.parametrize("case", ["three", "ten", "outlier", "alike"])
def test_leave_one_out_as_metafor(case, method):
    wanted = numbered(expected(case, f"{'fe' if method == 'fixed' else method} z"), "without")
    rows = leave_one_out(*site_data(case), method=method, knapp_hartung=False)
    assert [row.value for row in rows] == pytest.approx(wanted, rel=ITERATED)
    assert [row.group for row in rows] == [str(i + 1) for i in range(len(wanted))]


def test_leave_one_out_of_two_sites_has_nothing_to_pool():
    rows = leave_one_out([0.1, 0.3], [0.1, 0.2], names=["odense", "vejle"])
    assert [row.reason for row in rows] == ["1 sites with an effect; two are needed"] * 2
    assert [row.group for row in rows] == ["odense", "vejle"]


@pytest.fixture(scope="module")
def pymare_estimators():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # importing it leaves a file open
        from pymare import estimators

        gc.collect()
    return estimators


@pytest.mark.parametrize("case", ["three", "ten", "offices", "outlier"])
def test_pooled_sites_as_pymare(case, pymare_estimators):
    # PyMARE 0.0.13, whose standard error is Knapp and Hartung's
    effects, std_errors = site_data(case)
    data = {"y": effects[:, None], "X": np.ones((len(effects), 1)), "v": std_errors[:, None] ** 2}
    theirs = pymare_estimators.DerSimonianLaird().fit(**data).summary()
    found = pool_sites(effects, std_errors, method="dl", knapp_hartung_floor=False)
    assert found.tau2.value == pytest.approx(theirs.tau2.item(), rel=CLOSED_FORM)
    assert found.pooled.value == pytest.approx(theirs.get_fe_stats()["est"].item(), rel=CLOSED_FORM)
    assert found.pooled.std_error == pytest.approx(theirs.get_fe_stats()["se"].item(), rel=CLOSED_FORM)
    theirs = pymare_estimators.VarianceBasedLikelihoodEstimator(method="REML").fit(**data).summary()
    # its search for the maximum stops earlier
    assert pool_sites(effects, std_errors).tau2.value == pytest.approx(theirs.tau2.item(), rel=2e-3)


# Published, of the Danish return-to-work trial: hazard ratios of three municipalities with 95 % intervals.
# Recovery: Poulsen (2014), Scand J Work Environ Health 40(1):47-56. Self-support: Nielsen (2015), Eur J Public Health
# 25(1):96-102. The rest is derived from them by hand (mark: derived).
RECOVERY = [(1.12, 0.97, 1.29), (1.51, 1.31, 1.74), (0.80, 0.63, 1.03)]
SELF_SUPPORT = [(0.99, 0.84, 1.17), (1.32, 1.08, 1.61), (0.72, 0.54, 0.95)]


def municipalities(ratios):
    return np.log([r for r, _, _ in ratios]), [
        std_error_from_interval(low, high, scale="log") for _, low, high in ratios
    ]


@pytest.mark.parametrize(
    ("ratios", "std_errors", "fixed", "q", "i2", "random"),
    [
        (RECOVERY, (0.073, 0.072, 0.125), (1.21, 1.11, 1.33), (21.4, 2.3e-5), 0.91, (1.12, 0.81, 1.54)),
        (SELF_SUPPORT, (0.084, 0.102, 0.144), (1.03, 0.92, 1.16), (12.3, 0.002), 0.84, (0.99, 0.73, 1.34)),
    ],
)
def test_return_to_work_trial(ratios, std_errors, fixed, q, i2, random):
    logarithms, found_errors = municipalities(ratios)
    assert found_errors == pytest.approx(std_errors, abs=0.001)  # derived; some rounded, some cut
    one = pool_sites(logarithms, found_errors, method="fixed", scale="log")
    assert (one.pooled.value, one.pooled.interval.low, one.pooled.interval.high) == pytest.approx(
        fixed, abs=TWO_DECIMALS
    )  # derived
    assert one.q.statistic == pytest.approx(q[0], abs=0.05)  # derived
    assert one.q.p_value == pytest.approx(q[1], rel=0.1)  # derived
    assert one.i2.value == pytest.approx(i2, abs=TWO_DECIMALS)  # derived
    many = pool_sites(logarithms, found_errors, method="dl", knapp_hartung=False, scale="log")
    assert (many.pooled.value, many.pooled.interval.low, many.pooled.interval.high) == pytest.approx(
        random, abs=TWO_DECIMALS
    )  # derived
    for found in (one, many):
        assert not found.headline
        assert found.pooled.note == "the sites differ: a pooled ratio is not a summary of them"


def test_return_to_work_trial_rejects_equal_ratios_as_published():
    # verified: the paper gives p = .00005; from ratios rounded to two decimals it is of that order
    p_value = pool_sites(*municipalities(RECOVERY), scale="log").q.p_value
    assert 1e-5 < p_value < 1e-4


def test_ratios_are_pooled_as_logarithms():
    logarithms, std_errors = municipalities(SELF_SUPPORT)
    ratio = pool_sites(logarithms, std_errors, scale="log")
    plain = pool_sites(logarithms, std_errors)
    for one, other in (
        (ratio.pooled, plain.pooled),
        (ratio.prediction, plain.prediction),
        (ratio.sites[1], plain.sites[1]),
    ):
        assert isinstance(one, Estimate)
        assert one.value == pytest.approx(math.exp(other.value))
        assert one.std_error == other.std_error
        assert one.interval.high == pytest.approx(math.exp(other.interval.high))
        assert (one.scale, one.unit) == ("log", "ratio")
    assert ratio.pooled.p_value == pytest.approx(plain.pooled.p_value)
    assert ratio.tau2.value == plain.tau2.value
    assert plain.pooled.note == "the sites differ: a pooled effect is not a summary of them"


def test_floor_gives_the_wider_interval_at_every_level():
    effects, std_errors = site_data("alike")
    fixed = pool_sites(effects, std_errors, method="fixed").pooled
    floored = pool_sites(effects, std_errors).pooled
    bare = pool_sites(effects, std_errors, knapp_hartung_floor=False).pooled
    assert bare.interval.high - bare.interval.low < fixed.interval.high - fixed.interval.low
    # tau2 is 0 here, so that both have the same middle
    assert (floored.interval.low, floored.interval.high) == pytest.approx((fixed.interval.low, fixed.interval.high))
    assert (floored.std_error, floored.df, floored.p_value) == pytest.approx((fixed.std_error, math.inf, fixed.p_value))
    assert floored.note == "Knapp and Hartung's interval would be narrower than the fixed-effect one, given here"
    for level in (0.5, 0.9, 0.99, 0.99999):
        wide = floored.interval_at(level)
        widths = [one.interval_at(level).high - one.interval_at(level).low for one in (fixed, bare)]
        assert wide.high - wide.low == pytest.approx(max(widths))
        again = pool_sites(effects, std_errors, level=level).pooled.interval
        assert (again.low, again.high) == pytest.approx((wide.low, wide.high))


def test_equal_effects_need_the_floor():
    found = pool_sites([0.3] * 4, [0.1, 0.2, 0.3, 0.2])
    assert found.pooled.df == math.inf
    assert (found.tau2.value, found.q.statistic) == pytest.approx((0, 0), abs=1e-12)
    with pytest.raises(NotEstimable, match="all sites have the same effect"):
        pool_sites([0.5] * 4, [0.25, 0.5, 0.5, 0.25], knapp_hartung_floor=False)


def test_fixed_effect_has_no_sites_of_its_own():
    found = pool_sites(*site_data("ten"), method="fixed")
    for row in (found.tau2, found.prediction, *found.sites):
        assert row.reason == "the fixed-effect method takes the effect to be the same at every site"
        assert math.isnan(row.value)
    assert found.pooled.df == math.inf


def test_restricted_likelihood_with_two_maxima_gives_the_higher():
    # One precise pair far apart, and imprecise sites: the likelihood has a maximum at 0 or near, and another far away.
    rng = np.random.default_rng(8)
    several = 0
    for _ in range(60):
        k = int(rng.integers(3, 6))
        variances = 10.0 ** rng.uniform(-4, 3, k)
        effects = rng.normal(0, np.sqrt(variances + 10.0 ** rng.uniform(-5, 2)))

        def minus_likelihood(tau2, effects=effects, variances=variances):
            weights = 1 / (variances + tau2)
            mean = weights @ effects / weights.sum()
            terms = np.log(variances + tau2) + weights * (effects - mean) ** 2
            return (terms.sum() + np.log(weights.sum())) / 2

        heights = np.array([minus_likelihood(t) for t in np.r_[0, np.geomspace(1e-8, 1e4, 1000)]])
        falls = np.sign(np.diff(heights)) < 0
        several += int(np.sum(falls[:-1] & ~falls[1:])) + (not falls[0]) > 1
        assert minus_likelihood(pool_sites(effects, np.sqrt(variances)).tau2.value) <= heights.min() + 1e-9
    assert several > 0


def test_sites_without_an_effect_are_left_out_and_counted():
    found = pool_sites([0.1, math.nan, 0.4, 0.2], [0.1, math.nan, 0.2, 0.1], names=["a", "b", "c", "d"])
    same = pool_sites([0.1, 0.4, 0.2], [0.1, 0.2, 0.1], names=["a", "c", "d"])
    assert found.pooled.value == same.pooled.value
    assert found.names == ("a", "c", "d")
    assert [row.group for row in found.sites] == ["a", "c", "d"]
    assert found.note == "sites without an effect left out: 1 (b)"
    assert found.note in found.pooled.note
    assert [row.group for row in leave_one_out([0.1, math.nan, 0.4, 0.2], [0.1, 1.0, 0.2, 0.1])] == ["1", "3", "4"]


def test_headline_needs_a_low_share_between_sites_too():
    # Q is 3.9 with 2 df, p 0.14; I2 = 1 - 2 / 3.9 = 0.49: DerSimonian-Laird's. At 4.1, 0.51.
    for q, headline in ((3.9, True), (4.1, False)):
        d = math.sqrt(q / 2)
        found = pool_sites([-d, 0.0, d], [1.0, 1.0, 1.0], method="dl")
        assert found.q.statistic == pytest.approx(q)
        assert found.q.passed
        assert found.headline is headline
        assert ("not a summary" in found.pooled.note) is not headline


def test_pooled_sites_travel():
    found = pool_sites(*site_data("ten"))
    again = pickle.loads(pickle.dumps(found))
    assert again.names == found.names
    assert again.sites.to_frame().equals(found.sites.to_frame())
    assert again.pooled.interval_at(0.9) == found.pooled.interval_at(0.9)
    assert [row.estimand for row in found.heterogeneity.estimates] == [
        "variance between sites",
        "share of the variance between sites (I2)",
    ]
    assert len(found.sites.to_frame()) == 10


@pytest.mark.parametrize(
    ("effects", "std_errors", "options", "message"),
    [
        ([0.1, 0.2], [0.1, 0.0], {}, "std_errors is 0 for site '2'; must be above 0"),
        ([0.1, 0.2], [-1, 0.1], {"names": ["a", "b"]}, "std_errors is -1 for site 'a'; must be above 0"),
        ([math.nan, 0.2, 0.3], [0.0, 0.1, 0.1], {}, "std_errors is 0 for site '1'; must be above 0"),
        ([0.1, 0.2], [0.1, math.inf], {}, "std_errors is inf for site '2'; must be finite"),
        ([0.1, math.inf], [0.1, 0.1], {}, "effects is inf for site '2'; must be finite"),
        ([0.1, 51.0], [0.1, 0.1], {"scale": "log"}, "effects is 51 for site '2'; must be the logarithm of a ratio"),
        ([0.1, 0.2], [0.1], {}, "std_errors has 1 values; must have 2, as effects"),
        ([0.1, 0.2], [0.1, 0.1], {"names": ["a"]}, "names has 1 values; must have 2, as effects"),
        ([0.1, 0.2], [0.1, 0.1], {"names": ["a", "a"]}, "names has 'a' more than once"),
        ([0.1, 0.2], [0.1, 0.1], {"method": "ml"}, "method is 'ml'; must be 'reml', 'dl', 'pm' or 'fixed'"),
        ([0.1, 0.2], [0.1, 0.1], {"scale": "ratio"}, "scale is 'ratio'; must be 'identity' or 'log'"),
        ([0.1, 0.2], [0.1, 0.1], {"level": 95}, "level is 95; must be between 0 and 1"),
        (["a", "b"], [0.1, 0.1], {}, "effects has 1 dimensions of type"),
        ([[0.1, 0.2]], [0.1, 0.1], {}, "effects has 2 dimensions"),
        (np.array([None, "b"], dtype=object), [0.1, 0.1], {}, "effects has values that are not numbers"),
    ],
)
def test_wrong_arguments_are_named(effects, std_errors, options, message):
    for function in (pool_sites, leave_one_out):
        with pytest.raises(InvalidInput, match=message.replace("(", r"\(")):
            function(effects, std_errors, **options)


@pytest.mark.parametrize("effects", [[], [0.1], [0.1, math.nan], [math.nan, math.nan]])
def test_fewer_than_two_sites_cannot_be_pooled(effects):
    for function in (pool_sites, leave_one_out):
        with pytest.raises(NotEstimable, match="sites with an effect; two are needed"):
            function(effects, [0.1] * len(effects))


def test_nothing_given_is_changed():
    effects, std_errors = np.array([0.1, np.nan, 0.5]), np.array([0.2, 0.1, 0.2])
    pool_sites(effects, std_errors)
    assert np.array_equal(effects, [0.1, np.nan, 0.5], equal_nan=True)
    assert std_errors.tolist() == [0.2, 0.1, 0.2]


site_lists = st.lists(st.tuples(st.floats(-5, 5), st.floats(0.05, 5)), min_size=3, max_size=12).map(
    lambda rows: tuple(np.array(column) for column in zip(*rows, strict=True))
)


@settings(max_examples=60, deadline=None)
@given(site_lists, st.sampled_from(["reml", "dl", "pm", "fixed"]), st.floats(-3, 3), st.floats(0.1, 10))
def test_order_shift_and_scale(sites, method, shift, factor):
    effects, std_errors = sites
    assume(np.ptp(effects) > 1e-3)
    found = pool_sites(effects, std_errors, method=method)
    moved = pool_sites(shift + factor * effects[::-1], factor * std_errors[::-1], method=method)
    size = factor * (float(np.abs(effects).max()) + 1)
    assert moved.pooled.value == pytest.approx(shift + factor * found.pooled.value, abs=1e-5 * size)
    assert moved.pooled.std_error == pytest.approx(factor * found.pooled.std_error, rel=1e-4)
    assert moved.q.statistic == pytest.approx(found.q.statistic, rel=1e-6, abs=1e-6)
    assert moved.i2.value == pytest.approx(found.i2.value, abs=1e-4)
    low, high = found.pooled.interval.low, found.pooled.interval.high
    assert low <= found.pooled.value <= high
    fixed = pool_sites(effects, std_errors, method="fixed").pooled.interval
    assert high - low >= (fixed.high - fixed.low) * (1 - 1e-12)
    for own, row in zip(effects, found.sites, strict=True):
        if row.estimated:
            assert min(own, found.pooled.value) - 1e-9 <= row.value <= max(own, found.pooled.value) + 1e-9


@settings(max_examples=60, deadline=None)
@given(site_lists, st.floats(0.5, 0.99))
def test_q_profile_limits_have_the_quantiles_of_q(sites, level):
    effects, std_errors = sites
    interval = pool_sites(effects, std_errors).tau2.interval_at(level)

    def q(tau2):
        weights = 1 / (std_errors**2 + tau2)
        return float(weights @ (effects - weights @ effects / weights.sum()) ** 2)

    k = len(effects)
    least, most = stats.chi2.ppf([(1 - level) / 2, (1 + level) / 2], k - 1)
    if math.isnan(interval.low):
        assert q(0) < least
        return
    assert q(interval.high) == pytest.approx(least, rel=1e-6)
    if interval.low:
        assert q(interval.low) == pytest.approx(most, rel=1e-6)
    else:
        assert q(0) <= most * (1 + 1e-9)
