"""The trial's answer in sentences that a jobcentre manager understands, made from the estimates alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from analysis_lib.results import Estimate, Message, Results
from analysis_lib.trials.definition import ALL, CONTROL, MeasuredDuration, MeasuredMean, Outcome, TimeToState, Trial
from analysis_lib.trials.evaluation import DIFFERENCE, HAZARD_RATIO, MEDIAN


def answer(trial: Trial, jobcentre: str, effects: Results) -> tuple[Message, ...]:
    """Return three paragraphs: the first outcome that has an answer, the others in short, and who was compared.

    Without an answer it is the reason. The primary outcome comes first.
    """
    trial.check_assigned()
    arm = trial.treated_arms[0].id
    outcomes = sorted(trial.outcomes, key=lambda outcome: not outcome.primary)
    said = {outcome.id: sentences for outcome in outcomes if (sentences := _outcome(outcome, effects, arm))}
    few = Message("One jobcentre has few people: the report for the whole trial is the better evidence.")
    if not said:
        reasons = [row.reason for row in effects.estimates if row.reason]
        first = reasons[0] if reasons else Message("there are no cases")
        nothing = Message("Nothing can be said here about the effect: {reason}.", reason=first)
        return (nothing,) if jobcentre == ALL else (nothing, few)
    first_id, *others = said
    if first_id != trial.primary.id:
        said[first_id] = [_without(trial.primary.id, effects), *said[first_id]]
    compared = [_compared(trial, effects, arm)] + ([] if jobcentre == ALL else [few])
    return _paragraph(said[first_id]), _others(effects, others, arm), _paragraph(compared)


def _without(outcome: str, effects: Results) -> Message:
    """Say that the primary outcome has no answer, and why."""
    reasons = [row.reason for row in effects.where(outcome=outcome).estimates if row.reason]
    if not reasons:
        return Message("{outcome}: no answer here.", outcome=Message(outcome))
    return Message("{outcome}: no answer here ({reason}).", outcome=Message(outcome), reason=reasons[0])


def _paragraph(sentences: Sequence[Message]) -> Message:
    return Message.join(sentences, separator=" ")


def _others(effects: Results, outcomes: Sequence[str], arm: str) -> Message:
    """Say which of the other outcomes differ beyond chance, each by itself."""
    rows = [row for name in outcomes if (row := _comparison(effects.where(outcome=name), arm)) is not None]
    found = [_in_brief(row) for row in rows if clear(row)]
    none = [Message(row.outcome) for row in rows if not clear(row)]
    if found and none:
        return Message(
            "Each by itself, these outcomes differ clearly too: {found}. These do not: {none}.",
            found=_listed(found), none=_listed(none),
        )  # fmt: skip
    if found:
        return Message("Each by itself, these outcomes differ clearly too: {found}.", found=_listed(found))
    if none:
        return Message("None of the other outcomes differs clearly: {none}.", none=_listed(none))
    return Message("The plan has no other outcome that could be compared.")


def _listed(names: Sequence[Message]) -> Message:
    return Message.join(names, separator="; ")


def _in_brief(row: Estimate) -> Message:
    if row.scale == "log":
        return Message("{outcome} (ratio {value:.2f})", outcome=Message(row.outcome), value=row.value)
    return Message(
        "{outcome} ({value:+.2f} {unit})", outcome=Message(row.outcome), value=row.value, unit=Message(row.unit)
    )


def _comparison(rows: Results, arm: str) -> Estimate | None:
    """Return the first comparison of the arms: a difference, or a ratio."""
    return _first(rows.where(estimand=DIFFERENCE, arm=arm)) or _first(rows.where(estimand=HAZARD_RATIO, arm=arm))


def _compared(trial: Trial, effects: Results, arm: str) -> Message:
    """Say who was compared with whom, with the numbers where they may be shown."""
    row = next((one for one in effects.where(arm=arm).estimates if one.n_treated and one.n_control), None)
    several = len(trial.treated_arms) > 1
    if row is None:
        if several:
            return Message(
                "Compared are people assigned to {arm} with the control group, whether or not they took part; the "
                "tables have the other groups.",
                arm=Message(arm),
            )
        return Message("Compared are people as they were assigned, whether or not they took part.")
    numbers = {"treated": row.n_treated, "control": row.n_control}
    if several:
        return Message(
            "Compared are {treated} people assigned to {arm} with {control} in the control group, whether or not they "
            "took part; the tables have the other groups.",
            arm=Message(arm), **numbers,
        )  # fmt: skip
    return Message(
        "Compared are {treated} people assigned to the effort with {control} in the control group, whether or not they "
        "took part.",
        **numbers,
    )


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
