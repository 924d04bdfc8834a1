"""A receiver of webhooks on loopback that answers as a test says, and remembers what it was told."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web

Behave = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Told:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def name(self) -> str:
        """What the events are known again by."""
        return self.headers["webhook-id"]


async def take(request: web.Request) -> web.StreamResponse:
    """Take it."""
    del request
    return web.Response(status=204)


def status(number: int, **more: str) -> Behave:
    """Answer with this status and these headers."""

    async def behave(request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(status=number, text="no", headers={name.replace("_", "-"): it for name, it in more.items()})

    return behave


async def hang(request: web.Request) -> web.StreamResponse:
    """Never answer."""
    del request
    await asyncio.Event().wait()
    raise AssertionError


async def close(request: web.Request) -> web.StreamResponse:
    """Close the connection instead of an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def endless(request: web.Request) -> web.StreamResponse:
    """Answer with more and more."""
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 8192)


class HookReceiver:
    """Behaves as ``script`` says, one entry for each request, then as ``always`` does."""

    def __init__(self, *, context: ssl.SSLContext | None = None) -> None:
        self.told: list[Told] = []
        self.script: list[Behave] = []
        self.always: Behave = take
        self.taken: list[Told] = []  # what was answered with 2xx
        self.at_once = 0
        self.most_at_once = 0
        self._context = context
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        server = web.Server(self._handle)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    async def until(self, so: Callable[[], bool]) -> None:
        """Wait for something that requests bring about."""
        async with asyncio.timeout(90):
            while not so():
                self._changed.clear()
                await self._changed.wait()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.BaseRequest)
        body = await request.read()
        told = Told(request.path, {name.lower(): it for name, it in request.headers.items()}, body)
        self.told.append(told)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self._changed.set()
        behave = self.script.pop(0) if self.script else self.always
        try:
            answer = await behave(request)  # type: ignore[arg-type]
        finally:
            self.at_once -= 1
        if 200 <= answer.status < 300:
            self.taken.append(told)
        self._changed.set()
        return answer
