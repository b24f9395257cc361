"""The net benefit of a trial per person: effects on quantities, times prices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.results import Estimate, Interval, Message, Results, check_level
from analysis_lib.trials.costs._rows import Wilson, as_draws, check_draws, empty_row, value_at
from analysis_lib.trials.costs.prices import Component, check_components, marks_note, price_note, unknown_prices
from analysis_lib.trials.costs.quantities import JointEffects, joint_effects

__all__ = ["cost_benefit", "net_benefit", "probability_of_gain"]


def net_benefit(
    quantities: Any,
    treated: ArrayLike,
    components: Sequence[Component],
    *,
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
    level: float = 0.95,
) -> Results:
    r"""Estimate costs and benefits per person assigned, from quantities measured for each person.

    Parameters
    ----------
    quantities
        Units of each component, shape (n, k), in the components' order: weeks on each benefit, meetings, weeks of each
        programme, earnings. `discounted_sum` makes present values of weekly ones.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    components
        What the k quantities are, and their prices.
    covariates, block, cluster, level
        As in `lin_adjusted`.

    Returns
    -------
    Results
        As in `cost_benefit`. The net benefit is the adjusted difference in the priced sum, with its variance: no
        approximation is made for the covariances between quantities.

    Raises
    ------
    InvalidInput, NotEstimable
        As in `joint_effects`, and in `cost_benefit`.

    References
    ----------
    Glick, Doshi, Sonnad and Polsky (2014), Economic Evaluation in Clinical Trials, 2nd ed., chapters 5 and 8.

    Examples
    --------
    >>> from analysis_lib.parameters import Text
    >>> from analysis_lib.trials.costs import Price
    >>> week = Price(id="benefit", label=Text(da="Dagpenge", en="Benefit"), per=Text(da="uge", en="week"),
    ...     value=3500.0, year=2009, mark="recalled")
    >>> weeks = Component(id="weeks", label=Text(da="Uger", en="Weeks"), price=week, counts_as="cost")
    >>> rows = net_benefit([[12], [9], [10], [14], [17], [15]], [1, 1, 1, 0, 0, 0], [weeks]).estimates
    >>> f"{rows[-1].value:.0f} (s.e. {rows[-1].std_error:.0f})"
    '17500 (s.e. 4365)'
    """
    check_level(level)
    effects = joint_effects(quantities, treated, covariates=covariates, block=block, cluster=cluster)
    return cost_benefit(effects, components, level=level)


def cost_benefit(
    effects: JointEffects, components: Sequence[Component], *, draws: ArrayLike | None = None, level: float = 0.95
) -> Results:
    r"""Price effects on quantities.

    Parameters
    ----------
    effects
        Differences between the arms in the quantities, with their covariance.
    components
        What the k quantities are, and their prices: in the effects' order.
    draws
        Draws of these effects (a bootstrap's), shape (draws, k), in their order; an effect outside all its draws is an
        error. Intervals are then their percentiles, and standard errors their standard deviations; otherwise both come
        from the covariance (delta method).
    level
        Coverage of the intervals.

    Returns
    -------
    Results
        An `Estimate` for each component, then the sum, in DKK per person: above 0 is a gain to the public. A component
        whose price is not known is empty with its reason, and so is then the sum. `note` holds prices and their
        marks. Prices count as known: `sensitivity` varies them.

    Raises
    ------
    InvalidInput
        Components, effects and draws that do not go together; the message names the argument.

    Notes
    -----
    :math:`\hat B = \sum_j s_j p_j \hat\Delta_j` with s = -1 for costs and 1 for gains, and variance
    :math:`w'\hat\Sigma w`, :math:`w_j = s_j p_j`. A quantity that is the same for everybody in an arm (a letter to each
    person assigned) has no standard error: its row is empty and `reason` says the amount, which the sum holds.

    References
    ----------
    Glick, Doshi, Sonnad and Polsky (2014), Economic Evaluation in Clinical Trials, 2nd ed., chapters 5 and 8.

    Examples
    --------
    >>> from analysis_lib.parameters import Text
    >>> from analysis_lib.trials.costs import Price
    >>> meeting = Price(id="meeting", label=Text(da="Samtaler", en="Meetings"), per=Text(da="samtale", en="meeting"),
    ...     year=2009, mark="unknown")
    >>> held = Component(id="meetings", label=Text(da="Samtaler", en="Meetings"), price=meeting, counts_as="cost")
    >>> row = cost_benefit(JointEffects(values=np.array([3.0]), covariance=np.eye(1)), [held]).estimates[0]
    >>> row.value, row.reason
    (nan, 'the price of Meetings is not known')
    """
    check_level(level)
    k = len(effects.values)
    given = check_components(components, k)
    drawn = None if draws is None else as_draws(draws, k)
    if drawn is not None:
        check_draws(drawn, effects)
    rows = []
    for j, component in enumerate(given):
        weight = np.zeros(k)
        weight[j] = component.weight
        estimand = Message("net benefit of {component}", component=Message(component.label.en))
        if component.price.value is None:
            rows.append(empty_row(estimand, component.id, unknown_prices([component]), level))
        else:
            note = price_note(component.price)
            rows.append(
                value_at(effects, weight, drawn, estimand=estimand, outcome=component.id, note=note, level=level)
            )
    unknown, estimand = unknown_prices(given), Message("net benefit")
    if unknown:
        return Results([*rows, empty_row(estimand, "net_benefit", unknown, level)])
    weights = np.array([component.weight for component in given])
    note = marks_note(given)
    total = value_at(effects, weights, drawn, estimand=estimand, outcome="net_benefit", note=note, level=level)
    return Results([*rows, total])


def probability_of_gain(draws: ArrayLike, components: Sequence[Component], *, level: float = 0.95) -> Estimate:
    """Return the share of draws in which the net benefit is above 0.

    Parameters
    ----------
    draws
        Draws of the effects on the components' quantities (a bootstrap's), shape (draws, k); 200 or more.
    components
        What the k quantities are, and their prices.
    level
        Coverage of the interval.

    Returns
    -------
    Estimate
        The share, between 0 and 1, as the cost-effectiveness literature's probability that a programme pays. Standard
        error and interval (Wilson's) are of the draws' chance alone. Empty, with the reason, where a price is unknown.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    References
    ----------
    van Hout, Al, Gordon and Rutten (1994), doi 10.1002/hec.4730030505. Wilson (1927),
    doi 10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> from analysis_lib.parameters import Text
    >>> from analysis_lib.trials.costs import Price
    >>> week = Price(id="benefit", label=Text(da="Dagpenge", en="Benefit"), per=Text(da="uge", en="week"),
    ...     value=3500.0, year=2009, mark="recalled")
    >>> weeks = Component(id="weeks", label=Text(da="Uger", en="Weeks"), price=week, counts_as="cost")
    >>> found = probability_of_gain(np.r_[np.full(380, -2.0), np.full(20, 1.0)][:, None], [weeks])
    >>> f"{found.value:.2f} ({found.interval.low:.3f} to {found.interval.high:.3f})"
    '0.95 (0.924 to 0.967)'
    """
    check_level(level)
    given = check_components(components)
    drawn = as_draws(draws, len(given))
    estimand, unknown = Message("probability that the net benefit is above 0"), unknown_prices(given)
    if unknown:
        return Estimate.empty(estimand=estimand, reason=unknown, level=level, outcome="net_benefit")
    gains = drawn @ np.array([component.weight for component in given]) > 0
    share, count = float(np.mean(gains)), len(gains)
    rule = Wilson(share, count)
    low, high = rule.interval_at(level)
    return Estimate(
        estimand=estimand,
        value=share,
        std_error=math.sqrt(share * (1 - share) / count),
        interval=Interval(low=low, high=high, level=level),
        method=Message("share of {draws} draws; the interval is of the draws' chance alone", draws=count),
        note=marks_note(given),
        outcome="net_benefit",
        rule=rule,
    )
