"""The people whose durations are compared, and the ratio of hazards that an estimator returns for them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate, FloatArray, Message, check_level, wald_interval, wald_p_value
from analysis_lib.trials._arrays import (
    BoolArray,
    Covariates,
    Groups,
    IntArray,
    as_binary,
    as_covariates,
    as_groups,
    check_arms,
    check_clusters,
)
from analysis_lib.trials.durations._times import read_durations

# Of every test in this package.
SIZE = 0.05
# Tipton (2015, doi 10.1037/met0000011): with fewer degrees of freedom the t reference is not to be trusted.
_FEW_DF = 4.0
_ROUNDING = 1e-20
_LIN_WEI = Message("standard error robust to clusters (Lin-Wei)")


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Times, events and arm, each of shape (n,), covariates, and membership where given."""

    time: FloatArray
    event: BoolArray
    treated: BoolArray
    covariates: Covariates
    stratum: Groups | None
    cluster: Groups | None

    def where(self, keep: BoolArray) -> People:
        """Return the people kept."""
        if keep.all():
            return self
        return People(
            time=self.time[keep],
            event=self.event[keep],
            treated=self.treated[keep],
            covariates=replace(self.covariates, values=self.covariates.values[keep]),
            stratum=None if self.stratum is None else self.stratum.where(keep),
            cluster=None if self.cluster is None else self.cluster.where(keep),
        )


def read_people(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    stratum: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> People:
    """Check the arguments; each arm has people with the event and, where given, two clusters."""
    check_level(level)
    times, events = read_durations(time, event)
    n = len(times)
    people = People(
        time=times,
        event=events,
        treated=as_binary(treated, "treated", n),
        covariates=as_covariates(np.empty((n, 0)) if covariates is None else covariates, n),
        stratum=None if stratum is None else as_groups(stratum, "stratum", n),
        cluster=None if cluster is None else as_groups(cluster, "cluster", n),
    )
    check_arms(people.treated, events)
    if people.cluster is not None:
        check_clusters(people.cluster, people.treated)
    return people


def cluster_df(cluster: Groups | None, treated: BoolArray, stratum: Groups | None = None) -> float:
    """Return the degrees of freedom of sums by cluster: m, the clusters of the arm that has fewer, less one.

    The variance is that of the sums without correction, too small for few clusters in an arm; the customary number of
    all clusters less one does not make up for it. Where each cluster lies in one of several strata, each stratum has
    its m, and the arm's is the harmonic mean of their sum and their own mean (harmonic too, by people): the variance is
    too small by the latter, and varies as the former (docs/methods.md).
    """
    if cluster is None:
        return math.inf
    strata = np.zeros(len(treated), dtype=np.intp) if stratum is None else stratum.codes
    pair = strata * cluster.count + cluster.codes
    if len(np.unique(pair)) > len(np.unique(cluster.codes)):
        # clusters that cross strata are as many in each
        strata, pair = np.zeros_like(strata), cluster.codes
    return min(_arm_df(pair[arm], strata[arm]) for arm in (treated, ~treated))


def _arm_df(cluster: IntArray, stratum: IntArray) -> float:
    """Return the degrees of freedom of an arm's people in clusters, each in one stratum."""
    _, people = np.unique(stratum, return_counts=True)
    _, first = np.unique(cluster, return_index=True)
    # one cluster by itself has no variance: less than a degree of freedom, and not none
    own = np.maximum(np.unique(stratum[first], return_counts=True)[1] - 1.0, 0.5)
    if len(own) == 1:
        return float(own[0])
    return float(2 / (np.sum(people / len(stratum) / own) + 1 / own.sum()))


def hotelling(wald: float, contrasts: int, df: float) -> tuple[float, float, float]:
    """Return F, its second degrees of freedom and p-value for Wald's statistic of q contrasts with `cluster_df` m.

    Hotelling's (f - q + 1) / (f q) W with q and f - q + 1 degrees of freedom. One contrast has f = m, so that the test
    is its t test. With more, m would make up for the variance several times over: they have f = 2 m, as if either arm
    had as few clusters, and m / (m + 1) of W, for sums of m + 1 without correction (docs/methods.md).
    """
    q, own = contrasts, df if contrasts == 1 else 2 * df
    if own < q:
        reason = Message("{df:.1f} degrees of freedom are too few to test {q} contrasts at once", df=own, q=q)
        raise NotEstimable(reason)
    shrunk = wald if q == 1 else wald * df / (df + 1)
    statistic, error = shrunk * (own - q + 1) / (own * q), own - q + 1
    return statistic, error, float(stats.f.sf(statistic, q, error))


def few_freedoms(df: float) -> tuple[Message, ...]:
    """Return the note on a t reference with few degrees of freedom."""
    if df >= _FEW_DF:
        return ()
    return (Message("only {df:.1f} degrees of freedom: the interval is not to be relied on", df=df),)


def check_variance(by_cluster: float, independent: float) -> float:
    """Return the variance from sums by cluster, or raise where it is rounding beside that of independent people."""
    if by_cluster <= _ROUNDING * independent:
        raise NotEstimable(Message("the clusters do not differ: there is no variance to estimate from them"))
    return by_cluster


def hazard_ratio_estimate(
    log_ratio: float,
    variance: float,
    people: People,
    *,
    method: Message,
    notes: tuple[Message, ...],
    level: float,
    robust: Message = _LIN_WEI,
) -> Estimate:
    """Return the ratio from its logarithm, and the variance of that; `robust` says how clusters were dealt with."""
    value, std_error = math.exp(log_ratio), math.sqrt(variance)
    treated, df = int(np.sum(people.treated)), cluster_df(people.cluster, people.treated, people.stratum)
    return Estimate(
        estimand=Message("hazard ratio"),
        value=value,
        std_error=std_error,
        df=df,
        interval=wald_interval(value, std_error, df, level, "log"),
        p_value=wald_p_value(value, std_error, df, "log"),
        method=Message.join([method, *([] if people.cluster is None else [robust])]),
        n_treated=treated,
        n_control=len(people.time) - treated,
        n=len(people.time),
        n_clusters=None if people.cluster is None else people.cluster.count,
        note=Message.join([*notes, *few_freedoms(df)]),
        scale="log",
    )
