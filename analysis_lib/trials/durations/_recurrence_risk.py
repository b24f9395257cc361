"""The risk of coming back, and what part of treatment's effect on it goes by which way: computed from two hazards.

Of a person of type m with covariates x, f_l(t) is the chance of leaving in week t of the first spell and G_l that of
leaving by the last week looked at, under treatment l; F_d(t) is the chance of being back within the weeks looked at,
after a first spell of t weeks, under treatment d. The mean risk of those who leave,

    R(s, l, d) = sum over people and types of p_m G_s sum_t f_l(t) / G_l F_d(t), divided by the sum of p_m G_s,

has treatment s for who leaves, l for how long the first spell was, and d for the second hazard itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from analysis_lib.results import Estimate, FloatArray, Message, Results, wald_interval, wald_p_value
from analysis_lib.trials.durations._mixed_points import Estimated
from analysis_lib.trials.durations._mixed_reports import method_of
from analysis_lib.trials.durations._mixture import UNBOUNDED, Mixture
from analysis_lib.trials.durations._two_spells import SECOND, TwoSpells

# The gradient is a mean over people, of whom so many tell enough.
_MOST_PEOPLE = 1000
# Of a parameter's standard error.
_STEP = 1e-3
# Combinations of R(1,1,1), R(1,1,0), R(1,0,0) and R(0,0,0).
_ROWS = {
    "total": (1, 0, 0, -1),
    "direct": (1, -1, 0, 0),
    "lagged": (0, 1, -1, 0),
    "selection": (0, 0, 1, -1),
}
_SHARE = Message("share of the effect that is direct")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrenceRisk:
    """The risk of return within `returned` weeks of leaving, of those who left within `left` weeks.

    Rows of `x` (r, k) stand for `count` people.
    """

    two: TwoSpells
    x: FloatArray
    count: FloatArray
    left: int
    returned: int

    @classmethod
    def build(cls, two: TwoSpells, left: int, returned: int) -> RecurrenceRisk:
        """Count people by their covariates."""
        x, count = np.unique(two.x, axis=0, return_counts=True)
        return cls(two=two, x=x, count=count.astype(np.float64), left=left, returned=returned)

    def unseen(self) -> Message | None:
        """Return why the risk cannot be told, if so."""
        for part, weeks in zip(self.two.parts, (self.left, self.returned), strict=True):
            seen = min(float(part.people.time[part.people.treated == arm].max()) for arm in (False, True))
            if weeks > seen:
                words = "{spell}: an arm was seen for {seen:g} weeks only, and {weeks} are asked for"
                return Message(words, spell=Message(part.outcome), seen=seen, weeks=weeks)
        return None

    def sample(self, rng: np.random.Generator) -> RecurrenceRisk:
        """Return the risk of a sample of the people, where there are many different ones."""
        if len(self.x) <= _MOST_PEOPLE:
            return self
        chosen = rng.choice(len(self.x), _MOST_PEOPLE, p=self.count / self.count.sum())
        return RecurrenceRisk(
            two=self.two, x=self.x[chosen], count=np.ones(_MOST_PEOPLE), left=self.left, returned=self.returned
        )  # fmt: skip

    @UNBOUNDED
    def at(self, mixture: Mixture, params: FloatArray) -> FloatArray:
        """Return R(1,1,1), R(1,1,0), R(1,0,0) and R(0,0,0)."""
        shares, above, below = mixture.shares(params), np.zeros(4), np.zeros(2)
        passed, later = self._hazards(mixture, params)
        for kind, share in enumerate(shares.tolist()):
            force = np.exp(mixture.level(params, 0)[kind])
            gone = [-np.expm1(-force * hazard) for hazard in passed]
            step = [np.diff(found, axis=1) for found in gone]
            back = [-np.expm1(-np.exp(mixture.level(params, 1)[kind]) * hazard) for hazard in later]
            weight = [share * self.count * found[:, -1] for found in gone]
            below += [weight[0].sum(), weight[1].sum()]
            for k, (who, long, direct) in enumerate([(1, 1, 1), (1, 1, 0), (1, 0, 0), (0, 0, 0)]):
                last = gone[long][:, -1]
                mean = np.divide(
                    np.sum(step[long] * back[direct], axis=1), last, where=last > 0, out=np.zeros(len(last))
                )  # fmt: skip
                above[k] += weight[who] @ mean
        found: FloatArray = above / below[[1, 1, 1, 0]]
        return found

    def _hazards(self, mixture: Mixture, params: FloatArray) -> tuple[list[FloatArray], list[FloatArray]]:
        """Return by arm the integrated hazards of level 0.

        Of the first spell up to each week, (r, weeks + 1); of the second through, after each week, (r, weeks).
        """
        first, second = self.two.parts
        weeks, end, k = np.arange(self.left + 1.0), np.array([float(self.returned)]), self.x.shape[1]
        lag = (self.two.lag.columns(weeks[1:]) - self.two.lag_mean) / second.scale[k:]
        # covariates end the slopes, those of the lag last
        own, later = (params[place] for place in mixture.slopes)
        later, lagged = later[: len(later) - lag.shape[1]], later[len(later) - lag.shape[1] :]
        force = np.exp(self.x @ own[len(own) - k :])[:, None]
        force_later = np.exp((self.x @ later[len(later) - k :])[:, None] + lag @ lagged)
        passed = [force * (first.pieces.exposure(weeks) @ _rates(mixture, 0, own, arm)) for arm in (0, 1)]
        ahead = [force_later * (second.pieces.exposure(end) @ _rates(mixture, 1, later, arm)) for arm in (0, 1)]
        return passed, ahead


def _rates(mixture: Mixture, spell: int, slope: FloatArray, arm: int) -> FloatArray:
    """Return the hazard by piece in an arm, at level 0 and mean covariates."""
    found = mixture.spells[spell]
    a, w = found.intervals.shape[1], found.windows.shape[1]
    rates: FloatArray = np.exp(found.intervals @ slope[:a] + arm * (found.windows @ slope[a : a + w]))
    return rates


def decompose(found: Estimated, risk: RecurrenceRisk, rng: np.random.Generator) -> Results:
    """Return the risks, the effect on them and its parts, with errors by the delta method; or why not."""
    weeks = risk.returned
    treated = Message("risk of return within {weeks} weeks, treated", weeks=weeks)
    control = Message("risk of return within {weeks} weeks, control", weeks=weeks)
    effects = {
        "total": Message("effect on the risk of return within {weeks} weeks", weeks=weeks),
        "direct": Message("of the effect: direct, by the second hazard itself"),
        "lagged": Message("of the effect: by how long the first spell was"),
        "selection": Message("of the effect: by who leaves the first spell"),
    }
    unseen = risk.unseen()
    if unseen is not None:
        words = [treated, control, *effects.values(), _SHARE]
        return Results(
            Estimate.empty(estimand=word, reason=unseen, level=found.level, outcome=SECOND, method=_method(found))
            for word in words
        )
    value = risk.at(found.fit.mixture, found.fit.params)
    rows = _Rows(value=value, covariance=_covariance(found, risk, rng), risk=risk, found=found)
    parts = [rows.row(word, _contrast(key), effect=True) for key, word in effects.items()]
    return Results(
        [rows.row(treated, np.eye(4)[0]), rows.row(control, np.eye(4)[3]), *parts, rows.direct_share(parts[0])]
    )


def _covariance(found: Estimated, risk: RecurrenceRisk, rng: np.random.Generator) -> FloatArray:
    """Return the covariance of the four risks, by central differences."""
    mixture, params = found.fit.mixture, found.fit.params
    spread, sampled = np.sqrt(np.diag(found.covariance)), risk.sample(rng)
    gradient = np.zeros((4, mixture.size))
    for j in np.flatnonzero(spread > 0).tolist():
        step = np.zeros(mixture.size)
        step[j] = _STEP * spread[j]
        gradient[:, j] = (sampled.at(mixture, params + step) - sampled.at(mixture, params - step)) / (2 * step[j])
    covariance: FloatArray = gradient @ found.covariance @ gradient.T
    return covariance


def _contrast(key: str) -> FloatArray:
    return np.array(_ROWS[key], dtype=np.float64)


def _method(found: Estimated) -> Message:
    return method_of(found.fit.mixture.types)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """The four risks, their covariance (4, 4), and what rows say of them."""

    value: FloatArray
    covariance: FloatArray
    risk: RecurrenceRisk
    found: Estimated

    def row(self, estimand: Message, contrast: FloatArray, *, effect: bool = False) -> Estimate:
        """Return a combination of the risks, or the empty row of one that nothing can change."""
        value, variance = float(contrast @ self.value), float(contrast @ self.covariance @ contrast)
        if variance <= 0:
            reason = Message("all people are alike to this model: who leaves makes no difference")
            return Estimate.empty(
                estimand=estimand, reason=reason, level=self.found.level, outcome=SECOND, method=_method(self.found)
            )  # fmt: skip
        return self._estimate(estimand, value, math.sqrt(variance), effect=effect)

    def direct_share(self, total: Estimate) -> Estimate:
        """Return the share of the total effect that is direct, unless the total may be 0."""
        interval = total.interval
        if interval.low <= 0 <= interval.high:
            reason = Message("the interval of the effect includes 0: there is no share of it to tell")
            known = {"outcome": total.outcome, "method": total.method}
            return Estimate.empty(estimand=_SHARE, reason=reason, level=interval.level, **known)
        whole, direct = _contrast("total"), _contrast("direct")
        share = float(direct @ self.value) / total.value
        contrast = (direct - share * whole) / total.value
        return self._estimate(_SHARE, share, math.sqrt(float(contrast @ self.covariance @ contrast)))

    def _estimate(self, estimand: Message, value: float, std_error: float, *, effect: bool = False) -> Estimate:
        people = self.risk.two.people
        treated = int(people.treated.sum())
        return Estimate(
            estimand=estimand,
            value=value,
            std_error=std_error,
            df=self.found.df,
            interval=wald_interval(value, std_error, self.found.df, self.found.level),
            p_value=wald_p_value(value, std_error, self.found.df) if effect else math.nan,
            method=_method(self.found),
            n_treated=treated,
            n_control=len(people.time) - treated,
            n=len(people.time),
            n_clusters=None if people.cluster is None else people.cluster.count,
            note=Message("of those who leave the first spell within {weeks} weeks", weeks=self.risk.left),
            outcome=SECOND,
        )
