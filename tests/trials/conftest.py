"""Simulated trials, drawn in memory."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract import Extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.layout import Description
from analysis_lib.register.simulation import simulate_register
from analysis_lib.register.spells import spells_from_weeks
from analysis_lib.register.weeks import week_label
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.design import assigned_by_rule
from analysis_lib.trials.register_cases import cases_from_extract


@dataclass(frozen=True)
class DrawnTrial:
    cases: Cases
    truth: dict[str, Any]


@pytest.fixture(scope="session")
def draw_hig():
    """Return a function that draws the HIG register of a seed and finds its cases."""
    trial, codes, jobcentres = read_trial("hig"), read_codes(), read_jobcentres()

    def draw(seed):
        register = simulate_register(
            trial.simulation, assigned=partial(assigned_by_rule, trial.assignment), codes=codes,
            jobcentres=jobcentres, rng=np.random.default_rng(seed),
        )  # fmt: skip
        spells = spells_from_weeks(
            register.codes, first_week=register.first_week, person_id=register.persons["person_id"].to_numpy()
        )
        description = Description(
            first_week=week_label(register.first_week), n_weeks=spells.n_weeks, persons=len(register.persons),
            code_weeks={}, municipalities={},
        )  # fmt: skip
        extract = Extract(persons=register.persons, spells=spells, path=Path("drawn"), description=description)
        cases = cases_from_extract(trial, extract, codes=codes, jobcentres=jobcentres)
        return DrawnTrial(cases=cases, truth=register.truth)

    return draw
