"""Cox regression and log-rank sums by distinct time: time of order n k^2, whatever the number of ties.

statsmodels' PHReg is not used: its cluster-robust variance takes Breslow's weights also where ties are Efron's, and is
undefined where a stratum has no event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import linalg

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, Covariates, Groups, IntArray
from analysis_lib.trials._least_squares import independent_columns

_MAX_STEPS = 25
_MAX_HALVINGS = 20
# In standard deviations of the covariate. Newton's error after a step of this size is its square.
_CONVERGED = 1e-8
# Steps that lower the log likelihood by less than this share of it are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSets:
    """People sorted by stratum and time, and their groups: one for each distinct time in a stratum.

    Attributes
    ----------
    order
        Shape (n,): positions of the people in the caller's arrays.
    group
        Shape (n,): the group of each person, in sorted order.
    event
        Shape (n,): whether the time ends in an event, in sorted order.
    starts
        Shape (groups,): position of each group's first person.
    strata
        The span of groups of each stratum.
    """

    order: IntArray
    group: IntArray
    event: BoolArray
    starts: IntArray
    strata: tuple[slice, ...]

    @classmethod
    def build(cls, time: FloatArray, event: BoolArray, stratum: Groups | None) -> RiskSets:
        """Sort people into groups of equal stratum and time."""
        codes = np.zeros(len(time), dtype=np.intp) if stratum is None else stratum.codes
        order = np.lexsort((time, codes))
        sorted_time, sorted_codes = time[order], codes[order]
        first = np.ones(len(time), dtype=np.bool_)
        first[1:] = (np.diff(sorted_time) > 0) | (np.diff(sorted_codes) > 0)
        starts = np.flatnonzero(first)
        bounds = np.append(np.flatnonzero(np.diff(sorted_codes[starts], prepend=-1)), len(starts))
        return cls(
            order=order,
            group=np.cumsum(first) - 1,
            event=event[order],
            starts=starts,
            strata=tuple(slice(int(a), int(b)) for a, b in pairwise(bounds)),
        )

    def sums(self, values: FloatArray) -> FloatArray:
        """Return the sums of (n, ...) sorted values by group."""
        found: FloatArray = np.add.reduceat(values, self.starts, axis=0)
        return found

    def at_risk(self, sums: FloatArray) -> FloatArray:
        """Return, for each group, the sum over groups of the same stratum from then on."""
        return self._within(sums, lambda part: np.cumsum(part[::-1], axis=0)[::-1])

    def until(self, sums: FloatArray) -> FloatArray:
        """Return, for each group, the sum over groups of the same stratum up to it."""
        return self._within(sums, lambda part: np.cumsum(part, axis=0))

    def _within(self, sums: FloatArray, running: Callable[[FloatArray], FloatArray]) -> FloatArray:
        found = np.empty_like(sums)
        for span in self.strata:
            found[span] = running(sums[span])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxFit:
    """Coefficients of shape (k,), their covariance (k, k), and the people's score residuals (n, k), sorted as given."""

    coefficients: FloatArray
    covariance: FloatArray
    residuals: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moments:
    """Sums at given coefficients; g counts groups, and l an event's rank among the d tied in its group.

    With Efron's share p_l = l / d (0 for Breslow), the l-th denominator is `risk` - p_l `tied` and the mean is
    (`risk_x` - p_l `tied_x`) / denominator. `power[a, b]` holds, by group, the sum of p^a / denominator^b.
    """

    log_likelihood: float
    weight: FloatArray
    risk_x: FloatArray
    tied_x: FloatArray
    power: dict[tuple[int, int], FloatArray]

    def mean(self, share: int, denominator: int) -> FloatArray:
        """Return by group the sum over l of p^share x mean / denominator^denominator, shape (groups, k)."""
        first = self.power[share, denominator + 1][:, None] * self.risk_x
        second = self.power[share + 1, denominator + 1][:, None] * self.tied_x
        return first - second


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxModel:
    """The partial likelihood of covariates `x` of shape (n, k), sorted as the risk sets."""

    x: FloatArray
    sets: RiskSets
    efron: bool

    def moments(self, beta: FloatArray) -> _Moments:
        """Return the sums by group at coefficients of shape (k,)."""
        sets = self.sets
        predictor = self.x @ beta
        with np.errstate(over="ignore"):
            weight = np.exp(predictor)
        weighted = weight[:, None] * self.x
        died = sets.event.astype(np.float64)
        tied, risk = sets.sums(weight * died), sets.at_risk(sets.sums(weight))
        groups = sets.group[sets.event]
        count = np.bincount(groups, minlength=len(sets.starts))
        share = np.zeros(len(groups))
        if self.efron:
            share = (np.arange(len(groups)) - (np.cumsum(count) - count)[groups]) / count[groups]
        denominator = risk[groups] - share * tied[groups]
        power = {
            (a, b): np.bincount(groups, share**a / denominator**b, len(count)).astype(np.float64)
            for a, b in ((0, 1), (1, 1), (0, 2), (1, 2), (2, 2))
        }
        return _Moments(
            log_likelihood=float(predictor @ died - np.sum(np.log(denominator))),
            weight=weight,
            risk_x=sets.at_risk(sets.sums(weighted)),
            tied_x=sets.sums(weighted * died[:, None]),
            power=power,
        )

    def score(self, at: _Moments) -> FloatArray:
        """Return the gradient of the log likelihood, shape (k,)."""
        gradient: FloatArray = self.x[self.sets.event].sum(axis=0) - at.mean(0, 0).sum(axis=0)
        return gradient

    def information(self, at: _Moments) -> FloatArray:
        """Return minus the second derivative, shape (k, k)."""
        hazard = self._hazard(at)
        second = self.x.T @ (self.x * hazard[:, None])
        p00, p11, p22 = (at.power[a, 2][:, None] for a in (0, 1, 2))
        cross = at.risk_x.T @ (p11 * at.tied_x)
        means = at.risk_x.T @ (p00 * at.risk_x) - cross - cross.T + at.tied_x.T @ (p22 * at.tied_x)
        found: FloatArray = second - means
        return found

    def residuals(self, at: _Moments) -> FloatArray:
        """Return score residuals, shape (n, k), that add up to the score."""
        sets = self.sets
        group, died = sets.group, sets.event[:, None].astype(np.float64)
        count = np.maximum(np.bincount(group[sets.event], minlength=len(sets.starts)), 1)
        past = sets.until(at.mean(0, 1))[group] - died * at.mean(1, 1)[group]
        own = died * (self.x - (at.mean(0, 0) / count[:, None])[group])
        found: FloatArray = own - self._hazard(at)[:, None] * self.x + at.weight[:, None] * past
        return found

    def _hazard(self, at: _Moments) -> FloatArray:
        """Return each person's cumulative hazard at the end of their time, shape (n,)."""
        sets = self.sets
        past = sets.until(at.power[0, 1])[sets.group] - sets.event * at.power[1, 1][sets.group]
        found: FloatArray = at.weight * past
        return found


def independent_of_strata(
    arm: BoolArray, given: Covariates, strata: Groups | None
) -> tuple[FloatArray, tuple[str, ...], tuple[Message, ...]]:
    """Return treatment and the covariates that are not collinear within strata, their names, and a note."""
    columns = np.column_stack([given.values, arm.astype(np.float64)])
    codes = np.zeros(len(arm), dtype=np.intp) if strata is None else strata.codes
    counts = np.bincount(codes)[:, None]
    sums = np.zeros((len(counts), columns.shape[1]))
    np.add.at(sums, codes, columns)
    centred = columns - (sums / counts)[codes]
    constant = np.abs(centred).max(axis=0) <= 1e-12 * np.abs(columns).max(axis=0)
    kept = independent_columns(np.where(constant, 0.0, centred)).tolist()
    last = columns.shape[1] - 1
    if last not in kept:
        raise NotEstimable(Message("the covariates or strata determine the treatment: its effect cannot be told apart"))
    dropped = [name for j, name in enumerate(given.names) if j not in kept]
    names = (Message("treatment"), *(given.names[j] for j in kept[:-1]))
    note = Message("collinear columns left out: {n} ({names})", n=len(dropped), names=", ".join(dropped))
    return columns[:, [last, *kept[:-1]]], names, (note,) if dropped else ()


def fit_cox(x: FloatArray, names: tuple[str, ...], sets: RiskSets, *, efron: bool) -> CoxFit:
    """Fit coefficients of (n, k) covariates, not collinear within strata; rows as the caller's."""
    centred = x - x.mean(axis=0)
    scale = np.sqrt(np.mean(centred**2, axis=0))
    model = CoxModel(x=(centred / scale)[sets.order], sets=sets, efron=efron)
    beta, at, step = np.zeros(x.shape[1]), model.moments(np.zeros(x.shape[1])), np.ones(x.shape[1])
    for _ in range(_MAX_STEPS):
        step = _newton_step(model, at)
        if not np.all(np.isfinite(step)):
            break
        beta, at = _climb(model, beta, at, step)
        if np.max(np.abs(step)) < _CONVERGED:
            inverse = np.linalg.inv(model.information(at))
            residuals = np.empty_like(x)
            residuals[sets.order] = model.residuals(at) * scale
            return CoxFit(coefficients=beta / scale, covariance=inverse / np.outer(scale, scale), residuals=residuals)
    guilty = names[int(np.argmax(np.where(np.isfinite(step), np.abs(step), np.inf)))]
    raise NotEstimable(
        Message("the likelihood has no maximum: {name} separates those with the event from those without", name=guilty)
    )


def _newton_step(model: CoxModel, at: _Moments) -> FloatArray:
    """Return the information's inverse times the score; not finite where there is no information."""
    try:
        factor = linalg.cho_factor(model.information(at))
    except (linalg.LinAlgError, ValueError):
        return np.full(model.x.shape[1], np.inf)
    step: FloatArray = linalg.cho_solve(factor, model.score(at))
    return step


def _climb(model: CoxModel, beta: FloatArray, at: _Moments, step: FloatArray) -> tuple[FloatArray, _Moments]:
    """Take the step, halved until the likelihood does not fall."""
    least = at.log_likelihood - _ROUNDING * abs(at.log_likelihood)
    for _ in range(_MAX_HALVINGS):
        found = model.moments(beta + step)
        if found.log_likelihood >= least:
            return beta + step, found
        step = step / 2
    return beta, at


def robust_covariance(fit: CoxFit, cluster: Groups) -> FloatArray:
    """Return the covariance of Lin and Wei (1989), summing score residuals by cluster."""
    sums = np.zeros((cluster.count, fit.residuals.shape[1]))
    np.add.at(sums, cluster.codes, fit.residuals)
    influence = sums @ fit.covariance
    found: FloatArray = influence.T @ influence
    return found
