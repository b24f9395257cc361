"""An import that was interrupted goes on where it was, and ends with the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pandas as pd
import pytest

from analysis_lib.errors import OutputError
from analysis_lib.register.importing import reading
from analysis_lib.register.importing.run import WRITING, import_extract
from analysis_lib.register.importing.staging import Staging
from analysis_lib.register.sources import CsvForm, contract
from analysis_lib.register.sources.csv_source import CsvSource

PEOPLE = 60
CHUNK_ROWS, UNIT = 5, 10
UNITS = PEOPLE // UNIT


@pytest.fixture(name="run")
def run_fixture(codes, jobcentres):
    """Return `import_extract` with definitions that were read once."""

    def run(*args, **options):
        return import_extract(*args, **({"codes": codes, "jobcentres": jobcentres} | options))

    return run


class Stopped(Exception):
    """What the progress callback raises."""


@pytest.fixture
def pieces(monkeypatch):
    """Cut the weeks (3 columns) into chunks of 5 rows and units of 10."""
    monkeypatch.setattr(contract, "CELLS", 3 * CHUNK_ROWS)
    monkeypatch.setattr(reading, "UNIT_ROWS", UNIT)


@pytest.fixture
def many(source):
    ids = [f"p{i:02d}" for i in range(PEOPLE)]
    homes = [(101, 461, 851)[i % 3] for i in range(PEOPLE)]
    persons = pd.DataFrame({"person_id": ids, "birth_date": "1970-01-01", "sex": "man", "municipality": homes})
    persons.to_csv(source / "persons.csv", index=False)
    pd.DataFrame({"person_id": ids, "y_0544": range(1, PEOPLE + 1), "y_0545": 111}).to_csv(
        source / "weeks.csv", index=False
    )
    contacts = pd.DataFrame({"person_id": ids[::2], "kind": "offer", "planned": "2005-01-01", "held": None})
    contacts.to_csv(source / "contacts.csv", index=False)
    return source


@pytest.fixture
def uninterrupted(many, tmp_path, pieces, bytes_of, run):
    return bytes_of(run(many, tmp_path / "uninterrupted").folder)


@pytest.fixture
def chunks_read(monkeypatch):
    """Return the list of the first rows of the chunks of weeks.csv that are parsed."""
    seen = []
    parse = CsvSource._read

    def counted(self, block, *args):
        if self.name == "weeks.csv":
            seen.append(block.first_row)
        return parse(self, block, *args)

    monkeypatch.setattr(CsvSource, "_read", counted)
    return seen


def stop_after(chunks, stage="weeks.csv"):
    told = []

    def progress(name, done, total):
        told.append(name)
        if told.count(stage) == chunks:
            raise Stopped

    return progress


def interrupt(run, many, to, progress, **options):
    with pytest.raises(Stopped):
        run(many, to, progress=progress, **options)


@pytest.mark.parametrize("units", range(UNITS))
@pytest.mark.parametrize("more", [0, 1])
def test_only_the_rest_is_read(many, tmp_path, pieces, uninterrupted, bytes_of, chunks_read, units, more, run):
    to = tmp_path / "out" / "to"
    interrupt(run, many, to, stop_after(units * UNIT // CHUNK_ROWS + 1 + more))
    assert [path.name for path in to.parent.iterdir()] == [".to.importing"]
    chunks_read.clear()
    made = run(many, to)
    # The chunk in which it was stopped was not yet part of a unit, unless it filled one and the next was begun.
    whole = units * UNIT
    assert chunks_read == list(range(whole + 1, PEOPLE + 1, CHUNK_ROWS))
    assert made.resumed
    assert bytes_of(to) == uninterrupted
    assert [path.name for path in to.parent.iterdir()] == ["to"]


@pytest.mark.parametrize("municipalities", [1, 2, 3])
def test_stopped_while_the_extract_is_written(
    many, tmp_path, pieces, uninterrupted, bytes_of, chunks_read, municipalities, run
):
    to = tmp_path / "out" / "to"
    interrupt(run, many, to, stop_after(municipalities, WRITING))
    chunks_read.clear()
    assert run(many, to).resumed
    assert chunks_read == []
    assert bytes_of(to) == uninterrupted


def test_stopped_twice(many, tmp_path, pieces, uninterrupted, bytes_of, chunks_read, run):
    to = tmp_path / "to"
    interrupt(run, many, to, stop_after(5))
    interrupt(run, many, to, stop_after(5))
    interrupt(run, many, to, stop_after(2, "contacts.csv"))
    chunks_read.clear()
    assert run(many, to).resumed
    assert chunks_read == []
    assert bytes_of(to) == uninterrupted


def change_source(many):
    text = (many / "weeks.csv").read_text(encoding="utf-8")
    (many / "weeks.csv").write_text(text.replace("p07,8,", "p07,9,"), encoding="utf-8")
    return {}


@pytest.mark.parametrize(
    "change",
    [
        change_source,
        lambda many: {"form": CsvForm(decimal=".")},
        lambda many: (many / "contacts.csv").unlink() or {},
        lambda many: setattr(contract, "CELLS", 2 * 3 * CHUNK_ROWS) or {},
    ],
    ids=["source", "form", "fewer files", "chunks of another size"],
)
def test_another_import_starts_afresh(many, tmp_path, pieces, bytes_of, chunks_read, change, run):
    interrupt(run, many, tmp_path / "to", stop_after(7))
    options = change(many)
    expected = bytes_of(run(many, tmp_path / "other", **options).folder)
    chunks_read.clear()
    made = run(many, tmp_path / "to", **options)
    assert not made.resumed
    assert chunks_read[0] == 1
    assert len(chunks_read) == PEOPLE * 3 // contract.CELLS
    assert bytes_of(tmp_path / "to") == expected


def test_other_jobcentres_start_afresh(many, tmp_path, pieces, jobcentres, run):
    interrupt(run, many, tmp_path / "to", stop_after(7), jobcentres=jobcentres)
    other = jobcentres.model_copy(update={"last_year": jobcentres.last_year - 1})
    assert not run(many, tmp_path / "to", jobcentres=other).resumed


def test_faults_of_staged_chunks_are_told_by_the_import_that_goes_on(many, tmp_path, pieces, run):
    text = (many / "weeks.csv").read_text(encoding="utf-8")
    (many / "weeks.csv").write_text(text.replace("p01,2,", "p01,-2,").replace("p55,56,", "p55,x,"), encoding="utf-8")
    interrupt(run, many, tmp_path / "to", stop_after(7))
    with pytest.raises(Exception, match=r"1 cell in 1 row negative: row 2 -2 in y_0544.*\n.*row 56 'x' in y_0544"):
        run(many, tmp_path / "to")
    assert not (tmp_path / ".to.importing").exists()


def test_killed(many, tmp_path, bytes_of, run):
    """A process that is killed (SIGKILL) in the middle of the weeks, and one that goes on."""
    script = (
        "import sys, time\n"
        "from analysis_lib.register.importing import reading\n"
        "from analysis_lib.register.importing.run import import_extract\n"
        "from analysis_lib.register.sources import contract\n"
        "contract.CELLS, reading.UNIT_ROWS = 15, 10\n"
        "def progress(stage, done, total):\n"
        "    if stage == 'weeks.csv' and done > total / 2:\n"
        "        print('half', flush=True)\n"
        "        time.sleep(600)\n"
        "import_extract(sys.argv[1], sys.argv[2], progress=progress if len(sys.argv) > 3 else lambda *_: None)\n"
    )

    def start(*arguments):
        return subprocess.Popen([sys.executable, "-c", script, str(many), *map(str, arguments)], stdout=subprocess.PIPE)

    with start(tmp_path / "to", "stop") as process:
        assert process.stdout.readline() == b"half\n"
        # Whoever starts it a second time meanwhile is told so.
        with pytest.raises(OutputError, match=r"\.to\.importing: another import is at work there; must be waited for"):
            run(many, tmp_path / "to")
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "to").exists()
    staged = sorted(path.stem for path in (tmp_path / ".to.importing").glob("weeks-0-*.json"))
    assert staged == ["weeks-0-000000", "weeks-0-000001"]
    for to in ("to", "other"):
        with start(tmp_path / to) as process:
            assert process.wait() == 0
    assert bytes_of(tmp_path / "to") == bytes_of(tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "source", "to"]


def stop_now(now):
    if now:
        raise Stopped


def test_killed_between_the_two_renames(many, tmp_path, bytes_of, run):
    made = run(many, tmp_path / "to").folder
    before = bytes_of(made)
    made.rename(tmp_path / ".to.previous")  # what a kill leaves behind
    seen = []
    with pytest.raises(Stopped):
        run(many, made, progress=lambda stage, *_: seen.append(bytes_of(made)) or stop_now(stage == "weeks.csv"))
    assert seen[-1] == before
    assert bytes_of(made) == before
    run(many, made)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source", "to"]


def test_a_folder_is_taken_once(tmp_path):
    with Staging(tmp_path / "x", {"a": 1}) as staging:
        assert not staging.resumed
        with pytest.raises(OutputError, match="another import is at work there"), Staging(tmp_path / "x", {"a": 1}):
            pass
    with Staging(tmp_path / "x", {"a": 1}) as staging:
        assert staging.resumed
    with Staging(tmp_path / "x", {"a": 2}) as staging:
        assert not staging.resumed
        assert [path.name for path in staging.folder.iterdir()] == ["identity.json"]
