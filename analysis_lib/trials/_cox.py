"""Cox regression and log-rank sums by distinct time: time of order n k^2, whatever the number of ties.

statsmodels' PHReg is not used: its cluster-robust variance takes Breslow's weights also where ties are Efron's, and is
undefined where a stratum has no event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from analysis_lib.errors import NotEstimable
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._arrays import BoolArray, Covariates, Groups, IntArray
from analysis_lib.trials._least_squares import independent_columns
from analysis_lib.trials._newton import maximise


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskSets:
    """People sorted by stratum and time, and their groups: one for each distinct time in a stratum.

    A group's people with the event come first: they are a cell, and the others of the group are one.

    Attributes
    ----------
    order
        Shape (n,): positions of the people in the caller's arrays.
    group, event
        Shape (n,), in sorted order: each person's group, and whether the time ends in an event.
    cells
        Shape (cells,): position of each cell's first person.
    starts, time
        Shape (groups,): each group's first cell, and its time.
    tied
        The groups that have an event.
    strata
        The span of groups of each stratum.
    """

    order: IntArray
    group: IntArray
    event: BoolArray
    cells: IntArray
    starts: IntArray
    tied: IntArray
    time: FloatArray
    strata: tuple[slice, ...]

    @classmethod
    def build(cls, time: FloatArray, event: BoolArray, stratum: Groups | None) -> RiskSets:
        """Sort people into groups of equal stratum and time."""
        distinct, position = np.unique(time, return_inverse=True)
        codes = position if stratum is None else stratum.codes * len(distinct) + position
        key = 2 * codes + ~event
        # whole weeks fit into 16 bits, which are sorted in one pass
        order = np.argsort(key.astype(np.min_scalar_type(int(key.max()))), kind="stable")
        key = key[order]
        cells = np.flatnonzero(np.diff(key, prepend=-1))
        held, first = np.unique(key[cells] // 2, return_index=True)
        bounds = np.append(np.flatnonzero(np.diff(held // len(distinct), prepend=-1)), len(held))
        died, group = event[order], np.repeat(np.arange(len(held)), np.diff(np.append(cells[first], len(key))))
        return cls(
            order=order,
            group=group,
            event=died,
            cells=cells,
            starts=first,
            tied=group[cells[died[cells]]],
            time=distinct[held % len(distinct)],
            strata=tuple(slice(int(a), int(b)) for a, b in pairwise(bounds)),
        )

    def sums(self, values: FloatArray) -> FloatArray:
        """Return the sums of (n, ...) sorted values by group."""
        return self.sums_and_tied(values)[0]

    def sums_and_tied(self, values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the sums of (n, ...) sorted values by group, and those of the people with the event."""
        cells = np.add.reduceat(values, self.cells, axis=0)
        tied = np.zeros((len(self.starts), *values.shape[1:]))
        tied[self.tied] = cells[self.event[self.cells]]
        return np.add.reduceat(cells, self.starts, axis=0), tied

    def at_risk(self, sums: FloatArray) -> FloatArray:
        """Return, for each group, the sum over groups of the same stratum from then on."""
        return self._within(sums, lambda part: np.cumsum(part[::-1], axis=0)[::-1])

    def until(self, sums: FloatArray) -> FloatArray:
        """Return, for each group, the sum over groups of the same stratum up to it."""
        return self._within(sums, lambda part: np.cumsum(part, axis=0))

    def _within(self, sums: FloatArray, running: Callable[[FloatArray], FloatArray]) -> FloatArray:
        found = np.empty_like(sums)
        for span in self.strata:
            found[span] = running(sums[span])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Sums at given coefficients; g counts groups, and l an event's rank among the d tied in its group.

    With Efron's share p_l = l / d (0 for Breslow), the l-th denominator is `risk` - p_l `tied` and the mean is
    (`risk_x` - p_l `tied_x`) / denominator. `power[a, b]` holds, by group, the sum of p^a / denominator^b.
    """

    log_likelihood: float
    weight: FloatArray
    risk_x: FloatArray
    tied_x: FloatArray
    power: dict[tuple[int, int], FloatArray]

    def times(self, by_group: FloatArray) -> Moments:
        """Return the moments with each group's part of the information multiplied by its value."""
        return replace(self, power={key: value * by_group for key, value in self.power.items()})

    def mean(self, share: int, denominator: int) -> FloatArray:
        """Return by group the sum over l of p^share x mean / denominator^denominator, shape (groups, k)."""
        first = self.power[share, denominator + 1][:, None] * self.risk_x
        second = self.power[share + 1, denominator + 1][:, None] * self.tied_x
        return first - second


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxModel:
    """The partial likelihood of covariates `x` of shape (n, k), sorted as the risk sets.

    `share` and `groups` are Efron's share and the group of each event; `count` and `tied_sum` the number and the
    covariates' sums of each group's events.
    """

    x: FloatArray
    sets: RiskSets
    efron: bool
    share: FloatArray = field(init=False)
    groups: IntArray = field(init=False)
    count: IntArray = field(init=False)
    tied_sum: FloatArray = field(init=False)

    def __post_init__(self) -> None:
        """Prepare what does not depend on the coefficients."""
        groups = self.sets.group[self.sets.event]
        count = np.bincount(groups, minlength=len(self.sets.starts))
        rank = np.arange(len(groups)) - (np.cumsum(count) - count)[groups]
        share = rank / count[groups] if self.efron else np.zeros(len(groups))
        known = {"share": share, "groups": groups, "count": count, "tied_sum": self.sets.sums_and_tied(self.x)[1]}
        for name, value in known.items():
            object.__setattr__(self, name, value)

    @np.errstate(over="ignore", divide="ignore", invalid="ignore")  # of a step too far, which is then halved
    def moments(self, beta: FloatArray) -> Moments:
        """Return the sums by group at coefficients of shape (k,)."""
        sets, share = self.sets, self.share
        weight = np.exp(self.x @ beta)
        leaving, tied = sets.sums_and_tied(weight)
        leaving_x, tied_x = sets.sums_and_tied(weight[:, None] * self.x)
        denominator = sets.at_risk(leaving)[self.groups] - share * tied[self.groups]
        inverse = 1 / denominator
        terms = {(0, 1): inverse, (1, 1): share * inverse}
        terms |= {(a, 2): term * inverse for a, term in enumerate((inverse, terms[1, 1], share * terms[1, 1]))}
        power = {key: np.bincount(self.groups, term, len(self.count)).astype(float) for key, term in terms.items()}
        return Moments(
            log_likelihood=float(np.sum(self.tied_sum @ beta) - np.sum(np.log(denominator))),
            weight=weight,
            risk_x=sets.at_risk(leaving_x),
            tied_x=tied_x,
            power=power,
        )

    def score(self, at: Moments) -> FloatArray:
        """Return the part of each group in the gradient of the log likelihood, shape (groups, k)."""
        return self.tied_sum - at.mean(0, 0)

    def gradient(self, at: Moments) -> FloatArray:
        """Return the gradient of the log likelihood, shape (k,)."""
        gradient: FloatArray = self.score(at).sum(axis=0)
        return gradient

    def information(self, at: Moments) -> FloatArray:
        """Return minus the second derivative, shape (k, k)."""
        second = self.x.T @ (self.x * (at.weight * self._hazard(at))[:, None])
        p00, p11, p22 = (at.power[a, 2][:, None] for a in (0, 1, 2))
        cross = at.risk_x.T @ (p11 * at.tied_x)
        means = at.risk_x.T @ (p00 * at.risk_x) - cross - cross.T + at.tied_x.T @ (p22 * at.tied_x)
        found: FloatArray = second - means
        return found

    def residuals(self, at: Moments) -> FloatArray:
        """Return score residuals, shape (n, k), that add up to the score."""
        event = self.sets.event
        found = self.sets.until(at.mean(0, 1))[self.sets.group] - self._hazard(at)[:, None] * self.x
        found[event] -= at.mean(1, 1)[self.groups]
        found *= at.weight[:, None]
        found[event] += self.x[event] - (at.mean(0, 0) / np.maximum(self.count, 1)[:, None])[self.groups]
        return found

    def _hazard(self, at: Moments) -> FloatArray:
        """Return the cumulative baseline hazard at the end of each person's time, shape (n,)."""
        found = self.sets.until(at.power[0, 1])[self.sets.group]
        found[self.sets.event] -= at.power[1, 1][self.groups]
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class CoxFit:
    """A fit: coefficients of shape (k,) and their covariance (k, k).

    `model` and `at` are in standard deviations of the covariates, which are `scale` of shape (k,).
    """

    coefficients: FloatArray
    covariance: FloatArray
    model: CoxModel
    at: Moments
    scale: FloatArray

    @property
    def residuals(self) -> FloatArray:
        """Return the people's score residuals, shape (n, k), in the caller's order."""
        found = np.empty_like(self.model.x)
        found[self.model.sets.order] = self.model.residuals(self.at) * self.scale
        return found


def ever_at_risk(time: FloatArray, event: BoolArray, strata: Groups | None) -> BoolArray:
    """Return which (n,) people are at risk at an event of their stratum: the others tell nothing."""
    codes = np.zeros(len(time), dtype=np.intp) if strata is None else strata.codes
    first = np.full(int(codes.max()) + 1, np.inf)
    np.minimum.at(first, codes[event], time[event])
    found: BoolArray = time >= first[codes]
    return found


def independent_of_strata(
    arm: BoolArray, given: Covariates, strata: Groups | None
) -> tuple[FloatArray, tuple[str, ...], tuple[Message, ...]]:
    """Return treatment and the covariates that are not collinear within strata, their names, and a note.

    Of people who are all `ever_at_risk`, so that the information is not singular. `arm` has shape (n,), or (n, w)
    where treatment has w columns: those come first.
    """
    columns = np.column_stack([given.values, arm.astype(np.float64)])
    width, own = columns.shape[1], 1 if arm.ndim == 1 else arm.shape[1]
    if strata is None:
        centred = columns - columns.mean(axis=0)
    else:
        people = np.bincount(strata.codes, minlength=strata.count)[:, None]
        centred = columns - (sums_by(columns, strata.codes, strata.count) / people)[strata.codes]
    constant = np.abs(centred).max(axis=0) <= 1e-12 * np.abs(columns).max(axis=0)
    centred[:, constant] = 0.0
    kept = independent_columns(centred).tolist()
    treatment = list(range(width - own, width))
    if not set(treatment) <= set(kept):
        raise NotEstimable(Message("the covariates or strata determine the treatment: its effect cannot be told apart"))
    others = [j for j in kept if j < width - own]
    dropped = [name for j, name in enumerate(given.names) if j not in kept]
    names = (*[Message("treatment")] * own, *(given.names[j] for j in others))
    note = Message("collinear columns left out: {n} ({names})", n=len(dropped), names=", ".join(dropped))
    return columns[:, [*treatment, *others]], names, (note,) if dropped else ()


def sums_by(values: FloatArray, codes: IntArray, count: int) -> FloatArray:
    """Return the sums of (n, k) values by group, shape (count, k)."""
    found: FloatArray = np.column_stack([np.bincount(codes, column, count) for column in values.T])
    return found


def fit_cox(x: FloatArray, names: tuple[str, ...], sets: RiskSets, *, efron: bool) -> CoxFit:
    """Fit coefficients of (n, k) covariates, not collinear within strata; rows as the caller's."""
    centred = x[sets.order]
    centred -= centred.mean(axis=0)
    scale = np.sqrt(np.einsum("ij,ij->j", centred, centred) / len(x))
    centred /= scale
    model = CoxModel(x=centred, sets=sets, efron=efron)
    beta, at = maximise(model, names)
    covariance = np.linalg.inv(model.information(at)) / np.outer(scale, scale)
    return CoxFit(coefficients=beta / scale, covariance=covariance, model=model, at=at, scale=scale)


def robust_covariance(fit: CoxFit, cluster: Groups) -> FloatArray:
    """Return the covariance of Lin and Wei (1989), summing score residuals by cluster."""
    influence = sums_by(fit.residuals, cluster.codes, cluster.count) @ fit.covariance
    found: FloatArray = influence.T @ influence
    return found
