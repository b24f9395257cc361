"""Interrupted series: R's and statsmodels' answers, and what is refused."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.series import interrupted_time_series, placebo_breaks

REFERENCE = Path(__file__).parents[2] / "reference"
WEEKS = pd.read_csv(REFERENCE / "series_weeks.csv")
ANSWERS = pd.read_csv(REFERENCE / "series_answers.csv", dtype={"quantity": str})
CLOSED_FORM = 1e-8
ITERATIVE = 1e-5
CASES = [
    ("campaign", "plain", 8, 0, False),
    ("campaign", "no lag", 0, 0, False),
    ("campaign", "seasons", 8, 2, False),
    ("campaign", "weights and seasons", 12, 1, True),
    ("short", "plain", 3, 0, False),
    ("short", "most lags", 21, 0, True),
]


def expected(case, call):
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"].astype(float), strict=True))


def weeks(case):
    return WEEKS[WEEKS["case"] == case]


def fitted(case, lag, harmonics, weighted):
    d = weeks(case)
    people = d["people"] if weighted else None
    return interrupted_time_series(d["y"], int(d["at"].iloc[0]), lag=lag, harmonics=harmonics, people=people)


@pytest.mark.parametrize(("case", "call", "lag", "harmonics", "weighted"), CASES)
def test_effects_and_curves_as_newey_west_in_r(case, call, lag, harmonics, weighted):
    wanted = expected(case, call)
    found = fitted(case, lag, harmonics, weighted)
    for name, row in zip(("level", "slope", "mean"), found.effects, strict=True):
        for quantity in ("value", "std_error", "df", "p_value"):
            assert getattr(row, quantity) == pytest.approx(wanted[f"{name} {quantity}"], rel=CLOSED_FORM)
    for name, curve in (("fitted", found.fitted), ("without", found.without_break)):
        for quantity in ("y", "low", "high"):
            assert getattr(curve, quantity)[-1] == pytest.approx(wanted[f"{name} {quantity}"], rel=CLOSED_FORM)
    assert found.without_break.x.tolist() == list(range(found.effects[0].n))[int(weeks(case)["at"].iloc[0]) :]
    assert len(found.fitted.x) == len(found.residuals) == found.effects[0].n


def test_as_statsmodels():
    d = weeks("campaign")
    since = d["week"] - d["at"]
    late = (since >= 0).astype(float)
    design = np.column_stack([np.ones(len(d)), since, late, since * late])
    fit = sm.OLS(d["y"].to_numpy(), design).fit(
        cov_type="HAC", cov_kwds={"maxlags": 8, "use_correction": True}, use_t=True
    )
    found = fitted("campaign", 8, 0, False)
    for row, j in zip(found.effects[:2], (2, 3), strict=True):
        assert row.std_error == pytest.approx(fit.bse[j], rel=CLOSED_FORM)
        assert row.p_value == pytest.approx(fit.pvalues[j], rel=1e-7)
        assert (row.interval.low, row.interval.high) == pytest.approx(fit.conf_int()[j], rel=CLOSED_FORM)
    assert found.fitted.y == pytest.approx(fit.fittedvalues, rel=CLOSED_FORM)
    assert found.residuals == pytest.approx(fit.resid, abs=1e-10)


def test_curves_agree_until_the_break_and_part_by_the_change():
    found = fitted("campaign", 8, 1, True)
    level, slope, mean = (row.value for row in found.effects)
    gap = found.fitted.y[182:] - found.without_break.y
    assert gap == pytest.approx(level + slope * np.arange(48), abs=1e-10)
    assert mean == pytest.approx(gap.mean())


def test_note_gives_the_autocorrelation():
    found = fitted("campaign", 8, 0, False)
    e = found.residuals
    r = np.sum(e[1:] * e[:-1]) / np.sum(e**2)
    assert found.effects[0].note == (
        f"autocorrelation of the residuals from week to week: {r:.2f}; "
        "Newey-West intervals are too narrow: see the placebo dates"
    )
    assert found.effects[0].method == "least squares with a break, Newey-West, lag 8"
    assert fitted("campaign", 8, 2, False).effects[0].method.endswith("seasons: 2 harmonics")


@pytest.mark.parametrize(
    ("case", "call", "harmonics", "weighted"),
    [("campaign", "ar1", 0, False), ("campaign", "ar1 weights and seasons", 1, True), ("short", "ar1", 0, False)],
)
def test_effects_and_curves_as_gls_with_ar1_in_r(case, call, harmonics, weighted):
    wanted = expected(case, call)
    d = weeks(case)
    found = interrupted_time_series(
        d["y"], int(d["at"].iloc[0]), method="ar1", harmonics=harmonics, people=d["people"] if weighted else None
    )
    for name, row in zip(("level", "slope", "mean"), found.effects, strict=True):
        for quantity in ("value", "std_error", "df"):
            assert getattr(row, quantity) == pytest.approx(wanted[f"{name} {quantity}"], rel=ITERATIVE)
        limits = (wanted[f"{name} low"], wanted[f"{name} high"])
        assert (row.interval.low, row.interval.high) == pytest.approx(limits, rel=ITERATIVE)
        assert f"autocorrelation of the errors from week to week: {wanted['autocorrelation']:.2f}" in row.note
    for name, curve in (("fitted", found.fitted), ("without", found.without_break)):
        limits = [wanted[f"{name} {which}"] for which in ("value", "low", "high")]
        assert [curve.y[-1], curve.low[-1], curve.high[-1]] == pytest.approx(limits, rel=ITERATIVE)
    assert found.residuals == pytest.approx(d["y"] - found.fitted.y, abs=1e-12)
    assert found.effects[0].method.startswith("least squares with a break, AR(1) errors by restricted likelihood")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(6, 34), st.floats(-5, 5), st.floats(0.1, 50))
def test_trend_scale_and_direction_of_time_with_ar1(seed, at, slope, scale):
    rng = np.random.default_rng(seed)
    y, people = np.cumsum(rng.normal(size=40)) + rng.normal(size=40), rng.integers(1, 90, 40)
    base = interrupted_time_series(y, at, method="ar1", people=people).effects
    moved = interrupted_time_series(scale * (y + 3 + slope * np.arange(40)), at, method="ar1", people=7 * people)
    for one, other in zip(base, moved.effects, strict=True):
        assert other.value == pytest.approx(scale * one.value, rel=1e-5, abs=1e-6 * scale)
        assert (other.std_error, other.df) == pytest.approx((scale * one.std_error, one.df), rel=1e-5)
    back = interrupted_time_series(y[::-1], 40 - at, method="ar1", people=people[::-1]).effects
    for quantity in ("value", "std_error", "df", "p_value"):
        assert getattr(back[1], quantity) == pytest.approx(getattr(base[1], quantity), rel=1e-4, abs=1e-6)


def test_autocorrelation_at_the_limit_is_said():
    straight = interrupted_time_series(np.arange(60) % 2, 40, method="ar1").effects[0]
    assert straight.note == (
        "autocorrelation of the errors from week to week: -1.00; "
        "it is at the limit of what was sought: the intervals are not to be relied on"
    )


def test_few_degrees_of_freedom_with_ar1_are_noted():
    rows = interrupted_time_series(np.random.default_rng(1).normal(size=12), 6, method="ar1").effects
    assert all(row.df < 4 for row in rows)
    assert all("degrees of freedom: the interval is not to be relied on" in row.note for row in rows)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 27), st.floats(-5, 5), st.floats(0.1, 50))
def test_trend_added_does_nothing_and_scale_scales(seed, at, slope, scale):
    rng = np.random.default_rng(seed)
    y, people = rng.normal(size=30), rng.integers(1, 90, 30)
    base = interrupted_time_series(y, at, lag=4, people=people)
    moved = interrupted_time_series(scale * (y + 3 + slope * np.arange(30)), at, lag=4, people=7 * people)
    for one, other in zip(base.effects, moved.effects, strict=True):
        assert other.value == pytest.approx(scale * one.value, rel=1e-6, abs=1e-6 * scale)
        assert other.std_error == pytest.approx(scale * one.std_error, rel=1e-6)


@pytest.mark.parametrize(("call", "harmonics", "weighted"), [("plain", 0, False), ("weights and seasons", 2, True)])
def test_placebo_changes_as_in_r(call, harmonics, weighted):
    d, wanted = weeks("campaign"), expected("campaign", f"placebo {call}")
    people = d["people"] if weighted else None
    found = placebo_breaks(d["y"], 182, window=26, harmonics=harmonics, people=people)
    assert found.dates.tolist() == list(range(26, 157))
    changes = dict(zip(found.dates.tolist(), found.changes, strict=True))
    for date in (26, 90, 156):
        assert changes[date] == pytest.approx(wanted[str(date)], rel=1e-7)
    assert found.found == found.check.statistic == pytest.approx(wanted["182"], rel=1e-7)
    as_large = int(np.sum(np.abs(found.changes) >= abs(found.found)))
    assert found.check.p_value == pytest.approx((1 + as_large) / 132)
    assert found.check.passed is True
    assert found.check.detail.startswith(f"earlier dates with a level change as large: {as_large} of 131")


def test_placebo_dates_may_be_chosen():
    d = weeks("campaign")
    every = placebo_breaks(d["y"], 182, window=20)
    some = placebo_breaks(d["y"], 182, window=20, dates=[100, 40])
    assert some.changes == pytest.approx([every.changes[100 - 20], every.changes[40 - 20]])
    assert some.check.passed is None
    assert "no p-value below 0.333 is possible, so that nothing could be rejected" in some.check.detail


def test_placebo_does_not_see_the_break():
    d = weeks("campaign")
    moved = d["y"] + 5 * (d["week"] >= 182)
    one, other = placebo_breaks(d["y"], 182, window=20), placebo_breaks(moved, 182, window=20)
    assert other.changes == pytest.approx(one.changes, abs=1e-9)
    assert other.found == pytest.approx(one.found + 5)


def test_without_a_break_the_date_does_not_stand_out():
    y = np.cos(2.1 * np.arange(200)) * (1 + (np.arange(200) < 150))
    check = placebo_breaks(y, 170, window=15).check
    assert check.passed is False
    assert check.p_value > 0.5


Y = np.random.default_rng(4).normal(size=40)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"interruption": 2}, "2 weeks before the break; 3 are needed"),
        ({"interruption": 38}, "2 weeks after the break; 3 are needed"),
        ({"harmonics": 1}, "40 weeks are less than a year"),
        ({"y": np.ones(40)}, "no variation"),
        ({"y": 2 + 0.5 * np.arange(40) + 3 * (np.arange(40) > 19)}, "no variation"),
        ({"y": np.random.default_rng(4).normal(size=54), "harmonics": 26}, "54 weeks cannot carry"),
        ({"y": np.random.default_rng(4).normal(size=4), "interruption": 2}, "2 weeks before"),
        (
            {"y": Y[:7], "interruption": 3, "lag": None, "method": "ar1"},
            "7 weeks are too few to estimate an autocorrelation beside 4 coefficients",
        ),
        ({"y": np.arange(40.0), "lag": None, "method": "ar1"}, "no variation"),
    ],
)
def test_what_cannot_be_estimated(options, message):
    options = {"y": Y, "interruption": 20, "lag": 2, **options}
    with pytest.raises(NotEstimable, match=message):
        interrupted_time_series(options.pop("y"), options.pop("interruption"), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": [*Y[:39], math.nan]}, "y has 1 missing or infinite values"),
        ({"y": Y.reshape(2, 20)}, "y has 2 dimensions"),
        ({"interruption": 0}, "interruption is 0; must be a whole number from 1 to 39"),
        ({"interruption": 40}, "interruption is 40"),
        ({"interruption": 20.0}, "interruption is 20.0"),
        ({"lag": -1}, "lag is -1; must be a whole number from 0 to 39"),
        ({"lag": 40}, "lag is 40"),
        ({"lag": True}, "lag is True"),
        ({"lag": None}, "lag is None; must be a whole number from 0 to 39"),
        ({"method": "ar1"}, "lag is 2; must not be given with method 'ar1'"),
        ({"method": "arma"}, "method is 'arma'; must be one of newey_west, ar1"),
        ({"harmonics": 27}, "harmonics is 27; must be a whole number from 0 to 26"),
        ({"people": [0] * 40}, "people has the value 0; must be above 0"),
        ({"people": [1] * 39}, "people has 39 rows; must have 40"),
        ({"level": 95}, "level is 95"),
    ],
)
def test_wrong_arguments_are_named(options, message):
    options = {"y": Y, "interruption": 20, "lag": 2, **options}
    with pytest.raises(InvalidInput, match=message):
        interrupted_time_series(options.pop("y"), options.pop("interruption"), **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"window": 11}, NotEstimable, "20 weeks before the break leave no earlier date 11 weeks from both ends"),
        ({"window": 2}, InvalidInput, "window is 2; must be a whole number from 3 to 40"),
        ({"interruption": 34, "window": 8}, InvalidInput, "window is 8; must be at most 6"),
        ({"dates": [5, 9]}, InvalidInput, "dates has 5; must be different positions from 6 to 14"),
        ({"dates": [9, 15]}, InvalidInput, "dates has 15"),
        ({"dates": [9.5]}, InvalidInput, "dates has 9.5"),
        ({"dates": [9, 9]}, InvalidInput, "dates is empty or has a date twice"),
        ({"dates": []}, InvalidInput, "dates is empty"),
        ({"y": np.ones(40)}, NotEstimable, "no variation"),
        ({"y": np.arange(40.0)}, NotEstimable, "no variation"),
        ({"interruption": 2}, NotEstimable, "2 weeks before"),
    ],
)
def test_placebos_that_are_refused(options, error, message):
    options = {"y": Y, "interruption": 20, "window": 6, **options}
    with pytest.raises(error, match=message):
        placebo_breaks(options.pop("y"), options.pop("interruption"), **options)
