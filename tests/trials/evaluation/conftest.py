"""Simulated extracts with contacts, read as cases."""

import pytest

from analysis_lib.batch.simulated_extract import write_simulated_extract
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.sources import load_cases


@pytest.fixture(scope="session")
def hig_cases(tmp_path_factory):
    folder = write_simulated_extract("hig", tmp_path_factory.mktemp("evaluation") / "hig", persons=1500, seed=3)
    return load_cases(read_trial("hig"), folder)


@pytest.fixture(scope="session")
def aht_cases(tmp_path_factory):
    folder = write_simulated_extract("aht", tmp_path_factory.mktemp("evaluation") / "aht")
    return load_cases(read_trial("aht"), folder)
