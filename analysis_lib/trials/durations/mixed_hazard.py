"""Mixed proportional hazards: the ratio of hazards when people differ in what nobody has measured.

Those who leave soon go first, so that the people still there are ever more those who stay long, in the treated arm
sooner than in the control arm: a ratio that leaves this out falls towards 1 with time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Check, FloatArray, Results
from analysis_lib.trials._arrays import IntArray
from analysis_lib.trials._options import check_flag, check_rng
from analysis_lib.trials.durations._mass_points import Search, fit_one_type, fit_types
from analysis_lib.trials.durations._mixed_reports import (
    MixedFit,
    SpellHazard,
    compare,
    empty_ratios,
    estimated,
    report,
    report_search,
)
from analysis_lib.trials.durations._mixture import Mixture
from analysis_lib.trials.durations._people import People, read_people
from analysis_lib.trials.durations._spell_people import Part, check_starts, lay_out, parameter_names
from analysis_lib.trials.durations._spells import Pieces, Spell, check_times, read_cuts

__all__ = ["MixedFit", "MixedHazards", "SpellHazard", "mixed_proportional_hazards"]

_MOST_POINTS = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixedHazards:
    """Hazard ratios without and with unobserved heterogeneity.

    Attributes
    ----------
    ratios
        The rows of both fits, told apart by `method`. Those of the second are empty, with a reason, where it failed.
    without
        The fit with one mass point.
    mixed
        The fit with those asked for, or as many as the likelihood finds (`note` of its rows); none where it failed.
    check
        Twice the gain in log likelihood, with AIC and BIC. It does not pass or fail: its distribution is not known.
    """

    ratios: Results
    without: MixedFit
    mixed: MixedFit | None
    check: Check


def mixed_proportional_hazards(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    cuts: Sequence[float],
    *,
    rng: np.random.Generator,
    mass_points: int = 2,
    covariates: Any = None,
    windows: Sequence[float] = (),
    cluster: Any = None,
    grouped: bool = True,
    starts: int = 4,
    level: float = 0.95,
) -> MixedHazards:
    r"""Estimate the hazard ratio of treated to control, with a discrete distribution of unobserved types of people.

    Parameters
    ----------
    time, event
        As in `hazard_ratio`. If grouped, whole weeks as in `cloglog`: 3 is the event in week 3, or seen through week 3
        without it. No event at 0.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    cuts
        Increasing times that end an interval: with [4, 8] the baseline hazard is constant over times up to 4, over 4
        to 8, and over 8. None: constant throughout.
    rng
        For the starting values.
    mass_points
        1, 2 or 3 types of people.
    covariates, cluster
        As in `hazard_ratio`; with clusters, the sandwich of sums of scores.
    windows
        Increasing times that end a window of the ratio, as the cut points of `piecewise_hazard_ratios`.
    grouped
        Whether only the week of the event is known (many may leave in the same one); otherwise times are exact.
    starts
        Random starting values for each number of mass points, besides the one that the likelihood points to.
    level
        Coverage of the intervals.

    Returns
    -------
    MixedHazards
        Ratios without and with heterogeneity, baseline hazards, mass points, likelihood. An interval of the baseline
        that people reach, and in which nobody has the event, is left out (its hazard is 0), and counted in `note`.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `hazard_ratio`; also where an arm has no event in a window, or everyone at risk had it, or the likelihood
        without heterogeneity has no maximum.

    Notes
    -----
    :math:`h(t \mid z, x, v) = v \lambda_{k(t)} \exp(\beta_{w(t)} z + x'\gamma)` with :math:`v = v_m` for a share
    :math:`p_m` of the people, independent of z and x at the start; :math:`\sum p_m v_m = 1`. With
    :math:`H = \int_0^t h`, the likelihood of a person is :math:`\sum_m p_m h(t \mid v_m)^d e^{-H(t \mid v_m)}`, or if
    grouped :math:`\sum_m p_m (1 - e^{-h(t \mid v_m)})^d e^{-H(t - d \mid v_m)}`: the week of the event has its
    whole chance. Newton's method with the observed information (Louis 1982), from which are the standard errors. Points
    are added one at a time, where the likelihood's derivative points and from random starts.

    A further point that does not raise the likelihood (it falls together with another, or its share with 0) is left
    out. A point with hazard 0 (people who never leave) is kept. Where a point's hazard would grow without limit (its
    people leave in the first week), the fit is the highest other maximum, if there is one. `note` says each of these.

    That treatment is random, and so independent of v at the start, is what identifies the ratio of the windows after
    the first; the form of the heterogeneity is identified by the proportional covariates, and weakly in small samples.

    References
    ----------
    Heckman and Singer (1984), doi 10.2307/1911491. Abbring and van den Berg (2003), Econometrica 71(5).
    Gaure, Røed and Zhang (2007), Journal of Econometrics 141(2): points added one at a time. Louis (1982), Journal of
    the Royal Statistical Society B 44(2).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> arm = np.arange(2000) % 2
    >>> hazard = np.where(arm, 0.15, 0.1) * np.where(rng.random(2000) < 0.5, 0.3, 1.7)
    >>> weeks = np.ceil(rng.exponential(1 / hazard))
    >>> found = mixed_proportional_hazards(np.minimum(weeks, 52), weeks <= 52, arm, [4, 13], rng=rng)
    >>> for row in found.ratios.estimates:
    ...     print(f"{row.value:.2f} ({row.interval.low:.2f} to {row.interval.high:.2f}), {row.method.split(', ')[-1]}")
    1.45 (1.33 to 1.59), no heterogeneity
    1.66 (1.47 to 1.89), 2 mass points
    """
    if isinstance(mass_points, bool) or mass_points not in range(1, _MOST_POINTS + 1):
        raise InvalidInput(f"mass_points is {mass_points!r}; must be 1, 2 or {_MOST_POINTS}")
    check_starts(starts)
    check_rng(rng)
    check_flag(grouped, "grouped")
    people = read_people(time, event, treated, covariates=covariates, cluster=cluster, level=level)
    check_times(people.time, people.event, "time", grouped=grouped)
    pieces = Pieces.build(read_cuts(cuts, "cuts", grouped=grouped), read_cuts(windows, "windows", grouped=grouped))
    used = people.where(people.time > 0)
    part, x = lay_out(people, used, pieces, grouped=grouped)
    spell, count, row = _rows(used, x, part)
    one = fit_one_type(Mixture.joint((spell,), count, 1), parameter_names(part))
    without = report(estimated(one, row, used, level), (part,), ())
    search = fit_types(one, mass_points, rng, starts)
    mixed = report_search(search, row, used, (part,), level)
    return _side_by_side(without, mixed, search, mass_points)


def _rows(people: People, x: FloatArray, part: Part) -> tuple[Spell, FloatArray, IntArray]:
    """Return the distinct rows, how many people each stands for, and each person's row."""
    keys = np.column_stack([people.time, people.event, people.treated, x])
    rows, row, count = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    spell = Spell.build(rows[:, 0], rows[:, 1] == 1, rows[:, 2], rows[:, 3:], part.pieces, grouped=part.grouped)
    return spell, count.astype(np.float64), row


def _side_by_side(without: MixedFit, mixed: MixedFit | None, search: Search, mass_points: int) -> MixedHazards:
    """Return the fits beside each other."""
    ratios = without.hazards[0].ratios
    second = Results()
    if search.reason is not None:
        second = empty_ratios(ratios, search.reason, mass_points)
    elif mixed is not None and mass_points > 1:
        second = mixed.hazards[0].ratios
    return MixedHazards(
        ratios=ratios + second, without=without, mixed=mixed, check=compare(without, mixed, search.reason)
    )
