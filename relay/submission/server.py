"""The listening side: take connections in as long as there is room, and stop without losing what is in flight."""

import asyncio
import contextlib
import errno
import ipaddress
import logging
import socket
import ssl
from collections.abc import Callable, Collection

from relay.submission import replies
from relay.submission.auth import AuthGuard
from relay.submission.gate import Gate
from relay.submission.handler import Handler
from relay.submission.limits import Offers, ServerLimits
from relay.submission.protocol import SmtpProtocol
from relay.submission.session import Shared, SmtpSession
from store.nouns import Reply
from store.proxy_header import BadHeaderError, ProxyHeader, plain_address

_BACKLOG = 1024
_PAUSE = 1.0  # seconds without accepting when there are no descriptors left
_NO_ROOM = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class SmtpServer:
    """
    One SMTP service on one or more addresses.

    Args:
        hostname: Said in the greeting and to EHLO.
        limits, offers: What it allows, and what it offers.
        tls: For STARTTLS, or, with ``implicit_tls``, for TLS from the first octet (RFC 8314). None: no TLS.
        handler: Who decides about mail.
        clock: Seconds; only differences count, for the window of AUTH failures.
        log: For refusals (info), AUTH failures (warning) and faults of ours (error).
        gate, guard: To share the count of connections and of AUTH failures with another server; None: its own.
        proxy_networks: Peers from these must name their client first, by the PROXY protocol; from all others its
            header is no command. The client's address then takes the place of the peer's everywhere.
        closed_because: Asked at each connection: a reply that is said instead of the greeting, or None. So a
            relay whose store has no room says 421 4.3.1 at the door.
    """

    def __init__(
        self,
        *,
        hostname: str,
        limits: ServerLimits,
        tls: ssl.SSLContext | None,
        implicit_tls: bool,
        handler: Handler,
        offers: Offers,
        clock: Callable[[], float],
        log: logging.Logger,
        gate: Gate | None = None,
        guard: AuthGuard | None = None,
        proxy_networks: Collection[str] = (),
        closed_because: Callable[[], Reply | None] = lambda: None,
    ) -> None:
        self._limits = limits
        self._implicit_tls = tls if implicit_tls else None
        self._gate = gate or gate_of(limits)
        self._proxies = [ipaddress.ip_network(network) for network in proxy_networks]
        self._closed_because = closed_because
        self._log = log
        self._listeners: list[socket.socket] = []
        self._addresses: list[tuple[str, int]] = []
        self._acceptors: list[asyncio.Task[None]] = []
        self._sessions: dict[asyncio.Task[None], SmtpProtocol] = {}
        self._unnamed: set[asyncio.Task[None]] = set()  # connections whose proxy has not named the client yet
        self._known: set[SmtpSession] = set()
        self._stopping = False
        self._shared = Shared(
            hostname=hostname,
            limits=limits,
            offers=offers,
            tls=None if implicit_tls else tls,
            handler=handler,
            guard=guard or guard_of(limits),
            clock=clock,
            log=log,
            authenticated=self._authenticated,
        )

    async def start(self, listen: str, *, shared: bool = False) -> None:
        """
        Listen on ``"127.0.0.1:2525"`` or ``"[::1]:0"``; may be called for several. OSError when it cannot.

        ``shared``: other processes listen there too, and the kernel deals connections out (SO_REUSEPORT).
        """
        host, _, port = listen.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        v6 = ":" in host
        listener = socket.create_server(
            (host, int(port)),
            family=socket.AF_INET6 if v6 else socket.AF_INET,
            backlog=_BACKLOG,
            reuse_port=shared,
            dualstack_ipv6=host == "::" and socket.has_dualstack_ipv6(),
        )
        listener.setblocking(False)
        self._listeners.append(listener)
        self._addresses.append(listener.getsockname()[:2])
        self._acceptors.append(asyncio.create_task(self._accept(listener)))

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listener, in the order they were started."""
        return list(self._addresses)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the first listener."""
        return self.addresses[0]

    @property
    def connections(self) -> int:
        """Connections that are open now."""
        return len(self._sessions)

    async def stop(self, grace: float) -> None:
        """
        Accept nothing more, say 421 to who waits, let commands under way end for ``grace`` seconds, cut the rest.

        A message whose content has come whole is not lost by the cut: its commit belongs to the store.
        """
        self._stopping = True
        for task in (*self._acceptors, *self._unnamed):
            task.cancel()
        await asyncio.gather(*self._acceptors, *self._unnamed, return_exceptions=True)
        for listener in self._listeners:
            listener.close()
        for protocol in list(self._sessions.values()):
            protocol.take_leave(replies.STOPPING)
        tasks = set(self._sessions)
        if tasks:
            _, tasks = await asyncio.wait(tasks, timeout=grace)
        for task in tasks:
            self._log.warning("%s: cut off at stop", self._sessions[task].talk.client_address)
            self._sessions[task].abort()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self, listener: socket.socket) -> None:
        """Take connections until cancelled. Without descriptors it rests a second, rather than spin."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, peer = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno in _NO_ROOM:
                    self._log.warning("cannot accept connections for now: %s", error.strerror)
                    await asyncio.sleep(_PAUSE)
                continue
            self._meet(connection, plain_address(str(peer[0])))
            await asyncio.sleep(0)  # accept ends without a turn for others while connections wait

    def _meet(self, connection: socket.socket, peer: str) -> None:
        """Find out who is there: the peer itself, or whom it speaks for."""
        if not _within(peer, self._proxies):
            self._welcome(connection, peer)
            return
        if self._stopping or len(self._unnamed) >= self._limits.connections:
            self._turn_away(connection, replies.TOO_MANY_CONNECTIONS)
            return
        task = asyncio.create_task(self._ask_proxy(connection, peer))
        self._unnamed.add(task)
        task.add_done_callback(self._unnamed.discard)

    async def _ask_proxy(self, connection: socket.socket, peer: str) -> None:
        """Read the header of the PROXY protocol, and not an octet more; without a right one in time, close."""
        loop = asyncio.get_running_loop()
        header = ProxyHeader()
        try:
            async with asyncio.timeout(self._limits.proxy_header):
                while header.wants:
                    header.feed(await loop.sock_recv(connection, header.wants))
        except (BadHeaderError, OSError) as error:  # TimeoutError is an OSError
            self._log.info("%s: no header of the PROXY protocol (%s)", peer, type(error).__name__)
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise
        else:
            self._welcome(connection, header.client)

    def _welcome(self, connection: socket.socket, address: str) -> None:
        """Begin a session, or send the client away where there is no room."""
        refusal = replies.STOPPING if self._stopping else self._closed_because()
        if refusal is None and not self._gate.enter(address):
            refusal = replies.TOO_MANY_CONNECTIONS
        if refusal is not None:
            self._log.info("%s: refused a connection: %s", address, refusal)
            self._turn_away(connection, refusal)
            return
        protocol = SmtpProtocol(self._shared, address)
        task = asyncio.create_task(self._serve(connection, protocol))
        self._sessions[task] = protocol
        task.add_done_callback(self._ended)

    def _turn_away(self, connection: socket.socket, refusal: Reply) -> None:
        """Say why and close, without a session; under implicit TLS there is no way to say it."""
        with contextlib.suppress(OSError):
            if self._implicit_tls is None:
                connection.send(refusal.render())
        connection.close()

    async def _serve(self, connection: socket.socket, protocol: SmtpProtocol) -> None:
        """Carry one connection from the handshake to its end."""
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: protocol,
                connection,
                ssl=self._implicit_tls,
                ssl_handshake_timeout=self._limits.handshake if self._implicit_tls else None,
            )
        except OSError as error:  # the handshake failed, timed out, or the client left; TLS errors are OSErrors
            self._log.info("%s: no session: %s", protocol.talk.client_address, error)
            connection.close()
            return
        try:
            await protocol.converse()
            await protocol.closed
        finally:
            if not protocol.closed.done():
                protocol.abort()

    def _authenticated(self, protocol: SmtpSession) -> None:
        if protocol not in self._known:
            self._known.add(protocol)
            self._gate.known(protocol.talk.client_address)

    def _ended(self, task: asyncio.Task[None]) -> None:
        protocol = self._sessions.pop(task)
        self._gate.leave(protocol.talk.client_address, known=protocol in self._known)
        self._known.discard(protocol)
        if not task.cancelled() and task.exception() is not None:
            self._log.error("%s: fault in a connection", protocol.talk.client_address, exc_info=task.exception())


def gate_of(limits: ServerLimits) -> Gate:
    """The count of connections that these limits ask for."""
    return Gate(connections=limits.connections, per_address=limits.connections_per_address)


def guard_of(limits: ServerLimits) -> AuthGuard:
    """The count of AUTH failures that these limits ask for."""
    return AuthGuard(
        per_pair=limits.auth_failures_per_connection,
        per_address=limits.auth_failures_per_address,
        window=limits.auth_window,
        delays=limits.auth_delays,
    )


def _within(address: str, networks: Collection[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    return bool(networks) and any(ipaddress.ip_address(address) in network for network in networks)
