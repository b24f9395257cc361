"""What a figure shows, in words: alt texts made from its numbers, and captions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from analysis_lib.reporting.disclosure import ProtectedBalance, ProtectedFlow
from analysis_lib.reporting.language import Labels, Translator, say_label
from analysis_lib.reporting.table import (
    capital,
    decimals_written,
    format_value,
    withheld_note,
    write_count,
    write_interval,
)
from analysis_lib.reporting.tables import name_covariate
from analysis_lib.results import Curve, Message, Results
from analysis_lib.trials.costs import PriceSwing, Sensitivity

NOTABLE = 0.1
"""A normalised difference beyond this is notable.

Beyond 0.25 linear regression depends on its specification (Imbens and Wooldridge 2009, doi 10.1257/jel.47.1.5).
"""

WEEKS_SAID = (13.0, 26.0, 52.0, 104.0)


STAY = (
    Message("Curves of the share still unemployed, by weeks since the start of unemployment."),
    Message("Weeks since the start of unemployment"),
    Message("Still unemployed"),
)
RETURN = (
    Message("Curves of the share not yet back, by weeks since the exit was lasting."),
    Message("Weeks since the exit was lasting"),
    Message("Not yet back"),
)
SurvivalWords = tuple[Message, Message, Message]
"""What survival curves are of: the sentence, and the names of both axes."""


def describe_survival(
    curves: Sequence[Curve], *, translator: Translator, labels: Labels, words: SurvivalWords = STAY
) -> str:
    """Say each curve at some weeks, or at its end where that comes first."""
    sentences = [translator.render(words[0])]
    for curve in curves:
        last = float(curve.x[-1])
        weeks = [week for week in WEEKS_SAID if week <= last] or [last]
        points = [
            translator.t("{share} after {week:g} weeks", share=translator.percent(curve.at(week)), week=week)
            for week in weeks
        ]
        sentences.append(f"{say_label(labels, curve.label, translator)}: {', '.join(points)}.")
    return " ".join(sentences)


def describe_curves(
    curves: Sequence[Curve], *, translator: Translator, labels: Labels, title: str, percent: bool
) -> str:
    """Say what the figure shows, and each curve at its first, middle and last point."""
    sentences = [f"{title}."]
    for curve in curves:
        known = np.flatnonzero(~np.isnan(curve.y)).tolist()
        places = sorted({known[0], known[len(known) // 2], known[-1]}) if known else []
        points = [
            translator.t(
                "{value} at {x}",
                value=translator.percent(float(curve.y[place]), 1)
                if percent
                else translator.number(float(curve.y[place]), 2),
                x=translator.number(float(curve.x[place]), decimals_written(float(curve.x[place]))),
            )
            for place in places
        ]
        sentences.append(f"{say_label(labels, curve.label, translator)}: {', '.join(points)}.")
    return " ".join(sentences)


def caption_survival(curves: Sequence[Curve], *, translator: Translator) -> str:
    """Say how the curves were made."""
    methods = dict.fromkeys(translator.render(curve.method) for curve in curves if curve.method)
    levels = sorted({curve.level for curve in curves if not np.isnan(curve.low).all()})
    bands = [translator.t("bands: {level:.0f} % intervals", level=100 * level) for level in levels]
    return capital("; ".join((*methods, *bands))) + "."


def describe_balance(table: ProtectedBalance, *, translator: Translator, labels: Labels) -> str:
    """Say how many covariates differ notably, and which differs most."""
    drawn = [row for row in table.rows if not math.isnan(row.normalised_difference)]
    head = "Normalised differences between the groups before the trial; characteristics shown: {n}."
    sentences = [translator.t(head, n=len(drawn))]
    if drawn:
        most = max(drawn, key=lambda row: abs(row.normalised_difference))
        sentences.append(
            translator.t(
                "Beyond ±{limit:.1f}: {far}. The largest is {name}, {value:.3f}.",
                limit=NOTABLE,
                far=sum(abs(row.normalised_difference) > NOTABLE for row in drawn),
                name=name_covariate(most, translator, labels),
                value=most.normalised_difference,
            )
        )
    return " ".join(sentences)


def caption_balance(table: ProtectedBalance, *, translator: Translator) -> str:
    """Say what the dashed lines are, and that rows are withheld."""
    said = [translator.t("Dashed lines: ±{limit:.1f}; differences beyond are notable.", limit=NOTABLE)]
    return " ".join([*said, *([withheld_note(table.min_count, translator)] if table.withheld else [])])


def name_effects(results: Results, translator: Translator, labels: Labels) -> list[list[str]]:
    """Return what tells each estimate from the others: its outcome, group, arm and estimand, where they differ."""
    rows = results.estimates
    kinds = ("outcome", "group", "arm", "estimand")
    differ = [kind for kind in kinds if len({getattr(row, kind) for row in rows}) > 1] or ["outcome"]
    return [
        [say_label(labels, getattr(row, kind), translator) for kind in differ if getattr(row, kind)] for row in rows
    ]


def _shared_outcome(results: Results, translator: Translator, labels: Labels) -> list[str]:
    """Return the outcome where all estimates are of one, as a sentence."""
    outcomes = {row.outcome for row in results.estimates}
    return [f"{say_label(labels, outcome, translator)}." for outcome in outcomes if outcome and len(outcomes) == 1]


def describe_effects(results: Results, *, translator: Translator, labels: Labels) -> str:
    """Say every estimate with its interval."""
    sentences = [translator.t("Estimates with their intervals."), *_shared_outcome(results, translator, labels)]
    for row, names in zip(results.estimates, name_effects(results, translator, labels), strict=True):
        said = translator.t("Not estimated: {reason}", reason=row.reason)
        if row.estimated:
            said = f"{format_value(row.value, row.unit, translator)} ({write_interval(row, translator)})"
        sentences.append(f"{', '.join(names)}: {said}.")
    return " ".join(sentences)


def caption_effects(results: Results, *, translator: Translator, labels: Labels) -> str:
    """Say what is drawn."""
    levels = sorted({row.interval.level for row in results.estimates})
    lines = [translator.t("Lines: {level:.0f} % intervals.", level=100 * level) for level in levels]
    return " ".join([*_shared_outcome(results, translator, labels), *lines])


def describe_flow(flow: ProtectedFlow, *, translator: Translator, labels: Labels) -> str:
    """Say the counts of the flow from top to bottom."""
    parts: list[tuple[str, int | None]] = [(translator.render(flow.start_label), flow.start)]
    parts += [(translator.render(step.reason), step.count) for step in flow.exclusions]
    parts.append((translator.t("In the trial"), flow.assigned))
    for arm in flow.arms:
        name = say_label(labels, arm.arm, translator)
        parts.append((name, arm.assigned))
        known = arm.outcome_known.items()
        parts += [(f"{name}, {say_label(labels, outcome, translator)}", n) for outcome, n in known]
    said = [f"{name}: {write_count(n, translator)}" for name, n in parts]
    return translator.t("The flow from the register to the analysis.") + f" {'; '.join(said)}."


def name_swing(one: PriceSwing, translator: Translator) -> tuple[str, str]:
    """Return what the price is of, and its range."""
    dkk = translator.t("{low:.0f} to {high:.0f} DKK", low=one.low, high=one.high)
    return translator.text(one.price.label), dkk


def describe_tornado(found: Sensitivity, *, translator: Translator) -> str:
    """Say the balance at the prices as they stand, and at the ends of every range."""
    sentences = [
        translator.t(
            "The balance in DKK per person, with one price at a time put low and high; as the prices stand "
            "{value:.0f}.",
            value=found.central.value,
        )
    ]
    for one in found.swings:
        name, dkk = name_swing(one, translator)
        ends = translator.t("{low:.0f} and {high:.0f}", low=one.at_low.value, high=one.at_high.value)
        sentences.append(f"{name} ({dkk}): {ends}.")
    return " ".join(sentences)


def caption_tornado(*, translator: Translator) -> str:
    """Say what the lines are."""
    return translator.t(
        "One price at a time is put low and high, the others as they stand. Full line: all prices as they stand; "
        "dashed line: neither gain nor loss. Bars hold the effects as estimated: they are no intervals."
    )
