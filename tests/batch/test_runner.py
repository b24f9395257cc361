"""One batch in which runs end in every way, and what stands in the output folder afterwards."""

import hashlib
import json
import platform
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest

from analysis_lib.batch.record import RunRecord, empty_rows
from analysis_lib.batch.runner import BatchRecord, collect_rows, headline
from analysis_lib.errors import RunFailed
from analysis_lib.results import ESTIMATE_COLUMNS
from analysis_lib.trials.definition import read_trial

STATUSES = {
    "endless": "timeout",
    "good": "ok",
    "no_value": "not_estimable",
    "cell_error": "failed",
    "sys_exit": "failed",
    "kernel_dies": "died",
    "worker_dies": "died",
    "no_table": "failed",
    "wrong_unit": "failed",
}
FAILED = [name for name, status in STATUSES.items() if status not in ("ok", "not_estimable")]
SO_FAR = ("endless", "cell_error", "kernel_dies")
TIMEOUT = 12  # seconds; the other notebooks' longest cell imports pandas, in one or two
WAIT = 60  # seconds, for processes that this test started


@pytest.fixture(scope="module")
def batch(tmp_path_factory, new_project):
    """The project with its run, the process that ended, and the manifest."""
    project = new_project(tmp_path_factory.mktemp("batch"))
    given = [n if n != "good" else "id: good, parameters: {pause: 1.5}" for n in STATUSES]
    project.write_run(*given, timeout=TIMEOUT)
    done = project.run()
    folder = project.outputs / "batch"
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return SimpleNamespace(project=project, done=done, folder=folder, manifest=manifest, pages=folder / "all")


def record_of(batch, notebook):
    return next(run for run in batch.manifest["runs"] if run["notebook"] == notebook)


def test_every_run_ends_in_its_status(batch):
    assert {run["notebook"]: run["status"] for run in batch.manifest["runs"]} == STATUSES


def test_failed_runs_give_exit_code_6_and_one_line(batch):
    assert batch.done.returncode == RunFailed.exit_code == 6
    [line] = batch.done.stderr.splitlines()
    assert line.startswith("7 of 9 runs failed: tiny/all endless (timeout), ")
    assert line.endswith(" and 2 more; see outputs/batch/index.html")


def test_command_says_how_each_ended_and_where_the_index_is(batch):
    *lines, counts, index = batch.done.stdout.splitlines()
    assert len(lines) == len(STATUSES)
    assert counts == "Reports: 9 (2 died, 4 failed, 1 not_estimable, 1 ok, 1 timeout)"
    assert index == "Index: outputs/batch/index.html"


def test_table_has_the_rows_of_the_executed_in_the_order_of_the_plan(batch):
    rows = pd.read_parquet(batch.folder / "results.parquet")
    assert list(rows.columns) == ["run", "notebook", "trial", "jobcentre", "stratum", *ESTIMATE_COLUMNS]
    assert rows[["run", "trial", "jobcentre"]].drop_duplicates().values.tolist() == [["batch", "tiny", "all"]]
    assert rows["value"].tolist()[:1] == [-1.5]  # good.ipynb saves it
    assert rows["reason"].tolist() == ["", "too few people"]  # good, then no_value
    assert rows["n"].dtype == "Int64"
    assert rows["n_clusters"].isna().all()


def test_index_marks_the_failed(batch):
    index = (batch.folder / "index.html").read_text(encoding="utf-8")
    assert index.count('<tr class="failed">') == len(FAILED)
    assert "7 of 9 reports FAILED" in index
    for notebook in STATUSES:
        assert f'href="all/{notebook}.html"' in index
    assert "-1.50 weeks (95 % interval -4.00 to 1.00)" in index
    assert "Weeks on benefit" in index
    assert "Too little data for an estimate" in index
    assert f"a cell took longer than {TIMEOUT} seconds" in index


def test_every_run_has_its_pages_and_nothing_else_is_left(batch):
    wanted = {f"{name}.{kind}" for name in STATUSES for kind in ("html", "ipynb")}
    assert {path.name for path in batch.pages.iterdir()} == wanted
    assert {path.name for path in batch.folder.iterdir()} == {"all", "index.html", "manifest.json", "results.parquet"}
    assert {path.name for path in batch.project.outputs.iterdir()} == {"batch"}


@pytest.mark.parametrize("notebook", FAILED)
def test_a_failed_page_says_so(batch, notebook):
    page = (batch.pages / f"{notebook}.html").read_text(encoding="utf-8")
    assert "This report failed." in page
    assert record_of(batch, notebook)["error"]["name"] in page
    assert ("so far all is well" in page) == (notebook in SO_FAR)
    assert "never reached" not in page


@pytest.mark.parametrize("notebook", ["good", "no_value"])
def test_a_finished_page_has_no_banner(batch, notebook):
    page = (batch.pages / f"{notebook}.html").read_text(encoding="utf-8")
    assert "This report failed." not in page
    assert f"A tiny trial: {notebook} – The whole trial" in page
    assert record_of(batch, notebook)["error"] is None


def test_parameters_of_the_run_file_reach_the_notebook(batch):
    assert "shown on the page from data with 1.5" in (batch.pages / "good.html").read_text(encoding="utf-8")


def test_errors_keep_name_message_and_place(batch):
    message = "column weeks is missing in persons.parquet"  # the notebook names a folder too
    wanted = {"name": "ValueError", "message": message, "where": "Cell In[5], line 1"}
    assert record_of(batch, "cell_error")["error"] == wanted
    assert record_of(batch, "kernel_dies")["error"]["where"] == "Cell In[4]"
    assert record_of(batch, "endless")["error"]["where"] == "Cell In[4]"
    assert record_of(batch, "sys_exit")["error"]["name"] == "SystemExit"
    assert "no no_table.parquet" in record_of(batch, "no_table")["error"]["message"]
    assert "jc_odense" in record_of(batch, "wrong_unit")["error"]["message"]


def test_published_notebooks_say_nothing_of_the_run_or_the_machine(batch):
    for path in batch.pages.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        assert notebook.metadata.kernelspec.name == "python3"
        assert "papermill" not in path.read_text(encoding="utf-8")
    for path in batch.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes().decode(errors="replace")
            assert str(batch.project.folder) not in content
            assert ".partial" not in content
            assert "/a/secret" not in content or path.name == "cell_error.ipynb"  # there it is the cell's own text


def test_manifest_says_what_went_in_and_what_ran_it(batch):
    manifest, root = batch.manifest, batch.project.folder
    inputs = manifest["inputs"]
    assert set(inputs["notebooks"]) == {f"notebooks/{name}.ipynb" for name in STATUSES}
    for name, digest in {**inputs["notebooks"], **inputs["definitions"]}.items():
        path = root / name if name.endswith(".ipynb") or "tiny" in name else Path(__file__).parents[2] / name
        assert digest == hashlib.sha256(path.read_bytes()).hexdigest()
    data = hashlib.sha256((root / "data/people.csv").read_bytes()).hexdigest()
    assert inputs["extract"] == {"place": "data", "files": {"people.csv": data}}
    assert manifest["definition"]["path"] == "parameters/runs/batch.yml"
    assert manifest["python"] == platform.python_version()
    assert manifest["packages"]["pandas"] == pd.__version__
    assert manifest["started"] <= manifest["finished"]
    assert manifest["started"].endswith("+00:00")
    good = record_of(batch, "good")
    assert good["outputs"] == ["all/good.ipynb", "all/good.html"]
    assert good["parameters"]["pause"] == 1.5
    assert good["parameters"]["output"] == "all"
    assert good["seconds"] > 0


def test_an_interrupt_leaves_the_earlier_run_and_nothing_else(project):
    project.write_run("endless")
    earlier = project.outputs / "batch/index.html"
    earlier.parent.mkdir(parents=True)
    earlier.write_text("the earlier run", encoding="utf-8")
    command = project.command("run", "parameters/runs/batch.yml")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=project.folder, env=project.environment(), **pipes)
    executed = project.outputs / ".batch.partial/all/endless.ipynb"
    deadline = time.monotonic() + WAIT
    while not executed.is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert executed.is_file()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WAIT)
    assert (process.returncode, out) == (130, "")
    assert err == "Interrupted: outputs/batch is as it was\n"
    assert [path.relative_to(project.outputs).as_posix() for path in project.outputs.rglob("*") if path.is_file()] == [
        "batch/index.html"
    ]
    assert earlier.read_text(encoding="utf-8") == "the earlier run"


# --- without kernels -------------------------------------------------------------------------------------------------


def row(value=-1.5, reason=""):
    texts = dict.fromkeys(ESTIMATE_COLUMNS, "") | {"outcome": "on_benefit", "estimand": "difference in means"}
    numbers = {"value": value, "std_error": 1.0, "df": 8.0, "low": -4.0, "high": 1.0, "level": 0.95, "p_value": 0.2}
    counts = dict.fromkeys(("n_treated", "n_control", "n", "n_clusters"), 5)
    return texts | numbers | counts | {"unit": "weeks", "scale": "identity", "reason": reason}


def record(*rows, jobcentre="all", status="ok"):
    planned = SimpleNamespace(
        notebook="trial_effects", trial="tiny", jobcentre=jobcentre, title=f"tiny/{jobcentre} good"
    )
    table = pd.DataFrame(rows, columns=["trial", "jobcentre", "stratum", *ESTIMATE_COLUMNS])
    table["trial"], table["jobcentre"], table["stratum"] = "tiny", jobcentre, "all"
    return RunRecord(planned=planned, status=status, seconds=0, rows=table if rows else empty_rows())


def plan(project, language="en"):
    trial = read_trial(project.folder / "parameters/trials/tiny.yml")
    return SimpleNamespace(definition=SimpleNamespace(id="batch", language=language), trials=(trial,))


def test_table_of_no_rows_has_every_column_and_type(project):
    rows = collect_rows(plan(project), [record(status="failed")])
    full = collect_rows(plan(project), [record(row())])
    assert list(rows.columns) == ["run", "notebook", "trial", "jobcentre", "stratum", *ESTIMATE_COLUMNS]
    assert len(rows) == 0
    assert rows["value"].dtype == full["value"].dtype


def test_headline_is_the_first_estimated_row_in_the_language(project):
    found = record(row(float("nan"), "too few people"), row(-1.5))
    assert headline(plan(project), found) == (
        "Weeks on benefit, difference in means: -1.50 weeks (95 % interval -4.00 to 1.00)."
    )
    danish = headline(plan(project, "da"), found)
    assert danish.startswith("Uger på ydelse")
    assert "-1,50 uger" in danish


def test_headline_without_an_estimate_points_to_the_report(project):
    said = headline(plan(project, "da"), record(row(float("nan"), "too few people")))
    assert said == "For få data til et estimat; rapporten siger hvorfor."
    assert headline(plan(project), record()) == ""


def test_a_batch_without_failures_is_not_an_error():
    BatchRecord(records=(record(row()), record(status="not_estimable")), index=Path("index.html")).check()
    with pytest.raises(RunFailed, match=r"^1 of 2 runs failed: tiny/jc_odense good \(died\); see index.html$"):
        BatchRecord(
            records=(record(row()), record(status="died", jobcentre="jc_odense")), index=Path("index.html")
        ).check()
