"""The data-quality report of an extract.

findings    what a check is, and what it found
part        one municipality as the checks see it, and what holds for all
collect     what checks that go through the municipalities have in common
files       files missing, damaged or too many
weekly      codes by week and year: unknown codes, holes, breaks, short gaps
people      persons twice, alike, without weeks; ages
events      what cannot happen to a person (`EVENT_RULES`)
employment  months of employment held against the weeks
contacts    contacts, match decisions and vignettes
observed    the data dictionary with what was found
contents    all contents of an extract
report      the report; `text` prints it
checking    `check_extract`
"""

from analysis_lib.register.quality.checking import check_extract
from analysis_lib.register.quality.findings import Finding
from analysis_lib.register.quality.report import QualityReport

__all__ = ["Finding", "QualityReport", "check_extract"]
