"""Where a trial's cases come from: a register extract or one file."""

from __future__ import annotations

from pathlib import Path

from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract import read_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.trials.cases import Cases
from analysis_lib.trials.definition import ALL, FileData, Trial
from analysis_lib.trials.file_cases import cases_from_file
from analysis_lib.trials.register_cases import cases_from_extract, trial_year
from analysis_lib.trials.spillover_cases import SpilloverCases, spillover_cases


def load_cases(
    trial: Trial,
    folder: Path | str,
    *,
    jobcentre: str = ALL,
    codes: Path | str | None = None,
    stratum: str | None = None,
) -> Cases:
    """Read the trial's cases from an extract (or from its file in the folder) and measure their outcomes.

    Of a register extract only the people of the trial's municipalities are read.

    Parameters
    ----------
    folder
        The extract.
    jobcentre
        One of the trial's, or `all`.
    codes
        The code list; by default the project's.
    stratum
        One of the trial's groups that are analysed apart; without, everybody.

    Raises
    ------
    DefinitionError
        Where the trial has no people (published numbers are read with `load_summary`), the jobcentre or the stratum is
        not the trial's, or the code list is not valid.
    DataError
        Where the data is not valid; one line a problem.
    """
    data = trial.check_people()
    trial.check_jobcentre(jobcentre)
    if stratum is not None:
        trial = trial.within(stratum)
    if isinstance(data, FileData):
        return cases_from_file(trial, data, Path(folder), stratum=stratum)
    jobcentres = read_jobcentres()
    municipalities = jobcentres.municipalities_of(data.jobcentres, trial_year(data, jobcentres))
    extract = read_extract(folder, municipalities=municipalities)
    known = read_codes(codes)
    return cases_from_extract(trial, extract, codes=known, jobcentres=jobcentres, jobcentre=jobcentre, stratum=stratum)


def load_spillover(trial: Trial, folder: Path | str, *, codes: Path | str | None = None) -> SpilloverCases:
    """Read the people of the plan's spillover from a register extract: the untreated of four cohorts.

    Parameters
    ----------
    folder
        The extract. It may lack the earlier weeks or the other areas: the cases then say so.
    codes
        The code list; by default the project's.

    Raises
    ------
    DefinitionError
        Where the plan does not ask for the spillover, or the code list is not valid.
    DataError
        Where the data is not valid.
    """
    return spillover_cases(trial, folder, codes=read_codes(codes), jobcentres=read_jobcentres())
