"""Intervals of the spillover cover it, and tests keep their size, as often as they say.

The size of a randomisation test is the largest possible p-value at or below 5 % (its choices are few): the claim is
that figure. CR2 with two exposed areas has one degree of freedom or so and is far on the safe side: its claims are the
figures found in 5,000 other trials.
"""

import numpy as np
import pytest

from analysis_lib.trials.spillover import county_difference_in_differences, saturation_effects

pytestmark = [pytest.mark.slow, pytest.mark.calibration]

EFFECT = 1.5
SIZES = np.array([30, 80, 20, 50, 40, 25, 60, 35, 45, 70, 30, 55])


def counties(rng, areas, exposed, *, by_size=False, periods=2):
    """People of areas with shocks by area, and by area and period, so that people of a time and place are alike."""
    size = SIZES[:areas] if by_size else np.full(areas, 20)
    area = np.repeat(np.repeat(np.arange(areas), size), periods)
    period = np.tile(np.arange(periods), len(area) // periods)
    late = period == periods - 1
    shock = rng.normal(size=(areas, 1)) + 0.5 * rng.normal(size=(areas, periods))
    ran = rng.permutation(areas) < exposed
    y = shock[area, period] + EFFECT * (ran[area] & late) + rng.normal(size=len(area))
    return y, area, ran[area], late, period


def difference(areas, exposed, row, *, by_size=False, weight="people"):
    def draw(rng):
        y, area, ran, late, _ = counties(rng, areas, exposed, by_size=by_size)
        rows = county_difference_in_differences(y, area, ran, late, weight=weight, rng=rng)
        interval = rows[row].interval
        return interval.low <= EFFECT <= interval.high

    return draw


def drawn_choices(rng):
    y, area, ran, late, _ = counties(rng, 12, 4)
    interval = county_difference_in_differences(y, area, ran, late, draws=199, rng=rng)[0].interval
    return interval.low <= EFFECT <= interval.high


def pre_trend(rng):
    y, area, ran, late, period = counties(rng, 9, 3, periods=4)
    return bool(county_difference_in_differences(y, area, ran, late, period=period, rng=rng).checks[0].passed)


def two_stage(which, share, average="clusters", *, unequal=False):
    """39 offices: 13 of pure control, 13 with a quarter and 13 with three quarters treated."""

    def draw(rng):
        office = np.repeat(np.arange(39), rng.integers(8, 40, 39) if unequal else 16)
        saturation = np.repeat([0, 0.25, 0.75], 13)[rng.permutation(39)][office]
        place = np.argsort(np.argsort(office + rng.random(len(office)))) - np.searchsorted(office, office)
        treated = place < np.round(saturation * np.bincount(office)[office])
        y = EFFECT * treated - saturation + rng.normal(size=39)[office] + (1 + treated) * rng.normal(size=len(office))
        rows = saturation_effects(y, treated, office, saturation, average=average)
        truth = {"direct": EFFECT, "spillover": -share, "total": EFFECT - share}[which]
        row = next(r for r in rows.where(group=f"saturation {share}") if r.estimand.startswith(which))
        return row.interval.low <= truth <= row.interval.high

    return draw


CASES = {
    # exact sizes: 1 of 28, 3 of 66, 4 of 84 choices and 0.05 of 200
    "difference-in-differences: 2 of 8 areas, all choices": (difference(8, 2, 0), 1 - 1 / 28),
    "difference-in-differences: 2 of 12 areas of 20 to 80 people, all choices": (
        difference(12, 2, 0, by_size=True), 1 - 3 / 66,
    ),
    "difference-in-differences: 2 of 12 areas, each the same": (
        difference(12, 2, 0, by_size=True, weight="areas"), 1 - 3 / 66,
    ),
    "difference-in-differences: 2 of 6 areas, no test possible": (difference(6, 2, 0), 1.0),
    "difference-in-differences: 4 of 12 areas, 199 choices drawn": (drawn_choices, 0.95),
    "difference-in-differences: 2 of 8 areas, CR2": (difference(8, 2, 1), 0.991),
    "difference-in-differences: 2 of 12 areas of 20 to 80 people, CR2": (difference(12, 2, 1, by_size=True), 0.993),
    "difference-in-differences: largest of two placebos, 3 of 9 areas (share not rejected at 5 %)": (
        pre_trend, 1 - 4 / 84,
    ),
    "two-stage design: direct effect, 39 offices": (two_stage("direct", 0.75), 0.95),
    "two-stage design: spillover, 39 offices": (two_stage("spillover", 0.75), 0.95),
    "two-stage design: total effect, 39 offices of 8 to 39 people": (two_stage("total", 0.25, unequal=True), 0.95),
    "two-stage design: spillover, 39 offices of 8 to 39 people, CR2": (
        two_stage("spillover", 0.25, "people", unequal=True), 0.95,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(CASES))
def test_size_and_coverage(coverage, name):
    draw, claim = CASES[name]
    coverage(name, draw, claim=claim, share=0.2 if name.endswith("39 people, CR2") else 0.5)
