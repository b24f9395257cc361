"""Reading takes memory for a chunk, not for the file: the peak of a process of its own, over what it begins with."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MB = 1 << 20
READ = """
import resource, sys
from pathlib import Path
from analysis_lib.register.sources import open_source

def peak():
    # Linux hands getrusage's peak on to the programs that a process starts; VmHWM is this program's own.
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))

small, large = (open_source(path) for path in sys.argv[1:])
for source in (small, large):
    rows, before = 0, peak()
    for chunk in source.chunks(integers=[name for name in source.columns if name.startswith("y_")]):
        rows += chunk.table.num_rows
print(rows, peak() - before)
"""


def measure(small, large):
    """Return the rows of the large file, and the bytes that reading it adds to the peak after reading the small one."""
    run = subprocess.run([sys.executable, "-c", READ, small, large], check=True, capture_output=True, text=True)
    rows, added = map(int, run.stdout.split())
    return rows, added


def test_csv(tmp_path):
    """180 MB in 1,000 week columns add less than 70 MB (chunks of 4 MB of text and what the parser makes of them)."""
    header = "person_id;" + ";".join(f"y_{week:04d}" for week in range(1000)) + "\n"
    row = "p0000001;" + ";".join(["111", "", "130", "7", "998"] * 200) + "\n"
    for name, copies in (("small", 10), ("large", 60_000)):
        with (tmp_path / f"{name}.csv").open("w") as stream:
            stream.write(header)
            for _ in range(copies):
                stream.write(row)
    large = tmp_path / "large.csv"
    assert large.stat().st_size > 150 * MB
    rows, added = measure(tmp_path / "small.csv", large)
    assert rows == 60_000
    assert added < 70 * MB


def test_one_parquet_row_group(tmp_path):
    """A row group of 130 MB that is a whole file adds less than 40 MB: its pages are read one after the other."""
    rng = np.random.default_rng(1)
    for name, n_rows in (("small", 10), ("large", 8_000_000)):
        table = pa.table({f"y_{week:04d}": rng.integers(0, 2**31, n_rows, dtype=np.int32) for week in range(4)})
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=n_rows, use_dictionary=False)
    large = tmp_path / "large.parquet"
    assert pq.read_metadata(large).num_row_groups == 1
    assert large.stat().st_size > 120 * MB
    rows, added = measure(tmp_path / "small.parquet", large)
    assert rows == 8_000_000
    assert added < 40 * MB
