"""Effects of a method that offices adopt at different times."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Check, Curve, Estimate, Message, Results, check_level
from analysis_lib.trials._least_squares import Coefficient
from analysis_lib.trials._options import check_rng
from analysis_lib.trials.effects._estimates import estimate_of
from analysis_lib.trials.series._bands import Band
from analysis_lib.trials.series._panel import Panel, Part, combine, difference

__all__ = ["Base", "Control", "StaggeredEffects", "staggered_effects"]

Control = Literal["not_yet_treated", "never_treated"]
Base = Literal["varying", "universal"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StaggeredEffects:
    """Effects of adoption.

    Attributes
    ----------
    overall
        On all who adopted: their groups' averages, each by its number of units.
    event_time
        By periods since adoption (0 is the first with it; below 0 are placebos): the mean over groups observed then.
    group
        By period of adoption (in `group`): the mean over the periods since.
    group_time
        Each group in each period, before adoption included; empty rows where nobody is left to compare with.
    curve, simultaneous
        `event_time` as a curve with the interval of each period, and with the band that holds all at once; `x` counts
        periods since adoption, and what has no standard error is left out.
    critical
        Standard errors on either side in the band, with infinite degrees of freedom.
    pre_trends
        Whether all effects before adoption may be 0, by the largest of them.
    """

    overall: Estimate
    event_time: Results
    group: Results
    group_time: Results
    curve: Curve
    simultaneous: Curve
    critical: float
    pre_trends: Check


def staggered_effects(
    y: ArrayLike,
    first_period: ArrayLike,
    *,
    periods: ArrayLike | None = None,
    control: Control = "not_yet_treated",
    base: Base = "varying",
    covariates: Any = None,
    event_window: tuple[int, int] | None = None,
    level: float = 0.95,
    draws: int = 10_000,
    rng: np.random.Generator,
) -> StaggeredEffects:
    r"""Estimate the effects of a method that units adopt at different times and keep (Callaway and Sant'Anna).

    Parameters
    ----------
    y
        Outcome of each unit in each period, shape (n, periods), in order and evenly spaced; finite: units that lack a
        period must be left out before. Units (offices) are what is independent of each other.
    first_period
        First period with the method, shape (n,), in the names of `periods`; NaN or infinity for never. Units that
        have it in the first period are left out, as nothing is known of them before.
    periods
        Names of the columns, shape (periods,), increasing numbers; by default 0, 1, ...
    control
        Who is compared with: "not_yet_treated", all who have not adopted by then, or "never_treated" within the panel.
    base
        Before adoption, the change from the "varying" period just before each, or from the "universal" last one before
        adoption, which is then no row. After adoption it is the latter in both.
    covariates
        Known at the start, shape (n, k) or (n,), or a data frame: changes are compared at equal covariates, by a
        regression among those compared with.
    event_window
        First and last period since adoption in `event_time`, its curves and the check, such as (-4, 8).
    level
        Coverage of each interval, and of the band as a whole.
    draws
        Draws behind the band and the check, 1,000 or more.
    rng
        Draws them.

    Returns
    -------
    StaggeredEffects
        Rows without an answer are empty, with the reason: one unit that adopted, too few to compare with, or no
        variation. Sums leave out what lacks units to compare with.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        All have adopted in the first period, nobody adopts, or no effect after adoption can be estimated.

    Notes
    -----
    For the group that adopts in g, with C those compared with and :math:`\hat m` the regression among them (their mean,
    without covariates):

    .. math:: ATT(g, t) = \frac{1}{n_g} \sum_{G_i = g} \{ y_{it} - y_{i, g-1} - \hat m_t(x_i) \}

    It is the effect on the group, if without the method its outcome had changed as that of C (parallel trends), and the
    method changed nothing before it came. Sums over groups are weighted by units; a unit's influence on them has its
    own effect less the sum, as the groups' sizes are chance too. So groups of one unit, which have no standard error of
    their own, count. Variances are sums of squared influences, those of the m treated times m / (m - 1) and those of
    others likewise, with Welch's degrees of freedom: for one group and period, exactly `difference_in_means` of
    changes. R's did has no such factor, a normal reference, and the same values. Units of one office or region
    that move together must be made one unit first.

    The band: normal multipliers on the influences, the level's quantile of the largest absolute t over periods since
    adoption, which becomes a t quantile with the same tail by each period's degrees of freedom.

    Two-way fixed effects also compare with units that adopted before: where effects grow they may have the wrong sign.

    References
    ----------
    Callaway and Sant'Anna (2021), doi 10.1016/j.jeconom.2020.12.001 (sections 2 and 3; `overall` is
    their recommended average of group averages).
    Sant'Anna and Zhao (2020), doi 10.1016/j.jeconom.2020.06.003 (regression). Goodman-Bacon (2021),
    doi 10.1016/j.jeconom.2021.03.014.

    Examples
    --------
    >>> y = [[3, 4, 7, 8], [5, 5, 9, 10], [4, 5, 5, 9], [2, 4, 4, 7], [6, 7, 7, 8], [1, 2, 3, 3]]
    >>> found = staggered_effects(y, [2, 2, 3, 3, np.nan, np.nan], rng=np.random.default_rng(1))
    >>> f"{found.overall.value:.2f} ({found.overall.interval.low:.2f} to {found.overall.interval.high:.2f})"
    '3.19 (2.28 to 4.09)'
    >>> [f"{row.estimand}: {row.value:.2f}" for row in found.event_time][-2:]
    ['effect 0 periods after adoption: 3.12', 'effect 1 periods after adoption: 3.50']
    """
    check_level(level)
    _check_options(control, base, event_window, draws, rng)
    panel = Panel.read(y, first_period, periods, covariates)
    cells = _cells(panel, never_treated=control == "never_treated", universal=base == "universal")
    parts = {key: cell for key, cell in cells.items() if isinstance(cell, Part)}
    groups = _by_group(panel, parts)
    if not groups:
        raise NotEstimable(Message("no effect after adoption can be estimated: too few units to compare with"))
    events = _by_event(parts, event_window)
    if not events:
        raise InvalidInput(f"event_window is {event_window}; must hold a period since adoption that can be estimated")
    report = _Report(panel=panel, level=level, method=_method(control, base, panel), missing=len(cells) - len(parts))
    by_event = [report.row(part, _event_name(e)) for e, part in events.items()]
    band = Band.of(list(events), list(events.values()), by_event, level=level, draws=draws, rng=rng)
    name = Message("mean effect since adoption")
    return StaggeredEffects(
        overall=report.row(combine(list(groups.values())), Message("mean effect on those who adopted")),
        event_time=Results(by_event),
        group=Results(replace(report.row(part, name), group=report.adopted(g)) for g, part in groups.items()),
        group_time=Results(report.cell(g, t, cell) for (g, t, _), cell in cells.items()),
        curve=band.curve(pointwise=True),
        simultaneous=band.curve(pointwise=False),
        critical=band.critical,
        pre_trends=band.pre_trends(),
    )


Key = tuple[int, int, int]
"""Group, period, and base."""


def _cells(panel: Panel, *, never_treated: bool, universal: bool) -> dict[Key, Part | Message]:
    """Return every group and period, or the reason why not."""
    found: dict[Key, Part | Message] = {}
    for g in panel.groups:
        for t in range(panel.never):
            base = g - 1 if universal or t >= g else t - 1
            if base < 0 or t == base:
                continue
            try:
                found[g, t, base] = difference(panel, g, t, base, never_treated=never_treated)
            except NotEstimable as error:
                found[g, t, base] = error.args[0]
    return found


def _by_group(panel: Panel, parts: Mapping[Key, Part]) -> dict[int, Part]:
    """Return each group's mean over the periods since adoption."""
    since = {g: [part for (h, t, _), part in parts.items() if h == g and t >= g] for g in panel.groups}
    return {g: combine(own) for g, own in since.items() if own}


def _by_event(parts: Mapping[Key, Part], window: tuple[int, int] | None) -> dict[int, Part]:
    """Return the mean over groups by periods since adoption, in order."""
    low, high = window or (-math.inf, math.inf)
    events = sorted({t - g for g, t, _ in parts if low <= t - g <= high})
    return {e: combine([part for (g, t, _), part in parts.items() if t - g == e]) for e in events}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Report:
    """What the rows have in common."""

    panel: Panel
    level: float
    method: Message
    missing: int

    def adopted(self, group: int) -> Message:
        """Name a group."""
        return Message("adopted in {period:g}", period=float(self.panel.periods[group]))

    def cell(self, group: int, period: int, cell: Part | Message) -> Estimate:
        """Return the row of a group and period."""
        estimand = Message("effect in period {period:g}", period=float(self.panel.periods[period]))
        if isinstance(cell, Part):
            return replace(self.row(cell, estimand, own=True), group=self.adopted(group))
        return Estimate.empty(
            estimand=estimand, reason=cell, level=self.level, method=self.method, group=self.adopted(group),
            n_treated=int(np.sum(self.panel.first == group)),
        )  # fmt: skip

    def row(self, part: Part, estimand: str, *, own: bool = False) -> Estimate:
        """Return the row of a parameter, empty where it has no standard error."""
        notes = list(self.panel.notes)
        if self.missing and not own:
            notes.append(Message("groups and periods without units to compare with, left out: {n}", n=self.missing))
        treated, others = int(part.treated.sum()), int(np.sum(part.compared & ~part.treated))
        known: dict[str, Any] = {
            "estimand": estimand, "method": self.method, "n_treated": treated, "n_control": others,
            "n": treated + others,
        }  # fmt: skip
        try:
            scores, df = part.scaled()
            fit = Coefficient(value=part.value, std_error=float(np.linalg.norm(scores)), df=df)
            return estimate_of(fit, self.panel.y.ravel(), level=self.level, notes=notes, **known)
        except NotEstimable as error:
            return Estimate.empty(reason=error.args[0], level=self.level, note=Message.join(notes), **known)


def _event_name(event: int) -> Message:
    if event < 0:
        return Message("placebo {n} periods before adoption", n=-event)
    return Message("effect {n} periods after adoption", n=event)


def _method(control: Control, base: Base, panel: Panel) -> Message:
    parts = [
        Message("Callaway and Sant'Anna, compared with those never treated")
        if control == "never_treated"
        else Message("Callaway and Sant'Anna, compared with those not yet treated"),
        Message("varying base period") if base == "varying" else Message("universal base period"),
    ]
    if panel.x.shape[1] > 1:
        parts.append(Message("adjusted for {k} covariates by regression", k=panel.x.shape[1] - 1))
    return Message.join(parts)


def _is_window(window: object) -> bool:
    """Whether it is two whole numbers in order."""
    if not isinstance(window, Sequence) or len(window) != 2:
        return False
    whole = all(isinstance(e, int | np.integer) and not isinstance(e, bool) for e in window)
    return whole and bool(window[0] <= window[1])


def _check_options(control: str, base: str, window: Sequence[int] | None, draws: int, rng: np.random.Generator) -> None:
    """Raise where an option is none of those allowed."""
    for value, name, allowed in ((control, "control", get_args(Control)), (base, "base", get_args(Base))):
        if value not in allowed:
            raise InvalidInput(f"{name} is {value!r}; must be one of {', '.join(allowed)}")
    if window is not None and not _is_window(window):
        raise InvalidInput(f"event_window is {window}; must be two whole numbers in order, such as (-4, 8)")
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1000:
        raise InvalidInput(f"draws is {draws!r}; must be a whole number, 1,000 or more")
    check_rng(rng)
