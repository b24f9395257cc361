"""The plan of a batch: every notebook to execute, checked whole before the first one starts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TypeVar

from analysis_lib.batch.contract import Plain, check_parameters
from analysis_lib.errors import DataError, DefinitionError, OutputError
from analysis_lib.parameters import suggest
from analysis_lib.register.jobcentres import Jobcentres, read_jobcentres
from analysis_lib.reporting.language import Translator
from analysis_lib.reporting.reports import PAGES
from analysis_lib.reporting.run_definition import EVERY_JOBCENTRE, RunDefinition, RunNotebook, read_run
from analysis_lib.results import Message
from analysis_lib.trials.definition import ALL, Trial, read_trial
from analysis_lib.trials.sources import load_cases

NOTEBOOKS = Path("notebooks")
MANIFEST = "manifest.json"
OWN_PARAMETERS = ("trial", "jobcentre", "stratum", "extract", "run", "language", "output")
"""The parameters that the batch sets itself; a notebook must take them all."""

WHOLE_TRIAL = Message("The whole trial")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedRun:
    """One notebook to execute for a trial at a jobcentre.

    Attributes
    ----------
    trial, trial_title, jobcentre, stratum, name
        Ids and what reports call them, in the run's language; `name` is the place's, with the stratum's. The stratum is
        `all` where the trial analyses no groups apart.
    notebook, report, source
        The notebook's id, what readers call its report (the id again where it is none of ours), and its file.
    folder
        Where its pages go, relative to the run's own output folder.
    parameters
        What the notebook is given, but for `output`.
    """

    trial: str
    trial_title: str
    jobcentre: str
    stratum: str = ALL
    name: str
    notebook: str
    report: str = ""
    source: Path
    folder: Path
    parameters: Mapping[str, Plain]

    @property
    def title(self) -> str:
        """What a line on the terminal calls it."""
        return f"{'/'.join(self.unit if self.stratum != ALL else self.unit[:2])} {self.notebook}"

    @property
    def unit(self) -> tuple[str, str, str]:
        """What its report is about: trial, jobcentre, stratum."""
        return self.trial, self.jobcentre, self.stratum

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from every other: trial, jobcentre, stratum, notebook."""
        return *self.unit, self.notebook


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """A whole batch, found valid.

    Attributes
    ----------
    path
        The run file.
    extract
        The extract's folder; `None` for published numbers alone.
    outputs
        The folder that the run's own folder stands in.
    """

    path: Path
    definition: RunDefinition
    trials: tuple[Trial, ...]
    extract: Path | None
    outputs: Path
    workers: int
    runs: tuple[PlannedRun, ...]

    @property
    def target(self) -> Path:
        """The folder that the finished run replaces."""
        return self.outputs / self.definition.id


def plan_batch(
    path: Path | str, *, only: Sequence[str] = (), outputs: Path | str = Path("outputs"), workers: int | None = None
) -> BatchPlan:
    """Read a run file and all that it names, and lay out its runs; nothing is executed or written.

    Parameters
    ----------
    path
        The run file; the paths in it are relative to the working directory, the project's root.
    only
        Ids of jobcentres or trials: the other runs are left out.
    outputs
        The folder that the run's own folder stands in.
    workers
        In place of the run file's number.

    Raises
    ------
    DefinitionError
        Where the run file, a trial, a jobcentre, a notebook or one of its parameters is not valid; one line a problem.
    DataError
        Where the extract is not there, or its data is not valid for a trial.
    OutputError
        Where `only` would drop reports of an earlier, fuller run.
    """
    path = Path(path)
    definition = read_run(path)
    known = read_jobcentres()
    trials = _all_of(partial(read_trial, trial, Path("parameters")) for trial in definition.trials)
    jobcentres = _all_of(partial(_jobcentres_of, trial, definition, path, known) for trial in trials)
    notebooks = _all_of(partial(_check_notebook, notebook, definition, path) for notebook in definition.notebooks)
    _all_of(partial(_check_fit, path, trial, notebook) for trial in trials for notebook in definition.notebooks)
    extract = _find_data(path, definition, trials)
    names = {ALL: Translator(definition.language).render(WHOLE_TRIAL)}
    names |= {jobcentre: known.name(jobcentre) for jobcentre in chain(*jobcentres) if jobcentre != ALL}
    place = "" if extract is None else extract.as_posix()
    runs = [
        _plan_run(trial, (jobcentre, stratum), names[jobcentre], given, definition)
        for trial, chosen in zip(trials, jobcentres, strict=True)
        for jobcentre in chosen
        for given in zip(definition.notebooks, [{**one, "extract": place} for one in notebooks], strict=True)
        for stratum in (_reads_people(given[0]) and trial.stratum_ids) or [ALL]
    ]
    plan = BatchPlan(
        path=path, definition=definition, trials=trials, extract=extract, outputs=Path(outputs),
        workers=workers or definition.workers, runs=_choose(runs, only),
    )  # fmt: skip
    if only:
        _check_nothing_lost(plan)
    return plan


def _all_of(checks: Iterable[Callable[[], T]]) -> tuple[T, ...]:
    """Return what each check returns, or raise the problems of all that fail."""
    results, problems = [], []
    for check in checks:
        try:
            results.append(check())
        except DefinitionError as error:
            problems.append(str(error))
    if problems:
        raise DefinitionError("\n".join(problems))
    return tuple(results)


def _jobcentres_of(trial: Trial, definition: RunDefinition, path: Path, known: Jobcentres) -> tuple[str, ...]:
    for jobcentre in trial.data.jobcentres:
        known.check(jobcentre)
    if definition.jobcentres == EVERY_JOBCENTRE:
        return tuple(dict.fromkeys((ALL, *trial.data.jobcentres)))
    try:
        return tuple(trial.check_jobcentre(jobcentre) for jobcentre in definition.jobcentres)
    except DefinitionError as error:
        raise DefinitionError(f"{path}: {error}") from None


def _check_fit(path: Path, trial: Trial, notebook: RunNotebook) -> None:
    """Refuse one of our notebooks for a trial that it cannot be about."""
    page = PAGES.get(notebook.id)
    if page is None:
        return
    try:
        page.check_trial(trial)
    except DefinitionError as error:
        raise DefinitionError(f"{path}: notebook {notebook.id}: {error}") from None


def _reads_people(notebook: RunNotebook) -> bool:
    """Whether a notebook is about people: only some of ours are known not to be."""
    page = PAGES.get(notebook.id)
    return page is None or page.reads_people


def _find_data(path: Path, definition: RunDefinition, trials: Iterable[Trial]) -> Path | None:
    """Return the extract's folder, in which every trial with people finds valid cases; `None` where none is needed."""
    with_people = [trial for trial in trials if trial.has_people]
    if not with_people or not any(_reads_people(notebook) for notebook in definition.notebooks):
        return None
    if definition.extract is None:
        raise DefinitionError(f"{path}: extract is missing; must say where the people of {with_people[0].id} are")
    try:
        folder = definition.extract.find()
    except DataError as error:
        simulated = [trial.id for trial in with_people if trial.simulation is not None]
        place = definition.extract.folder
        hint = f" (python -m analysis_lib simulate {simulated[0]} --to {place})" if simulated and place else ""
        raise DataError(f"{error}{hint}") from None
    for trial in with_people:
        load_cases(trial, folder, codes=definition.codes)
    return folder


def _check_notebook(notebook: RunNotebook, definition: RunDefinition, path: Path) -> Mapping[str, Plain]:
    """Return the parameters of the notebook; those that differ by run are empty text."""
    own = set(notebook.parameters) & set(OWN_PARAMETERS)
    if own:
        names = ", ".join(sorted(own))
        raise DefinitionError(
            f"{path}: notebook {notebook.id} is given {names}; the batch sets that itself, leave it out"
        )
    same: dict[str, Plain] = {
        "trial": "", "jobcentre": "", "stratum": "", "extract": "", "run": path.as_posix(),
        "language": definition.language, "output": "",
    }  # fmt: skip
    return check_parameters(NOTEBOOKS / f"{notebook.id}.ipynb", same | notebook.parameters)


def _plan_run(
    trial: Trial, unit: tuple[str, str], name: str, given: tuple[RunNotebook, Mapping[str, Plain]],
    definition: RunDefinition,
) -> PlannedRun:  # fmt: skip
    (jobcentre, stratum), (notebook, parameters) = unit, given
    folders = [trial.id] if len(definition.trials) > 1 else []
    folders.append(jobcentre)
    if stratum != ALL:
        folders.append(stratum)
        name = f"{name}, {trial.stratum(stratum).label.in_language(definition.language)}"
    return PlannedRun(
        trial=trial.id,
        trial_title=trial.title.in_language(definition.language),
        jobcentre=jobcentre,
        stratum=stratum,
        name=name,
        notebook=notebook.id,
        report=_report_name(notebook, definition),
        source=NOTEBOOKS / f"{notebook.id}.ipynb",
        folder=Path(*folders),
        parameters={**parameters, "trial": trial.id, "jobcentre": jobcentre, "stratum": stratum},
    )


def _report_name(notebook: RunNotebook, definition: RunDefinition) -> str:
    page = PAGES.get(notebook.id)
    return notebook.id if page is None else Translator(definition.language).render(page.title)


def _choose(runs: Sequence[PlannedRun], only: Sequence[str]) -> tuple[PlannedRun, ...]:
    allowed = list(dict.fromkeys([r.jobcentre for r in runs] + [r.trial for r in runs]))
    for name in only:
        if name not in allowed:
            raise DefinitionError(f"--only is '{name}'; must be one of {', '.join(allowed)}{suggest(name, allowed)}")
    return tuple(run for run in runs if not only or run.jobcentre in only or run.trial in only)


def _check_nothing_lost(plan: BatchPlan) -> None:
    """Refuse to put a part of a run in the place of a fuller one."""
    try:
        earlier = json.loads((plan.target / MANIFEST).read_text(encoding="utf-8"))["runs"]
        found = {(run["trial"], run["jobcentre"], run.get("stratum", ALL), run["notebook"]) for run in earlier}
    except (OSError, ValueError, KeyError, TypeError):
        return
    lost = len(found - {run.key for run in plan.runs})
    if lost:
        raise OutputError(
            f"{plan.target}: holds {lost} reports that --only leaves out; choose another --outputs, or run all"
        )
