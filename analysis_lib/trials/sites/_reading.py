"""The sites whose effects are pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import FloatArray, Message, Scale

# exp of more is not the ratio of anything; ratios given in place of their logarithms are often caught so.
_LARGEST_LOGARITHM = 50.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEffects:
    """Effects and standard errors of the sites used, shape (k,), and their names."""

    effects: FloatArray
    std_errors: FloatArray
    names: tuple[str, ...]
    note: Message

    @property
    def variances(self) -> FloatArray:
        """The squared standard errors, shape (k,)."""
        return self.std_errors**2


def read_sites(effects: ArrayLike, std_errors: ArrayLike, names: Sequence[str] | None, scale: Scale) -> SiteEffects:
    """Check the arguments, and return the sites with an effect."""
    if scale not in ("identity", "log"):
        raise InvalidInput(f"scale is {scale!r}; must be 'identity' or 'log'")
    found, errors = _column(effects, "effects"), _column(std_errors, "std_errors")
    labels = [str(i + 1) for i in range(len(found))] if names is None else [str(name) for name in names]
    for name, length in (("std_errors", len(errors)), ("names", len(labels))):
        if length != len(found):
            raise InvalidInput(f"{name} has {length} values; must have {len(found)}, as effects")
    repeated = sorted({label for label in labels if labels.count(label) > 1})
    if repeated:
        raise InvalidInput(f"names has {repeated[0]!r} more than once; must name each site once")
    known = ~(np.isnan(found) | np.isnan(errors))
    _check_values(found, errors, labels, scale)
    if known.sum() < 2:
        raise NotEstimable(Message("{n} sites with an effect; two are needed", n=int(known.sum())))
    left_out = [label for label, used in zip(labels, known, strict=True) if not used]
    note = Message("sites without an effect left out: {n} ({names})", n=len(left_out), names=", ".join(left_out))
    return SiteEffects(
        effects=found[known], std_errors=errors[known],
        names=tuple(label for label, used in zip(labels, known, strict=True) if used),
        note=note if left_out else Message(),
    )  # fmt: skip


def _column(values: ArrayLike, name: str) -> FloatArray:
    found = np.asarray(values)
    if found.ndim != 1 or found.dtype.kind not in "biufO":
        raise InvalidInput(f"{name} has {found.ndim} dimensions of type {found.dtype}; must be one row of numbers")
    try:
        return found.astype(np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(
            f"{name} has values that are not numbers; must be numbers, NaN where there is none"
        ) from None


def _check_values(effects: FloatArray, errors: FloatArray, labels: list[str], scale: Scale) -> None:
    """Raise where a known effect or standard error is impossible."""
    for name, wrong, allowed, values in (
        ("std_errors", errors <= 0, "above 0", errors),
        ("std_errors", np.isinf(errors), "finite", errors),
        ("effects", np.isinf(effects), "finite", effects),
        ("effects", (scale == "log") & (np.abs(effects) > _LARGEST_LOGARITHM), "the logarithm of a ratio", effects),
    ):
        if np.any(wrong):
            i = int(np.argmax(wrong))
            raise InvalidInput(f"{name} is {values[i]:g} for site {labels[i]!r}; must be {allowed}")
