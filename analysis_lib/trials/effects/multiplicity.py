"""P-values of several tests, adjusted for their number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike
from statsmodels.stats.multitest import multipletests

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Estimate, FloatArray, Message, Results

__all__ = ["adjust_p_values"]

Method = Literal["holm", "bh", "by", "bonferroni", "none"]

# statsmodels' name, and ours for the note.
_METHODS = {
    "holm": ("holm", Message("Holm")),
    "bh": ("fdr_bh", Message("Benjamini-Hochberg")),
    "by": ("fdr_by", Message("Benjamini-Yekutieli")),
    "bonferroni": ("bonferroni", Message("Bonferroni")),
}


@overload
def adjust_p_values(results: Results, method: Method = "holm") -> Results: ...
@overload
def adjust_p_values(results: ArrayLike, method: Method = "holm") -> FloatArray: ...
def adjust_p_values(results: Results | ArrayLike, method: Method = "holm") -> Results | FloatArray:
    """Adjust p-values for the number of tests in their family, which is all that is given in one call.

    Parameters
    ----------
    results
        Results, of which the estimates are the family (checks stay as they are), or p-values, shape (n,).
    method
        "holm" and "bonferroni" bound the chance of any false positive; "bh" (for tests that are independent or move
        together) and "by" (for any) bound the expected share of false ones among the positive. "none" changes nothing.

    Returns
    -------
    Results or numpy.ndarray
        Of the kind given, in the same order. A row without a p-value (NaN: not estimated, or an estimand without a
        null) stays as it is and is not counted. `note` says how, and over how many tests; intervals stay pointwise.

    Raises
    ------
    InvalidInput
        An unknown method, a p-value outside 0 to 1, or estimates that are adjusted already.

    Notes
    -----
    statsmodels' `multipletests`. Holm: with p-values in increasing order, the largest of (n - j + 1) p_j up to each.
    Benjamini-Hochberg: the smallest of n p_j / j from each on.

    References
    ----------
    Holm (1979), Scandinavian Journal of Statistics 6(2). Benjamini and Hochberg (1995), doi
    10.1111/j.2517-6161.1995.tb02031.x. Benjamini and Yekutieli (2001), doi 10.1214/aos/1013699998.

    Examples
    --------
    >>> adjust_p_values([0.01, 0.04, float("nan"), 0.03])
    array([0.03, 0.06,  nan, 0.06])
    """
    if method not in ("none", *_METHODS):
        raise InvalidInput(f"method is {method!r}; must be one of {', '.join(map(repr, (*_METHODS, 'none')))}")
    if not isinstance(results, Results):
        return _adjusted(np.asarray(results), method)
    estimates = results.estimates
    already = [estimate for estimate in estimates if _is_adjusted(estimate)]
    if already and method != "none":
        raise InvalidInput(f"results has {len(already)} estimates with adjusted p-values; must have none")
    p_values = np.array([estimate.p_value for estimate in estimates])
    tests = int(np.count_nonzero(~np.isnan(p_values)))
    adjusted = iter(_adjusted(p_values, method))
    if method == "none" or not tests:
        return results
    note = _note(tests, _METHODS[method][1])
    return Results(
        _with_p_value(item, float(next(adjusted)), note) if isinstance(item, Estimate) else item for item in results
    )


def _with_p_value(estimate: Estimate, p_value: float, note: Message) -> Estimate:
    if np.isnan(p_value):
        return estimate
    return replace(estimate, p_value=p_value, note=Message.join([estimate.note, note]))


def _note(tests: int, method: Message) -> Message:
    return Message("p-value adjusted for {n} tests ({method}), the interval is not", n=tests, method=method)


def _is_adjusted(estimate: Estimate) -> bool:
    parts: Iterable[tuple[str, object]] = getattr(estimate.note, "parts", ())
    (ours, _), *_ = _note(0, Message()).parts
    return any(template == ours for template, _ in parts)


def _adjusted(given: np.ndarray, method: str) -> FloatArray:
    """Return the p-values adjusted, NaN where they are."""
    if given.ndim != 1 or given.dtype.kind not in "biuf":
        raise InvalidInput(f"results has {given.ndim} dimensions of {given.dtype}; must be Results or p-values (n,)")
    p_values = given.astype(np.float64)
    known = ~np.isnan(p_values)
    wrong = p_values[known & ~((p_values >= 0) & (p_values <= 1))]
    if wrong.size:
        raise InvalidInput(f"results has the p-value {wrong[0]:g}; must be 0 to 1")
    if known.any() and method != "none":
        p_values[known] = multipletests(p_values[known], method=_METHODS[method][0])[1]
    return p_values
