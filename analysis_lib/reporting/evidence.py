"""Tables of what is known about a trial, and from where: its facts, and published numbers beside ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from analysis_lib.parameters import Mark, Text
from analysis_lib.reporting.language import Labels, Translator, say_label
from analysis_lib.reporting.table import Table, decimals_of, decimals_written, format_value, write_interval
from analysis_lib.results import Estimate, Message
from analysis_lib.trials.definition import Published
from analysis_lib.trials.evaluation import TargetComparison

MARKS: dict[Mark, Message] = {
    "verified": Message("Read in the source"),
    "derived": Message("Worked out from the source"),
    "recalled": Message("NOT VERIFIED: from memory"),
    "unknown": Message("Not known"),
}
UNVERIFIED = ("recalled", "unknown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact about a trial with its evidence mark."""

    name: Text | str
    value: Text | str
    mark: Mark
    source: str = ""


def facts_table(facts: Iterable[Fact], translator: Translator, *, caption: str = "") -> Table:
    """Show facts with their evidence; those not verified are flagged."""
    listed = tuple(facts)
    return Table(
        caption=caption or translator.t("What the trial was"),
        header=(translator.t("Subject"), translator.t("Fact"), translator.t("Evidence"), translator.t("Source")),
        rows=tuple(
            (_say(f.name, translator), _say(f.value, translator), translator.render(MARKS[f.mark]), f.source)
            for f in listed
        ),
        alignment=("left",) * 4,
        flagged=frozenset(number for number, fact in enumerate(listed) if fact.mark in UNVERIFIED),
    )


def _say(text: Text | str, translator: Translator) -> str:
    return translator.text(text) if isinstance(text, Text) else translator.render(text)


def targets_table(comparisons: Iterable[TargetComparison], translator: Translator, *, caption: str = "") -> Table:
    """Show published numbers beside ours; flagged where they differ beyond our interval, or are not verified."""
    listed = tuple(comparisons)
    return Table(
        caption=caption or translator.t("Published numbers and ours"),
        header=(
            translator.t("Number"), translator.t("Published"), translator.t("Ours"), translator.t("Verdict"),
            translator.t("Evidence"), translator.t("Source"),
        ),
        rows=tuple(_target_row(comparison, translator) for comparison in listed),
        alignment=("left", "right", "right", "left", "left", "left"),
        flagged=frozenset(
            number
            for number, comparison in enumerate(listed)
            if comparison.target.mark in UNVERIFIED or (comparison.agrees is False and not comparison.inside)
        ),
    )  # fmt: skip


SIGNS = {"+": Message("more"), "0": Message("no clear effect"), "-": Message("less")}


def readings_table(
    readings: Iterable[Published], translator: Translator, labels: Labels, *, caption: str = ""
) -> Table:
    """Show published findings side by side, also where they contradict each other; those not verified are flagged."""
    listed = tuple(readings)
    return Table(
        caption=caption or translator.t("What has been published, finding by finding"),
        header=(
            translator.t("Finding"), translator.t("About"), translator.t("Direction"), translator.t("In words"),
            translator.t("Evidence"), translator.t("Source"),
        ),
        rows=tuple(
            (
                translator.text(reading.label),
                "\n".join(
                    say_label(labels, name, translator)
                    for name in (reading.outcome, reading.stratum, reading.arm)
                    if name is not None
                ),
                "–" if reading.sign is None else translator.render(SIGNS[reading.sign]),
                translator.text(reading.text),
                translator.render(MARKS[reading.mark]),
                reading.source,
            )
            for reading in listed
        ),
        alignment=("left",) * 6,
        flagged=frozenset(number for number, reading in enumerate(listed) if reading.mark in UNVERIFIED),
    )  # fmt: skip


def _target_row(comparison: TargetComparison, translator: Translator) -> tuple[str, ...]:
    target, found = comparison.target, comparison.found
    unit = found.unit if found else ""
    # Not fewer decimals than were published: rounded away, a difference could be hidden, or seem to be there.
    places = max(decimals_written(target.value), decimals_of(target.value, unit) if found else 0)
    width = translator.number(target.half_width, decimals_written(target.half_width))
    if comparison.agrees is None:
        verdict = translator.t("No estimate here")
    elif comparison.agrees:
        verdict = translator.t("Agrees (within ±{width})", width=width)
    elif comparison.inside:
        verdict = translator.t("Differs (by more than {width}), but lies in our interval", width=width)
    else:
        verdict = translator.t("DIFFERS (by more than {width})", width=width)
    return (
        translator.text(target.label),
        format_value(target.value, unit, translator, decimals=places),
        _ours(found, translator, places) if found else "–",
        verdict,
        translator.render(MARKS[target.mark]),
        target.source,
    )


def _ours(found: Estimate, translator: Translator, places: int) -> str:
    value = format_value(found.value, found.unit, translator, decimals=places)
    return f"{value}\n({write_interval(found, translator, decimals=places)})"
