"""
Character sets: which ones a header may be decoded from, and where an HTML text has its ASCII characters.

The names are a closed list: asking Python for any name a stranger writes would import modules and fill a cache.

Pure: no I/O, no clock, no chance.
"""

import re
import sys
from functools import lru_cache
from typing import NamedTuple

_NOT_ALPHANUMERIC = re.compile(r"[^a-z0-9]+")

# Character sets in which each ASCII octet outside a multi-octet character is that ASCII character, and none of
# < > " ' - / ! = and white space is ever the second octet of a character. (Johab, HZ and UTF-7 fail this.)
# Name without punctuation -> Python's codec; "" where Python has none.
_SUPERSETS: dict[str, str] = {
    "usascii": "ascii",
    "ascii": "ascii",
    "ansix341968": "ascii",
    "ansix341986": "ascii",
    "iso646us": "ascii",
    "us": "ascii",
    "646": "ascii",
    "utf8": "utf-8",
    "unicode11utf8": "utf-8",
    "utf8mb4": "utf-8",
    "latin1": "latin-1",
    "l1": "latin-1",
    "latin2": "iso8859-2",
    "latin5": "iso8859-9",
    "latin9": "iso8859-15",
    "iso88598i": "iso8859-8",
    "iso88598e": "iso8859-8",
    "iso88591windows1252": "cp1252",
    "koi8r": "koi8-r",
    "koi8u": "koi8-u",
    "koi8": "koi8-r",
    "koi8t": "koi8-t",
    "macintosh": "mac-roman",
    "mac": "mac-roman",
    "macroman": "mac-roman",
    "xmaccyrillic": "mac-cyrillic",
    "tis620": "tis-620",
    "windows874": "cp874",
    "cp874": "cp874",
    "viscii": "",
    "gb2312": "gb18030",  # what is labelled so is often GBK
    "gb231280": "gb18030",
    "xgbk": "gb18030",
    "gbk": "gb18030",
    "cp936": "gb18030",
    "gb18030": "gb18030",
    "euccn": "gb18030",
    "big5": "big5hkscs",
    "cnbig5": "big5hkscs",
    "xxbig5": "big5hkscs",
    "big5hkscs": "big5hkscs",
    "cp950": "cp950",
    "euctw": "",
    "eucjp": "euc-jp",
    "xeucjp": "euc-jp",
    "shiftjis": "cp932",
    "xsjis": "cp932",
    "sjis": "cp932",
    "mskanji": "cp932",
    "cp932": "cp932",
    "windows31j": "cp932",
    "euckr": "cp949",
    "ksc56011987": "cp949",
    "ksc5601": "cp949",
    "cp949": "cp949",
    "uhc": "cp949",
    "windows949": "cp949",
}
_SUPERSETS |= {f"iso8859{n}": f"iso8859-{n}" for n in (*range(1, 12), *range(13, 17))}
_SUPERSETS |= {f"{prefix}125{n}": f"cp125{n}" for n in range(9) for prefix in ("windows", "cp", "xcp", "win")}
_SUPERSETS |= {f"{p}{n}": f"cp{n}" for n in (437, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 865, 866)
               for p in ("cp", "ibm")}  # fmt: skip

_ISO_2022 = {
    "iso2022jp": "iso2022_jp_ext",
    "iso2022jp1": "iso2022_jp_1",
    "iso2022jp2": "iso2022_jp_2",
    "iso2022jp3": "iso2022_jp_3",
    "iso2022jpms": "iso2022_jp_ext",
    "csiso2022jp": "iso2022_jp_ext",
    "iso2022kr": "iso2022_kr",
    "iso2022cn": "",
    "iso2022cnext": "",
}

# Python's codec, octets in a unit, and where in a unit the ASCII octet lies.
_WIDE = {
    "utf16le": ("utf-16-le", 2, 0),
    "utf16be": ("utf-16-be", 2, 1),
    "utf32le": ("utf-32-le", 4, 0),
    "utf32be": ("utf-32-be", 4, 3),
}

# Longest first: the UTF-16 mark is the beginning of the UTF-32 one.
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf32le"),
    (b"\x00\x00\xfe\xff", "utf32be"),
    (b"\xef\xbb\xbf", "utf8"),
    (b"\xff\xfe", "utf16le"),
    (b"\xfe\xff", "utf16be"),
)

_MARKED = frozenset(mark[:1] for mark, _ in _MARKS)

# ISO 2022 text outside its ASCII state: from a designation of its main set other than ASCII (ESC ( B) and JIS-Roman
# (ESC ( J), in which all of HTML's own characters are the same, to the next of these; from SHIFT OUT to SHIFT IN.
_NOT_ASCII_STATE = re.compile(
    rb"\x1b(?:\$(?:\([0-~]|[@AB])|\([^BJ])[^\x1b]*+(?:\x1b(?!\([BJ])[^\x1b]*+)*+|\x0e[^\x0f]*+"
)


MASK = b"\x7f"  # no octet of an ISO 2022 character is DEL


class Shadow(NamedTuple):
    """A text with one octet for each unit of its character set; what an ASCII octet does not mean became MASK."""

    octets: bytes
    unit: int  # octets of the text for each octet here: 1, 2 or 4
    codec: str  # how ASCII is written into the text


@lru_cache(256)
def _key(name: str) -> str:
    return _NOT_ALPHANUMERIC.sub("", name.lower()[:60])


def known_codec(name: str) -> str:
    """Give Python's codec for a character set named in a mail, or "" for one that we do not know."""
    key = _key(name)
    if key in _WIDE:
        return _WIDE[key][0]
    return _SUPERSETS.get(key) or _ISO_2022.get(key) or {"utf16": "utf-16", "utf7": "utf-7"}.get(key, "")


def decode_text(octets: bytes) -> str:
    """Decode octets of no stated character set: UTF-8, else windows-1252. Never raises."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("cp1252", "replace")


def shadow(text: bytes, charset: str) -> Shadow | None:
    """
    Find the ASCII characters of an HTML text.

    Args:
        text: Decoded from its transfer encoding.
        charset: As written in Content-Type; "" when it is not.

    Returns:
        None when ASCII cannot safely be put into the text: unknown or stateful sets, a byte order mark that says
        otherwise, NULs where none belong.
    """
    key = _key(charset[:60])
    mark = next((name for start, name in _MARKS if text.startswith(start)), "") if text[:1] in _MARKED else ""
    if key in ("utf16", "utf32", "ucs2", "iso10646ucs2"):
        key = _byte_order(text, mark, wide="utf32" if key == "utf32" else "utf16") or "unknown"
    if key in _WIDE:
        return _wide_shadow(text, key) if mark in ("", key) else None
    if mark and (mark != "utf8" or key not in ("", "utf8", "unicode11utf8", "utf8mb4")):
        return None
    escapes = b"\x1b" in text
    single_shifts = escapes and (b"\x1bN" in text or b"\x1bO" in text)  # for one character, of one or two octets
    if b"\0" in text or single_shifts:
        return None
    if key and key not in _SUPERSETS and key not in _ISO_2022:
        return None
    if escapes or (key in _ISO_2022 and b"\x0e" in text):
        return Shadow(_NOT_ASCII_STATE.sub(_masked, text), 1, "ascii")
    return Shadow(text, 1, "ascii")


def _masked(match: re.Match[bytes]) -> bytes:
    return MASK * (match.end() - match.start())


def _byte_order(text: bytes, mark: str, *, wide: str) -> str:
    """Say which order a text labelled just UTF-16 or UTF-32 has; "" when neither mark nor first character tells."""
    if mark:
        return mark if mark.startswith(wide) else ""
    unit = 2 if wide == "utf16" else 4
    first = text[:unit]
    if first == b"<".rjust(unit, b"\0"):
        return wide + "be"
    return wide + "le" if first == b"<".ljust(unit, b"\0") else ""


def _wide_shadow(text: bytes, key: str) -> Shadow | None:
    codec, unit, at = _WIDE[key]
    if len(text) % unit:
        return None
    view = memoryview(text).cast("H" if unit == 2 else "I")
    # Cast reads in this machine's order: compare with the value that an ASCII octet at its place has there.
    low = text[at::unit]
    if text.count(b"\0") == len(text) - len(low) and low.isascii() and b"\0" not in low:
        return Shadow(low, unit, codec)
    ascii_values = {int.from_bytes(chr(c).encode(codec), sys.byteorder): c for c in range(1, 128)}
    return Shadow(bytes(ascii_values.get(value, MASK[0]) for value in view), unit, codec)
