"""Every outcome of every arm against control: differences, ratios, medians, curves, and the checks of the design."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Curve, Estimate, Item, Message, Results, wald_interval
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import CONTROL, TimeToState, Trial
from analysis_lib.trials.design import check_treated_share
from analysis_lib.trials.design.balance import Balance, balance_table, covariate_columns
from analysis_lib.trials.durations import hazard_ratio, logrank, median_duration, survival_curve
from analysis_lib.trials.effects import additive_adjusted, difference_in_means, lin_adjusted
from analysis_lib.trials.outcomes import CENSORED, EXIT, Durations, Numbers, Weekly

Chosen = NDArray[np.bool_]

MEAN = Message("mean")
DIFFERENCE = Message("difference in means")
ADJUSTED = Message("covariate-adjusted difference in means")
MEDIAN = Message("median duration")
HAZARD_RATIO = Message("hazard ratio")
ADJUSTED_HAZARD_RATIO = Message("covariate-adjusted hazard ratio")


def check_design(cases: Cases) -> Results:
    """Test the treated share of every arm against the rule."""
    cases.trial.check_assigned()
    return Results(check_treated_share(cases.design, arm.id) for arm in cases.trial.treated_arms)


def compare_balance(cases: Cases, *, rng: np.random.Generator) -> tuple[Balance, ...]:
    """Return the balance table of every treated arm against control."""
    cases.trial.check_assigned()
    columns = covariate_columns(cases.frame, cases.trial.covariates, all_levels=True)
    draws = cases.trial.inference.balance_draws
    return tuple(balance_table(columns, cases.design, arm.id, draws=draws, rng=rng) for arm in cases.trial.treated_arms)


def estimate_effects(cases: Cases) -> Results:
    """Estimate every outcome of every treated arm against control, the primary outcome and arm first.

    What cannot be estimated (too few people in an arm, for one) is a row without a value and with the reason.
    Outcomes with a number a week have no row here.

    Raises
    ------
    DefinitionError
        Where nobody was drawn into arms.
    """
    cases.trial.check_assigned()
    single = [outcome for outcome in cases.trial.outcomes if not isinstance(cases.outcomes[outcome.id], Weekly)]
    outcomes = sorted(single, key=lambda outcome: not outcome.primary)
    arms = [arm.id for arm in cases.trial.treated_arms]
    return Results(row for outcome in outcomes for arm in arms for row in _effects_of(cases, outcome.id, arm))


def survival_curves(cases: Cases, outcome: str, *, arm: str) -> tuple[Curve, ...]:
    """Return the Kaplan–Meier curves of the control arm and one treated arm; none where an arm is too small."""
    measured = cases.outcomes[outcome]
    if not isinstance(measured, Durations):
        raise InvalidInput(f"outcome is '{outcome}'; must be a duration")
    pair = cases.design.pair(arm)
    if too_few(cases, pair, arm):
        return ()
    level = cases.trial.inference.level
    curves = []
    for name in (CONTROL, arm):
        own = pair & (cases.design.arm == name)
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


# --- one outcome, one arm -------------------------------------------------------------------------------------------


def too_few(cases: Cases, chosen: Chosen, arm: str) -> Message | None:
    """Return the reason why the people chosen, shape (n,), are too few to compare; `None` where they are not."""
    treated = int((cases.design.arm[chosen] == arm).sum())
    least = cases.trial.inference.min_per_arm
    if min(treated, int(chosen.sum()) - treated) < least:
        return Message("fewer than {n} people in an arm", n=least)
    return None


def _effects_of(cases: Cases, outcome: str, arm: str) -> list[Item]:
    measured = cases.outcomes[outcome]
    if isinstance(measured, Weekly):
        raise InvalidInput(f"outcome is '{outcome}', a number a week; must be one number or a duration a case")
    if isinstance(measured, Durations):
        return _duration_effects(cases, measured, outcome, arm)
    return _mean_effects(cases, measured, outcome, arm)


def main_effect(cases: Cases, outcome: str, arm: str) -> Estimate:
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
    reason = too_few(cases, chosen, arm)
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
    pair = cases.design.pair(arm) & known
    y, treated = measured.values[pair], cases.design.arm[pair] == arm
    block = None if cases.design.block is None else cases.design.block[pair]
    level = cases.trial.inference.level
    unit = unit_of(cases.trial, outcome)
    rows: list[Item] = []

    def add(estimand: Message, of_arm: str, estimate: Callable[[], Estimate], *, people: Chosen) -> None:
        lost = int((people & ~known).sum())
        note = Message("{n} people without the outcome left out", n=lost) if lost else None
        rows.append(
            _row(cases, pair, outcome=outcome, arm=arm, of_arm=of_arm, estimand=estimand, estimate=estimate,
                 unit=unit, note=note)
        )  # fmt: skip

    both = cases.design.pair(arm)
    add(DIFFERENCE, arm, lambda: difference_in_means(y, treated, block=block, level=level), people=both)
    add(MEAN, arm, lambda: _mean(y[treated], level), people=cases.design.arm == arm)
    if _is_first(cases, arm):
        add(MEAN, CONTROL, lambda: _mean(y[~treated], level), people=cases.design.arm == CONTROL)
    adjustment = cases.trial.inference.adjustment
    if adjustment != "none" and cases.trial.covariates:
        adjust = {"lin": lin_adjusted, "additive": additive_adjusted}[adjustment]
        columns = covariate_columns(cases.frame[pair], cases.trial.covariates, all_levels=False)
        add(ADJUSTED, arm, lambda: adjust(y, treated, columns, block=block, level=level), people=both)
    if cases.design.assigned_by_group:
        cluster = cases.design.unit[pair]
        add(DIFFERENCE, arm, lambda: difference_in_means(y, treated, cluster=cluster, level=level), people=both)
    return rows


def _duration_effects(cases: Cases, measured: Durations, outcome: str, arm: str) -> list[Item]:
    pair = cases.design.pair(arm)
    time, event, treated = measured.time[pair], measured.event[pair], cases.design.arm[pair] == arm
    stratum = None if cases.design.block is None else cases.design.block[pair]
    level = cases.trial.inference.level
    weeks, ratio = unit_of(cases.trial, outcome), Message("ratio")
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
    if too_few(cases, pair, arm) is None and event.any():
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


def unit_of(trial: Trial, outcome: str) -> Message:
    """Return the unit of an outcome: weeks, unless the trial's file says another."""
    definition = next(o for o in trial.outcomes if o.id == outcome)
    return Message("weeks") if not hasattr(definition, "unit") else Message(definition.unit.en)
