"""
What a mail shows to people: its HTML, its text, its other parts and its header, decoded.

It is read by ``relay/message/shown.py`` and handed to the pages.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part that is not the body."""

    name: str  # one line; "" where it names none
    kind: str  # "application/pdf"
    octets: int  # decoded
    number: str  # "1.2" as IMAP counts
    inline: bool  # the HTML shows it by its Content-ID


@dataclass(frozen=True, slots=True)
class Shown:
    """A mail as people see it."""

    html: str  # inline images are in it as data:; "" where there is none
    text: str  # "" where there is none
    attachments: tuple[Attachment, ...]
    fields: tuple[tuple[str, str], ...]  # of the header, name as written and decoded value, in order
    parts: tuple[tuple[str, int, str, int], ...]  # number, depth, kind, octets as transferred
    trouble: str  # why its structure cannot be trusted; "" where it can
