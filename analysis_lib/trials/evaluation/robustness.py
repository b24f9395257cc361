"""Whether the effects stand: randomisation tests, several comparisons at once, outcomes that are missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate, Message, Results
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.effects import adjust_p_values, lee_bounds
from analysis_lib.trials.evaluation.effects import DIFFERENCE, HAZARD_RATIO, too_few, unit_of
from analysis_lib.trials.outcomes import Numbers
from analysis_lib.trials.randomization import max_t, randomization_test, romano_wolf

Chosen = NDArray[np.bool_]

RANDOMISATION = Message("difference in means, randomisation test")
LOWER_BOUND = Message("lower Lee bound")
UPPER_BOUND = Message("upper Lee bound")


def randomise_effects(cases: Cases, *, rng: np.random.Generator) -> Results:
    """Test every mean of every arm by assigning anew what was assigned; empty where the plan has no draws."""
    draws = cases.trial.inference.randomization_draws
    if draws is None:
        return Results()
    return Results(
        _randomised(cases, outcome, arm.id, draws, rng) for outcome in _means(cases) for arm in cases.trial.treated_arms
    )


def _means(cases: Cases) -> list[str]:
    """Return the outcomes that are a number a case, the primary one first."""
    outcomes = sorted(cases.trial.outcomes, key=lambda outcome: not outcome.primary)
    return [outcome.id for outcome in outcomes if isinstance(cases.outcomes[outcome.id], Numbers)]


def _values(cases: Cases, outcome: str) -> NDArray[np.float64]:
    measured = cases.outcomes[outcome]
    return measured.values if isinstance(measured, Numbers) else np.full(len(cases), np.nan)


def _randomised(cases: Cases, outcome: str, arm: str, draws: int, rng: np.random.Generator) -> Estimate:
    values, level = _values(cases, outcome), cases.trial.inference.level
    known = cases.design.pair(arm) & ~np.isnan(values)
    names: dict[str, Any] = {
        "outcome": outcome, "arm": arm, "estimand": RANDOMISATION, "unit": unit_of(cases.trial, outcome),
    }  # fmt: skip
    try:
        reason = too_few(cases, known, arm)
        if reason is not None:
            raise NotEstimable(reason)
        found = randomization_test(values[known], cases.design.take(known), arm=arm, draws=draws, rng=rng, level=level)
    except NotEstimable as error:
        return Estimate.empty(reason=error.args[0], level=level, **names)
    return replace(found if isinstance(found, Estimate) else found.estimates[0], **names)


def correct_p_values(cases: Cases, effects: Results, *, rng: np.random.Generator) -> Results:
    """Return the main comparisons of the plan's family with p-values corrected for their number.

    Parameters
    ----------
    effects
        From `estimate_effects`.
    rng
        Draws the assignments of methods that need them.

    Returns
    -------
    Results
        Empty where the plan names no correction, or the family has one member.
    """
    plan = cases.trial.inference.multiplicity
    if plan is None or plan.family is None:
        return Results()
    arms = [arm.id for arm in cases.trial.treated_arms]
    family = [row for row in _main_rows(effects) if row.arm in arms]
    if plan.family == "arms":
        family = [row for row in family if row.outcome == cases.trial.primary.id]
    elif plan.family == "outcomes":
        family = [row for row in family if row.arm == arms[0]]
    if len(family) < 2:
        return Results()
    if plan.method in ("holm", "bh"):
        return adjust_p_values(Results(family), plan.method)
    draws = cases.trial.inference.randomization_draws or 0
    return _by_assignment(cases, family, plan.method, draws=draws, rng=rng)


def _main_rows(effects: Results) -> list[Estimate]:
    """Return each outcome's first comparison in each arm: the hazard ratio of a duration, the difference of a mean."""
    first: dict[tuple[str, str], Estimate] = {}
    for row in effects.estimates:
        if row.estimand in (DIFFERENCE, HAZARD_RATIO):
            first.setdefault((row.outcome, row.arm), row)
    return list(first.values())


def _by_assignment(
    cases: Cases, family: list[Estimate], method: str, *, draws: int, rng: np.random.Generator
) -> Results:
    """Correct the family's means by assigning anew, among people with all of them known.

    A duration has another statistic: it is an empty row that says so, never a family quietly made smaller.
    """
    outcomes = [name for name in dict.fromkeys(row.outcome for row in family) if name in _means(cases)]
    arms = list(dict.fromkeys(row.arm for row in family))
    table = np.column_stack([_values(cases, name) for name in outcomes])
    known: Chosen = np.asarray(~np.isnan(table).any(axis=1))
    correct = max_t if method == "max_t" else romano_wolf
    try:
        for arm in arms:
            reason = too_few(cases, known & cases.design.pair(arm), arm)
            if reason is not None:
                raise NotEstimable(reason)
        found = correct(
            table[known], cases.design.take(known), arms=arms, draws=draws, rng=rng, level=cases.trial.inference.level
        )
    except NotEstimable as error:
        return Results(_without_p_value(row, error.args[0]) for row in family)
    names = [(arm, outcome) for arm in arms for outcome in outcomes]
    adjusted = dict(zip(names, found.adjusted.estimates, strict=True))
    lost = int((~known).sum())
    note = Message("{n} people without all of the family's outcomes left out", n=lost) if lost else None
    other = Message("a duration has another statistic than the family's means")
    return Results(
        replace(
            adjusted[row.arm, row.outcome], outcome=row.outcome, arm=row.arm, estimand=DIFFERENCE, unit=row.unit,
            note=Message.join([adjusted[row.arm, row.outcome].note, *([note] if note else [])]),
        )
        if (row.arm, row.outcome) in adjusted
        else _without_p_value(row, other)
        for row in family
    )  # fmt: skip


def _without_p_value(row: Estimate, reason: Message) -> Estimate:
    return Estimate.empty(
        estimand=row.estimand, reason=reason, level=row.interval.level, outcome=row.outcome, arm=row.arm, unit=row.unit
    )


def bound_effects(cases: Cases) -> Results:
    """Return Lee's bounds of the primary arm's effect on every mean that is not known for everybody."""
    arm = cases.trial.treated_arms[0].id
    rows: list[Estimate] = []
    for outcome in _means(cases):
        values = _values(cases, outcome)
        pair = cases.design.pair(arm)
        if np.isnan(values[pair]).any():
            rows += _bounds(cases, outcome, arm, pair)
    return Results(rows)


def _bounds(cases: Cases, outcome: str, arm: str, pair: Chosen) -> list[Estimate]:
    values, level = _values(cases, outcome)[pair], cases.trial.inference.level
    names: dict[str, Any] = {"outcome": outcome, "arm": arm, "unit": unit_of(cases.trial, outcome)}
    try:
        reason = too_few(cases, pair, arm)
        if reason is not None:
            raise NotEstimable(reason)
        found = lee_bounds(values, cases.design.arm[pair] == arm, ~np.isnan(values), level=level)
    except NotEstimable as error:
        return [Estimate.empty(estimand=LOWER_BOUND, reason=error.args[0], level=level, **names)]
    return [
        replace(found.lower, estimand=LOWER_BOUND, **names),
        replace(found.upper, estimand=UPPER_BOUND, **names),
    ]
