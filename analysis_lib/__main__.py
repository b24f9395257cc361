"""The command line: `python -m analysis_lib run|import|check|simulate|dictionary`.

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
    "5 an output cannot be written, 6 at least one report failed, 10 the data has warnings (check), 130 interrupted.",
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


@app.command(name="import")
def import_(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE", help="A folder with persons, weeks, ... (Parquet, CSV, SAS); or one wide file."
        ),
    ],
    *,
    to: Annotated[Path, typer.Option(metavar="EXTRACT", help="The folder to write the extract to.")],
    codes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The code list, in place of parameters/dream_codes.yml.")
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(metavar="CHAR", help="; , tab or |: what separates the cells of CSV files; else it is detected."),
    ] = None,
    decimal: Annotated[
        str | None, typer.Option(metavar="CHAR", help=", or . in the numbers of CSV files; else it is detected.")
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="utf-8 or windows-1252, of CSV files; else it is detected.")
    ] = None,
) -> None:
    """Convert a register in the shape of DREAM into an extract, once; everything else reads the extract.

    An import that was interrupted goes on where it was when it is started again. An earlier extract stands until the
    new one is whole.
    """
    from analysis_lib.batch.stages import show_stages  # noqa: PLC0415
    from analysis_lib.register.codes import read_codes  # noqa: PLC0415
    from analysis_lib.register.importing.run import import_extract  # noqa: PLC0415
    from analysis_lib.register.sources import CsvForm  # noqa: PLC0415

    form = CsvForm(delimiter="\t" if delimiter == "tab" else delimiter, decimal=decimal, encoding=encoding)
    listed = read_codes(codes)
    try:
        with show_stages() as progress:
            made = import_extract(source, to, codes=listed, form=form, progress=progress)
    except KeyboardInterrupt:
        typer.echo(f"Interrupted: {to} is as it was; start the same import again to go on", err=True)
        raise typer.Exit(INTERRUPTED) from None
    typer.echo(made.summary())


@app.command()
def check(
    extract: Annotated[Path, typer.Argument(metavar="EXTRACT", help="The folder of the extract.")],
    codes: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The code list, in place of parameters/dream_codes.yml.")
    ] = None,
) -> None:
    """Print what an extract holds, its faults and its data dictionary; exit code 10 with warnings, 4 with errors."""
    from analysis_lib.register.codes import read_codes  # noqa: PLC0415
    from analysis_lib.register.quality import check_extract  # noqa: PLC0415

    report = check_extract(extract, codes=None if codes is None else read_codes(codes))
    typer.echo(report.to_text(), nl=False)
    raise typer.Exit(report.exit_code)


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
    from analysis_lib.register.declarations import data_dictionary_markdown  # noqa: PLC0415

    typer.echo(data_dictionary_markdown())


def main() -> None:
    """Run the command line; a mistake of the user's is told in one line a problem, without a traceback."""
    try:
        app(prog_name="python -m analysis_lib")
    except AnalysisError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("Interrupted", err=True)
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
