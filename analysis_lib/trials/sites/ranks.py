"""How sure a ranking of sites is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._options import check_draws
from analysis_lib.trials.sites.pooling import PooledSites

__all__ = ["RankProbabilities", "rank_probabilities"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankProbabilities:
    """The probability of each rank of each site.

    Attributes
    ----------
    names
        The sites, of shape (k,).
    probabilities
        Shape (k, k): row i gives site i's probabilities of rank 1 to k; rows and columns add up to 1.
    draws
        Draws behind them: a probability p has the Monte Carlo standard error sqrt(p (1 - p) / draws).
    """

    names: tuple[str, ...]
    probabilities: FloatArray = field(repr=False, compare=False)
    draws: int

    @property
    def expected(self) -> FloatArray:
        """The mean rank of each site, of shape (k,)."""
        means: FloatArray = self.probabilities @ np.arange(1, len(self.names) + 1)
        return means

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each site and rank: `site`, `rank`, `probability`, `expected_rank`."""
        k = len(self.names)
        return pd.DataFrame(
            {
                "site": np.repeat(np.array(self.names, dtype=object), k),
                "rank": np.tile(np.arange(1, k + 1), k),
                "probability": self.probabilities.ravel(),
                "expected_rank": np.repeat(self.expected, k),
            }
        )


def rank_probabilities(
    pooled: PooledSites, *, draws: int, rng: np.random.Generator, largest_first: bool = True
) -> RankProbabilities:
    r"""Draw the sites' true effects from their empirical-Bayes posterior, and count each site's ranks.

    Parameters
    ----------
    pooled
        From `pool_sites`, with random effects.
    draws
        Draws of all sites' effects together; 10,000 leave a standard error of at most 0.005.
    rng
        The source of chance.
    largest_first
        Whether rank 1 is the largest effect; else the smallest, as for weeks of unemployment.

    Returns
    -------
    RankProbabilities
        Of the sites used.

    Raises
    ------
    InvalidInput
        `draws` is not a whole number of 1 or more, or `rng` no generator.
    NotEstimable
        No difference between the sites is estimated (tau2 is 0), or the fixed-effect method was used.

    Notes
    -----
    :math:`\theta_i = \lambda_i y_i + (1 - \lambda_i) \mu + \sqrt{\lambda_i} s_i z_i`, one draw of :math:`\mu` for all
    sites. The uncertainty of the mean is included (with t(k - 1) after Knapp and Hartung), that of tau2 is not: with
    few sites the ranks are less certain than they look.

    References
    ----------
    Laird and Louis (1989), Journal of Educational Statistics 14(1). Goldstein and Spiegelhalter (1996),
    doi 10.2307/2983325.

    Examples
    --------
    >>> from analysis_lib.trials.sites import pool_sites
    >>> found = pool_sites([2.1, -0.4, 1.3], [0.4, 0.3, 0.5], names=["a", "b", "c"])
    >>> ranks = rank_probabilities(found, draws=10_000, rng=np.random.default_rng(1))
    >>> ranks.probabilities.round(1)
    array([[0.9, 0.1, 0. ],
           [0. , 0. , 1. ],
           [0.1, 0.9, 0. ]])
    """
    check_draws(draws, rng)
    if not pooled.tau2.estimated or pooled.tau2.value == 0:
        raise NotEstimable(Message("no difference between the sites is estimated: there is nothing to rank"))
    mean = math.log(pooled.pooled.value) if pooled.pooled.scale == "log" else pooled.pooled.value
    common = mean + pooled.pooled.std_error * _standard(rng, pooled.pooled.df, draws)
    own = pooled.tau2.value / (pooled.tau2.value + pooled.std_errors**2)
    spread = np.sqrt(own) * pooled.std_errors
    k = pooled.n_sites
    drawn = own * pooled.effects + (1 - own) * common[:, None] + spread * rng.normal(size=(draws, k))
    order = np.argsort(-drawn if largest_first else drawn, axis=1)
    counts = np.bincount((order * k + np.arange(k)).ravel(), minlength=k * k).reshape(k, k)
    return RankProbabilities(names=pooled.names, probabilities=counts / draws, draws=draws)


def _standard(rng: np.random.Generator, df: float, draws: int) -> FloatArray:
    """Draw from t(df), or the normal distribution where df is infinite."""
    return rng.normal(size=draws) if math.isinf(df) else rng.standard_t(df, size=draws)
