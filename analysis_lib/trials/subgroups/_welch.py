"""Contrasts and the test of equality of independent estimates with standard errors that are estimated too."""

from __future__ import annotations

import numpy as np
from scipy import stats

from analysis_lib.results import FloatArray
from analysis_lib.trials.effects._joint import JointTest


def welch_test(values: FloatArray, std_errors: FloatArray, dfs: FloatArray) -> JointTest:
    """Test that (g,) independent estimates have one expectation (Welch 1951)."""
    weights = 1 / std_errors**2
    total, between = float(weights.sum()), len(values) - 1
    distance = float(weights @ (values - weights @ values / total) ** 2)
    shrink = float(np.sum((1 - weights / total) ** 2 / dfs))
    size = len(values) ** 2 - 1
    statistic = distance / between / (1 + 2 * (len(values) - 2) / size * shrink)
    df_error = size / (3 * shrink)
    return JointTest(
        statistic=statistic,
        df_between=between,
        df_within=df_error,
        p_value=float(stats.f.sf(statistic, between, df_error)),
    )


def satterthwaite(std_errors: tuple[float, float], dfs: tuple[float, float]) -> float:
    """Return the degrees of freedom of the difference of two independent estimates."""
    variances = [error**2 for error in std_errors]
    shares = [v / sum(variances) for v in variances]
    return 1 / sum(share**2 / df for share, df in zip(shares, dfs, strict=True))
