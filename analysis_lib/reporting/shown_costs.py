"""What pages show of costs: prices with their evidence, break-even prices, and sentences on what they come to."""

from __future__ import annotations

import math
from collections.abc import Sequence

from analysis_lib.reporting.answer import clear
from analysis_lib.reporting.language import Translator
from analysis_lib.reporting.table import Table
from analysis_lib.reporting.tables import Fact, facts_table
from analysis_lib.results import Estimate, Message
from analysis_lib.trials.costs import Price, Sensitivity
from analysis_lib.trials.definition import Costs, PlannedPrice
from analysis_lib.trials.evaluation.cost_conclusion import BreakEvenPrice

# Of the bootstrap's note, whose number of units differs.
FEW_UNITS = "resampling is not to be relied on"
ILLUSTRATIVE = Message("Prices chosen to show the arithmetic: no result is claimed from them.")


def prices_table(costs: Costs, translator: Translator) -> Table:
    """Show every price and the discount rate with their evidence."""
    t, rate = translator.t, costs.discount_rate
    facts = [Fact(name=p.label, value=_price(p, translator), mark=p.mark, source=p.source) for p in costs.prices]
    said = t("not known: weeks count alike") if rate.value is None else translator.percent(rate.value, 1)
    facts.append(Fact(name=t("Discounting, a year"), value=said, mark=rate.mark, source=rate.source))
    return facts_table(facts, translator, caption=t("Prices"))


def _price(price: PlannedPrice, translator: Translator) -> str:
    if price.value is None:
        return translator.t("not known")
    if price.illustrative:
        return translator.t("{value:.0f} DKK (illustrative)", value=price.value)
    return translator.t("{value:.0f} DKK", value=price.value)


def break_even_table(found: Sequence[BreakEvenPrice], translator: Translator) -> Table:
    """Show the price at which the balance is 0, each by itself, with its confidence set; or why there is none."""
    t = translator.t
    return Table(
        caption=t("At which price the balance would be 0, the other prices as they stand"),
        header=(t("Price of"), t("As it stands"), t("The balance is 0 at"), t("Confidence set")),
        rows=tuple(_break_even_row(one, translator) for one in found),
        alignment=("left", "right", "right", "left"),
    )


def _break_even_row(one: BreakEvenPrice, translator: Translator) -> tuple[str, ...]:
    t, name = translator.t, translator.text(one.price.label)
    if one.found is None:
        return name, t("Not estimated: {reason}", reason=one.reason)
    stands = t("not known") if one.price.value is None else _dkk(one.price.value, translator)
    value = one.found.value
    turns = "–" if math.isnan(value) else t("no price above 0") if value <= 0 else _dkk(value, translator)
    return name, stands, turns, translator.render(one.found.confidence_set.summary())


def _dkk(value: float, translator: Translator) -> str:
    return translator.t("{value:.0f} DKK", value=value)


def say_balance(row: Estimate, *, illustrative: bool) -> Message:
    """Say what it came to for the public purse."""
    shown = {"value": abs(row.value), "low": row.interval.low, "high": row.interval.high}
    if not clear(row):
        said = Message(
            "In money it can be a gain or a loss for the public purse: the interval runs from {low:+.0f} to "
            "{high:+.0f} DKK per person.",
            **shown,
        )
    elif row.value > 0:
        said = Message(
            "In money the public purse gained {value:.0f} DKK per person (interval {low:+.0f} to {high:+.0f}).", **shown
        )
    else:
        said = Message(
            "In money it cost the public purse {value:.0f} DKK per person (interval {low:+.0f} to {high:+.0f}).",
            **shown,
        )
    if not illustrative:
        return said
    return Message.join([said, Message("The prices are chosen to show the arithmetic.")], separator=" ")


def say_jobcentres(rows: Sequence[Estimate]) -> Message:
    """Say at how many jobcentres the balance is clear, and that the others' can be chance."""
    known = [row for row in rows if row.estimated]
    if not known:
        return Message("No jobcentre has people enough for a balance of its own.")
    gains, losses = (sum(clear(row) and (row.value > 0) is gain for row in known) for gain in (True, False))
    return Message(
        "{n} of {all} jobcentres have people enough for a balance of their own: clearly a gain at {gains}, clearly a "
        "loss at {losses}. At the others it can be chance, and so can differences between jobcentres.",
        n=len(known), all=len(rows), gains=gains, losses=losses,
    )  # fmt: skip


def say_rests(found: Sensitivity) -> Message:
    """Say which prices would take away a clear gain (or a clear loss) within their range."""
    central = found.central
    if not clear(central):
        return Message(
            "Whether it is a gain or a loss cannot be told even with the prices as they stand; the figure shows how "
            "far each price would move it."
        )
    turning = [one.price for one in found.swings if not all(_alike(end, central) for end in (one.at_low, one.at_high))]
    names, gain = _names(turning), central.value > 0
    if turning and gain:
        return Message("Within its range, each of these prices could take away the clear gain: {names}.", names=names)
    if turning:
        return Message("Within its range, each of these prices could take away the clear loss: {names}.", names=names)
    if gain:
        return Message("It stays clearly a gain, wherever within its range any one of the prices lies.")
    return Message("It stays clearly a loss, wherever within its range any one of the prices lies.")


def _alike(row: Estimate, other: Estimate) -> bool:
    """Whether a balance is clear, and of the sign of another."""
    return clear(row) and (row.value > 0) is (other.value > 0)


def say_ranges(found: Sensitivity, costs: Costs) -> Message:
    """Say where the ranges come from, and which prices have none."""
    said = []
    assumed = [price for price in costs.prices if price.low is None]
    if costs.vary_by is not None and assumed:
        said.append(
            Message(
                "Without a range of their own, these prices are varied by {share:.0%} up and down, as the plan says; "
                "that is no knowledge of how unsure they are: {names}.",
                share=costs.vary_by, names=_names(assumed),
            )
        )  # fmt: skip
    if found.without_range:
        said.append(Message("Without a range, and not varied: {names}.", names=_names(found.without_range)))
    return Message.join(said, separator=" ")


def say_gain(row: Estimate) -> Message:
    """Say how often the people drawn anew give a gain, and what that is not."""
    said = Message(
        "When the people are drawn anew many times, {share:.0%} of the draws give a gain. That is how sure it is, "
        "given the prices and the chance in who took part; it says nothing of whether the prices are right.",
        share=row.value,
    )
    if FEW_UNITS not in row.note:
        return said
    rough = Message("So few were assigned by themselves (people, or days of birth) that the share is a rough one.")
    return Message.join([said, rough], separator=" ")


def _names(prices: Sequence[Price | PlannedPrice]) -> Message:
    return Message.join([Message(price.label.en) for price in prices], separator=", ")
