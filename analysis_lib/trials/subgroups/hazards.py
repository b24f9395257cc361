"""Hazard ratios in groups that were chosen before the outcome was seen."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, FloatArray, Message, Results, wald_interval, wald_p_value
from analysis_lib.trials._arrays import (
    BoolArray,
    Covariates,
    Groups,
    IntArray,
    as_binary,
    as_covariates,
    as_groups,
    as_times,
)
from analysis_lib.trials._cox import RiskSets, fit_cox, independent_of_strata, robust_covariance
from analysis_lib.trials.durations import hazard_ratio
from analysis_lib.trials.durations._people import cluster_df, hotelling
from analysis_lib.trials.effects._joint import JointTest
from analysis_lib.trials.subgroups._people import check_arguments
from analysis_lib.trials.subgroups._rows import contrast_rows, equality_check, group_rows

__all__ = ["subgroup_hazard_ratios"]

_ESTIMAND = Message("hazard ratio")
_CONTRAST = Message("ratio of hazard ratios between groups")


def subgroup_hazard_ratios(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    group: Any,
    *,
    covariates: Any = None,
    stratum: Any = None,
    cluster: Any = None,
    ties: Literal["efron", "breslow"] = "efron",
    level: float = 0.95,
    min_cell: int = 5,
    reference: str | None = None,
) -> Results:
    r"""Estimate the hazard ratio in each group, the ratios between groups, and test whether they are the same.

    Parameters
    ----------
    time, event, treated, stratum, cluster, ties
        As in `hazard_ratio`.
    group, level, min_cell, reference
        As in `subgroup_effects`.
    covariates
        As in `hazard_ratio`; with coefficients of their own in each group.

    Returns
    -------
    Results
        As `subgroup_effects`: groups, ratios of their hazard ratios to the reference group's, and always the
        interaction test.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Notes
    -----
    Each group has a baseline hazard of its own, :math:`h_g(t \mid z) = h_{g0}(t) \exp(\beta_g z)`, so that its row is
    `hazard_ratio` of its people. The test compares twice the log likelihood with that of one :math:`\beta` for all
    groups, by chi-square with G - 1 degrees of freedom. With clusters it is Wald's, with Lin and Wei's covariance of
    the :math:`q = G - 1` differences, as Hotelling's. With m the clusters of the arm that has fewer, less one,
    :math:`W / (1 + 1/m) (2m - q + 1) / (2 m q) \sim F(q, 2m - q + 1)`; two groups have :math:`W \sim F(1, m)`, the
    t test of the row that contrasts them.

    References
    ----------
    Cox (1972), doi 10.1111/j.2517-6161.1972.tb00899.x. Lin and Wei (1989), doi 10.1080/01621459.1989.10478874.

    Examples
    --------
    >>> weeks, left = [3, 5, 6, 6, 9, 11, 4, 8, 10, 12, 12, 14], [1] * 11 + [0]
    >>> arm, sex = [1] * 6 + [0] * 6, ["man", "woman"] * 6
    >>> found = subgroup_hazard_ratios(weeks, left, arm, sex, min_cell=3)
    >>> [f"{row.group}: {row.value:.2f}" for row in found.estimates]
    ['man: 4.03', 'woman: 5.41', 'woman - man: 1.34']
    >>> f"p {found.checks[0].p_value:.2f}"
    'p 0.86'
    """
    if ties not in ("efron", "breslow"):
        raise InvalidInput(f"ties is {ties!r}; must be 'efron' or 'breslow'")
    people = _read(time, event, treated, group, covariates=covariates, stratum=stratum, cluster=cluster, ties=ties)
    check_arguments(people.group, level=level, min_cell=min_cell, reference=reference)
    rows = group_rows(
        lambda members: people.estimate(members, level), people.group, people.treated,
        min_cell=min_cell, estimand=_ESTIMAND, level=level,
    )  # fmt: skip

    def contrast(i: int, base: int) -> Estimate:
        difference, variance, _ = people.differences([base, i])
        return _contrast(rows[i], difference.item(), math.sqrt(variance.item()), people.freedom([base, i]), level)

    def test(usable: list[int]) -> tuple[JointTest, Message]:
        if people.cluster is None:
            return people.likelihood_ratio_test(usable), Message("likelihood ratio test, treatment by group")
        return people.wald_test(usable), Message("Wald test robust to clusters (Lin-Wei), treatment by group")

    contrasts = contrast_rows(rows, reference, contrast, estimand=_CONTRAST, level=level)
    return Results([*rows, *contrasts, equality_check(rows, test)])


@dataclass(frozen=True, slots=True, kw_only=True)
class _People:
    """Durations, arm and membership of (n,) people, checked; options are `None` where not given."""

    time: FloatArray
    event: BoolArray
    treated: BoolArray
    group: Groups
    covariates: Covariates
    stratum: Groups | None
    cluster: Groups | None
    ties: Literal["efron", "breslow"]

    def estimate(self, members: BoolArray, level: float) -> Estimate:
        """Return the hazard ratio in the members."""
        given = pd.DataFrame(self.covariates.values[members], columns=list(self.covariates.names))
        return hazard_ratio(
            self.time[members], self.event[members], self.treated[members],
            covariates=given, ties=self.ties, level=level,
            stratum=None if self.stratum is None else self.stratum.codes[members],
            cluster=None if self.cluster is None else self.cluster.codes[members],
        )  # fmt: skip

    def likelihood_ratio_test(self, groups: list[int]) -> JointTest:
        """Test that the groups, all with an estimate, have one hazard ratio."""
        higher, lower = (self.differences(groups, interact=interact)[2] for interact in (True, False))
        df = len(groups) - 1
        statistic = 2 * (higher - lower)
        p_value = float(stats.chi2.sf(statistic, df))
        return JointTest(statistic=statistic, df_between=df, df_within=math.inf, p_value=p_value)

    def wald_test(self, groups: list[int]) -> JointTest:
        """Test the same by Hotelling's T2 over clusters."""
        differences, variance, _ = self.differences(groups)
        q = len(differences)
        if np.linalg.matrix_rank(variance) < q:
            clusters = self._clusters(groups)
            raise NotEstimable(Message("{n} clusters are too few to test {groups} groups", n=clusters, groups=q + 1))
        wald = float(differences @ np.linalg.solve(variance, differences))
        statistic, df_error, p_value = hotelling(wald, q, self.freedom(groups))
        return JointTest(statistic=statistic, df_between=q, df_within=df_error, p_value=p_value)

    def differences(self, groups: list[int], *, interact: bool = True) -> tuple[FloatArray, FloatArray, float]:
        """Return the groups' log ratios less the first's, their covariance, and the log likelihood."""
        chosen = np.isin(self.group.codes, groups)
        member = self.group.codes[chosen, None] == np.array(groups)
        arm = self.treated[chosen]
        arms = np.column_stack([arm, member[:, 1:] * arm[:, None]]) if interact else arm[:, None]
        own = (member[:, :, None] * self.covariates.values[chosen][:, None, :]).reshape(len(member), -1)
        given = Covariates(values=own, names=tuple(str(j) for j in range(own.shape[1])))
        strata = self._strata(chosen)
        columns, names, _ = independent_of_strata(arms, given, strata)
        sets = RiskSets.build(self.time[chosen], self.event[chosen], strata)
        fit = fit_cox(columns, names, sets, efron=self.ties == "efron")
        covariance = fit.covariance
        if self.cluster is not None:
            covariance = robust_covariance(fit, self.cluster.where(chosen))
        extra = slice(1, arms.shape[1])
        return fit.coefficients[extra], covariance[extra, extra], fit.at.log_likelihood

    def _strata(self, chosen: BoolArray) -> Groups:
        """Return strata that are crossed with groups."""
        inner: IntArray = np.zeros(len(self.time), dtype=np.intp) if self.stratum is None else self.stratum.codes
        pairs = np.column_stack([self.group.codes, inner])[chosen]
        found, codes = np.unique(pairs, axis=0, return_inverse=True)
        return Groups(codes=codes.ravel().astype(np.intp), names=tuple(str(i) for i in range(len(found))))

    def _clusters(self, groups: list[int]) -> int:
        if self.cluster is None:
            return 0
        return len(np.unique(self.cluster.codes[np.isin(self.group.codes, groups)]))

    def freedom(self, groups: list[int]) -> float:
        """Return the degrees of freedom of the groups' covariance, as of `hazard_ratio`."""
        chosen = np.isin(self.group.codes, groups)
        cluster = None if self.cluster is None else self.cluster.where(chosen)
        return cluster_df(cluster, self.treated[chosen], self._strata(chosen))


def _read(
    time: ArrayLike, event: ArrayLike, treated: ArrayLike, group: Any, *,
    covariates: Any, stratum: Any, cluster: Any, ties: Literal["efron", "breslow"],
) -> _People:  # fmt: skip
    """Check the arguments."""
    times = as_times(time, "time")
    n = len(times)
    return _People(
        time=times,
        event=as_binary(event, "event", n),
        treated=as_binary(treated, "treated", n),
        group=as_groups(group, "group", n),
        covariates=as_covariates(np.empty((n, 0)) if covariates is None else covariates, n),
        stratum=None if stratum is None else as_groups(stratum, "stratum", n),
        cluster=None if cluster is None else as_groups(cluster, "cluster", n),
        ties=ties,
    )


def _contrast(one: Estimate, difference: float, std_error: float, df: float, level: float) -> Estimate:
    value = math.exp(difference)
    return Estimate(
        estimand=_CONTRAST,
        value=value,
        std_error=std_error,
        df=df,
        interval=wald_interval(value, std_error, df, level, "log"),
        p_value=wald_p_value(value, std_error, df, "log"),
        method=one.method,
        note=Message("to be read only where the test of equal effects rejects"),
        scale="log",
    )
