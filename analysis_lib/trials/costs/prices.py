"""Prices of programmes and benefits, each with its evidence mark, and what they are prices of."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field, model_validator
from scipy import special

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import Definition, Id, Mark, Text
from analysis_lib.results import Message
from analysis_lib.trials._quoted_price import QuotedPrice

__all__ = ["Component", "Price"]

_MARKS: dict[Mark, Message] = {
    "verified": Message("verified"),
    "derived": Message("derived"),
    "recalled": Message("from memory"),
    "unknown": Message("chosen to show the arithmetic"),
}


class Price(QuotedPrice):
    """The price of one unit, with its evidence mark.

    Attributes
    ----------
    id, label, value, year, low, high, illustrative
        As in `QuotedPrice`.
    per
        The unit: a meeting, a week of benefit.
    mark, source
        Evidence; what is verified names its source.
    std_error
        In DKK; gives a range where `low` and `high` do not.

    Raises
    ------
    DefinitionError
        Where a definition file breaks one of these rules (pydantic's ValidationError where Python code does).

    Examples
    --------
    >>> meeting = Price(id="meeting", label=Text(da="Samtaler", en="Meetings"), per=Text(da="samtale", en="meeting"),
    ...     value=450.0, year=2009, mark="recalled", low=300.0, high=600.0)
    >>> meeting.range_at(0.95)
    (300.0, 600.0)
    """

    per: Text
    std_error: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _known_with_error(self) -> Price:
        if self.value is None and self.std_error is not None:
            raise ValueError(f"price '{self.id}': there is no value, so there must be no std_error")
        return self

    def range_at(self, level: float) -> tuple[float, float] | None:
        """Return (low, high) in DKK, or nothing where the price has no range.

        It is the one given or, from the standard error, the lognormal value x exp(± z std_error / value).
        """
        if self.low is not None and self.high is not None:
            return self.low, self.high
        if self.value is None or self.std_error is None:
            return None
        factor = math.exp(float(special.ndtri((1 + level) / 2)) * self.std_error / self.value)
        return self.value / factor, self.value * factor


class Component(Definition):
    """A quantity measured for each person, and its price.

    Attributes
    ----------
    id, label
        The quantity: meetings held, weeks on unemployment benefit, discounted or not.
    price
        Of one unit. Components may share a price.
    counts_as
        "cost" where one more unit costs the public (programmes, benefits), "gain" where it pays (taxes, production).

    Examples
    --------
    >>> week = Price(id="benefit", label=Text(da="Dagpenge", en="Benefit"), per=Text(da="uge", en="week"),
    ...     value=3500.0, year=2009, mark="recalled")
    >>> Component(id="weeks", label=Text(da="Uger", en="Weeks"), price=week, counts_as="cost").weight
    -3500.0
    """

    id: Id
    label: Text
    price: Price
    counts_as: Literal["cost", "gain"]

    @property
    def sign(self) -> int:
        """-1 for a cost, 1 for a gain."""
        return -1 if self.counts_as == "cost" else 1

    @property
    def weight(self) -> float:
        """What one more unit gives in DKK; NaN where the price is not known."""
        return float("nan") if self.price.value is None else self.sign * self.price.value


def check_components(components: Sequence[Component], count: int | None = None) -> tuple[Component, ...]:
    """Return the components, or raise where they do not go together.

    Raises
    ------
    InvalidInput
        No component; an id twice; one price id with two prices; price years that differ; not `count` of them.
    """
    given = tuple(components)
    if not given:
        raise InvalidInput("components is empty; must have one or more")
    if count is not None and len(given) != count:
        raise InvalidInput(f"components has {len(given)} entries; must have {count}, one for each quantity")
    ids = [component.id for component in given]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise InvalidInput(f"components has the id {twice[0]!r} twice; must have each once")
    prices: dict[str, Price] = {}
    for component in given:
        if prices.setdefault(component.price.id, component.price) != component.price:
            raise InvalidInput(f"components has two prices with the id {component.price.id!r}; must have one")
    years = sorted({price.year for price in prices.values() if price.year is not None})
    if len(years) > 1:
        raise InvalidInput(f"components has prices of the years {', '.join(map(str, years))}; must be of one year")
    return given


def unknown_prices(components: Iterable[Component]) -> Message:
    """Return the reason why the components cannot be priced, or nothing."""
    names = {c.price.id: c.price.label.en for c in components if c.price.value is None}
    if not names:
        return Message()
    return Message("the price of {names} is not known", names=_joined(names.values()))


def price_note(price: Price) -> Message:
    """Say the price, which has a value, with its unit, year and mark."""
    return Message(
        "price {value:.2f} DKK per {per} ({year:d} level, {mark})",
        value=price.value,
        per=Message(price.per.en),
        year=price.year,
        mark=_MARKS[price.mark],
    )


def marks_note(components: Sequence[Component]) -> Message:
    """Say the price level, and which prices are from memory."""
    level = Message("prices of {year:d}", year=components[0].price.year)
    unsure = {c.price.id: c.price.label.en for c in components if c.price.mark == "recalled"}
    if not unsure:
        return level
    return Message.join([level, Message("prices not verified: {names}", names=_joined(unsure.values()))])


def _joined(names: Iterable[str]) -> Message:
    return Message.join([Message(name) for name in names], separator=", ")
