"""Saved answers: their bytes and their format."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from analysis_lib.errors import DataError, InvalidInput


def read_saved(path: Path | str, file_format: str | None, allowed: Collection[str]) -> tuple[bytes, str]:
    """Return a file's bytes and its format: the one given, or its extension.

    Raises
    ------
    DataError
        Where the file cannot be read.
    InvalidInput
        Where the format is not one of those allowed.
    """
    path = Path(path)
    form = path.suffix.removeprefix(".").lower() if file_format is None else file_format
    if form not in allowed:
        raise InvalidInput(f"file_format of {path} is '{form}'; must be one of {', '.join(allowed)}")
    try:
        return path.read_bytes(), form
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
