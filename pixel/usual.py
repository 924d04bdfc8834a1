"""
The usual request, read at once: a GET for a pixel without a body that came whole and alone.

Nearly all loads look so. Everything else, a mistake too, is left to aiohttp's parser: this one says None to whatever
it does not know to the last octet, and to every field that could change how the connection goes on.

Pure: no I/O, no clock, no chance.
"""

import re
from functools import lru_cache
from typing import NamedTuple

MAX_OCTETS = 8_190  # of the whole header; no field of it can be longer than aiohttp takes either
_REMEMBERED = 512  # headers
_SHORT = 1_024  # octets of one that is remembered

# RFC 9112 sections 3 and 5:  GET SP origin-form SP HTTP/1.1 CRLF *( field-name ":" field-value CRLF ) CRLF
# No blank before the colon, no folded lines, no CR, LF or NUL alone, up to as many fields as aiohttp is told to take.
_LINE = re.compile(rb"GET (/o/[!-\"$-~]*) HTTP/1\.1\r\n")
_HEADER = re.compile(rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t -~\x80-\xff]*\r\n){0,60})\r\n")
_FIELD = re.compile(
    rb"(?:^|\n)(host|user-agent|x-forwarded-for|forwarded|accept|referer"
    rb"|connection|content-[a-z]+|etag|expect|keep-alive|max-forwards|proxy-connection|server|te|trailer"
    rb"|transfer-encoding|upgrade):([^\r]*)",
    re.IGNORECASE,
)
_TOLD = frozenset((b"host", b"user-agent", b"x-forwarded-for", b"forwarded", b"accept", b"referer"))


class Fields(NamedTuple):
    """What a header tells that is of use. Values as they came, without blanks around them; "": there was none."""

    agent: str = ""
    x_forwarded_for: tuple[str, ...] = ()
    forwarded: tuple[str, ...] = ()
    accept: str = ""
    referer: str = ""


def read_usual(data: bytes) -> tuple[str, Fields] | None:
    """
    Read what came over a connection between two answers.

    Returns:
        The path and what the header tells; None: have it read by somebody who knows all of HTTP.
    """
    if len(data) > MAX_OCTETS:
        return None
    line = _LINE.match(data)
    if line is None:
        return None
    header = data[line.end() :]
    fields = _read_short(header) if len(header) <= _SHORT else _read(header)
    return None if fields is None else (line[1].decode("ascii"), fields)


def _read(header: bytes) -> Fields | None:
    """Read the fields, with the empty line that ends them; None: this is no usual request."""
    whole = _HEADER.fullmatch(header)
    if whole is None:
        return None
    found: dict[bytes, tuple[str, ...]] = {}
    for name, value in _FIELD.findall(whole[1]):
        lowered = name.lower()
        if lowered not in _TOLD:
            if lowered == b"connection" and value.strip().lower() == b"keep-alive":
                continue  # RFC 9112 section 9.3: what is so anyway
            return None
        found[lowered] = (*found.get(lowered, ()), value.strip(b" \t").decode("utf-8", "surrogateescape"))
    agents = found.get(b"user-agent", ("",))
    if len(found.get(b"host", ())) != 1 or len(agents) > 1:  # RFC 9112 section 3.2
        return None
    return Fields(
        agents[0],
        found.get(b"x-forwarded-for", ()),
        found.get(b"forwarded", ()),
        found.get(b"accept", ("",))[0],
        found.get(b"referer", ("",))[0],
    )


# A mail provider's proxy writes the same header each time: all but the path is read once.
_read_short = lru_cache(_REMEMBERED)(_read)
