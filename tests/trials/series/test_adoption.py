"""Staggered adoption: R's answers for one group, two-by-two differences written out, and what is refused."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.effects import difference_in_means
from analysis_lib.trials.series import staggered_effects

REFERENCE = Path(__file__).parents[2] / "reference"
UNITS = pd.read_csv(REFERENCE / "series_units.csv")
ANSWERS = pd.read_csv(REFERENCE / "series_answers.csv", dtype={"quantity": str})
CLOSED_FORM, DERIVATIVE = 1e-8, 1e-5
NEVER = math.inf


def expected(call):
    rows = ANSWERS[(ANSWERS["case"] == "one") & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"].astype(float), strict=True))


def one_group():
    wide = UNITS.sort_values(["unit", "period"])
    first = wide.groupby("unit")["first"].first().to_numpy()
    return wide["y"].to_numpy().reshape(-1, 6), first, wide.groupby("unit")["x"].first().to_numpy()


def estimate(y, first, **options):
    return staggered_effects(y, first, **{"draws": 1000, "rng": np.random.default_rng(1), **options})


def panel(seed, n=30, periods=6, never=True, step=1.0):
    """Offices that adopt in periods 2 to 5 (and some never), with effects that grow and differ."""
    rng = np.random.default_rng(seed)
    first = rng.choice([2, 3, 5, NEVER] if never else [2, 3, 5], n)
    first[: 8 if never else 6] = np.tile([2, 3, 5, NEVER] if never else [2, 3, 5], 2)
    x = rng.normal(size=n)
    since = np.arange(periods) - first[:, None]
    y = rng.normal(size=(n, 1)) + rng.normal(size=(n, periods)) + np.arange(periods) * (1 + 0.5 * x[:, None])
    return y + np.where(since >= 0, step * (1 + since), 0), first, x


# --- one group: R ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("control", ["never_treated", "not_yet_treated"])
def test_one_group_is_welchs_test_of_changes_in_r(control):
    y, first, _ = one_group()
    found = estimate(y, first, base="universal", control=control)
    wanted = expected("welch")
    assert [row.estimand for row in found.group_time] == [f"effect in period {t}" for t in (0, 1, 3, 4, 5)]
    for row, t in zip(found.group_time, (0, 1, 3, 4, 5), strict=True):
        for quantity in ("value", "std_error", "df", "p_value"):
            assert getattr(row, quantity) == pytest.approx(wanted[f"{t} {quantity}"], rel=CLOSED_FORM)
        assert (row.n_treated, row.n_control) == (9, 13)
    assert [row.value for row in found.event_time] == pytest.approx([row.value for row in found.group_time])


def test_one_group_is_the_saturated_regression_in_r():
    y, first, _ = one_group()
    wanted = list(expected("saturated").values())
    assert [row.value for row in estimate(y, first, base="universal").event_time] == pytest.approx(wanted, rel=1e-8)


def test_one_group_with_covariates_is_the_controls_regression_in_r():
    y, first, x = one_group()
    found = estimate(y, first, covariates=x)
    rows = {str(row.estimand): row for row in found.group_time}
    for t, value in zip((3, 5), expected("regression").values(), strict=True):
        assert rows[f"effect in period {t}"].value == pytest.approx(value, rel=CLOSED_FORM)
    assert found.overall.method.endswith("adjusted for 1 covariates by regression")


def test_base_periods():
    y, first, _ = one_group()
    varying, universal = (estimate(y, first, base=base) for base in ("varying", "universal"))
    # after adoption they are the same; before it, steps add up to the distance from the last period
    assert [row.value for row in varying.group_time][2:] == pytest.approx(
        [row.value for row in universal.group_time][2:]
    )
    steps = [row.value for row in varying.group_time][:2]
    assert [row.value for row in universal.group_time][:2] == pytest.approx([-sum(steps), -steps[1]])
    assert varying.curve.x.tolist() == [-2, -1, 0, 1, 2]
    assert universal.curve.x.tolist() == [-3, -2, 0, 1, 2]


# --- several groups, written out --------------------------------------------------------------------------------------


def naive_cell(y, first, x, w, g, t, base, control):
    """One difference of changes, at equal x where given, with weights."""
    compared = [
        i
        for i in range(len(y))
        if (first[i] == NEVER if control == "never_treated" else first[i] > max(t, base)) and first[i] != g
    ]
    treated = [i for i in range(len(y)) if first[i] == g]
    change = y[:, t] - y[:, base]
    columns = np.column_stack([np.ones(len(y)), *([] if x is None else [x])])
    root = np.sqrt(w[compared])
    slopes = np.linalg.lstsq(columns[compared] * root[:, None], change[compared] * root, rcond=None)[0]
    return float(np.average((change - columns @ slopes)[treated], weights=w[treated])), treated, compared


def naive(y, first, x, w, control, base):
    """All parameters: {name: value}, and the treated and compared of each."""
    groups = sorted({g for g in first if g < y.shape[1]})
    cells = {}
    for g in map(int, groups):
        for t in range(y.shape[1]):
            start = g - 1 if base == "universal" or t >= g else t - 1
            if start < 0 or t == start:
                continue
            later = [f for f in first if (f == NEVER if control == "never_treated" else f > max(t, start)) and f != g]
            if len(later) > (1 if x is None else 2):
                cells[g, t] = naive_cell(y, first, x, w, g, t, start, control)
    size = {g: w[first == g].sum() for g in groups}

    def mean(chosen):
        total = sum(size[g] for g, _ in chosen)
        return (
            sum(size[g] * cells[g, t][0] for g, t in chosen) / total,
            {i for key in chosen for i in cells[key][1]},
            {i for key in chosen for i in cells[key][2]},
        )

    found = {("cell", *key): cell for key, cell in cells.items()}
    for e in sorted({t - g for g, t in cells}):
        found["event", e] = mean([key for key in cells if key[1] - key[0] == e])
    averages = {}
    for g in groups:
        own = [key for key in cells if key[0] == g and key[1] >= g]
        if own:
            averages[g] = found["group", g] = mean(own)
    value = sum(size[g] * part[0] for g, part in averages.items()) / sum(size[g] for g in averages)
    treated = set().union(*(part[1] for part in averages.values()))
    found["overall", 0] = value, treated, set().union(*(part[2] for part in averages.values()))
    return found


def naive_errors(y, first, x, control, base):
    """The standard errors from each unit's weight: derivatives by finite differences, with the factors for few units."""
    n, step = len(y), 1e-5
    middle = naive(y, first, x, np.ones(n), control, base)
    slopes = {key: np.zeros(n) for key in middle}
    for i in range(n):
        weight = np.full(n, 1.0)
        up, down = (naive(y, first, x, weight + d * (np.arange(n) == i), control, base) for d in (step, -step))
        for key in middle:
            slopes[key][i] = (up[key][0] - down[key][0]) / (2 * step)
    found = {}
    for key, (value, treated, compared) in middle.items():
        one, many = np.isin(np.arange(n), list(treated)), len(treated)
        spare = len(compared) - (1 if x is None else 2)
        v1 = np.sum(slopes[key][one] ** 2) * many / max(many - 1, 1)
        v0 = np.sum(slopes[key][~one] ** 2) * len(compared) / spare
        df = (v1 + v0) ** 2 / (v1**2 / max(many - 1, 1) + v0**2 / spare)
        found[key] = (value, math.sqrt(v1 + v0), df, many)
    return found


def rows_by_name(found):
    rows = {}
    for row in found.group_time:
        g, t = int(row.group.removeprefix("adopted in ")), int(row.estimand.removeprefix("effect in period "))
        rows["cell", g, t] = row
    for row in found.event_time:
        words = row.estimand.split()
        rows["event", -int(words[1]) if words[0] == "placebo" else int(words[1])] = row
    for row in found.group:
        rows["group", int(row.group.removeprefix("adopted in "))] = row
    rows["overall", 0] = found.overall
    return rows


@pytest.mark.parametrize(
    ("control", "base", "adjusted", "never"),
    [
        ("not_yet_treated", "varying", False, True),
        ("not_yet_treated", "universal", True, True),
        ("never_treated", "varying", True, True),
        ("never_treated", "universal", False, True),
        ("not_yet_treated", "varying", False, False),
        ("not_yet_treated", "varying", True, False),
    ],
)
def test_all_rows_as_written_out_and_errors_as_derivatives_of_weights(control, base, adjusted, never):
    y, first, x = panel(11, n=16, periods=6, never=never)
    x = x if adjusted else None
    found = rows_by_name(estimate(y, first, control=control, base=base, covariates=x))
    wanted = naive_errors(y, first, x, control, base)
    estimated = {key for key, row in found.items() if row.estimated}
    assert estimated == {key for key, (_, _, _, many) in wanted.items() if many > 1}
    assert len(estimated) > 12
    for key in estimated:
        value, error, df, many = wanted[key]
        assert found[key].value == pytest.approx(value, rel=1e-9, abs=1e-11)
        assert found[key].std_error == pytest.approx(error, rel=DERIVATIVE)
        assert found[key].df == pytest.approx(df, rel=1e-4)
        assert found[key].n_treated == many


def test_cells_are_differences_in_means_of_changes():
    y, first, _ = panel(5)
    for row in estimate(y, first).group_time:
        g, t = int(row.group.removeprefix("adopted in ")), int(row.estimand.removeprefix("effect in period "))
        base = g - 1 if t >= g else t - 1
        used = (first == g) | (first > max(t, base))
        same = difference_in_means((y[:, t] - y[:, base])[used], (first == g)[used])
        assert (row.value, row.std_error, row.df) == pytest.approx((same.value, same.std_error, same.df))


def test_by_hand():
    # The two that adopt in 2 rise by 3 and 4 in it, and by 4 and 5 up to the end. In 2, the others (both still
    # without) rise by 0, 0, 0, 1; up to 3 those never treated rise by 1, 1. So 3.5 - 0.25 and 4.5 - 1. In 3, those
    # who adopt rise by 4 and 3, those never treated by 1 and 0: 3.5 - 0.5.
    y = [[3, 4, 7, 8], [5, 5, 9, 10], [4, 5, 5, 9], [2, 4, 4, 7], [6, 7, 7, 8], [1, 2, 3, 3]]
    found = estimate(y, [2, 2, 3, 3, np.nan, np.nan])
    after = [row.value for row in found.group_time if row.estimand[-1] >= row.group[-1]]
    assert after == pytest.approx([3.25, 3.5, 3.0])
    assert [row.value for row in found.group] == pytest.approx([3.375, 3.0])
    assert found.overall.value == pytest.approx(3.1875)
    assert [row.value for row in found.event_time][-2:] == pytest.approx([3.125, 3.5])


def test_standard_errors_as_a_bootstrap_of_units():
    y, first, _ = panel(3, n=160)
    found = estimate(y, first)
    rng, samples = np.random.default_rng(8), 200
    drawn = []
    for _ in range(samples):
        units = rng.integers(0, len(y), len(y))
        again = estimate(y[units], first[units])
        drawn.append([again.overall.value, *(row.value for row in again.event_time)])
    spread = np.std(drawn, axis=0, ddof=1)
    rows = [found.overall, *found.event_time]
    for row, sd in zip(rows, spread, strict=True):
        # the Monte Carlo error of a standard deviation of normal values
        assert abs(row.std_error - sd) < 4 * sd / math.sqrt(2 * samples)


def two_way(y, first):
    """The coefficient of treatment in a regression on units and periods."""
    periods = y.shape[1]
    treated = (np.arange(periods) >= first[:, None]).astype(float)
    apart = treated - treated.mean(axis=1, keepdims=True) - treated.mean(axis=0) + treated.mean()
    return float(np.sum(apart * y) / np.sum(apart**2))


def test_effects_that_grow_turn_two_way_fixed_effects_round():
    # No noise: the early adopters' effect grows by 1 a period, the late ones' is always 1.
    periods, first = 20, np.repeat([2.0, 10.0], 20)
    since = np.arange(periods) - first[:, None]
    effect = np.where(since >= 0, np.where(first[:, None] == 2, 1.0 + since, 1.0), 0.0)
    noise = 0.01 * np.random.default_rng(2).normal(size=effect.shape)
    y = effect + np.arange(periods) + noise
    assert effect[:, 2:].max() == 18
    assert np.all(effect[since >= 0] > 0)
    assert two_way(y, first) < 0
    found = estimate(y, first)
    # those who adopt in 2 can be compared up to period 9, with effects 1 to 8; the others with nobody
    assert found.overall.value == pytest.approx(4.5, abs=0.02)
    assert [row.value for row in found.event_time if "after" in row.estimand] == pytest.approx(range(1, 9), abs=0.02)


# --- bands and the check ----------------------------------------------------------------------------------------------


def test_band_holds_the_intervals_and_follows_the_degrees_of_freedom():
    y, first, _ = panel(5)
    found = estimate(y, first, draws=4000)
    rows = [row for row in found.event_time if row.estimated]
    assert found.curve.y == pytest.approx([row.value for row in rows])
    assert found.curve.low == pytest.approx([row.interval.low for row in rows])
    assert np.all(found.simultaneous.high > found.curve.high)
    assert 1.96 < found.critical < 4
    assert found.curve.at_risk.tolist() == [row.n_treated for row in rows]


def test_band_of_one_period_is_its_interval():
    y, first, _ = panel(5)
    found = estimate(y, first, event_window=(0, 0), draws=200_000)
    assert found.curve.x.tolist() == [0]
    # Monte Carlo error of the 95 % quantile of a normal deviate's size: sqrt(0.05 x 0.95 / draws) / density
    assert found.critical == pytest.approx(1.959964, abs=4 * math.sqrt(0.05 * 0.95 / 200_000) / 0.11690)
    assert found.simultaneous.high == pytest.approx(found.curve.high, rel=0.01)
    assert found.pre_trends.passed is None


def test_critical_value_as_multipliers_on_units():
    y, first, _ = panel(7, n=40)
    found = estimate(y, first, draws=40_000)
    errors = naive_scores(y, first)
    rng = np.random.default_rng(3)
    sums = np.abs(rng.standard_normal((40_000, len(y))) @ errors / np.linalg.norm(errors, axis=0)).max(axis=1)
    # both have the Monte Carlo error of the quantile, whose density is at least 0.09 here
    assert found.critical == pytest.approx(np.quantile(sums, 0.95), abs=4 * math.sqrt(2 * 0.0475 / 40_000) / 0.09)


def naive_scores(y, first):
    """Each unit's share in the errors of the effects by event time, scaled for few units."""
    n, step = len(y), 1e-5
    middle = {
        k: v for k, v in naive(y, first, None, np.ones(n), "not_yet_treated", "varying").items() if k[0] == "event"
    }
    columns = np.zeros((n, len(middle)))
    for i in range(n):
        for sign in (1, -1):
            moved = naive(y, first, None, np.ones(n) + sign * step * (np.arange(n) == i), "not_yet_treated", "varying")
            columns[i] += [sign * moved[key][0] / (2 * step) for key in middle]
    for j, (_, treated, compared) in enumerate(middle.values()):
        one = np.isin(np.arange(n), list(treated))
        columns[:, j] *= np.sqrt(np.where(one, len(treated) / (len(treated) - 1), len(compared) / (len(compared) - 1)))
    return columns


def test_trend_before_adoption_is_found():
    y, first, _ = panel(5, n=60)
    quiet = estimate(y, first).pre_trends
    assert quiet.passed is True
    assert quiet.p_value > 0.05
    assert str(quiet.detail) == "periods before adoption: 4"
    loud = estimate(y + 3 * np.arange(6) * np.isfinite(first)[:, None] * (first[:, None] == 5), first).pre_trends
    assert loud.passed is False
    # of 1,000 draws none was larger
    assert loud.p_value == pytest.approx(1 / 1001)


# --- properties, and too little data ----------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_order_effects_of_units_and_periods_do_not_matter(seed, never_treated):
    y, first, _ = panel(seed % 1000, n=20)
    rng = np.random.default_rng(seed)
    order = rng.permutation(20)
    control = "never_treated" if never_treated else "not_yet_treated"
    base = estimate(y, first, control=control)
    moved = -2 * (y + rng.normal(size=(20, 1)) + rng.normal(size=6))[order]
    names = np.array([2001, 2002, 2003, 2005, 2010, 2020.0])
    labels = np.where(np.isfinite(first), names[np.where(np.isfinite(first), first, 0).astype(int)], np.nan)
    found = estimate(moved, labels[order], control=control, periods=names)
    for one, other in zip([base.overall, *base.event_time], [found.overall, *found.event_time], strict=True):
        assert other.estimated == one.estimated
        if one.estimated:
            assert other.value == pytest.approx(-2 * one.value, abs=1e-9)
            assert other.std_error == pytest.approx(2 * one.std_error, rel=1e-9)
    assert found.group[0].group == "adopted in 2003"


def test_adoption_between_or_after_the_periods():
    y, first, _ = panel(5)
    names = np.arange(6) * 10.0
    early = np.where(np.isfinite(first), 10 * first - 5, 400)
    one, other = estimate(y, first), estimate(y, early, periods=names)
    assert other.overall.value == pytest.approx(one.overall.value)
    assert other.group[0].group == "adopted in 20"


def test_adopted_in_the_first_period_is_left_out():
    y, first, _ = panel(5)
    more, firsts = np.vstack([y, y[:3] + 100]), np.r_[first, 0, -3, 0]
    found = estimate(more, firsts)
    assert found.overall.value == pytest.approx(estimate(y, first).overall.value)
    assert found.overall.note == "units left out because they adopted in the first period: 3"


def test_groups_of_one_have_no_row_but_count():
    rng = np.random.default_rng(6)
    first = np.r_[np.arange(2.0, 12), np.full(10, NEVER)]
    y = rng.normal(size=(20, 13)) + (np.arange(13) >= first[:, None])
    found = estimate(y, first)
    reason = "one unit has adopted; two are needed for a standard error"
    assert {row.reason for row in found.group_time} == {row.reason for row in found.group} == {reason}
    assert found.overall.estimated
    # the spread between offices is in the error: by hand for the first period, over ten offices' own differences
    row = next(row for row in found.event_time if row.estimand == "effect 0 periods after adoption")
    own = [y[i, g] - y[i, g - 1] - np.mean((y[:, g] - y[:, g - 1])[first > g]) for i, g in enumerate(range(2, 12))]
    assert row.value == pytest.approx(np.mean(own))
    assert 0.3 < row.std_error / (np.std(own, ddof=1) / math.sqrt(10)) < 2
    assert row.n_treated == 10


def test_nobody_left_to_compare_with_is_an_empty_row():
    y, first, _ = panel(5, never=False)
    found = estimate(y, first)
    last = [row for row in found.group_time if row.group == "adopted in 5"]
    assert [row.estimated for row in last] == [True, True, False, False, False]
    assert last[-1].reason == "0 units to compare with; 2 are needed"
    assert len(found.group) == 2
    assert found.overall.note == "groups and periods without units to compare with, left out: 5"


def test_inputs_are_left_as_they_were():
    y, first, x = panel(5)
    copies = y.copy(), first.copy(), x.copy()
    estimate(y, first, covariates=x)
    for one, other in zip((y, first, x), copies, strict=True):
        assert np.array_equal(one, other)


Y, FIRST = np.random.default_rng(0).normal(size=(8, 4)), np.array([1, 1, 1, 2, 2, NEVER, NEVER, NEVER])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"first_period": [0] * 8}, "every unit has adopted in the first period"),
        ({"first_period": [NEVER] * 8}, "no unit adopts after the first period"),
        ({"first_period": [0] * 5 + [NEVER] * 3}, "no unit adopts after the first period"),
        ({"first_period": [2] * 8}, "no effect after adoption can be estimated"),
        ({"first_period": [2] * 7 + [NEVER]}, "no effect after adoption can be estimated"),
        ({"first_period": [1, 1, 1, 2, 2, 3, 3, 3], "control": "never_treated"}, "no effect after adoption"),
        ({"covariates": np.arange(16).reshape(8, 2) % 3, "control": "never_treated"}, "no effect after adoption"),
    ],
)
def test_what_cannot_be_estimated(change, message):
    options = {"first_period": FIRST, **change}
    with pytest.raises(NotEstimable, match=message):
        estimate(Y, options.pop("first_period"), **options)


def test_constant_outcome_is_empty_rows():
    found = estimate(np.ones((8, 4)), FIRST)
    rows = [found.overall, *found.event_time, *found.group, *found.group_time]
    assert {row.reason for row in rows} == {"the outcome has no variation left to estimate a standard error from"}
    assert math.isnan(found.critical)
    assert len(found.curve.x) == 0
    assert found.pre_trends.passed is None


def test_collinear_covariates_are_an_empty_row():
    found = estimate(Y, FIRST, covariates=[1, 2, 3, 4, 5, 6, 6, 6])
    reasons = {row.reason for row in found.group_time if not row.estimated}
    assert "the covariates are collinear among the 3 units compared with" in reasons


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": np.ones(8)}, "y has the shape .8,.; must be .units, periods."),
        ({"y": np.ones((8, 1))}, "y has the shape"),
        ({"y": np.where(np.arange(32).reshape(8, 4) == 5, np.nan, Y)}, "y has 1 missing or infinite values"),
        ({"first_period": FIRST[:7]}, "first_period has the shape .7,."),
        ({"first_period": ["2"] * 8}, "first_period has the shape .* and type"),
        ({"first_period": -FIRST}, "first_period has the value -inf"),
        ({"periods": [1, 2, 3]}, "periods has 3 rows; must have 4"),
        ({"periods": [1, 2, 2, 3]}, "periods is not increasing"),
        ({"control": "never"}, "control is 'never'; must be one of not_yet_treated, never_treated"),
        ({"base": "fixed"}, "base is 'fixed'; must be one of varying, universal"),
        ({"event_window": (2, 1)}, "event_window is .2, 1.; must be two whole numbers in order"),
        ({"event_window": (0.0, 1)}, "event_window"),
        ({"event_window": 3}, "event_window is 3; must be two whole numbers in order"),
        ({"event_window": (7, 9)}, "event_window is .7, 9.; must hold a period since adoption"),
        ({"covariates": np.ones(7)}, "covariates has 7 rows; must have 8"),
        ({"level": 0}, "level is 0"),
        ({"draws": 999}, "draws is 999; must be a whole number, 1,000 or more"),
        ({"rng": 3}, "rng is a int"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    options = {"y": Y, "first_period": FIRST, **change}
    with pytest.raises(InvalidInput, match=message):
        estimate(options.pop("y"), options.pop("first_period"), **options)
