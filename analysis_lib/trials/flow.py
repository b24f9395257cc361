"""Who is in the analysis: counts from the register to the analysis sample, as in a CONSORT diagram."""

from __future__ import annotations

from dataclasses import dataclass

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStep:
    """People left out for one reason; `count` is how many of those still in the flow."""

    reason: Message
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCount:
    """People of one arm: assigned, and with the outcome known, by outcome id."""

    arm: str
    assigned: int
    outcome_known: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Start = all exclusions + all assigned; the counts add up, or the flow cannot be made.

    Attributes
    ----------
    start
        People at the start (`start_label` says of what).
    exclusions
        In the order in which they were applied; each counts people not excluded before.
    arms
        The arms, control last.
    """

    start_label: Message
    start: int
    exclusions: tuple[FlowStep, ...]
    arms: tuple[ArmCount, ...]

    def __post_init__(self) -> None:
        excluded = sum(step.count for step in self.exclusions)
        if self.start != excluded + self.assigned:
            raise InvalidInput(
                f"flow starts with {self.start}; must be the {excluded} excluded and the {self.assigned} assigned"
            )

    @property
    def assigned(self) -> int:
        """People assigned, over all arms."""
        return sum(arm.assigned for arm in self.arms)
