"""Write a made-up register extract for a trial, with what the simulation knows to be true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.errors import DefinitionError
from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.jobcentres import Jobcentres, read_jobcentres
from analysis_lib.register.simulation import simulate_register
from analysis_lib.trials.definition import (
    CONTROL,
    BirthDayRule,
    BirthYearParity,
    NotRandomised,
    RegisterData,
    Trial,
    read_trial,
)
from analysis_lib.trials.design.rules import arms_by_rule
from analysis_lib.trials.register_cases import trial_year


def write_simulated_extract(
    trial: str | Path, folder: Path | str, *, persons: int | None = None, seed: int | None = None
) -> Path:
    """Draw a register in which the trial's own assignment rule decides who is in which arm, and return its folder.

    Parameters
    ----------
    trial
        The trial's id, or its file.
    folder
        Where the extract goes; an earlier extract there is replaced.
    persons
        Eligible people, in place of the number of the trial's simulation.
    seed
        In place of the seed of the trial's inference.

    Raises
    ------
    DefinitionError
        Where the trial is not valid, has no simulation, or is simulated with other arms than it has.
    OutputError
        Where the folder cannot be written, or holds other things.
    """
    definition, jobcentres = read_trial(trial), read_jobcentres()
    if definition.simulation is None:
        raise DefinitionError(f"trial {definition.id} has no simulation; must have one")
    _check_arms(definition)
    randomised = not isinstance(definition.assignment, NotRandomised)
    register = simulate_register(
        definition.simulation,
        persons=persons,
        assigned=(lambda people: arms_of_people(definition, people, jobcentres)) if randomised else None,
        codes=read_codes(),
        jobcentres=jobcentres,
        rng=np.random.default_rng(definition.inference.seed if seed is None else seed),
    )
    return write_extract(
        folder, persons=register.persons, codes=register.codes, first_week=register.first_week, truth=register.truth,
        contacts=register.contacts,
    )  # fmt: skip


def arms_of_people(trial: Trial, people: pd.DataFrame, jobcentres: Jobcentres) -> NDArray[np.object_]:
    """Return the arm that a trial's rule gives each of the people, control outside its sites; shape (n,).

    Parameters
    ----------
    people
        One row a person, with `birth_date` and `municipality`.

    Raises
    ------
    DefinitionError
        Where the trial does not assign people of a register by their birth.
    """
    data, rule = trial.data, trial.assignment
    if not isinstance(data, RegisterData) or not isinstance(rule, BirthDayRule | BirthYearParity):
        raise DefinitionError(
            f"trial {trial.id} has assignment.rule {rule.rule}; must be one of birth, to be simulated"
        )
    site_of = {jobcentre: site.id for site in data.sites for jobcentre in site.jobcentres}
    home = jobcentres.jobcentres_of(people["municipality"].to_numpy(), trial_year(data, jobcentres))
    inside = np.isin(home, list(site_of))
    arms = np.full(len(people), CONTROL, dtype=object)
    sites = [site_of[jobcentre] for jobcentre in home[inside]]
    arms[inside] = arms_by_rule(rule, people["birth_date"][inside], sites)
    return arms


def _check_arms(trial: Trial) -> None:
    """Raise where the simulation's arms are not the trial's."""
    simulated = {arm.id for arm in trial.simulation.arms} if trial.simulation else set()
    named = {arm.id for arm in trial.assignment.arms} - {CONTROL}
    if simulated != named:
        raise DefinitionError(
            f"trial {trial.id}: simulation.arms are {', '.join(sorted(simulated)) or 'none'}; "
            f"must be those of the assignment, {', '.join(sorted(named)) or 'none'}"
        )
