"""The packages are declared alike in pyproject.toml, environment.yml and requirements.lock, and the hooks work."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
# One pinned package: `name==version ; marker \` and its hashes, one a line.
PIN = re.compile(
    r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>[^\n]*\n(?:    --hash=sha256:\S+[^\n]*\n)*)", re.M
)
CONDA_ONLY = {"pip"}  # conda needs it to install what conda-forge lacks


def bounds(lines):
    requirements = [Requirement(line) for line in lines]
    return {canonicalize_name(r.name): str(r.specifier) for r in requirements}


@pytest.fixture(scope="module")
def conda():
    """Bounds by package of environment.yml, its pip section included."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    named = [entry for entry in entries if isinstance(entry, str)]
    [pip] = [entry["pip"] for entry in entries if isinstance(entry, dict)]
    assert pip[-1] == "-e ."
    return bounds([*named, *pip[:-1]])


def test_conda_environment_declares_what_pyproject_declares(conda):
    python = conda.pop("python")
    assert python == PROJECT["requires-python"]
    assert {name: bound for name, bound in conda.items() if name not in CONDA_ONLY} == bounds(DECLARED)


def test_no_package_is_declared_twice():
    assert len(bounds(DECLARED)) == len(DECLARED)


@pytest.mark.parametrize("line", DECLARED)
def test_lock_pins_every_declared_package_within_its_bounds(line):
    requirement = Requirement(line)
    versions = [
        pin["version"]
        for pin in PIN.finditer(LOCK)
        if canonicalize_name(pin["name"]) == canonicalize_name(requirement.name)
    ]
    assert versions
    assert all(requirement.specifier.contains(version) for version in versions)


def test_lock_has_hashes_for_every_pin():
    pins = list(PIN.finditer(LOCK))
    assert len(pins) == len(re.findall(r"^[A-Za-z0-9]", LOCK, re.M))  # no line that is not a pin
    assert [pin["name"] for pin in pins if "--hash=sha256:" not in pin["rest"]] == []


def test_lock_names_no_index():
    assert not re.search(r"https?://|--(?:extra-)?index-url|--find-links", LOCK)


def hook(name):
    [repository] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repository["repo"] == "local"  # so that a commit needs no network
    [found] = [hook for hook in repository["hooks"] if hook["id"] == name]
    program, *arguments = shlex.split(found["entry"])
    assert program.startswith(".venv/bin/")
    return [str(Path(sys.executable).with_name(Path(program).name)), *arguments]


@pytest.mark.parametrize("name", ["nbstripout", "ruff-format", "ruff"])
def test_hooks_run_tools_that_the_project_declares(name):
    program = Path(hook(name)[0])
    assert program.name in bounds(DECLARED)
    assert program.is_file()


def test_stripping_takes_outputs_and_keeps_the_kernel(tmp_path):
    path = tmp_path / "report.ipynb"
    shutil.copy(ROOT / "notebooks/trial_effects.ipynb", path)
    stripped = path.read_text(encoding="utf-8")
    notebook = json.loads(stripped)
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["a number"]}]
    cell["execution_count"] = 3
    path.write_text(json.dumps(notebook), encoding="utf-8")
    subprocess.run([*hook("nbstripout"), str(path)], check=True)
    assert json.loads(path.read_text(encoding="utf-8")) == json.loads(stripped)
    assert "kernelspec" in json.loads(stripped)["metadata"]
