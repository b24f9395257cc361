"""Durations of people who differ in what nobody measured: the ratio by window, and the return after the exit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Curve, Estimate, Interval, Item, Message, Results
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import CONTROL, Recurrence, TimeToState
from analysis_lib.trials.durations import (
    MixedHazards,
    TwoSpellHazards,
    mixed_proportional_hazards,
    survival_curve,
    two_spell_model,
)
from analysis_lib.trials.evaluation.durations import Comparison, duration_of, window_cuts

ALIKE_RATIO = Message("hazard ratio without unobserved differences")
MIXED_RATIO = Message("hazard ratio with unobserved differences")
LEAVING_RATIO = Message("hazard ratio of leaving")
RETURN_RATIO = Message("hazard ratio of coming back")
LAGGED_RATIO = Message("hazard ratio of coming back after a stay 2.7 times as long")
DIRECT = Message("of the effect: direct")
BY_LENGTH = Message("of the effect: by how long the stay was")
BY_SELECTION = Message("of the effect: by who leaves")
DIRECT_SHARE = Message("direct share of the effect")
_RATIO = Message("ratio")
PERCENT = Message("percent")
_POINTS = Message("percentage points")


def share_back(plan: Recurrence) -> Message:
    """Return the words for the share of those who left that is back, in an arm."""
    return Message("share back within {weeks} weeks", weeks=plan.returned_within)


def effect_on_share(plan: Recurrence) -> Message:
    """Return the words for the effect on the share back."""
    return Message("effect on the share back within {weeks} weeks", weeks=plan.returned_within)


def mixed_outcomes(cases: Cases) -> tuple[str, ...]:
    """Return the durations that the plan's mixed hazards are about, the primary outcome first."""
    if cases.trial.inference.mixed_hazard is None:
        return ()
    found = sorted(cases.trial.outcomes, key=lambda outcome: not outcome.primary)
    return tuple(outcome.id for outcome in found if isinstance(outcome, TimeToState))


def estimate_mixed(cases: Cases, outcome: str, arm: str, *, rng: np.random.Generator) -> Results:
    """Estimate the hazard ratio without and with unobserved differences, over all time and in the plan's windows.

    `group` is the window. The check has twice the gain in log likelihood of the ratio over all time. Empty without
    `mixed_hazard` in the plan.
    """
    plan = cases.trial.inference.mixed_hazard
    if plan is None:
        return Results()
    own, cuts = Comparison(cases, outcome, arm), window_cuts(cases)
    covariates = own.covariates if plan.covariates else None
    baseline = plan.baseline_weeks or cuts

    def fit(windows: Sequence[float]) -> MixedHazards:
        if own.too_few is not None:
            raise NotEstimable(own.too_few)
        return mixed_proportional_hazards(
            own.time, own.event, own.treated, baseline, rng=rng, mass_points=plan.mass_points, covariates=covariates,
            windows=windows, level=own.level,
        )  # fmt: skip

    items, checks = _pairs(own, lambda: fit(()), {"": 0}, pieces=1)
    begins = [0.0, *cuts]
    windows = {window.id: begins.index(float(window.weeks[0])) for window in cases.trial.inference.hazard_windows}
    by_window = _pairs(own, lambda: fit(cuts), windows, pieces=len(begins))[0] if windows else []
    return Results([*items, *by_window, *checks])


def _pairs(
    own: Comparison, fit: Callable[[], MixedHazards], groups: dict[str, int], *, pieces: int
) -> tuple[list[Item], list[Item]]:
    """Return both rows of each group, whose place among the pieces of time is given, and the check."""
    names: dict[str, Any] = {"outcome": own.outcome, "arm": own.arm, "unit": _RATIO}
    kinds = (ALIKE_RATIO, MIXED_RATIO)
    try:
        found = fit()
    except NotEstimable as error:
        reason = error.args[0]
        return [
            Estimate.empty(estimand=kind, group=group, reason=reason, level=own.level, scale="log", **names)
            for group in groups
            for kind in kinds
        ], []
    rows = found.ratios.estimates
    items: list[Item] = [
        replace(rows[place + pieces * number], estimand=kind, group=group, **names)
        for group, place in groups.items()
        for number, kind in enumerate(kinds)
    ]
    return items, [replace(found.check, outcome=own.outcome, arm=own.arm)]


def estimate_returns(cases: Cases, arm: str, *, rng: np.random.Generator) -> Results:
    """Estimate the effect on leaving and on coming back, without and with unobserved differences, and its parts.

    The shares back and the parts of the effect are of the fit with unobserved differences, or of the other where that
    failed. Empty without `recurrence` in the plan.
    """
    plan, returns = cases.trial.inference.recurrence, cases.returns
    if plan is None:
        return Results()
    if returns is None:
        raise InvalidInput("cases have no returns; must be measured where the plan has a recurrence")
    own = Comparison(cases, plan.outcome, arm)
    back = returns.take(own.pair)
    try:
        if own.too_few is not None:
            raise NotEstimable(own.too_few)
        if not back.event.any():
            raise NotEstimable(Message("nobody came back while people were observed"))
        found = two_spell_model(
            own.time, own.event, back.time, back.event, own.treated, first_cuts=plan.leaving_weeks,
            second_cuts=plan.return_weeks, left_within=plan.left_within, returned_within=plan.returned_within, rng=rng,
            mass_points=plan.mass_points, covariates=own.covariates if plan.covariates else None, level=own.level,
        )  # fmt: skip
    except NotEstimable as error:
        return _no_returns(own, plan, error.args[0])
    return _of_both_spells(own, plan, found)


def _parts(plan: Recurrence) -> tuple[tuple[Message, Message], ...]:
    """Return words and unit of the decomposition's rows, in their order."""
    share, effect = share_back(plan), effect_on_share(plan)
    shares, parts = [(share, PERCENT)] * 2, [(part, _POINTS) for part in (effect, DIRECT, BY_LENGTH, BY_SELECTION)]
    return (*shares, *parts, (DIRECT_SHARE, PERCENT))


def _of_both_spells(own: Comparison, plan: Recurrence, found: TwoSpellHazards) -> Results:
    """Return the rows under the plan's names.

    Every row counts the people of both arms, to whom the model is fitted: how many of them left is for the table of
    endings to show or withhold.
    """
    treated = int(own.treated.sum())
    names: dict[str, Any] = {"outcome": own.outcome, "arm": own.arm}
    everybody: dict[str, Any] = {"n": len(own.treated), "n_treated": treated, "n_control": len(own.treated) - treated}
    words = (LEAVING_RATIO, RETURN_RATIO) * 2
    items: list[Item] = [
        replace(row, estimand=word, unit=_RATIO, **names, **everybody)
        for row, word in zip(found.ratios.estimates, words, strict=True)
    ]
    lagged = replace(found.lagged.estimates[-1], estimand=LAGGED_RATIO, unit=_RATIO, **names, **everybody)
    words_of = _parts(plan)
    parts = found.decomposition.estimates[-len(words_of) :]
    rows = [
        replace(_times_100(part), estimand=word, unit=unit, **names)
        for part, (word, unit) in zip(parts, words_of, strict=True)
    ]
    rows[0] = replace(rows[0], n=treated, n_treated=None, n_control=None)
    rows[1] = replace(rows[1], n=len(own.treated) - treated, n_treated=None, n_control=None, arm=CONTROL)
    return Results([*items, *rows, lagged, replace(found.check, **names)])


def _times_100(row: Estimate) -> Estimate:
    """Return a share or a difference of shares in percent."""
    low, high = 100 * row.interval.low, 100 * row.interval.high
    interval = Interval(low=low, high=high, level=row.interval.level)
    return replace(row, value=100 * row.value, std_error=100 * row.std_error, interval=interval)


def _no_returns(own: Comparison, plan: Recurrence, reason: Message) -> Results:
    known: dict[str, Any] = {"outcome": own.outcome, "arm": own.arm, "reason": reason, "level": own.level}
    ratios = [
        Estimate.empty(estimand=word, unit=_RATIO, scale="log", **known) for word in (LEAVING_RATIO, RETURN_RATIO)
    ]
    return Results([*ratios, Estimate.empty(estimand=effect_on_share(plan), unit=_POINTS, **known)])


def fewest_returns(cases: Cases, arm: str) -> int:
    """Return the least number, above 0, of those in an arm who left and came back, or left and were not seen to.

    0 where there are none, or the arms are too small to be compared anyway.
    """
    plan, returns = cases.trial.inference.recurrence, cases.returns
    if plan is None or returns is None or Comparison(cases, plan.outcome, arm).too_few is not None:
        return 0
    left = duration_of(cases, plan.outcome).event
    counts = [
        int(np.sum(left & (returns.event == back) & (cases.design.arm == name) & cases.design.pair(arm)))
        for name in (arm, CONTROL)
        for back in (True, False)
    ]
    return min((count for count in counts if count), default=0)


def return_curves(cases: Cases, arm: str) -> tuple[Curve, ...]:
    """Return the share not yet back among those who left, in the control arm and a treated one; none where too few."""
    plan, returns = cases.trial.inference.recurrence, cases.returns
    if plan is None or returns is None or Comparison(cases, plan.outcome, arm).too_few is not None:
        return ()
    left = duration_of(cases, plan.outcome).event & cases.design.pair(arm) & (returns.time > 0)
    curves = []
    for name in (CONTROL, arm):
        own = returns.take(left & (cases.design.arm == name))
        if not own.event.any():
            return ()
        curve = survival_curve(own.time, own.event, level=cases.trial.inference.level)
        curves.append(replace(curve, label=name, arm=name, outcome=plan.outcome))
    return tuple(curves)
