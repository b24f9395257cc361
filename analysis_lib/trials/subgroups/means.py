"""Effects on a mean in groups that were chosen before the outcome was seen."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate, Message, Results, wald_interval, wald_p_value
from analysis_lib.trials._least_squares import Coefficient
from analysis_lib.trials.effects._joint import JointTest
from analysis_lib.trials.subgroups._crossing import StackedGroups
from analysis_lib.trials.subgroups._people import People, check_arguments, read_people, share_clusters
from analysis_lib.trials.subgroups._rows import contrast_rows, equality_check, group_rows
from analysis_lib.trials.subgroups._welch import satterthwaite, welch_test

__all__ = ["subgroup_effects"]

_ESTIMAND = Message("difference in means")
_CONTRAST = Message("difference in effect between groups")
# Relative to the groups' standard errors: below this the contrast's is rounding.
_NO_VARIATION = 1e-7


def subgroup_effects(
    y: ArrayLike,
    treated: ArrayLike,
    group: Any,
    *,
    block: Any = None,
    cluster: Any = None,
    covariates: Any = None,
    level: float = 0.95,
    min_cell: int = 5,
    reference: str | None = None,
) -> Results:
    r"""Estimate the effect in each group, the differences between groups, and test whether they are the same.

    Parameters
    ----------
    y, treated, block, cluster
        As in `difference_in_means`.
    group
        Labels, shape (n,), known before assignment and chosen before the outcome was seen.
    covariates
        As in `lin_adjusted`; with slopes of their own in each group and arm.
    level
        Coverage of the intervals.
    min_cell
        Fewest people in each arm of a group; a group with fewer is an empty row with the reason.
    reference
        The group that the others are held against; the first in order where not given.

    Returns
    -------
    Results
        A row for each group; a row for each other group less the reference group (`group` is "b - a"); and always the
        interaction test, a Check that passes where equal effects are not rejected at 0.05. A difference between groups
        is to be read only where the test rejects: that one group's interval leaves out 0 and another's does not is no
        difference.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Notes
    -----
    Each group's row is `difference_in_means`, or with covariates `lin_adjusted`, of its people. Without clusters in
    common the groups are independent, and the test is Welch's for estimates :math:`\hat\tau_g` with standard errors
    :math:`s_g` and :math:`d_g` degrees of freedom, :math:`w_g = 1 / s_g^2`, :math:`W = \sum w_g`,
    :math:`\Lambda = \sum (1 - w_g / W)^2 / d_g`:

    .. math:: F = \frac{\sum w_g (\hat\tau_g - \bar\tau)^2 / (G - 1)}{1 + 2 (G - 2) \Lambda / (G^2 - 1)}
        \sim F\left(G - 1, \frac{G^2 - 1}{3 \Lambda}\right)

    With two groups it is the square of the contrast's t. Where groups share clusters (days of birth), contrasts have
    the CR2 variance of all groups' regressions together, with Satterthwaite's degrees of freedom, and the test is the
    approximate Hotelling one (HTZ), as clubSandwich's `Wald_test`.

    References
    ----------
    Welch (1951), doi 10.1093/biomet/38.3-4.330. Tipton and Pustejovsky (2015), doi 10.3102/1076998615606099.

    Examples
    --------
    >>> y, treated = [5, 7, 6, 9, 4, 6, 5, 7, 9, 12, 8, 11, 5, 6, 7, 5], [1, 1, 1, 1, 0, 0, 0, 0] * 2
    >>> found = subgroup_effects(y, treated, ["men"] * 8 + ["women"] * 8, min_cell=4)
    >>> [f"{row.group}: {row.value:.2f} (s.e. {row.std_error:.2f})" for row in found.estimates]
    ['men: 1.25 (s.e. 1.07)', 'women: 4.25 (s.e. 1.03)', 'women - men: 3.00 (s.e. 1.49)']
    >>> f"{found.checks[0].name}: p {found.checks[0].p_value:.3f}"
    'the same effect in every group: p 0.071'
    """
    people = read_people(y, treated, group, block=block, cluster=cluster, covariates=covariates)
    check_arguments(people.group, level=level, min_cell=min_cell, reference=reference)
    rows = group_rows(
        lambda members: people.estimate(members, level), people.group, people.treated,
        min_cell=min_cell, estimand=_ESTIMAND, level=level,
    )  # fmt: skip
    stacked = _stacked(people, rows, level)

    def contrast(i: int, base: int) -> Estimate:
        if stacked:
            return _contrast(rows[i], rows[base], stacked.contrast(i, base), level)
        return _contrast(rows[i], rows[base], _independent(rows[i], rows[base]), level)

    def test(usable: list[int]) -> tuple[JointTest, Message]:
        if stacked:
            return stacked.test(usable), Message("approximate Hotelling test, CR2 (HTZ)")
        values, errors, dfs = (np.array([getattr(rows[i], n) for i in usable]) for n in ("value", "std_error", "df"))
        return welch_test(values, errors, dfs), Message("Welch's test of equal effects")

    contrasts = contrast_rows(rows, reference, contrast, estimand=_CONTRAST, level=level)
    return Results([*rows, *contrasts, equality_check(rows, test)])


def _stacked(people: People, rows: list[Estimate], level: float) -> StackedGroups | None:
    """Return the estimated groups as one regression where they have clusters in common."""
    usable = [i for i, row in enumerate(rows) if row.estimated]
    if people.cluster is None or not share_clusters(people.cluster, people.group, usable):
        return None
    return StackedGroups.build({i: people.sample(people.group.codes == i, level) for i in usable})


def _independent(one: Estimate, base: Estimate) -> Coefficient:
    errors = (one.std_error, base.std_error)
    df = satterthwaite(errors, (one.df, base.df))
    return Coefficient(value=one.value - base.value, std_error=math.hypot(*errors), df=df)


def _contrast(one: Estimate, base: Estimate, found: Coefficient, level: float) -> Estimate:
    if found.std_error <= _NO_VARIATION * max(one.std_error, base.std_error):
        raise NotEstimable(Message("the difference does not vary between clusters"))
    return Estimate(
        estimand=_CONTRAST,
        value=found.value,
        std_error=found.std_error,
        df=found.df,
        interval=wald_interval(found.value, found.std_error, found.df, level),
        p_value=wald_p_value(found.value, found.std_error, found.df),
        method=one.method,
        note=Message("to be read only where the test of equal effects rejects"),
    )
