"""Cox regression against R's survival and statsmodels: `python benchmarks/inference_cox.py`.

Efron's rule for ties, treatment and 8 covariates, 104 weeks; then the standard error robust to 94 clusters. R runs in
a process of its own, which reads the data once and fits when told to, so that the sides take turns. All must give the
same answers before anything is timed.
"""

from __future__ import annotations

import argparse
import math
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from measure import Row, at_least, exponent, print_table, times_in_turn
from statsmodels.duration.hazard_regression import PHReg

from analysis_lib.trials.durations import hazard_ratio

TITLE = "Cox regression, Efron ties, treatment and 8 covariates, 104 weeks"
WEEKS, CLUSTERS = 104, 94
# Of the logarithm of the ratio in standard errors, and of the standard error in itself.
AGREE = 1e-5
R_PROGRAM = r"""
suppressMessages(library(survival))
commands <- file("stdin", "r")
people <- NULL
say <- function(...) { cat(sprintf(...), "\n", sep = ""); flush(stdout()) }
say("ready")
while (length(line <- readLines(commands, 1))) {
  word <- strsplit(line, " ", fixed = TRUE)[[1]]
  if (word[1] == "read") {
    people <- read.csv(word[2])
    model <- reformulate(setdiff(names(people), c("time", "event", "cluster")), quote(Surv(time, event)))
    say("read %d", nrow(people))
  } else {
    part <- people[seq_len(as.integer(word[2])), ]
    seconds <- system.time(
      fit <- if (word[1] == "plain") coxph(model, part, ties = "efron")
             else coxph(model, part, ties = "efron", cluster = cluster))[["elapsed"]]
    say("%.17g %.17g %.17g", coef(fit)[["treated"]], sqrt(vcov(fit)["treated", "treated"]), seconds)
  }
}
"""


class Sizes(NamedTuple):
    """Numbers of people: to compare on, for the exponent of R with clusters, and for that of the library."""

    people: int
    clustered: tuple[int, ...]
    steps: tuple[int, ...]


FULL = Sizes(people=100_000, clustered=(10_000, 20_000, 40_000), steps=(50_000, 100_000, 200_000, 400_000))
QUICK = Sizes(people=4_000, clustered=(1_000, 2_000, 4_000), steps=(2_000, 4_000, 8_000))


class Answer(NamedTuple):
    """The logarithm of the ratio, its standard error, and the seconds where R measured them."""

    log_ratio: float
    std_error: float
    seconds: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class RProcess:
    """A running R; `fit` asks for a regression of the first people that it has read."""

    process: subprocess.Popen[str]

    def ask(self, command: str = "") -> str:
        """Send a command, if any, and return R's next line."""
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("R was started without pipes")
        if command:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline().strip()
        if not line:
            raise RuntimeError(f"R stopped at {command!r}")
        return line

    def fit(self, kind: str, people: int) -> Answer:
        """Return R's answer, with its own measure of the seconds (system.time)."""
        return Answer(*(float(part) for part in self.ask(f"{kind} {people}").split()))


@contextmanager
def r_process(people: pd.DataFrame) -> Iterator[RProcess | None]:
    """Start R and let it read the people; None where there is no R, or no survival package."""
    if shutil.which("Rscript") is None:
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        script, data = Path(folder) / "fit.R", Path(folder) / "people.csv"
        script.write_text(R_PROGRAM, encoding="utf-8")
        people.to_csv(data, index=False)
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(
            ["Rscript", str(script)], text=True, stdin=pipe, stdout=pipe, stderr=nowhere
        ) as process:  # fmt: skip
            r = RProcess(process=process)
            try:
                r.ask()
            except RuntimeError:
                yield None
                return
            r.ask(f"read {data}")
            yield r
            if process.stdin is not None:
                process.stdin.close()


def draw_people(n: int, *, rng: np.random.Generator) -> pd.DataFrame:
    """Return people with durations in whole weeks, many in the same week, and clusters with hazards of their own."""
    normal, binary = rng.normal(size=(n, 4)), rng.random((n, 4)) < 0.4
    x = np.hstack([normal, binary])
    treated, cluster = rng.integers(0, 2, n), rng.integers(0, CLUSTERS, n)
    log_hazard = x @ np.linspace(-0.3, 0.3, x.shape[1]) + 0.25 * treated + rng.normal(0, 0.2, CLUSTERS)[cluster]
    left = np.ceil(30 * (rng.exponential(size=n) / np.exp(log_hazard)) ** (1 / 1.334))
    until = np.minimum(WEEKS, rng.integers(20, 200, n))
    people = pd.DataFrame(x, columns=[f"x{j + 1}" for j in range(x.shape[1])])
    return people.assign(
        treated=treated, time=np.minimum(left, until), event=(left <= until).astype(int), cluster=cluster
    )  # fmt: skip


def covariates(people: pd.DataFrame) -> pd.DataFrame:
    """Return the columns adjusted for."""
    return people.drop(columns=["treated", "time", "event", "cluster"])


def library_fit(people: pd.DataFrame, *, cluster: bool) -> Answer:
    """Return the library's answer."""
    found = hazard_ratio(
        people["time"], people["event"], people["treated"],
        covariates=covariates(people), cluster=people["cluster"] if cluster else None,
    )  # fmt: skip
    return Answer(math.log(found.value), found.std_error)


def statsmodels_fit(people: pd.DataFrame) -> Answer:
    """Return statsmodels' answer."""
    columns = np.column_stack([people["treated"], covariates(people)]).astype(float)
    model = PHReg(people["time"].to_numpy(), columns, status=people["event"].to_numpy(), ties="efron")
    found = model.fit()
    return Answer(float(found.params[0]), float(found.bse[0]))


def check_same(name: str, found: Answer, wanted: Answer) -> None:
    """Raise where two answers differ."""
    apart = abs(found.log_ratio - wanted.log_ratio) / wanted.std_error
    if apart > AGREE or abs(found.std_error / wanted.std_error - 1) > AGREE:
        raise RuntimeError(f"{name} answers {found}, the library {wanted}")


def rows(sizes: Sizes = FULL) -> list[Row]:
    """Compare, and return the table's rows; those with R say so where there is none."""
    drawn = draw_people(max(sizes.people, *sizes.steps), rng=np.random.default_rng(1))
    people = drawn.iloc[: sizes.people]
    with r_process(people) as r:
        return [*plain_rows(people, r), *clustered_rows(people, r, sizes), *cost_rows(drawn, sizes)]


def plain_rows(people: pd.DataFrame, r: RProcess | None) -> list[Row]:
    """Time the fit with model-based errors on the same people."""
    n, own = len(people), library_fit(people, cluster=False)
    calls = {"own": lambda: library_fit(people, cluster=False), "statsmodels": lambda: statsmodels_fit(people)}
    check_same("statsmodels", statsmodels_fit(people), own)
    if r is not None:
        check_same("R", r.fit("plain", n), own)
        calls["R"] = lambda: r.fit("plain", n)
    took = times_in_turn(calls)
    found = [Row(what=f"the library, {n:,} people", figure=f"{took['own']:.3f} s")]
    if r is None:
        found.append(no_r())
    else:
        found.append(Row(what=f"R's coxph, {took['R']:.3f} s", **at_least(took["R"] / took["own"], 1.3)))
    ratio = took["statsmodels"] / took["own"]
    return [*found, Row(what=f"statsmodels' PHReg, {took['statsmodels']:.2f} s", **at_least(ratio, 5))]


def clustered_rows(people: pd.DataFrame, r: RProcess | None, sizes: Sizes) -> list[Row]:
    """Time the fit with errors robust to clusters: R once, as it takes a minute and more."""
    n, own = len(people), library_fit(people, cluster=True)
    seconds = times_in_turn({"own": lambda: library_fit(people, cluster=True)})["own"]
    found = [Row(what=f"the library, {n:,} people, {CLUSTERS} clusters", figure=f"{seconds:.3f} s")]
    if r is None:
        return [*found, no_r()]
    once = r.fit("cluster", n)
    check_same("R with clusters", once, own)
    ratio = once.seconds / seconds
    found.append(Row(what=f"R's coxph with clusters, once, {once.seconds:.1f} s", **at_least(ratio, 50)))
    smaller = [r.fit("cluster", size).seconds for size in sizes.clustered]
    text = ", ".join(f"{size // 1000}k {s:.2f} s" for size, s in zip(sizes.clustered, smaller, strict=True))
    slope = exponent([*sizes.clustered, n], [*smaller, once.seconds])
    return [*found, Row(what=f"R's coxph with clusters: {text}; exponent", figure=f"{slope:.2f}")]


def cost_rows(drawn: pd.DataFrame, sizes: Sizes) -> list[Row]:
    """Time the library by number of people."""
    found = []
    for cluster, label in ((False, "the library"), (True, "the library with clusters")):
        calls = {
            str(n): lambda n=n, cluster=cluster: library_fit(drawn.iloc[:n], cluster=cluster) for n in sizes.steps
        }  # fmt: skip
        seconds = list(times_in_turn(calls).values())
        text = ", ".join(f"{n // 1000}k {1e3 * s:.0f} ms" for n, s in zip(sizes.steps, seconds, strict=True))
        slope = exponent(sizes.steps, seconds)
        what = f"{label}: {text}; exponent"
        found.append(Row(what=what, figure=f"{slope:.2f}", target="<= 1.2", reached=slope <= 1.2))
    return found


def no_r() -> Row:
    """Return the row that says why R is missing."""
    return Row(what="R's coxph: left out, as Rscript with the survival package is not installed", figure="")


def main(arguments: list[str]) -> int:
    """Print the table; 1 where a target is missed (not with --quick, whose sizes are too small for them)."""
    parser = argparse.ArgumentParser(description="Cox regression against R's survival and statsmodels.")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, not is it fast")
    asked = parser.parse_args(arguments)
    found = rows(QUICK if asked.quick else FULL)
    print_table(TITLE, found)
    return int(any(row.reached is False for row in found) and not asked.quick)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
