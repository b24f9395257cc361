"""The run file: which trials, notebooks, jobcentres and extract a batch takes, and what it may disclose."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from analysis_lib.errors import DataError, DefinitionError
from analysis_lib.parameters import ID_PATTERN, Definition, Id, Language, Text, read_definition
from analysis_lib.reporting.disclosure import DisclosureRule

EVERY_JOBCENTRE = "all"


def _check_plain(value: object) -> object:
    if not isinstance(value, str | int | float | bool):
        raise ValueError("must be text, a number, true or false")
    return value


def _check_jobcentres(value: object) -> object:
    listed = value if isinstance(value, tuple) else ()
    ids = [one for one in listed if isinstance(one, str) and ID_PATTERN.match(one)]
    if value != EVERY_JOBCENTRE and (not ids or len(set(ids)) < len(listed)):
        raise ValueError("must be all, or a list of distinct jobcentre ids")
    return value


def _check_some(value: tuple[Any, ...]) -> tuple[Any, ...]:
    if not value:
        raise ValueError("must be a list of at least one")
    return value


Plain = Annotated[str | int | float | bool, BeforeValidator(_check_plain)]
"""A value of a notebook parameter; papermill would turn anything else into text."""

JobcentreChoice = Annotated[Literal["all"] | tuple[Id, ...], BeforeValidator(_check_jobcentres)]
Some = AfterValidator(_check_some)  # pydantic's min_length would also complain where an item is wrong


class ExtractPlace(Definition):
    """Where the extract lies: a folder (relative to the project root), or an environment variable that names one."""

    folder: str | None = None
    environment: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> ExtractPlace:
        if bool(self.folder) == bool(self.environment):
            raise ValueError("must have either folder or environment")
        return self

    @property
    def label(self) -> str:
        """The place as it may be published: the folder below the project (or its name), or `$VARIABLE`."""
        if self.folder is None:
            return f"${self.environment}"
        return Path(self.folder).name if Path(self.folder).is_absolute() else self.folder

    def find(self) -> Path:
        """Return the folder.

        Raises
        ------
        DataError
            Where the variable is not set, or there is no such folder.
        """
        if self.folder:
            place, named = self.folder, f"extract folder '{self.folder}'"
        else:
            variable = self.environment or ""
            place = os.environ.get(variable, "")
            if not place:
                raise DataError(f"environment variable {variable} is not set; must name the folder of the extract")
            named = f"environment variable {variable} is '{place}', which"
        if not Path(place).is_dir():
            raise DataError(f"{named} is not a folder; must be the folder of the extract")
        return Path(place)


class RunNotebook(Definition):
    """One notebook of the batch, `notebooks/<id>.ipynb`, with values for parameters that the batch does not set."""

    id: Id
    parameters: dict[str, Plain] = Field(default_factory=dict)


class RunDefinition(Definition):
    """One batch, as `parameters/runs/<id>.yml` defines it.

    Attributes
    ----------
    extract
        Where the people are; left out for published numbers alone.
    jobcentres
        `all`: the trial's cases together and each of its jobcentres; or the ids wanted (`all` counts as one).
    codes
        The code list of benefits, relative to the project root; by default `parameters/dream_codes.yml`.
    workers
        Notebooks executed at the same time.
    cell_timeout_seconds
        A cell that takes longer ends its notebook.
    """

    id: Id
    title: Text
    extract: ExtractPlace | None = None
    trials: Annotated[tuple[Id, ...], Some]
    notebooks: Annotated[tuple[RunNotebook, ...], Some]
    jobcentres: JobcentreChoice
    language: Language
    disclosure: DisclosureRule
    codes: str | None = None
    workers: int = Field(default=2, ge=1, le=256)
    cell_timeout_seconds: int = Field(ge=1)

    @model_validator(mode="after")
    def _distinct(self) -> RunDefinition:
        notebooks = tuple(notebook.id for notebook in self.notebooks)
        for name, ids in (("trials", self.trials), ("notebooks", notebooks)):
            if len(set(ids)) < len(ids):
                raise ValueError(f"{name} has ids {', '.join(ids)}; must be distinct")
        return self


def read_run(path: Path | str) -> RunDefinition:
    """Read a run file; its id must be the file's name.

    Raises
    ------
    DefinitionError
        One line for each problem: file, key, what was found and what is allowed.

    Examples
    --------
    >>> read_run("parameters/runs/demo.yml").trials
    ('hig',)
    """
    path = Path(path)
    definition = read_definition(path, RunDefinition)
    if definition.id != path.stem:
        raise DefinitionError(f"{path}: id is '{definition.id}'; must be the file's name, '{path.stem}'")
    return definition
