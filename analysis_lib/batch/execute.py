"""Execute one notebook with papermill and publish its pages; this runs in a worker process.

The status is decided here from what was raised and what the notebook saved. papermill's own metadata is not read: it
calls every cell of a timed-out or killed notebook completed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from nbformat import NotebookNode

from analysis_lib.batch.contract import Plain
from analysis_lib.batch.notebooks import read_notebook, write_notebook
from analysis_lib.batch.page import Page, write_page
from analysis_lib.batch.plan import PlannedRun
from analysis_lib.batch.record import UNIT_COLUMNS, RunError, RunRecord, Status, as_typed, empty_rows
from analysis_lib.errors import DataError
from analysis_lib.parameters import Language
from analysis_lib.reporting.language import translate_notebook
from analysis_lib.reporting.page import scrub_paths
from analysis_lib.results import ESTIMATE_COLUMNS, Message

START_ATTEMPTS = 2
"""A kernel that does not start is tried once more: two starting together can take the same port."""
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = re.compile(
    r"^(?:File (?P<file>.+?):(?P<line>\d+), in (?P<function>\w+)|(?P<cell>Cell In\s?\[\d+\], line \d+))", re.M
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run and where it writes.

    Attributes
    ----------
    folder
        Where it writes now.
    shown
        The parameters as the page may show them: places instead of paths of this machine.
    """

    planned: PlannedRun
    folder: Path
    shown: Mapping[str, Plain]
    language: Language
    footer: str
    timeout: int

    @property
    def source(self) -> Path:
        """The notebook that papermill reads: in the run's language."""
        return self.folder / f".{self.planned.notebook}.source.ipynb"

    @property
    def table(self) -> Path:
        """Where the notebook saves its table; it is not kept, as the batch saves all rows in one file."""
        return self.folder / f"{self.planned.notebook}.parquet"

    @property
    def executed(self) -> Path:
        """The notebook that papermill writes."""
        return self.folder / f"{self.planned.notebook}.ipynb"

    @property
    def page(self) -> Page:
        """The pages to write."""
        planned = self.planned
        return Page(
            stem=planned.notebook,
            folder=self.folder,
            title=f"{planned.trial_title}: {planned.report} – {planned.name}",
            language=self.language,
            footer=self.footer,
            parameters=self.shown,
        )


def execute_job(job: Job) -> RunRecord:
    """Execute the notebook, read its table and write its pages; what goes wrong is in the record, never raised."""
    started = time.perf_counter()
    status: Status
    rows = empty_rows()
    try:
        status, error = _execute(job)
        if error is None:
            rows = _read_table(job)
            status = "ok" if rows.empty or rows["value"].notna().any() else "not_estimable"
    except Exception as problem:  # one run may not stop the others
        status, error = "failed", _as_error(problem)
    record = RunRecord(planned=job.planned, status=status, seconds=0, error=error, rows=rows)
    return _publish(job, record, started)


def record_lost_worker(job: Job, started: float) -> RunRecord:
    """Return the record of a run whose worker process was lost, with the page of what it had done.

    `started` is on the clock of `time.perf_counter`.
    """
    error = RunError(name="WorkerLost", message=Message("the process that executed the notebook was lost"))
    return _publish(job, RunRecord(planned=job.planned, status="died", seconds=0, error=error), started)


def _publish(job: Job, record: RunRecord, started: float) -> RunRecord:
    """Write the pages and remove everything else; a page that cannot be written fails the run."""
    try:
        pages = write_page(job.page, _notebook_so_far(job), record.error)
        record = replace(record, pages=pages)
    except Exception as problem:  # one run may not stop the others
        job.executed.unlink(missing_ok=True)  # it may name folders of this machine
        if record.error is None:
            record = replace(record, status="failed", error=_as_error(problem), rows=empty_rows())
    for left in (job.source, job.table):
        left.unlink(missing_ok=True)
    return replace(record, seconds=time.perf_counter() - started)


def _as_error(problem: Exception) -> RunError:
    return RunError(name=type(problem).__name__, message=scrub_paths(str(problem)))


def _execute(job: Job) -> tuple[Status, RunError | None]:
    from nbclient.exceptions import CellTimeoutError, DeadKernelError  # noqa: PLC0415 (slow to import)
    from papermill.exceptions import PapermillExecutionError  # noqa: PLC0415

    job.folder.mkdir(parents=True, exist_ok=True)
    write_notebook(translate_notebook(read_notebook(job.planned.source), job.language), job.source)
    try:
        _run_papermill(job)
    except PapermillExecutionError as error:
        where = _last_place("\n".join(error.traceback))
        return "failed", RunError(name=error.ename, message=scrub_paths(error.evalue), where=where)
    except CellTimeoutError as error:
        message = Message("a cell took longer than {seconds} seconds", seconds=job.timeout)
        return "timeout", RunError(name=type(error).__name__, message=message, where=_last_cell(job))
    except DeadKernelError as error:
        message = Message("the notebook's kernel died")
        return "died", RunError(name=type(error).__name__, message=message, where=_last_cell(job))
    except RuntimeError as error:
        message = Message("the notebook's kernel did not start")
        return "died", RunError(name=type(error).__name__, message=message)
    early = _early_exit(job)
    return ("failed" if early else "ok"), early


def _run_papermill(job: Job) -> None:
    """Execute; a RuntimeError that is no DeadKernelError is a kernel that did not start."""
    import papermill  # noqa: PLC0415 (slow to import)
    from nbclient.exceptions import DeadKernelError  # noqa: PLC0415

    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            papermill.execute_notebook(
                _as_template(job.source),
                _as_template(job.executed),
                parameters={**job.planned.parameters, "output": job.folder.as_posix()},
                execution_timeout=job.timeout,
                progress_bar=False,
                shutdown_kernel="immediate",
                record_timing=False,  # the same run gives the same notebook
                extra_arguments=["--Application.log_level=ERROR"],  # its warnings would go to the user's terminal
            )
            return
        except DeadKernelError:
            raise
        except RuntimeError:
            if attempt == START_ATTEMPTS:
                raise


def _as_template(path: Path) -> str:
    """Return a path for papermill, which fills in names in braces."""
    return str(path).replace("{", "{{").replace("}", "}}")


def _early_exit(job: Job) -> RunError | None:
    """Return the error of a notebook that left by `sys.exit(0)`, which papermill takes for success."""
    for cell in read_notebook(job.executed).cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                where = _last_place("\n".join(output.traceback))
                return RunError(name=output.ename, message=Message("the notebook stopped before its end"), where=where)
    return None


def _read_table(job: Job) -> pd.DataFrame:
    """Read the table that the notebook saved."""
    path = job.table
    if not path.is_file():
        raise DataError(f"the notebook saved no {path.name}")
    rows = pd.read_parquet(path)
    wanted = [*UNIT_COLUMNS, *ESTIMATE_COLUMNS]
    missing = [name for name in wanted if name not in rows.columns]
    if missing:
        raise DataError(f"{path.name}: has no column {', '.join(missing)}")
    rows = as_typed(rows[wanted])
    units = set(zip(*(rows[name] for name in UNIT_COLUMNS), strict=True))
    unit = job.planned.unit
    if units - {unit}:
        raise DataError(f"{path.name}: has rows of {sorted(units - {unit})}; must be of {unit} alone")
    return rows.reset_index(drop=True)


def _notebook_so_far(job: Job) -> NotebookNode:
    """Return the executed notebook, or its source where nothing (readable) was written."""
    try:
        return read_notebook(job.executed)
    except (OSError, ValueError):
        return translate_notebook(read_notebook(job.planned.source), job.language)


def _last_cell(job: Job) -> str:
    """Return the number of the last cell that was begun: papermill notes when, and no time for the others."""
    cells = [cell for cell in _notebook_so_far(job).cells if cell.cell_type == "code"]
    begun = [number for number, cell in enumerate(cells, 1) if cell.metadata.get("papermill", {}).get("start_time")]
    return f"Cell In[{begun[-1]}]" if begun else ""


def _last_place(traceback: str) -> str:
    """Return the innermost place of an IPython traceback: file and function, or cell and line."""
    found = list(_FRAME.finditer(_ANSI.sub("", traceback)))
    if not found:
        return ""
    frame = found[-1].groupdict()
    if frame["cell"]:
        return str(frame["cell"])
    return scrub_paths(f"{_package_path(frame['file'])}:{frame['line']} in {frame['function']}")


def _package_path(file: str) -> str:
    parts = Path(file).parts
    for root in ("site-packages", "analysis_lib"):
        if root in parts:
            start = len(parts) - parts[::-1].index(root) - 1
            return "/".join(parts[start + (root == "site-packages") :])
    return Path(file).name
