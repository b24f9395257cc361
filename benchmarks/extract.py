"""Reading and importing extracts: `python benchmarks/extract.py [--quick]` (about three minutes and 1 GiB of disk).

What one jobcentre of 94 and one cohort cost against reading all; what an import takes from Parquet and CSV; and a
register of 1 million persons x 1,000 weeks imported, read and used as spells within 8 GiB.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from measure import MIB, Row, in_fresh_process, peak_bytes, print_table, times_in_turn

from analysis_lib.register.codes import read_codes
from analysis_lib.register.extract import read_extract
from analysis_lib.register.extract_writing import write_extract
from analysis_lib.register.importing.run import import_extract
from analysis_lib.register.jobcentres import read_jobcentres
from analysis_lib.register.spells import Spells, weeks_from_spells
from analysis_lib.register.states import first_run, inflow, weeks_in_state
from analysis_lib.register.weeks import column_name, week_index

FIRST_WEEK = week_index("1991-W32")
JOBCENTRES = 94
BLOCK = 20_000
GIB = 1 << 30


def draw_spells(n: int, n_weeks: int, *, rng: np.random.Generator) -> Spells:
    """Draw blank runs of 140 weeks and coded ones of 24 on average: 85 % blank, 6 runs a person in 1,000 weeks."""
    known = read_codes().known[1:]
    column = rng.geometric(1 / 140, n) - 1
    alive, parts = np.arange(n), []
    while (alive := alive[column[alive] < n_weeks]).size:
        stop = np.minimum(column[alive] + rng.geometric(1 / 24, alive.size), n_weeks)
        parts.append(np.stack((alive, column[alive], stop, rng.choice(known, alive.size))))
        column[alive] = stop + rng.geometric(1 / 140, alive.size)
    person, start, stop, code = np.concatenate(parts, axis=1)
    order = np.lexsort((start, person))
    short = (values[order].astype(np.int16) for values in (start, stop, code))
    names = np.array([f"p{i:07d}" for i in range(n)], dtype=object)
    return Spells(
        person=person[order].astype(np.int32), **dict(zip(("start", "stop", "code"), short, strict=True)),
        person_id=names, first_week=FIRST_WEEK, n_weeks=n_weeks,
    )  # fmt: skip


def draw_persons(spells: Spells, *, rng: np.random.Generator) -> pd.DataFrame:
    """Draw as many persons in each of 94 municipalities."""
    codes = np.array(sorted(read_jobcentres().municipality_codes))[:JOBCENTRES]
    n = spells.n_persons
    born = np.datetime64("1930-01-01", "D") + rng.integers(0, 18_000, n)
    return pd.DataFrame({
        "person_id": spells.person_id, "birth_date": born.astype("datetime64[s]"),
        "sex": rng.choice(["woman", "man"], n), "municipality": rng.permutation(np.arange(n) % JOBCENTRES),
    }).assign(municipality=lambda frame: codes[frame["municipality"]])  # fmt: skip


def wide_tables(spells: Spells, order: np.ndarray[Any, Any]) -> Iterator[pa.Table]:
    """Yield the weeks in the shape of DREAM, some persons at a time."""
    names = ["person_id", *(column_name(FIRST_WEEK + week) for week in range(spells.n_weeks))]
    for low in range(0, len(order), BLOCK):
        part = spells.take(order[low : low + BLOCK])
        codes = np.asfortranarray(weeks_from_spells(part))
        weeks = [pa.array(codes[:, week], mask=codes[:, week] == 0) for week in range(spells.n_weeks)]
        yield pa.Table.from_arrays([pa.array(part.person_id), *weeks], names=names)


def write_source(folder: Path, spells: Spells, persons: pd.DataFrame, *, form: str) -> int:
    """Write persons and wide weeks in random row orders; return the bytes of the weeks."""
    rng = np.random.default_rng(2)
    folder.mkdir()
    shuffled = pa.Table.from_pandas(persons.iloc[rng.permutation(len(persons))], preserve_index=False)
    pa.parquet.write_table(shuffled, folder / "persons.parquet")
    tables, path = wide_tables(spells, rng.permutation(spells.n_persons)), folder / f"weeks.{form}"
    first = next(tables)
    if form == "parquet":
        with pa.parquet.ParquetWriter(path, first.schema, compression="zstd") as writer:
            writer.write_table(first)
            for table in tables:
                writer.write_table(table)
    else:
        how = pa.csv.WriteOptions(delimiter=";", quoting_style="none", include_header=False)
        with path.open("wb") as sink:
            sink.write((";".join(first.column_names) + "\n").encode())
            for table in (first, *tables):
                pa.csv.write_csv(table, sink, how)
    return path.stat().st_size


def reading_rows(n: int = 200_000, n_weeks: int = 600) -> list[Row]:
    """Compare reading one jobcentre, and one cohort, with reading all."""
    spells = draw_spells(n, n_weeks, rng=np.random.default_rng(1))
    persons = draw_persons(spells, rng=np.random.default_rng(3))
    with tempfile.TemporaryDirectory() as place:
        folder = write_extract(Path(place) / "extract", persons=persons, codes=spells, first_week=FIRST_WEEK)
        one = int(persons["municipality"].iloc[0])
        took = times_in_turn({
            "all": partial(read_extract, folder),
            "one jobcentre of 94": partial(read_extract, folder, municipalities={one}),
            "born 1970-1974": partial(read_extract, folder, born=(1970, 1974)),
        }, repeats=9)  # fmt: skip
    rows = [Row(what=f"read {name}", figure=f"{seconds * 1e3:,.1f} ms") for name, seconds in took.items()]
    share = 100 * took["one jobcentre of 94"] / took["all"]
    rows.append(Row(what="one jobcentre / all", figure=f"{share:.1f} %", target="<= 5 %", reached=share <= 5))
    return rows


def import_rows(n: int, n_weeks: int) -> list[Row]:
    """Measure an import from Parquet and from CSV, each in a fresh process."""
    spells = draw_spells(n, n_weeks, rng=np.random.default_rng(1))
    persons = draw_persons(spells, rng=np.random.default_rng(3))
    rows = []
    for form in ("parquet", "csv"):
        with tempfile.TemporaryDirectory() as place:
            size = write_source(Path(place) / "source", spells, persons, form=form)
            seen = in_fresh_process(__file__, "--import", place)
        rate = n * n_weeks / seen["seconds"] / 1e6
        what = f"import {n:,} x {n_weeks:,} from {form} of {size / MIB:,.0f} MiB"
        rows.append(Row(what=what, figure=f"{seen['seconds']:.1f} s, {rate:.1f} million cells/s"))
        rows.append(Row(what=f"its peak memory ({form})", figure=f"{seen['peak'] / MIB:,.0f} MiB"))
    return rows


def scale_rows(n: int, n_weeks: int) -> list[Row]:
    """Import, read and use a large register within 8 GiB, each in a fresh process."""
    with tempfile.TemporaryDirectory() as place:
        seen = in_fresh_process(__file__, "--write", place, str(n), str(n_weeks))
        rows = [Row(what=f"source, {n:,} x {n_weeks:,} in Parquet", figure=f"{seen['bytes'] / MIB:,.0f} MiB")]
        for step in ("import", "use"):
            seen = in_fresh_process(__file__, f"--{step}", place)
            rows.append(
                Row(what=f"{step}: {seen['spells'] / 1e6:.1f} million spells", figure=f"{seen['seconds']:.1f} s")
            )
            rows.append(
                Row(what=f"its peak memory ({step})", figure=f"{seen['peak'] / GIB:.2f} GiB", target="<= 8 GiB",
                    reached=seen["peak"] <= 8 * GIB)
            )  # fmt: skip
        files = [path for path in (Path(place) / "extract").rglob("*") if path.is_file()]
        rows.append(Row(what="the extract", figure=f"{sum(p.stat().st_size for p in files) / MIB:,.0f} MiB"))
    return rows


def _write(place: Path, n: int, n_weeks: int) -> dict[str, float]:
    spells = draw_spells(n, n_weeks, rng=np.random.default_rng(1))
    size = write_source(place / "source", spells, draw_persons(spells, rng=np.random.default_rng(3)), form="parquet")
    return {"bytes": size}


def _import(place: Path) -> dict[str, float]:
    began = time.perf_counter()
    made = import_extract(place / "source", place / "extract")
    seconds = time.perf_counter() - began
    spells = sum(files["spells"].rows for files in made.description.municipalities.values())
    return {"seconds": seconds, "peak": peak_bytes(), "spells": spells}


def _use(place: Path) -> dict[str, float]:
    """Read all of it; inflow, weeks in the state after it, and first run of blank weeks."""
    began = time.perf_counter()
    spells, state = read_extract(place / "extract").spells, read_codes().codes_of("unemployment_insurance")
    person, week = inflow(spells, state, from_week=260, to_week=311, free_weeks=4)
    own = spells.take(person)
    weeks_in_state(own, state, start=week, length=52)
    first_run(own, [0], start=week, min_weeks=4)
    return {"seconds": time.perf_counter() - began, "peak": peak_bytes(), "spells": len(spells)}


def main(arguments: list[str]) -> int:
    """Print every section; 1 where a target is missed (not with --quick)."""
    parser = argparse.ArgumentParser(description="Reading and importing extracts.")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it run, not is it fast")
    for step, places in (("write", 3), ("import", 1), ("use", 1)):
        parser.add_argument(f"--{step}", nargs=places, help=argparse.SUPPRESS)
    asked = vars(parser.parse_args(arguments))
    if asked["write"]:
        place, n, n_weeks = asked["write"]
        print(json.dumps(_write(Path(place), int(n), int(n_weeks))))
        return 0
    for step, call in (("import", _import), ("use", _use)):
        if asked[step]:
            print(json.dumps(call(Path(asked[step][0]))))
            return 0
    quick = asked["quick"]
    sections: list[tuple[str, Callable[[], list[Row]]]] = [
        ("Reading one jobcentre of 94", partial(reading_rows, 10_000 if quick else 200_000)),
        ("Importing", partial(import_rows, *((2_000, 400) if quick else (50_000, 1_000)))),
        ("1 million persons x 1,000 weeks", partial(scale_rows, *((5_000, 400) if quick else (1_000_000, 1_000)))),
    ]
    missed = 0
    for title, section in sections:
        rows = section()
        print_table(title, rows)
        missed += sum(row.reached is False for row in rows)
    return int(missed > 0 and not quick)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
