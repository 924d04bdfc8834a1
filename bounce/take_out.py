"""
Take our signed return paths out of a mail, so that nobody who is handed the rest can make up reports with them.

They are looked for as they stand, across soft line breaks of quoted-printable, and in base64, whatever their age. Where
only the signed word stands without our domain behind it (other systems rewrite senders so, SRS for one), the word goes.

Pure: no I/O, no clock, no chance.
"""

import binascii
import re

from bounce.verp import ReturnPaths

_BREAK = rb"(?:=\r?\n)?"  # a soft line break, RFC 2045 section 6.7 (5)
_SOFT_BREAK = re.compile(rb"=\r?\n")
# A word of 27 letters that is no part of a longer one. What stands before it may be an encoded "=" or "+".
_WORD = rb"(?:(?<![A-Za-z0-9])|(?<==3D)|(?<==2B))(b(?:" + _BREAK + rb"[a-z2-7]){26})(?![A-Za-z0-9])"
_AT = _BREAK + rb"(?:@|=40)" + _BREAK
# Lines of base64 below one another; the last one may be short.
_LINE = rb"[A-Za-z0-9+/]{20,998}"
_BASE64 = re.compile(
    rb"^" + _LINE + rb"(?:\r?\n" + _LINE + rb")*={0,2}(?:\r?\n[A-Za-z0-9+/]{2,19}={0,2})?(?=\r?$)", re.MULTILINE
)
_DEEPEST = 2  # base64 within base64


def take_out(octets: bytes, return_paths: ReturnPaths, instead: str) -> bytes:
    """
    Give a mail, or a part of one, without return paths of ours.

    Args:
        octets: The mail.
        return_paths: Ours.
        instead: The address that takes the place of each; its local part takes that of a signed word alone.
    """
    names = (domain.encode("ascii", "replace") for domain in return_paths.domains)
    domains = b"|".join(_BREAK.join(re.escape(name[at : at + 1]) for at in range(len(name))) for name in names)
    signed = re.compile(_WORD + rb"(" + _AT + rb"(?:" + domains + rb")(?![A-Za-z0-9]))?", re.IGNORECASE)
    return _without(octets, signed, return_paths, instead.encode("utf-8"), depth=0)


def _without(
    octets: bytes, signed: re.Pattern[bytes], return_paths: ReturnPaths, instead: bytes, *, depth: int
) -> bytes:
    def plain(match: re.Match[bytes]) -> bytes:
        word = _SOFT_BREAK.sub(b"", match[1]).decode("ascii")
        if not return_paths.signed(word):
            return match[0]
        return instead if match[2] else instead.rpartition(b"@")[0]

    def encoded(match: re.Match[bytes]) -> bytes:
        try:
            decoded = binascii.a2b_base64(match[0])
        except binascii.Error:
            return match[0]
        changed = _without(decoded, signed, return_paths, instead, depth=depth + 1)
        return match[0] if changed == decoded else _base64_lines(changed)

    octets = signed.sub(plain, octets)
    return _BASE64.sub(encoded, octets) if depth < _DEEPEST else octets


def _base64_lines(octets: bytes) -> bytes:
    """Encode in lines of 76 letters (RFC 2045 section 6.8), without a line end behind the last."""
    lines = (binascii.b2a_base64(octets[at : at + 57], newline=False) for at in range(0, len(octets), 57))
    return b"\r\n".join(lines)
