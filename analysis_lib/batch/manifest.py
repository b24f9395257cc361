"""The manifest of a batch: what went in (hashes), what ran it (versions, commit) and how each run ended.

It is published with the reports: no absolute path, user or host stands in it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import platform
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from analysis_lib.batch.contract import Plain
from analysis_lib.batch.plan import BatchPlan, PlannedRun
from analysis_lib.batch.record import RunRecord
from analysis_lib.register.codes import CODES_FILE
from analysis_lib.register.jobcentres import JOBCENTRES_FILE
from analysis_lib.trials.definition import FileData, RegisterData

PROJECT = "analysis-lib"
PACKAGES = (
    "babel", "ipykernel", "matplotlib", "nbclient", "nbconvert", "numpy", "pandas", "papermill", "pyarrow", "pydantic",
    "scipy", "seaborn", "statsmodels",
)  # fmt: skip
PARAMETERS = Path("parameters")


def make_manifest(
    plan: BatchPlan, records: Sequence[RunRecord], *, started: dt.datetime, finished: dt.datetime
) -> dict[str, Any]:
    """Return the manifest, ready for JSON."""
    return {
        "run": plan.definition.id,
        "definition": _definition(plan),
        "started": _utc(started),
        "finished": _utc(finished),
        "language": plan.definition.language,
        "workers": plan.workers,
        "project": {"name": PROJECT, "version": metadata.version(PROJECT), **git_state()},
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "inputs": {
            "definitions": _hashes(_definition_files(plan), Path()),
            "notebooks": _hashes({run.source for run in plan.runs}, Path()),
            "extract": {"place": _place(plan), "files": _extract_hashes(plan)},
        },
        "runs": [_run(plan, record) for record in records],
    }


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def git_state(folder: Path | None = None) -> dict[str, str | bool | None]:
    """Return the commit of the checkout and whether it has changes; `None` for both outside a checkout."""
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain") if commit else None
    return {"commit": commit or None, "dirty": None if changes is None else bool(changes)}


def _utc(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="seconds")


def _git(folder: Path | None, *arguments: str) -> str | None:
    program = shutil.which("git")
    if program is None:
        return None
    done = subprocess.run([program, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _definition(plan: BatchPlan) -> dict[str, str]:
    return {"path": _relative(plan.path, Path()), "sha256": hash_file(plan.path)}


def _definition_files(plan: BatchPlan) -> set[Path]:
    trials = {PARAMETERS / "trials" / f"{trial.id}.yml" for trial in plan.trials}
    return trials | {JOBCENTRES_FILE, Path(plan.definition.codes) if plan.definition.codes else CODES_FILE}


def _place(plan: BatchPlan) -> str:
    """Return where the people are, as it may be published; empty without people."""
    return "" if plan.extract is None or plan.definition.extract is None else plan.definition.extract.label


def _extract_hashes(plan: BatchPlan) -> dict[str, str]:
    """Return the hashes of the files that the trials read; of a register those that hold the hashes of all others."""
    if plan.extract is None:
        return {}
    files = {plan.extract / trial.data.file for trial in plan.trials if isinstance(trial.data, FileData)}
    if any(isinstance(trial.data, RegisterData) for trial in plan.trials):
        files |= {path for path in plan.extract.iterdir() if path.is_file()}
    return _hashes(files, plan.extract)


def _hashes(paths: Iterable[Path], root: Path) -> dict[str, str]:
    return dict(sorted((_relative(path, root), hash_file(path)) for path in paths))


def _relative(path: Path, root: Path) -> str:
    """Return the path below the root; below no root, its last two parts."""
    path, root = path.resolve(), root.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else "/".join(path.parts[-2:])


def _run(plan: BatchPlan, record: RunRecord) -> dict[str, Any]:
    planned, error = record.planned, record.error
    return {
        "trial": planned.trial,
        "jobcentre": planned.jobcentre,
        "stratum": planned.stratum,
        "notebook": planned.notebook,
        "status": record.status,
        "seconds": round(record.seconds, 1),
        "error": error and {"name": error.name, "message": str(error.message), "where": error.where},
        "outputs": [(planned.folder / name).as_posix() for name in record.pages],
        "parameters": shown_parameters(plan, planned),
    }


def shown_parameters(plan: BatchPlan, planned: PlannedRun) -> dict[str, Plain]:
    """Return the parameters of a run with places in the stead of this machine's paths."""
    return {
        **planned.parameters,
        "extract": _place(plan),
        "run": _relative(plan.path, Path()),
        "output": planned.folder.as_posix(),
    }
