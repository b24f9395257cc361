"""Curves over weeks without the points that count few people."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis_lib.reporting.disclosure import DisclosureRule
from analysis_lib.reporting.protected_weeks import hide_few
from analysis_lib.results import Curve


def curve(y, label=""):
    y = np.asarray(y, dtype=float)
    return Curve(
        x=np.arange(len(y), dtype=float), y=y, low=y - 0.1, high=y + 0.1, label=label, at_risk=np.full(len(y), 30.0)
    )


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 40)), min_size=1, max_size=12), st.integers(1, 8))
def test_no_small_count_is_left_in_either_curve(pairs, least):
    one, two = np.array(pairs, dtype=float).T
    counts = [one, 30 - one, two, 40 - two]
    shown = hide_few([curve(one / 30, "a"), curve(two / 40, "b")], counts, DisclosureRule(min_count=least))
    for part in shown:
        assert part.at_risk is None
        for week in np.flatnonzero(~np.isnan(part.y)):
            assert all(count[week] == 0 or count[week] >= least for count in counts)
            assert not np.isnan(part.low[week])
    if least == 1:
        assert len(shown) == 2
        np.testing.assert_allclose(shown[0].y, one / 30)


def test_a_point_goes_from_every_curve():
    one, two = hide_few(
        [curve([0.5, 0.5]), curve([0.1, 0.5])], [np.array([15, 15]), np.array([3, 15])], DisclosureRule()
    )
    assert np.isnan([one.y[0], two.y[0], one.low[0], two.high[0]]).all()
    assert (one.y[1], two.y[1]) == (0.5, 0.5)


def test_a_curve_without_a_point_is_left_out():
    assert hide_few([curve([0.1])], [np.array([3.0])], DisclosureRule()) == ()


def test_rounding_does_not_hide_a_count():
    shown = hide_few([curve([1 / 3])], [np.array([30 * (1 / 3) * 0.5 - 1e-12])], DisclosureRule(min_count=5))
    assert shown[0].y[0] == pytest.approx(1 / 3)
