"""Two spells with lagged duration dependence: unemployment, then work until the return.

Treatment may change how soon people come back by itself, by how long they had been away from work, and by who leaves at
all. The model takes these apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput
from analysis_lib.results import Check, Message, Results, check_level
from analysis_lib.trials._options import check_rng
from analysis_lib.trials.durations._mass_points import Search, fit_types
from analysis_lib.trials.durations._mixed_reports import MixedFit, compare, empty_ratios, estimated, report
from analysis_lib.trials.durations._recurrence_risk import RecurrenceRisk, decompose
from analysis_lib.trials.durations._spell_people import check_starts
from analysis_lib.trials.durations._two_spells import Dependence, Lagged, fit_apart, fit_both, read_two_spells

__all__ = ["TwoSpellHazards", "two_spell_model"]

_MOST_POINTS = 4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TwoSpellHazards:
    """Hazard ratios in two spells, without and with unobserved heterogeneity, and the effect on recurrence.

    Attributes
    ----------
    ratios
        Of treated to control: in the first spell and in the second (`outcome`), without heterogeneity and then with
        (`method`). Those of the fit that failed are empty, with a reason.
    lagged
        Ratios of the second hazard by the first duration: for one more of its logarithm, or against the first span.
    decomposition
        For each fit that there is: the risk of return in each arm, of those who leave; the effect on it; what of the
        effect is direct, what comes by how long the first spell was and what by who leaves; and the direct share.
    without, mixed
        The fits; `mixed` is none where it failed.
    check
        As in `mixed_proportional_hazards`.
    """

    ratios: Results
    lagged: Results
    decomposition: Results
    without: MixedFit
    mixed: MixedFit | None
    check: Check


def two_spell_model(
    first_time: ArrayLike,
    first_event: ArrayLike,
    second_time: ArrayLike,
    second_event: ArrayLike,
    treated: ArrayLike,
    *,
    first_cuts: Sequence[float],
    second_cuts: Sequence[float],
    left_within: int,
    returned_within: int,
    rng: np.random.Generator,
    lagged: Lagged = "log",
    mass_points: int = 2,
    dependence: Dependence = "joint",
    covariates: Any = None,
    first_windows: Sequence[float] = (),
    second_windows: Sequence[float] = (),
    cluster: Any = None,
    starts: int = 4,
    level: float = 0.95,
) -> TwoSpellHazards:
    r"""Estimate the effect on a first spell and on the next (unemployment, then work until the return), jointly.

    Parameters
    ----------
    first_time, first_event
        Whole weeks of the first spell, and whether it ended (0: seen through that week without), shape (n,).
    second_time, second_event
        Whole weeks from the end of the first spell to the return, and whether it came, shape (n,). Read for those only
        who left the first spell; 0 without the event where nothing of it was seen.
    treated
        Assigned to treatment, shape (n,); booleans or 0/1.
    first_cuts, second_cuts
        Increasing weeks that end an interval of the baseline hazard, each from the start of its spell.
    left_within, returned_within
        The effect on recurrence is on the chance to be back within `returned_within` weeks, of those who left within
        `left_within` weeks.
    rng
        For the starting values and, where more than 1,000 people differ in covariates, for the people over whom the
        derivative of the risk is averaged for its standard error.
    lagged
        "log": the second hazard has the logarithm of the first duration in it. Or increasing weeks: an indicator for
        each span after the first; [13, 26] are over 13 to 26 and over 26.
    mass_points
        1 to 4 types of people, with a level in each spell; if independent, the points of each spell.
    dependence
        "joint", or "independent": heterogeneity of the one spell says nothing of the other's (both spells apart).
    covariates, cluster
        As in `mixed_proportional_hazards`; a covariate has a coefficient in each spell.
    first_windows, second_windows
        Increasing weeks that end a window of the ratio in that spell.
    starts, level
        As in `mixed_proportional_hazards`.

    Returns
    -------
    TwoSpellHazards
        Ratios, lagged dependence, the decomposition, and both fits.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `mixed_proportional_hazards`, for either spell (which the message names); also where columns of the second
        hazard cannot be told apart among those who left.

    Notes
    -----
    :math:`h_1(t \mid z, x, v) = v_1 \lambda_1(t) \exp(\beta_1 z + x'\gamma_1)` and, after a first spell of s weeks,
    :math:`h_2(t \mid s, z, x, v) = v_2 \lambda_2(t) \exp(\beta_2 z + x'\gamma_2 + g(s)'\delta)`, with
    :math:`(v_1, v_2)` at M points; likelihood in weeks as in `mixed_proportional_hazards`. The risk of return of those
    who leave, R(s, l, d), has treatment s for who leaves, l for how long the first spell was, and d in the second
    hazard. The effect R(1,1,1) - R(0,0,0) is the sum of R(1,1,1) - R(1,1,0), direct; R(1,1,0) - R(1,0,0), by how long;
    and R(1,0,0) - R(0,0,0), by who leaves. R averages over the covariates of all people, which are taken as given;
    errors are by the delta method. In another order of the steps the parts differ.

    References
    ----------
    Blasco and Rosholm (2011), IZA Discussion Paper 5631. Heckman and Singer (1984), doi 10.2307/1911491. Abbring and
    van den Berg (2003), Econometrica 71(5).

    Examples
    --------
    >>> rng = np.random.default_rng(3)
    >>> arm, kind = np.arange(3000) % 2, rng.random(3000) < 0.5
    >>> weeks = np.ceil(rng.exponential(1 / np.where(arm, 0.08, 0.06) / np.where(kind, 0.4, 1.6)))
    >>> hazard = 0.02 * np.where(arm, 0.8, 1) * np.where(kind, 1.6, 0.4) * weeks**0.3
    >>> back = np.ceil(rng.exponential(1 / hazard))
    >>> found = two_spell_model(
    ...     np.minimum(weeks, 52), weeks <= 52, np.minimum(back, 52), back <= 52, arm,
    ...     first_cuts=[13], second_cuts=[26], left_within=52, returned_within=52, rng=rng,
    ... )
    >>> for row in found.ratios.estimates:
    ...     print(f"{row.outcome}, {row.method.split(', ')[-1]}: {row.value:.2f}")
    first spell, no heterogeneity: 1.22
    second spell, no heterogeneity: 0.95
    first spell, 2 mass points: 1.30
    second spell, 2 mass points: 0.84
    """
    _check_options(mass_points, dependence, left_within, returned_within)
    check_starts(starts)
    check_rng(rng)
    check_level(level)
    two = read_two_spells(
        (first_time, first_event), (second_time, second_event), treated, cuts=(first_cuts, second_cuts),
        windows=(first_windows, second_windows), lagged=lagged, covariates=covariates, cluster=cluster,
    )  # fmt: skip
    spells, count, row = two.rows()
    one = fit_both(two, spells, count)
    look = fit_types if dependence == "joint" else fit_apart
    search = look(one, mass_points, rng, starts)
    fits = [one] if mass_points == 1 or search.fit is None else [one, search.fit]
    found = [estimated(fit, row, two.people, level) for fit in fits]
    risk = RecurrenceRisk.build(two, left_within, returned_within)
    independent = Message("the heterogeneity of the two spells is taken as independent")
    given = [] if dependence == "joint" else [independent]
    notes = [(), (*given, *([] if search.note is None else [search.note]))]
    reports = [report(each, two.parts, words) for each, words in zip(found, notes, strict=False)]
    return TwoSpellHazards(
        ratios=_ratios(reports, search, mass_points),
        lagged=sum((each.hazards[1].covariates[-len(two.lag.names) :] for each in reports), Results()),
        decomposition=sum((decompose(each, risk, rng) for each in found), Results()),
        without=reports[0],
        mixed=None if search.fit is None else reports[-1],
        check=compare(reports[0], None if search.fit is None else reports[-1], search.reason),
    )


def _check_options(mass_points: int, dependence: str, left_within: int, returned_within: int) -> None:
    """Raise where one is not allowed."""
    if isinstance(mass_points, bool) or mass_points not in range(1, _MOST_POINTS + 1):
        raise InvalidInput(f"mass_points is {mass_points!r}; must be 1 to {_MOST_POINTS}")
    if dependence not in ("joint", "independent"):
        raise InvalidInput(f"dependence is {dependence!r}; must be 'joint' or 'independent'")
    for name, weeks in (("left_within", left_within), ("returned_within", returned_within)):
        if isinstance(weeks, bool) or not isinstance(weeks, int) or weeks < 1:
            raise InvalidInput(f"{name} is {weeks!r}; must be whole weeks from 1 on")


def _ratios(reports: list[MixedFit], search: Search, mass_points: int) -> Results:
    """Return the ratios of both spells in each fit, empty for one that failed."""
    found = [sum((hazard.ratios for hazard in each.hazards), Results()) for each in reports]
    if search.reason is not None:
        found.append(empty_ratios(found[0], search.reason, mass_points))
    return sum(found, Results())
