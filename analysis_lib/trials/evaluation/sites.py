"""The effect at every jobcentre, pooled, and how much the jobcentres differ."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import Check, Estimate, Message, Results
from analysis_lib.trials.cases import Cases, in_group
from analysis_lib.trials.definition import Pooling
from analysis_lib.trials.evaluation.effects import main_effect
from analysis_lib.trials.sites import PooledSites, leave_one_out, pool_sites

POOLED = Message("mean effect over the places")
PREDICTION = Message("effect to expect at another place")
SHRUNKEN = Message("effect at the place, shrunken towards the mean")
WITHOUT = Message("mean effect without the place")


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteEffects:
    """One outcome's effect at every place.

    Attributes
    ----------
    rows
        Each place's own estimate, `group` its name; empty where there are too few people.
    pooled
        The mean effect, and the effect to expect at another place; empty rows with the reason where not pooled.
    shrunken
        Each place's effect shrunken towards the mean (empirical Bayes).
    heterogeneity
        How much places differ.
    without
        The mean effect with each place left out.
    headline
        Whether one number may stand for all places.
    """

    rows: Results
    pooled: Results
    shrunken: Results
    heterogeneity: Results
    without: Results
    headline: bool


def estimate_sites(cases: Cases, arm: str) -> SiteEffects:
    """Estimate the primary outcome's effect at every jobcentre of the trial that could have the arm, and pool them.

    Raises
    ------
    DefinitionError
        Where nobody was drawn into arms.
    """
    cases.trial.check_assigned()
    outcome = cases.trial.primary.id
    place = cases.frame["jobcentre"].to_numpy(dtype=object)
    pair = cases.design.pair(arm)
    rows = [
        replace(main_effect(in_group(cases, pair & (place == name)), outcome, arm), group=name)
        for name in cases.trial.data.jobcentres
        if np.any(pair & (place == name))
    ]
    least = cases.trial.inference.min_per_site or 0
    kept = [_with_least(row, least) for row in rows]
    return pool_places(kept, cases.trial.inference.pooling, level=cases.trial.inference.level)


def _with_least(row: Estimate, least: int) -> Estimate:
    people = (row.n_treated or 0) + (row.n_control or 0)
    if not row.estimated or people >= least:
        return row
    return Estimate.empty(
        estimand=row.estimand, reason=Message("fewer than {n} people", n=least), level=row.interval.level,
        outcome=row.outcome, arm=row.arm, group=row.group, unit=row.unit, scale=row.scale,
    )  # fmt: skip


def pool_places(rows: list[Estimate], pooling: Pooling | None, *, level: float) -> SiteEffects:
    """Pool the places' estimates of one outcome by the plan's method.

    Parameters
    ----------
    rows
        One a place, on one scale; those without a value are left out of the pooling.
    pooling
        The plan's method; without one, nothing is pooled.
    level
        Coverage of the intervals.
    """
    usable = [row for row in rows if row.estimated]
    first = usable[0] if usable else rows[0] if rows else None
    names: dict[str, Any] = {} if first is None else {"outcome": first.outcome, "arm": first.arm, "unit": first.unit}
    try:
        if pooling is None:
            raise NotEstimable(Message("the plan names no way to pool the places"))
        if len(usable) < 2:
            raise NotEstimable(Message("fewer than two places have an estimate"))
        given = _given(usable, pooling, level)
        found, left_out = pool_sites(**given), leave_one_out(**given)
    except NotEstimable as error:
        empty = Estimate.empty(estimand=POOLED, reason=error.args[0], level=level, **names)
        nothing = Results()
        return SiteEffects(
            rows=Results(rows), pooled=Results([empty]), shrunken=nothing, heterogeneity=nothing, without=nothing,
            headline=False,
        )  # fmt: skip

    def named(row: Estimate, estimand: Message) -> Estimate:
        return replace(row, estimand=estimand, **names)

    without = [replace(row, estimand=WITHOUT, **names) for row in left_out.estimates]
    return SiteEffects(
        rows=Results(rows),
        pooled=Results([named(found.pooled, POOLED), named(found.prediction, PREDICTION)]),
        shrunken=Results(named(row, SHRUNKEN) for row in found.sites.estimates),
        heterogeneity=Results(_heterogeneity(found, names)),
        without=Results(without),
        headline=found.headline,
    )


def _given(rows: list[Estimate], pooling: Pooling, level: float) -> dict[str, Any]:
    """Return the places' estimates as `pool_sites` takes them."""
    scale = rows[0].scale
    values = np.array([np.log(row.value) if scale == "log" else row.value for row in rows])
    return {
        "effects": values, "std_errors": [row.std_error for row in rows], "method": pooling.method,
        "knapp_hartung": pooling.knapp_hartung, "level": level, "names": [row.group for row in rows], "scale": scale,
    }  # fmt: skip


def _heterogeneity(found: PooledSites, names: dict[str, Any]) -> list[Estimate | Check]:
    outcome, arm = names["outcome"], names["arm"]
    estimates = [replace(row, outcome=outcome, arm=arm) for row in (found.tau2, found.i2)]
    return [*estimates, replace(found.q, outcome=outcome, arm=arm)]
