"""
What MIME header fields say of a part: its type, its disposition, its transfer encoding.

Pure: no I/O, no clock, no chance.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

# RFC 2045 section 5.1:  content := type "/" subtype *(";" parameter)
#   parameter := attribute "=" value     value := token / quoted-string
# One piece up to the next ";" outside quotes. An unclosed quote takes the rest.
_PIECE = re.compile(rb'(?:[^;"]++|"(?:[^"\\]++|\\.|\\\Z)*+(?:"|\Z))*+', re.DOTALL)
_QUOTED = re.compile(rb'"((?:[^"\\]++|\\.)*+)', re.DOTALL)
_QUOTED_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_COMMENT_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.|\\\Z)*+(?:"|\Z)|\\.|[()]|[^"\\()]++|\\', re.DOTALL)
_TYPE = re.compile(rb"([!#-'*+\-.0-9A-Z^_`a-z{|}~]+)/([!#-'*+\-.0-9A-Z^_`a-z{|}~]+)(?![^ \t])")
# The usual form, one parameter without quoted pairs or comments: a boundary is another one in each mail.
_ONE_PARAMETER = re.compile(
    rb"([!#-'*+\-.0-9A-Z^_`a-z{|}~]+)/([!#-'*+\-.0-9A-Z^_`a-z{|}~]+);[ \t]*"
    rb'([A-Za-z0-9\-]+)=(?:"([^"\\()]*)"|([!#-\'*+\-./0-9:<-Z^_`a-z{|}~]+))'
)
_MAX_PARAMETERS = 100


@dataclass(frozen=True, slots=True)
class ContentType:
    """A parsed Content-Type or Content-Disposition. Names are lower case, values as written."""

    major: str = "text"
    minor: str = "plain"
    parameters: dict[str, str] = field(default_factory=dict)
    repeated: bool = False  # a parameter stands twice with different values

    @property
    def essence(self) -> str:
        """``text/html``."""
        return f"{self.major}/{self.minor}"

    @property
    def names_a_file(self) -> bool:
        """Whether it has a file name in any of the forms of RFC 2183, RFC 2231 and old Content-Type."""
        return any(name.split("*", 1)[0] in ("name", "filename") for name in self.parameters)


PLAIN = ContentType()
FORWARDED = ContentType("message", "rfc822")  # the default inside multipart/digest, RFC 2046 section 5.1.5


def parse_content_type(value: bytes) -> ContentType:
    """Read an unfolded Content-Type; what cannot be read is text/plain (RFC 2045 section 5.2)."""
    return _usual_type(value) if len(value) <= _USUAL else _parsed_type(value)


def _parsed_type(value: bytes) -> ContentType:
    usual = _ONE_PARAMETER.fullmatch(value)
    if usual:
        major, minor, name, quoted, bare = usual.groups()
        written = (bare if quoted is None else quoted).decode("latin-1")
        return ContentType(_lower(major), _lower(minor), {_lower(name): written})
    value = _without_comments(value)
    first = _PIECE.match(value)
    main = first[0] if first else b""
    match = _TYPE.match(main.strip(b" \t"))
    if match is None:
        return PLAIN
    parameters, repeated = _parameters(value, len(main))
    return ContentType(_lower(match[1]), _lower(match[2]), parameters, repeated)


def _lower(word: bytes) -> str:
    return word.decode("ascii").lower()


# Applications say the same few values in all their mails.
_USUAL = 64  # octets of a value that may be kept
_usual_type = lru_cache(256)(_parsed_type)


def parse_disposition(value: bytes) -> tuple[str, bool]:
    """Read an unfolded Content-Disposition (RFC 2183): its word in lower case, and whether it names a file."""
    return _usual_disposition(value) if len(value) <= _USUAL else _parsed_disposition(value)


def _parsed_disposition(value: bytes) -> tuple[str, bool]:
    value = _without_comments(value)
    first = _PIECE.match(value)
    main = first[0] if first else b""
    parameters, repeated = _parameters(value, len(main))
    return token(main), ContentType("", "", parameters, repeated).names_a_file


_usual_disposition = lru_cache(256)(_parsed_disposition)


def token(value: bytes) -> str:
    """Give the first word of a value in lower case, without comments: a transfer encoding, a disposition."""
    return _usual_token(value) if len(value) <= _USUAL else _first_word(value)


def _first_word(value: bytes) -> str:
    words = _without_comments(value).split(None, 1)
    return words[0].decode("ascii", "replace").lower().rstrip(";") if words else ""


_usual_token = lru_cache(256)(_first_word)


def _parameters(value: bytes, at: int) -> tuple[dict[str, str], bool]:
    parameters: dict[str, str] = {}
    repeated = False
    while at < len(value) and len(parameters) < _MAX_PARAMETERS:
        at += 1  # the ";"
        match = _PIECE.match(value, at)
        piece = match[0] if match else b""
        at += len(piece)
        name, equals, written = piece.partition(b"=")
        if not equals:
            continue
        key = name.strip(b" \t").lower().decode("latin-1")
        plain = _plain(written.strip(b" \t"))
        repeated |= parameters.setdefault(key, plain) != plain
    return parameters, repeated


def _plain(written: bytes) -> str:
    quoted = _QUOTED.match(written)
    if quoted:
        return _QUOTED_PAIR.sub(rb"\1", quoted[1]).decode("latin-1")
    return written.split(None, 1)[0].decode("latin-1") if written else ""


def _without_comments(value: bytes) -> bytes:
    """Drop comments in round brackets (RFC 5322 section 3.2.2), but not from quoted strings."""
    if b"(" not in value:
        return value
    kept = []
    depth = 0
    for match in _COMMENT_TOKEN.finditer(value):
        piece = match[0]
        if piece == b"(":
            depth += 1
        elif piece == b")":
            depth = max(0, depth - 1)
        elif depth == 0:
            kept.append(piece)
    return b"".join(kept)
