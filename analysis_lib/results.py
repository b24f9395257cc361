"""Estimate, Check, Curve, Results: the only shapes in which an answer travels."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any, Literal, Protocol, overload

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from analysis_lib.errors import InvalidInput

FloatArray = NDArray[np.float64]
Scale = Literal["identity", "log"]
Part = tuple[str, tuple[tuple[str, Any], ...]]


class Message(str):
    """An English sentence that remembers its template, so that a report can say it in another language.

    `Message("{n} blocks left out", n=3)` is the string ``3 blocks left out``. Float values carry their format in
    the template (`{low:.1f}`). Values may be messages themselves. Joining keeps the parts.

    Examples
    --------
    >>> note = Message("{n} blocks left out", n=3)
    >>> note
    '3 blocks left out'
    >>> Message.join([note, Message("CR2")])
    '3 blocks left out; CR2'
    """

    __slots__ = ("parts", "separator")
    parts: tuple[Part, ...]
    separator: str

    def __new__(cls, template: str = "", **values: Any) -> Message:
        """Format the template with the values."""
        self = super().__new__(cls, template.format(**values) if values else template)
        self.parts = ((template, tuple(values.items())),) if template else ()
        self.separator = "; "
        return self

    @classmethod
    def join(cls, messages: Iterable[str], separator: str = "; ") -> Message:
        """Join messages; plain strings count as templates without values, empty ones are left out."""
        given = [m if isinstance(m, Message) else cls(m) for m in messages if m]
        if any(len(m.parts) > 1 and m.separator != separator for m in given):
            raise InvalidInput("messages joined with different separators cannot be joined again")
        self = super().__new__(cls, separator.join(given))
        self.parts = tuple(part for m in given for part in m.parts)
        self.separator = separator
        return self

    def render(self, one: Callable[[str, dict[str, Any]], str]) -> str:
        """Say every part with `one(template, values)`, joined as the original was."""
        return self.separator.join(one(template, dict(values)) for template, values in self.parts)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_message, (str(self), self.parts, self.separator)

    def __repr__(self) -> str:
        return repr(str(self))

    def __str__(self) -> str:
        return "".join(self)


def _restore_message(text: str, parts: tuple[Part, ...], separator: str) -> Message:
    message = str.__new__(Message, text)
    message.parts = parts
    message.separator = separator
    return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A confidence interval; `level` is the coverage aimed at, such as 0.95."""

    low: float
    high: float
    level: float


class IntervalRule(Protocol):
    """Gives an interval that is not value ± quantile x standard error (a median's, for one)."""

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return (low, high) at the level."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """One estimated number with its uncertainty.

    Attributes
    ----------
    estimand
        What is estimated, in the field's words (`difference in means`, `hazard ratio`, `median`).
    value
        In `unit`; NaN where `reason` says why there is none.
    std_error
        On `scale`: for a ratio (`scale="log"`) it is the standard error of the *logarithm*.
    df
        Degrees of freedom of the t reference; infinity for the normal one.
    interval
        Two-sided confidence interval of `value` (for a ratio: of the ratio itself).
    p_value
        Two-sided, of no effect (0, or a ratio of 1); NaN where the estimand has no null.
    n_treated, n_control, n
        People used, by arm and in all; `None` where the estimand has no arms.
    n_clusters
        `None` where people are the units.
    """

    estimand: str
    value: float
    std_error: float = math.nan
    df: float = math.inf
    interval: Interval
    p_value: float = math.nan
    unit: str = ""
    method: str = ""
    n_treated: int | None = None
    n_control: int | None = None
    n: int | None = None
    n_clusters: int | None = None
    note: str = ""
    reason: str = ""
    scale: Scale = "identity"
    outcome: str = ""
    arm: str = ""
    group: str = ""
    rule: IntervalRule | None = field(default=None, repr=False, compare=False)

    @classmethod
    def empty(cls, *, estimand: str, reason: str, level: float = 0.95, **known: Any) -> Estimate:
        """Return the row for what cannot be estimated: no number, and the reason."""
        nothing = Interval(low=math.nan, high=math.nan, level=level)
        return cls(estimand=estimand, value=math.nan, df=math.nan, interval=nothing, reason=reason, **known)

    @property
    def estimated(self) -> bool:
        """Whether there is a number."""
        return not self.reason

    def interval_at(self, level: float) -> Interval:
        """Return the interval at another level (0 < level < 1)."""
        check_level(level)
        if self.rule is not None:
            low, high = self.rule.interval_at(level)
            return Interval(low=low, high=high, level=level)
        return wald_interval(self.value, self.std_error, self.df, level, self.scale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One test of an assumption; `passed` is `None` where it could not be made (`detail` says why)."""

    name: str
    passed: bool | None
    statistic: float = math.nan
    p_value: float = math.nan
    threshold: float = math.nan
    df: float = math.nan
    method: str = ""
    detail: str = ""
    outcome: str = ""
    arm: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A curve with its band, as arrays of shape (n_points,); a step function continuous from the right.

    `start` is the value before the first `x` (1 for a survival curve). `at_risk` counts people at risk just before `x`.
    """

    x: FloatArray
    y: FloatArray
    low: FloatArray
    high: FloatArray
    label: str = ""
    unit_x: str = ""
    unit_y: str = ""
    at_risk: FloatArray | None = None
    start: float = math.nan
    level: float = 0.95
    method: str = ""
    outcome: str = ""
    arm: str = ""

    def at(self, x: float) -> float:
        """Return the step function's value at `x`."""
        before = int(np.searchsorted(self.x, x, side="right"))
        return float(self.y[before - 1]) if before else self.start


Item = Estimate | Check

ESTIMATE_COLUMNS = (
    "outcome", "arm", "group", "estimand", "method", "value", "std_error", "df", "low", "high", "level", "p_value",
    "unit", "scale", "n_treated", "n_control", "n", "n_clusters", "note", "reason",
)  # fmt: skip
_COUNT_COLUMNS = ("n_treated", "n_control", "n", "n_clusters")


class Results(Sequence[Item]):
    """An immutable sequence of estimates and checks; `+` joins, `to_frame` gives the public file format.

    Examples
    --------
    >>> rows = Results([Estimate.empty(estimand="median", reason="nobody left unemployment")])
    >>> rows.to_frame()[["estimand", "value", "reason"]]
      estimand  value                    reason
    0   median    NaN  nobody left unemployment
    """

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[Item] = ()) -> None:
        self._items: tuple[Item, ...] = tuple(items)

    @overload
    def __getitem__(self, index: int) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> Results: ...
    def __getitem__(self, index: int | slice) -> Item | Results:
        return Results(self._items[index]) if isinstance(index, slice) else self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items)

    def __add__(self, other: Results) -> Results:
        return Results((*self._items, *other))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Results) and self._items == other._items

    def __hash__(self) -> int:
        return hash(self._items)

    def __repr__(self) -> str:
        return f"Results({len(self.estimates)} estimates, {len(self.checks)} checks)"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False, na_rep=""))

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """The estimates, in order."""
        return tuple(item for item in self._items if isinstance(item, Estimate))

    @property
    def checks(self) -> tuple[Check, ...]:
        """The checks, in order."""
        return tuple(item for item in self._items if isinstance(item, Check))

    def where(self, **wanted: str) -> Results:
        """Return the items whose attributes have the values wanted (`outcome="weeks_52"`)."""
        return Results(i for i in self._items if all(getattr(i, k, None) == v for k, v in wanted.items()))

    def to_frame(self) -> pd.DataFrame:
        """Return the estimates, one a row, in the public column order (`ESTIMATE_COLUMNS`)."""
        rows = [_row(estimate) for estimate in self.estimates]
        frame = pd.DataFrame(rows, columns=list(ESTIMATE_COLUMNS))
        return frame.astype(dict.fromkeys(_COUNT_COLUMNS, "Int64"))

    def summary(self) -> Message:
        """Return one sentence an estimate, in plain words."""
        return Message.join([estimate_sentence(estimate) for estimate in self.estimates], separator=" ")


def estimate_sentence(estimate: Estimate) -> Message:
    """Say one estimate in a sentence: without an outcome or an interval where it has none."""
    names = [Message(name) for name in (estimate.outcome, estimate.estimand) if name]
    head = {"what": Message.join(names, separator=", ")}
    if not estimate.estimated:
        return Message("{what}: not estimated ({reason}).", **head, reason=estimate.reason)
    interval, plain = estimate.interval, estimate.unit in ("", "ratio")
    found = {"value": estimate.value} | ({} if plain else {"unit": Message(estimate.unit)})
    if math.isnan(interval.low) and math.isnan(interval.high):
        return Message("{what}: {value:.2f}." if plain else "{what}: {value:.2f} {unit}.", **head, **found)
    limits = {"level": 100 * interval.level, "low": interval.low, "high": interval.high}
    if plain:
        return Message(
            "{what}: {value:.2f} ({level:.0f} % interval {low:.2f} to {high:.2f}).", **head, **found, **limits
        )
    return Message(
        "{what}: {value:.2f} {unit} ({level:.0f} % interval {low:.2f} to {high:.2f}).", **head, **found, **limits
    )


def _row(estimate: Estimate) -> dict[str, Any]:
    row = {name: getattr(estimate, name) for name in ESTIMATE_COLUMNS if name not in ("low", "high", "level")}
    return row | {
        "low": estimate.interval.low, "high": estimate.interval.high, "level": estimate.interval.level,
        "note": str(estimate.note), "reason": str(estimate.reason), "method": str(estimate.method),
    }  # fmt: skip


def check_level(level: float) -> float:
    """Return the level, or raise where it is not strictly between 0 and 1."""
    if not isinstance(level, Real) or not 0 < level < 1:
        raise InvalidInput(f"level is {level!s}; must be between 0 and 1")
    return level


def wald_interval(value: float, std_error: float, df: float, level: float, scale: Scale = "identity") -> Interval:
    """Return value ± t(df) x std_error, computed on the log scale and turned back for a ratio."""
    half = float(special.stdtrit(df, (1 + level) / 2)) * std_error
    if scale == "log":
        return Interval(low=value * math.exp(-half), high=value * math.exp(half), level=level)
    return Interval(low=value - half, high=value + half, level=level)


def wald_p_value(value: float, std_error: float, df: float, scale: Scale = "identity") -> float:
    """Return the two-sided p-value of no effect (0, or a ratio of 1)."""
    distance = math.log(value) if scale == "log" else value
    return float(2 * special.stdtr(df, -abs(distance) / std_error))
