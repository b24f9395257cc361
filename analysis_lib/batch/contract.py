"""What a notebook takes: its one parameters cell, read as annotated names with defaults.

papermill only warns on a parameter that a notebook does not know (the notebook then runs on its default), checks no
type, and injects in vain where no cell carries the tag. So the cell is read here and held against the values to come.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from nbformat import NotebookNode, ValidationError

from analysis_lib.batch.notebooks import has_tag, read_notebook
from analysis_lib.errors import DefinitionError
from analysis_lib.parameters import suggest

Plain = str | int | float | bool
TYPES: dict[str, type] = {"str": str, "int": int, "float": float, "bool": bool}


def read_parameters(path: Path) -> dict[str, type]:
    """Return name and type of each parameter of a notebook, in the cell's order.

    Raises
    ------
    DefinitionError
        Where the file is no notebook, has no kernelspec, not exactly one cell tagged `parameters`, or a line there is
        not `name: str|int|float|bool = value`.
    """
    notebook = _read_notebook(path)
    if not notebook.metadata.get("kernelspec", {}).get("name"):
        raise DefinitionError(
            f"{path}: has no kernelspec in its metadata; must name its kernel (keep it when stripping)"
        )
    cells = [c for c in notebook.cells if c.cell_type == "code" and has_tag(c, "parameters")]
    if len(cells) != 1:
        raise DefinitionError(f"{path}: has {len(cells)} code cells tagged 'parameters'; must be exactly one")
    try:
        lines = ast.parse(cells[0].source).body
    except SyntaxError as error:
        raise DefinitionError(f"{path}: the parameters cell is not Python, line {error.lineno}: {error.msg}") from None
    return dict(_read_line(path, line) for line in lines)


def check_parameters(path: Path, given: Mapping[str, object]) -> dict[str, Plain]:
    """Return the values where the notebook knows every name and each is of the annotated type.

    Raises
    ------
    DefinitionError
        One line for each problem: the notebook, the parameter and what is allowed.
    """
    known = read_parameters(path)
    problems = [
        f"{path}: unknown parameter '{name}'{suggest(name, known)} (allowed: {', '.join(known)})"
        for name in given
        if name not in known
    ]
    problems += [
        f"{path}: parameter '{name}' is {_show(value)}; must be {_KINDS[known[name]]}"
        for name, value in given.items()
        if name in known and not _fits(value, known[name])
    ]
    if problems:
        raise DefinitionError("\n".join(problems))
    return {name: _as_type(value, known[name]) for name, value in given.items()}


_KINDS = {str: "text (str)", int: "a whole number (int)", float: "a number (float)", bool: "true or false (bool)"}


def _read_notebook(path: Path) -> NotebookNode:
    if not path.is_file():
        raise DefinitionError(f"{path}: there is no such notebook{suggest(path.stem, _siblings(path))}")
    try:
        return read_notebook(path)
    except (ValueError, LookupError, AttributeError, TypeError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise DefinitionError(f"{path}: is not a notebook ({first[:100]}); must be valid .ipynb") from None


def _siblings(path: Path) -> list[str]:
    return [p.stem for p in path.parent.glob("*.ipynb")] if path.parent.is_dir() else []


def _read_line(path: Path, line: ast.stmt) -> tuple[str, type]:
    match line:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=ast.Name(id=kind), value=ast.expr() as default):
            if kind in TYPES and _fits(_literal(default), TYPES[kind]):
                return name, TYPES[kind]
    found = ast.unparse(line).splitlines()[0]
    raise DefinitionError(
        f"{path}: line {line.lineno} of the parameters cell is `{found}`; must be `name: {'|'.join(TYPES)} = value`"
    )


def _literal(expression: ast.expr) -> object:
    try:
        return ast.literal_eval(expression)
    except ValueError:
        return None


def _fits(value: object, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def _as_type(value: object, kind: type) -> Plain:
    typed: Plain = kind(value)
    return typed


def _show(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}'" if isinstance(value, str) else str(value)
