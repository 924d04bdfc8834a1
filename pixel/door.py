"""
Connections whose beginning must be got through first: the header of a proxy, the handshake of TLS.

The header comes before the handshake and is read from the socket itself, not an octet more. How long a beginning may
take and how many are begun at once is bounded, like everything on the public port.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
from collections.abc import Callable

from pixel.networks import Prefixes, parse_address
from store.proxy_header import BadHeaderError, ProxyHeader, plain_address

BEGINNING = 10.0  # seconds for header and handshake together
MAX_BEGUN = 500  # at once; more are closed
_BACKLOG = 1_024
_PAUSE = 1.0  # seconds without accepting when there are no descriptors left
_NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Door:
    """
    Listening sockets whose connections say who they are before they are served.

    Args:
        make: Makes the protocol of one connection, given the client's address.
        proxies: Peers from these must name their client by the PROXY protocol, version 1 or 2; nobody else is believed.
        log: For proxies that do not, and for want of descriptors.
    """

    def __init__(self, make: Callable[[str], asyncio.Protocol], proxies: Prefixes, log: logging.Logger) -> None:
        self._make = make
        self._proxies = proxies
        self._log = log
        self._listeners: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._begun: set[asyncio.Task[None]] = set()

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listening socket."""
        return [listener.getsockname()[:2] for listener in self._listeners]

    def listen(self, host: str, port: int, tls: ssl.SSLContext | None, *, shared: bool = False) -> None:
        """
        Listen, with TLS from the first octet (behind a proxy's header) or without. OSError when it cannot.

        ``shared``: other processes listen there too.
        """
        listener = socket.create_server(
            (host, port),
            family=socket.AF_INET6 if ":" in host else socket.AF_INET,
            backlog=_BACKLOG,
            reuse_port=shared,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
        listener.setblocking(False)
        self._listeners.append(listener)
        self._tasks.add(asyncio.create_task(self._accept(listener, tls), name="pixel: door"))

    async def stop(self) -> None:
        """Take no more connections, and let go those that have only begun."""
        tasks = [*self._tasks, *self._begun]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for listener in self._listeners:
            listener.close()

    async def _accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._log.warning("cannot accept connections for now: %s", error.strerror)
                    await asyncio.sleep(_PAUSE)
                continue
            if len(self._begun) >= MAX_BEGUN:
                connection.close()
            else:
                task = asyncio.create_task(self._let_in(connection, plain_address(str(peer[0])), tls))
                self._begun.add(task)
                task.add_done_callback(self._begun.discard)
            await asyncio.sleep(0)  # accept ends without a turn for others while connections wait

    async def _let_in(self, connection: socket.socket, peer: str, tls: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        client = peer
        try:
            async with asyncio.timeout(BEGINNING):
                if self._is_proxy(peer):
                    client = await _named(connection)
                await loop.connect_accepted_socket(lambda: self._make(client), connection, ssl=tls)
        except BadHeaderError:
            self._log.info("%s: no header of the PROXY protocol", peer)
            connection.close()
        except OSError:  # too slow, gone, or no TLS; errors of TLS are such
            connection.close()
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                connection.close()
            raise

    def _is_proxy(self, peer: str) -> bool:
        address = parse_address(peer)
        return address is not None and address in self._proxies


async def _named(connection: socket.socket) -> str:
    """Read whom a proxy speaks for; BadHeaderError where it does not say it rightly."""
    loop = asyncio.get_running_loop()
    header = ProxyHeader()
    while header.wants:
        header.feed(await loop.sock_recv(connection, header.wants))
    return header.client
