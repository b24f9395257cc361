"""Bytes to text, JSON and semicolon tables."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis_lib.aggregates.raw import decode, is_cut_off, load_json, read_csv
from analysis_lib.errors import DataError

WORDS = "Køn;Område\nMænd;Ærø\n"
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
).map(lambda inner: {"rows": inner})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_encodings(encoding):
    assert decode(WORDS.encode(encoding), "t.csv") == WORDS


@pytest.mark.parametrize("body", [WORDS.encode("utf-16"), b"a\x00b", b"\x81\xe6"])
def test_other_encodings_are_refused(body):
    with pytest.raises(DataError, match="t.csv: is not text in UTF-8 or Windows-1252"):
        decode(body, "t.csv")


def test_damaged_utf8_is_not_taken_for_windows():
    with pytest.raises(DataError, match="damaged bytes"):
        decode(WORDS.encode() + b"\xc3", "t.csv")


@given(documents, st.data(), st.booleans())
def test_every_beginning_of_a_document_is_cut_off(document, data, ascii_only):
    body = json.dumps(document, ensure_ascii=ascii_only).encode()
    assert not is_cut_off(body)
    assert json.loads(body) == load_json(b"\xef\xbb\xbf" + body, "t.json")
    assert is_cut_off(body[: data.draw(st.integers(0, len(body) - 1))])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "t.json: the JSON document is empty or cut off"),
        (b'{"a": [1', "t.json: the JSON document is empty or cut off"),
        (b"<html><body>Vi opdaterer</body></html>", r"answered with a web page .*Vi opdaterer"),
        (
            "Forkert nøgle eller nøglen er udløbet.".encode(),
            "answered with no JSON table .*Forkert nøgle eller nøglen er udløbet",
        ),
        (b'{"a": NaN}', "NaN is no number"),
        (b'{"a": 1, "a": 2}', "key 'a' stands twice"),
        (b'{"a": "\xe6"}', "is not UTF-8"),
        (b"[" * 200_000 + b"]" * 200_000, "nested too deeply"),
    ],
)
def test_what_is_no_document_is_quoted(body, message):
    with pytest.raises(DataError, match=message):
        load_json(body, "t.json")


def test_a_quotation_has_at_most_200_characters():
    with pytest.raises(DataError) as caught:
        load_json(b"word " * 1000, "t.json")
    assert str(caught.value).endswith(": " + ("word " * 40).rstrip())


def test_semicolon_tables():
    header, rows = read_csv(b'Area;"Navn; langt";\r\nOdense;"x ""y""";\r\n\r\n', "t.csv")
    assert header == ["Area", "Navn; langt"]
    assert rows == [["Odense", 'x "y"']]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "is not a table separated by semicolons: a,b 1,2"),
        ("", "is not a table separated by semicolons"),
        ("<!DOCTYPE html><p>Fejl;nu</p>", "answered with a web page, no table: <!DOCTYPE html>"),
        ("a;b\n1;2\n3\n", "row 2 has 1 cells; must have 2 like the header"),
        ("a;;c\n1;2;3\n", "column 2 has no name"),
        ('a;b\n1;"2\n', "is not a table separated by semicolons .unexpected end of data"),
    ],
)
def test_what_is_no_table_is_an_error(text, message):
    with pytest.raises(DataError, match=message):
        read_csv(text.encode(), "t.csv")
