"""What a trial can find, from its people without looking at the arms' outcomes.

Spread, exits and the weight of covariates are those of all cases together, so that the plan may be made (or made again)
while the trial runs without opening it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Curve, Estimate, FloatArray, Interval, Message, Results
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.design import (
    ClusterPlan,
    Design,
    EventPlan,
    IndividualPlan,
    Plan,
    covariate_columns,
    intraclass_correlation,
    minimum_detectable_effect,
    power,
)
from analysis_lib.trials.outcomes import Durations, Numbers, Weekly

Chosen = NDArray[np.bool_]

DETECTABLE = Message("smallest effect found with 80 % power")
CHANCE_DIFFERENCE = Message("largest normalised difference to expect by chance")
WANTED = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """People of one arm: how many there are, and how many the rule makes one expect (NaN where it does not say)."""

    arm: str
    people: int
    expected: float


def expect_allocation(cases: Cases) -> tuple[Allocation, ...]:
    """Return people by arm beside those that the rule makes one expect among those who could get the arm."""
    rows = []
    for arm in (*(arm.id for arm in cases.trial.treated_arms), CONTROL):
        expected = math.nan
        if cases.design.expected_share:
            shares = cases.design.expected_share
            pairs = [(a.id, int(cases.design.pair(a.id).sum())) for a in cases.trial.treated_arms]
            expected = math.fsum(
                n * shares[arm if arm != CONTROL else CONTROL] / (shares[treated] + shares[CONTROL])
                for treated, n in pairs
                if arm in (treated, CONTROL)
            )
        rows.append(Allocation(arm=arm, people=int((cases.design.arm == arm).sum()), expected=expected))
    return tuple(rows)


def expect_imbalance(cases: Cases, arm: str, *, draws: int, rng: np.random.Generator) -> Estimate:
    """Return how large the largest normalised difference of a covariate will be by chance: the 95 % quantile of draws.

    Parameters
    ----------
    arm
        The treated arm.
    draws, rng
        Assignments drawn under the design, and what draws them.
    """
    known: dict[str, Any] = {"estimand": CHANCE_DIFFERENCE, "arm": arm, "level": 0.95}
    pair = cases.design.pair(arm)
    columns = covariate_columns(cases.frame[pair], cases.trial.covariates, all_levels=True).to_numpy(dtype=np.float64)
    spread = columns.std(axis=0)
    columns = columns[:, spread > 0] / spread[spread > 0]
    own = cases.design.take(pair)
    treated = int((own.arm == arm).sum())
    if not columns.shape[1] or min(treated, len(columns) - treated) < cases.trial.inference.min_per_arm:
        return Estimate.empty(reason=Message("too few people, or no covariates"), **known)
    largest = [_largest_difference(columns, drawn) for drawn in own.permute_treated(arm, draws=draws, rng=rng)]
    value = float(np.quantile(largest, 0.95))
    return Estimate(
        value=value, interval=Interval(low=math.nan, high=math.nan, level=0.95), n_treated=treated,
        n_control=len(columns) - treated, method=Message("assignments drawn under the design"),
        estimand=CHANCE_DIFFERENCE, arm=arm,
    )  # fmt: skip


def _largest_difference(columns: FloatArray, drawn: Chosen) -> float:
    return float(np.max(np.abs(columns[drawn].mean(axis=0) - columns[~drawn].mean(axis=0))))


def plan_outcome(cases: Cases, outcome: str, arm: str) -> Plan:
    """Return the plan of one outcome in one arm and its controls, from all of them together.

    Raises
    ------
    NotEstimable
        Too few people or exits, or an outcome that does not vary or is a number a week.
    """
    pair = cases.design.pair(arm)
    measured = cases.outcomes[outcome]
    if isinstance(measured, Durations):
        return EventPlan(
            events=_events(measured.event[pair]), share_treated=_share(cases.design.take(pair), arm, pair.sum())
        )
    if isinstance(measured, Weekly):
        raise NotEstimable(Message("an outcome week by week has no single effect"))
    return _plan_mean(cases, measured, pair, arm)


def _events(event: Chosen) -> float:
    if not event.any():
        raise NotEstimable(Message("none of {n} people had the event", n=len(event)))
    return float(event.sum())


def _share(own: Design, arm: str, n: int) -> float:
    """Return the share to expect in the arm; where the rule does not say, the share found."""
    if own.expected_share:
        return own.expected_share[arm] / (own.expected_share[arm] + own.expected_share[CONTROL])
    treated = int((own.arm == arm).sum())
    if not 0 < treated < n:
        raise NotEstimable(Message("nobody in an arm"))
    return treated / n


def _plan_mean(cases: Cases, measured: Numbers, pair: Chosen, arm: str) -> Plan:
    known = pair & ~np.isnan(measured.values)
    n = int(known.sum())
    if n < 2 * cases.trial.inference.min_per_arm:
        raise NotEstimable(Message("fewer than {n} people in an arm", n=cases.trial.inference.min_per_arm))
    y, own = measured.values[known], cases.design.take(known)
    spread = float(y.std(ddof=1))
    if spread <= 0:
        raise NotEstimable(Message("the outcome has no variation left to estimate a standard error from"))
    share = _share(own, arm, n)
    k, r_squared = _explained(cases, known, y)
    if own.assigned_by_group:
        units = len(np.unique(own.unit))
        treated = min(max(round(share * units), 2), units - 2)
        sizes = np.unique(own.unit, return_counts=True)[1]
        return ClusterPlan(
            clusters_treated=treated, clusters_control=units - treated, cluster_size=n / units, std_dev=spread,
            icc=max(intraclass_correlation(y, own.unit), 0.0), size_variation=float(sizes.std() / sizes.mean()),
            r_squared=r_squared,
        )  # fmt: skip
    treated = min(max(round(share * n), 2), n - 2)
    return IndividualPlan(n_treated=treated, n_control=n - treated, std_dev=spread, r_squared=r_squared, n_covariates=k)


def _explained(cases: Cases, known: Chosen, y: FloatArray) -> tuple[int, float]:
    """Return how many covariates there are, and the share of variance that they explain (adjusted for their number)."""
    if cases.trial.inference.adjustment == "none" or not cases.trial.covariates:
        return 0, 0.0
    columns = covariate_columns(cases.frame[known], cases.trial.covariates, all_levels=False).to_numpy(dtype=np.float64)
    design = np.column_stack([np.ones(len(y)), columns])
    if len(y) <= 2 * design.shape[1]:
        return 0, 0.0
    fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    left = float(np.sum((y - fitted) ** 2)) / (len(y) - design.shape[1])
    return columns.shape[1], max(0.0, 1 - left / float(y.var(ddof=1)))


def detectable_effects(cases: Cases) -> Results:
    """Return the smallest effect on each outcome and arm that is found with 80 % power, or why there is no plan."""
    level = cases.trial.inference.level
    rows = []
    for outcome in sorted(cases.trial.outcomes, key=lambda one: not one.primary):
        for arm in cases.trial.treated_arms:
            measured = cases.outcomes[outcome.id]
            if isinstance(measured, Weekly):
                continue
            known: dict[str, Any] = {"outcome": outcome.id, "arm": arm.id, "estimand": DETECTABLE}
            try:
                plan = plan_outcome(cases, outcome.id, arm.id)
            except NotEstimable as error:
                rows.append(Estimate.empty(reason=error.args[0], level=level, **known))
                continue
            rows.append(_detectable(plan, level, known))
    return Results(rows)


def _detectable(plan: Plan, level: float, known: dict[str, Any]) -> Estimate:
    ratio = isinstance(plan, EventPlan)
    return Estimate(
        value=minimum_detectable_effect(plan, power=WANTED, level=level), std_error=plan.std_error, df=plan.df,
        interval=Interval(low=math.nan, high=math.nan, level=level), scale="log" if ratio else "identity",
        method=_say_plan(plan), **known,
    )  # fmt: skip


def _say_plan(plan: Plan) -> Message:
    if isinstance(plan, EventPlan):
        return Message("Schoenfeld's formula, {n:.0f} exits in all", n=plan.events)
    if isinstance(plan, ClusterPlan):
        return Message(
            "assigned in {n} groups, intraclass correlation {icc:.3f}", n=plan.clusters_treated + plan.clusters_control,
            icc=plan.icc,
        )  # fmt: skip
    return Message("assigned one by one, covariates explain {share:.0f} %", share=100 * plan.r_squared)


def power_curve(plan: Plan, *, level: float, points: int = 81) -> Curve:
    """Return the power against the size of the true effect, up to twice the detectable one.

    Parameters
    ----------
    plan
        What the trial will be; for an `EventPlan` `x` is a hazard ratio from 1 on.
    level
        Coverage of the interval.
    points
        Of the curve.
    """
    detectable = minimum_detectable_effect(plan, power=WANTED, level=level)
    if isinstance(plan, EventPlan):
        x = np.exp(np.linspace(0.0, 2 * math.log(detectable), points))
    else:
        x = np.linspace(0.0, 2 * detectable, points)
    y = np.array([power(float(effect), plan, level=level) for effect in x])
    nothing = np.full(points, np.nan)
    return Curve(x=x, y=y, low=nothing, high=nothing, level=level, method=Message("power"))
