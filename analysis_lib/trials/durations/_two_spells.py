"""People with a first spell and, once they have left it, a second: their rows, and the fits of both together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import (
    BoolArray,
    Covariates,
    IntArray,
    as_binary,
    as_covariates,
    as_groups,
    as_times,
    check_arms,
    check_clusters,
)
from analysis_lib.trials._cox import independent_of_strata
from analysis_lib.trials.durations._mass_points import Fit, Search, fit_from, fit_one_type, fit_types
from analysis_lib.trials.durations._mixture import Mixture
from analysis_lib.trials.durations._people import People
from analysis_lib.trials.durations._spell_people import Part, lay_out, parameter_names
from analysis_lib.trials.durations._spells import (
    Pieces,
    Spell,
    check_times,
    informative_pieces,
    read_cuts,
    span_label,
)

FIRST, SECOND = Message("first spell"), Message("second spell")
Lagged = Literal["log"] | Sequence[float]
Dependence = Literal["joint", "independent"]
# Relative to a column's size: variation below this is rounding.
_CONSTANT = 1e-12
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """How the second hazard depends on the first duration: on its logarithm, or on which span it falls in."""

    cuts: tuple[float, ...] | None

    @property
    def names(self) -> tuple[Message, ...]:
        """Return words for the columns."""
        if self.cuts is None:
            return (Message("the logarithm of the first duration"),)
        spans = zip(self.cuts, (*self.cuts[1:], math.inf), strict=True)
        return tuple(Message("a first duration {window}", window=span_label(*span)) for span in spans)

    def columns(self, time: FloatArray) -> FloatArray:
        """Return the columns for (n,) first durations, shape (n, columns)."""
        if self.cuts is None:
            return np.log(time)[:, None]
        low = np.array(self.cuts)
        found: FloatArray = ((time[:, None] > low) & (time[:, None] <= np.append(low[1:], math.inf))).astype(np.float64)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoSpells:
    """The people of the first spell and, of those who left it, those of the second; `left` (n,) says who they are.

    `x` (n, k) are standardised covariates, and `lagged` (leavers, columns) the standardised columns of `lag`, which had
    the means `lag_mean`; the columns' scales end those of the second part.
    """

    parts: tuple[Part, Part]
    left: BoolArray
    x: FloatArray
    lag: Lag
    lagged: FloatArray
    lag_mean: FloatArray

    @property
    def people(self) -> People:
        """Return everybody."""
        return self.parts[0].people

    def rows(self) -> tuple[tuple[Spell, Spell], FloatArray, IntArray]:
        """Return both spells of the distinct rows, how many people each stands for, and each person's row."""
        first, second = self.parts
        n, k = len(self.left), self.x.shape[1]
        later = np.zeros((n, 2 + self.lagged.shape[1]))
        later[self.left] = np.column_stack([second.people.time, second.people.event, self.lagged])
        people = first.people
        keys = np.column_stack([people.time, people.event, people.treated, self.x, later])
        rows, row, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
        treated, x = rows[:, 2], rows[:, 3 : 3 + k]
        time, event, lagged = rows[:, 3 + k], rows[:, 4 + k] == 1, rows[:, 5 + k :]
        one = Spell.build(rows[:, 0], rows[:, 1] == 1, treated, x, first.pieces, grouped=True)
        two = Spell.build(time, event, treated, np.hstack([x, lagged]), second.pieces, grouped=True)
        return (one, two), count.astype(np.float64), row


def read_two_spells(
    first: tuple[ArrayLike, ArrayLike],
    second: tuple[ArrayLike, ArrayLike],
    treated: ArrayLike,
    *,
    cuts: tuple[Sequence[float], Sequence[float]],
    windows: tuple[Sequence[float], Sequence[float]],
    lagged: Lagged,
    covariates: Any,
    cluster: Any,
) -> TwoSpells:
    """Check the arguments; each spell has events in both arms."""
    people = _first_people(first, treated, covariates, cluster)
    part, x = _named(FIRST, lay_out, people, people, _pieces(cuts[0], windows[0], "first"), grouped=True)
    left = people.event
    lag = _read_lag(lagged, people.time[left])
    columns = lag.columns(people.time[left])
    mean = columns.mean(axis=0)
    scale = np.sqrt(np.mean((columns - mean) ** 2, axis=0))
    if np.any(scale <= _CONSTANT * np.maximum(np.abs(mean), 1.0)):
        raise NotEstimable(Message("all first durations are equal: what depends on them cannot be seen"))
    later = _second_people(second, people.where(left), left)
    pieces, notes = _named(SECOND, informative_pieces, later, _pieces(cuts[1], windows[1], "second"), grouped=True)
    names, scales = (*part.names, *lag.names), np.append(part.scale, scale)
    standard = (columns - mean) / scale
    _check_rank(later.treated, np.hstack([x[left], standard]), names)
    parts = (
        replace(part, outcome=FIRST),
        Part(people=later, pieces=pieces, names=names, scale=scales, notes=notes, grouped=True, outcome=SECOND),
    )
    return TwoSpells(parts=parts, left=left, x=x, lag=lag, lagged=standard, lag_mean=mean)


def _first_people(
    spell: tuple[ArrayLike, ArrayLike], treated: ArrayLike, covariates: Any, cluster: Any
) -> People:  # fmt: skip
    """Check the first spell, the arms, covariates and clusters."""
    time = as_times(spell[0], "first_time")
    n = len(time)
    event = as_binary(spell[1], "first_event", n)
    people = People(
        time=time,
        event=event,
        treated=as_binary(treated, "treated", n),
        covariates=as_covariates(np.empty((n, 0)) if covariates is None else covariates, n),
        stratum=None,
        cluster=None if cluster is None else as_groups(cluster, "cluster", n),
    )
    check_times(time, event, "first_time", grouped=True)
    _named(FIRST, check_arms, people.treated, event)
    if people.cluster is not None:
        check_clusters(people.cluster, people.treated)
    return people


def _second_people(spell: tuple[ArrayLike, ArrayLike], leavers: People, left: BoolArray) -> People:
    """Check the second spell of those who left the first; nothing of the others is read."""
    found = []
    for values, name in zip(spell, ("second_time", "second_event"), strict=True):
        given = np.asarray(values)
        if given.shape != left.shape:
            raise InvalidInput(f"{name} has the shape {given.shape}; must have {left.shape}, as the first spell")
        found.append(np.array(given[left].tolist()))
    time = as_times(found[0], "second_time")
    event = as_binary(found[1], "second_event", len(time))
    check_times(time, event, "second_time", grouped=True)
    _named(SECOND, check_arms, leavers.treated, event)
    return replace(leavers, time=time, event=event)


def _pieces(cuts: Sequence[float], windows: Sequence[float], spell: str) -> Pieces:
    """Return a spell's pieces of time."""
    ends = read_cuts(cuts, f"{spell}_cuts", grouped=True)
    return Pieces.build(ends, read_cuts(windows, f"{spell}_windows", grouped=True))


def _read_lag(lagged: Lagged, time: FloatArray) -> Lag:
    """Return the form of the dependence on the first duration; each of its spans has people."""
    if isinstance(lagged, str):
        if lagged != "log":
            raise InvalidInput(f"lagged is {lagged!r}; must be 'log' or increasing cut points")
        return Lag(cuts=None)
    cuts = read_cuts(lagged, "lagged", grouped=True)
    if not cuts:
        raise InvalidInput("lagged is empty; must be 'log' or increasing cut points")
    for low, high in zip((0.0, *cuts), (*cuts, math.inf), strict=True):
        if not np.any((time > low) & (time <= high)):
            raise NotEstimable(
                Message("nobody left the first spell in the weeks {window}", window=span_label(low, high))
            )
    return Lag(cuts=cuts)


def _check_rank(treated: BoolArray, columns: FloatArray, names: tuple[str, ...]) -> None:
    """Raise where columns of the second hazard are combinations of others among those who left."""
    kept = independent_of_strata(treated, Covariates(values=columns, names=names), None)[1]
    if len(kept) <= len(names):
        lost = [name for name in names if name not in kept]
        words = "among those who left the first spell, columns are combinations of others: {names}"
        raise NotEstimable(Message(words, names=", ".join(lost)))


def _named(spell: Message, check: Callable[..., _Found], *args: Any, **options: Any) -> _Found:
    """Return what the function does, or raise with the name of the spell."""
    try:
        return check(*args, **options)
    except NotEstimable as error:
        raise NotEstimable(Message("{spell}: {reason}", spell=spell, reason=error.args[0])) from error


def fit_both(two: TwoSpells, spells: tuple[Spell, Spell], count: FloatArray) -> Fit:
    """Return the maximum without heterogeneity."""
    first, second = two.parts
    return fit_one_type(Mixture.joint(spells, count, 1), (*parameter_names(first), *parameter_names(second)))


def fit_apart(one: Fit, types: int, rng: np.random.Generator, starts: int) -> Search:
    """Return the maximum in which the heterogeneity of one spell says nothing of that of the other."""
    mixture = one.mixture
    fits, notes = [], []
    for name, spell in zip((FIRST, SECOND), mixture.spells, strict=True):
        alone = fit_one_type(Mixture.joint((spell,), mixture.count, 1), (name,) * (spell.slopes + 1))
        search = fit_types(alone, types, rng, starts)
        if search.fit is None:
            return Search(fit=None, reason=Message("{spell}: {reason}", spell=name, reason=search.reason))
        if search.note is not None:
            notes.append(Message("{spell}: {reason}", spell=name, reason=search.note))
        fits.append(search.fit)
    first, second = fits
    both = Mixture.independent(
        (mixture.spells[0], mixture.spells[1]), mixture.count, (first.mixture.types, second.mixture.types)
    )
    logits = [fit.params[fit.mixture.logits] for fit in fits]
    levels = [fit.params[: fit.mixture.logits.start] for fit in fits]
    found = fit_from(both, np.concatenate([*levels, *logits]))
    if found is None:
        return Search(fit=None, reason=Message("with independent heterogeneity the likelihood had no maximum"))
    agreeing = min(fits, key=lambda fit: fit.agreeing / fit.starts)
    found = replace(found, starts=agreeing.starts, agreeing=agreeing.agreeing, missed=sum(fit.missed for fit in fits))
    return Search(fit=found, note=Message.join(notes) if notes else None)
