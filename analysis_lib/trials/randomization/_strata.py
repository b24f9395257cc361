"""Sums over the treated by stratum, for statistics that are not one sum of scores."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from analysis_lib.results import FloatArray
from analysis_lib.trials._draws import Draws


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumSums:
    """Sums of (columns, C) scores over the treated of each stratum, one product for all strata of equal span."""

    scores: FloatArray
    layout: Draws

    def of(self, drawn: FloatArray) -> FloatArray:
        """Return the sums of (R, columns) assignments, shape (strata, R, C)."""
        span, start = self.layout.span, self.layout.start
        found = np.empty((len(span), len(drawn), self.scores.shape[1]))
        edges = np.flatnonzero(np.diff(span, prepend=-1, append=-1))
        for first, last in pairwise(edges.tolist()):
            width = int(span[first])
            columns = slice(int(start[first]), int(start[first]) + width * (last - first))
            rows = drawn[:, columns].reshape(len(drawn), last - first, width).transpose(1, 0, 2)
            np.matmul(rows, self.scores[columns].reshape(last - first, width, -1), out=found[first:last])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumSizes:
    """People and units by stratum, each of shape (strata,), and whether the units of a stratum are of equal size.

    `weight` is the stratum's share of the people; `treated_people` holds for every assignment where units are equal.
    """

    people: FloatArray
    weight: FloatArray
    treated: FloatArray
    control: FloatArray
    equal: bool

    @classmethod
    def of(cls, layout: Draws) -> StratumSizes:
        """Count the people and units of a layout."""
        units = layout.units
        each = np.bincount(units.of_case).astype(np.float64)
        people = np.bincount(units.stratum, weights=each).astype(np.float64)
        return cls(
            people=people,
            weight=people / people.sum(),
            treated=units.count.astype(np.float64),
            control=(units.size - units.count).astype(np.float64),
            equal=bool(np.all(each == (people / units.size)[units.stratum])),
        )

    @property
    def treated_people(self) -> FloatArray:
        """Return the treated people by stratum of units of equal size."""
        return self.people * self.treated / (self.treated + self.control)

    def rate(self, treated_people: FloatArray) -> FloatArray:
        """Return what one treated person adds to the difference in means of a centred outcome; (strata,) or more."""
        by_stratum = (-1, *[1] * (treated_people.ndim - 1))
        people, weight = self.people.reshape(by_stratum), self.weight.reshape(by_stratum)
        found: FloatArray = weight * (1 / treated_people + 1 / (people - treated_people))
        return found
