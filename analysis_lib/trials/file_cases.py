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
from analysis_lib.trials.groups import OTHER_STRATUM, stratum_members
from analysis_lib.trials.outcomes import Measured, measure_column


def cases_from_file(trial: Trial, data: FileData, folder: Path, *, stratum: str | None = None) -> Cases:
    """Read the cases of a trial whose outcomes are already measured in one file of the folder.

    Parameters
    ----------
    folder
        Where the file is.
    stratum
        One of the groups that are analysed apart; without, everybody.

    Raises
    ------
    DefinitionError
        Where the trial has no such stratum.
    DataError
        Where the file is missing, empty or not a table, lacks a column, or holds what is not a number; one line a
        problem.
    """
    rule = trial.assignment
    if not isinstance(rule, RecordedArm):
        raise DataError(f"trial {trial.id}: cases of a file need a recorded arm")
    path = folder / data.file
    numbers, texts = _columns_used(trial, rule)
    whole = _read_columns(path, data, numbers, texts)
    inside = np.full(len(whole), True) if stratum is None else stratum_members(trial, whole, stratum, data.file)
    design = recorded_design(rule, whole, data.file).take(inside)
    frame = whole[inside].reset_index(drop=True)
    outcomes: dict[str, Measured] = {
        outcome.id: measure_column(outcome, frame, data.file)
        for outcome in trial.outcomes
        if isinstance(outcome, MeasuredMean | MeasuredDuration)
    }
    start = Message("people in the trial's file")
    left_out = () if stratum is None else ((OTHER_STRATUM, ~inside),)
    return Cases(
        trial=trial,
        jobcentre=ALL,
        frame=frame,
        design=design,
        outcomes=outcomes,
        flow=count_flow(start, np.full(len(whole), True), left_out, design, outcomes),
        site_flows={},
        observed_to="",
        simulated=False,
        stratum=stratum or "",
    )


def _columns_used(trial: Trial, rule: RecordedArm) -> tuple[list[str], list[str]]:
    """Return the columns that must be numbers, and those that may be text: categories, arms, groups named by text."""
    measured = [o for o in trial.outcomes if isinstance(o, MeasuredMean | MeasuredDuration)]
    numbers = [c.column for c in trial.covariates if c.kind != "category"] + [o.column for o in measured]
    numbers += [o.event for o in measured if isinstance(o, MeasuredDuration) and o.event]
    texts = [c.column for c in trial.covariates if c.kind == "category"]
    divisions = [(division.column, division.groups) for division in trial.subgroups]
    divisions += [(trial.strata.column, trial.strata.groups)] if trial.strata else []
    for column, groups in divisions:
        words = any(isinstance(value, str) for group in groups for value in group.values or ())
        (texts if words else numbers).append(column)
    words = any(isinstance(arm.value, str) for arm in rule.arms)
    (texts if words else numbers).append(rule.column)
    texts += [column for column in (rule.block, rule.unit) if column]
    return list(dict.fromkeys(numbers)), list(dict.fromkeys(texts))


def _read_columns(path: Path, data: FileData, numbers: list[str], texts: list[str]) -> pd.DataFrame:
    wanted = list(dict.fromkeys([*numbers, *texts]))
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
    problems = [problem for column in numbers if (problem := _not_a_number(frame[column], path.name))]
    problems += [problem for column in texts if (problem := _blank(frame[column], path.name))]
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


def _blank(column: pd.Series[str], file: str) -> str:
    wrong = column.isna().to_numpy()
    if not wrong.any():
        return ""
    row = int(np.flatnonzero(wrong)[0]) + 1
    return f"{file}: column '{column.name}', row {row} is empty ({int(wrong.sum())} such rows); must be known"
