"""Disclosure control: what is taken out of flows, balance tables, curves and estimates before anything is shown.

Every result of a page goes through one of these functions; a count that another page would give away is found with
`sites_to_hide`. Withheld counts are `None`, never 0.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.reporting.protected_rows import flow_cells, known_cell, protect_results, rounded
from analysis_lib.reporting.suppression import (
    DisclosureRule,
    HiddenSites,
    Relation,
    sites_to_hide,
    suppress_counts,
    too_few,
)
from analysis_lib.results import Check, Curve, FloatArray, Message
from analysis_lib.trials.design.balance import Balance, BalanceRow
from analysis_lib.trials.flow import ArmCount, Flow

__all__ = [
    "DisclosureRule",
    "HiddenSites",
    "ProtectedArm",
    "ProtectedBalance",
    "ProtectedFlow",
    "ProtectedStep",
    "cells_to_cover",
    "protect_balance",
    "protect_curve",
    "protect_flow",
    "protect_parts",
    "protect_results",
    "sites_to_hide",
    "suppress_counts",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedStep:
    """People left out for one reason."""

    reason: Message
    count: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedArm:
    """People of one arm: assigned, and with the outcome known, by outcome id."""

    arm: str
    assigned: int | None
    outcome_known: dict[str, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedFlow:
    """A flow that may be shown; a withheld count is `None`."""

    start_label: Message
    start: int | None
    exclusions: tuple[ProtectedStep, ...]
    assigned: int | None
    arms: tuple[ProtectedArm, ...]
    min_count: int

    @property
    def withheld(self) -> bool:
        """Whether any count is withheld."""
        counts = [self.start, self.assigned, *(step.count for step in self.exclusions)]
        counts += [count for arm in self.arms for count in (arm.assigned, *arm.outcome_known.values())]
        return None in counts


def protect_flow(
    flow: Flow, rule: DisclosureRule, *, hide_counts: bool = False, also: frozenset[str] = frozenset()
) -> ProtectedFlow:
    """Withhold the flow's small counts, and those from which they could be worked out.

    People without a known outcome are not printed but follow from those who have one: they are protected too.

    Parameters
    ----------
    flow
        The counts of one page.
    rule
        What may be disclosed.
    hide_counts
        Withhold every count (a page whose counts would give another page's away).
    also
        Cells to withhold for the sake of another page (`cells_to_cover`).
    """
    counts, relations = flow_cells(flow)
    hidden = frozenset(counts) if hide_counts else suppress_counts(counts, relations, rule.min_count, also=also)

    def shown(cell: str) -> int | None:
        return None if cell in hidden else counts[cell]

    return ProtectedFlow(
        start_label=flow.start_label,
        start=shown("start"),
        exclusions=tuple(
            ProtectedStep(reason=step.reason, count=shown(f"excluded {number}"))
            for number, step in enumerate(flow.exclusions)
        ),
        assigned=shown("assigned"),
        arms=tuple(_protected_arm(arm, shown(f"arm {arm.arm}"), hidden) for arm in flow.arms),
        min_count=rule.min_count,
    )


def _protected_arm(arm: ArmCount, assigned: int | None, hidden: frozenset[str]) -> ProtectedArm:
    known = {
        outcome: None if known_cell(arm.arm, outcome) in hidden else count
        for outcome, count in arm.outcome_known.items()
    }
    return ProtectedArm(arm=arm.arm, assigned=assigned, outcome_known=known)


def protect_parts(counts: Mapping[str, int], rule: DisclosureRule) -> dict[str, int | None]:
    """Withhold small parts of a total that is shown elsewhere, and a further part where one alone would follow.

    Examples
    --------
    >>> protect_parts({"job": 61, "other benefit": 20, "left the country": 2}, DisclosureRule())
    {'job': 61, 'other benefit': None, 'left the country': None}
    """
    names = {f"part {name}": name for name in counts}
    cells = {"total": sum(counts.values())} | {cell: counts[name] for cell, name in names.items()}
    hidden = suppress_counts(cells, [("total", tuple(names))], rule.min_count, keep=["total"])
    return {name: None if cell in hidden else counts[name] for cell, name in names.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedBalance:
    """A balance table that may be shown: withheld rows have NaN in every number; `withheld` is how many they are."""

    arm: str
    n_treated: int | None
    n_control: int | None
    rows: tuple[BalanceRow, ...]
    joint: Check
    withheld: int
    min_count: int
    blocked: bool = False


def protect_balance(
    balance: Balance, rule: DisclosureRule, *, flow: Flow | None = None, hide_counts: bool = False
) -> ProtectedBalance:
    """Withhold the rows from which a small group could be counted: a share times the people of its arm.

    A row is taken for a share where both means are from 0 to 1. With an arm below the threshold all rows go.

    Parameters
    ----------
    balance
        The table of one arm against control.
    rule
        What may be disclosed.
    flow
        The page's flow: the arms' counts go where the flow withholds them.
    hide_counts
        Withhold the arms' counts.
    """
    arms = (balance.n_treated, balance.n_control)
    least = rule.min_count
    if any(0 < n < least for n in arms):
        reason = too_few(least)
        joint = Check(name=balance.joint.name, passed=None, detail=reason, arm=balance.arm)
        rows, hidden = tuple(_emptied(row) for row in balance.rows), frozenset(range(len(balance.rows)))
    else:
        joint, hidden = balance.joint, _hidden_rows(balance, least)
        rows = tuple(_emptied(row) if number in hidden else row for number, row in enumerate(balance.rows))
    gone = hide_counts or any(0 < n < least for n in arms) or _arms_withheld(balance.arm, flow, rule)
    return ProtectedBalance(
        arm=balance.arm, n_treated=None if gone else arms[0], n_control=None if gone else arms[1], rows=rows,
        joint=joint, withheld=len(hidden), min_count=least, blocked=balance.blocked,
    )  # fmt: skip


def _arms_withheld(arm: str, flow: Flow | None, rule: DisclosureRule) -> bool:
    if flow is None:
        return False
    protected = protect_flow(flow, rule)
    control = protected.arms[-1].arm
    return any(shown.assigned is None for shown in protected.arms if shown.arm in (arm, control))


def _hidden_rows(balance: Balance, least: int) -> frozenset[int]:
    """Return the numbers of the rows to withhold; the levels of a covariate add up to its arm, with a rest."""
    hidden: set[int] = set()
    shares: dict[str, list[int]] = {}
    for number, row in enumerate(balance.rows):
        if 0 <= row.mean_treated <= 1 and 0 <= row.mean_control <= 1:
            shares.setdefault(row.covariate, []).append(number)
    for numbers in shares.values():
        for people, means in (
            (balance.n_treated, [balance.rows[number].mean_treated for number in numbers]),
            (balance.n_control, [balance.rows[number].mean_control for number in numbers]),
        ):
            counts = {str(n): round(mean * people) for n, mean in zip(numbers, means, strict=True)}
            cells = {"arm": people, "rest": people - sum(counts.values())} | counts
            relation: Relation = ("arm", ("rest", *counts))
            out = suppress_counts(cells, [relation], least, keep=["arm"])
            hidden |= {int(cell) for cell in out if cell in counts}
    return frozenset(hidden)


def _emptied(row: BalanceRow) -> BalanceRow:
    return replace(
        row, mean_treated=math.nan, mean_control=math.nan, difference=math.nan, std_error=math.nan,
        adjusted_difference=math.nan, normalised_difference=math.nan,
    )  # fmt: skip


def protect_curve(curve: Curve, rule: DisclosureRule, *, hide_counts: bool = False) -> Curve:
    """Merge steps of few people and end the curve where few are left.

    A point is kept where nobody, or at least `min_count` people, had the event since the last point kept; so between
    points the curve lags by fewer than `min_count` people. It ends before fewer than `min_count` (but not nobody) are
    left. The number at risk is NaN where it differs by fewer than `min_count` from the last one shown. Where the first
    point goes, one at 0 takes its place.

    Parameters
    ----------
    curve
        A survival curve with numbers at risk.
    rule
        What may be disclosed.
    hide_counts
        Take out the numbers at risk, and round the curve so that they cannot be had from its steps.

    Raises
    ------
    InvalidInput
        Where the curve does not start at 1, or has no numbers at risk.
    NotEstimable
        Where no point may be shown.
    """
    if curve.at_risk is None or curve.start != 1:
        raise InvalidInput(f"curve '{curve.label}' must start at 1 and have numbers at risk to be protected")
    kept, at_risk = _kept_points(curve.y, curve.at_risk, rule.min_count)
    if not kept.size:
        raise NotEstimable(too_few(rule.min_count))
    method = curve.method
    if kept.size < curve.x.size:
        merged = Message("steps of fewer than {n} people merged, ended where fewer are left", n=rule.min_count)
        method = Message.join([curve.method, merged])
    chosen = replace(
        curve, x=curve.x[kept], y=curve.y[kept], low=curve.low[kept], high=curve.high[kept], at_risk=at_risk,
        method=method,
    )  # fmt: skip
    if kept[0] > 0:
        chosen = _from_zero(chosen, at_risk, curve.at_risk[0])
    if not hide_counts:
        return chosen
    y, low, high = (rounded(values) for values in (chosen.y, chosen.low, chosen.high))
    return replace(chosen, y=y, low=low, high=high, at_risk=None)


def _from_zero(curve: Curve, at_risk: FloatArray, people: float) -> Curve:
    """Return the curve with a point at 0, where everybody is at risk."""
    return replace(
        curve, x=np.append(0.0, curve.x), y=np.append(1.0, curve.y), low=np.append(np.nan, curve.low),
        high=np.append(np.nan, curve.high), at_risk=np.append(people, at_risk),
    )  # fmt: skip


def _kept_points(y: FloatArray, at_risk: FloatArray, least: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Return the numbers of the points kept, (k,), and the people at risk there, NaN where not shown."""
    after = np.append(at_risk[1:], 0.0)
    before = np.concatenate(([1.0], y[:-1]))
    ratio = np.divide(y, before, out=np.ones_like(y), where=before > 0)
    events = np.rint(at_risk * (1 - ratio))
    too_few_left = (at_risk < least) | ((after > 0) & (after < least))
    end = int(np.argmax(too_few_left)) if too_few_left.any() else len(y)
    kept: list[int] = []
    shown: list[float] = []
    last_shown, since = at_risk[0], 0.0
    for point in range(end):
        since += events[point]
        if 0 < since < least:
            continue
        kept.append(point)
        since = 0.0
        can_show = at_risk[point] == last_shown or last_shown - at_risk[point] >= least
        last_shown = at_risk[point] if can_show else last_shown
        shown.append(at_risk[point] if can_show else np.nan)
    return np.array(kept, dtype=np.int64), np.array(shown, dtype=np.float64)


def cells_to_cover(
    flows: Mapping[str, Flow], site: str, rule: DisclosureRule, *, hidden_pages: Collection[str] = ()
) -> frozenset[str]:
    """Choose the cells of a site's flow that must go, given that the page of all sites shows their totals.

    Two kinds of cells: those from the register to the trial, withheld all or none of them, and by arm and outcome
    those without a known outcome. Where sites withhold such cells because a count is small, further sites
    withhold theirs, those with the smallest counts first, until of no cell the rest that a reader can work out (the
    total less the sites shown) is one site's, or below `min_count`.

    Parameters
    ----------
    flows
        The flow of every site, alike in reasons, arms and outcomes.
    site
        The site whose page is asked for.
    rule
        What may be disclosed.
    hidden_pages
        Sites that withhold all their counts anyway.
    """
    cells = {name: flow_cells(flow)[0] for name, flow in flows.items()}
    names = list(cells[site])
    blocks = [[name for name in names if name.startswith("excluded ")]]
    blocks += [[name] for name in names if name.startswith("unknown ")]
    covered: set[str] = set()
    for block in blocks:
        part = {place: {name: counts[name] for name in block} for place, counts in cells.items()}
        if site in _sites_to_cover(part, rule.min_count, hidden_pages):
            covered |= {name for name in block if cells[site][name] > 0}
    # What stands beside a withheld cell would give it away: the start beside exclusions, the known beside the unknown.
    beside = {"start" if name.startswith("excluded ") else name.replace("unknown ", "known ", 1) for name in covered}
    return frozenset(covered | beside)


def _sites_to_cover(
    counts: Mapping[str, Mapping[str, int]], least: int, hidden_pages: Collection[str]
) -> frozenset[str]:
    hidden = {site for site, cells in counts.items() if any(0 < n < least for n in cells.values())}
    hidden |= counts.keys() & set(hidden_pages)
    names = next(iter(counts.values())).keys()
    while True:
        options = [
            (counts[site][name], site)
            for name in names
            if _rest_exposed([counts[site][name] for site in hidden], least)
            for site in counts
            if site not in hidden and counts[site][name] > 0
        ]
        if not options:
            return frozenset(hidden)
        hidden.add(min(options)[1])


def _rest_exposed(withheld: list[int], least: int) -> bool:
    """Whether the withheld counts of one cell, whose sum a reader knows, are one site's or add up to few people."""
    positive = [n for n in withheld if n > 0]
    return len(positive) == 1 or 0 < sum(positive) < least
