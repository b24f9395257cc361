"""The documents keep step with the code."""

import re
from pathlib import Path

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


def test_every_estimator_has_its_section():
    methods = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    for name in (
        "difference_in_means",
        "lin_adjusted",
        "additive_adjusted",
        "survival_curve",
        "median_duration",
        "hazard_ratio",
        "logrank",
        "check_treated_share",
        "balance_table",
        "check_equal_effects",
    ):
        assert f"`{name}" in methods, name
