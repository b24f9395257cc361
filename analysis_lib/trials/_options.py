"""Check the arguments of array-level functions that are not arrays: single numbers, cut points, draws."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np

from analysis_lib.errors import InvalidInput


def is_number(value: object) -> bool:
    """Return whether a value is a number, NaN and infinity included; booleans are none."""
    return isinstance(value, Real) and not isinstance(value, bool)


def as_number(value: Any, name: str, rule: str = "a finite number") -> float:
    """Return a finite number, or raise naming the argument and the rule."""
    if not is_number(value) or not math.isfinite(value):
        raise InvalidInput(f"{name} is {value if is_number(value) else repr(value)}; must be {rule}")
    return float(value)


def as_positive(value: Any, name: str) -> float:
    """Return a finite number above 0, or raise naming the argument."""
    rule = "a number above 0"
    number = as_number(value, name, rule)
    if number <= 0:
        raise InvalidInput(f"{name} is {number:g}; must be {rule}")
    return number


def as_share(value: Any, name: str, *, closed: bool) -> float:
    """Return a number between 0 and 1 (`closed`: or one of them), or raise naming the argument."""
    rule = "0 to 1" if closed else "between 0 and 1"
    number = as_number(value, name, rule)
    if not (0 <= number <= 1 if closed else 0 < number < 1):
        raise InvalidInput(f"{name} is {number:g}; must be {rule}")
    return number


def as_cuts(values: Any, name: str) -> list[float]:
    """Return a list of numbers, or raise naming the argument."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidInput(f"{name} is {values!r}; must be a list of numbers")
    found = list(values)
    if not all(map(is_number, found)):
        raise InvalidInput(f"{name} is {found}; must be numbers")
    return [float(value) for value in found]


def check_whole(value: object, name: str, least: int) -> None:
    """Raise where a value is not a whole number of `least` or more."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise InvalidInput(f"{name} is {value!r}; must be a whole number of {least:,} or more")


def check_flag(value: object, name: str) -> None:
    """Raise where a value is neither true nor false."""
    if not isinstance(value, bool | np.bool_):
        raise InvalidInput(f"{name} is {value!r}; must be True or False")


def check_rng(rng: object) -> None:
    """Raise where the generator is none."""
    if not isinstance(rng, np.random.Generator):
        raise InvalidInput(f"rng is a {type(rng).__name__}; must be a numpy.random.Generator")


def check_draws(draws: object, rng: object, *, least: int = 1) -> None:
    """Raise where the number of draws is not a whole number of `least` or more, or the generator is none."""
    check_whole(draws, "draws", least)
    check_rng(rng)
