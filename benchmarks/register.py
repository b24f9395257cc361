"""The register's functions against the usual routes, on data in the shape of DREAM: `python benchmarks/register.py`.

The job: who begins a spell of unemployment insurance in a year after 4 weeks without it, their weeks on it in the 52
weeks that follow, and their first 4 blank weeks in a row. Every figure is a ratio of medians within one run; all
methods must give the same answers before anything is timed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from extract import reading_rows
from job import FIRST_WEEK, N_WEEKS, Answer, Numbers, check_same, duckdb_job, library_job, pandas_job
from measure import (
    MIB,
    Row,
    at_least,
    at_most,
    exponent,
    in_fresh_process,
    peak_bytes,
    print_table,
    resident_bytes,
    times_in_turn,
)
from numpy.typing import NDArray

from analysis_lib.register.codes import read_codes
from analysis_lib.register.spells import Spells, spells_from_weeks, weeks_from_spells

STATE = "unemployment_insurance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Persons: of the register, of the comparison with pandas and DuckDB, and the steps of the linearity check."""

    register: int
    peers: int
    steps: tuple[int, ...]


FULL = Sizes(register=200_000, peers=50_000, steps=(25_000, 50_000, 100_000, 200_000))
QUICK = Sizes(register=20_000, peers=2_500, steps=(5_000, 10_000, 20_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Register:
    """The same weeks as runs of codes, as int16 codes, and as a uint8 index of the codes (`known[index]`)."""

    spells: Spells
    codes: NDArray[np.int16]
    index: NDArray[np.uint8]
    known: NDArray[np.int16]
    state: NDArray[np.int16]

    @property
    def state_index(self) -> Numbers:
        """The state's codes as they stand in the index."""
        return np.searchsorted(self.known, self.state)

    def part(self, n: int) -> Register:
        """Return the first n persons."""
        return Register(
            spells=self.spells.take(np.arange(n)),
            codes=self.codes[:n],
            index=self.index[:n],
            known=self.known,
            state=self.state,
        )


def draw_register(n: int, *, rng: np.random.Generator) -> Register:
    """Draw runs of geometric length: blank ones of 140 weeks, coded ones of 24 of which 37 % go over into another code.

    3 in 10 coded runs are of the state asked about, the others of any other code.
    """
    listed = read_codes()
    known, state = listed.known, listed.codes_of(STATE)
    others = np.setdiff1d(known[known > 0], state)
    column = np.zeros(n, dtype=np.int64)
    code = np.where(rng.random(n) < 0.78, 0, _draw_codes(n, state, others, rng))
    alive, parts = np.arange(n), []
    while alive.size:
        now = code[alive]
        stop = np.minimum(column[alive] + rng.geometric(np.where(now == 0, 1 / 140, 1 / 24)), N_WEEKS)
        parts.append(np.stack((alive, column[alive], stop, now)))
        goes_over = (now == 0) | (rng.random(alive.size) < 0.37)
        fresh = _draw_codes(alive.size, state, others, rng)
        code[alive] = np.where(goes_over & (fresh != now), fresh, 0)
        column[alive] = stop
        alive = alive[stop < N_WEEKS]
    person, start, stop, now = np.concatenate(parts, axis=1)
    order = np.lexsort((start, person))
    order = order[now[order] > 0]
    spells = Spells(
        person=person[order].astype(np.int32),
        start=start[order].astype(np.int16),
        stop=stop[order].astype(np.int16),
        code=now[order].astype(np.int16),
        person_id=np.arange(n),
        first_week=FIRST_WEEK,
        n_weeks=N_WEEKS,
    )
    codes = weeks_from_spells(spells)
    index = np.searchsorted(known, codes).astype(np.uint8)
    return Register(spells=spells, codes=codes, index=index, known=known, state=state)


def _draw_codes(n: int, state: Numbers, others: Numbers, rng: np.random.Generator) -> Numbers:
    return np.where(rng.random(n) < 0.3, rng.choice(state, n), rng.choice(others, n))


def shape_rows(register: Register) -> list[Row]:
    """Say what the data are like."""
    spells, cells = register.spells, register.codes.size
    changes = int(np.count_nonzero(register.codes[:, 1:] != register.codes[:, :-1])) + len(register.codes)
    stored = run_bytes(spells)
    return [
        Row(what="persons x weeks", figure=f"{spells.n_persons:,} x {spells.n_weeks}"),
        Row(what="blank cells", figure=f"{1 - np.count_nonzero(register.codes) / cells:.1%}"),
        Row(what="mean run, blank ones included", figure=f"{cells / changes:.1f} weeks"),
        Row(what="stored runs a person", figure=f"{len(spells) / spells.n_persons:.1f}"),
        Row(what="int16 codes", figure=f"{cells * 2 / MIB:.0f} MiB"),
        Row(what="uint8 index of the codes", figure=f"{cells / MIB:.0f} MiB"),
        Row(what="runs", figure=f"{stored / MIB:.1f} MiB"),
    ]


def run_bytes(spells: Spells) -> int:
    """Return the bytes of a register's runs."""
    return sum(getattr(spells, name).nbytes for name in ("person", "start", "stop", "code"))


def peer_rows(register: Register, sizes: Sizes) -> list[Row]:
    """Compare with pandas and DuckDB; both sides have the same persons."""
    part = register.part(sizes.peers)
    wide = pd.DataFrame(part.codes, columns=range(N_WEEKS)).assign(person_id=np.arange(sizes.peers))
    base = duckdb.connect()
    base.execute("SET threads = 2")
    base.execute("CREATE TABLE wide AS SELECT * FROM wide")
    jobs: dict[str, Callable[[], Answer]] = {
        "runs": partial(library_job, part.spells, part.state),
        "dense": partial(library_job, part.index, part.state_index),
        "duckdb": partial(duckdb_job, base, part.state, narrow=False),
        "duckdb narrow": partial(duckdb_job, base, part.state, narrow=True),
        "pandas": partial(pandas_job, wide, part.state, narrow=False),
        "pandas narrow": partial(pandas_job, wide, part.state, narrow=True),
    }
    entrants = check_same({name: job() for name, job in jobs.items()})
    took = times_in_turn(jobs)
    rows = [Row(what=f"{name}, {sizes.peers:,} persons, {entrants:,} entrants", figure=f"{seconds * 1e3:,.1f} ms")
            for name, seconds in took.items()]  # fmt: skip
    for peer, how, dense, runs in (
        ("pandas", "pandas melt + groupby", 100, 500),
        ("pandas narrow", "pandas, only the columns asked about", None, None),
        ("duckdb", "DuckDB, in memory, 2 threads", 10, None),
        ("duckdb narrow", "DuckDB, only the columns asked about", None, None),
    ):
        for name, target in (("dense", dense), ("runs", runs)):
            ratio = took[peer] / took[name]
            rows.append(
                Row(what=f"{how} / {name}", **(at_least(ratio, target) if target else {"figure": f"{ratio:,.1f}x"}))
            )
    return rows


def pass_rows(register: Register) -> list[Row]:
    """Compare the job with one pass of NumPy over the int16 codes, which no dense method can do without."""
    code = register.state[0]
    check_same({"runs": library_job(register.spells, register.state),
                "dense": library_job(register.index, register.state_index),
                "int16": library_job(register.codes, register.state)})  # fmt: skip
    took = times_in_turn(
        {
            "job on runs": partial(library_job, register.spells, register.state),
            "job on the uint8 index": partial(library_job, register.index, register.state_index),
            "job on int16 codes": partial(library_job, register.codes, register.state),
            "codes == code": lambda: register.codes == code,
            "codes.max()": register.codes.max,
            "spells_from_weeks, uint8": partial(
                spells_from_weeks, register.index, first_week=FIRST_WEEK, person_id=register.spells.person_id
            ),
            "weeks_from_spells": partial(weeks_from_spells, register.spells),
            "checks of Spells when built": partial(rebuilt, register.spells),
        },
        repeats=15,
    )
    rows = [Row(what=name, figure=f"{seconds * 1e3:,.2f} ms") for name, seconds in took.items()]
    return [
        *rows,
        Row(what="`codes == code` / job on runs", **at_least(took["codes == code"] / took["job on runs"], 1)),
        Row(what="`codes.max()` / job on runs", figure=f"{took['codes.max()'] / took['job on runs']:.1f}x"),
    ]


def rebuilt(spells: Spells) -> Spells:
    """Build the spells again from their arrays, checks included."""
    return Spells(
        person=spells.person,
        start=spells.start,
        stop=spells.stop,
        code=spells.code,
        person_id=spells.person_id,
        first_week=spells.first_week,
        n_weeks=spells.n_weeks,
    )


def linear_rows(register: Register, sizes: Sizes) -> list[Row]:
    """Fit how the cost grows with the persons."""
    parts = {n: register.part(n) for n in sizes.steps}
    calls: dict[str, Callable[[], Answer]] = {}
    for n, part in parts.items():
        calls[f"runs {n}"] = partial(library_job, part.spells, part.state)
        calls[f"dense {n}"] = partial(library_job, part.index, part.state_index)
    took = times_in_turn(calls, repeats=9)
    rows = []
    for form in ("dense", "runs"):
        seconds = [took[f"{form} {n}"] for n in sizes.steps]
        slope = exponent(sizes.steps, seconds)
        figures = ", ".join(f"{n // 1000}k {s * 1e3:.1f} ms" for n, s in zip(sizes.steps, seconds, strict=True))
        rows.append(
            Row(what=f"{form}: {figures}; exponent", figure=f"{slope:.2f}", target="<= 1.1", reached=slope <= 1.1)
        )
    return rows  # fmt: skip


def memory_rows(register: Register) -> list[Row]:
    """Measure the job's peak in fresh processes: highest resident memory less the level before loading."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        save_register(register, Path(folder))
        for form, stored, target in (
            ("dense", register.index.nbytes, 2.5),
            ("runs", run_bytes(register.spells), 3.0),
        ):
            seen = in_fresh_process(__file__, "--memory", form, folder)
            what = f"peak on {form}, input included, {seen['peak'] / MIB:.0f} MiB / its {stored / MIB:.0f} MiB"
            rows.append(Row(what=what, **at_most(seen["peak"] / stored, target)))
            rows.append(Row(what=f"of which after loading ({form})", figure=f"{seen['job'] / MIB:.1f} MiB"))
    return rows


def save_register(register: Register, folder: Path) -> None:
    """Write the arrays that a fresh process needs."""
    np.save(folder / "dense.npy", register.index)
    np.save(folder / "states.npy", np.stack((register.state_index, register.state)))
    for name in ("person", "start", "stop", "code", "person_id"):
        np.save(folder / f"{name}.npy", getattr(register.spells, name))


def measure_memory(form: str, folder: Path) -> dict[str, int]:
    """Do the job once in this process; the peak less the level before loading, and less the level after it."""
    state_index, state = np.load(folder / "states.npy")
    before = resident_bytes()
    codes: Numbers | Spells
    if form == "dense":
        codes, states = np.load(folder / "dense.npy"), state_index
    else:
        names = ("person", "start", "stop", "code", "person_id")
        arrays = {name: np.load(folder / f"{name}.npy") for name in names}
        codes, states = Spells(**arrays, first_week=FIRST_WEEK, n_weeks=N_WEEKS), state
    loaded = resident_bytes()
    library_job(codes, states)
    return {"peak": peak_bytes() - before, "job": peak_bytes() - loaded}


def main(arguments: list[str]) -> int:
    """Print every section; 1 where a target is missed (not with --quick, whose sizes are too small for them)."""
    parser = argparse.ArgumentParser(description="The register's functions against the usual routes.")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, not is it fast")
    parser.add_argument("--memory", nargs=2, metavar=("FORM", "FOLDER"), help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.memory:
        print(json.dumps(measure_memory(asked.memory[0], Path(asked.memory[1]))))
        return 0
    sizes = QUICK if asked.quick else FULL
    register = draw_register(sizes.register, rng=np.random.default_rng(1))
    sections: list[tuple[str, Callable[[], list[Row]]]] = [
        ("The data", lambda: shape_rows(register)),
        ("The job against pandas and DuckDB", lambda: peer_rows(register, sizes)),
        ("The job against one pass of NumPy", lambda: pass_rows(register)),
        ("Cost by number of persons", lambda: linear_rows(register, sizes)),
        ("Peak memory, fresh process", lambda: memory_rows(register)),
        ("Reading one jobcentre of 94 from an extract", lambda: reading_rows(sizes.register)),
    ]
    missed = 0
    for title, section in sections:
        rows = section()
        print_table(title, rows)
        missed += sum(row.reached is False for row in rows)
    return int(missed > 0 and not asked.quick)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
