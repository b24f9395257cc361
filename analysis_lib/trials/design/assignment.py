"""How people came into the arms: the one source of shares, permutations and the units that were assigned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Message
from analysis_lib.trials._arrays import as_binary, as_groups
from analysis_lib.trials._draws import Draws, Units, read_units
from analysis_lib.trials.definition import CONTROL

IntArray = NDArray[np.int64]
TextArray = NDArray[np.object_]
TREATED = "treated"
"""The treated arm of a design made from arrays."""


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
    offered
        (n,) the treated arm that each case could have been assigned to, `None` for a case that could have got any;
        `None` where that holds for all.
    """

    arms: tuple[str, ...]
    arm: TextArray
    unit: IntArray
    unit_name: Message
    block: IntArray | None
    expected_share: dict[str, float]
    offered: TextArray | None = None

    @classmethod
    def from_arrays(cls, treated: ArrayLike, *, block: Any = None, cluster: Any = None) -> Design:
        """Return the design of a trial with one treated arm, "treated".

        Parameters
        ----------
        treated
            Assigned to treatment, shape (n,); booleans or 0/1.
        block
            Labels of the blocks within which the arms were drawn, shape (n,).
        cluster
            Labels of the units that were assigned whole, shape (n,).

        Raises
        ------
        InvalidInput
            An argument is not as described, nobody is given, or a cluster has treated and control people.

        Examples
        --------
        >>> design = Design.from_arrays([1, 1, 0, 0], cluster=["a", "a", "b", "b"])
        >>> design.arm.tolist(), design.unit.tolist()
        (['treated', 'treated', 'control', 'control'], [0, 0, 1, 1])
        """
        ones = as_binary(treated, "treated")
        n = len(ones)
        if not n:
            raise InvalidInput("treated is empty; must have a value for each person")
        blocks = None if block is None else as_groups(block, "block", n).codes.astype(np.int64)
        unit, name = np.arange(n, dtype=np.int64), Message("person")
        if cluster is not None:
            clusters = as_groups(cluster, "cluster", n)
            unit, name = clusters.codes.astype(np.int64), Message("cluster")
            people, of_them = np.bincount(unit), np.bincount(unit, weights=ones)
            mixed = [clusters.names[i] for i in np.flatnonzero((of_them > 0) & (of_them < people))]
            if mixed:
                raise InvalidInput(
                    f"cluster {mixed[0]} has treated and control people ({len(mixed)} such clusters); must have one of "
                    "them, as clusters are assigned whole"
                )
        return cls(
            arms=(CONTROL, TREATED), arm=np.where(ones, TREATED, CONTROL).astype(object), unit=unit, unit_name=name,
            block=blocks, expected_share={},
        )  # fmt: skip

    @property
    def assigned_by_group(self) -> bool:
        """Whether one unit holds several cases, so that inference may cluster on it."""
        return len(np.unique(self.unit)) < len(self.unit)

    def take(self, chosen: NDArray[np.bool_]) -> Design:
        """Return the design of the chosen cases."""
        return replace(
            self, arm=self.arm[chosen], unit=self.unit[chosen],
            block=None if self.block is None else self.block[chosen],
            offered=None if self.offered is None else self.offered[chosen],
        )  # fmt: skip

    def pair(self, arm: str) -> NDArray[np.bool_]:
        """Return who is compared for a treated arm, shape (n,): its cases, and the controls who could have got it.

        Raises
        ------
        InvalidInput
            The arm is not a treated arm of the design.
        """
        treated_arms = [name for name in self.arms if name != CONTROL]
        if arm not in treated_arms:
            raise InvalidInput(f"arm is '{arm}'; must be one of {', '.join(treated_arms)}")
        control: NDArray[np.bool_] = self.arm == CONTROL
        if self.offered is not None:
            control &= (self.offered == arm) | (self.offered == None)  # noqa: E711 (elementwise)
        chosen: NDArray[np.bool_] = (self.arm == arm) | control
        return chosen

    def units(self, arm: str) -> Units:
        """Return what was assigned in the comparison of a treated arm with control, among its `pair`.

        Raises
        ------
        InvalidInput
            The arm is not a treated arm of the design, or a unit has treated and control cases.
        """
        pair = self.pair(arm)
        block = None if self.block is None else self.block[pair]
        return read_units(self.arm[pair] == arm, self.unit[pair], block)

    def permute_treated(self, arm: str, *, draws: int, rng: np.random.Generator) -> Iterator[NDArray[np.bool_]]:
        """Draw who would be treated, under the rule, among the `pair` of this arm.

        Units keep together and the number of treated units is kept in every block, so that each draw could have been
        the trial. Blocks that a unit crosses (days of birth cross offices) count as one. Yields `draws` arrays of
        shape (n,), false for other cases.
        """
        pair = np.flatnonzero(self.pair(arm))
        if not pair.size:
            yield from (np.zeros(len(self.arm), dtype=np.bool_) for _ in range(draws))
            return
        layout = Draws.of(self.units(arm))
        column = layout.column[layout.units.of_case]
        for bits in layout.chunks(draws, rng):
            for row in bits:
                drawn = np.zeros(len(self.arm), dtype=np.bool_)
                drawn[pair] = row[column]
                yield drawn
