"""What a check of an extract is, and what it found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "note", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("ok", "note", "warning", "error")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    id
        The check's id, as `QualityReport.examples` takes it.
    severity
        `ok` where nothing was found; `note` where the check could not be made.
    title
        What was looked for.
    detail
        Where and how much; empty where nothing was found. Never a person's id. Why the check could not be made.
    count, total
        How many were found, and among how many, in `unit`; `None` where the check could not be made, or there is no
        whole of which they are a part.
    section
        What the check is about.
    """

    id: str
    severity: Severity
    title: str
    detail: str
    count: int | None
    total: int | None
    unit: str
    section: str

    @property
    def made(self) -> bool:
        """Whether the check could be made."""
        return self.count is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A check that is made of every extract; `severity` is that of anything found.

    Examples
    --------
    >>> rule = Rule(id="gaps", section="Weeks", severity="note", title="Gaps", unit="gaps")
    >>> rule.finding(0, 10).severity, rule.finding(1, 10).severity, rule.not_made("no weeks").detail
    ('ok', 'note', 'not checked: no weeks')
    """

    id: str
    section: str
    severity: Severity
    title: str
    unit: str

    def finding(self, count: int, total: int | None, detail: str = "") -> Finding:
        """Return what was found; the detail is left out where it was nothing."""
        severity: Severity = self.severity if count else "ok"
        return Finding(
            id=self.id, severity=severity, title=self.title, detail=detail if count else "", count=int(count),
            total=None if total is None else int(total), unit=self.unit, section=self.section,
        )  # fmt: skip

    def not_made(self, reason: str) -> Finding:
        """Return the finding of a check that could not be made."""
        return Finding(
            id=self.id, severity="note", title=self.title, detail=f"not checked: {reason}", count=None, total=None,
            unit=self.unit, section=self.section,
        )  # fmt: skip


def worst(findings: Iterable[Finding]) -> Severity:
    """Return the worst severity; `ok` of nothing."""
    return max((finding.severity for finding in findings), key=SEVERITIES.index, default="ok")


def listed(texts: Iterable[str], most: int) -> str:
    """Return the first texts in a list, and how many more there are.

    Examples
    --------
    >>> listed(["a", "b", "c"], 2)
    'a; b; and 1 more'
    """
    every = list(texts)
    rest = [f"and {len(every) - most} more"] if len(every) > most else []
    return "; ".join(every[:most] + rest)
