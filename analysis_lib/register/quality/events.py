"""What cannot happen to a person, or hardly ever: codes after death, before birth, at the wrong age.

`EVENT_RULES` declares it all; weeks are found in the runs, never one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis_lib.register.quality.collect import Collector
from analysis_lib.register.quality.findings import Finding, Rule, Severity
from analysis_lib.register.quality.part import Context, Part, birthday
from analysis_lib.register.runs import first_of_each

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
ENDS = ("emigrated", "old_age_pension", "dead")
"""States that are no benefit of working age."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRule:
    """Weeks in which a person must not have some codes.

    Attributes
    ----------
    states
        Whose codes: states of the code list, `("benefits",)` for all but `ENDS` and blank, or `("any",)` for every
        code, those included that the code list does not have.
    but
        States that are left out of `any`.
    after
        The weeks after a person's first week in this state.
    below
        The weeks that end before the person reaches this age; 0 is birth.
    from_age
        The weeks that begin when the person has reached this age.
    """

    id: str
    severity: Severity
    title: str
    states: tuple[str, ...]
    but: tuple[str, ...] = ()
    after: str = ""
    below: int | None = None
    from_age: int | None = None

    @property
    def rule(self) -> Rule:
        """The check as findings know it."""
        return Rule(id=self.id, section="Order of events", severity=self.severity, title=self.title, unit="persons")

    @property
    def named(self) -> tuple[str, ...]:
        """All states of the code list that the rule needs."""
        own = ENDS if self.states == ("benefits",) else () if self.states == ("any",) else self.states
        return (*own, *self.but, *((self.after,) if self.after else ()))


# Limits are wide of the law on purpose, because it changed: old-age pension at 67, later 65; transitional benefit
# from 50; unemployment insurance ended at 67, later 65, and rises again. Emigrants come back.
EVENT_RULES = (
    EventRule(
        id="code_after_death", severity="error", title="Any other code after death", states=("any",), but=("dead",),
        after="dead",
    ),
    EventRule(id="code_before_birth", severity="error", title="A code before birth", states=("any",), below=0),
    EventRule(
        id="benefit_after_pension", severity="warning", title="A benefit after the first week of old-age pension",
        states=("benefits",), after="old_age_pension",
    ),
    EventRule(
        id="benefit_under_15", severity="warning", title="A benefit under the age of 15", states=("benefits",), below=15
    ),
    EventRule(
        id="alive_at_110", severity="warning", title="Any code but death at the age of 110 or more", states=("any",),
        but=("dead",), from_age=110,
    ),
    EventRule(
        id="pension_under_60", severity="warning", title="Old-age pension under the age of 60",
        states=("old_age_pension",), below=60,
    ),
    EventRule(
        id="early_retirement_under_50", severity="warning", title="Early retirement under the age of 50",
        states=("early_retirement",), below=50,
    ),
    EventRule(
        id="unemployment_at_70", severity="warning", title="Unemployment insurance at the age of 70 or more",
        states=("unemployment_insurance",), from_age=70,
    ),
    EventRule(
        id="unemployment_after_disability", severity="note", title="Unemployment insurance after disability pension",
        states=("unemployment_insurance",), after="disability_pension",
    ),
    EventRule(
        id="benefit_after_emigration", severity="note", title="A benefit after emigration (people come back)",
        states=("benefits",), after="emigrated",
    ),
)  # fmt: skip

BLANK_AFTER_DEATH = Rule(
    id="blank_after_death", section="Order of events", severity="note",
    title="Blank weeks after death, which a count of blank weeks would take for self-support", unit="persons",
)  # fmt: skip


class EventChecks(Collector):
    """Holds every person's spells against `EVENT_RULES`."""

    rules = (*(rule.rule for rule in EVENT_RULES), BLANK_AFTER_DEATH)

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self._possible = [rule for rule in EVENT_RULES if not context.lacks(*rule.named)]

    def add(self, part: Part) -> None:
        """Look at a municipality."""
        for rule in self._possible:
            chosen = np.flatnonzero(_has_state(rule, part, self.context))
            start = part.spells.start[chosen].astype(np.int64)
            stop = part.spells.stop[chosen].astype(np.int64)
            begin, end = forbidden_weeks(rule, part, self.context)
            person = part.spells.person[chosen]
            first = np.maximum(start, begin[person])
            weeks = np.minimum(stop, end[person]) - first
            self._tally(rule.id, part, person, first, weeks)
        if not self.context.lacks("dead"):
            self._add_blank(part)

    def findings(self) -> list[Finding]:
        """Return one finding a rule."""
        total = self.context.description.persons
        findings = []
        for rule in EVENT_RULES:
            reason = self.context.lacks(*rule.named)
            findings.append(rule.rule.not_made(reason) if reason else self._tallied(rule.rule, total))
        reason = self.context.lacks("dead")
        blank = BLANK_AFTER_DEATH.not_made(reason) if reason else self._tallied(BLANK_AFTER_DEATH, total)
        return [*findings, blank]

    def _tallied(self, rule: Rule, total: int) -> Finding:
        return self.tallied(rule, total, "person-weeks")

    def _tally(self, rule: str, part: Part, person: NDArray[np.integer[Any]], first: IntArray, weeks: IntArray) -> None:
        """Count each person once, in the year of the first week that is wrong."""
        wrong = np.flatnonzero(weeks > 0)
        once = wrong[first_of_each(person[wrong])]
        year = self.context.calendar.year[first[once]]
        self.tallies[rule].add(part, person[once], year, amount=int(weeks[wrong].sum()))

    def _add_blank(self, part: Part) -> None:
        late = part.spells.start >= part.died[part.spells.person]
        coded = np.bincount(part.spells.person[late], weights=part.weeks[late], minlength=part.n).astype(np.int64)
        blank = self.context.calendar.n_weeks - part.died - coded
        died = np.minimum(part.died, self.context.calendar.n_weeks - 1)
        self._tally(BLANK_AFTER_DEATH.id, part, np.arange(part.n), died, blank)


def forbidden_weeks(rule: EventRule, part: Part, context: Context) -> tuple[IntArray, IntArray]:
    """Return each person's first column that a rule forbids, and the first after them; shape (n,)."""
    n_weeks = context.calendar.n_weeks
    begin, end = np.zeros(part.n, dtype=np.int64), np.full(part.n, n_weeks, dtype=np.int64)
    if rule.after:
        runs = np.flatnonzero(part.state == context.states.index(rule.after))
        first = runs[first_of_each(part.spells.person[runs])]
        begin[:] = n_weeks
        begin[part.spells.person[first]] = part.spells.start[first] + 1
    if rule.below is not None:
        end = np.minimum(end, context.calendar.column_of(birthday(part.born, rule.below)))
    if rule.from_age is not None:
        # The week after the one with the birthday, but for a birthday on a Monday: that of the day before, plus one.
        reached = context.calendar.column_of(birthday(part.born, rule.from_age) - np.timedelta64(1, "D")) + 1
        begin = np.maximum(begin, reached)
    return begin, end


def _has_state(rule: EventRule, part: Part, context: Context) -> BoolArray:
    """Return whether each spell has one of the rule's codes."""
    if rule.states in (("any",), ("benefits",)):
        left_out = {*rule.but} if rule.states == ("any",) else {*ENDS}
        allowed = [state not in left_out for state in context.states]
        return np.array([*allowed, rule.states == ("any",)])[part.state]  # the last entry is that of unknown codes, -1
    return np.isin(part.state, [context.states.index(state) for state in rule.states])
