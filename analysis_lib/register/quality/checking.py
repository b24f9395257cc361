"""Check an extract: its files first, then its contents, one municipality after the other."""

from __future__ import annotations

from pathlib import Path

from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.register.codes import CodeList
from analysis_lib.register.extract import read_description
from analysis_lib.register.jobcentres import Jobcentres
from analysis_lib.register.layout import VIGNETTES_FILE, read_file
from analysis_lib.register.quality.contents import RULES, Contents, covered
from analysis_lib.register.quality.files import DAMAGED, MISSING, check_files
from analysis_lib.register.quality.findings import Finding, Rule
from analysis_lib.register.quality.part import Context, read_part
from analysis_lib.register.quality.report import QualityReport

UNREADABLE = Rule(
    id="unreadable", section="Files", severity="error", title="Files that are whole but cannot be understood",
    unit="municipalities",
)  # fmt: skip


def check_extract(
    folder: Path | str, *, codes: CodeList | None = None, jobcentres: Jobcentres | None = None
) -> QualityReport:
    """Check a register extract, reading one municipality after the other.

    Where a file is missing, not as it was written or cannot be understood, the contents are not judged at all: a
    report on a part of the people would pass for one on all.

    Parameters
    ----------
    folder
        The extract.
    codes
        The code list that says what a code means; by default the project's.
    jobcentres
        The municipalities and jobcentres that exist; by default the project's.

    Returns
    -------
    QualityReport

    Raises
    ------
    DataError
        Where the folder is no extract, or holds nobody or no week.
    """
    folder = Path(folder)
    description, sha256 = read_description(folder)
    if not description.municipalities or not description.n_weeks:
        found = "no week" if description.municipalities else "nobody"
        raise DataError(f"{folder}: holds {found}; must hold at least one person and one week")
    context = Context.of(folder, description, codes, jobcentres)
    files = check_files(folder, description)
    if any(finding.count for finding in files if finding.id in (MISSING.id, DAMAGED.id)):
        reason = "files are missing or not as they were written; import the source again"
        return _without_contents(context, sha256, [*files, UNREADABLE.not_made(reason)], reason)
    contents, total = Contents(context), len(description.municipalities)
    for municipality in sorted(description.municipalities):
        try:
            part = read_part(context, municipality)
        except (DataError, InvalidInput) as error:
            reason = "files cannot be understood; import the source again"
            finding = UNREADABLE.finding(1, total, f"the first is {municipality}: {error}")
            return _without_contents(context, sha256, [*files, finding], reason)
        contents.add(part)
    if description.vignettes is not None:
        contents.add_vignettes(read_file(folder / VIGNETTES_FILE, description.vignettes))
    return QualityReport(
        folder=str(folder), sha256=sha256, summary=tuple(contents.summary()), tables=contents.tables(),
        findings=(*files, UNREADABLE.finding(0, total), *contents.findings()), _examples=contents.examples(),
    )  # fmt: skip


def _without_contents(context: Context, sha256: str, findings: list[Finding], reason: str) -> QualityReport:
    return QualityReport(
        folder=str(context.folder), sha256=sha256, summary=tuple(covered(context)), tables={},
        findings=(*findings, *(rule.not_made(reason) for rule in RULES)),
    )  # fmt: skip
