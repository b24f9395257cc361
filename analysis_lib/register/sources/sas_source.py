"""A SAS file (.sas7bdat), chunk by chunk.

Names, formats and the number of rows are read with pyreadstat. The rows are read with pandas, which goes through the
file once; pyreadstat would begin at the first row for each chunk.
"""

from __future__ import annotations

import codecs
import datetime as dt
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyreadstat
from numpy.typing import NDArray
from pandas.io.sas.sas7bdat import SAS7BDATReader

from analysis_lib.errors import DataError
from analysis_lib.register.sources.cells import as_integers, as_numbers
from analysis_lib.register.sources.contract import (
    ROWS,
    Chunk,
    Stamp,
    Wanted,
    check_wanted,
    fixed_values,
    hash_file,
    rows_a_chunk,
)

DATES = re.compile(
    r"(?:DATE|(?:DDMMYY|MMDDYY|YYMMDD)[BCDNPS]?|WEEKDAT[EX]|WORDDAT[EX]|(?:E8601|B8601|IS8601)DA)[0-9]*\.?[0-9]*"
)
"""Formats that show a number of days since 1960 as a date."""
DATE_TIMES = re.compile(r"(?:DATETIME|DATEAMPM|MDYAMPM|(?:E8601|B8601|IS8601)DT)[0-9]*\.?[0-9]*")
"""Formats that show a number of seconds since 1960 as a date and a time."""
_DAY = 86_400
_ORIGIN = dt.date(1960, 1, 1)
_LEAP_DAYS = (745_154, 2_206_123)
_LAST_DAY = (dt.date.max - _ORIGIN).days
_FIRST_DAY = (dt.date(1582, 1, 1) - _ORIGIN).days


class SasSource:
    """One SAS file; see `Source`. Numbers come as double, texts as string, both null where missing."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self._stamp = Stamp.of(path)
        self.size = self._stamp.size
        try:
            _, metadata = pyreadstat.read_sas7bdat(path, metadataonly=True)
        except (pyreadstat.ReadstatError, pyreadstat.PyreadstatError, UnicodeDecodeError) as error:
            raise DataError(f"{name}: cannot be read ({error}); must be a complete .sas7bdat file") from None
        self._encoding = _codec(str(metadata.file_encoding), name)
        self._stored = tuple(metadata.column_names)
        self._formats = tuple(metadata.original_variable_types[column] or "" for column in self._stored)
        if metadata.number_rows is None:
            raise DataError(f"{name}: does not say how many rows it has; must be exported as CSV")
        self.n_rows: int | None = metadata.number_rows
        self.columns = tuple(column.strip() for column in self._stored)
        self.fixed: Mapping[str, str] = fixed_values(name, self.columns)

    def describe(self) -> dict[str, str]:
        """Return format and encoding."""
        return {"format": "sas7bdat", "encoding": self._encoding}

    def fingerprint(self) -> str:
        """Return the SHA-256 of the file."""
        return hash_file(self.path)

    def chunks(
        self,
        *,
        columns: Sequence[str] | None = None,
        integers: Collection[str] = (),
        numbers: Collection[str] = (),
        skip: int = 0,
        rows: int = ROWS,
    ) -> Iterator[Chunk]:
        """Read the file in order; see `Source.chunks`. Chunks passed over are read, but not turned."""
        wanted = check_wanted(
            self.columns, self.name, columns=columns, integers=integers, numbers=numbers, skip=skip, rows=rows
        )
        return self._chunks(wanted, skip, rows_a_chunk(rows, len(self.columns)))

    def _chunks(self, wanted: Wanted, skip: int, rows: int) -> Iterator[Chunk]:
        self._stamp.check(self.path, self.name)
        n_rows = self.n_rows or 0
        first_row = 1
        for frame in self._frames(rows) if n_rows else ():
            done = first_row - 1 + len(frame)
            if (first_row - 1) // rows >= skip:
                table = self._table(frame, wanted)
                yield Chunk(first_row=first_row, table=table, position=self.size * min(done, n_rows) // n_rows)
            first_row = done + 1
        if first_row - 1 != n_rows:
            raise DataError(
                f"{self.name}: {first_row - 1:,} rows could be read; must be {n_rows:,}, as the file's head says"
            )
        self._stamp.check(self.path, self.name)

    def _frames(self, rows: int) -> Iterator[pd.DataFrame]:
        first_row = 1
        try:
            # Not pandas.read_sas: its dates depend on whether it finds a column's format.
            with SAS7BDATReader(  # type: ignore[call-arg]  # the stubs leave out what it is made of
                self.path, encoding=self._encoding, chunksize=rows, convert_dates=False
            ) as reader:
                for frame in reader:
                    # Only their number is compared: pandas misses names in files that SAS did not write.
                    if frame.shape[1] != len(self._stored):
                        raise DataError(f"{self.name}: the columns cannot be told apart; must be exported as CSV")
                    yield frame
                    first_row += len(frame)
        except UnicodeDecodeError as error:
            raise DataError(
                f"{self.name}: from row {first_row:,} on, a text is not {self._encoding}, which the file says it is "
                f"({error.reason}); must be exported again in its own encoding, or as CSV"
            ) from None
        except (ValueError, AssertionError) as error:
            raise DataError(
                f"{self.name}: cannot be read from row {first_row:,} on ({error}); must be a complete .sas7bdat file"
            ) from None

    def _table(self, frame: pd.DataFrame, wanted: Wanted) -> pa.Table:
        columns = []
        for place in wanted.places:
            cells = _cells(frame.iloc[:, place], self._formats[place])
            if place in wanted.integers:
                cells = as_integers(cells)
            elif place in wanted.numbers:
                cells = as_numbers(cells)
            columns.append(cells)
        return pa.table(columns, names=list(wanted.names))


def sas_dates(days: NDArray[np.float64]) -> pa.Array | None:
    """Return SAS dates as date32, missing ones as null, or `None` where a number is no date.

    SAS counts days from 1 January 1960 and has no leap day in the years 4000 and 8000, so that its 31 December 9999,
    a usual mark of what goes on, is day 2,936,547 and not 2,936,549.

    Parameters
    ----------
    days
        Shape (n,); NaN is missing.

    Examples
    --------
    >>> sas_dates(np.array([0.0, np.nan, 2_936_547.0])).to_pylist()
    [datetime.date(1960, 1, 1), None, datetime.date(9999, 12, 31)]
    """
    missing = np.isnan(days)
    whole = np.where(missing, 0.0, days)
    whole = whole + sum((whole >= day).astype(np.float64) for day in _LEAP_DAYS)
    if (whole != np.floor(whole)).any() or (whole < _FIRST_DAY).any() or (whole > _LAST_DAY).any():
        return None
    since_1970 = (whole - (dt.date(1970, 1, 1) - _ORIGIN).days).astype(np.int32)
    return pa.array(since_1970, pa.int32(), mask=missing).cast(pa.date32())


def sas_times(seconds: NDArray[np.float64]) -> pa.Array | None:
    """Return SAS datetimes (seconds from the beginning of 1960) as timestamps; see `sas_dates`."""
    days = np.floor(seconds / _DAY)
    dates = sas_dates(days)
    time_of_day = np.where(np.isnan(seconds), 0.0, seconds - _DAY * days)
    if dates is None or (time_of_day != np.floor(time_of_day)).any():
        return None
    midnights = pc.multiply(dates.cast(pa.int32()).cast(pa.int64()), _DAY)
    return pc.add(midnights, pa.array(time_of_day.astype(np.int64))).cast(pa.timestamp("s"))


def _cells(series: pd.Series, layout: str) -> pa.ChunkedArray:
    """Return a column of the frame; numbers that are no dates despite their format stay numbers."""
    if not pd.api.types.is_float_dtype(series.dtype):
        return pa.chunked_array([pa.array(series, pa.string(), from_pandas=True)])
    values = series.to_numpy(np.float64)
    turn = next(
        (turn for formats, turn in ((DATES, sas_dates), (DATE_TIMES, sas_times)) if formats.fullmatch(layout)), None
    )
    turned = turn(values) if turn else None
    return pa.chunked_array([turned if turned is not None else pa.array(values, from_pandas=True)])


def _codec(encoding: str, name: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        raise DataError(
            f"{name}: the file's encoding is '{encoding}', which is not known; must be exported in UTF-8, or as CSV"
        ) from None
