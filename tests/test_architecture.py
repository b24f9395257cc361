"""Imports run one way, and heavy ones stand where they belong."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "analysis_lib"
LAYERS = {
    "errors": 0,
    "files": 1,
    "results": 1,
    "parameters": 1,
    "register": 2,
    "aggregates": 3,
    "trials": 3,
    "uniformity": 3,
    "reporting": 4,
    "batch": 5,
}
"""A module may import its own layer's package and lower layers; the command line and the package itself stand on top."""
ONLY_IN = {
    "matplotlib": "reporting", "seaborn": "reporting", "papermill": "batch", "nbconvert": "reporting", "typer": "__main__",
}  # fmt: skip
MODULES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def part(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_run_one_way(path):
    own = part(path)
    if own in ("__init__", "__main__"):
        return
    for name in imported(path):
        pieces = name.split(".")
        if pieces[0] != "analysis_lib" or len(pieces) < 2:
            continue
        assert LAYERS[pieces[1]] <= LAYERS[own], f"{path.name} imports upward: {name}"
        assert LAYERS[pieces[1]] < LAYERS[own] or pieces[1] == own or LAYERS[own] <= 1, (
            f"{path.name} imports sideways: {name}"
        )


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_imports_stand_where_they_belong(path):
    for name in imported(path):
        home = ONLY_IN.get(name.split(".")[0])
        assert home is None or home == part(path), f"{path.name} imports {name}, which only {home} may"


def test_every_part_has_its_layer():
    assert {part(path) for path in MODULES} - {"__init__", "__main__"} <= set(LAYERS)
