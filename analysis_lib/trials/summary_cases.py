"""Published numbers as estimates: ratios by site and shares by arm."""

from __future__ import annotations

import math

from scipy import special

from analysis_lib.errors import DefinitionError
from analysis_lib.results import Estimate, Interval, Message, Results, wald_interval, wald_p_value
from analysis_lib.trials.definition import (
    CONTROL,
    PublishedRatio,
    PublishedShare,
    ReportedRatio,
    ReportedShare,
    SummaryData,
    Trial,
)
from analysis_lib.trials.evaluation import HAZARD_RATIO

SHARE = Message("share")
DIFFERENCE_IN_SHARES = Message("difference in shares")
AS_PUBLISHED = Message("as published")
PERCENT, PERCENTAGE_POINTS = Message("percent"), Message("percentage points")


def load_summary(trial: Trial) -> Results:
    r"""Return a trial's published numbers as estimates, in the order of its outcomes.

    A ratio is a row a site (`group` is the site), with the interval that was published and the standard error of its
    logarithm that the interval implies, :math:`s = (\ln h - \ln l) / (2 z)`.

    A share is a row an arm, in percent, and a row for the difference between the arm and control, in percentage points,
    with the standard error :math:`\sqrt{p_1 (1 - p_1) / n_1 + p_0 (1 - p_0) / n_0}` and its normal interval. The shares
    were rounded when they were published, which the interval does not know. Where the sizes of the arms are not known,
    it is a row without a number.

    Raises
    ------
    DefinitionError
        Where the trial's data is not of kind summary.

    Examples
    --------
    >>> from analysis_lib.trials.definition import read_trial
    >>> rows = load_summary(read_trial("mentor")).where(estimand="difference in shares").estimates
    >>> [(row.outcome, round(row.value, 1), round(row.value / row.std_error, 1)) for row in rows]
    [('education', 4.0, 2.9), ('job', 2.0, 2.1)]
    """
    data = trial.data
    if not isinstance(data, SummaryData):
        raise DefinitionError(f"trial {trial.id} has data of kind {data.kind}; must be summary (others: load_cases)")
    rows: list[Estimate] = []
    for outcome in trial.outcomes:
        if isinstance(outcome, ReportedRatio):
            arm = trial.treated_arms[0].id
            rows += [_ratio(data, ratio, arm) for ratio in data.ratios if ratio.outcome == outcome.id]
        elif isinstance(outcome, ReportedShare):
            shares = {share.arm: share for share in data.shares if share.outcome == outcome.id}
            rows += [_share(data, share, trial.inference.level) for share in shares.values()]
            rows += [
                _difference(data, shares[arm.id], shares[CONTROL], trial.inference.level) for arm in trial.treated_arms
            ]
    return Results(rows)


def _ratio(data: SummaryData, ratio: PublishedRatio, arm: str) -> Estimate:
    half = float(special.ndtri((1 + ratio.level) / 2))
    std_error = math.log(ratio.high / ratio.low) / (2 * half)
    return Estimate(
        estimand=HAZARD_RATIO, value=ratio.ratio, std_error=std_error, scale="log", unit=Message("ratio"),
        interval=Interval(low=ratio.low, high=ratio.high, level=ratio.level),
        p_value=wald_p_value(ratio.ratio, std_error, math.inf, "log"), method=AS_PUBLISHED,
        n_treated=_size(data, ratio.outcome, arm, ratio.site),
        n_control=_size(data, ratio.outcome, CONTROL, ratio.site),
        outcome=ratio.outcome, arm=arm, group=ratio.site,
    )  # fmt: skip


def _size(data: SummaryData, outcome: str, arm: str, site: str | None = None) -> int | None:
    size = data.size_of(outcome, arm, site)
    return None if size is None else size.n


def _variance(share: PublishedShare, n: int) -> float:
    return share.share * (1 - share.share) / n


def _share(data: SummaryData, share: PublishedShare, level: float) -> Estimate:
    n = _size(data, share.outcome, share.arm)
    value, std_error = 100 * share.share, math.nan if n is None else 100 * math.sqrt(_variance(share, n))
    return Estimate(
        estimand=SHARE, value=value, std_error=std_error, interval=wald_interval(value, std_error, math.inf, level),
        unit=PERCENT, n=n, method=AS_PUBLISHED, outcome=share.outcome, arm=share.arm,
    )  # fmt: skip


def _difference(data: SummaryData, treated: PublishedShare, control: PublishedShare, level: float) -> Estimate:
    known = {"outcome": treated.outcome, "arm": treated.arm, "unit": PERCENTAGE_POINTS}
    n_treated, n_control = (_size(data, share.outcome, share.arm) for share in (treated, control))
    if n_treated is None or n_control is None:
        reason = Message("the number of people in an arm is not known")
        return Estimate.empty(estimand=DIFFERENCE_IN_SHARES, reason=reason, level=level, **known)
    value = 100 * (treated.share - control.share)
    std_error = 100 * math.sqrt(_variance(treated, n_treated) + _variance(control, n_control))
    return Estimate(
        estimand=DIFFERENCE_IN_SHARES, value=value, std_error=std_error, n_treated=n_treated, n_control=n_control,
        interval=wald_interval(value, std_error, math.inf, level), p_value=wald_p_value(value, std_error, math.inf),
        method=Message("difference of published shares, normal interval"),
        note=Message("z = {z:.1f}", z=value / std_error) if std_error > 0 else "",
        outcome=treated.outcome, arm=treated.arm, unit=PERCENTAGE_POINTS,
    )  # fmt: skip
