"""The folder beside the extract in which an import collects its work, so that one that was interrupted can go on.

A unit is what some chunks of one source file gave: a file a table, the rows of the extract that its rows belong to, and
a JSON file with the faults, which is written last and so says that the unit is whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analysis_lib.errors import OutputError
from analysis_lib.files import FolderLock, empty_folder, write_through, write_whole
from analysis_lib.register.importing.faults import Faults
from analysis_lib.register.layout import ROW

IntArray = NDArray[np.int64]
IDENTITY = "identity.json"
EXTRACT = "extract"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A unit that stands whole in the staging folder."""

    path: Path
    chunks: int
    rows: int
    position: int
    faults: Faults

    def read_rows(self) -> IntArray:
        """Return the row of the extract of each of its rows, in the file's order; -1 is nobody's."""
        rows: IntArray = np.load(f"{self.path}.npy")
        return rows


class Staging:
    """The staging folder of one import, which holds a lock on it inside a `with` block.

    Parameters
    ----------
    folder
        Made when it is not there.
    identity
        What the import depends on: sources and options. Work of another identity is thrown away.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self._identity = json.dumps(identity, indent=1, sort_keys=True).encode()
        self._lock = FolderLock(folder)
        self.resumed = False

    def __enter__(self) -> Staging:
        """Take the folder, with the work of the same import in it where there is some.

        Raises
        ------
        OutputError
            Where another import is at work in it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._lock.take():
            raise OutputError(f"{self.folder}: another import is at work there; must be waited for")
        try:
            self._prepare()
        except OSError:
            self._lock.release()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the folder as it is, for the import to go on."""
        self._lock.release()

    @property
    def extract(self) -> Path:
        """Where the extract is put together."""
        return self.folder / EXTRACT

    def units(self, source: str) -> list[Unit]:
        """Return the units of a source that are whole, in order."""
        units: list[Unit] = []
        while (path := self._path(source, len(units))).with_suffix(".json").is_file():
            content = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            content["faults"] = Faults.from_json(content["faults"])
            units.append(Unit(path=path, **content))
        return units

    def add(
        self, source: str, number: int, tables: Mapping[str, Sequence[pa.Table]], *, rows: Sequence[IntArray],
        position: int, faults: Faults,
    ) -> Unit:  # fmt: skip
        """Write the next unit of a source: its tables, sorted by row, and the rows of the extract, chunk by chunk."""
        path = self._path(source, number)
        for name, parts in tables.items():
            table = pa.concat_tables(parts).combine_chunks()
            table = table.take(pa.array(np.argsort(table.column(ROW).to_numpy(), kind="stable")))
            with pa.OSFile(f"{path}.{name}.arrow", "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
                writer.write_table(table)
            write_through(Path(f"{path}.{name}.arrow"))
        joined = np.concatenate(rows)
        with Path(f"{path}.npy").open("wb") as stream:
            np.save(stream, joined)
        write_through(Path(f"{path}.npy"))
        content = {"chunks": len(rows), "rows": len(joined), "position": position, "faults": faults.to_json()}
        write_whole(path.with_suffix(".json"), json.dumps(content).encode())
        return Unit(path=path, chunks=len(rows), rows=len(joined), position=position, faults=faults)

    def mark_read(self, source: str) -> None:
        """Remember that a source has been read to its end."""
        write_whole(self.folder / f"{source}.done", b"")

    def is_read(self, source: str) -> bool:
        """Return whether a source has been read to its end."""
        return (self.folder / f"{source}.done").is_file()

    def remove(self) -> None:
        """Throw the folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _prepare(self) -> None:
        path = self.folder / IDENTITY
        self.resumed = path.is_file() and path.read_bytes() == self._identity
        if self.resumed:
            return
        empty_folder(self.folder)
        write_whole(path, self._identity)

    def _path(self, source: str, number: int) -> Path:
        return self.folder / f"{source}-{number:06d}"


def rows_between(units: Sequence[Unit], table: str, low: int, high: int) -> Iterator[pa.Table]:
    """Yield what each unit has of a table for the rows `low` to `high` (excluded), counted from `low`.

    The files are opened one at a time, because there may be more of them than a process may have open.
    """
    for unit in units:
        path = Path(f"{unit.path}.{table}.arrow")
        if not path.is_file():
            continue
        with pa.memory_map(str(path)) as source:
            whole = pa.ipc.open_file(source).read_all()
            row = whole.column(ROW).to_numpy()
            first, last = np.searchsorted(row, [low, high])
            if first < last:
                own = pa.array(row[first:last] - np.int32(low), type=pa.int32())
                # A copy: the file is closed before the slice is used.
                part = whole.slice(first, last - first).set_column(0, ROW, own)
                yield part.take(pa.array(np.arange(part.num_rows)))
