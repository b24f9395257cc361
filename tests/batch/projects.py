"""A small project to run batches in: one trial read from a file, one notebook for each way a run can end."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTEBOOKS = Path(__file__).parent / "notebooks"

TRIAL = """\
id: tiny
title: {da: Et lille forsøg, en: A tiny trial}
question: {da: "Virker det?", en: "Does it work?"}
population: {da: Ti opfundne personer, en: Ten invented people, mark: verified, source: invented here}
calendar: {da: I dag, en: Today, mark: verified, source: invented here}
data:
  kind: file
  file: people.csv
  separator: comma
  origin: {da: opfundet, en: invented}
assignment:
  rule: recorded_arm
  column: arm
  primary_arm: treated
  mark: verified
  source: invented here
  arms:
    - {id: control, value: 0, label: {da: Kontrol, en: Control}, mark: verified, source: invented here}
    - {id: treated, value: 1, label: {da: Indsats, en: Treated}, mark: verified, source: invented here}
outcomes:
  - id: on_benefit
    kind: measured_mean
    primary: true
    column: weeks
    unit: {da: uger, en: weeks}
    label: {da: Uger på ydelse, en: Weeks on benefit}
inference: {level: 0.95, adjustment: none, min_per_arm: 2, balance_draws: 99, seed: 1}
"""
RUN = """\
id: batch
title: {{da: En prøve, en: A try}}
extract: {{{extract}}}
trials: [{trials}]
notebooks: [{notebooks}]
jobcentres: {jobcentres}
language: {language}
disclosure: {{min_count: 5}}
workers: 2
cell_timeout_seconds: {timeout}
"""


class Project:
    """A project in a folder of its own, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.outputs = folder / "outputs"
        shutil.copytree(NOTEBOOKS, folder / "notebooks")
        shutil.copytree(ROOT / "parameters", folder / "parameters")
        (folder / "parameters/trials/tiny.yml").write_text(TRIAL, encoding="utf-8")
        (folder / "data").mkdir()
        weeks = [12, 15, 9, 20, 14, 10, 8, 11, 7, 13]
        rows = [f"{person % 2},{number}" for person, number in enumerate(weeks)]
        (folder / "data/people.csv").write_text("\n".join(["arm,weeks", *rows, ""]), encoding="utf-8")

    def write_run(
        self,
        *notebooks: str,
        extract: str = "folder: data",
        trials: str = "tiny",
        jobcentres: str = "all",
        language: str = "en",
        timeout: int = 120,
    ) -> Path:
        """Write the run file; a notebook is its id, or `id: ..., parameters: {...}`."""
        listed = ", ".join("{" + (n if ":" in n else f"id: {n}") + "}" for n in notebooks)
        text = RUN.format(
            extract=extract, trials=trials, notebooks=listed, jobcentres=jobcentres, language=language, timeout=timeout
        )
        path = self.folder / "parameters/runs/batch.yml"
        path.write_text(text, encoding="utf-8")
        return path

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of this Python."""
        return [sys.executable, "-m", "analysis_lib", *arguments]

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the environment without what a test says of it."""
        kept = {name: value for name, value in os.environ.items() if name != "TINY_DATA"}
        return kept | {"PYTHONPATH": str(ROOT)} | variables

    def run(self, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run the batch on the real command line."""
        command = self.command("run", "parameters/runs/batch.yml", *options)
        environment = self.environment(**variables)
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=300
        )
