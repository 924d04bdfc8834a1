"""
A scripted DNS server on loopback, UDP and TCP on one free port.

    async with DnsServer() as dns:
        dns.add("example.org", "MX", "10 mx.example.org.")
        dns.add("mx.example.org", "A", "127.0.0.1")
        dns.add("broken.test", "MX", Servfail())
        Resolver(DnsSettings(nameservers=(dns.nameserver,)), clock=clock)

``dns.sign("example.org")`` says of all answers about that name and those below it that they were validated: the AD
bit, for questions that ask for it.

What is not in the table is NXDOMAIN, unless the name has another type: then it is NODATA. ``dns.queries`` lists
(name, type, "udp" or "tcp") in the order they came.
"""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset


@dataclass(frozen=True)
class Nxdomain:
    """The name does not exist."""


@dataclass(frozen=True)
class Nodata:
    """The name exists, without such a record."""


@dataclass(frozen=True)
class Servfail:
    """The server could not find out."""


@dataclass(frozen=True)
class Refused:
    """The server does not want to."""


@dataclass(frozen=True)
class Silence:
    """No answer at all."""


@dataclass(frozen=True)
class Garbage:
    """Bytes that are no DNS message."""


@dataclass(frozen=True)
class OtherQuestion:
    """An answer to another question than was asked."""


@dataclass(frozen=True)
class Truncated:
    """Cut by UDP; by TCP ``records``, or silence when there are none."""

    records: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forged:
    """A packet with a wrong id before the true one."""

    false: str
    true: str


@dataclass(frozen=True)
class Chain:
    """CNAMEs one after the other in one answer, then records of the asked type at the last name."""

    names: tuple[str, ...]
    records: tuple[str, ...] = ()


@dataclass(frozen=True)
class After:
    """Answer ``records`` once ``event`` is set."""

    event: asyncio.Event
    records: tuple[str, ...]


Answer = str | Nxdomain | Nodata | Servfail | Refused | Silence | Garbage | OtherQuestion | Truncated | Forged | Chain
Answer = Answer | After


class DnsServer(asyncio.DatagramProtocol):
    """See the module."""

    def __init__(self, *, ttl: int = 300) -> None:
        self.ttl = ttl
        self.port = 0
        self.queries: list[tuple[str, str, str]] = []
        self._signed: set[str] = set()
        self._unsigned: set[str] = set()
        self._table: dict[tuple[str, str], list[Answer]] = defaultdict(list)
        self._tasks: set[asyncio.Task[None]] = set()
        self._came = asyncio.Event()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    @property
    def nameserver(self) -> str:
        """``127.0.0.1:PORT``, as ``[relay.dns]`` takes it."""
        return f"127.0.0.1:{self.port}"

    def add(self, name: str, kind: str, *answers: Answer) -> None:
        """Add records (in zone file form), or say how a question is treated."""
        self._table[name.rstrip(".").lower(), kind.upper()].extend(answers)

    def remove(self, name: str, kind: str = "") -> None:
        """Forget a name, or one type of it."""
        for key in [key for key in self._table if key[0] == name and kind in ("", key[1])]:
            del self._table[key]

    def sign(self, *zones: str) -> None:
        """Be a validating resolver for whom these zones are signed, and well."""
        self._signed.update(zones)

    def unsign(self, *zones: str) -> None:
        """These zones below signed ones are not."""
        self._unsigned.update(zones)

    def _validated(self, query: dns.message.Message) -> int:
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        signed, unsigned = (
            any(name == zone or name.endswith(f".{zone}") for zone in zones) for zones in (self._signed, self._unsigned)
        )
        return dns.flags.AD if signed and not unsigned and query.flags & dns.flags.AD else 0

    def add_host(self, domain: str, *addresses: str, preference: int = 10) -> None:
        """Give a domain one mail exchanger, ``mx.DOMAIN``, with these addresses."""
        self.add(domain, "MX", f"{preference} mx.{domain}.")
        for address in addresses:
            self.add(f"mx.{domain}", "AAAA" if ":" in address else "A", address)

    def asked(self, name: str, kind: str) -> int:
        """How often this was asked."""
        return sum(1 for query in self.queries if query[:2] == (name, kind))

    async def asked_first(self) -> None:
        """Wait until anything was asked."""
        await self._came.wait()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for _ in range(20):  # the port must be free for UDP and TCP both
            self._tcp = await asyncio.start_server(self._serve_tcp, "127.0.0.1", 0)
            self.port = self._tcp.sockets[0].getsockname()[1]
            try:
                udp, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", self.port))
            except OSError:
                self._tcp.close()
                continue
            self._udp = udp
            return self
        raise RuntimeError("no port is free for both UDP and TCP")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._udp is not None
        assert self._tcp is not None
        self._udp.close()
        self._tcp.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def connection_made(self, transport: Any) -> None:
        self._udp = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        task = asyncio.get_running_loop().create_task(self._serve_udp(data, addr))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_udp(self, data: bytes, addr: Any) -> None:
        assert self._udp is not None
        for packet in await self._answers(data, "udp"):
            self._udp.sendto(packet, addr)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            length = int.from_bytes(await reader.readexactly(2), "big")
            for packet in await self._answers(await reader.readexactly(length), "tcp"):
                writer.write(len(packet).to_bytes(2, "big") + packet)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _answers(self, data: bytes, by: str) -> list[bytes]:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.queries.append((name, kind, by))
        self._came.set()
        answers = self._table.get((name, kind)) or [Nodata() if self._known(name) else Nxdomain()]
        return await self._render(query, answers, by)

    def _known(self, name: str) -> bool:
        return any(key[0] == name for key in self._table)

    async def _render(  # noqa: C901, PLR0911, PLR0912 - a table: one branch an answer
        self, query: dns.message.Message, answers: list[Answer], by: str
    ) -> list[bytes]:
        match answers[0]:
            case Nxdomain():
                return [self._reply(query, rcode=dns.rcode.NXDOMAIN)]
            case Servfail():
                return [self._reply(query, rcode=dns.rcode.SERVFAIL)]
            case Refused():
                return [self._reply(query, rcode=dns.rcode.REFUSED)]
            case Nodata():
                return [self._reply(query)]
            case Silence():
                return []
            case Garbage():
                return [query.to_wire()[:2] + b"\xff" * 9]
            case OtherQuestion():
                other = dns.message.make_query("other.test", "A", id=query.id)
                return [self._reply(other, ["127.0.0.9"])]
            case Truncated(records):
                if by == "udp":
                    return [self._reply(query, flags=dns.flags.TC)]
                return [self._reply(query, list(records))] if records else []
            case Forged(false, true):
                forged = bytearray(self._reply(query, [false]))
                forged[0] ^= 0xFF
                return [bytes(forged), self._reply(query, [true])]
            case Chain(names, records):
                return [self._chain(query, names, records)]
            case After(event, records):
                await event.wait()
                return [self._reply(query, list(records))]
            case _:
                return [self._reply(query, [answer for answer in answers if isinstance(answer, str)])]

    def _reply(
        self, query: dns.message.Message, records: list[str] | None = None, *, rcode: int = 0, flags: int = 0
    ) -> bytes:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA | flags | self._validated(query)
        reply.set_rcode(dns.rcode.Rcode(rcode))
        question = query.question[0]
        if records:
            reply.answer.append(dns.rrset.from_text(question.name, self.ttl, "IN", question.rdtype, *records))
        return reply.to_wire(max_size=65535, want_shuffle=False)

    def _chain(self, query: dns.message.Message, names: tuple[str, ...], records: tuple[str, ...]) -> bytes:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA | self._validated(query)
        owner = query.question[0].name
        for name in names:
            reply.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", "CNAME", f"{name}."))
            owner = dns.name.from_text(name)
        if records:
            reply.answer.append(dns.rrset.from_text(owner, self.ttl, "IN", query.question[0].rdtype, *records))
        return reply.to_wire(max_size=65535, want_shuffle=False)
