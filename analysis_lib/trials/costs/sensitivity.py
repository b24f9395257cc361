"""What a conclusion about costs and benefits rests on: break-even prices, and prices varied one at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, FloatArray, Message, check_level
from analysis_lib.trials.costs._rows import NO_VARIATION, value_at
from analysis_lib.trials.costs.prices import Component, Price, check_components, marks_note, unknown_prices
from analysis_lib.trials.costs.quantities import JointEffects
from analysis_lib.trials.uptake.confidence_sets import ConfidenceSet, accepted_values

__all__ = ["BreakEven", "PriceSwing", "Sensitivity", "break_even", "sensitivity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """The price at which a trial neither costs nor gains.

    Attributes
    ----------
    price
        The one sought, with its value (if any) as it stands.
    value
        The break-even price in DKK per unit; NaN where the arms do not differ in these units. Below 0, no price makes
        the trial break even.
    confidence_set
        The prices at which the net benefit does not differ from 0 at size 1 - level; it need not be an interval.
    """

    price: Price
    value: float
    confidence_set: ConfidenceSet


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceSwing:
    """The net benefit at the ends of one price's range, other prices as they stand."""

    price: Price
    low: float
    high: float
    at_low: Estimate
    at_high: Estimate

    @property
    def width(self) -> float:
        """How far the net benefit moves, in DKK per person."""
        return abs(self.at_high.value - self.at_low.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """The rows of a tornado figure, widest first.

    Attributes
    ----------
    central
        The net benefit at the prices as they stand.
    swings
        Those with a range.
    without_range
        Those without, which nothing is known of here.
    """

    central: Estimate
    swings: tuple[PriceSwing, ...]
    without_range: tuple[Price, ...]


def break_even(effects: JointEffects, components: Sequence[Component], price: str, *, level: float = 0.95) -> BreakEven:
    r"""Find the price at which the net benefit is 0, other prices as they stand.

    Parameters
    ----------
    effects, components
        As in `cost_benefit`.
    price
        Id of the price sought, the only one that may be unknown.
    level
        Coverage of the confidence set.

    Returns
    -------
    BreakEven
        The price, and its confidence set (Fieller's): an interval where the units differ clearly between the arms;
        rays or everything where they may not differ at all.

    Raises
    ------
    InvalidInput
        No component has the price, or an argument is not as in `cost_benefit`.
    NotEstimable
        Another price is unknown, or everybody has the same number of units of this one.

    Notes
    -----
    :math:`p^* = -A / U` with A the net benefit of the components with other prices and U the signed difference in units
    of this one. The set holds every p with :math:`|A + pU| \le t \sqrt{V(A + pU)}`.

    References
    ----------
    Fieller (1954), doi 10.1111/j.2517-6161.1954.tb00159.x.

    Examples
    --------
    >>> from analysis_lib.parameters import Text
    >>> week, meeting = (Price(id=name, label=Text(da=name, en=name), per=Text(da="enhed", en="unit"), value=value,
    ...     year=2009, mark="derived") for name, value in (("week", 3500.0), ("meeting", 450.0)))
    >>> rows = [Component(id=p.id, label=p.label, price=p, counts_as="cost") for p in (week, meeting)]
    >>> effects = JointEffects(values=np.array([-2.0, 5.0]), covariance=np.diag([0.25, 0.04]))
    >>> found = break_even(effects, rows, "meeting")
    >>> f"{found.value:.0f}; {found.confidence_set.summary()}"
    '1400; 95 % confidence set: 711.75 to 2105.57'
    """
    check_level(level)
    given = check_components(components, len(effects.values))
    own = np.array([component.price.id == price for component in given])
    if not own.any():
        known = ", ".join(sorted({component.price.id for component in given}))
        raise InvalidInput(f"price is {price!r}; must be one of {known}")
    unknown = unknown_prices(c for c in given if c.price.id != price)
    if unknown:
        raise NotEstimable(unknown)
    if own.all():
        raise NotEstimable(Message("no component has another price, for this one to break even with"))
    others = np.array([0.0 if mine else c.weight for mine, c in zip(own, given, strict=True)])
    units = np.array([float(c.sign) if mine else 0.0 for mine, c in zip(own, given, strict=True)])
    difference = float(units @ effects.values)
    differs = abs(difference) > NO_VARIATION * float(np.abs(units) @ np.abs(effects.values))
    if not differs and not float(units @ effects.covariance @ units):
        raise NotEstimable(Message("the arms do not differ in units of this price"))
    sought = next(component.price for component in given if component.price.id == price)
    return BreakEven(
        price=sought, value=-float(others @ effects.values) / difference if differs else math.nan,
        confidence_set=_fieller(effects, others, units, level, sought),
    )  # fmt: skip


def sensitivity(effects: JointEffects, components: Sequence[Component], *, level: float = 0.95) -> Sensitivity:
    """Vary the prices one at a time over their ranges.

    Parameters
    ----------
    effects, components
        As in `cost_benefit`.
    level
        Coverage of the intervals, and of the range of a price with a standard error and no range of its own.

    Returns
    -------
    Sensitivity
        The net benefit at each end of each range, with its interval; the widest swing first.

    Raises
    ------
    InvalidInput
        As in `cost_benefit`.
    NotEstimable
        A price is unknown, no price has a range, or the net benefit has no standard error.

    References
    ----------
    Boardman, Greenberg, Vining and Weimer (2018), Cost-Benefit Analysis, 5th ed., chapter 11.

    Examples
    --------
    >>> from analysis_lib.parameters import Text
    >>> week = Price(id="week", label=Text(da="Uge", en="Week"), per=Text(da="uge", en="week"), value=3500.0,
    ...     year=2009, mark="derived", low=3000.0, high=4000.0)
    >>> weeks = Component(id="weeks", label=Text(da="Uger", en="Weeks"), price=week, counts_as="cost")
    >>> effects = JointEffects(values=np.array([-2.0]), covariance=np.array([[0.25]]))
    >>> swing = sensitivity(effects, [weeks]).swings[0]
    >>> swing.at_low.value, swing.at_high.value, swing.width
    (6000.0, 8000.0, 2000.0)
    """
    check_level(level)
    given = check_components(components, len(effects.values))
    unknown = unknown_prices(given)
    if unknown:
        raise NotEstimable(unknown)
    central = _at(effects, given, None, 0.0, level)
    if not central.estimated:
        raise NotEstimable(central.reason)
    prices = list({component.price.id: component.price for component in given}.values())
    ranges = [(price, price.range_at(level)) for price in prices]
    swings = [
        PriceSwing(
            price=price, low=ends[0], high=ends[1],
            at_low=_at(effects, given, price, ends[0], level), at_high=_at(effects, given, price, ends[1], level),
        )
        for price, ends in ranges if ends is not None
    ]  # fmt: skip
    if not swings:
        raise NotEstimable(Message("no price has a range to vary it in"))
    return Sensitivity(
        central=central,
        swings=tuple(sorted(swings, key=lambda swing: swing.width, reverse=True)),
        without_range=tuple(price for price, ends in ranges if ends is None),
    )


def _at(
    effects: JointEffects, components: Sequence[Component], price: Price | None, value: float, level: float
) -> Estimate:
    """Return the net benefit with one price at another value."""
    weights = np.array(
        [c.sign * value if price is not None and c.price.id == price.id else c.weight for c in components]
    )
    return value_at(
        effects, weights, None, estimand=Message("net benefit"), outcome="net_benefit", note=marks_note(components),
        level=level,
    )  # fmt: skip


def _fieller(effects: JointEffects, others: FloatArray, units: FloatArray, level: float, price: Price) -> ConfidenceSet:
    """Return the prices at which the net benefit does not differ from 0."""
    covariance = effects.covariance
    limit = float(special.stdtrit(effects.df, (1 + level) / 2))

    def part(left: FloatArray, right: FloatArray) -> FloatArray:
        return np.array([[left @ covariance @ right]])

    aa, ab, bb = part(others, others), -part(others, units), part(units, units)
    if not aa.any() and not bb.any():
        raise NotEstimable(Message("the outcome has no variation left to estimate a standard error from"))
    if bb.any() and float(aa[0, 0] - ab[0, 0] ** 2 / bb[0, 0]) <= NO_VARIATION * float(aa[0, 0]):
        raise NotEstimable(Message("the other components move in step with the units of this price"))
    parts = accepted_values(
        np.array([others @ effects.values]), np.array([-(units @ effects.values)]),
        aa=aa, ab=ab, bb=bb, critical=limit**2,
    )  # fmt: skip
    return ConfidenceSet(
        estimand=Message("break-even price of {price}", price=Message(price.label.en)),
        parts=parts,
        level=level,
        unit=Message("DKK per {per}", per=Message(price.per.en)),
        method=Message.join([Message("Fieller's set"), effects.method]),
        note=effects.note,
    )
