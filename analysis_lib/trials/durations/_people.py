"""The people whose durations are compared, and the ratio of hazards that an estimator returns for them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate, FloatArray, Message, check_level, wald_interval, wald_p_value
from analysis_lib.trials._arrays import (
    BoolArray,
    Covariates,
    Groups,
    as_binary,
    as_covariates,
    as_groups,
    check_arms,
    check_clusters,
)
from analysis_lib.trials.durations._times import read_durations

# Of every test in this package.
SIZE = 0.05
# Cameron and Miller (2015, doi 10.3368/jhr.50.2.317): too few may be fewer than 20 or fewer than 50; the cautious end.
_FEW_CLUSTERS = 50
# Greenwood's variance of n people is about (n - 1) / n of what it should be, and its reference is normal.
_FEW_PEOPLE = 30
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


def few_clusters(cluster: Groups | None) -> tuple[Message, ...]:
    """Return the note on an interval from sums by few clusters."""
    if cluster is None or cluster.count >= _FEW_CLUSTERS:
        return ()
    return (Message("{n} clusters are few: the interval is somewhat too narrow", n=cluster.count),)


def few_people(fewest: int) -> tuple[Message, ...]:
    """Return the note on a variance that is too small for the fewest people in a group (an arm, in a stratum)."""
    if fewest >= _FEW_PEOPLE:
        return ()
    return (Message("only {n} people in the smallest group: the interval is somewhat too narrow", n=fewest),)


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
    treated = int(np.sum(people.treated))
    return Estimate(
        estimand=Message("hazard ratio"),
        value=value,
        std_error=std_error,
        interval=wald_interval(value, std_error, math.inf, level, "log"),
        p_value=wald_p_value(value, std_error, math.inf, "log"),
        method=Message.join([method, *([] if people.cluster is None else [robust])]),
        n_treated=treated,
        n_control=len(people.time) - treated,
        n=len(people.time),
        n_clusters=None if people.cluster is None else people.cluster.count,
        note=Message.join([*notes, *few_clusters(people.cluster)]),
        scale="log",
    )
