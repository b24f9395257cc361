"""The notebooks stay thin: they ask, the library answers."""

import ast
import json
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
FORBIDDEN = (
    ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.If, ast.Try, ast.With, ast.Lambda, ast.ListComp, ast.DictComp,
    ast.SetComp, ast.GeneratorExp, ast.BinOp,
)  # fmt: skip


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.fixture(params=NOTEBOOKS, ids=lambda p: p.name)
def notebook(request):
    return nbformat.read(request.param, as_version=4)


def test_there_are_notebooks():
    assert NOTEBOOKS


def test_valid_and_with_kernelspec(notebook):
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.language_info.name == "python"


def test_committed_without_outputs(notebook):
    for cell in code_cells(notebook):
        assert not cell.outputs
        assert cell.execution_count is None


def test_one_annotated_commented_parameters_cell(notebook):
    (cell,) = [cell for cell in code_cells(notebook) if "parameters" in cell.metadata.get("tags", [])]
    for line, node in zip(cell.source.splitlines(), ast.parse(cell.source).body, strict=True):
        assert isinstance(node, ast.AnnAssign)
        assert "#" in line


def test_code_only_asks(notebook):
    cells = code_cells(notebook)
    assert len(cells) <= 14
    for cell in cells:
        tree = ast.parse(cell.source)
        assert len(cell.source.splitlines()) <= 10
        assert not [node for node in ast.walk(tree) if isinstance(node, FORBIDDEN)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert [alias.name for alias in node.names] == ["analysis_lib"]
            assert not isinstance(node, ast.ImportFrom)


def test_ids_are_stable():
    """nbformat invents ids for cells without one, so that every save would change the file."""
    for path in NOTEBOOKS:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        ids = [cell["id"] for cell in cells]
        assert len(set(ids)) == len(ids)
