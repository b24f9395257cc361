"""The README's path with the real notebook: simulate, run, look at what was written."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from analysis_lib.results import ESTIMATE_COLUMNS
from analysis_lib.trials.definition import read_trial
from analysis_lib.trials.evaluation import estimate_effects
from analysis_lib.trials.sources import load_cases

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow


def command(folder, *arguments, **environment):
    done = subprocess.run(
        [sys.executable, "-m", "analysis_lib", *arguments], cwd=folder, capture_output=True, text=True, check=False,
        env=None if not environment else {**os.environ, **environment},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def project(folder):
    for name in ("parameters", "notebooks"):
        shutil.copytree(ROOT / name, folder / name)
    return folder


def text_of(page):
    page = re.sub(r"<style.*?</style>|<svg.*?</svg>", " ", page, flags=re.S)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = project(tmp_path_factory.mktemp("demo"))
    assert command(folder, "simulate", "hig", "--to", "outputs/extracts/hig", "--persons", "400")[0] == 0
    code, out, err = command(folder, "run", "parameters/runs/demo.yml", "--only", "all", "--only", "jc_stevns")
    assert code == 0, err
    assert "outputs/demo/index.html" in out
    return folder


def test_what_is_written(demo):
    names = {
        str(p.relative_to(demo / "outputs" / "demo")) for p in (demo / "outputs" / "demo").rglob("*") if p.is_file()
    }
    assert names == {
        "index.html", "manifest.json", "results.parquet", "all/trial_effects.html", "all/trial_effects.ipynb",
        "jc_stevns/trial_effects.html", "jc_stevns/trial_effects.ipynb",
    }  # fmt: skip


def test_the_page_is_danish_and_without_code(demo):
    page = (demo / "outputs/demo/all/trial_effects.html").read_text(encoding="utf-8")
    said = text_of(page)
    assert '<html lang="da"' in page
    assert page.count("<h1") == 1
    for words in ("Hvad viser forsøget?", "Hurtigt i gang (HIG): Virkning – Hele forsøget", "Simulerede data"):
        assert words in said
    assert "report.answer()" not in page
    assert "analysis_lib as al" not in page
    assert str(demo) not in page
    assert not re.search(r"<script|(src|href)=\"https?:", page)


def test_the_table_holds_the_estimates(demo):
    rows = pd.read_parquet(demo / "outputs/demo/results.parquet")
    assert list(rows.columns) == ["run", "notebook", "trial", "jobcentre", "stratum", *ESTIMATE_COLUMNS]
    effects = estimate_effects(load_cases(read_trial("hig"), demo / "outputs/extracts/hig")).to_frame()
    own = rows[(rows["jobcentre"] == "all") & (rows["group"] == "")].reset_index(drop=True).iloc[: len(effects)]
    # Where the counts are withheld the estimate is rounded to three digits.
    shown = own["n_treated"].notna() | own["n"].notna()
    assert shown.any()
    pd.testing.assert_series_equal(own["value"][shown], effects["value"][shown])
    assert own["value"].tolist() == pytest.approx(effects["value"].tolist(), rel=5e-3)
    small = rows[rows["jobcentre"] == "jc_stevns"]
    assert small["value"].isna().all()
    assert (small["reason"] != "").all()


def test_the_manifest_owns_the_statuses(demo):
    manifest = json.loads((demo / "outputs/demo/manifest.json").read_text(encoding="utf-8"))
    assert {run["jobcentre"]: run["status"] for run in manifest["runs"]} == {"all": "ok", "jc_stevns": "not_estimable"}
    index = (demo / "outputs/demo/index.html").read_text(encoding="utf-8")
    assert 'href="jc_stevns/trial_effects.html"' in index


def test_the_small_page_says_why(demo):
    said = text_of((demo / "outputs/demo/jc_stevns/trial_effects.html").read_text(encoding="utf-8"))
    assert "Jobcenter Stevns" in said
    assert "Der kan ikke siges noget om effekten her: færre end" in said


def test_public_experiments_through_the_same_notebook(tmp_path, public_data):
    folder = project(tmp_path)
    code, _, err = command(folder, "run", "parameters/runs/public.yml", PUBLIC_DATA=str(public_data))
    assert code == 0, err
    rows = pd.read_parquet(folder / "outputs/public/results.parquet").query(
        "estimand == 'difference in means' and group == ''"
    )
    nsw = rows[rows["trial"] == "nsw"].iloc[0]
    penn = rows[(rows["trial"] == "penn") & (rows["outcome"] == "log_weeks") & (rows["arm"] == "group_4")].iloc[0]
    assert (round(nsw["value"]), round(nsw["std_error"])) == (1794, 671)
    assert (round(penn["value"], 4), round(penn["std_error"], 4)) == (-0.0855, 0.0359)
    for trial in ("nsw", "penn"):
        page = (folder / f"outputs/public/{trial}/all/trial_effects.html").read_text(encoding="utf-8")
        assert "Stemmer (inden for" in text_of(page)
        assert "AFVIGER" not in text_of(page)
