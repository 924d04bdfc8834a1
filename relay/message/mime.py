"""
The parts of a mail by offset: one pass over the lines that begin with ``--``, in C between them.

Nothing recurses, and nothing is read that the walk does not need: an attachment costs one search for the delimiter
behind it. Where the structure is in doubt it says so, and the mail is left alone.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from relay.message import header as headers
from relay.message.content_type import FORWARDED, PLAIN, ContentType, parse_content_type, parse_disposition, token
from relay.message.header import Header

MAX_DEPTH = 50
MAX_PARTS = 5_000
MAX_BOUNDARY = 70  # RFC 2046 section 5.1.1
_MAX_FALSE_DELIMITERS = 200_000  # lines that begin like a delimiter and are none, before we give up
_HOPS = 8  # the hyphens of a usual part's header
_USUAL = 512  # octets of a part's header that may be kept
_DELIMITER_ROOM = 256  # octets of a delimiter line with its padding

_TELLING = frozenset({"content-type", "content-transfer-encoding", "content-disposition"})

_UNSAID = ContentType()  # text/plain, by default

TOO_DEEP = "mime too deep"
TOO_MANY = "too many parts"
BROKEN = "broken mime structure"


@dataclass(slots=True)
class Part:
    """One part: ``raw[header.start:header.end]`` are its fields, ``raw[body:end]`` its content as transferred."""

    parent: int  # index in Structure.parts; -1 for the root
    depth: int  # multiparts around it
    number: str  # "1.2" as IMAP counts (RFC 3501 section 6.4.5); "" for a multipart root
    header: Header
    body: int
    end: int
    kind: ContentType = PLAIN
    encoding: str = "7bit"
    disposition: str = ""
    names_a_file: bool = False
    doubtful: bool = False  # two Content-Type fields and the like, or lines in its header that are no fields
    closed: bool = False  # a multipart whose closing delimiter was found
    children: list[int] = field(default_factory=list)

    @property
    def multipart(self) -> bool:
        """Whether it has parts of its own."""
        return self.kind.major == "multipart"


class _Said(NamedTuple):
    """What a header says of its part."""

    kind: ContentType
    encoding: str
    disposition: str
    names_a_file: bool
    doubtful: bool


@dataclass(slots=True)
class Structure:
    """All parts in the order in which they stand. ``trouble`` is "" or why the structure cannot be trusted."""

    parts: list[Part]
    trouble: str = ""

    def path(self, index: int) -> list[Part]:
        """List the parts from this one up to the root."""
        found = []
        while index >= 0:
            found.append(self.parts[index])
            index = self.parts[index].parent
        return found


@dataclass(slots=True)
class _Open:
    """The multiparts whose closing delimiter has not come yet, outermost first."""

    indexes: list[int] = field(default_factory=list)
    boundaries: list[bytes] = field(default_factory=list)
    level: dict[bytes, int] = field(default_factory=dict)
    needle: bytes = b""  # what each delimiter line that may come begins with

    def push(self, index: int, boundary: bytes) -> None:
        self.indexes.append(index)
        self.boundaries.append(boundary)
        self._renew()

    def cut(self, level: int) -> None:
        del self.indexes[level:]
        del self.boundaries[level:]
        self._renew()

    def _renew(self) -> None:
        self.level = {boundary: level for level, boundary in enumerate(self.boundaries)}
        self.needle = b"\r\n--" + _common_start(self.boundaries)

    def next(self, raw: bytes, at: int, end: int) -> int:
        """Find the next line that begins like a delimiter; its CRLF is the offset given, or -1."""
        # A single octet is found fifty times as fast as a word, and base64 has no hyphen up to the next delimiter:
        # so hop over the hyphens of a header first, and search for the word where they are many.
        for _ in range(_HOPS):
            hyphen = raw.find(b"-", at + 2, end)
            if hyphen < 0:
                return -1
            if raw.startswith(self.needle, hyphen - 2, end):
                return hyphen - 2
            at = hyphen - 1
        return raw.find(self.needle, at, end)

    def find(self, line: bytes) -> tuple[int, bool]:
        """Say which level a line (without its ``--``) delimits, or -1, and whether it closes it."""
        written = line.rstrip(b" \t")
        level = self.level.get(written, -1)
        if level >= 0:
            return level, False
        return (self.level.get(written[:-2], -1), True) if written.endswith(b"--") else (-1, False)

    def collides(self, boundary: bytes) -> bool:
        """Whether a delimiter of this boundary could be one of an outer multipart too."""
        return boundary in self.level or boundary + b"--" in self.level or boundary.removesuffix(b"--") in self.level


def _common_start(words: list[bytes]) -> bytes:
    """Give what all words begin with: that of the first and the last in order is that of all."""
    if len(words) < 2:
        return words[0] if words else b""
    low, high = min(words), max(words)
    same = next((n for n, pair in enumerate(zip(low, high, strict=False)) if pair[0] != pair[1]), len(low))
    return low[:same]


def scan(
    raw: bytes, start: int = 0, end: int | None = None, *, depth: int = 0, header: Header | None = None
) -> Structure:
    """
    Find the parts of the message in ``raw[start:end]``, whose line ends are CRLF.

    Args:
        raw: A mail, or what holds one.
        start: Where the message's header starts.
        end: Where the message ends; None: with ``raw``.
        depth: Multiparts around the message, when it is itself a part of another.
        header: The message's, where it was scanned already.
    """
    end = len(raw) if end is None else end
    header = header or headers.scan(raw, start, end)
    root = Part(-1, depth, "1", header, min(header.body, end), end, *_said(raw, header))
    structure = Structure([root])
    opened = _Open()
    if root.multipart:
        root.number = ""
        structure.trouble = _enter(raw, structure, 0, opened)
        if not structure.trouble:
            structure.trouble = _walk(raw, structure, opened, end)
    if not structure.trouble and any(part.multipart and not part.closed for part in structure.parts):
        structure.trouble = BROKEN
    return structure


def _walk(raw: bytes, structure: Structure, opened: _Open, end: int) -> str:
    """Go from delimiter to delimiter. Returns the trouble that stopped it, or ""."""
    at = structure.parts[0].body - 2  # the CRLF of the empty line may begin the first delimiter
    false_ones = 0
    while opened.indexes:
        at = opened.next(raw, at, end)
        if at < 0:
            break
        line_end = raw.find(b"\r\n", at + 4, min(at + _DELIMITER_ROOM, end))
        if line_end < 0:
            line_end = min(at + _DELIMITER_ROOM, end)
        level, closes = opened.find(raw[at + 4 : line_end])
        if level < 0:
            false_ones += 1
            if false_ones > _MAX_FALSE_DELIMITERS:
                return BROKEN
            at = max(at + 2, line_end)
            continue
        _finish(structure, opened.indexes[level], at)
        if closes:
            structure.parts[opened.indexes[level]].closed = True
            opened.cut(level)
            at = line_end
            continue
        opened.cut(level + 1)
        if len(structure.parts) >= MAX_PARTS:
            return TOO_MANY
        trouble, at = _begin(raw, structure, opened, min(line_end + 2, end), end)
        if trouble or at < 0:
            return trouble
    return ""


def _finish(structure: Structure, index: int, at: int) -> None:
    """End the last child of a multipart, and what is still open inside it, before the delimiter at ``at``."""
    children = structure.parts[index].children
    while children:
        part = structure.parts[children[-1]]
        part.end = max(part.body, at)
        children = part.children if part.multipart and not part.closed else []


def _begin(raw: bytes, structure: Structure, opened: _Open, start: int, end: int) -> tuple[str, int]:
    """Add the part that starts behind a delimiter line. Returns trouble, and from where to look on (-1: nowhere)."""
    parent_index = opened.indexes[-1]
    parent = structure.parts[parent_index]
    # The header ends at an empty line, or at a delimiter when there is none before it. Both searches stop there,
    # and the walk goes on from there, so no octet is searched twice.
    limit = opened.next(raw, start - 2, end)
    header_limit = end if limit < 0 else limit + 2
    header, said = _part_header(raw, start, header_limit)
    number = f"{parent.number}.{len(parent.children) + 1}" if parent.number else str(len(parent.children) + 1)
    part = Part(parent_index, parent.depth + 1, number, header, min(header.body, end), end, *said)
    if part.kind is _UNSAID and parent.kind.minor == "digest":
        part.kind = FORWARDED
    parent.children.append(len(structure.parts))
    structure.parts.append(part)
    if limit >= 0 and header.end == limit + 2:
        # No empty line before the next line that begins like a delimiter: if that is none, it is a broken header.
        line = raw[limit + 4 : min(limit + _DELIMITER_ROOM, end)].split(b"\r\n", 1)[0]
        part.doubtful |= opened.find(line)[0] < 0
    if part.multipart:
        return _enter(raw, structure, len(structure.parts) - 1, opened), start - 2
    return "", limit


def _enter(raw: bytes, structure: Structure, index: int, opened: _Open) -> str:
    """Open a multipart: from now on its delimiters count."""
    part = structure.parts[index]
    if part.depth >= MAX_DEPTH:
        return TOO_DEEP
    boundary = part.kind.parameters.get("boundary", "").encode("latin-1").rstrip(b" ")
    if not boundary or part.kind.repeated or b"\r" in boundary or b"\n" in boundary:
        return BROKEN
    if len(boundary) > MAX_BOUNDARY:
        return "boundary too long"
    if opened.collides(boundary) or raw[part.header.end : part.header.end + 2] != b"\r\n":
        return BROKEN
    opened.push(index, boundary)
    return ""


def _part_header(raw: bytes, start: int, end: int) -> tuple[Header, _Said]:
    """Read the header that starts behind a delimiter line; that of an application's parts is mostly a known one."""
    empty = raw.find(b"\r\n\r\n", start, min(start + _USUAL, end))
    if empty >= 0 and not raw.startswith(b"\r\n", start):
        header, said = _usual_header(raw[start : empty + 4])
        return header.moved(start), said
    header = headers.scan(raw, start, end)
    return header, _said(raw, header)


def _said(raw: bytes, header: Header) -> _Said:
    """Read what a part's own header says of it."""
    kind, encoding, disposition, names_a_file = _UNSAID, "7bit", "", False
    doubtful = header.broken
    seen: set[str] = set()
    for entry in header.fields:
        name = entry[0]
        if name not in _TELLING:
            continue
        if name in seen:
            doubtful = True
        elif name == "content-type":
            kind = parse_content_type(headers.value(raw, entry))
        elif name == "content-transfer-encoding":
            encoding = token(headers.value(raw, entry)) or "7bit"
        else:
            disposition, names_a_file = parse_disposition(headers.value(raw, entry))
        seen.add(name)
    return _Said(kind, encoding, disposition, names_a_file or kind.names_a_file, doubtful or kind.repeated)


@lru_cache(256)
def _usual_header(block: bytes) -> tuple[Header, _Said]:
    header = headers.scan(block)
    return header, _said(block, header)
