"""A real HTTP server on 127.0.0.1 that gives the answers lined up and keeps what it was asked."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest

from analysis_lib.aggregates import Transport, read_area_index

DATA = Path(__file__).parent / "data"
TOKEN = "secret-token-4711"
Ending = Literal["whole", "cut", "chunked", "chunk_cut", "no_length", "late", "never"]


@dataclass(frozen=True)
class Reply:
    """An answer; `ending` says how it comes over."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ending: Ending = "whole"


@dataclass(frozen=True)
class Asked:
    """What the server received."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


class Service(ThreadingHTTPServer):
    """The server; `replies` are given in turn, the last one again and again."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: deque[Reply] = deque()
        self.asked: list[Asked] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api"

    def line_up(self, *replies: Reply) -> None:
        self.replies.extend(replies)

    def next_reply(self) -> Reply:
        return self.replies.popleft() if len(self.replies) > 1 else self.replies[0]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Service

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        query = parse_qsl(parts.query, keep_blank_values=True)
        headers = {name.title(): value for name, value in self.headers.items()}
        self.server.asked.append(Asked(self.command, unquote(parts.path), query, headers, body))
        self.close_connection = True
        reply = self.server.next_reply()
        if reply.ending == "never":
            return
        if reply.ending == "late":
            self.server.released.wait(30)
            return
        self.send_response_only(reply.status)
        for name, value in ({"Date": "Mon, 05 Jan 2026 10:00:00 GMT", "Connection": "close"} | reply.headers).items():
            self.send_header(name, value)
        self.give(reply)

    def do_POST(self) -> None:
        self.do_GET()

    def give(self, reply: Reply) -> None:
        if reply.ending in ("whole", "cut"):
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body if reply.ending == "whole" else reply.body[: len(reply.body) // 2])
        elif reply.ending == "no_length":
            self.end_headers()
            self.wfile.write(reply.body)
        else:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(reply.body), reply.body))
            if reply.ending == "chunked":
                self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def service(monkeypatch):
    """A running server, closed at the end."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("JOBINDSATS_TOKEN", TOKEN)
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.released.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def waits():
    """The waits, in seconds, that were asked for."""
    return []


@pytest.fixture
def transport(waits):
    """Short time limits; waiting is written down, not done."""
    return Transport(connect_timeout=5, read_timeout=5, sleep=waits.append)


@pytest.fixture(scope="session")
def areas():
    """The project's area names."""
    return read_area_index()


@pytest.fixture(scope="session")
def data():
    """The folder of hand-made answers."""
    return DATA
