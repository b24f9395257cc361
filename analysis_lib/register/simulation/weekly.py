"""Everybody's weeks as if all were in one arm."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis_lib.register.simulation.activities import MAIN, Activation
from analysis_lib.register.simulation.hazards import NEVER, Window, constant, waiting_times, weibull
from analysis_lib.register.simulation.latent import Cohort
from analysis_lib.register.simulation.parts import CONTROL, Effect

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
CodeMatrix = NDArray[np.int16]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exits:
    """When people leave in one arm, as columns of the register.

    Attributes
    ----------
    stay, other, final
        Shape (n,): the main exit, the first of the other ones, the first final one; infinity for never.
    starts
        Shape (n, other exits).
    taken
        Shape (n,): which of the other exits comes before the main one (of those in one week the last listed), else -1.
    for_good
        Shape (n,): whether it ends the spell.
    """

    stay: FloatArray
    other: FloatArray
    final: FloatArray
    starts: FloatArray
    taken: IntArray
    for_good: BoolArray

    @property
    def end(self) -> FloatArray:
        """The column after the spell, shape (n,)."""
        return np.where(self.for_good, self.other, self.stay)


def time_to_main_exit(cohort: Cohort, arm: str) -> FloatArray:
    """Return the weeks from entry to the main exit in continuous time, shape (n,): T with S(T) = rank."""
    duration, n = cohort.model.duration, len(cohort)
    windows = [*_windows(cohort, cohort.model.effects, arm, cohort.latent.entry)]
    if arm != CONTROL and duration.hazard_ratio != 1:
        always = {"start": np.zeros(n), "stop": np.full(n, NEVER), "chosen": np.full(n, True)}
        windows.append(Window(ratio=duration.hazard_ratio, **always))
    windows += _activity_windows(cohort, arm, MAIN)
    baseline = weibull(duration.weibull_shape, duration.weibull_scale_weeks)
    return waiting_times(-np.log(cohort.latent.rank), baseline, windows)


def find_exits(cohort: Cohort, arm: str) -> Exits:
    """Return when people leave in an arm."""
    latent, others = cohort.latent, cohort.model.other_exits
    stay = latent.entry + np.ceil(time_to_main_exit(cohort, arm))
    starts = np.full((len(cohort), len(others)), np.inf)
    for number, exit_ in enumerate(others):
        if exit_.weekly_hazard > 0:
            windows = [*_windows(cohort, exit_.effects, arm, latent.entry)]
            if exit_.kind != "final":
                windows += _activity_windows(cohort, arm, exit_.state)
            waits = waiting_times(latent.exits[:, number], constant(exit_.weekly_hazard), windows)
            starts[:, number] = latent.entry + np.maximum(np.ceil(waits), 1)
    passing = np.array([exit_.kind != "final" for exit_ in others], dtype=np.bool_)
    other = np.min(starts[:, passing], axis=1, initial=np.inf)
    taken = np.full(len(cohort), -1)
    for number in np.flatnonzero(passing).tolist():
        taken[(starts[:, number] == other) & (other < stay)] = number
    ending = np.array([exit_.kind in ("exit", "lasting") for exit_ in others] + [False], dtype=np.bool_)
    return Exits(
        stay=stay, other=other, final=np.min(starts[:, ~passing], axis=1, initial=np.inf), starts=starts, taken=taken,
        for_good=ending[taken],
    )  # fmt: skip


def weekly_codes(cohort: Cohort, arm: str) -> CodeMatrix:
    """Lay out everybody's weeks as if all were in the arm, shape (n, n_weeks)."""
    model, latent, entry = cohort.model, cohort.latent, cohort.latent.entry
    weeks = _Weeks(len(cohort), model.span.last_week - model.span.first_week + 1)
    exits = find_exits(cohort, arm)
    weeks.put(latent.earlier, latent.earlier + latent.earlier_weeks, latent.own_benefit)
    weeks.put(entry - latent.weeks_before, entry, latent.benefit)
    weeks.put(entry, exits.end, latent.benefit)
    for rule in model.activation:
        if rule.arm == arm:
            begins = entry + rule.from_week
            stops = np.minimum(begins + rule.weeks, exits.end)
            weeks.put(begins, stops, latent.activation, where=is_activated(cohort, rule))
    inside = latent.gap + latent.gap_weeks < np.minimum(exits.stay, np.minimum(exits.other, exits.final))
    weeks.put(latent.gap, latent.gap + latent.gap_weeks, 0, where=inside)
    out = _put_others(weeks, cohort, exits)
    _put_returns(weeks, cohort, arm, out)
    for number, exit_ in enumerate(model.other_exits):
        if exit_.kind == "final":
            begins = exits.starts[:, number]
            weeks.put(begins, np.full(len(entry), np.inf), exit_.code, where=begins == exits.final)
    return weeks.codes


def _put_others(weeks: _Weeks, cohort: Cohort, exits: Exits) -> FloatArray:
    """Put the other exits, and return from when on people are self-supporting who may return (infinity: nobody)."""
    latent = cohort.latent
    out = np.where(exits.for_good, np.inf, exits.stay)
    for number, exit_ in enumerate(cohort.model.other_exits):
        if exit_.kind == "final":
            continue
        begins = exits.starts[:, number]
        stops = begins + latent.exit_weeks[:, number]
        happens = exits.taken == number
        weeks.put(begins, stops, exit_.code, where=happens)
        if exit_.kind == "interruption":
            out = np.where(happens, np.maximum(out, stops), out)
        if exit_.after is not None:
            weeks.put(stops, stops + latent.after_weeks[:, number], exit_.after.code, where=happens)
    return out


def _put_returns(weeks: _Weeks, cohort: Cohort, arm: str, out: FloatArray) -> None:
    """Put the later spells of those who leave for self-support, each from the end of the one before."""
    again, latent = cohort.model.recurrence, cohort.latent
    if again is None:
        return
    returning, leaving = constant(again.return_hazard), constant(again.exit_hazard)
    for number in range(again.most_returns):
        rows = np.flatnonzero(out < weeks.codes.shape[1])
        here, begins = cohort.take(rows), np.full(len(cohort), np.inf)
        windows = [*_windows(here, again.return_effects, arm, out[rows])]
        away = np.ceil(waiting_times(latent.returns[rows, number], returning, windows))
        begins[rows] = out[rows] + np.maximum(away, cohort.model.exit_weeks)
        windows = [*_windows(here, again.exit_effects, arm, begins[rows])]
        spell = np.ceil(waiting_times(latent.leaves[rows, number], leaving, windows))
        out = begins.copy()
        out[rows] += np.maximum(spell, 1)
        weeks.put(begins, out, latent.benefit)


def _windows(cohort: Cohort, effects: Sequence[Effect], arm: str, origin: FloatArray) -> Iterable[Window]:
    """Yield the effects of an arm in weeks since `origin`, a column of each person's, shape (n,)."""
    entry, first_week = cohort.latent.entry, cohort.model.span.first_week
    for effect in effects:
        if effect.arm not in (None, arm):
            continue
        first, last = effect.weeks
        start, stop = entry + first, entry + (NEVER if last is None else last)
        if effect.calendar is not None:
            begins, ends = effect.calendar
            start = np.maximum(start, begins - first_week)
            stop = np.minimum(stop, NEVER if ends is None else ends - first_week)
        chosen = cohort.people.selected(effect)
        yield Window(start=start - origin, stop=stop - origin, ratio=effect.hazard_ratio, chosen=chosen)


def is_activated(cohort: Cohort, rule: Activation) -> BoolArray:
    """Return whom a rule activates in its arm if still in the spell, shape (n,)."""
    activated: BoolArray = (cohort.latent.activation > 0) & (cohort.latent.activated < rule.share)
    return activated & cohort.people.selected(rule)


def joins_activity(cohort: Cohort, arm: str, number: int) -> BoolArray:
    """Return who takes part in one of the model's activities in an arm if still in the spell, shape (n,)."""
    activity = cohort.model.activities[number]
    share = np.full(len(cohort), activity.shares[arm])
    for site in activity.sites:
        if arm in site.shares:
            share = np.where(cohort.people.living_in(site.municipalities), site.shares[arm], share)
    joins: BoolArray = cohort.latent.joins[:, number] < share
    return joins


def _activity_windows(cohort: Cohort, arm: str, exit_: str) -> Iterable[Window]:
    """Yield what activities do to an exit, in weeks since entry."""
    for number, activity in enumerate(cohort.model.activities):
        chosen = joins_activity(cohort, arm, number)
        begin = cohort.latent.begins[:, number]
        end = begin + cohort.latent.lasts[:, number]
        for effect in activity.effects:
            if effect.exit == exit_:
                start = end if effect.when == "after" else begin
                stop = end if effect.when == "during" else np.full(len(cohort), NEVER)
                yield Window(start=start, stop=stop, ratio=effect.hazard_ratio, chosen=chosen)


class _Weeks:
    """A matrix of codes under construction; what is put later covers what was put before."""

    def __init__(self, n: int, n_weeks: int) -> None:
        self.codes = np.zeros((n, n_weeks), dtype=np.int16)
        self._column = np.arange(n_weeks, dtype=np.float64)

    def put(self, start: FloatArray, stop: FloatArray, code: int | IntArray, where: BoolArray | bool = True) -> None:
        """Set the columns from `start` up to, not including, `stop`."""
        rows = np.flatnonzero(np.broadcast_to(where, start.shape) & (start < stop) & (start < len(self._column)))
        chosen = (self._column >= start[rows, None]) & (self._column < stop[rows, None])
        new = np.broadcast_to(np.asarray(code, dtype=np.int16), start.shape)[rows, None]
        self.codes[rows] = np.where(chosen, new, self.codes[rows])
