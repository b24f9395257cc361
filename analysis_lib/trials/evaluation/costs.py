"""What the effort used and saved, in units and in money."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis_lib.errors import NotEstimable
from analysis_lib.parameters import Text
from analysis_lib.results import Estimate, Message, Results, wald_interval, wald_p_value
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.costs import Component, JointEffects, Price, cost_benefit, joint_effects
from analysis_lib.trials.definition import Price as PlannedPrice
from analysis_lib.trials.evaluation.effects import too_few

QUANTITY = Message("difference in units for each person")
NET_BENEFIT = "net_benefit"
# Where no price has a value there is no price level, and no number that it could matter to.
_NO_YEAR = 2000
_UNITS = {"contact": Message("contacts"), "week": Message("weeks")}
_PER = {"contact": Text(da="kontakt", en="contact"), "week": Text(da="uge", en="week")}


def estimate_quantities(cases: Cases) -> Results:
    """Estimate how many more units of everything priced the treated used; `outcome` is the price's id.

    Weeks in states are discounted by the plan's rate where it is known. Empty rows where a quantity is not known.
    """
    found = _joint(cases)
    level, arm = cases.trial.inference.level, cases.trial.treated_arms[0].id
    if isinstance(found, Message):
        return Results(
            Estimate.empty(estimand=QUANTITY, reason=found, level=level, outcome=price.id, arm=arm)
            for price in _prices(cases)
        )
    rows = []
    for place, price in enumerate(_prices(cases)):
        value, std_error = float(found.values[place]), float(np.sqrt(found.covariance[place, place]))
        names: dict[str, Any] = {
            "estimand": QUANTITY, "outcome": price.id, "arm": arm, "unit": _UNITS[price.unit],
        }  # fmt: skip
        if std_error <= 0:
            same = Message("everybody in an arm has the same number of units")
            rows.append(Estimate.empty(reason=same, level=level, **names))
            continue
        rows.append(
            Estimate(
                value=value, std_error=std_error, df=found.df,
                interval=wald_interval(value, std_error, found.df, level),
                p_value=wald_p_value(value, std_error, found.df), n_treated=found.n_treated, n_control=found.n_control,
                method=Message("differences of all quantities together"), note=found.note, **names,
            )
        )  # fmt: skip
    return Results(rows)


def estimate_costs(cases: Cases) -> Results:
    """Price the differences in units: one row a price and their sum (`outcome` net_benefit); above 0 is a gain.

    Where a price is not known, its row and the sum are empty and say so.
    """
    prices = _prices(cases)
    if not prices or cases.trial.costs is None:
        return Results()
    found = _joint(cases)
    level, arm = cases.trial.inference.level, cases.trial.treated_arms[0].id
    unit = Message("{currency} for each person", currency=cases.trial.costs.currency)
    if isinstance(found, Message):
        empty = Estimate.empty(estimand=Message("net benefit"), reason=found, level=level, outcome=NET_BENEFIT, arm=arm)
        return Results([replace(empty, unit=unit)])
    year = next((price.year for price in prices if price.year is not None), _NO_YEAR)
    rows = cost_benefit(found, [_component(price, year) for price in prices], level=level)
    return Results(replace(row, arm=arm, unit=unit) for row in rows.estimates)


def _prices(cases: Cases) -> tuple[PlannedPrice, ...]:
    return () if cases.trial.costs is None else cases.trial.costs.prices


def _quantities(cases: Cases) -> NDArray[np.float64]:
    """Return units of everything priced, shape (n, prices)."""
    columns = [
        cases.activities[price.activity] if price.activity is not None else cases.priced_weeks[price.id]
        for price in _prices(cases)
    ]
    return np.column_stack(columns)


def _joint(cases: Cases) -> JointEffects | Message:
    cases.trial.check_assigned()
    arm = cases.trial.treated_arms[0].id
    if not _prices(cases):
        return Message("the plan names no prices")
    table, pair = _quantities(cases), cases.design.pair(arm)
    missing = [bool(np.isnan(column).all()) for column in table[pair].T]
    unknown = [Message(price.id) for price, lacking in zip(_prices(cases), missing, strict=True) if lacking]
    if unknown:
        return Message("the units of {names} are not in the data", names=Message.join(unknown, ", "))
    known = pair & ~np.isnan(table).any(axis=1)
    reason = too_few(cases, known, arm)
    if reason is not None:
        return reason
    block = None if cases.design.block is None else cases.design.block[known]
    cluster = cases.design.unit[known] if cases.design.assigned_by_group else None
    lost = int((pair & ~known).sum())
    note = Message("{n} people without all quantities known left out", n=lost) if lost else Message("")
    try:
        found = joint_effects(table[known], cases.design.arm[known] == arm, block=block, cluster=cluster)
        return replace(found, note=Message.join([found.note, note]))
    except NotEstimable as error:
        return Message.join([error.args[0]])


def _component(price: PlannedPrice, year: int) -> Component:
    of = Price(
        id=price.id, label=price.label, value=price.value, per=_PER[price.unit], year=price.year or year,
        mark=price.mark, source=price.source, illustrative=price.illustrative,
    )  # fmt: skip
    return Component(id=price.id, label=price.label, price=of, counts_as="cost")
