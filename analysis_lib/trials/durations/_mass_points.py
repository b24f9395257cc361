"""The maximum of a mixture's likelihood, from one mass point upwards, and what stands in the way of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray
from analysis_lib.trials.durations._mixture import UNBOUNDED, At, Mixture

_MAX_STEPS = 150
_MAX_HALVINGS = 25
# Of a step's largest part: further it is not trusted.
_LONGEST = 3.0
# The log likelihood still to be gained, and the step: the error after another Newton step is the step's square.
_CONVERGED, _SHORT = 1e-10, 1e-4
# A step that lowers the log likelihood by less than this share of it is rounding.
_ROUNDING = 1e-12
# Of score and information: with less, the likelihood does not depend on the parameter any more.
_NOTHING = 1e-9
# Of the smallest eigenvalue of the information, scaled to a diagonal of 1.
_SINGULAR = 1e-9
# A further mass point that raises the log likelihood by less is none, as are starts that end so near to each other.
_GAIN = 1e-4
# Integrated hazards of a type that does not leave, at most.
_STAYS = 1e-6
_CANDIDATES, _SPREAD = 64, 4.0
_NEW_SHARES = (0.01, 0.03, 0.1, 0.3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """A maximum: parameters (size,), their covariance (size, size), 0 for those `held` that the likelihood lost.

    `agreeing` of `starts` starts ended here. `missed` is what the log likelihood gains with a type that leaves at once.
    """

    mixture: Mixture
    params: FloatArray
    held: BoolArray
    covariance: FloatArray
    at: At
    starts: int = 1
    agreeing: int = 1
    missed: float = 0.0

    @property
    def log_likelihood(self) -> float:
        """Return the log likelihood."""
        return self.at.log_likelihood

    def stays(self, spell: int) -> BoolArray:
        """Return which types do not leave the spell, shape (types,)."""
        furthest = self.at.terms[spell].multiplier * self.at.hazards[spell].total.max()
        found: BoolArray = furthest < _STAYS
        return found

    @property
    def leaves_at_once(self) -> bool:
        """Whether a type's hazard grew until the likelihood did not depend on it any more."""
        never = self.stays(0)
        for s, (points, place) in enumerate(zip(self.mixture.points, self.mixture.levels, strict=True)):
            unseen = self.stays(s) | (never if s else np.zeros_like(never))
            if np.any(self.held[place] & (points[~unseen].sum(axis=0) > 0)):
                return True
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The fit with as many mass points as were found, or the `reason` why there is none; a `note` if they are fewer."""

    fit: Fit | None
    note: Message | None = None
    reason: Message | None = None


def fit_one_type(mixture: Mixture, names: tuple[str, ...]) -> Fit:
    """Return the maximum without heterogeneity; `names` are those of the parameters."""
    found, step = _climb(mixture, _first_params(mixture))
    if found is None:
        guilty = names[int(np.argmax(np.where(np.isfinite(step), np.abs(step), np.inf)))]
        raise NotEstimable(
            Message(
                "the likelihood has no maximum: {name} separates those with the event from those without", name=guilty
            )
        )
    return found


def fit_types(one: Fit, types: int, rng: np.random.Generator, starts: int) -> Search:
    """Add mass points, one at a time, to a fit with one."""
    fit = one
    while fit.mixture.types < types:
        wanted = fit.mixture.types + 1
        larger = Mixture.joint(fit.mixture.spells, fit.mixture.count, wanted)
        begun = [_directed(fit, larger, rng), *(_random(fit, larger, rng) for _ in range(starts))]
        ends = [found for found, _ in (_climb(larger, params) for params in begun) if found is not None]
        if not ends:
            reason = "with {k} mass points the likelihood had no maximum that could be found from {n} starts"
            return Search(fit=None, reason=Message(reason, k=wanted, n=len(begun)))
        highest = max(end.log_likelihood for end in ends)
        if highest < fit.log_likelihood + _GAIN:
            note = "asked for {k} mass points: a further one does not raise the likelihood of {found}"
            return Search(fit=fit, note=Message(note, k=types, found=fit.mixture.types))
        kept = [end for end in ends if not end.leaves_at_once and end.log_likelihood > fit.log_likelihood + _GAIN]
        if not kept:
            reason = "with {k} mass points the likelihood has no maximum: those of one leave at once"
            return Search(fit=None, reason=Message(reason, k=wanted))
        best = max(kept, key=lambda end: end.log_likelihood)
        agreeing = sum(end.log_likelihood > best.log_likelihood - _GAIN for end in kept)
        missed = highest - best.log_likelihood
        fit = replace(best, starts=len(begun), agreeing=agreeing, missed=missed if missed > _GAIN else 0.0)
    return Search(fit=fit)


def fit_from(mixture: Mixture, params: FloatArray) -> Fit | None:
    """Return the maximum next to the parameters, if there is one."""
    return _climb(mixture, params)[0]


def _first_params(mixture: Mixture) -> FloatArray:
    """Return slopes of 0, and levels with as many events as there were."""
    params = np.zeros(mixture.size)
    for spell, place in zip(mixture.spells, mixture.levels, strict=True):
        time = mixture.count @ (spell.exposure.sum(axis=1) + spell.event * spell.grouped)
        params[place] = np.log(mixture.count @ spell.event / time)
    return params


def _assemble(fit: Fit, larger: Mixture, levels: list[FloatArray], shares: FloatArray) -> FloatArray:
    """Return parameters with the slopes of a fit, and other levels and shares."""
    params = np.empty(larger.size)
    for s, level in enumerate(levels):
        params[larger.slopes[s]] = fit.params[fit.mixture.slopes[s]]
        params[larger.levels[s]] = level
    params[larger.logits] = np.log(shares[1:] / shares[0])
    return params


def _means(fit: Fit) -> list[float]:
    """Return by spell the logarithm of the types' mean multiplier."""
    return [float(np.log(fit.at.shares @ term.multiplier)) for term in fit.at.terms]


def _random(fit: Fit, larger: Mixture, rng: np.random.Generator) -> FloatArray:
    """Return random levels about the mean, and random shares."""
    levels = [mean + rng.normal(0, 1.5, larger.types) for mean in _means(fit)]
    return _assemble(fit, larger, levels, rng.dirichlet(np.full(larger.types, 2.0)))


@UNBOUNDED
def _directed(fit: Fit, larger: Mixture, rng: np.random.Generator) -> FloatArray:
    """Return the levels and share of a further type that raises the likelihood most, the others as they are."""
    mixture = fit.mixture
    new = [mean + rng.uniform(-_SPREAD, _SPREAD, _CANDIDATES) for mean in _means(fit)]
    terms = [
        spell.terms(hazard, level) for spell, hazard, level in zip(mixture.spells, fit.at.hazards, new, strict=True)
    ]
    own = np.log(fit.at.shares) + sum(term.value for term in fit.at.terms)
    ratio = np.exp(sum(term.value for term in terms) - np.logaddexp.reduce(own, axis=1)[:, None])
    gains = np.array([mixture.count @ np.log1p(share * (ratio - 1)) for share in _NEW_SHARES])
    share, candidate = np.unravel_index(np.argmax(gains), gains.shape)
    levels = [np.append(mixture.level(fit.params, s), new[s][candidate]) for s in range(len(new))]
    added = _NEW_SHARES[int(share)]
    return _assemble(fit, larger, levels, np.append(fit.at.shares * (1 - added), added))


def _climb(mixture: Mixture, params: FloatArray) -> tuple[Fit | None, FloatArray]:
    """Return the maximum next to the parameters, if there is one, and the last step.

    Newton's method; where the likelihood is not concave, eigenvalues of the information are turned positive.
    """
    at, step = mixture.at(params), np.full(mixture.size, np.inf)
    for _ in range(_MAX_STEPS):
        score, information = mixture.derivatives(at)
        if not (np.all(np.isfinite(score)) and np.all(np.isfinite(information))):
            return None, step
        small = (np.abs(score) < _NOTHING) & (np.abs(np.diag(information)) < _NOTHING)
        free = ~(small & mixture.of_types)
        step, smallest = _step(score, information, free)
        longest = float(np.max(np.abs(step)))
        if score @ step < _CONVERGED and longest < _SHORT:
            return _finish(mixture, params + step, free, smallest), step
        step = step * min(1.0, _LONGEST / longest)
        params, at, moved = _line(mixture, params, at, step)
        if not moved:
            return None, step
    return None, step


def _step(score: FloatArray, information: FloatArray, free: BoolArray) -> tuple[FloatArray, float]:
    """Return the step of the free parameters, and the smallest eigenvalue of the scaled information."""
    used = np.flatnonzero(free)
    own = information[np.ix_(used, used)]
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(own)), 1e-12))
    values, vectors = np.linalg.eigh(own * np.outer(scale, scale))
    turned = np.maximum(np.abs(values), 1e-10)
    step = np.zeros(len(score))
    step[used] = scale * (vectors @ ((vectors.T @ (scale * score[used])) / turned))
    return step, float(values[0])


def _line(mixture: Mixture, params: FloatArray, at: At, step: FloatArray) -> tuple[FloatArray, At, bool]:
    """Take the step, halved until the likelihood does not fall; say whether that was possible."""
    least = at.log_likelihood - _ROUNDING * abs(at.log_likelihood)
    for _ in range(_MAX_HALVINGS):
        found = mixture.at(params + step)
        if found.log_likelihood >= least:
            return params + step, found, True
        step = step / 2
    return params, at, False


def _finish(mixture: Mixture, params: FloatArray, free: BoolArray, smallest: float) -> Fit | None:
    """Return the maximum with the inverse of the information, or nothing where that is no maximum."""
    if smallest < _SINGULAR:
        return None
    at = mixture.at(params)
    used = np.ix_(*[np.flatnonzero(free)] * 2)
    covariance = np.zeros((mixture.size, mixture.size))
    covariance[used] = np.linalg.inv(mixture.derivatives(at)[1][used])
    return Fit(mixture=mixture, params=params, held=~free, covariance=covariance, at=at)
