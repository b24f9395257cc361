"""Whether the trial touched those who were not treated."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from analysis_lib.errors import DefinitionError, NotEstimable
from analysis_lib.results import Estimate, Message, Results
from analysis_lib.trials.evaluation.effects import unit_of
from analysis_lib.trials.spillover import county_difference_in_differences
from analysis_lib.trials.spillover_cases import SpilloverCases

SPILLOVER = Message("change for the untreated against areas without the trial")


def estimate_spillover(cases: SpilloverCases, *, rng: np.random.Generator) -> Results:
    """Carry out the plan's differences-in-differences of the untreated.

    Parameters
    ----------
    rng
        Draws the choices of areas where there are more of them than the plan's draws.

    Returns
    -------
    Results
        The estimate with its randomisation test over areas, and the same with CR2 by area; or one empty row with the
        reason.
    """
    trial, people = cases.trial, cases.frame
    plan, draws, level = trial.spillover, trial.inference.randomization_draws, trial.inference.level
    if plan is None or draws is None:
        raise DefinitionError(f"trial {trial.id} has no spillover in its plan; must have one to be looked for")
    names: dict[str, Any] = {"outcome": plan.outcome, "estimand": SPILLOVER, "unit": unit_of(trial, plan.outcome)}
    try:
        if cases.reason is not None:
            raise NotEstimable(cases.reason)
        least = trial.inference.min_per_arm
        if cases.fewest < least:
            raise NotEstimable(Message("fewer than {n} people before or during the trial, there or elsewhere", n=least))
        found = county_difference_in_differences(
            people["value"], people["area"], people["exposed"], people["after"], weight=plan.weight, level=level,
            draws=draws, rng=rng,
        )  # fmt: skip
    except NotEstimable as error:
        return Results([Estimate.empty(reason=error.args[0], level=level, **names)])
    left_out = [_absent(cases)] if cases.absent else []
    return Results(replace(row, note=Message.join([row.note, *left_out]), **names) for row in found.estimates)


def _absent(cases: SpilloverCases) -> Message:
    """Return the note on areas left out, by the ids that a report has names for."""
    names = Message.join([Message(area) for area in cases.absent], separator=", ")
    return Message("left out, without people before or during the trial: {names}", names=names)
