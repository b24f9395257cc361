"""DREAM codes and the states they stand for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from analysis_lib.errors import DefinitionError, InvalidInput
from analysis_lib.parameters import PROJECT, Definition, Id, Mark, Sourced, Text, read_definition, suggest

CODES_FILE = PROJECT / "parameters" / "dream_codes.yml"
BLANK = 0
"""The blank week inside arrays."""
LARGEST_CODE = int(np.iinfo(np.int16).max)


class CodeRange(Sourced):
    """One code, or all codes from `first` to `last`, with the evidence for what they mean."""

    first: int = Field(ge=1, le=LARGEST_CODE)
    last: int | None = Field(default=None, ge=1, le=LARGEST_CODE)
    name: Text

    @model_validator(mode="after")
    def _check(self) -> CodeRange:
        if self.last is not None and self.last < self.first:
            raise ValueError(f"last is {self.last}; must not be below first, {self.first}")
        return self

    @property
    def codes(self) -> range:
        """All codes of the range."""
        return range(self.first, (self.first if self.last is None else self.last) + 1)


class State(Definition):
    """What a person lives on in a week, and its codes."""

    id: Id
    name: Text
    codes: tuple[CodeRange, ...]


class CodeList(Definition):
    """All known codes; `title` is what reports call the list, `blank` the state of a week without a code.

    Examples
    --------
    >>> codes = read_codes()
    >>> codes.codes_of(["education", "self_support"])
    array([  0, 651, 652], dtype=int16)
    >>> codes.state_of(893), codes.label(893).da
    ('sickness', 'Sygedagpenge')
    """

    title: Text
    blank: Id
    states: tuple[State, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> CodeList:
        ids = Counter(state.id for state in self.states)
        codes = Counter(code for state in self.states for group in state.codes for code in group.codes)
        problems = [f"state '{name}' appears twice" for name, count in ids.items() if count > 1]
        problems += [f"code {code} appears twice" for code, count in sorted(codes.items()) if count > 1]
        if self.blank not in ids:
            problems.append(f"blank is '{self.blank}'; must be one of states{suggest(self.blank, ids)}")
        problems += [f"state '{s.id}' has no codes" for s in self.states if not s.codes and s.id != self.blank]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @cached_property
    def known(self) -> NDArray[np.int16]:
        """All known codes, sorted; the blank week (0) is one."""
        return np.array(sorted(self._states), dtype=np.int16)

    @property
    def marks(self) -> dict[Mark, int]:
        """How many codes have each evidence mark."""
        groups = [group for state in self.states for group in state.codes]
        return {mark: sum(len(g.codes) for g in groups if g.mark == mark) for mark in get_args(Mark)}

    def codes_of(self, states: str | Iterable[str]) -> NDArray[np.int16]:
        """Return the codes of one or more states, sorted; 0 is the blank week.

        Raises
        ------
        DefinitionError
            Where there is no such state; the nearest is suggested.
        """
        wanted = {self._check_state(state) for state in ([states] if isinstance(states, str) else states)}
        return np.array(sorted(code for code, state in self._states.items() if state in wanted), dtype=np.int16)

    def state_of(self, code: int) -> str:
        """Return the state that a code stands for.

        Raises
        ------
        InvalidInput
            Where the code is not known.
        """
        if code not in self._states:
            raise InvalidInput(f"code is {code}; must be 0 (blank) or a code of the list")
        return self._states[code]

    def name(self, state: str) -> Text:
        """Return a state's name in both languages."""
        return self._names[self._check_state(state)]

    def label(self, code: int) -> Text:
        """Return what a code means, in both languages."""
        groups = (group for state in self.states for group in state.codes if code in group.codes)
        return next((group.name for group in groups), self._names[self.state_of(code)])

    def _check_state(self, state: str) -> str:
        if state not in self._names:
            known, hint = ", ".join(self._names), suggest(state, self._names)
            raise DefinitionError(f"state is '{state}'; must be one of {known}{hint}")
        return state

    @cached_property
    def _names(self) -> dict[str, Text]:
        return {state.id: state.name for state in self.states}

    @cached_property
    def _states(self) -> dict[int, str]:
        coded = {code: state.id for state in self.states for group in state.codes for code in group.codes}
        return {BLANK: self.blank} | coded


def read_codes(path: Path | str | None = None) -> CodeList:
    """Read the code list.

    Parameters
    ----------
    path
        A file like `parameters/dream_codes.yml`, which is read where none is given.

    Raises
    ------
    DefinitionError
        Where the file is not valid: a code twice, a state without codes, ...
    """
    return read_definition(CODES_FILE if path is None else path, CodeList)
