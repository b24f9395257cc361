"""What a report says of whether the trial touched those who were not treated."""

from __future__ import annotations

import math
from collections.abc import Iterable

from analysis_lib.reporting.answer import clear
from analysis_lib.reporting.evidence import Fact, facts_table
from analysis_lib.reporting.language import Labels, Translator
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.tables import effects_table
from analysis_lib.results import Estimate, Message, Results
from analysis_lib.trials.definition import Spillover, Trial

CHANGE = Message(
    "A change is that of the control group where the trial ran, from those who entered before it to those who entered "
    "during it, less the same change in areas without the trial, of people whom the rule would have given no "
    "treatment. It is the trial's where the areas would have changed alike without it."
)


def show_spillover(
    rows: Results, effect: Estimate | None, trial: Trial, translator: Translator, labels: Labels
) -> Shown:
    """Show sentences, the estimates, and which areas and weeks were compared on what evidence.

    Parameters
    ----------
    rows
        From `estimate_spillover`, after disclosure control.
    effect
        The difference of treated and control in the same outcome, where the page shows one.
    """
    plan, say = trial.spillover, translator.naming(labels)
    if plan is None:
        return paragraphs(say.t("The plan does not ask whether the trial touched those who were not treated."))
    first = rows.estimates[0]
    sentences = [say.render(sentence) for sentence in spillover_sentences(first, effect)]
    table = effects_table(
        rows, say, labels, caption=say.t("Those who were not treated, against areas without the trial"),
        people=say.t("People:\nareas with the trial / without"),
    )  # fmt: skip
    areas = facts_table(_facts(plan, trial, say), say, caption=say.t("What was compared"))
    said = [say.render(CHANGE)] if first.estimated else []
    return together(paragraphs(*sentences), table, paragraphs(*said), areas)


def spillover_sentences(row: Estimate, effect: Estimate | None) -> Iterable[Message]:
    """Yield what the estimate says, and what follows for the difference of treated and control."""
    if not row.estimated:
        yield Message(
            "It cannot be said whether the trial touched those who were not treated: {reason}.", reason=row.reason
        )
        return
    shown = {
        "outcome": Message(row.outcome), "unit": Message(row.unit), "size": abs(row.value),
        "level": 100 * row.interval.level, "low": row.interval.low, "high": row.interval.high,
    }  # fmt: skip
    if math.isinf(row.interval.low) or math.isinf(row.interval.high):
        yield Message("There are so few areas that no result could be told from chance.")
        return
    if not clear(row):
        yield Message(
            "{outcome}: no clear sign that the trial touched those who were not treated (the {level:.0f} % interval of "
            "the change runs from {low:.2f} to {high:.2f} {unit}). Within the interval it cannot be ruled out; the "
            "difference between the treated and the control group takes it for nothing.",
            **shown,
        )
        return
    if row.value > 0:
        yield Message(
            "{outcome}: the control group had {size:.2f} {unit} more than it would have had without the trial "
            "({level:.0f} % interval {low:.2f} to {high:.2f}), judged by areas without it.",
            **shown,
        )
    else:
        yield Message(
            "{outcome}: the control group had {size:.2f} {unit} less than it would have had without the trial "
            "({level:.0f} % interval {low:.2f} to {high:.2f}), judged by areas without it.",
            **shown,
        )
    yield Message(
        "The trial thus seems to have touched those who were not treated too. The difference between the treated and "
        "the control group is then not what introducing the effort everywhere would give."
    )
    if effect is not None and effect.estimated:
        yield Message(
            "Treated less control is {difference:.2f} {unit}; against what the control group would have had without "
            "the trial, the treated group's difference is {together:.2f} {unit}.",
            difference=effect.value, together=effect.value + row.value, unit=Message(row.unit),
        )  # fmt: skip


def _facts(plan: Spillover, trial: Trial, translator: Translator) -> Iterable[Fact]:
    """Yield the weeks and areas with their evidence."""
    t, entry = translator.t, getattr(trial.data, "entry", None)
    if entry is not None:
        weeks = t(
            "{before_first} to {before_last}, and {first} to {last}",
            before_first=plan.before.first_week, before_last=plan.before.last_week,
            first=entry.first_week, last=entry.last_week,
        )  # fmt: skip
        yield Fact(
            name=t("Weeks of entry before and during the trial"), value=weeks, mark=plan.mark, source=plan.source
        )
    for area in plan.areas:
        yield Fact(name=t("Area without the trial"), value=area.label, mark=area.mark, source=area.source)
