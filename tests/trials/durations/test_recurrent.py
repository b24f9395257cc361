"""Recurrent spells as in R, and two spells against a naive likelihood, two separate fits and simulated returns."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.durations.mixed_hazard import mixed_proportional_hazards
from analysis_lib.trials.durations.recurrent import recurrent_hazard_ratios
from analysis_lib.trials.durations.two_spells import two_spell_model

REFERENCE = Path(__file__).parents[2] / "reference"
SPELLS = pd.read_csv(REFERENCE / "mixed_people.csv").query("case == 'spells'").reset_index(drop=True)
ANSWERS = pd.read_csv(REFERENCE / "mixed_answers.csv").query("case == 'spells'")


def expected(call):
    rows = ANSWERS[ANSWERS["call"] == call]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


def ratios(d=SPELLS, **options):
    return recurrent_hazard_ratios(d["time"], d["event"], d["treated"], d["person"], d["spell"], **options).estimates


@pytest.mark.parametrize(
    ("call", "options"),
    [
        ("all", {}),
        ("all age", {"covariates": SPELLS["age"]}),
        ("all cluster", {"cluster": SPELLS["cluster"]}),
        ("all breslow", {"ties": "breslow"}),
    ],
)
def test_ratio_over_all_spells_as_coxph_in_r(call, options):
    row, wanted = ratios(**options)[0], expected(call)
    assert np.log(row.value) == pytest.approx(wanted["log_ratio"], rel=1e-6)
    assert row.std_error == pytest.approx(wanted["std_error"], rel=1e-6)
    assert row.group == "all spells"
    assert (row.n, row.n_treated) == (200, SPELLS.loc[SPELLS["treated"] == 1, "person"].nunique())
    assert row.n_clusters == (25 if "cluster" in options else 200)
    assert row.note.startswith(f"{len(SPELLS)} spells of 200 people")


@pytest.mark.parametrize("covariate", [None, "age"])
def test_ratio_by_spell_number_as_coxph_in_r(covariate):
    rows = ratios(covariates=None if covariate is None else SPELLS[[covariate]])
    assert len(rows) == 5
    for j, row in enumerate(rows[1:], start=1):
        wanted = expected(f"spell {j}" if covariate is None else f"spell {j} age")
        assert np.log(row.value) == pytest.approx(wanted["log_ratio"], rel=1e-6)
        assert row.std_error == pytest.approx(wanted["std_error"], rel=1e-6)
        assert row.group == f"spell {j}"
        assert row.n == (SPELLS["spell"] == j).sum()


def test_a_spell_number_that_few_reach_is_empty_and_the_rest_stands():
    d = SPELLS.copy()
    last = d["person"] == d.loc[d["spell"] == 4, "person"].iloc[0]
    more = d[last & (d["spell"] == 4)].assign(spell=5)
    d.loc[last & (d["spell"] == 4), "event"] = 1
    rows = ratios(pd.concat([d, more], ignore_index=True))
    assert [row.estimated for row in rows] == [True] * 5 + [False]
    assert rows[5].reason.startswith("nobody in the")
    assert (rows[5].n, rows[5].group, rows[5].note) == (1, "spell 5", "1 spells of 1 people")
    assert np.isnan(rows[5].value)


def test_order_and_labels_of_spells_do_not_matter():
    mixed = SPELLS.sample(frac=1, random_state=1)
    mixed["person"] = "p" + mixed["person"].astype(str)
    for one, two in zip(ratios(), ratios(mixed), strict=True):
        assert (two.value, two.std_error) == pytest.approx((one.value, one.std_error), rel=1e-8)


def test_spells_that_do_not_fit_together():
    time, event, arm, who, number = [3, 4, 5, 6], [1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 2, 2], [1, 2, 1, 2]
    for change, message in [
        ({"number": [1, 3, 1, 2]}, "spell is not 1, 2, ... without a gap or a repeat for 1 people, first person 1"),
        ({"number": [1, 1, 1, 2]}, "spell is not 1, 2"),
        ({"number": [0, 1, 1, 2]}, "spell is not 1, 2"),
        ({"event": [1, 1, 0, 1]}, "event is 0 in a spell before the last for 1 people, first person 2"),
        ({"arm": [1, 0, 0, 0]}, "treated differs between spells for 1 people, first person 1"),
        ({"cluster": [1, 2, 3, 3]}, "cluster differs between spells of a person"),
        ({"who": [1, 1, 2, None]}, "person is missing for 1 people"),
        ({"time": [3, -4, 5, 6]}, "time has the value -4"),
        ({"covariates": [1, 2, 3, np.nan]}, "covariates, column 'covariate 1', has 1 missing"),
    ]:
        known = {"time": time, "event": event, "arm": arm, "who": who, "number": number} | change
        given = [known.pop(name) for name in ("time", "event", "arm", "who", "number")]
        with pytest.raises(InvalidInput, match=message.replace("...", r"\.\.\.")):
            recurrent_hazard_ratios(*given, **known)
    with pytest.raises(NotEstimable, match="nobody in the control arm"):
        recurrent_hazard_ratios(time, event, [1] * 4, who, number)


# Two spells


def draw(seed, n, *, first=(0.4, 1.6), second=(1.6, 0.4), lag=0.3, effects=(0.3, -0.25), slope=(0.0, 0.0)):
    """People of two types in equal shares; the return is not seen of those who did not leave within 40 weeks."""
    source = np.random.default_rng(seed)
    arm, x, kind = np.arange(n) % 2, source.normal(size=n), (source.random(n) < 0.5).astype(int)
    rate = 0.08 * np.exp(effects[0] * arm + slope[0] * x) * np.array(first)[kind]
    left = np.ceil(source.exponential(size=n) / rate)
    gone = left <= 40
    rate = 0.015 * np.exp(effects[1] * arm + slope[1] * x + lag * np.log(left)) * np.array(second)[kind]
    back = np.ceil(source.exponential(size=n) / rate)
    seen = np.where(gone, np.minimum(back, 60), np.nan)
    return np.minimum(left, 40), gone.astype(int), seen, np.where(gone, back <= 60, np.nan), arm, x


def fit(people, **options):
    known = {
        "first_cuts": [8], "second_cuts": [13], "left_within": 40, "returned_within": 52,
        "rng": np.random.default_rng(1),
    } | options  # fmt: skip
    return two_spell_model(*people[:5], **known)


class Naive:
    """Both spells of each person, week by week; type 2 has levels of its own in both spells, its share as a logit.

    Parameters: log hazards of type 1 (2 intervals), effect and slope in the first spell; the same and the lag's in the
    second; then the type's levels and logit.
    """

    def __init__(self, people, lag):
        time, event, again, returned, self.arm, self.x = people
        self.gone = event == 1
        self.time, self.event = time.astype(int), event == 1
        self.again, self.returned = np.where(self.gone, again, 0).astype(int), self.gone & (returned == 1)
        self.lag = np.column_stack([np.where(self.gone, column, 0.0) for column in lag(time)])
        self.lag_of = lag

    def unpack(self, params):
        k = self.lag.shape[1]
        one, two, lags, rest = np.split(params, [4, 8, 8 + k])
        return one, two, lags, rest

    def log_hazards(self, weeks, cut, part):
        """Return by arm the log hazard of each week for a person with covariate 0."""
        base = np.where(np.arange(1, weeks + 1) <= cut, part[0], part[1])
        return [base, base + part[2]]

    def chance(self, time, event, log_hazard, shift):
        """Return each person's chance of what was seen, given the log hazards by arm, and a shift."""
        rates = np.exp(np.array(log_hazard))[self.arm] * np.exp(shift)[:, None]
        weeks = np.arange(1, rates.shape[1] + 1)
        stayed = np.exp(-np.sum(rates * (weeks <= (time - event)[:, None]), axis=1))
        now = np.sum(rates * (weeks == time[:, None]), axis=1)
        return np.where(event, stayed * (1 - np.exp(-now)), stayed)

    def __call__(self, params):
        one, two, lags, (v1, v2, logit) = self.unpack(params)
        share, total = 1 / (1 + np.exp(-logit)), 0.0
        for p, a, b in ((1 - share, 0.0, 0.0), (share, v1, v2)):
            first = self.chance(self.time, self.event, self.log_hazards(40, 8, one), a + self.x * one[3])
            shift = b + self.x * two[3] + self.lag @ lags
            second = self.chance(self.again, self.returned, self.log_hazards(60, 13, two), shift)
            total = total + p * first * np.where(self.gone, second, 1.0)
        return -np.sum(np.log(total))

    def risks(self, params, left=40, returned=52):
        """Return R(1,1,1), R(1,1,0), R(1,0,0), R(0,0,0), person by person and week by week."""
        one, two, lags, (v1, v2, logit) = self.unpack(params)
        share, weeks = 1 / (1 + np.exp(-logit)), np.arange(1, left + 1)
        lag = np.column_stack(self.lag_of(weeks.astype(float))) @ lags
        above, below = np.zeros(4), np.zeros(4)
        for x in np.unique(self.x):
            for p, a, b in ((1 - share, 0.0, 0.0), (share, v1, v2)):
                leaves, back = [], []
                for arm in (0, 1):
                    passed = np.cumsum(np.exp(self.log_hazards(left, 8, one)[arm] + a + x * one[3]))
                    stays = np.exp(-np.append(0.0, passed))
                    leaves.append(stays[:-1] - stays[1:])
                    hazard = np.exp(self.log_hazards(returned, 13, two)[arm] + b + x * two[3]).sum()
                    back.append(1 - np.exp(-hazard * np.exp(lag)))
                for k, (who, long, direct) in enumerate([(1, 1, 1), (1, 1, 0), (1, 0, 0), (0, 0, 0)]):
                    weight = p * np.sum(self.x == x) * leaves[who].sum()
                    above[k] += weight * np.sum(leaves[long] / leaves[long].sum() * back[direct])
                    below[k] += weight
        return above / below


def by_log(time):
    return [np.log(time)]


def by_span(time):
    return [(time > 4) & (time <= 13), time > 13]


def derivative(function, at, step=1e-5):
    return np.array([(function(at + e) - function(at - e)) / (2 * step) for e in np.eye(len(at)) * step]).T


def second_derivative(function, at, step=2e-4):
    size, eye = len(at), np.eye(len(at)) * step
    found = np.empty((size, size))
    for i in range(size):
        for j in range(i + 1):
            corners = [function(at + a * eye[i] + b * eye[j]) for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
            found[i, j] = found[j, i] = (corners[0] - corners[1] - corners[2] + corners[3]) / (4 * step**2)
    return found


CASES = [("log", by_log, ["the logarithm of the first duration"]),
         ([4, 13], by_span, ["a first duration over 4 to 13", "a first duration over 13"])]  # fmt: skip


@pytest.fixture(scope="module", params=CASES, ids=["log", "spans"])
def both(request):
    """The model's answer, the naive maximum, and its covariance."""
    lagged, columns, names = request.param
    people = draw(11, 500, slope=(0.3, -0.2), first=(0.3, 1.7), second=(1.8, 0.3))
    people = (*people[:5], np.round(people[5]))
    naive = Naive(people, columns)
    start = np.array(
        [-3.7, -3.7, 0.3, 0.3, -3.9, -3.9, -0.2, -0.2, *[0.3] * len(names), np.log(1.7 / 0.3), np.log(0.3 / 1.8), 0.0]
    )
    best = optimize.minimize(naive, start, method="BFGS", options={"gtol": 1e-5, "maxiter": 300}).x
    found = fit(people, lagged=lagged, covariates=people[5])
    return found, naive, best, np.linalg.inv(second_derivative(naive, best)), names


def test_two_spells_as_naive_likelihood(both):
    found, naive, best, covariance, names = both
    assert found.mixed.log_likelihood == pytest.approx(-naive(best), abs=1e-5)
    errors = np.sqrt(np.diag(covariance))
    places = [2, 3, 6, 7, *range(8, 8 + len(names))]
    rows = [
        found.mixed.hazards[0].ratios[0], found.mixed.hazards[0].covariates[0], found.mixed.hazards[1].ratios[0],
        *found.mixed.hazards[1].covariates,
    ]  # fmt: skip
    assert [np.log(row.value) for row in rows] == pytest.approx(best[places], abs=1e-4)
    assert [row.std_error for row in rows] == pytest.approx(errors[places], rel=3e-3)
    assert [row.outcome for row in rows] == ["first spell"] * 2 + ["second spell"] * (2 + len(names))
    assert found.mixed.n_parameters == len(best)
    lagged = found.lagged.estimates[len(names) :]
    assert [row.estimand for row in lagged] == [f"hazard ratio of {name}" for name in names]
    assert lagged == tuple(rows[4:])
    assert [row.method.split(", ")[-1] for row in found.ratios.estimates] == ["no heterogeneity"] * 2 + [
        "2 mass points"
    ] * 2
    assert found.ratios.estimates[2:] == (rows[0], rows[2])
    assert (rows[0].n, rows[2].n) == (500, naive.gone.sum())


def test_points_in_both_spells_as_naive_likelihood(both):
    found, naive, best, covariance, _ = both
    share = 1 / (1 + np.exp(-best[-1]))
    first, second, point, _, _, other = found.mixed.points.estimates
    high = best[-3] > 0
    # the point with the smaller multiplier of the first spell comes first
    assert other.value == pytest.approx(share if high else 1 - share, abs=1e-4)
    assert point.value + other.value == pytest.approx(1)
    for row, level in ((first, best[-3]), (second, best[-2])):
        mean = share * np.exp(level) + 1 - share
        assert row.value == pytest.approx((1.0 if high else np.exp(level)) / mean, rel=3e-4)
    assert point.std_error == pytest.approx(share * (1 - share) * np.sqrt(covariance[-1, -1]), rel=3e-3)
    mean = share * np.exp(best[-3]) + 1 - share
    at_mean = best[:2] + best[3] * naive.x.mean() + np.log(mean)
    assert np.log(found.mixed.hazards[0].baseline.y) == pytest.approx(at_mean, abs=3e-4)
    mean = share * np.exp(best[-2]) + 1 - share
    lag = naive.lag[naive.gone].mean(axis=0) @ best[8:-3]
    # covariates are centred at the mean of all people, the lag at that of those who left
    at_mean = best[4:6] + best[7] * naive.x.mean() + lag + np.log(mean)
    assert np.log(found.mixed.hazards[1].baseline.y) == pytest.approx(at_mean, abs=3e-4)


def test_decomposition_as_naive_risks(both):
    found, naive, best, covariance, _ = both
    wanted = naive.risks(best)
    slope = derivative(naive.risks, best)
    of_risks = slope @ covariance @ slope.T
    contrasts = np.array([[1, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, -1], [1, -1, 0, 0], [0, 1, -1, 0], [0, 0, 1, -1]])
    rows = found.decomposition.estimates[7:]
    for row, contrast in zip(rows[:6], contrasts, strict=True):
        assert row.value == pytest.approx(contrast @ wanted, abs=1e-4)
        assert row.std_error == pytest.approx(np.sqrt(contrast @ of_risks @ contrast), rel=0.01)
    assert rows[2].value == pytest.approx(sum(row.value for row in rows[3:6]), abs=1e-12)
    assert rows[0].value - rows[1].value == pytest.approx(rows[2].value, abs=1e-12)
    if rows[6].estimated:
        assert rows[6].value == pytest.approx(rows[3].value / rows[2].value)
    else:
        assert rows[2].interval.low <= 0 <= rows[2].interval.high
    assert {row.outcome for row in rows} == {"second spell"}
    assert {row.note for row in rows if row.estimated} == {"of those who leave the first spell within 40 weeks"}


def test_decomposition_as_people_drawn_from_the_estimates():
    """Durations drawn from what the result reports (baselines, multipliers, shares, ratios): the same risk."""
    found = fit(draw(3, 4000))
    first, second = found.mixed.hazards
    rows = found.mixed.points.estimates
    shares, source, n = np.array([rows[2].value, rows[5].value]), np.random.default_rng(8), 400_000
    people = draw(3, 4000)
    mean_lag = np.log(people[0][people[1] == 1]).mean()
    for arm, row in ((1, found.decomposition.estimates[7]), (0, found.decomposition.estimates[8])):
        kind = (source.random(n) > shares[0]).astype(int)
        force = np.array([rows[0].value, rows[3].value])[kind] * first.ratios.estimates[0].value ** arm
        weeks = np.ceil(walk(source.exponential(size=n) / force, first.baseline))
        force = np.array([rows[1].value, rows[4].value])[kind] * second.ratios.estimates[0].value ** arm
        force = force * second.covariates.estimates[0].value ** (np.log(weeks) - mean_lag)
        back = np.ceil(walk(source.exponential(size=n) / force, second.baseline))
        leavers = weeks <= 40
        share = np.mean(back[leavers] <= 52)
        assert row.value == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / leavers.sum()))


def walk(passed, curve):
    """Return the time at which the integrated hazard of a curve with two steps comes to `passed`."""
    cut = curve.x[1]
    early = passed <= cut * curve.y[0]
    return np.where(early, passed / curve.y[0], cut + (passed - cut * curve.y[0]) / curve.y[1])


def test_without_heterogeneity_the_spells_are_apart():
    people = draw(4, 1500, slope=(0.2, 0.1))
    found = fit(people, covariates=people[5], mass_points=1, second_windows=[26], first_windows=[8])
    gone = people[1] == 1
    first = mixed_proportional_hazards(
        people[0],
        people[1],
        people[4],
        [8],
        windows=[8],
        covariates=people[5],
        mass_points=1,
        rng=np.random.default_rng(1),
    )
    second = mixed_proportional_hazards(
        people[2][gone], people[3][gone], people[4][gone], [13], windows=[26], mass_points=1, rng=np.random.default_rng(1),
        covariates=np.column_stack([people[5], np.log(people[0])])[gone],
    )  # fmt: skip
    assert found.without.log_likelihood == pytest.approx(
        first.without.log_likelihood + second.without.log_likelihood, abs=1e-8
    )
    both = first.ratios.estimates + second.ratios.estimates
    assert len(found.ratios) == 4
    for row, alone in zip(found.ratios.estimates, both, strict=True):
        assert (row.value, row.std_error) == pytest.approx((alone.value, alone.std_error), rel=1e-7)
        assert (row.group, row.n, row.n_treated) == (alone.group, alone.n, alone.n_treated)
    lag = second.without.hazards[0].covariates.estimates[1]
    assert found.lagged.estimates[0].value == pytest.approx(lag.value, rel=1e-7)
    assert found.lagged.estimates[0].std_error == pytest.approx(lag.std_error, rel=1e-7)
    assert found.mixed is not None
    assert found.check.passed is None


def test_independent_heterogeneity_is_two_fits_apart():
    people = draw(6, 4000, second=(0.3, 1.7))
    order = np.random.default_rng(2).permutation(4000)
    gone = people[1] == 1
    found = fit(people, dependence="independent", lagged=[8])
    options = {"rng": np.random.default_rng(1)}
    first = mixed_proportional_hazards(people[0], people[1], people[4], [8], **options)
    late = (people[0][gone] > 8).astype(float)
    second = mixed_proportional_hazards(
        people[2][gone], people[3][gone], people[4][gone], [13], covariates=late, **options
    )  # fmt: skip
    assert found.mixed.log_likelihood == pytest.approx(
        first.mixed.log_likelihood + second.mixed.log_likelihood, abs=1e-6
    )
    for row, alone in zip(found.ratios.estimates[2:], (first.ratios[1], second.ratios[1]), strict=True):
        assert row.value == pytest.approx(alone.value, rel=1e-5)
        assert row.std_error == pytest.approx(alone.std_error, rel=1e-4)
        assert "the heterogeneity of the two spells is taken as independent" in row.note
    assert found.mixed.mass_points == 4
    assert found.mixed.n_parameters == first.mixed.n_parameters + second.mixed.n_parameters
    shares = [row.value for row in found.mixed.points.estimates[2::3]]
    alone = [[f.mixed.points.estimates[k].value for k in (1, 3)] for f in (first, second)]
    assert shares == pytest.approx(np.outer(*alone).ravel(), rel=1e-3)
    # four joint points have independent heterogeneity as a special case
    joint = fit(tuple(values[order] for values in people), lagged=[8], mass_points=4)
    assert joint.mixed.log_likelihood > found.mixed.log_likelihood - 1e-6 or joint.mixed.mass_points < 4


def test_people_who_never_leave_have_no_second_hazard():
    people = draw(11, 3000, first=(1e-6, 1.0), second=(1.0, 1.0))
    found = fit(people)
    _, second, share, first, again, _ = found.mixed.points.estimates
    assert found.mixed.points.estimates[0].value == 0
    assert second.reason == "people of this mass point do not leave the first spell"
    assert share.value == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(3000))
    assert first.value * (1 - share.value) == pytest.approx(1)
    assert again.value == pytest.approx(1, rel=1e-9)
    # the stayers tell nothing of the second spell
    gone = people[1] == 1
    alone = mixed_proportional_hazards(
        people[2][gone], people[3][gone], people[4][gone], [13], covariates=np.log(people[0][gone]), mass_points=1,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    assert found.ratios.estimates[3].value == pytest.approx(alone.ratios.estimates[0].value, rel=1e-6)
    assert found.ratios.estimates[3].std_error == pytest.approx(alone.ratios.estimates[0].std_error, rel=1e-5)
    # among those who leave all are alike: who they are makes no difference
    reason = found.decomposition.estimates[12].reason or found.decomposition.estimates[12].value
    assert reason == pytest.approx(0, abs=1e-9) if isinstance(reason, float) else reason.startswith("all people")


def test_clusters_and_a_sample_of_people_for_the_errors():
    """With more than 1,000 different people the error of a risk is from a sample of them: near that of all."""
    people = draw(9, 1600, slope=(0.2, 0.2))
    cluster = np.arange(1600) // 2
    coarse = np.round(people[5], 1)
    fine = coarse + np.linspace(-1e-5, 1e-5, 1600)
    one, two = (fit(people, covariates=x, mass_points=1, cluster=cluster) for x in (coarse, fine))
    for a, b in zip(one.decomposition.estimates[:6], two.decomposition.estimates[:6], strict=True):
        assert b.value == pytest.approx(a.value, abs=1e-5)
        assert b.std_error == pytest.approx(a.std_error, rel=0.05)
        assert b.n_clusters == 800
    plain = fit(people, covariates=coarse, mass_points=1)
    assert plain.ratios.estimates[0].value == one.ratios.estimates[0].value
    assert plain.ratios.estimates[0].std_error != one.ratios.estimates[0].std_error
    assert "standard error robust to clusters" in one.ratios.estimates[0].method


def test_horizons_beyond_what_was_seen_leave_the_risks_empty():
    found = fit(draw(2, 800), mass_points=1, left_within=41)
    assert all(row.reason for row in found.decomposition.estimates)
    assert (
        found.decomposition.estimates[0].reason
        == "first spell: an arm was seen for 40 weeks only, and 41 are asked for"
    )
    assert found.ratios.estimates[0].estimated
    late = fit(draw(2, 800), mass_points=1, returned_within=61)
    assert "second spell: an arm was seen for 60 weeks only" in late.decomposition.estimates[0].reason


def test_no_effect_has_no_direct_share():
    people = draw(12, 600, effects=(0.0, 0.0))
    rows = fit(people, mass_points=1).decomposition.estimates
    assert rows[2].interval.low < 0 < rows[2].interval.high
    assert rows[6].reason == "the interval of the effect includes 0: there is no share of it to tell"
    assert rows[5].reason == "all people are alike to this model: who leaves makes no difference"


WRONG = [
    ({"mass_points": 5}, "mass_points is 5; must be 1 to 4"),
    ({"dependence": "some"}, "dependence is 'some'"),
    ({"lagged": "linear"}, "lagged is 'linear'"),
    ({"lagged": []}, "lagged is empty"),
    ({"lagged": [4.5]}, "lagged is"),
    ({"left_within": 0}, "left_within is 0"),
    ({"returned_within": 5.5}, "returned_within is 5.5"),
    ({"first_cuts": [8, 4]}, "first_cuts is"),
    ({"second_windows": [0]}, "second_windows is"),
    ({"starts": 1.5}, "starts is 1.5"),
    ({"level": 0.0}, "level is 0.0"),
    ({"covariates": np.ones(3)}, "covariates has 3 rows"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_options_that_are_wrong(change, message):
    with pytest.raises(InvalidInput, match=message):
        fit(draw(1, 200), **change)


def test_times_that_are_wrong():
    people = draw(1, 200)
    gone = np.flatnonzero(people[1] == 1)
    for place, row, value, message in [
        (0, gone[0], 2.5, "first_time has the value 2.5"),
        (0, gone[0], 0, "first_time is 0 for 1 people with the event"),
        (1, 0, 2, "first_event has the value 2"),
        (2, gone[0], np.nan, "second_time has 1 missing"),
        (2, gone[0], 2.5, "second_time has the value 2.5"),
        (3, gone[0], np.nan, "second_event has 1 missing"),
    ]:
        wrong = [np.array(values, dtype=float) for values in people]
        wrong[place][row] = value
        with pytest.raises(InvalidInput, match=message):
            fit(wrong)
    with pytest.raises(InvalidInput, match=r"second_time has the shape \(3,\)"):
        fit((*people[:2], np.ones(3), *people[3:]))


def test_what_cannot_be_estimated():
    people = draw(1, 200)
    time, event, again, returned, arm, _ = people
    nobody = np.where(event == 1, 0, np.nan)
    for given, options, message in [
        ((time, 0 * event, again, returned, arm), {}, "first spell: nobody in the treated arm had the event"),
        ((time, event, again, nobody, arm), {}, "second spell: nobody in the treated arm had the event"),
        ((time, event, again, returned, 0 * arm), {}, "first spell: nobody in the treated arm"),
        ((np.where(np.arange(200) < 190, 3, 9), np.arange(200) < 190, np.arange(200) % 30 + 1, np.ones(200), arm), {"first_cuts": []}, "all first durations are equal"),
        (people, {"lagged": [60]}, "nobody left the first spell in the weeks over 60"),
        (people, {"second_windows": [60]}, "second spell: nobody in the .* arm had the event in the window over 60"),
        (people, {"covariates": np.log(time) * event + 5 * (1 - event)}, "columns are combinations of others: the logarithm"),
        (people, {"cluster": np.ones(200)}, "1 clusters in the treated arm"),
        (people, {"covariates": event}, "columns are combinations of others: covariate 1"),
        (people, {"covariates": 1.0 * (returned == 0)}, "covariate 1 separates those with the event"),
    ]:  # fmt: skip
        with pytest.raises(NotEstimable, match=message):
            fit(given, **options)
