"""Rows that all functions of groups return: the groups, the contrasts, and the test of equal effects."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Check, Estimate, Message
from analysis_lib.trials._arrays import BoolArray, Groups
from analysis_lib.trials.effects._joint import THRESHOLD, JointTest

SAME_EFFECT = Message("the same effect in every group")


def group_rows(
    estimate: Callable[[BoolArray], Estimate], group: Groups, treated: BoolArray, *,
    min_cell: int, estimand: Message, level: float,
) -> list[Estimate]:  # fmt: skip
    """Return each group's estimate under its name, or the empty row with the reason."""
    rows = []
    for code, name in enumerate(group.names):
        members = group.codes == code
        counts = {"n_treated": int(np.sum(members & treated)), "n_control": int(np.sum(members & ~treated))}
        try:
            if min(counts.values()) < min_cell:
                raise NotEstimable(Message("fewer than {n} people in an arm of the group", n=min_cell))
            row = estimate(members)
        except NotEstimable as error:
            known = counts | {"n": sum(counts.values())}
            row = Estimate.empty(estimand=estimand, reason=error.args[0], level=level, **known)
        rows.append(replace(row, group=name))
    return rows


def contrast_rows(
    rows: list[Estimate], reference: str | None, contrast: Callable[[int, int], Estimate],
    *, estimand: Message, level: float,
) -> list[Estimate]:  # fmt: skip
    """Return every group against the reference group (the first, unless named), empty where one has no estimate."""
    names = [row.group for row in rows]
    base = 0 if reference is None else names.index(reference)
    found = []
    for i, row in enumerate(rows):
        if i == base:
            continue
        missing = [one for one in (rows[base], row) if not one.estimated]
        try:
            if missing:
                why = missing[0].reason
                raise NotEstimable(Message("no estimate in group {group}: {why}", group=missing[0].group, why=why))
            contrasted = contrast(i, base)
        except NotEstimable as error:
            contrasted = Estimate.empty(estimand=estimand, reason=error.args[0], level=level)
        found.append(replace(contrasted, group=f"{row.group} - {names[base]}"))
    return found


def equality_check(rows: list[Estimate], test: Callable[[list[int]], tuple[JointTest, Message]]) -> Check:
    """Return the test over the groups with an estimate, or the check that could not be made."""
    usable = [i for i, row in enumerate(rows) if row.estimated]
    untested = Check(name=SAME_EFFECT, passed=None, threshold=THRESHOLD)
    if len(usable) < 2:
        return replace(untested, detail=Message("fewer than two groups could be estimated"))
    try:
        found, method = test(usable)
    except NotEstimable as error:
        return replace(untested, detail=error.args[0])
    details = [Message("{df:.0f} and {error:.1f} degrees of freedom", df=found.df_between, error=found.df_within)]
    if math.isinf(found.df_within):
        details = []
    if len(usable) < len(rows):
        details.append(Message("groups without an estimate, not in the test: {n}", n=len(rows) - len(usable)))
    return replace(
        untested,
        passed=found.p_value >= THRESHOLD,
        statistic=found.statistic,
        p_value=found.p_value,
        df=float(found.df_between),
        method=method,
        detail=Message.join(details),
    )
