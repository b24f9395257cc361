"""One request against a real server: tries, waits, limits, and the server's own words."""

from __future__ import annotations

import json
import socket

import pytest

from analysis_lib.aggregates import Transport
from analysis_lib.aggregates.transport import Call, check_base_url, fetch, read_token
from analysis_lib.errors import DataError, InvalidInput
from tests.aggregates.conftest import TOKEN, Reply

WHOLE = Reply(b'{"rows": [1, 2, 3], "columns": ["a"]}')
BUSY = "Mon, 05 Jan 2026 10:00:07 GMT"


def call(service, **known):
    return Call(table="t1", url=f"{service.url}/data", authorization=f"Bearer {TOKEN}", **known)


def refused(service, transport, **known):
    with pytest.raises(DataError) as caught:
        fetch(call(service, **known), transport)
    assert TOKEN not in str(caught.value)
    return str(caught.value)


def test_a_whole_answer(service, transport, waits):
    service.line_up(WHOLE)
    answer = fetch(call(service, params=(("area", "Hele landet"), ("_kon", "*"))), transport)
    assert answer.body == WHOLE.body
    assert answer.address == f"{service.url}/data?area=Hele+landet&_kon=%2A"
    assert answer.retrieved_at.isoformat() == "2026-01-05T10:00:00+00:00"
    assert (len(service.asked), waits) == (1, [])


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_passing_faults_are_tried_again_with_longer_waits(service, transport, waits, status):
    service.line_up(Reply(b"busy", status), Reply(b"busy", status), Reply(b"busy", status), WHOLE)
    assert fetch(call(service), transport).body == WHOLE.body
    assert waits == [1, 2, 4]


def test_the_last_fault_is_said(service, transport, waits):
    service.line_up(Reply(b"Vi er nede", 500))
    assert refused(service, transport) == "127.0.0.1, table t1: the server answered 500: Vi er nede; tried 4 times"
    assert (len(service.asked), waits) == (4, [1, 2, 4])


@pytest.mark.parametrize(
    ("value", "wait"),
    [("7", 7), ("0", 0), (BUSY, 7), ("600", 60), ("Mon, 05 Jan 2026 09:00:00 GMT", 0), ("soon", 1), ("-3", 1), ("", 1)],
)
def test_retry_after_is_kept_to(service, transport, waits, value, wait):
    service.line_up(Reply(b"slow down", 429, {"Retry-After": value}), WHOLE)
    fetch(call(service), transport)
    assert waits == [wait]


def test_a_retry_after_date_without_the_servers_date_is_not_guessed(service, transport, waits):
    service.line_up(Reply(b"slow down", 429, {"Retry-After": BUSY, "Date": "now"}), WHOLE)
    fetch(call(service), transport)
    assert waits == [1]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409])
def test_refusals_are_final_and_quoted(service, transport, waits, status):
    service.line_up(Reply("Forkert nøgle\n eller nøglen er udløbet.".encode(), status))
    said = refused(service, transport)
    assert said == f"127.0.0.1, table t1: the server answered {status}: Forkert nøgle eller nøglen er udløbet."
    assert (len(service.asked), waits) == (1, [])


def test_statbanks_refusals_are_read(service, transport):
    words = {"errorTypeCode": "EXTRACT-NOTFOUND", "message": "Tabellen blev ikke fundet"}
    service.line_up(Reply(json.dumps(words).encode(), 400))
    assert refused(service, transport).endswith("answered 400: EXTRACT-NOTFOUND Tabellen blev ikke fundet")


def test_a_quotation_is_short_and_never_shows_the_token(service, transport):
    service.line_up(Reply(("x" * 197 + TOKEN + " is wrong").encode(), 401))
    said = refused(service, transport)
    assert said.endswith(": " + "x" * 197 + "***")
    assert TOKEN[:5] not in said
    service.line_up(Reply(f"key {TOKEN}".encode(), 503))
    service.next_reply()
    assert "key ***" in refused(service, transport)


def test_a_refusal_without_words(service, transport):
    service.line_up(Reply(b"", 404))
    assert refused(service, transport).endswith("answered 404: Not Found")


def test_redirects_are_refused(service, transport):
    service.line_up(Reply(b"", 302, {"Location": "/elsewhere"}))
    assert "sent us elsewhere (302); check base_url" in refused(service, transport)
    assert len(service.asked) == 1


@pytest.mark.parametrize("ending", ["cut", "chunk_cut", "never"])
@pytest.mark.parametrize("answer", ["json", "csv"])
def test_a_body_that_is_cut_off_is_asked_for_again(service, transport, waits, ending, answer):
    service.line_up(Reply(WHOLE.body, ending=ending), WHOLE)
    assert fetch(call(service, answer=answer), transport).body == WHOLE.body
    assert waits == [1]
    service.replies.clear()
    service.line_up(Reply(WHOLE.body, ending=ending))
    assert "no connection, or one that broke off" in refused(service, transport, answer=answer)


@pytest.mark.parametrize("body", [b'{"rows": [1, 2', b'{"rows": [[1], [2]', b""])
def test_json_that_does_not_end_is_asked_for_again(service, transport, waits, body):
    service.line_up(Reply(body), WHOLE)
    assert fetch(call(service), transport).body == WHOLE.body
    assert waits == [1]
    service.replies.clear()
    service.line_up(Reply(body))
    assert f"the answer is empty or cut off after {len(body)} bytes; tried 4 times" in refused(service, transport)


def test_csv_must_state_its_length(service, transport):
    service.line_up(Reply(b"a;b\n1;2\n", ending="no_length"))
    assert "does not state its length, so a cut would not show; ask for JSON" in refused(
        service, transport, answer="csv"
    )
    assert fetch(call(service, answer="json"), transport).body == b"a;b\n1;2\n"


def test_csv_in_pieces(service, transport):
    service.line_up(Reply(b"a;b\n1;2\n", ending="chunked"))
    assert fetch(call(service, answer="csv"), transport).body == b"a;b\n1;2\n"
    assert service.asked[0].headers["Accept-Encoding"] == "identity"


def test_an_answer_that_is_late(service, waits):
    service.line_up(Reply(ending="late"))
    slow = Transport(read_timeout=0.05, tries=2, sleep=waits.append)
    assert refused(service, slow) == "127.0.0.1, table t1: no answer in time; tried 2 times"
    assert (len(service.asked), waits) == (2, [1])


def test_nobody_there(transport, waits):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but nobody listens
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api"
        with pytest.raises(
            DataError, match="table t1: no connection, or one that broke off .ConnectionError.; tried 4 times"
        ):
            fetch(Call(table="t1", url=url), transport)
    assert waits == [1, 2, 4]


def test_an_answer_that_is_too_large(service, waits):
    service.line_up(Reply(b"[" + b"1," * 500_000 + b"1]"))
    small = Transport(max_bytes=100_000, sleep=waits.append)
    assert refused(service, small).endswith("the answer is larger than 100,000 bytes; ask for less")
    assert (len(service.asked), waits) == (1, [])


def test_a_body_goes_as_json_with_post(service, transport):
    service.line_up(WHOLE)
    fetch(call(service, body={"area": "Ærø"}), transport)
    asked = service.asked[0]
    assert (asked.method, json.loads(asked.body), asked.headers["Content-Type"]) == (
        "POST",
        {"area": "Ærø"},
        "application/json",
    )


def test_no_netrc_entry_replaces_the_token(service, transport, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    service.line_up(WHOLE)
    fetch(call(service), transport)
    assert service.asked[0].headers["Authorization"] == f"Bearer {TOKEN}"


def test_no_repr_shows_the_token(service):
    assert TOKEN not in repr(call(service))


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_token_that_is_not_set_names_the_variable(monkeypatch, value):
    monkeypatch.delenv("MY_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("MY_TOKEN", value)
    with pytest.raises(InvalidInput, match="environment variable MY_TOKEN is not set; must hold the access token"):
        read_token("MY_TOKEN")


@pytest.mark.parametrize("value", ["abc\ndef", "hemmelig nøgle", "to ord"])
def test_a_token_that_no_header_may_hold_is_not_shown(monkeypatch, value):
    monkeypatch.setenv("MY_TOKEN", value)
    with pytest.raises(InvalidInput, match="MY_TOKEN must hold ASCII signs without blanks") as caught:
        read_token("MY_TOKEN")
    assert value not in str(caught.value)


def test_blanks_around_a_token_do_not_count(monkeypatch):
    monkeypatch.setenv("MY_TOKEN", f" {TOKEN}\n")
    assert read_token("MY_TOKEN") == TOKEN


@pytest.mark.parametrize(
    "url",
    [
        "http://api.jobindsats.dk/v2",
        "ftp://127.0.0.1/",
        "api.jobindsats.dk",
        "https://user:word@host/x",
        "https://h/?a=1",
        "",
    ],
)
def test_base_addresses_that_are_refused(url):
    with pytest.raises(InvalidInput, match="base_url is .*; must be https://host/path") as caught:
        check_base_url(url)
    assert "word@" not in str(caught.value)


def test_base_addresses_that_are_taken():
    assert check_base_url("https://api.jobindsats.dk/v3/") == "https://api.jobindsats.dk/v3"
    assert check_base_url("http://127.0.0.1:8000/v3") == "http://127.0.0.1:8000/v3"


@pytest.mark.parametrize(
    "wrong", [{"tries": 0}, {"read_timeout": 0}, {"max_bytes": -1}, {"first_wait": -1}, {"first_wait": 99}]
)
def test_settings_that_are_wrong(wrong):
    with pytest.raises(InvalidInput, match=f"{next(iter(wrong))} is "):
        Transport(**wrong)
