"""Execute one notebook with papermill and publish its pages; this runs in a worker process.

The status is decided here from what was raised and what the notebook saved. papermill's own metadata is not read: it
calls every cell of a timed-out or killed notebook completed.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
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
from analysis_lib.results import ESTIMATE_COLUMNS, Message

START_ATTEMPTS = 2
"""A kernel that does not start is tried once more: two starting together can take the same port."""
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = re.compile(
    r"^(?:File (?P<file>\S+?):(?P<line>\d+), in (?P<function>\w+)|(?P<cell>Cell In\s?\[\d+\], line \d+))", re.M
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
    def executed(self) -> Path:
        """The notebook that papermill writes."""
        return self.folder / f"{self.planned.notebook}.ipynb"

    @property
    def page(self) -> Page:
        """The pages to write."""
        planned = self.planned
        return Page(
            stem=planned.notebook, folder=self.folder, title=f"{planned.trial_title} – {planned.name}",
            language=self.language, footer=self.footer, parameters=self.shown,
        )  # fmt: skip


def execute_job(job: Job) -> RunRecord:
    """Execute the notebook, read its table and write its pages; what goes wrong is in the record, never raised."""
    started = time.perf_counter()
    status: Status
    rows, error = empty_rows(), None
    pages: tuple[str, ...] = ()
    try:
        status, error = _execute(job)
        if error is None:
            rows = _take_table(job)
            status = "ok" if rows["value"].notna().any() else "not_estimable"
    except Exception as problem:  # one run may not stop the others
        status, error = "failed", RunError(name=type(problem).__name__, message=_public(str(problem)))
    try:
        pages = write_page(job.page, _notebook_so_far(job), error)
    except Exception as problem:
        rows = empty_rows()
        status, error = "failed", error or RunError(name=type(problem).__name__, message=_public(str(problem)))
    return RunRecord(
        planned=job.planned, status=status, seconds=time.perf_counter() - started, error=error, pages=pages, rows=rows
    )


def record_lost_worker(job: Job, seconds: float) -> RunRecord:
    """Return the record of a run whose worker process was lost, with the page of what it had done."""
    error = RunError(name="WorkerLost", message=Message("the process that executed the notebook was lost"))
    pages = write_page(job.page, _notebook_so_far(job), error)
    return RunRecord(planned=job.planned, status="died", seconds=seconds, error=error, pages=pages)


def _execute(job: Job) -> tuple[Status, RunError | None]:
    from nbclient.exceptions import CellTimeoutError, DeadKernelError  # noqa: PLC0415 (slow to import)
    from papermill.exceptions import PapermillExecutionError  # noqa: PLC0415

    job.folder.mkdir(parents=True, exist_ok=True)
    source = job.folder / f".{job.planned.notebook}.source.ipynb"
    write_notebook(translate_notebook(read_notebook(job.planned.source), job.language), source)
    try:
        _run_papermill(job, source)
    except PapermillExecutionError as error:
        where = _last_place("\n".join(error.traceback))
        return "failed", RunError(name=error.ename, message=_public(error.evalue), where=where)
    except CellTimeoutError as error:
        message = Message("a cell took longer than {seconds} seconds", seconds=job.timeout)
        return "timeout", RunError(name=type(error).__name__, message=message, where=_last_cell(job))
    except DeadKernelError as error:
        message = Message("the notebook's kernel died")
        return "died", RunError(name=type(error).__name__, message=message, where=_last_cell(job))
    except RuntimeError as error:
        message = Message("the notebook's kernel did not start")
        return "died", RunError(name=type(error).__name__, message=message)
    finally:
        source.unlink()
    return "ok", _early_exit(job)


def _run_papermill(job: Job, source: Path) -> None:
    """Execute; a RuntimeError that is no DeadKernelError is a kernel that did not start."""
    import papermill  # noqa: PLC0415 (slow to import)
    from nbclient.exceptions import DeadKernelError  # noqa: PLC0415

    for attempt in range(1, START_ATTEMPTS + 1):
        try:
            papermill.execute_notebook(
                _as_template(source),
                _as_template(job.executed),
                parameters={**job.planned.parameters, "output": job.folder.as_posix()},
                execution_timeout=job.timeout,
                progress_bar=False,
                shutdown_kernel="immediate",
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


def _take_table(job: Job) -> pd.DataFrame:
    """Read the table that the notebook saved, and remove it: the batch saves all rows in one file."""
    path = job.folder / f"{job.planned.notebook}.parquet"
    if not path.is_file():
        raise DataError(f"the notebook saved no {path.name}")
    rows = pd.read_parquet(path)
    path.unlink()
    wanted = [*UNIT_COLUMNS, *ESTIMATE_COLUMNS]
    missing = [name for name in wanted if name not in rows.columns]
    if missing:
        raise DataError(f"{path.name}: has no column {', '.join(missing)}")
    rows = as_typed(rows[wanted])
    units = set(zip(rows["trial"], rows["jobcentre"], strict=True))
    unit = (job.planned.trial, job.planned.jobcentre)
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
    """Return the number of the last cell that was begun."""
    counts = [cell.get("execution_count") or 0 for cell in _notebook_so_far(job).cells]
    return f"Cell In[{max(counts)}]" if any(counts) else ""


def _last_place(traceback: str) -> str:
    """Return the innermost place of an IPython traceback: file and function, or cell and line."""
    found = list(_FRAME.finditer(_ANSI.sub("", traceback)))
    if not found:
        return ""
    frame = found[-1].groupdict()
    if frame["cell"]:
        return str(frame["cell"])
    return _public(f"{_package_path(frame['file'])}:{frame['line']} in {frame['function']}")


def _package_path(file: str) -> str:
    parts = Path(file).parts
    for root in ("site-packages", "analysis_lib"):
        if root in parts:
            start = len(parts) - parts[::-1].index(root) - 1
            return "/".join(parts[start + (root == "site-packages") :])
    return Path(file).name


def _public(text: str) -> str:
    """Take this machine's folders out of a message."""
    return text.replace(f"{Path.cwd()}/", "").replace(str(Path.home()), "~")
