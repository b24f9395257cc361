"""The joint distribution of effects on several outcomes, by resampling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import (
    Estimate,
    FloatArray,
    Interval,
    Message,
    Results,
    check_level,
    wald_interval,
    wald_p_value,
)
from analysis_lib.trials._arrays import as_numbers
from analysis_lib.trials._options import check_rng
from analysis_lib.trials._percentiles import Percentiles
from analysis_lib.trials._sample import everyone, usable
from analysis_lib.trials.effects._estimates import NO_VARIATION, collinear_note, no_variation
from analysis_lib.trials.effects._refits import Part, additive, by_arm, covariates_within, units_of
from analysis_lib.trials.effects._resampling import Strata, departures

__all__ = ["BootstrapEffects", "bootstrap_effects"]

Adjustment = Literal["lin", "additive", "none"]

_ESTIMAND = Message("difference in means")
# More resamples than this that cannot be fitted would change what the others show.
_MOST_LOST = 0.05
# With fewer units in an arm intervals are too narrow, or slopes by arm wild (docs/methods.md).
_FEW_UNITS = 30


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BootstrapEffects:
    """Effects on k outcomes, and what they were in each resample.

    Attributes
    ----------
    value
        Effects in all people, shape (k,).
    draws
        Effects in the resamples, shape (draws, k); all outcomes of a row come from the same resample. NaN in every row
        where the outcome has no variation.
    outcomes
        The outcomes' names, shape (k,).
    n_treated, n_control, n_clusters
        People used, and clusters (`None` where people are the units).
    level
        Coverage of the intervals.
    method, note
        How, and what is left out.
    """

    value: FloatArray
    draws: FloatArray
    outcomes: tuple[str, ...]
    n_treated: int
    n_control: int
    n_clusters: int | None
    level: float
    method: Message
    note: Message

    @property
    def covariance(self) -> FloatArray:
        """The effects' covariance (k, k)."""
        return np.atleast_2d(np.cov(self.draws, rowvar=False))

    def estimates(self, interval: Literal["percentile", "normal"] = "percentile") -> Results:
        """Return an estimate an outcome.

        Parameters
        ----------
        interval
            "percentile": quantiles of the draws, with the p-value 2 (1 + k) / (1 + draws), where k counts the draws
            on the other side of 0. "normal": value and 1.96 standard errors (at 95 %).

        Returns
        -------
        Results
            A row with the reason where the outcome has no variation.

        Raises
        ------
        InvalidInput
            Where `interval` is another word.
        """
        if interval not in ("percentile", "normal"):
            raise InvalidInput(f"interval is {interval!r}; must be 'percentile' or 'normal'")
        return Results(self._estimate(j, interval) for j in range(len(self.outcomes)))

    def _estimate(self, j: int, interval: str) -> Estimate:
        known: dict[str, Any] = {
            "estimand": _ESTIMAND, "outcome": self.outcomes[j], "n_treated": self.n_treated,
            "n_control": self.n_control, "n": self.n_treated + self.n_control, "n_clusters": self.n_clusters,
        }  # fmt: skip
        column, value = self.draws[:, j], float(self.value[j])
        if np.isnan(column[0]):
            return Estimate.empty(reason=no_variation().args[0], level=self.level, **known)
        error = float(np.std(column, ddof=1))
        known |= {"value": value, "std_error": error, "note": self.note}
        if interval == "normal":
            method = Message.join([self.method, Message("normal interval")])
            limits, p_value = wald_interval(value, error, math.inf, self.level), wald_p_value(value, error, math.inf)
            return Estimate(interval=limits, p_value=p_value, method=method, **known)
        rule = Percentiles(column)
        low, high = rule.interval_at(self.level)
        return Estimate(
            interval=Interval(low=low, high=high, level=self.level),
            p_value=rule.p_value(),
            method=Message.join([self.method, Message("percentile interval")]),
            rule=rule,
            **known,
        )


def bootstrap_effects(
    y: Any,
    treated: ArrayLike,
    *,
    covariates: Any = None,
    block: Any = None,
    cluster: Any = None,
    adjustment: Adjustment = "lin",
    draws: int = 2_000,
    rng: np.random.Generator,
    level: float = 0.95,
) -> BootstrapEffects:
    r"""Estimate effects on several outcomes, and draw their joint distribution by resampling people or clusters.

    For what needs the joint distribution: sums and ratios of effects, such as costs and benefits. The interval of one
    effect is better had from `lin_adjusted`.

    Parameters
    ----------
    y
        Outcomes, shape (n,) or (n, k), finite; the columns of a data frame give their names.
    treated, covariates, block, cluster
        As in `lin_adjusted`; covariates are not needed. Every cluster must be in one arm.
    adjustment
        "lin" (`lin_adjusted`), "additive" (`additive_adjusted`) or "none" (the difference in means, within blocks).
    draws
        Resamples, 100 or more.
    rng
        Draws them. The same generator gives the same resamples for any outcomes.
    level
        Coverage of the intervals.

    Returns
    -------
    BootstrapEffects
        Values are those of the functions named.

    Raises
    ------
    InvalidInput
        An argument is not as described, or a cluster has people of both arms; the message names it.
    NotEstimable
        As in the functions named; also where a block has one person (or cluster) in an arm, a covariate does not vary
        within an arm, or more than 5 % of the resamples cannot be fitted (fewer are left out, as `note` says).

    Notes
    -----
    People are resampled within arms and blocks; clusters whole, within arms, and within blocks where they lie in
    them. Of m units m - 1 are drawn and weighted by m / (m - 1), so that the variance of a difference in means
    is Neyman's and not (m - 1)/m of it. Covariates are centred, and blocks weighted, as in all people: the effect is
    the average in the people used, as with `lin_adjusted`.

    Resamples are weights, and a refit needs weighted sums of cross-products only: one matrix product for all draws of
    a chunk, and small systems of equations, in place of a regression each.

    References
    ----------
    Rao and Wu (1988), doi 10.1080/01621459.1988.10478591. Efron and Tibshirani (1993), An Introduction to the
    Bootstrap, chapters 12-13. Lin (2013), doi 10.1214/12-AOAS583.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> treated = np.repeat([1, 0], 50)
    >>> weeks = pd.DataFrame({"work": rng.poisson(20 + 4 * treated), "benefits": rng.poisson(15, 100)})
    >>> found = bootstrap_effects(weeks, treated, rng=rng)
    >>> net = found.draws @ [1, -1]
    >>> found.outcomes, found.draws.shape, round(float(net.std()), 1)
    (('work', 'benefits'), (2000, 2), 1.2)
    """
    _check(adjustment, covariates, draws, level)
    check_rng(rng)
    table, names = _outcomes(y)
    people = usable(everyone(len(table), treated, covariates=covariates, block=block, cluster=cluster))
    outcomes = table[people.y.astype(np.intp)]
    units = units_of(people)
    columns, dropped = covariates_within(people)
    parts = (additive if adjustment == "additive" else by_arm)(people, outcomes, columns, units)
    value = _values(parts, np.abs(outcomes).max(axis=0))
    departed, lost = _draw(parts, units.strata, draws, rng)
    notes = [collinear_note(dropped)] if dropped else []
    return BootstrapEffects(
        value=value,
        draws=value + departed,
        outcomes=names,
        n_treated=int(people.treated.sum()),
        n_control=int((~people.treated).sum()),
        n_clusters=people.cluster.count if people.cluster else None,
        level=level,
        method=_method(adjustment, columns.shape[1], clustered=people.cluster is not None),
        note=Message.join([*people.notes, *notes, *lost, *_few(units.fewest)]),
    )


def _check(adjustment: str, covariates: Any, draws: int, level: float) -> None:
    check_level(level)
    if adjustment not in ("lin", "additive", "none"):
        raise InvalidInput(f"adjustment is {adjustment!r}; must be 'lin', 'additive' or 'none'")
    if adjustment == "none" and covariates is not None:
        raise InvalidInput("covariates is given with adjustment 'none'; must be left out")
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 100:
        raise InvalidInput(f"draws is {draws!r}; must be a whole number, 100 or more")


def _few(units: int) -> list[Message]:
    if units >= _FEW_UNITS:
        return []
    return [Message("only {n} units in an arm: resampling is not to be relied on", n=units)]


def _outcomes(y: Any) -> tuple[FloatArray, tuple[str, ...]]:
    """Return outcomes (n, k) and their names, or raise naming the column."""
    if isinstance(y, pd.DataFrame):
        columns = [(str(label), np.asarray(y.iloc[:, j])) for j, label in enumerate(y.columns)]
    else:
        table = np.asarray(y)
        if table.ndim not in (1, 2):
            raise InvalidInput(f"y has {table.ndim} dimensions; must have one or two (people, outcomes)")
        single = str(getattr(y, "name", None) or "")
        names = [single] if table.ndim == 1 else [f"outcome {j + 1}" for j in range(table.shape[1])]
        columns = list(zip(names, table[:, None].T if table.ndim == 1 else table.T, strict=True))
    if not columns:
        raise InvalidInput("y has no columns; must have one or more outcomes")
    numbers = [as_numbers(column, f"y, column {name!r}," if name else "y") for name, column in columns]
    return np.column_stack(numbers), tuple(name for name, _ in columns)


def _values(parts: Sequence[Part], largest: FloatArray) -> FloatArray:
    """Return the effects (k,), NaN where residuals are rounding of the largest outcomes; raise where all are."""
    flat = np.max([part.residual for part in parts], axis=0) <= NO_VARIATION * largest
    if flat.all():
        raise no_variation()
    return np.where(flat, np.nan, np.sum([part.sign * part.value for part in parts], axis=0))


def _draw(
    parts: Sequence[Part], strata: Strata, draws: int, rng: np.random.Generator
) -> tuple[FloatArray, list[Message]]:
    """Return departures (draws, k) from the effects, without resamples that have none, and a note on these."""
    chunks = [
        np.sum([part.sign * found for part, found in zip(parts, chunk, strict=True)], axis=0)
        for chunk in departures([part.resampled for part in parts], strata, draws=draws, rng=rng)
    ]
    departed = np.concatenate(chunks)
    fitted = np.isfinite(departed).all(axis=1)
    lost = int(np.sum(~fitted))
    if lost > _MOST_LOST * draws:
        raise NotEstimable(Message("the regression cannot be fitted in {n} of {draws} resamples", n=lost, draws=draws))
    left_out = Message("resamples that cannot be fitted, left out: {n} of {draws}", n=lost, draws=draws)
    return departed[fitted], [left_out] if lost else []


def _method(adjustment: Adjustment, covariates: int, *, clustered: bool) -> Message:
    how = {
        "lin": Message("adjusted for {k} covariates by arm (Lin)", k=covariates),
        "additive": Message("adjusted for {k} covariates (additive)", k=covariates),
        "none": Message("difference in means"),
    }[adjustment]
    return Message.join([how, Message("clusters resampled") if clustered else Message("people resampled")])
