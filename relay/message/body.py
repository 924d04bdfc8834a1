"""
Which part of a mail is the HTML that people see, and why there is none that may be changed.

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Callable

from relay.message import header as headers
from relay.message.mime import BROKEN, Part, Structure

# Multiparts and types that nobody may change a byte of, wherever they stand, and what that is in plain words.
_UNTOUCHED = {
    "multipart/signed": "signed mail",
    "multipart/encrypted": "encrypted",
    "application/pkcs7-mime": "encrypted",
    "application/x-pkcs7-mime": "encrypted",
    "application/pgp-encrypted": "encrypted",
    "multipart/report": "bounce report",
    "message/partial": "part of a split mail",
    "message/external-body": "content outside the mail",
}
_NOT_BLANK = re.compile(rb"[^\t\n\r\x0b\f ]")
_CLOSED_MULTIPARTS = ("digest", "report", "signed", "encrypted")
_SIGNATURES = ("dkim-signature", "arc-message-signature")


def untouched(part: Part) -> str:
    """Say why this part and all in it stays as it is, or ""."""
    why = _UNTOUCHED.get(part.kind.essence, "")
    smime_type = part.kind.parameters.get("smime-type", "").lower()
    return "signed mail" if smime_type in ("signed-data", "certs-only") and why == "encrypted" else why


def choose(raw: bytes, structure: Structure, signs_for: Callable[[str], bool] | None) -> tuple[int, str]:
    """
    Choose the part for the pixel.

    Args:
        raw: The mail.
        structure: Of this mail.
        signs_for: Says whether Homing will sign for a domain; None: for no domain.

    Returns:
        The part's index and "", or -1 and the reason in plain words.
    """
    why = next(filter(None, map(untouched, structure.parts)), "") or structure.trouble
    if why:
        return -1, why
    index = _find(raw, structure, 0)
    if index < 0:
        plain = any(part.kind.essence == "text/plain" and _is_body(part) for part in structure.parts)
        return -1, "plain text only" if plain else "no html body"
    if any(part.doubtful for part in structure.path(index)):
        return -1, BROKEN
    if not _may_break_signatures(raw, structure, signs_for):
        return -1, "already DKIM-signed"
    return index, ""


def _find(raw: bytes, structure: Structure, index: int) -> int:
    """Look for the HTML below a part. The depth is bounded by the scanner, and each part is seen once."""
    part = structure.parts[index]
    if not part.multipart:
        html = part.kind.essence == "text/html" and _is_body(part)
        return index if html and _NOT_BLANK.search(raw, part.body, part.end) else -1
    if part.kind.minor in _CLOSED_MULTIPARTS:
        return -1
    children = part.children
    if part.kind.minor == "related":
        children = children[_root_of(raw, structure, part) :][:1]
    elif part.kind.minor == "alternative":
        children = children[::-1]  # the last is the richest, RFC 2046 section 5.1.4
    return next((found for child in children if (found := _find(raw, structure, child)) >= 0), -1)


def _is_body(part: Part) -> bool:
    return part.disposition != "attachment" and not part.names_a_file


def _root_of(raw: bytes, structure: Structure, related: Part) -> int:
    """Give the place among its children of the part that ``start`` names (RFC 2387 section 3.2), else 0."""
    start = related.kind.parameters.get("start", "").encode("latin-1")
    for place, child in enumerate(related.children if start else ()):
        content_id = structure.parts[child].header.first("content-id")
        if content_id and headers.value(raw, content_id) == start:
            return place
    return 0


def _may_break_signatures(raw: bytes, structure: Structure, signs_for: Callable[[str], bool] | None) -> bool:
    """Whether Homing signs again for each domain that signed (RFC 6376 section 3.5, tag d=)."""
    header = structure.parts[0].header
    for field in header.fields:
        if field.name in _SIGNATURES:
            domain = _tag(headers.value(raw, field), b"d")
            if signs_for is None or not domain or not signs_for(domain):
                return False
    return True


def _tag(signature: bytes, name: bytes) -> str:
    for piece in signature.split(b";"):
        key, _, value = piece.partition(b"=")
        if key.strip() == name:
            return value.strip().decode("ascii", "replace").lower()
    return ""
