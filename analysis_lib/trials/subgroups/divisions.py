"""Several divisions into groups at once: the interaction tests are adjusted for their number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Check, Item, Message, Results
from analysis_lib.trials.effects import adjust_p_values
from analysis_lib.trials.effects._joint import THRESHOLD
from analysis_lib.trials.subgroups._rows import SAME_EFFECT

__all__ = ["Adjustment", "combine_divisions"]

Adjustment = Literal["holm", "bonferroni", "bh", "none"]

_METHODS = {
    "holm": Message("p adjusted over the divisions (Holm)"),
    "bonferroni": Message("p adjusted over the divisions (Bonferroni)"),
    "bh": Message("p adjusted over the divisions (Benjamini-Hochberg)"),
    "none": Message("p not adjusted over the divisions"),
}


def combine_divisions(divisions: Mapping[str, Results], *, adjust: Adjustment = "holm") -> Results:
    """Join the results of several divisions (by age, by education), and adjust their interaction tests.

    Parameters
    ----------
    divisions
        By the division's name, what `subgroup_effects` or `subgroup_hazard_ratios` returned for it.
    adjust
        "holm" or "bonferroni" bound the chance of any false rejection, "bh" (Benjamini and Hochberg) the share of
        false ones among the rejections; "none" changes nothing.

    Returns
    -------
    Results
        All rows, with `group` as "division.group"; each division's test has the adjusted `p_value`, `passed` by it,
        and the unadjusted one in `detail`. Tests that could not be made do not count; a single one stays as it is.

    Raises
    ------
    InvalidInput
        No divisions, a division without its interaction test, or an adjustment not known.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6(2). Benjamini and Hochberg (1995),
    doi 10.1111/j.2517-6161.1995.tb02031.x. Computed by `adjust_p_values`.

    Examples
    --------
    >>> tests = {name: Results([Check(name="the same effect in every group", passed=True, p_value=p)])
    ...          for name, p in (("sex", 0.04), ("age", 0.01), ("education", 0.30))}
    >>> [f"{check.group} {check.p_value:.2f}" for check in combine_divisions(tests).checks]
    ['sex 0.08', 'age 0.03', 'education 0.30']
    """
    if adjust not in _METHODS:
        raise InvalidInput(f"adjust is {adjust!r}; must be 'holm', 'bonferroni', 'bh' or 'none'")
    if not divisions:
        raise InvalidInput("divisions is empty; must have the results of one division or more")
    tests = {name: _test_of(name, results) for name, results in divisions.items()}
    p_values = {name: test.p_value for name, test in tests.items() if test.passed is not None}
    adjusted = dict(zip(p_values, adjust_p_values(list(p_values.values()), adjust).tolist(), strict=True))
    items: list[Item] = []
    for name, results in divisions.items():
        for item in results:
            if item is tests[name]:
                items.append(_adjusted_test(tests[name], name, adjusted, adjust))
            else:
                items.append(replace(item, group=f"{name}.{item.group}" if item.group else name))
    return Results(items)


def _test_of(name: str, results: Results) -> Check:
    found = [check for check in results.checks if check.name == SAME_EFFECT]
    if len(found) != 1:
        raise InvalidInput(f"divisions, {name!r}, has {len(found)} interaction tests; must have one")
    return found[0]


def _adjusted_test(test: Check, name: str, adjusted: dict[str, float], adjust: Adjustment) -> Check:
    if name not in adjusted or len(adjusted) == 1:
        return replace(test, group=name)
    notes = [test.detail]
    if adjust != "none":
        notes.append(Message("p {p:.4f} before adjustment over {n} divisions", p=test.p_value, n=len(adjusted)))
    return replace(
        test, group=name, p_value=adjusted[name], passed=adjusted[name] >= THRESHOLD,
        method=Message.join([test.method, _METHODS[adjust]]), detail=Message.join(notes),
    )  # fmt: skip
