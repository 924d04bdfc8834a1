"""
The HTTP connections of the public port: aiohttp's protocol with bounds on time, number and memory.

A connection that says nothing, or half a request, ends after the keep-alive time; one that does not read its answers
ends too (aiohttp by itself waits for ever); the number of connections is bounded. Nothing says what program answers.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import Any, Protocol, cast

from aiohttp import web

from pixel.door import Door
from pixel.networks import Prefixes


class Usual(Protocol):
    """Who answers usual requests."""

    def answer(self, data: bytes, peer: str) -> bytes | None:
        """Give the answer to what came from ``peer``, if that is one usual request; None: it is not."""
        ...

    @property
    def hold(self) -> float:
        """Seconds before the next request of a connection is read; 0: none."""
        ...


KEEP_ALIVE = 15.0  # seconds: for a whole request header, and between requests
MAX_CONNECTIONS = 1_000
MAX_LINE = 8_190  # octets of the request line, and of a header field
MAX_FIELDS = 64


class Connection(web.RequestHandler):
    """
    One connection of the public port.

    As long as one usual request after the other comes over it, each is answered where it arrives. The first octets
    that are anything else, and all behind them, go through aiohttp, which begins to read with them.
    """

    __slots__ = ("_held", "_image", "_stalled", "_usual", "client")

    def __init__(
        self,
        manager: web.Server,
        image: Callable[[], web.Response],
        usual: Usual,
        held: "Held",
        *,
        loop: asyncio.AbstractEventLoop,
        client: str = "",
    ) -> None:
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=KEEP_ALIVE,
            max_line_size=MAX_LINE,
            max_field_size=MAX_LINE,
            max_headers=MAX_FIELDS,
            lingering_time=1.0,  # seconds in which the body of a POST is read and thrown away
            auto_decompress=False,
            access_log=None,  # type: ignore[arg-type]  # None is what turns the log off
        )
        self._image = image
        self._usual: Usual | None = usual
        self._held = held
        self.client = client  # its address, where a proxy named it; else that of the peer
        self._stalled = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection, or end it at once when there are too many."""
        super().connection_made(transport)
        if not self.client:
            name = transport.get_extra_info("peername")
            self.client = str(name[0]) if name else ""
        manager = self._manager
        if manager is not None and len(manager.connections) > MAX_CONNECTIONS:
            cast("asyncio.Transport", transport).abort()  # uvloop's is one by shape, not by class

    def data_received(self, data: bytes) -> None:
        """Answer a usual request, or leave the connection to aiohttp from here on."""
        transport = self.transport
        if self._usual is not None and transport is not None and not self._paused and not self._force_close:
            answer = self._usual.answer(data, self.client)
            if answer is not None:
                transport.write(answer)
                self._next_keepalive_close_time = self._loop.time() + KEEP_ALIVE
                hold = self._usual.hold
                if hold:
                    transport.pause_reading()
                    self._held.add(self, hold)
                return
        self._usual = None
        super().data_received(data)

    def go_on(self) -> None:
        """Read again, after a hold."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def end_if_stalled(self) -> None:
        """End a connection whose answers lay unread the last time this was asked and still do."""
        transport = self.transport
        unread = transport is not None and transport.get_write_buffer_size() > 0
        if transport is not None and unread and self._stalled:
            transport.abort()
        self._stalled = unread

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what aiohttp refuses to read like all else: a mangled or over-long request may be a person's too."""
        del message
        if status >= 500:
            self.logger.error("error in an answer", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        response = self._image()
        response.force_close()
        return response


class Held:
    """Connections that are not read for a moment; those held within one moment go on together."""

    def __init__(self) -> None:
        self._connections: list[Connection] = []

    def add(self, connection: Connection, seconds: float) -> None:
        """Hold one for about ``seconds``, and no longer."""
        self._connections.append(connection)
        if len(self._connections) == 1:
            asyncio.get_running_loop().call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        held, self._connections = self._connections, []
        for connection in held:
            connection.go_on()


class HttpListener:
    """
    Listening sockets whose connections are bounded as above.

    Args:
        server: aiohttp's, with the handler of what is not usual.
        image: Makes the answer to what is no HTTP.
        usual: Answers most requests.
        proxies: Peers from these must name their client by the PROXY protocol.
        log: For what went wrong before a connection was one.
    """

    def __init__(
        self,
        server: web.Server,
        image: Callable[[], web.Response],
        usual: Usual,
        *,
        proxies: Prefixes,
        log: logging.Logger,
    ) -> None:
        self._server = server
        self._image = image
        self._usual = usual
        self._held = Held()
        self._proxied = len(proxies) > 0
        self._door = Door(self._connection, proxies, log)
        self._listening: list[asyncio.Server] = []
        self._sweep: asyncio.TimerHandle | None = None

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listening socket; those with TLS come last."""
        plain = [sock.getsockname()[:2] for server in self._listening for sock in server.sockets]
        return [*plain, *self._door.addresses]

    async def listen(self, address: str, tls: ssl.SSLContext | None = None, *, shared: bool = False) -> None:
        """Listen at ``host:port`` or ``[host]:port``, by ``shared`` with others. OSError when that is not possible."""
        loop = asyncio.get_running_loop()
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        if tls is not None or self._proxied:
            self._door.listen(host, int(port), tls, shared=shared)
        else:
            self._listening.append(
                await loop.create_server(
                    self._connection, host, int(port), backlog=1_024, reuse_address=True, reuse_port=shared or None
                )
            )
        if self._sweep is None:
            self._sweep_later(loop)

    def _connection(self, client: str = "") -> Connection:
        loop = asyncio.get_running_loop()
        return Connection(self._server, self._image, self._usual, self._held, loop=loop, client=client)

    async def stop(self, grace: float) -> None:
        """Close the sockets, let answers under way end, close the connections."""
        if self._sweep is not None:
            self._sweep.cancel()
        await self._door.stop()
        for server in self._listening:
            server.close()
        self._server.pre_shutdown()
        await self._server.shutdown(grace)
        self._listening.clear()

    def _sweep_later(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sweep = loop.call_later(KEEP_ALIVE, self._sweep_now, loop)

    def _sweep_now(self, loop: asyncio.AbstractEventLoop) -> None:
        connections: list[Any] = self._server.connections
        for connection in connections:
            connection.end_if_stalled()
        self._sweep_later(loop)
