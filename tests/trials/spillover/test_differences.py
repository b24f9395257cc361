"""Differences-in-differences of areas: clubSandwich's answers, tests written out, and what is refused."""

import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.trials.spillover import county_difference_in_differences

REFERENCE = Path(__file__).parents[2] / "reference"
PEOPLE = pd.read_csv(REFERENCE / "spillover_people.csv")
ANSWERS = pd.read_csv(REFERENCE / "spillover_answers.csv")
CLOSED_FORM = 1e-8


def people(case):
    return PEOPLE[PEOPLE["case"] == case]


def expected(case, call):
    rows = ANSWERS[(ANSWERS["case"] == case) & (ANSWERS["call"] == call)]
    assert len(rows)
    return dict(zip(rows["quantity"], rows["value"].astype(float), strict=True))


def compare(d, **options):
    options = {"rng": np.random.default_rng(1), **options}
    return county_difference_in_differences(d["y"], d["area"], d["exposed"], d["after"], **options)


@pytest.mark.parametrize(
    ("call", "options"),
    [
        ("people", {}),
        ("adjusted", {"covariates": ["age", "prior"]}),
        ("areas", {"weight": "areas"}),
        ("areas adjusted", {"weight": "areas", "covariates": ["age", "prior"]}),
    ],
)
def test_conventional_row_as_clubsandwich_by_person(call, options):
    d = people("two")
    wanted = expected("two", call)
    options = {k: d[v] if k == "covariates" else v for k, v in options.items()}
    randomised, conventional = compare(d, **options)
    found = {name: getattr(conventional, name) for name in ("value", "std_error", "df", "p_value")}
    assert found == pytest.approx(wanted, rel=CLOSED_FORM)
    assert randomised.value == pytest.approx(wanted["value"], rel=CLOSED_FORM)
    exposed = int((d["exposed"] == 1).sum())
    assert (randomised.n_treated, randomised.n, randomised.n_clusters) == (exposed, len(d), 9)


def test_periods_as_r():
    d = people("four")
    found = compare(d, period=d["period"])
    wanted = expected("four", "people")
    assert found[1].value == pytest.approx(wanted["value"], rel=CLOSED_FORM)
    assert found[1].std_error == pytest.approx(wanted["std_error"], rel=CLOSED_FORM)
    assert [row.group for row in found[2:4]] == ["1", "2"]
    placebos = [expected("four", f"placebo {p}")["value"] for p in (1, 2)]
    assert [row.value for row in found[2:4]] == pytest.approx(placebos, rel=CLOSED_FORM)
    assert found[2].n == int(d["period"].isin([1, 3]).sum())


@pytest.fixture(scope="module")
def enumerated():
    """The p-value at a shift over all 84 choices of 3 of 9 areas, in loops."""
    d = people("two")
    areas = []
    for name, rows in d.groupby("area"):
        one, zero = rows.loc[rows["after"] == 1, "y"], rows.loc[rows["after"] == 0, "y"]
        weight = len(one) * len(zero) / (len(one) + len(zero))
        areas.append((name, weight, one.mean() - zero.mean(), rows["exposed"].iloc[0]))

    def size(chosen, shift):
        total, weights = {True: 0.0, False: 0.0}, {True: 0.0, False: 0.0}
        for name, weight, change, exposed in areas:
            total[name in chosen] += weight * (change - shift * exposed)
            weights[name in chosen] += weight
        return abs(total[True] / weights[True] - total[False] / weights[False])

    made = [name for name, _, _, exposed in areas if exposed]
    choices = list(itertools.combinations([name for name, *_ in areas], 3))

    def p_value(shift):
        bound = size(made, shift) - 1e-9
        return sum(size(chosen, shift) >= bound for chosen in choices) / len(choices)

    return p_value


def test_p_value_is_that_of_the_84_choices_written_out(enumerated):
    found = compare(people("two"))[0]
    assert found.p_value == pytest.approx(enumerated(0.0))
    assert str(found.method) == "exact randomisation test, all 84 assignments; unit assigned: area"
    assert "3 of 9 areas are exposed: no p-value below 0.012 is possible" in found.note


@pytest.mark.parametrize("level", [0.95, 0.7])
def test_interval_holds_the_shifts_that_the_84_choices_do_not_reject(enumerated, level):
    interval = compare(people("two"), level=level)[0].interval
    step = 1e-6
    assert enumerated(interval.low + step) > 1 - level
    assert enumerated(interval.low - step) <= 1 - level
    assert enumerated(interval.high - step) > 1 - level
    assert enumerated(interval.high + step) <= 1 - level


def made_up(rng, areas, exposed, periods=2, size=4):
    """One mean a period of each area, with shocks."""
    area = np.repeat(np.arange(areas), periods)
    period = np.tile(np.arange(periods), areas)
    return pd.DataFrame(
        {
            "area": area,
            "exposed": area < exposed,
            "after": period == periods - 1,
            "period": period,
            "y": rng.normal(size=areas)[area] + rng.normal(size=areas * periods),
            "people": rng.integers(1, 1 + size, areas * periods),
        }
    )


def test_drawn_choices_come_near_all_of_them():
    d = made_up(np.random.default_rng(3), 12, 4)
    every = compare(d, draws=495)[0]
    drawn = compare(d, draws=494)[0]
    assert str(every.method).startswith("exact randomisation test, all 495")
    assert str(drawn.method).startswith("randomisation test, 494 assignments drawn")
    p = every.p_value
    assert abs(drawn.p_value - p) < 4 * math.sqrt(p * (1 - p) / 494) + 1 / 495
    assert "no p-value below 0.002 is possible" in drawn.note


def test_drawn_p_value_counts_the_choice_made():
    d = made_up(np.random.default_rng(3), 12, 4)
    d["y"] += 1e6 * d["exposed"] * d["after"]
    rows = [compare(d, draws=99, rng=np.random.default_rng(seed))[0] for seed in range(3)]
    assert [row.p_value for row in rows] == [0.01, 0.01, 0.01]
    assert all(row.interval.low > 0 and math.isfinite(row.interval.high) for row in rows)
    assert rows[0].interval_at(0.995).low == -math.inf


def test_means_of_cells_give_the_answer_of_their_people():
    d = people("two")
    means = d.groupby(["area", "exposed", "after"], as_index=False).agg(y=("y", "mean"), people=("y", "size"))
    by_person, by_mean = compare(d), compare(means, people=means["people"])
    for one, other in zip(by_person, by_mean, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-12)
        assert one.interval.low == pytest.approx(other.interval.low, rel=1e-9)
        assert one.p_value == pytest.approx(other.p_value)
        assert one.n == other.n


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(4, 8), st.booleans())
def test_shifting_exposed_areas_shifts_the_answer(seed, areas, by_area):
    rng = np.random.default_rng(seed)
    d = made_up(rng, areas, 2)
    options = {"weight": "areas" if by_area else "people", "people": d["people"], "level": 0.6}
    base = compare(d, **options)
    moved = d.assign(y=d["y"] + 2.5 * d["exposed"] * d["after"] + 7 * d["after"] + d["area"])
    order = rng.permutation(len(d))
    found = compare(moved.iloc[order], **{**options, "people": d["people"].iloc[order]})
    for one, other in zip(base, found, strict=True):
        assert other.value == pytest.approx(one.value + 2.5, abs=1e-9)
        assert other.interval.low == pytest.approx(one.interval.low + 2.5, abs=1e-7)
        assert other.interval.high == pytest.approx(one.interval.high + 2.5, abs=1e-7)


def test_few_choices_reject_nothing_and_say_so():
    d = made_up(np.random.default_rng(5), 6, 2)
    d["y"] += 50 * d["exposed"] * d["after"]
    found = compare(d)[0]
    # 1 of 15 choices
    assert found.p_value == pytest.approx(1 / 15)
    assert (found.interval.low, found.interval.high) == (-math.inf, math.inf)
    assert "no p-value below 0.067 is possible" in found.note
    assert "no limit to the interval" in found.note
    assert math.isfinite(found.interval_at(0.9).low)


def test_half_of_the_areas_exposed_have_a_mirror_choice():
    d = made_up(np.random.default_rng(5), 4, 2)
    found = compare(d, weight="areas")[0]
    # the choice made and its complement are equally far out
    assert found.p_value >= 2 / 6
    assert found.interval_at(0.7).low == -math.inf


def test_pre_trend_is_the_largest_placebo_over_choices_written_out():
    d = made_up(np.random.default_rng(8), 7, 2, periods=4)
    check = compare(d, period=d["period"], weight="areas").checks[0]
    wide = d["y"].to_numpy().reshape(7, 4)
    placebos = wide[:, [2]] - wide[:, [0, 1]]

    def differences(chosen):
        inside = np.isin(np.arange(7), chosen)
        return placebos[inside].mean(axis=0) - placebos[~inside].mean(axis=0)

    table = np.array([differences(chosen) for chosen in itertools.combinations(range(7), 2)])
    made = differences((0, 1))
    scale = np.sqrt(np.mean(np.vstack([table, made]) ** 2, axis=0))
    largest = np.max(np.abs(table) / scale, axis=1)
    assert check.statistic == pytest.approx(np.max(np.abs(made) / scale))
    assert check.p_value == pytest.approx(np.mean(largest >= check.statistic - 1e-9))
    assert check.passed == (check.p_value >= 0.05)


def test_pre_trend_that_could_not_be_rejected_is_not_passed():
    d = made_up(np.random.default_rng(8), 5, 2, periods=3)
    check = compare(d, period=d["period"]).checks[0]
    assert check.passed is None
    assert "no p-value below 0.100 is possible, so that nothing could be rejected" in check.detail


def test_one_period_before_leaves_no_placebo():
    d = made_up(np.random.default_rng(8), 5, 2)
    found = compare(d, period=d["period"])
    assert len(found) == 3
    assert (found[2].passed, str(found[2].detail)) == (None, "one period before the trial; two are needed")


def test_trend_before_the_trial_is_found():
    d = made_up(np.random.default_rng(8), 10, 3, periods=4)
    d["y"] += 20 * d["exposed"] * d["period"]
    check = compare(d, period=d["period"]).checks[0]
    assert check.passed is False
    # 1 of 120 choices
    assert check.p_value == pytest.approx(1 / 120)


def test_placebo_without_variation_is_an_empty_row():
    d = made_up(np.random.default_rng(8), 8, 2, periods=4)
    d.loc[d["period"] == 1, "y"] = d.loc[d["period"] == 2, "y"].to_numpy()
    found = compare(d, period=d["period"])
    assert found[3].reason == "the outcome has no variation left to estimate a standard error from"
    assert found.checks[0].detail == "placebos: 1"
    constant = d.assign(y=np.where(d["after"], d["y"], 3.0))
    assert compare(constant, period=d["period"]).checks[0].passed is None


def test_areas_without_a_period_are_left_out_and_named():
    d = made_up(np.random.default_rng(2), 7, 2)
    lacking = d.drop(index=d.index[(d["area"] == 5) & d["after"]])
    found = compare(lacking)
    same = compare(d[d["area"] != 5])
    assert [row.value for row in found] == pytest.approx([row.value for row in same])
    assert all("areas left out because they lack a period: 1 (5)" in row.note for row in found)


def test_one_exposed_area_has_a_randomisation_test_alone():
    found = compare(made_up(np.random.default_rng(2), 25, 1))
    assert found[0].estimated
    assert found[0].p_value >= 1 / 25
    assert found[1].reason == "one area is exposed; two are needed"
    assert math.isnan(found[1].value)
    other = made_up(np.random.default_rng(2), 4, 3)
    assert compare(other)[1].reason == "one area is not exposed; two are needed"


def test_inputs_are_left_as_they_were():
    d = people("two")
    before = d.copy(deep=True)
    compare(d, covariates=d[["age", "prior"]])
    pd.testing.assert_frame_equal(d, before)


def test_collinear_covariates_are_left_out_and_named():
    d = people("two")
    found = compare(d, covariates=d[["age", "prior"]].assign(twice=2 * d["age"] + 1))
    assert found[1].value == pytest.approx(expected("two", "adjusted")["value"], rel=CLOSED_FORM)
    assert "collinear columns left out: 1 (twice)" in found[1].note


BASE = {
    "y": [1.0, 2, 3, 5, 2, 2.5, 1, 1.2],
    "area": list("aabbccdd"),
    "exposed": [1, 1, 0, 0, 0, 0, 0, 0],
    "after": [0, 1] * 4,
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"exposed": [1] * 8}, "no area is not exposed"),
        ({"exposed": [0] * 8}, "no area is exposed"),
        ({"area": ["a"] * 8, "exposed": [1] * 8}, "no area is not exposed"),
        ({"after": [0] * 8}, "nobody after the trial began"),
        ({"after": [1] * 8}, "nobody before the trial began"),
        ({"after": [0, 0, 0, 1, 0, 1, 0, 1]}, "no area is exposed and has people in every period"),
        ({"y": [4.0] * 8}, "no variation"),
        ({"y": [1.0, 2, 3, 4, 5, 6, 7, 8]}, "no variation"),
        ({"covariates": [1, 2, 3, 4, 5, 6, 7, 8]}, "do not vary within an area and time"),
    ],
)
def test_what_cannot_be_estimated(change, message):
    d = {**BASE, **change}
    with pytest.raises(NotEstimable, match=message):
        compare(d, **{k: v for k, v in change.items() if k == "covariates"})


def test_more_covariates_than_people_can_carry():
    rng = np.random.default_rng(0)
    with pytest.raises(NotEstimable, match="16 people cannot carry"):
        county_difference_in_differences(
            rng.normal(size=16),
            np.repeat(list("abcd"), 4),
            np.repeat([1, 0, 0, 0], 4),
            [0, 0, 1, 1] * 4,
            covariates=rng.normal(size=(16, 8)),
            rng=rng,
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [math.nan, *BASE["y"][1:]]}, "y has 1 missing"),
        ({"area": [None, *BASE["area"][1:]]}, "area is missing for 1 people"),
        ({"exposed": [1, 0, 0, 0, 0, 0, 0, 0]}, "exposed differs within area a"),
        ({"exposed": [2] * 8}, "exposed has the value 2"),
        ({"after": [0, 1, 0]}, "after has 3 rows; must have 8"),
        ({"period": [1, 2, 2, 1, 1, 2, 1, 2]}, "after is not of whole periods: period 2 has people before"),
        ({"period": [1, math.nan] * 4}, "period has 4 missing"),
        ({"people": [0, *[1] * 7]}, "people has the value 0; must be above 0"),
        ({"weight": "person"}, "weight is 'person'; must be one of people, areas"),
        ({"level": 1.0}, "level is 1.0"),
        ({"draws": 0}, "draws is 0"),
        ({"rng": 1}, "rng is a int"),
        ({"covariates": [math.nan, *range(7)]}, "covariates"),
    ],
)
def test_wrong_arguments_are_named(change, message):
    options = {k: v for k, v in change.items() if k not in BASE}
    with pytest.raises(InvalidInput, match=message):
        compare({**BASE, **change}, **options)
