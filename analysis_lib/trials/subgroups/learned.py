"""What was learned about who gains, held against people it was not learned from."""

from __future__ import annotations

from typing import Any

import numpy as np

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Check, Estimate, FloatArray, Message, Results, check_level
from analysis_lib.trials._arrays import BoolArray, Groups, IntArray
from analysis_lib.trials._least_squares import Coefficient, fit_coefficient
from analysis_lib.trials._options import check_whole
from analysis_lib.trials.effects import difference_in_means
from analysis_lib.trials.subgroups._splits import (
    NO_VARIATION,
    Found,
    Main,
    attempt,
    check_variation,
    median_estimate,
    median_p_value,
    missing_reason,
)
from analysis_lib.trials.subgroups.proxies import LearnedEffects, Split

__all__ = ["best_linear_predictor", "classification_analysis", "sorted_group_effects"]

_DIFFERENT = 0.05
_NOT_TO_BE_READ = Message("not to be read: the learned effects do not predict the effect")


def best_linear_predictor(learned: LearnedEffects, *, level: float = 0.95) -> Results:
    r"""Estimate the average effect, and how far the learned effects predict the effect.

    Parameters
    ----------
    learned
        From `learn_effects` or `given_effects`.
    level
        Coverage of the intervals.

    Returns
    -------
    Results
        The average effect; the heterogeneity loading, 1 where learned effects are right on average and 0 where they
        say nothing; and the test that the loading is not above 0, a Check that passes where that is not rejected at
        0.05: then sorted groups are not to be read, which `detail` says.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Notes
    -----
    Least squares in the main half, with weights :math:`1 / (p (1 - p))` and :math:`\bar S` the mean there:

    .. math:: y_i = \alpha' x_i + \beta_1 (d_i - p_i) + \beta_2 (d_i - p_i)(S_i - \bar S) + e_i

    with :math:`x = (1, B, S)`, and :math:`p` and :math:`p S` where probabilities differ. HC2 with Bell and McCaffrey's
    degrees of freedom, or CR2 by cluster. With several splits: medians over splits of the value and of the limits of
    intervals with half the error allowed, and twice the median p-value. That bounds the error whatever the splits'
    dependence, and is on the safe side: intervals are wide. A split in which the learned effects do not vary counts
    with p = 1.

    References
    ----------
    Chernozhukov, Demirer, Duflo and Fernández-Val (2025), doi 10.3982/ECTA19303.

    Examples
    --------
    >>> from analysis_lib.trials.subgroups import given_effects
    >>> rng = np.random.default_rng(1)
    >>> age, treated = rng.uniform(20, 60, 400), rng.integers(0, 2, 400)
    >>> weeks = 20 + treated * (age - 40) / 10 + rng.normal(size=400)
    >>> found = best_linear_predictor(
    ...     given_effects(weeks, treated, age, propensity=0.5, baseline=age, effect=age / 10))
    >>> [f"{row.value:.2f} ({row.interval.low:.2f} to {row.interval.high:.2f})" for row in found.estimates]
    ['0.03 (-0.18 to 0.23)', '1.02 (0.85 to 1.18)']
    """
    check_level(level)
    average, loading = _loadings(learned)
    known = _known(learned)
    return Results([
        median_estimate(average, level=level, estimand=Message("average effect"), **known),
        median_estimate(loading, level=level, estimand=Message("heterogeneity loading"), **known),
        _check(loading),
    ])  # fmt: skip


def sorted_group_effects(learned: LearnedEffects, *, groups: int = 5, level: float = 0.95) -> Results:
    r"""Estimate the average effect in groups of equal size, sorted by the learned effect.

    Parameters
    ----------
    learned, level
        As in `best_linear_predictor`.
    groups
        How many; group 1 has the lowest learned effects. People with the same learned effect stay together, so that
        groups differ in size where many have it.

    Returns
    -------
    Results
        A row for each group, the last less the first, and the Check of `best_linear_predictor`. Where that is not
        rejected, every row's `note` says that it is not to be read.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Notes
    -----
    The coefficients :math:`\gamma_k` of :math:`(d_i - p_i) 1\{i \in G_k\}` in place of the two terms of
    `best_linear_predictor`, with the same weights, controls, variance and medians over splits. Each group needs two
    people in each arm.

    References
    ----------
    Chernozhukov, Demirer, Duflo and Fernández-Val (2025), doi 10.3982/ECTA19303.

    Examples
    --------
    >>> from analysis_lib.trials.subgroups import given_effects
    >>> rng = np.random.default_rng(1)
    >>> age, treated = rng.uniform(20, 60, 400), rng.integers(0, 2, 400)
    >>> weeks = 20 + treated * (age - 40) / 10 + rng.normal(size=400)
    >>> found = sorted_group_effects(
    ...     given_effects(weeks, treated, age, propensity=0.5, baseline=age, effect=age / 10), groups=2)
    >>> [f"{row.group}: {row.value:.2f}" for row in found.estimates]
    ['1: -1.00', '2: 1.05', '2 - 1: 2.05']
    """
    check_level(level)
    _check_groups(groups)
    contrasts = np.vstack([np.eye(groups), np.eye(groups)[-1] - np.eye(groups)[0]])
    rows = [_group_effects(Main.of(learned, split), contrasts) for split in learned.splits]
    check = _check(_loadings(learned)[1])
    known = _known(learned) | {"estimand": Message("average effect in a group sorted by learned effect")}
    names = [*(str(k + 1) for k in range(groups)), f"{groups} - 1"]
    return Results([
        *(
            median_estimate([row[k] for row in rows], level=level, group=name, note=_warning(check), **known)
            for k, name in enumerate(names)
        ),
        check,
    ])  # fmt: skip


def classification_analysis(learned: LearnedEffects, *, groups: int = 5, level: float = 0.95) -> Results:
    """Compare the covariates of those with the highest and the lowest learned effects: who are they.

    Parameters
    ----------
    learned, groups, level
        As in `sorted_group_effects`.

    Returns
    -------
    Results
        For each covariate (in `outcome`) its mean in the last group, in the first, and the difference; and the Check
        of `best_linear_predictor`. Where that is not rejected, every row's `note` says that it is not to be read.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Notes
    -----
    Means with t intervals and `difference_in_means` (by cluster, CR2) in each main half, then medians over splits.

    References
    ----------
    Chernozhukov, Demirer, Duflo and Fernández-Val (2025), doi 10.3982/ECTA19303.

    Examples
    --------
    >>> import pandas as pd
    >>> from analysis_lib.trials.subgroups import given_effects
    >>> rng = np.random.default_rng(1)
    >>> age, treated = rng.uniform(20, 60, 400), rng.integers(0, 2, 400)
    >>> weeks = 20 + treated * (age - 40) / 10 + rng.normal(size=400)
    >>> found = classification_analysis(
    ...     given_effects(weeks, treated, pd.DataFrame({"age": age}), propensity=0.5, baseline=age, effect=age / 10))
    >>> [f"{row.outcome}, group {row.group}: {row.value:.1f}" for row in found.estimates]
    ['age, group 5: 55.6', 'age, group 1: 23.9', 'age, group 5 - 1: 31.7']
    """
    check_level(level)
    _check_groups(groups)
    check = _check(_loadings(learned)[1])
    known = _known(learned) | {"note": _warning(check)}
    rows: list[Estimate] = []
    for j, covariate in enumerate(learned.covariates.names):
        found = [_compare(learned, split, j, groups) for split in learned.splits]
        for k, (name, estimand) in enumerate((
            (f"{groups}", Message("mean among those with the highest learned effects")),
            ("1", Message("mean among those with the lowest learned effects")),
            (f"{groups} - 1", Message("difference between those with the highest and the lowest learned effects")),
        )):  # fmt: skip
            rows.append(
                median_estimate(
                    [one[k] for one in found], level=level, with_p=k == 2, outcome=covariate, group=name,
                    estimand=estimand, **known,
                )
            )  # fmt: skip
    return Results([*rows, check])


def _loadings(learned: LearnedEffects) -> tuple[list[Found], list[Found]]:
    """Return the average effect and the heterogeneity loading of each split."""
    if not learned.splits:
        raise InvalidInput("learned has no splits; must come from learn_effects or given_effects")
    average, loading = [], []
    for split in learned.splits:
        found = _loadings_of(Main.of(learned, split))
        average.append(found[0])
        loading.append(found[1] if len(found) > 1 else NO_VARIATION)
    return average, loading


def _group_effects(main: Main, contrasts: FloatArray) -> list[Found]:
    """Return contrasts (q, groups) of the effects in sorted groups."""
    if not main.varies():
        return [NO_VARIATION] * len(contrasts)
    groups = contrasts.shape[1]
    label = _sorted_groups(main.effect, groups)
    fewest = min(np.bincount(label[arm], minlength=groups).min() for arm in (main.surplus > 0, main.surplus < 0))
    if fewest < 2:
        return [Message("a sorted group has {n} people in an arm; two are needed", n=int(fewest))] * len(contrasts)
    columns = main.surplus[:, None] * (label[:, None] == np.arange(groups))
    return attempt(len(contrasts), lambda: main.coefficients(columns, contrasts))


def _loadings_of(main: Main) -> list[Found]:
    columns = main.surplus[:, None]
    if main.varies():
        columns = np.column_stack([main.surplus, main.surplus * (main.effect - main.effect.mean())])
    count = columns.shape[1]
    return attempt(count, lambda: main.coefficients(columns, np.eye(count)))


def _compare(learned: LearnedEffects, split: Split, j: int, groups: int) -> list[Found]:
    """Return a covariate's mean in the last and the first group of a split, and the difference."""
    main = Main.of(learned, split)
    if not main.varies():
        return [NO_VARIATION] * 3
    x, label = learned.covariates.values[split.main, j], _sorted_groups(main.effect, groups)
    fewest = int(np.bincount(label, minlength=groups)[[0, -1]].min())
    if fewest < 2:
        return [Message("a sorted group has {n} people; two are needed", n=fewest)] * 3
    found = [one for k in (groups - 1, 0) for one in _mean(x, label == k, main.cluster)]
    ends = (label == 0) | (label == groups - 1)
    units = None if main.cluster is None else main.cluster.codes[ends]

    def difference() -> list[Coefficient]:
        row = difference_in_means(x[ends], label[ends] == groups - 1, cluster=units)
        return [Coefficient(value=row.value, std_error=row.std_error, df=row.df)]

    return found + attempt(1, difference)


def _mean(x: FloatArray, members: BoolArray, cluster: Groups | None) -> list[Found]:
    """Return the mean of the members; its t interval is HC2's with one column."""
    own, values = None if cluster is None else cluster.where(members), x[members]

    def fit() -> list[Coefficient]:
        found = fit_coefficient(np.ones((len(values), 1)), values, column=0, cluster=own)
        check_variation([found], values)
        return [found]

    return attempt(1, fit)


def _sorted_groups(effect: FloatArray, groups: int) -> IntArray:
    """Return each person's group, 0 to `groups` - 1, by quantiles of the learned effect."""
    limits = np.quantile(effect, np.arange(1, groups) / groups)
    found: IntArray = np.searchsorted(limits, effect, side="left")
    return found


def _check(loading: list[Found]) -> Check:
    """Return the test that the learned effects do not predict the effect."""
    name, unread = Message("the learned effects do not predict the effect"), Message("sorted groups are not to be read")
    method = Message("one-sided t test of the heterogeneity loading")
    if missing_reason(loading):
        detail = Message.join([missing_reason(loading), unread])
        return Check(name=name, passed=None, threshold=_DIFFERENT, method=method, detail=detail)
    p_value = median_p_value(loading, two_sided=False)
    return Check(
        name=name,
        passed=p_value >= _DIFFERENT,
        statistic=float(np.median([one.value / one.std_error for one in loading if isinstance(one, Coefficient)])),
        p_value=p_value,
        threshold=_DIFFERENT,
        method=method,
        detail=unread if p_value >= _DIFFERENT else "",
    )


def _warning(check: Check) -> Message:
    return Message() if check.passed is False else _NOT_TO_BE_READ


def _known(learned: LearnedEffects) -> dict[str, Any]:
    """Return what every row says."""
    variance = Message("HC2") if learned.cluster is None else Message("CR2")
    if len(learned.splits) == 1:
        method = Message("one split or given predictions, {variance}", variance=variance)
    else:
        method = Message("medians over {n} splits, {variance}", n=len(learned.splits), variance=variance)
    treated = int(learned.treated.sum())
    return {
        "method": method,
        "n_treated": treated,
        "n_control": len(learned.y) - treated,
        "n": len(learned.y),
        "n_clusters": None if learned.cluster is None else learned.cluster.count,
    }


def _check_groups(groups: int) -> None:
    check_whole(groups, "groups", 2)
