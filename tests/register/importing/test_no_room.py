"""Places that cannot be written: the operating system itself says no, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from analysis_lib.errors import OutputError
from analysis_lib.register.extract import read_extract
from analysis_lib.register.importing import reading
from analysis_lib.register.importing.run import import_extract
from analysis_lib.register.sources import contract
from analysis_lib.register.weeks import column_name, week_index

PEOPLE, WEEKS = 400, 60
IMPORT = """\
import resource, signal, sys
from analysis_lib.errors import OutputError
from analysis_lib.register.importing import reading
from analysis_lib.register.importing.run import import_extract
from analysis_lib.register.sources import contract
contract.CELLS, reading.UNIT_ROWS = 61 * 50, 100
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), -1))
try:
    import_extract(sys.argv[1], sys.argv[2])
except OutputError as error:
    print(error)
"""


@pytest.fixture(autouse=True)
def pieces(monkeypatch):
    monkeypatch.setattr(contract, "CELLS", (WEEKS + 1) * 50)
    monkeypatch.setattr(reading, "UNIT_ROWS", 100)


@pytest.fixture
def many(source):
    """Return a source whose spells take some 100 kB, with codes that do not compress."""
    ids = [f"p{i:03d}" for i in range(PEOPLE)]
    codes = np.random.default_rng(7).integers(1, 32767, (PEOPLE, WEEKS))
    persons = pd.DataFrame({"person_id": ids, "birth_date": "1970-01-01", "sex": "man", "municipality": 461})
    persons.to_csv(source / "persons.csv", index=False)
    first = week_index("2005-W01")
    weeks = pd.DataFrame(codes, columns=[column_name(first + week) for week in range(WEEKS)])
    weeks.insert(0, "person_id", ids)
    weeks.to_csv(source / "weeks.csv", index=False)
    return source


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Return the folder of a small source, whose extract stands when there is no room for a larger one."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "persons.csv").write_text(
        "person_id,birth_date,sex,municipality\na,1970-01-01,man,461\n", encoding="utf-8"
    )
    (folder / "weeks.csv").write_text("person_id,y_0544\na,111\n", encoding="utf-8")
    return folder


def run_limited(source, to, largest):
    """Import in a process that may write files of so many bytes at most; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT, source, to, str(largest)], capture_output=True, text=True, check=True
    )  # fmt: skip
    return done.stdout.strip()


# A unit of 100 people takes 84 kB, the spells of all in the extract more than 100 kB; a JSON file 300 bytes.
@pytest.mark.parametrize(("largest", "goes_on"), [(100, False), (20_000, True), (90_000, True)])
def test_files_that_may_not_grow(many, small, tmp_path, bytes_of, largest, goes_on):
    to = tmp_path / "out" / "to"
    import_extract(small, to)
    before = bytes_of(to)
    message = run_limited(many, to, largest)
    assert message.startswith(f"{to}: cannot be written (")
    assert "File too large" in message
    assert message.endswith("); what stood there still does, and the same import goes on where it was")
    assert len(message.splitlines()) == 1
    assert bytes_of(to) == before
    assert sorted(path.name for path in to.parent.iterdir()) == [".to.importing", "to"]
    assert import_extract(many, to).resumed is goes_on
    assert sorted(path.name for path in to.parent.iterdir()) == ["to"]
    assert bytes_of(to) == bytes_of(import_extract(many, tmp_path / "other").folder)


@pytest.fixture
def tiny_disk(tmp_path):
    """Return a folder on a file system of 200 kB, where this process may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    options = ["-t", "tmpfs", "-o", "size=200k", "tmpfs"]
    try:
        mounted = subprocess.run(["mount", *options, place], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("this process may not mount a file system")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk(many, small, tiny_disk, tmp_path, bytes_of):
    to = tiny_disk / "to"
    import_extract(small, to)
    before = bytes_of(to)
    with pytest.raises(OutputError, match=r"to: cannot be written \(.*No space left on device.*\); what stood there"):
        import_extract(many, to)
    assert bytes_of(to) == before
    subprocess.run(["mount", "-o", "remount,size=2m", tiny_disk], check=True)
    assert import_extract(many, to).resumed
    assert bytes_of(to) == bytes_of(import_extract(many, tmp_path / "other").folder)


def test_a_folder_that_may_not_be_written(source, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(OutputError, match=r"to: cannot be written \(Permission denied: .*\)"):
        import_extract(source, tmp_path / "closed" / "to")


def test_a_folder_below_a_file(source, tmp_path):
    (tmp_path / "letter.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(OutputError, match=r"to: cannot be written \(Not a directory: .*\)"):
        import_extract(source, tmp_path / "letter.txt" / "to")


def test_other_things_are_not_replaced(source, tmp_path, bytes_of):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("keep", encoding="utf-8")
    with pytest.raises(OutputError, match=r"home: holds 'letter\.txt'; must be new, empty or an earlier extract"):
        import_extract(source, tmp_path / "home")
    with pytest.raises(OutputError, match=r"letter\.txt: is a file; must be a folder"):
        import_extract(source, tmp_path / "home" / "letter.txt")
    with pytest.raises(OutputError, match=r"source: holds 'persons\.csv'; must be new, empty or an earlier extract"):
        import_extract(source, source)
    assert bytes_of(tmp_path / "home") == {"letter.txt": b"keep"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "source"]


def test_an_empty_folder_and_a_new_one_below_new_ones(source, tmp_path):
    (tmp_path / "empty").mkdir()
    for to in (tmp_path / "empty", tmp_path / "a" / "b" / "c"):
        assert len(read_extract(import_extract(source, to).folder).persons) == 3


def test_nobody_else_may_read_more_than_the_files_allow(source, tmp_path):
    """The extract's folder follows the process's mask, as its files do."""
    before = os.umask(0o077)
    try:
        made = import_extract(source, tmp_path / "to").folder
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o077 for path in (made, *made.rglob("*"))} == {0}
