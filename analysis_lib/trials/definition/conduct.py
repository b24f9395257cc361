"""What the treated met, and what it cost: schedule, activities, prices."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from analysis_lib.parameters import Definition, Id, Sourced, Text
from analysis_lib.trials._quoted_price import QuotedPrice
from analysis_lib.trials.definition.data import check_code_ranges, check_distinct

ContactKind = Literal["meeting", "offer"]


class ContactRule(Definition):
    """Contacts of the register: a kind, and a type in the words of the source (without: any)."""

    kind: ContactKind
    type: str | None = None


class Expected(Definition):
    """Contacts that the schedule promised within a window: one every `every_weeks` weeks, or (without) one in all.

    Attributes
    ----------
    sites, stratum
        Where and for whom; without, everywhere and for everybody.
    """

    contact: ContactRule
    every_weeks: float | None = Field(default=None, gt=0)
    sites: tuple[Id, ...] = ()
    stratum: Id | None = None


class ScheduleWindow(Sourced):
    """What the treated met from week `weeks[0]` to week `weeks[1]` after entry (an open end is null).

    Attributes
    ----------
    arm, stratum
        Whose schedule it is; without, every treated arm's and every stratum's.
    expected
        The contacts that conduct is held against.
    """

    id: Id
    weeks: tuple[float, float | None]
    label: Text
    arm: Id | None = None
    stratum: Id | None = None
    expected: tuple[Expected, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> ScheduleWindow:
        first, last = self.weeks
        if first < 0 or (last is not None and last < first):
            raise ValueError(f"weeks is [{first:g}, {last}]; must be 0 or more, in order")
        return self


class Activity(Definition):
    """What people took part in within `horizon` weeks of entry.

    From contacts it is the number held; from states or codes (pairs: first and last of a range) the weeks in them.
    """

    id: Id
    label: Text
    horizon: int = Field(ge=1)
    contacts: ContactRule | None = None
    states: tuple[Id, ...] | None = Field(default=None, min_length=1)
    codes: tuple[tuple[int, int], ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_way(self) -> Activity:
        if sum(given is not None for given in (self.contacts, self.states, self.codes)) != 1:
            raise ValueError(f"activity '{self.id}' must be given by exactly one of contacts, states and codes")
        check_code_ranges(self.codes or ())
        return self

    @property
    def unit(self) -> Literal["contact", "week"]:
        """What is counted."""
        return "week" if self.contacts is None else "contact"


class Uptake(Definition):
    """Effects of taking part, with the assignment as instrument: alone, or at each jobcentre by itself."""

    activities: tuple[Activity, ...] = Field(min_length=1)
    outcomes: tuple[Id, ...] = Field(min_length=1)
    instruments: Literal["assignment", "assignment_by_jobcentre"]

    @model_validator(mode="after")
    def _identified(self) -> Uptake:
        check_distinct("activities", [activity.id for activity in self.activities])
        return self


class PlannedPrice(QuotedPrice):
    """What one contact, or one week, of something measured costs the public purse.

    Attributes
    ----------
    activity, states
        What is counted, one of them: an activity of `uptake`, or weeks in states.
    """

    activity: Id | None = None
    states: tuple[Id, ...] | None = Field(default=None, min_length=1)
    unit: Literal["contact", "week"]
    value: float | None = Field(gt=0, allow_inf_nan=False)
    year: int | None = Field(ge=1980, le=2100)

    @model_validator(mode="after")
    def _counted_one_way(self) -> PlannedPrice:
        if (self.activity is None) == (self.states is None):
            raise ValueError(f"price '{self.id}' must be of exactly one of activity and states")
        if self.states is not None and self.unit != "week":
            raise ValueError(f"price '{self.id}' is of states; its unit must be week")
        if self.value is None and self.year is not None:
            raise ValueError(f"price '{self.id}' has a year; must have its value too")
        return self


class DiscountRate(Sourced):
    """A rate a year, as a share; null where it is not known."""

    value: float | None = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _unknown_is_none(self) -> DiscountRate:
        if self.value is None and self.mark != "unknown":
            raise ValueError("discount_rate has no value; its mark must be unknown")
        return self


class Costs(Definition):
    """Prices for the arithmetic of costs and benefits over `horizon_weeks` weeks from entry.

    Attributes
    ----------
    vary_by
        Share by which a price without a range of its own is varied up and down, to see what rests on it; without,
        it is not varied.
    """

    currency: Literal["DKK"]
    horizon_weeks: int = Field(ge=1)
    discount_rate: DiscountRate
    vary_by: float | None = Field(default=None, gt=0, lt=1)
    prices: tuple[PlannedPrice, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _of_one_year(self) -> Costs:
        check_distinct("prices", [price.id for price in self.prices])
        years = sorted({price.year for price in self.prices if price.year is not None})
        if len(years) > 1:
            raise ValueError(f"prices are of the years {', '.join(map(str, years))}; must be of one")
        return self

    @property
    def complete(self) -> bool:
        """Whether every price and the discount rate have a value."""
        return self.discount_rate.value is not None and all(price.value is not None for price in self.prices)

    @property
    def illustrative(self) -> bool:
        """Whether a value was chosen here."""
        unsure = self.discount_rate.value is not None and self.discount_rate.mark == "unknown"
        return unsure or any(price.illustrative for price in self.prices)
