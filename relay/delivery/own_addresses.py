"""
The addresses under which this very server takes mail: an MX that is one of them makes a loop (RFC 5321 section 5.1).

A listener on a wildcard (``0.0.0.0``, ``[::]``) takes mail at every address of the machine, so those are asked of the
kernel (rtnetlink, RFC 3549), which also knows what was added since the start. It counts only where its port is the one
that mail hosts are connected to: at another port of the same machine another mail server may well be meant.
"""

import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_address

from relay.delivery.guard import Guard

FRESH = 60.0  # seconds for which the machine's addresses are not asked for again
_WILDCARDS = {"0.0.0.0": (4,), "::": (4, 6)}  # noqa: S104 - what is compared; a listener on :: takes IPv4 too
_LOOPBACK = ("127.0.0.1", "::1")  # alone they say nothing: what may be there is the guard's to say

# struct nlmsghdr: length, type, flags, sequence, port;  struct ifaddrmsg: family, prefix length, flags, scope, index;
# struct rtattr: length, type.  linux/netlink.h, linux/if_addr.h, linux/rtnetlink.h
_HEADER = struct.Struct("=IHHII")
_ADDRESS = struct.Struct("=BBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_ALIGNED = 4
_DONE, _ERROR, _NEW_ADDRESS, _GET_ADDRESSES = 3, 2, 20, 22
_REQUEST_DUMP = 0x301  # NLM_F_REQUEST | NLM_F_DUMP
_IFA_ADDRESS, _IFA_LOCAL = 1, 2  # beyond a point-to-point link the first is the other side's
_PACKED = (4, 16)  # octets of an address
_ONE_ANSWER = 65_536


class OwnAddresses:
    """
    Says of an address whether mail that is sent there comes back to us: ``"192.0.2.1" in own``.

    Args:
        listeners: Host and port of each SMTP listener of ours.
        port: That mail hosts are connected to.
        guard: Where it lets nobody connect to loopback, that is told as such, and not as a loop.
        clock: Seconds.
        machine: Gives the machine's addresses.
    """

    def __init__(
        self,
        listeners: Iterable[tuple[str, int]],
        *,
        port: int,
        guard: Guard,
        clock: Callable[[], float],
        machine: "Callable[[], frozenset[str]] | None" = None,
    ) -> None:
        listening = list(listeners)
        self._named = {str(ip_address(host)) for host, _ in listening} - {*_WILDCARDS, *_LOOPBACK}
        self._versions = {version for host, at in listening if at == port for version in _WILDCARDS.get(host, ())}
        self._guard = guard
        self._clock = clock
        self._ask = machine or machine_addresses
        self._machine: frozenset[str] = frozenset()
        self._asked_at = float("-inf")

    def __contains__(self, address: object) -> bool:
        """Whether it is ours. An address as ``str(ip_address(...))`` writes it."""
        if address in self._named:
            return True
        parsed = ip_address(str(address))
        if parsed.version not in self._versions:
            return False
        if parsed.is_loopback:
            return not self._guard.refusal(str(address))
        return str(address) in self._fresh()

    def _fresh(self) -> frozenset[str]:
        now = self._clock()
        if not 0 <= now - self._asked_at < FRESH:
            self._machine, self._asked_at = self._ask(), now
        return self._machine


def machine_addresses() -> frozenset[str]:
    """Ask the kernel for the addresses of all interfaces; none where it does not say."""
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as kernel:
            kernel.settimeout(1.0)
            request = _ADDRESS.pack(0, 0, 0, 0, 0)
            kernel.send(_HEADER.pack(_HEADER.size + len(request), _GET_ADDRESSES, _REQUEST_DUMP, 1, 0) + request)
            return frozenset(_answers(kernel))
    except OSError:
        return frozenset()


def _answers(kernel: socket.socket) -> Iterator[str]:
    while True:
        for kind, body in _messages(kernel.recv(_ONE_ANSWER)):
            if kind in (_DONE, _ERROR):
                return
            if kind == _NEW_ADDRESS:
                yield from read_address(body)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset + _HEADER.size <= len(data):
        length, kind, *_ = _HEADER.unpack_from(data, offset)
        if length < _HEADER.size:
            return
        yield kind, data[offset + _HEADER.size : offset + length]
        offset += -(-length // _ALIGNED) * _ALIGNED


def read_address(body: bytes) -> Iterator[str]:
    """Read the address of one RTM_NEWADDR message: its local one, or the only one."""
    found: dict[int, bytes] = {}
    offset = _ADDRESS.size
    while offset + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = body[offset + _ATTRIBUTE.size : offset + length]
        offset += -(-length // _ALIGNED) * _ALIGNED
    octets = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS) or b""
    if len(octets) in _PACKED:
        yield str(ip_address(octets))
