"""What a planned trial will be: people, clusters or events, and the standard error to expect."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import as_groups, as_numbers
from analysis_lib.trials._options import as_number, as_positive, as_share, check_whole

__all__ = ["ClusterPlan", "EventPlan", "IndividualPlan", "Plan", "intraclass_correlation"]

# Relative to the outcome's size: a standard deviation below this is rounding.
_CONSTANT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class IndividualPlan:
    """People assigned one by one, in one block or in several.

    Attributes
    ----------
    n_treated, n_control
        People by arm: a number, or an array of shape (blocks,).
    std_dev
        Standard deviation of the outcome within an arm (and block): a number, or an array of shape (blocks,).
    r_squared
        Share of the variance (within blocks) that covariates explain.
    n_covariates
        How many covariates that takes: each costs a degree of freedom in each arm (a slope an arm).
    """

    n_treated: ArrayLike
    n_control: ArrayLike
    std_dev: ArrayLike
    r_squared: float = 0.0
    n_covariates: int = 0

    def __post_init__(self) -> None:
        treated, control = _counts(self.n_treated, "n_treated", 2), _counts(self.n_control, "n_control", 2)
        spread = _positive(self.std_dev, "std_dev")
        if treated.shape != control.shape or spread.shape not in ((1,), treated.shape):
            raise InvalidInput(
                f"n_treated, n_control and std_dev have {len(treated)}, {len(control)} and {len(spread)} blocks; "
                "must have the same"
            )
        _check_share(self.r_squared, "r_squared")
        check_whole(self.n_covariates, "n_covariates", 0)
        if np.any(self._own_df() <= 0):
            raise NotEstimable(Message("as many coefficients as people: the plan leaves no degrees of freedom"))

    @property
    def std_error(self) -> float:
        r"""The standard error to expect: :math:`\sqrt{(1 - R^2) \sum_b (n_b/n)^2 s_b^2 (1/n_{1b} + 1/n_{0b})}`."""
        return math.sqrt((1 - self.r_squared) * float(np.sum(self._variances())))

    @property
    def df(self) -> float:
        """Degrees of freedom, Satterthwaite's of the blocks' and arms' variances (Welch's for one block)."""
        parts = self._variances()
        return float(np.sum(parts)) ** 2 / float(np.sum(parts**2 / self._own_df()))

    def _people(self) -> FloatArray:
        """Return people by arm and block, shape (2, blocks)."""
        return np.stack([_numbers(self.n_treated, "n_treated"), _numbers(self.n_control, "n_control")])

    def _variances(self) -> FloatArray:
        people = self._people()
        share: FloatArray = people.sum(axis=0) / people.sum()
        variances: FloatArray = share**2 * _numbers(self.std_dev, "std_dev") ** 2 / people
        return variances

    def _own_df(self) -> FloatArray:
        """Return the degrees of freedom of each variance: covariates take theirs from every block alike."""
        people = self._people()
        freedoms: FloatArray = people - 1 - self.n_covariates / people.shape[1]
        return freedoms


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlan:
    """Clusters (offices, days of birth) assigned whole.

    Attributes
    ----------
    clusters_treated, clusters_control
        Clusters by arm, two or more.
    cluster_size
        People a cluster, on average.
    std_dev
        Standard deviation of the outcome among all people of an arm.
    icc
        Intraclass correlation: the share of the variance that lies between clusters.
    size_variation
        Coefficient of variation of the clusters' sizes.
    r_squared
        Share of the variance between clusters, and of that within, which covariates explain.
    """

    clusters_treated: int
    clusters_control: int
    cluster_size: float
    std_dev: float
    icc: float
    size_variation: float = 0.0
    r_squared: float = 0.0

    def __post_init__(self) -> None:
        for name in ("clusters_treated", "clusters_control"):
            as_number(getattr(self, name), name)
            _counts(getattr(self, name), name, 2)
        as_positive(self.std_dev, "std_dev")
        if as_number(self.cluster_size, "cluster_size") < 1:
            raise InvalidInput(f"cluster_size is {self.cluster_size}; must be 1 or more")
        as_share(self.icc, "icc", closed=True)
        if as_number(self.size_variation, "size_variation") < 0:
            raise InvalidInput(f"size_variation is {self.size_variation}; must be 0 or more")
        _check_share(self.r_squared, "r_squared")

    @property
    def design_effect(self) -> float:
        r"""Variance over that of people assigned one by one: :math:`1 + ((1 + cv^2) m - 1) \rho`."""
        return 1 + ((1 + self.size_variation**2) * self.cluster_size - 1) * self.icc

    @property
    def std_error(self) -> float:
        """The standard error to expect."""
        per_person = (1 / self.clusters_treated + 1 / self.clusters_control) / self.cluster_size
        return self.std_dev * math.sqrt((1 - self.r_squared) * self.design_effect * per_person)

    @property
    def df(self) -> float:
        """Degrees of freedom: clusters less two."""
        return float(self.clusters_treated + self.clusters_control - 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPlan:
    """A duration: what counts is how many are seen to have the event; effects are hazard ratios.

    Attributes
    ----------
    events
        People of both arms who will have had the event by the end.
    share_treated
        Share of people assigned to treatment.
    """

    events: float
    share_treated: float = 0.5

    def __post_init__(self) -> None:
        as_positive(self.events, "events")
        as_share(self.share_treated, "share_treated", closed=False)

    @property
    def std_error(self) -> float:
        r"""The standard error of the log hazard ratio to expect: :math:`1 / \sqrt{D p (1 - p)}`."""
        return 1 / math.sqrt(self.events * self.share_treated * (1 - self.share_treated))

    @property
    def df(self) -> float:
        """Infinity: the normal distribution."""
        return math.inf


Plan = IndividualPlan | ClusterPlan | EventPlan


def intraclass_correlation(y: ArrayLike, cluster: Any) -> float:
    r"""Return the share of the variance that lies between clusters, estimated from history.

    Parameters
    ----------
    y
        Outcome, shape (n,).
    cluster
        Labels of the clusters, shape (n,).

    Returns
    -------
    float
        At most 1; below 0 where clusters are more alike than chance makes them (a plan takes 0 then).

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        Fewer than two clusters, nobody sharing one, or an outcome that does not vary.

    Notes
    -----
    One-way analysis of variance: :math:`(M_b - M_w) / (M_b + (m_0 - 1) M_w)` with the mean squares between and within
    and :math:`m_0 = (n - \sum m_j^2 / n) / (k - 1)`.

    References
    ----------
    Donner (1986), International Statistical Review 54(1).

    Examples
    --------
    >>> round(intraclass_correlation([1, 2, 5, 6, 9, 8], ["a", "a", "b", "b", "c", "c"]), 3)
    0.96
    """
    values = as_numbers(y, "y")
    groups = as_groups(cluster, "cluster", len(values))
    size = np.bincount(groups.codes, minlength=groups.count).astype(np.float64)
    n, k = float(len(values)), groups.count
    if k < 2 or n <= k:
        raise NotEstimable(Message("{k} clusters of {n} people: no variation between or within them", k=k, n=int(n)))
    means = np.bincount(groups.codes, weights=values, minlength=k) / size
    between = float(size @ (means - values.mean()) ** 2) / (k - 1)
    within = float(np.sum((values - means[groups.codes]) ** 2)) / (n - k)
    if between + within <= (_CONSTANT * float(np.max(np.abs(values)))) ** 2:
        raise NotEstimable(Message("the outcome has no variation left to estimate a standard error from"))
    typical = (n - float(size @ size) / n) / (k - 1)
    return (between - within) / (between + (typical - 1) * within)


def _counts(values: ArrayLike, name: str, least: int) -> FloatArray:
    numbers = _numbers(values, name)
    if np.any(numbers < least) or np.any(numbers != np.round(numbers)):
        raise InvalidInput(f"{name} is {_show(values)}; must be whole numbers of {least} or more")
    return numbers


def _positive(values: ArrayLike, name: str) -> FloatArray:
    numbers = _numbers(values, name)
    if np.any(numbers <= 0):
        raise InvalidInput(f"{name} is {_show(values)}; must be above 0")
    return numbers


def _numbers(values: ArrayLike, name: str) -> FloatArray:
    found = np.atleast_1d(np.asarray(values))
    if found.ndim != 1 or found.dtype.kind not in "iuf" or not np.all(np.isfinite(found)) or not found.size:
        raise InvalidInput(f"{name} is {_show(values)}; must be a number, or one a block")
    return found.astype(np.float64)


def _show(values: Any) -> str:
    return str(np.asarray(values).tolist())


def _check_share(value: float, name: str) -> None:
    if not 0 <= as_number(value, name) < 1:
        raise InvalidInput(f"{name} is {value}; must be 0 or more, and below 1")
