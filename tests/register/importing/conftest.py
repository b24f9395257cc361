"""A small register in source files, its faults, and the bytes of an extract."""

from __future__ import annotations

import pytest

from analysis_lib.errors import DataError
from analysis_lib.register.extract import read_extract
from analysis_lib.register.importing.run import import_extract

PERSONS = """\
person_id,birth_date,sex,municipality,married
b,1960-02-29,woman,370,true
a,1971-12-31,man,580,false
Åse,1980-01-01,woman,492,True
"""
WEEKS = """\
person_id,y_0544,y_0545,y_0546
Åse,,890,
a,111,111,
b,, 111 ,211.0
"""


def bytes_of(folder):
    """Return the bytes of every file below a folder by its path, hidden ones too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(name="bytes_of")
def bytes_of_fixture():
    return bytes_of


@pytest.fixture
def source(tmp_path):
    """Return the folder of a register of three people as CSV."""
    made = tmp_path / "source"
    made.mkdir()
    (made / "persons.csv").write_text(PERSONS, encoding="utf-8")
    (made / "weeks.csv").write_text(WEEKS, encoding="utf-8")
    return made


@pytest.fixture
def write(source):
    """Return a function that writes a file of the source; with `old`, only that part of it is replaced."""

    def run(name, new, old=None):
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(new, bytes):
            path.write_bytes(new)
        elif old is None:
            path.write_text(new, encoding="utf-8")
        else:
            text = path.read_text(encoding="utf-8")
            assert old in text
            path.write_text(text.replace(old, new), encoding="utf-8")

    return run


@pytest.fixture
def imported(source, tmp_path, codes, jobcentres):
    """Return a function that imports the source and returns the extract."""

    def run():
        made = import_extract(source, tmp_path / "to", codes=codes, jobcentres=jobcentres)
        return read_extract(made.folder)

    return run


@pytest.fixture
def refused(source, tmp_path, codes, jobcentres):
    """Return a function that imports the source, which must fail, and returns the lines of the error.

    An earlier extract must stay as it is, and nothing else must be left.
    """
    to = tmp_path / "out" / "to"
    good = tmp_path / "good"
    good.mkdir()
    (good / "persons.csv").write_text(PERSONS, encoding="utf-8")
    (good / "weeks.csv").write_text(WEEKS, encoding="utf-8")

    def run():
        import_extract(good, to, codes=codes, jobcentres=jobcentres)
        before = bytes_of(to.parent)
        with pytest.raises(DataError) as error:
            import_extract(source, to, codes=codes, jobcentres=jobcentres)
        assert bytes_of(to.parent) == before
        lines = str(error.value).splitlines()
        assert all(line.startswith(f"{source}: ") for line in lines)
        return [line.removeprefix(f"{source}: ") for line in lines]

    return run
