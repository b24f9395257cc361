"""The hazard of one spell, constant within pieces of time, and its likelihood for people of several types."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, IntArray
from analysis_lib.trials._options import as_cuts
from analysis_lib.trials.durations._people import People

_ARMS = (Message("control"), Message("treated"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """Pieces of time (low, high], each in one interval of the baseline and one window of the treatment's ratio.

    `low`, `high`, `interval` and `window` have shape (pieces,); `intervals` and `windows` are the bounds (low, high).
    """

    low: FloatArray
    high: FloatArray
    interval: IntArray
    window: IntArray
    intervals: tuple[tuple[float, float], ...]
    windows: tuple[tuple[float, float], ...]

    @classmethod
    def build(cls, cuts: Sequence[float], windows: Sequence[float]) -> Pieces:
        """Part the time at the increasing cuts of the baseline and of the windows."""
        ends = np.array(sorted({*cuts, *windows, math.inf}))
        return cls(
            low=np.append(0.0, ends[:-1]),
            high=ends,
            interval=np.searchsorted([*cuts, math.inf], ends),
            window=np.searchsorted([*windows, math.inf], ends),
            intervals=tuple(pairwise([0.0, *cuts, math.inf])),
            windows=tuple(pairwise([0.0, *windows, math.inf])),
        )

    def holding(self, time: FloatArray) -> IntArray:
        """Return the piece that holds each (n,) time above 0."""
        found: IntArray = np.searchsorted(self.high, time)
        return found

    def exposure(self, time: FloatArray) -> FloatArray:
        """Return the time spent in each piece up to each (n,) time, shape (n, pieces)."""
        found: FloatArray = np.maximum(np.minimum(time[:, None], self.high) - self.low, 0.0)
        return found


def read_cuts(cuts: Iterable[float], name: str, *, grouped: bool) -> tuple[float, ...]:
    """Return increasing cut points above 0 (whole weeks where grouped), or raise naming the argument."""
    found = tuple(as_cuts(cuts, name))
    least, kind = (1.0, "whole weeks from 1 on") if grouped else (0.0, "above 0")
    inside = all(math.isfinite(c) and c >= least and c > 0 and (not grouped or c == math.floor(c)) for c in found)
    if not inside or any(b <= a for a, b in pairwise(found)):
        raise InvalidInput(f"{name} is {list(found)}; must be {kind}, and increasing")
    return found


def check_times(time: FloatArray, event: BoolArray, name: str, *, grouped: bool) -> None:
    """Raise where an event is at time 0 or, if grouped, a time is not in whole weeks."""
    fraction = time[time != np.floor(time)]
    if grouped and fraction.size:
        raise InvalidInput(f"{name} has the value {fraction[0]:g}; must be whole weeks")
    at_zero = int(np.sum(event & (time == 0)))
    if at_zero:
        raise InvalidInput(f"{name} is 0 for {at_zero} people with the event; must be above 0 (weeks count from 1)")


def span_label(low: float, high: float) -> Message:
    """Return the words for the times over `low` up to `high`."""
    if math.isinf(high):
        return Message("over {low:g}", low=low)
    return Message("over {low:g} to {high:g}", low=low, high=high) if low else Message("to {high:g}", high=high)


def informative_pieces(people: People, pieces: Pieces, *, grouped: bool) -> tuple[Pieces, tuple[Message, ...]]:
    """Return the pieces in intervals with an event, and a note on the others; raise where a ratio has no estimate.

    An interval that people reach, and in which none has the event, has the hazard 0: it adds nothing to the likelihood.
    """
    exposure, own = pieces.exposure(people.time), pieces.holding(people.time)
    for window in range(len(pieces.windows)):
        inside = pieces.window == window
        for arm, label in enumerate(_ARMS):
            members = people.treated == arm
            _check_span(people.event & inside[own] & members, exposure[members][:, inside], pieces.windows[window],
                        grouped=grouped, arm=label)  # fmt: skip
    died = np.bincount(pieces.interval[own[people.event]], minlength=len(pieces.intervals))
    for interval in np.flatnonzero(died).tolist():
        inside = pieces.interval == interval
        _check_span(people.event & inside[own], exposure[:, inside], pieces.intervals[interval], grouped=grouped)
    kept = np.flatnonzero(died)
    reached = np.bincount(pieces.interval, exposure.sum(axis=0), len(died)) > 0
    without = int(np.sum(reached & (died == 0)))
    note = Message("intervals of the baseline without an event, left out: {n}", n=without)
    inside = np.isin(pieces.interval, kept) & (exposure.sum(axis=0) > 0)
    found = replace(
        pieces,
        low=pieces.low[inside],
        high=pieces.high[inside],
        interval=np.searchsorted(kept, pieces.interval[inside]),
        window=pieces.window[inside],
        intervals=tuple(pieces.intervals[k] for k in kept.tolist()),
    )
    return found, (note,) if without else ()


def _check_span(
    events: BoolArray, exposure: FloatArray, span: tuple[float, float], *, grouped: bool, arm: Message | None = None
) -> None:
    """Raise where an arm has no event in its window, or everyone at risk in each week of it has."""
    label = span_label(*span)
    if not events.any():
        raise NotEstimable(
            Message("nobody in the {arm} arm had the event in the window {window}", arm=arm, window=label)
        )
    if grouped and events.sum() >= exposure.sum():
        raise NotEstimable(Message("everyone at risk in the weeks {window} had the event", window=label))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """At given slopes, for rows (r,): the integrated hazard, by piece too, and the log hazard where the event came."""

    by_piece: FloatArray
    total: FloatArray
    log_own: FloatArray
    gradient: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Log likelihood of each row for each type, (r, types), and its derivatives by the log hazard of the event.

    `multiplier` is the types' factor of the hazard, shape (types,).
    """

    value: FloatArray
    first: FloatArray
    second: FloatArray
    multiplier: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Spell:
    """Rows (r,) with a spell's exposure by piece (without the week of the event, if grouped), event, arm, covariates.

    The log hazard is a level by type plus slopes in the order: intervals but the first, windows, covariates.
    `intervals` (pieces, k - 1) and `windows` (pieces, w) are indicators. `design` (r, slopes) is that of the event's
    piece, 0 without an event.
    """

    exposure: FloatArray
    event: BoolArray
    treated: FloatArray
    x: FloatArray
    intervals: FloatArray
    windows: FloatArray
    design: FloatArray
    grouped: bool

    @classmethod
    def build(
        cls, time: FloatArray, event: BoolArray, treated: FloatArray, x: FloatArray, pieces: Pieces, *, grouped: bool
    ) -> Spell:
        """Lay out the rows; one with time 0 says nothing."""
        intervals = np.eye(len(pieces.intervals))[pieces.interval][:, 1:]
        windows = np.eye(len(pieces.windows))[pieces.window]
        # later times than the last piece have no event
        own = np.minimum(pieces.holding(time), len(pieces.high) - 1)
        design = np.hstack([intervals[own], treated[:, None] * windows[own], x]) * event[:, None]
        exposure = pieces.exposure(time - event if grouped else time)
        return cls(exposure=exposure, event=event, treated=treated, x=x, intervals=intervals, windows=windows,
                   design=design, grouped=grouped)  # fmt: skip

    @property
    def slopes(self) -> int:
        """Return the number of slopes."""
        return int(self.design.shape[1])

    def at(self, slope: FloatArray) -> Hazard:
        """Return the hazard at slopes of shape (slopes,)."""
        a, w = self.intervals.shape[1], self.windows.shape[1]
        base, ratio = self.intervals @ slope[:a], self.windows @ slope[a : a + w]
        rate = np.exp(base + self.treated[:, None] * ratio + (self.x @ slope[a + w :])[:, None])
        by_piece = self.exposure * rate
        total = by_piece.sum(axis=1)
        gradient = np.hstack(
            [by_piece @ self.intervals, self.treated[:, None] * (by_piece @ self.windows), total[:, None] * self.x]
        )
        return Hazard(by_piece=by_piece, total=total, log_own=self.design @ slope, gradient=gradient)

    def terms(self, hazard: Hazard, level: FloatArray) -> Terms:
        """Return the likelihood of each row at the types' levels, shape (types,)."""
        multiplier, event = np.exp(level), self.event[:, None]
        log_own = hazard.log_own[:, None] + level
        if self.grouped:
            force = np.exp(log_own)
            first = force / np.expm1(force)
            value, second = np.log(-np.expm1(-force)), first * (1 - force - first)
        else:
            value, first, second = log_own, np.ones_like(log_own), np.zeros_like(log_own)
        return Terms(
            value=np.where(event, value, 0.0) - multiplier * hazard.total[:, None],
            first=np.where(event, first, 0.0),
            second=np.where(event, second, 0.0),
            multiplier=multiplier,
        )

    def curvature(self, hazard: Hazard, weight: FloatArray) -> FloatArray:
        """Return the sum over rows of weight (r,) x the second derivative of the integrated hazard by slopes."""
        weighted = weight[:, None] * hazard.by_piece
        of_treated = self.treated[:, None] * weighted
        whole, treated = weighted.sum(axis=0)[:, None], of_treated.sum(axis=0)[:, None]
        a, w, k = self.intervals, self.windows, self.x
        across, across_treated = a.T @ (weighted.T @ k), w.T @ (of_treated.T @ k)
        mixed = a.T @ (treated * w)
        own = k.T @ ((weight * hazard.total)[:, None] * k)
        return np.block(
            [
                [a.T @ (whole * a), mixed, across],
                [mixed.T, w.T @ (treated * w), across_treated],
                [across.T, across_treated.T, own],
            ]
        )
