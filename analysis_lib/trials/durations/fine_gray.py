"""The subdistribution hazard ratio of Fine and Gray: how treatment shifts the share that ends in one cause."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.results import Estimate, FloatArray, Message, check_level, wald_interval, wald_p_value
from analysis_lib.trials._arrays import BoolArray, as_binary, as_covariates, check_arms
from analysis_lib.trials._cox import RiskSets, independent_of_strata
from analysis_lib.trials._newton import maximise
from analysis_lib.trials.durations._causes import CENSORED_LABEL, Endings, read_endings

__all__ = ["fine_gray"]


def fine_gray(
    time: ArrayLike,
    cause: Any,
    cause_of_interest: Any,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    censored: Any = CENSORED_LABEL,
    level: float = 0.95,
) -> Estimate:
    r"""Estimate the ratio of treated to control in the subdistribution hazard of one cause (Fine and Gray).

    Parameters
    ----------
    time, cause, cause_of_interest, censored
        As in `cumulative_incidence`.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    covariates
        Measured before assignment: a data frame, or an array of shape (n, k) or (n,); finite.
    level
        Coverage of the interval.

    Returns
    -------
    Estimate
        `value` is the ratio and `std_error` that of its logarithm. Above 1, more of the treated end in the cause by
        any time: :math:`1 - F_1(t) = (1 - F_0(t))^{value}`. Its size is not that of a ratio of rates among those still
        there. Covariates that are combinations of those before them are left out, and named in `note`.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        An arm without people or endings in the cause, covariates that determine the treatment, or a likelihood
        without a maximum.

    Notes
    -----
    The partial likelihood of :math:`\lambda(t \mid z, x) = \lambda(t) \exp(\beta z + x'\gamma)`, Breslow's for ties,
    in which people who ended in another cause at :math:`T_i < t` stay at risk with the weight
    :math:`G(t-) / G(T_i-)`. G is Kaplan-Meier's curve of censoring, of both arms together; all with a time of t or more
    are at risk of censoring at t, also those who ended in that week. The variance is Fine and Gray's sandwich, which
    counts the estimation of G. Both as R's `cmprsk::crr`; `survival::finegray` takes those who ended in the week
    from the risk set of G, and gives another number where weeks are tied.

    Censoring must come alike to both arms, and whatever the covariates.

    References
    ----------
    Fine and Gray (1999), doi 10.1080/01621459.1999.10474144.

    Examples
    --------
    >>> weeks, ended, arm = [1, 2, 2, 3, 5, 1, 3, 4, 5, 5], [1, 2, 0, 1, 1, 2, 0, 1, 2, 0], [1] * 5 + [0] * 5
    >>> ratio = fine_gray(weeks, ended, 1, arm)
    >>> f"{ratio.value:.2f}, s.e. of the logarithm {ratio.std_error:.2f}"
    '4.74, s.e. of the logarithm 1.00'
    """
    check_level(level)
    endings = read_endings(time, cause, cause_of_interest, censored)
    n = len(endings.time)
    arm = as_binary(treated, "treated", n)
    check_arms(arm, endings.interest)
    given = as_covariates(np.empty((n, 0)) if covariates is None else covariates, n)
    columns, names, notes = independent_of_strata(arm, given, None)
    coefficient, std_error = _fit(columns, names, endings)
    value = math.exp(coefficient)
    return Estimate(
        estimand=Message("subdistribution hazard ratio"),
        value=value,
        std_error=std_error,
        interval=wald_interval(value, std_error, math.inf, level, "log"),
        p_value=wald_p_value(value, std_error, math.inf, "log"),
        method=Message("Fine-Gray regression, Breslow ties"),
        n_treated=int(np.sum(arm)),
        n_control=int(np.sum(~arm)),
        n=n,
        note=Message.join(notes),
        scale="log",
    )


def _fit(x: FloatArray, names: tuple[str, ...], endings: Endings) -> tuple[float, float]:
    """Return the first coefficient of (n, k) covariates, not collinear, and its standard error."""
    centred = x - x.mean(axis=0)
    scale = np.sqrt(np.mean(centred**2, axis=0))
    model = _Subdistribution.build(centred / scale, endings)
    beta, at = maximise(model, names)
    influence = model.scores(at) @ np.linalg.inv(model.information(at))
    return float(beta[0] / scale[0]), float(np.sqrt(influence[:, 0] @ influence[:, 0]) / scale[0])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Moments:
    """Sums at given coefficients.

    By person (n,): `weight` is exp(x'beta), and `hazard` the baseline hazard met while at risk. By distinct time:
    `step` is the step of the baseline hazard, and `mean` (times, k) the mean of the covariates at risk.
    """

    log_likelihood: float
    weight: FloatArray
    hazard: FloatArray
    step: FloatArray
    mean: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Subdistribution:
    """The weighted partial likelihood of covariates `x` (n, k), people sorted by time.

    `kept` is 1 / G(T-) for people who ended in another cause, 0 for the rest; `g` is G just before each distinct time,
    `came` how many ended in the cause of interest at it.
    """

    x: FloatArray
    sets: RiskSets
    censored: BoolArray
    kept: FloatArray
    g: FloatArray
    came: FloatArray

    @classmethod
    def build(cls, x: FloatArray, endings: Endings) -> _Subdistribution:
        """Sort people by time, and estimate the curve of censoring."""
        sets = RiskSets.build(endings.time, endings.interest, None)
        other = endings.other[sets.order]
        censored = ~(sets.event | other)
        risk, lost = sets.at_risk(sets.sums(np.ones(len(x)))), sets.sums(censored.astype(np.float64))
        g = _before(np.cumprod(1 - lost / risk, dtype=np.float64), 1.0)
        kept = np.where(other, 1 / g[sets.group], 0.0)
        came = sets.sums(sets.event.astype(np.float64))
        return cls(x=x[sets.order], sets=sets, censored=censored, kept=kept, g=g, came=came)

    def moments(self, beta: FloatArray) -> _Moments:
        """Return the sums at coefficients of shape (k,)."""
        sets, predictor = self.sets, self.x @ beta
        with np.errstate(over="ignore", invalid="ignore"):
            weight = np.exp(predictor)
            risk = self._risk(weight)
            step = self.came / risk
            mean = self._risk(weight[:, None] * self.x) / risk[:, None]
            likelihood = float(predictor @ sets.event - self.came @ np.log(risk))
        hazard = self._met(step)
        return _Moments(log_likelihood=likelihood, weight=weight, hazard=hazard, step=step, mean=mean)

    def _risk(self, values: FloatArray) -> FloatArray:
        """Return the weighted sums of (n, ...) values over the risk set of each time."""
        sets, shape = self.sets, (-1,) + (1,) * (values.ndim - 1)
        stayed = _before(np.cumsum(sets.sums(values * self.kept.reshape(shape)), axis=0))
        found: FloatArray = sets.at_risk(sets.sums(values)) + self.g.reshape(shape) * stayed
        return found

    def _met(self, steps: FloatArray) -> FloatArray:
        """Return the sums of (times, ...) steps that each person met at risk, weighted, shape (n, ...)."""
        group, shape = self.sets.group, (-1,) + (1,) * (steps.ndim - 1)
        own = np.cumsum(steps, axis=0)
        later = _from(self.g.reshape(shape) * steps)[1:]
        found: FloatArray = own[group] + self.kept.reshape(shape) * later[group]
        return found

    def gradient(self, at: _Moments) -> FloatArray:
        """Return the gradient of the log likelihood, shape (k,)."""
        gradient: FloatArray = self.x[self.sets.event].sum(axis=0) - self.came @ at.mean
        return gradient

    def information(self, at: _Moments) -> FloatArray:
        """Return minus the second derivative, shape (k, k)."""
        second = self.x.T @ (self.x * (at.weight * at.hazard)[:, None])
        found: FloatArray = second - at.mean.T @ (at.mean * self.came[:, None])
        return found

    def scores(self, at: _Moments) -> FloatArray:
        """Return each person's part in the score, shape (n, k): Fine and Gray's eta + psi."""
        sets, weight = self.sets, at.weight[:, None]
        drift = at.step[:, None] * at.mean
        eta = sets.event[:, None] * (self.x - at.mean[sets.group])
        eta -= weight * (at.hazard[:, None] * self.x - self._met(drift))
        kept = (weight * self.kept[:, None]) * np.column_stack([np.ones(len(self.x)), self.x])
        stayed = _before(np.cumsum(sets.sums(kept), axis=0))
        g, lost = self.g[:, None], sets.sums(self.censored.astype(np.float64))[:, None]
        risk = sets.at_risk(sets.sums(np.ones((len(self.x), 1))))
        # what a censoring at each time changes in the later weights of those who had ended in another cause before it
        change = stayed[:, 1:] * _from(g * at.step[:, None])[:-1] - stayed[:, :1] * _from(g * drift)[:-1]
        change /= risk
        psi = self.censored[:, None] * change[sets.group] - np.cumsum(change * lost / risk, axis=0)[sets.group]
        found: FloatArray = eta + psi
        return found


def _before(sums: FloatArray, first: float = 0.0) -> FloatArray:
    """Return running (times, ...) values as they were before each time."""
    return np.concatenate([np.full((1, *sums.shape[1:]), first), sums[:-1]])


def _from(values: FloatArray) -> FloatArray:
    """Return the sums of (times, ...) values from each time on, and 0 at the end: shape (times + 1, ...)."""
    return np.concatenate([np.cumsum(values[::-1], axis=0)[::-1], np.zeros((1, *values.shape[1:]))])
