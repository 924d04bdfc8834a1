"""
Header fields by offset: where each field lies, and what its value says.

Nothing is ever written out again from what is read here; callers cut and copy by the offsets. Any bytes are taken,
and the work is linear in them.

Pure: no I/O, no clock, no chance.
"""

import binascii
import re
from typing import NamedTuple

from relay.message.charset import decode_text, known_codec

# More than a mail that the door lets in can have (robustness: 256 KiB and 1,000 fields by default). Above, the
# fields are not listed at all, so that no caller can be made to hold millions of them.
MAX_FIELDS = 20_000
MAX_OCTETS = 16 * 1024 * 1024

# RFC 5322 section 2.2 and 4.5:  field = 1*(%d33-57 / %d59-126) *WSP ":" unstructured CRLF, folded before WSP.
# The name is optional in the expression: a line without one is listed as junk, under the name "".
# The empty group marks where the value starts.
_FIELD = re.compile(rb"(?:([!-9;-~]++)[ \t]*+:())?[^\r]*+(?:\r(?!\n(?:[^ \t]|\Z))[^\r]*+)*+(?:\r\n|\Z)")

# The mark that mailbox files put before a message; some programs send it along.
_FROM_LINE = re.compile(rb">*From [^\r\n]*+\r\n")

# RFC 2047 section 2:  "=?" charset ["*" language] "?" encoding "?" encoded-text "?="
_WORD = re.compile(r"=\?([!-)+->@-~]{1,60})(?:\*[^?\s]{0,40})?\?([bBqQ])\?([^?]*+)\?=")
_BETWEEN_WORDS = re.compile(r"[ \t\r\n]*+\Z")


class Field(NamedTuple):
    """One header field: ``raw[start:value_start]`` is name and colon, ``raw[value_start:end]`` the rest with CRLF."""

    name: str  # lower case; "" for a line that is no field
    start: int
    value_start: int
    end: int


class Header(NamedTuple):
    """One header block. ``raw[start:end]`` are its lines, ``raw[body:]`` is what follows the empty line."""

    start: int
    top: int  # where new fields may go: behind a mailbox file's "From " line if there is one
    end: int
    body: int
    fields: tuple[Field, ...]
    broken: bool  # has a line that is no field, or is over this module's limits

    def all(self, name: str) -> list[Field]:
        """List the fields of a (lower case) name, in order."""
        return [field for field in self.fields if field[0] == name]

    def first(self, name: str) -> Field | None:
        """Give the first field of a (lower case) name."""
        for field in self.fields:
            if field[0] == name:
                return field
        return None

    def moved(self, by: int) -> "Header":
        """Give the same block, so many octets further on."""
        fields = tuple(Field(name, at + by, value_at + by, end + by) for name, at, value_at, end in self.fields)
        return Header(self.start + by, self.top + by, self.end + by, self.body + by, fields, self.broken)


def measure(raw: bytes, most: int | None = None) -> tuple[int, int]:
    """
    Give octets and number of fields of the top header block; cheap even where there are millions.

    ``most``: Look no further than so many octets: a larger header is of that size.
    """
    if raw.startswith(b"\r\n"):
        return 0, 0
    end = len(raw) if most is None else min(len(raw), most)
    empty = raw.find(b"\r\n\r\n", 0, end)
    octets = end if empty < 0 else empty + 2
    folds = raw.count(b"\r\n ", 0, octets) + raw.count(b"\r\n\t", 0, octets)
    return octets, raw.count(b"\r\n", 0, octets) - folds


def scan(raw: bytes, start: int = 0, end: int | None = None) -> Header:
    """
    List the fields from ``start`` to the first empty line, or to ``end`` when there is none.

    A line that is no field does not end the block, so that a Bcc below it is still found; it makes it ``broken``.
    """
    end = len(raw) if end is None else end
    if raw.startswith(b"\r\n", start, end):
        return Header(start, start, start, start + 2, (), broken=False)
    empty = raw.find(b"\r\n\r\n", start, end)
    block_end, body = (end, end) if empty < 0 else (empty + 2, empty + 4)
    mark = _FROM_LINE.match(raw, start, block_end)
    top = mark.end() if mark else start
    lines = raw.count(b"\r\n", top, block_end)
    if block_end - start > MAX_OCTETS or lines > 10 * MAX_FIELDS:
        return Header(start, top, block_end, body, (), broken=True)
    found = []
    broken = False
    for match in _FIELD.finditer(raw, top, block_end):
        at, behind = match.span()
        if at == behind:
            break
        name = match[1]
        if name is None:
            broken = True
            found.append(Field("", at, at, behind))
        else:
            found.append(Field(name.decode("ascii").lower(), at, match.start(2), behind))
    if len(found) > MAX_FIELDS:
        return Header(start, top, block_end, body, (), broken=True)
    return Header(start, top, block_end, body, tuple(found), broken=broken)


def fields(raw: bytes) -> list[Field]:
    """List the fields of the top header block."""
    return list(scan(raw).fields)


def value(raw: bytes, field: Field) -> bytes:
    """Give a field's value unfolded (RFC 5322 section 2.2.3): its CRLFs removed, without white space around it."""
    return raw[field.value_start : field.end].replace(b"\r\n", b"").strip(b" \t")


def text(raw: bytes, field: Field) -> str:
    """Give a field's value unfolded, decoded, and without control characters."""
    return printable(decode_words(value(raw, field)))


def printable(written: str) -> str:
    """Turn control characters, line separators and lone surrogates into blanks: the result is one line for people."""
    if written.isprintable():
        return written
    return "".join(_shown(character) for character in written).strip()


def _shown(character: str) -> str:
    code = ord(character)
    if code < 0x20 or 0x7F <= code < 0xA0 or code in (0x2028, 0x2029):
        return " "
    return "\N{REPLACEMENT CHARACTER}" if 0xD800 <= code <= 0xDFFF else character


def decode_words(written: bytes) -> str:
    """
    Decode the encoded words (RFC 2047) of an unfolded value.

    White space between two words is dropped (section 6.2). Neighbours of one character set are decoded together,
    since many programs cut a character in two. A word of an unknown set or with a broken encoding stays as it is.
    Never raises; octets over 127 outside words are taken as UTF-8, else as windows-1252.
    """
    plain = decode_text(written)
    if "=?" not in plain:
        return plain
    pieces: list[str] = []
    waiting: list[bytes] = []  # decoded octets of neighbouring words of one character set
    codec = ""
    at = 0
    for match in _WORD.finditer(plain):
        octets = _word_octets(match[2], match[3])
        word_codec = known_codec(match[1])
        if octets is None or not word_codec:
            continue  # stays in the text that the next gap, or the end, takes over
        gap = plain[at : match.start()]
        neighbours = bool(waiting) and _BETWEEN_WORDS.match(gap) is not None
        if waiting and not (neighbours and word_codec == codec):
            pieces.append(b"".join(waiting).decode(codec, "replace"))
            waiting = []
        if not neighbours:
            pieces.append(gap)
        waiting.append(octets)
        codec = word_codec
        at = match.end()
    if waiting:
        pieces.append(b"".join(waiting).decode(codec, "replace"))
    pieces.append(plain[at:])
    return "".join(pieces)


def _word_octets(encoding: str, encoded: str) -> bytes | None:
    """Decode one word's text; None when it is not what its encoding allows."""
    try:
        octets = encoded.encode("ascii")
        if encoding in "qQ":
            return binascii.a2b_qp(octets, header=True)
        return binascii.a2b_base64(octets + b"=" * (-len(octets) % 4))
    except ValueError:  # UnicodeEncodeError and binascii.Error are both
        return None
