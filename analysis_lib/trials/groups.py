"""Who is in a group: subgroups, and strata that are analysed apart."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.errors import DataError, DefinitionError
from analysis_lib.parameters import suggest
from analysis_lib.results import Message
from analysis_lib.trials.definition import Group, Trial

Chosen = NDArray[np.bool_]
OTHER_STRATUM = Message("not in the group that is analysed here")


def members(values: pd.Series[float], group: Group) -> Chosen:
    """Return who is in the group, shape (n,)."""
    if group.values is not None:
        return values.isin(list(group.values)).to_numpy(dtype=bool)
    lowest = -np.inf if group.lowest is None else group.lowest
    highest = np.inf if group.highest is None else group.highest
    return values.between(lowest, highest).to_numpy(dtype=bool)


def stratum_members(trial: Trial, frame: pd.DataFrame, stratum: str, where: str) -> Chosen:
    """Return who is in a stratum of the trial, shape (n,).

    Parameters
    ----------
    frame
        (n, columns) the cases.
    where
        What errors call the data.

    Raises
    ------
    DefinitionError
        Where the trial has no such stratum, or two strata have people in common.
    DataError
        Where the data has no column for the strata.
    """
    own = trial.stratum(stratum)
    if trial.strata is None or trial.strata.column not in frame:
        column = trial.strata.column if trial.strata else ""
        raise DataError(
            f"{where}: strata of trial {trial.id} ask for column '{column}', which is not there"
            f"{suggest(column, frame.columns)} (there are: {', '.join(frame.columns)})"
        )
    values = frame[trial.strata.column]
    if len(frame) and np.sum([members(values, group) for group in trial.strata.groups], axis=0).max() > 1:
        raise DefinitionError(f"trial {trial.id}: groups of strata have people in common; must not overlap")
    return members(values, own)
