"""What happens to each person in whatever arm: all draws, made once and shared by all arms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis_lib.register.simulation.model import HALF_YEAR, LATE_WEEKS, SimulationModel
from analysis_lib.register.simulation.people import People, uniform_ranks

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
STREAMS = ("stock", "benefits", "after", "returns", "activities", "contacts", "series", "spillover")
"""Each has a generator of its own, spawned from the caller's, so that one does not change another's draws. New ones go
to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Latent:
    """The draws of n people. Weeks are columns of the register or numbers of weeks, as floats.

    Attributes
    ----------
    entry, rank
        Shape (n,): column of entry; uniform, and the time to the main exit solves S(T) = rank.
    exits, exit_weeks, after_weeks
        Shape (n, other exits): standard exponentials (infinity: never), and how long each and what follows it lasts.
    gap, gap_weeks, activated, earlier, earlier_weeks, weeks_before
        Shape (n,): column and length of a blank gap; uniform, compared with the share of an activation; an earlier
        spell; weeks on benefit just before entry.
    benefit, activation, own_benefit
        Shape (n,): codes of the spell, 0 for no activation; `own_benefit` is that of earlier spells.
    returns, leaves
        Shape (n, most returns): standard exponentials of the later spells.
    joins, begins, lasts
        Shape (n, activities): uniform, compared with the share; week of the spell and number of weeks.
    """

    entry: FloatArray
    rank: FloatArray
    exits: FloatArray
    exit_weeks: FloatArray
    after_weeks: FloatArray
    gap: FloatArray
    gap_weeks: FloatArray
    activated: FloatArray
    earlier: FloatArray
    earlier_weeks: FloatArray
    weeks_before: FloatArray
    benefit: IntArray
    activation: IntArray
    own_benefit: IntArray
    returns: FloatArray
    leaves: FloatArray
    joins: FloatArray
    begins: FloatArray
    lasts: FloatArray

    def __len__(self) -> int:
        return len(self.entry)

    def take(self, rows: IntArray) -> Latent:
        """Return the draws of some of the people."""
        return Latent(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """People of a model with all draws about them."""

    model: SimulationModel
    people: People
    latent: Latent

    def __len__(self) -> int:
        return len(self.people)

    def take(self, rows: IntArray) -> Cohort:
        """Return some of the people."""
        return replace(self, people=self.people.take(rows), latent=self.latent.take(rows))


def streams(rng: np.random.Generator) -> dict[str, np.random.Generator]:
    """Return a generator for each of the streams; draws nothing from `rng` itself."""
    return dict(zip(STREAMS, rng.spawn(len(STREAMS)), strict=True))


def draw_latent(
    model: SimulationModel, people: People, rng: np.random.Generator, children: Mapping[str, np.random.Generator]
) -> Latent:
    """Draw when people enter, their rank, and all that may happen to them; `children` as `streams` returns them."""
    n = len(people)
    first_week = model.span.first_week
    in_time = rng.integers(model.entry.first_week, model.entry.last_week + 1, size=n)
    late = model.entry.last_week + rng.integers(1, LATE_WEEKS + 1, size=n)
    entry = np.where(people.kind == "outside_window", late, in_time) - float(first_week)
    begun = people.kind == "not_newly_unemployed"
    exits, exit_weeks = _draw_exits(model, begun, rng)
    earlier, earlier_weeks = _draw_earlier_spells(model, people, rng)
    before = (
        entry + first_week - model.entry.first_week + rng.integers(1, model.entry.free_weeks + HALF_YEAR + 1, size=n)
    )
    until_gap = _onsets(model.blank_gap.weekly_hazard, n, rng)
    gap_weeks = rng.integers(1, model.blank_gap.longest_weeks + 1, size=n).astype(np.float64)
    activated = rng.random(n)
    in_stock, stock_weeks = _draw_stock(model, people, children["stock"])
    entry = np.where(in_stock, float(model.entry.first_week - first_week), entry)
    before = np.where(in_stock, stock_weeks, np.where(begun, before, 0))
    # An earlier spell may not lengthen the time that those of the stock have been on benefit.
    touching = in_stock & (earlier + earlier_weeks + model.entry.free_weeks > entry - before)
    benefit, activation, own_benefit = _draw_benefits(model, people, children["benefits"])
    return Latent(
        entry=entry, rank=uniform_ranks(model, people.employability), exits=exits, exit_weeks=exit_weeks,
        after_weeks=_draw_after(model, n, children["after"]), gap=entry + until_gap, gap_weeks=gap_weeks,
        activated=activated, earlier=earlier, earlier_weeks=np.where(touching, 0, earlier_weeks), weeks_before=before,
        benefit=benefit, activation=activation, own_benefit=own_benefit,
        **_draw_returns(model, begun, children["returns"]), **_draw_activities(model, n, children["activities"]),
    )  # fmt: skip


def _onsets(hazard: float, n: int, rng: np.random.Generator) -> FloatArray:
    """Draw weeks until something at a constant hazard is seen: the first whole week after it happened, 1 or more."""
    waits = rng.standard_exponential(n)
    return np.maximum(np.ceil(waits / hazard), 1) if hazard > 0 else np.full(n, np.inf)


def _draw_exits(
    model: SimulationModel, begun: NDArray[np.bool_], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    n = len(begun)
    exits = np.full((n, len(model.other_exits)), np.inf)
    weeks = np.full((n, len(model.other_exits)), np.inf)
    for number, other in enumerate(model.other_exits):
        energy = rng.standard_exponential(n)
        if other.shortest_weeks is not None and other.longest_weeks is not None:
            weeks[:, number] = rng.integers(other.shortest_weeks, other.longest_weeks + 1, size=n)
        # A return to benefit after an interruption would make a new spell of one that began before the window.
        never = (begun & (other.kind == "interruption")) | (other.weekly_hazard == 0)
        exits[:, number] = np.where(never, np.inf, energy)
    return exits, weeks


def _draw_earlier_spells(
    model: SimulationModel, people: People, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Draw earlier spells that end `free_weeks` before the first entry week at the latest."""
    n, spell = len(people), model.earlier_spell
    odds = special.logit(spell.share) + spell.effect * (people.index - people.index.mean())
    had = rng.random(n) < special.expit(odds)
    weeks = np.where(had, rng.integers(spell.shortest_weeks, spell.longest_weeks + 1, size=n), 0)
    room = model.entry.first_week - model.entry.free_weeks - model.span.first_week
    start = np.floor(rng.random(n) * (room - weeks + 1))
    return start, weeks.astype(np.float64)


def _draw_stock(
    model: SimulationModel, people: People, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], FloatArray]:
    """Draw who is on the benefit already in the first entry week, and for how many weeks before."""
    n, stock = len(people), model.entry.stock
    if stock is None:
        return np.full(n, False), np.zeros(n)
    too_short = people.kind == "too_short"
    late = people.kind == "outside_window"
    in_stock = too_short | (~late & (rng.random(n) < stock.share))
    weeks = rng.integers(stock.shortest_weeks, stock.longest_weeks + 1, size=n)
    short = rng.integers(1, max(stock.shortest_weeks, 2), size=n)
    return in_stock, np.where(too_short, short, weeks).astype(np.float64)


def _draw_benefits(
    model: SimulationModel, people: People, rng: np.random.Generator
) -> tuple[IntArray, IntArray, IntArray]:
    """Draw the codes of benefit, of activation and of earlier spells."""
    codes, n = model.codes, len(people)
    own = np.full(n, codes.benefit)
    activation = np.full(n, codes.activation or 0)
    place, below = rng.random(n), np.zeros(n)
    for other in codes.mix:
        above = below + np.where(people.selected(other), other.share, 0)
        chosen = (place >= below) & (place < above)
        own, activation = np.where(chosen, other.code, own), np.where(chosen, other.activation or 0, activation)
        below = above
    benefit = np.where(people.kind == "cash_benefit", codes.cash_benefit or 0, own)
    benefit = np.where(people.kind == "other_benefit", codes.other.code if codes.other else 0, benefit)
    return benefit, np.where(benefit == own, activation, 0), own


def _draw_after(model: SimulationModel, n: int, rng: np.random.Generator) -> FloatArray:
    weeks = np.full((n, len(model.other_exits)), np.inf)
    for number, other in enumerate(model.other_exits):
        after = other.after
        if after is not None and after.shortest_weeks is not None and after.longest_weeks is not None:
            weeks[:, number] = rng.integers(after.shortest_weeks, after.longest_weeks + 1, size=n)
    return weeks


def _draw_returns(model: SimulationModel, begun: NDArray[np.bool_], rng: np.random.Generator) -> dict[str, FloatArray]:
    shape = (len(begun), model.recurrence.most_returns if model.recurrence else 0)
    # As with interruptions: who had begun before the window may not begin a new spell in it.
    returns = np.where(begun[:, None], np.inf, rng.standard_exponential(shape))
    return {"returns": returns, "leaves": rng.standard_exponential(shape)}


def _draw_activities(model: SimulationModel, n: int, rng: np.random.Generator) -> dict[str, FloatArray]:
    shape = (n, len(model.activities))
    joins, begins, lasts = rng.random(shape), np.zeros(shape), np.zeros(shape)
    for number, activity in enumerate(model.activities):
        begins[:, number] = rng.integers(activity.from_week, activity.to_week + 1, size=n)
        lasts[:, number] = rng.integers(activity.shortest_weeks, activity.longest_weeks + 1, size=n)
    return {"joins": joins, "begins": begins, "lasts": lasts}
