"""The results that `pool_sites` puts together."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import special, stats

from analysis_lib.errors import NotEstimable
from analysis_lib.results import (
    Check,
    Estimate,
    FloatArray,
    Interval,
    Message,
    Results,
    Scale,
    wald_interval,
    wald_p_value,
)
from analysis_lib.trials.sites._between import (
    Method,
    between_variance,
    generalised_q,
    q_profile,
    typical_variance,
    weighted_mean,
)
from analysis_lib.trials.sites._reading import SiteEffects

MEAN_OVER_SITES = Message("mean effect over sites")
_DIFFERENT = 0.05
_METHODS = {
    "reml": Message("random effects (REML)"),
    "dl": Message("random effects (DerSimonian-Laird)"),
    "pm": Message("random effects (Paule-Mandel)"),
    "fixed": Message("fixed effect"),
}
_FIXED = Message("the fixed-effect method takes the effect to be the same at every site")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """The mean on the scale of the arithmetic, and tau2.

    `candidates` are the pairs of standard error and degrees of freedom of which the wider interval counts;
    `std_error` and `df` are those of the wider one at `level`.
    """

    sites: SiteEffects
    method: Method
    level: float
    scale: Scale
    text: Message
    tau2: float
    mean: float
    std_error: float
    df: float
    candidates: tuple[tuple[float, float], ...]

    def shrinkage(self) -> FloatArray:
        """Return the weight of each site's own effect in its shrunken one, shape (k,)."""
        found: FloatArray = self.tau2 / (self.tau2 + self.sites.variances)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Widest:
    """The wider of Knapp and Hartung's interval and the fixed-effect one, at any level."""

    fit: Fit

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return (low, high) at the level."""
        half = max(_half_width(one, level) for one in self.fit.candidates)
        low, high = self.fit.mean - half, self.fit.mean + half
        return (math.exp(low), math.exp(high)) if self.fit.scale == "log" else (low, high)


@dataclass(frozen=True, slots=True, kw_only=True)
class QProfile:
    """The Q-profile interval of tau2, or with `typical` above 0 of I2, at any level."""

    sites: SiteEffects
    typical: float = 0.0

    def interval_at(self, level: float) -> tuple[float, float]:
        """Return (low, high) at the level; NaN where the interval is empty."""
        low, high = q_profile(self.sites.effects, self.sites.variances, level)
        if not self.typical:
            return low, high
        return low / (low + self.typical), high / (high + self.typical)


def fit_mean(
    sites: SiteEffects, method: Method, *, knapp_hartung: bool, floor: bool, level: float, scale: Scale
) -> Fit:
    """Estimate tau2 and the mean."""
    tau2 = between_variance(sites.effects, sites.variances, method)
    mean, total = weighted_mean(sites.effects, sites.variances, tau2)
    candidates, interval = [(math.sqrt(1 / total), math.inf)], Message("normal interval")
    if knapp_hartung and method != "fixed":
        df, interval = len(sites.names) - 1.0, Message("Knapp-Hartung")
        candidates = [(math.sqrt(generalised_q(sites.effects, sites.variances, tau2) / df / total), df)]
        if floor:
            candidates.append((math.sqrt(1 / weighted_mean(sites.effects, sites.variances, 0.0)[1]), math.inf))
    widest = max(candidates, key=lambda one: _half_width(one, level))
    if widest[0] == 0:
        raise NotEstimable(Message("all sites have the same effect: Knapp and Hartung's standard error is 0"))
    text = Message.join([_METHODS[method], interval], ", ")
    return Fit(
        sites=sites, method=method, level=level, scale=scale, text=text,
        tau2=tau2, mean=mean, std_error=widest[0], df=widest[1], candidates=tuple(candidates),
    )  # fmt: skip


def _half_width(candidate: tuple[float, float], level: float) -> float:
    """Return t(df) x standard error."""
    std_error, df = candidate
    return float(special.stdtrit(df, (1 + level) / 2)) * std_error


def mean_over_sites(fit: Fit, *, headline: bool) -> Estimate:
    """Return the mean effect, with a warning where it does not stand for the sites."""
    if fit.scale == "log":
        warning = Message("the sites differ: a pooled ratio is not a summary of them")
    else:
        warning = Message("the sites differ: a pooled effect is not a summary of them")
    notes = [fit.sites.note] if headline else [warning, fit.sites.note]
    floored = len(fit.candidates) == 2 and fit.df == math.inf
    if floored:
        notes.append(Message("Knapp and Hartung's interval would be narrower than the fixed-effect one, given here"))
    value = math.exp(fit.mean) if fit.scale == "log" else fit.mean
    p_value = max(wald_p_value(value, *one, fit.scale) for one in fit.candidates if one[0] > 0)
    found = _estimate(fit, MEAN_OVER_SITES, fit.mean, fit.std_error, fit.df, p_value=p_value, note=Message.join(notes))
    return replace(found, rule=Widest(fit=fit)) if len(fit.candidates) == 2 else found


def new_site(fit: Fit) -> Estimate:
    """Return the prediction interval for the effect at another site."""
    estimand = Message("effect at another site (prediction)")
    known = {"n_clusters": len(fit.sites.names), "scale": fit.scale, "method": fit.text}
    if fit.method == "fixed":
        return Estimate.empty(estimand=estimand, reason=_FIXED, level=fit.level, **known)
    if len(fit.sites.names) < 3:
        reason = Message("{n} sites; a prediction needs three", n=len(fit.sites.names))
        return Estimate.empty(estimand=estimand, reason=reason, level=fit.level, **known)
    std_error = math.sqrt(fit.std_error**2 + fit.tau2)
    return _estimate(fit, estimand, fit.mean, std_error, len(fit.sites.names) - 2.0)


def shrunken_effects(fit: Fit) -> Results:
    """Return the empirical-Bayes effect of every site."""
    estimand = Message("effect at the site (shrunken)")
    if fit.method == "fixed":
        return Results(
            Estimate.empty(estimand=estimand, reason=_FIXED, level=fit.level, group=name, method=fit.text)
            for name in fit.sites.names
        )
    own = fit.shrinkage()
    values = own * fit.sites.effects + (1 - own) * fit.mean
    std_errors = np.sqrt(own * fit.sites.variances + (1 - own) ** 2 * fit.std_error**2)
    return Results(
        _estimate(fit, estimand, value, std_error, fit.df, group=name)
        for name, value, std_error in zip(fit.sites.names, values.tolist(), std_errors.tolist(), strict=True)
    )


def between_sites(fit: Fit) -> tuple[Estimate, Estimate]:
    """Return tau2 and I2, with the interval that Q-profile gives them."""
    variance, share = Message("variance between sites"), Message("share of the variance between sites (I2)")
    typical = typical_variance(fit.sites.variances)
    # 1 - (k - 1) / Q is DerSimonian and Laird's tau2 against the typical variance
    tau2 = between_variance(fit.sites.effects, fit.sites.variances, "dl") if fit.method == "fixed" else fit.tau2
    i2 = _between(fit, share, tau2 / (tau2 + typical), QProfile(sites=fit.sites, typical=typical))
    if fit.method == "fixed":
        return Estimate.empty(estimand=variance, reason=_FIXED, level=fit.level, n_clusters=i2.n_clusters), i2
    return _between(fit, variance, fit.tau2, QProfile(sites=fit.sites)), i2


def check_q(fit: Fit) -> Check:
    """Return Cochran's test."""
    statistic, df = generalised_q(fit.sites.effects, fit.sites.variances, 0.0), len(fit.sites.names) - 1
    p_value = float(stats.chi2.sf(statistic, df))
    return Check(
        name=Message("the same effect at every site"), passed=p_value >= _DIFFERENT, statistic=statistic,
        p_value=p_value, threshold=_DIFFERENT, df=float(df), method=Message("Cochran's Q"),
    )  # fmt: skip


def _between(fit: Fit, estimand: Message, value: float, profile: QProfile) -> Estimate:
    low, high = profile.interval_at(fit.level)
    empty = Message("the sites differ less than chance alone would have them: the Q-profile interval is empty")
    return Estimate(
        estimand=estimand, value=value, df=math.nan, interval=Interval(low=low, high=high, level=fit.level),
        method=Message.join([_METHODS[fit.method], Message("Q-profile interval")], ", "),
        n_clusters=len(fit.sites.names), note=empty if math.isnan(high) else "", rule=profile,
    )  # fmt: skip


def _estimate(
    fit: Fit, estimand: Message, value: float, std_error: float, df: float, *,
    p_value: float = math.nan, note: str = "", group: str = "",
) -> Estimate:  # fmt: skip
    """Return a result on the scale reported."""
    reported = math.exp(value) if fit.scale == "log" else value
    return Estimate(
        estimand=estimand, value=reported, std_error=std_error, df=df, scale=fit.scale, method=fit.text,
        interval=wald_interval(reported, std_error, df, fit.level, fit.scale), p_value=p_value, note=note,
        group=group, n_clusters=len(fit.sites.names), unit=Message("ratio") if fit.scale == "log" else "",
    )  # fmt: skip
