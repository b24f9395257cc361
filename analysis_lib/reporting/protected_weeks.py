"""Disclosure control of curves over weeks that are not survival curves: points that count few people go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from analysis_lib.reporting.suppression import DisclosureRule
from analysis_lib.results import Curve, FloatArray


def hide_few(curves: Sequence[Curve], counts: Sequence[FloatArray], rule: DisclosureRule) -> tuple[Curve, ...]:
    """Return the curves without the points at which any of the counts is from 1 to `min_count` - 1.

    A point goes from every curve, as one could be had from the others; its value and band are NaN. Numbers at risk are
    taken out, and a curve without a point left is left out.

    Parameters
    ----------
    curves
        On the same points.
    counts
        People (or contacts) behind each point, each of shape (n_points,): those counted, and those who are the rest.
    rule
        What may be disclosed.

    Examples
    --------
    >>> share = Curve(x=np.arange(3.0), y=np.array([0.5, 0.1, 0.0]), low=np.zeros(3), high=np.ones(3))
    >>> hide_few([share], [20 * share.y, 20 * (1 - share.y)], DisclosureRule(min_count=5))[0].y
    array([0.5, nan, 0. ])
    """
    whole = [np.rint(np.asarray(count, dtype=np.float64)) for count in counts]
    few = np.logical_or.reduce([(count > 0) & (count < rule.min_count) for count in whole])
    shown = (
        replace(
            curve, y=np.where(few, np.nan, curve.y), low=np.where(few, np.nan, curve.low),
            high=np.where(few, np.nan, curve.high), at_risk=None,
        )
        for curve in curves
    )  # fmt: skip
    return tuple(curve for curve in shown if not np.isnan(curve.y).all())
