"""The tables of a report: results in, text in the report's language out.

Counts of people come in after disclosure control (`reporting.disclosure`); labels map ids to what readers call them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from analysis_lib.reporting.disclosure import ProtectedArm, ProtectedBalance, ProtectedFlow
from analysis_lib.reporting.evidence import Fact, facts_table, targets_table
from analysis_lib.reporting.language import Labels, Translator, say_label
from analysis_lib.reporting.protected_rows import COUNTS_WITHHELD
from analysis_lib.reporting.table import (
    WITHHELD,
    Table,
    capital,
    decimals_of,
    format_value,
    withheld_note,
    write_count,
    write_interval,
)
from analysis_lib.results import Check, Estimate, Message, Results
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.design.balance import BalanceRow

__all__ = [
    "Fact",
    "Table",
    "balance_table",
    "checks_table",
    "effects_table",
    "exits_table",
    "facts_table",
    "flow_table",
    "format_value",
    "significance_table",
    "targets_table",
]

# --- estimates and checks --------------------------------------------------------------------------------------------


def effects_table(
    results: Results, translator: Translator, labels: Labels, *, caption: str = "", people: str = ""
) -> Table:
    """Show the estimates, one a row; what was not estimated shows the reason across.

    Parameters
    ----------
    results
        Estimates after disclosure control; checks are passed over (`checks_table` shows them).
    translator, labels
        The language, and what the ids are called.
    caption
        In place of "Estimated effects".
    people
        Head of the column of people, where the two numbers are not the arms'.
    """
    levels = {row.interval.level for row in results.estimates}
    interval = translator.t("Interval")
    if len(levels) == 1:
        interval = translator.t("{level:.0f} % interval", level=100 * levels.pop())
    return Table(
        caption=caption or translator.t("Estimated effects"),
        header=(
            translator.t("Outcome"), translator.t("What is estimated"), translator.t("Estimate"), interval,
            translator.t("p-value"), people or translator.t("People:\ntreated / control"), translator.t("Method"),
        ),
        rows=tuple(_effect_row(row, translator, labels) for row in results.estimates),
        notes=_effect_notes(results.estimates, translator, labels),
        alignment=("left", "left", "right", "right", "right", "right", "left"),
    )  # fmt: skip


def _effect_row(row: Estimate, translator: Translator, labels: Labels) -> tuple[str, ...]:
    outcome = _outcome(row, translator, labels)
    quantity = capital(translator.render(row.estimand))
    if row.arm:
        quantity += f"\n{say_label(labels, row.arm, translator)}"
    if not row.estimated:
        return outcome, quantity, translator.t("Not estimated: {reason}", reason=row.reason)
    return (
        outcome, quantity, format_value(row.value, row.unit, translator), write_interval(row, translator),
        translator.p_value(row.p_value, bare=True), _people(row, translator), capital(translator.render(row.method)),
    )  # fmt: skip


def _outcome(row: Estimate | Check, translator: Translator, labels: Labels) -> str:
    names = (say_label(labels, name, translator) for name in (row.outcome, row.group) if name)
    return "\n".join(names)


def _effect_notes(rows: Sequence[Estimate], translator: Translator, labels: Labels) -> tuple[str, ...]:
    """Return the notes, each with the rows it is of; without them, where it is of every row that was estimated."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row.note:
            where = ", ".join(_outcome(row, translator, labels).split("\n"))
            found.setdefault(translator.render(row.note), []).append(where)
    all_rows = max(2, sum(row.estimated for row in rows))
    return tuple(
        f"{capital(note)}." if len(where) == all_rows else f"{'; '.join(dict.fromkeys(where))}: {note}."
        for note, where in found.items()
    )


def _people(row: Estimate, translator: Translator) -> str:
    if row.n_treated is None and row.n_control is None:
        # A row that never counted people (a mean over places) has nothing to withhold.
        counted = row.n is not None or COUNTS_WITHHELD in row.note
        return write_count(row.n, translator) if counted else ""
    people = f"{write_count(row.n_treated, translator)} / {write_count(row.n_control, translator)}"
    return people if row.n_clusters is None else people + "\n" + translator.t("in {n} clusters", n=row.n_clusters)


def checks_table(results: Results, translator: Translator, labels: Labels, *, caption: str = "") -> Table:
    """Show the checks, one a row, those that failed flagged; estimates are passed over."""
    verdicts = {
        True: translator.t("Passed"),
        False: translator.t("NOT passed"),
        None: translator.t("Could not be made"),
    }
    rows = []
    for check in results.checks:
        names = (say_label(labels, name, translator) for name in (check.outcome, check.group, check.arm) if name)
        rows.append(
            (
                capital(translator.render(check.name)), "\n".join(names), verdicts[check.passed],
                translator.p_value(check.p_value, bare=True), capital(translator.render(check.method)),
                capital(translator.render(check.detail)),
            )
        )  # fmt: skip
    return Table(
        caption=caption or translator.t("Checks"),
        header=(
            translator.t("Check"), translator.t("Of"), translator.t("Result"), translator.t("p-value"),
            translator.t("Method"), translator.t("Detail"),
        ),
        rows=tuple(rows),
        alignment=("left", "left", "left", "right", "left", "left"),
        flagged=frozenset(number for number, check in enumerate(results.checks) if check.passed is False),
    )  # fmt: skip


def significance_table(
    results: Results, translator: Translator, labels: Labels, *, caption: str = "", explained: bool = False
) -> Table:
    """Show the checks as tests of no difference, without a verdict; estimates are passed over.

    `explained` puts the method and the details of each test under the table.
    """
    rows, notes = [], []
    for test in results.checks:
        names = (say_label(labels, name, translator) for name in (test.outcome, test.group, test.arm) if name)
        numbers = (translator.number(test.statistic, 2), translator.p_value(test.p_value, bare=True))
        said = numbers if not math.isnan(test.p_value) else (translator.t("not made: {reason}", reason=test.detail),)
        rows.append((capital(translator.render(test.name)), "\n".join(names), *said))
        if explained and not math.isnan(test.p_value):
            how = Message.join([test.method, test.detail])
            notes.append(f"{say_label(labels, test.group or test.outcome, translator)}: {translator.render(how)}.")
    return Table(
        caption=caption or translator.t("Tests of no difference"),
        header=(translator.t("Test"), translator.t("Of"), translator.t("Statistic"), translator.t("p-value")),
        rows=tuple(rows),
        notes=tuple(notes),
        alignment=("left", "left", "right", "right"),
    )


# --- who is in the trial ---------------------------------------------------------------------------------------------


def balance_table(balance: ProtectedBalance, translator: Translator, labels: Labels, *, caption: str = "") -> Table:
    """Show the covariates of one arm and control: means (percent for a level) and normalised differences."""
    arm, control = (say_label(labels, name, translator) for name in (balance.arm, CONTROL))
    within = [translator.t("Difference within blocks")] if balance.blocked else []
    notes = [
        translator.t("Differences of shares are in percentage points."),
        translator.t("The normalised difference does not depend on the number of people; beyond ±0.1 is notable."),
    ]
    if balance.withheld:
        notes.append(withheld_note(balance.min_count, translator))
    return Table(
        caption=caption or translator.t("The groups before the trial"),
        header=(
            translator.t("Characteristic"),
            f"{arm}\n({_people_in(balance.n_treated, translator)})",
            f"{control}\n({_people_in(balance.n_control, translator)})",
            translator.t("Difference"),
            *within,
            translator.t("Normalised difference"),
        ),
        rows=tuple(_balance_row(row, translator, labels, blocked=balance.blocked) for row in balance.rows),
        notes=tuple(notes),
    )


def name_covariate(row: BalanceRow, translator: Translator, labels: Labels) -> str:
    """Return what reports call the row: the covariate, and the level of a category."""
    name = say_label(labels, row.covariate, translator)
    if not row.level:
        return name
    level = f"{row.covariate}.{row.level}"
    return f"{name}: {say_label(labels, level if level in labels else row.level, translator)}"


def _balance_row(row: BalanceRow, translator: Translator, labels: Labels, *, blocked: bool) -> tuple[str, ...]:
    name = name_covariate(row, translator, labels)
    means = (row.mean_treated, row.mean_control)
    if all(math.isnan(mean) for mean in means):
        return name, translator.render(WITHHELD)
    places = decimals_of(max(means, key=abs), "")
    differences = (row.difference, row.adjusted_difference) if blocked else (row.difference,)
    if row.level:
        one, zero = (translator.percent(mean, 1) for mean in means)
        apart = [translator.number(100 * difference, 1) for difference in differences]
    else:
        one, zero = (translator.number(mean, places) for mean in means)
        apart = [translator.number(difference, places) for difference in differences]
    return name, one, zero, *apart, translator.number(row.normalised_difference, 3)


def _people_in(n: int | None, translator: Translator) -> str:
    return translator.t("number withheld") if n is None else translator.t("{n} people", n=n)


def flow_table(flow: ProtectedFlow, translator: Translator, labels: Labels, *, caption: str = "") -> Table:
    """Show who is in the analysis, from the start to the outcomes, one count a row."""
    counts: list[tuple[str, int | None]] = [(capital(translator.render(flow.start_label)), flow.start)]
    counts += [(translator.t("Left out: {reason}", reason=step.reason), step.count) for step in flow.exclusions]
    counts.append((translator.t("In the trial"), flow.assigned))
    for arm in flow.arms:
        counts += _arm_rows(arm, translator, labels)
    return Table(
        caption=caption or translator.t("From the register to the analysis"),
        header=(translator.t("Step"), translator.t("People")),
        rows=tuple((name, write_count(count, translator)) for name, count in counts),
        notes=(withheld_note(flow.min_count, translator),) if flow.withheld else (),
    )


def _arm_rows(arm: ProtectedArm, translator: Translator, labels: Labels) -> list[tuple[str, int | None]]:
    name = say_label(labels, arm.arm, translator)
    rows: list[tuple[str, int | None]] = [(translator.t("Assigned to: {arm}", arm=name), arm.assigned)]
    for outcome, known in arm.outcome_known.items():
        said = say_label(labels, outcome, translator)
        rows.append((translator.t("{arm}, outcome known: {outcome}", arm=name, outcome=said), known))
    return rows


def exits_table(
    counts: Mapping[str, Mapping[str, int | None]], translator: Translator, labels: Labels, *, caption: str = ""
) -> Table:
    """Show how durations ended, one ending a row and one arm a column; a withheld count is `None`.

    Parameters
    ----------
    counts
        By arm and ending, after `disclosure.protect_parts`; an ending that an arm lacks counts 0.
    translator, labels
        The language, and what the ids are called.
    caption
        In place of "How it ended".
    """
    endings = list(dict.fromkeys(ending for arm in counts.values() for ending in arm))
    rows = []
    for ending in endings:
        name = capital(say_label(labels, ending, translator))
        rows.append((name, *(write_count(arm.get(ending, 0), translator) for arm in counts.values())))
    return Table(
        caption=caption or translator.t("How it ended"),
        header=(translator.t("Ending"), *(say_label(labels, arm, translator) for arm in counts)),
        rows=tuple(rows),
    )
