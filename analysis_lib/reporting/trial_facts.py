"""What a report says of a trial from its definition alone: facts with their evidence, and how numbers are made."""

from __future__ import annotations

from collections.abc import Iterable

from analysis_lib.parameters import Text
from analysis_lib.reporting.evidence import Fact
from analysis_lib.reporting.language import Translator
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import (
    BirthDayRule,
    BirthYearParity,
    Inflow,
    LongTerm,
    NotRandomised,
    RegisterData,
    Reported,
    ScheduleWindow,
    Site,
    StockAndInflow,
    TimeToState,
    Trial,
)
from analysis_lib.trials.outcomes import Durations


def trial_facts(trial: Trial, translator: Translator) -> Iterable[Fact]:
    """Yield population, calendar, inflow, places, rule, arms, outcomes and schedule."""
    t = translator.t
    if trial.status == "template":
        said = t("Design template with illustrative parameters: no result is claimed")
        yield Fact(name=t("Status"), value=said, mark="unknown")
    for name, fact in ((t("Population"), trial.population), (t("Calendar"), trial.calendar)):
        yield Fact(name=name, value=fact, mark=fact.mark, source=fact.source)
    if isinstance(trial.data, RegisterData):
        yield from _register_facts(trial.data, translator)
    yield from _assignment_facts(trial, translator)
    for outcome in trial.outcomes:
        if isinstance(outcome, TimeToState):
            label, n = translator.text(outcome.label), outcome.min_weeks
            said = t("{outcome}: the first {n} weeks in a row", outcome=label, n=n)
            yield Fact(name=t("Outcome"), value=said, mark=outcome.mark, source=outcome.source)
    for window in trial.schedule:
        yield Fact(name=say_weeks(window, translator), value=window.label, mark=window.mark, source=window.source)


def _register_facts(data: RegisterData, translator: Translator) -> Iterable[Fact]:
    t, entry, age = translator.t, data.entry, data.age
    yield Fact(name=t("Inflow"), value=_say_entry(entry, translator), mark=entry.mark, source=entry.source)
    if isinstance(entry, Inflow):
        said = t("At least {n} weeks without the benefit before", n=entry.new_after.weeks)
        yield Fact(name=t("Newly unemployed"), value=said, mark=entry.new_after.mark, source=entry.new_after.source)
    if isinstance(entry, LongTerm) and entry.passive is not None:
        said = t("No week in activation among the last {n}", n=entry.passive.weeks)
        yield Fact(name=t("Passive"), value=said, mark=entry.passive.mark, source=entry.passive.source)
    said = t("{lowest} to {highest} years", lowest=age.lowest, highest=age.highest)
    yield Fact(name=t("Age"), value=said, mark=age.mark, source=age.source)
    for site in data.sites:
        yield Fact(name=t("Place"), value=_say_site(site, translator), mark=site.mark, source=site.source)


def _say_entry(entry: Inflow | StockAndInflow | LongTerm, translator: Translator) -> str:
    t = translator.t
    if isinstance(entry, LongTerm):
        return t(
            "On the benefit in week {week} and in at least {n} of the last {m} weeks",
            week=entry.week, n=entry.at_least, m=entry.of_last,
        )  # fmt: skip
    if isinstance(entry, StockAndInflow):
        return t(
            "On the benefit in week {first}, or for the first time since up to week {last}",
            first=entry.first_week, last=entry.last_week,
        )  # fmt: skip
    return t("First week on the benefit from {first} to {last}", first=entry.first_week, last=entry.last_week)


def _say_site(site: Site, translator: Translator) -> str:
    name = translator.text(site.label)
    return translator.t("{place} (the jobcentres are illustrative)", place=name) if site.illustrative else name


def _assignment_facts(trial: Trial, translator: Translator) -> Iterable[Fact]:
    t, rule = translator.t, trial.assignment
    said: str | Text
    if isinstance(rule, BirthDayRule):
        first, last = rule.treated_days
        said = t("Treated: born on days {first:d}–{last:d} of any month", first=first, last=last)
    elif isinstance(rule, BirthYearParity):
        said = t("Treated: born in even years") if rule.treated == "even" else t("Treated: born in odd years")
    elif isinstance(rule, NotRandomised):
        said = rule.reason
    elif isinstance(rule, Reported):
        said = t("As drawn by the trial; known from published numbers only")
    else:
        said = t("Recorded arm, as drawn by the trial")
    yield Fact(name=t("Assignment"), value=said, mark=rule.mark, source=rule.source)
    for arm in rule.arms:
        yield Fact(name=t("Arm"), value=arm.label, mark=arm.mark, source=arm.source)


def say_weeks(window: ScheduleWindow, translator: Translator) -> str:
    """Say when a window of the schedule is."""
    first, last = window.weeks
    if last is None:
        return translator.t("From week {first:g}", first=first)
    return translator.t("Weeks {first:g}–{last:g}", first=first, last=last)


def method_lines(cases: Cases, min_count: int, translator: Translator) -> Iterable[str]:
    """Yield paragraphs on how the numbers of a report were made."""
    t, level = translator.t, 100 * cases.trial.inference.level
    yield t(
        "All comparisons are by assignment (intention to treat): people count in the group they were assigned to, "
        "whether or not they took part."
    )
    yield t(
        "A {level:.0f} % interval is made so that {level:.0f} of 100 such intervals hold the true value. "
        "Differences have variances that do not assume equal spread (HC2) and degrees of freedom for small groups.",
        level=level,
    )
    if any(isinstance(measured, Durations) for measured in cases.outcomes.values()):
        yield t(
            "Durations: Kaplan–Meier curves and Cox's model with Efron's ties. Another exit than the one asked for "
            "ends observation and is counted by itself. Weeks are whole, so medians are read within the week."
        )
    if cases.design.assigned_by_group and isinstance(cases.trial.assignment, BirthDayRule):
        yield t("The rule assigned days of birth, not single people; rows with clusters take that into account (CR2).")
    elif cases.design.assigned_by_group:
        yield t(
            "The rule assigned whole groups ({unit}), not single people; rows with clusters take that into account "
            "(CR2).",
            unit=cases.design.unit_name,
        )
    if min_count > 1:
        yield t("Numbers that could show a group of fewer than {n} people are withheld.", n=min_count)
    if cases.observed_to:
        yield t("The register is observed up to week {week}.", week=cases.observed_to)
    if cases.codes is not None:
        unverified = cases.codes.marks["recalled"] + cases.codes.marks["unknown"]
        yield t(
            "Benefit codes: {title}; {n} of its {total} codes are not verified.",
            title=translator.text(cases.codes.title),
            n=unverified,
            total=sum(cases.codes.marks.values()),
        )
    if cases.unknown_code_weeks:
        few = cases.unknown_code_weeks < min_count
        weeks = t("Fewer than {n} weeks", n=min_count) if few else t("{n} weeks", n=cases.unknown_code_weeks)
        yield t(
            "{weeks} in the register have a code that the list does not have. Nobody's state was guessed from them: "
            "people are observed up to the first such week, and left out where it comes before their entry.",
            weeks=weeks,
        )
