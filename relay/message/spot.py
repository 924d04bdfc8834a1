"""
The spot in a part where the pixel goes, and the octets that put it there in that part's own encoding.

Pure: no I/O, no clock, no chance.
"""

import re
from typing import NamedTuple

from relay.message import transfer
from relay.message.charset import MASK, shadow
from relay.message.html import find_place
from relay.message.line_ends import MAX_LINE
from relay.message.mime import Part

# So much must be free in a line around the spot for the element's first and last word.
_ROOM_BEFORE = 16
_ROOM_BEHIND = 96

# Gmail shows the first 102 KB of a mail's HTML and hides the rest behind a link.
_CLIPPED_OCTETS = 102 * 1024
CLIPPED = "the HTML is over 102 KB: Gmail cuts it before the end, so opens there may be missed"

# An element of ours (see pixel/element.py), from another Homing that the mail came through.
_OURS = re.compile(
    rb'<img[ \r\n]src="https?://[^"<>]{1,200}/o/[A-Za-z0-9_-]{22}\.gif" width="1" height="1" alt=""[ \r\n]'
    rb'style="border:0">[ \t\r\n]*\Z'
)
_OURS_OCTETS = 400


class Spot(NamedTuple):
    """Where the element goes: it takes the place of ``raw[start:end]``, mostly nothing, or a base64 tail."""

    start: int
    end: int
    encoding: str  # "7bit", "quoted-printable" or "base64"
    codec: str = "ascii"
    column: int = 0  # octets of the line before it
    rest: int = 0  # octets of the line behind it
    lead: bytes = b""  # put before it
    trail: bytes = b""  # put behind it
    before: bytes = b""  # decoded text that is encoded together with it
    after: bytes = b""

    def render(self, element: bytes) -> bytes:
        """Encode the element (ASCII) for this spot."""
        if self.encoding == "base64":
            wide = element if self.codec == "ascii" else element.decode("ascii").encode(self.codec)
            return transfer.to_base64(self.before + wide + self.after)
        if self.encoding == "quoted-printable":
            lines = transfer.qp_lines(element.replace(b"=", b"=3D"), self.column)
            return b"".join((self.lead, lines, self.trail))
        if self.column + len(element) + self.rest <= MAX_LINE:
            return element
        # White space between attributes means nothing, so the line is broken there and nowhere else.
        first, _, others = element.partition(b" ")
        middle, _, last = others.rpartition(b" ")
        return b"\r\n".join((first, middle, last))


class Html(NamedTuple):
    """The decoded text of a part, and the offset in it where the element goes."""

    text: bytes
    offset: int
    codec: str
    quoted: transfer.QuotedPrintable | None


def read_html(raw: bytes, part: Part) -> Html | str:
    """Decode an HTML part and find the offset in it; a string says in plain words why there is none."""
    body = raw[part.body : part.end]
    quoted = None
    text: bytes | None
    if part.encoding == "quoted-printable":
        quoted = transfer.QuotedPrintable(body)
        text = quoted.text
    elif part.encoding == "base64":
        text = transfer.from_base64(body)
    elif part.encoding in ("7bit", "8bit"):
        text = body
    else:
        return "unknown transfer encoding"
    if text is None:
        return "broken base64"
    return "encrypted" if b"-----BEGIN PGP" in text else _placed(text, part, quoted)


def _placed(text: bytes, part: Part, quoted: transfer.QuotedPrintable | None) -> Html | str:
    shown = shadow(text, part.kind.parameters.get("charset", ""))
    if shown is None or (shown.unit > 1 and part.encoding != "base64"):
        return "unknown character set"
    place = find_place(shown.octets)
    if place is None:
        return "no visible place in the html"
    if _OURS.search(shown.octets, max(0, place.offset - _OURS_OCTETS), place.offset):
        return "has a pixel already"
    if (
        shown.codec == "ascii"
        and shown.octets[max(0, place.offset - 1) : place.offset] == MASK
        and shown.octets is not text
    ):
        return "unknown character set"  # the text ends in a state in which the element would be read as Japanese
    if quoted is not None and quoted.offset_of(place.offset) < 0:
        return "broken quoted-printable"
    return Html(text, place.offset * shown.unit, shown.codec, quoted)


def clipped(html: Html) -> bool:
    """Whether Gmail may hide the spot."""
    return html.offset > _CLIPPED_OCTETS


def find_spot(raw: bytes, part: Part, html: Html) -> Spot | None:
    """Give the spot in the part as it is transferred; None where its line has no room: then it is re-encoded."""
    if part.encoding == "base64":
        return _in_base64(raw, part, html)
    if html.quoted is not None:
        return _in_quoted_printable(raw, part, html)
    at = part.body + html.offset
    column, rest = _line_around(raw, part, at)
    if column > MAX_LINE - _ROOM_BEFORE or rest > MAX_LINE - _ROOM_BEHIND:
        return None
    return Spot(start=at, end=at, encoding="7bit", column=column, rest=rest)


def _line_around(raw: bytes, part: Part, at: int) -> tuple[int, int]:
    start = raw.rfind(b"\r\n", part.body, at)
    end = raw.find(b"\r\n", at, part.end)
    return at - (part.body if start < 0 else start + 2), (part.end if end < 0 else end) - at


def _in_quoted_printable(raw: bytes, part: Part, html: Html) -> Spot:
    assert html.quoted is not None
    at = part.body + html.quoted.offset_of(html.offset)
    column, rest = _line_around(raw, part, at)
    return qp_spot(raw, at, column=column, rest=rest)


def qp_spot(raw: bytes, at: int, *, column: int, rest: int) -> Spot:
    """Give a spot in quoted-printable text: the element on lines of its own, held together by soft line breaks."""
    start = at
    lead = b"=\r\n" if column else b""
    own_column = 0
    if column >= transfer.LINE:
        # No room for the "=" of a soft break behind this line: break three octets, or an escape more, earlier.
        cut = at - 3
        escape = raw.rfind(b"=", cut - 2, cut)
        start = escape if escape >= 0 else cut
        own_column = at - start
        lead += raw[start:at]
    return Spot(
        start=start,
        end=at,
        encoding="quoted-printable",
        column=own_column,
        lead=lead,
        trail=b"=\r\n" if rest else b"",
    )


def _in_base64(raw: bytes, part: Part, html: Html) -> Spot:
    body = raw[part.body : part.end]
    line, decoded = transfer.base64_line_before(body, html.offset)
    return Spot(
        start=part.body + line,
        end=part.body + len(body.rstrip(b"\r\n\t ")),
        encoding="base64",
        codec=html.codec,
        before=html.text[decoded : html.offset],
        after=html.text[html.offset :],
    )
