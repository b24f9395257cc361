"""What an import shows while it runs: a bar a stage on a terminal, a line a stage elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


@contextmanager
def show_stages(console: Console | None = None) -> Iterator[Callable[[str, int, int], None]]:
    """Show the stages of an import, each told as (stage, done, total), while the block lasts."""
    console = console or Console(stderr=True)
    begun: dict[str, TaskID] = {}
    if not console.is_terminal:

        def say(stage: str, *_: int) -> None:
            if stage not in begun:
                begun[stage] = TaskID(0)
                console.print(f"{stage} ...", markup=False, highlight=False, soft_wrap=True)

        yield say
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console) as bar:

        def move(stage: str, done: int, total: int) -> None:
            if stage not in begun:
                begun[stage] = bar.add_task(escape(stage), total=total)
            bar.update(begun[stage], completed=done, total=total)

        yield move
