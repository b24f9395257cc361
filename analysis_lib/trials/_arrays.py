"""Check the arguments of array-level estimators, and return them in the form the arithmetic needs.

Arguments are matched by position: the index of a pandas object is ignored. Nothing given is changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message

IntArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]

# Of R's survival package (aeqSurv): times nearer than this are one time, so that 0.1 + 0.2 ties with 0.3.
_TIME_TOLERANCE = float(np.sqrt(np.finfo(float).eps))


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """Group membership: `codes` of shape (n,), each 0 to `count` - 1, and the groups' names, of shape (count,)."""

    codes: IntArray
    names: tuple[str, ...]

    @property
    def count(self) -> int:
        """Return the number of groups."""
        return len(self.names)

    def where(self, keep: BoolArray) -> Groups:
        """Return the membership of the rows kept, without the groups that no longer have a member."""
        present, codes = np.unique(self.codes[keep], return_inverse=True)
        return Groups(codes=codes.astype(np.intp), names=tuple(self.names[i] for i in present))


@dataclass(frozen=True, slots=True, kw_only=True)
class Covariates:
    """Covariates: `values` of shape (n, k) and the columns' names, of shape (k,)."""

    values: FloatArray
    names: tuple[str, ...]


def as_array(values: Any, name: str) -> NDArray[Any]:
    """Return an array, or raise naming the argument where its rows differ in length."""
    try:
        return np.asarray(values)
    except ValueError:
        raise InvalidInput(f"{name} has rows of different lengths; must have the same for all") from None


def as_numbers(values: ArrayLike, name: str, size: int | None = None) -> FloatArray:
    """Return finite numbers of shape (n,), or raise naming the argument."""
    found = as_array(values, name)
    if found.ndim != 1:
        raise InvalidInput(f"{name} has {found.ndim} dimensions; must have one, with a value for each person")
    _check_size(len(found), name, size)
    return _finite(found, name)


def as_binary(values: ArrayLike, name: str, size: int | None = None) -> BoolArray:
    """Return booleans of shape (n,) from booleans or 0/1, or raise naming the argument."""
    numbers = as_numbers(values, name, size)
    wrong = numbers[(numbers != 0) & (numbers != 1)]
    if wrong.size:
        raise InvalidInput(f"{name} has the value {wrong[0]:g}; must be 0 or 1 (or False, True)")
    ones: BoolArray = numbers == 1
    return ones


def as_weights(values: ArrayLike, name: str, size: int) -> FloatArray:
    """Return non-negative weights of shape (n,), or raise naming the argument."""
    numbers = as_numbers(values, name, size)
    if np.any(numbers < 0):
        raise InvalidInput(f"{name} has the value {numbers.min():g}; must be 0 or more")
    return numbers


def as_times(values: ArrayLike, name: str, size: int | None = None) -> FloatArray:
    """Return times of 0 or more, of shape (n,), those nearer than the tolerance made equal."""
    numbers = as_numbers(values, name, size)
    if np.any(numbers < 0):
        raise InvalidInput(f"{name} has the value {numbers.min():g}; must be 0 or more")
    distinct = np.unique(numbers)
    gaps = np.diff(distinct)
    tied = (gaps <= _TIME_TOLERANCE) | (gaps <= _TIME_TOLERANCE * np.mean(distinct)) if gaps.size else gaps > 0
    if not np.any(tied):
        return numbers
    firsts = distinct[np.r_[True, ~tied]]
    kept: FloatArray = firsts[np.searchsorted(firsts, numbers, side="right") - 1]
    return kept


def as_groups(values: Any, name: str, size: int) -> Groups:
    """Return group membership from labels of shape (n,) (numbers, text, categories), or raise naming the argument."""
    labels: Any
    if isinstance(values, np.ndarray):
        labels = values.astype(object) if values.dtype.kind in "US" else values
    else:
        labels = values if isinstance(values, pd.Series | pd.Index) else pd.Series(list(values))
    if labels.ndim != 1:
        raise InvalidInput(f"{name} has {labels.ndim} dimensions; must have one, with a label for each person")
    _check_size(len(labels), name, size)
    codes, names = pd.factorize(labels, sort=True)
    missing = int(np.count_nonzero(codes < 0))
    if missing:
        raise InvalidInput(f"{name} is missing for {missing} people; must be given for everyone")
    return Groups(codes=codes, names=tuple(str(label) for label in names))


def as_covariates(values: Any, size: int) -> Covariates:
    """Return covariates from a data frame, a series or an array of shape (n,) or (n, k), or raise naming the column."""
    if isinstance(values, pd.DataFrame):
        columns = [(str(label), np.asarray(values.iloc[:, j])) for j, label in enumerate(values.columns)]
    elif isinstance(values, pd.Series):
        columns = [(str(values.name or "covariate 1"), np.asarray(values))]
    else:
        table = np.asarray(values)
        if table.ndim not in (1, 2):
            raise InvalidInput(f"covariates has {table.ndim} dimensions; must have one or two (people, columns)")
        table = table[:, None] if table.ndim == 1 else table
        columns = [(f"covariate {j + 1}", table[:, j]) for j in range(table.shape[1])]
    for _, column in columns:
        _check_size(len(column), "covariates", size)
    numbers = [_finite(column, f"covariates, column {label!r},") for label, column in columns]
    stacked = np.column_stack(numbers) if numbers else np.empty((size, 0))
    return Covariates(values=stacked, names=tuple(label for label, _ in columns))


def as_columns(values: Any, name: str, size: int) -> Covariates:
    """Return columns with names from a frame, a series or an array of shape (n,) or (n, k), naming the argument."""
    if isinstance(values, pd.DataFrame):
        labels = tuple(str(label) for label in values.columns)
        columns = [np.asarray(values.iloc[:, j]) for j in range(values.shape[1])]
    else:
        table = np.asarray(values)
        if table.ndim not in (1, 2):
            raise InvalidInput(f"{name} has {table.ndim} dimensions; must have one or two (people, columns)")
        columns = [table] if table.ndim == 1 else list(table.T)
        given = str(values.name) if isinstance(values, pd.Series) and values.name is not None else name
        labels = (given,) if len(columns) == 1 else tuple(f"{name} {j + 1}" for j in range(len(columns)))
    if not columns:
        raise InvalidInput(f"{name} has no columns; must have one or more")
    numbers = [
        as_numbers(column, name if len(labels) == 1 else f"{name}, column {label!r},", size)
        for label, column in zip(labels, columns, strict=True)
    ]
    return Covariates(values=np.column_stack(numbers), names=labels)


def check_arms(arm: BoolArray, events: BoolArray | None = None) -> None:
    """Raise where an arm has no people, or none with the event."""
    for label, members in ((Message("treated"), arm), (Message("control"), ~arm)):
        if not members.any():
            raise NotEstimable(Message("nobody in the {arm} arm", arm=label))
        if events is not None and not events[members].any():
            raise NotEstimable(Message("nobody in the {arm} arm had the event", arm=label))


def check_clusters(cluster: Groups, treated: BoolArray) -> None:
    """Raise where an arm has people from fewer than two clusters."""
    for label, arm in ((Message("treated"), treated), (Message("control"), ~treated)):
        clusters = len(np.unique(cluster.codes[arm]))
        if clusters < 2:
            raise NotEstimable(Message("{n} clusters in the {arm} arm; two are needed", n=clusters, arm=label))


def _check_size(found: int, name: str, size: int | None) -> None:
    if size is not None and found != size:
        raise InvalidInput(f"{name} has {found} rows; must have {size}, as the first argument")


def _finite(found: NDArray[Any], name: str) -> FloatArray:
    if found.dtype.kind == "O":
        missing = int(np.count_nonzero(pd.isna(found)))
        if missing:
            raise InvalidInput(f"{name} has {missing} missing values; must be finite numbers")
    if found.dtype.kind not in "biuf":
        raise InvalidInput(f"{name} is of type {found.dtype}; must be finite numbers")
    numbers = found.astype(np.float64)
    wrong = int(np.count_nonzero(~np.isfinite(numbers)))
    if wrong:
        raise InvalidInput(f"{name} has {wrong} missing or infinite values; must be finite numbers")
    return numbers
