import json
import shutil
from pathlib import Path

import pytest

from analysis_lib.batch.plan import plan_batch
from analysis_lib.batch.simulated_extract import write_simulated_extract
from analysis_lib.errors import DefinitionError, OutputError

ROOT = Path(__file__).parents[2]
RUN = "parameters/runs/batch.yml"
HIG = ("jc_faxe", "jc_guldborgsund", "jc_lolland", "jc_naestved", "jc_stevns", "jc_vordingborg", "jc_haderslev",
       "jc_soenderborg", "jc_toender", "jc_aabenraa")  # fmt: skip
"""The jobcentres of parameters/trials/hig.yml, in its order."""


@pytest.fixture(scope="module")
def extract(tmp_path_factory):
    """A simulated HIG register."""
    return write_simulated_extract("hig", tmp_path_factory.mktemp("extract") / "hig", persons=300)


@pytest.fixture
def here(project, monkeypatch):
    """The project, as the working directory."""
    monkeypatch.chdir(project.folder)
    return project


def test_all_is_the_whole_trial_and_each_of_its_jobcentres(here, extract):
    here.write_run("good", trials="hig", extract=f"folder: {extract}", language="da")
    plan = plan_batch(RUN)
    assert [run.jobcentre for run in plan.runs] == ["all", *HIG]
    assert [run.folder.as_posix() for run in plan.runs] == ["all", *HIG]
    assert plan.runs[4].name == "Jobcenter Næstved"
    assert {run.trial_title for run in plan.runs} == {"Hurtigt i gang (HIG)"}
    for run in plan.runs:
        assert run.parameters == {
            "trial": "hig", "jobcentre": run.jobcentre, "stratum": "all", "extract": extract.as_posix(), "run": RUN, "language": "da",
            "output": "",
        }  # fmt: skip


def test_jobcentres_may_be_listed(here, extract):
    here.write_run("good", trials="hig", jobcentres="[jc_faxe, all]", extract=f"folder: {extract}")
    assert [run.jobcentre for run in plan_batch(RUN).runs] == ["jc_faxe", "all"]


def test_several_trials_have_a_folder_each(here, public_data):
    here.write_run("good", trials="nsw, penn", extract=f"folder: {public_data}")
    plan = plan_batch(RUN)
    assert [run.folder.as_posix() for run in plan.runs] == ["nsw/all", "penn/all"]


def test_every_notebook_runs_for_every_jobcentre(here):
    here.write_run("id: good, parameters: {pause: 2}", "no_value")
    plan = plan_batch(RUN, workers=1)
    assert [(run.notebook, run.parameters.get("pause")) for run in plan.runs] == [("good", 2.0), ("no_value", None)]
    assert plan.workers == 1
    assert plan_batch(RUN).workers == 2  # of the run file


def test_only_keeps_the_jobcentres_and_trials_named(here, extract):
    here.write_run("good", trials="hig", extract=f"folder: {extract}")
    plan = plan_batch(RUN, only=["jc_stevns", "jc_faxe"])
    assert [run.jobcentre for run in plan.runs] == ["jc_faxe", "jc_stevns"]
    assert len(plan_batch(RUN, only=["hig"]).runs) == 11


def test_only_may_not_drop_reports_of_an_earlier_run(here):
    here.write_run("good", "no_value")
    earlier = [{"trial": "tiny", "jobcentre": "all", "notebook": n} for n in ("good", "no_value", "cell_error")]
    (here.outputs / "batch").mkdir(parents=True)
    (here.outputs / "batch/manifest.json").write_text(json.dumps({"runs": earlier}))
    with pytest.raises(OutputError, match="outputs/batch: holds 1 reports that --only leaves out"):
        plan_batch(RUN, only=["all"])
    assert len(plan_batch(RUN, only=["all"], outputs="elsewhere").runs) == 2
    assert len(plan_batch(RUN).runs) == 2


def test_all_problems_of_trials_and_notebooks_are_told_at_once(here):
    here.write_run("id: good, parameters: {puase: 1}", "no_parameters", "xyz")
    with pytest.raises(DefinitionError) as error:
        plan_batch(RUN)
    allowed = "trial, jobcentre, stratum, extract, run, language, output, pause"
    assert str(error.value).splitlines() == [
        f"notebooks/good.ipynb: unknown parameter 'puase'; did you mean 'pause'? (allowed: {allowed})",
        "notebooks/no_parameters.ipynb: has 0 code cells tagged 'parameters'; must be exactly one",
        "notebooks/xyz.ipynb: there is no such notebook",
    ]


@pytest.fixture(scope="module")
def ugig(tmp_path_factory):
    """A simulated UGIG register, whose plan analyses two groups apart."""
    return write_simulated_extract("ugig", tmp_path_factory.mktemp("extract") / "ugig", persons=400)


def test_groups_that_are_analysed_apart_have_a_report_each(here, ugig):
    here.write_run("good", trials="ugig", jobcentres="[all, jc_odense]", extract=f"folder: {ugig}")
    plan = plan_batch(RUN)
    assert [run.folder.as_posix() for run in plan.runs] == [
        "all/with_education", "all/without_education", "jc_odense/with_education", "jc_odense/without_education",
    ]  # fmt: skip
    assert [run.parameters["stratum"] for run in plan.runs[:2]] == ["with_education", "without_education"]
    assert plan.runs[2].name == "Jobcenter Odense, With a qualifying education"
    assert plan.runs[2].title == "ugig/jc_odense/with_education good"
    assert len({run.key for run in plan.runs}) == 4


def test_published_numbers_need_no_extract(here):
    shutil.copy(ROOT / "notebooks/trial_published.ipynb", here.folder / "notebooks")
    path = here.write_run("trial_published", trials="ugig, tta")
    path.write_text(path.read_text(encoding="utf-8").replace("extract: {folder: data}\n", ""), encoding="utf-8")
    plan = plan_batch(RUN)
    assert plan.extract is None
    assert [run.folder.as_posix() for run in plan.runs[-1:]] == ["tta/all"]
    assert {(run.stratum, run.parameters["extract"]) for run in plan.runs} == {("all", "")}


def test_people_need_an_extract(here):
    path = here.write_run("good")
    path.write_text(path.read_text(encoding="utf-8").replace("extract: {folder: data}\n", ""), encoding="utf-8")
    with pytest.raises(DefinitionError, match="batch.yml: extract is missing; must say where the people of tiny are"):
        plan_batch(RUN)


@pytest.mark.parametrize(
    ("notebook", "trial", "message"),
    [
        ("trial_effects", "tta", "trial tta has data of kind summary: published numbers and no people"),
        ("trial_effects", "ny_chance", "trial ny_chance was not randomised"),
        ("trial_sites", "mentor", "trial mentor has published numbers of all places together"),
        ("trial_series", "hig", "trial hig has no key series"),
    ],
)
def test_a_notebook_that_cannot_be_about_a_trial_is_refused_before_anything_starts(here, notebook, trial, message):
    shutil.copy(ROOT / f"notebooks/{notebook}.ipynb", here.folder / "notebooks")
    here.write_run(notebook, "good", trials=trial)
    with pytest.raises(DefinitionError, match=f"batch.yml: notebook {notebook}: {message}"):
        plan_batch(RUN)


def test_a_run_file_may_not_set_what_the_batch_sets(here):
    here.write_run("id: good, parameters: {jobcentre: jc_odense}")
    with pytest.raises(DefinitionError, match="notebook good is given jobcentre; the batch sets that itself"):
        plan_batch(RUN)


def test_a_trial_may_only_name_jobcentres_that_exist(here):
    path = here.folder / "parameters/trials/hig.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("[jc_faxe,", "[jc_faxee,"), encoding="utf-8")
    here.write_run("good", trials="hig")
    with pytest.raises(DefinitionError, match="'jc_faxee'; must be an id of the jobcentres; did you mean 'jc_faxe'"):
        plan_batch(RUN)


def test_planning_writes_nothing(here):
    before = sorted(Path().rglob("*"))
    here.write_run("good")
    plan_batch(RUN)
    assert sorted(Path().rglob("*")) == sorted([*before, Path(RUN)])
