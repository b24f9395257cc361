"""Which counts of a table must be hidden, so that no small one can be read or worked out."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field
from scipy.optimize import linprog

from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import Definition
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials.definition import ALL

Relation = tuple[str, tuple[str, ...]]
"""A total and its parts, which add up to it."""

# Counts are whole: a range narrower than one holds a single value (with slack for the solver's rounding).
_ONE_VALUE = 1 - 1e-6
_UNBOUNDED = 3


class DisclosureRule(Definition):
    """What a report may disclose: no count of people from 1 to `min_count` - 1. 1 discloses everything."""

    min_count: int = Field(default=5, ge=1)


def too_few(min_count: int) -> Message:
    """Return the reason shown in the place of a number."""
    return Message("fewer than {n} people in a group", n=min_count)


def suppress_counts(
    counts: Mapping[str, int],
    relations: Sequence[Relation],
    min_count: int,
    *,
    keep: Collection[str] = (),
    also: Collection[str] = (),
) -> frozenset[str]:
    """Choose the counts to hide.

    Hidden are the counts from 1 to `min_count` - 1 and, until none of them can be worked out from the counts shown,
    further ones: the smallest other count of a relation, parts before totals, those of `keep` last of all.

    Parameters
    ----------
    counts
        People in each cell.
    relations
        Everything that a reader knows to add up: (total, parts). Cells that are not printed but can be computed
        (those not in any group) are cells too.
    min_count
        The smallest count shown; 1 hides nothing.
    keep
        Cells hidden only where nothing else will do (they are printed elsewhere too).
    also
        Cells to hide whatever their count, zeros excepted.

    Returns
    -------
    frozenset of str
        The cells to hide.

    Raises
    ------
    InvalidInput
        Where a count is negative, a relation names an unknown cell, or a relation does not add up.

    Notes
    -----
    Zeros are shown. Protected: that no hidden count follows exactly from the relations and the counts shown, also
    when the reader uses that hidden counts are at least 1 (each is bounded from both sides by linear programming);
    and that the hidden parts beneath a total that is shown add up to `min_count` at least. Not protected: that a
    hidden count may be known to lie in a range; what follows from relations not given (other reports, earlier
    reports) or from what a reader knows about the people.

    The search ends: with all positive counts hidden, every multiple of them satisfies the relations too.

    References
    ----------
    Hundepool et al. (2012), Statistical Disclosure Control, chapter 4, doi 10.1002/9781118348239.

    Examples
    --------
    >>> sorted(suppress_counts({"all": 60, "a": 3, "b": 17, "c": 40}, [("all", ("a", "b", "c"))], 5))
    ['a', 'b']
    """
    _check(counts, relations, min_count)
    hidden = {cell for cell, count in counts.items() if count > 0 and (count < min_count or cell in also)}
    order = {cell: number for number, cell in enumerate(counts)}
    while True:
        unsafe = _unsafe_relations(hidden, counts, relations, min_count)
        options = {
            (cell in keep, cell == total, counts[cell], order[cell], cell)
            for total, parts in unsafe
            for cell in (total, *parts)
            if counts[cell] > 0 and cell not in hidden
        }
        if not options:
            return frozenset(hidden)
        hidden.add(min(options)[-1])


def _check(counts: Mapping[str, int], relations: Sequence[Relation], min_count: int) -> None:
    if min_count < 1:
        raise InvalidInput(f"min_count is {min_count}; must be 1 or more")
    for cell, count in counts.items():
        if count < 0:
            raise InvalidInput(f"count of '{cell}' is {count}; must be 0 or more")
    for total, parts in relations:
        unknown = [cell for cell in (total, *parts) if cell not in counts]
        if unknown:
            raise InvalidInput(f"relation of '{total}' names '{unknown[0]}'; must be one of {', '.join(counts)}")
        added = sum(counts[part] for part in parts)
        if counts[total] != added:
            raise InvalidInput(f"count of '{total}' is {counts[total]}; must be the {added} of its parts")


def _unsafe_relations(
    hidden: Collection[str], counts: Mapping[str, int], relations: Sequence[Relation], min_count: int
) -> list[Relation]:
    """Return the relations in which one more count must be hidden; none where all is safe or all is hidden."""
    thin = [
        (total, parts)
        for total, parts in relations
        if total not in hidden and 0 < sum(counts[part] for part in parts if part in hidden) < min_count
    ]
    if thin:
        return thin
    exposed = exposed_cells(hidden, counts, relations)
    unsafe = [relation for relation in relations if _touches(relation, exposed)]
    open_ones = [relation for relation in unsafe if any(_open(cell, hidden, counts) for cell in _cells(relation))]
    if open_ones or not exposed:
        return open_ones
    return [relation for relation in relations if _touches(relation, hidden)]


def _cells(relation: Relation) -> tuple[str, ...]:
    return relation[0], *relation[1]


def _touches(relation: Relation, cells: Collection[str]) -> bool:
    return any(cell in cells for cell in _cells(relation))


def _open(cell: str, hidden: Collection[str], counts: Mapping[str, int]) -> bool:
    return counts[cell] > 0 and cell not in hidden


def exposed_cells(hidden: Collection[str], counts: Mapping[str, int], relations: Sequence[Relation]) -> frozenset[str]:
    """Return the hidden cells that have one possible value, given the other counts and that hidden ones are positive.

    Parameters
    ----------
    hidden, counts, relations
        As in `suppress_counts`.
    """
    cells = sorted(hidden)
    column = {cell: number for number, cell in enumerate(cells)}
    used = [relation for relation in relations if _touches(relation, hidden)]
    matrix, known = np.zeros((len(used), len(cells))), np.zeros(len(used))
    for row, (total, parts) in enumerate(used):
        for cell, sign in ((total, 1.0), *((part, -1.0) for part in parts)):
            if cell in column:
                matrix[row, column[cell]] += sign
            else:
                known[row] -= sign * counts[cell]
    return frozenset(cell for cell in cells if _range(column[cell], matrix, known) < _ONE_VALUE)


def _range(number: int, matrix: FloatArray, known: FloatArray) -> float:
    """Return the width of what one hidden count can be."""
    if not matrix[:, number].any():
        return math.inf
    goal = np.zeros(matrix.shape[1])
    goal[number] = 1.0
    return _largest(goal, matrix, known) + _largest(-goal, matrix, known)


def _largest(goal: FloatArray, matrix: FloatArray, known: FloatArray) -> float:
    """Return the largest goal'x with matrix x = known and x at least 1; the true counts are one such x."""
    found = linprog(-goal, A_eq=matrix, b_eq=known, bounds=(1, None))
    if found.status == _UNBOUNDED:
        return math.inf
    if found.fun is None:
        raise InvalidInput(f"relations could not be solved ({found.message}); must hold for the counts")
    return -float(found.fun)


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenSites:
    """Sites whose page shows no count: too small itself, or hidden so that a small one cannot be worked out."""

    too_small: frozenset[str]
    counts_hidden: frozenset[str]


def sites_to_hide(counts: Mapping[str, int], min_count: int) -> HiddenSites:
    """Choose the sites whose counts go, given that the page of all sites shows their total.

    `counts_hidden` holds `all` where no other site can cover a small one. The choice is made for one count a site: a
    page that shows its arms needs it for each arm.

    Examples
    --------
    >>> hidden = sites_to_hide({"jc_odense": 90, "jc_samso": 3, "jc_aero": 12}, 5)
    >>> sorted(hidden.too_small), sorted(hidden.counts_hidden)
    (['jc_samso'], ['jc_aero'])
    """
    if ALL in counts:
        raise InvalidInput(f"counts has '{ALL}'; must be sites alone, the total is theirs")
    cells = {ALL: sum(counts.values()), **counts}
    hidden = suppress_counts(cells, [(ALL, tuple(counts))], min_count, keep=[ALL])
    small = frozenset(site for site, count in counts.items() if 0 < count < min_count)
    return HiddenSites(too_small=small, counts_hidden=hidden - small)
