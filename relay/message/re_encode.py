"""
Parts that cannot travel as they are, re-encoded: lines over 998 octets, and 8-bit octets for a peer without 8BITMIME.

Nothing is ever cut (RFC 5322 section 2.1.1, RFC 6152 section 3). Header lines are folded at white space that is
there, or left. Signed and encrypted parts are left, and so is what belongs to no part; a warning says so.

Pure: no I/O, no clock, no chance.
"""

import re
from typing import NamedTuple

from relay.message import mime, transfer
from relay.message.body import untouched
from relay.message.header import Field, Header
from relay.message.line_ends import MAX_LINE, long_line
from relay.message.mime import Part, Structure

LEFT = "a line over 998 octets was left as it is, because no change to it would be safe"

# Fields that tell something of a body which is no longer true when that body changes.
STALE = frozenset({"content-md5", "content-length", "lines", "content-digest", "digest"})


_WORD = re.compile(rb"[^ \t]")
_BLANK = re.compile(rb"[ \t]")


class Edit(NamedTuple):
    """``raw[start:end]`` becomes ``octets``."""

    start: int
    end: int
    octets: bytes = b""


def must_change(raw: bytes, part: Part, *, seven_bit: bool) -> bool:
    """Whether a part's body cannot travel as it is."""
    if long_line(raw, part.body, part.end) >= 0:
        return True
    return seven_bit and not raw[part.body : part.end].isascii()


def re_encoded(raw: bytes, structure: Structure, *, seven_bit: bool, keep: frozenset[int] = frozenset()) -> list[Edit]:
    """
    List the edits that let each part travel.

    Args:
        raw: The mail.
        structure: Of this mail.
        seven_bit: Whether octets over 127 must go too.
        keep: Parts (indexes) whose body the caller re-encodes.
    """
    edits: list[Edit] = []
    changed: set[int] = set()
    for index, part in enumerate(structure.parts):
        path = structure.path(index)
        if any(untouched(around) for around in path):
            continue
        edits += folded(raw, part.header)
        if seven_bit and part.encoding == "8bit" and (part.multipart or part.kind.major == "message"):
            edits += encoding_edits(raw, part, "7bit")
        if part.multipart or index in keep or not must_change(raw, part, seven_bit=seven_bit):
            continue
        own = _inner(raw, part, seven_bit=seven_bit) if part.kind.major == "message" else _re_encoded(raw, part)
        edits += own
        changed.update(id(around) for around in path if own)
    for part in structure.parts:
        if id(part) in changed:
            edits += stale(part.header)
    return edits


def stale(header: Header) -> list[Edit]:
    """Cut the fields that a changed body makes untrue."""
    return [Edit(field.start, field.end) for field in header.fields if field.name in STALE]


def _inner(raw: bytes, part: Part, *, seven_bit: bool) -> list[Edit]:
    """Re-encode the parts of a message inside the mail; as a whole it may not be (RFC 2046 section 5.2.1)."""
    if part.kind.essence != "message/rfc822" or part.encoding not in transfer.IDENTITY or part.depth >= mime.MAX_DEPTH:
        return []
    inner = mime.scan(raw, part.body, part.end, depth=part.depth + 1)
    return re_encoded(raw, inner, seven_bit=seven_bit)


def _re_encoded(raw: bytes, part: Part) -> list[Edit]:
    body = raw[part.body : part.end]
    if part.encoding == "quoted-printable":
        return [Edit(part.body, part.end, transfer.shorten_qp(body, MAX_LINE))]
    if part.encoding == "base64":
        refolded = transfer.shorten_base64(body, MAX_LINE)
        return [] if refolded is None else [Edit(part.body, part.end, refolded)]
    if part.encoding not in transfer.IDENTITY or part.doubtful:
        return []
    encoding = transfer.best_for(body) if part.kind.major == "text" else "base64"
    encoded = transfer.to_qp(body) if encoding == "quoted-printable" else transfer.to_base64(body)
    return [*encoding_edits(raw, part, encoding), Edit(part.body, part.end, encoded)]


def encoding_edits(raw: bytes, part: Part, encoding: str) -> list[Edit]:
    """Make a part's header say its new transfer encoding."""
    value = b" " + encoding.encode("ascii") + b"\r\n"
    field = part.header.first("content-transfer-encoding")
    if field:
        return [Edit(field.value_start, field.end, value)]
    added = b"Content-Transfer-Encoding:" + value
    if part.parent < 0 and part.header.first("mime-version") is None:
        added = b"MIME-Version: 1.0\r\n" + added  # without it a reader need not look at the encoding
    if not part.header.fields and raw[part.header.end : part.header.end + 2] != b"\r\n":
        return []  # a part without so much as the empty line has nothing in it
    return [Edit(part.header.end, part.header.end, added)]


def folded(raw: bytes, header: Header) -> list[Edit]:
    """Fold the long lines of a header at white space (RFC 5322 section 2.2.3)."""
    if long_line(raw, header.start, header.end) < 0:
        return []
    return [edit for field in header.fields for edit in _folded(raw, field)]


def _folded(raw: bytes, field: Field) -> list[Edit]:
    edits = []
    at = field.start
    while at < field.end:
        line_end = raw.find(b"\r\n", at, field.end)
        line_end = field.end if line_end < 0 else line_end
        # White space at the end makes no line: one of white space alone would end the header for some readers.
        last_word = at + len(raw[at:line_end].rstrip(b" \t"))
        while line_end - at > MAX_LINE:
            cut = _blank_for(raw, at, last_word)
            if cut < 0:
                break
            edits.append(Edit(cut, cut, b"\r\n"))
            at = cut
        at = line_end + 2
    return edits


def _blank_for(raw: bytes, at: int, end: int) -> int:
    """Find the last blank to fold at within the limit, else the first behind it; -1 for none."""
    word = _WORD.search(raw, at, end)
    if word is None:
        return -1
    limit = min(at + MAX_LINE, end)
    cut = max(raw.rfind(b" ", word.start(), limit), raw.rfind(b"\t", word.start(), limit))
    if cut >= 0:
        return cut
    behind = _BLANK.search(raw, max(limit, word.start()), end)
    return behind.start() if behind else -1
