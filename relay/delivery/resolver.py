"""
DNS for delivery: answers as values, cached, each name asked for once at a time.

Built on dnspython, which checks that an answer belongs to its question (forged packets are passed over), asks again
by TCP where an answer is cut, and tries the name servers in turn. What a caller may conclude is in the type of the
answer: only ``NoSuchDomain``, ``NoRecord`` and ``NullMx`` speak about the domain, ``Failed`` never does.

An answer is ``secure`` when a validating resolver on this very machine says so (the AD bit, RFC 4035 section 3.2.3).
What any other resolver says of itself can be forged on the way, and is not believed.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TLSA import TLSA
from dns.rdtypes.ANY.TXT import TXT
from dns.rdtypes.IN.A import A
from dns.rdtypes.IN.AAAA import AAAA

from relay.delivery.tlsa import Tlsa
from relay.delivery.turns import Turns
from relay.settings import DnsSettings

LEAST_TTL = 60.0
MOST_TTL = 86400.0
NEGATIVE_TTL = 60.0
FAILURE_TTL = 30.0
AT_ONCE = 64  # look-ups under way
LONGEST_CHAIN = 8  # CNAMEs

# What dnspython's exceptions mean, in words; others are told by their name.
_WORDS = {
    "ChainTooLong": "its aliases lead round in a circle, or too far",
    "EOFError": "the name server hung up",
    "Truncated": "the answer was cut",
    "Timeout": "the name server did not answer",
}


@dataclass(frozen=True, slots=True)
class Found:
    """
    Records: addresses or TXT as text. ``until``: clock time up to which they may be used.

    ``alias``: the name that the asked one stands for, where it is another (CNAME).
    """

    records: tuple[str, ...]
    until: float
    secure: bool = False
    alias: str = ""


@dataclass(frozen=True, slots=True)
class FoundMx:
    """Mail exchangers as (preference, host name without its last dot, lower case), lowest preference first."""

    records: tuple[tuple[int, str], ...]
    until: float
    secure: bool = False


@dataclass(frozen=True, slots=True)
class FoundTlsa:
    """TLSA records as they stand there, those of no use included."""

    records: tuple[Tlsa, ...]
    until: float
    secure: bool = False


@dataclass(frozen=True, slots=True)
class NullMx:
    """The domain says that it takes no mail (RFC 7505)."""

    until: float


@dataclass(frozen=True, slots=True)
class NoSuchDomain:
    """NXDOMAIN, or a name that DNS cannot hold."""

    until: float


@dataclass(frozen=True, slots=True)
class NoRecord:
    """The name exists, without a record of this type."""

    until: float
    secure: bool = False


@dataclass(frozen=True, slots=True)
class Failed:
    """There was no answer that says anything about the name. Always temporary. ``why`` is for people."""

    why: str
    until: float


MxAnswer = FoundMx | NullMx | NoSuchDomain | NoRecord | Failed
AddressAnswer = Found | NoSuchDomain | NoRecord | Failed
TextAnswer = Found | NoSuchDomain | NoRecord | Failed
TlsaAnswer = FoundTlsa | NoSuchDomain | NoRecord | Failed
_Answer = Found | FoundMx | FoundTlsa | NullMx | NoSuchDomain | NoRecord | Failed
_Key = tuple[str, str]


class Resolver:
    """
    Asks the configured name servers, or the system's where none is configured.

    Answers are kept by their TTL, but at least 60 s and at most a day; that a name is not there 60 s; failures 30 s.
    The cache holds ``settings.cache_entries``; the one used longest ago goes first. ``clock``: Unix seconds.
    """

    def __init__(self, settings: DnsSettings, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lifetime = settings.lifetime
        self._most = settings.cache_entries
        self._cache: OrderedDict[_Key, tuple[float, _Answer]] = OrderedDict()
        self._under_way: dict[_Key, asyncio.Task[_Answer]] = {}
        self._room = Turns(AT_ONCE)
        self._dns = _stub(settings.nameservers)
        self.validating = settings.validating and _is_here(self._dns)
        if self.validating:
            self._dns.set_flags(dns.flags.RD | dns.flags.AD)  # AD asks for AD (RFC 6840 section 5.7)

    async def mx(self, domain: str) -> MxAnswer:
        """Find the mail exchangers of a domain (A-labels, no last dot)."""
        answer = await self._look_up(domain, "MX")
        assert not isinstance(answer, Found | FoundTlsa)
        return answer

    async def texts(self, name: str) -> TextAnswer:
        """Find the TXT records of a name, the strings of each joined; octets over 127 are replaced."""
        answer = await self._look_up(name, "TXT")
        assert not isinstance(answer, FoundMx | FoundTlsa | NullMx)
        return answer

    async def tlsa(self, host: str, port: int) -> TlsaAnswer:
        """Find the TLSA records of a server."""
        answer = await self._look_up(f"_{port}._tcp.{host}", "TLSA")
        assert not isinstance(answer, Found | FoundMx | NullMx)
        return answer

    async def addresses(self, host: str, *, ipv6: bool) -> AddressAnswer:
        """
        Find the addresses of a host: both families, taking turns, IPv4 first, each in the order of its answer.

        One family found is enough, whatever became of the other. ``localhost`` is loopback without asking (RFC 6761).
        """
        if host == "localhost":
            return Found(("127.0.0.1", "::1") if ipv6 else ("127.0.0.1",), self._clock() + MOST_TTL)
        if not ipv6:
            return _merge((await self._look_up(host, "A"),))
        return _merge(await asyncio.gather(self._look_up(host, "A"), self._look_up(host, "AAAA")))

    async def close(self) -> None:
        """Give up what is under way."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _look_up(self, name: str, kind: str) -> _Answer:
        key = (name, kind)
        kept = self._cache.get(key)
        if kept is not None:
            at, answer = kept
            if at <= self._clock() < answer.until:  # a clock that jumped back does not prolong an answer
                self._cache.move_to_end(key)
                return answer
        task = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._ask(key))
            task.add_done_callback(lambda _: self._under_way.pop(key))
        return await asyncio.shield(task)  # a caller that goes does not take the answer from the others

    async def _ask(self, key: _Key) -> _Answer:
        async with self._room:
            answer = await self._query(*key)
        self._cache[key] = (self._clock(), answer)
        self._cache.move_to_end(key)
        while len(self._cache) > self._most:
            self._cache.popitem(last=False)
        return answer

    async def _query(self, name: str, kind: str) -> _Answer:
        qname = _name(name)
        if qname is None:
            return NoSuchDomain(self._clock() + NEGATIVE_TTL)
        try:
            async with asyncio.timeout(self._lifetime + 1.0):  # dnspython's own limit goes by a clock that may jump
                answer = await self._dns.resolve(
                    qname, kind, raise_on_no_answer=False, lifetime=self._lifetime, search=False
                )
        except dns.resolver.NXDOMAIN:
            return NoSuchDomain(self._clock() + NEGATIVE_TTL)
        except (dns.exception.DNSException, OSError) as error:
            return Failed(f"{name}: {_told(error)}", self._clock() + FAILURE_TTL)
        if len(answer.chaining_result.cnames) > LONGEST_CHAIN:
            return Failed(f"{name}: a chain of more than {LONGEST_CHAIN} aliases", self._clock() + FAILURE_TTL)
        secure = self.validating and bool(answer.response.flags & dns.flags.AD)
        if answer.rrset is None:
            return NoRecord(self._clock() + NEGATIVE_TTL, secure)
        until = self._clock() + min(max(float(answer.rrset.ttl), LEAST_TTL), MOST_TTL)
        alias = "" if answer.canonical_name == qname else answer.canonical_name.to_text(omit_final_dot=True).lower()
        return _read(answer.rrset, until, secure=secure, alias=alias)


def _read(records: Iterable[object], until: float, *, secure: bool, alias: str) -> _Answer:
    """Read a set of records of one type."""
    exchangers: list[tuple[int, str]] = []
    texts: list[str] = []  # addresses, or TXT
    pins: list[Tlsa] = []
    null = False
    for record in records:
        if isinstance(record, MX):
            if record.exchange == dns.name.root:
                null = True  # RFC 7505 section 3: beside others it is not there
            else:
                exchangers.append((record.preference, record.exchange.to_text(omit_final_dot=True).lower()))
        elif isinstance(record, A | AAAA):
            texts.append(record.address)
        elif isinstance(record, TXT):
            texts.append(b"".join(record.strings).decode("ascii", "replace"))
        elif isinstance(record, TLSA):
            pins.append(Tlsa(record.usage, record.selector, record.mtype, record.cert))
    if exchangers:
        return FoundMx(tuple(sorted(exchangers)), until, secure)
    if null:
        return NullMx(until)
    if pins:
        return FoundTlsa(tuple(pins), until, secure)
    return Found(tuple(texts), until, secure, alias) if texts else NoRecord(until, secure)


def _merge(answers: Iterable[_Answer]) -> AddressAnswer:
    """Make one answer of those for A and AAAA. What was found wins over a failure, a failure over "not there"."""
    answers = tuple(answers)
    found = [answer for answer in answers if isinstance(answer, Found)]
    if found:
        records = [
            answer.records[turn]
            for turn in range(max(len(answer.records) for answer in found))
            for answer in found
            if turn < len(answer.records)
        ]
        secure = all(answer.secure for answer in found)
        return Found(tuple(records), min(answer.until for answer in found), secure, found[0].alias)
    failed = next((answer for answer in answers if isinstance(answer, Failed)), None)
    if failed is not None:
        return failed
    gone = next((answer for answer in answers if isinstance(answer, NoSuchDomain)), None)
    return gone or NoRecord(min(answer.until for answer in answers))


def _name(text: str) -> dns.name.Name | None:
    """Make a name to ask for; None for what DNS cannot hold (RFC 1035 section 2.3.4) and what is no host name."""
    if not text or not text.isascii() or text.endswith(".") or len(text) > 253 or not text.isprintable():
        return None
    try:
        return dns.name.from_text(text)
    except dns.exception.DNSException:
        return None


def _told(error: Exception) -> str:
    """Say in a few words what went wrong: ``SERVFAIL``, ``no name server answered in time``."""
    if isinstance(error, dns.resolver.LifetimeTimeout | TimeoutError):
        return "no name server answered in time"
    if isinstance(error, dns.resolver.NoNameservers):
        errors = error.kwargs.get("errors") or ()
        told = {answer[3] if isinstance(answer[3], str) else _named(answer[3]) for answer in errors}
        return ", ".join(sorted(told)) or "no name server is configured"
    return _named(error)


def _named(error: object) -> str:
    name = type(error).__name__
    return _WORDS.get(name, name)


def _stub(nameservers: Iterable[str]) -> dns.asyncresolver.Resolver:
    """Build dnspython's resolver for ``"192.0.2.53"``, ``"127.0.0.1:5353"``, ``"[::1]:5353"``, ``"::1"``."""
    given = [_nameserver(text) for text in nameservers]
    try:
        stub = dns.asyncresolver.Resolver(configure=not given)
    except dns.resolver.NoResolverConfiguration:
        stub = dns.asyncresolver.Resolver(configure=False)
    if given:
        stub.nameservers = given
    stub.cache = None  # ours keeps answers as values, with its own bounds
    stub.use_edns(0, 0, 1232)
    return stub


def _is_here(stub: dns.asyncresolver.Resolver) -> bool:
    """Whether every name server is on this machine, so that nobody between can forge what it says."""
    servers = [
        server.address if isinstance(server, dns.nameserver.Do53Nameserver) else server for server in stub.nameservers
    ]
    return bool(servers) and all(isinstance(server, str) and ip_address(server).is_loopback for server in servers)


def _nameserver(text: str) -> dns.nameserver.Do53Nameserver:
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        port = port.removeprefix(":")
    elif text.count(":") == 1:
        address, port = text.split(":")
    else:
        address, port = text, ""
    return dns.nameserver.Do53Nameserver(address, int(port or 53))
