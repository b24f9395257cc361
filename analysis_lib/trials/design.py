"""How people came into the arms: the one source of shares, permutations and the units that were assigned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.results import Check, Message
from analysis_lib.trials.definition import CONTROL, BirthDayRule, RecordedArm

IntArray = NDArray[np.int64]
TextArray = NDArray[np.object_]
SHARE_THRESHOLD = 0.001
"""A share this unlikely under the rule says that the register or the rule is wrong (sample ratio mismatch)."""


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


def treated_day_share(first: int, last: int) -> float:
    """Return the share born on days `first` to `last` of the month, births uniform over the days of four years.

    Examples
    --------
    >>> round(treated_day_share(1, 15), 4)
    0.4928
    """
    month_days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] * 4
    month_days[1] = 29
    inside = sum(max(0, min(last, days) - first + 1) for days in month_days)
    return inside / sum(month_days)


def assigned_by_rule(rule: BirthDayRule, birth_dates: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return who is treated under a birth-day rule; `birth_dates` are dates, shape (n,)."""
    day = pd.to_datetime(birth_dates).dt.day.to_numpy()
    first, last = rule.treated_days
    treated: NDArray[np.bool_] = (day >= first) & (day <= last)
    return treated


def birth_day_design(rule: BirthDayRule, birth_dates: pd.Series[Any]) -> Design:
    """Return the design of a birth-day rule: the unit assigned is the day of the month."""
    treated_id = next(arm.id for arm in rule.arms if arm.id != CONTROL)
    treated = assigned_by_rule(rule, birth_dates)
    share = treated_day_share(*rule.treated_days)
    return Design(
        arms=(CONTROL, treated_id),
        arm=np.where(treated, treated_id, CONTROL).astype(object),
        unit=pd.to_datetime(birth_dates).dt.day.to_numpy().astype(np.int64),
        unit_name=Message("day of birth in the month"),
        block=None,
        expected_share={treated_id: share, CONTROL: 1 - share},
    )


def recorded_design(rule: RecordedArm, frame: pd.DataFrame, file: str) -> Design:
    """Return the design of a recorded arm; a value that is no arm's raises, with the rows."""
    ids = {arm.value: arm.id for arm in rule.arms}
    recorded = frame[rule.column]
    wrong = ~recorded.isin(list(ids))
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0]) + 1
        allowed = ", ".join(str(value) for value in ids)
        raise DataError(
            f"{file}: column '{rule.column}', row {row} is {recorded.iloc[row - 1]} ({int(wrong.sum())} such rows); "
            f"must be an arm's value: {allowed}"
        )
    block = None if rule.block is None else pd.factorize(frame[rule.block], sort=True)[0].astype(np.int64)
    return Design(
        arms=(CONTROL, *(arm.id for arm in rule.arms if arm.id != CONTROL)),
        arm=recorded.map(ids).to_numpy(dtype=object),
        unit=np.arange(len(frame), dtype=np.int64),
        unit_name=Message("person"),
        block=block,
        expected_share={},
    )


def check_treated_share(design: Design, arm: str, *, threshold: float = SHARE_THRESHOLD) -> Check:
    r"""Test the share of `arm` among `arm` and control against the rule, by the exact binomial test.

    Raises
    ------
    InvalidInput
        Where the arm is not the design's.
    """
    if arm not in design.arms:
        raise InvalidInput(f"arm is '{arm}'; must be one of {', '.join(design.arms)}")
    name = Message("treated share against the rule")
    treated, control = int((design.arm == arm).sum()), int((design.arm == CONTROL).sum())
    if arm not in design.expected_share:
        detail = Message("the planned shares of the arms are not known")
        return Check(name=name, passed=None, detail=detail, arm=arm)
    if treated + control == 0:
        return Check(name=name, passed=None, detail=Message("nobody was assigned"), arm=arm)
    expected = design.expected_share[arm] / (design.expected_share[arm] + design.expected_share[CONTROL])
    p_value = float(stats.binomtest(treated, treated + control, expected).pvalue)
    detail = Message(
        "share treated {share:.4f}, expected {expected:.4f}", share=treated / (treated + control), expected=expected
    )
    return Check(
        name=name, passed=p_value >= threshold, statistic=treated / (treated + control), p_value=p_value,
        threshold=threshold, method=Message("exact binomial test"), detail=detail, arm=arm,
    )  # fmt: skip
