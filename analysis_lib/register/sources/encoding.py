"""One pass over the bytes of a CSV file: its hash, its encoding, its line ends and its decimal signs.

A row with bytes outside ASCII is UTF-8 where these bytes are valid UTF-8, and else Windows-1252. All such rows must be
of one encoding. Windows-1252 letters side by side that happen to be valid UTF-8 are so rare (a capital A with tilde
before a currency sign) that such a file is refused rather than guessed at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from analysis_lib.errors import DataError

BLOCK = 4 << 20
BOM = b"\xef\xbb\xbf"
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
NAMES = {"utf-8": "UTF-8", "windows-1252": "Windows-1252"}
_HIGH = re.compile(rb"[\x80-\xff]")
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
_UTF_8_LETTER = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """What the bytes of a file say.

    Attributes
    ----------
    sha256
        In hexadecimal.
    encoding
        `utf-8` (also where all is ASCII) or `windows-1252`.
    newline
        The byte that ends a line: a line feed (a carriage return may stand before it) or a carriage return.
    end
        Where the blank lines at the end of the file begin, in bytes.
    has_comma, has_point
        Whether the sign stands anywhere in the file.
    """

    sha256: str
    encoding: str
    newline: bytes
    end: int
    has_comma: bool
    has_point: bool


def scan_file(path: Path, name: str, declared: str | None) -> Scan:
    """Read a file once, as a stream.

    Parameters
    ----------
    path
        A file that does not begin with the mark of UTF-16.
    name
        What messages call it.
    declared
        The encoding that it is said to have.

    Raises
    ------
    DataError
        Where encodings are mixed or not as declared, a byte means nothing, a line end stands within a line, or a
        byte is NUL; the message names the first row.
    """
    votes = _Votes(path, name, declared)
    digest = hashlib.sha256()
    end, has_comma, has_point = 0, False, False
    with path.open("rb") as stream:
        newline = find_newline(stream)
        for start, piece in _whole_lines(stream, newline):
            digest.update(piece)
            text = len(piece.rstrip(b"\r\n"))
            end = start + text if text else end
            has_comma = has_comma or b"," in piece
            has_point = has_point or b"." in piece
            _check_control(path, name, start, piece, newline)
            if not piece.isascii():
                _check_marks(path, name, start, piece, newline)
                votes.count(start, piece, newline)
    return Scan(
        sha256=digest.hexdigest(), encoding=votes.decide(), newline=newline, end=end, has_comma=has_comma,
        has_point=has_point,
    )  # fmt: skip


def find_newline(stream: BinaryIO) -> bytes:
    """Return the byte that ends the lines of a file, and leave the stream at its beginning."""
    first = stream.read(BLOCK)
    stream.seek(0)
    return b"\r" if b"\r" in first and b"\n" not in first else b"\n"


def row_name(path: Path, offset: int, newline: bytes) -> str:
    """Say in which row the byte at an offset stands; the first row after the header is 1."""
    row, left = 0, offset
    with path.open("rb") as stream:
        while left and (block := stream.read(min(BLOCK, left))):
            row += block.count(newline)
            left -= len(block)
    return f"row {row:,}" if row else "the header line"


class _Votes:
    """The first rows of each encoding that a file has."""

    def __init__(self, path: Path, name: str, declared: str | None) -> None:
        self.path, self.name, self.declared = path, name, declared
        self.first: dict[str, int] = {}
        self.newline = b"\n"

    def count(self, start: int, piece: bytes, newline: bytes) -> None:
        self.newline = newline
        for encoding, offset in _encodings(piece, newline).items():
            self.first.setdefault(encoding, start + offset)
        if len(self.first) > 1 or (self.declared and {*self.first} != {self.declared}):
            raise self._conflict()
        undefined = _UNDEFINED.search(piece) if "windows-1252" in self.first else None
        if undefined:
            raise DataError(
                f"{self.name}: {self._row(start + undefined.start())} has the byte 0x{undefined[0].hex().upper()}, "
                f"which is no letter in Windows-1252; must be UTF-8 or Windows-1252"
            )

    def decide(self) -> str:
        return self.declared or next(iter(self.first), "utf-8")

    def _conflict(self) -> DataError:
        wrong = [encoding for encoding in NAMES if encoding in self.first and encoding != self.declared]
        found = " and ".join(f"{self._row(self.first[encoding])} is {NAMES[encoding]}" for encoding in wrong)
        if self.declared:
            # Every UTF-8 text is also some Windows-1252 text, but a wrong one.
            return DataError(f"{self.name}: {found}; must be {NAMES[self.declared]} as declared")
        return DataError(f"{self.name}: mixed encodings: {found}; must be one encoding in the whole file")

    def _row(self, offset: int) -> str:
        return row_name(self.path, offset, self.newline)


def _encodings(piece: bytes, newline: bytes) -> dict[str, int]:
    """Return the encodings in whole lines that are not all ASCII, each with the offset of its first byte."""
    first = _HIGH.search(piece)
    where = first.start() if first else 0
    try:
        piece.decode("utf-8")
    except UnicodeDecodeError:
        if not _UTF_8_LETTER.search(piece):
            return {"windows-1252": where}
    else:
        return {"utf-8": where}
    found: dict[str, int] = {}
    offset = 0
    for line in piece.split(newline):
        if not line.isascii():
            found.setdefault(_line_encoding(line), offset)
        offset += len(line) + 1
    return found


def _line_encoding(line: bytes) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def _check_control(path: Path, name: str, start: int, piece: bytes, newline: bytes) -> None:
    """Raise where a line holds a NUL byte, or a carriage return or line feed that does not end it."""
    if b"\0" in piece:
        row = row_name(path, start + piece.index(b"\0"), newline)
        raise DataError(f"{name}: {row} has a NUL byte; must be text in UTF-8 or Windows-1252")
    lone = rb"\n" if newline == b"\r" else rb"\r(?!\n)"
    suspect = piece.count(b"\n") if newline == b"\r" else piece.count(b"\r") - piece.count(b"\r\n")
    match = re.search(lone, piece) if suspect else None
    if match:
        row = row_name(path, start + match.start(), newline)
        raise DataError(f"{name}: {row} has a line end within the line; must have the same line ends in all rows")


def _check_marks(path: Path, name: str, start: int, piece: bytes, newline: bytes) -> None:
    """Raise where a byte order mark stands further down, as in files that were joined."""
    place = piece.find(BOM, 0 if start else len(BOM))
    if place >= 0:
        row = row_name(path, start + place, newline)
        raise DataError(f"{name}: {row} has a byte order mark; must stand at the beginning of the file only")


def _whole_lines(stream: BinaryIO, newline: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut the file into pieces of whole lines, with the offset of each; a longer line comes in one piece."""
    start, rest = 0, b""
    while block := stream.read(BLOCK):
        rest += block
        cut = rest.rfind(newline) + 1
        if cut:
            yield start, rest[:cut]
            start, rest = start + cut, rest[cut:]
    if rest:
        yield start, rest
