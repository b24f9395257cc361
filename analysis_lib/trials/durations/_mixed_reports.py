"""What a fit with mass points says: ratios, baseline hazards, mass points and likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from analysis_lib.results import Check, Curve, Estimate, FloatArray, Interval, Message, Results
from analysis_lib.trials._arrays import IntArray
from analysis_lib.trials._cox import sums_by
from analysis_lib.trials.durations._mass_points import Fit, Search
from analysis_lib.trials.durations._mixed_points import Estimated
from analysis_lib.trials.durations._people import People, check_variance, cluster_df, hazard_ratio_estimate
from analysis_lib.trials.durations._spell_people import Part
from analysis_lib.trials.durations._spells import span_label

_ROBUST = Message("standard error robust to clusters")
# Of the logarithm of a ratio: larger ones are not numbers.
_LARGEST = 600.0
_NONE = Message("proportional hazards, constant within intervals, no heterogeneity")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpellHazard:
    """The hazard of one spell.

    Attributes
    ----------
    ratios
        Hazard ratio of treated to control, a row a window (`group`).
    covariates
        Hazard ratio for one more of each covariate.
    baseline
        Hazard per unit of time in each interval, which starts at `x`, for the control group at the mean of covariates
        (everybody's; of functions of the first duration, that of those who left) and a multiplier of 1.
    """

    ratios: Results
    covariates: Results
    baseline: Curve


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixedFit:
    """The fit with a number of mass points.

    Attributes
    ----------
    mass_points
        How many there are; with 1 there is no heterogeneity.
    hazards
        One for each spell.
    points
        Each point's multiplier of the hazard and its share of the people, least multiplier first. The multipliers' mean
        by share is 1 in each spell; in the second, over the points whose people get there.
    log_likelihood, n_parameters, aic, bic
        Of the fit; BIC counts people.
    starts, agreeing
        From how many starting values the maximum was sought, and how many of them ended in it.
    """

    mass_points: int
    hazards: tuple[SpellHazard, ...]
    points: Results
    log_likelihood: float
    n_parameters: int
    aic: float
    bic: float
    starts: int
    agreeing: int


def estimated(fit: Fit, row: IntArray, people: People, level: float) -> Estimated:
    """Return the fit with its covariance, robust where there are clusters; `row` (n,) is each person's row."""
    if people.cluster is None:
        return Estimated(fit=fit, covariance=fit.covariance, df=math.inf, level=level)
    scores = sums_by(fit.mixture.row_scores(fit.at)[row], people.cluster.codes, people.cluster.count)
    found: FloatArray = fit.covariance @ scores.T @ scores @ fit.covariance
    for robust, own in zip(np.diag(found), np.diag(fit.covariance), strict=True):
        if own > 0:
            check_variance(float(robust), float(own))
    return Estimated(fit=fit, covariance=found, df=cluster_df(people.cluster, people.treated), level=level)


def report(found: Estimated, parts: tuple[Part, ...], notes: tuple[Message, ...]) -> MixedFit:
    """Return what the fit says of each spell, and of the mass points."""
    fit = found.fit
    given = (*notes, *_warnings(fit))
    size, people = fit.mixture.size, float(fit.mixture.count.sum())
    return MixedFit(
        mass_points=fit.mixture.types,
        hazards=tuple(_hazard(found, s, part, given) for s, part in enumerate(parts)),
        points=found.points(tuple(part.outcome for part in parts)),
        log_likelihood=fit.log_likelihood,
        n_parameters=size,
        aic=2 * size - 2 * fit.log_likelihood,
        bic=size * math.log(people) - 2 * fit.log_likelihood,
        starts=fit.starts,
        agreeing=fit.agreeing,
    )


def report_search(
    search: Search, row: IntArray, people: People, parts: tuple[Part, ...], level: float
) -> MixedFit | None:
    """Return what the search found."""
    if search.fit is None:
        return None
    notes = () if search.note is None else (search.note,)
    return report(estimated(search.fit, row, people, level), parts, notes)


def empty_ratios(like: Results, reason: Message, mass_points: int) -> Results:
    """Return the rows of ratios without numbers."""
    nothing = Interval(low=math.nan, high=math.nan, level=like.estimates[0].interval.level)
    known: dict[str, Any] = {"value": math.nan, "std_error": math.nan, "p_value": math.nan, "df": math.nan}
    known |= {"interval": nothing, "reason": reason, "method": method_of(mass_points), "note": ""}
    return Results(replace(row, **known) for row in like.estimates)


def method_of(mass_points: int) -> Message:
    """Return the words for the model."""
    words = "proportional hazards, constant within intervals, {k} mass points"
    return _NONE if mass_points == 1 else Message(words, k=mass_points)


def compare(without: MixedFit, mixed: MixedFit | None, reason: Message | None) -> Check:
    """Return the likelihood ratio of a fit with mass points to that without."""
    name = Message("likelihood with heterogeneity against without")
    if mixed is None or mixed.mass_points == 1:
        return Check(name=name, passed=None, detail=reason or Message("there is one mass point only"))
    values = {"with_aic": mixed.aic, "aic": without.aic, "with_bic": mixed.bic, "bic": without.bic}
    numbers = Message(
        "AIC {with_aic:.1f} with, {aic:.1f} without; BIC {with_bic:.1f} with, {bic:.1f} without", **values
    )
    return Check(
        name=name,
        passed=None,
        statistic=2 * (mixed.log_likelihood - without.log_likelihood),
        df=float(mixed.n_parameters - without.n_parameters),
        method=Message("twice the gain in log likelihood"),
        detail=Message.join([numbers, Message("without heterogeneity the gain is not chi-square distributed")]),
    )


def _warnings(fit: Fit) -> tuple[Message, ...]:
    """Return what should be known of a maximum."""
    found = []
    if fit.starts > 1 and fit.agreeing == 1:
        found.append(Message("only one of {n} starts ended in the maximum reported", n=fit.starts))
    if fit.missed:
        words = "a maximum within bounds: a mass point that leaves at once would raise the log likelihood by {gain:.2f}"
        found.append(Message(words, gain=fit.missed))
    if any(fit.stays(s).any() for s in range(len(fit.mixture.spells))):
        found.append(Message("at the boundary: the hazard of a mass point is 0, its people do not leave"))
    return tuple(found)


def _hazard(found: Estimated, spell: int, part: Part, notes: tuple[Message, ...]) -> SpellHazard:
    """Return one spell's ratios and baseline."""
    fit = found.fit
    place = fit.mixture.slopes[spell]
    slope, variance = fit.params[place], np.diag(found.covariance)[place]
    windows, method = part.pieces.windows, method_of(fit.mixture.types)
    scales = np.concatenate([np.ones(len(windows)), part.scale])
    words = [
        *[Message("hazard ratio")] * len(windows),
        *(Message("hazard ratio of {name}", name=n) for n in part.names),
    ]
    rows = []
    for k, (scale, estimand) in enumerate(
        zip(scales.tolist(), words, strict=True), start=len(part.pieces.intervals) - 1
    ):
        log_ratio, std_error = float(slope[k]) / scale, math.sqrt(variance[k]) / scale
        if abs(log_ratio) + 4 * std_error > _LARGEST:
            reason = Message("one more of it is far more than people differ by: measure it in smaller units")
            row = Estimate.empty(estimand=estimand, reason=reason, level=found.level, method=method, scale="log")
        else:
            row = hazard_ratio_estimate(
                log_ratio, std_error**2, part.people, method=method, notes=(*part.notes, *notes), level=found.level,
                robust=_ROBUST,
            )  # fmt: skip
        rows.append(replace(row, estimand=estimand, outcome=part.outcome))
    ratios = rows[: len(windows)]
    if len(windows) > 1:
        ratios = [_of_window(row, part.people, *span) for row, span in zip(ratios, windows, strict=True)]
    return SpellHazard(
        ratios=Results(ratios), covariates=Results(rows[len(windows) :]), baseline=_baseline(found, spell, part)
    )


def _of_window(row: Estimate, people: People, low: float, high: float) -> Estimate:
    """Return the row with its window, and the people still there when it begins."""
    there = people.treated[(people.time > low) | (low == 0)]
    treated = int(there.sum())
    return replace(row, group=span_label(low, high), n=len(there), n_treated=treated, n_control=len(there) - treated)


def _baseline(found: Estimated, spell: int, part: Part) -> Curve:
    """Return the baseline hazard by interval."""
    fit = found.fit
    mean, gradient = found.mean_multiplier(spell)
    spans, start = np.array(part.pieces.intervals), fit.mixture.slopes[spell].start
    by_interval = np.tile(gradient, (len(spans), 1))
    later = np.arange(len(spans) - 1)
    by_interval[later + 1, start + later] = 1.0
    log = mean + np.append(0.0, fit.params[start + later])
    half = special.stdtrit(found.df, (1 + found.level) / 2) * np.array([found.std_error(row) for row in by_interval])
    with np.errstate(over="ignore", under="ignore"):
        low, high = np.exp(log - half), np.exp(log + half)
    return Curve(
        x=spans[:, 0],
        y=np.exp(log),
        low=low,
        high=high,
        unit_x=Message("weeks") if part.grouped else "",
        at_risk=np.sum(part.people.time[:, None] > spans[:, 0], axis=0).astype(np.float64),
        level=found.level,
        method=method_of(fit.mixture.types),
        outcome=part.outcome,
    )
