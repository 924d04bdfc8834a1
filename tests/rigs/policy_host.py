"""
A scripted HTTPS server that gives MTA-STS policies, on loopback, and a free port unless one is named.

    async with PolicyHost(context) as web:
        web.policies["mta-sts.example.org"] = policy("enforce", "mx.example.org")
        web.answer = Redirect("https://elsewhere.test/")     # for every question, in the place of a policy

``web.asked`` lists the hosts and paths that were asked for.
"""

import asyncio
import ssl
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from aiohttp import web


def policy(mode: str, *mx: str, max_age: int = 86400) -> bytes:
    """Write a policy."""
    lines = ["version: STSv1", f"mode: {mode}", *(f"mx: {name}" for name in mx), f"max_age: {max_age}"]
    return "".join(f"{line}\r\n" for line in lines).encode()


@dataclass(frozen=True)
class Redirect:
    """301 to another place."""

    to: str


@dataclass(frozen=True)
class Give:
    """This status, type and body."""

    body: bytes
    content_type: str = "text/plain"
    status: int = 200


@dataclass(frozen=True)
class Endless:
    """200 and octets without an end."""


@dataclass(frozen=True)
class Stall:
    """200, a few octets, and then silence."""

    begun: asyncio.Event


Answer = Redirect | Give | Endless | Stall


class PolicyHost:
    """See the module."""

    def __init__(self, context: ssl.SSLContext, *, address: str = "127.0.0.1", port: int = 0) -> None:
        self.policies: dict[str, bytes] = {}
        self.answer: Answer | None = None
        self.asked: list[str] = []
        self.port = port
        self._address = address
        self._context = context
        self._ending = asyncio.Event()
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._address, self.port, ssl_context=self._context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        host = request.host.partition(":")[0]
        self.asked.append(host + request.path)
        match self.answer:
            case Redirect(to):
                return web.Response(status=301, headers={"Location": to})
            case Give(body, content_type, status):
                return web.Response(status=status, body=body, content_type=content_type)
            case Endless():
                return await self._stream(request, endless=True)
            case Stall(begun):
                begun.set()
                return await self._stream(request, endless=False)
            case None:
                if host not in self.policies:
                    return web.Response(status=404)
                return web.Response(body=self.policies[host], content_type="text/plain")

    async def _stream(self, request: web.Request, *, endless: bool) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.content_type = "text/plain"
        await answer.prepare(request)
        await answer.write(b"version: STSv1\n")
        while endless and not self._ending.is_set():
            await answer.write(b"x" * 4096)
        await self._ending.wait()
        return answer
