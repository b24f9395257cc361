"""Hold the rows of all files against the persons: nobody twice, nobody without weeks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from analysis_lib.register.declarations import PERSON_ID, WEEKS
from analysis_lib.register.importing.faults import EXAMPLES, Fault, Faults
from analysis_lib.register.importing.people import People
from analysis_lib.register.importing.plan import Pass, name_of
from analysis_lib.register.importing.staging import Unit
from analysis_lib.register.sources import Source

IntArray = NDArray[np.int64]


def check_rows(one: Pass, people: People, units: Sequence[Sequence[Unit]], persons: Sequence[Source]) -> Faults:
    """Find persons who stand twice in files with one row a person, or in no weeks file.

    Parameters
    ----------
    one
        The files.
    units
        What was staged of each of them.
    persons
        The persons' files.
    """
    faults = Faults()
    seen = np.zeros(len(people.row), dtype=np.bool_)
    ids = people.table.column(PERSON_ID.name)
    for source, part in zip(one.sources, units, strict=True):
        rows = np.concatenate([np.zeros(0, np.int64), *(unit.read_rows() for unit in part)])
        twice = np.flatnonzero(_again(rows, seen))
        examples = [f"row {row + 1:,} '{ids[int(rows[row])]}'" for row in twice[:EXAMPLES].tolist()]
        where = f"{source.name}: column {PERSON_ID.name}"
        faults.add(Fault(where, "repeated value", "", PERSON_ID.allowed, len(twice), examples))
        seen[rows[rows >= 0]] = True
    if one.table == WEEKS.name:
        _check_everybody(people, np.flatnonzero(~seen), one, persons, faults)
    return faults


def _again(rows: IntArray, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which rows are of a person who stands in an earlier row, or in an earlier file."""
    known = np.flatnonzero(rows >= 0)
    _, first = np.unique(rows[known], return_index=True)
    again = np.zeros(len(rows), dtype=np.bool_)
    again[known] = True
    again[known[first]] = False
    again[known] |= seen[rows[known]]
    return again


def _check_everybody(people: People, lost: IntArray, one: Pass, persons: Sequence[Source], faults: Faults) -> None:
    ids = people.table.column(PERSON_ID.name)
    for number, source in enumerate(persons):
        own = lost[people.source[lost] == number]
        own = own[np.argsort(people.row[own])]
        examples = [f"row {people.row[row]:,} '{ids[int(row)]}'" for row in own[:EXAMPLES]]
        rest, allowed = f"without a row in {name_of(one.sources)}", "the same persons in both files"
        faults.add(Fault(f"{source.name}: column {PERSON_ID.name}", "person", rest, allowed, len(own), examples))
