"""Folders and files that are replaced whole or not at all, by one process at a time."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


class FolderLock:
    """A lock on a folder, which the operating system takes away from a process that dies (none on Windows).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first, second = FolderLock(Path(folder)), FolderLock(Path(folder))
    ...     first.take(), second.take()
    ...     first.release()
    ...     second.take()
    ...     second.release()
    (True, False)
    True
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle: int | None = None

    def take(self) -> bool:
        """Take the lock; return whether it was to be had."""
        if sys.platform == "win32":
            return True
        import fcntl  # noqa: PLC0415 (not on every platform)

        self._handle = os.open(self._folder, os.O_RDONLY)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give the lock back, where it was taken."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def empty_folder(folder: Path) -> None:
    """Remove what a folder holds, not the folder itself (a lock may be on it)."""
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink()


def replace_folder(target: Path, made: Path) -> None:
    """Put a finished folder in the place of an earlier one, which stands until then and again where that fails.

    Raises
    ------
    OSError
        Where it cannot be renamed.
    """
    previous = _previous(target)
    if target.exists():
        target.rename(previous)
    try:
        made.rename(target)
    except OSError:
        restore_folder(target)
        raise
    shutil.rmtree(previous, ignore_errors=True)


def restore_folder(target: Path) -> None:
    """Undo the first half of a replacement that was cut off, or finish its second half."""
    previous = _previous(target)
    if previous.exists():
        if target.exists():
            shutil.rmtree(previous)
        else:
            previous.rename(target)


def write_whole(path: Path, content: bytes) -> None:
    """Write a small file under a temporary name, bring it to the disk, then rename it."""
    temporary = path.with_name(f".{path.name}")
    with temporary.open("wb") as stream:
        stream.write(content)
    write_through(temporary)
    temporary.replace(path)


def write_through(path: Path) -> None:
    """Bring a file to the disk, so that a power cut cannot take it back."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _previous(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.previous")
