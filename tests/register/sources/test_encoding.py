"""Encodings: detected over the whole file, and never guessed where rows disagree."""

import pytest

from analysis_lib.errors import DataError
from analysis_lib.register.sources import encoding

UTF_8, WESTERN = "utf-8", "windows-1252"


@pytest.mark.parametrize("codec", [UTF_8, WESTERN])
@pytest.mark.parametrize("declared", [True, False])
def test_danish_letters(csv_file, read, codec, declared):
    content = "navn;år\nSøren;1\nx;2\nÅse – “Æ” €;3\n".encode(codec)
    source = csv_file(content, **({"encoding": codec} if declared else {}))
    assert source.columns == ("navn", "år")
    assert source.describe()["encoding"] == codec
    assert read(source, integers=["år"]) == {"navn": ["Søren", "x", "Åse – “Æ” €"], "år": [1, 2, 3]}


def test_ascii_is_utf_8_unless_declared(csv_file):
    assert csv_file("a;b\n1;2\n").describe()["encoding"] == UTF_8
    assert csv_file("a;b\n1;2\n", encoding=WESTERN).describe()["encoding"] == WESTERN


@pytest.mark.parametrize("block", [16, 4 << 20])
@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        (
            b"a;b\nx;1\nS\xc3\xb8ren;1\nS\xf8ren;2\n", {},
            "weeks.csv: mixed encodings: row 2 is UTF-8 and row 3 is Windows-1252; must be one encoding in the whole file",
        ),
        (
            b"a\xf8;b\nx;1\n\xc3\xb8;2\n", {},
            ("weeks.csv: mixed encodings: row 2 is UTF-8 and the header line is Windows-1252; must be one encoding in "
            "the whole file"),
        ),
        (b"a;b\nx;1\nS\xf8ren;1\n", {"encoding": UTF_8}, "weeks.csv: row 2 is Windows-1252; must be UTF-8 as declared"),
        (b"a;b\nS\xc3\xb8;1\n", {"encoding": WESTERN}, "weeks.csv: row 1 is UTF-8; must be Windows-1252 as declared"),
        (
            b"a;b\nx;1\n\xf8;1\n\x8f;1\n", {},
            "weeks.csv: row 3 has the byte 0x8F, which is no letter in Windows-1252; must be UTF-8 or Windows-1252",
        ),
        (
            b"\xef\xbb\xbfa;b\nx;1\n\xef\xbb\xbfa;b\nx;1\n", {},
            "weeks.csv: row 2 has a byte order mark; must stand at the beginning of the file only",
        ),
        (b"a;b\nx;1\ny\0;1\n", {}, "weeks.csv: row 2 has a NUL byte; must be text in UTF-8 or Windows-1252"),
        (
            b"a;b\nx;1\ny\rz;1\n", {},
            "weeks.csv: row 2 has a line end within the line; must have the same line ends in all rows",
        ),
        (
            b"a;b\r\nx;1\r\ny;1\rz;1\r\n", {},
            "weeks.csv: row 2 has a line end within the line; must have the same line ends in all rows",
        ),
    ],
)  # fmt: skip
def test_wrong_bytes(csv_file, monkeypatch, content, form, message, block):
    monkeypatch.setattr(encoding, "BLOCK", block)
    with pytest.raises(DataError) as caught:
        list(csv_file(content, **form).chunks())
    assert str(caught.value) == message


@pytest.mark.parametrize("byte", [0x81, 0x8D, 0x8F, 0x90, 0x9D])
def test_bytes_without_a_letter(csv_file, byte):
    with pytest.raises(DataError, match=f"row 1 has the byte 0x{byte:02X}"):
        csv_file(b"a;b\n" + bytes([byte]) + b";1\n").fingerprint()


def test_a_line_feed_in_a_file_of_carriage_returns(csv_file, monkeypatch):
    monkeypatch.setattr(encoding, "BLOCK", 8)  # the kind of line end is told from the first block
    with pytest.raises(DataError, match="row 3 has a line end within the line"):
        list(csv_file(b"a;b\r1;2\r1;2\r1;2\n1;2\r").chunks())


def test_the_offset_where_blank_lines_begin(tmp_path):
    path = tmp_path / "t.csv"
    for tail in (b"", b"\n", b"\r\n\r\n", b"\n" * 100):
        path.write_bytes(b"a;b\n1;2" + tail)
        assert encoding.scan_file(path, "t.csv", None).end == 7


def test_signs_are_seen_anywhere(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a;b\n1;2\n1,5;2\n")
    scan = encoding.scan_file(path, "t.csv", None)
    assert (scan.has_comma, scan.has_point) == (True, False)
