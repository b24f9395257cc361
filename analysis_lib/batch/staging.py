"""A folder that is replaced in one step: the new one is built beside it, the earlier one stands until the end."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from types import TracebackType

from analysis_lib.errors import OutputError


class Staging:
    """Build `<outputs>/.<name>.partial` and rename it to `<outputs>/<name>` at the end.

    A context manager: whatever ends the block before `publish`, an interrupt too, leaves the earlier folder as it was
    and removes what was built. What a killed process left is cleaned when the next one enters.

    Parameters
    ----------
    outputs
        The folder that both stand in; made where it is missing.
    name
        The name of the finished folder.

    Raises
    ------
    OutputError
        Where `outputs` cannot be written, or another process is building the same folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as outputs, Staging(Path(outputs), "demo") as staging:
    ...     _ = (staging.folder / "index.html").write_text("done")
    ...     staging.publish()
    ...     staging.target.joinpath("index.html").read_text()
    'done'
    """

    def __init__(self, outputs: Path, name: str) -> None:
        self.target = outputs / name
        self.folder = outputs / f".{name}.partial"
        self._previous = outputs / f".{name}.previous"
        self._lock: int | None = None
        self._published = False

    def __enter__(self) -> Staging:
        """Make the folder, empty, for this process alone."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._take_lock()
            self._clean()
        except OSError as error:
            self._release_lock()
            reason = error.strerror or type(error).__name__
            raise OutputError(
                f"{self.target.parent}: cannot be written ({reason}); must be a folder to write in"
            ) from None
        return self

    def publish(self) -> None:
        """Put the new folder in the place of the earlier one.

        Raises
        ------
        OutputError
            Where it cannot be renamed; the earlier folder then stands.
        """
        try:
            if self.target.exists():
                self.target.rename(self._previous)
            self.folder.rename(self.target)
        except OSError as error:
            self._restore()
            raise OutputError(f"{self.target}: cannot be replaced ({error.strerror}); the new one is lost") from None
        self._published = True
        shutil.rmtree(self._previous, ignore_errors=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was built and not published."""
        if not self._published:
            self._restore()
            shutil.rmtree(self.folder, ignore_errors=True)
        self._release_lock()

    def _restore(self) -> None:
        """Undo the first half of a replacement that was cut off."""
        if self._previous.exists() and not self.target.exists():
            self._previous.rename(self.target)

    def _clean(self) -> None:
        self._restore()
        shutil.rmtree(self._previous, ignore_errors=True)
        for left in self.folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()
        (self.folder / ".writable").touch()
        (self.folder / ".writable").unlink()

    def _take_lock(self) -> None:
        if sys.platform == "win32":
            return
        import fcntl  # noqa: PLC0415 (not on every platform)

        self._lock = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._release_lock()
            raise OutputError(
                f"{self.target}: another run is writing it; wait for it, or choose another --outputs"
            ) from None

    def _release_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
