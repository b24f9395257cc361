"""Gray's test of whether the share that has ended in one cause develops alike in both arms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Check, FloatArray, Message
from analysis_lib.trials._arrays import IntArray, as_binary, as_groups, check_arms
from analysis_lib.trials._options import as_number
from analysis_lib.trials.durations._causes import CENSORED_LABEL, as_weeks, counts_by_time, read_endings

__all__ = ["gray_test"]

_SIZE = 0.05


def gray_test(
    time: ArrayLike,
    cause: Any,
    cause_of_interest: Any,
    treated: ArrayLike,
    *,
    stratum: Any = None,
    rho: float = 0.0,
    censored: Any = CENSORED_LABEL,
) -> Check:
    r"""Test whether the cumulative incidence of one cause differs between the arms (Gray's test).

    Parameters
    ----------
    time, cause, cause_of_interest, censored
        As in `cumulative_incidence`.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    stratum
        Labels, shape (n,), within which the arms are compared.
    rho
        The weight of a time is :math:`(1 - F(t-))^\rho`, F the incidence in both arms: above 0, early times count more.

    Returns
    -------
    Check
        `statistic` is chi-square with 1 degree of freedom. `passed` says that no difference was found at the
        threshold of 0.05, which is not to say that there is none. `detail` gives observed and expected endings in
        the cause, without weights.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        An arm without people, nobody who ended in the cause, or no such time at which both arms were at risk.

    Notes
    -----
    A log-rank test of subdistribution hazards. An arm's risk set is :math:`R_g = r_g (1 - F_g(t-)) / S_g(t-)`, its own
    incidence and share without any ending; the score is :math:`\sum_t w(t) (d_1(t) - d(t) R_1 / (R_1 + R_0))`. The
    variance is Gray's, with factors for tied endings, as R's `cmprsk::cuminc` computes it: score and variance are
    summed over strata. It is not the log-rank test's, which takes the risk sets for known.

    References
    ----------
    Gray (1988), doi 10.1214/aos/1176350951.

    Examples
    --------
    >>> weeks, ended, arm = [1, 2, 2, 3, 5, 1, 3, 4, 5, 5], [1, 2, 0, 1, 1, 2, 0, 1, 2, 0], [1] * 5 + [0] * 5
    >>> test = gray_test(weeks, ended, 1, arm)
    >>> f"{test.statistic:.3f}, p {test.p_value:.3f}: {test.detail}"
    '2.351, p 0.125: treated: 3 events, 1.5 expected; control: 1 events, 2.5 expected'
    """
    as_number(rho, "rho")
    endings = read_endings(time, cause, cause_of_interest, censored)
    arm = as_binary(treated, "treated", len(endings.time))
    check_arms(arm)
    strata = None if stratum is None else as_groups(stratum, "stratum", len(arm))
    cells = endings.kind + 3 * arm
    parts = [np.arange(len(arm))]
    if strata is not None:
        parts = np.split(np.argsort(strata.codes, kind="stable"), np.cumsum(np.bincount(strata.codes))[:-1])
    found = [_Arms.build(endings.time[part], cells[part]).score(rho) for part in parts]
    score, variance, expected = (math.fsum(column) for column in zip(*found, strict=True))
    if not 0 < variance < math.inf:
        raise NotEstimable(Message("both arms are never at risk of the event at the same time"))
    statistic = score**2 / variance
    p_value = float(stats.chi2.sf(statistic, 1))
    total, observed = int(endings.interest.sum()), int(np.sum(endings.interest & arm))
    counts = {"o1": observed, "e1": expected, "o0": total - observed, "e0": total - expected}
    name = Message("Gray's test") if strata is None else Message("Gray's test within strata")
    weights = [Message("weights (1 - F)^{rho:g}", rho=float(rho))] if rho else []
    return Check(
        name=Message("Gray's test"),
        passed=p_value >= _SIZE,
        statistic=statistic,
        p_value=p_value,
        threshold=_SIZE,
        df=1.0,
        method=Message.join([name, *weights]),
        detail=Message("treated: {o1} events, {e1:.1f} expected; control: {o0} events, {e0:.1f} expected", **counts),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Arms:
    """Control and treated by distinct time, each array of shape (2, times).

    `came` ended in the cause of interest, `other` in another; `before` and `survival` are the share without any ending
    just before and after a time, `incidence` that of the cause just before it.
    """

    risk: FloatArray
    came: FloatArray
    other: FloatArray
    before: FloatArray
    survival: FloatArray
    incidence: FloatArray

    @classmethod
    def build(cls, times: FloatArray, cells: IntArray) -> _Arms:
        """Count people by cell (3 x arm + kind of ending) and time."""
        _, counts = counts_by_time(times, as_weeks(times), cells, 6)
        by_arm = counts.reshape(2, 3, -1)
        risk = np.cumsum(by_arm.sum(axis=1)[:, ::-1], axis=1)[:, ::-1]
        came, other, safe = by_arm[:, 1], by_arm[:, 2], np.maximum(risk, 1)
        survival = np.cumprod(1 - (came + other) / safe, axis=1)
        before = _shifted(survival, 1.0)
        incidence = _shifted(np.cumsum(before * came / safe, axis=1), 0.0)
        return cls(risk=risk, came=came, other=other, before=before, survival=survival, incidence=incidence)

    def score(self, rho: float) -> tuple[float, float, float]:
        """Return the score of the treated, its variance, and the endings expected among the treated.

        Once an arm has nobody at risk the other's endings are expected in full, and add nothing to either.
        """
        both = np.flatnonzero((self.risk > 0).all(axis=0))
        at = _Arms(**{name: getattr(self, name)[:, both] for name in self.__slots__})
        size = at.risk / at.before
        total, came = size.sum(axis=0), at.came.sum(axis=0)
        pooled = np.cumsum(came / total)
        not_yet = 1 - _shifted(pooled, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            weight = not_yet**rho
            spread = weight * size[0] * size[1] / total
            later = _after(spread * came / (total * not_yet))
        subset = size * (1 - at.incidence)
        expected = came * subset[1] / subset.sum(axis=0)
        score = float(np.sum(weight * (at.came[1] - expected)))
        variance = at._variance(total, came, 1 - pooled, spread, later)
        alone = float(self.came[1].sum() - at.came[1].sum())
        return score, variance, float(expected.sum()) + alone

    def _variance(
        self, total: FloatArray, came: FloatArray, left: FloatArray, spread: FloatArray, later: FloatArray
    ) -> float:
        """Return the sum over arms and times of the variances of both kinds of ending times their squared influence."""
        some = self.survival > 0
        ratio = np.divide(left, self.survival, where=some, out=np.zeros_like(self.risk))
        tied = np.where(came > 1, 1 - (came - 1) / np.maximum(total * self.before - 1, 1e-300), 1.0)
        own = tied * self.before * came / (total * self.risk) * (spread + (1 - ratio) * later) ** 2
        tied = np.where(self.other > 1, 1 - (self.other - 1) / np.maximum(self.risk - 1, 1), 1.0)
        others = tied * some * self.before**2 * self.other / self.risk**2 * (ratio * later) ** 2
        return float(np.sum(own) + np.sum(others))


def _shifted(values: FloatArray, first: float) -> FloatArray:
    """Return (..., times) values as they were just before each time."""
    start = np.full((*values.shape[:-1], 1), first)
    return np.concatenate([start, values[..., :-1]], axis=-1)


def _after(values: FloatArray) -> FloatArray:
    """Return, for each time, the sum over later ones, shape (times,)."""
    return np.append(np.cumsum(values[::-1])[::-1], 0.0)[1:]
