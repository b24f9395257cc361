from types import SimpleNamespace

import papermill
import pytest
from nbclient.exceptions import DeadKernelError

from analysis_lib.batch.execute import Job, _last_place, execute_job
from analysis_lib.batch.plan import PlannedRun

# An IPython traceback: a frame of the notebook, one of this package, one of a library.
FRAMES = """\
\x1b[31mValueError\x1b[39m                                Traceback (most recent call last)
\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[3]\x1b[39m\x1b[32m, line 1\x1b[39m
----> 1 report.effects()

\x1b[36mFile \x1b[39m\x1b[32m/home/x/my project/analysis_lib/trials/effects.py:12\x1b[39m, in \x1b[36mestimate\x1b[39m()
     12 raise
"""
LIBRARY = "File \x1b[32m/opt/lib/python3.11/site-packages/pandas/core/frame.py:99\x1b[39m, in join(self)\n"


@pytest.fixture
def job(project):
    """A job whose notebook is never really executed."""
    planned = PlannedRun(
        trial="tiny", trial_title="A tiny trial", jobcentre="all", name="all", notebook="good",
        source=project.folder / "notebooks/good.ipynb", folder=project.folder, parameters={},
    )  # fmt: skip
    return Job(planned=planned, folder=project.folder / "out{x}", shown={}, language="en", footer="", timeout=5)


@pytest.fixture
def kernels(monkeypatch):
    """Stands in for papermill: raises the errors given, one a call, then executes nothing."""
    state = SimpleNamespace(errors=[], calls=0)

    def execute_notebook(source, target, **options):
        state.calls += 1
        if state.errors:
            raise state.errors.pop(0)

    monkeypatch.setattr(papermill, "execute_notebook", execute_notebook)
    return state


def test_a_kernel_that_does_not_start_is_tried_once_more(job, kernels):
    kernels.errors = [RuntimeError("Kernel died before replying to kernel_info")]
    record = execute_job(job)
    assert kernels.calls == 2
    assert record.error.name != "RuntimeError"


def test_a_kernel_that_never_starts_has_died(job, kernels):
    kernels.errors = [RuntimeError("Kernel died before replying to kernel_info")] * 3
    record = execute_job(job)
    assert kernels.calls == 2
    assert (record.status, record.error.message) == ("died", "the notebook's kernel did not start")
    assert sorted(path.name for path in job.folder.iterdir()) == ["good.html", "good.ipynb"]


def test_a_kernel_that_dies_at_work_is_not_tried_again(job, kernels):
    kernels.errors = [DeadKernelError("Kernel died")]
    assert execute_job(job).status == "died"
    assert kernels.calls == 1


def test_a_page_that_cannot_be_written_fails_the_run_and_leaves_nothing_unscrubbed(job, kernels, monkeypatch):
    def fail(*args, **options):
        raise OSError("no space left")

    monkeypatch.setattr("analysis_lib.batch.execute.write_page", fail)
    monkeypatch.setattr("analysis_lib.batch.execute._execute", lambda job: ("ok", None))
    record = execute_job(job)
    assert (record.status, record.pages) == ("failed", ())
    assert not job.executed.exists()


def test_the_place_of_an_error_is_the_innermost_frame_without_folders():
    assert _last_place(FRAMES) == "analysis_lib/trials/effects.py:12 in estimate"
    assert _last_place(FRAMES + LIBRARY) == "pandas/core/frame.py:99 in join"
    assert _last_place("\n".join(FRAMES.splitlines()[:3])) == "Cell In[3], line 1"
    assert _last_place("no traceback") == ""
