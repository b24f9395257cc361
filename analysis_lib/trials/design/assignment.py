"""How people came into the arms: the one source of shares, permutations and the units that were assigned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis_lib.results import Message
from analysis_lib.trials.definition import CONTROL

IntArray = NDArray[np.int64]
TextArray = NDArray[np.object_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """The assignment of n cases.

    Attributes
    ----------
    arms
        Arm ids, control first.
    arm
        (n,) the arm of each case.
    unit
        (n,) what was assigned: the day of the month for a birth-day rule, else the case itself.
    unit_name
        The unit in words.
    block
        (n,) the stratum in which the arms were drawn, or `None`.
    expected_share
        Arm to share under the rule; empty where the rule does not say.
    """

    arms: tuple[str, ...]
    arm: TextArray
    unit: IntArray
    unit_name: Message
    block: IntArray | None
    expected_share: dict[str, float]

    @property
    def assigned_by_group(self) -> bool:
        """Whether one unit holds several cases, so that inference may cluster on it."""
        return len(np.unique(self.unit)) < len(self.unit)

    def take(self, chosen: NDArray[np.bool_]) -> Design:
        """Return the design of the chosen cases."""
        block = None if self.block is None else self.block[chosen]
        return Design(
            arms=self.arms, arm=self.arm[chosen], unit=self.unit[chosen], unit_name=self.unit_name,
            block=block, expected_share=self.expected_share,
        )  # fmt: skip

    def permute_treated(self, arm: str, *, draws: int, rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
        """Draw who would be treated, under the rule, among the cases of this arm and the control arm.

        Units keep together, the number of treated units is kept (in every block), so that each draw could have been
        the trial. Yields `draws` arrays of shape (n,), false for cases of other arms.
        """
        pair = np.flatnonzero((self.arm == arm) | (self.arm == CONTROL))
        treated = self.arm[pair] == arm
        draw = self._sampler(pair, treated, rng)
        for _ in range(draws):
            drawn = np.zeros(len(self.arm), dtype=bool)
            drawn[pair] = draw()
            yield drawn

    def _sampler(
        self, pair: IntArray, treated: NDArray[np.bool_], rng: np.random.Generator
    ) -> Callable[[], NDArray[np.bool_]]:
        """Return what draws the treated among the pair's cases once."""
        if self.assigned_by_group:
            units, inverse = np.unique(self.unit[pair], return_inverse=True)
            of_unit = np.zeros(len(units), dtype=bool)
            of_unit[inverse[treated]] = True
            return lambda: rng.permutation(of_unit)[inverse]
        if self.block is None:
            return lambda: rng.permutation(treated)
        block = self.block[pair]
        sorted_treated = treated[np.argsort(block, kind="stable")]

        def within_blocks() -> NDArray[np.bool_]:
            drawn = np.empty(len(pair), dtype=bool)
            drawn[np.argsort(block + rng.random(len(pair)))] = sorted_treated
            return drawn

        return within_blocks
