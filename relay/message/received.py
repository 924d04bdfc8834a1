"""
The Received field that Homing puts on top of each copy (RFC 5321 section 4.4).

Pure: no I/O, no clock, no chance.
"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from relay.message.header import fields

_HIDDEN = "hidden.invalid"  # RFC 2606: a name that is nobody's
_MAX_NAME = 64  # longer ones are cut, so that each line stays under 78 octets
_NOT_IN_DOMAIN = re.compile(r"[^A-Za-z0-9.\-_:\[\]]")
_NOT_IN_ATOM = re.compile(r"[^A-Za-z0-9.\-_]")
_NOT_IN_COMMENT = re.compile(r"[^A-Za-z0-9.\-_ ]")

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def received(
    *,
    helo: str,
    client_address: str,
    hostname: str,
    protocol: str,
    queue_id: str,
    now: float,
    tls: str = "",
    hide_client: bool = False,
) -> bytes:
    """
    Write the trace field of one message.

    Args:
        helo: The name the client gave in HELO or EHLO; whatever it sent, only characters of names and literals stay.
        client_address: Its IP address; left out when it is none (a Unix socket).
        hostname: Ours.
        protocol: As registered for "with" (RFC 3848): ESMTPSA.
        queue_id: The message id that the client was told.
        now: Unix seconds.
        tls: "TLSv1.3 TLS_AES_256_GCM_SHA384", "" for clear text.
        hide_client: Leave name and address of the client out.

    Returns:
        The folded field with its last CRLF, each line under 78 octets as far as names are not longer.
    """
    lines = [f"Received: from {_client(helo, client_address, hide_client=hide_client)}"]
    if tls:
        lines.append(f"(using {_NOT_IN_COMMENT.sub('?', tls)[:_MAX_NAME]})")
    lines.append(f"by {_name(hostname)}")
    lines.append(f"with {_NOT_IN_ATOM.sub('', protocol) or 'SMTP'} id {_NOT_IN_ATOM.sub('', queue_id) or '0'};")
    lines.append(date_time(now))
    return ("\r\n\t".join(lines) + "\r\n").encode("ascii")


def passages(raw: bytes, hostname: str) -> int:
    """
    Count how often a content went through us: the Received fields in its header that say ``by hostname``.

    What is prepended to a copy for this very passage is not in ``raw``. Only a header in which the words stand is read.
    A name without a dot (``localhost``) is that of too many.
    """
    if "." not in hostname:
        return 0
    name, by = _by(hostname)
    end = raw.find(b"\r\n\r\n")
    if end >= 0 and name not in raw[:end].lower():  # a tenth of what the expression costs
        return 0
    return sum(1 for field in fields(raw) if field.name == "received" and by.search(raw, field.value_start, field.end))


@lru_cache(16)
def _by(hostname: str) -> tuple[bytes, re.Pattern[bytes]]:
    """Give a name of ours in lower case, and what finds it behind ``by``."""
    name = _name(hostname).encode("ascii")
    by = re.compile(rb"\bby[ \t\r\n]+" + re.escape(name) + rb"(?![A-Za-z0-9.-])", re.IGNORECASE)
    return name.lower(), by


def _client(helo: str, client_address: str, *, hide_client: bool) -> str:
    if hide_client:
        return _HIDDEN
    literal = _literal(client_address)
    return f"{_name(helo)}\r\n\t({literal})" if literal else _name(helo)


def _name(written: str) -> str:
    return _NOT_IN_DOMAIN.sub("?", written)[:_MAX_NAME] or "unknown"


@lru_cache(1024)
def _literal(address: str) -> str:
    """``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 section 4.1.3); "" for what is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        mapped = parsed.ipv4_mapped
        return f"[{mapped}]" if mapped else f"[IPv6:{parsed}]"
    return f"[{parsed}]"


def date_time(now: float) -> str:
    """Write a time as RFC 5322 section 3.3 wants it, in UTC: ``Mon, 23 Nov 2026 11:42:00 +0000``."""
    return _date_time(int(now))


@lru_cache(16)
def _date_time(second: int) -> str:
    at = datetime.fromtimestamp(second, UTC)
    return f"{_DAYS[at.weekday()]}, {at.day} {_MONTHS[at.month - 1]} {at.year:04} {at:%H:%M:%S} +0000"
