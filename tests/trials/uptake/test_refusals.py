"""What uptake functions refuse, and what they leave out with a note."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.uptake import (
    ConfidenceSet,
    anderson_rubin,
    complier_means,
    complier_share,
    late,
    site_instruments,
    two_stage_least_squares,
)

RNG = np.random.default_rng(6)
N = 60
Z = RNG.permutation(np.repeat([1, 0], N // 2))
D = np.where(RNG.random(N) < 0.7, Z, 1 - Z)
Y = RNG.normal(size=N) + D


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": [np.nan, *Y[1:]]}, "y has 1 missing or infinite values; must be finite numbers"),
        ({"y": Y[1:]}, "treatment has 60 rows; must have 59, as the first argument"),
        ({"treatment": np.full((N, 2, 2), 1.0)}, "treatment has 3 dimensions; must have one or two (people, columns)"),
        ({"treatment": pd.DataFrame({"a": D, "b": ["x"] * N})}, "treatment, column 'b', is of type"),
        ({"treatment": np.empty((N, 0))}, "treatment has no columns; must have one or more"),
        ({"treatment": np.column_stack([D, Y])}, "instrument has 1 columns; must have 2 or more, as treatment has 2"),
        ({"instrument": np.where(Z == 1, np.inf, 0)}, "instrument has 30 missing or infinite values"),
        ({"covariates": ["x"] * N}, "covariates, column 'covariate 1', is of type"),
        ({"cluster": [None, *range(N - 1)]}, "cluster is missing for 1 people; must be given for everyone"),
        ({"block": [1, 2]}, "block has 2 rows; must have 60, as the first argument"),
        ({"level": 95}, "level is 95; must be between 0 and 1"),
    ],
)
@pytest.mark.parametrize("estimator", [two_stage_least_squares, anderson_rubin])
def test_wrong_arguments_are_named(arguments, message, estimator):
    given = {"y": Y, "treatment": D, "instrument": Z} | arguments
    with pytest.raises(InvalidInput) as error:
        estimator(given.pop("y"), given.pop("treatment"), given.pop("instrument"), **given)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"y": [], "treatment": [], "instrument": []}, "nobody to estimate from"),
        ({"cluster": np.ones(N)}, "1 clusters; two are needed"),
        ({"instrument": np.ones(N)}, "0 instruments tell something beyond the covariates; 1 are needed"),
        ({"covariates": Z}, "0 instruments tell something beyond the covariates; 1 are needed"),
        ({"covariates": RNG.normal(size=(N, N))}, "0 instruments tell something beyond the covariates; 1 are needed"),
        ({"covariates": RNG.normal(size=(N, N - 2))}, "60 people cannot carry a regression with 60 coefficients"),
        ({"treatment": np.ones(N)}, "the instruments do not move treatment apart from the covariates"),
        ({"y": np.full(N, 3.0)}, "the outcome has no variation left to estimate a standard error from"),
        ({"y": 2.0 * D}, "the outcome has no variation left to estimate a standard error from"),
        ({"block": [0, *[1] * (N - 1)]}, "1 people are fitted exactly (leverage 1), which leaves HC2 undefined"),
        ({"cluster": Z}, "the effect cannot be estimated without any one of 2 clusters"),
    ],
)
def test_what_the_data_cannot_answer_has_a_reason(arguments, reason):
    given = {"y": Y, "treatment": D, "instrument": Z} | arguments
    with pytest.raises(NotEstimable) as error:
        two_stage_least_squares(given.pop("y"), given.pop("treatment"), given.pop("instrument"), **given)
    assert str(error.value).startswith(reason)


def test_anderson_rubin_refuses_two_treatments_no_variation_and_too_many_instruments():
    with pytest.raises(InvalidInput, match="treatment has 2 columns; must have one"):
        anderson_rubin(Y, np.column_stack([D, Y]), np.column_stack([Z, RNG.normal(size=N)]))
    with pytest.raises(NotEstimable, match="no variation left"):
        anderson_rubin(2.0 * D + Z, D, Z)
    cluster = np.arange(N) % 6
    with pytest.raises(NotEstimable, match="8 instruments are too many to test at once with"):
        anderson_rubin(Y, D, RNG.normal(size=(N, 8)), cluster=cluster)


def test_a_treatment_that_does_not_move_has_an_unbounded_set():
    assert anderson_rubin(Y, RNG.normal(size=N), Z).confidence_set.shape in ("everything", "two rays")


@pytest.mark.parametrize("treatment", [np.zeros(N), np.ones(N), np.full(N, 0.1)])
def test_a_treatment_that_is_the_same_for_everybody_has_no_set(treatment):
    with pytest.raises(NotEstimable, match="the instruments do not move treatment apart from the covariates"):
        anderson_rubin(Y, treatment, Z)
    with pytest.raises(NotEstimable, match="nobody to estimate from"):
        anderson_rubin([], [], [])


def test_clusters_that_are_all_alike_leave_no_variance():
    # Residuals cancel within clusters but for rounding: the standard error is 0, not 1e-16 with p = 1e-109.
    cluster, z = np.repeat(np.arange(8), 4), np.tile([1, 1, 0, 0], 8)
    d, y = np.tile([1, 0, 0, 0], 8), np.tile([1.1, 2.3, 3.7, 4.9], 8)
    for estimator in (two_stage_least_squares, late):
        with pytest.raises(NotEstimable, match="the outcome has no variation left"):
            estimator(y, d, z, cluster=cluster)
    with pytest.raises(NotEstimable, match="there is no variation to test the instruments against"):
        anderson_rubin(y, d, z, cluster=cluster)
    rng = np.random.default_rng(1)
    found = two_stage_least_squares(y + rng.normal(size=32), d, z, cluster=cluster)
    assert found.estimates[0].estimated
    for check in found.checks:
        assert (check.passed, check.detail) == (None, "there is no variation to test the instruments against")
        assert math.isnan(check.statistic)


def test_an_instrument_whose_moments_cancel_within_clusters_is_not_tested():
    rng = np.random.default_rng(2)
    pairs, cluster = np.repeat(rng.normal(size=40), 2), np.repeat(np.arange(10), 8)
    instruments = np.column_stack([np.tile([1, 1, 1, 1, 0, 0, 0, 0], 10), np.tile([1.0, -1.0], 40)])
    treatment = instruments[:, 0] * np.repeat(rng.random(40) < 0.7, 2)
    found = two_stage_least_squares(pairs + treatment, treatment, instruments, cluster=cluster)
    assert found.estimates[0].estimated
    by_name = {check.name: check for check in found.checks}
    for name in ("first-stage F of treatment", "overidentification (Hansen's J)"):
        assert by_name[name].passed is None
        assert by_name[name].detail == "there is no variation to test the instruments against"


def test_activities_that_the_instruments_determine_need_no_f():
    site = np.arange(N) % 3
    table = site_instruments(Z, site)
    found = two_stage_least_squares(Y, table.iloc[:, :2], table, block=site)
    forms = [check for check in found.checks if not check.name.startswith("overidentification")]
    assert [check.name.split(" F ")[0] for check in forms] == ["first-stage"] * 2 + ["conditional"] * 2
    assert all(check.passed and check.detail == "the instruments determine the treatment" for check in forms)
    assert all(math.isnan(check.statistic) for check in forms)


def test_few_clusters_leave_tests_of_many_instruments_empty():
    instruments = RNG.normal(size=(N, 9))
    treatment = instruments.sum(axis=1) + RNG.normal(size=N)
    found = two_stage_least_squares(Y, treatment, instruments, cluster=np.arange(N) % 6)
    by_name = {c.name: c for c in found.checks}
    for name in ("first-stage F of treatment", "overidentification (Hansen's J)"):
        assert by_name[name].passed is None
        assert by_name[name].detail == "there are too few clusters to test 9 instruments at once"
        assert math.isnan(by_name[name].p_value)
    assert by_name["effective F of treatment"].statistic > 0


def test_collinear_columns_are_left_out_and_named():
    site = np.repeat(["odense", "vejle", "aabenraa"], N // 3)
    z = np.where(site == "aabenraa", 0, Z)
    table = site_instruments(z, site)
    assert list(table.columns) == ["assigned at aabenraa", "assigned at odense", "assigned at vejle"]
    covariates = pd.DataFrame({"age": np.arange(N), "months": 12 * np.arange(N), "constant": 1})
    found = two_stage_least_squares(Y, D, table, covariates=covariates, block=site).estimates[0]
    assert "collinear columns left out: 3 (months, constant, assigned at aabenraa)" in found.note
    kept = two_stage_least_squares(Y, D, table.iloc[:, 1:], covariates=np.arange(N), block=site).estimates[0]
    assert (found.value, found.std_error) == pytest.approx((kept.value, kept.std_error), rel=1e-8)


def test_late_leaves_out_blocks_without_both_arms():
    block = ["a"] * 29 + ["b"] * 28 + ["c"] * 3
    z = Z.copy()
    z[57:] = 1
    inside = np.arange(N) < 57
    for labels in (block, pd.Series(block, index=range(5, N + 5)), np.array(block)):
        found = late(Y, D, z, block=labels, covariates=np.arange(N).reshape(-1, 1), cluster=list(range(N)))
        assert found.note.startswith("blocks left out because they lack an arm: 1, with 3 people")
        assert found.n == 57
    same = late(Y[inside], D[inside], z[inside], block=block[:57], covariates=np.arange(57), cluster=range(57))
    assert (found.value, found.df) == pytest.approx((same.value, same.df), rel=1e-8)
    share = complier_share(D, z, block=block)
    assert share.n == 57


def test_compliers_that_cannot_be_estimated_have_reasons():
    with pytest.raises(NotEstimable, match="everybody did as assigned: the share of compliers is 1 here"):
        complier_share(Z, Z)
    with pytest.raises(NotEstimable, match="everybody or nobody took part: assignment moved nothing"):
        complier_share(np.zeros(N), Z)
    with pytest.raises(NotEstimable, match="nobody in the treated arm"):
        late(Y, D, np.zeros(N))
    with pytest.raises(NotEstimable, match="1 clusters in the control arm; two are needed"):
        late(Y, D, Z, cluster=np.where(Z == 1, np.arange(N), 1000))
    with pytest.raises(InvalidInput, match="treatment has the value 2; must be 0 or 1"):
        late(Y, 2 * D, Z)
    with pytest.raises(InvalidInput, match="assigned has 59 rows; must have 60"):
        complier_share(D, Z[1:])
    with pytest.raises(InvalidInput, match="level is 95; must be between 0 and 1"):
        complier_means(np.arange(N), D, Z, level=95)
    with pytest.raises(InvalidInput, match="covariates has no columns; must have one or more"):
        complier_means(np.empty((N, 0)), D, Z)
    rows = complier_means(pd.DataFrame({"age": np.arange(N), "same": 4.0}), D, Z).estimates
    assert rows[0].estimated
    assert (rows[1].value, rows[1].reason) == (
        pytest.approx(math.nan, nan_ok=True), "the outcome has no variation left to estimate a standard error from",
    )  # fmt: skip


def test_few_degrees_of_freedom_are_noted():
    cluster = np.arange(N) % 4
    found = two_stage_least_squares(Y, D, (cluster < 2).astype(float) + 0.01 * Z, cluster=cluster).estimates[0]
    assert "degrees of freedom: the interval is not to be relied on" in found.note


@pytest.mark.parametrize(
    ("parts", "shape", "said"),
    [
        (((-1.0, 2.5),), "interval", "-1.00 to 2.50"),
        (((-math.inf, 2.5),), "one ray", "below 2.50"),
        (((1.0, math.inf),), "one ray", "above 1.00"),
        (((-math.inf, -1.0), (2.0, math.inf)), "two rays", "below -1.00 or above 2.00"),
        (((-math.inf, math.inf),), "everything", "every value"),
        ((), "empty", "no value at all"),
        (((0.0, 1.0), (2.0, 3.0)), "several pieces", "0.00 to 1.00 or 2.00 to 3.00"),
    ],
)
def test_a_set_says_what_it_is(parts, shape, said):
    found = ConfidenceSet(estimand="effect", parts=parts, level=0.9)
    assert found.shape == shape
    assert found.summary() == f"90 % confidence set: {said}"
    assert [i.level for i in found.intervals] == [0.9] * len(parts)
    assert found.contains(2.2) == any(low <= 2.2 <= high for low, high in parts)


def test_arguments_are_not_changed():
    given = [Y.copy(), np.column_stack([D, D * Y]), np.column_stack([Z, Z * np.arange(N), np.arange(N) ** 2])]
    before = [x.copy() for x in given]
    two_stage_least_squares(given[0], given[1], given[2].astype(float), covariates=before[0] ** 2)
    assert all(np.array_equal(x, y) for x, y in zip(given, before, strict=True))
