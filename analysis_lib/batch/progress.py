"""What a batch shows while it runs: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from analysis_lib.batch.plan import PlannedRun
from analysis_lib.batch.record import RunRecord


class BatchProgress:
    """Counts the runs that ended and names the one that began last."""

    def __init__(self, total: int, console: Console, bar: Progress | None) -> None:
        self._total, self._console, self._bar = total, console, bar
        self._done = self._failed = 0
        self._task = bar.add_task("", total=total, unit="", failed="") if bar else None

    def start(self, planned: PlannedRun) -> None:
        """Show that a run has begun."""
        self._update(unit=escape(planned.title))

    def end(self, record: RunRecord) -> None:
        """Count a run that has ended."""
        self._done += 1
        self._failed += record.failed
        self._update(advance=1, failed=f"[red]{self._failed} failed[/red]" if self._failed else "")
        if self._bar is None or record.failed:
            line = f"[{self._done}/{self._total}] {record.planned.title}: {record.status} ({record.seconds:.1f} s)"
            reason = f": {record.error.name}: {record.error.message}" if record.error else ""
            self._console.print(line + reason.partition("\n")[0], markup=False, highlight=False, soft_wrap=True)

    def _update(self, **fields: object) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, **fields)  # type: ignore[arg-type]


@contextmanager
def show_progress(total: int, console: Console | None = None) -> Iterator[BatchProgress]:
    """Show the progress of `total` runs while the block lasts."""
    console = console or Console()
    if not console.is_terminal:
        yield BatchProgress(total, console, None)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.fields[unit]}"))
    with Progress(*columns, TextColumn("{task.fields[failed]}"), console=console, transient=True) as bar:
        yield BatchProgress(total, console, bar)
