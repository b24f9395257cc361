"""A trial's cases read from one file with outcomes already measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from analysis_lib.errors import DataError
from analysis_lib.parameters import suggest
from analysis_lib.results import Message
from analysis_lib.trials.cases import Cases, count_flow
from analysis_lib.trials.definition import ALL, FileData, MeasuredDuration, MeasuredMean, RecordedArm, Trial
from analysis_lib.trials.design import recorded_design
from analysis_lib.trials.outcomes import measure_column


def cases_from_file(trial: Trial, data: FileData, folder: Path) -> Cases:
    """Read the cases of a trial whose outcomes are already measured in one file of the folder.

    Raises
    ------
    DataError
        Where the file is missing, empty or not a table, lacks a column, or holds what is not a number; one line a
        problem.
    """
    rule = trial.assignment
    if not isinstance(rule, RecordedArm):
        raise DataError(f"trial {trial.id}: cases of a file need a recorded arm")
    path = folder / data.file
    frame = _read_columns(path, data, _columns_used(trial))
    design = recorded_design(rule, frame, data.file)
    outcomes = {
        outcome.id: measure_column(outcome, frame, data.file)
        for outcome in trial.outcomes
        if isinstance(outcome, MeasuredMean | MeasuredDuration)
    }
    nobody = np.zeros(len(frame), dtype=bool)
    return Cases(
        trial=trial,
        jobcentre=ALL,
        frame=frame,
        design=design,
        outcomes=outcomes,
        flow=count_flow(Message("people in the trial's file"), ~nobody, (), design, outcomes),
        site_flows={},
        observed_to="",
        simulated=False,
    )


def _columns_used(trial: Trial) -> list[str]:
    columns = [covariate.column for covariate in trial.covariates] + [group.column for group in trial.subgroups]
    measured = [o for o in trial.outcomes if isinstance(o, MeasuredMean | MeasuredDuration)]
    columns += [outcome.column for outcome in measured]
    if isinstance(trial.assignment, RecordedArm):
        columns += [trial.assignment.column, *([trial.assignment.block] if trial.assignment.block else [])]
    return list(dict.fromkeys(columns))


def _read_columns(path: Path, data: FileData, wanted: list[str]) -> pd.DataFrame:
    separator = {"blank": r"\s+", "comma": ",", "semicolon": ";"}[data.separator]
    try:
        frame = pd.read_csv(path, sep=separator, decimal="," if data.separator == "semicolon" else ".")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; docs/data.md says where to get it") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: the file is empty; must have a header line and one line a person") from None
    except (pd.errors.ParserError, UnicodeDecodeError, OSError) as error:
        raise DataError(f"{path}: cannot be read as {data.separator}-separated text ({error})") from None
    missing = [f"{path}: there is no column '{c}'{suggest(c, frame.columns)}" for c in wanted if c not in frame]
    if missing:
        raise DataError("\n".join(missing))
    if frame.empty:
        raise DataError(f"{path}: has a header but no rows; must have one line a person")
    problems = [problem for column in wanted if (problem := _not_a_number(frame[column], path.name))]
    if problems:
        raise DataError("\n".join(problems))
    return frame[wanted]


def _not_a_number(column: pd.Series[float], file: str) -> str:
    wrong = ~np.isfinite(pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64))
    if not wrong.any():
        return ""
    row = int(np.flatnonzero(wrong)[0])
    found = "empty" if pd.isna(column.iloc[row]) else f"'{column.iloc[row]}'"
    return f"{file}: column '{column.name}', row {row + 1} is {found} ({int(wrong.sum())} such rows); must be a number"
