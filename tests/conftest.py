"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of public data sets (docs/data.md), or a skipped test."""
    folder = os.environ.get("PUBLIC_DATA")
    if not folder:
        pytest.skip("PUBLIC_DATA is not set: it names the folder with the public data sets of docs/data.md")
    path = Path(folder)
    if not path.is_dir():
        pytest.skip(f"PUBLIC_DATA is {folder}: there is no such folder")
    return path
