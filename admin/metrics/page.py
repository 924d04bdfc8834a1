"""
``/metrics``: for whoever has a token of the API that may read, or comes from a network that the configuration names.

How the store stands is read at most every few seconds, however often it is asked for.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from admin.metrics.exposition import CONTENT_TYPE, exposition
from admin.metrics.sample import Sample, of_store
from store.errors import StoreError
from store.figures import StoreFigures

PATH = "/metrics"
FRESH = 5.0  # seconds that figures of the store are good for

MayRead = Callable[[str, str], Awaitable[bool]]  # token and IP of who asks -> whether it may read


class Figures(Protocol):
    """What is needed of ``store.figures``."""

    async def read(self, now: float) -> StoreFigures:
        """Read how the store stands."""


class MetricsPage:
    """Answers ``/metrics``."""

    def __init__(
        self,
        *,
        processes: Callable[[], Mapping[str, Sample]],
        figures: Figures,
        may_read: MayRead,
        networks: Sequence[str],
        clock: Callable[[], float],
        log: logging.Logger,
    ) -> None:
        """
        Build it.

        Args:
            processes: Gives what each worker counts, by its number.
            figures: How the store stands.
            may_read: Says whether a token may read.
            networks: Whoever connects from these needs no token.
            clock: Unix seconds.
            log: Where trouble is told.
        """
        self._processes = processes
        self._figures = figures
        self._may_read = may_read
        self._networks = [ip_network(network) for network in networks]
        self._clock = clock
        self._log = log
        self._read_at = float("-inf")
        self._store = Sample()
        self._reading = asyncio.Lock()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Stand before the pages: who asks here has no session."""
        return await self.answer(request) if request.path == PATH else await handler(request)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer one request."""
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, headers={"Allow": "GET, HEAD"})
        if not await self._let_in(request):
            return web.Response(
                status=401,
                text="A token of the API that may read is wanted.\n",
                headers={"WWW-Authenticate": 'Bearer realm="homing"'},
            )
        samples = {**self._processes(), "": await self._of_store()}
        return web.Response(body=exposition(samples), headers={"Content-Type": CONTENT_TYPE})

    async def _let_in(self, request: web.Request) -> bool:
        address = request.remote or ""
        if any(_within(address, network) for network in self._networks):
            return True
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        return scheme.lower() == "bearer" and await self._may_read(token.strip(), address)

    async def _of_store(self) -> Sample:
        """Give how the store stands; nothing while it cannot be read: the rest is told all the same."""
        async with self._reading:
            now = self._clock()
            if not self._read_at <= now < self._read_at + FRESH:
                try:
                    self._store = of_store(await self._figures.read(now))
                except StoreError as error:
                    self._log.warning("metrics without those of the store: %s", error)
                    self._store = Sample()
                self._read_at = now
            return self._store


def _within(address: str, network: object) -> bool:
    try:
        return ip_address(address.partition("%")[0]) in network  # type: ignore[operator]
    except ValueError:
        return False
