"""The job of `register.py`, done by the library, by pandas and by DuckDB.

Who begins a spell of the state in a year after 4 weeks without it, their weeks in it in the 52 weeks that follow, and
their first 4 blank weeks in a row.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis_lib.register.states import Spells, first_run, inflow, weeks_in_state

Numbers = NDArray[Any]

N_WEEKS, FIRST_WEEK = 600, 104_000
FROM_WEEK, TO_WEEK, FREE_WEEKS = 260, 311, 4
WEEKS_AFTER, MIN_WEEKS = 52, 4


class Answer(NamedTuple):
    """Per entrant, by person: row, week of entry, weeks in the state after it, first run's week (-1: none)."""

    person: Numbers
    week: Numbers
    weeks: Numbers
    run: Numbers


def library_job(codes: Numbers | Spells, state: Numbers) -> Answer:
    """Do the job with the library, on a matrix or on runs."""
    person, week = inflow(codes, state, from_week=FROM_WEEK, to_week=TO_WEEK, free_weeks=FREE_WEEKS)
    own = codes.take(person) if isinstance(codes, Spells) else codes[person]
    weeks = weeks_in_state(own, state, start=week, length=WEEKS_AFTER)
    run = first_run(own, [0], start=week, min_weeks=MIN_WEEKS)
    return Answer(person, week, weeks, np.where(run.found, run.week, -1))


def pandas_job(wide: pd.DataFrame, state: Numbers, *, narrow: bool) -> Answer:
    """Do the job with melt and groupby: over all weeks, or (`narrow`) over only the columns and rows asked about."""
    window = list(range(FROM_WEEK - FREE_WEEKS, TO_WEEK + 1))
    if narrow:
        entry = _pandas_entries(_pandas_long(wide[["person_id", *window]], state))
        entrants = _pandas_long(wide[wide["person_id"].isin(entry.index)], state)
    else:
        entrants = _pandas_long(wide, state)
        entry = _pandas_entries(entrants)
    after = entrants.merge(entry.rename("entry"), left_on="person_id", right_index=True)
    after = after[after["week"] >= after["entry"]]
    weeks = after[after["week"] < after["entry"] + WEEKS_AFTER].groupby("person_id")["inside"].sum()
    blank = after["code"] == 0
    run = (blank != blank.groupby(after["person_id"]).shift()).cumsum()
    runs = after[blank].groupby(["person_id", run[blank]])["week"].agg(["min", "size"])
    first = runs[runs["size"] >= MIN_WEEKS].groupby("person_id")["min"].min()
    first = first.reindex(entry.index, fill_value=-1)
    return Answer(*(np.asarray(part) for part in (entry.index, entry, weeks, first)))


def _pandas_long(wide: pd.DataFrame, state: Numbers) -> pd.DataFrame:
    long = wide.melt(id_vars="person_id", var_name="week", value_name="code").astype({"week": np.int16})
    long = long.sort_values(["person_id", "week"], ignore_index=True)
    return long.assign(inside=long["code"].isin(state))


def _pandas_entries(long: pd.DataFrame) -> pd.Series[int]:
    """Return the week of entry by person."""
    total = long.groupby("person_id")["inside"].cumsum()
    by_person = total.groupby(long["person_id"])
    before = by_person.shift(1, fill_value=0) - by_person.shift(1 + FREE_WEEKS, fill_value=0)
    new = long["inside"] & (before == 0) & long["week"].between(FROM_WEEK, TO_WEEK)
    return long[new].groupby("person_id")["week"].min()


def duckdb_job(base: duckdb.DuckDBPyConnection, state: Numbers, *, narrow: bool) -> Answer:
    """Do the job in SQL with UNPIVOT and window functions; `narrow` unpivots only the columns asked about."""
    first, every = FROM_WEEK - FREE_WEEKS, [f'"{week}"' for week in range(N_WEEKS)]
    asked, codes = every[first : TO_WEEK + 1] if narrow else every, ", ".join(map(str, state))
    base.execute(f"""
        CREATE OR REPLACE TEMP TABLE entry AS
        WITH long AS (
            SELECT person_id, week::SMALLINT AS week, code IN ({codes}) AS inside
            FROM (UNPIVOT wide ON {", ".join(asked)} INTO NAME week VALUE code)
        ), marked AS (
            SELECT *, coalesce(sum(inside::INT) OVER (
                PARTITION BY person_id ORDER BY week ROWS BETWEEN {FREE_WEEKS} PRECEDING AND 1 PRECEDING), 0) AS before
            FROM long WHERE week BETWEEN {first} AND {TO_WEEK}
        )
        SELECT person_id, min(week) AS entry FROM marked
        WHERE inside AND before = 0 AND week >= {FROM_WEEK} GROUP BY person_id""")
    source = f"(SELECT person_id, {', '.join(every)} FROM wide SEMI JOIN entry USING (person_id))" if narrow else "wide"
    found = base.execute(f"""
        WITH after AS (
            SELECT person_id, week::SMALLINT AS week, code, entry
            FROM (UNPIVOT {source} ON {", ".join(every)} INTO NAME week VALUE code) JOIN entry USING (person_id)
            WHERE week::SMALLINT >= entry
        ), totals AS (
            SELECT person_id, any_value(entry) AS entry,
                   count(*) FILTER (code IN ({codes}) AND week < entry + {WEEKS_AFTER}) AS weeks
            FROM after GROUP BY person_id
        ), islands AS (
            SELECT person_id, week, week - row_number() OVER (PARTITION BY person_id ORDER BY week) AS island
            FROM after WHERE code = 0
        ), runs AS (
            SELECT person_id, min(week) AS begins FROM islands
            GROUP BY person_id, island HAVING count(*) >= {MIN_WEEKS}
        ), firsts AS (SELECT person_id, min(begins) AS run FROM runs GROUP BY person_id)
        SELECT person_id, entry, weeks, coalesce(run, -1) AS run
        FROM totals LEFT JOIN firsts USING (person_id) ORDER BY person_id""").fetchnumpy()
    return Answer(*(np.asarray(found[name]) for name in ("person_id", "entry", "weeks", "run")))


def check_same(answers: dict[str, Answer]) -> int:
    """Raise where a method's answer differs from the first one's; return the number of entrants."""
    (name, wanted), *others = answers.items()
    for other, got in others:
        for part, a, b in zip(Answer._fields, wanted, got, strict=True):
            if not np.array_equal(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)):
                raise RuntimeError(f"{other} and {name} differ in {part}")
    return len(wanted.person)
