"""Tables of jobindsats.dk, from the service (versions 2 and 3) and from saved files."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from analysis_lib.aggregates.aggregate import Aggregate, build_aggregate
from analysis_lib.aggregates.jobindsats_formats import parse_jobindsats_csv, parse_jobindsats_json
from analysis_lib.aggregates.periods import Period, PeriodKind
from analysis_lib.aggregates.raw import load_json, quote
from analysis_lib.aggregates.reading import Reading
from analysis_lib.aggregates.saved import read_saved
from analysis_lib.aggregates.transport import Call, Transport, check_base_url, fetch, read_token
from analysis_lib.errors import DataError, InvalidInput
from analysis_lib.parameters import suggest

Version = Literal["v2", "v3"]
JobindsatsFormat = Literal["json", "csv"]
Wanted = str | Sequence[str]
BASE_URLS: dict[Version, str] = {"v2": "https://api.jobindsats.dk/v2", "v3": "https://api.jobindsats.dk/v3"}
TOKEN_VARIABLE = "JOBINDSATS_TOKEN"
_PARSERS = {"json": parse_jobindsats_json, "csv": parse_jobindsats_csv}
_TABLE = re.compile(r"[A-Za-z0-9_]+")
_LATEST = re.compile(r"l\((m|q|y|qmat):([1-9][0-9]*)\)")
# Version 3's keys of period types. M, Q and QMAT are verified, Y is recalled.
_PERIOD_TYPES: dict[PeriodKind, str] = {"month": "M", "quarter": "Q", "rolling_year": "QMAT", "year": "Y"}


def read_jobindsats(
    table: str,
    *,
    area: Wanted,
    period: str | Period | Sequence[str | Period],
    dimensions: Mapping[str, Wanted] | None = None,
    version: Version = "v3",
    file_format: JobindsatsFormat = "json",
    hierarchy: str | None = None,
    measure_groups: Mapping[str, str] | None = None,
    base_url: str | None = None,
    token_variable: str = TOKEN_VARIABLE,
    reading: Reading | None = None,
    transport: Transport | None = None,
) -> Aggregate:
    """Ask jobindsats for a table.

    Parameters
    ----------
    table
        Its id, such as `y01a02`.
    area
        Names (`Odense`, `Hele landet`), or `*` for all. Version 3 also takes value ids of the hierarchy (`/` is its
        top); names are looked up in the table's own list.
    period
        Periods (`2019M01`, several of one kind), or the latest ones: `l(m:12)` for 12 months, `q`, `y`, `qmat`.
    dimensions
        Dimension (version 3: hierarchy) to values, `*` for all: `{"_kon": "*"}`.
    version
        `v2` sends the token bare; one value of each thing goes as GET, lists as POST. `v3` sends it as Bearer.
    file_format
        `json` or `csv`.
    hierarchy
        Version 3: which areas `area` is about (`_nykom` the municipalities, as where nothing is given;
        `_hele_landet` the country).
    measure_groups
        Version 3: group to measures; all where nothing is given.
    base_url
        Where the service is; the documented address where nothing is given.
    token_variable
        Environment variable with the access token.
    reading, transport
        How to read the table and how to ask.

    Returns
    -------
    Aggregate

    Raises
    ------
    InvalidInput
        Where an argument is wrong or the token is not set; the message names the variable.
    DataError
        Where the service refuses, cannot be reached, or answers something else than such a table.
    """
    _check(table, version, file_format, {"_area": area, **(dimensions or {})})
    base = check_base_url(base_url or BASE_URLS[version])
    token = read_token(token_variable)
    settings = transport or Transport()
    if version == "v2":
        if hierarchy is not None or measure_groups is not None:
            raise InvalidInput("hierarchy and measure_groups are of version v3; version is 'v2'")
        call = _call_v2(base, token, table, area=area, period=period, dimensions=dimensions or {}, answer=file_format)
    else:
        chosen = _hierarchies(hierarchy or "_nykom", area, dimensions or {})
        groups = measure_groups or {"*": "*"}
        call = _call_v3(
            base, token, table, chosen=chosen, period=period, groups=groups, answer=file_format, transport=settings
        )
    return _asked(call, settings, table, reading or Reading(), _listed(area))


def read_jobindsats_file(
    path: Path | str,
    *,
    table: str,
    file_format: JobindsatsFormat | None = None,
    retrieved_at: dt.datetime | None = None,
    asked_areas: Sequence[str] = (),
    reading: Reading | None = None,
) -> Aggregate:
    """Read a saved answer of jobindsats: JSON of version 2 or 3, or semicolon CSV.

    Parameters
    ----------
    path
        The file.
    table
        The table's id, which no answer holds.
    file_format
        `json` or `csv`; the file's extension where nothing is given.
    retrieved_at
        When it was saved, where that is known.
    asked_areas
        Areas that stay although they hold others, such as `Hele landet`.
    reading
        How to read the table.

    Raises
    ------
    DataError
        Where there is no such file, or it holds no such table.
    InvalidInput
        Where the format is none of the two.
    """
    body, form = read_saved(path, file_format, _PARSERS)
    return build_aggregate(
        _PARSERS[form](body, str(path)), reading or Reading(), str(path), table=table, source=str(path),
        retrieved_at=retrieved_at, asked_areas=asked_areas,
    )  # fmt: skip


def _check(table: str, version: str, file_format: str, dimensions: Mapping[str, Wanted]) -> None:
    if not _TABLE.fullmatch(table):
        raise InvalidInput(f"table is '{table}'; must be an id of letters, digits and _, such as y01a02")
    if version not in BASE_URLS:
        raise InvalidInput(f"version is '{version}'; must be v2 or v3")
    if file_format not in _PARSERS:
        raise InvalidInput(f"file_format is '{file_format}'; must be json or csv")
    for name, values in dimensions.items():
        if not name.startswith("_"):
            raise InvalidInput(f"dimension is '{name}'; must begin with _, such as _kon")
        if not _listed(values) or not all(value.strip() for value in _listed(values)):
            raise InvalidInput(f"{name.removeprefix('_')} has no value or a blank one; must have at least one, or *")


def _listed(values: Wanted) -> list[str]:
    return [values] if isinstance(values, str) else list(values)


def _period_codes(period: str | Period | Sequence[str | Period]) -> tuple[str, list[str]]:
    """Return the type of version 3, and the codes; the latest periods are one code, `l(m:12)`."""
    listed = [period] if isinstance(period, str | Period) else list(period)
    if len(listed) == 1 and isinstance(listed[0], str) and (latest := _LATEST.fullmatch(listed[0])):
        return latest[1].upper(), [listed[0]]
    periods = [p if isinstance(p, Period) else Period.parse(p) for p in listed]
    kinds = sorted({p.kind for p in periods})
    if len(kinds) != 1:
        raise InvalidInput(f"period has the kinds {kinds or 'none'}; must be periods of one kind, or such as l(m:12)")
    codes = [p.jobindsats_code for p in periods]
    return _PERIOD_TYPES[kinds[0]], codes


def _hierarchies(areas: str, area: Wanted, dimensions: Mapping[str, Wanted]) -> dict[str, Wanted]:
    if areas in dimensions:
        raise InvalidInput(f"dimension {areas} is the hierarchy of the areas; its values are said with area")
    return {areas: area, **dimensions}


def _asked(call: Call, transport: Transport, table: str, reading: Reading, areas: Sequence[str]) -> Aggregate:
    answer = fetch(call, transport)
    try:
        return build_aggregate(
            _PARSERS[call.answer](answer.body, call.where), reading, call.where, table=table,
            source=answer.address, request="" if call.body is None else json.dumps(call.body, ensure_ascii=False),
            retrieved_at=answer.retrieved_at, asked_areas=[name for name in areas if name != "*"],
        )  # fmt: skip
    except DataError as error:
        raise _unquoted(error, answer.body, call) from None


def _call_v2(
    base: str, token: str, table: str, *, area: Wanted, period: Any, dimensions: Mapping[str, Wanted], answer: Any
) -> Call:
    _, codes = _period_codes(period)
    url = f"{base}/data/{table}/{answer}"
    if len(codes) == 1 and all(isinstance(values, str) for values in (area, *dimensions.values())):
        params = {"period": codes[0], "area": str(area), **{name: str(value) for name, value in dimensions.items()}}
        return Call(table=table, url=f"{url}/", params=tuple(params.items()), answer=answer, authorization=token)
    plain = {name: values if isinstance(values, str) else list(values) for name, values in dimensions.items()}
    latest = _LATEST.fullmatch(codes[0])
    body = {"area": area if isinstance(area, str) else list(area), "period": codes[0] if latest else codes, **plain}
    return Call(table=table, url=url, body=body, answer=answer, authorization=token)


def _call_v3(
    base: str, token: str, table: str, *, chosen: Mapping[str, Wanted], period: Any, groups: Mapping[str, str],
    answer: Any, transport: Transport,
) -> Call:  # fmt: skip
    kind, codes = _period_codes(period)
    latest = _LATEST.fullmatch(codes[0])
    header = f"Bearer {token}"
    if any(not _is_id(value) for values in chosen.values() for value in _listed(values)):
        about = Call(table=table, url=f"{base}/table/{table}", params=(("format", "json"),), authorization=header)
        described = fetch(about, transport).body
        try:
            chosen = {
                name: _value_ids(described, name, _listed(values), about.where) for name, values in chosen.items()
            }
        except DataError as error:
            raise _unquoted(error, described, about) from None
    params = [
        *((f"mgroup.{group}", measures) for group, measures in groups.items()),
        (f"period.{kind}", f"latest:{latest[2]}" if latest else ",".join(codes)),
        *((f"hierarchy.{name}", ",".join(_listed(values))) for name, values in chosen.items()),
        ("format", answer),
    ]
    return Call(table=table, url=f"{base}/data/{table}", params=tuple(params), answer=answer, authorization=header)


def _unquoted(error: DataError, body: bytes, call: Call) -> DataError:
    """Return the error, without its quotation where the answer repeats our token."""
    if call.authorization.removeprefix("Bearer ").encode() not in body:
        return error
    return DataError(f"{call.where}: the answer is no such table; it repeats the access token and is not quoted")


def _is_id(value: str) -> bool:
    return value == "*" or value.startswith(("/", "level:"))


def _value_ids(described: bytes, hierarchy: str, wanted: Sequence[str], where: str) -> list[str]:
    """Return the value ids of names in a hierarchy of a table's description; ids stay."""
    if all(_is_id(value) for value in wanted):
        return list(wanted)
    document = load_json(described, where)
    try:
        hierarchies = {h["hierarchy_id"]: h for d in document["dimensions"] for h in d["hierarchies"]}
        levels = hierarchies[hierarchy]["levels"] if hierarchy in hierarchies else None
        values = [(v["value_name"], v["value_id"]) for level in levels or () for v in level["values"]]
    except (KeyError, TypeError):
        raise DataError(
            f"{where}: its description has no dimensions with hierarchies; found {quote(str(document))}"
        ) from None
    if levels is None:
        raise InvalidInput(f"hierarchy is '{hierarchy}'; must be one of {', '.join(hierarchies)}")
    found = []
    for name in wanted:
        ids = {i for written, i in values if written.strip().casefold() == name.strip().casefold()}
        if not _is_id(name) and len(ids) != 1:
            near = suggest(name, [written for written, _ in values]) if not ids else f" ({', '.join(sorted(ids))})"
            raise InvalidInput(f"'{name}' is {len(ids) or 'no'} values of hierarchy {hierarchy} of {where}{near}")
        found.append(name if _is_id(name) else ids.pop())
    return found
