"""A quality report as plain text for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import groupby, zip_longest

import pandas as pd

from analysis_lib.register.quality.findings import SEVERITIES, Finding
from analysis_lib.register.quality.report import QualityReport

WIDTH = 110
_MARK, _TITLE = 9, 48
EXACT = "For those who keep the register: counts are exact, however small. Do not pass them on as they are."
_MARKS = {"ok": "ok", "note": "note", "warning": "WARNING", "error": "ERROR"}


def report_text(report: QualityReport) -> str:
    """Return the whole report."""
    title = f"Data quality of {report.folder}"
    blocks = [
        _wrapped(title) + "\n" + "=" * min(len(title), WIDTH),
        _verdict(report),
        EXACT,
        *(_heading("The extract", _pairs(report.summary)) for _ in range(bool(report.summary))),
        *(
            _heading(section, _section(list(group)))
            for section, group in groupby(report.findings, key=lambda finding: finding.section)
        ),
        *_tables(report),
    ]
    return ("\n\n".join(blocks) + "\n").replace("\u00a0", " ")


def grid(header: Sequence[str], rows: Sequence[Sequence[str]], right: set[int] | frozenset[int] = frozenset()) -> str:
    """Return rows in aligned columns; where the line would be wider than 110, the last one is wrapped if it is text.

    Parameters
    ----------
    header
        Names of the columns.
    rows
        Cells, as many in each row.
    right
        Columns that are set to the right.

    Examples
    --------
    >>> print(grid(["code", "weeks"], [["111", "7"]], right={1}))
      code  weeks
      111       7
    """
    every = [list(header), *(list(row) for row in rows)]
    widths = [max(len(row[i]) for row in every) for i in range(len(header))]
    before = 2 + sum(width + 2 for width in widths[:-1])
    if len(header) - 1 not in right:
        widths[-1] = min(widths[-1], WIDTH - before)
    lines = []
    for row in every:
        cells = [c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True))]
        last = textwrap.wrap(row[-1], widths[-1], break_on_hyphens=False) or [""]
        cells[-1] = cells[-1] if len(last) == 1 else last[0]
        lines.append("  " + "  ".join(cells).rstrip())
        lines += [" " * before + part for part in last[1:]]
    return "\n".join(lines)


def _verdict(report: QualityReport) -> str:
    made = [finding for finding in report.findings if finding.made]
    texts = []
    for severity in reversed(SEVERITIES):
        number = sum(finding.severity == severity for finding in made)
        name = "ok" if severity == "ok" else severity if number == 1 else f"{severity}s"
        texts.append(f"{number} {name}")
    missed = len(report.findings) - len(made)
    if missed:
        texts.append(f"{missed} not checked")
    return f"{report.severity.upper()} after {len(report.findings)} checks: {', '.join(texts)}."


def _section(findings: Sequence[Finding]) -> str:
    """Return one finding after the other; a reason why none could be checked is told once."""
    reasons = {finding.detail for finding in findings}
    if any(finding.made for finding in findings) or len(reasons) > 1:
        return "\n".join(_finding(finding) for finding in findings)
    indent = " " * _MARK
    titles = [_wrapped(f"{indent}{finding.title}", WIDTH - 2, indent) for finding in findings]
    return textwrap.indent("\n".join([f"{'-':<{_MARK}}{reasons.pop()}", *titles]), "  ")


def _finding(finding: Finding) -> str:
    """Return mark, title and count in columns, and the detail below."""
    mark = _MARKS[finding.severity] if finding.made else "-"
    indent = " " * (2 + _MARK)
    titles = textwrap.wrap(finding.title, _TITLE, break_on_hyphens=False)
    counts = textwrap.wrap(_count(finding), WIDTH - len(indent) - _TITLE - 2, break_on_hyphens=False)
    head = [
        f"{indent}{title:<{_TITLE}}  {count}".rstrip() for title, count in zip_longest(titles, counts, fillvalue="")
    ]
    head[0] = f"  {mark:<{_MARK}}" + head[0][len(indent) :]
    detail = textwrap.wrap(finding.detail, WIDTH - len(indent) - 2, break_on_hyphens=False)
    return "\n".join([*head, *(indent + "  " + line for line in detail)])


def _count(finding: Finding) -> str:
    if finding.count is None:
        return ""
    if finding.total is None:
        return f"{finding.count:,} {finding.unit}"
    share = (
        f" ({_share(finding.count / finding.total)})".replace(" %", "\u00a0%")
        if finding.count and finding.total
        else ""
    )
    return f"{finding.count:,} of {finding.total:,} {finding.unit}{share}"


def _share(share: float) -> str:
    return "<0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"


def _tables(report: QualityReport) -> list[str]:
    if not report.tables:
        return []
    codes, years, states = (report.tables[name] for name in ("codes", "codes_by_year", "states_by_year"))
    blocks = [
        _heading("Codes in use", _codes_text(codes)),
        _heading(
            "Person-weeks by calendar year (a week belongs to the year of its Thursday)", _weeks_text(years, states)
        ),
        _heading(
            "Persons with at least one week in the state, by calendar year",
            _by_year(states.assign(label=_labels(states["state"])), "persons"),
        ),
        _heading("Municipalities", _frame_text(report.tables["municipalities"])),
    ]  # fmt: skip
    if len(report.tables["match_groups"]):
        blocks.append(_heading("Match decisions by target group", _frame_text(report.tables["match_groups"])))
    return [*blocks, _heading("Data dictionary, with what was found", _dictionary_text(report.tables["dictionary"]))]


def _codes_text(codes: pd.DataFrame) -> str:
    header = ["code", "state", "evidence", "person-weeks", "persons", "first week", "last week", "meaning"]
    order = ["code", "state", "mark", "person_weeks", "persons", "first_week", "last_week", "name"]
    blank = {"state": "unknown", "mark": "-", "name": "not in the code list"}
    shown = codes[order].replace({name: {"": text} for name, text in blank.items()}).astype({"code": str})
    return grid(header, _cells(shown), right={0, 3, 4})


def _weeks_text(codes: pd.DataFrame, states: pd.DataFrame) -> str:
    """Return the states' person-weeks by year, with the codes of a state below it where it has several."""
    parts = []
    for state in states["state"].unique():
        parts.append(states[states["state"] == state].assign(label=state or "unknown codes"))
        own = codes[codes["state"] == state]
        if len(set(own["code"])) > 1 or not state:
            parts.append(own.assign(label="  " + own["code"].astype(str)))
    return _by_year(pd.concat(parts), "person_weeks")


def _by_year(frame: pd.DataFrame, value: str) -> str:
    """Return as many years side by side as there is room for, then the next ones; one line a label."""
    labels = list(dict.fromkeys(frame["label"]))
    wide = frame.pivot_table(index="label", columns="year", values=value, aggfunc="sum", fill_value=0)
    years, width = list(wide.columns), max(len(label) for label in labels)
    cell = max(len(f"{int(wide.to_numpy().max()):,}"), 4)
    step = max((WIDTH - 2 - width) // (cell + 2), 1)
    blocks = []
    for low in range(0, len(years), step):
        own = years[low : low + step]
        rows = [[label.ljust(width), *(f"{wide.loc[label, year]:,}".rjust(cell) for year in own)] for label in labels]
        blocks.append(grid(["", *map(str, own)], rows, right=set(range(1, len(own) + 1))))
    return "\n\n".join(blocks)


def _labels(states: pd.Series[str]) -> pd.Series[str]:
    return states.where(states != "", "unknown codes")


def _frame_text(frame: pd.DataFrame) -> str:
    numbers = {i for i, name in enumerate(frame.columns) if pd.api.types.is_numeric_dtype(frame[name])}
    header = [str(name).replace("_", " ") for name in frame.columns]
    return grid(header, _cells(frame), right=numbers)


def _cells(frame: pd.DataFrame) -> list[list[str]]:
    """Return the cells as texts: numbers with commas (but for codes of municipalities), "-" where there is none."""
    return [
        [_cell(value, plain=name == "municipality") for name, value in zip(frame.columns, row, strict=True)]
        for row in frame.astype(object).to_numpy().tolist()
    ]


def _cell(value: object, *, plain: bool) -> str:
    if value is pd.NA or value is None:
        return "-"
    return str(value) if plain or isinstance(value, str) else f"{value:,}"


def _dictionary_text(frame: pd.DataFrame) -> str:
    """Return the tables that are in the extract; of those the columns that are not, too."""
    present = frame["rows"].notna().groupby(frame["table"]).transform("any")
    order = ["table", "column", "kind", "required", "rows", "distinct", "blank", "observed"]
    shown = frame.loc[present, order].assign(
        required=frame["required"].map({True: "yes", False: "no"}),
        observed=frame["observed"].str.replace(r" (\d+\.\d) %", "\u00a0\\1\u00a0%", regex=True),
        blank=frame["blank"].map(_share, na_action="ignore").astype(object).where(frame["blank"].notna(), "-"),
    )
    absent = ", ".join(dict.fromkeys(frame.loc[~present, "table"]))
    note = (
        "Rows are persons, of weeks person-weeks, of employment months with anything known. Texts are not shown, and "
        "of dates of birth only the years." + (f" Not in this extract: {absent}." if absent else "")
    )
    return f"{grid(order, _cells(shown), right={4, 5, 6})}\n\n{textwrap.indent(_wrapped(note, WIDTH - 2), '  ')}"


def _pairs(pairs: Sequence[tuple[str, str]]) -> str:
    width = max(len(label) for label, _ in pairs) + 2
    lines = []
    for label, text in pairs:
        parts = textwrap.wrap(text, WIDTH - 2 - width, break_on_hyphens=False) or [""]
        lines += [f"  {label:<{width}}{parts[0]}", *(" " * (2 + width) + part for part in parts[1:])]
    return "\n".join(lines)


def _heading(title: str, body: str) -> str:
    return f"{title}\n{'-' * len(title)}\n{body}"


def _wrapped(text: str, width: int = WIDTH, indent: str = "") -> str:
    return "\n".join(textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False))
