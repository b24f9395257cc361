"""The net benefit by jobcentre, and summed over jobcentres."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Estimate, FloatArray, Interval, Message, Results, check_level
from analysis_lib.trials._arrays import BoolArray, Groups, as_binary, as_groups
from analysis_lib.trials._least_squares import independent_columns
from analysis_lib.trials._options import check_whole
from analysis_lib.trials.costs.prices import Component, check_components
from analysis_lib.trials.costs.quantities import (
    JointEffects,
    count_rows,
    effects_from_design,
    joint_effects,
    read_quantities,
)
from analysis_lib.trials.costs.valuation import cost_benefit

__all__ = ["net_benefit_by_jobcentre"]

_PER_PERSON = Message("net benefit")
_TOTAL = Message("net benefit in total")


def net_benefit_by_jobcentre(
    quantities: Any,
    treated: ArrayLike,
    jobcentre: Any,
    components: Sequence[Component],
    *,
    cluster: Any = None,
    least: int = 20,
    level: float = 0.95,
) -> Results:
    r"""Estimate the net benefit in each jobcentre, per person and in total, and its sum over jobcentres.

    Parameters
    ----------
    quantities, treated, components
        As in `net_benefit`.
    jobcentre
        Labels, shape (n,).
    cluster
        Labels of the units that were assigned together, shape (n,); they may cross jobcentres (birth days).
    least
        People that a jobcentre needs in each arm, 2 or more; with fewer its rows are empty, with the reason.
    level
        Coverage of the intervals.

    Returns
    -------
    Results
        For each jobcentre (`group`), then for all (`group` is ""): the net benefit in DKK per person, and the
        total in DKK, that times the number of people assigned to treatment. What cannot be estimated is empty, with
        the reason. Jobcentres that are empty for want of `least` people count in the sum; those with fewer than two
        people (or clusters) in an arm cannot, and `note` says how many they are. The sum's interval allows for
        clusters that cross jobcentres.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.

    Notes
    -----
    Per person for all, :math:`\sum_c n_{1c} \hat B_c / \sum_c n_{1c}` with :math:`n_{1c}` those assigned to treatment:
    what the trial gave where it took place. It is the coefficient of treatment in a regression with jobcentre
    indicators, less their means among the treated, by arm. Numbers of people count as known.

    References
    ----------
    As `net_benefit`; Imbens and Rubin (2015), doi 10.1017/CBO9781139025751, chapter 9.

    Examples
    --------
    >>> from analysis_lib.parameters import Text
    >>> from analysis_lib.trials.costs import Price
    >>> week = Price(id="benefit", label=Text(da="Dagpenge", en="Benefit"), per=Text(da="uge", en="week"),
    ...     value=1000.0, year=2009, mark="derived")
    >>> weeks = Component(id="weeks", label=Text(da="Uger", en="Weeks"), price=week, counts_as="cost")
    >>> used, arm = np.array([[4], [6], [9], [7], [2], [3], [3], [5]]), [1, 1, 0, 0] * 2
    >>> rows = net_benefit_by_jobcentre(used, arm, ["a"] * 4 + ["b"] * 4, [weeks], least=2).estimates
    >>> [(row.group, row.unit, round(row.value, 6)) for row in rows if row.estimand == "net benefit in total"]
    [('a', 'DKK', 6000.0), ('b', 'DKK', 3000.0), ('', 'DKK', 9000.0)]
    """
    check_level(level)
    check_whole(least, "least", 2)
    arm = as_binary(treated, "treated", count_rows(quantities))
    centre = as_groups(jobcentre, "jobcentre", len(arm))
    clusters = None if cluster is None else as_groups(cluster, "cluster", len(arm))
    table, _ = read_quantities(quantities, arm)
    given = check_components(components, table.shape[1])
    rows: list[Estimate] = []
    for code, name in enumerate(centre.names):
        rows += _one(table, arm, centre.codes == code, clusters, given, name=name, least=least, level=level)
    try:
        together = _pair(_all(table, arm, centre, clusters), given, "", level)
    except NotEstimable as reason:
        together = _empty(reason.args[0], "", level)
    return Results([*rows, *together])


def _one(
    table: FloatArray,
    arm: BoolArray,
    inside: BoolArray,
    cluster: Groups | None,
    components: Sequence[Component],
    *,
    name: str,
    least: int,
    level: float,
) -> tuple[Estimate, Estimate]:
    """Return a jobcentre's two rows."""
    if min(int(np.sum(arm & inside)), int(np.sum(~arm & inside))) < least:
        return _empty(Message("an arm is below the least size of {least}", least=least), name, level)
    try:
        effects = joint_effects(table[inside], arm[inside], cluster=None if cluster is None else cluster.codes[inside])
    except NotEstimable as reason:
        return _empty(reason.args[0], name, level)
    return _pair(effects, components, name, level)


def _all(table: FloatArray, arm: BoolArray, centre: Groups, cluster: Groups | None) -> JointEffects:
    """Return the effects weighted by the numbers treated, in jobcentres with two units in each arm."""
    enough = np.array([_enough(arm, centre.codes == code, cluster) for code in range(centre.count)])
    if not enough.any():
        raise NotEstimable(Message("no jobcentre has two people (or clusters) in each arm"))
    keep = enough[centre.codes]
    used, members = centre.where(keep), arm[keep]
    kept, sample = read_quantities(table[keep], members, cluster=None if cluster is None else cluster.codes[keep])
    indicators = (used.codes[:, None] == np.arange(1, used.count)).astype(np.float64)
    centred = indicators - indicators[members].mean(axis=0)
    ones = members.astype(np.float64)[:, None]
    design = np.hstack([np.ones_like(ones), centred, ones, ones * centred])
    effects = effects_from_design(design[:, independent_columns(design)], used.count, kept, sample)
    out = Message(
        "jobcentres left out for want of two people or clusters in an arm: {n}, with {people} people",
        n=int(np.sum(~enough)), people=int(np.sum(~keep)),
    )  # fmt: skip
    return effects if enough.all() else replace(effects, note=Message.join([effects.note, out]))


def _enough(arm: BoolArray, inside: BoolArray, cluster: Groups | None) -> bool:
    """Whether a jobcentre has two units in each arm."""
    units = np.arange(len(arm)) if cluster is None else cluster.codes
    return all(len(np.unique(units[members & inside])) >= 2 for members in (arm, ~arm))


def _pair(effects: JointEffects, components: Sequence[Component], name: str, level: float) -> tuple[Estimate, Estimate]:
    """Return the net benefit per person and in total."""
    person = replace(cost_benefit(effects, components, level=level).estimates[-1], group=name)
    count = effects.n_treated or 0
    total = replace(
        person,
        estimand=_TOTAL,
        value=count * person.value,
        std_error=count * person.std_error,
        interval=Interval(low=count * person.interval.low, high=count * person.interval.high, level=level),
        unit=Message("DKK"),
    )
    return person, total


def _empty(reason: Message, name: str, level: float) -> tuple[Estimate, Estimate]:
    return (
        Estimate.empty(
            estimand=_PER_PERSON, reason=reason, level=level, unit=Message("DKK per person"), outcome="net_benefit",
            group=name,
        ),
        Estimate.empty(
            estimand=_TOTAL, reason=reason, level=level, unit=Message("DKK"), outcome="net_benefit", group=name
        ),
    )  # fmt: skip
