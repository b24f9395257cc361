"""The documents keep step with the code."""

import re
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest

import analysis_lib

ROOT = Path(__file__).parents[1]


def test_readme_shows_real_output():
    assert "@@" not in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_file_named_in_the_readme_exists():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:docs|parameters|analysis_lib|notebooks|tests)/[\w./]*)`", text) + re.findall(
        r"\]\(([\w./]+)\)", text
    )
    assert len(named) > 8
    for name in named:
        assert (ROOT / name).exists(), name


def test_changelog_is_of_this_version():
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)[1]
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)[1] == version


def test_the_package_lists_its_parts():
    parts = {p.stem for p in (ROOT / "analysis_lib").iterdir() if not p.name.startswith("_")}
    listed = set(re.findall(r"^(\w+)  +\S", analysis_lib.__doc__, re.M))
    assert parts == listed


def test_public_names_are_there():
    assert set(dir(analysis_lib)) == set(analysis_lib.__all__)
    with pytest.raises(AttributeError, match="no attribute 'diference_in_means'"):
        analysis_lib.diference_in_means  # noqa: B018
    for name in analysis_lib.__all__:
        assert getattr(analysis_lib, name).__doc__


TOPICS = (
    "design", "durations", "effects", "randomization", "uptake", "sites", "subgroups", "spillover", "costs", "series",
)  # fmt: skip
NOT_ESTIMATORS = {
    "assigned_by_rule", "birth_day_design", "birth_design", "check_joint_balance", "cohort_design", "covariate_columns",
    "recorded_design", "treated_day_share",
}  # fmt: skip
"""Functions of the design package that only make a design or its columns; the joint test is part of `balance_table`."""


@pytest.mark.parametrize("topic", TOPICS)
def test_every_estimator_has_its_section(topic):
    methods = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    package = import_module(f"analysis_lib.trials.{topic}")
    functions = {name for name in package.__all__ if isinstance(getattr(package, name), FunctionType)}
    assert functions
    assert not [name for name in functions - NOT_ESTIMATORS if f"`{name}" not in methods]
