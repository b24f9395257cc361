"""Collects the strings to translate, from the package and the notebooks, into the Danish catalogue."""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from analysis_lib.reporting.language import CATALOGUE, cell_text

PACKAGE = Path(__file__).parents[1]
NOTEBOOKS = PACKAGE.parent / "notebooks"
HEADER = "# Danish strings of the reports. Written by make messages; translate the empty ones."
_DATED = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Last-Translator', b'"Language-Team', b'"Generated-By')

_Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda


def find_strings(source: str) -> list[str]:
    """Return the templates given to `Message` and to `t` in Python source, in order.

    The template is a literal, a choice between literals, or a name that the same function (or the module) sets to
    one. Other calls are passed over: what they wrap is a string collected elsewhere.

    Examples
    --------
    >>> find_strings('a = Message("{n} left", n=2); b = say.t("yes" if a else "no"); c = Message(b)')
    ['{n} left', 'yes', 'no']
    """
    return list(dict.fromkeys(_walk(ast.parse(source), {})))


def _walk(scope: _Scope, outer: Mapping[str, list[str]]) -> Iterator[str]:
    names = {**outer, **_assigned(scope)}
    for node in _own_nodes(scope):
        if isinstance(node, _Scope):
            yield from _walk(node, names)
        elif isinstance(node, ast.Call) and node.args and _is_keyword(node.func):
            yield from _literals(node.args[0], names)


def _own_nodes(scope: _Scope) -> Iterator[ast.AST]:
    """Yield the nodes of a scope in order, the scopes within it but not their nodes."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if not isinstance(child, _Scope):
            yield from _own_nodes(child)  # type: ignore[arg-type]


def _assigned(scope: _Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for node in _own_nodes(scope):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).extend(_literals(node.value, {}))
    return found


def _is_keyword(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in ("Message", "t")
    return isinstance(function, ast.Attribute) and function.attr in ("Message", "t")


def _literals(expression: ast.expr, names: Mapping[str, list[str]]) -> list[str]:
    match expression:
        case ast.Constant(value=str(text)) if text:
            return [text]
        case ast.IfExp(body=one, orelse=other):
            return _literals(one, names) + _literals(other, names)
        case ast.Name(id=name):
            return names.get(name, [])
    return []


def collect_strings(package: Path = PACKAGE, notebooks: Path = NOTEBOOKS) -> dict[str, list[str]]:
    """Return every string to translate with the files that it stands in."""
    found: dict[str, list[str]] = {}
    for path in sorted(package.rglob("*.py")):
        _add(found, path.relative_to(package.parent), find_strings(path.read_text(encoding="utf-8")))
    for path in sorted(notebooks.glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        texts = (cell_text(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
        _add(found, path.relative_to(notebooks.parent), texts)
    return found


def _add(found: dict[str, list[str]], path: Path, texts: Iterable[str]) -> None:
    for text in texts:
        if text and path.as_posix() not in found.setdefault(text, []):
            found[text].append(path.as_posix())


def merge_catalogue(found: Mapping[str, list[str]], old: Catalog) -> Catalog:
    """Return the catalogue of the strings found, with the translations there are; others are dropped."""
    new = Catalog(locale="da", header_comment=HEADER, fuzzy=False)
    for text, places in found.items():
        known = old.get(text)
        message = new.add(text, string=known.string if known else "", locations=[(place, 0) for place in places])
        message.flags.clear()  # Babel takes `95 % in` for a printf format
    return new


def write_catalogue(catalogue: Catalog) -> bytes:
    """Return the catalogue as a file, the same bytes for the same strings."""
    buffer = io.BytesIO()
    write_po(buffer, catalogue, width=100, sort_by_file=True, include_lineno=False)
    lines = buffer.getvalue().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(_DATED))


def main(path: Path = PACKAGE / "reporting" / CATALOGUE) -> int:
    """Collect into the catalogue; return 1 where a string has no translation yet."""
    with path.open("rb") as file:
        old = read_po(file, locale="da")
    found = collect_strings()
    new = merge_catalogue(found, old)
    path.write_bytes(write_catalogue(new))
    empty = [str(m.id) for m in new if m.id and not m.string]
    sys.stdout.write(f"{len(found)} strings, {len(empty)} without a translation\n")
    for text in empty:
        sys.stdout.write(f"  {text.splitlines()[0]}\n")
    return 1 if empty else 0


if __name__ == "__main__":
    sys.exit(main())
