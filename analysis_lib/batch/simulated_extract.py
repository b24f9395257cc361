"""Write a made-up register extract for a trial, with what the simulation knows to be true."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from analysis_lib.errors import DefinitionError
from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.simulation import simulate_register
from analysis_lib.trials.definition import BirthDayRule, read_trial
from analysis_lib.trials.design import assigned_by_rule


def write_simulated_extract(
    trial: str | Path, folder: Path | str, *, persons: int | None = None, seed: int | None = None
) -> Path:
    """Draw a register in which the trial's own assignment rule decides who is treated, write it and return its folder.

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
        Where the trial is not valid, or has no simulation.
    OutputError
        Where the folder cannot be written, or holds other things.
    """
    definition = read_trial(trial)
    if definition.simulation is None or not isinstance(definition.assignment, BirthDayRule):
        raise DefinitionError(
            f"trial {definition.id} has no simulation; must have one, and be assigned by day of birth"
        )
    register = simulate_register(
        definition.simulation,
        persons=persons,
        assigned=partial(assigned_by_rule, definition.assignment),
        codes=read_codes(),
        jobcentres=read_jobcentres(),
        rng=np.random.default_rng(definition.inference.seed if seed is None else seed),
    )
    return write_extract(
        folder, persons=register.persons, codes=register.codes, first_week=register.first_week, truth=register.truth
    )
