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
            cell.id = INJECTED  # papermill draws one
            cell.source = "\n".join(f"{name} = {value!r}" for name, value in page.parameters.items())
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = []
    if error is not None:
        shown.cells.insert(0, markdown_cell("run-failed", _banner(error, page.language)))
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
    head = translator.t("This report failed. What stands below is not complete.")
    detail = say_error(error, translator)
    lines = f"<p><strong>{html.escape(head)}</strong></p><p>{html.escape(detail)}</p>"
    return f'<div class="failure" role="alert">{lines}</div>'
