"""Tables of StatBank Denmark, from the service and from saved files."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from analysis_lib.aggregates.aggregate import Aggregate, build_aggregate
from analysis_lib.aggregates.periods import Period
from analysis_lib.aggregates.reading import Reading
from analysis_lib.aggregates.saved import read_saved
from analysis_lib.aggregates.statbank_formats import parse_jsonstat, parse_statbank_csv
from analysis_lib.aggregates.transport import Call, Transport, check_base_url, fetch
from analysis_lib.errors import InvalidInput
from analysis_lib.parameters import Language

StatbankFormat = Literal["jsonstat", "csv", "bulk"]
BASE_URL = "https://api.statbank.dk/v1"
_PARSERS = {"jsonstat": parse_jsonstat, "csv": parse_statbank_csv, "bulk": parse_statbank_csv}
_SAVED = {"json": parse_jsonstat, "jsonstat": parse_jsonstat, "csv": parse_statbank_csv}
_TABLE = re.compile(r"[A-Za-z0-9_]+")


def read_statbank(
    table: str,
    *,
    variables: Mapping[str, str | Period | Sequence[str | Period]],
    file_format: StatbankFormat = "jsonstat",
    language: Language = "da",
    presentation: Literal["Code", "Value"] | None = None,
    base_url: str = BASE_URL,
    reading: Reading | None = None,
    transport: Transport | None = None,
) -> Aggregate:
    """Ask StatBank Denmark for a table (no token; licence CC BY 4.0: name Statistics Denmark as the source).

    Parameters
    ----------
    table
        Its id, such as `FOLK1A`.
    variables
        Variable code to value codes, `*` for all: `{"OMRÅDE": ["101", "461"], "Tid": "*"}`. Codes are Danish in
        either language, quarters 2008K1. A `Period` is written so.
    file_format
        `jsonstat`, `csv`, or `bulk` (no limit on cells, and every variable must be named).
    language
        Of the labels, `da` or `en`.
    presentation
        Whether CSV holds codes, as where nothing is given, or labels. JSON-stat has both, BULK has codes.
    base_url
        Where the service is.
    reading, transport
        How to read the table and how to ask.

    Returns
    -------
    Aggregate

    Raises
    ------
    InvalidInput
        Where an argument is wrong.
    DataError
        Where the service refuses, cannot be reached, or answers something else than such a table.
    """
    _check(table, file_format, language, presentation)
    chosen = {code: _values(code, values) for code, values in variables.items()}
    body: dict[str, Any] = {
        "table": table, "lang": language, "format": file_format.upper(),
        "variables": [{"code": code, "values": values} for code, values in chosen.items()],
    }  # fmt: skip
    if file_format != "jsonstat":
        body |= {"delimiter": "Semicolon", "valuePresentation": presentation or "Code"}
    call = Call(
        table=table, url=f"{check_base_url(base_url)}/data", body=body,
        answer="json" if file_format == "jsonstat" else "csv",
    )  # fmt: skip
    answer = fetch(call, transport or Transport())
    return build_aggregate(
        _PARSERS[file_format](answer.body, call.where), reading or Reading(), call.where, table=table,
        source=answer.address, request=json.dumps(body, ensure_ascii=False), retrieved_at=answer.retrieved_at,
        asked_areas=[value for values in chosen.values() for value in values if not re.search(r"[*?(<>\[]", value)],
    )  # fmt: skip


def read_statbank_file(
    path: Path | str,
    *,
    table: str,
    file_format: Literal["json", "jsonstat", "csv"] | None = None,
    retrieved_at: dt.datetime | None = None,
    asked_areas: Sequence[str] = (),
    reading: Reading | None = None,
) -> Aggregate:
    """Read a saved answer of StatBank: JSON-stat, or CSV and BULK with semicolons.

    Parameters
    ----------
    path
        The file.
    table
        The table's id.
    file_format
        `json` (JSON-stat) or `csv`; the file's extension where nothing is given.
    retrieved_at
        When it was saved, where that is known.
    asked_areas
        Areas, by code or name, that stay although they hold others, such as `000`.
    reading
        How to read the table.

    Raises
    ------
    DataError
        Where there is no such file, or it holds no such table.
    InvalidInput
        Where the format is none of those.
    """
    body, form = read_saved(path, file_format, _SAVED)
    return build_aggregate(
        _SAVED[form](body, str(path)), reading or Reading(), str(path), table=table, source=str(path),
        retrieved_at=retrieved_at, asked_areas=asked_areas,
    )  # fmt: skip


def _values(code: str, values: str | Period | Sequence[str | Period]) -> list[str]:
    listed = [values] if isinstance(values, str | Period) else list(values)
    written = [value.statbank_code() if isinstance(value, Period) else value for value in listed]
    if not code or not written or not all(written):
        raise InvalidInput(f"variable '{code}' has no value or a blank one; must have at least one, or *")
    return written


def _check(table: str, file_format: str, language: str, presentation: str | None) -> None:
    if not _TABLE.fullmatch(table):
        raise InvalidInput(f"table is '{table}'; must be an id of letters, digits and _, such as FOLK1A")
    if file_format not in _PARSERS:
        raise InvalidInput(f"file_format is '{file_format}'; must be jsonstat, csv or bulk")
    if language not in ("da", "en"):
        raise InvalidInput(f"language is '{language}'; must be da or en")
    if presentation not in (None, "Code", "Value") or (presentation is not None and file_format != "csv"):
        raise InvalidInput(f"presentation is '{presentation}'; must be Code or Value, and only for csv")
