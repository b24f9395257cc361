"""Effects week by week: R's answers, one week as the estimate of that week, shares as their indicators."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.register.states import state_shares
from analysis_lib.results import Message
from analysis_lib.trials.effects import effect_of_shares, effect_over_time, lin_adjusted
from analysis_lib.trials.effects.over_time import EffectOverTime

REFERENCE = Path(__file__).parents[2] / "reference"
CLOSED_FORM = 1e-8
COURSE = pd.read_csv(REFERENCE / "effects_more_weeks.csv")
ANSWERS = pd.read_csv(REFERENCE / "effects_more_answers.csv").query("case == 'course'")
WEEKS = COURSE.filter(like="w").to_numpy(float)
DRAWS = 40_000


def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def wanted(call: str) -> dict[str, float]:
    rows = ANSWERS[ANSWERS["call"] == call]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


def found(how: str, **options) -> EffectOverTime:
    by = {"cluster": COURSE["cluster"]} if how == "clusters" else {}
    return effect_over_time(WEEKS, COURSE["treated"], covariates=COURSE[["age"]], rng=rng(), **(by | options))


@pytest.mark.parametrize("how", ["people", "clusters"])
def test_weeks_as_in_r(how):
    course = found(how)
    for week in range(12):
        values = {
            "value": course.difference.y[week], "std_error": course.std_error[week], "df": course.df[week]
        }  # fmt: skip
        assert values == pytest.approx(wanted(f"{how} {week + 1}"), rel=CLOSED_FORM)


@pytest.mark.parametrize("how", ["people", "clusters"])
def test_width_of_the_band_as_mvtnorm(how):
    """R's qmvnorm for the correlation of the stacked regression's CR2, exact to 1e-5; ours from draws."""
    critical = wanted(f"{how} band")["critical"]
    course = found(how, draws=DRAWS)
    # 4 Monte Carlo errors of the quantile: that of its share, over the density there
    density = 0.02 / (found(how, draws=DRAWS, level=0.96).critical - found(how, draws=DRAWS, level=0.94).critical)
    assert course.critical == pytest.approx(critical, abs=4 * np.sqrt(0.95 * 0.05 / DRAWS) / density)
    half = course.simultaneous.high - course.difference.y
    tail = stats.norm.sf(course.critical)
    assert half == pytest.approx(stats.t.isf(tail, course.df) * course.std_error, rel=1e-12)


def test_a_week_is_the_estimate_of_that_week():
    """Whoever is observed, and whatever is given: lin_adjusted of the week's values."""
    random = np.random.default_rng(3)
    n = 300
    treated, block = random.permutation(np.repeat([1, 0], 150)), random.integers(0, 4, n)
    cluster, x = random.integers(0, 30, n), random.normal(size=(n, 2))
    values = random.normal(size=(n, 5)) + block[:, None]
    values[random.random(n) < 0.3, 2:] = np.nan
    values[random.random(n) < 0.2, 4] = np.nan
    for given in ({}, {"block": block}, {"cluster": cluster}, {"block": block, "cluster": cluster}):
        course = effect_over_time(values, treated, covariates=x, rng=rng(), **given)
        for week in range(5):
            seen = ~np.isnan(values[:, week])
            one = lin_adjusted(
                values[seen, week], treated[seen], x[seen], **{name: label[seen] for name, label in given.items()}
            )
            row = (
                course.difference.y[week], course.std_error[week], course.df[week],
                course.difference.low[week], course.difference.high[week],
            )  # fmt: skip
            assert row == pytest.approx(
                (one.value, one.std_error, one.df, one.interval.low, one.interval.high), rel=CLOSED_FORM
            )
            assert course.difference.at_risk[week] == one.n
            assert (course.treated.at_risk[week], course.control.at_risk[week]) == (one.n_treated, one.n_control)
        assert course.treated.y - course.control.y == pytest.approx(course.difference.y)


def test_arms_are_their_means_without_covariates():
    course = effect_over_time(WEEKS, COURSE["treated"], rng=rng())
    treated = COURSE["treated"] == 1
    for curve, arm in ((course.treated, treated), (course.control, ~treated)):
        assert curve.y == pytest.approx(WEEKS[arm].mean(axis=0))
        error = WEEKS[arm].std(axis=0, ddof=1) / np.sqrt(arm.sum())
        assert curve.high - curve.y == pytest.approx(stats.t.ppf(0.975, arm.sum() - 1) * error)


def test_cumulated_weeks_are_the_effect_on_their_sum():
    course = found("people", cumulative=True)
    total = lin_adjusted(WEEKS.sum(axis=1), COURSE["treated"], COURSE[["age"]])
    assert (course.difference.y[-1], course.std_error[-1]) == pytest.approx((total.value, total.std_error))
    assert course.difference.y == pytest.approx(np.cumsum(found("people").difference.y))
    gap = WEEKS.copy()
    gap[:20, 5] = np.nan
    seen = effect_over_time(gap, COURSE["treated"], cumulative=True, rng=rng()).difference.at_risk
    assert seen.tolist() == [180] * 5 + [160] * 7


def test_band_of_one_week_is_its_interval_and_of_copies_too():
    one = effect_over_time(WEEKS[:, :1], COURSE["treated"], rng=rng(), draws=DRAWS)
    copies = effect_over_time(np.repeat(WEEKS[:, :1], 4, axis=1), COURSE["treated"], rng=rng(), draws=DRAWS)
    # 4 Monte Carlo errors of the quantile: its density is that of |Z| at 1.96
    margin = 4 * np.sqrt(0.95 * 0.05 / DRAWS) / (2 * stats.norm.pdf(1.96))
    for course in (one, copies):
        assert course.critical == pytest.approx(1.96, abs=margin)


def test_band_of_independent_weeks_is_sidaks():
    random = np.random.default_rng(1)
    values = np.linalg.qr(random.normal(size=(400, 10)))[0]  # residuals stay all but uncorrelated
    course = effect_over_time(values, np.repeat([1, 0], 200), rng=rng(), draws=DRAWS)
    sidak = stats.norm.ppf((1 + 0.95**0.1) / 2)
    assert course.critical == pytest.approx(sidak, abs=0.03)


@pytest.mark.parametrize("clustered", [False, True])
def test_band_follows_people_and_clusters_from_week_to_week(clustered):
    """Two weeks with other people missing: the width is the bivariate normal's, of the correlation written out."""
    random = np.random.default_rng(8)
    unit = np.repeat(np.arange(40), 5 if clustered else 1)
    treated = unit % 2
    one = random.normal(size=len(unit)) + 2 * random.normal(size=40)[unit]
    values = np.column_stack([one, one + 0.1 * random.normal(size=len(unit))])
    values[np.isin(unit, range(8)), 0] = np.nan
    values[np.isin(unit, range(28, 40)), 1] = np.nan
    scores = np.zeros((40, 2))
    for week in range(2):
        for arm in (0, 1):
            rows = (treated == arm) & ~np.isnan(values[:, week])
            residual = np.where(rows, values[:, week] - values[rows, week].mean(), 0)
            units = len(np.unique(unit[rows]))
            # with clusters of one size CR2, as HC2, is the variance of m means about theirs, over m - 1
            scores[:, week] += (-1) ** arm * np.bincount(unit, residual) / (rows.sum() * np.sqrt((units - 1) / units))
    course = effect_over_time(values, treated, cluster=unit if clustered else None, draws=DRAWS, rng=rng())
    assert course.std_error == pytest.approx(np.linalg.norm(scores, axis=0))
    correlation = scores[:, 0] @ scores[:, 1] / np.prod(np.linalg.norm(scores, axis=0))
    c = course.critical
    normal = stats.multivariate_normal(cov=[[1, correlation], [correlation, 1]])
    inside = normal.cdf([c, c], lower_limit=[-c, -c])
    assert inside == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / DRAWS))
    assert 0.2 < abs(correlation) < 0.8


def test_a_week_without_variation_has_its_difference_and_no_band():
    values = np.column_stack([np.ones(180), WEEKS, np.zeros(180)])
    course = effect_over_time(values, COURSE["treated"], rng=rng())
    assert course.difference.y[[0, -1]] == pytest.approx([0, 0], abs=1e-12)
    for curve in (course.difference, course.simultaneous, course.treated):
        assert np.isnan(curve.low[[0, -1]]).all()
    plain = effect_over_time(WEEKS, COURSE["treated"], rng=rng())
    assert course.critical == plain.critical
    assert course.note == (
        "no interval in 2 weeks (the outcome has no variation left to estimate a standard error from)"
    )
    assert isinstance(course.note, Message)


def test_weeks_with_too_few_people_are_empty():
    values = WEEKS.copy()
    values[COURSE["treated"] == 1, 10:] = np.nan
    values[:, 11] = np.nan
    course = effect_over_time(values, COURSE["treated"], rng=rng())
    assert np.isnan(course.difference.y[10:]).all()
    assert course.difference.at_risk.tolist() == [180] * 10 + [0, 0]
    assert course.note == "no interval in 2 weeks (0 people in the treated arm; two are needed)"


def test_blocks_and_columns_left_out_are_said():
    block = np.where(COURSE["id"] <= 2, "tiny", "big")
    treated = COURSE["treated"].where(COURSE["id"] > 2, 1)
    columns = COURSE[["age"]].assign(copy=COURSE["age"])
    course = effect_over_time(WEEKS, treated, block=block, covariates=columns, rng=rng())
    assert course.note == (
        "blocks that lack an arm are left out in 12 weeks; collinear columns are left out in 12 weeks"
    )
    without = COURSE["id"] > 2
    again = effect_over_time(WEEKS[without], treated[without], covariates=columns[without][["age"]], rng=rng())
    assert course.difference.y == pytest.approx(again.difference.y)
    assert course.critical == pytest.approx(again.critical)


def test_shares_are_as_their_indicators():
    codes = np.where(WEEKS == 1, 0, 111).astype(np.int16)
    shares = state_shares(codes, [[0]], start=0, horizon=12, group=COURSE["treated"].to_numpy())[:, 0]
    people = [int((COURSE["treated"] == 0).sum()), int(COURSE["treated"].sum())]
    of_shares = effect_of_shares(shares, people)
    of_people = effect_over_time(WEEKS, COURSE["treated"], rng=rng())
    for name in ("difference", "treated", "control"):
        one, other = getattr(of_shares, name), getattr(of_people, name)
        for part in ("x", "y", "low", "high", "at_risk"):
            assert getattr(one, part) == pytest.approx(getattr(other, part), rel=1e-9)
    assert of_shares.df == pytest.approx(of_people.df)
    assert of_shares.simultaneous is None
    assert np.isnan(of_shares.critical)


def test_shares_without_variation():
    course = effect_of_shares([[0.0, 0.2], [0.0, 0.4]], [10, 20])
    assert course.difference.y == pytest.approx([0, 0.2])
    assert np.isnan(course.difference.low).tolist() == [True, False]
    assert "no interval in 1 weeks" in course.note
    with pytest.raises(NotEstimable, match="the outcome has no variation left"):
        effect_of_shares([[0.0], [1.0]], [10, 20])
    with pytest.raises(NotEstimable, match="1 people in the treated arm; two are needed"):
        effect_of_shares([[0.1], [1.0]], [10, 1])


def test_draws_are_reproducible_and_weeks_can_be_named():
    names = np.arange(12) * 4
    course = found("people", weeks=names)
    assert course.difference.x.tolist() == names.tolist()
    assert course.critical == found("people").critical
    assert found("people", level=0.99).critical > course.critical


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": WEEKS[:, 0]}, "values has the shape (180,); must have two dimensions"),
        ({"values": np.full((180, 2), np.inf)}, "values has 360 infinite values; must be finite or NaN"),
        ({"values": np.full((180, 2), "a")}, "values is of type <U1; must be numbers"),
        ({"values": np.empty((180, 0))}, "values has the shape (180, 0)"),
        ({"treated": [1, 0]}, "treated has 2 rows; must have 180"),
        ({"weeks": [1, 2]}, "weeks is not 12 increasing numbers; must be one for each column"),
        ({"weeks": [1] * 12}, "weeks is not 12 increasing numbers"),
        ({"draws": 10}, "draws is 10; must be a whole number, 1,000 or more"),
        ({"draws": True}, "draws is True; must be"),
        ({"level": 2}, "level is 2; must be between 0 and 1"),
        ({"covariates": [np.nan] * 180}, "covariates, column 'covariate 1', has 180 missing"),
    ],
)
def test_invalid_input_names_the_argument(change, message):
    with pytest.raises(InvalidInput) as raised:
        effect_over_time(**({"values": WEEKS, "treated": COURSE["treated"], "rng": rng()} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.1], [1.2]], [10, 10]), "shares is not a pair of rows of shares from 0 to 1"),
        (([[0.1]], [10, 10]), "shares is not a pair of rows"),
        (([[0.1], [np.nan]], [10, 10]), "shares is not a pair of rows"),
        (([[0.1], [0.2]], [10]), "n is not a pair of counts; must be control's people, then those treated"),
        (([[0.1], [0.2]], [10.5, 10]), "n is not a pair of counts"),
    ],
)
def test_invalid_shares(arguments, message):
    with pytest.raises(InvalidInput) as raised:
        effect_of_shares(*arguments)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"treated": np.zeros(180)}, "0 people in the treated arm; two are needed"),
        ({"values": np.ones((180, 2))}, "the outcome has no variation left"),
        ({"values": np.full((180, 2), np.nan)}, "0 people in the treated arm"),
        ({"cluster": COURSE["treated"]}, "1 clusters in the treated arm; two are needed"),
        ({"covariates": COURSE["treated"]}, "the covariates determine the treatment"),
        ({"covariates": np.random.default_rng(1).normal(size=(180, 100))}, "180 people cannot carry a regression"),
        ({"covariates": COURSE["id"] == 1}, r"1 people are fitted exactly \(leverage 1\)"),
    ],
)
def test_too_little_data_is_not_estimable(change, reason):
    with pytest.raises(NotEstimable, match=reason):
        effect_over_time(**({"values": WEEKS, "treated": COURSE["treated"], "rng": rng()} | change))
