"""Small files written byte for byte, and how they read."""

import pytest

from analysis_lib.register.sources import CsvForm, open_source


@pytest.fixture
def csv_file(tmp_path):
    """Return a function that writes a CSV file's bytes and opens it."""

    def write(content, *, name="weeks.csv", **form):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return open_source(path, form=CsvForm(**form))

    return write


@pytest.fixture
def read():
    """Return a function that reads a source whole: a dictionary of lists."""

    def whole(source, **wanted):
        columns = {}
        for chunk in source.chunks(**wanted):
            for name, cells in chunk.table.to_pydict().items():
                columns.setdefault(name, []).extend(cells)
        return columns

    return whole
