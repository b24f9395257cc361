"""What is common to checks that go through an extract municipality by municipality."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from analysis_lib.register.declarations import PERSON_ID
from analysis_lib.register.quality.findings import Finding, Rule, listed
from analysis_lib.register.quality.part import Context, Part

EXAMPLES = 20
"""Person ids that are kept of each check for `QualityReport.examples`."""
PLACES = 3
"""Municipalities and years that a detail names."""

_NO_YEAR = 0

IntArray = NDArray[np.int64]


class Tally:
    """What one check has found so far; `amount` is a second count, such as the person-weeks of the persons found."""

    def __init__(self) -> None:
        self.count = 0
        self.amount = 0
        self.examples: list[str] = []
        self._places: Counter[tuple[int, int]] = Counter()

    def add(
        self, part: Part, person: NDArray[np.integer[Any]], year: IntArray | None = None, *, amount: int = 0,
        cases: IntArray | None = None,
    ) -> None:  # fmt: skip
        """Add cases.

        Parameters
        ----------
        part
            The municipality.
        person, year
            The row of the person and the year of each entry, shape (n,); no year where it has none.
        amount
            The second count.
        cases
            How many cases an entry stands for, shape (n,); by default one.
        """
        number = np.ones(len(person), dtype=np.int64) if cases is None else cases
        self.count += int(number.sum())
        self.amount += amount
        years, position = np.unique(np.full(len(person), _NO_YEAR) if year is None else year, return_inverse=True)
        for y, total in zip(years.tolist(), np.bincount(position, weights=number).tolist(), strict=True):
            self._places[part.municipality, y] += int(total)
        if len(self.examples) < EXAMPLES and len(person):
            ids = part.persons[PERSON_ID.name].iloc[np.unique(person)[:EXAMPLES]].tolist()
            self.examples += ids[: EXAMPLES - len(self.examples)]

    def where(self, context: Context) -> str:
        """Say in which municipalities and years most of it is."""
        order = sorted(self._places.items(), key=lambda item: (-item[1], item[0]))
        every = [
            context.name(place) + (f" in {year}" if year != _NO_YEAR else "") + f": {number:,}"
            for (place, year), number in order
        ]
        return ("most in " if len(every) > PLACES else "") + listed(every[:PLACES], PLACES)


class Collector(ABC):
    """Checks that look at one municipality after the other.

    Attributes
    ----------
    rules
        The checks, in the order of their findings.
    """

    rules: ClassVar[tuple[Rule, ...]]

    def __init__(self, context: Context) -> None:
        self.context = context
        self.tallies = {rule.id: Tally() for rule in self.rules}

    @abstractmethod
    def add(self, part: Part) -> None:
        """Look at a municipality."""

    @abstractmethod
    def findings(self) -> list[Finding]:
        """Return what all municipalities together gave."""

    def tallied(self, rule: Rule, total: int | None, amount: str = "") -> Finding:
        """Return what was counted of a rule; `amount` names the second count."""
        tally = self.tallies[rule.id]
        texts = [f"{amount}: {tally.amount:,}"] if amount else []
        return rule.finding(tally.count, total, "; ".join([*texts, tally.where(self.context)]))
