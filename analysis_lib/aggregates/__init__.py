"""Public aggregates: tables of jobindsats.dk and StatBank Denmark, typed, with our ids, totals apart.

periods             months, quarters, weeks, years and rolling years, ordered
areas               published names and codes of areas to our ids, by year (`parameters/area_names.yml`)
figures             published figures to numbers; missing markers and their reasons
raw                 a table as it stands; bytes to text, JSON and CSV
jobindsats_formats  jobindsats' answers: JSON of versions 2 and 3, CSV
statbank_formats    StatBank's answers: JSON-stat 1.x and 2.0, CSV and BULK
reading             how a table is to be read, and which of its columns is what
totals              the declared rule for total rows
area_rows           the area of each row, and which rows hold others
aggregate           `Aggregate`, the result: one row an area, period and combination of dimensions
transport           one request: time limits, tries, size limit, the server's own words
saved               saved answers: bytes and format
jobindsats          `read_jobindsats`, `read_jobindsats_file`
statbank            `read_statbank`, `read_statbank_file`
"""

from analysis_lib.aggregates.aggregate import Aggregate, Measure, Removed
from analysis_lib.aggregates.area_rows import Unmapped
from analysis_lib.aggregates.areas import Area, AreaIndex, read_area_index
from analysis_lib.aggregates.jobindsats import read_jobindsats, read_jobindsats_file
from analysis_lib.aggregates.periods import Period
from analysis_lib.aggregates.reading import Reading
from analysis_lib.aggregates.statbank import read_statbank, read_statbank_file
from analysis_lib.aggregates.transport import Transport

__all__ = [
    "Aggregate",
    "Area",
    "AreaIndex",
    "Measure",
    "Period",
    "Reading",
    "Removed",
    "Transport",
    "Unmapped",
    "read_area_index",
    "read_jobindsats",
    "read_jobindsats_file",
    "read_statbank",
    "read_statbank_file",
]
