"""Competing risks against R, on weeks of follow-up: `python benchmarks/inference_competing_risks.py`.

Two arms, three causes and censoring over 104 weeks. R (survival, cmprsk) runs in one process that holds the same
people and times itself with `system.time`; it and the library take turns. Both must give the same answers first.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from measure import REPEATS, Row, at_least, exponent, print_table, times_in_turn
from numpy.typing import NDArray

from analysis_lib.trials.durations.competing import cumulative_incidence
from analysis_lib.trials.durations.fine_gray import fine_gray
from analysis_lib.trials.durations.gray import gray_test

CAUSES = (1, 2, 3)
NAMES = np.array(["censored", "job", "training", "sick"], dtype=object)
WEEKS = 104
AGREE = 1e-5

# Answers "job n" on its input with the seconds taken and the numbers found, on the first n people.
R_SCRIPT = r"""
suppressMessages({library(survival); cmprsk <- requireNamespace("cmprsk", quietly = TRUE)})
people <- read.csv(commandArgs(TRUE)[1])
people$ending <- factor(people$cause, 0:3)
jobs <- list(
  survfit = function(d) survfit(Surv(time, ending) ~ treated, d),
  cuminc = function(d) cmprsk::cuminc(d$time, d$cause, d$treated),
  crr = function(d) cmprsk::crr(d$time, d$cause, d$treated))
answers <- list(
  survfit = function(x) { s <- summary(x, times = 52); c(s$pstate[, -1], s$std.err[, -1]) },
  cuminc = function(x) x$Tests[, "stat"],
  crr = function(x) c(exp(x$coef), sqrt(x$var)))
cat(if (cmprsk) "cmprsk" else "survival", "\n", sep = "")
input <- file("stdin", "r")
while (length(line <- readLines(input, 1))) {
  asked <- strsplit(line, " ")[[1]]
  d <- people[seq_len(as.integer(asked[2])), ]
  seconds <- system.time(found <- jobs[[asked[1]]](d))[["elapsed"]]
  cat(sprintf("%.12g", c(seconds, answers[[asked[1]]](found))), "\n")
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """People: of the comparison, of `crr` (whose cost grows with their square), and the steps of the exponents."""

    people: int
    crr: int
    steps: tuple[int, ...]


FULL = Sizes(people=100_000, crr=2_000, steps=(50_000, 100_000, 200_000, 400_000))
QUICK = Sizes(people=4_000, crr=400, steps=(4_000, 8_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Arrays of shape (n,): weeks, cause (0 is censored) and arm."""

    time: NDArray[np.float64]
    cause: NDArray[np.int64]
    treated: NDArray[np.int64]

    def first(self, n: int) -> People:
        """Return the first n people."""
        return People(time=self.time[:n], cause=self.cause[:n], treated=self.treated[:n])


def draw_people(n: int, *, rng: np.random.Generator) -> People:
    """Draw weeks to three causes; treatment raises the rate of the first by 30 %."""
    treated = rng.integers(0, 2, n)
    rates = np.column_stack([0.02 * 1.3**treated, np.full(n, 0.012), np.full(n, 0.005)])
    left = np.ceil(rng.exponential(size=n) / rates.sum(axis=1))
    until = np.minimum(np.ceil(rng.uniform(10, 150, n)), WEEKS)
    cause = 1 + (rng.random((n, 1)) > np.cumsum(rates, axis=1) / rates.sum(axis=1, keepdims=True)).sum(axis=1)
    return People(time=np.minimum(left, until), cause=np.where(left <= until, cause, 0), treated=treated)


class R:
    """An R process that does its jobs when asked; `seconds` keeps what each one took."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.seconds = process, dict[str, list[float]]()
        self.has_cmprsk = self._line() == "cmprsk"

    def _line(self) -> str:
        line = self.process.stdout.readline() if self.process.stdout else ""
        if not line:
            raise RuntimeError("R ended early; its messages are above")
        return line.strip()

    def ask(self, job: str, n: int) -> list[float]:
        """Return the numbers found."""
        if self.process.stdin:
            self.process.stdin.write(f"{job} {n}\n")
            self.process.stdin.flush()
        seconds, *found = (float(number) for number in self._line().split())
        self.seconds.setdefault(f"{job} {n}", []).append(seconds)
        return found


@contextmanager
def start_r(people: People) -> Iterator[R]:
    """Start R on the people."""
    with tempfile.TemporaryDirectory() as folder:
        script, data = Path(folder) / "peer.R", Path(folder) / "people.csv"
        script.write_text(R_SCRIPT, encoding="ascii")
        columns = {"time": people.time.astype(int), "cause": people.cause, "treated": people.treated}
        pd.DataFrame(columns).to_csv(data, index=False)
        command = ["Rscript", "--vanilla", str(script), str(data)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            yield R(process)


def incidences(people: People, cause: Any, names: tuple[Any, ...] = CAUSES) -> list[float]:
    """Return all curves' values at week 52 by cause and arm, and their standard errors (from the band)."""
    arms = [np.flatnonzero(people.treated == arm) for arm in (0, 1)]
    parts = [(people.time[arm], cause[arm]) for arm in arms]
    curves = [cumulative_incidence(*part, name) for name in names for part in parts]
    values = [curve.at(52) for curve in curves]
    ends = [float(curve.low[np.searchsorted(curve.x, 52, side="right") - 1]) for curve in curves]
    errors = [
        np.log(np.log(e) / np.log(v)) * -v * np.log(v) / 1.959963984540054 for e, v in zip(ends, values, strict=True)
    ]
    return [*values, *map(float, errors)]


def tests_and_curves(people: People) -> list[float]:
    """Return what `cuminc` computes: Gray's statistics, with all curves."""
    incidences(people, people.cause)
    return [gray_test(people.time, people.cause, cause, people.treated).statistic for cause in CAUSES]


def ratio(people: People) -> list[float]:
    """Return the subdistribution hazard ratio, and the standard error of its logarithm."""
    found = fine_gray(people.time, people.cause, 1, people.treated)
    return [found.value, found.std_error]


def in_turn(r: R, job: str, n: int, own: Callable[[], list[float]]) -> tuple[float, float]:
    """Return the median seconds of R and of the library, which take turns after they agree."""
    theirs, ours = r.ask(job, n), own()
    if not np.allclose(theirs, ours, rtol=AGREE, atol=0):
        raise RuntimeError(f"{job}: R says {theirs}, the library {ours}")
    r.seconds.clear()
    seconds = times_in_turn({"R": lambda: r.ask(job, n), "own": own})
    return median(r.seconds[f"{job} {n}"]), seconds["own"]


def against_r(people: People, sizes: Sizes) -> list[Row]:
    """Compare with R; where R or a package of it is missing, a row says so."""
    if shutil.which("Rscript") is None:
        return [Row(what="R: Rscript is not installed, no comparison made", figure="skipped")]
    n, some = sizes.people, people.first(sizes.people)
    rows = []
    with start_r(some) as r:
        theirs, own = in_turn(r, "survfit", n, lambda: incidences(some, some.cause))
        what = f"incidence, 2 arms x 3 causes with variance, {n:,} people: R survfit {theirs:.3f} s / own {own:.4f} s"
        rows.append(Row(what=what, **at_least(theirs / own, 100)))
        for step in (n // 4, n // 2):
            for _ in range(REPEATS):
                r.ask("survfit", step)
        grown = [*(median(r.seconds[f"survfit {step}"]) for step in (n // 4, n // 2)), theirs]
        rows.append(Row(what="exponent of R survfit's cost", figure=f"{exponent((n // 4, n // 2, n), grown):.2f}"))
        if not r.has_cmprsk:
            return [*rows, Row(what="R: cmprsk is not installed, no comparison made", figure="skipped")]
        theirs, own = in_turn(r, "cuminc", n, lambda: tests_and_curves(some))
        what = f"Gray's test of 3 causes and all curves, {n:,} people: R cuminc {theirs:.3f} s / own {own:.4f} s"
        rows.append(Row(what=what, figure=f"{theirs / own:,.1f}x"))
        few = people.first(sizes.crr)
        theirs, own = in_turn(r, "crr", sizes.crr, lambda: ratio(few))
        what = f"Fine-Gray, {sizes.crr:,} people: R crr {theirs:.3f} s / own {own:.4f} s"
        rows.append(Row(what=what, figure=f"{theirs / own:,.1f}x"))
    return rows


def own_cost(people: People, sizes: Sizes) -> list[Row]:
    """Time the library by number of people, with numbers and with text as causes."""
    rows = []
    jobs: dict[str, Callable[[People], Any]] = {
        "incidence, 2 arms x 3 causes": lambda p: incidences(p, p.cause),
        "the same, causes as text": lambda p: incidences(p, NAMES[p.cause], ("job", "training", "sick")),
        "Gray's test": lambda p: gray_test(p.time, p.cause, 1, p.treated),
        "Fine-Gray": ratio,
    }
    for what, job in jobs.items():
        calls = {str(n): partial(job, people.first(n)) for n in sizes.steps}
        seconds = list(times_in_turn(calls).values())
        spent = ", ".join(f"{1000 * s:.1f}" for s in seconds)
        figure = f"{exponent(sizes.steps, seconds):.2f}"
        rows.append(Row(what=f"{what}: exponent of the cost ({spent} ms)", figure=figure))
    some = people.first(sizes.people)
    taken = times_in_turn({"own": lambda: ratio(some)})["own"]
    what = f"Fine-Gray, {len(some.time):,} people"
    rows.append(Row(what=what, figure=f"{taken:.3f} s", target="<= 1 s", reached=taken <= 1))
    return rows


def rows(sizes: Sizes = FULL) -> list[Row]:
    """Return every line of the table."""
    people = draw_people(max(sizes.steps), rng=np.random.default_rng(1))
    return [*against_r(people, sizes), *own_cost(people, sizes)]


def main(arguments: list[str]) -> int:
    """Print the table; 1 where a target is missed (not with --quick, whose sizes are too small for them)."""
    parser = argparse.ArgumentParser(description="Competing risks against R.")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, not is it fast")
    quick = parser.parse_args(arguments).quick
    found = rows(QUICK if quick else FULL)
    print_table("Competing risks, 104 weeks", found)
    return int(any(row.reached is False for row in found) and not quick)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
