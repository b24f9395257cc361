"""A simulated register, the code list and the jobcentres, each made once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from analysis_lib.parameters import check_definition, read_yaml
from analysis_lib.register.codes import read_codes
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.simulation import SimulationModel, simulate_register

HIG = Path(__file__).parents[2] / "parameters" / "trials" / "hig.yml"
PERSONS = 2000
SEED = 20051101


def born_1_to_15(people):
    return (people["birth_date"].dt.day <= 15).to_numpy()


@pytest.fixture(scope="session")
def codes():
    return read_codes()


@pytest.fixture(scope="session")
def jobcentres():
    return read_jobcentres()


@pytest.fixture(scope="session")
def model():
    """The trial's own people; test_simulation_spillover.py draws the others."""
    content = {key: value for key, value in read_yaml(HIG)["simulation"].items() if key != "spillover"}
    return check_definition(content, SimulationModel, str(HIG))


@pytest.fixture(scope="session")
def simulate(model, codes, jobcentres):
    """Return a function that simulates 2,000 eligible people, treated when born on days 1-15, from a seed."""

    def run(seed=SEED, *, of=model, assigned=born_1_to_15, persons=PERSONS):
        rng = np.random.default_rng(seed)
        return simulate_register(of, assigned=assigned, codes=codes, jobcentres=jobcentres, rng=rng, persons=persons)

    return run


@pytest.fixture(scope="session")
def simulated(simulate):
    return simulate()


@pytest.fixture(scope="session")
def remake(model):
    """Return a function that makes HIG's model anew with other parts, checked as when it is read from a file.

    Contacts, returns and groups of the truth are left out unless given.
    """

    def make(**parts):
        left_out = {"contacts": [], "recurrence": None, "truth_groups": [], "truth_outcomes": {}}
        content = json.loads(model.model_dump_json()) | left_out
        content["sites"] = [{"code": code, "weight": 1.0} for code in (320, 370, 510)]
        return SimulationModel.model_validate_json(json.dumps(content | parts))

    return make
