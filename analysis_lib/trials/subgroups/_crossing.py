"""Groups that share clusters: all groups' regressions as one, so that contrasts and tests see what groups share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from analysis_lib.results import FloatArray
from analysis_lib.trials._arrays import Groups, IntArray
from analysis_lib.trials._least_squares import Coefficient, Regression
from analysis_lib.trials._sample import Sample, regression_columns
from analysis_lib.trials.effects._joint import JointTest, joint_test


@dataclass(frozen=True, slots=True, kw_only=True)
class StackedGroups:
    """One regression with the (n, k) columns of all groups, its outcome (n,), and each group's treatment column."""

    regression: Regression
    y: FloatArray
    columns: dict[int, int]

    @classmethod
    def build(cls, samples: dict[int, Sample]) -> StackedGroups:
        """Stack the groups' samples, all with clusters, which are named alike across groups."""
        designs, columns, start = [], {}, 0
        for group, sample in samples.items():
            design, column, _ = regression_columns(sample, interact=True)
            designs.append(design)
            columns[group] = start + column
            start += design.shape[1]
        clusters = [sample.cluster for sample in samples.values() if sample.cluster is not None]
        names = np.concatenate([np.array(cluster.names, dtype=object)[cluster.codes] for cluster in clusters])
        distinct, codes = np.unique(names, return_inverse=True)
        cluster = Groups(codes=codes.astype(np.intp), names=tuple(str(name) for name in distinct))
        regression = Regression.build(linalg.block_diag(*designs), cluster=cluster)
        return cls(regression=regression, y=np.concatenate([s.y for s in samples.values()]), columns=columns)

    def contrast(self, group: int, base: int) -> Coefficient:
        """Return the effect in one group less that in another, CR2 and Satterthwaite."""
        return self.regression.contrasts(self._differences([base, group])).coefficients(self.y)[0]

    def test(self, groups: list[int]) -> JointTest:
        """Test that the groups have the same effect; raise with too few clusters."""
        return joint_test(self.regression, self._differences(groups), self.y)

    def _differences(self, groups: list[int]) -> FloatArray:
        """Return the contrasts of the groups with the first, shape (groups - 1, k)."""
        wanted = np.zeros((len(groups) - 1, self.regression.triangle.shape[0]))
        wanted[:, self.columns[groups[0]]] = -1.0
        others: IntArray = np.array([self.columns[group] for group in groups[1:]])
        wanted[np.arange(len(others)), others] = 1.0
        return wanted
