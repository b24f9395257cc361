"""The values of a statistic over assignments, and statistics that are sums of scores of the treated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from analysis_lib.results import FloatArray, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Variances over R assignments: of K outcomes (R, K), of treatment as made (R,), and their covariances (R, K)."""

    own: FloatArray
    cross: FloatArray
    shift: FloatArray

    def of(self, j: int) -> Spread:
        """Return the variances (R,) of outcome j."""
        return Spread(own=self.own[:, j].copy(), cross=self.cross[:, j].copy(), shift=self.shift)


@dataclass(frozen=True, slots=True, kw_only=True)
class Values:
    """A statistic of K outcomes over R assignments, 0 in the middle of what is expected without an effect.

    Attributes
    ----------
    value
        (R, K).
    shift
        (R,) the statistic of treatment as made: less t for each treated person, outcomes give `value` - t `shift`.
        `None` where the statistic has no such shift.
    spread
        Variances that the statistic is studentised by; less t, `own` - 2 t `cross` + t^2 `shift`.
    """

    value: FloatArray
    shift: FloatArray | None = None
    spread: Spread | None = None

    @classmethod
    def join(cls, parts: Sequence[Values]) -> Values:
        """Put the assignments of all parts together."""
        shifts = [part.shift for part in parts if part.shift is not None]
        spreads = [part.spread for part in parts if part.spread is not None]
        return cls(
            value=np.concatenate([part.value for part in parts]),
            shift=np.concatenate(shifts) if shifts else None,
            spread=Spread(
                own=np.concatenate([s.own for s in spreads]),
                cross=np.concatenate([s.cross for s in spreads]),
                shift=np.concatenate([s.shift for s in spreads]),
            )
            if spreads
            else None,
        )


class Statistic(Protocol):
    """What is computed from an assignment.

    `label` names it; `size` (K,) is the size of a value that is more than rounding; `notes` are of all outcomes.
    """

    @property
    def label(self) -> Message: ...
    @property
    def size(self) -> FloatArray: ...
    @property
    def notes(self) -> tuple[Message, ...]: ...

    def of(self, drawn: FloatArray) -> Values:
        """Return the values of (R, columns) assignments, 1 where treated."""

    def report(self, observed: Values) -> tuple[FloatArray, FloatArray]:
        """Return the estimates (K,) and their standard errors (K,), NaN where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """A statistic that is the sum of fixed scores of the treated.

    Attributes
    ----------
    scores
        (columns, K), or (columns, K + 1) where the last is of treatment as made.
    origin, factor
        The estimate is origin + factor x statistic; with `shifts`, the statistic over that of treatment.
    std_error
        (K,) of the estimate.
    """

    label: Message
    scores: FloatArray
    size: FloatArray
    shifts: bool
    std_error: FloatArray
    origin: float = 0.0
    factor: float = 1.0
    notes: tuple[Message, ...] = ()

    def of(self, drawn: FloatArray) -> Values:
        """Return the values of (R, columns) assignments."""
        sums = drawn @ self.scores
        return Values(value=sums[:, :-1], shift=sums[:, -1]) if self.shifts else Values(value=sums)

    def report(self, observed: Values) -> tuple[FloatArray, FloatArray]:
        """Return the estimates and their standard errors."""
        if observed.shift is not None:
            return observed.value[0] / observed.shift[0], self.std_error
        return self.origin + self.factor * observed.value[0], self.std_error
