"""The effect week by week, and what taking part did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Curve, Estimate, Item, Message, Results
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.design import covariate_columns
from analysis_lib.trials.effects import EffectOverTime, effect_over_time
from analysis_lib.trials.evaluation.effects import too_few, unit_of
from analysis_lib.trials.outcomes import Numbers, Weekly
from analysis_lib.trials.uptake import site_instruments, two_stage_least_squares

PER_UNIT = Message("effect of one more of the activity")


def weekly_outcomes(cases: Cases) -> tuple[str, ...]:
    """Return the outcomes that are a number a week."""
    return tuple(o.id for o in cases.trial.outcomes if isinstance(cases.outcomes[o.id], Weekly))


def effect_course(cases: Cases, outcome: str, arm: str, *, rng: np.random.Generator) -> EffectOverTime | Message:
    """Estimate the effect on a weekly outcome in every week from entry, or say why not.

    Parameters
    ----------
    outcome, arm
        One of `weekly_outcomes`, and the treated arm.
    rng
        Draws the simultaneous band.
    """
    measured = cases.outcomes[outcome]
    pair = cases.design.pair(arm)
    reason = too_few(cases, pair, arm)
    if reason is not None:
        return reason
    if not isinstance(measured, Weekly):
        return Message("the outcome is not a number a week")
    block = None if cases.design.block is None else cases.design.block[pair]
    cluster = cases.design.unit[pair] if cases.design.assigned_by_group else None
    values = measured.values[pair]
    try:
        found = effect_over_time(
            values, cases.design.arm[pair] == arm, block=block, cluster=cluster, weeks=np.arange(values.shape[1]),
            level=cases.trial.inference.level, rng=rng,
        )  # fmt: skip
    except NotEstimable as error:
        return Message.join([error.args[0]])

    def of(curve: Curve, name: str) -> Curve:
        return replace(curve, outcome=outcome, arm=name, label=name)

    return replace(
        found,
        difference=of(found.difference, arm),
        simultaneous=None if found.simultaneous is None else of(found.simultaneous, arm),
        treated=of(found.treated, arm),
        control=of(found.control, CONTROL),
    )


def estimate_uptake(cases: Cases) -> Results:
    """Estimate what one more of each activity did, with the assignment as instrument, for each outcome of the plan.

    Returns
    -------
    Results
        Per outcome one Estimate an activity (`group` is the activity) and the checks of the instruments. Empty where
        the plan has no uptake; empty rows where the activities are not known or the instruments cannot tell them apart.
    """
    cases.trial.check_assigned()
    plan = cases.trial.uptake
    if plan is None:
        return Results()
    return Results(item for outcome in plan.outcomes for item in _uptake(cases, outcome))


def _uptake(cases: Cases, outcome: str) -> list[Item]:
    plan, arm, level = cases.trial.uptake, cases.trial.treated_arms[0].id, cases.trial.inference.level
    measured = cases.outcomes[outcome]
    names: dict[str, Any] = {"outcome": outcome, "arm": arm, "unit": unit_of(cases.trial, outcome)}
    activities = list(cases.activities)
    try:
        if plan is None or not isinstance(measured, Numbers):
            raise NotEstimable(Message("the outcome is not a number for each person"))
        table = pd.DataFrame({name: cases.activities[name] for name in activities})
        known = cases.design.pair(arm) & ~np.isnan(measured.values) & ~table.isna().any(axis=1).to_numpy(dtype=bool)
        reason = too_few(cases, known, arm)
        if reason is not None:
            raise NotEstimable(reason)
        by_place = plan.instruments == "assignment_by_jobcentre"
        places = cases.frame["jobcentre"][known].nunique() if by_place else 1
        if places < len(activities):
            few = Message("{m} instruments cannot tell {k} activities apart", m=places, k=len(activities))
            raise NotEstimable(few)
        found = _fit(cases, measured.values, table, known, by_place=by_place)
    except NotEstimable as error:
        reason = Message.join([error.args[0]])
        return [
            Estimate.empty(estimand=PER_UNIT, reason=reason, group=name, level=level, **names) for name in activities
        ]
    rows = [
        replace(row, estimand=PER_UNIT, group=name, **names)
        for row, name in zip(found.estimates, activities, strict=True)
    ]
    return [*rows, *(replace(check, outcome=outcome, arm=arm) for check in found.checks)]


def _fit(cases: Cases, values: Any, table: Any, known: Any, *, by_place: bool) -> Results:
    treated = cases.design.arm[known] == cases.trial.treated_arms[0].id
    place = cases.frame["jobcentre"].to_numpy(dtype=object)[known] if by_place else None
    instrument = treated.astype(np.float64) if place is None else site_instruments(treated, place)
    covariates = None
    if cases.trial.covariates and cases.trial.inference.adjustment != "none":
        covariates = covariate_columns(cases.frame[known], cases.trial.covariates, all_levels=False)
    return two_stage_least_squares(
        values[known], table[known], instrument, covariates=covariates, block=place,
        cluster=cases.design.unit[known] if cases.design.assigned_by_group else None,
        level=cases.trial.inference.level,
    )  # fmt: skip
