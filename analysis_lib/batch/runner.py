"""Run a batch: execute the plan, then put reports, table, manifest and index in place in one step."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

from analysis_lib.batch.execute import Job
from analysis_lib.batch.manifest import PROJECT, make_manifest, shown_parameters
from analysis_lib.batch.page import say_error
from analysis_lib.batch.plan import MANIFEST, BatchPlan, PlannedRun
from analysis_lib.batch.record import FAILURES, RunRecord, empty_rows
from analysis_lib.batch.staging import Staging
from analysis_lib.batch.workers import execute_all
from analysis_lib.errors import RunFailed
from analysis_lib.reporting.index import IndexEntry, render_index
from analysis_lib.reporting.labels import labels_of, translator_of
from analysis_lib.reporting.language import Translator
from analysis_lib.results import ESTIMATE_COLUMNS, Estimate, Interval, Message, estimate_sentence

RESULTS = "results.parquet"
INDEX = "index.html"
NAMED = 5
"""Failed runs that the last line names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """A batch that was run: its records in the plan's order, and its index page."""

    records: tuple[RunRecord, ...]
    index: Path

    def count_statuses(self) -> dict[str, int]:
        """Return how many runs ended in each status."""
        return dict(Counter(record.status for record in self.records))

    def check(self) -> None:
        """Raise where a run failed.

        Raises
        ------
        RunFailed
            Names the runs.
        """
        failed = [record for record in self.records if record.status in FAILURES]
        if failed:
            named = ", ".join(f"{record.planned.title} ({record.status})" for record in failed[:NAMED])
            more = f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
            raise RunFailed(f"{len(failed)} of {len(self.records)} runs failed: {named}{more}; see {self.index}")


def run_batch(
    plan: BatchPlan,
    *,
    on_start: Callable[[PlannedRun], None],
    on_end: Callable[[RunRecord], None],
) -> BatchRecord:
    """Execute a plan and replace `<outputs>/<run>`: pages, `results.parquet`, `manifest.json`, `index.html`.

    One run that fails does not stop the others. Nothing is replaced before all have ended, nor after an interrupt.

    Raises
    ------
    OutputError
        Where the output folder cannot be written.
    """
    started = dt.datetime.now(dt.UTC)
    ended: dict[tuple[str, str, str, str], RunRecord] = {}

    def keep(record: RunRecord) -> None:
        ended[record.planned.key] = record
        on_end(record)

    with Staging(plan.outputs, plan.definition.id) as staging:
        footer = _footer(plan, started)
        jobs = [_job(plan, planned, staging.folder, footer) for planned in plan.runs]
        execute_all(jobs, plan.workers, lambda job: on_start(job.planned), keep)
        records = tuple(ended[planned.key] for planned in plan.runs)
        collect_rows(plan, records).to_parquet(staging.folder / RESULTS, index=False)
        manifest = make_manifest(plan, records, started=started, finished=dt.datetime.now(dt.UTC))
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        (staging.folder / MANIFEST).write_text(text, encoding="utf-8")
        (staging.folder / INDEX).write_text(_index(plan, records, footer), encoding="utf-8")
        staging.publish()
    return BatchRecord(records=records, index=plan.target / INDEX)


def collect_rows(plan: BatchPlan, records: Sequence[RunRecord]) -> pd.DataFrame:
    """Return the rows of all runs in the plan's order: run, notebook, `UNIT_COLUMNS` and `ESTIMATE_COLUMNS`."""
    with_rows = [record for record in records if len(record.rows)]
    rows = pd.concat([record.rows for record in with_rows] or [empty_rows()], ignore_index=True)
    notebooks = [record.planned.notebook for record in with_rows for _ in range(len(record.rows))]
    rows.insert(0, "run", pd.Series([plan.definition.id] * len(rows), dtype="str", index=rows.index))
    rows.insert(1, "notebook", pd.Series(notebooks, dtype="str", index=rows.index))
    return rows


def headline(plan: BatchPlan, record: RunRecord) -> str:
    """Say the first estimated row of a run (the primary outcome's), or why there is none, in the run's language."""
    translator = Translator(plan.definition.language)
    rows = record.rows
    estimated = rows[rows["value"].notna()]
    if len(estimated):
        trial = next(trial for trial in plan.trials if trial.id == record.planned.trial)
        named = translator_of(trial, translator.language).naming(labels_of(trial))
        return named.render(estimate_sentence(_as_estimate(estimated.iloc[0])))
    # A reason that was saved is English text without its template; the report itself says it in its language.
    return translator.t("Too little data for an estimate; the report says why.") if len(rows) else ""


def _as_estimate(row: pd.Series[Any]) -> Estimate:
    known = {name: row[name] for name in ESTIMATE_COLUMNS if name not in ("low", "high", "level")}
    return Estimate(**known, interval=Interval(low=row["low"], high=row["high"], level=row["level"]))


def _job(plan: BatchPlan, planned: PlannedRun, folder: Path, footer: str) -> Job:
    return Job(
        planned=planned,
        folder=folder / planned.folder,
        shown=shown_parameters(plan, planned),
        language=plan.definition.language,
        footer=footer,
        timeout=plan.definition.cell_timeout_seconds,
    )


def _footer(plan: BatchPlan, started: dt.datetime) -> str:
    translator = Translator(plan.definition.language)
    footer = Message(
        "Run {run}, {date}; {project} {version}.",
        run=plan.definition.id, date=started.date(), project=PROJECT, version=metadata.version(PROJECT),
    )  # fmt: skip
    return translator.render(footer)


def _index(plan: BatchPlan, records: Sequence[RunRecord], footer: str) -> str:
    translator = Translator(plan.definition.language)
    entries = [
        IndexEntry(
            trial=record.planned.trial,
            trial_title=record.planned.trial_title,
            jobcentre=record.planned.jobcentre,
            name=record.planned.name,
            report=record.planned.report,
            page=_page(record),
            status=record.status,
            headline=headline(plan, record),
            seconds=record.seconds,
            error=say_error(record.error, translator) if record.error else "",
        )
        for record in records
    ]
    title = plan.definition.title.in_language(plan.definition.language)
    return render_index(entries, title=title, language=plan.definition.language, footer=footer)


def _page(record: RunRecord) -> str:
    """Return the address of a run's page in the index; empty where none could be written."""
    pages = [name for name in record.pages if name.endswith(".html")]
    return (record.planned.folder / pages[0]).as_posix() if pages else ""
