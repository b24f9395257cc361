"""Differences-in-differences of areas: how people without treatment fared where a trial ran."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Check, Estimate, FloatArray, Interval, Message, Results, check_level
from analysis_lib.trials._arrays import BoolArray
from analysis_lib.trials._least_squares import fit_coefficient
from analysis_lib.trials._options import check_draws
from analysis_lib.trials.effects._estimates import NO_VARIATION, estimate_of, no_variation
from analysis_lib.trials.effects._joint import THRESHOLD
from analysis_lib.trials.randomization._reference import TIE, share
from analysis_lib.trials.spillover._areas import Rows, read_rows
from analysis_lib.trials.spillover._choices import Choices, over_choices

__all__ = ["Weight", "county_difference_in_differences"]

Weight = Literal["people", "areas"]
_ESTIMAND = Message("difference-in-differences")


def county_difference_in_differences(
    y: ArrayLike,
    area: Any,
    exposed: ArrayLike,
    after: ArrayLike,
    *,
    period: ArrayLike | None = None,
    people: ArrayLike | None = None,
    covariates: Any = None,
    weight: Weight = "people",
    level: float = 0.95,
    draws: int = 10_000,
    rng: np.random.Generator,
) -> Results:
    r"""Estimate how much more the outcome changed in the areas of a trial than in others, with few areas.

    For the spillover on those not treated, give the control group of the trial's areas and, of other areas and of the
    time before, people chosen by the same rule (such as born on the control group's days).

    Parameters
    ----------
    y
        Outcome of each person, or mean of the people in a row, shape (n,); finite.
    area
        Labels of the areas, shape (n,): what the trial was put into.
    exposed
        Whether the trial ran in the area, shape (n,); booleans or 0/1, the same in a whole area.
    after
        Whether it had begun for this row, shape (n,); booleans or 0/1, also in areas without the trial.
    period
        Order of the periods (years, quarters), shape (n,); wholly before or after. With two or more before, placebos
        are added: the same contrast from each earlier period to the last one before the trial.
    people
        Number of people that each row is the mean of, shape (n,), above 0; one each where not given.
    covariates
        A data frame, or an array of shape (n, k) or (n,). They are adjusted for within areas and times.
    weight
        "people": an area counts by :math:`h_a`, as in least squares of people with area and time effects; "areas":
        each the same.
    level
        Coverage of the intervals.
    draws
        Choices of exposed areas drawn. Where there are at most so many choices, all are used, and the test is exact.
    rng
        Draws them.

    Returns
    -------
    Results
        The estimate with its randomisation test; the same with CR2 by area, which takes the number of areas to be
        large; for `period`, a row for each placebo (`group` names its period), and the check of them all. Where the
        choices are so few that no outcome could be rejected, the check's `passed` is None, and limits of intervals
        are infinite. Areas without people in a period are left out, with their names in `note`.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        Nobody before or after, no area exposed, none that is not, or changes that do not differ between areas.

    Notes
    -----
    With :math:`d_a` the change in mean of area a (of :math:`y - x'\hat\beta`, slopes within area and time; with
    several periods on a side, also less their common effects) and :math:`h_a = n_{a0} n_{a1} / (n_{a0} + n_{a1})`:

    .. math:: \hat\tau = \frac{\sum_{a \in E} h_a d_a}{\sum_{a \in E} h_a}
        - \frac{\sum_{a \notin E} h_a d_a}{\sum_{a \notin E} h_a}

    The test compares :math:`|\hat\tau|` with its values for the other choices of as many exposed areas: k of R at
    least as large give k / R over all choices, (1 + k) / (1 + R) over draws. The interval holds the t such that the
    test of :math:`d_a - t` in exposed areas does not reject. Two exposed of 6 areas have 15 choices and no p-value
    below 0.067; of 9, 36 and 0.028.

    The trial was not drawn into its areas. The test is right where the areas' changes could have come in any order
    without the trial: the same spread of changes in large and small areas, and no shock that areas share with their
    neighbours. CR2 (clubSandwich's, of the regression of people on areas, time and their product) has the
    Satterthwaite degrees of freedom; below 4 they are not to be trusted.

    References
    ----------
    Conley and Taber (2011), doi 10.1162/REST_a_00049. MacKinnon and Webb (2020), doi 10.1016/j.jeconom.2020.04.024.
    Donald and Lang (2007), doi 10.1162/rest.89.2.221. Pustejovsky and Tipton (2018), doi 10.1080/07350015.2016.1247004.
    Gautier, Muller, van der Klaauw, Rosholm and Svarer (2018), Journal of Labor Economics 36(4) (of Danish counties).

    Examples
    --------
    >>> area = np.repeat(["a", "b", "c", "d", "e"], 2)
    >>> rows = county_difference_in_differences(
    ...     [14, 17, 15, 17.5, 13, 13.2, 16, 15.9, 15, 15.6], area, area < "c", [0, 1] * 5,
    ...     level=0.9, rng=np.random.default_rng(1),
    ... )  # fmt: skip
    >>> [f"{row.value:.2f} ({row.interval.low:.2f} to {row.interval.high:.2f}), p {row.p_value:.2f}" for row in rows]
    ['2.52 (1.60 to 3.35), p 0.10', '2.52 (1.65 to 3.38), p 0.01']
    """
    check_level(level)
    check_draws(draws, rng)
    if weight not in get_args(Weight):
        raise InvalidInput(f"weight is {weight!r}; must be one of {', '.join(get_args(Weight))}")
    rows = read_rows(y, area, exposed, after, period=period, people=people, covariates=covariates)
    contrasts = _Contrasts.of(rows, weight)
    tests = over_choices(contrasts.change, contrasts.weight, contrasts.exposed, draws=draws, rng=rng)
    found = [_randomised(tests[0], rows, level), _conventional(contrasts, rows, level)]
    if period is None:
        return Results(found)
    placebos = [_placebo(test, rows, level, p) for test, p in zip(tests[1:], rows.before[:-1], strict=True)]
    return Results([*found, *placebos, _pre_trend(tests[1:], float(np.max(np.abs(rows.y))))])


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contrasts:
    """Changes and weights (areas, k) of the effect and of the placebos, and which areas are exposed."""

    change: FloatArray
    weight: FloatArray
    exposed: BoolArray

    @classmethod
    def of(cls, rows: Rows, weight: Weight) -> _Contrasts:
        """Return the changes from before to after, and from each earlier period to the last before."""
        earlier, last = rows.before[:-1], rows.before[-1]
        sides = [(~rows.after, rows.after), *((rows.period == p, rows.period == last) for p in earlier)]
        changes, sizes = zip(*(rows.within(*side) for side in sides), strict=True)
        counts = [size.prod(axis=1) / size.sum(axis=1) for size in sizes]
        weights = np.column_stack(counts) if weight == "people" else np.ones((len(rows.exposed), len(sides)))
        table = np.column_stack(changes)
        # less a mean over areas, which cancels: so that a contrast of equal changes is exactly 0
        table = table - np.average(table, axis=0, weights=weights)
        found = cls(change=table, weight=weights, exposed=rows.exposed)
        if np.max(np.abs(table[:, 0])) <= NO_VARIATION * np.max(np.abs(rows.y)):
            raise no_variation()
        return found


def _counts(rows: Rows) -> dict[str, Any]:
    exposed, others = rows.people_by_exposure()
    return {"n_treated": exposed, "n_control": others, "n": exposed + others, "n_clusters": len(rows.exposed)}


def _randomised(test: Choices, rows: Rows, level: float) -> Estimate:
    """Return the estimate with its randomisation test."""
    if test.exact:
        method = Message("exact randomisation test, all {n} assignments", n=len(test.value))
    else:
        method = Message("randomisation test, {n} assignments drawn", n=len(test.value))
    few = Message(
        "{k} of {n} areas are exposed: no p-value below {p:.3f} is possible",
        k=int(rows.exposed.sum()), n=len(rows.exposed), p=test.least_p_value,
    )  # fmt: skip
    low, high = test.interval_at(level)
    notes = [*rows.notes, few]
    if math.isinf(low) or math.isinf(high):
        notes.append(Message("no limit to the interval where no shift is rejected: there are too few assignments"))
    return Estimate(
        estimand=_ESTIMAND, value=test.observed, df=math.nan, p_value=test.p_value,
        interval=Interval(low=low, high=high, level=level),
        method=Message.join([method, Message("unit assigned: {unit}", unit=Message("area"))]),
        note=Message.join(notes), rule=test, **_counts(rows),
    )  # fmt: skip


def _conventional(contrasts: _Contrasts, rows: Rows, level: float) -> Estimate:
    """Return the same estimate with CR2 by area, or the empty row.

    Area effects lie within areas, so that the regression of people has the CR2 of this one, of an area's change on
    its exposure with rows times the root of the weight.
    """
    exposed = contrasts.exposed
    method = Message("difference-in-differences, CR2 by area, Satterthwaite df")
    known: dict[str, Any] = {"estimand": _ESTIMAND, "method": method, **_counts(rows)}
    try:
        for arm, label in ((exposed, Message("exposed")), (~exposed, Message("not exposed"))):
            if arm.sum() < 2:
                raise NotEstimable(Message("one area is {which}; two are needed", which=label))
        root = np.sqrt(contrasts.weight[:, 0])
        design = np.column_stack([np.ones_like(root), exposed]) * root[:, None]
        outcome = contrasts.change[:, 0] * root
        fit = fit_coefficient(design, outcome, column=1)
        return estimate_of(fit, outcome, level=level, notes=rows.notes, **known)
    except NotEstimable as error:
        return Estimate.empty(reason=error.args[0], level=level, note=Message.join(rows.notes), **known)


def _placebo(test: Choices, rows: Rows, level: float, period: int) -> Estimate:
    """Return the contrast from an earlier period to the last before the trial, or the empty row."""
    name = f"{rows.periods[period]:g}"
    estimand = Message("placebo: difference-in-differences before the trial")
    if test.scale <= NO_VARIATION * float(np.max(np.abs(rows.y))):
        reason = no_variation().args[0]
        return Estimate.empty(estimand=estimand, reason=reason, level=level, group=name, **_counts(rows))
    people = rows.where(np.isin(rows.period, [period, rows.before[-1]]))
    return replace(_randomised(test, people, level), estimand=estimand, group=name)


def _pre_trend(placebos: list[Choices], size: float) -> Check:
    """Return the check that no placebo shows an effect, by the largest of them over the same choices of areas."""
    check = Check(
        name=Message("no effect before the trial"), passed=None, threshold=THRESHOLD,
        method=Message("largest placebo, randomisation test"),
    )  # fmt: skip
    varying = [test for test in placebos if test.scale > NO_VARIATION * size]
    if not placebos:
        return replace(check, detail=Message("one period before the trial; two are needed"))
    if not varying:
        return replace(check, detail=no_variation().args[0])
    drawn = np.max([np.abs(test.value) / test.scale for test in varying], axis=0)
    observed = max(abs(test.observed) / test.scale for test in varying)
    exact = varying[0].exact
    p_value = float(share(np.count_nonzero(drawn >= observed - TIE), len(drawn), exact=exact))
    least = float(share(np.count_nonzero(drawn >= drawn.max() - TIE) if exact else 0, len(drawn), exact=exact))
    details = [Message("placebos: {n}", n=len(varying))]
    if least > THRESHOLD:
        details.append(Message("no p-value below {p:.3f} is possible, so that nothing could be rejected", p=least))
    passed = None if least > THRESHOLD else p_value >= THRESHOLD
    return replace(check, passed=passed, statistic=observed, p_value=p_value, detail=Message.join(details))
