"""Intervals and bands of series cover the truth, and tests keep their size, as often as they say.

Newey and West's intervals are here because they fall short where weeks are alike, and the placebo dates because they
share weeks: where the claim is not 0.95 it is the figure found in 10,000 other trials. The band with two offices a date
is on the safe side, as so few have few degrees of freedom; its figure is of 3,500 other trials.
"""

import numpy as np
import pytest
from scipy import signal, stats

from analysis_lib.trials.series import (
    interrupted_cohort,
    interrupted_time_series,
    placebo_breaks,
    staggered_effects,
)

pytestmark = [pytest.mark.slow, pytest.mark.calibration]

BEFORE, AFTER = 182, 48
LEVEL_CHANGE, SLOPE_CHANGE = 0.05, 0.001


def noise(rng, autocorrelation, n):
    """Stationary, of standard deviation 1."""
    shocks = rng.normal(size=n + 100) * np.sqrt(1 - autocorrelation**2)
    return signal.lfilter([1], [1, -autocorrelation], shocks)[100:]


def broken(rng, autocorrelation):
    week = np.arange(BEFORE + AFTER)
    since = week - BEFORE
    change = (since >= 0) * (LEVEL_CHANGE + SLOPE_CHANGE * since)
    return 0.1 + 0.0002 * week + change + 0.01 * noise(rng, autocorrelation, len(week))


def interrupted(autocorrelation, which, lag=8, method="newey_west"):
    truth = [LEVEL_CHANGE, SLOPE_CHANGE, LEVEL_CHANGE + SLOPE_CHANGE * (AFTER - 1) / 2][which]

    def draw(rng):
        y = broken(rng, autocorrelation)
        interval = interrupted_time_series(y, BEFORE, lag=lag, method=method).effects[which].interval
        return interval.low <= truth <= interval.high

    return draw


def autoregressive(autocorrelation, which):
    return interrupted(autocorrelation, which, lag=None, method="ar1")


def short(rng):
    """39 weeks before and 12 after, autocorrelation 0.5, no break."""
    interval = interrupted_time_series(noise(rng, 0.5, 51), 39, method="ar1").effects[0].interval
    return interval.low <= 0 <= interval.high


def mixed(rng):
    """Autocorrelation 0.8 and as much noise of single weeks, which is not AR(1)."""
    y = noise(rng, 0.8, BEFORE + AFTER) + rng.normal(size=BEFORE + AFTER)
    interval = interrupted_time_series(y, BEFORE, method="ar1").effects[0].interval
    return interval.low <= 0 <= interval.high


def placebo(autocorrelation):
    def draw(rng):
        y = 0.1 + 0.01 * noise(rng, autocorrelation, BEFORE + AFTER)
        return placebo_breaks(y, BEFORE, window=20).check.passed is False

    return draw


def offices(rng, n, adoption, *, effect):
    """Offices with levels and trends of chance, that adopt in one of the periods (or never); autocorrelated noise."""
    periods = 12
    first = rng.permutation(np.resize(adoption, n))
    level, own = rng.normal(size=(n, 1)), np.cumsum(0.3 * rng.normal(size=(n, periods)), axis=1)
    since = np.arange(periods) - first[:, None]
    y = level + 0.2 * np.arange(periods) + own + 0.5 * rng.normal(size=(n, periods))
    return y + np.where(since >= 0, effect(first[:, None], since), 0.0), first


def growing(first, since):
    """Grow by 0.2 a period, and be larger for those who adopt late."""
    return np.where(np.isfinite(first), 1 + 0.2 * since + 0.1 * np.where(np.isfinite(first), first, 0), 0.0)


NEVER = np.inf
FEW = np.array([4, 6, 8, NEVER])
MANY = np.r_[np.arange(2.0, 12), NEVER, NEVER]


def true_event(adoption, event):
    at = np.array([g for g in adoption if np.isfinite(g) and g + event < 12])
    return float(np.mean(growing(at, event)))


def adopted(n, adoption, *, what, control="not_yet_treated"):
    def draw(rng):
        y, first = offices(rng, n, adoption, effect=growing)
        found = staggered_effects(y, first, control=control, event_window=(-3, 3), draws=1000, rng=rng)
        curve = found.curve if what == "event" else found.simultaneous
        truth = np.array([true_event(adoption, int(e)) if e >= 0 else 0.0 for e in curve.x])
        inside = (curve.low <= truth) & (truth <= curve.high)
        return bool(inside[curve.x == 2][0]) if what == "event" else bool(inside.all())

    return draw


def overall(n, adoption):
    late = adoption[np.isfinite(adoption)]
    truth = float(np.mean([np.mean(growing(g, np.arange(12 - g))) for g in late]))

    def draw(rng):
        y, first = offices(rng, n, adoption, effect=growing)
        interval = staggered_effects(y, first, event_window=(0, 0), draws=1000, rng=rng).overall.interval
        return interval.low <= truth <= interval.high

    return draw


def pre_trends(rng):
    y, first = offices(rng, 48, FEW, effect=growing)
    return bool(staggered_effects(y, first, event_window=(-3, 0), draws=1000, rng=rng).pre_trends.passed)


def of_people(which, *, newey_west=False):
    """300 people for 70 weeks before and 50 after, who stay in a state for months (autocorrelation 0.98 of a wish)."""

    def draw(rng):
        week, wish = np.arange(120), np.empty((300, 120))
        since = week - 70
        change = (since >= 0) * (0.04 + 0.001 * since)
        share = 0.10 + 0.0002 * week + change
        wish[:, 0] = rng.normal(size=300)
        for t in week[1:]:
            wish[:, t] = 0.98 * wish[:, t - 1] + np.sqrt(1 - 0.98**2) * rng.normal(size=300)
        inside = wish < stats.norm.ppf(share)
        if newey_west:
            rows = interrupted_time_series(inside.mean(axis=0), 70, lag=8).effects
        else:
            rows = interrupted_cohort(inside, np.ones_like(inside), 70).effects
        interval = rows[which].interval
        return interval.low <= [0.04, 0.001, change[70:].mean()][which] <= interval.high

    return draw


CASES = {
    "interrupted cohort: 300 people who stay for months, level change": (of_people(0), 0.95, 0.6),
    "interrupted cohort: 300 people who stay for months, slope change": (of_people(1), 0.95, 0.6),
    "interrupted cohort: 300 people who stay for months, mean change": (of_people(2), 0.95, 0.6),
    "interrupted cohort: the same, Newey-West with lag 8, mean change": (of_people(2, newey_west=True), 0.55, 0.6),
    "interrupted series: no autocorrelation, lag 0, level change": (interrupted(0.0, 0, 0), 0.94, 0.6),
    "interrupted series: no autocorrelation, lag 8, level change": (interrupted(0.0, 0), 0.868, 0.6),
    "interrupted series: autocorrelation 0.5, lag 0, level change": (interrupted(0.5, 0, 0), 0.732, 0.6),
    "interrupted series: autocorrelation 0.5, lag 8, level change": (interrupted(0.5, 0), 0.825, 0.6),
    "interrupted series: autocorrelation 0.5, lag 8, slope change": (interrupted(0.5, 1), 0.782, 0.6),
    "interrupted series: autocorrelation 0.5, lag 8, mean change": (interrupted(0.5, 2), 0.874, 0.6),
    "interrupted series: autocorrelation 0.8, lag 8, level change": (interrupted(0.8, 0), 0.734, 0.6),
    "interrupted series: autocorrelation 0.8, lag 8, mean change": (interrupted(0.8, 2), 0.782, 0.6),
    "interrupted series: no autocorrelation, AR(1), level change": (autoregressive(0.0, 0), 0.95, 0.4),
    "interrupted series: autocorrelation 0.5, AR(1), level change": (autoregressive(0.5, 0), 0.95, 0.4),
    "interrupted series: autocorrelation 0.8, AR(1), level change": (autoregressive(0.8, 0), 0.94, 0.4),
    "interrupted series: autocorrelation 0.8, AR(1), slope change": (autoregressive(0.8, 1), 0.95, 0.4),
    "interrupted series: autocorrelation 0.95, AR(1), mean change": (autoregressive(0.95, 2), 0.95, 0.4),
    "interrupted series: autocorrelation 0.5, AR(1), 39 weeks before, 12 after": (short, 0.94, 0.4),
    "interrupted series: 0.8 mixed with noise of single weeks, AR(1), level change": (mixed, 0.852, 0.4),
    "placebo dates: no autocorrelation (share where the date does not stand out)": (placebo(0.0), 0.939, 1),
    "placebo dates: autocorrelation 0.5 (share where the date does not stand out)": (placebo(0.5), 0.935, 1),
    "placebo dates: autocorrelation 0.8 (share where the date does not stand out)": (placebo(0.8), 0.928, 1),
    "staggered adoption: 96 offices, 3 dates, third period of adoption": (adopted(96, FEW, what="event"), 0.95, 0.2),
    "staggered adoption: 96 offices, 3 dates, band": (adopted(96, FEW, what="band"), 0.95, 0.2),
    "staggered adoption: 24 offices, 3 dates, band": (adopted(24, FEW, what="band"), 0.95, 0.2),
    "staggered adoption: 24 offices, 3 dates, compared with never treated, band": (
        adopted(24, FEW, what="band", control="never_treated"), 0.95, 0.2,
    ),
    "staggered adoption: 24 offices, 10 dates, band": (adopted(24, MANY, what="band"), 0.967, 0.2),
    "staggered adoption: 96 offices, 3 dates, overall": (overall(96, FEW), 0.95, 0.2),
    "staggered adoption: 24 offices, 10 dates, overall": (overall(24, MANY), 0.95, 0.2),
    "staggered adoption: no effect before, 48 offices (share not rejected at 5 %)": (pre_trends, 0.95, 0.2),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_size_and_coverage(coverage, name):
    draw, claim, share = CASES[name]
    coverage(name, draw, claim=claim, share=share)
