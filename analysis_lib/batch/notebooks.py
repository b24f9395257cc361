"""Notebook files, read and written with types (nbformat's functions have none)."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import nbformat
from nbformat import NotebookNode


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook in the current format."""
    return cast("NotebookNode", nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook."""
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


def markdown_cell(name: str, text: str) -> NotebookNode:
    """Return a cell of markdown; its id is the name."""
    return cast("NotebookNode", nbformat.v4.new_markdown_cell(text, id=name))  # type: ignore[no-untyped-call]


def has_tag(cell: NotebookNode, tag: str) -> bool:
    """Return whether a cell carries a tag."""
    return tag in cell.metadata.get("tags", [])
