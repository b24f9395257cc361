"""One request to a public service: time limits, tries, size limit, and errors in the server's own words.

Tried again: no connection, no answer in time, 429 and 5xx (a Retry-After is kept to, up to a limit), and a body that
was cut off. Not tried again: anything else. A redirect is refused, because it would turn a POST into another question.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import requests
from requests import exceptions

from analysis_lib.aggregates.raw import is_cut_off, quote
from analysis_lib.errors import DataError, InvalidInput

_ERROR_BYTES = 10_000
_CHUNK = 65_536
_LOCAL = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """How a service is asked.

    Attributes
    ----------
    connect_timeout, read_timeout
        Seconds to connect, and without a byte of the answer.
    tries
        At least 1.
    first_wait, longest_wait
        Seconds before the second try, doubled before each later one, and the most that is ever waited.
    max_bytes
        The largest answer, unpacked.
    sleep
        Waits a number of seconds.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 120.0
    tries: int = 4
    first_wait: float = 1.0
    longest_wait: float = 60.0
    max_bytes: int = 200_000_000
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        for name in ("connect_timeout", "read_timeout", "tries", "max_bytes"):
            if not getattr(self, name) > 0:
                raise InvalidInput(f"{name} is {getattr(self, name)}; must be above 0")
        if not 0 <= self.first_wait <= self.longest_wait:
            raise InvalidInput(f"first_wait is {self.first_wait}; must be 0 to longest_wait, {self.longest_wait}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request.

    Attributes
    ----------
    table
        Names the request in errors.
    url
        Without a query.
    params
        The query.
    body
        Sent as JSON with POST; a GET where there is none.
    answer
        `json` ends where it ends; `csv` needs an answer that states its length.
    authorization
        The whole header, blank for none; never shown.
    """

    table: str
    url: str
    params: tuple[tuple[str, str], ...] = ()
    body: dict[str, Any] | None = None
    answer: Literal["json", "csv"] = "json"
    authorization: str = field(default="", repr=False)

    @property
    def where(self) -> str:
        """Service and table, for errors."""
        return f"{urlsplit(self.url).hostname}, table {self.table}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back: the body, the full address, and the server's Date."""

    body: bytes = field(repr=False)
    address: str
    retrieved_at: dt.datetime | None


class _TryAgain(Exception):
    """A passing fault; `wait` is what the server asked for, in seconds."""

    def __init__(self, problem: str, wait: float | None = None) -> None:
        super().__init__(problem)
        self.wait = wait


class _Authorization(requests.auth.AuthBase):
    """Sets the header itself, so that no netrc entry replaces it, and shows nothing."""

    def __init__(self, header: str) -> None:
        self._header = header

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._header:
            request.headers["Authorization"] = self._header
        return request


def fetch(call: Call, transport: Transport) -> Answer:
    """Ask a service, again where the fault is a passing one.

    Raises
    ------
    DataError
        Where the service refuses, cannot be reached, answers too much, or never completely.
    """
    problem = _TryAgain("")
    with requests.Session() as session:
        for attempt in range(transport.tries):
            if attempt:
                wait = transport.first_wait * 2 ** (attempt - 1) if problem.wait is None else problem.wait
                transport.sleep(min(wait, transport.longest_wait))
            try:
                return _attempt(session, call, transport)
            except _TryAgain as passing:
                problem = passing
    times = "once" if transport.tries == 1 else f"{transport.tries} times"
    raise DataError(f"{call.where}: {problem}; tried {times}")


def read_token(variable: str) -> str:
    """Return the token that an environment variable holds.

    Raises
    ------
    InvalidInput
        Where it is not set, or has signs that no header may have; the token itself is never shown.
    """
    token = os.environ.get(variable, "").strip()
    if not token:
        raise InvalidInput(f"the environment variable {variable} is not set; must hold the access token of the service")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput(f"the environment variable {variable} must hold ASCII signs without blanks")
    return token


def without_token(text: str, authorization: str) -> str:
    """Return what a server said without our token, should it repeat it.

    Examples
    --------
    >>> without_token("wrong key abc123", "Bearer abc123")
    'wrong key ***'
    """
    token = authorization.removeprefix("Bearer ")
    return text.replace(token, "***") if token else text


def check_base_url(url: str) -> str:
    """Return a base address without a slash at its end.

    Raises
    ------
    InvalidInput
        Where it is not https (http only on this machine), or has a user, query or fragment.
    """
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOCAL
    if not (parts.scheme == "https" or local) or not parts.hostname or parts.username or parts.query or parts.fragment:
        shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
        raise InvalidInput(f"base_url is {shown}; must be https://host/path, without user and query")
    return url.rstrip("/")


def _attempt(session: requests.Session, call: Call, transport: Transport) -> Answer:
    headers = {"Accept": "application/json" if call.answer == "json" else "text/csv"}
    if call.answer == "csv":
        # A cut-off gzip stream would go unnoticed; JSON shows its own end.
        headers["Accept-Encoding"] = "identity"
    try:
        response = session.request(
            "GET" if call.body is None else "POST", call.url, params=list(call.params), json=call.body,
            headers=headers, auth=_Authorization(call.authorization), stream=True, allow_redirects=False,
            timeout=(transport.connect_timeout, transport.read_timeout),
        )  # fmt: skip
        with response:
            if response.status_code != 200:
                raise _refused(response, call)
            body = _body(response, call, transport)
    except exceptions.SSLError:
        raise DataError(f"{call.where}: the certificate of the server is not trusted") from None
    except exceptions.Timeout:
        raise _TryAgain("no answer in time") from None
    except (exceptions.ConnectionError, exceptions.ChunkedEncodingError, exceptions.ContentDecodingError) as error:
        raise _TryAgain(f"no connection, or one that broke off ({type(error).__name__})") from None
    except exceptions.RequestException as error:
        raise DataError(f"{call.where}: cannot be asked ({type(error).__name__})") from None
    if call.answer == "json" and is_cut_off(body):
        raise _TryAgain(f"the answer is empty or cut off after {len(body)} bytes")
    return Answer(body=body, address=str(response.url), retrieved_at=_http_date(response.headers.get("Date")))


def _body(response: requests.Response, call: Call, transport: Transport) -> bytes:
    chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
    if call.answer == "csv" and not chunked and "Content-Length" not in response.headers:
        raise DataError(f"{call.where}: the answer does not state its length, so a cut would not show; ask for JSON")
    body = bytearray()
    for chunk in response.iter_content(_CHUNK):
        body += chunk
        if len(body) > transport.max_bytes:
            raise DataError(f"{call.where}: the answer is larger than {transport.max_bytes:,} bytes; ask for less")
    return bytes(body)


def _refused(response: requests.Response, call: Call) -> Exception:
    """Return the exception for any status but 200."""
    words = quote(without_token(_words(next(response.iter_content(_ERROR_BYTES), b"")), call.authorization))
    said = f"the server answered {response.status_code}: {words or response.reason or 'no words'}"
    if response.status_code == 429 or response.status_code >= 500:
        return _TryAgain(said, _retry_after(response))
    if 300 <= response.status_code < 400:
        said = f"the server sent us elsewhere ({response.status_code}); check base_url and the table's id"
    return DataError(f"{call.where}: {said}")


def _words(body: bytes) -> str:
    text = body.decode("utf-8-sig", errors="replace")
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict) and isinstance(document.get("message"), str):
        text = f"{document.get('errorTypeCode', '')} {document['message']}"
    return text


def _retry_after(response: requests.Response) -> float | None:
    """Seconds to wait; a date counts from the server's own Date, so that no clock of ours is needed."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    until, now = _http_date(value), _http_date(response.headers.get("Date"))
    return max(0.0, (until - now).total_seconds()) if until and now else None


def _http_date(value: str | None) -> dt.datetime | None:
    try:
        found = parsedate_to_datetime(value or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
