"""Source files of a register, read chunk by chunk in bounded memory, with errors that name file, column and row.

contract       what every source promises, and the checks that all share
source         opening a file, or the files of an extract's folder
csv_source     CSV: form detected, rows parsed
csv_lines      CSV: cut at line ends; rows with a wrong number of cells
encoding       CSV: one pass over the bytes for hash, encoding and line ends
decimals       CSV: the decimal sign
cells          columns turned into whole numbers and numbers
parquet_source Parquet
sas_source     SAS (.sas7bdat)
"""

from analysis_lib.register.sources.contract import Chunk, CsvForm, Source
from analysis_lib.register.sources.source import find_tables, open_source

__all__ = ["Chunk", "CsvForm", "Source", "find_tables", "open_source"]
