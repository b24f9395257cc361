from pathlib import Path

import pytest

from analysis_lib.errors import DataError, DefinitionError
from analysis_lib.reporting.run_definition import ExtractPlace, read_run

RUNS = Path(__file__).parents[2] / "parameters/runs"
RUN = """\
id: batch
title: {da: Prøve, en: Try}
extract: {folder: data}
trials: [hig]
notebooks: [{id: trial_effects}]
jobcentres: all
language: da
disclosure: {min_count: 5}
cell_timeout_seconds: 60
"""


def write(folder, old="", new=""):
    assert old in RUN
    path = folder / "batch.yml"
    path.write_text(RUN.replace(old, new) if old else RUN, encoding="utf-8")
    return path


@pytest.mark.parametrize("path", sorted(RUNS.glob("*.yml")), ids=lambda path: path.stem)
def test_the_projects_runs_are_valid(path):
    assert read_run(path).id == path.stem


def test_a_run_is_read_with_its_defaults(tmp_path):
    run = read_run(write(tmp_path))
    assert (run.workers, run.jobcentres, run.notebooks[0].parameters) == (2, "all", {})


JOBCENTRES = "must be all, or a list of distinct jobcentre ids"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id: batch", "id: other", "id is 'other'; must be the file's name, 'batch'"),
        ("jobcentres: all", "jobcentres: jc_odense", f"jobcentres is 'jc_odense'; {JOBCENTRES}"),
        ("jobcentres: all", "jobcentres: 461", f"jobcentres is 461; {JOBCENTRES}"),
        ("jobcentres: all", "jobcentres: [461]", f"jobcentres is [461]; {JOBCENTRES}"),
        ("jobcentres: all", "jobcentres: []", f"jobcentres is []; {JOBCENTRES}"),
        ("jobcentres: all", "jobcentres: [jc_a, jc_a]", f"jobcentres is ['jc_a', 'jc_a']; {JOBCENTRES}"),
        ("trials: [hig]", "trials: [hig, hig]", "trials has ids hig, hig; must be distinct"),
        ("trials: [hig]", "trials: []", "trials is []; must be a list of at least one"),
        ("trials: [hig]", "trials: [HIG]", "trials.0 is 'HIG'; must be an id"),
        ("trial_effects}", "a, parameters: {x: [1]}}", "notebooks.0.parameters.x is [1]; must be text, a number"),
        ("{folder: data}", "{}", "extract: must have either folder or environment"),
        ("{folder: data}", "{folder: data, environment: DATA}", "extract: must have either folder or environment"),
        ("{folder: data}", "{directory: data}", "unknown key 'extract.directory' (allowed: environment, folder)"),
        ("language: da", "language: dk", "language is 'dk'; must be 'da' or 'en'"),
        ("seconds: 60", "seconds: 0", "cell_timeout_seconds is 0; must be greater than or equal to 1"),
        ("seconds: 60", "seconds: 60\nworker: 3", "unknown key 'worker'; did you mean 'workers'?"),
    ],
)
def test_a_wrong_run_file_is_told_in_one_line(tmp_path, old, new, message):
    path = write(tmp_path, old, new)
    with pytest.raises(DefinitionError) as error:
        read_run(path)
    assert str(error.value).startswith(f"{path}: {message}")
    assert len(str(error.value).splitlines()) == 1


def test_an_extract_is_a_folder_or_what_a_variable_names(tmp_path, monkeypatch):
    monkeypatch.setenv("SOME_DATA", str(tmp_path))
    assert ExtractPlace(environment="SOME_DATA").find() == tmp_path
    assert ExtractPlace(folder=str(tmp_path)).find() == tmp_path


@pytest.mark.parametrize(
    ("value", "message"), [(None, "is not set"), ("", "is not set"), ("/no/such", "is not a folder")]
)
def test_a_variable_that_names_no_folder_is_named(monkeypatch, value, message):
    monkeypatch.delenv("SOME_DATA", raising=False)
    if value is not None:
        monkeypatch.setenv("SOME_DATA", value)
    with pytest.raises(DataError, match=rf"^environment variable SOME_DATA .*{message}"):
        ExtractPlace(environment="SOME_DATA").find()


def test_a_place_is_published_without_the_machines_folders():
    assert ExtractPlace(folder="outputs/extracts/hig").label == "outputs/extracts/hig"
    assert ExtractPlace(folder="/secret/place/hig").label == "hig"
    assert ExtractPlace(environment="SOME_DATA").label == "$SOME_DATA"
