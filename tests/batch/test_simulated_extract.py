import json

import pytest

from analysis_lib.batch.simulated_extract import write_simulated_extract
from analysis_lib.errors import DefinitionError
from analysis_lib.register.extract import read_extract
from analysis_lib.trials.definition import read_trial


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_seed_of_the_trial_decides_what_is_drawn(tmp_path):
    seed = read_trial("hig").inference.seed
    first = files(write_simulated_extract("hig", tmp_path / "a", persons=50))
    assert {name.rpartition("/")[2] for name in first} == {
        "extract.json", "persons.parquet", "spells.parquet", "truth.json"
    }  # fmt: skip
    assert files(write_simulated_extract("hig", tmp_path / "b", persons=50)) == first
    assert files(write_simulated_extract("hig", tmp_path / "c", persons=50, seed=seed)) == first
    assert files(write_simulated_extract("hig", tmp_path / "d", persons=50, seed=seed + 1)) != first


def test_the_number_of_people_is_asked_for_or_the_definitions(tmp_path):
    folder = write_simulated_extract("hig", tmp_path / "a", persons=50)
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["counts"]["eligible"] == 50
    assert len(read_extract(folder).persons) > 50  # others come on top


def test_a_trial_without_a_simulation_is_refused(tmp_path):
    with pytest.raises(DefinitionError, match="trial nsw has no simulation"):
        write_simulated_extract("nsw", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
