"""Effects of several sites (offices, municipalities) pooled, and how much they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Check, Estimate, FloatArray, Message, Results, Scale, check_level
from analysis_lib.trials.sites._between import Method, check_method
from analysis_lib.trials.sites._parts import (
    MEAN_OVER_SITES,
    between_sites,
    check_q,
    fit_mean,
    mean_over_sites,
    new_site,
    shrunken_effects,
)
from analysis_lib.trials.sites._reading import read_sites

__all__ = ["PooledSites", "leave_one_out", "pool_sites"]

# "May represent substantial heterogeneity" from here on (Cochrane Handbook, 10.10.2): with few sites Q sees little.
_HIGH_I2 = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledSites:
    """The effects of several sites, pooled.

    Attributes
    ----------
    pooled
        The mean effect over sites; `note` says so where the sites differ too much for it to stand for them.
    tau2
        Variance of the true effects between sites (of their logarithms, for ratios), with its Q-profile interval.
    i2
        Share of the effects' variance that is between sites, 0 to 1.
    q
        Cochran's test that the effect is the same at every site.
    prediction
        The interval in which the true effect of another such site is expected.
    sites
        Each site's effect, shrunken towards the mean by what its own estimate lacks in precision (empirical Bayes).
    names, effects, std_errors
        The sites used, and what was known of them, each of shape (n_sites,).
    n_sites
        Sites used.
    note
        On the sites that were left out.
    """

    pooled: Estimate
    tau2: Estimate
    i2: Estimate
    q: Check
    prediction: Estimate
    sites: Results
    names: tuple[str, ...]
    effects: FloatArray = field(repr=False, compare=False)
    std_errors: FloatArray = field(repr=False, compare=False)
    n_sites: int
    note: Message

    @property
    def headline(self) -> bool:
        """Whether one number may stand for the sites: Cochran's Q does not reject, and I2 is below 0.5."""
        return _is_headline(self.q, self.i2)

    @property
    def heterogeneity(self) -> Results:
        """How much the sites differ: tau2, I2 and Cochran's Q."""
        return Results([self.tau2, self.i2, self.q])


def pool_sites(
    effects: ArrayLike,
    std_errors: ArrayLike,
    *,
    method: Method = "reml",
    knapp_hartung: bool = True,
    level: float = 0.95,
    names: Sequence[str] | None = None,
    scale: Scale = "identity",
    knapp_hartung_floor: bool = True,
) -> PooledSites:
    r"""Pool the effects of sites, and say how much they differ.

    Parameters
    ----------
    effects
        Each site's effect, shape (k,); with `scale="log"` the *logarithm* of each site's ratio. NaN where a site's
        could not be estimated: the site is left out, and counted in `note`.
    std_errors
        Their standard errors, shape (k,), above 0; with `scale="log"` those of the logarithms.
    method
        How the variance between sites is estimated: "reml" (restricted likelihood), "dl" (DerSimonian and Laird), "pm"
        (Paule and Mandel); or "fixed", which takes the effect to be the same at every site.
    knapp_hartung
        With random effects: the standard error of Knapp and Hartung with t(k - 1), else the normal interval, which
        is too narrow with few sites. The fixed-effect interval is always normal.
    level
        Coverage of all intervals.
    names
        The sites' names, shape (k,); their numbers 1 to k where not given.
    scale
        "identity" for differences; "log" for ratios, which come in as logarithms and out as ratios.
    knapp_hartung_floor
        Whether Knapp and Hartung's interval is kept from being narrower than the fixed-effect interval: the wider of
        the two counts (and the larger p-value), `std_error` and `df` are its own, and `note` says where it is the
        fixed-effect one.

    Returns
    -------
    PooledSites
        With `method="fixed"` there is no tau2, prediction or shrunken effect: they are empty, with the reason.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it, and the site.
    NotEstimable
        Fewer than two sites have an effect; or all effects are equal, without the floor.

    Notes
    -----
    With :math:`w_i = 1 / (s_i^2 + \tau^2)`:

    .. math:: \hat\mu = \frac{\sum w_i y_i}{\sum w_i}, \qquad
        s^2_{KH} = \frac{\sum w_i (y_i - \hat\mu)^2}{(k - 1) \sum w_i}, \qquad
        Q = \sum \frac{(y_i - \hat\mu_0)^2}{s_i^2}, \qquad
        I^2 = \frac{\hat\tau^2}{\hat\tau^2 + \tilde s^2}

    with :math:`\hat\mu_0` the mean at :math:`\tau^2 = 0` and :math:`\tilde s^2` the typical variance of Higgins and
    Thompson (for "dl" and "fixed": :math:`I^2 = \max(0, 1 - (k - 1) / Q)`). With
    :math:`\lambda_i = \hat\tau^2 / (\hat\tau^2 + s_i^2)`, a site's shrunken effect is
    :math:`\lambda_i y_i + (1 - \lambda_i) \hat\mu`, and its variance :math:`\lambda_i s_i^2 + (1 - \lambda_i)^2 s^2`.
    The prediction interval is :math:`\hat\mu \pm t_{k-2} \sqrt{s^2 + \hat\tau^2}`; three sites are needed. All as
    metafor's `rma`, `blup`, `confint` and `predict(pi.type = "riley")`.

    References
    ----------
    Knapp and Hartung (2003), doi 10.1002/sim.1482. Wiksten, Rücker and Schwarzer (2016), doi 10.1002/sim.6879 (the
    floor). Viechtbauer (2007), doi 10.1002/sim.2514 (Q-profile). Higgins and Thompson (2002), doi 10.1002/sim.1186.
    Higgins, Thompson and Spiegelhalter (2009), doi 10.1111/j.1467-985X.2008.00552.x (prediction).

    Examples
    --------
    >>> found = pool_sites([2.1, -0.4, 1.3, 0.9], [0.8, 0.7, 0.9, 0.6], method="dl")
    >>> f"{found.pooled.value:.3f}, s.e. {found.pooled.std_error:.3f}; tau2 {found.tau2.value:.3f}"
    '0.913, s.e. 0.520; tau2 0.521'
    >>> f"I2 {found.i2.value:.2f}; Q {found.q.statistic:.2f}, p {found.q.p_value:.2f}"
    'I2 0.49; Q 5.89, p 0.12'
    >>> found.headline
    True
    """
    check_method(method)
    check_level(level)
    sites = read_sites(effects, std_errors, names, scale)
    fit = fit_mean(sites, method, knapp_hartung=knapp_hartung, floor=knapp_hartung_floor, level=level, scale=scale)
    variance, share = between_sites(fit)
    q = check_q(fit)
    return PooledSites(
        pooled=mean_over_sites(fit, headline=_is_headline(q, share)),
        tau2=variance,
        i2=share,
        q=q,
        prediction=new_site(fit),
        sites=shrunken_effects(fit),
        names=sites.names,
        effects=sites.effects,
        std_errors=sites.std_errors,
        n_sites=len(sites.names),
        note=sites.note,
    )


def leave_one_out(
    effects: ArrayLike,
    std_errors: ArrayLike,
    *,
    method: Method = "reml",
    knapp_hartung: bool = True,
    level: float = 0.95,
    names: Sequence[str] | None = None,
    scale: Scale = "identity",
    knapp_hartung_floor: bool = True,
) -> Results:
    """Pool the sites without each of them in turn, to see whether one carries the result.

    Parameters
    ----------
    effects, std_errors, method, knapp_hartung, level, names, scale, knapp_hartung_floor
        As in `pool_sites`.

    Returns
    -------
    Results
        The pooled effect without each site that has an effect, whose name is in `group`; with two sites, empty.

    Raises
    ------
    InvalidInput, NotEstimable
        As in `pool_sites`.

    References
    ----------
    As metafor's `leave1out`: Viechtbauer and Cheung (2010), doi 10.1002/jrsm.11.

    Examples
    --------
    >>> rows = leave_one_out([2.1, -0.4, 1.3, 0.9], [0.8, 0.7, 0.9, 0.6], method="dl", names=["a", "b", "c", "d"])
    >>> [f"without {row.group}: {row.value:.2f}" for row in rows.estimates]
    ['without a: 0.55', 'without b: 1.32', 'without c: 0.83', 'without d: 0.95']
    """
    check_level(level)
    sites = read_sites(effects, std_errors, names, scale)
    rows = []
    for i, name in enumerate(sites.names):
        kept = np.delete(np.arange(len(sites.names)), i)
        try:
            found = pool_sites(
                sites.effects[kept], sites.std_errors[kept], method=method, knapp_hartung=knapp_hartung,
                level=level, names=[sites.names[j] for j in kept], scale=scale,
                knapp_hartung_floor=knapp_hartung_floor,
            ).pooled  # fmt: skip
        except NotEstimable as error:
            found = Estimate.empty(estimand=MEAN_OVER_SITES, reason=error.args[0], level=level, scale=scale)
        rows.append(replace(found, group=name))
    return Results(rows)


def _is_headline(q: Check, share: Estimate) -> bool:
    return bool(q.passed) and share.value < _HIGH_I2
