"""
Who may see the pages: HTTP Basic (RFC 7617) against the people in the store.

A wrong password is answered late, and an address with too many of them is not asked any more for a while. A name that
is not known costs as much time as a wrong password; ``store.people`` sees to that.
"""

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Awaitable, Callable
from ipaddress import IPv6Address, ip_address
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from admin.security import plain

MAX_FAILURES = 30  # of one address, within the window
WINDOW = 600.0  # seconds
DELAY = 1.0  # seconds before a wrong password is answered
_ADDRESSES = 10_000  # whose failures are remembered
_LONGEST = 2_048  # characters of credentials that are looked at
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="Homing", charset="UTF-8"'}


class People(Protocol):
    """What is needed of ``store.people``."""

    async def check(self, name: str, password: str) -> object:
        """Give the person whose password this is, else None."""
        ...


class Failures:
    """Wrong passwords by address; an IPv6 /64 is one address."""

    def __init__(self) -> None:
        self._at: dict[str, list[float]] = {}

    def too_many(self, address: str, now: float) -> bool:
        """Whether ``address`` has to wait."""
        return len(self._recent(_key(address), now)) >= MAX_FAILURES

    def note(self, address: str, now: float) -> None:
        """Count one wrong password."""
        key = _key(address)
        recent = [*self._recent(key, now), now]
        self._at.pop(key, None)
        if len(self._at) >= _ADDRESSES:
            del self._at[next(iter(self._at))]
        self._at[key] = recent

    def _recent(self, key: str, now: float) -> list[float]:
        return [at for at in self._at.get(key, ()) if now - at < WINDOW]


def basic_credentials(header: str) -> tuple[str, str] | None:
    """Read the value of ``Authorization``; None when it is not of Basic's form."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > _LONGEST:
        return None
    try:
        name, colon, password = b64decode(encoded.strip(), validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return None
    return (name, password) if colon and "\0" not in name else None


def require_login(
    people: People,
    *,
    open_paths: frozenset[str],
    clock: Callable[[], float],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> Middleware:
    """Make the middleware that lets nobody but people past it, but for ``open_paths``."""
    failures = Failures()

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in open_paths:
            return await handler(request)
        address = request.remote or ""
        if failures.too_many(address, clock()):
            return plain(429, headers={"Retry-After": str(int(WINDOW))})
        given = basic_credentials(request.headers.get("Authorization", ""))
        if given is None:
            return plain(401, headers=_CHALLENGE)
        if not await people.check(*given):
            failures.note(address, clock())
            await pause(DELAY)
            return plain(401, headers=_CHALLENGE)
        return await handler(request)

    return check


def _key(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return "?"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return format(int(parsed) >> 64, "x")
    return address
