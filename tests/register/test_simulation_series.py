"""A weekly share with a break: the expected series against the register's own, and what the break is."""

from __future__ import annotations

import json

import numpy as np
import pytest

from analysis_lib.register.simulation.series import series_truth, without_break
from analysis_lib.register.weeks import week_index

Z = 4


def fact(**parts):
    return {"mark": "unknown"} | parts


def effects():
    """Two per cent more each year, and from 2006-W27 on a pulse and a lasting rise."""
    drift = [fact(hazard_ratio=1.02, calendar=[f"{year}-W01", None]) for year in (2005, 2006, 2007)]
    return [
        *drift, fact(hazard_ratio=3.0, calendar=["2006-W27", "2006-W31"], of_break=True),
        fact(hazard_ratio=1.6, calendar=["2006-W27", None], of_break=True),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def broken(remake, model):
    ineligible = json.loads(model.ineligible.model_dump_json()) | {"not_newly_unemployed": 0.0, "too_short": 0.2}
    return remake(
        arms=[], activation=[], effects=effects(), ineligible=ineligible,
        span={"first_week": "2001-W01", "last_week": "2008-W30"}, follow_up_weeks=200, horizons_weeks=[52],
        entry=fact(
            first_week="2003-W01", last_week="2003-W01", free_weeks=4,
            stock=fact(share=1.0, shortest_weeks=40, longest_weeks=60),
        ),
        duration=fact(weibull_shape=1.0, weibull_scale_weeks=200.0),
        recurrence=fact(return_hazard=0.06, exit_hazard=0.006, most_returns=8, exit_effects=effects()),
        truth_series={
            "states": ["self_support"], "first_week": "2004-W27", "last_week": "2008-W26", "break_week": "2006-W27",
            "persons": 6000,
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def register(simulate, broken):
    return simulate(of=broken, assigned=None, persons=4000)


@pytest.fixture(scope="module")
def truth(register):
    return register.truth["series"]


def columns(truth):
    first = week_index(truth["first_week"])
    return np.arange(len(truth["expected_share"])), week_index(truth["break_week"]) - first


def test_nothing_differs_before_the_break(truth):
    _, broken_at = columns(truth)
    share, other = np.array(truth["expected_share"]), np.array(truth["expected_share_without_break"])
    np.testing.assert_array_equal(share[:broken_at], other[:broken_at])
    assert np.all(share[broken_at + 1 :] > other[broken_at + 1 :])
    assert truth["mean_share_before"] == pytest.approx(share[:broken_at].mean())


def test_level_and_slope_are_the_line_through_the_difference(truth):
    weeks, broken_at = columns(truth)
    gain = np.array(truth["expected_share"]) - np.array(truth["expected_share_without_break"])
    slope, level = np.polyfit(weeks[broken_at:] - broken_at, gain[broken_at:], 1)
    assert truth["level_change"] == pytest.approx(level, rel=1e-9)
    assert truth["slope_change_per_week"] == pytest.approx(slope, rel=1e-6, abs=1e-12)
    assert 0 < truth["std_error"]["level_change"] < truth["level_change"] / 4
    # The segmented regression of the series itself: two lines, fitted apart.
    share = np.array(truth["expected_share"])
    (b0, a0), (b1, a1) = (
        np.polyfit(weeks[part] - broken_at, share[part], 1) for part in (weeks < broken_at, weeks >= broken_at)
    )
    assert truth["segmented"]["level_change"] == pytest.approx(a1 - a0, rel=1e-8)
    assert truth["segmented"]["slope_change_per_week"] == pytest.approx(b1 - b0, rel=1e-6)


def test_the_registers_shares_are_the_expected_ones(register, truth, codes, broken):
    """The people of the cohort found by a rule of its own: on benefit in the entry week and the 40 weeks before."""
    matrix = register.codes
    entry = broken.entry.first_week - register.first_week
    on_it = np.isin(matrix[:, entry - 40 : entry + 1], [111]).all(axis=1)
    people = register.persons
    born = people["birth_date"].dt.year.between(1943, 1985).to_numpy()
    own = matrix[on_it & born & people["municipality"].isin([320, 370, 510]).to_numpy()]
    assert len(own) == register.truth["counts"]["eligible"]
    first = week_index(truth["first_week"]) - register.first_week
    for week in (0, 40, 90, 104, 108, 130, 180):
        seen = own[:, first + week][~np.isin(own[:, first + week], [997, 999])]
        expected = truth["expected_share"][week]
        # The register's people and those drawn for the truth are both samples.
        error = np.sqrt(expected * (1 - expected) * (1 / len(seen) + 1 / truth["persons"]))
        assert abs(np.mean(seen == 0) - expected) < Z * error


def test_weeks_are_autocorrelated_through_spells(register, truth):
    first = week_index(truth["first_week"]) - register.first_week
    free = (register.codes[:, first : first + 60] == 0).astype(float)
    free = free[(free.mean(axis=1) > 0) & (free.mean(axis=1) < 1)]
    assert np.corrcoef(free[:, 10], free[:, 11])[0, 1] > 0.8


def test_an_independent_draw_agrees_within_its_errors(broken, truth, codes):
    other = series_truth(broken, broken.truth_series, codes, np.random.default_rng(99))
    for key in ("level_change", "slope_change_per_week"):
        error = np.hypot(truth["std_error"][key], other["std_error"][key])
        assert abs(other[key] - truth[key]) < Z * error


def test_without_the_break_the_trend_is_left(broken):
    alone = without_break(broken)
    assert [effect.hazard_ratio for effect in alone.effects] == [1.02, 1.02, 1.02]
    assert len(alone.recurrence.exit_effects) == 3
    assert len(broken.effects) == 5
