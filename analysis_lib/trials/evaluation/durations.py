"""How long it took, in every way the plan asks for: means, windows, competing exits, checks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Check, Curve, Estimate, Item, Message, Results
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import CONTROL, HazardWindow, TimeToState
from analysis_lib.trials.design import covariate_columns
from analysis_lib.trials.durations import (
    cause_specific_hazard_ratio,
    check_proportional_hazards,
    cloglog,
    cumulative_incidence,
    fine_gray,
    gray_test,
    piecewise_hazard_ratios,
    restricted_mean,
    restricted_mean_difference,
)
from analysis_lib.trials.evaluation.effects import too_few, unit_of
from analysis_lib.trials.outcomes import CENSORED, EXIT, Durations
from analysis_lib.trials.randomization import randomization_test

RESTRICTED_MEAN = Message("mean duration up to the horizon")
RESTRICTED_MEAN_DIFFERENCE = Message("difference in mean duration up to the horizon")
WINDOW_RATIO = Message("hazard ratio in the window")
DISCRETE_RATIO = Message("hazard ratio in whole weeks")
CAUSE_RATIO = Message("hazard ratio of this exit alone")
SUBDISTRIBUTION_RATIO = Message("subdistribution hazard ratio of this exit")
RANDOMISATION = Message("randomisation test of the log-rank statistic")


def duration_of(cases: Cases, outcome: str) -> Durations:
    """Return a duration among the outcomes, or raise."""
    measured = cases.outcomes[outcome]
    if not isinstance(measured, Durations):
        raise InvalidInput(f"outcome is '{outcome}'; must be a duration")
    return measured


class Comparison:
    """One duration of one treated arm and its controls, as the array functions take it."""

    def __init__(self, cases: Cases, outcome: str, arm: str) -> None:
        measured, self.pair = duration_of(cases, outcome), cases.design.pair(arm)
        self.cases, self.outcome, self.arm = cases, outcome, arm
        self.time, self.event = measured.time[self.pair], measured.event[self.pair]
        self.cause = measured.cause[self.pair]
        self.treated = cases.design.arm[self.pair] == arm
        self.stratum = None if cases.design.block is None else cases.design.block[self.pair]
        self.level = cases.trial.inference.level
        self.too_few = too_few(cases, self.pair, arm)

    @property
    def covariates(self) -> Any:
        """The trial's covariates as columns, a category without its first level."""
        return covariate_columns(self.cases.frame[self.pair], self.cases.trial.covariates, all_levels=False)

    def row(self, estimand: Message, unit: Message, estimate: Callable[[], Estimate], **known: str) -> Estimate:
        """Return the estimate under its names, or the empty row with the reason."""
        names: dict[str, Any] = {"outcome": self.outcome, "arm": self.arm, "estimand": estimand, "unit": unit, **known}
        try:
            if self.too_few is not None:
                raise NotEstimable(self.too_few)
            return replace(estimate(), **names)
        except NotEstimable as error:
            return Estimate.empty(reason=error.args[0], level=self.level, **names)


def estimate_mean_durations(cases: Cases, outcome: str, arm: str) -> Results:
    """Estimate the mean duration up to the plan's horizon in both arms, and the difference; empty without a horizon."""
    horizon = cases.trial.inference.restricted_mean_horizon_weeks
    if horizon is None:
        return Results()
    own = Comparison(cases, outcome, arm)
    unit = unit_of(cases.trial, outcome)

    def mean_of(chosen: Any) -> Callable[[], Estimate]:
        return lambda: restricted_mean(own.time[chosen], own.event[chosen], horizon, level=own.level)

    difference = own.row(
        RESTRICTED_MEAN_DIFFERENCE, unit,
        lambda: restricted_mean_difference(
            own.time, own.event, own.treated, horizon, stratum=own.stratum, level=own.level
        ),
    )  # fmt: skip
    treated = own.row(RESTRICTED_MEAN, unit, mean_of(own.treated))
    control = own.row(RESTRICTED_MEAN, unit, mean_of(~own.treated), arm=CONTROL)
    return Results([difference, treated, control])


def estimate_windows(cases: Cases, outcome: str, arm: str) -> Results:
    """Estimate the hazard ratio in each window of the plan, with the test that they are equal; `group` is the window.

    Every week belongs to one window: those between the plan's windows are fitted too, and not shown.
    """
    windows = cases.trial.inference.hazard_windows
    if not windows:
        return Results()
    own = Comparison(cases, outcome, arm)
    ratio = Message("ratio")
    cuts = window_cuts(cases)
    try:
        if own.too_few is not None:
            raise NotEstimable(own.too_few)
        found = piecewise_hazard_ratios(own.time, own.event, own.treated, cuts, stratum=own.stratum, level=own.level)
    except NotEstimable as error:
        reason = error.args[0]
        names: dict[str, Any] = {
            "outcome": outcome,
            "arm": arm,
            "estimand": WINDOW_RATIO,
            "unit": ratio,
            "level": own.level,
        }
        return Results(Estimate.empty(reason=reason, group=window.id, **names) for window in windows)
    begins = [0.0, *cuts]
    items: list[Item] = []
    for window in windows:
        row = found.estimates[begins.index(float(window.weeks[0]))]
        items.append(replace(row, outcome=outcome, arm=arm, group=window.id, estimand=WINDOW_RATIO, unit=ratio))
    return Results([*items, *(replace(check, outcome=outcome, arm=arm) for check in found.checks)])


def window_cuts(cases: Cases) -> list[float]:
    """Return the weeks that end a window of the plan, or the time before one."""
    windows = cases.trial.inference.hazard_windows
    return sorted({float(week) for window in windows for week in window.weeks if week})


def threat_windows(cases: Cases) -> tuple[HazardWindow, ...]:
    """Return the windows before the first activity that was scheduled."""
    return tuple(window for window in cases.trial.inference.hazard_windows if window.threat)


def estimate_exits(cases: Cases, outcome: str, arm: str) -> Results:
    """Estimate the ratios of every kind of exit, competing ones too, with Gray's test; `group` is the exit."""
    own = Comparison(cases, outcome, arm)
    return Results(item for exit_ in exits_of(cases, outcome) for item in _of_exit(own, exit_))


def _of_exit(own: Comparison, exit_: str) -> list[Item]:
    ratio, given = Message("ratio"), (own.time, own.cause, exit_, own.treated)
    rows: list[Item] = [
        own.row(
            CAUSE_RATIO, ratio,
            lambda: cause_specific_hazard_ratio(*given, stratum=own.stratum, level=own.level), group=exit_,
        ),
        own.row(SUBDISTRIBUTION_RATIO, ratio, lambda: fine_gray(*given, level=own.level), group=exit_),
    ]  # fmt: skip
    return rows if own.too_few is not None else [*rows, _gray(own, exit_)]


def _gray(own: Comparison, exit_: str) -> Check:
    try:
        found = gray_test(own.time, own.cause, exit_, own.treated, stratum=own.stratum)
    except NotEstimable as error:
        found = Check(name=Message("Gray's test"), passed=None, detail=error.args[0])
    return replace(found, outcome=own.outcome, arm=own.arm, group=exit_)


def exits_of(cases: Cases, outcome: str) -> tuple[str, ...]:
    """Return the kinds of exit of a duration: the one asked for first, then the competing ones."""
    definition = next(o for o in cases.trial.outcomes if o.id == outcome)
    return (EXIT, *definition.competing) if isinstance(definition, TimeToState) else (EXIT,)


def incidence_curves(cases: Cases, outcome: str, exit_: str, arm: str) -> tuple[Curve, ...]:
    """Return the cumulative incidence of one kind of exit in the control arm and a treated one; none where too few."""
    own = Comparison(cases, outcome, arm)
    if own.too_few is not None or not np.any(own.cause == exit_):
        return ()
    curves = []
    for name, chosen in ((CONTROL, ~own.treated), (arm, own.treated)):
        if not np.any(own.cause[chosen] == exit_):
            return ()
        curve = cumulative_incidence(own.time[chosen], own.cause[chosen], exit_, censored=CENSORED, level=own.level)
        curves.append(replace(curve, label=name, arm=name, outcome=outcome))
    return tuple(curves)


def check_durations(cases: Cases, outcome: str, arm: str) -> Results:
    """Return other models' ratios, the randomisation test, and the test of proportional hazards."""
    own = Comparison(cases, outcome, arm)
    items: list[Item] = [
        own.row(DISCRETE_RATIO, Message("ratio"), lambda: cloglog(own.time, own.event, own.treated, level=own.level))
    ]
    if own.too_few is None and own.event.any():
        items += _proportionality(own)
    return Results(items)


def _proportionality(own: Comparison) -> list[Item]:
    try:
        found = check_proportional_hazards(own.time, own.event, own.treated, stratum=own.stratum)
    except NotEstimable:
        return []
    return [replace(check, outcome=own.outcome, arm=own.arm) for check in found.checks[:1]]


def randomise_durations(cases: Cases, outcome: str, arm: str, *, rng: np.random.Generator) -> Results:
    """Test the log-rank statistic by permuting what was assigned; empty where the plan has no draws."""
    draws = cases.trial.inference.randomization_draws
    if draws is None:
        return Results()
    measured = duration_of(cases, outcome)

    def test() -> Estimate:
        found = randomization_test(
            measured.time, cases.design, event=measured.event, arm=arm, statistic="log_rank", draws=draws, rng=rng,
            level=cases.trial.inference.level,
        )  # fmt: skip
        return found if isinstance(found, Estimate) else found.estimates[0]

    return Results([Comparison(cases, outcome, arm).row(RANDOMISATION, Message(""), test)])
