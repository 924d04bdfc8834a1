"""
Who the client is when requests come through proxies, and what of its words is kept.

``X-Forwarded-For`` and ``Forwarded`` (RFC 7239) are believed only from the proxies the operator names, and only as far
back as those name one another: the right-most address that is no proxy of ours is the client's.

Pure: no I/O, no clock, no chance.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from pixel.networks import Prefixes, parse_address

MAX_AGENT = 512  # octets of a User-Agent that are looked at and kept
_MAX_HOPS = 32  # more proxies than that in a row are a game
_CONTROLS = bytes([*range(32), 127])
# What could still turn a line of text around once it is decoded: the C1 controls and the bidirectional marks.
_INVISIBLE = dict.fromkeys([*range(0x80, 0xA0), 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF])

# RFC 7239 section 4:  forwarded-pair = token "=" value ;  value = token / quoted-string
_FOR = re.compile(r"for\s*=\s*(\"[^\"]*\"|[^;,\s\"]+)", re.IGNORECASE)


@lru_cache(1_024)
def clean(text: str) -> str:
    """Give at most 512 octets of a header's value, without controls and without what is no UTF-8."""
    raw = text.encode("utf-8", "surrogateescape").translate(None, _CONTROLS)
    return raw[:MAX_AGENT].decode("utf-8", "ignore").translate(_INVISIBLE).strip()


def client_address(peer: str, x_forwarded_for: Sequence[str], forwarded: Sequence[str], trusted: Prefixes) -> str:
    """
    Find the client's address.

    Args:
        peer: Address of the other end of the connection.
        x_forwarded_for: The values of these header fields, in order; none when there is no such field.
        forwarded: The same of ``Forwarded``.
        trusted: The proxies that are believed.

    Returns:
        An address as text. The peer's own when it is no proxy of ours, and when the two headers name different clients:
        a proxy sets one of them and lets the other through as the client wrote it, and we cannot know which.
    """
    if not _is_trusted(peer, trusted):
        return peer
    found = {
        _nearest_stranger(peer, hops, trusted)
        for hops in (_split(x_forwarded_for), _split_forwarded(forwarded))
        if hops
    }
    return found.pop() if len(found) == 1 else peer


def _is_trusted(address: str, trusted: Prefixes) -> bool:
    parsed = parse_address(address)
    return parsed is not None and parsed in trusted


def _nearest_stranger(peer: str, hops: Sequence[str], trusted: Prefixes) -> str:
    """Walk from the right; an entry that is no address ends the walk at the proxy that wrote it."""
    nearest = peer
    for hop in list(reversed(hops))[:_MAX_HOPS]:
        parsed = parse_address(_without_port(hop))
        if parsed is None:
            return nearest
        nearest = str(parsed)
        if parsed not in trusted:
            return nearest
    return nearest


def _split(values: Sequence[str]) -> list[str]:
    return [hop.strip() for value in values for hop in value.split(",") if hop.strip()]


def _split_forwarded(values: Sequence[str]) -> list[str]:
    return [hop for value in values for hop in _read_forwarded(value)]


def _read_forwarded(value: str) -> Iterator[str]:
    """Give the ``for`` of each element; an element without one is "unknown", which ends a walk."""
    for element in value.split(","):
        match = _FOR.search(element)
        yield match[1].strip('"') if match else "unknown"


def _without_port(hop: str) -> str:
    """``192.0.2.1:4711`` and ``[2001:db8::1]:4711`` without brackets and port (RFC 7239 section 6)."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
