"""The primary outcome in pre-specified groups."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import stats

from analysis_lib.errors import DefinitionError, InvalidInput
from analysis_lib.results import Check, Estimate, Item, Message, Results
from analysis_lib.trials.cases import Cases, in_group
from analysis_lib.trials.evaluation.effects import main_effect
from analysis_lib.trials.groups import members

LEVEL_CHECK = Message("the same effect in every group")


def estimate_subgroups(cases: Cases) -> Results:
    """Estimate the primary outcome in every pre-specified group, each division with its test of equal effects."""
    cases.trial.check_assigned()
    items: list[Item] = []
    arm = cases.trial.treated_arms[0].id
    outcome = cases.trial.primary.id
    for subgroup in cases.trial.subgroups:
        values = cases.frame[subgroup.column]
        chosen = [members(values, group) for group in subgroup.groups]
        if len(cases) and np.sum(chosen, axis=0).max() > 1:
            raise DefinitionError(
                f"trial {cases.trial.id}: groups of subgroup '{subgroup.id}' have people in common; must not overlap"
            )
        rows = []
        for group, own_members in zip(subgroup.groups, chosen, strict=True):
            own = in_group(cases, own_members)
            row = main_effect(own, outcome, arm)
            rows.append(replace(row, group=f"{subgroup.id}.{group.id}"))
        items += [*rows, replace(check_equal_effects(rows), group=subgroup.id, outcome=outcome, arm=arm)]
    return Results(items)


def check_equal_effects(estimates: list[Estimate], *, threshold: float = 0.05) -> Check:
    r"""Test that independent groups have the same effect.

    Cochran's :math:`Q = \sum_g w_g (\hat\theta_g - \bar\theta)^2`, :math:`w_g = 1 / s_g^2`, on the estimates' own
    scale (the logarithm, for ratios), against chi-square with g - 1 degrees of freedom. With small groups the weights
    are themselves uncertain and the test rejects somewhat too often.

    Raises
    ------
    InvalidInput
        Where the estimates are on different scales.
    """
    usable = [estimate for estimate in estimates if estimate.estimated and estimate.std_error > 0]
    if len({estimate.scale for estimate in usable}) > 1:
        raise InvalidInput("estimates are on different scales; must all be differences, or all ratios")
    if len(usable) < 2:
        return Check(name=LEVEL_CHECK, passed=None, detail=Message("fewer than two groups could be estimated"))
    values = np.array([np.log(e.value) if e.scale == "log" else e.value for e in usable])
    weights = np.array([e.std_error**-2.0 for e in usable])
    statistic = float(np.sum(weights * (values - np.average(values, weights=weights)) ** 2))
    p_value = float(stats.chi2.sf(statistic, len(usable) - 1))
    return Check(
        name=LEVEL_CHECK, passed=p_value >= threshold, statistic=statistic, df=len(usable) - 1, p_value=p_value,
        threshold=threshold, method=Message("Cochran's Q"),
    )  # fmt: skip
