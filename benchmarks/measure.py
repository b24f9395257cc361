"""Timing, memory and the table that every benchmark prints."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

REPEATS = 5
TURN_SECONDS, MOST_LOOPS = 0.05, 20
MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table: what was measured, the figure, and whether it reaches its target (None: there is none)."""

    what: str
    figure: str
    target: str = ""
    reached: bool | None = None


def times_in_turn(calls: Mapping[str, Callable[[], Any]], *, repeats: int = REPEATS) -> dict[str, float]:
    """Return each call's median seconds; the calls take turns, so that a slow spell of the machine meets all alike.

    A call of a few milliseconds is made several times in its turn, and the garbage collector waits for the end of a
    round, as in `timeit`: a single one would mostly time how the other side's turn left the processor.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    loops = {name: _loops(call) for name, call in calls.items()}
    for _ in range(max(repeats, REPEATS)):
        gc.collect()
        gc.disable()
        try:
            for name, call in calls.items():
                began = time.perf_counter()
                for _ in range(loops[name]):
                    call()
                seconds[name].append((time.perf_counter() - began) / loops[name])
        finally:
            gc.enable()
    return {name: median(values) for name, values in seconds.items()}


def _loops(call: Callable[[], Any]) -> int:
    """Return how often to make a call in a turn."""
    began = time.perf_counter()
    call()
    return min(max(round(TURN_SECONDS / (time.perf_counter() - began)), 1), MOST_LOOPS)


def at_least(ratio: float, target: float) -> dict[str, Any]:
    """Return the figure, target and verdict of a ratio that must not be smaller."""
    return {"figure": f"{ratio:,.1f}x", "target": f">= {target:g}x", "reached": ratio >= target}


def at_most(ratio: float, target: float) -> dict[str, Any]:
    """Return the figure, target and verdict of a ratio that must not be larger."""
    return {"figure": f"{ratio:.2f}x", "target": f"<= {target:g}x", "reached": ratio <= target}


def exponent(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Return the slope of log seconds on log size: 1 where the cost is linear."""
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def resident_bytes() -> int:
    """Return this process's resident memory now (Linux)."""
    return _status("VmRSS")


def peak_bytes() -> int:
    """Return this process's highest resident memory so far (Linux).

    Not getrusage's ru_maxrss, which a child process takes over from its parent.
    """
    return _status("VmHWM")


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def in_fresh_process(script: str, *arguments: str) -> dict[str, float]:
    """Run a script in a new interpreter and return the JSON object that it prints."""
    run = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"{script} {' '.join(arguments)} failed:\n{run.stderr}")
    answer: dict[str, float] = json.loads(run.stdout)
    return answer


def print_table(title: str, rows: Sequence[Row]) -> None:
    """Print one section as a markdown table."""
    print(f"\n## {title}\n\n| what | figure | target | |\n|---|---:|---:|---|")
    for row in rows:
        verdict = "" if row.reached is None else "PASS" if row.reached else "MISS"
        print(f"| {row.what} | {row.figure} | {row.target} | {verdict} |")
    sys.stdout.flush()
