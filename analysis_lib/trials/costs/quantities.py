"""Effects on several quantities of the same people, with their joint covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import as_columns
from analysis_lib.trials._sample import Sample, read_sample, regression_columns
from analysis_lib.trials.uptake._joint import fit_joint

__all__ = ["JointEffects", "joint_effects"]

# Relative to a quantity's size: below this a difference, or a standard error, is rounding.
_ROUNDING = 1e-12
# Of the covariance: a least eigenvalue further below 0 is no rounding.
_NEGATIVE = 1e-8


@dataclass(frozen=True, slots=True, kw_only=True)
class JointEffects:
    """Differences between the arms in k quantities, in their units.

    Attributes
    ----------
    values
        Shape (k,).
    covariance
        Shape (k, k).
    df
        Degrees of freedom of the t reference, the same for every sum of the quantities.

    Raises
    ------
    InvalidInput
        Shapes that do not match, values that are not finite, or a covariance that is none.
    """

    values: FloatArray
    covariance: FloatArray
    df: float = np.inf
    n_treated: int | None = None
    n_control: int | None = None
    n: int | None = None
    n_clusters: int | None = None
    method: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.array(self.values, dtype=np.float64))
        object.__setattr__(self, "covariance", np.array(self.covariance, dtype=np.float64))
        k = self.values.size
        if not k:
            raise InvalidInput("values is empty; must have one or more")
        if np.shape(self.values) != (k,) or np.shape(self.covariance) != (k, k):
            shapes = f"{np.shape(self.values)} and {np.shape(self.covariance)}"
            raise InvalidInput(f"values and covariance have the shapes {shapes}; must be (k,) and (k, k)")
        if not (np.all(np.isfinite(self.values)) and np.all(np.isfinite(self.covariance))):
            raise InvalidInput("values or covariance has missing or infinite values; must be finite numbers")
        scale = float(np.trace(self.covariance))
        uneven = np.max(np.abs(self.covariance - self.covariance.T))
        if uneven > _NEGATIVE * scale or np.linalg.eigvalsh(self.covariance)[0] < -_NEGATIVE * scale:
            raise InvalidInput("covariance is not symmetric and positive semidefinite; must be a covariance")
        if not self.df > 0:
            raise InvalidInput(f"df is {self.df}; must be above 0")


def joint_effects(
    quantities: Any,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
) -> JointEffects:
    r"""Estimate the differences between the arms in several quantities, and their joint covariance.

    Parameters
    ----------
    quantities
        Measured for each person: a data frame, or an array of shape (n, k).
    treated, covariates, block, cluster
        As in `lin_adjusted`; no covariates unless given.

    Returns
    -------
    JointEffects
        For any weights w, :math:`w'\hat\Delta` and :math:`w'\hat\Sigma w` are the estimate and the squared standard
        error that `lin_adjusted` gives for the weighted sum, with the same degrees of freedom; without covariates,
        blocks and clusters they are those of `difference_in_means` but for its Welch degrees of freedom.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `lin_adjusted`, but a quantity may be the same for everybody in an arm. Blocks need two people in each
        arm (or clusters).

    Notes
    -----
    One regression on treatment and centred covariates and block indicators by arm, for all quantities; HC2 or CR2 from
    products of their residuals, and Bell-McCaffrey or Satterthwaite degrees of freedom, which depend on the design
    alone.

    References
    ----------
    Lin (2013), doi 10.1214/12-AOAS583. Pustejovsky and Tipton (2018), doi 10.1080/07350015.2016.1247004.

    Examples
    --------
    >>> weeks, meetings = [12, 9, 10, 14, 17, 15], [6, 5, 7, 3, 2, 4]
    >>> found = joint_effects(np.column_stack([weeks, meetings]), [1, 1, 1, 0, 0, 0])
    >>> [f"{x:.2f}" for x in (*found.values, *found.covariance.ravel())]
    ['-5.00', '3.00', '1.56', '-0.17', '-0.17', '0.67']
    """
    table, sample = read_quantities(quantities, treated, covariates=covariates, block=block, cluster=cluster)
    design, column, dropped = regression_columns(sample, interact=True)
    note = Message("collinear columns left out: {n} ({names})", n=len(dropped), names=", ".join(dropped))
    if dropped:
        sample = replace(sample, notes=(*sample.notes, note))
    return effects_from_design(design, column, table, sample)


def count_rows(quantities: Any) -> int:
    """Return the number of people, or raise where there are no rows."""
    if not np.ndim(quantities):
        raise InvalidInput(
            f"quantities is {quantities!r}; must be a data frame, or an array of shape (people, columns)"
        )
    return len(quantities)


def read_quantities(
    quantities: Any, treated: ArrayLike, *, covariates: Any = None, block: Any = None, cluster: Any = None
) -> tuple[FloatArray, Sample]:
    """Check the arguments, and return the (n, k) quantities of the people used, and the people."""
    table = as_columns(quantities, "quantities", count_rows(quantities)).values
    # positions as the outcome, which says who was left out
    positions = np.arange(len(table), dtype=np.float64)
    sample = read_sample(positions, treated, covariates=covariates, block=block, cluster=cluster, level=0.95)
    return table[sample.y.astype(np.intp)], sample


def effects_from_design(design: FloatArray, column: int, table: FloatArray, sample: Sample) -> JointEffects:
    """Return one coefficient of the regression of each of (n, k) quantities, and their covariance."""
    fit = fit_joint(design, table, np.array([column]), sample.cluster)
    values, scores = fit.values[0], fit.scores[:, 0, :]
    size = np.max(np.abs(table), axis=0)
    scores = np.where(np.sqrt(np.sum(scores**2, axis=0)) <= _ROUNDING * size, 0.0, scores)
    treated = int(np.sum(sample.treated))
    return JointEffects(
        values=np.where(np.abs(values) <= _ROUNDING * size, 0.0, values),
        covariance=scores.T @ scores,
        df=fit.freedom,
        n_treated=treated,
        n_control=len(table) - treated,
        n=len(table),
        n_clusters=None if sample.cluster is None else sample.cluster.count,
        method=Message("HC2, Bell-McCaffrey df") if sample.cluster is None else Message("CR2, Satterthwaite df"),
        note=Message.join(sample.notes),
    )
