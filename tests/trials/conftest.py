"""Simulated trials, drawn in memory."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract import Extract
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.layout import Description
from analysis_lib.register.simulation import simulate_register
from analysis_lib.register.spells import spells_from_weeks
from analysis_lib.register.weeks import week_index, week_label
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
            trial.simulation, assigned=lambda people: assigned_by_rule(trial.assignment, people["birth_date"]), codes=codes,
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


@pytest.fixture
def write_register(tmp_path):
    """Return a function that writes an extract of people whose weeks are given as (first week, last week, code)."""

    def write(people, *, first, last, contacts=None, name="extract"):
        start, width = week_index(first), week_index(last) - week_index(first) + 1
        codes = np.zeros((len(people), width), dtype=np.int16)
        for row, (_, weeks) in zip(codes, people, strict=True):
            for begin, end, code in weeks:
                row[week_index(begin) - start : week_index(end) - start + 1] = code
        plain = {
            "birth_date": pd.Timestamp("1970-03-10"), "sex": "woman", "municipality": 370, "education": "vocational",
            "origin": "danish", "married": True, "children": False,
        }  # fmt: skip
        persons = pd.DataFrame([{"person_id": f"p{n:02d}"} | plain | facts for n, (facts, _) in enumerate(people)])
        persons["birth_date"] = pd.to_datetime(persons["birth_date"])
        return write_extract(tmp_path / name, persons=persons, codes=codes, first_week=start, contacts=contacts)

    return write
