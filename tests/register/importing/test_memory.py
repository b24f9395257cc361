"""Memory stays bounded whatever the size of the file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from analysis_lib.register.weeks import column_name, week_index

WEEKS = 1_000
PEOPLE = 38_000
BOUND = 160
"""MB that an import may take above a process that only imports the package.

Measured: about 85 MB. A chunk of 4 MB of text (and what it is turned into) takes most of it. The file has 150 MB, and
its codes take 150 MB as int32.
"""
MEASURE = """\
import sys
from analysis_lib.register.importing.run import import_extract
from analysis_lib.register.jobcentres import read_jobcentres
jobcentres = read_jobcentres()
if len(sys.argv) > 1:
    import_extract(sys.argv[1], sys.argv[2], jobcentres=jobcentres)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


def peak_megabytes(*arguments):
    """Return the most memory that a process held; not `ru_maxrss`, which begins with that of the process it was forked from."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    return int(done.stdout) / 1024


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc/self/status")
def test_a_file_larger_than_the_bound(source, tmp_path, jobcentres):
    homes = sorted(jobcentres.municipality_codes)
    header = ",".join(column_name(week_index("2000-W01") + week) for week in range(WEEKS))
    rng = np.random.default_rng(20)
    # A person's line is one of 50, which change their code every 10 weeks.
    lines = [",".join(np.repeat(rng.choice(["111", "890", "130"], WEEKS // 10), 10)) for _ in range(50)]
    with (source / "weeks.csv").open("w") as stream:
        stream.write(f"person_id,{header}\n")
        stream.writelines(f"p{i},{lines[i % 50]}\n" for i in range(PEOPLE))
    with (source / "persons.csv").open("w") as stream:
        stream.write("person_id,birth_date,sex,municipality\n")
        stream.writelines(f"p{i},1970-01-01,man,{homes[i % len(homes)]}\n" for i in range(PEOPLE))
    assert (source / "weeks.csv").stat().st_size > 150e6
    used = peak_megabytes(source, tmp_path / "to") - peak_megabytes()
    print(f"{used:.0f} MB above the baseline")  # noqa: T201
    assert used < BOUND
