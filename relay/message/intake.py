"""
What acceptance wants to know of a mail, read once.

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from relay.message import header as headers
from relay.message.charset import decode_text
from relay.message.control import Controls, read_controls
from relay.message.copy import CopyPlan, plan
from relay.message.header import Header
from relay.message.received import date_time
from relay.settings import MetadataSettings
from store.nouns import TrackingMode

TRACKING_OFF = "tracking off"
_MAX_TEXT = 2_000  # characters of a subject, To or Message-ID that are kept
_HIDES_ADDRESSES = re.compile(r'"(?:[^"\\]++|\\.)*+"?|\((?:[^()\\]++|\\.)*+\)?', re.DOTALL)
_ANGLE = re.compile(r"<([^<>]*+)>")
_UNSAFE = re.compile(r"[^A-Za-z0-9.\-_]")


class Intake(NamedTuple):
    """One mail, as acceptance sees it."""

    header_from: str  # the first address in From:, "" when there is none
    header_from_all: tuple[str, ...]  # all addresses in all From: fields
    from_count: int  # From: fields
    header_to: str  # the first To field, decoded, one line; cut where it is long
    subject: str  # decoded, one line
    header_message_id: str  # the mail's own, or the one in added_fields; without its angle brackets
    added_fields: bytes  # a missing Date or Message-ID as header lines
    hops: int  # Received fields
    header_octets: int
    header_fields: int
    controls: Controls
    warnings: tuple[str, ...]  # of the controls and of the plan
    no_pixel_why: str  # "" when a pixel goes in
    eight_bit: bool
    long_lines: bool  # has lines over 998 octets, which the copies will not have
    plan: CopyPlan


def examine(
    raw: bytes,
    *,
    now: float,
    make_id: str,
    hostname: str,
    metadata: MetadataSettings,
    signs_for: Callable[[str], bool] | None = None,
) -> Intake:
    """
    Read a mail. Never raises, and the work is linear, whatever the bytes.

    Args:
        raw: Normalised line ends. A header over the limits of ``relay.message.header`` is only measured: refuse it
            by ``header_octets`` and ``header_fields``.
        now: Unix seconds, for a missing Date.
        make_id: What stands before the "@" of a missing Message-ID: the message's own id, so that it is unique.
        hostname: What stands behind it.
        metadata: Which metadata keys mean customer and invoice.
        signs_for: See ``copy.plan``.
    """
    header = headers.scan(raw)
    octets, field_count = headers.measure(raw)
    controls = read_controls(raw, header, metadata)
    copy_plan = plan(raw, signs_for=signs_for, header=header)
    senders = [headers.value(raw, field) for field in header.all("from")]
    addresses = tuple(address for value in senders for address in _sender(value))
    message_id, added = _identity(raw, header, now=now, make_id=make_id, hostname=hostname)
    subject, to = header.first("subject"), header.first("to")
    return Intake(
        header_from=addresses[0] if addresses else "",
        header_from_all=addresses,
        from_count=len(senders),
        header_to=headers.text(raw, to)[:_MAX_TEXT] if to else "",
        subject=headers.text(raw, subject)[:_MAX_TEXT] if subject else "",
        header_message_id=message_id,
        added_fields=added,
        hops=len(header.all("received")),
        header_octets=octets,
        header_fields=field_count,
        controls=controls,
        warnings=controls.warnings + copy_plan.warnings,
        no_pixel_why=no_pixel_why(controls, copy_plan),
        eight_bit=not raw.isascii(),
        long_lines=copy_plan.long_lines,
        plan=copy_plan,
    )


def no_pixel_why(controls: Controls, copy_plan: CopyPlan) -> str:
    """Say why a mail gets no pixel, or "": by its own wish, or by what it is."""
    return TRACKING_OFF if controls.track is TrackingMode.OFF else copy_plan.why


def _sender(value: bytes) -> tuple[str, ...]:
    return _usual_sender(value) if len(value) <= _USUAL else tuple(addresses_in(value))


def _identity(raw: bytes, header: Header, *, now: float, make_id: str, hostname: str) -> tuple[str, bytes]:
    """Give the Message-ID, and the fields to add (RFC 6409 section 8.2 and 8.3)."""
    added = b""
    if header.first("date") is None:
        added += f"Date: {date_time(now)}\r\n".encode("ascii")
    field = header.first("message-id")
    if field is not None:
        return headers.text(raw, field).strip("<> \t")[:_MAX_TEXT], added
    message_id = f"{_UNSAFE.sub('', make_id)}@{_UNSAFE.sub('', hostname) or 'localhost'}"
    return message_id, added + f"Message-ID: <{message_id}>\r\n".encode("ascii")


def addresses_in(value: bytes) -> list[str]:
    """
    List the addresses of a From value, with display names, comments and groups left out (RFC 5322 section 3.4).

    What stands in angle brackets is one; a piece between commas without brackets is one when it has an "@". Quoted
    local parts are kept only inside brackets.
    """
    written = decode_text(value)
    found = []
    for piece in _pieces(written):
        angle = _ANGLE.search(_HIDES_ADDRESSES.sub(_blank, piece))
        bare = _HIDES_ADDRESSES.sub("", piece).rpartition(":")[2].strip(" \t;")
        address = piece[angle.start(1) : angle.end(1)] if angle else bare if "@" in bare else ""
        if address.strip():
            found.append(headers.printable(address.strip()))
    return found


# An application sends all its mails from the same few addresses.
_USUAL = 256  # octets of a value that may be kept
_usual_sender = lru_cache(256)(lambda value: tuple(addresses_in(value)))


def _blank(match: re.Match[str]) -> str:
    """Blank a quoted string or comment, so that offsets stay."""
    return "x" * (match.end() - match.start())


def _pieces(written: str) -> list[str]:
    """Split at commas that are not in quotes or comments."""
    shown = _HIDES_ADDRESSES.sub(_blank, written)
    pieces = []
    at = 0
    for part in shown.split(","):
        pieces.append(written[at : at + len(part)])
        at += len(part) + 1
    return pieces
