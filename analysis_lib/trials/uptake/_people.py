"""The people and columns of a regression with instruments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message, check_level
from analysis_lib.trials._arrays import (
    Covariates,
    Groups,
    IntArray,
    as_columns,
    as_covariates,
    as_groups,
    as_numbers,
)
from analysis_lib.trials._least_squares import independent_columns

# Relative to a column's size: variation below this is rounding.
NO_VARIATION = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrumented:
    """The people used, without collinear columns.

    Attributes
    ----------
    y
        Outcome, shape (n,).
    treatment
        Endogenous columns, (n, k), and their names.
    exogenous
        Constant, block indicators and covariates, shape (n, e).
    instruments
        Shape (n, m), m at least k.
    """

    y: FloatArray
    treatment: Covariates
    exogenous: FloatArray
    instruments: FloatArray
    cluster: Groups | None
    notes: tuple[Message, ...]

    @property
    def first_stage(self) -> FloatArray:
        """Return the columns of the first stage, (n, e + m): exogenous ones, then instruments."""
        return np.hstack([self.exogenous, self.instruments])

    @property
    def instrument_columns(self) -> IntArray:
        """Return where the instruments stand in the first stage."""
        first = self.exogenous.shape[1]
        return np.arange(first, first + self.instruments.shape[1], dtype=np.intp)

    @property
    def partialled_instruments(self) -> FloatArray:
        """Return what is left of the instruments after regression on the exogenous columns, (n, m)."""
        basis = np.linalg.qr(self.exogenous)[0]
        return self.instruments - basis @ (basis.T @ self.instruments)


def read_instrumented(
    y: ArrayLike,
    treatment: Any,
    instrument: Any,
    *,
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
    level: float,
) -> Instrumented:
    """Check the arguments, and return the people and columns to use."""
    check_level(level)
    outcome = as_numbers(y, "y")
    n = len(outcome)
    if not n:
        raise NotEstimable(Message("nobody to estimate from"))
    endogenous, instruments = as_columns(treatment, "treatment", n), as_columns(instrument, "instrument", n)
    k, m = len(endogenous.names), len(instruments.names)
    if m < k:
        raise InvalidInput(f"instrument has {m} columns; must have {k} or more, as treatment has {k}")
    groups = None if cluster is None else as_groups(cluster, "cluster", n)
    if groups is not None and groups.count < 2:
        raise NotEstimable(Message("{n} clusters; two are needed", n=groups.count))
    controls = _controls(
        None if block is None else as_groups(block, "block", n),
        as_covariates(np.empty((n, 0)) if covariates is None else covariates, n),
    )
    columns = np.hstack([np.ones((n, 1)), _centred(controls.values), _centred(instruments.values)])
    kept = independent_columns(columns)
    first = 1 + len(controls.names)
    used = int(np.sum(kept >= first))
    if used < k:
        raise NotEstimable(Message("{m} instruments tell something beyond the covariates; {k} are needed", m=used, k=k))
    if len(kept) >= n:
        raise NotEstimable(Message("{n} people cannot carry a regression with {k} coefficients", n=n, k=len(kept)))
    names = (*controls.names, *instruments.names)
    lost = [names[j - 1] for j in range(1, columns.shape[1]) if j not in set(kept.tolist())]
    note = Message("collinear columns left out: {n} ({names})", n=len(lost), names=", ".join(lost))
    return Instrumented(
        y=outcome,
        treatment=endogenous,
        exogenous=columns[:, kept[kept < first]],
        instruments=columns[:, kept[kept >= first]],
        cluster=groups,
        notes=(note,) if lost else (),
    )


def unmoved(names: Sequence[str]) -> Message:
    """Return the reason why treatments have no effect that instruments can tell."""
    return Message(
        "the instruments do not move {names} apart from the covariates and the other activities", names=", ".join(names)
    )


def fits_exactly(columns: FloatArray, values: FloatArray) -> bool:
    """Whether (n, p) columns fit the values (n,) but for rounding."""
    basis = np.linalg.qr(columns)[0]
    rest = values - basis @ (basis.T @ values)
    return bool(np.max(np.abs(rest)) <= NO_VARIATION * np.max(np.abs(values)))


def _controls(block: Groups | None, given: Covariates) -> Covariates:
    """Return block indicators (all but the first) and covariates."""
    if block is None:
        return given
    indicators = (block.codes[:, None] == np.arange(1, block.count)).astype(np.float64)
    names = tuple(f"block {name}" for name in block.names[1:])
    return Covariates(values=np.hstack([indicators, given.values]), names=(*names, *given.names))


def _centred(values: FloatArray) -> FloatArray:
    """Return the columns less their means; rounding in constant ones becomes 0."""
    if not values.shape[1]:
        return values
    centred = values - values.mean(axis=0)
    constant = np.abs(centred).max(axis=0) <= NO_VARIATION * np.abs(values).max(axis=0)
    return np.where(constant, 0.0, centred)
