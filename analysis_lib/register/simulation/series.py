"""The expected weekly share of people in some states, with a break and without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis_lib.register.codes import CodeList
from analysis_lib.register.simulation.latent import Cohort, draw_latent, streams
from analysis_lib.register.simulation.model import SimulationModel, TruthSeries
from analysis_lib.register.simulation.parts import CONTROL, INELIGIBLE, Effect
from analysis_lib.register.simulation.people import draw_people
from analysis_lib.register.simulation.weekly import find_exits, weekly_codes
from analysis_lib.register.weeks import week_label

FloatArray = NDArray[np.float64]
# People drawn at a time: keeps their weeks in memory.
CHUNK = 10_000


def without_break(model: SimulationModel) -> SimulationModel:
    """Return the model without the effects of the break."""

    def kept(effects: Sequence[Effect]) -> tuple[Effect, ...]:
        return tuple(effect for effect in effects if not effect.of_break)

    others = tuple(other.model_copy(update={"effects": kept(other.effects)}) for other in model.other_exits)
    again = model.recurrence
    if again is not None:
        changed = {"return_effects": kept(again.return_effects), "exit_effects": kept(again.exit_effects)}
        again = again.model_copy(update=changed)
    return model.model_copy(update={"effects": kept(model.effects), "other_exits": others, "recurrence": again})


def series_truth(
    model: SimulationModel, series: TruthSeries, codes: CodeList, rng: np.random.Generator
) -> dict[str, Any]:
    r"""Return the expected series with and without the break, and the level and slope of their difference.

    Both are averages over people drawn for it, the same in both; in each week over those still observed. With
    :math:`d_w` the difference and W the break's week, level and slope are the least squares fit of
    :math:`d_w = level + slope (w - W)` over the weeks from W on; `segmented` is the same regression on the expected
    series itself, with a level and a slope before the break, which is what an analysis without the other series can
    find: it differs where the series without the break is not a straight line.
    """
    since = _since(series)
    shares, errors = _shares(model, series, codes, rng)
    level, slope = _line(since) @ (shares[1] - shares[0])[since >= 0]
    design = np.stack([np.ones(len(since)), since, since >= 0, np.maximum(since, 0)], axis=1).astype(np.float64)
    segmented = np.linalg.lstsq(design, shares[1], rcond=None)[0]
    return {
        "first_week": week_label(series.first_week),
        "break_week": week_label(series.break_week),
        "expected_share": shares[1].tolist(),
        "expected_share_without_break": shares[0].tolist(),
        "mean_share_before": float(shares[1][since < 0].mean()),
        "level_change": float(level),
        "slope_change_per_week": float(slope),
        "std_error": {"level_change": float(errors[0]), "slope_change_per_week": float(errors[1])},
        "segmented": {"level_change": float(segmented[2]), "slope_change_per_week": float(segmented[3])},
        "persons": series.persons,
    }


def _since(series: TruthSeries) -> NDArray[np.int64]:
    return np.arange(series.first_week, series.last_week + 1) - series.break_week


def _line(since: NDArray[np.int64]) -> FloatArray:
    """Return the matrix that makes level and slope of the values from the break on, shape (2, weeks)."""
    after = since[since >= 0]
    line: FloatArray = np.linalg.pinv(np.stack([np.ones(len(after)), after], axis=1))
    return line


def _shares(
    model: SimulationModel, series: TruthSeries, codes: CodeList, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Return the shares without and with the break, shape (2, weeks), and the standard errors of level and slope."""
    columns = np.arange(series.first_week, series.last_week + 1) - model.span.first_week
    since = _since(series)
    everybody = model.ineligible.model_copy(update=dict.fromkeys(INELIGIBLE, 0.0))
    with_break = model.model_copy(update={"ineligible": everybody})
    models = (without_break(with_break), with_break)
    counted = codes.codes_of(series.states)
    sums, observed, line = np.zeros((2, len(columns))), np.zeros(len(columns)), _line(since)
    moments = np.zeros((2, 2))
    for begin in range(0, series.persons, CHUNK):
        people = draw_people(with_break, min(CHUNK, series.persons - begin), rng)
        cohort = Cohort(model=with_break, people=people, latent=draw_latent(with_break, people, rng, streams(rng)))
        seen = columns < find_exits(cohort, CONTROL).final[:, None]
        both = (weekly_codes(replace(cohort, model=one), CONTROL)[:, columns] for one in models)
        inside = [np.isin(matrix, counted) & seen for matrix in both]
        sums += [chosen.sum(axis=0) for chosen in inside]
        observed += seen.sum(axis=0)
        gains = (inside[1].astype(np.float64) - inside[0])[:, since >= 0] @ line.T
        moments += [gains.sum(axis=0), (gains**2).sum(axis=0)]
    mean, square = moments / series.persons
    return sums / observed, np.sqrt((square - mean**2) / series.persons)
