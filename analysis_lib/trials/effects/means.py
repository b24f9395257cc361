"""Effects of assignment on a mean: differences in means, and least-squares adjustment for covariates.

All functions compare people as assigned. Arguments are arrays of shape (n,), matched by position. Results carry no
unit: the caller knows the outcome's.

Choices common to all:

- an outcome without variation left (standard error 0) raises `NotEstimable`: a p-value of 0 or 1 would be an artefact;
- fewer than two people in an arm, or two clusters in an arm where people come in clusters, raises `NotEstimable`;
- blocks without both arms are left out, with their number and people in `note`.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Estimate, Message
from analysis_lib.trials._blocks import blocked_difference
from analysis_lib.trials._least_squares import Coefficient, fit_coefficient
from analysis_lib.trials._sample import Sample, read_sample, regression_columns
from analysis_lib.trials.effects._estimates import collinear_note, estimate_of, lin_method

__all__ = ["additive_adjusted", "difference_in_means", "lin_adjusted"]

_ESTIMAND = Message("difference in means")


def difference_in_means(
    y: ArrayLike,
    treated: ArrayLike,
    *,
    block: Any = None,
    cluster: Any = None,
    weight: ArrayLike | None = None,
    level: float = 0.95,
) -> Estimate:
    r"""Estimate the difference in mean outcome between the arms, as the trial was designed.

    Parameters
    ----------
    y
        Outcome, shape (n,), in any unit; finite.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    block
        Labels of the blocks (strata) within which people were assigned, shape (n,).
    cluster
        Labels of the units that were assigned together, shape (n,): birth days, offices. Treatment may vary within
        one (people assigned, clusters sampled).
    weight
        Weights of 0 or more, shape (n,), such as inverse probabilities of the assignment received; people with
        weight 0 are left out. Not with `block`, whose sizes are the weights.
    level
        Coverage of the interval.

    Returns
    -------
    Estimate
        With `std_error` and `df` of the variance below.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        An arm has fewer than two people (or clusters), the outcome does not vary, or a variance is undefined.

    Notes
    -----
    ==================  =========================================  ====================================================
    Given               Variance                                   Degrees of freedom
    ==================  =========================================  ====================================================
    nothing             :math:`s_1^2/n_1 + s_0^2/n_0` (= HC2)      Welch-Satterthwaite
    weight              HC2 of weighted least squares              Bell-McCaffrey
    block               :math:`\sum_b (n_b/n)^2 v_b`               Bell-McCaffrey; see below for small blocks
    cluster             CR2 (of weighted least squares)            Satterthwaite (Bell-McCaffrey, Pustejovsky-Tipton)
    block and cluster   CR2 of the regression on block             Satterthwaite
                        indicators interacted with treatment
    ==================  =========================================  ====================================================

    Values and standard errors are those of estimatr's `difference_in_means` (with weights alone, of its `lm_robust`);
    so are the degrees of freedom with nothing or cluster alone, and of matched pairs. The others are clubSandwich's,
    with each person as a cluster for `weight` and `block`: their working model has errors of equal variance, as weights
    here say how people came into the arms and not how precise their outcomes are. Within blocks estimatr has n - 2B,
    too many where blocks have few people in an arm; with :math:`a_b = n_b / n` Bell and McCaffrey's are

    .. math:: \frac{(\sum_b a_b^2 (1/n_{1b} + 1/n_{0b}))^2}
        {\sum_b a_b^4 (1 / (n_{1b}^2 (n_{1b} - 1)) + 1 / (n_{0b}^2 (n_{0b} - 1)))}

    One block is no block: Welch's degrees of freedom. A block with one person in an arm has no variance of its own.
    Such blocks share one, from how their differences vary (Pashley and Miratrix 2021; with pairs, the matched-pairs
    formula with B - 1 degrees of freedom); mixed with other blocks, the degrees of freedom are Satterthwaite's. With
    `block` and `cluster` the clusters may lie within blocks or cross them (birth days cross offices); each block needs
    two clusters in each arm.

    References
    ----------
    Neyman (1923), doi 10.1214/ss/1177012031. Samii and Aronow (2012), doi 10.1016/j.spl.2011.10.024. Bell and
    McCaffrey (2002), Survey Methodology 28(2). Pustejovsky and Tipton (2018), doi 10.1080/07350015.2016.1247004.
    Pashley and Miratrix (2021), doi 10.3102/1076998620946272.

    Examples
    --------
    >>> weeks = difference_in_means([12, 9, 10, 14, 17, 15], [1, 1, 1, 0, 0, 0])
    >>> f"{weeks.value:.2f} ({weeks.interval.low:.2f} to {weeks.interval.high:.2f}), df {weeks.df:.2f}"
    '-5.00 (-8.46 to -1.54), df 4.00'
    """
    if weight is not None and block is not None:
        raise InvalidInput("weight is given with block; must be one of them, as the blocks' sizes are the weights")
    sample = read_sample(y, treated, block=block, cluster=cluster, weight=weight, level=level)
    if sample.cluster is None and sample.block is not None and sample.block.count > 1:
        found = blocked_difference(sample.y, sample.treated, sample.block)
        if found.pooled:
            pooled = Message("blocks with one person in an arm, sharing one variance: {n}", n=found.pooled)
            sample = replace(sample, notes=(*sample.notes, pooled))
        return _estimate(found.fit, sample, Message("difference in means within blocks, Neyman variance"), level)
    if sample.cluster is None and sample.weight is None:
        return _estimate(_welch(sample), sample, Message("difference in means, Neyman variance, Welch df"), level)
    design, column, _ = regression_columns(sample, interact=True)
    fit = fit_coefficient(design, sample.y, column=column, weight=sample.weight, cluster=sample.cluster)
    if sample.cluster is None:
        return _estimate(fit, sample, Message("weighted difference in means, HC2, Bell-McCaffrey df"), level)
    if sample.block is None:
        return _estimate(fit, sample, Message("difference in means, CR2, Satterthwaite df"), level)
    return _estimate(fit, sample, Message("difference in means within blocks, CR2, Satterthwaite df"), level)


def lin_adjusted(
    y: ArrayLike,
    treated: ArrayLike,
    covariates: Any,
    *,
    block: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> Estimate:
    r"""Estimate the difference in means adjusted for covariates with a slope for each arm (Lin 2013).

    Parameters
    ----------
    y, treated, block, cluster, level
        As in `difference_in_means`.
    covariates
        Measured before assignment: a data frame, or an array of shape (n, k) or (n,). Finite: missing values must be
        dealt with before (an indicator and a fill-in value).

    Returns
    -------
    Estimate
        The average effect in the people used. Columns that are combinations of those before them are left out, and
        named in `note`.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `difference_in_means`; also where the covariates determine the treatment, where there are as many
        coefficients as people, or where someone is fitted exactly (leverage 1), which leaves HC2 undefined.

    Notes
    -----
    With :math:`\bar x` the mean in the people used, :math:`\tau` is the coefficient in

    .. math:: y_i = \alpha + \tau t_i + (x_i - \bar x)'\beta + t_i (x_i - \bar x)'\gamma + e_i

    Blocks enter as centred indicators among the covariates; without others, :math:`\tau` is the difference weighted
    by the blocks' sizes. HC2 variance with Bell-McCaffrey degrees of freedom; by cluster, CR2 with Satterthwaite's.
    estimatr's `lm_lin` has the same standard errors but n - k degrees of freedom for HC2, too many where one arm is
    small (9 treated, 51 control, one covariate: 56 against about 7).

    References
    ----------
    Lin (2013), doi 10.1214/12-AOAS583. Imbens and Kolesár (2016), doi 10.1162/REST_a_00552.

    Examples
    --------
    >>> y, treated, age = [5, 7, 6, 9, 4, 6, 5, 7], [1, 1, 1, 1, 0, 0, 0, 0], [30, 41, 38, 52, 29, 44, 36, 50]
    >>> effect = lin_adjusted(y, treated, age)
    >>> f"{effect.value:.3f}, s.e. {effect.std_error:.3f}, df {effect.df:.2f}"
    '1.168, s.e. 0.136, df 3.78'
    """
    return _adjusted(y, treated, covariates, block=block, cluster=cluster, level=level, interact=True)


def additive_adjusted(
    y: ArrayLike,
    treated: ArrayLike,
    covariates: Any,
    *,
    block: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> Estimate:
    r"""Estimate the difference in means adjusted for covariates with one slope for both arms (analysis of covariance).

    Kept for comparison with published numbers: `lin_adjusted` is at least as precise in large samples, and does not
    weight blocks by how evenly they are split.

    Parameters
    ----------
    y, treated, block, cluster, level
        As in `difference_in_means`.
    covariates
        As in `lin_adjusted`.

    Returns
    -------
    Estimate
        The coefficient of treatment, with HC2 and Bell-McCaffrey or, by cluster, CR2 and Satterthwaite.

    Raises
    ------
    InvalidInput, NotEstimable
        As in `lin_adjusted`.

    Notes
    -----
    The coefficient :math:`\tau` in :math:`y_i = \alpha + \tau t_i + x_i'\beta + e_i`; blocks enter as indicators.

    References
    ----------
    Freedman (2008), doi 10.1016/j.aam.2006.12.003. MacKinnon and White (1985), doi 10.1016/0304-4076(85)90158-7.

    Examples
    --------
    >>> y, treated, age = [5, 7, 6, 9, 4, 6, 5, 7], [1, 1, 1, 1, 0, 0, 0, 0], [30, 41, 38, 52, 29, 44, 36, 50]
    >>> effect = additive_adjusted(y, treated, age)
    >>> f"{effect.value:.3f}, s.e. {effect.std_error:.3f}, df {effect.df:.2f}"
    '1.168, s.e. 0.208, df 4.92'
    """
    return _adjusted(y, treated, covariates, block=block, cluster=cluster, level=level, interact=False)


def _adjusted(
    y: ArrayLike, treated: ArrayLike, covariates: Any, *, block: Any, cluster: Any, level: float, interact: bool
) -> Estimate:
    sample = read_sample(y, treated, covariates=covariates, block=block, cluster=cluster, level=level)
    design, column, dropped = regression_columns(sample, interact=interact)
    fit = fit_coefficient(design, sample.y, column=column, cluster=sample.cluster)
    if dropped:
        sample = replace(sample, notes=(*sample.notes, collinear_note(dropped)))
    known = {"k": len(sample.covariates.names)}
    if interact:
        method = lin_method(known["k"], clustered=sample.cluster is not None)
    elif sample.cluster:
        method = Message("adjusted for {k} covariates (additive), CR2, Satterthwaite df", **known)
    else:
        method = Message("adjusted for {k} covariates (additive), HC2, Bell-McCaffrey df", **known)
    return _estimate(fit, sample, method, level)


def _welch(sample: Sample) -> Coefficient:
    """Return the plain difference with Neyman's variance and Welch's degrees of freedom."""
    one, zero = sample.y[sample.treated], sample.y[~sample.treated]
    part_one, part_zero = (float(np.var(arm, ddof=1)) / len(arm) for arm in (one, zero))
    variance = part_one + part_zero
    # of shares of the variance, so that tiny outcomes do not underflow
    share = part_one / variance if variance else math.nan
    df = 1 / (share**2 / (len(one) - 1) + (1 - share) ** 2 / (len(zero) - 1))
    return Coefficient(value=float(one.mean() - zero.mean()), std_error=math.sqrt(variance), df=df)


def _estimate(fit: Coefficient, sample: Sample, method: Message, level: float) -> Estimate:
    """Return the result, or raise where nothing varies."""
    treated = int(np.sum(sample.treated))
    return estimate_of(
        fit,
        sample.y,
        level=level,
        notes=sample.notes,
        estimand=_ESTIMAND,
        method=method,
        n_treated=treated,
        n_control=len(sample.y) - treated,
        n=len(sample.y),
        n_clusters=None if sample.cluster is None else sample.cluster.count,
    )
