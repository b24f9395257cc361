"""The likelihood of spells of people who are of unobserved types: its score, and its observed information.

A type has a level of the log hazard in each spell, and a share of the people. By Louis (1982), the information is the
mean of the types' informations, given what is seen of a person, less the variance of their scores.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import special

from analysis_lib.results import FloatArray
from analysis_lib.trials._arrays import BoolArray
from analysis_lib.trials.durations._spells import Hazard, Spell, Terms

# A step too far is halved, and values that run away end in a likelihood that is not finite.
UNBOUNDED = np.errstate(over="ignore", divide="ignore", invalid="ignore", under="ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """The log likelihood, `posterior` (rows, types), `shares` (types,), and each spell's hazard and terms."""

    log_likelihood: float
    posterior: FloatArray
    shares: FloatArray
    hazards: tuple[Hazard, ...]
    terms: tuple[Terms, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Spells of the same rows, of which each stands for `count` (r,) people.

    Levels and log shares are linear in the parameters: of type m in spell s, `points[s]` (types, levels) x levels, and
    but for a constant `weights` (types, logits) x logits. Parameters are in the order: by spell its slopes and levels,
    then logits; `slopes`, `levels` and `logits` are their places.
    """

    spells: tuple[Spell, ...]
    count: FloatArray
    points: tuple[FloatArray, ...]
    weights: FloatArray
    slopes: tuple[slice, ...] = field(init=False)
    levels: tuple[slice, ...] = field(init=False)
    logits: slice = field(init=False)

    def __post_init__(self) -> None:
        """Find the places of the parameters."""
        slopes, levels, end = [], [], 0
        for spell, points in zip(self.spells, self.points, strict=True):
            slopes.append(slice(end, end + spell.slopes))
            levels.append(slice(slopes[-1].stop, slopes[-1].stop + points.shape[1]))
            end = levels[-1].stop
        places = {"slopes": tuple(slopes), "levels": tuple(levels), "logits": slice(end, end + self.weights.shape[1])}
        for name, value in places.items():
            object.__setattr__(self, name, value)

    @classmethod
    def joint(cls, spells: tuple[Spell, ...], count: FloatArray, types: int) -> Mixture:
        """Return the model in which each type has a level of its own in each spell."""
        eye = np.eye(types)
        return cls(spells=spells, count=count, points=(eye,) * len(spells), weights=eye[:, 1:])

    @classmethod
    def independent(cls, spells: tuple[Spell, Spell], count: FloatArray, types: tuple[int, int]) -> Mixture:
        """Return the model of two spells in which the level in one says nothing of that in the other."""
        first, second = np.repeat(np.eye(types[0]), types[1], axis=0), np.tile(np.eye(types[1]), (types[0], 1))
        weights = np.hstack([first[:, 1:], second[:, 1:]])
        return cls(spells=spells, count=count, points=(first, second), weights=weights)

    @property
    def size(self) -> int:
        """Return the number of parameters."""
        return int(self.logits.stop)

    @property
    def types(self) -> int:
        """Return the number of types."""
        return len(self.weights)

    @property
    def of_types(self) -> BoolArray:
        """Return which parameters are levels or logits, shape (size,)."""
        found = np.ones(self.size, dtype=bool)
        for place in self.slopes:
            found[place] = False
        return found

    def shares(self, params: FloatArray) -> FloatArray:
        """Return the types' shares of the people, shape (types,)."""
        found: FloatArray = special.softmax(self.weights @ params[self.logits])
        return found

    def level(self, params: FloatArray, spell: int) -> FloatArray:
        """Return the types' levels in a spell, shape (types,)."""
        found: FloatArray = self.points[spell] @ params[self.levels[spell]]
        return found

    @UNBOUNDED
    def at(self, params: FloatArray) -> At:
        """Return the likelihood and its parts at parameters of shape (size,)."""
        hazards = tuple(spell.at(params[place]) for spell, place in zip(self.spells, self.slopes, strict=True))
        terms = tuple(
            spell.terms(hazard, self.level(params, s))
            for s, (spell, hazard) in enumerate(zip(self.spells, hazards, strict=True))
        )
        shares = self.shares(params)
        joint = np.log(shares) + sum(term.value for term in terms)
        highest = joint.max(axis=1, keepdims=True)
        relative = np.exp(joint - highest)
        total = relative.sum(axis=1, keepdims=True)
        value = float(self.count @ (np.log(total) + highest)[:, 0])
        return At(log_likelihood=value, posterior=relative / total, shares=shares, hazards=hazards, terms=terms)

    @UNBOUNDED
    def scores(self, at: At, kind: int) -> FloatArray:
        """Return the rows' scores were they all of one type, shape (rows, size)."""
        blocks: list[FloatArray] = []
        for spell, hazard, term, points in zip(self.spells, at.hazards, at.terms, self.points, strict=True):
            first, multiplier = term.first[:, kind, None], term.multiplier[kind]
            blocks.append(first * spell.design - multiplier * hazard.gradient)
            blocks.append((first - multiplier * hazard.total[:, None]) * points[kind])
        logits = self.weights[kind] - at.shares @ self.weights
        blocks.append(np.broadcast_to(logits, (len(self.count), len(logits))))
        return np.hstack(blocks)

    def row_scores(self, at: At) -> FloatArray:
        """Return the scores of one person of each row, shape (rows, size)."""
        found = np.zeros((len(self.count), self.size))
        for kind in range(self.types):
            found += at.posterior[:, kind, None] * self.scores(at, kind)
        return found

    @UNBOUNDED
    def derivatives(self, at: At) -> tuple[FloatArray, FloatArray]:
        """Return the score, shape (size,), and minus the second derivative, shape (size, size)."""
        mean, outer = np.zeros((len(self.count), self.size)), np.zeros((self.size, self.size))
        for kind in range(self.types):
            scores = self.scores(at, kind)
            weighted = at.posterior[:, kind, None] * scores
            mean += weighted
            outer += scores.T @ (self.count[:, None] * weighted)
        weighted = self.count[:, None] * mean
        return weighted.sum(axis=0), mean.T @ weighted - outer - self._second(at)

    def _second(self, at: At) -> FloatArray:
        """Return the second derivative were the types seen, its mean over what they may be."""
        found = np.zeros((self.size, self.size))
        weight = self.count[:, None] * at.posterior
        for s, (spell, hazard, term) in enumerate(zip(self.spells, at.hazards, at.terms, strict=True)):
            points, slope, level = self.points[s], self.slopes[s], self.levels[s]
            bend, pull = weight * term.second, weight * term.multiplier
            found[slope, slope] = spell.design.T @ (bend.sum(axis=1)[:, None] * spell.design)
            found[slope, slope] -= spell.curvature(hazard, pull.sum(axis=1))
            found[slope, level] = (spell.design.T @ bend - hazard.gradient.T @ pull) @ points
            found[level, slope] = found[slope, level].T
            own = bend.sum(axis=0) - hazard.total @ pull
            found[level, level] = points.T @ (own[:, None] * points)
        spread = np.diag(at.shares) - np.outer(at.shares, at.shares)
        found[self.logits, self.logits] = -self.count.sum() * self.weights.T @ spread @ self.weights
        return found
