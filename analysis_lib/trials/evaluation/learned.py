"""Whether effects differ between people beyond the groups chosen beforehand: learned effects."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate, Message, Results
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.design import covariate_columns
from analysis_lib.trials.evaluation.effects import too_few, unit_of
from analysis_lib.trials.outcomes import Numbers
from analysis_lib.trials.subgroups import LearnedEffects, best_linear_predictor, learn_effects, sorted_group_effects

GROUPS = 3
LOADING = Message("heterogeneity loading")


def learned_outcome(cases: Cases) -> str | None:
    """Return the outcome whose effects are learned: the first that is a number for each person."""
    outcomes = sorted(cases.trial.outcomes, key=lambda outcome: not outcome.primary)
    return next((o.id for o in outcomes if isinstance(cases.outcomes[o.id], Numbers)), None)


def estimate_learned(cases: Cases, *, rng: np.random.Generator) -> Results:
    """Learn each person's effect from the covariates, and hold it against the outcomes of other people.

    Returns
    -------
    Results
        The best linear predictor, the average effects of three groups of equal size sorted by the learned effect, and
        the test that says whether they may be read. Empty where the plan names no splits; an empty row where it
        cannot be made.
    """
    splits, outcome = cases.trial.inference.learned_splits, learned_outcome(cases)
    if splits is None or outcome is None or not cases.trial.covariates:
        return Results()
    arm, level = cases.trial.treated_arms[0].id, cases.trial.inference.level
    named = partial(replace, outcome=outcome, arm=arm)
    try:
        learned = _learn(cases, outcome, arm, splits, rng)
        found = best_linear_predictor(learned, level=level) + Results(
            sorted_group_effects(learned, groups=GROUPS, level=level).estimates
        )
    except NotEstimable as error:
        empty = Estimate.empty(estimand=LOADING, reason=error.args[0], level=level)
        return Results([named(empty)])
    unit = unit_of(cases.trial, outcome)
    rows = []
    for row in found.estimates:
        row_unit = Message("") if "loading" in row.estimand else unit
        # The groups are others in every split: they have no number of people.
        rows.append(
            named(
                row,
                unit=row_unit,
                group=f"learned.{row.group}" if row.group else "",
                n_treated=None,
                n_control=None,
                n=None,
            )
        )
    return Results([*rows, *(named(check) for check in found.checks)])


def _learn(cases: Cases, outcome: str, arm: str, splits: int, rng: np.random.Generator) -> LearnedEffects:
    measured = cases.outcomes[outcome]
    values = measured.values if isinstance(measured, Numbers) else np.full(len(cases), np.nan)
    known = cases.design.pair(arm) & ~np.isnan(values)
    reason = too_few(cases, known, arm)
    if reason is not None:
        raise NotEstimable(reason)
    shares = cases.design.expected_share
    if not shares:
        raise NotEstimable(Message("the planned shares of the arms are not known"))
    columns = covariate_columns(cases.frame[known], cases.trial.covariates, all_levels=False)
    return learn_effects(
        values[known], cases.design.arm[known] == arm, columns,
        propensity=shares[arm] / (shares[arm] + shares[CONTROL]), rng=rng, splits=splits,
        cluster=cases.design.unit[known] if cases.design.assigned_by_group else None,
    )  # fmt: skip
