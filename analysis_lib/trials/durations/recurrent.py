"""Ratios of hazards over spells that come again.

Only the first spell compares the arms as they were assigned. Later ones are of those who came back, and treatment has
changed who they are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis_lib.errors import InvalidInput, NotEstimable
from analysis_lib.results import Estimate, FloatArray, Message, Results
from analysis_lib.trials._arrays import (
    BoolArray,
    Groups,
    IntArray,
    as_binary,
    as_covariates,
    as_groups,
    as_numbers,
    as_times,
)
from analysis_lib.trials.durations.hazards import Ties, hazard_ratio

__all__ = ["recurrent_hazard_ratios"]


def recurrent_hazard_ratios(
    time: ArrayLike,
    event: ArrayLike,
    treated: ArrayLike,
    person: Any,
    spell: ArrayLike,
    *,
    covariates: Any = None,
    cluster: Any = None,
    ties: Ties = "efron",
    level: float = 0.95,
) -> Results:
    r"""Estimate the hazard ratio of treated to control over all spells of people, and by spell number.

    Parameters
    ----------
    time, event
        As in `hazard_ratio`, for each spell, shape (n,): time since the spell began (gap time).
    treated
        Assigned to treatment, shape (n,); booleans or 0/1, the same in all spells of a person.
    person
        Labels, shape (n,): whose spell it is.
    spell
        Number of the spell, shape (n,): 1, 2, ... without a gap in each person; all but the last end in the event.
    covariates
        As in `hazard_ratio`; they may differ between a person's spells.
    cluster
        Labels of the units that were assigned together, shape (n,), each person in one of them. Without it, people.
    ties
        As in `hazard_ratio`.
    level
        Coverage of the intervals.

    Returns
    -------
    Results
        First the ratio over all spells, then one for each spell number (`group`) from a regression of its own; those
        that have none are empty, with the reason. People are counted, and the spells in `note`.

    Raises
    ------
    InvalidInput
        An argument is not as described; the message names it.
    NotEstimable
        As in `hazard_ratio`.

    Notes
    -----
    The conditional model in gap time of Prentice, Williams and Peterson: :math:`h_j(t \mid z, x) = h_{0j}(t)
    \exp(\beta z + x'\gamma)` in spell j since its start, stratified by j, with Lin and Wei's variance by person (or
    cluster). R's `coxph(Surv(time, event) ~ treated + strata(spell), cluster = person)`.

    References
    ----------
    Prentice, Williams and Peterson (1981), Biometrika 68(2). Lin and Wei (1989), doi 10.1080/01621459.1989.10478874.

    Examples
    --------
    >>> who = [1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8]
    >>> number = [1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2, 1]
    >>> weeks, back = [3, 5, 6, 6, 9, 11, 4, 8, 10, 12, 7, 14], [1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 0]
    >>> for row in recurrent_hazard_ratios(weeks, back, [1] * 6 + [0] * 6, who, number).estimates:
    ...     print(f"{row.group}: {row.value:.2f}, {row.n} people")
    all spells: 1.79, 8 people
    spell 1: 3.10, 8 people
    spell 2: 0.62, 4 people
    """
    times = as_times(time, "time")
    n = len(times)
    arm, people = as_binary(treated, "treated", n), as_groups(person, "person", n)
    events, numbers = as_binary(event, "event", n), as_numbers(spell, "spell", n)
    _check_spells(people, numbers, events, arm)
    units = people if cluster is None else _units(people, cluster)
    given = as_covariates(np.empty((n, 0)) if covariates is None else covariates, n)
    columns = pd.DataFrame(given.values, columns=list(given.names))
    options: dict[str, Any] = {"ties": ties, "level": level}

    def ratio(keep: BoolArray, **more: Any) -> Estimate:
        found = hazard_ratio(
            times[keep], events[keep], arm[keep], covariates=columns[keep], cluster=units.codes[keep], **options, **more
        )
        return _counting_people(found, people.where(keep), arm[keep])

    rows = [replace(ratio(np.ones(n, dtype=bool), stratum=numbers), group=Message("all spells"))]
    for number in range(1, int(numbers.max()) + 1):
        keep, label = numbers == number, Message("spell {number}", number=number)
        try:
            rows.append(replace(ratio(keep), group=label))
        except NotEstimable as error:
            rows.append(replace(_empty(error.args[0], people.where(keep), arm[keep], level), group=label))
    return Results(rows)


def _units(person: Groups, cluster: Any) -> Groups:
    """Return the clusters, each with whole people."""
    units = as_groups(cluster, "cluster", len(person.codes))
    if len(np.unique(np.column_stack([person.codes, units.codes]), axis=0)) > person.count:
        raise InvalidInput("cluster differs between spells of a person; each person must be in one cluster")
    return units


def _check_spells(person: Groups, number: FloatArray, event: BoolArray, treated: BoolArray) -> None:
    """Raise where spells are not numbered 1, 2, ..., one but the last has no event, or the arm changes."""
    order = np.lexsort([number, person.codes])
    codes, numbers, events, arms = person.codes[order], number[order], event[order], treated[order]
    first = np.diff(codes, prepend=-1) > 0
    starts = np.flatnonzero(first)
    rank = np.arange(len(codes)) - np.repeat(starts, np.diff(np.append(starts, len(codes)))) + 1
    _refuse(person, codes, numbers != rank, "spell is not 1, 2, ... without a gap or a repeat")
    _refuse(person, codes, ~first & ~np.append(False, events[:-1]), "event is 0 in a spell before the last")
    _refuse(person, codes, ~first & (arms != np.append(False, arms[:-1])), "treated differs between spells")


def _refuse(person: Groups, codes: IntArray, wrong: BoolArray, what: str) -> None:
    found = np.unique(codes[wrong])
    if found.size:
        raise InvalidInput(f"{what} for {len(found)} people, first person {person.names[found[0]]}")


def _counts(person: Groups, treated: BoolArray) -> dict[str, Any]:
    """Return how many people there are, by arm and in all, and a note of their spells."""
    of_treated = len(np.unique(person.codes[treated]))
    note = Message("{n} spells of {people} people", n=len(treated), people=person.count)
    return {"n": person.count, "n_treated": of_treated, "n_control": person.count - of_treated, "note": note}


def _counting_people(found: Estimate, person: Groups, treated: BoolArray) -> Estimate:
    """Return the estimate with people counted in place of spells."""
    counts = _counts(person, treated)
    return replace(found, **counts | {"note": Message.join([counts["note"], found.note])})


def _empty(reason: str, person: Groups, treated: BoolArray, level: float) -> Estimate:
    """Return the row of a spell number without a ratio."""
    return Estimate.empty(
        estimand=Message("hazard ratio"), reason=reason, level=level, scale="log", **_counts(person, treated)
    )
