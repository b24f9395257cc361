"""What the page on durations shows of people who differ in what nobody measured: ratios, and who came back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from analysis_lib.register.codes import CodeList
from analysis_lib.reporting import plots
from analysis_lib.reporting.descriptions import RETURN
from analysis_lib.reporting.evidence import Fact, facts_table
from analysis_lib.reporting.labels import exit_labels
from analysis_lib.reporting.language import Labels, Translator, say_label
from analysis_lib.reporting.shown import Shown, paragraphs, together
from analysis_lib.reporting.table import Table, capital, format_value, write_count, write_interval
from analysis_lib.results import Check, Curve, Estimate, Message, Results
from analysis_lib.trials.definition import CONTROL, MixedHazard, Recurrence, Trial
from analysis_lib.trials.evaluation.mixed_durations import (
    ALIKE_RATIO,
    DIRECT_SHARE,
    LEAVING_RATIO,
    MIXED_RATIO,
    PERCENT,
    RETURN_RATIO,
    effect_on_share,
    share_back,
)


def show_mixed(plan: MixedHazard, results: Results, *, trial: Trial, translator: Translator, labels: Labels) -> Shown:
    """Show the ratios without and with unobserved differences beside each other, and what the types add."""
    t = translator.t
    steps = plan.baseline_weeks or tuple(
        sorted({int(week) for window in trial.inference.hazard_windows for week in window.weeks if week})
    )
    model = Fact(
        name=t("Model of unobserved differences"), value=_say_model(plan, steps, translator), mark=plan.mark,
        source=plan.source,
    )  # fmt: skip
    note = t(
        "People also differ in what nobody has measured. Those who leave easily go first, and sooner in the group that "
        "leaves faster, so a ratio that leaves this out moves towards 1 with time. The rows with unobserved "
        "differences allow for it; they rest on the model, and are about people of the same kind."
    )
    alike, mixed = (results.where(estimand=kind).estimates for kind in (ALIKE_RATIO, MIXED_RATIO))
    beside = [(_place(row, translator, labels), row, other) for row, other in zip(alike, mixed, strict=True)]
    return together(
        _side_by_side(beside, translator, caption=t("Hazard ratio without and with unobserved differences")),
        paragraphs(*(translator.naming(labels).render(_say_gain(check)) for check in results.checks), note),
        facts_table([model], translator, caption=t("How people may differ")),
    )


def _place(row: Estimate, translator: Translator, labels: Labels) -> str:
    """Return what tells the rows apart: the outcome, and the window or all time."""
    window = say_label(labels, row.group, translator) if row.group else translator.t("Over all time")
    return f"{say_label(labels, row.outcome, translator)}\n{window}"


def show_returns(
    plan: Recurrence, results: Results, curves: Sequence[Curve], *, trial: Trial, codes: CodeList | None,
    translator: Translator, labels: Labels,
) -> Shown:  # fmt: skip
    """Show how many came back of those who left, the effect on it, and its parts."""
    t, naming = translator.t, translator.naming(labels)
    drawn = []
    if curves:
        axes = plots.survival(curves, translator=translator, labels=labels, words=RETURN)
        drawn.append(plots.figure(axes))
    note = t(
        "Who leaves, and when, is itself changed by the effort, so those who left are no longer alike by the draw. The "
        "model takes the effect apart: what is direct, what comes by how long the stay was, and what by who leaves. "
        "What is direct rests on the model."
    )
    return together(
        paragraphs(*(naming.render(sentence) for sentence in _say_effect(plan, results))),
        *drawn,
        *_ratios(results, translator),
        *_parts(results, translator, labels),
        paragraphs(*(naming.render(_say_gain(check)) for check in results.checks), note),
        facts_table(_facts(plan, trial, codes, translator), translator, caption=t("What a return is")),
    )


def _ratios(results: Results, translator: Translator) -> list[Table]:
    """Return the ratios of both spells; a row a spell, without and with unobserved differences."""
    found = {word: results.where(estimand=word).estimates for word in (LEAVING_RATIO, RETURN_RATIO)}
    if any(len(rows) != 2 for rows in found.values()):
        return []
    beside = [(capital(translator.render(word)), one, two) for word, (one, two) in found.items()]
    return [_side_by_side(beside, translator, caption=translator.t("Effect on leaving and on coming back"))]


def _parts(results: Results, translator: Translator, labels: Labels) -> list[Table]:
    """Return the shares back, the effect on them and its parts."""
    t = translator.t
    rows = [row for row in results.estimates if row.estimand not in (LEAVING_RATIO, RETURN_RATIO)]
    notes = dict.fromkeys(translator.render(text) for row in rows for text in (row.note, row.method) if text)
    return [
        Table(
            caption=t("Share back, and what the effect on it is made of"),
            header=(
                t("What is estimated"), t("Estimate"),
                t("{level:.0f} % interval", level=100 * rows[0].interval.level), t("p-value"),
            ),
            rows=tuple(_part(row, translator, labels) for row in rows),
            notes=tuple(f"{capital(note)}." for note in notes),
        )
    ]  # fmt: skip


def _part(row: Estimate, translator: Translator, labels: Labels) -> tuple[str, ...]:
    name = capital(translator.render(row.estimand))
    if row.unit == PERCENT and row.estimand != DIRECT_SHARE:
        name += f"\n{say_label(labels, row.arm, translator)}"
    if not row.estimated:
        return name, translator.t("Not estimated: {reason}", reason=row.reason)
    value = format_value(row.value, row.unit, translator)
    return name, value, write_interval(row, translator), translator.p_value(row.p_value, bare=True)


def _side_by_side(
    rows: Sequence[tuple[str, Estimate, Estimate]], translator: Translator, *, caption: str
) -> Table:  # fmt: skip
    """Return a table with a name a row, and the estimates without and with unobserved differences."""
    t, level = translator.t, 100 * rows[0][1].interval.level
    notes = dict.fromkeys(translator.render(row.note) for _, *both in rows for row in both if row.note)
    return Table(
        caption=caption,
        header=(
            "", t("Without unobserved differences\n({level:.0f} % interval)", level=level),
            t("With unobserved differences\n({level:.0f} % interval)", level=level),
            t("People:\ntreated / control"),
        ),
        rows=tuple(
            (name, _ratio(alike, translator), _ratio(mixed, translator), _people(alike, translator))
            for name, alike, mixed in rows
        ),
        notes=tuple(f"{capital(note)}." for note in notes),
    )  # fmt: skip


def _ratio(row: Estimate, translator: Translator) -> str:
    if not row.estimated:
        return translator.t("Not estimated: {reason}", reason=row.reason)
    return f"{format_value(row.value, row.unit, translator)} ({write_interval(row, translator)})"


def _people(row: Estimate, translator: Translator) -> str:
    if not row.estimated:
        return ""
    return f"{write_count(row.n_treated, translator)} / {write_count(row.n_control, translator)}"


def _facts(plan: Recurrence, trial: Trial, codes: CodeList | None, translator: Translator) -> Iterable[Fact]:
    t, names = translator.t, exit_labels(codes)
    states = ", ".join(say_label(names, state, translator) for state in plan.states)
    ends = ", ".join(say_label(names, state, translator) for state in plan.censoring)
    exit_weeks = next(getattr(o, "min_weeks", 0) for o in trial.outcomes if o.id == plan.outcome)
    lines = [
        (
            t("Return"),
            t("The first {n} weeks in a row in: {states}", n=plan.min_weeks, states=states)
            if plan.min_weeks > 1
            else t("The first week in: {states}", states=states),
        ),
        (t("Counted from"), t("When the exit was lasting, {n} weeks in a row", n=exit_weeks)),
    ]
    if ends:
        lines.append((t("Ends observation without a return"), ends))
    lines.append((t("Model of unobserved differences"), _say_model(plan, plan.return_weeks, translator)))
    return [Fact(name=name, value=value, mark=plan.mark, source=plan.source) for name, value in lines]


def _say_model(plan: MixedHazard | Recurrence, steps: Sequence[int], translator: Translator) -> str:
    weeks = ", ".join(str(week) for week in steps)
    given = {"n": plan.mass_points, "weeks": weeks}
    if plan.covariates:
        return translator.t("{n} types of people; a hazard in steps that end in weeks {weeks}; covariates", **given)
    return translator.t("{n} types of people; a hazard in steps that end in weeks {weeks}; no covariates", **given)


def _say_gain(check: Check) -> Message:
    """Say what the likelihood has to say of several types of people."""
    if math.isnan(check.statistic):
        return Message("No unobserved differences were found: {detail}.", detail=check.detail)
    return Message(
        "Unobserved differences raise the log likelihood by {gain:.1f} ({detail}).",
        gain=check.statistic / 2, detail=check.detail,
    )  # fmt: skip


def _say_effect(plan: Recurrence, results: Results) -> list[Message]:
    """Return one sentence on the shares back, where they were estimated."""
    risks = [row for row in results.where(estimand=share_back(plan)).estimates if row.estimated]
    effects = [row for row in results.where(estimand=effect_on_share(plan)).estimates if row.estimated]
    if len(risks) < 2 or not effects:
        return []
    treated, control = sorted(risks, key=lambda row: row.arm == CONTROL)
    effect = effects[0]
    return [
        Message(
            "Of those who left within {left} weeks, {treated:.0f} % in the treated group and {control:.0f} % in the "
            "control group are back within {back} weeks (difference's {level:.0f} % interval {low:.1f} to {high:.1f} "
            "percentage points).",
            left=plan.left_within, treated=treated.value, control=control.value, back=plan.returned_within,
            level=100 * effect.interval.level, low=effect.interval.low, high=effect.interval.high,
        )
    ]  # fmt: skip
