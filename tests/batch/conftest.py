"""Projects to run batches in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.projects import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh project."""
    return Project(tmp_path)


@pytest.fixture(scope="session")
def new_project() -> Callable[[Path], Project]:
    """Makes a project in a folder."""
    return Project
