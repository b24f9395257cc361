"""The first page of a run: every report with its status, failures first to be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Literal

from analysis_lib.parameters import Language
from analysis_lib.reporting.language import Translator
from analysis_lib.reporting.page import render_page, scrub_paths
from analysis_lib.results import Message

Status = Literal["ok", "not_estimable", "failed", "timeout", "died"]

WORDS: dict[Status, Message] = {
    "ok": Message("Done"),
    "not_estimable": Message("Cannot be estimated"),
    "failed": Message("FAILED"),
    "timeout": Message("FAILED: ran out of time"),
    "died": Message("FAILED: the process died"),
}
SYMBOLS: dict[Status, str] = {"ok": "✓", "not_estimable": "○", "failed": "✗", "timeout": "✗", "died": "✗"}
FAILURES = ("failed", "timeout", "died")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """One report of a run.

    Attributes
    ----------
    trial, jobcentre
        Ids.
    trial_title, name, report
        What readers call the trial, the place, and the report among the place's.
    page
        Address relative to the index; empty where there is no page.
    status
        How the run ended.
    headline
        The main result in a few words.
    seconds
        How long it took.
    error
        What went wrong; its last line is shown.
    """

    trial: str
    trial_title: str
    jobcentre: str
    name: str
    report: str = ""
    page: str | None
    status: Status
    headline: str
    seconds: float
    error: str = ""


def render_index(entries: Iterable[IndexEntry], *, title: str, language: Language, footer: str) -> str:
    """Render the index of a run as one page that stands alone, the entries in the order given.

    Parameters
    ----------
    entries
        One a report.
    title, footer
        Plain text; the footer has one paragraph a line.
    language
        Of the page.
    """
    listed = tuple(entries)
    translator = Translator(language)
    body = "\n".join((_alert(listed, translator), _counts(listed, translator), _table(listed, translator)))
    return render_page(body, title=title, language=language, footer=footer)


def _kind(status: Status) -> str:
    return "failed" if status in FAILURES else status


def _said(status: Status, translator: Translator) -> str:
    return f'<span aria-hidden="true">{SYMBOLS[status]}</span> {escape(translator.render(WORDS[status]))}'


def _alert(entries: tuple[IndexEntry, ...], translator: Translator) -> str:
    failed = sum(entry.status in FAILURES for entry in entries)
    if not failed:
        return ""
    said = translator.t("{n} of {all} reports FAILED. The run is not complete.", n=failed, all=len(entries))
    return f'<div class="failure" role="alert"><p><strong>✗ {escape(said)}</strong></p></div>'


def _counts(entries: tuple[IndexEntry, ...], translator: Translator) -> str:
    found = Counter(entry.status for entry in entries)
    items = [f"<li>{escape(translator.t('Reports: {n}', n=len(entries)))}</li>"]
    items += [
        f'<li class="status {_kind(status)}">{_said(status, translator)}: {translator.integer(found[status])}</li>'
        for status in WORDS
        if found[status]
    ]
    return f'<ul class="counts">{"".join(items)}</ul>'


def _table(entries: tuple[IndexEntry, ...], translator: Translator) -> str:
    header = (
        translator.t("Report"), translator.t("Trial"), translator.t("Status"), translator.t("Main result"),
        translator.t("Time"),
    )  # fmt: skip
    *names, last = (escape(text) for text in header)
    head = "".join(f'<th scope="col">{name}</th>' for name in names) + f'<th scope="col" class="right">{last}</th>'
    rows = "\n".join(_row(entry, translator) for entry in entries)
    caption = escape(translator.t("The reports of this run"))
    return (
        f'<div class="table"><table>\n<caption>{caption}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n</table></div>"
    )


def _row(entry: IndexEntry, translator: Translator) -> str:
    kind = _kind(entry.status)
    name = escape(" – ".join(part for part in (entry.name, entry.report) if part))
    linked = f'<a href="{escape(entry.page)}">{name}</a>' if entry.page else name
    error = [line for line in entry.error.splitlines() if line.strip()][-1:] if kind == "failed" else []
    said = escape(scrub_paths(" ".join(error)) or entry.headline)
    marked = ' class="failed"' if kind == "failed" else ""
    return (
        f'<tr{marked}><th scope="row">{linked}</th><td>{escape(entry.trial_title)}</td>'
        f'<td class="status {kind}">{_said(entry.status, translator)}</td><td>{said}</td>'
        f'<td class="right">{escape(_duration(entry.seconds, translator))}</td></tr>'
    )


def _duration(seconds: float, translator: Translator) -> str:
    if seconds < 60:
        return translator.t("{seconds:.0f} s", seconds=seconds)
    return translator.t("{minutes:.1f} min", minutes=seconds / 60)
