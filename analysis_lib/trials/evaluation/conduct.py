"""How the trial was carried out: people entering month by month, and contacts held against the schedule."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.register.weeks import monday
from analysis_lib.results import Curve, Estimate, FloatArray, Item, Message, Results, check_level, wald_interval
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import CONTROL, ContactRule, Expected, RegisterData, ScheduleWindow
from analysis_lib.trials.design import check_sample_ratio, check_treated_share, covariate_columns
from analysis_lib.trials.effects import attrition_check
from analysis_lib.trials.evaluation.effects import too_few
from analysis_lib.trials.groups import stratum_members
from analysis_lib.trials.outcomes import Durations, Numbers
from analysis_lib.trials.participation import is_contact

Chosen = NDArray[np.bool_]
IntArray = NDArray[np.int64]

HELD = Message("contacts held of those promised")
SHARE_OBSERVED = Message("difference in share observed")
FEW_AT_RISK = 20
"""A curve of contacts a week ends where fewer people are left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyInflow:
    """People entering by calendar month: `months` as YYYY-MM, `counts` arm to (months,) people."""

    months: tuple[str, ...]
    counts: dict[str, IntArray]


def count_inflow(cases: Cases) -> MonthlyInflow:
    """Count the people entering each arm by the month of the entry week's Monday; months without any are 0.

    Raises
    ------
    InvalidInput
        Where the cases are of a file, which has no entry weeks.
    """
    months = np.array([month_of(int(week)) for week in _entry_weeks(cases)], dtype=np.int64)
    first, last = (int(months.min()), int(months.max())) if len(months) else (0, -1)
    named = tuple(f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(first, last + 1))
    counts = {
        arm: np.bincount(months[cases.design.arm == arm] - first, minlength=len(named)).astype(np.int64)
        for arm in cases.design.arms
    }
    return MonthlyInflow(months=named, counts=counts)


def month_of(week: int) -> int:
    """Return the month (counted from year 0) in which the week's Monday lies."""
    day = monday(week)
    return day.year * 12 + day.month - 1


def _entry_weeks(cases: Cases) -> IntArray:
    """Return the week index of each case's entry, shape (n,)."""
    data = cases.trial.data
    if not isinstance(data, RegisterData):
        raise InvalidInput(f"trial {cases.trial.id} is not read from a register: there are no entry weeks")
    # The frame counts weeks from the extract's first one.
    return cases.frame["entry"].to_numpy().astype(np.int64) + cases.first_week


def weeks_in_spell(cases: Cases) -> FloatArray:
    """Return the weeks from entry that each case was seen in the spell, shape (n,).

    The first duration among the outcomes says when they end; without one, everybody is followed to the end.
    """
    data = cases.trial.data
    end = data.follow_up_weeks if isinstance(data, RegisterData) else 0
    for outcome in cases.trial.outcomes:
        measured = cases.outcomes[outcome.id]
        if isinstance(measured, Durations):
            return measured.time
    return np.full(len(cases), float(end))


def contacts_by_week(cases: Cases, rule: ContactRule, *, last_week: int) -> tuple[Curve, ...]:
    """Return contacts held a week by people still in the spell, one curve an arm.

    Parameters
    ----------
    rule
        Which contacts.
    last_week
        The last week since entry that is shown.

    Returns
    -------
    tuple of Curve
        `x` the week since entry (0 the entry week), `y` contacts held per person still in the spell, `at_risk` those
        people; it ends where fewer than 20 are left. The band is that of a mean of counts. Empty without contacts.
    """
    if cases.contacts is None:
        return ()
    held = cases.contacts["held_week"].to_numpy()
    chosen = is_contact(cases.contacts, rule) & (held >= 0) & (held <= last_week)
    case, week = cases.contacts["case"].to_numpy()[chosen], held[chosen].astype(np.int64)
    stay, level = weeks_in_spell(cases), cases.trial.inference.level
    counts = np.zeros((len(cases), last_week + 1))
    np.add.at(counts, (case, week), 1.0)
    # A contact in the week of the exit still counts: the person was there on one of its days.
    inside = np.arange(last_week + 1) <= stay[:, None]
    curves = (_weekly_curve(counts, inside, cases.design.arm == arm, arm, level) for arm in cases.design.arms)
    return tuple(curve for curve in curves if len(curve.x))


def _weekly_curve(counts: FloatArray, inside: Chosen, own: Chosen, arm: str, level: float) -> Curve:
    at_risk = inside[own].sum(axis=0).astype(np.float64)
    weeks = int(np.argmax(at_risk < FEW_AT_RISK)) if (at_risk < FEW_AT_RISK).any() else len(at_risk)
    here, people = np.where(inside[own], counts[own], 0.0)[:, :weeks], at_risk[:weeks]
    mean = here.sum(axis=0) / people
    variance = np.maximum((here**2).sum(axis=0) / people - mean**2, 0.0) / (people - 1)
    half = float(special.ndtri((1 + level) / 2)) * np.sqrt(variance)
    return Curve(
        x=np.arange(weeks, dtype=np.float64), y=mean, low=np.maximum(mean - half, 0.0), high=mean + half, label=arm,
        unit_x="weeks", unit_y="contacts", at_risk=people, level=level, arm=arm, method=Message("mean, normal band"),
    )  # fmt: skip


def hold_against_schedule(cases: Cases) -> Results:
    r"""Hold the contacts held against those that the schedule promised, in every arm.

    Returns
    -------
    Results
        For each window with contacts expected, each of them and each arm that could have had them one Estimate: the
        share in percent of the contacts promised that were held; `group` is `<window>.<number>`. The control arm's
        row says what people got without the schedule. Empty rows where there are no contacts to read, or few people.

    Notes
    -----
    A person i who was in the spell for :math:`w_i` weeks of the window was promised :math:`e_i = w_i / k` contacts with
    one every k weeks, and one where the window asks for one in all. The share is :math:`\sum h_i / \sum e_i` with the
    linearised variance :math:`n/(n-1) \sum (h_i - r e_i)^2 / (\sum e_i)^2` of a ratio.
    """
    rows = [
        _held(cases, window, expected, f"{window.id}.{number}", arm)
        for window in cases.trial.schedule
        for number, expected in enumerate(window.expected, 1)
        for arm in _arms_of(cases, window)
    ]
    return Results(rows)


def _arms_of(cases: Cases, window: ScheduleWindow) -> Iterator[str]:
    for arm in cases.design.arms:
        if window.arm in (None, arm) or arm == cases.design.arms[0]:
            yield arm


def _held(cases: Cases, window: ScheduleWindow, expected: Expected, group: str, arm: str) -> Estimate:
    level = check_level(cases.trial.inference.level)
    known: dict[str, Any] = {"estimand": HELD, "arm": arm, "group": group, "unit": Message("percent"), "level": level}
    if cases.contacts is None:
        return Estimate.empty(reason=Message("the extract has no contacts"), **known)
    promised, held = _promised_and_held(cases, window, expected)
    own = _who(cases, window, expected) & (cases.design.arm == arm) & (promised > 0)
    n = int(own.sum())
    if n < cases.trial.inference.min_per_arm:
        few = Message("fewer than {n} people were there", n=cases.trial.inference.min_per_arm)
        return Estimate.empty(reason=few, n=n, **known)
    total = float(promised[own].sum())
    share = float(held[own].sum()) / total
    std_error = math.sqrt(n / (n - 1) * float(np.sum((held[own] - share * promised[own]) ** 2))) / total
    value, std_error = 100 * share, 100 * std_error
    known.pop("level")
    return Estimate(
        value=value, std_error=std_error, df=n - 1, interval=wald_interval(value, std_error, n - 1, level), n=n,
        method=Message("ratio of sums, linearised variance"), **known,
    )  # fmt: skip


def _promised_and_held(cases: Cases, window: ScheduleWindow, expected: Expected) -> tuple[FloatArray, FloatArray]:
    """Return the contacts promised to each case within the window, and those held, each (n,)."""
    data = cases.trial.data
    end = data.follow_up_weeks if isinstance(data, RegisterData) else 0
    first, last = window.weeks[0], float(end) if window.weeks[1] is None else window.weeks[1]
    stay = weeks_in_spell(cases)
    inside = np.clip(np.minimum(stay, last) - first, 0.0, None)
    contacts = cases.contacts
    if contacts is None:
        raise InvalidInput("cases have no contacts")
    week = contacts["held_week"].to_numpy()
    case = contacts["case"].to_numpy()
    counted = is_contact(contacts, expected.contact) & (week >= math.floor(first)) & (week < last)
    counted &= week <= np.asarray(stay)[case]
    held = np.bincount(case[counted], minlength=len(cases)).astype(np.float64)
    if expected.every_weeks is None:
        return (inside > 0).astype(np.float64), (held > 0).astype(np.float64)
    return inside / expected.every_weeks, held


def _who(cases: Cases, window: ScheduleWindow, expected: Expected) -> Chosen:
    """Return to whom the schedule applies, or would have, shape (n,)."""
    chosen = np.full(len(cases), True)
    if window.arm is not None:
        chosen &= cases.design.pair(window.arm)
    if expected.sites:
        chosen &= cases.frame["site"].isin(list(expected.sites)).to_numpy(dtype=bool)
    for stratum in (window.stratum, expected.stratum):
        if stratum is not None:
            chosen &= stratum_members(cases.trial, cases.frame, stratum, "cases")
    return chosen


def check_shares(cases: Cases) -> Results:
    """Test the share of every treated arm against the rule, in all and at every jobcentre (`group` names which)."""
    cases.trial.check_assigned()
    items: list[Item] = []
    for arm in cases.trial.treated_arms:
        items.append(check_treated_share(cases.design, arm.id))
        if arm.id in cases.design.expected_share and "jobcentre" in cases.frame:
            items += _shares_by(cases, arm.id, cases.frame["jobcentre"].to_numpy(dtype=object))
    return Results(items)


def _shares_by(cases: Cases, arm: str, place: NDArray[np.object_]) -> list[Item]:
    """Test the arm's share in each place, where there is more than one."""
    pair = cases.design.pair(arm)
    if len(set(place[pair])) < 2:
        return []
    shares = cases.design.expected_share
    expected = shares[arm] / (shares[arm] + shares[CONTROL])
    found = check_sample_ratio(cases.design.arm[pair], {CONTROL: 1 - expected, arm: expected}, block=place[pair])
    return [replace(check, arm=arm) for check in found.checks[1:]]


def check_attrition(cases: Cases) -> Results:
    """Compare the share with a known outcome between the arms, for each outcome that is not known for everybody."""
    cases.trial.check_assigned()
    items: list[Item] = []
    for outcome in cases.trial.outcomes:
        measured = cases.outcomes[outcome.id]
        if not isinstance(measured, Numbers) or not np.isnan(measured.values).any():
            continue
        for arm in cases.trial.treated_arms:
            items += _attrition(cases, ~np.isnan(measured.values), outcome.id, arm.id)
    return Results(items)


def _attrition(cases: Cases, known: Chosen, outcome: str, arm: str) -> list[Item]:
    pair = cases.design.pair(arm)
    level = cases.trial.inference.level
    columns = covariate_columns(cases.frame[pair], cases.trial.covariates, all_levels=False)
    names: dict[str, Any] = {"outcome": outcome, "arm": arm}
    try:
        reason = too_few(cases, pair, arm)
        if reason is not None:
            raise NotEstimable(reason)
        block = None if cases.design.block is None else cases.design.block[pair]
        found = attrition_check(
            known[pair], cases.design.arm[pair] == arm, covariates=columns if columns.shape[1] else None, block=block,
            level=level,
        )  # fmt: skip
    except NotEstimable as error:
        return [Estimate.empty(estimand=SHARE_OBSERVED, reason=error.args[0], level=level, **names)]
    return [replace(item, **names) for item in found]
