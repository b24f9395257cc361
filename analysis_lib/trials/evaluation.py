"""The trial's whole plan carried out on its cases: effects, curves, subgroups, published targets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis_lib.errors import DefinitionError, InvalidInput, NotEstimable
from analysis_lib.results import Check, Curve, Estimate, Item, Message, Results, wald_interval
from analysis_lib.trials.cases import Cases, in_group
from analysis_lib.trials.definition import CONTROL, Group, Target, TimeToState, Trial
from analysis_lib.trials.design import check_treated_share
from analysis_lib.trials.design.balance import Balance, balance_table, covariate_columns
from analysis_lib.trials.durations import hazard_ratio, logrank, median_duration, survival_curve
from analysis_lib.trials.effects import additive_adjusted, difference_in_means, lin_adjusted
from analysis_lib.trials.outcomes import CENSORED, EXIT, Durations, Numbers

Chosen = NDArray[np.bool_]

MEAN = Message("mean")
DIFFERENCE = Message("difference in means")
ADJUSTED = Message("covariate-adjusted difference in means")
MEDIAN = Message("median duration")
HAZARD_RATIO = Message("hazard ratio")
ADJUSTED_HAZARD_RATIO = Message("covariate-adjusted hazard ratio")
LEVEL_CHECK = Message("the same effect in every group")


def check_design(cases: Cases) -> Results:
    """Test the treated share of every arm against the rule."""
    return Results(check_treated_share(cases.design, arm.id) for arm in cases.trial.treated_arms)


def compare_balance(cases: Cases, *, rng: np.random.Generator) -> tuple[Balance, ...]:
    """Return the balance table of every treated arm against control."""
    columns = covariate_columns(cases.frame, cases.trial.covariates, all_levels=True)
    draws = cases.trial.inference.balance_draws
    return tuple(balance_table(columns, cases.design, arm.id, draws=draws, rng=rng) for arm in cases.trial.treated_arms)


def estimate_effects(cases: Cases) -> Results:
    """Estimate every outcome of every treated arm against control, the primary outcome and arm first.

    What cannot be estimated (too few people in an arm, for one) is a row without a value and with the reason.
    """
    outcomes = sorted(cases.trial.outcomes, key=lambda outcome: not outcome.primary)
    arms = [arm.id for arm in cases.trial.treated_arms]
    return Results(row for outcome in outcomes for arm in arms for row in _effects_of(cases, outcome.id, arm))


def survival_curves(cases: Cases, outcome: str, *, arm: str) -> tuple[Curve, ...]:
    """Return the Kaplan–Meier curves of the control arm and one treated arm; none where an arm is too small."""
    measured = cases.outcomes[outcome]
    if not isinstance(measured, Durations):
        raise InvalidInput(f"outcome is '{outcome}'; must be a duration")
    if _too_few(cases, _pair(cases, arm), arm):
        return ()
    level = cases.trial.inference.level
    curves = []
    for name in (CONTROL, arm):
        own = cases.design.arm == name
        curve = survival_curve(measured.time[own], measured.event[own], level=level)
        curves.append(replace(curve, label=name, arm=name, outcome=outcome))
    return tuple(curves)


def count_exits(cases: Cases, outcome: str) -> dict[str, dict[str, int]]:
    """Count how observation of a duration ended, by arm: the exit, each competing exit, censored."""
    measured = cases.outcomes[outcome]
    if not isinstance(measured, Durations):
        raise InvalidInput(f"outcome is '{outcome}'; must be a duration")
    definition = next(o for o in cases.trial.outcomes if o.id == outcome)
    competing = definition.competing if isinstance(definition, TimeToState) else ()
    counts = {arm: Counter(measured.cause[cases.design.arm == arm].tolist()) for arm in cases.design.arms}
    return {arm: {cause: count[cause] for cause in (EXIT, *competing, CENSORED)} for arm, count in counts.items()}


def estimate_subgroups(cases: Cases) -> Results:
    """Estimate the primary outcome in every pre-specified group, each division with its test of equal effects."""
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
            row = _main_effect(own, outcome, arm)
            rows.append(replace(row, group=f"{subgroup.id}.{group.id}"))
        items += [*rows, replace(check_equal_effects(rows), group=subgroup.id, outcome=outcome, arm=arm)]
    return Results(items)


def members(values: pd.Series[float], group: Group) -> Chosen:
    """Return who is in the group, shape (n,)."""
    if group.values is not None:
        return values.isin(list(group.values)).to_numpy(dtype=bool)
    lowest = -np.inf if group.lowest is None else group.lowest
    highest = np.inf if group.highest is None else group.highest
    return values.between(lowest, highest).to_numpy(dtype=bool)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetComparison:
    """A published number beside ours.

    Attributes
    ----------
    target, found
        The published number, and our estimate of the same (`None` without one).
    agrees
        Whether they are no further apart than the target allows; `None` without an estimate.
    inside
        Whether our interval holds the published number: with few people a difference may be chance.
    """

    target: Target
    found: Estimate | None
    agrees: bool | None
    inside: bool | None


def compare_targets(trial: Trial, effects: Results) -> tuple[TargetComparison, ...]:
    """Hold every published target against the estimate of the same outcome, arm and estimand."""
    return tuple(_compare(trial, target, effects) for target in trial.targets)


def _compare(trial: Trial, target: Target, effects: Results) -> TargetComparison:
    arm = target.arm or trial.treated_arms[0].id
    estimand, of_arm = {
        "difference_in_means": (DIFFERENCE, arm),
        "adjusted_difference": (ADJUSTED, arm),
        "hazard_ratio": (HAZARD_RATIO, arm),
        "median_treated": (MEDIAN, arm),
        "median_control": (MEDIAN, CONTROL),
    }[target.estimand]
    rows = effects.where(outcome=target.outcome, arm=of_arm, estimand=estimand).estimates
    found = next((row for row in rows if row.estimated), None)
    if found is None:
        return TargetComparison(target=target, found=None, agrees=None, inside=None)
    agrees = abs(found.value - target.value) <= target.half_width
    inside = found.interval.low <= target.value <= found.interval.high
    return TargetComparison(target=target, found=found, agrees=agrees, inside=inside)


# --- one outcome, one arm -------------------------------------------------------------------------------------------


def _pair(cases: Cases, arm: str) -> Chosen:
    pair: Chosen = (cases.design.arm == arm) | (cases.design.arm == CONTROL)
    return pair


def _too_few(cases: Cases, chosen: Chosen, arm: str) -> Message | None:
    treated = int((cases.design.arm[chosen] == arm).sum())
    least = cases.trial.inference.min_per_arm
    if min(treated, int(chosen.sum()) - treated) < least:
        return Message("fewer than {n} people in an arm", n=least)
    return None


def _effects_of(cases: Cases, outcome: str, arm: str) -> list[Item]:
    measured = cases.outcomes[outcome]
    if isinstance(measured, Durations):
        return _duration_effects(cases, measured, outcome, arm)
    return _mean_effects(cases, measured, outcome, arm)


def _main_effect(cases: Cases, outcome: str, arm: str) -> Estimate:
    """Return the first comparison of the arms: the hazard ratio of a duration, the difference of a number."""
    measured = cases.outcomes[outcome]
    wanted = HAZARD_RATIO if isinstance(measured, Durations) else DIFFERENCE
    rows = Results(_effects_of(cases, outcome, arm)).where(estimand=wanted).estimates
    return rows[0]


def _row(
    cases: Cases, chosen: Chosen, *, outcome: str, arm: str, of_arm: str, estimand: Message,
    estimate: Callable[[], Estimate], unit: Message, note: Message | None = None,
) -> Estimate:  # fmt: skip
    """Return the estimate under its outcome and arm, or the empty row with the reason."""
    level = cases.trial.inference.level
    reason = _too_few(cases, chosen, arm)
    try:
        if reason is not None:
            raise NotEstimable(reason)
        found = estimate()
    except NotEstimable as error:
        return Estimate.empty(
            estimand=estimand, reason=error.args[0], level=level, outcome=outcome, arm=of_arm, unit=unit
        )
    joined = Message.join([found.note, note]) if note else found.note
    return replace(found, outcome=outcome, arm=of_arm, estimand=estimand, unit=unit, note=joined)


def _mean_effects(cases: Cases, measured: Numbers, outcome: str, arm: str) -> list[Item]:
    known = ~np.isnan(measured.values)
    pair = _pair(cases, arm) & known
    lost = int((_pair(cases, arm) & ~known).sum())
    note = Message("{n} people without the outcome left out", n=lost) if lost else None
    y, treated = measured.values[pair], cases.design.arm[pair] == arm
    block = None if cases.design.block is None else cases.design.block[pair]
    level = cases.trial.inference.level
    unit = _unit(cases, outcome)
    rows: list[Item] = []

    def add(estimand: Message, of_arm: str, estimate: Callable[[], Estimate]) -> None:
        rows.append(
            _row(cases, pair, outcome=outcome, arm=arm, of_arm=of_arm, estimand=estimand, estimate=estimate,
                 unit=unit, note=note)
        )  # fmt: skip

    add(DIFFERENCE, arm, lambda: difference_in_means(y, treated, block=block, level=level))
    add(MEAN, arm, lambda: _mean(y[treated], level))
    if _is_first(cases, arm):
        add(MEAN, CONTROL, lambda: _mean(y[~treated], level))
    adjustment = cases.trial.inference.adjustment
    if adjustment != "none" and cases.trial.covariates:
        adjust = {"lin": lin_adjusted, "additive": additive_adjusted}[adjustment]
        columns = covariate_columns(cases.frame[pair], cases.trial.covariates, all_levels=False)
        add(ADJUSTED, arm, lambda: adjust(y, treated, columns, block=block, level=level))
    if cases.design.assigned_by_group:
        cluster = cases.design.unit[pair]
        add(DIFFERENCE, arm, lambda: difference_in_means(y, treated, cluster=cluster, level=level))
    return rows


def _duration_effects(cases: Cases, measured: Durations, outcome: str, arm: str) -> list[Item]:
    pair = _pair(cases, arm)
    time, event, treated = measured.time[pair], measured.event[pair], cases.design.arm[pair] == arm
    stratum = None if cases.design.block is None else cases.design.block[pair]
    level = cases.trial.inference.level
    weeks, ratio = _unit(cases, outcome), Message("ratio")
    rows: list[Item] = []

    def add(estimand: Message, of_arm: str, unit: Message, estimate: Callable[[], Estimate]) -> None:
        rows.append(
            _row(cases, pair, outcome=outcome, arm=arm, of_arm=of_arm, estimand=estimand, estimate=estimate, unit=unit)
        )

    add(HAZARD_RATIO, arm, ratio, lambda: hazard_ratio(time, event, treated, stratum=stratum, level=level))
    if cases.trial.covariates and cases.trial.inference.adjustment != "none":
        columns = covariate_columns(cases.frame[pair], cases.trial.covariates, all_levels=False)
        add(
            ADJUSTED_HAZARD_RATIO, arm, ratio,
            lambda: hazard_ratio(time, event, treated, covariates=columns, stratum=stratum, level=level),
        )  # fmt: skip
    if cases.design.assigned_by_group:
        cluster = cases.design.unit[pair]
        add(HAZARD_RATIO, arm, ratio, lambda: hazard_ratio(time, event, treated, cluster=cluster, level=level))
    add(MEDIAN, arm, weeks, lambda: median_duration(time[treated], event[treated], level=level))
    if _is_first(cases, arm):
        add(MEDIAN, CONTROL, weeks, lambda: median_duration(time[~treated], event[~treated], level=level))
    if _too_few(cases, pair, arm) is None and event.any():
        rows.append(replace(logrank(time, event, treated, stratum=stratum), outcome=outcome, arm=arm))
    return rows


def _is_first(cases: Cases, arm: str) -> bool:
    """Whether this is the arm whose rows also show the control arm, which all arms share."""
    return arm == cases.trial.treated_arms[0].id


def _mean(y: NDArray[np.float64], level: float) -> Estimate:
    """Return the mean of one arm with its t interval."""
    std_error = float(y.std(ddof=1) / np.sqrt(len(y)))
    return Estimate(
        estimand=MEAN, value=float(y.mean()), std_error=std_error, df=len(y) - 1, n=len(y),
        interval=wald_interval(float(y.mean()), std_error, len(y) - 1, level), method=Message("mean, t interval"),
    )  # fmt: skip


def _unit(cases: Cases, outcome: str) -> Message:
    definition = next(o for o in cases.trial.outcomes if o.id == outcome)
    return Message("weeks") if not hasattr(definition, "unit") else Message(definition.unit.en)
