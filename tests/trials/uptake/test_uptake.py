"""Two-stage least squares, first stages, compliers and Anderson-Rubin sets: other tools' answers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from linearmodels.iv import IV2SLS, IVGMM
from scipy import stats

from analysis_lib.trials._arrays import as_groups
from analysis_lib.trials._least_squares import fit_coefficient
from analysis_lib.trials.effects import difference_in_means
from analysis_lib.trials.uptake import (
    anderson_rubin,
    complier_means,
    complier_share,
    late,
    site_instruments,
    two_stage_least_squares,
)
from analysis_lib.trials.uptake._joint import fit_joint
from analysis_lib.trials.uptake._strength import critical_effective_f

REFERENCE = Path(__file__).parents[2] / "reference"
# Closed forms in double precision on both sides; p-values lose a few digits in the tails.
CLOSED_FORM = 1e-8
# The reference searches for these with a tolerance of 1e-12 in the p-value's argument.
SEARCHED = 1e-5

PEOPLE = pd.read_csv(REFERENCE / "uptake_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "uptake_answers.csv")


def people(case):
    return PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)


def expected(case, call):
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


def check(estimate, case, call):
    found = {
        "value": estimate.value, "std_error": estimate.std_error, "df": estimate.df, "p_value": estimate.p_value,
        "low": estimate.interval.low, "high": estimate.interval.high,
    }  # fmt: skip
    for quantity, value in expected(case, call).items():
        assert found[quantity] == pytest.approx(value, rel=CLOSED_FORM), quantity


def named(results, name):
    found = [c for c in results.checks if c.name == name]
    assert len(found) == 1
    return found[0]


def test_late_as_in_r():
    d = people("one")
    found = late(d["y"], d["d1"], d["z"])
    check(found, "one", "late")
    assert (found.n, found.n_treated, found.n_control) == (150, 60, 90)
    check(late(d["y"], d["d1"], d["z"], covariates=d[["age"]], block=d["site"]), "one", "covariates")


def test_late_is_the_ratio_of_the_differences():
    d = people("one")
    ratio = difference_in_means(d["y"], d["z"]).value / difference_in_means(d["d1"], d["z"]).value
    assert late(d["y"], d["d1"], d["z"]).value == pytest.approx(ratio, rel=CLOSED_FORM)


def test_compliers_as_in_r():
    d = people("one")
    check(complier_share(d["d1"], d["z"]), "one", "share")
    rows = complier_means(d[["age", "wish"]], d["d1"], d["z"]).estimates
    check(rows[0], "one", "age of compliers")
    assert rows[0].estimand == "mean of age among compliers"
    # Abadie's theorem 3.1 written out: E(XD) by assignment over E(D) by assignment
    one, zero = d[d["z"] == 1], d[d["z"] == 0]
    share = one["d1"].mean() - zero["d1"].mean()
    wish = ((one["wish"] * one["d1"]).mean() - (zero["wish"] * zero["d1"]).mean()) / share
    assert rows[1].value == pytest.approx(wish, rel=CLOSED_FORM)


def test_clusters_as_in_r():
    d = people("year")
    found = two_stage_least_squares(d["y"], d["d1"], d["z"], covariates=d["age"], cluster=d["year"])
    for call in ("2sls", "2sls club"):
        check(found.estimates[0], "year", call)
    assert found.estimates[0].n_clusters == d["year"].nunique()
    first = expected("year", "first stage")
    f = named(found, "first-stage F of d1")
    assert (f.statistic, f.p_value) == pytest.approx((first["statistic"], first["p_value"]), rel=CLOSED_FORM)
    assert named(found, "effective F of d1").statistic == pytest.approx(first["statistic"], rel=CLOSED_FORM)


@pytest.mark.parametrize("by", ["", " by year"])
def test_sites_as_instruments_as_in_r(by):
    d = people("sites")
    found = two_stage_least_squares(
        d["y"], d[["d1", "d2"]], site_instruments(d["z"], d["site"]), covariates=d[["age"]], block=d["site"],
        cluster=d["year"] if by else None,
    )  # fmt: skip
    for estimate, name in zip(found.estimates, ("d1", "d2"), strict=True):
        check(estimate, "sites", f"2sls{by} {name}")
        first, f = expected("sites", f"first stage{by} {name}"), named(found, f"first-stage F of {name}")
        assert f.p_value == pytest.approx(first["p_value"], rel=1e-6)
        # R's F is the Wald statistic scaled; ours is over the number of instruments
        eta = first["df"] + 6 - 1
        assert f.statistic * first["df"] / eta == pytest.approx(first["statistic"], rel=CLOSED_FORM)
        conditional = expected("sites", f"conditional{by} {name}")["statistic"]
        assert named(found, f"conditional F of {name}").statistic == pytest.approx(conditional, rel=CLOSED_FORM)


@pytest.mark.parametrize("by", ["", " by year"])
def test_effective_f_as_in_r(by):
    d = people("sites")
    found = two_stage_least_squares(
        d["y"], d["d1"], site_instruments(d["z"], d["site"]), covariates=d[["age"]], block=d["site"],
        cluster=d["year"] if by else None,
    )  # fmt: skip
    effective, wanted = named(found, "effective F of d1"), expected("sites", f"effective{by}")
    assert effective.statistic == pytest.approx(wanted["statistic"], rel=CLOSED_FORM)
    assert effective.threshold == pytest.approx(wanted["threshold"], rel=CLOSED_FORM)
    assert effective.passed == (wanted["statistic"] >= wanted["threshold"])


@pytest.mark.parametrize(("bias", "limit"), [(0.05, 37.42), (0.10, 23.11), (0.20, 15.06), (0.30, 12.05)])
def test_limits_of_the_effective_f_as_published(bias, limit):
    """Montiel Olea and Pflueger (2013), one instrument: F is the square of a normal with mean 1 / sqrt(bias)."""
    found = critical_effective_f(np.ones(1), bias)
    assert found == pytest.approx(limit, abs=0.006)
    ends = np.array([-1, 1]) * found**0.5 - bias**-0.5
    assert stats.norm.cdf(ends[1]) - stats.norm.cdf(ends[0]) == pytest.approx(0.95, abs=1e-9)


def test_limits_of_the_effective_f_with_unequal_instruments_are_near_simulated_ones():
    """Normal coefficients with the covariance's roots, as weak as the bias allows: all in the strongest direction."""
    roots = np.array([1.0, 2.0, 5.0])
    rng = np.random.default_rng(20)
    normal = rng.standard_normal((400_000, 3)) * np.sqrt(roots)
    normal[:, 2] += np.sqrt(roots.sum() / 0.1)
    simulated = np.quantile((normal**2).sum(axis=1) / roots.sum(), 0.95)
    assert critical_effective_f(roots, 0.1) == pytest.approx(simulated, rel=0.003)


@pytest.mark.parametrize("clustered", [False, True])
def test_values_and_overidentification_as_in_linearmodels(clustered):
    d = people("sites")
    instruments = site_instruments(d["z"], d["site"])
    exogenous = np.column_stack([np.ones(len(d)), pd.get_dummies(d["site"]).to_numpy(float)[:, 1:], d["age"]])
    options = {"cluster": d["year"]} if clustered else {}
    found = two_stage_least_squares(
        d["y"], d[["d1", "d2"]], instruments, covariates=d[["age"]], block=d["site"], **options
    )
    given = (d["y"], pd.DataFrame(exogenous), d[["d1", "d2"]], instruments)
    fit = {"cov_type": "clustered", "clusters": d["year"]} if clustered else {"cov_type": "robust"}
    peer = IV2SLS(*given).fit(**fit)
    assert [e.value for e in found.estimates] == pytest.approx(peer.params[["d1", "d2"]].tolist(), rel=CLOSED_FORM)
    # HC2 and CR2 are a little larger than linearmodels' uncorrected errors
    ratio = np.array([e.std_error for e in found.estimates]) / peer.std_errors[["d1", "d2"]].to_numpy()
    assert np.all((ratio > 1) & (ratio < 1.1))
    weights = {"weight_type": "clustered", "clusters": d["year"]} if clustered else {"weight_type": "robust"}
    gmm = IVGMM(*given, **weights).fit(iter_limit=2)
    j = named(found, "overidentification (Hansen's J)")
    assert (j.statistic, j.p_value) == pytest.approx((gmm.j_stat.stat, gmm.j_stat.pval), rel=1e-6)
    assert j.df == 4


def test_anderson_rubin_set_as_in_r():
    d = people("one")
    found = anderson_rubin(d["y"], d["d1"], d["z"], covariates=d[["age"]], block=d["site"])
    wanted = expected("one", "anderson-rubin")
    assert found.confidence_set.shape == "interval"
    assert found.confidence_set.parts[0] == pytest.approx((wanted["low"], wanted["high"]), rel=SEARCHED)
    assert found.test_of_zero.p_value == pytest.approx(wanted["p_value"], rel=CLOSED_FORM)
    d, wanted = people("year"), expected("year", "anderson-rubin")
    found = anderson_rubin(d["y"], d["d1"], d["z"], covariates=d["age"], cluster=d["year"])
    assert found.confidence_set.parts[0] == pytest.approx((wanted["low"], wanted["high"]), rel=SEARCHED)
    assert found.n_clusters == d["year"].nunique()


def test_anderson_rubin_set_of_many_instruments_as_in_r():
    d, wanted = people("sites"), expected("sites", "anderson-rubin")
    options = {"covariates": d[["age"]], "block": d["site"]}
    instruments = site_instruments(d["z"], d["site"])
    found = anderson_rubin(d["y"] - 0.3 * d["d2"], d["d1"], instruments, **options)
    assert found.confidence_set.shape == "interval"
    assert found.confidence_set.parts[0] == pytest.approx((wanted["low"], wanted["high"]), rel=SEARCHED)
    assert found.test_of_zero.p_value == pytest.approx(wanted["p_value"], rel=1e-6)
    # the other activity's effect contradicts any effect of the first alone
    assert expected("sites", "anderson-rubin of d1 alone")["largest_p"] < 0.05
    assert anderson_rubin(d["y"], d["d1"], instruments, **options).confidence_set.shape == "empty"


def test_weak_instruments_give_rays_or_everything_as_in_r():
    d, wanted = people("weak"), expected("weak", "anderson-rubin")
    rays = anderson_rubin(d["y"], d["d1"], d["z"]).confidence_set
    assert rays.shape == "two rays"
    assert (rays.parts[0][1], rays.parts[1][0]) == pytest.approx((wanted["end1"], wanted["end2"]), rel=SEARCHED)
    assert not rays.contains(0)
    assert min(wanted["p_low"], wanted["p_high"]) > 0.05 > wanted["p_value"]
    estimate = two_stage_least_squares(d["y"], d["d1"], d["z"]).estimates[0]
    assert rays.contains(estimate.value)
    assert estimate.note.startswith("weak instruments (F ")
    d, wanted = people("none"), expected("none", "anderson-rubin")
    everything = anderson_rubin(d["y"], d["d1"], d["z"])
    assert everything.confidence_set.shape == "everything"
    assert everything.confidence_set.summary() == "95 % confidence set: every value"
    assert everything.test_of_zero.p_value == pytest.approx(wanted["p_value"], rel=CLOSED_FORM)


# Second implementations


def naive_test(design, columns, cluster):
    """Return the p-value, as a function of the outcome, of the test of `columns`: the papers' matrices written out."""
    n, q = len(design), len(columns)
    bread = np.linalg.inv(design.T @ design)
    maker = np.eye(n) - design @ bread @ design.T
    adjusted = []
    for label in np.unique(cluster):
        at = np.flatnonzero(cluster == label)
        values, vectors = np.linalg.eigh(maker[np.ix_(at, at)])
        powers = np.where(values > 1e-10, np.abs(values) ** -0.5, 0)
        adjusted.append(np.zeros((n, q)))
        adjusted[-1][at] = (vectors * powers) @ vectors.T @ design[at] @ bread[:, columns]
    shapes = [maker @ a for a in adjusted]
    root = np.linalg.inv(np.linalg.cholesky(sum(p.T @ p for p in shapes)))
    products = [one.T @ two for one in (p @ root.T for p in shapes) for two in (p @ root.T for p in shapes)]
    eta = q * (q + 1) / sum(np.sum(x * x.T) + np.trace(x) ** 2 for x in products)

    def p_value(outcome):
        scores = np.array([a.T @ maker @ outcome for a in adjusted])
        value = (bread @ design.T @ outcome)[columns]
        statistic = value @ np.linalg.solve(scores.T @ scores, value)
        return float(stats.f.sf(statistic * (eta - q + 1) / (eta * q), q, eta - q + 1))

    return p_value


@pytest.mark.parametrize("clustered", [False, True])
@pytest.mark.parametrize("m", [1, 2, 4])
def test_ends_of_the_set_are_where_a_naive_test_is_at_its_size(m, clustered):
    """Strong or weak, one instrument or several: the p-value is 0.1 at each end, and right on either side."""
    shapes = set()
    for strength in (0.0, 0.3, 1.5):
        rng = np.random.default_rng([m, clustered, int(10 * strength)])
        n = 51
        cluster = np.repeat(np.arange(17), 3) if clustered else np.arange(n)
        z, u = rng.normal(size=(n, m)), rng.normal(size=n)
        d = strength * z.sum(axis=1) + u + rng.normal(size=n)
        y = 1.5 * d + 2 * u + rng.normal(size=n)
        found = anderson_rubin(y, d, z, cluster=cluster if clustered else None, level=0.9).confidence_set
        shapes.add(found.shape)
        test = naive_test(np.column_stack([np.ones(n), z]), np.arange(1, m + 1), cluster)
        ends = [end for part in found.parts for end in part if np.isfinite(end)]
        assert [test(y - end * d) for end in ends] == pytest.approx([0.1] * len(ends), rel=1e-6)
        grid = np.concatenate([-np.geomspace(1e3, 0.1, 25), np.geomspace(0.1, 1e3, 25)])
        assert [found.contains(x) for x in grid] == [test(y - x * d) >= 0.1 for x in grid]
    assert len(shapes) > 1


def test_degrees_of_freedom_are_the_same_for_each_person_as_a_cluster():
    rng = np.random.default_rng(3)
    design = np.column_stack([np.ones(60), rng.normal(size=(60, 4))])
    outcomes = rng.normal(size=(60, 2))
    alone, columns = as_groups(np.arange(60), "cluster", 60), np.array([1, 2, 4])
    people_, clusters = fit_joint(design, outcomes, columns, None), fit_joint(design, outcomes, columns, alone)
    assert people_.freedom == pytest.approx(clusters.freedom, rel=CLOSED_FORM)
    assert people_.covariance(0, 1) == pytest.approx(clusters.covariance(0, 1), rel=CLOSED_FORM)
    one = fit_joint(design, outcomes, np.array([2]), None)
    single = fit_coefficient(design, outcomes[:, 1], column=2)
    assert one.freedom == pytest.approx(single.df, rel=CLOSED_FORM)
    assert one.covariance(1, 1)[0, 0] == pytest.approx(single.std_error**2, rel=CLOSED_FORM)


def test_with_perfect_compliance_two_stages_are_one():
    rng = np.random.default_rng(8)
    z = rng.permutation(np.repeat([1, 0], 40))
    y = rng.normal(size=80) + z
    found = two_stage_least_squares(y, z, z)
    plain = difference_in_means(y, z)
    estimate = found.estimates[0]
    assert (estimate.value, estimate.std_error) == pytest.approx((plain.value, plain.std_error), rel=CLOSED_FORM)
    assert [(c.passed, c.detail) for c in found.checks] == [(True, "the instruments determine the treatment")] * 2
    exact = anderson_rubin(y, z, z).confidence_set
    low, high = estimate.interval_at(0.95).low, estimate.interval_at(0.95).high
    assert exact.parts[0] == pytest.approx((low, high), rel=CLOSED_FORM)


def test_order_of_rows_and_labels_do_not_matter():
    d = people("sites")
    mixed = d.sample(frac=1, random_state=4)
    mixed = mixed.assign(site="site " + mixed["site"].astype(str))
    for frame in (d, mixed):
        frame.attrs["found"] = two_stage_least_squares(
            frame["y"], frame["d1"], site_instruments(frame["z"], frame["site"]), block=frame["site"],
            cluster=frame["year"],
        )  # fmt: skip
    one, two = d.attrs["found"], mixed.attrs["found"]
    assert one.estimates[0].interval.low == pytest.approx(two.estimates[0].interval.low, rel=1e-7)
    assert [c.statistic for c in one.checks] == pytest.approx([c.statistic for c in two.checks], rel=1e-7)
