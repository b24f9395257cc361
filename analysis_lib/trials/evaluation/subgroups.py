"""The primary outcome in groups chosen beforehand, each division with its test of equal effects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analysis_lib.errors import DefinitionError
from analysis_lib.results import Check, Estimate, Message, Results, Scale
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import Subgroup
from analysis_lib.trials.evaluation.effects import DIFFERENCE, HAZARD_RATIO, unit_of
from analysis_lib.trials.groups import members
from analysis_lib.trials.outcomes import Durations, Numbers
from analysis_lib.trials.subgroups import combine_divisions, subgroup_effects, subgroup_hazard_ratios


def estimate_subgroups(cases: Cases) -> Results:
    """Estimate the primary outcome in every group chosen beforehand, and test each division for equal effects.

    Blocks are those of the design, and people who were assigned together (born on the same day) are a cluster.

    Returns
    -------
    Results
        `group` is "division.group" for estimates, and the division for its test, whose p-value is adjusted for the
        number of divisions as the plan says. A group with fewer than the plan's `min_per_arm` people in an arm is an
        empty row, and not in the test; where a division cannot be tested, none of its groups has a value.

    Raises
    ------
    DefinitionError
        Groups of a division have people in common, or nobody was drawn into arms.
    """
    cases.trial.check_assigned()
    if not cases.trial.subgroups:
        return Results()
    divisions = {subgroup.id: _division(cases, subgroup) for subgroup in cases.trial.subgroups}
    return combine_divisions(divisions, adjust=cases.trial.inference.subgroup_adjustment)


def _division(cases: Cases, subgroup: Subgroup) -> Results:
    """Return the groups in the plan's order, and their test."""
    trial, arm = cases.trial, cases.trial.treated_arms[0].id
    outcome = trial.primary.id
    duration = isinstance(cases.outcomes[outcome], Durations)
    estimand, unit = (HAZARD_RATIO, Message("ratio")) if duration else (DIFFERENCE, unit_of(trial, outcome))
    group = _group_of(cases, subgroup)
    found = _compare(cases, group, outcome, arm)
    (test,) = found.checks
    rows = {row.group: row for row in found.estimates}
    least = trial.inference.min_per_arm
    nobody = Estimate.empty(
        estimand=estimand, reason=Message("fewer than {n} people in an arm of the group", n=least),
        level=trial.inference.level, n_treated=0, n_control=0, n=0,
    )  # fmt: skip
    shown = [_tested(replace(rows.get(one.id, nobody), group=one.id), test) for one in subgroup.groups]
    shown = [_with_lost(row, (group == row.group) & cases.design.pair(arm)) for row in shown]
    scale: Scale = "log" if duration else "identity"
    return Results(
        [
            *(replace(row, estimand=estimand, outcome=outcome, arm=arm, unit=unit, scale=scale) for row in shown),
            replace(test, outcome=outcome, arm=arm),
        ]
    )


def _with_lost(row: Estimate, of_group: NDArray[np.bool_]) -> Estimate:
    """Return the row, noting how many of the (n,) people of the group are left out for want of the outcome."""
    lost = int(of_group.sum()) - (row.n or 0)
    if not row.estimated or not lost:
        return row
    note = Message("{n} people without the outcome left out", n=lost)
    return replace(row, note=Message.join([row.note, note]))


def _tested(row: Estimate, test: Check) -> Estimate:
    """Return the row, without its value where the division has no test."""
    if test.passed is not None or not row.estimated:
        return row
    untested = Message(
        "no group is shown without the test of equal effects, which was not made: {why}", why=test.detail
    )
    return Estimate.empty(
        estimand=row.estimand, reason=untested, level=row.interval.level, group=row.group, n_treated=row.n_treated,
        n_control=row.n_control, n=row.n,
    )  # fmt: skip


def _group_of(cases: Cases, subgroup: Subgroup) -> NDArray[np.object_]:
    """Return each case's group, shape (n,); empty for a case in none."""
    values = cases.frame[subgroup.column]
    chosen = [members(values, group) for group in subgroup.groups]
    if len(cases) and np.sum(chosen, axis=0).max() > 1:
        raise DefinitionError(
            f"trial {cases.trial.id}: groups of subgroup '{subgroup.id}' have people in common; must not overlap"
        )
    group = np.full(len(cases), "", dtype=object)
    for one, own in zip(subgroup.groups, chosen, strict=True):
        group[own] = one.id
    return group


def _compare(cases: Cases, group: NDArray[np.object_], outcome: str, arm: str) -> Results:
    """Return the rows of the groups that have people, in the order of their names, and the test."""
    design, plan, measured = cases.design, cases.trial.inference, cases.outcomes[outcome]
    known = design.pair(arm) & (group != "")
    if isinstance(measured, Numbers):
        known &= ~np.isnan(measured.values)
    treated, own = design.arm[known] == arm, group[known]
    block = None if design.block is None else design.block[known]
    cluster = design.unit[known] if design.assigned_by_group else None
    if isinstance(measured, Durations):
        found = subgroup_hazard_ratios(
            measured.time[known], measured.event[known], treated, own, stratum=block, cluster=cluster,
            level=plan.level, min_cell=plan.min_per_arm,
        )  # fmt: skip
    elif isinstance(measured, Numbers):
        found = subgroup_effects(
            measured.values[known], treated, own, block=block, cluster=cluster, level=plan.level,
            min_cell=plan.min_per_arm,
        )  # fmt: skip
    else:
        raise DefinitionError(f"outcome '{outcome}' has a number a week; must be one number or a duration a case")
    # Contrasts of two groups say nothing that their test does not.
    names = set(own.tolist())
    return Results([*(row for row in found.estimates if row.group in names), *found.checks])
