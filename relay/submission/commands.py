"""
The grammar of commands: octets in, values or the refusing reply out.

Strict where laxness lets things hide (angle brackets, one address, no source route, no control characters), lax where
honest clients differ (blanks behind the colon and at the end of the line, local parts over 64 octets).

Pure: no I/O, no clock, no chance.
"""

import ipaddress
import re
from collections.abc import Callable

from relay.submission import replies
from store.nouns import Reply
from store.plain import dataclass

# RFC 5321 section 4.1.2, with RFC 6531 section 3.3:
#   Path       = "<" Mailbox ">"                 (source routes, "@a,@b:", are refused)
#   Mailbox    = Local-part "@" ( Domain / address-literal )
#   Local-part = Dot-string / Quoted-string      Dot-string = Atom *("." Atom)
#   QcontentSMTP = %d32-33 / %d35-91 / %d93-126 / "\" %d32-126
#   Domain     = sub-domain *("." sub-domain)    sub-domain = Let-dig [Ldh-str]
# UTF8-non-ascii joins atext, qtext and sub-domain. An underscore in a domain is no host name, but such hosts get mail.
_WIDE = "\x80-\U0010ffff"
_ATOM = rf"[A-Za-z0-9!#$%&'*+/=?^_`{{|}}~{_WIDE}-]+"
_QUOTED = rf'"(?:[ !#-\[\]-~{_WIDE}]|\\[ -~])*"'
_LABEL = rf"[A-Za-z0-9_{_WIDE}](?:[A-Za-z0-9_{_WIDE}-]*[A-Za-z0-9_{_WIDE}])?"
_MAILBOX = re.compile(
    rf"<((?:{_ATOM}(?:\.{_ATOM})*|{_QUOTED})@(?:(?P<domain>{_LABEL}(?:\.{_LABEL})*)|\[(?P<literal>[!-Z^-~]+)\]))>"
)
# RFC 5321 section 4.1.1.1: esmtp-param = esmtp-keyword ["=" esmtp-value]
_PARAMETER = re.compile(rf"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~{_WIDE}]+))?")
# RFC 3461 section 4:  xtext = *( xchar / hexchar )   xchar = %d33-42 / %d44-60 / %d62-126   hexchar = "+" 2(HEXDIG)
_XTEXT = re.compile(rf"(?:[!-*,-<>-~{_WIDE}]|\+[0-9A-F]{{2}})*")
_HEXCHAR = re.compile(r"\+([0-9A-F]{2})")
_SIZE = re.compile(r"[0-9]{1,20}")  # RFC 1870 section 3; [0-9]: str.isdigit takes other scripts' digits
_NOTIFY = re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE)
_ORCPT = re.compile(rf"[A-Za-z0-9-]+;{_XTEXT.pattern}")
_NAME = re.compile(r"[!-~]{1,255}")
# RFC 3030 section 2:  bdat-cmd = "BDAT" SP chunk-size [ SP end-marker ]   chunk-size = 1*DIGIT   end-marker = "LAST"
_CHUNK_SIZE = re.compile(rb"[0-9]{1,20}")

_MAX_PATH = 256  # octets with its brackets, RFC 5321 section 4.5.3.1.3
_MAX_DOMAIN = 255  # section 4.5.3.1.2
_MAX_LABEL = 63  # RFC 1035 section 2.3.4


@dataclass(frozen=True, slots=True)
class PathCommand:
    """MAIL or RCPT: the path without its brackets, and the parameters: upper case names, values as given."""

    path: str
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class ChunkCommand:
    """BDAT: so many octets follow, whatever the command is worth."""

    size: int
    last: bool
    good: bool  # nothing but LAST follows the size


def split_command(line: bytes) -> tuple[str, bytes]:
    """Split a line (with or without its line end) into an upper case verb and its argument, both maybe empty."""
    verb, _, argument = line.strip(b" \t\r\n").partition(b" ")
    return verb.upper().decode("ascii", "replace"), argument.strip(b" \t")


def parse_hello(argument: bytes) -> str | None:
    """
    Read the name in HELO or EHLO (RFC 5321 section 4.1.1.1); None when there is none, or more than one word.

    Any one printable word will do: applications say ``localhost``, ``MY_PC`` and bare addresses. Octets over 127
    come out as "?", since the name goes into Received.
    """
    name = argument.decode("utf-8", "replace").encode("ascii", "replace").decode("ascii")
    return name if _NAME.fullmatch(name) else None


def parse_mail(argument: bytes, *, extended: bool, dsn: bool, max_size: int) -> PathCommand | Reply:
    """
    Read what follows MAIL (RFC 5321 section 4.1.1.2), or give the reply that refuses it.

    Args:
        argument: All of the line behind the verb.
        extended: The client said EHLO; else there must be no parameters.
        dsn: RET and ENVID are known (RFC 3461).
        max_size: What SIZE= may declare at most, in octets.
    """
    checks = _ALL_MAIL_CHECKS if dsn else _MAIL_CHECKS
    command = _parse(
        argument, b"FROM:", checks, extended=extended, syntax=replies.BAD_MAIL, bad=replies.BAD_REVERSE_PATH
    )
    if isinstance(command, Reply):
        return command
    if not command.path.isascii() and "SMTPUTF8" not in command.parameters:
        return replies.NEEDS_SMTPUTF8
    if int(command.parameters.get("SIZE", "0")) > max_size:
        return replies.TOO_LARGE
    return command


def parse_rcpt(argument: bytes, *, extended: bool, dsn: bool, smtputf8: bool) -> PathCommand | Reply:
    """
    Read what follows RCPT (RFC 5321 section 4.1.1.3), or give the reply that refuses it.

    ``<postmaster>`` needs no domain (section 4.5.1), any other path does.

    Args:
        argument: All of the line behind the verb.
        extended: The client said EHLO; else there must be no parameters.
        dsn: NOTIFY and ORCPT are known (RFC 3461).
        smtputf8: The message's MAIL carried SMTPUTF8; else the path must be ASCII.
    """
    checks = _RCPT_DSN_CHECKS if dsn else {}
    command = _parse(argument, b"TO:", checks, extended=extended, syntax=replies.BAD_RCPT, bad=replies.BAD_FORWARD_PATH)
    if isinstance(command, Reply):
        return command
    if not command.path:
        return replies.BAD_FORWARD_PATH
    if not smtputf8 and not command.path.isascii():
        return replies.NEEDS_SMTPUTF8
    if not smtputf8 and not all(value.isascii() for value in command.parameters.values()):
        return replies.BAD_PARAMETER
    return command


def parse_bdat(argument: bytes) -> ChunkCommand | None:
    """Read what follows BDAT (RFC 3030 section 2); None when it cannot be told how many octets the chunk has."""
    size, _, rest = argument.partition(b" ")
    if not _CHUNK_SIZE.fullmatch(size):
        return None
    marker = rest.strip(b" ").upper()
    return ChunkCommand(int(size), last=marker == b"LAST", good=marker in (b"", b"LAST"))


def decode_xtext(text: str) -> str | None:
    """Decode ``+HH`` (RFC 3461 section 4); None when it is no xtext. Octets over 127 are read as UTF-8."""
    if not _XTEXT.fullmatch(text):
        return None
    raw = _HEXCHAR.sub(lambda found: chr(int(found[1], 16)), text)
    if text.isascii():
        return raw.encode("latin-1").decode("utf-8", "replace")
    return raw


def _parse(
    argument: bytes,
    word: bytes,
    checks: dict[str, Callable[[str], bool]],
    *,
    extended: bool,
    syntax: Reply,
    bad: Reply,
) -> PathCommand | Reply:
    if argument[: len(word)].upper() != word:
        return syntax
    try:
        text = argument[len(word) :].decode("utf-8").lstrip(" \t")
    except UnicodeDecodeError:
        return bad
    found = _path(text, null=word == b"FROM:", postmaster=word == b"TO:")
    if found is None:
        return bad
    path, rest = found
    if rest and not extended:
        return replies.UNKNOWN_PARAMETER
    parameters = _parameters(rest, checks)
    return parameters if isinstance(parameters, Reply) else PathCommand(path, parameters)


def _path(text: str, *, null: bool, postmaster: bool) -> tuple[str, str] | None:
    """Take the path off the front: it without its brackets, and what follows. None for anything that is no path."""
    if null and text.startswith("<>"):
        path, rest = "", text[2:]
    elif postmaster and text[:12].lower() == "<postmaster>":
        path, rest = text[1:11], text[12:]
    else:
        match = _MAILBOX.match(text)
        if match is None or not _fits(match[1], match["domain"], match["literal"]):
            return None
        path, rest = match[1], text[match.end() :]
    if rest and rest[0] != " ":
        return None
    return path, rest.strip(" \t")


def _fits(mailbox: str, domain: str | None, literal: str | None) -> bool:
    """Whether a mailbox keeps to the lengths, has no invisible characters, and a literal is an address."""
    if literal is None and len(mailbox) <= _MAX_LABEL and mailbox.isascii() and mailbox.isprintable():
        return True  # no part of it is longer than the whole
    if len(mailbox.encode()) + 2 > _MAX_PATH or not mailbox.isprintable():
        return False
    if literal is not None:
        return _is_literal(literal)
    assert domain is not None
    labels = domain.split(".")
    return len(domain.encode()) <= _MAX_DOMAIN and all(len(label.encode()) <= _MAX_LABEL for label in labels)


def _is_literal(text: str) -> bool:
    """Whether ``text`` is an address as RFC 5321 section 4.1.3 writes it, without its brackets."""
    try:
        if text[:5].lower() == "ipv6:":
            ipaddress.IPv6Address(text[5:])
            return "%" not in text  # a scope is no business of ours
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _parameters(text: str, checks: dict[str, Callable[[str], bool]]) -> dict[str, str] | Reply:
    """Read ``KEY=value`` words, each known and at most once."""
    parameters: dict[str, str] = {}
    if not text:
        return parameters
    for word in text.split(" "):
        if not word:
            continue
        match = _PARAMETER.fullmatch(word)
        if match is None:
            return replies.BAD_PARAMETER
        key, value = match[1].upper(), match[2] or ""
        if key not in checks:
            return replies.UNKNOWN_PARAMETER
        if key in parameters or not checks[key](value):
            return replies.BAD_PARAMETER
        parameters[key] = value
    return parameters


def _is_auth(value: str) -> bool:
    """AUTH= (RFC 4954 section 5): "<>" or a mailbox in xtext."""
    return value == "<>" or (bool(value) and decode_xtext(value) is not None)


def _is_envelope_id(value: str) -> bool:
    """ENVID= (RFC 3461 section 4.4): up to 100 characters that print."""
    decoded = decode_xtext(value)
    return bool(decoded) and len(value) <= 100 and decoded is not None and decoded.isprintable()


_MAIL_CHECKS: dict[str, Callable[[str], bool]] = {
    "SIZE": lambda value: _SIZE.fullmatch(value) is not None,
    "BODY": lambda value: value.upper() in ("7BIT", "8BITMIME"),  # RFC 6152 section 3
    "SMTPUTF8": lambda value: not value,  # RFC 6531 section 3.4
    "AUTH": _is_auth,
}
_MAIL_DSN_CHECKS: dict[str, Callable[[str], bool]] = {
    "RET": lambda value: value.upper() in ("FULL", "HDRS"),  # RFC 3461 section 4.3
    "ENVID": _is_envelope_id,
}
_ALL_MAIL_CHECKS = _MAIL_CHECKS | _MAIL_DSN_CHECKS
_RCPT_DSN_CHECKS: dict[str, Callable[[str], bool]] = {
    "NOTIFY": lambda value: _NOTIFY.fullmatch(value) is not None,  # section 4.1
    "ORCPT": lambda value: len(value) <= 500 and _ORCPT.fullmatch(value) is not None,  # section 4.2
}
