"""Open source files: one by its path, or those of an extract's folder by the tables that they hold."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import zip_longest
from pathlib import Path

from analysis_lib.errors import DataError
from analysis_lib.parameters import suggest
from analysis_lib.register.sources.contract import Chunk, CsvForm, Source
from analysis_lib.register.sources.csv_source import CsvSource
from analysis_lib.register.sources.parquet_source import ParquetSource
from analysis_lib.register.sources.sas_source import SasSource

__all__ = ["Chunk", "CsvForm", "Source", "find_tables", "open_source"]

ENDINGS = (".csv", ".parquet", ".sas7bdat")
_KINDS = ".csv, .parquet or .sas7bdat"
_CATALOGUE = ".sas7bcat"


def open_source(path: Path | str, *, name: str | None = None, form: CsvForm | None = None) -> Source:
    """Open one source file and read its header.

    Parameters
    ----------
    path
        Ends in .csv, .parquet or .sas7bdat, in small or capital letters.
    name
        What messages call it: its path from the source's folder, whose parts such as `municipality=461` are columns;
        the file's own name by default.
    form
        How a CSV file is written; what it leaves out is detected. Files of other kinds say it themselves.

    Raises
    ------
    DataError
        Where there is no such file, or its header cannot be read.
    """
    path = Path(path)
    name = path.name if name is None else name
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; must be {_KINDS}")
    try:
        match path.suffix.lower():
            case ".csv":
                return CsvSource(path, name, form or CsvForm())
            case ".parquet":
                return ParquetSource(path, name)
            case ".sas7bdat":
                return SasSource(path, name)
    except PermissionError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    raise DataError(f"{path}: must be {_KINDS}")


def find_tables(
    folder_or_file: Path | str, names: Collection[str], *, form: CsvForm | None = None
) -> dict[str, tuple[Source, ...]]:
    """Open the files of an extract, by table.

    A table `weeks` is a file such as `weeks.csv`, or a folder `weeks` with files of one kind in it, also in folders
    such as `municipality=461`; hidden files and those that begin with `_` are left out.

    Parameters
    ----------
    folder_or_file
        The extract's folder; or one file, which then stands under the name `""`.
    names
        The tables that an extract may have.
    form
        How the CSV files are written.

    Returns
    -------
    dict of str to tuple of Source
        The tables that are there, in the order of `names`, each with its files sorted by path.

    Raises
    ------
    DataError
        Where a table stands twice, a file belongs to no table, or the files of a table have different columns.
    """
    root = Path(folder_or_file)
    if root.is_file():
        return {"": (open_source(root, form=form),)}
    if not root.is_dir():
        raise DataError(f"{root}: there is no such folder or file; must be an extract's folder, or one file")
    found: dict[str, list[Path]] = {}
    for path in sorted(root.iterdir()):
        table = _table_of(path, names)
        if table is not None:
            found.setdefault(table, []).append(path)
    tables = {}
    for table in names:
        places = found.get(table, [])
        if len(places) > 1:
            there = " and ".join(_relative(path, root) for path in places)
            raise DataError(f"{table}: found {there}; must be one file or one folder")
        if places:
            tables[table] = _open_table(places[0], root, form)
    return tables


def _table_of(path: Path, names: Collection[str]) -> str | None:
    """Return the table of a file or folder, `None` where it is no data; raise where its name is no table's."""
    if _is_left_out(path) or path.suffix.lower() == _CATALOGUE:
        return None
    if path.is_dir():
        table, is_data = path.name, any(child.suffix.lower() in ENDINGS for child in path.rglob("*"))
    else:
        table, is_data = path.stem, path.suffix.lower() in ENDINGS
        if not is_data and path.name.partition(".")[0] in names:
            raise DataError(f"{path.name}: must be {_KINDS}")
    if table in names:
        return table
    if is_data:
        raise DataError(
            f"{path.name}{'/' if path.is_dir() else ''}: belongs to no table{suggest(table, names)} "
            f"(allowed: {', '.join(names)})"
        )
    return None


def _open_table(place: Path, root: Path, form: CsvForm | None) -> tuple[Source, ...]:
    if place.is_file():
        return (open_source(place, name=_relative(place, root), form=form),)
    paths = [
        path for path in sorted(place.rglob("*"))
        if path.is_file() and not any(_is_left_out(part) for part in (path, *path.relative_to(root).parents))
    ]  # fmt: skip
    where = _relative(place, root)
    if not paths:
        raise DataError(f"{where}: holds no file; must hold {_KINDS} files of one kind")
    kinds = sorted({path.suffix.lower() for path in paths})
    if len(kinds) > 1 or kinds[0] not in ENDINGS:
        shown = " and ".join(kind or "no ending" for kind in kinds)
        raise DataError(f"{where}: holds files with {shown}; must be {_KINDS} files of one kind")
    sources = tuple(open_source(path, name=_relative(path, root), form=form) for path in paths)
    for source in sources[1:]:
        _check_alike(source, sources[0])
    return sources


def _check_alike(source: Source, first: Source) -> None:
    """Raise where two files of a table differ in their columns, or in the columns that their folders give."""
    for place, (own, wanted) in enumerate(zip_longest(source.columns, first.columns), start=1):
        if own != wanted:
            found = "is missing" if own is None else f"is '{own}'"
            allowed = f"must be '{wanted}'" if wanted is not None else "must not be there"
            raise DataError(f"{source.name}: column {place:,} {found}; {allowed}, as in {first.name}")
    if tuple(source.fixed) != tuple(first.fixed):
        raise DataError(
            f"{source.name}: the folders give {_listed(tuple(source.fixed))}; must give {_listed(tuple(first.fixed))}, "
            f"as those of {first.name}"
        )


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(keys) or "no column"


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() + ("/" if path.is_dir() else "")


def _is_left_out(path: Path) -> bool:
    return path.name.startswith((".", "_"))
