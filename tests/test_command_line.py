"""Mistakes of the user's on the command line: one line on stderr, the exit code of their kind, and no output left."""

import subprocess
import sys
from pathlib import Path

import pytest

from analysis_lib.__main__ import main
from tests.batch.projects import Project

ROOT = Path(__file__).parents[1]
RUN = "parameters/runs/batch.yml"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A small project, as the working directory."""
    project = Project(tmp_path)
    monkeypatch.chdir(tmp_path)
    return project


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs the command line in this process; returns exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["analysis_lib", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return end.value.code, out, err

    return run


def replace(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def empty_run_file(project):
    project.write_run("good").write_text("")


def misspelt_key_in_trial(project):
    project.write_run("good")
    replace(project.folder / "parameters/trials/tiny.yml", "population:", "populatoin:")


def misspelt_key_in_run_file(project):
    replace(project.write_run("good"), "workers:", "wokers:")


def unknown_jobcentre(project):
    project.write_run("good", trials="hig", jobcentres="[all, jc_lollan]")


def unknown_trial(project):
    project.write_run("good", trials="hgi")


def unknown_parameter(project):
    project.write_run("id: good, parameters: {puase: 1}")


def parameter_of_the_wrong_type(project):
    project.write_run("id: good, parameters: {pause: long}")


def notebook_without_parameters_cell(project):
    project.write_run("no_parameters")


def missing_notebook(project):
    project.write_run("goood")


def missing_extract(project):
    project.write_run("good", extract="folder: nowhere")


def missing_simulated_extract(project):
    project.write_run("good", trials="hig", extract="folder: outputs/extracts/hig")


def unset_variable(project):
    project.write_run("good", extract="environment: TINY_DATA")


def missing_data_file(project):
    project.write_run("good")
    (project.folder / "data/people.csv").unlink()


def data_of_the_wrong_type(project):
    project.write_run("good")
    replace(project.folder / "data/people.csv", "0,12", "0,twelve")


MISTAKES = [
    (empty_run_file, 3, f"{RUN}: holds nothing; must be a YAML mapping"),
    (misspelt_key_in_trial, 3, "parameters/trials/tiny.yml: unknown key 'populatoin'; did you mean 'population'?"),
    (misspelt_key_in_run_file, 3, f"{RUN}: unknown key 'wokers'; did you mean 'workers'?"),
    (unknown_jobcentre, 3, f"{RUN}: jobcentre is 'jc_lollan'; must be one of trial hig's: all, jc_faxe"),
    (unknown_trial, 3, "parameters/trials/hgi.yml: there is no such file; did you mean 'hig.yml'?"),
    (unknown_parameter, 3, "notebooks/good.ipynb: unknown parameter 'puase'; did you mean 'pause'? (allowed: trial,"),
    (parameter_of_the_wrong_type, 3, "notebooks/good.ipynb: parameter 'pause' is 'long'; must be a number (float)"),
    (notebook_without_parameters_cell, 3, "notebooks/no_parameters.ipynb: has 0 code cells tagged 'parameters'"),
    (missing_notebook, 3, "notebooks/goood.ipynb: there is no such notebook; did you mean 'good'?"),
    (missing_extract, 4, "extract folder 'nowhere' is not a folder"),
    (missing_simulated_extract, 4, "extract folder 'outputs/extracts/hig' is not a folder"),
    (unset_variable, 4, "environment variable TINY_DATA is not set; must name the folder of the extract"),
    (missing_data_file, 4, "data/people.csv: there is no such file"),
    (data_of_the_wrong_type, 4, "people.csv: "),
]


@pytest.mark.parametrize(("mistake", "code", "message"), MISTAKES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_mistake_is_told_in_its_line_before_anything_starts(project, command, monkeypatch, mistake, code, message):
    monkeypatch.delenv("TINY_DATA", raising=False)
    mistake(project)
    found, out, err = command("run", RUN)
    lines = err.splitlines()
    assert found == code
    assert any(message in line for line in lines)
    assert len(lines) == 1
    assert out == ""
    assert not project.outputs.exists()


def test_a_missing_simulated_extract_comes_with_the_command_that_makes_it(project, command):
    missing_simulated_extract(project)
    _, _, err = command("run", RUN)
    assert "(python -m analysis_lib simulate hig --to outputs/extracts/hig)" in err


def test_a_missing_run_file_is_named_with_the_nearest(project, command):
    code, _, err = command("run", "parameters/runs/dmo.yml")
    assert (code, err) == (3, "parameters/runs/dmo.yml: there is no such file; did you mean 'demo.yml'?\n")


def test_an_output_folder_that_cannot_be_written_is_named(project, command):
    project.write_run("good")
    (project.folder / "file").write_text("")  # permissions would not stop the root user
    code, out, err = command("run", RUN, "--outputs", "file/outputs")
    assert (code, out) == (5, "")
    assert err == "file/outputs: cannot be written (Not a directory); must be a folder to write in\n"


def test_only_names_what_the_run_has(project, command):
    project.write_run("good")
    code, _, err = command("run", RUN, "--only", "al")
    assert (code, err) == (3, "--only is 'al'; must be one of all, tiny; did you mean 'all'?\n")


@pytest.mark.parametrize(
    ("mistake", "code"), [(misspelt_key_in_run_file, 3), (unset_variable, 4)], ids=["definition", "data"]
)
def test_the_program_itself_ends_with_the_code_and_without_a_traceback(project, mistake, code):
    mistake(project)
    done = project.run()
    assert (done.returncode, done.stdout) == (code, "")
    assert len(done.stderr.splitlines()) == 1
    assert not project.outputs.exists()


@pytest.mark.parametrize(
    "arguments", [["run"], ["run", RUN, "--workers", "0"], ["run", RUN, "--outpts", "x"], ["walk"]]
)
def test_wrong_usage_is_exit_code_2(command, arguments):
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert "Usage" in err


def test_simulate_writes_an_extract(project, command):
    code, out, err = command("simulate", "hig", "--persons", "40", "--seed", "7", "--to", "outputs/extracts/hig")
    assert (code, out, err) == (0, "Simulated extract: outputs/extracts/hig\n", "")
    folder = project.outputs / "extracts/hig"
    names = {path.name for path in folder.iterdir()}
    assert names >= {"extract.json", "truth.json"}
    assert all(name.startswith("municipality=") for name in names - {"extract.json", "truth.json"})


@pytest.mark.parametrize(
    ("trial", "code", "message"),
    [
        ("tiny", 3, "trial tiny has no simulation"),
        ("hgi", 3, "parameters/trials/hgi.yml: there is no such file; did you mean 'hig.yml'?"),
    ],
)
def test_simulate_needs_a_trial_with_a_simulation(project, command, trial, code, message):
    found, out, err = command("simulate", trial, "--to", "outputs/extracts/hig")
    assert (found, out) == (code, "")
    assert err.startswith(message)
    assert len(err.splitlines()) == 1
    assert not project.outputs.exists()


def test_simulate_refuses_a_folder_that_holds_other_things(project, command):
    code, out, err = command("simulate", "hig", "--persons", "40", "--to", "data")
    assert (code, out) == (5, "")
    assert err == "data: holds 'people.csv'; must be new, empty or an earlier extract, which is replaced\n"


PERSONS = "person_id;birth_date;sex;municipality\na;1971-12-31;man;580\nÅse;1980-01-01;woman;492\n"
WEEKS = "person_id;y_0544;y_0545;y_0546\nÅse;;890;\na;111;111;555\n"


@pytest.fixture
def source(project):
    folder = project.folder / "register"
    folder.mkdir()
    (folder / "persons.csv").write_bytes(PERSONS.encode("windows-1252"))
    (folder / "weeks.csv").write_bytes(WEEKS.encode("windows-1252"))
    return folder


def test_import_and_check(source, command):
    code, out, err = command("import", "register", "--to", "extract")
    assert code == 0, err
    assert out.splitlines() == [
        "Extract: extract",
        "Persons: 2 in 2 municipalities",
        "Weeks: 3 (2005-W44 to 2005-W46), 3 spells",
        "Codes that the code list does not have: 555 (1 week); nobody's state is guessed from them",
    ]
    assert err.splitlines() == [
        "looking at the files ...",
        "persons.csv ...",
        "weeks.csv ...",
        "writing the extract ...",
    ]
    code, out, err = command("check", "extract")
    assert (code, err) == (10, "")
    assert "555" in out
    (source.parent / "extract" / "municipality=492" / "spells.parquet").unlink()
    assert command("check", "extract")[0] == 4


def test_check_with_ones_own_code_list_is_content(source, command):
    listed = (ROOT / "parameters/dream_codes.yml").read_text(encoding="utf-8")
    assert "the project's code list" in listed
    mine = (
        listed.replace("the project's code list", "my code list").rstrip()
        + """
  - id: found_out
    name: {da: Fundet, en: Found out}
    codes:
      - {first: 555, name: {da: Fundet, en: Found out}, mark: recalled}
"""
    )
    (source.parent / "mine.yml").write_text(mine, encoding="utf-8")
    code, out, _ = command("import", "register", "--to", "extract", "--codes", "mine.yml")
    assert (code, "does not have" in out) == (0, False)
    code, out, _ = command("check", "extract", "--codes", "mine.yml")
    assert code == 0
    assert "my code list" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("register", "--to", "extract", "--delimiter", "tab"), 4, "persons.csv: the header line has one column"),
        (("register", "--to", "extract", "--delimiter", "x"), 7, "delimiter is 'x'; must be"),
        (
            ("register", "--to", "register"),
            5,
            "register: holds 'persons.csv'; must be new, empty or an earlier extract",
        ),
        (("nowhere", "--to", "extract"), 4, "nowhere: there is no such file or folder"),
        (("register", "--to", "extract", "--codes", "none.yml"), 3, "none.yml: there is no such file"),
    ],
)
def test_an_import_that_cannot_be_made(source, command, arguments, code, message):
    found, out, err = command("import", *arguments)
    assert (found, out) == (code, "")
    assert message in err
    assert not (source.parent / "extract").exists()
    assert not list(source.parent.glob(".*importing"))


def test_dictionary_is_a_table_of_the_columns(command):
    code, out, err = command("dictionary")
    assert (code, err) == (0, "")
    header, rule, *rows = out.splitlines()
    assert header == "| table | column | kind | unit | required | allowed | description |"
    assert set(rule) == set("| -")
    assert any(row.startswith("| persons | person_id |") for row in rows)


def test_help_imports_nothing_that_only_a_run_needs():
    slow = "('papermill', 'nbclient', 'nbconvert', 'nbformat', 'matplotlib', 'scipy', 'pandas')"
    script = "import atexit, sys; sys.argv = ['analysis_lib', '--help']\nimport analysis_lib.__main__ as command\n"
    script += f"atexit.register(lambda: sys.stderr.write(' '.join(n for n in {slow} if n in sys.modules)))\n"
    script += "command.main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("run", "import", "check", "simulate", "dictionary"):
        assert name in done.stdout
