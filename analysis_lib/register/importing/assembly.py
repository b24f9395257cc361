"""Put the extract together from the persons and what was staged of their weeks, months and events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from analysis_lib.register.codes import LARGEST_CODE
from analysis_lib.register.declarations import PERSONS
from analysis_lib.register.extract_writing import count_weeks, write_description
from analysis_lib.register.importing.headers import Series
from analysis_lib.register.importing.people import People
from analysis_lib.register.importing.staging import Unit, rows_between
from analysis_lib.register.layout import (
    ROW,
    SPELLS,
    VIGNETTES_FILE,
    Description,
    SourceFacts,
    partition,
    write_groups,
    write_partition,
)
from analysis_lib.register.weeks import week_label


def write_extract_of(
    folder: Path, *, people: People, weeks: Series, tables: Mapping[str, pa.Schema], units: Sequence[Unit],
    vignettes: pa.Table | None, sources: Sequence[SourceFacts], told: Callable[[int, int], None],
) -> Description:  # fmt: skip
    """Write an extract, municipality by municipality.

    Parameters
    ----------
    folder
        A new folder.
    weeks
        The weeks covered.
    tables
        The tables that the units have, spells among them, and their columns.
    sources
        What the extract was made from.
    told
        Told how many municipalities of how many are written.
    """
    folder.mkdir()
    home = people.municipality
    municipalities = np.unique(home).tolist()
    files, totals = {}, np.zeros(LARGEST_CODE + 1, dtype=np.int64)
    for number, municipality in enumerate(municipalities):
        told(number, len(municipalities))
        low, high = np.searchsorted(home, [municipality, municipality + 1]).tolist()
        parts = {PERSONS.name: people.table.slice(low, high - low)}
        parts |= {name: _gather(units, name, schema, low, high) for name, schema in tables.items()}
        files[municipality] = write_partition(folder / partition(municipality), parts)
        start, stop, code = (parts[SPELLS].column(name).to_numpy() for name in ("start", "stop", "code"))
        for one, count in count_weeks(code, stop - start).items():
            totals[one] += count
    told(len(municipalities), len(municipalities))
    description = Description(
        first_week=week_label(weeks.first), n_weeks=len(weeks), persons=len(home),
        code_weeks={int(code): int(totals[code]) for code in np.flatnonzero(totals)},
        municipalities=files, sources=tuple(sources),
        vignettes=None if vignettes is None else write_groups(folder / VIGNETTES_FILE, vignettes, [0]),
    )  # fmt: skip
    write_description(folder, description)
    return description


def _gather(units: Sequence[Unit], table: str, schema: pa.Schema, low: int, high: int) -> pa.Table:
    """Return what all units have of a table for some rows, sorted by row; the file's order within a row."""
    whole = pa.concat_tables([schema.empty_table(), *rows_between(units, table, low, high)]).combine_chunks()
    return whole.take(pa.array(np.argsort(whole.column(ROW).to_numpy(), kind="stable")))
