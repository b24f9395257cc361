"""The command line: `python -m analysis_lib run|simulate|dictionary`.

Modules that are slow to import (pandas, papermill, ...) are imported by the commands that need them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from analysis_lib.errors import AnalysisError

INTERRUPTED = 130

app = typer.Typer(
    name="analysis_lib", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Evaluate employment trials from a register extract, and publish a report for each jobcentre.",
    epilog="Exit codes: 0 all well, 2 wrong usage, 3 a definition is not valid, 4 the data is not valid, "
    "5 an output cannot be written, 6 at least one report failed, 130 interrupted.",
)  # fmt: skip


@app.command()
def run(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="The run file, such as parameters/runs/demo.yml.")],
    only: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Only this jobcentre or trial; may be given several times.")
    ] = None,
    outputs: Annotated[Path, typer.Option(metavar="DIR", help="Where the folder of the run is written.")] = Path(
        "outputs"
    ),
    workers: Annotated[
        int | None, typer.Option(min=1, max=256, help="Notebooks executed at once, in place of the run file's number.")
    ] = None,
) -> None:
    """Execute the notebooks of a run file for every jobcentre, and write the reports with an index.

    Everything is checked before the first notebook starts. The reports of an earlier run stand until all have ended.
    """
    from analysis_lib.batch.plan import plan_batch  # noqa: PLC0415
    from analysis_lib.batch.progress import show_progress  # noqa: PLC0415
    from analysis_lib.batch.runner import run_batch  # noqa: PLC0415

    plan = plan_batch(path, only=only or (), outputs=outputs, workers=workers)
    try:
        with show_progress(len(plan.runs)) as progress:
            record = run_batch(plan, on_start=progress.start, on_end=progress.end)
    except KeyboardInterrupt:
        typer.echo(f"Interrupted: {plan.target} is as it was", err=True)
        raise typer.Exit(INTERRUPTED) from None
    counts = ", ".join(f"{number} {status}" for status, number in sorted(record.count_statuses().items()))
    typer.echo(f"Reports: {len(record.records)} ({counts})")
    typer.echo(f"Index: {record.index}")
    record.check()


@app.command()
def simulate(
    trial: Annotated[str, typer.Argument(metavar="TRIAL", help="The trial's id, such as hig, or its file.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="The folder to write the extract to.")],
    persons: Annotated[
        int | None, typer.Option(min=1, help="Eligible people, in place of the number of the trial's definition.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="In place of the seed of the trial's definition.")] = None,
) -> None:
    """Draw a made-up register for a trial, with its true effects in truth.json."""
    from analysis_lib.batch.simulated_extract import write_simulated_extract  # noqa: PLC0415

    folder = write_simulated_extract(trial, to, persons=persons, seed=seed)
    typer.echo(f"Simulated extract: {folder}")


@app.command()
def dictionary() -> None:
    """Print the columns of a register extract: table, type, unit, what is allowed, description."""
    from analysis_lib.register.schema import data_dictionary_markdown  # noqa: PLC0415

    typer.echo(data_dictionary_markdown())


def main() -> None:
    """Run the command line; a mistake of the user's is told in one line a problem, without a traceback."""
    try:
        app(prog_name="python -m analysis_lib")
    except AnalysisError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
