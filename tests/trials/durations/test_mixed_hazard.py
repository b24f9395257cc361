"""Mixed proportional hazards: R's answers with one mass point, a naive second likelihood with more, and boundaries."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.durations.mixed_hazard import mixed_proportional_hazards

REFERENCE = Path(__file__).parents[2] / "reference"
PEOPLE = pd.read_csv(REFERENCE / "mixed_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "mixed_answers.csv")
ITERATIVE = 1e-6


def people(case):
    return PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)


def expected(case, call):
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


def rng(seed=1):
    return np.random.default_rng(seed)


def draw(seed, n, *, points=(0.3, 1.7), shares=(0.5, 0.5), until=40, ratio=1.5, slope=0.0, whole=True):
    """People with a hazard of 0.1 times the multiplier of their type, censored at `until`."""
    source = rng(seed)
    arm, x = np.arange(n) % 2, source.normal(size=n)
    kind = source.choice(len(points), n, p=shares)
    time = source.exponential(size=n) / (0.1 * ratio**arm * np.exp(slope * x) * np.array(points)[kind])
    time = np.ceil(time) if whole else time
    return np.minimum(time, until), (time <= until).astype(int), arm, x


CALLS = [
    ("exact", "plain", (), [], False),
    ("exact", "windows age", (6, 13), ["age"], False),
    ("weeks", "plain", (), [], True),
    ("weeks", "windows age", (6, 13), ["age"], True),
]


@pytest.mark.parametrize(
    ("case", "call", "windows", "covariates", "grouped"), CALLS, ids=[f"{c[0]} {c[1]}" for c in CALLS]
)
def test_without_heterogeneity_as_glm_in_r(case, call, windows, covariates, grouped):
    d, wanted = people(case), expected(case, call)
    found = mixed_proportional_hazards(
        d["time"], d["event"], d["treated"], [4, 13], windows=windows, covariates=d[covariates], grouped=grouped,
        mass_points=1, rng=rng(),
    )  # fmt: skip
    hazard = found.without.hazards[0]
    names = [*(f"w{k + 1}" for k in range(len(windows) + 1)), *covariates]
    for row, name in zip([*hazard.ratios.estimates, *hazard.covariates.estimates], names, strict=True):
        assert np.log(row.value) == pytest.approx(wanted[f"b_{name}"], abs=ITERATIVE)
        # Poisson's expected information is the observed one; that of the cloglog is not, and is compared below
        assert row.std_error == pytest.approx(wanted[f"se_{name}"], rel=0.05 if grouped else ITERATIVE)
    shift = sum(wanted[f"b_{name}"] * d[name].mean() for name in covariates)
    base = [wanted[f"log_hazard{k}"] + shift for k in (1, 2, 3)]
    assert np.log(hazard.baseline.y) == pytest.approx(base, abs=ITERATIVE)
    assert hazard.baseline.x.tolist() == [0, 4, 13]
    assert hazard.baseline.at_risk.tolist() == [(d["time"] > t).sum() for t in (0, 4, 13)]
    assert found.without.log_likelihood == pytest.approx(wanted["log_likelihood"], abs=1e-7)
    assert found.without.n_parameters == 3 + len(names)
    assert found.without.aic == pytest.approx(2 * (3 + len(names)) - 2 * wanted["log_likelihood"])
    assert found.without.bic == pytest.approx(np.log(len(d)) * (3 + len(names)) - 2 * wanted["log_likelihood"])
    assert found.ratios == hazard.ratios
    assert found.check.passed is None
    assert found.check.detail == "there is one mass point only"


def test_observed_information_as_statsmodels():
    """statsmodels 0.15: GLM of person-weeks, the second derivative at the maximum."""
    d = people("weeks")
    long = d.loc[d.index.repeat(d["time"])].reset_index()
    week = long.groupby("index").cumcount() + 1
    y = ((long["event"] == 1) & (week == long["time"])).astype(float)
    level = np.eye(3)[np.searchsorted([4, 13], week)]
    design = np.column_stack([level, long["treated"], long["age"] - d["age"].mean()])
    model = sm.GLM(y, design, family=sm.families.Binomial(sm.families.links.CLogLog()))
    fit = model.fit(tol=1e-14, maxiter=100)
    std_error = np.sqrt(np.diag(np.linalg.inv(-model.hessian(fit.params, observed=True))))
    found = mixed_proportional_hazards(
        d["time"], d["event"], d["treated"], [4, 13], covariates=d["age"], mass_points=1, rng=rng()
    ).without.hazards[0]
    rows = [found.ratios.estimates[0], found.covariates.estimates[0]]
    assert [np.log(row.value) for row in rows] == pytest.approx(fit.params[3:], rel=1e-6)
    assert [row.std_error for row in rows] == pytest.approx(std_error[3:], rel=1e-6)
    half = np.log(found.baseline.high / found.baseline.y) / 1.959963984540054
    assert half == pytest.approx(std_error[:3], rel=1e-6)


def test_clusters_as_sandwich_in_r():
    d, wanted = people("exact"), expected("exact", "cluster")
    found = mixed_proportional_hazards(
        d["time"], d["event"], d["treated"], [4, 13], windows=[6], covariates=d["age"], cluster=d["cluster"],
        grouped=False, mass_points=1, rng=rng(),
    )  # fmt: skip
    for row, name in zip(found.ratios.estimates, ["w1", "w2"], strict=True):
        assert np.log(row.value) == pytest.approx(wanted[f"b_{name}"], abs=ITERATIVE)
        assert row.std_error == pytest.approx(wanted[f"se_{name}"], rel=ITERATIVE)
        assert row.n_clusters == 30
        assert row.df == d.groupby("treated")["cluster"].nunique().min() - 1
        half = stats.t.isf(0.025, row.df) * row.std_error
        assert np.log(row.interval.high / row.value) == pytest.approx(half, rel=ITERATIVE)
        assert "standard error robust to clusters" in row.method
    assert [row.group for row in found.ratios.estimates] == ["to 6", "over 6"]
    assert found.ratios.estimates[1].n == (d["time"] > 6).sum()


class Naive:
    """The likelihood, a person at a time of the type and week by week: log hazards by interval of each type's first
    interval, gaps between types' logarithms as exponentials, shares as ratios to the last."""

    def __init__(self, time, event, arm, x, cuts, windows, points, *, grouped):
        ends = sorted({*cuts, *windows, float(np.max(time))})
        starts = [0.0, *ends[:-1]]
        self.lengths = np.array([[max(min(t, b) - a, 0.0) for a, b in zip(starts, ends, strict=True)] for t in time])
        self.before = np.array(
            [
                [max(min(t - d, b) - a, 0.0) for a, b in zip(starts, ends, strict=True)]
                for t, d in zip(time, event, strict=True)
            ]
        )
        self.own = np.array([next(j for j, b in enumerate(ends) if t <= b) for t in time])
        self.interval = np.array([sum(b > c for c in cuts) for b in ends])
        self.window = np.array([sum(b > c for c in windows) for b in ends])
        self.event, self.arm, self.x, self.points, self.grouped = (
            np.array(event) == 1,
            np.array(arm),
            np.array(x),
            points,
            grouped,
        )
        self.sizes = (len(cuts) + 1, len(windows) + 1, self.x.shape[1], points - 1, points - 1)

    def parts(self, params):
        return np.split(params, np.cumsum(self.sizes)[:-1])

    def types(self, params):
        base, _, _, gaps, odds = self.parts(params)
        shares = np.append(np.exp(odds), 1.0)
        return np.append(0.0, np.cumsum(np.exp(gaps))), shares / shares.sum(), base

    def __call__(self, params):
        _, ratio, slope, _, _ = self.parts(params)
        rises, shares, base = self.types(params)
        total = np.zeros(len(self.event))
        rate = np.exp(base[self.interval] + self.arm[:, None] * ratio[self.window] + (self.x @ slope)[:, None])
        now = rate[np.arange(len(self.own)), self.own]
        for rise, share in zip(np.exp(rises), shares, strict=True):
            if self.grouped:
                stayed = np.exp(-rise * np.sum(rate * self.before, axis=1))
                chance = np.where(self.event, stayed * (1 - np.exp(-rise * now)), stayed)
            else:
                stayed = np.exp(-rise * np.sum(rate * self.lengths, axis=1))
                chance = np.where(self.event, stayed * rise * now, stayed)
            total += share * chance
        return -np.sum(np.log(total))

    def maximum(self, start):
        found = optimize.minimize(self, start, method="BFGS", options={"gtol": 1e-6, "maxiter": 500})
        again = optimize.minimize(
            self, found.x, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-10, "maxiter": 200}
        )
        return again.x if again.fun < found.fun else found.x

    def covariance(self, params):
        return np.linalg.inv(second_derivative(self, params))


def second_derivative(function, at, step=2e-4):
    size = len(at)
    found = np.empty((size, size))
    eye = np.eye(size) * step
    for i in range(size):
        for j in range(i + 1):
            corners = [function(at + a * eye[i] + b * eye[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            found[i, j] = found[j, i] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step**2)
    return found


def gradient(function, at, step=1e-5):
    return np.array([(function(at + e) - function(at - e)) / (2 * step) for e in np.eye(len(at)) * step])


NAIVE = [
    ("weeks", 2, (6,), 0.5, (0.3, 1.7), (0.5, 0.5), 500),
    ("exact", 2, (), 0.5, (0.3, 1.7), (0.6, 0.4), 500),
    ("weeks", 3, (), 0.0, (0.1, 1.0, 10.0), (0.35, 0.35, 0.3), 3000),
]


@pytest.mark.parametrize(("times", "points", "windows", "slope", "multipliers", "shares", "n"), NAIVE)
def test_mass_points_as_naive_likelihood(times, points, windows, slope, multipliers, shares, n):
    whole = times == "weeks"
    time, event, arm, x = draw(20, n, points=multipliers, shares=shares, slope=slope, whole=whole)
    columns = x[:, None] - x.mean() if slope else np.empty((n, 0))
    naive = Naive(time, event, arm, columns, (4, 13), windows, points, grouped=whole)
    if not slope:
        naive = Counted(naive, np.column_stack([time, event, arm]))
    gaps = np.log(np.diff(np.log(multipliers)))
    start = [
        *[np.log(0.1 * multipliers[0])] * 3, *[0.3] * (len(windows) + 1), *[0.2] * columns.shape[1], *gaps,
        *np.log(np.array(shares[:-1]) / shares[-1]),
    ]  # fmt: skip
    best = naive.maximum(np.array(start))
    covariance = naive.covariance(best)
    found = mixed_proportional_hazards(
        time, event, arm, [4, 13], windows=windows, covariates=columns, mass_points=points, grouped=whole, rng=rng()
    )
    fit = found.mixed
    assert fit.log_likelihood == pytest.approx(-naive(best), abs=1e-5)
    assert fit.mass_points == points
    rows = [*fit.hazards[0].ratios.estimates, *fit.hazards[0].covariates.estimates]
    _, ratio, slopes, _, _ = naive.parts(best)
    place = slice(3, 3 + len(ratio) + len(slopes))
    assert [np.log(row.value) for row in rows] == pytest.approx([*ratio, *slopes], abs=1e-4)
    assert [row.std_error for row in rows] == pytest.approx(np.sqrt(np.diag(covariance)[place]), rel=2e-3)
    assert fit.n_parameters == len(best)
    check_points(fit, naive, best, covariance)
    assert found.check.statistic == pytest.approx(2 * (fit.log_likelihood - found.without.log_likelihood))
    assert [row.method.split(", ")[-1] for row in found.ratios.estimates] == (
        ["no heterogeneity"] * (len(windows) + 1) + [f"{points} mass points"] * (len(windows) + 1)
    )


class Counted(Naive):
    """The same likelihood of distinct people, each counted, so that many people do not take long."""

    def __init__(self, naive, keys):
        _, first, self.count = np.unique(keys, axis=0, return_index=True, return_counts=True)
        self.__dict__ |= vars(naive)
        for name in ("lengths", "before", "own", "event", "arm", "x"):
            setattr(self, name, getattr(naive, name)[first])

    def __call__(self, params):
        _, ratio, _, _, _ = self.parts(params)
        rises, shares, base = self.types(params)
        rate = np.exp(base[self.interval] + self.arm[:, None] * ratio[self.window])
        now, passed = rate[np.arange(len(self.own)), self.own], np.sum(rate * self.before, axis=1)
        chance = sum(
            share * np.exp(-rise * passed) * np.where(self.event, -np.expm1(-rise * now), 1.0)
            for rise, share in zip(np.exp(rises), shares, strict=True)
        )
        return -float(self.count @ np.log(chance))


def check_points(fit, naive, best, covariance):
    """Multipliers with mean 1, shares, baseline, and their errors by the delta method with derivatives by differences."""

    def mean(params):
        rises, shares, _ = naive.types(params)
        return np.log(shares @ np.exp(rises))

    def error(function):
        slope = gradient(function, best)
        return np.sqrt(slope @ covariance @ slope)

    rows = fit.points.estimates
    assert len(rows) == 2 * fit.mass_points
    for k in range(fit.mass_points):
        multiplier, share = rows[2 * k : 2 * k + 2]
        assert np.log(multiplier.value) == pytest.approx(naive.types(best)[0][k] - mean(best), abs=2e-4)
        assert multiplier.std_error == pytest.approx(error(lambda p, k=k: naive.types(p)[0][k] - mean(p)), rel=3e-3)
        assert share.value == pytest.approx(naive.types(best)[1][k], abs=2e-4)
        assert share.std_error == pytest.approx(error(lambda p, k=k: naive.types(p)[1][k]), rel=3e-3)
        assert 0 < share.interval.low < share.value < share.interval.high < 1
        assert share.interval_at(0.95) == share.interval
    weights = [(rows[2 * k].value, rows[2 * k + 1].value) for k in range(fit.mass_points)]
    assert sum(m * p for m, p in weights) == pytest.approx(1, abs=1e-10)
    curve = fit.hazards[0].baseline
    for j in range(3):
        assert np.log(curve.y[j]) == pytest.approx(best[j] + mean(best), abs=2e-4)
        half = np.log(curve.high[j] / curve.y[j]) / 1.959963984540054
        assert half == pytest.approx(error(lambda p, j=j: p[j] + mean(p)), rel=3e-3)


def test_people_who_never_leave_are_a_boundary():
    """A third stays for good: the naive likelihood has their share as such."""
    time, event, arm, _ = draw(7, 2000, points=(0.0001, 1.0), shares=(1 / 3, 2 / 3), until=80)

    def naive(params):
        share, levels, ratio = 1 / (1 + np.exp(-params[0])), np.exp(params[1:4]), np.exp(params[4] * arm)
        before = time - event
        passed = ratio * sum(
            level * np.clip(before - a, 0, b - a) for level, a, b in zip(levels, (0, 4, 13), (4, 13, 99), strict=True)
        )
        now = ratio * levels[np.searchsorted([4, 13], time)]
        leaves = np.exp(-passed) * np.where(event == 1, 1 - np.exp(-now), 1)
        return -np.sum(np.log((1 - share) * leaves + share * (event == 0)))

    best = optimize.minimize(naive, [-0.7, -2.3, -2.3, -2.3, 0.4], method="BFGS", options={"gtol": 1e-5})
    found = mixed_proportional_hazards(time, event, arm, [4, 13], rng=rng())
    assert found.mixed.log_likelihood == pytest.approx(-best.fun, abs=1e-5)
    row = found.ratios.estimates[1]
    assert np.log(row.value) == pytest.approx(best.x[4], abs=1e-4)
    assert row.std_error == pytest.approx(np.sqrt(np.linalg.inv(second_derivative(naive, best.x))[4, 4]), rel=2e-3)
    assert row.note == "at the boundary: the hazard of a mass point is 0, its people do not leave"
    zero, share, other, _ = found.mixed.points.estimates
    assert (zero.value, zero.note) == (0.0, "at the boundary: no standard error")
    assert np.isnan([zero.std_error, zero.interval.low, zero.p_value]).all()
    assert share.value == pytest.approx(1 / (1 + np.exp(-best.x[0])), abs=1e-4)
    assert other.value == pytest.approx(1 / (1 - share.value), rel=1e-6)


def test_a_mass_point_that_is_not_there_is_left_out_and_said():
    """Durations less spread than any mixture of exponentials: more points cannot raise the likelihood."""
    time = np.repeat([9, 10, 11, 12, 10, 11, 12, 13], 30)
    arm = np.repeat([1] * 4 + [0] * 4, 30)
    found = mixed_proportional_hazards(time, np.ones(240), arm, [], mass_points=3, rng=rng())
    without, mixed = found.ratios.estimates
    assert (mixed.value, mixed.std_error) == (without.value, without.std_error)
    assert mixed.note == "asked for 3 mass points: a further one does not raise the likelihood of 1"
    assert without.note == ""
    assert found.mixed.mass_points == 1
    assert found.check.detail == "there is one mass point only"
    assert len(found.mixed.points) == 0


def test_a_mass_point_that_leaves_at_once_is_no_fit():
    """A fifth leaves in the first week for sure, whatever the arm."""
    time, event, arm, _ = draw(4, 1000, points=(1.0,), shares=(1.0,))
    at_once = np.arange(1000) % 5 == 0
    time, event = np.where(at_once, 1, time), np.where(at_once, 1, event)
    found = mixed_proportional_hazards(time, event, arm, [], rng=rng())
    row = found.ratios.estimates[1]
    assert np.isnan([row.value, row.std_error, row.p_value, row.interval.low, row.interval.high]).all()
    assert row.reason == "with 2 mass points the likelihood has no maximum: those of one leave at once"
    assert found.check.detail == row.reason
    assert found.mixed is None
    assert found.ratios.estimates[0].estimated
    assert (row.n, row.method.split(", ")[-1]) == (1000, "2 mass points")


def few(seed, n, **options):
    """A fit to people who do not differ, where a second and third type are made of chance."""
    time, event, arm, _ = draw(seed, n, points=(1.0,), shares=(1.0,))
    return mixed_proportional_hazards(time, event, arm, [], rng=rng(), starts=2, **options)


def test_what_is_weak_about_a_maximum_is_said():
    row = few(17, 30).ratios.estimates[1]
    assert row.note.startswith(
        "a maximum within bounds: a mass point that leaves at once would raise the log likelihood by 0."
    )
    assert row.estimated
    assert "only one of 3 starts ended in the maximum reported" in few(5, 30).ratios.estimates[1].note
    empty = few(11, 60, mass_points=3)
    assert empty.ratios.estimates[1].reason.startswith("with 3 mass points the likelihood ha")
    assert empty.mixed is None
    points = few(34, 200, mass_points=3).mixed.points
    reasons = [row.reason for row in points.estimates if not row.estimated]
    assert reasons == ["the likelihood hardly depends on this multiplier"]


def test_a_covariate_in_units_far_too_large_for_people():
    time, event, arm, x = draw(20, 800, slope=0.5)
    found = mixed_proportional_hazards(time, event, arm, [4], covariates=x / 1e6, mass_points=1, rng=rng())
    row = found.without.hazards[0].covariates.estimates[0]
    assert row.reason == "one more of it is far more than people differ by: measure it in smaller units"
    same = mixed_proportional_hazards(time, event, arm, [4], covariates=x, mass_points=1, rng=rng())
    assert found.ratios.estimates[0].value == pytest.approx(same.ratios.estimates[0].value, rel=1e-9)


def test_intervals_without_an_event_are_left_out_and_counted():
    """Nobody leaves in weeks 5 and 6, and nobody is seen after week 40."""
    time, event, arm, _ = draw(9, 600)
    keep = ~np.isin(time, [5, 6])
    time, event, arm = time[keep], event[keep], arm[keep]
    found = mixed_proportional_hazards(time, event, arm, [4, 6, 13, 60], mass_points=1, rng=rng())
    assert found.ratios.estimates[0].note == "intervals of the baseline without an event, left out: 1"
    assert found.without.hazards[0].baseline.x.tolist() == [0, 6, 13]
    # with a hazard of 0 in weeks 5 and 6, they might as well not have been
    shorter = np.where(time > 6, time - 2, time)
    without = mixed_proportional_hazards(shorter, event, arm, [4, 11], mass_points=1, rng=rng())
    assert found.ratios.estimates[0].value == pytest.approx(without.ratios.estimates[0].value, rel=1e-9)


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_order_arms_and_unit_of_time_do_not_matter(seed):
    time, event, arm, x = draw(31, 400, slope=0.4, whole=False)
    order = np.random.default_rng(seed).permutation(400)
    # windows end where intervals do: otherwise the control group's hazard has fewer steps than the treated group's
    found = mixed_proportional_hazards(time, event, arm, [4, 13], covariates=x, grouped=False, windows=[4], rng=rng())
    other = mixed_proportional_hazards(
        7 * time[order], event[order], 1 - arm[order], [28, 91], covariates=2 - 5 * x[order], grouped=False, windows=[28],
        rng=rng(),
    )  # fmt: skip
    for one, two in zip(found.ratios.estimates, other.ratios.estimates, strict=True):
        assert np.log(two.value) == pytest.approx(-np.log(one.value), abs=1e-6)
        assert two.std_error == pytest.approx(one.std_error, rel=1e-6)
    own, turned = (f.mixed.hazards[0].covariates.estimates[0] for f in (found, other))
    assert np.log(turned.value) == pytest.approx(-np.log(own.value) / 5, abs=1e-6)
    assert other.mixed.log_likelihood + event.sum() * np.log(7) == pytest.approx(found.mixed.log_likelihood, abs=1e-6)


def test_other_starting_values_end_in_the_same_maximum():
    time, event, arm, _ = draw(20, 2000)
    fits = [mixed_proportional_hazards(time, event, arm, [4, 13], rng=rng(seed), starts=3).mixed for seed in range(4)]
    assert np.ptp([fit.log_likelihood for fit in fits]) < 1e-6
    assert all(fit.agreeing >= 2 and fit.starts == 4 for fit in fits)


def test_clusters_of_one_person_and_of_twins():
    """Everybody twice is everybody, if twins are a cluster; and the sandwich is near the information where the model holds."""
    time, event, arm, _ = draw(20, 2000)
    found = mixed_proportional_hazards(time, event, arm, [4, 13], cluster=np.arange(2000), rng=rng())
    twice = [np.tile(values, 2) for values in (time, event, arm, np.arange(2000))]
    twins = mixed_proportional_hazards(*twice[:3], [4, 13], cluster=twice[3], rng=rng())
    plain = mixed_proportional_hazards(time, event, arm, [4, 13], rng=rng())
    for one, two, none in zip(found.ratios.estimates, twins.ratios.estimates, plain.ratios.estimates, strict=True):
        assert two.value == pytest.approx(one.value, rel=1e-5)
        assert two.std_error == pytest.approx(one.std_error, rel=1e-4)
        assert none.value == one.value
        assert none.std_error == pytest.approx(one.std_error, rel=0.05)
        assert none.std_error != one.std_error


TIME, EVENT, ARM = [1, 2, 3, 4, 5, 6, 2, 3, 5, 8], [1] * 9 + [0], [1] * 5 + [0] * 5
WRONG = [
    ({"mass_points": 4}, "mass_points is 4; must be 1, 2 or 3"),
    ({"mass_points": True}, "mass_points is True"),
    ({"starts": 0}, "starts is 0; must be a whole number from 1 on"),
    ({"cuts": [4, 4]}, r"cuts is \[4.0, 4.0\]; must be whole weeks from 1 on, and increasing"),
    ({"cuts": [2.5]}, "cuts is"),
    ({"windows": [0]}, "windows is"),
    ({"windows": [np.inf]}, "windows is"),
    ({"cuts": [0.0], "grouped": False}, "cuts is .* must be above 0, and increasing"),
    ({"time": [1.5, *TIME[1:]]}, "time has the value 1.5; must be whole weeks"),
    ({"time": [0, *TIME[1:]]}, "time is 0 for 1 people with the event"),
    ({"time": [0, *TIME[1:]], "grouped": False}, "time is 0 for 1 people with the event"),
    ({"time": [-1, *TIME[1:]]}, "time has the value -1"),
    ({"time": [np.nan, *TIME[1:]]}, "time has 1 missing"),
    ({"event": [2, *EVENT[1:]]}, "event has the value 2"),
    ({"treated": ARM[1:]}, "treated has 9 rows"),
    ({"level": 1.0}, "level is 1.0"),
    ({"covariates": np.full(10, np.nan)}, "covariates, column 'covariate 1', has 10 missing"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_arguments_that_are_wrong(change, message):
    known = {"time": TIME, "event": EVENT, "treated": ARM, "cuts": [4], "rng": rng()} | change
    with pytest.raises(InvalidInput, match=message):
        mixed_proportional_hazards(
            known.pop("time"), known.pop("event"), known.pop("treated"), known.pop("cuts"), **known
        )


CANNOT = [
    ({"event": [0] * 10}, "none of 10 people had the event"),
    ({"treated": [1] * 10}, "nobody in the control arm"),
    ({"event": [1] * 5 + [0] * 5}, "nobody in the control arm had the event"),
    ({"windows": [5]}, "nobody in the treated arm had the event in the window over 5"),
    (
        {"cuts": [5], "event": [1] * 10, "time": [1, 2, 3, 4, 5, 6, 2, 3, 5, 6]},
        "everyone at risk in the weeks over 5 had the event",
    ),
    ({"covariates": np.array(ARM)}, "the covariates or strata determine the treatment"),
    ({"covariates": np.array(EVENT)}, "covariate 1 separates those with the event from those without"),
    ({"cluster": [1] * 10}, "1 clusters in the treated arm"),
    ({"covariates": np.vander(np.arange(10) / 3, 12)}, "determine the treatment"),
]


@pytest.mark.parametrize(("change", "message"), CANNOT, ids=[str(i) for i in range(len(CANNOT))])
def test_what_cannot_be_estimated(change, message):
    known = {"time": TIME, "event": EVENT, "treated": ARM, "cuts": [4], "rng": rng()} | change
    with pytest.raises(NotEstimable, match=message):
        mixed_proportional_hazards(
            known.pop("time"), known.pop("event"), known.pop("treated"), known.pop("cuts"), **known
        )


def test_nothing_given_is_changed():
    time, event, arm, x = draw(2, 200, slope=0.3)
    given_before = [values.copy() for values in (time, event, arm, x)]
    mixed_proportional_hazards(time, event, arm, [4], covariates=x, rng=rng(), starts=1)
    assert all(np.array_equal(a, b) for a, b in zip(given_before, (time, event, arm, x), strict=True))
