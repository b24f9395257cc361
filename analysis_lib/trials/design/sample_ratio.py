"""Did as many people come into each arm as planned, and into the arm that the rule says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import signal, stats

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Check, FloatArray, Message, Results
from analysis_lib.trials._arrays import Groups, as_groups
from analysis_lib.trials._options import as_number, as_share

__all__ = ["check_assignment_rule", "check_sample_ratio"]

SHARE_THRESHOLD = 0.001
"""A share this unlikely under the rule says that the register or the rule is wrong (sample ratio mismatch)."""

_RATIO = Message("share in each arm against the plan")
_RULE = Message("recorded arm against the rule")
# Probabilities this near to the observed one's count as equal, as in scipy's binomtest.
_EQUAL = 1 + 1e-7
# The usual rule of thumb for Pearson's statistic (more than two arms); Cochran (1954), Biometrics 10(4), asks for less.
_LEAST_EXPECTED = 5.0


def check_sample_ratio(
    arm: Any, expected_share: Mapping[Any, float | Mapping[Any, float]], *, block: Any = None,
    threshold: float = SHARE_THRESHOLD,
) -> Results:  # fmt: skip
    r"""Test whether people came into the arms in the shares planned (sample ratio mismatch).

    Parameters
    ----------
    arm
        The arm of each person, shape (n,); labels of any kind.
    expected_share
        Arm to planned share; the shares add up to 1. Where blocks have plans of their own, block to such a mapping.
    block
        Labels of the blocks, shape (n,): each is tested, and all together.
    threshold
        The check fails below this p-value. A small one: it is made for every jobcentre, and a failure says that the
        register or the rule is wrong, whatever the outcomes.

    Returns
    -------
    Results
        One `Check` for all people and, with `block`, one for each block (its name in `group`). `passed` is `None` where
        the test could not be made. `statistic` is the share in the second arm of `expected_share` for two arms, else
        chi-square.

    Raises
    ------
    InvalidInput
        An argument is not as described, or somebody is in an arm (or block) without a plan.

    Notes
    -----
    Two arms: exact. With n people and planned share p the count is binomial; over blocks with shares of their own it
    is the convolution of their binomials. The p-value adds the probabilities of all counts not more likely than the
    one found. More arms: Pearson's chi-square, over blocks the sum of theirs, not made where a block expects fewer than
    five people in an arm.

    References
    ----------
    Fabijan et al. (2019), doi 10.1145/3292500.3330722.

    Examples
    --------
    >>> arms = ["treated"] * 430 + ["control"] * 570
    >>> check = check_sample_ratio(arms, {"control": 0.5072, "treated": 0.4928})[0]
    >>> check.passed, f"{check.p_value:.6f}", check.detail
    (False, '0.000076', 'share in treated: 0.4300, expected 0.4928')
    """
    as_share(threshold, "threshold", closed=True)
    labels = as_groups(arm, "arm", len(arm))
    if block is None:
        planned = _plan(expected_share, labels.names, "expected_share")
        return Results([_check([_counts(labels, planned)], [planned], threshold, "")])
    blocks = as_groups(block, "block", len(labels.codes))
    if not blocks.count:
        return Results([Check(name=_RATIO, passed=None, detail=Message("nobody was assigned"), threshold=threshold)])
    plans = _plans(expected_share, labels.names, blocks)
    counts = [_counts(_of(labels, blocks.codes == number), plan) for number, plan in enumerate(plans)]
    each = [
        _check([count], [plan], threshold, name) for name, count, plan in zip(blocks.names, counts, plans, strict=True)
    ]
    return Results([_pooled_check(counts, plans, threshold), *each])


def check_assignment_rule(recorded: Any, by_rule: Any, *, allowed: float = 0.0) -> Check:
    """Hold the recorded arm against the arm that the rule gives.

    Parameters
    ----------
    recorded
        The arm on record, shape (n,).
    by_rule
        The arm by the rule (`assigned_by_rule`), shape (n,).
    allowed
        Share of people that may differ; 0 allows none.

    Returns
    -------
    Check
        `statistic` is the share that differs; there is no p-value, as a rule is followed or not. `passed` is `None`
        for nobody.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Examples
    --------
    >>> check = check_assignment_rule(["treated", "control", "control"], ["treated", "treated", "control"])
    >>> check.passed, check.detail
    (False, '1 of 3 people are recorded in another arm than the rule gives')
    """
    if not 0 <= as_number(allowed, "allowed") < 1:
        raise InvalidInput(f"allowed is {allowed}; must be 0 or more, and below 1")
    one, two = as_groups(recorded, "recorded", len(recorded)), as_groups(by_rule, "by_rule", len(recorded))
    n = len(one.codes)
    if n == 0:
        return Check(name=_RULE, passed=None, detail=Message("nobody was assigned"))
    differ = int(np.sum(np.array(one.names, dtype=object)[one.codes] != np.array(two.names, dtype=object)[two.codes]))
    detail = Message("{k} of {n} people are recorded in another arm than the rule gives", k=differ, n=n)
    return Check(
        name=_RULE, passed=differ <= allowed * n, statistic=differ / n, threshold=allowed, detail=detail,
        method=Message("count of people"),
    )  # fmt: skip


# --- plans -----------------------------------------------------------------------------------------------------------


def _plan(given: Any, arms: tuple[str, ...], name: str) -> dict[str, float]:
    """Return arm to share, or raise where it is no plan for the arms."""
    if not isinstance(given, Mapping) or any(isinstance(share, Mapping) for share in given.values()):
        raise InvalidInput(f"{name} is {given!r}; must map each arm to its share (with block: or each block to such)")
    shares = {str(key): as_number(share, f"{name}, arm '{key}',", "a share above 0") for key, share in given.items()}
    total = sum(shares.values())
    if len(shares) < 2 or any(not 0 < share < 1 for share in shares.values()) or abs(total - 1) > 1e-6:
        raise InvalidInput(f"{name} is {shares}; must be two or more shares above 0 that add up to 1")
    unknown = [arm for arm in arms if arm not in shares]
    if unknown:
        raise InvalidInput(f"arm has '{unknown[0]}', which {name} has no share of; must be one of {', '.join(shares)}")
    return {arm: share / total for arm, share in shares.items()}


def _plans(given: Mapping[Any, Any], arms: tuple[str, ...], blocks: Groups) -> list[dict[str, float]]:
    """Return the plan of each block; the arms of plans that have the same are in one order."""
    if not isinstance(given, Mapping) or not any(isinstance(plan, Mapping) for plan in given.values()):
        return [_plan(given, arms, "expected_share")] * blocks.count
    plans = {str(key): plan for key, plan in given.items()}
    missing = [name for name in blocks.names if name not in plans]
    if missing:
        raise InvalidInput(f"block has '{missing[0]}', which expected_share has no plan for")
    found = [_plan(plans[name], (), f"expected_share of block '{name}'") for name in blocks.names]
    return [{arm: plan[arm] for arm in (found[0] if set(plan) == set(found[0]) else plan)} for plan in found]


def _of(labels: Groups, members: Any) -> Groups:
    return Groups(codes=labels.codes[members], names=labels.names)


def _counts(labels: Groups, plan: Mapping[str, float]) -> FloatArray:
    """Return people by arm, in the plan's order."""
    found = dict(zip(labels.names, np.bincount(labels.codes, minlength=labels.count).tolist(), strict=True))
    unknown = [arm for arm, n in found.items() if n and arm not in plan]
    if unknown:
        raise InvalidInput(f"arm has '{unknown[0]}' in a block whose plan has only {', '.join(plan)}")
    return np.array([found.get(arm, 0) for arm in plan], dtype=np.float64)


# --- tests -----------------------------------------------------------------------------------------------------------


def _pooled_check(counts: list[FloatArray], plans: list[dict[str, float]], threshold: float) -> Check:
    if len({tuple(plan) for plan in plans}) > 1:
        detail = Message("the blocks have different arms: they are tested one by one")
        return Check(name=_RATIO, passed=None, detail=detail, threshold=threshold)
    return _check(counts, plans, threshold, "")


def _check(counts: list[FloatArray], plans: list[Any], threshold: float, group: str) -> Check:
    """Test the counts of one block, or of several with the same arms together."""
    sizes = np.array([count.sum() for count in counts])
    shares = np.array([list(plan.values()) for plan in plans])
    arms = list(plans[0])
    if not sizes.sum():
        check = Check(name=_RATIO, passed=None, detail=Message("nobody was assigned"))
    elif len(arms) == 2:
        check = _two_arms(np.array(counts), sizes, shares[:, 1], arms[1])
    else:
        check = _several_arms(np.array(counts), sizes, shares, arms)
    passed = None if np.isnan(check.p_value) else check.p_value >= threshold
    return replace(check, passed=passed, threshold=threshold, group=group)


def _two_arms(counts: FloatArray, sizes: FloatArray, shares: FloatArray, arm: str) -> Check:
    """Test (blocks, 2) counts exactly; `shares` (blocks,) are the second arm's."""
    found = int(counts[:, 1].sum())
    chances = _count_distribution(sizes, shares)
    p_value = min(1.0, float(chances[chances <= chances[found] * _EQUAL].sum()))
    share, expected = found / float(sizes.sum()), float(sizes @ shares / sizes.sum())
    method = Message("exact binomial test")
    return Check(
        name=_RATIO, passed=None, statistic=share, p_value=p_value, method=method, detail=_say(arm, share, expected)
    )


def _several_arms(counts: FloatArray, sizes: FloatArray, shares: FloatArray, arms: list[str]) -> Check:
    """Test (blocks, arms) counts by chi-square; the detail is about the arm furthest from its plan."""
    kept = sizes > 0
    found, expected = counts[kept], (shares * sizes[:, None])[kept]
    if expected.min() < _LEAST_EXPECTED:
        return Check(name=_RATIO, passed=None, detail=Message("fewer than five people are expected in an arm"))
    statistic = float(np.sum((found - expected) ** 2 / expected))
    df = int(kept.sum()) * (len(arms) - 1)
    all_found, all_expected = found.sum(axis=0) / sizes.sum(), expected.sum(axis=0) / sizes.sum()
    furthest = int(np.argmax(np.abs(all_found - all_expected) / np.sqrt(all_expected)))
    return Check(
        name=_RATIO, passed=None, statistic=statistic, df=df, p_value=float(stats.chi2.sf(statistic, df)),
        method=Message("chi-square test"),
        detail=_say(arms[furthest], float(all_found[furthest]), float(all_expected[furthest])),
    )  # fmt: skip


def _say(arm: str, share: float, expected: float) -> Message:
    return Message(
        "share in {arm}: {share:.4f}, expected {expected:.4f}", arm=Message(arm), share=share, expected=expected
    )


def _count_distribution(sizes: FloatArray, shares: FloatArray) -> FloatArray:
    """Return the probability of each count in the second arm, shape (n + 1,): the convolution of binomials.

    Blocks of one share are one binomial. Direct convolution where it is short: the transform's error is absolute.
    """
    alike: dict[float, int] = {}
    for size, share in zip(sizes.tolist(), shares.tolist(), strict=True):
        alike[share] = alike.get(share, 0) + int(size)
    chances = np.ones(1)
    for share, size in alike.items():
        chances = signal.convolve(chances, stats.binom.pmf(np.arange(size + 1), size, share), method="direct")
    return np.asarray(chances, dtype=np.float64)
