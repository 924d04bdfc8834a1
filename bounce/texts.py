"""
Octets to text: charsets as reports use them, HTML to lines, and what is no text at all.

Pure: no I/O, no clock, no chance.
"""

import html
import re

# Only codecs that turn octets into text in one linear pass; never "zlib", "punycode" or "idna".
_CHARSET = re.compile(
    r"(?:utf|us-ascii|ascii|iso|latin|windows|cp|koi8|gb|hz|big5|euc|shift|sjis|s-?jis|ks_c|mac|tis|x-mac|ms93|x-sjis)"
    r"[a-z0-9_:.-]{0,30}",
    re.IGNORECASE,
)
_BREAKING = frozenset(
    {"br", "p", "div", "tr", "li", "h1", "h2", "h3", "h4", "table", "hr", "pre", "ul", "ol", "dt", "dd"}
)
_TAG_NAME = re.compile(r"/?([A-Za-z][A-Za-z0-9]{0,15})")
_ALIASES = {"x-sjis": "shift_jis", "ks_c_5601-1987": "cp949", "iso-8859-8-i": "iso-8859-8", "x-mac-roman": "mac-roman"}


def from_bytes(content: bytes, charset: str) -> str:
    """Decode, never failing: the named charset when it is one, else what the octets look like."""
    if content.isascii() and b"\x1b$" not in content and not charset[:4].lower().startswith(("utf-1", "hz")):
        return content.decode("ascii")
    name = charset.strip().strip('"').lower()
    if name in ("", "us-ascii", "ascii", "unknown-8bit", "8bit") or not _CHARSET.fullmatch(name):
        return _guess(content)
    try:
        return content.decode(_ALIASES.get(name, name), "replace")
    except (LookupError, ValueError):
        return _guess(content)


def _guess(content: bytes) -> str:
    if b"\x1b$" in content:
        return content.decode("iso2022_jp", "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def looks_binary(content: bytes) -> bool:
    """Whether this is no text in any charset: a picture, TNEF, random octets."""
    sample = content[:2_000]
    if sample.startswith((b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"%PDF", b"PK\x03\x04", b"\x78\x9f\x3e\x22")):
        return True
    odd = sum(sample.count(octet) for octet in (0, 1, 2, 3, 4, 5, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x7F))
    return odd * 20 > len(sample) and not sample.startswith((b"\xff\xfe", b"\xfe\xff"))


def from_html(text: str) -> str:
    """Give what a reader of the HTML sees, as lines. One pass: each ``<`` is looked at once."""
    out: list[str] = []
    hidden = ""
    for n, piece in enumerate(text.split("<")):
        tag, closed, shown = piece.partition(">") if n else ("", ">", piece)
        if not closed:
            tag, shown = "", "<" + piece
        name = match[1].lower() if (match := _TAG_NAME.match(tag)) else ""
        if hidden:
            if name == hidden and tag.startswith("/"):
                hidden = ""
            else:
                continue
        elif name in ("style", "script", "title") and not tag.startswith("/"):
            hidden = name
            continue
        if name in _BREAKING:
            out.append("\n")
        elif name in ("td", "th") or (n and shown[:1].isspace()):
            out.append(" ")
        out.append(" ".join(shown.split()) if "\n" not in shown else " " + " ".join(shown.split()) + " ")
        if shown[-1:].isspace():
            out.append(" ")
    return html.unescape("".join(out))
