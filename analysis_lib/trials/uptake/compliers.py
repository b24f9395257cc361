"""Compliers: how many take part because they were assigned, who they are, and what taking part did for them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, Message, Results, check_level
from analysis_lib.trials._arrays import (
    BoolArray,
    as_binary,
    as_covariates,
    as_groups,
    as_numbers,
    check_arms,
    check_clusters,
)
from analysis_lib.trials._blocks import complete_blocks
from analysis_lib.trials.effects import difference_in_means
from analysis_lib.trials.uptake.two_stage import two_stage_least_squares

__all__ = ["complier_means", "complier_share", "late"]


def complier_share(
    treatment: ArrayLike, assigned: ArrayLike, *, block: Any = None, cluster: Any = None, level: float = 0.95
) -> Estimate:
    r"""Estimate the share of compliers: people who take part if assigned to, and only then.

    Parameters
    ----------
    treatment
        Took part, shape (n,); booleans or 0/1.
    assigned
        Assigned to take part, shape (n,); booleans or 0/1.
    block, cluster, level
        As in `difference_in_means`.

    Returns
    -------
    Estimate
        A share between -1 and 1: the difference between the arms in the share who took part. The interval is not cut
        off at 0 or 1.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        An arm has fewer than two people (or clusters), or participation does not vary within the arms: where
        everybody did as assigned the share is 1 in these people, without a standard error.

    Notes
    -----
    :math:`E(D \mid Z = 1) - E(D \mid Z = 0)`, the share of compliers if nobody does the opposite of the assignment.
    Variances and degrees of freedom are those of `difference_in_means`.

    References
    ----------
    Imbens and Angrist (1994), doi 10.2307/2951620.

    Examples
    --------
    >>> share = complier_share([1, 1, 1, 0, 1, 0, 0, 1, 0, 0], [1] * 5 + [0] * 5)
    >>> f"{share.value:.2f}, s.e. {share.std_error:.3f}"
    '0.60, s.e. 0.283'
    """
    took_part = as_binary(treatment, "treatment")
    arm = as_binary(assigned, "assigned", len(took_part))
    check_arms(arm)
    if np.array_equal(took_part, arm):
        raise NotEstimable(
            Message("everybody did as assigned: the share of compliers is 1 here, without a standard error")
        )
    if took_part.all() or not took_part.any():
        raise NotEstimable(Message("everybody or nobody took part: assignment moved nothing"))
    found = difference_in_means(took_part, arm, block=block, cluster=cluster, level=level)
    return replace(found, estimand=Message("share of compliers"))


def late(
    y: ArrayLike,
    treatment: ArrayLike,
    assigned: ArrayLike,
    *,
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> Estimate:
    r"""Estimate the effect of taking part among compliers (local average treatment effect).

    Parameters
    ----------
    y, covariates, block, cluster, level
        As in `two_stage_least_squares`.
    treatment
        Took part, shape (n,); booleans or 0/1.
    assigned
        Assigned to take part, shape (n,); booleans or 0/1: the instrument.

    Returns
    -------
    Estimate
        With counts by assignment. Blocks without both arms are left out, with a note, as are collinear columns.

    Raises
    ------
    InvalidInput, NotEstimable
        As in `two_stage_least_squares`; also where an arm has no people, or people from fewer than two clusters.

    Notes
    -----
    Without covariates and blocks, Wald's ratio: the difference in mean outcome over the difference in the share who
    took part. It is the effect on compliers if assignment touches outcomes through taking part alone, and nobody does
    the opposite of the assignment. With blocks (or covariates) it weights compliers by how evenly their block is split.

    References
    ----------
    Imbens and Angrist (1994), doi 10.2307/2951620. Angrist, Imbens and Rubin (1996),
    doi 10.1080/01621459.1996.10476902.

    Examples
    --------
    >>> weeks = [20, 14, 9, 17, 12, 22, 18, 25, 16, 21]
    >>> effect = late(weeks, [1, 1, 1, 0, 1, 0, 0, 0, 0, 0], [1] * 5 + [0] * 5)
    >>> f"{effect.value:.2f} ({effect.interval.low:.2f} to {effect.interval.high:.2f})"
    '-7.50 (-14.80 to -0.20)'
    """
    outcome = as_numbers(y, "y")
    n = len(outcome)
    took_part, arm = as_binary(treatment, "treatment", n), as_binary(assigned, "assigned", n)
    given = None if covariates is None else as_covariates(covariates, n)
    keep, notes = _kept(arm, block, cluster)
    found = two_stage_least_squares(
        outcome[keep],
        took_part[keep],
        arm[keep],
        covariates=None if given is None else pd.DataFrame(given.values[keep], columns=list(given.names)),
        block=_rows(block, keep),
        cluster=_rows(cluster, keep),
        level=level,
    ).estimates[0]
    treated = int(np.sum(arm[keep]))
    return replace(
        found,
        estimand=Message("effect of taking part among compliers"),
        n_treated=treated,
        n_control=int(np.sum(keep)) - treated,
        note=Message.join([*notes, found.note]),
    )


def complier_means(
    covariates: Any,
    treatment: ArrayLike,
    assigned: ArrayLike,
    *,
    block: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> Results:
    r"""Estimate the means of covariates among compliers.

    Parameters
    ----------
    covariates
        Measured before assignment: a data frame, or an array of shape (n, k) or (n,).
    treatment, assigned, block, cluster, level
        As in `late`.

    Returns
    -------
    Results
        An `Estimate` for each covariate; one that cannot be estimated is empty, with its reason.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Notes
    -----
    `late` with :math:`XD` as the outcome:

    .. math:: E(X \mid \text{complier}) = [E(XD \mid Z = 1) - E(XD \mid Z = 0)] / [E(D \mid Z = 1) - E(D \mid Z = 0)]

    References
    ----------
    Abadie (2003), doi 10.1016/S0304-4076(02)00201-4, theorem 3.1, for those treated.

    Examples
    --------
    >>> age = [30, 40, 50, 60, 20, 35, 45, 55, 25, 65]
    >>> found = complier_means(age, [1, 1, 1, 0, 1, 0, 0, 1, 0, 0], [1] * 5 + [0] * 5)
    >>> f"{found.estimates[0].value:.1f}"
    '28.3'
    """
    check_level(level)
    took_part = as_binary(treatment, "treatment")
    given = as_covariates(covariates, len(took_part))
    if not given.names:
        raise InvalidInput("covariates has no columns; must have one or more")
    rows = []
    for name, column in zip(given.names, given.values.T, strict=True):
        estimand = Message("mean of {covariate} among compliers", covariate=name)
        try:
            found = late(column * took_part, took_part, assigned, block=block, cluster=cluster, level=level)
        except NotEstimable as reason:
            rows.append(Estimate.empty(estimand=estimand, reason=reason.args[0], level=level))
        else:
            rows.append(replace(found, estimand=estimand, p_value=math.nan))
    return Results(rows)


def _kept(arm: BoolArray, block: Any, cluster: Any) -> tuple[BoolArray, tuple[Message, ...]]:
    """Return who is in blocks with both arms, and a note on the others; raise where an arm is too small."""
    keep: BoolArray = np.ones(len(arm), dtype=np.bool_)
    notes: tuple[Message, ...] = ()
    check_arms(arm)
    if block is not None:
        keep, notes = complete_blocks(as_groups(block, "block", len(arm)), arm)
        check_arms(arm[keep])
    if cluster is not None:
        check_clusters(as_groups(cluster, "cluster", len(arm)).where(keep), arm[keep])
    return keep, notes


def _rows(labels: Any, keep: BoolArray) -> Any:
    """Return the labels of the people kept, as they were given."""
    if labels is None:
        return None
    held = labels if isinstance(labels, pd.Series | np.ndarray) else pd.Series(list(labels))
    return held[keep]
