"""Whether the files of an extract are those that were written."""

from __future__ import annotations

import hashlib
from pathlib import Path

from analysis_lib.register.layout import (
    DESCRIPTION_FILE,
    TRUTH_FILE,
    VIGNETTES_FILE,
    Description,
    FileFacts,
    partition,
)
from analysis_lib.register.quality.findings import Finding, Rule, listed

_SECTION = "Files"
MISSING = Rule(id="files_missing", section=_SECTION, severity="error", title="Files that are missing", unit="files")
DAMAGED = Rule(
    id="files_damaged", section=_SECTION, severity="error", title="Files that are not as they were written",
    unit="files",
)  # fmt: skip
EXTRA = Rule(
    id="files_extra", section=_SECTION, severity="error", title="Files that extract.json does not know", unit="files"
)
RULES = (MISSING, DAMAGED, EXTRA)
SHOWN = 5


def check_files(folder: Path, description: Description) -> list[Finding]:
    """Hold every file's size and SHA-256 against `extract.json`, and look for files missing and too many.

    Parameters
    ----------
    folder
        The extract.
    description
        What its `extract.json` says.

    Returns
    -------
    list of Finding
        Missing, damaged and unknown files; `truth.json` may stand there or not.
    """
    facts = _known_files(description)
    missing = [name for name in facts if not (folder / name).is_file()]
    damage = {name: _damage(folder / name, fact) for name, fact in facts.items() if name not in missing}
    damaged = [f"{name} {found}" for name, found in damage.items() if found]
    known = {*facts, DESCRIPTION_FILE, TRUTH_FILE}
    found = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())
    extra = [name for name in found if name not in known]
    return [
        MISSING.finding(len(missing), len(facts), listed(missing, SHOWN)),
        DAMAGED.finding(len(damaged), len(facts), listed(damaged, SHOWN)),
        EXTRA.finding(len(extra), None, listed(extra, SHOWN)),
    ]


def _known_files(description: Description) -> dict[str, FileFacts]:
    facts = {
        f"{partition(municipality)}/{name}.parquet": file
        for municipality, files in sorted(description.municipalities.items())
        for name, file in files.items()
    }
    return facts if description.vignettes is None else facts | {VIGNETTES_FILE: description.vignettes}


def _damage(path: Path, facts: FileFacts) -> str:
    size = path.stat().st_size
    if size != facts.bytes:
        return f"has {size:,} bytes, not {facts.bytes:,}"
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return "" if sha256 == facts.sha256 else "has other contents (SHA-256)"
