"""How small an effect a planned trial can find: power and minimum detectable effects.

A plan says how many people (or clusters, or events) there will be; `power` and `minimum_detectable_effect` take any.
"""

from __future__ import annotations

import math

from scipy import integrate, optimize, special

from analysis_lib.errors import InvalidInput
from analysis_lib.results import check_level
from analysis_lib.trials._options import as_number
from analysis_lib.trials.design.plans import EventPlan, Plan

__all__ = ["events_needed", "minimum_detectable_effect", "power"]


def power(effect: float, plan: Plan, *, level: float = 0.95) -> float:
    r"""Return the probability that a true effect is found: that the `level` interval leaves out no effect.

    Parameters
    ----------
    effect
        In the outcome's unit; for an `EventPlan` a hazard ratio above 0.
    plan
        What the trial will be.
    level
        Coverage of the interval; a test at 1 - `level`, two-sided.

    Returns
    -------
    float
        From 1 - `level` (no effect) to 1. Findings in the wrong direction count too.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Notes
    -----
    With s the plan's standard error, :math:`P(|T| > t_{df, (1 + level)/2})` for T noncentral t with `df` degrees of
    freedom and noncentrality effect / s (log effect / s for a hazard ratio; normal).

    References
    ----------
    Cohen (1988), Statistical Power Analysis. Donner and Klar (2000), Design and Analysis of Cluster Randomization
    Trials in Health Research; Eldridge et al. (2006, doi 10.1093/ije/dyl129) for unequal clusters. Schoenfeld (1981,
    doi 10.1093/biomet/68.1.316).

    Examples
    --------
    >>> from analysis_lib.trials.design import IndividualPlan
    >>> plan = IndividualPlan(n_treated=64, n_control=64, std_dev=10)
    >>> round(power(5, plan), 4)
    0.8015
    """
    check_level(level)
    _check_plan(plan)
    as_number(effect, "effect")
    if isinstance(plan, EventPlan):
        if effect <= 0:
            raise InvalidInput(f"effect is {effect}; must be a hazard ratio above 0")
        effect = math.log(effect)
    return _power(abs(effect) / plan.std_error, plan.df, level)


def minimum_detectable_effect(plan: Plan, *, power: float = 0.8, level: float = 0.95) -> float:
    """Return the smallest true effect that is found with the probability wanted.

    Parameters
    ----------
    plan
        What the trial will be.
    power
        Probability wanted of finding the effect, above 1 - `level`.
    level
        Coverage of the interval.

    Returns
    -------
    float
        Above 0, in the outcome's unit; for an `EventPlan` a hazard ratio above 1 (its inverse is found as often).

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Notes
    -----
    The effect at which `power` (the function) is the power wanted, found by bisection.

    References
    ----------
    Bloom (1995), doi 10.1177/0193841X9501900504.

    Examples
    --------
    >>> from analysis_lib.trials.design import ClusterPlan
    >>> plan = ClusterPlan(clusters_treated=20, clusters_control=20, cluster_size=50, std_dev=20, icc=0.02)
    >>> round(minimum_detectable_effect(plan), 2)
    3.62
    """
    check_level(level)
    _check_plan(plan)
    _check_power(power, level)
    enough = 1.0
    while _power(enough, plan.df, level) < power:
        enough *= 2
    shift = optimize.brentq(lambda found: _power(found, plan.df, level) - power, 0.0, enough, xtol=1e-12)
    smallest = float(shift) * plan.std_error
    return math.exp(smallest) if isinstance(plan, EventPlan) else smallest


def events_needed(hazard_ratio: float, *, share_treated: float = 0.5, power: float = 0.8, level: float = 0.95) -> int:
    r"""Return how many people must be seen to have the event for a hazard ratio to be found.

    Parameters
    ----------
    hazard_ratio
        Above 0, and not 1.
    share_treated
        Share of people assigned to treatment.
    power, level
        As in `minimum_detectable_effect`.

    Returns
    -------
    int
        Events in both arms together, rounded up.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Notes
    -----
    :math:`D = (z_{(1 + level)/2} + z_{power})^2 / (p (1 - p) \log^2 r)`. The formula is of small effects: far from
    halves, a ratio of treated to control below 1 takes more events where the treated are few, and above 1 fewer
    (docs/methods.md).

    References
    ----------
    Schoenfeld (1981), doi 10.1093/biomet/68.1.316; (1983), doi 10.2307/2531021.

    Examples
    --------
    >>> events_needed(1.3)
    457
    """
    check_level(level)
    if as_number(hazard_ratio, "hazard_ratio") <= 0 or hazard_ratio == 1:
        raise InvalidInput(f"hazard_ratio is {hazard_ratio}; must be above 0, and not 1")
    _check_power(power, level)
    EventPlan(events=1, share_treated=share_treated)
    quantiles = float(special.ndtri((1 + level) / 2) + special.ndtri(power))
    return math.ceil(quantiles**2 / (share_treated * (1 - share_treated) * math.log(hazard_ratio) ** 2))


def _check_plan(plan: object) -> None:
    if not isinstance(plan, Plan):
        raise InvalidInput(f"plan is a {type(plan).__name__}; must be an IndividualPlan, ClusterPlan or EventPlan")


def _check_power(power: float, level: float) -> None:
    if not 1 - level < as_number(power, "power") < 1:
        raise InvalidInput(f"power is {power}; must be above {1 - level:g} (1 - level) and below 1")


def _power(shift: float, df: float, level: float) -> float:
    """Return the power where the effect is `shift` (0 or more) standard errors.

    The noncentral t tails are integrated over the estimated standard error: scipy's are NaN where they are tiny.
    """
    if math.isinf(df):
        return _found(shift, float(special.ndtri((1 + level) / 2)))
    limit = float(special.stdtrit(df, (1 + level) / 2))

    def at(rank: float) -> float:
        """Return the power where the estimated over the true standard error is its quantile `rank`."""
        return _found(shift, limit * math.sqrt(special.chdtri(df, 1 - rank) / df))

    return float(integrate.quad(at, 0.0, 1.0, epsabs=1e-11, epsrel=1e-11, limit=200)[0])


def _found(shift: float, limit: float) -> float:
    return float(special.ndtr(shift - limit) + special.ndtr(-shift - limit))
