"""What is true of the time to the main exit, exactly: survival, medians, means and hazard ratios of an arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import integrate, optimize

from analysis_lib.register.simulation.activities import MAIN
from analysis_lib.register.simulation.hazards import NEVER, Baseline, Window, waiting_times, weibull
from analysis_lib.register.simulation.model import SimulationModel
from analysis_lib.register.simulation.parts import CONTROL, Place

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A survival function that is a mixture: each part's weight and its ratios after each of the edges, in weeks."""

    baseline: Baseline
    weights: tuple[float, ...]
    edges: tuple[float, ...]
    ratios: tuple[tuple[float, ...], ...]

    def survival(self, weeks: float) -> float:
        """Return S(t), the sum of w exp(-H(t)) over the parts."""
        total = self.baseline.cumulative(np.minimum(np.array([*self.edges, NEVER]), weeks))
        return float(np.sum(np.array(self.weights) * np.exp(-np.array(self.ratios) @ np.diff(total))))

    def median(self) -> float:
        """Return t with S(t) = 1/2."""
        return self.quantile(0.5)

    def quantile(self, survival: float) -> float:
        """Return t with S(t) = `survival`."""
        times = [_part_quantile(self.baseline, self.edges, ratios, survival) for ratios in self.ratios]
        if min(times) == max(times):
            return times[0]
        return float(optimize.brentq(lambda t: self.survival(t) - survival, min(times), max(times), xtol=1e-12))

    def restricted_mean(self, horizon: float) -> float:
        """Return the integral of S from 0 to the horizon."""
        inner = [edge for edge in self.edges if 0 < edge < horizon]
        points = [0.0, *inner, horizon]
        # Cut in shorter pieces, because a survival function that falls early is missed on a long one.
        cuts = np.unique(np.concatenate([points, [self.quantile(s) for s in (0.9, 0.5, 0.1, 1e-3, 1e-8)]]))
        cuts = cuts[cuts <= horizon]
        parts = [integrate.quad(self.survival, a, b, epsabs=1e-13, epsrel=1e-12)[0] for a, b in pairwise(cuts)]
        return float(sum(parts))

    def mean(self) -> float:
        """Return the integral of S to where nothing is left of it (1e-16)."""
        return self.restricted_mean(max(self.quantile(1e-16), *self.edges, 1.0))


def _part_quantile(baseline: Baseline, edges: tuple[float, ...], ratios: tuple[float, ...], survival: float) -> float:
    always = np.array([True])
    stops = [*edges[1:], NEVER]
    windows = [
        Window(start=np.array([start]), stop=np.array([stop]), ratio=ratio, chosen=always)
        for start, stop, ratio in zip(edges, stops, ratios, strict=True)
    ]
    return float(waiting_times(np.array([-np.log(survival)]), baseline, windows)[0])


def why_not_exact(model: SimulationModel, arm: str, places: Sequence[Place]) -> str:
    """Return why the distribution in an arm and the control arm, in these places, has no exact form, or nothing."""
    about = [effect for effect in model.effects if effect.arm in (None, arm, CONTROL)]
    if any(effect.where for effect in about):
        return "effects differ by covariates, which the time to exit depends on"
    if any(effect.calendar is not None for effect in about):
        return "effects hold in calendar weeks, which are other weeks of the spell for each week of entry"
    if any(effect.exit == MAIN for activity in model.activities for effect in activity.effects):
        return "activities change the hazard from weeks that are drawn"
    differ = len({place.effect for place in model.sites}) > 1
    if differ and (len(places) < len(model.sites) or any(effect.municipalities for effect in about)):
        return "municipalities have effects on employability of their own"
    return ""


def survival_curve(model: SimulationModel, arm: str, places: Sequence[Place]) -> Curve:
    """Return the distribution of the time to the main exit in an arm among people who live in some places."""
    about = [effect for effect in model.effects if effect.arm in (None, arm)]
    ends = [NEVER if effect.weeks[1] is None else effect.weeks[1] for effect in about]
    edges = sorted({0.0, *(effect.weeks[0] for effect in about), *(end for end in ends if end < NEVER)})
    total = sum(place.weight for place in places)
    shares: dict[tuple[float, ...], float] = {}
    for place in places:
        ratios = [1.0 if arm == CONTROL else model.duration.hazard_ratio] * len(edges)
        for effect, end in zip(about, ends, strict=True):
            if not effect.municipalities or place.code in effect.municipalities:
                inside = [effect.weeks[0] <= edge < end for edge in edges]
                ratios = [r * effect.hazard_ratio if chosen else r for r, chosen in zip(ratios, inside, strict=True)]
        shares[tuple(ratios)] = shares.get(tuple(ratios), 0.0) + place.weight / total
    baseline = weibull(model.duration.weibull_shape, model.duration.weibull_scale_weeks)
    return Curve(baseline=baseline, weights=tuple(shares.values()), edges=tuple(edges), ratios=tuple(shares))


def exact_truth(model: SimulationModel, arm: str, places: Sequence[Place]) -> dict[str, Any]:
    """Return medians, means and hazard ratios of an arm against control, or why they have no exact form.

    Gaps are control minus treated, in weeks. Hazard ratios are of each stretch of weeks between two changes, where
    all the people have the same.
    """
    if reason := why_not_exact(model, arm, places):
        return {"exact": False, "reason": reason}
    control, treated = survival_curve(model, CONTROL, places), survival_curve(model, arm, places)
    return {
        "exact": True,
        "median_control_weeks": control.median(),
        "median_treated_weeks": treated.median(),
        "mean_gap_weeks": control.mean() - treated.mean(),
        "restricted_mean_gap_weeks": {
            str(h): control.restricted_mean(h) - treated.restricted_mean(h) for h in model.horizons_weeks
        },
        "hazard_ratios": _hazard_ratios(control, treated),
    }


def _hazard_ratios(control: Curve, treated: Curve) -> list[dict[str, float | None]] | None:
    if len(control.ratios) > 1 or len(treated.ratios) > 1:
        return None
    edges = sorted({*control.edges, *treated.edges})
    ratios = [_ratio_at(treated, edge) / _ratio_at(control, edge) for edge in edges]
    changes = [n for n in range(len(edges)) if n == 0 or ratios[n] != ratios[n - 1]]
    starts = [edges[n] for n in changes]
    return [
        {"from_week": start, "to_week": stop, "hazard_ratio": ratios[n]}
        for start, stop, n in zip(starts, [*starts[1:], None], changes, strict=True)
    ]


def _ratio_at(curve: Curve, week: float) -> float:
    return curve.ratios[0][int(np.searchsorted(curve.edges, week, side="right")) - 1]
