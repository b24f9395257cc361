"""What the effort used and saved, in units and in money."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis_lib.errors import NotEstimable
from analysis_lib.parameters import Text
from analysis_lib.results import Estimate, FloatArray, Message, Results, wald_interval, wald_p_value
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.costs import (
    Component,
    JointEffects,
    Price,
    cost_benefit,
    joint_effects,
    net_benefit_by_jobcentre,
)
from analysis_lib.trials.definition import Costs, PlannedPrice
from analysis_lib.trials.evaluation.effects import too_few

QUANTITY = Message("difference in units for each person")
BALANCE, PART = Message("net benefit"), Message("part of the net benefit")
MEAN_BALANCE = Message("mean net benefit over the jobcentres, by people assigned")
TOTAL_BALANCE = Message("net benefit in total")
NET_BENEFIT = "net_benefit"
PER_PERSON, IN_ALL = Message("DKK per person"), Message("DKK")
_UNITS = {"contact": Message("contacts"), "week": Message("weeks")}
PER = {"contact": Text(da="kontakt", en="contact"), "week": Text(da="uge", en="week")}
"""What one unit of a planned price is called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedPeople:
    """The people compared whose units of everything priced are known.

    Attributes
    ----------
    units
        (n, k) in the order of `components`.
    treated, jobcentre
        (n,).
    block, cluster
        (n,) as the design has them, or `None`.
    components
        The plan's prices, unknown ones too.
    note
        How many were left out.
    """

    units: FloatArray
    treated: NDArray[np.bool_]
    jobcentre: NDArray[np.object_]
    block: NDArray[np.int64] | None
    cluster: NDArray[np.int64] | None
    components: tuple[Component, ...]
    note: Message

    def effects(self) -> JointEffects:
        """Return the differences between the arms in all quantities together."""
        found = joint_effects(self.units, self.treated, block=self.block, cluster=self.cluster)
        return replace(found, note=Message.join([found.note, self.note]))


def priced_people(cases: Cases) -> PricedPeople:
    """Return the primary arm's people and controls with their units, and the plan's prices.

    Raises
    ------
    NotEstimable
        The plan names no prices, a quantity is not in the data, or an arm has too few people.
    DefinitionError
        Nobody was drawn into arms.
    """
    cases.trial.check_assigned()
    arm, costs = cases.trial.treated_arms[0].id, cases.trial.costs
    if costs is None:
        raise NotEstimable(Message("the plan names no prices"))
    table, pair = _quantities(cases, costs), cases.design.pair(arm)
    missing = [bool(np.isnan(column).all()) for column in table[pair].T]
    unknown = [Message(price.label.en) for price, lacking in zip(costs.prices, missing, strict=True) if lacking]
    if unknown:
        raise NotEstimable(Message("the units of {names} are not in the data", names=Message.join(unknown, ", ")))
    known = pair & ~np.isnan(table).any(axis=1)
    reason = too_few(cases, known, arm)
    if reason is not None:
        raise NotEstimable(reason)
    lost = int((pair & ~known).sum())
    design = cases.design
    return PricedPeople(
        units=table[known], treated=design.arm[known] == arm,
        jobcentre=cases.frame["jobcentre"].to_numpy(dtype=object)[known],
        block=None if design.block is None else design.block[known],
        cluster=design.unit[known] if design.assigned_by_group else None,
        components=tuple(_component(price, costs.vary_by) for price in costs.prices),
        note=Message("{n} people without all quantities known left out", n=lost) if lost else Message(""),
    )  # fmt: skip


def estimate_quantities(cases: Cases) -> Results:
    """Estimate how many more units of everything priced the treated used; `outcome` is the price's id.

    Weeks in states are discounted by the plan's rate where it is known. Empty rows where a quantity is not known.
    """
    prices = cases.trial.costs.prices if cases.trial.costs else ()
    level, arm = cases.trial.inference.level, cases.trial.treated_arms[0].id
    names: list[dict[str, Any]] = [
        {"estimand": QUANTITY, "outcome": price.id, "arm": arm, "unit": _UNITS[price.unit]} for price in prices
    ]
    try:
        found = priced_people(cases).effects()
    except NotEstimable as error:
        return Results(Estimate.empty(reason=error.args[0], level=level, **known) for known in names)
    rows = []
    for place, known in enumerate(names):
        value, std_error = float(found.values[place]), float(np.sqrt(found.covariance[place, place]))
        if std_error <= 0:
            same = Message("everybody in an arm has the same number of units")
            rows.append(Estimate.empty(reason=same, level=level, **known))
            continue
        rows.append(
            Estimate(
                value=value, std_error=std_error, df=found.df,
                interval=wald_interval(value, std_error, found.df, level),
                p_value=wald_p_value(value, std_error, found.df), n_treated=found.n_treated, n_control=found.n_control,
                method=Message("differences of all quantities together"), note=found.note, **known,
            )
        )  # fmt: skip
    return Results(rows)


def estimate_costs(cases: Cases) -> Results:
    """Price the differences in units: one row a price and their sum (`outcome` net_benefit); above 0 is a gain.

    Where a price is not known, its row and the sum are empty and say so.
    """
    if cases.trial.costs is None:
        return Results()
    level, arm = cases.trial.inference.level, cases.trial.treated_arms[0].id
    try:
        people = priced_people(cases)
        found = cost_benefit(people.effects(), people.components, level=level).estimates
        rows = [*(replace(row, estimand=PART) for row in found[:-1]), found[-1]]
    except NotEstimable as error:
        rows = [_empty(error.args[0], level)]
    return Results(replace(row, arm=arm) for row in rows)


def estimate_costs_by_jobcentre(cases: Cases) -> Results:
    """Estimate the balance per person at every jobcentre (`group`), and for all together per person and in total.

    A jobcentre with fewer than the plan's `min_per_site` people (or `min_per_arm`) in an arm is empty, with the reason.
    Empty without prices; one row with the reason where no balance can be made at all.
    """
    trial = cases.trial
    if trial.costs is None:
        return Results()
    level, arm = trial.inference.level, trial.treated_arms[0].id
    try:
        people = priced_people(cases)
        if people.block is not None:
            raise NotEstimable(Message("arms were drawn within blocks, which jobcentres may cross"))
        found = net_benefit_by_jobcentre(
            people.units, people.treated, people.jobcentre, people.components, cluster=people.cluster,
            least=trial.inference.min_per_site or trial.inference.min_per_arm, level=level,
        ).estimates  # fmt: skip
    except NotEstimable as error:
        return Results([replace(_empty(error.args[0], level), arm=arm)])
    each = {row.group: row for row in found if row.group and row.estimand == BALANCE}
    nobody = _empty(Message("nobody at the jobcentre could be in the comparison"), level)
    places = [replace(each.get(place, nobody), group=place) for place in trial.data.jobcentres]
    mean, total = (row for row in found if not row.group)
    together = [replace(mean, estimand=MEAN_BALANCE), replace(total, estimand=TOTAL_BALANCE)]
    together = [replace(row, note=Message.join([row.note, people.note])) for row in together]
    return Results(replace(row, arm=arm) for row in (*places, *together))


def _empty(reason: Message, level: float) -> Estimate:
    return Estimate.empty(estimand=BALANCE, reason=reason, level=level, outcome=NET_BENEFIT, unit=PER_PERSON)


def _quantities(cases: Cases, costs: Costs) -> FloatArray:
    """Return units of everything priced, shape (n, prices)."""
    columns = [
        cases.activities[price.activity] if price.activity is not None else cases.priced_weeks[price.id]
        for price in costs.prices
    ]
    return np.column_stack(columns)


def _component(price: PlannedPrice, vary_by: float | None) -> Component:
    """Return the price of a unit, with the plan's range where it has none of its own."""
    low, high = price.low, price.high
    if low is None and price.value is not None and vary_by is not None:
        low, high = price.value * (1 - vary_by), price.value * (1 + vary_by)
    of = Price(
        id=price.id, label=price.label, value=price.value, per=PER[price.unit], year=price.year, low=low, high=high,
        mark=price.mark, source=price.source, illustrative=price.illustrative,
    )  # fmt: skip
    return Component(id=price.id, label=price.label, price=of, counts_as="cost")
