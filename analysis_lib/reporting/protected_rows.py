"""Disclosure control of estimates and checks: small groups, and counts that would give them away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis_lib.errors import InvalidInput
from analysis_lib.reporting.suppression import DisclosureRule, Relation, suppress_counts, too_few
from analysis_lib.results import Check, Estimate, FloatArray, Interval, Item, Message, Results
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.flow import Flow

SIDES = ("n_treated", "n_control", "n")
COUNTS_WITHHELD = Message("numbers of people withheld, the estimate rounded")
# A number of three digits is met by many numbers of people; one of sixteen tells the denominator.
DIGITS = 3
_WORDS_FOR_PEOPLE = ("people", "person")
# Of a test of groups, they follow from the numbers of people.
_WORD_FOR_FREEDOM = "degrees of freedom"
# Events add up with those that ended otherwise; the table of endings shows them, or withholds them.
_WORD_FOR_EVENTS = "events"


def flow_cells(flow: Flow) -> tuple[dict[str, int], list[Relation]]:
    """Return the flow's counts by cell, those that follow from them included, and how they add up."""
    excluded = {f"excluded {number}": step.count for number, step in enumerate(flow.exclusions)}
    arms = {f"arm {arm.arm}": arm.assigned for arm in flow.arms}
    counts = {"start": flow.start, **excluded, "assigned": flow.assigned, **arms}
    relations: list[Relation] = [("start", (*excluded, "assigned")), ("assigned", tuple(arms))]
    for arm in flow.arms:
        for outcome, known in arm.outcome_known.items():
            cells = (known_cell(arm.arm, outcome), f"unknown {arm.arm} {outcome}")
            counts |= dict(zip(cells, (known, arm.assigned - known), strict=True))
            relations.append((f"arm {arm.arm}", cells))
    return counts, relations


def known_cell(arm: str, outcome: str) -> str:
    """Return the name of the cell of people of an arm with the outcome known."""
    return f"known {arm} {outcome}"


def protect_results(
    results: Results,
    rule: DisclosureRule,
    *,
    flow: Flow | None = None,
    hide_counts: bool = False,
    also: frozenset[str] = frozenset(),
) -> Results:
    """Empty the rows of small groups, and withhold counts from which a small group could be worked out.

    - An estimate on fewer than `min_count` people (in an arm, or in all) becomes an empty row with the reason.
    - Its counts alone go, and its numbers are rounded to three digits, where they would give away a small group: the
      rest of the people, another group of the same division, those the flow withholds.
    - Small numbers of people in notes and reasons become "fewer than {n}".

    Parameters
    ----------
    results
        Rows of one page. A group's name is `<division>.<group>`; the groups of a division do not overlap.
    rule
        What may be disclosed.
    flow
        The page's flow. Rows of groups need it, or the rows of all people, to know the rest.
    hide_counts
        Withhold the counts of all rows (a page whose counts would give another page's away).
    also
        Cells of the flow that are withheld for the sake of another page.

    Raises
    ------
    InvalidInput
        Where groups have more people than all, or there is nothing that says how many all are.
    """
    least = rule.min_count
    page = _Page.build(results, flow, least, also)
    items: list[Item] = []
    for item in results:
        if isinstance(item, Check):
            items.append(_protected_check(item, page, hide_counts=hide_counts))
        elif page.is_small(item):
            items.append(_emptied(item, least))
        elif hide_counts or page.covers(item):
            items.append(_without_counts(item, least))
        else:
            note, reason = protect_message(item.note, least), protect_message(item.reason, least)
            items.append(replace(item, note=note, reason=reason))
    return Results(items)


def withhold(results: Results, least: int) -> Results:
    """Empty every row and check: they are about a small group that their counts do not show."""
    reason = too_few(least)
    return Results(
        _emptied(item, least)
        if isinstance(item, Estimate)
        else Check(
            name=item.name, passed=None, detail=reason, outcome=item.outcome, arm=item.arm, group=item.group
        )
        for item in results
    )  # fmt: skip


def protect_message(message: str, least: int, *, drop: bool = False) -> str:
    """Return the message with small numbers of people as "fewer than {n}", and without the parts that count events.

    `drop` leaves out the parts that count people too, and degrees of freedom; other numbers have three digits.
    """
    if not isinstance(message, Message):
        return message
    parts = []
    for template, values in message.parts:
        counts = any(_is_count(value) for _, value in values)
        counted = counts and any(word in template for word in _WORDS_FOR_PEOPLE)
        revealing = counts and _WORD_FOR_EVENTS in template and least > 1
        if revealing or (drop and (counted or _WORD_FOR_FREEDOM in template)):
            continue
        shown = {name: _shown(value, least) if counted else value for name, value in values}
        parts.append(Message(template, **({name: _coarse(value) for name, value in shown.items()} if drop else shown)))
    return Message.join(parts, separator=message.separator)


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _shown(value: Any, least: int) -> Any:
    return Message("fewer than {n}", n=least) if _is_count(value) and 0 < value < least else value


def _coarse(value: Any) -> Any:
    return _round(float(value)) if isinstance(value, float | np.floating) else value


def rounded(values: FloatArray) -> FloatArray:
    """Return the values (any shape) with three significant digits."""
    with np.errstate(divide="ignore", invalid="ignore"):
        digits = np.floor(np.log10(np.abs(values)))
    digits = np.where(np.isfinite(digits), digits, 0.0)
    unit = 10.0 ** (digits - DIGITS + 1)
    return np.asarray(np.round(values / unit) * unit, dtype=np.float64)


def _round(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _emptied(row: Estimate, least: int) -> Estimate:
    return Estimate.empty(
        estimand=row.estimand, reason=too_few(least), level=row.interval.level, unit=row.unit, method=row.method,
        scale=row.scale, outcome=row.outcome, arm=row.arm, group=row.group,
    )  # fmt: skip


def _without_counts(row: Estimate, least: int) -> Estimate:
    """Return the row without its counts, and with numbers too coarse to have them worked out."""
    interval = row.interval
    kept = protect_message(row.note, least, drop=True)
    withheld = COUNTS_WITHHELD if row.estimated else Message()
    return replace(
        row, value=_round(row.value), std_error=_round(row.std_error), df=math.nan, p_value=_round(row.p_value),
        interval=Interval(low=_round(interval.low), high=_round(interval.high), level=interval.level),
        n_treated=None, n_control=None, n=None, n_clusters=None, rule=None,
        note=Message.join([kept, withheld]), reason=protect_message(row.reason, least, drop=True) or row.reason,
    )  # fmt: skip


def _protected_check(check: Check, page: _Page, *, hide_counts: bool) -> Check:
    sizes = page.arm_sizes(check.arm, check.outcome)
    if any(0 < n < page.least for n in sizes):
        return Check(
            name=check.name, passed=None, detail=too_few(page.least), method=check.method, outcome=check.outcome,
            arm=check.arm, group=check.group,
        )  # fmt: skip
    if hide_counts or page.arms_withheld(check.arm, check.outcome) or page.division_withheld(check):
        return replace(
            check, statistic=_round(check.statistic), p_value=_round(check.p_value),
            detail=protect_message(check.detail, page.least, drop=True),
        )  # fmt: skip
    return replace(check, detail=protect_message(check.detail, page.least))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """The estimates that stand on one page, its flow, and the cells of it that are withheld."""

    rows: tuple[Estimate, ...]
    flow: Flow | None
    withheld: frozenset[str]
    least: int

    @classmethod
    def build(cls, results: Results, flow: Flow | None, least: int, also: frozenset[str]) -> _Page:
        withheld = frozenset[str]() if flow is None else suppress_counts(*flow_cells(flow), least, also=also)
        return cls(rows=results.estimates, flow=flow, withheld=withheld, least=least)

    def is_small(self, row: Estimate) -> bool:
        """Whether the row counts a small group."""
        return any(0 < n < self.least for side in SIDES if (n := getattr(row, side)) is not None)

    def arm_sizes(self, arm: str, outcome: str) -> list[int]:
        """Return the people of the arm and of control, with the outcome known where one is named."""
        arms = [] if self.flow is None else [a for a in self.flow.arms if a.arm in (arm, CONTROL) and arm]
        return [a.outcome_known.get(outcome, a.assigned) for a in arms]

    def arms_withheld(self, arm: str, outcome: str) -> bool:
        """Whether the flow withholds the arm or control."""
        cells = [cell for a in (arm, CONTROL) for cell in (f"arm {a}", known_cell(a, outcome))]
        return bool(arm) and any(cell in self.withheld for cell in cells)

    def division_withheld(self, check: Check) -> bool:
        """Whether a group of the division that is tested is small, or its counts are withheld."""
        groups = [r for r in self.rows if r.group.startswith(f"{check.group}.") and r.outcome == check.outcome]
        return any(self.is_small(row) or self.covers(row) for row in groups)

    def covers(self, row: Estimate) -> bool:
        """Whether the row's counts would give away a small group: of the flow, of the rest, or of its division."""
        arms = (row.arm, CONTROL) if row.n_control is not None else (row.arm,)
        # The groups of a division add up to the arm, so where its number is withheld theirs are too.
        if any(known_cell(arm, row.outcome) in self.withheld for arm in arms):
            return True
        return row.group in self.covered_groups(row) if row.group else self._leaves_few(row)

    def _leaves_few(self, row: Estimate) -> bool:
        """Whether few of all people with the outcome are not in the row."""
        totals = {} if _is_arm_row(row) else self._totals(row)
        counts = {side: getattr(row, side) for side in totals if getattr(row, side) is not None}
        return any(0 < abs(totals[side] - n) < self.least for side, n in counts.items())

    def _totals(self, row: Estimate) -> dict[str, int]:
        """Return the people of all groups together by side, from the flow or the rows of all people."""
        known = {a.arm: a.outcome_known.get(row.outcome, a.assigned) for a in self.flow.arms} if self.flow else {}
        if row.arm in known:
            treated, control = known[row.arm], known.get(CONTROL, 0)
            return {"n_treated": treated, "n_control": control, "n": treated + control}
        alike = [r for r in self._alike(row) if not r.group and not _is_arm_row(r)]
        counts = {side: [n for r in alike if (n := getattr(r, side)) is not None] for side in SIDES}
        return {side: max(numbers) for side, numbers in counts.items() if numbers}

    def _alike(self, row: Estimate) -> list[Estimate]:
        return [r for r in self.rows if (r.outcome, r.arm) == (row.outcome, row.arm)]

    def covered_groups(self, row: Estimate) -> frozenset[str]:
        """Return the groups of the row's division whose counts must go."""
        division = row.group.partition(".")[0]
        members = [r for r in self._alike(row) if r.group.partition(".")[0] == division]
        totals = self._totals(row)
        return frozenset(group for side in SIDES for group in self._covered_side(members, side, totals))

    def _covered_side(self, members: Sequence[Estimate], side: str, totals: dict[str, int]) -> frozenset[str]:
        """Return the groups to cover on one side; the rest are those of no group, or of a row without counts."""
        counts: dict[str, int] = {}
        for row in members:
            if (n := getattr(row, side)) is not None:
                counts[row.group] = max(n, counts.get(row.group, 0))
        if not counts:
            return frozenset()
        if side not in totals:
            raise InvalidInput(f"results has groups ({', '.join(counts)}); must have the flow or the rows of all too")
        rest = totals[side] - sum(counts.values())
        if rest < 0:
            raise InvalidInput(f"groups {', '.join(counts)} have {-rest} people more than all; must not overlap")
        relation: Relation = ("all people", ("rest of them", *counts))
        cells = {"all people": totals[side], "rest of them": rest, **counts}
        return suppress_counts(cells, [relation], self.least, keep=["all people"]) & counts.keys()


def _is_arm_row(row: Estimate) -> bool:
    """Whether the row is about one arm alone (a median), so that its `n` is that arm's."""
    return row.n is not None and row.n_treated is None and row.n_control is None
