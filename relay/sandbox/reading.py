"""
What a recipient's mail program sees of a mail: the images to load, and the header that a report gives back.

Pure: no I/O, no clock, no chance.
"""

import re
from email import message_from_bytes, policy
from email.message import Message
from html import unescape

# The pixel is told from other pictures by its path alone, as a mail program does not do: it would load them all.
_IMAGE = re.compile(r"<img\b[^>]{0,2000}?\bsrc\s*=\s*(?:\"([^\"]{1,2000})\"|'([^']{1,2000})')", re.IGNORECASE)
_PIXEL = re.compile(r"https?://[^/?#]+(/o/[A-Za-z0-9_-]+\.gif)")
_MOST_PARTS = 200
_MOST_HEADER = 64 * 1024  # octets of a header that a report gives back


def pixel_paths(mail: bytes) -> list[str]:
    """Give the path of each pixel in the HTML of a mail, without repeats: ``/o/TOKEN.gif``."""
    paths: dict[str, None] = {}
    for html in _html_parts(mail):
        for match in _IMAGE.finditer(html):
            pixel = _PIXEL.fullmatch(unescape(match[1] or match[2]))
            if pixel:
                paths[pixel[1]] = None
    return list(paths)


def header_of(mail: bytes) -> bytes:
    """Give the header of a mail with its last line end; whole lines of at most 64 KiB."""
    end = mail.find(b"\r\n\r\n")
    header = mail if end < 0 else mail[: end + 2]
    if len(header) > _MOST_HEADER:
        header = header[: header.rfind(b"\r\n", 0, _MOST_HEADER) + 2]
    return header


def _html_parts(mail: bytes) -> list[str]:
    found: list[str] = []
    for number, part in enumerate(message_from_bytes(mail, policy=policy.compat32).walk()):
        if number >= _MOST_PARTS:
            break
        if part.get_content_type() == "text/html" and part.get_content_disposition() != "attachment":
            found.append(_text(part))
    return found


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    raw = payload if isinstance(payload, bytes) else b""
    try:
        return raw.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return raw.decode("latin-1")
