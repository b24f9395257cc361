"""What is known of a price, wherever it is written down: its value, its range, and the evidence."""

from __future__ import annotations

from pydantic import Field, model_validator

from analysis_lib.parameters import Id, Sourced, Text


class QuotedPrice(Sourced):
    """A value in DKK with its evidence mark.

    Attributes
    ----------
    id, label
        What the price is of.
    value
        Above 0; none exactly where the mark is "unknown", unless illustrative.
    year
        Year of the price level; a value must have one.
    low, high
        Range in which the value is varied to see what rests on it, both or none.
    illustrative
        A value chosen to show the arithmetic, whose mark stays "unknown": no result may be claimed from it.
    """

    id: Id
    label: Text
    value: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    year: int | None = Field(default=None, ge=1980, le=2100)
    low: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    high: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    illustrative: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> QuotedPrice:
        of = f"price '{self.id}'"
        if self.illustrative and (self.value is None or self.mark != "unknown"):
            raise ValueError(f"{of} is illustrative, which is for a value whose mark is unknown")
        if not self.illustrative and (self.value is None) != (self.mark == "unknown"):
            raise ValueError(f"{of}: mark is unknown exactly where there is no value, or it is illustrative")
        if (self.low is None) != (self.high is None):
            raise ValueError(f"{of}: one of low and high is given; must be both or none")
        if self.value is None:
            if self.low is not None:
                raise ValueError(f"{of}: there is no value, so there must be no range")
            return self
        if self.year is None:
            raise ValueError(f"{of} has a value; must have its year too")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"{of}: value is {self.value:g}; must be from low ({self.low:g}) to high ({self.high:g})")
        return self
