"""The variance of effects between sites: estimators, Cochran's Q, and the Q-profile interval.

Throughout, `effects` y and `variances` v have shape (k,), and w = 1 / (v + tau2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy import optimize, stats

from analysis_lib.errors import InvalidInput
from analysis_lib.results import FloatArray

Method = Literal["reml", "dl", "pm", "fixed"]

# Points at which the slope of the restricted likelihood is looked at for changes of sign.
_GRID = 400


def weighted_mean(effects: FloatArray, variances: FloatArray, tau2: float) -> tuple[float, float]:
    """Return the inverse-variance mean and the sum of its weights."""
    weights = 1 / (variances + tau2)
    total = float(weights.sum())
    return float(weights @ effects) / total, total


def generalised_q(effects: FloatArray, variances: FloatArray, tau2: float) -> float:
    """Return sum w (y - mean)^2; Cochran's Q at tau2 = 0."""
    mean, _ = weighted_mean(effects, variances, tau2)
    return float(np.sum((effects - mean) ** 2 / (variances + tau2)))


def typical_variance(variances: FloatArray) -> float:
    """Return the sampling variance that I2 compares with (Higgins and Thompson 2002, eq. 9)."""
    weights = 1 / variances
    total = float(weights.sum())
    return (len(weights) - 1) * total / (total**2 - float(weights @ weights))


def between_variance(effects: FloatArray, variances: FloatArray, method: Method) -> float:
    """Return tau2, not below 0; 0 for the fixed-effect method."""
    if method == "fixed":
        return 0.0
    return {"reml": _restricted_likelihood, "dl": _moments, "pm": _paule_mandel}[method](effects, variances)


def q_profile(effects: FloatArray, variances: FloatArray, level: float) -> tuple[float, float]:
    """Return the interval of tau2 (Viechtbauer 2007, Q-profile), NaN where no tau2 of 0 or more is in it."""
    df = len(effects) - 1
    high = _where_q_is(effects, variances, float(stats.chi2.ppf((1 - level) / 2, df)))
    if high is None:
        return np.nan, np.nan
    low = _where_q_is(effects, variances, float(stats.chi2.ppf((1 + level) / 2, df)))
    return low or 0.0, high


def _moments(effects: FloatArray, variances: FloatArray) -> float:
    """Return DerSimonian and Laird's estimate."""
    excess = generalised_q(effects, variances, 0.0) - (len(effects) - 1)
    return max(0.0, excess * typical_variance(variances) / (len(effects) - 1))


def _paule_mandel(effects: FloatArray, variances: FloatArray) -> float:
    """Return the tau2 at which the generalised Q is its expectation, k - 1."""
    return _where_q_is(effects, variances, len(effects) - 1.0) or 0.0


def _where_q_is(effects: FloatArray, variances: FloatArray, wanted: float) -> float | None:
    """Return the tau2 at which the generalised Q, which falls with it, has the value; `None` if below it at 0."""
    if generalised_q(effects, variances, 0.0) < wanted:
        return None
    # Q <= sum (y - mean)^2 / tau2
    upper = float(np.sum((effects - effects.mean()) ** 2)) / wanted
    return _root(lambda tau2: generalised_q(effects, variances, tau2) - wanted, 0.0, upper)


def _restricted_likelihood(effects: FloatArray, variances: FloatArray) -> float:
    """Return the tau2 of the highest of the maxima of the restricted likelihood, which may have several."""
    grid = np.r_[0.0, np.geomspace(1e-3 * variances.min(), _slope_is_negative_from(effects, variances), _GRID)]
    rising = _slopes(effects, variances, grid) > 0

    def slope(tau2: float) -> float:
        return float(_slopes(effects, variances, np.array([tau2]))[0])

    peaks = [_root(slope, grid[i], grid[i + 1]) for i in np.flatnonzero(rising[:-1] & ~rising[1:])]
    peaks += [] if rising[0] else [0.0]
    return max(peaks, key=lambda tau2: _log_likelihood(effects, variances, tau2))


def _slopes(effects: FloatArray, variances: FloatArray, tau2: FloatArray) -> FloatArray:
    """Return twice the derivative of the restricted log likelihood at (g,) values of tau2."""
    weights = 1 / (variances[:, None] + tau2)
    total, squares = weights.sum(axis=0), weights**2
    distance = effects[:, None] - (weights * effects[:, None]).sum(axis=0) / total
    found: FloatArray = (squares * distance**2).sum(axis=0) + squares.sum(axis=0) / total - total
    return found


def _log_likelihood(effects: FloatArray, variances: FloatArray, tau2: float) -> float:
    _, total = weighted_mean(effects, variances, tau2)
    spread = float(np.sum(np.log(variances + tau2)))
    return -(spread + float(np.log(total)) + generalised_q(effects, variances, tau2)) / 2


def _slope_is_negative_from(effects: FloatArray, variances: FloatArray) -> float:
    """Return a tau2 above every maximum of the restricted likelihood.

    With R the range of y, D that of v and T = tau2 + min v, the slope is below k R^2 / T^2 + 1 / T - k / (T + D).
    """
    k, spread = len(effects), float(np.ptp(variances))
    total = k * float(np.ptp(effects)) ** 2
    bound = (total + spread) / (k - 1) + float(np.sqrt(total * spread / (k - 1)))
    return max(2 * bound, float(variances.min()))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where the function, of opposite signs at the ends, is 0."""
    if function(low) == 0:
        return low
    return float(optimize.brentq(function, low, high, xtol=1e-15 * high, rtol=1e-14, maxiter=500))


def check_method(method: str) -> None:
    """Raise where the method is not one of those offered."""
    if method not in ("reml", "dl", "pm", "fixed"):
        raise InvalidInput(f"method is {method!r}; must be 'reml', 'dl', 'pm' or 'fixed'")
