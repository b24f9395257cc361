import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis_lib.batch.simulated_extract import arms_of_people, write_simulated_extract
from analysis_lib.errors import DefinitionError
from analysis_lib.parameters import read_yaml
from analysis_lib.register.extract import read_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.sources import load_cases

TRIALS = Path(__file__).parents[2] / "parameters" / "trials"
SIMULATED = sorted(path.stem for path in TRIALS.glob("*.yml") if "simulation" in read_yaml(path))


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_seed_of_the_trial_decides_what_is_drawn(tmp_path):
    trial = read_trial("hig")
    seed = trial.inference.seed
    first = files(write_simulated_extract("hig", tmp_path / "a", persons=50))
    names = {name.rpartition("/")[2] for name in first}
    assert names - {"contacts.parquet"} == {"extract.json", "persons.parquet", "spells.parquet", "truth.json"}
    assert ("contacts.parquet" in names) == bool(trial.simulation.contacts)
    assert files(write_simulated_extract("hig", tmp_path / "b", persons=50)) == first
    assert files(write_simulated_extract("hig", tmp_path / "c", persons=50, seed=seed)) == first
    assert files(write_simulated_extract("hig", tmp_path / "d", persons=50, seed=seed + 1)) != first


def test_the_number_of_people_is_asked_for_or_the_definitions(tmp_path):
    folder = write_simulated_extract("hig", tmp_path / "a", persons=50)
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["counts"]["eligible"] == 50
    assert len(read_extract(folder).persons) > 50  # others come on top


@pytest.fixture(scope="module", params=SIMULATED)
def drawn(request, tmp_path_factory):
    """Each trial with a simulation: its cases in a register of it, and what is true of that."""
    folder = write_simulated_extract(request.param, tmp_path_factory.mktemp("drawn") / request.param, persons=400)
    trial = read_trial(request.param)
    return trial, load_cases(trial, folder), json.loads((folder / "truth.json").read_text())


def test_the_trials_rules_find_the_eligible_in_their_arms_and_nobody_else(drawn):
    trial, cases, truth = drawn
    assert len(cases) == truth["counts"]["eligible"] == 400
    if trial.randomised:
        for arm in trial.assignment.arms:
            assert np.sum(cases.design.arm == arm.id) == truth["counts"][arm.id]


def test_every_jobcentre_of_the_trial_has_people(drawn):
    trial, cases, truth = drawn
    assert set(cases.frame["jobcentre"]) == set(trial.data.jobcentres)
    for arm in truth["arms"].values():
        assert set(arm["jobcentres"]) <= set(trial.data.jobcentres)


def test_the_truth_is_of_the_trials_strata_and_outcomes(drawn):
    """What the trial analyses by stratum has its truth by stratum."""
    trial, _, truth = drawn
    for arm in truth["arms"].values():
        assert set(trial.stratum_ids) <= set(arm["groups"])
        assert arm["average_effects"]["benefit"]


def test_people_outside_the_sites_are_controls():
    trial, jobcentres = read_trial("hig"), read_jobcentres()
    born = pd.to_datetime(["1970-03-15", "1970-03-16", "1970-03-01"])
    people = pd.DataFrame({"birth_date": born, "municipality": [370, 510, 461]})
    assert arms_of_people(trial, people, jobcentres).tolist() == ["treated", "control", "control"]


def test_a_trial_without_a_simulation_is_refused(tmp_path):
    with pytest.raises(DefinitionError, match="trial nsw has no simulation"):
        write_simulated_extract("nsw", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_other_arms_than_the_trials_are_refused(tmp_path):
    text = (TRIALS / "hig.yml").read_text(encoding="utf-8")
    before, after = text.split("\nsimulation:\n")
    changed = tmp_path / "hig.yml"
    other = after.replace("arm: treated", "arm: other").replace("  span:", "  arms: [{id: other}]\n  span:", 1)
    changed.write_text(f"{before}\nsimulation:\n{other}", encoding="utf-8")
    with pytest.raises(
        DefinitionError, match="trial hig: simulation.arms are other; must be those of the assignment, treated"
    ):
        write_simulated_extract(changed, tmp_path / "a")
    assert not (tmp_path / "a").exists()
