"""
Read a mail that nobody vouches for: header fields, parts, texts, within hard limits.

Offsets into the mail instead of copies, ``bytes.find`` instead of line loops, and a limit on everything that a
stranger could multiply: depth, parts, fields, the octets of a header or a text. Whatever the bytes, there is a
``Part``; what is past a limit is not seen. A part of type message/* is never descended into: what a report returns
is not the report.

Grammar: RFC 5322 (fields), RFC 2045 and 2046 (parts), RFC 2047 (encoded words), read leniently.

Pure: no I/O, no clock, no chance.
"""

import binascii
import re
from dataclasses import dataclass, field
from functools import cached_property

from bounce.texts import from_bytes, from_html, looks_binary

MAX_DEPTH = 8  # multiparts inside one another
MAX_PARTS = 60
MAX_DELIMITERS = 500  # places where a boundary is looked at
MAX_HEADER = 256 * 1024  # octets of one header block
MAX_FIELDS = 500
MAX_VALUE = 4_000  # octets of one field's value
MAX_TEXT = 128 * 1024  # octets of one part that are decoded

# encoded-word = "=?" charset "?" encoding "?" encoded-text "?="   (RFC 2047 section 2), each length bounded
_ENCODED_WORD = re.compile(
    r"=\?([A-Za-z0-9_.:+-]{1,40})(?:\*[A-Za-z-]{0,20})?\?([bBqQ])\?([^?\n]{0,1500})\?=(?:[ \t]{1,40}(?==\?))?"
)
_NAME = re.compile(r"[!-9;-~]{1,80}[ \t]{0,10}:")
_BLANK = " \t\n\r\v\f"  # of octets: NEL and NBSP of Latin-1 may be parts of other letters
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


@dataclass(frozen=True, slots=True)
class Headers:
    """Header fields in order: names in lower case, values unfolded, not decoded."""

    fields: tuple[tuple[str, str], ...] = ()

    def get(self, name: str) -> str:
        """Give the first value of a field, ``""`` when there is none."""
        return next((value for key, value in self.fields if key == name), "")

    def all(self, name: str) -> list[str]:
        """Give all values of a field."""
        return [value for key, value in self.fields if key == name]

    def has(self, name: str) -> bool:
        """Whether there is such a field."""
        return any(key == name for key, _ in self.fields)

    def decoded(self, name: str) -> str:
        """Give the first value with its encoded words decoded."""
        return decode_words(self.get(name))


@dataclass
class Part:
    """One part of a mail: its header, and where its body lies in ``raw``."""

    raw: bytes
    headers: Headers
    start: int
    end: int
    default_type: str = "text/plain"
    parts: list["Part"] = field(default_factory=list)

    @cached_property
    def _type(self) -> tuple[str, dict[str, str]]:
        return content_type(self.headers.get("content-type"), self.default_type)

    @property
    def type(self) -> str:
        """Give the content type, ``text/plain``, in lower case."""
        return self._type[0]

    @property
    def parameters(self) -> dict[str, str]:
        """Give the parameters of Content-Type, names in lower case."""
        return self._type[1]

    @property
    def attached(self) -> bool:
        """Whether the part calls itself an attachment."""
        return self.headers.get("content-disposition").lower().lstrip().startswith("attachment")

    def content(self, limit: int = MAX_TEXT) -> bytes:
        """Give the first octets of the body, its transfer encoding undone. Never more than ``limit``."""
        body = self.raw[self.start : min(self.end, self.start + limit)]
        encoding = self.headers.get("content-transfer-encoding").strip().lower()
        if encoding == "base64":
            return _base64(body)
        return binascii.a2b_qp(body) if encoding == "quoted-printable" else body

    def text(self, limit: int = MAX_TEXT) -> str:
        """Give the body as text, HTML turned into lines; ``""`` for what is no text at all."""
        content = self.content(limit).replace(b"\r\n", b"\n")
        if looks_binary(content):
            return ""
        text = from_bytes(content, self.parameters.get("charset", ""))
        return from_html(text) if self.type == "text/html" else text

    def inner_headers(self) -> Headers:
        """Read the body as a mail's header: of a message/rfc822 or text/rfc822-headers part."""
        content = self.content(64 * 1024).lstrip(b"\r\n")
        return _headers(content, 0, len(content))[0]

    def walk(self) -> list["Part"]:
        """Give this part and all below it, in order."""
        found, waiting = [], [self]
        while waiting:
            part = waiting.pop()
            found.append(part)
            waiting.extend(reversed(part.parts))
        return found


@dataclass
class _Budget:
    parts: int = MAX_PARTS
    delimiters: int = MAX_DELIMITERS


def parse(raw: bytes) -> Part:
    """Read a mail. Line ends of any kind become LF first; a leading mbox line and blank lines are skipped."""
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    start = 0
    while raw.startswith(b"\n", start) and start < 100:
        start += 1
    if raw.startswith((b"From ", b">From "), start):
        start = raw.find(b"\n", start) + 1 or len(raw)
    return _part(raw, start, len(raw), "text/plain", depth=MAX_DEPTH, budget=_Budget())


def _part(raw: bytes, start: int, end: int, default: str, *, depth: int, budget: _Budget) -> Part:
    budget.parts -= 1
    headers, body = _headers(raw, start, end)
    part = Part(raw, headers, body, end, default)
    if part.type.startswith("multipart/") and depth:
        default = "message/rfc822" if part.type == "multipart/digest" else "text/plain"
        for first, last in _between(raw, body, end, part.parameters.get("boundary", ""), budget):
            if budget.parts <= 0:
                break
            part.parts.append(_part(raw, first, last, default, depth=depth - 1, budget=budget))
    return part


def _between(raw: bytes, start: int, end: int, boundary: str, budget: _Budget) -> list[tuple[int, int]]:
    """Find the spans between the delimiters of a multipart body (RFC 2046 section 5.1.1)."""
    wanted = b"--" + boundary.encode("latin-1", "replace")
    if not boundary or raw.find(wanted, start, end) < 0:
        wanted = _first_delimiter(raw, start, end)
        if not wanted:
            return []
    spans: list[tuple[int, int]] = []
    opened = -1
    place = start if raw.startswith(wanted, start) else raw.find(b"\n" + wanted, start, end) + 1
    while place > 0 and budget.delimiters > 0:
        budget.delimiters -= 1
        behind = place + len(wanted)
        follow = raw[behind : behind + 2]
        if follow[:1] in (b"", b"\n", b" ", b"\t") or follow == b"--":
            if opened >= 0:
                spans.append((opened, max(opened, place - 1)))
            if follow == b"--":
                return spans
            opened = (raw.find(b"\n", behind, end) + 1) or end
        place = raw.find(b"\n" + wanted, behind - 1, end) + 1
    if opened >= 0:
        spans.append((opened, end))  # the closing delimiter is missing: the rest is the last part
    return spans


def _first_delimiter(raw: bytes, start: int, end: int) -> bytes:
    """Guess the delimiter where the header names none or another: the first line that looks like one."""
    place = start if raw.startswith(b"--", start) else raw.find(b"\n--", start, min(end, start + 20_000)) + 1
    if not place:
        return b""
    line = raw[place : raw.find(b"\n", place, end) if raw.find(b"\n", place, end) > 0 else end][:80].rstrip()
    return line if len(line) > 6 and b" " not in line else b""


def _headers(raw: bytes, start: int, end: int) -> tuple[Headers, int]:
    """Read the header block at ``start``; give it and where the body begins."""
    if raw.startswith(b"\n", start):
        return Headers(), min(start + 1, end)
    blank = raw.find(b"\n\n", start, min(end, start + MAX_HEADER))
    last = blank if blank >= 0 else min(end, start + MAX_HEADER)
    fields: list[tuple[str, list[str]]] = []
    for line in raw[start:last].decode("latin-1").split("\n", MAX_FIELDS * 8)[: MAX_FIELDS * 8]:
        if line[:1] in (" ", "\t"):
            if fields and len(fields[-1][1]) < 100:
                fields[-1][1].append(line[:MAX_VALUE].strip(_BLANK))
            continue
        if (match := _NAME.match(line)) and len(fields) < MAX_FIELDS:
            name = match[0][:-1].rstrip().lower()
            fields.append((name, [line[match.end() : match.end() + MAX_VALUE].strip(_BLANK)]))
    read = tuple((name, _value(" ".join(lines)[:MAX_VALUE])) for name, lines in fields)
    return Headers(read), min(last + 2, end) if blank >= 0 else last


def _value(octets: str) -> str:
    """Give the text of a field's value, whose octets came as Latin-1; most values are ASCII and text already."""
    if octets.isascii() and "\x1b" not in octets:
        return octets.strip()
    return from_bytes(octets.encode("latin-1"), "").strip()


def content_type(value: str, default: str) -> tuple[str, dict[str, str]]:
    """
    Read a Content-Type field (RFC 2045 section 5.1).

    Returns:
        The type in lower case and the parameters, unquoted; ``default`` where the field is empty or no type.
    """
    kind, _, rest = value[:MAX_VALUE].partition(";")
    kind = kind.split("(", 1)[0].strip().strip('"').lower()
    if kind.count("/") != 1:
        kind = default
    parameters: dict[str, str] = {}
    for _ in range(20):
        rest = rest.lstrip(" \t;")
        name, equals, rest = rest.partition("=")
        if not equals:
            break
        rest = rest.lstrip()
        if rest.startswith('"'):
            value, _, rest = rest[1:].partition('"')
        else:
            value, _, rest = rest.partition(";")
        parameters.setdefault(name.strip().lower().rstrip("*"), value.strip())
    return kind, parameters


def decode_words(value: str) -> str:
    """Decode the encoded words of a field's value (RFC 2047); what cannot be decoded stays as it is."""
    return _ENCODED_WORD.sub(_decode_word, value) if "=?" in value else value


def _decode_word(match: re.Match[str]) -> str:
    payload = match[3].encode("latin-1", "replace")
    content = _base64(payload) if match[2] in "bB" else binascii.a2b_qp(payload, header=True)
    return from_bytes(content, match[1])


def _base64(body: bytes) -> bytes:
    """Decode base64 as far as it goes (RFC 2045 section 6.8: what is not of the alphabet is skipped)."""
    letters = _NOT_BASE64.sub(b"", body)
    letters = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(letters + b"=" * (-len(letters) % 4))
