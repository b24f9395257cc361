"""The people whose effect is estimated group by group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Estimate, FloatArray, check_level
from analysis_lib.trials._arrays import (
    BoolArray,
    Covariates,
    Groups,
    as_binary,
    as_covariates,
    as_groups,
    as_numbers,
)
from analysis_lib.trials._options import check_whole
from analysis_lib.trials._sample import Sample, read_sample
from analysis_lib.trials.effects import difference_in_means, lin_adjusted


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Outcome, arm and membership of (n,) people, checked; options are `None` where not given."""

    y: FloatArray
    treated: BoolArray
    group: Groups
    block: Groups | None
    cluster: Groups | None
    covariates: Covariates | None

    def estimate(self, members: BoolArray, level: float) -> Estimate:
        """Return the effect in the members."""
        estimator = difference_in_means if self.covariates is None else lin_adjusted
        return estimator(**self._arguments(members), level=level)

    def sample(self, members: BoolArray, level: float) -> Sample:
        """Return the members that the estimate is from."""
        return read_sample(**self._arguments(members), level=level)

    def _arguments(self, members: BoolArray) -> dict[str, Any]:
        """Return the arguments of an estimator."""
        given: dict[str, Any] = {"y": self.y[members], "treated": self.treated[members]}
        if self.covariates is not None:
            given["covariates"] = pd.DataFrame(self.covariates.values[members], columns=list(self.covariates.names))
        for name, labels in (("block", self.block), ("cluster", self.cluster)):
            if labels is not None:
                given[name] = np.array(labels.names, dtype=object)[labels.codes[members]]
        return given


def read_people(y: ArrayLike, treated: ArrayLike, group: Any, *, block: Any, cluster: Any, covariates: Any) -> People:
    """Check the arguments."""
    outcome = as_numbers(y, "y")
    n = len(outcome)
    return People(
        y=outcome,
        treated=as_binary(treated, "treated", n),
        group=as_groups(group, "group", n),
        block=None if block is None else as_groups(block, "block", n),
        cluster=None if cluster is None else as_groups(cluster, "cluster", n),
        covariates=None if covariates is None else as_covariates(covariates, n),
    )


def share_clusters(cluster: Groups, group: Groups, groups: list[int]) -> bool:
    """Whether a cluster has members in two of the groups."""
    chosen = np.isin(group.codes, groups)
    pairs = np.unique(np.column_stack([cluster.codes, group.codes])[chosen], axis=0)
    return len(np.unique(pairs[:, 0])) < len(pairs)


def check_arguments(group: Groups, *, level: float, min_cell: int, reference: str | None) -> None:
    """Raise where an argument of all functions of groups is wrong."""
    check_level(level)
    check_whole(min_cell, "min_cell", 2)
    if reference is not None and reference not in group.names:
        raise InvalidInput(f"reference is {reference!r}; must be one of the groups: {', '.join(group.names)}")
