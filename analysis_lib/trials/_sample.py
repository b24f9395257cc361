"""The people that an effect is estimated from, and the columns of their regression."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message, check_level
from analysis_lib.trials._arrays import (
    BoolArray,
    Covariates,
    Groups,
    as_binary,
    as_covariates,
    as_groups,
    as_numbers,
    as_weights,
    check_clusters,
)
from analysis_lib.trials._blocks import complete_blocks
from analysis_lib.trials._least_squares import independent_columns

# Relative to a column's size: variation below this is rounding.
_CONSTANT = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The people used: outcome and arm of shape (n,), membership where given, notes on who was left out."""

    y: FloatArray
    treated: BoolArray
    block: Groups | None
    cluster: Groups | None
    weight: FloatArray | None
    covariates: Covariates
    notes: tuple[Message, ...] = ()

    def where(self, keep: BoolArray, notes: tuple[Message, ...]) -> Sample:
        """Return the people kept."""
        if keep.all():
            return self
        return Sample(
            y=self.y[keep],
            treated=self.treated[keep],
            block=self.block.where(keep) if self.block else None,
            cluster=self.cluster.where(keep) if self.cluster else None,
            weight=None if self.weight is None else self.weight[keep],
            covariates=replace(self.covariates, values=self.covariates.values[keep]),
            notes=(*self.notes, *notes),
        )


def read_sample(
    y: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
    weight: ArrayLike | None = None,
    level: float,
) -> Sample:
    """Check the arguments, and return the people to use."""
    check_level(level)
    outcome = as_numbers(y, "y")
    people = everyone(len(outcome), treated, covariates=covariates, block=block, cluster=cluster)
    weights = None if weight is None else as_weights(weight, "weight", len(outcome))
    sample = replace(people, y=outcome, weight=weights)
    if sample.weight is not None and not np.all(sample.weight):
        note = Message("people with weight 0 left out: {n}", n=int(np.sum(sample.weight == 0)))
        sample = sample.where(sample.weight > 0, (note,))
    return usable(sample)


def everyone(n: int, treated: ArrayLike, *, covariates: Any = None, block: Any = None, cluster: Any = None) -> Sample:
    """Check the arguments for n people whose outcomes are their positions, for functions of many outcomes."""
    return Sample(
        y=np.arange(n, dtype=np.float64),
        treated=as_binary(treated, "treated", n),
        block=None if block is None else as_groups(block, "block", n),
        cluster=None if cluster is None else as_groups(cluster, "cluster", n),
        weight=None,
        covariates=as_covariates(np.empty((n, 0)) if covariates is None else covariates, n),
    )


def usable(sample: Sample) -> Sample:
    """Return the people in blocks with both arms, or raise where an arm has too few."""
    if sample.block is not None:
        sample = sample.where(*complete_blocks(sample.block, sample.treated))
    _check_arms(sample)
    return sample


def _check_arms(sample: Sample) -> None:
    """Raise where an arm has fewer than two people, or clusters."""
    for arm, label in ((sample.treated, Message("treated")), (~sample.treated, Message("control"))):
        people = int(np.sum(arm))
        if people < 2:
            raise NotEstimable(Message("{n} people in the {arm} arm; two are needed", n=people, arm=label))
    if sample.cluster is not None:
        check_clusters(sample.cluster, sample.treated)


def regression_columns(sample: Sample, *, interact: bool) -> tuple[FloatArray, int, tuple[str, ...]]:
    """Return the regression's columns without collinear ones, the treatment's position, and the names left out.

    Treatment comes after the main effects, so that it is the one found collinear where they determine it.
    """
    main, names = main_effects(sample.covariates, sample.block)
    arm = sample.treated.astype(np.float64)[:, None]
    columns = [np.ones_like(arm), main, arm] + ([arm * main] if interact else [])
    design = np.hstack(columns)
    position = main.shape[1] + 1
    kept = independent_columns(design)
    if len(kept) >= len(design):
        raise NotEstimable(
            Message("{n} people cannot carry a regression with {k} coefficients", n=len(design), k=design.shape[1])
        )
    if position not in kept:
        raise NotEstimable(Message("the covariates determine the treatment: no effect can be told apart from theirs"))
    lost = set(range(design.shape[1])) - set(kept.tolist())
    dropped = [names[j - 1] for j in sorted(lost) if j < position]
    interactions = [names[j - position - 1] for j in sorted(lost) if j > position]
    dropped += [f"treated x {name}" for name in interactions if name not in dropped]
    return design[:, kept], int(np.searchsorted(kept, position)), tuple(dropped)


def main_effects(covariates: Covariates, block: Groups | None) -> tuple[FloatArray, tuple[str, ...]]:
    """Return block indicators (all but the first) and covariates, centred in the people used, and their names."""
    values, names = covariates.values, covariates.names
    if block is not None:
        indicators = block.codes[:, None] == np.arange(1, block.count)
        values = np.hstack([indicators, values])
        names = (*(f"block {name}" for name in block.names[1:]), *names)
    if not names:
        return values, names
    centred = values - values.mean(axis=0)
    constant = np.abs(centred).max(axis=0) <= _CONSTANT * np.abs(values).max(axis=0)
    return np.where(constant, 0.0, centred), names
