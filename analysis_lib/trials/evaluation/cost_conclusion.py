"""What the conclusion about costs rests on: prices that would turn it, prices varied, and how sure a gain is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate, FloatArray, Message, Results
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.costs import BreakEven, Price, Sensitivity, break_even, probability_of_gain, sensitivity
from analysis_lib.trials.effects import bootstrap_effects
from analysis_lib.trials.evaluation.costs import NET_BENEFIT, PricedPeople, priced_people

PROBABILITY = Message("probability that the net benefit is above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEvenPrice:
    """A price at which the balance is 0, other prices as they stand; or the reason why there is none."""

    price: Price
    found: BreakEven | None
    reason: Message


def vary_prices(cases: Cases) -> Sensitivity | Message:
    """Return the balance at the ends of every price's range, one price at a time, or the reason why not."""
    try:
        people = priced_people(cases)
        return sensitivity(people.effects(), people.components, level=cases.trial.inference.level)
    except NotEstimable as error:
        return Message.join([error.args[0]])


def find_break_even(cases: Cases) -> tuple[BreakEvenPrice, ...] | Message:
    """Return the break-even price of everything priced, in the plan's order, or the reason why there is none at all."""
    try:
        people = priced_people(cases)
        effects = people.effects()
    except NotEstimable as error:
        return Message.join([error.args[0]])
    found = []
    for component in people.components:
        price = component.price
        try:
            one = break_even(effects, people.components, price.id, level=cases.trial.inference.level)
            found.append(BreakEvenPrice(price=price, found=one, reason=Message()))
        except NotEstimable as error:
            found.append(BreakEvenPrice(price=price, found=None, reason=Message.join([error.args[0]])))
    return tuple(found)


def estimate_gain(cases: Cases, *, rng: np.random.Generator) -> Results:
    """Estimate how often the balance is above 0 when people (or those assigned together) are drawn anew.

    Returns
    -------
    Results
        One row, a share from 0 to 1, empty with the reason where it cannot be had. Nothing where the plan has no
        prices or no bootstrap draws.
    """
    trial, draws = cases.trial, cases.trial.inference.bootstrap_draws
    if trial.costs is None or draws is None:
        return Results()
    level = trial.inference.level
    try:
        people = priced_people(cases)
        drawn, note = _draws(people, draws, rng)
        row = probability_of_gain(drawn, people.components, level=level)
    except NotEstimable as error:
        row, note = Estimate.empty(estimand=PROBABILITY, reason=error.args[0], level=level), Message()
    joined = Message.join([row.note, note]) if row.estimated else row.note
    return Results([replace(row, outcome=NET_BENEFIT, arm=trial.treated_arms[0].id, note=joined)])


def _draws(people: PricedPeople, draws: int, rng: np.random.Generator) -> tuple[FloatArray, Message]:
    """Return draws of the differences in all quantities, shape (draws, k), and a note."""
    found = bootstrap_effects(
        people.units, people.treated, block=people.block, cluster=people.cluster, adjustment="none", draws=draws,
        rng=rng,
    )  # fmt: skip
    # A quantity that is the same for everybody in an arm does not vary between draws.
    drawn: FloatArray = np.where(np.isnan(found.draws), people.effects().values, found.draws)
    return drawn, Message.join([found.note, people.note])
