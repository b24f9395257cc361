"""What is wrong in the cells of source files: counted, with the first places of each kind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

EXAMPLES = 3
LONGEST = 60
"""Characters of a cell that are shown."""


@dataclass(slots=True)
class Fault:
    """Cells of one kind that are wrong.

    Attributes
    ----------
    where
        The file, and the column where it is one.
    noun
        What is counted, such as `wrong cell`.
    rest
        What is wrong with it where the noun does not say.
    allowed
        What it must be.
    rows
        Rows with such a cell, where a row may have several; else 0.
    """

    where: str
    noun: str
    rest: str
    allowed: str
    count: int
    examples: list[str]
    rows: int = 0

    def line(self) -> str:
        """Say it in one line."""
        what = count_of(self.count, self.noun) + (f" in {count_of(self.rows, 'row')}" if self.rows else "")
        shown = shown_of(self.examples, self.count)
        return f"{self.where}: {what}{' ' if self.rest else ''}{self.rest}: {shown}; must be {self.allowed}"


class Faults:
    """The faults of many chunks, in the order in which they were first met."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults: dict[tuple[str, str, str], Fault] = {}
        for fault in faults:
            self.add(fault)

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, fault: Fault) -> None:
        """Count a fault together with those of its kind."""
        if not fault.count:
            return
        key = fault.where, fault.noun, fault.rest
        known = self._faults.setdefault(key, Fault(fault.where, fault.noun, fault.rest, fault.allowed, 0, []))
        known.count += fault.count
        known.rows += fault.rows
        known.examples = (known.examples + fault.examples)[:EXAMPLES]

    def update(self, other: Faults) -> None:
        """Add all faults of another."""
        for fault in other._faults.values():
            self.add(fault)

    def lines(self) -> list[str]:
        """Say each kind in one line."""
        return [fault.line() for fault in self._faults.values()]

    def to_json(self) -> list[dict[str, Any]]:
        """Return what `from_json` takes."""
        return [asdict(fault) for fault in self._faults.values()]

    @classmethod
    def from_json(cls, content: Iterable[dict[str, Any]]) -> Faults:
        """Return the faults that were written."""
        return cls(Fault(**fault) for fault in content)


def count_of(number: int, noun: str) -> str:
    """Say how many."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def shown_of(examples: Sequence[str], total: int) -> str:
    """Say the examples and how many more there are."""
    more = total - len(examples)
    return ", ".join(examples) + (f" and {more:,} more" if more else "")


def show(value: object) -> str:
    """Say what stands in a cell."""
    if (
        value is None
        or (isinstance(value, str) and not value.strip())
        or (isinstance(value, float) and np.isnan(value))
    ):
        return "blank"
    text = str(value)
    text = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
    return f"'{text}'" if isinstance(value, str) else text
