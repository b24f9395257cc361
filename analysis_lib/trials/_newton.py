"""The maximum of a log likelihood by Newton's method."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
from scipy import linalg

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message

_MAX_STEPS = 25
_MAX_HALVINGS = 20
# In standard deviations of the covariates. Newton's error after a step of this size is its square.
_CONVERGED = 1e-8
# Steps that lower the log likelihood by less than this share of it are rounding.
_ROUNDING = 1e-12
# Of the information on a coefficient, given the others: less is rounding.
_SINGULAR = 1e-15


class AtCoefficients(Protocol):
    """What a model worked out at coefficients."""

    @property
    def log_likelihood(self) -> float:
        """The log likelihood there."""
        ...


At = TypeVar("At", bound=AtCoefficients)


class Likelihood(Protocol[At]):
    """A log likelihood of k coefficients, of covariates in standard deviations."""

    def moments(self, beta: FloatArray) -> At:
        """Work out what the others need at coefficients of shape (k,)."""
        ...

    def gradient(self, at: At) -> FloatArray:
        """Return the gradient, shape (k,)."""
        ...

    def information(self, at: At) -> FloatArray:
        """Return minus the second derivative, shape (k, k)."""
        ...


def maximise(model: Likelihood[At], names: tuple[str, ...]) -> tuple[FloatArray, At]:
    """Return the coefficients (k,) of the maximum from 0 on, and what the model worked out there.

    Raises
    ------
    NotEstimable
        There is no maximum; the covariate of the widest step is named.
    """
    beta, step = np.zeros(len(names)), np.ones(len(names))
    at = model.moments(beta)
    for _ in range(_MAX_STEPS):
        step = _step(model, at)
        if not np.all(np.isfinite(step)):
            break
        beta, at = _climb(model, beta, at, step)
        if np.max(np.abs(step)) < _CONVERGED:
            return beta, at
    raise no_maximum(step, names)


def no_maximum(step: FloatArray, names: tuple[str, ...]) -> NotEstimable:
    """Return the reason where Newton's last step (k,) is no step to a maximum, naming the covariate it is widest in."""
    guilty = names[int(np.argmax(np.where(np.isfinite(step), np.abs(step), np.inf)))]
    return NotEstimable(
        Message("the likelihood has no maximum: {name} separates those with the event from those without", name=guilty)
    )


def _step(model: Likelihood[At], at: At) -> FloatArray:
    """Return the information's inverse times the gradient; not finite where there is no information."""
    information = model.information(at)
    try:
        factor = linalg.cho_factor(information)
    except (linalg.LinAlgError, ValueError):
        return np.full(len(information), np.inf)
    nothing = np.diag(factor[0]) ** 2 <= _SINGULAR * np.diag(information)
    step: FloatArray = linalg.cho_solve(factor, model.gradient(at))
    return np.where(nothing, np.inf, step)


def _climb(model: Likelihood[At], beta: FloatArray, at: At, step: FloatArray) -> tuple[FloatArray, At]:
    """Take the step, halved until the likelihood does not fall."""
    least = at.log_likelihood - _ROUNDING * abs(at.log_likelihood)
    for _ in range(_MAX_HALVINGS):
        found = model.moments(beta + step)
        if found.log_likelihood >= least:
            return beta + step, found
        step = step / 2
    return beta, at
