"""Where a trial's cases come from: a register extract or one file."""

from __future__ import annotations

from pathlib import Path

from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract import read_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import ALL, FileData, Trial
from analysis_lib.trials.file_cases import cases_from_file
from analysis_lib.trials.register_cases import cases_from_extract


def load_cases(trial: Trial, folder: Path | str, *, jobcentre: str = ALL) -> Cases:
    """Read the trial's cases from an extract (or from its file in the folder) and measure their outcomes.

    Raises
    ------
    DefinitionError
        Where the jobcentre is not the trial's.
    DataError
        Where the data is not valid; one line a problem.
    """
    trial.check_jobcentre(jobcentre)
    if isinstance(trial.data, FileData):
        return cases_from_file(trial, trial.data, Path(folder))
    codes, jobcentres = read_codes(), read_jobcentres()
    extract = read_extract(folder, codes=codes, jobcentres=jobcentres)
    return cases_from_extract(trial, extract, codes=codes, jobcentres=jobcentres, jobcentre=jobcentre)
