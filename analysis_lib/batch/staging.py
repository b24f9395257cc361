"""A folder that is replaced in one step: the new one is built beside it, the earlier one stands until the end."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType

from analysis_lib.errors import OutputError
from analysis_lib.files import FolderLock, empty_folder, replace_folder, restore_folder


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
        self._lock = FolderLock(self.folder)
        self._published = False

    def __enter__(self) -> Staging:
        """Make the folder, empty, for this process alone."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._lock.take():
                raise OutputError(f"{self.target}: another run is writing it; wait for it, or choose another --outputs")
            restore_folder(self.target)
            empty_folder(self.folder)
            (self.folder / ".writable").touch()
            (self.folder / ".writable").unlink()
        except OSError as error:
            self._lock.release()
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
            replace_folder(self.target, self.folder)
        except OSError as error:
            raise OutputError(f"{self.target}: cannot be replaced ({error.strerror}); the new one is lost") from None
        self._published = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove what was built and not published."""
        if not self._published:
            restore_folder(self.target)
            shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()
