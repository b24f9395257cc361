"""The report on an extract: findings, tables and the text of a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pandas as pd

from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.parameters import suggest
from analysis_lib.register.quality.findings import Finding, worst

FINDING_COLUMNS = ("section", "id", "severity", "title", "count", "total", "unit", "detail")
WARNING_EXIT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """What was found in an extract. Neither its text nor its tables hold a person's id; `examples` gives those.

    Attributes
    ----------
    folder
        The extract, as it was named.
    sha256
        That of `extract.json`, which holds those of all other files.
    findings
        One a check, those included that found nothing or could not be made.
    summary
        What the extract holds: label and text.
    tables
        `codes`, `codes_by_year`, `states_by_year`, `municipalities`, `match_groups` and `dictionary`; none where the
        files are not as they were written.
    """

    folder: str
    sha256: str
    findings: tuple[Finding, ...]
    summary: tuple[tuple[str, str], ...]
    tables: Mapping[str, pd.DataFrame]
    _examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @property
    def severity(self) -> Literal["ok", "warning", "error"]:
        """The worst severity of a finding; notes are ok."""
        found = worst(self.findings)
        return "ok" if found == "note" else found

    @property
    def exit_code(self) -> int:
        """0 where all is ok or a note, 10 with a warning, 4 with an error."""
        return {"ok": 0, "warning": WARNING_EXIT, "error": DataError.exit_code}[self.severity]

    def finding(self, check_id: str) -> Finding:
        """Return what a check found.

        Raises
        ------
        InvalidInput
            Where there is no such check; the nearest is suggested.
        """
        for finding in self.findings:
            if finding.id == check_id:
                return finding
        ids = [finding.id for finding in self.findings]
        raise InvalidInput(f"check is '{check_id}'; must be one of {', '.join(ids)}{suggest(check_id, ids)}")

    def examples(self, check_id: str) -> tuple[str, ...]:
        """Return the ids of at most 20 persons that a check found; not for a report that leaves the house.

        Raises
        ------
        InvalidInput
            Where there is no such check.
        """
        return self._examples.get(self.finding(check_id).id, ())

    def to_frame(self) -> pd.DataFrame:
        """Return one row a finding: section, id, severity, title, count, total, unit, detail."""
        rows = [{name: getattr(finding, name) for name in FINDING_COLUMNS} for finding in self.findings]
        return pd.DataFrame(rows, columns=list(FINDING_COLUMNS)).astype({"count": "Int64", "total": "Int64"})

    def to_text(self) -> str:
        """Return the report as plain text, at most 110 characters wide."""
        from analysis_lib.register.quality.text import report_text  # noqa: PLC0415 (it shows this class)

        return report_text(self)
