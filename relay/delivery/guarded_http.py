"""
Connections for HTTP to hosts that a stranger, or somebody logged in, may choose: a door into our own network.

It is kept by ``guard.py`` at the moment of connecting, on the address that is connected to: a name that answers
publicly first and privately then (DNS rebinding) gets no further. Policies of MTA-STS and webhooks go through it.
"""

import socket
import ssl
from collections.abc import Callable
from typing import Any, Protocol

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from relay.delivery.guard import Guard
from relay.delivery.resolver import AddressAnswer, Found

MOST_ADDRESSES = 4


class Addresses(Protocol):
    """What is asked of ``resolver.Resolver``."""

    async def addresses(self, host: str, *, ipv6: bool) -> AddressAnswer:
        """Find addresses."""


def guarded_connector(
    names: Addresses,
    guard: Guard,
    *,
    ipv6: bool,
    context: ssl.SSLContext | None = None,
    force_close: bool = False,
    limit: int = 100,
) -> aiohttp.TCPConnector:
    """
    Make a connector that reaches only what the guard allows. Call it within the event loop.

    Args:
        names: Finds the addresses of a host.
        guard: Says which may be connected to.
        ipv6: Whether there is a way to IPv6 hosts.
        context: Which authorities are believed; None: those of the system.
        force_close: One request a connection.
        limit: Connections at once.
    """
    return aiohttp.TCPConnector(
        resolver=_Guarded(names, guard, ipv6=ipv6),
        socket_factory=_sockets_of(guard),
        ssl=context or True,  # aiohttp has made one with the system's authorities: each costs 20 ms and a megabyte
        use_dns_cache=False,
        force_close=force_close,
        limit=limit,
    )


class _Guarded(AbstractResolver):
    """Our own DNS for aiohttp, without the addresses that may not be connected to."""

    def __init__(self, names: Addresses, guard: Guard, *, ipv6: bool) -> None:
        self._names = names
        self._guard = guard
        self._ipv6 = ipv6

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_UNSPEC,  # noqa: ARG002 - its shape
    ) -> list[ResolveResult]:
        answer = await self._names.addresses(host, ipv6=self._ipv6)
        if not isinstance(answer, Found):
            raise OSError(None, f"{host} has no address")
        refusals = {address: self._guard.refusal(address) for address in answer.records}
        allowed = [address for address, refusal in refusals.items() if not refusal]
        if not allowed:
            raise OSError(None, f"{host} is no public web server: {next(iter(refusals.values()))}")
        return [_result(host, address, port) for address in allowed[:MOST_ADDRESSES]]

    async def close(self) -> None:
        """Nothing is held."""


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


def _sockets_of(guard: Guard) -> Callable[[Any], socket.socket]:
    """Make sockets only for addresses that may be connected to: the last look, at the address itself."""

    def make(info: Any) -> socket.socket:
        family, kind, proto, _, address = info
        refusal = guard.refusal(address[0])
        if refusal:
            raise OSError(None, refusal)
        made = socket.socket(family, kind, proto)
        made.setblocking(False)
        return made

    return make
