"""
Who asked, noted after the answer has left: token -> recipient, connection and header -> address, then the buffer.

Nothing of a request but its shape is looked at before it is answered. So the answer to a good token takes as long as
that to a forged, an old or an opted-out one: opening it, finding out who asks, the flood guard and the buffer come in
a later turn of the event loop, for all requests of one turn together.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from pixel.buffer import OpenBuffer
from pixel.flood import FloodGuard
from pixel.forwarded import clean, client_address
from pixel.networks import Networks, Prefixes
from pixel.signals import Sighting, signs_of
from pixel.token import Tokens
from pixel.usual import Fields

PREFIX = "/o/"
_SUFFIX = ".gif"
_USUAL = len(PREFIX) + 22 + len(_SUFFIX)  # characters of a path that holds a token, and nothing encoded
_REMEMBERED = 1_024  # clients
_LONGEST_TOKEN = 100  # characters that are looked at; ours have 22, or up to 66 when somebody percent-encoded them


class Asked(NamedTuple):
    """One request for an image that was answered, or is just about to be."""

    at: float
    peer: str  # address of the other end of the connection
    method: str
    path: str
    fields: Fields


class _Client(NamedTuple):
    """Who asks, as far as connection and header tell."""

    address: str
    agent: str
    signs: frozenset[str]


class Noting:
    """Takes requests, and hands those with a token of ours to the buffer."""

    def __init__(
        self,
        *,
        tokens: Tokens,
        buffer: OpenBuffer,
        networks: Networks,
        trusted: Prefixes,
        log: logging.Logger,
        call_later: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """``call_later`` has something done after this turn of the event loop."""
        self._tokens = tokens
        self._buffer = buffer
        self._networks = networks
        self._trusted = trusted
        self._behind_proxies = len(trusted) > 0
        self._client = lru_cache(_REMEMBERED)(self._read_client)
        self._log = log
        self._call_later = call_later or _next_turn
        self._asked: list[Asked] = []
        self.guard = FloodGuard()
        self.limited = 0

    def note(self, asked: Asked) -> None:
        """Take one request; what becomes of it is seen after this turn of the event loop."""
        self._asked.append(asked)
        if len(self._asked) == 1:
            self._call_later(self.flush)

    def flush(self) -> None:
        """Hand on what was asked so far."""
        batch, self._asked = self._asked, []
        for asked in batch:
            try:
                self._hand_on(asked)
            except Exception:  # noqa: BLE001 - a fault with one must not take the others with it
                self._log.exception("an open could not be noted")

    def _hand_on(self, asked: Asked) -> None:
        recipient_id = self._tokens.decode(token_of(asked.path))
        if recipient_id is None:
            return
        address, agent, signs = self._client(asked.peer, asked.fields)
        if not self.guard.allows(address, asked.at):
            self.limited += 1
            return
        networks = self._networks.of(address)  # another list may be in use since the last time
        self._buffer.add(Sighting(recipient_id, asked.method, address, agent, asked.at, networks, signs))

    def _read_client(self, peer: str, fields: Fields) -> _Client:
        address = peer
        if self._behind_proxies and (fields.x_forwarded_for or fields.forwarded):
            address = client_address(peer, fields.x_forwarded_for, fields.forwarded, self._trusted)
        return _Client(address, clean(fields.agent), signs_of(fields.accept, fields.referer))


def token_of(path: str) -> str:
    """Give what stands between ``/o/`` and ``.gif``; "" when there is no such thing."""
    if len(path) == _USUAL and path.endswith(_SUFFIX):
        return path[len(PREFIX) : -len(_SUFFIX)]
    name = path[len(PREFIX) : len(PREFIX) + _LONGEST_TOKEN].partition("?")[0]
    if "%" in name:
        name = unquote(name, errors="replace")
    return name.removesuffix(_SUFFIX) if name.endswith(_SUFFIX) else ""


def _next_turn(callback: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(callback)
