"""The trial's answer in sentences that a jobcentre manager understands, made from the estimates alone."""

from __future__ import annotations

import math
from dataclasses import replace

from analysis_lib.results import Estimate, Message, Results
from analysis_lib.trials.definition import ALL, CONTROL, MeasuredDuration, MeasuredMean, Outcome, TimeToState, Trial
from analysis_lib.trials.evaluation import DIFFERENCE, HAZARD_RATIO, MEDIAN


def answer(trial: Trial, jobcentre: str, effects: Results) -> tuple[Message, ...]:
    """Return the sentences: the primary outcome first, then the others; or the one reason why there is no answer."""
    trial.check_assigned()
    arm = trial.treated_arms[0].id
    outcomes = sorted(trial.outcomes, key=lambda outcome: not outcome.primary)
    said = [sentence for outcome in outcomes for sentence in _outcome(outcome, effects, arm)]
    if not said:
        reasons = [row.reason for row in effects.estimates if row.reason]
        first = reasons[0] if reasons else Message("there are no cases")
        return (Message("Nothing can be said here about the effect: {reason}.", reason=first),)
    if len(trial.treated_arms) > 1:
        said.insert(0, Message("The treated group is here {arm}; the tables have the others.", arm=Message(arm)))
    if jobcentre != ALL:
        said.append(Message("One jobcentre has few people: the report for the whole trial is the better evidence."))
    return tuple(said)


def _outcome(outcome: Outcome, effects: Results, arm: str) -> list[Message]:
    rows = effects.where(outcome=outcome.id)
    if isinstance(outcome, TimeToState | MeasuredDuration):
        return _duration(rows, outcome.id, arm)
    row = _first(rows.where(estimand=DIFFERENCE, arm=arm))
    if row is None:
        return []
    if isinstance(outcome, MeasuredMean) and outcome.transform == "log":
        row = _percent(row)
    return [_difference(row)]


def _percent(row: Estimate) -> Estimate:
    """Return a difference of logarithms as a difference in percent (of geometric means)."""
    interval = row.interval
    low, high = (100 * math.expm1(limit) for limit in (interval.low, interval.high))
    return replace(
        row,
        value=100 * math.expm1(row.value),
        interval=replace(interval, low=low, high=high),
        unit=Message("percent"),
    )


def clear(row: Estimate) -> bool:
    """Whether the interval leaves out no effect (0, or a ratio of 1)."""
    null = 1.0 if row.scale == "log" else 0.0
    return not row.interval.low <= null <= row.interval.high


def _duration(rows: Results, outcome: str, arm: str) -> list[Message]:
    ratio = _first(rows.where(estimand=HAZARD_RATIO, arm=arm))
    treated = _first(rows.where(estimand=MEDIAN, arm=arm))
    control = _first(rows.where(estimand=MEDIAN, arm=CONTROL))
    said = []
    if treated and control:
        medians = {"outcome": Message(outcome), "treated": treated.value, "control": control.value}
        said.append(
            Message(
                "{outcome}: half had reached it after {treated:.1f} weeks in the treated group "
                "and after {control:.1f} weeks in the control group.",
                **medians,
            )
        )
    return [*said, _ratio(ratio)] if ratio else said


def _ratio(row: Estimate) -> Message:
    interval = row.interval
    shown = {"ratio": row.value, "level": 100 * interval.level, "low": interval.low, "high": interval.high}
    if not clear(row):
        return Message(
            "From week to week the chance of it was {ratio:.2f} times that of the control group "
            "({level:.0f} % interval {low:.2f} to {high:.2f}); so small a difference can be chance.",
            **shown,
        )
    if row.value > 1:
        return Message(
            "From week to week the chance of it was {ratio:.2f} times that of the control group "
            "({level:.0f} % interval {low:.2f} to {high:.2f}): the treated group was faster, beyond chance.",
            **shown,
        )
    return Message(
        "From week to week the chance of it was {ratio:.2f} times that of the control group "
        "({level:.0f} % interval {low:.2f} to {high:.2f}): the treated group was slower, beyond chance.",
        **shown,
    )


def _difference(row: Estimate) -> Message:
    shown = {
        "outcome": Message(row.outcome), "unit": Message(row.unit), "size": abs(row.value),
        "level": 100 * row.interval.level, "low": row.interval.low, "high": row.interval.high,
    }  # fmt: skip
    if not clear(row):
        return Message(
            "{outcome}: no clear difference between the treated and the control group "
            "(the {level:.0f} % interval runs from {low:.2f} to {high:.2f} {unit}).",
            **shown,
        )
    if row.value > 0:
        return Message(
            "{outcome}: {size:.2f} {unit} more in the treated group than in the control group "
            "({level:.0f} % interval {low:.2f} to {high:.2f}).",
            **shown,
        )
    return Message(
        "{outcome}: {size:.2f} {unit} less in the treated group than in the control group "
        "({level:.0f} % interval {low:.2f} to {high:.2f}).",
        **shown,
    )


def _first(rows: Results) -> Estimate | None:
    return next((row for row in rows.estimates if row.estimated), None)
