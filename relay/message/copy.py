"""
The copy for one recipient: the mail as it came but for the documented changes.

``plan`` reads a mail once; ``copy`` puts a recipient's copy together from slices, the same bytes each time. What
changes, and nothing else:

- control fields, Bcc, Resent-Bcc and Return-Path are removed from the top header;
- the caller's fields (Received, a missing Date or Message-ID, signatures) go on top;
- the pixel goes into the HTML part, and what its header says of length and digest is removed where it lies now;
- a line over 998 octets is brought under it by re-encoding its part, header lines by folding them at white space;
- for a peer without 8BITMIME, parts with octets over 127 are re-encoded.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from relay.message import body, mime, re_encode, transfer
from relay.message import header as headers
from relay.message.control import is_control
from relay.message.header import Header
from relay.message.line_ends import long_line
from relay.message.mime import Part
from relay.message.re_encode import Edit
from relay.message.spot import CLIPPED, Html, Spot, clipped, find_spot, qp_spot, read_html

_REMOVED = frozenset({"bcc", "resent-bcc", "return-path"})

Piece = tuple[int, int] | bytes  # a slice of the mail, or bytes of ours


class CopyPlan(NamedTuple):
    """How the copies of one mail are made. ``why`` is "" when they have a pixel, else the reason in plain words."""

    why: str
    part: str  # number of the part with the pixel, "1.2" as IMAP counts; "" without one
    warnings: tuple[str, ...]
    long_lines: bool  # the mail has lines over 998 octets
    top: int  # where prepended fields go
    plain: tuple[Piece, ...]  # a copy without a pixel, from top
    head: tuple[Piece, ...]  # a copy with a pixel: from top to the spot
    tail: tuple[Piece, ...]  # and from behind the spot
    spot: Spot | None

    @property
    def octets(self) -> int:
        """What the plan itself holds, beside offsets: parts that were encoded anew."""
        own = sum(len(piece) for piece in (*self.plain, *self.head, *self.tail) if isinstance(piece, bytes))
        return own + (len(self.spot.before) + len(self.spot.after) if self.spot else 0)


def plan(
    raw: bytes,
    *,
    signs_for: Callable[[str], bool] | None = None,
    seven_bit: bool = False,
    header: Header | None = None,
) -> CopyPlan:
    """
    Read a mail, whatever its bytes, and decide what its copies are made of. Never raises.

    Args:
        raw: Normalised line ends (see ``line_ends``).
        signs_for: Says whether Homing signs for a domain: only then a mail that this domain already signed gets a
            pixel (its own signature stays, and fails). None: for no domain.
        seven_bit: Whether the copy goes to a peer without 8BITMIME. Header fields stay as they are.
        header: The mail's, where it was scanned already.
    """
    try:
        return _plan(raw, signs_for, seven_bit=seven_bit, header=header)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is our fault, and the mail goes out without a pixel
        return _last_resort(raw, f"the mail could not be read ({type(error).__name__})")


def copy(raw: bytes, plan: CopyPlan, *, prepended: bytes = b"", element: bytes | None = None) -> bytes:
    """
    Make one recipient's copy.

    Args:
        raw: The mail that the plan was made from.
        plan: Of this mail.
        prepended: Header fields for the top, each ended by CRLF.
        element: This recipient's pixel, ASCII (``pixel.element``); None for a copy without one.
    """
    view = memoryview(raw)
    copied: list[bytes | memoryview] = [view[: plan.top], prepended]
    if plan.spot is None or element is None:
        copied += _bytes_of(view, plan.plain)
    else:
        copied += _bytes_of(view, plan.head)
        copied.append(plan.spot.render(element))
        copied += _bytes_of(view, plan.tail)
    return b"".join(copied)


def _bytes_of(view: memoryview, pieces: Iterable[Piece]) -> list[bytes | memoryview]:
    return [piece if isinstance(piece, bytes) else view[piece[0] : piece[1]] for piece in pieces]


def _plan(raw: bytes, signs_for: Callable[[str], bool] | None, *, seven_bit: bool, header: Header | None) -> CopyPlan:
    structure = mime.scan(raw, header=header)
    header = structure.parts[0].header
    cuts = _header_cuts(header)
    has_long_lines = long_line(raw) >= 0
    re_encodes = has_long_lines or (seven_bit and not raw.isascii())
    edits = cuts + re_encode.re_encoded(raw, structure, seven_bit=seven_bit) if re_encodes else cuts
    plain = _pieces(header.top, len(raw), edits)
    index, why = body.choose(raw, structure, signs_for)
    html = read_html(raw, structure.parts[index]) if index >= 0 else why
    warnings = [CLIPPED] if isinstance(html, Html) and clipped(html) else []
    if has_long_lines and long_line(b"".join(_bytes_of(memoryview(raw), plain))) >= 0:
        warnings.append(re_encode.LEFT)
    head: tuple[Piece, ...] = ()
    tail: tuple[Piece, ...] = ()
    spot = None
    if isinstance(html, Html):
        around = cuts + [edit for part in structure.path(index) for edit in re_encode.stale(part.header)]
        if re_encodes:
            around += re_encode.re_encoded(raw, structure, seven_bit=seven_bit, keep=frozenset({index}))
        anew = re_encodes and re_encode.must_change(raw, structure.parts[index], seven_bit=seven_bit)
        head, tail, spot = _with_pixel(raw, structure.parts[index], html, header.top, around, anew=anew)
    return CopyPlan(
        why="" if isinstance(html, Html) else html,
        part=structure.parts[index].number if isinstance(html, Html) else "",
        warnings=tuple(warnings),
        long_lines=has_long_lines,
        top=header.top,
        plain=plain,
        head=head,
        tail=tail,
        spot=spot,
    )


def _last_resort(raw: bytes, why: str) -> CopyPlan:
    """Plan no more than what must never leave: the header's cuts."""
    header = headers.scan(raw)
    plain = _pieces(header.top, len(raw), _header_cuts(header))
    return CopyPlan(
        why=why,
        part="",
        warnings=(),
        long_lines=long_line(raw) >= 0,
        top=header.top,
        plain=plain,
        head=(),
        tail=(),
        spot=None,
    )


def _header_cuts(header: Header) -> list[Edit]:
    return [Edit(f.start, f.end) for f in header.fields if f.name in _REMOVED or is_control(f.name)]


def _with_pixel(
    raw: bytes, part: Part, html: Html, top: int, edits: list[Edit], *, anew: bool
) -> tuple[tuple[Piece, ...], tuple[Piece, ...], Spot]:
    """Plan the copy with a pixel: what comes before the spot, what behind it, and the spot. ``anew``: re-encode it."""
    spot = None if anew else find_spot(raw, part, html)
    if spot is not None:
        return _pieces(top, spot.start, edits), _pieces(spot.end, len(raw), edits), spot
    encoding, before, spot, behind = _re_encoded(raw, part, html)
    if encoding != part.encoding:
        edits = edits + re_encode.encoding_edits(raw, part, encoding)
    head, tail = _pieces(top, part.body, edits), _pieces(part.end, len(raw), edits)
    return (*head, before), (behind, *tail), spot


def _re_encoded(raw: bytes, part: Part, html: Html) -> tuple[str, bytes, Spot, bytes]:
    """Encode the whole part anew, in two halves round the spot."""
    text, offset = html.text, html.offset
    if html.quoted is not None:
        at = part.body + html.quoted.offset_of(offset)
        before = transfer.shorten_qp(raw[part.body : at], transfer.LINE)
        behind = transfer.shorten_qp(raw[at : part.end], transfer.LINE)
    elif part.encoding == "base64" or transfer.best_for(text) == "base64":
        whole = offset - offset % transfer.BASE64_TEXT
        before = transfer.to_base64(text[:whole]) + b"\r\n" if whole else b""
        spot = Spot(
            start=part.body,
            end=part.end,
            encoding="base64",
            codec=html.codec,
            before=text[whole:offset],
            after=text[offset:],
        )
        return "base64", before, spot, raw[part.body : part.end][len(raw[part.body : part.end].rstrip()) :]
    else:
        before, behind = transfer.to_qp(text[:offset]), transfer.to_qp(text[offset:])
    column = len(before) - (before.rfind(b"\n") + 1)
    first_line_end = behind.find(b"\r\n")
    spot = qp_spot(before, len(before), column=column, rest=first_line_end if first_line_end >= 0 else len(behind))
    return "quoted-printable", before[: spot.start], spot, behind


def _pieces(start: int, end: int, edits: list[Edit]) -> tuple[Piece, ...]:
    """Turn the edits between two offsets into slices of the mail and bytes of ours."""
    pieces: list[Piece] = []
    at = start
    for edit in sorted(edits):
        if edit.start < at or edit.end > end:  # inside what is cut already, or beyond
            continue
        if edit.start > at:
            pieces.append((at, edit.start))
        if edit.octets:
            pieces.append(edit.octets)
        at = edit.end
    if at < end:
        pieces.append((at, end))
    return tuple(pieces)
