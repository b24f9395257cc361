"""Whether as many, and the same kind of, people are observed in both arms."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special, stats

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Check, Estimate, Interval, Message, Results, check_level
from analysis_lib.trials._arrays import as_binary
from analysis_lib.trials._least_squares import Regression
from analysis_lib.trials._sample import Sample, read_sample, regression_columns
from analysis_lib.trials.effects._estimates import collinear_note
from analysis_lib.trials.effects._joint import THRESHOLD, joint_test
from analysis_lib.trials.effects.means import difference_in_means

__all__ = ["attrition_check"]

_ESTIMAND = Message("difference in share observed")
_SAME_SHARE = Message("as many observed in both arms")
_SAME_KIND = Message("covariates tell who is observed alike in both arms")
# With fewer people not observed (or observed) in an arm, a normal interval within blocks or by cluster is rough.
_FEW = 5


def attrition_check(
    observed: ArrayLike,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> Results:
    r"""Compare who is observed between the arms: how many, and, with covariates, which kind of people.

    Parameters
    ----------
    observed
        Whether the outcome is known, shape (n,); booleans or 0/1.
    treated, covariates, block, cluster
        As in `lin_adjusted`; covariates are not needed.
    level
        Coverage of the interval.

    Returns
    -------
    Results
        The difference in the share observed (treated less control); a check that it is 0; and, with covariates, a
        check that they have the same relation to being observed in both arms (`passed` is `None`, with the reason,
        where it cannot be made). Checks are made at 0.05. Where everyone is observed there is no interval, and the
        checks pass.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `difference_in_means`; also where nobody is observed.

    Notes
    -----
    People on their own: Newcombe's interval from Wilson's for each arm,

    .. math:: d - \sqrt{(p_1 - l_1)^2 + (u_0 - p_0)^2} \text{ to } d + \sqrt{(u_1 - p_1)^2 + (p_0 - l_0)^2},

    which keeps its level where few are missing, and Fisher's exact test, which is the randomisation test of the share
    (on the safe side with few people). Within blocks and by cluster: `difference_in_means` of the indicator; `note`
    says where fewer than 5 people are missing in an arm, as the interval is rough then.

    The second check is the joint test that all interactions of treatment and covariates are 0 in Lin's regression of
    the indicator: HC2 or CR2 with the degrees of freedom of Pustejovsky and Tipton's HTZ.

    References
    ----------
    Newcombe (1998), doi 10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I (method 10). Pustejovsky and
    Tipton (2018), doi 10.1080/07350015.2016.1247004.

    Examples
    --------
    >>> found = attrition_check([1] * 46 + [0] * 4 + [1] * 35 + [0] * 15, [1] * 50 + [0] * 50)
    >>> f"{found.estimates[0].value:.2f}", found.checks[0].passed
    ('0.22', False)
    """
    check_level(level)
    seen = as_binary(observed, "observed")
    sample = read_sample(seen, treated, covariates=covariates, block=block, cluster=cluster, level=level)
    if not sample.y.any():
        raise NotEstimable(Message("nobody is observed"))
    if sample.y.all():
        return _everyone(sample, level)
    if sample.block is None and sample.cluster is None:
        difference, method = _newcombe(sample, level), Message("Fisher's exact test")
    else:
        difference = difference_in_means(seen, treated, block=block, cluster=cluster, level=level)
        difference = replace(difference, estimand=_ESTIMAND, note=Message.join([difference.note, *_few(sample)]))
        method = Message("t-test")
    same_share = Check(
        name=_SAME_SHARE,
        passed=difference.p_value >= THRESHOLD,
        p_value=difference.p_value,
        threshold=THRESHOLD,
        method=method,
        detail=_shares(sample),
    )
    same_kind = [_same_kind(sample)] if sample.covariates.names else []
    return Results([difference, same_share, *same_kind])


def _everyone(sample: Sample, level: float) -> Results:
    """Return the answer where nobody is missing."""
    reason = Message("everyone is observed")
    names = [_SAME_SHARE, *([_SAME_KIND] if sample.covariates.names else [])]
    return Results(
        [
            Estimate.empty(estimand=_ESTIMAND, reason=reason, level=level, **_counts(sample)),
            *(Check(name=name, passed=True, threshold=THRESHOLD, detail=reason) for name in names),
        ]
    )


def _counts(sample: Sample) -> dict[str, Any]:
    treated = int(np.sum(sample.treated))
    clusters = None if sample.cluster is None else sample.cluster.count
    return {"n_treated": treated, "n_control": len(sample.y) - treated, "n": len(sample.y), "n_clusters": clusters}


def _arms(sample: Sample) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (observed, people) of the treated and of control."""
    arms = [sample.y[arm] for arm in (sample.treated, ~sample.treated)]
    (one, n_one), (zero, n_zero) = ((int(arm.sum()), len(arm)) for arm in arms)
    return (one, n_one), (zero, n_zero)


def _shares(sample: Sample) -> Message:
    (one, n_one), (zero, n_zero) = _arms(sample)
    return Message("observed: {one} of {n_one} treated, {zero} of {n_zero} control",
                   one=one, n_one=n_one, zero=zero, n_zero=n_zero)  # fmt: skip


def _few(sample: Sample) -> list[Message]:
    fewest = min(min(seen, n - seen) for seen, n in _arms(sample))
    return [] if fewest >= _FEW else [Message("only {n} people of a kind in an arm: the interval is rough", n=fewest)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Newcombe:
    """Interval rule of a difference between two shares, each (people counted, people)."""

    treated: tuple[int, int]
    control: tuple[int, int]

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return Newcombe's limits."""
        (p1, low1, high1), (p0, low0, high0) = (_wilson(*arm, level) for arm in (self.treated, self.control))
        d = p1 - p0
        return d - math.hypot(p1 - low1, high0 - p0), d + math.hypot(high1 - p1, p0 - low0)


def _wilson(count: int, n: int, level: float) -> tuple[float, float, float]:
    """Return a share with Wilson's limits."""
    z, share = float(special.ndtri((1 + level) / 2)), count / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return share, middle - half, middle + half


def _newcombe(sample: Sample, level: float) -> Estimate:
    """Return the difference of people on their own."""
    one, zero = _arms(sample)
    rule = _Newcombe(treated=one, control=zero)
    low, high = rule.interval_at(level)
    (p1, n1), (p0, n0) = ((seen / n, n) for seen, n in (one, zero))
    table = np.array([[one[0], one[1] - one[0]], [zero[0], zero[1] - zero[0]]])
    return Estimate(
        estimand=_ESTIMAND,
        value=p1 - p0,
        std_error=math.sqrt(p1 * (1 - p1) / (n1 - 1) + p0 * (1 - p0) / (n0 - 1)),
        interval=Interval(low=low, high=high, level=level),
        p_value=float(stats.fisher_exact(table).pvalue),
        method=Message("difference in shares, Newcombe interval, Fisher's exact test"),
        note=Message.join(sample.notes),
        rule=rule,
        **_counts(sample),
    )


def _same_kind(sample: Sample) -> Check:
    """Test that the interactions of treatment and covariates are all 0."""
    try:
        design, column, dropped = regression_columns(sample, interact=True)
        # After treatment come its interactions: with the blocks, none of which is ever collinear, then covariates.
        first = column + 1 + (sample.block.count - 1 if sample.block else 0)
        if first == design.shape[1]:
            raise NotEstimable(Message("no covariate varies in both arms"))
        regression = Regression.build(design, cluster=sample.cluster)
        found = joint_test(regression, np.eye(design.shape[1])[first:], sample.y)
    except NotEstimable as error:
        return Check(name=_SAME_KIND, passed=None, threshold=THRESHOLD, detail=error.args[0])
    detail = Message("F with {between} and {within:.1f} df", between=found.df_between, within=found.df_within)
    if dropped:
        detail = Message.join([detail, collinear_note(dropped)])
    return found.check(_SAME_KIND, clustered=sample.cluster is not None, detail=detail)
