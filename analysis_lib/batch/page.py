"""The pages of one run: the executed notebook without what may not leave the machine, and the same as HTML."""

from __future__ import annotations

import copy
import html
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from analysis_lib.batch.contract import Plain
from analysis_lib.batch.notebooks import has_tag, markdown_cell, write_notebook
from analysis_lib.batch.record import RunError
from analysis_lib.parameters import Language
from analysis_lib.reporting.language import Translator
from analysis_lib.reporting.publish import render_html, scrub_notebook
from analysis_lib.results import Message

INJECTED = "injected-parameters"
PAPERMILL_BANNER = "papermill-error-cell-tag"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page is called and where it goes; `parameters` are shown in place of those that were injected."""

    stem: str
    folder: Path
    title: str
    language: Language
    footer: str
    parameters: Mapping[str, Plain]


def write_page(page: Page, notebook: NotebookNode, error: RunError | None) -> tuple[str, ...]:
    """Write `<stem>.ipynb` and `<stem>.html`, under a banner where the run failed; return their names."""
    shown = copy.deepcopy(notebook)
    shown.cells = [cell for cell in shown.cells if not has_tag(cell, PAPERMILL_BANNER)]
    for cell in shown.cells:
        if has_tag(cell, INJECTED):
            cell.source = "\n".join(f"{name} = {value!r}" for name, value in page.parameters.items())
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = []
    if error is not None:
        shown.cells.insert(0, markdown_cell(_banner(error, page.language)))
    shown = scrub_notebook(shown)
    page.folder.mkdir(parents=True, exist_ok=True)
    write_notebook(shown, page.folder / f"{page.stem}.ipynb")
    text = render_html(shown, title=page.title, language=page.language, footer=page.footer)
    (page.folder / f"{page.stem}.html").write_text(text, encoding="utf-8")
    return f"{page.stem}.ipynb", f"{page.stem}.html"


def say_error(error: RunError, translator: Translator) -> str:
    """Return one line: the exception, its message and the place."""
    said = f"{error.name}: {translator.render(error.message)}".splitlines()[0]
    return f"{said} ({error.where})" if error.where else said


def _banner(error: RunError, language: Language) -> str:
    translator = Translator(language)
    head = translator.render(Message("This report failed. What stands below is not complete."))
    style = "border-left: 6px solid #b00020; background: #fdecea; color: #5f0010; padding: 0.6em 1em"
    detail = html.escape(say_error(error, translator))
    return (
        f'<div class="run-failed" role="alert" style="{style}"><strong>{html.escape(head)}</strong><br>{detail}</div>'
    )
