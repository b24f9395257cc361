"""The people of one spell as a mixture takes them, and words for its parameters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis_lib.errors import InvalidInput
from analysis_lib.results import FloatArray, Message
from analysis_lib.trials._cox import independent_of_strata
from analysis_lib.trials.durations._people import People
from analysis_lib.trials.durations._spells import Pieces, informative_pieces, span_label


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One spell's people, pieces and covariates (`names`, and `scale`: their standard deviations)."""

    people: People
    pieces: Pieces
    names: tuple[str, ...]
    scale: FloatArray
    notes: tuple[Message, ...]
    grouped: bool
    outcome: str = ""


def check_starts(starts: int) -> None:
    """Raise where the number of starts is not 1 or more."""
    if isinstance(starts, bool) or not isinstance(starts, int) or starts < 1:
        raise InvalidInput(f"starts is {starts!r}; must be a whole number from 1 on")


def lay_out(people: People, used: People, pieces: Pieces, *, grouped: bool) -> tuple[Part, FloatArray]:
    """Return the spell's pieces and names, and the standardised covariates of the people used, shape (n, k)."""
    pieces, notes = informative_pieces(used, pieces, grouped=grouped)
    columns, names, dropped = independent_of_strata(used.treated, used.covariates, None)
    x = columns[:, 1:] - columns[:, 1:].mean(axis=0)
    scale = np.sqrt(np.mean(x**2, axis=0))
    part = Part(
        people=people, pieces=pieces, names=names[1:], scale=scale, notes=(*notes, *dropped), grouped=grouped
    )  # fmt: skip
    return part, x / scale


def parameter_names(part: Part) -> tuple[str, ...]:
    """Return words for a spell's parameters without heterogeneity, in order."""
    baseline = Message("the baseline hazard")
    spans = [Message("the baseline hazard {window}", window=span_label(*span)) for span in part.pieces.intervals[1:]]
    return (*spans, *[Message("treatment")] * len(part.pieces.windows), *part.names, baseline)
