"""Was the assignment carried out as the design says."""

from __future__ import annotations

from dataclasses import replace

from analysis_lib.results import Check, Message
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.design.assignment import Design
from analysis_lib.trials.design.sample_ratio import SHARE_THRESHOLD, check_sample_ratio


def check_treated_share(design: Design, arm: str, *, threshold: float = SHARE_THRESHOLD) -> Check:
    r"""Test the share of `arm` among those who could get it and control, against the rule (`check_sample_ratio`).

    Raises
    ------
    InvalidInput
        Where the arm is not a treated one of the design.
    """
    pair = design.pair(arm)
    name = Message("treated share against the rule")
    if arm not in design.expected_share:
        detail = Message("the planned shares of the arms are not known")
        return Check(name=name, passed=None, detail=detail, arm=arm)
    expected = design.expected_share[arm] / (design.expected_share[arm] + design.expected_share[CONTROL])
    plan = {CONTROL: 1 - expected, arm: expected}
    return replace(check_sample_ratio(design.arm[pair], plan, threshold=threshold).checks[0], name=name, arm=arm)
