import json

import pytest

from analysis_lib.batch.contract import check_parameters, read_parameters
from analysis_lib.errors import DefinitionError

GOOD = 'trial: str = "hig"  # a trial\nn: int = -3\nshare: float = 0.5\ndraft: bool = False'
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}


def write(folder, *sources, tags=("parameters",), metadata=None):
    cells = [
        {"cell_type": "code", "id": f"c{i}", "metadata": {"tags": list(tags)}, "execution_count": None, "outputs": [],
         "source": source}
        for i, source in enumerate(sources)
    ]  # fmt: skip
    content = {"cells": cells, "metadata": KERNEL if metadata is None else metadata, "nbformat": 4, "nbformat_minor": 5}
    path = folder / "report.ipynb"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_parameters_are_read_with_their_types(tmp_path):
    path = write(tmp_path, GOOD)
    assert read_parameters(path) == {"trial": str, "n": int, "share": float, "draft": bool}


def test_a_whole_number_is_a_float_where_one_is_wanted(tmp_path):
    given = check_parameters(write(tmp_path, GOOD), {"share": 2, "n": 2})
    assert given == {"share": 2.0, "n": 2}
    assert type(given["share"]) is float
    assert type(given["n"]) is int


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trail": "hig"}, "unknown parameter 'trail'; did you mean 'trial'? (allowed: trial, n, share, draft)"),
        ({"trial": 7}, "parameter 'trial' is 7; must be text (str)"),
        ({"n": "7"}, "parameter 'n' is '7'; must be a whole number (int)"),
        ({"n": 7.0}, "parameter 'n' is 7.0; must be a whole number (int)"),
        ({"n": True}, "parameter 'n' is true; must be a whole number (int)"),
        ({"share": "0.5"}, "parameter 'share' is '0.5'; must be a number (float)"),
        ({"share": False}, "parameter 'share' is false; must be a number (float)"),
        ({"draft": 0}, "parameter 'draft' is 0; must be true or false (bool)"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(tmp_path, given, message):
    path = write(tmp_path, GOOD)
    with pytest.raises(DefinitionError) as error:
        check_parameters(path, given)
    assert str(error.value) == f"{path}: {message}"


def test_every_problem_has_its_line(tmp_path):
    with pytest.raises(DefinitionError) as error:
        check_parameters(write(tmp_path, GOOD), {"trail": "hig", "n": "7"})
    assert len(str(error.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("trial = 'hig'", "trial = 'hig'"),
        ("trial: str", "trial: str"),
        ("trial: str = 7", "trial: str = 7"),
        ("n: int = 7.5", "n: int = 7.5"),
        ("n: int = True", "n: int = True"),
        ("n: list = []", "n: list = []"),
        ("trial: str = str(7)", "trial: str = str(7)"),
        ("import os", "import os"),
    ],
)
def test_only_annotated_values_may_stand_in_the_cell(tmp_path, line, found):
    with pytest.raises(DefinitionError) as error:
        read_parameters(write(tmp_path, f"ok: int = 1\n{line}"))
    assert f"line 2 of the parameters cell is `{found}`; must be `name: str|int|float|bool = value`" in str(error.value)


@pytest.mark.parametrize(
    ("sources", "options", "message"),
    [
        ((GOOD,), {"tags": ()}, "has 0 code cells tagged 'parameters'; must be exactly one"),
        ((GOOD, GOOD), {}, "has 2 code cells tagged 'parameters'; must be exactly one"),
        ((GOOD,), {"metadata": {}}, "has no kernelspec"),
        (("%matplotlib inline",), {}, "the parameters cell is not Python, line 1"),
    ],
)
def test_a_notebook_that_papermill_would_get_wrong_is_refused(tmp_path, sources, options, message):
    with pytest.raises(DefinitionError, match=r"report\.ipynb") as error:
        read_parameters(write(tmp_path, *sources, **options))
    assert message in str(error.value)


@pytest.mark.parametrize("text", ["", "no notebook", "[]", "{}", '{"cells": 3}'])
def test_a_file_that_is_no_notebook_is_named(tmp_path, text):
    path = tmp_path / "report.ipynb"
    path.write_text(text)
    with pytest.raises(DefinitionError) as error:
        read_parameters(path)
    assert str(error.value).startswith(f"{path}: ")
    assert len(str(error.value).splitlines()) == 1


def test_a_missing_notebook_is_named_with_the_nearest(tmp_path):
    write(tmp_path, GOOD)
    with pytest.raises(DefinitionError, match=r"there is no such notebook; did you mean 'report'"):
        read_parameters(tmp_path / "reprot.ipynb")
