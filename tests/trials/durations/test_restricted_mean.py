"""Restricted means: R's answers, surpyval's, hand calculation, a second implementation, and what is refused."""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from surpyval import KaplanMeier, rmst_diff

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.durations.hazards import hazard_ratio
from analysis_lib.trials.durations.restricted_mean import restricted_mean, restricted_mean_difference
from analysis_lib.trials.durations.survival import survival_curve
from analysis_lib.trials.effects import difference_in_means

REFERENCE = Path(__file__).parents[2] / "reference"
CLOSED_FORM = 1e-8

PEOPLE = pd.read_csv(REFERENCE / "durations_more_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "durations_more_answers.csv")
HORIZONS = [("weeks", 10.5), ("weeks", 26), ("weeks", 50), ("exact", 3), ("exact", 8), ("few", 20)]


def people(case: str) -> pd.DataFrame:
    return PEOPLE[PEOPLE["case"] == case].reset_index(drop=True)


def expected(case: str, call: str) -> dict[str, float]:
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"], strict=True))


def numbers(found):
    return {"value": found.value, "std_error": found.std_error}


def check_t(found, std_error, df):
    """The interval of the standard error given, at two levels."""
    assert found.df == pytest.approx(df, rel=CLOSED_FORM)
    for level in (0.95, 0.8):
        half = stats.t.isf((1 - level) / 2, df) * std_error
        interval = found.interval_at(level)
        assert (interval.low, interval.high) == pytest.approx((found.value - half, found.value + half), rel=CLOSED_FORM)
    assert found.interval == found.interval_at(0.95)


@pytest.mark.parametrize(("case", "horizon"), HORIZONS)
def test_restricted_means_as_in_r(case, horizon):
    d = people(case)
    mean = restricted_mean(d["time"], d["event"], horizon)
    assert numbers(mean) == pytest.approx(expected(case, f"mean {horizon}"), rel=CLOSED_FORM)
    assert np.isnan(mean.p_value)
    difference = restricted_mean_difference(d["time"], d["event"], d["treated"], horizon)
    assert numbers(difference) == pytest.approx(expected(case, f"difference {horizon}"), rel=CLOSED_FORM)
    arms = [d[d["treated"] == arm] for arm in (1, 0)]
    n = np.array([len(arm) for arm in arms])
    by_arm = [restricted_mean(arm["time"], arm["event"], horizon) for arm in arms]
    wider = np.sqrt(sum(row.std_error**2 * m / (m - 1) for row, m in zip(by_arm, n, strict=True)))
    df = np.sum(1 / n) ** 2 / np.sum(1 / (n**2 * (n - 1)))
    check_t(difference, wider, df)
    assert difference.p_value == pytest.approx(2 * stats.t.sf(abs(difference.value) / wider, df), rel=CLOSED_FORM)
    check_t(mean, mean.std_error * np.sqrt(len(d) / (len(d) - 1)), len(d) - 1)
    assert (difference.n, difference.n_treated) == (len(d), int(d["treated"].sum()))


@pytest.mark.parametrize(
    ("call", "options"),
    [
        ("difference cluster", {"cluster": "cluster"}),
        ("difference strata", {"stratum": "stratum"}),
        ("difference strata cluster", {"stratum": "stratum", "cluster": "cluster"}),
    ],
)
def test_strata_and_clusters_as_in_r(call, options):
    d = people("weeks")
    found = restricted_mean_difference(
        d["time"], d["event"], d["treated"], 26, **{name: d[column] for name, column in options.items()}
    )
    assert numbers(found) == pytest.approx(expected("weeks", call), rel=CLOSED_FORM)
    assert found.n_clusters == (31 if "cluster" in options else None)
    cells = d.groupby(["stratum"] * ("stratum" in options) + ["treated"])
    if "cluster" in options:
        # days 1-15 against 16-31
        assert d.groupby("treated")["cluster"].nunique().min() == 15
        check_t(found, found.std_error, 14)
    else:
        n = cells.size()
        share = n.groupby("stratum").transform("sum") / len(d)
        by_cell = cells.apply(lambda rows: restricted_mean(rows["time"], rows["event"], 26).std_error)
        wider = np.sqrt(np.sum(share**2 * by_cell**2 * n / (n - 1)))
        check_t(found, wider, np.sum(share**2 / n) ** 2 / np.sum(share**4 / (n**2 * (n - 1))))
    assert found.note == ""


def test_mean_by_cluster_as_in_r():
    d = people("weeks")
    found = restricted_mean(d["time"], d["event"], 26, cluster=d["cluster"])
    assert numbers(found) == pytest.approx(expected("weeks", "mean cluster"), rel=CLOSED_FORM)
    check_t(found, found.std_error * np.sqrt(31 / 30), 30)


@pytest.mark.parametrize(("case", "horizon"), HORIZONS[:5])
def test_restricted_means_as_in_surpyval(case, horizon):
    """surpyval 0.25; c is 1 for a censored time."""
    d = people(case)
    found = restricted_mean(d["time"], d["event"], horizon)
    wanted = KaplanMeier.fit(x=d["time"].to_numpy(), c=1 - d["event"].to_numpy()).rmst(horizon)
    assert numbers(found) == pytest.approx({"value": wanted["rmst"], "std_error": wanted["se"]}, rel=CLOSED_FORM)
    arms = [d[d["treated"] == arm] for arm in (1, 0)]
    fits = [KaplanMeier.fit(x=arm["time"].to_numpy(), c=1 - arm["event"].to_numpy()) for arm in arms]
    wanted = rmst_diff(*fits, tau=horizon)
    found = restricted_mean_difference(d["time"], d["event"], d["treated"], horizon)
    assert numbers(found) == pytest.approx({"value": wanted["difference"], "std_error": wanted["se"]}, rel=CLOSED_FORM)


def test_restricted_mean_by_hand():
    """Leaving in weeks 1, 2 and 3 of 5 people, one censored in week 2: the curve is 1, .8, .6, .3 from week to week."""
    time, event = [1, 2, 2, 3, 5], [1, 1, 0, 1, 0]
    found = restricted_mean(time, event, 4)
    assert found.value == pytest.approx(1 + 0.8 + 0.6 + 0.3, rel=CLOSED_FORM)
    variance = 1.7**2 / (5 * 4) + 0.9**2 / (4 * 3) + 0.3**2 / (2 * 1)
    assert found.std_error == pytest.approx(np.sqrt(variance), rel=CLOSED_FORM)
    # straight lines: trapezes to week 3, flat after it
    lines = restricted_mean(time, event, 4, interpolate=True)
    assert lines.value == pytest.approx(0.9 + 0.7 + 0.45 + 0.3, rel=CLOSED_FORM)
    # their corners are at 1, .8, .6 and .3, with weights 1/2, 1, 1 and 3/2 in the area
    variance = (0.8 + 0.6 + 0.45) ** 2 / 20 + (0.6 + 0.45) ** 2 / 12 + 0.45**2 / 2
    assert lines.std_error == pytest.approx(np.sqrt(variance), rel=CLOSED_FORM)


def test_without_censoring_it_is_the_mean_of_the_shorter():
    time = people("exact")["time"].to_numpy()
    found = restricted_mean(time, np.ones(len(time)), 4)
    assert found.value == pytest.approx(np.minimum(time, 4).mean(), rel=CLOSED_FORM)
    assert found.std_error == pytest.approx(np.minimum(time, 4).std() / np.sqrt(len(time)), rel=CLOSED_FORM)


def test_a_curve_at_zero_may_be_followed_beyond_its_end():
    assert restricted_mean([1, 2, 3], [1, 1, 1], 50).value == pytest.approx(2, rel=CLOSED_FORM)


weeks_of_people = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=4, max_size=40)


@settings(max_examples=150, deadline=None)
@given(weeks_of_people, st.floats(0.5, 14))
def test_straight_lines_are_the_trapezes_of_the_curve(sample, horizon):
    """A second implementation: numpy's trapezes on the curve's corners, cut off at the horizon."""
    time, event = (np.array(column) for column in zip(*sample, strict=True))
    if not event.any():
        return
    curve = survival_curve(time, event)
    corner = np.isin(curve.x, time[event])
    x, y = np.append(0.0, curve.x[corner]), np.append(1.0, curve.y[corner])
    if horizon > curve.x[-1] and y[-1] > 1e-12:
        with pytest.raises(NotEstimable, match="is beyond the last time"):
            restricted_mean(time, event, horizon, interpolate=True)
        return
    grid = np.unique(np.append(x[x < horizon], horizon))
    height = np.where(grid == 0, y[x == 0].min(), np.interp(grid, x, y))
    try:
        found = restricted_mean(time, event, horizon, interpolate=True)
    except NotEstimable:
        return
    assert found.value == pytest.approx(np.trapezoid(height, grid), rel=1e-9)


@pytest.mark.parametrize("interpolate", [False, True])
def test_greenwood_is_the_delta_method(interpolate):
    """The derivatives of the mean by each week's share who leave, found by differences; variances of shares binomial."""
    d = people("weeks")
    time, event = d["time"].to_numpy(), d["event"].to_numpy()
    weeks = np.unique(time[event == 1])
    at_risk = np.array([np.sum(time >= week) for week in weeks])
    share = np.array([np.sum((time == week) & (event == 1)) for week in weeks]) / at_risk

    def mean(share):
        x, y = np.append(0.0, weeks), np.append(1.0, np.cumprod(1 - share))
        if interpolate:
            grid = np.append(x[x < 25.3], 25.3)
            return np.trapezoid(np.interp(grid, x, y), grid)
        return np.sum(np.diff(np.minimum(np.append(x, 25.3), 25.3)) * y)

    step = 1e-6
    slopes = [(mean(share + step * unit) - mean(share - step * unit)) / (2 * step) for unit in np.eye(len(weeks))]
    variance = np.sum(np.square(slopes) * share * (1 - share) / at_risk)
    found = restricted_mean(time, event, 25.3, interpolate=interpolate)
    assert found.value == pytest.approx(mean(share), rel=CLOSED_FORM)
    assert found.std_error == pytest.approx(np.sqrt(variance), rel=1e-6)


@pytest.mark.parametrize("interpolate", [False, True])
def test_influence_is_the_derivative_by_weight(interpolate):
    """Clusters of one: the influence by leaving a person out, as 4,000 copies leave little of the difference."""
    d = people("few")
    time, event = np.repeat(d["time"], 400), np.repeat(d["event"], 400)
    whole = restricted_mean(time, event, 9, interpolate=interpolate).value
    n, influence = len(time), []
    for person in range(0, n, 400):
        keep = np.arange(n) != person
        influence.append((whole - restricted_mean(time[keep], event[keep], 9, interpolate=interpolate).value) * (n - 1))
    found = restricted_mean(d["time"], d["event"], 9, interpolate=interpolate, cluster=d.index)
    assert found.std_error == pytest.approx(np.sqrt(np.sum(np.square(influence))) / len(d), rel=1e-3)


def test_row_order_and_arms():
    d = people("weeks")
    found = restricted_mean_difference(d["time"], d["event"], d["treated"], 26, stratum=d["stratum"])
    e = d.sample(frac=1, random_state=1)
    turned = restricted_mean_difference(e["time"], e["event"], 1 - e["treated"], 26, stratum=e["stratum"])
    assert (turned.value, turned.std_error) == pytest.approx((-found.value, found.std_error), rel=1e-12)


TIME, EVENT, ARM = [3, 5, 6, 6, 9, 11, 12, 14], [1, 1, 0, 1, 1, 1, 1, 0], [1, 0, 1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time": [-1, *TIME[1:]]}, "time has the value -1; must be 0 or more"),
        ({"time": [np.nan, *TIME[1:]]}, "time has 1 missing or infinite values"),
        ({"event": [2, *EVENT[1:]]}, "event has the value 2; must be 0 or 1"),
        ({"treated": ARM[1:]}, "treated has 7 rows; must have 8"),
        ({"stratum": [None, *"abcdefg"]}, "stratum is missing for 1 people"),
        ({"cluster": [None, *"abcdefg"]}, "cluster is missing for 1 people"),
        ({"horizon": 0}, "horizon is 0; must be a number above 0"),
        ({"horizon": np.inf}, "horizon is inf; must be a number above 0"),
        ({"level": 1}, "level is 1; must be between 0 and 1"),
    ],
)
def test_invalid_arguments_name_themselves(change, message):
    with pytest.raises(InvalidInput) as raised:
        restricted_mean_difference(**({"time": TIME, "event": EVENT, "treated": ARM, "horizon": 8} | change))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event": [0] * 8}, "none of 8 people had the event"),
        ({"treated": [0] * 8}, "nobody in the treated arm"),
        ({"event": [1, 0, 1, 0, 1, 0, 1, 0]}, "nobody in the control arm had the event"),
        ({"horizon": 15}, "control arm: the horizon 15 is beyond the last time, 14, when 25 % had not had the event"),
        ({"horizon": 4}, "control arm: the durations up to 4 do not vary"),
        ({"stratum": list("aaaabbbb"), "horizon": 10},
         "treated arm of stratum a: the horizon 10 is beyond the last time, 6, when 50 % had not had the event"),
        ({"stratum": ARM}, "no stratum has both arms"),
        ({"cluster": [1, 2, 1, 3, 1, 4, 1, 5]}, "1 clusters in the treated arm; two are needed"),
    ],
)  # fmt: skip
def test_differences_that_cannot_be_estimated(change, reason):
    with pytest.raises(NotEstimable) as raised:
        restricted_mean_difference(**({"time": TIME, "event": EVENT, "treated": ARM, "horizon": 8} | change))
    assert reason in str(raised.value)


def test_means_that_cannot_be_estimated():
    with pytest.raises(NotEstimable, match="the horizon 15 is beyond the last time, 14"):
        restricted_mean(TIME, EVENT, 15)
    with pytest.raises(NotEstimable, match="1 clusters; two are needed"):
        restricted_mean(TIME, EVENT, 8, cluster=[1] * 8)
    # two clusters with the same people in each
    with pytest.raises(NotEstimable, match="the clusters do not differ"):
        restricted_mean(TIME * 2, EVENT * 2, 8, cluster=[1] * 8 + [2] * 8)


def test_strata_without_both_arms_are_left_out():
    stratum = ["a"] * 8 + ["b"] * 2
    found = restricted_mean_difference([*TIME, 3, 4], [*EVENT, 1, 1], [*ARM, 1, 1], 8, stratum=stratum)
    assert found.note == "blocks left out because they lack an arm: 1, with 2 people"
    assert found.value == pytest.approx(restricted_mean_difference(TIME, EVENT, ARM, 8).value, rel=CLOSED_FORM)
    assert found.n == 8


def test_without_censoring_the_interval_is_that_of_a_mean():
    """Of the shorter of time and horizon: with n - 1 in the variance, as `difference_in_means` has it."""
    rng = np.random.default_rng(4)
    time, stratum = rng.exponential(size=90), np.repeat([0, 1], [30, 60])
    arm = np.concatenate([np.arange(30) < 5, np.arange(60) < 9])
    for options in ({}, {"stratum": stratum}):
        found = restricted_mean_difference(time, np.ones(90), arm, 1.5, **options)
        wanted = difference_in_means(np.minimum(time, 1.5), arm, block=options.get("stratum"))
        assert found.value == pytest.approx(wanted.value, rel=CLOSED_FORM)
        half = (found.interval.high - found.interval.low) / 2
        assert half == pytest.approx(stats.t.isf(0.025, found.df) * wanted.std_error, rel=CLOSED_FORM)
        if options:
            assert found.df == pytest.approx(wanted.df, rel=CLOSED_FORM)
            assert found.p_value == pytest.approx(wanted.p_value, rel=CLOSED_FORM)


def test_few_degrees_of_freedom_are_noted():
    few = "only 3.0 degrees of freedom: the interval is not to be relied on"
    assert restricted_mean(TIME[:4], EVENT[:4], 5).note == few
    time, event = np.arange(1.0, 101), np.ones(100)
    clusters = np.arange(100) % 8
    assert restricted_mean_difference(time, event, clusters < 4, 50, cluster=clusters).note == few
    assert restricted_mean_difference(time, event, clusters < 4, 50).note == ""


def test_degrees_of_freedom_of_clusters_within_strata():
    """Offices in two regions, 2 and 3 of 5 treated in each, against days of birth that cross them."""
    rng = np.random.default_rng(6)
    time, event = np.ceil(rng.exponential(8, 600)), np.ones(600)
    office = np.repeat(np.arange(10), [30, 50, 70, 60, 40, 90, 80, 60, 70, 50])
    region, treated = office >= 5, np.isin(office, [0, 1, 5, 6, 7])
    # treated: 1 degree of freedom in the first region (80 people), 2 in the second (230); control: 2 (170) and 1 (120)
    arms = [2 / ((80 / 1 + 230 / 2) / 310 + 1 / 3), 2 / ((170 / 2 + 120 / 1) / 290 + 1 / 3)]
    for estimate in (hazard_ratio, partial(restricted_mean_difference, horizon=9)):
        within = estimate(time, event, treated=treated, stratum=region, cluster=office)
        assert within.df == pytest.approx(min(arms), rel=CLOSED_FORM)
        assert within.note == f"only {min(arms):.1f} degrees of freedom: the interval is not to be relied on"
        day = np.arange(600) // 5 % 31
        assert estimate(time, event, treated=day < 15, stratum=region, cluster=day).df == 14
        assert estimate(time, event, treated=treated, cluster=office).df == 4
