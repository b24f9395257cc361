"""Was the assignment carried out as planned."""

from __future__ import annotations

from scipy import stats

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Check, Message
from analysis_lib.trials.definition import CONTROL
from analysis_lib.trials.design.assignment import Design

SHARE_THRESHOLD = 0.001
"""A share this unlikely under the rule says that the register or the rule is wrong (sample ratio mismatch)."""


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
