"""
AUTH: what the client's answers say, and who has failed too often.

Passwords are compared by ``store/credentials.py``; here is nothing secret that outlives a call.

Pure: no I/O, no clock, no chance.
"""

import binascii
import ipaddress
from base64 import b64decode, b64encode
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import Enum

MECHANISMS = ("PLAIN", "LOGIN")
LOGIN_USER = b64encode(b"Username:").decode()  # what LOGIN's clients have come to expect, word for word
LOGIN_PASSWORD = b64encode(b"Password:").decode()


class Garbled(Enum):
    """Answers that hold no user and password."""

    SYNTAX = "syntax"  # no base64, or not the mechanism's form
    CANCELLED = "cancelled"  # the client changed its mind (RFC 4954 section 4)
    REFUSED = "refused"  # well formed, but nobody may log in so


@dataclass(frozen=True, slots=True)
class Login:
    """A user and password as a client gave them."""

    user: str
    password: str


def decode_answer(answer: bytes) -> bytes | Garbled:
    """Undo the base64 of one answer; ``=`` is an empty initial response (RFC 4954 section 4)."""
    if answer == b"*":
        return Garbled.CANCELLED
    if answer == b"=":
        return b""
    try:
        return b64decode(answer, validate=True)
    except (binascii.Error, ValueError):
        return Garbled.SYNTAX


def read_plain(message: bytes) -> Login | Garbled:
    """Read PLAIN's message, ``[authzid] NUL authcid NUL passwd`` (RFC 4616 section 2)."""
    parts = message.split(b"\0")
    if len(parts) != 3:
        return Garbled.SYNTAX
    other, user, password = parts
    if other not in (b"", user):
        return Garbled.REFUSED  # nobody acts for another one here
    return read_login(user, password)


def read_login(user: bytes, password: bytes) -> Login | Garbled:
    """Read the two answers of LOGIN (an unpublished mechanism; both are plain text)."""
    try:
        login = Login(user.decode("utf-8"), password.decode("utf-8"))
    except UnicodeDecodeError:
        return Garbled.SYNTAX
    if not login.user or not login.password or not login.user.isprintable():
        return Garbled.REFUSED
    return login


def address_block(address: str) -> str:
    """What counts as one address: an IPv4 address, the /64 of an IPv6 address, or the text where it is neither."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 4:
        return str(parsed)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False).network_address) + "/64"


def is_loopback(address: str) -> bool:
    """Whether the address is of this machine itself."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Failure:
    """What a wrong password leads to."""

    delay: float  # seconds before the answer
    count: int  # failures of this address and user within the window
    spent: bool  # the address had too many: close


class AuthGuard:
    """
    Counts failures by address, and by (address, user); never by user alone, or anyone could lock out an application.

    A pair is locked from ``per_pair`` failures on, and as soon as it failed at all while its address is spent. A pair
    that never failed may always try: the application behind the same address stays served. Both tables have a fixed
    size, the oldest entry makes room. A window begins with its first failure.
    """

    def __init__(
        self, *, per_pair: int, per_address: int, window: float, delays: Sequence[float], entries: int = 10_000
    ) -> None:
        self._per_pair = per_pair
        self._per_address = per_address
        self._delays = tuple(delays) or (0.0,)
        self._pairs = _Counts(window, entries)
        self._blocks = _Counts(window, entries)

    def locked(self, address: str, user: str, now: float) -> bool:
        """Whether this pair may not try for now."""
        block = address_block(address)
        failures = self._pairs.get((block, user), now)
        if failures == 0:
            return False
        return failures >= self._per_pair or self._blocks.get(block, now) >= self._per_address

    def failed(self, address: str, user: str, now: float) -> Failure:
        """Count a wrong password."""
        block = address_block(address)
        count = self._pairs.add((block, user), now)
        spent = self._blocks.add(block, now) >= self._per_address
        return Failure(self._delays[min(count, len(self._delays)) - 1], count, spent)

    def succeeded(self, address: str, user: str) -> None:
        """Forget the failures of a pair that knew its password after all; those of the address stay."""
        self._pairs.drop((address_block(address), user))


class _Counts:
    """Counters that begin anew a window after their first count."""

    def __init__(self, window: float, entries: int) -> None:
        self._window = window
        self._entries = entries
        self._counts: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    def get(self, key: Hashable, now: float) -> int:
        count, since = self._counts.get(key, (0, now))
        return count if abs(now - since) < self._window else 0  # abs: a clock set back ends a window too

    def add(self, key: Hashable, now: float) -> int:
        count = self.get(key, now)
        since = self._counts[key][1] if count else now
        self._counts[key] = (count + 1, since)
        self._counts.move_to_end(key)
        if len(self._counts) > self._entries:
            self._counts.popitem(last=False)
        return count + 1

    def drop(self, key: Hashable) -> None:
        self._counts.pop(key, None)
