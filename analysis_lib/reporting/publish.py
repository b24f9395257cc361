"""From an executed notebook to the page that is shared: results and text, without code, paths or run records."""

from __future__ import annotations

import copy
import re
from functools import cache
from html import escape, unescape
from typing import Any

import nbformat
from nbconvert import HTMLExporter
from nbformat import NotebookNode

from analysis_lib.parameters import Language
from analysis_lib.reporting.language import Translator
from analysis_lib.reporting.page import render_page, scrub_html_paths, scrub_paths

RUN_RECORD = "papermill"
"""Key of what the run leaves in the metadata: every parameter, and absolute paths."""

_ERROR_BANNER = "papermill-error-cell-tag"
_INJECTED = "injected-parameters"
# In this order of preference; widgets and scripts would need a server or a network.
_SHOWN = ("text/html", "image/svg+xml", "image/png", "image/jpeg", "text/markdown", "text/plain")
_HEADING = re.compile(r"(</?h)([1-6])(?=[\s>])")
_WEB_LINK = re.compile(r'<a\b[^>]*?href="(https?://[^"]*)"[^>]*>(.*?)</a>', re.DOTALL | re.IGNORECASE)
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@cache
def _exporter() -> Any:
    """Return the one exporter of the process; making it costs more than a page."""
    return HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic", exclude_input=True, exclude_input_prompt=True, exclude_output_prompt=True,
        exclude_anchor_links=True,
    )  # fmt: skip


def render_html(notebook: NotebookNode, *, title: str, language: Language, footer: str) -> str:
    """Render an executed notebook as one page that stands alone.

    Code and prompts are left out, and so is what was written to the error stream. An error becomes a box with its
    name and message. Links to the web become text with the address. The notebook's highest headings go under
    the title, on the second level.

    Parameters
    ----------
    notebook
        Executed; it is not changed.
    title, footer
        Plain text; the footer has one paragraph a line.
    language
        Of the page.

    Raises
    ------
    OutputError
        Where an output runs a script or fetches anything.
    """
    shown = scrub_notebook(notebook)
    translator = Translator(language)
    shown.cells = [cell for cell in shown.cells if _ERROR_BANNER not in cell.metadata.get("tags", [])]
    for cell in shown.cells:
        if cell.cell_type == "code":
            cell.outputs = [_readable(output, translator) for output in cell.outputs if _is_shown(output)]
    body, _ = _exporter().from_notebook_node(shown)
    body = _WEB_LINK.sub(_say_address, _lower_headings(_without_title(body, title)))
    return render_page(body, title=title, language=language, footer=footer)


def _without_title(body: str, title: str) -> str:
    """Return the body without a first heading that only repeats the title."""
    first = re.search(r"<h1\b[^>]*>(.*?)</h1>", body, re.DOTALL)
    repeated = first is not None and unescape(re.sub(r"<[^>]*>", "", first[1])).strip() == title.strip()
    return body.replace(first[0], "", 1) if first and repeated else body


def _lower_headings(body: str) -> str:
    """Return the body with its highest headings on the second level."""
    down = 2 - min((int(level) for _, level in _HEADING.findall(body)), default=2)
    return _HEADING.sub(lambda found: f"{found[1]}{min(int(found[2]) + down, 6)}", body)


def _is_shown(output: NotebookNode) -> bool:
    if output.output_type == "stream":
        return bool(output.name == "stdout")
    return bool(output.output_type == "error" or any(kind in output.data for kind in _SHOWN))


def _readable(output: NotebookNode, translator: Translator) -> Any:
    if output.output_type == "stream":
        return output
    if output.output_type == "error":
        return _display("text/html", _error_box(output, translator))
    kind = next(kind for kind in _SHOWN if kind in output.data)
    return _display(kind, output.data[kind])


def _display(kind: str, content: str) -> Any:
    return nbformat.v4.new_output("display_data", data={kind: content})  # type: ignore[no-untyped-call]


def _error_box(output: NotebookNode, translator: Translator) -> str:
    head = translator.t("This step failed, and those after it were not carried out.")
    said = f"{output.ename}: {_ANSI.sub('', output.evalue)}"
    return f'<div class="failure" role="alert"><p><strong>{escape(head)}</strong></p><p>{escape(said)}</p></div>'


def _say_address(link: re.Match[str]) -> str:
    address, text = link[1], link[2]
    return text if unescape(re.sub(r"<[^>]*>", "", text)) == unescape(address) else f"{text} ({address})"


def scrub_notebook(notebook: NotebookNode) -> NotebookNode:
    """Return a copy to share: without run records, and with the last step in the place of absolute paths."""
    shown = copy.deepcopy(notebook)
    shown.metadata.pop(RUN_RECORD, None)
    for cell in shown.cells:
        cell.metadata.pop(RUN_RECORD, None)
        if cell.cell_type == "markdown" or _INJECTED in cell.metadata.get("tags", []):
            cell.source = scrub_paths(cell.source)
        for output in cell.get("outputs", ()):
            output.get("metadata", {}).pop(RUN_RECORD, None)
            _scrub_output(output)
    return shown


def _scrub_output(output: NotebookNode) -> None:
    for key in ("text", "evalue"):
        if key in output:
            output[key] = scrub_paths(output[key])
    if "traceback" in output:
        output.traceback = [_scrub_trace(line) for line in output.traceback]
    data = output.get("data", {})
    for kind in ("text/plain", "text/markdown"):
        if kind in data:
            data[kind] = scrub_paths(data[kind])
    if "text/html" in data:
        data["text/html"] = scrub_html_paths(data["text/html"])


def _scrub_trace(line: str) -> str:
    """Scrub between the colour codes, which stand right before a path."""
    codes, texts = _ANSI.findall(line), _ANSI.split(line)
    return "".join(scrub_paths(text) + code for text, code in zip(texts, [*codes, ""], strict=True))
