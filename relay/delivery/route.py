"""
Where mail for a domain goes: a route from the configuration, an address literal, or the domain's mail exchangers.

What a stranger's DNS or literal names is connected to only when ``guard.py`` lets it; what the operator wrote into
``[relay.routes]`` is the operator's own choice and is not guarded.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Literal, Protocol

from relay.delivery.dialogue import TlsPolicy
from relay.delivery.envelope import Finding
from relay.delivery.guard import Guard
from relay.delivery.resolver import (
    AddressAnswer,
    Failed,
    Found,
    FoundMx,
    MxAnswer,
    NoRecord,
    NoSuchDomain,
    NullMx,
)
from relay.delivery.tlsa import DANE_TA, Tlsa
from relay.settings import DeliverySettings, Route
from store.addresses import ascii_domain
from store.nouns import Job, Reason

MOST_HOSTS = 10  # of a domain
MOST_ADDRESSES = 4  # of a host
SECOND_LOOK = 300.0  # a missing domain is looked up again so much later before it is final
_REMEMBERED = 50_000  # missing domains
_KEPT = 10_000  # destinations
_LONG = 86400.0

_log = logging.getLogger(__name__)


# What a host must prove, beside what ``tls`` asks for. "seen": TLS at all, since it was verified a while ago.
Proof = Literal["", "MTA-STS", "MTA-STS testing", "DANE", "seen"]


@dataclass(frozen=True, slots=True)
class Host:
    """
    A server that takes the mail. ``addresses`` may be connected to, in this order.

    ``tlsa``: with DANE, the records of which one must match, none: TLS with any certificate; ``proven_names`` are those
    that the certificate of an authority may prove.
    """

    name: str
    port: int
    addresses: tuple[str, ...]
    preference: int = 0
    tls: TlsPolicy = "opportunistic"
    user: str = ""
    password: str = ""
    proof: Proof = ""
    tlsa: tuple[Tlsa, ...] = ()
    proven_names: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """What a destination's key says of the TLS: connections are shared only where the same was proven."""
        if any(record.usage == DANE_TA for record in self.tlsa):
            return f"={self.proof} {','.join(self.proven_names)}"
        return f"={self.proof}" if self.proof else ""

    def __repr__(self) -> str:
        return f"Host({self.name}:{self.port} {self.addresses} {self.tls})"  # never the password


@dataclass(frozen=True, slots=True)
class Destination:
    """Hosts by preference. Domains whose mail goes to the very same hosts share one ``key``: limits and back-off."""

    key: str
    hosts: tuple[Host, ...]
    by_route: bool  # the operator chose it
    until: float  # clock time up to which it may be used


@dataclass(frozen=True, slots=True)
class NoRoute:
    """There is no host for the domain, for good or for now. ``least``: seconds to wait before the next attempt."""

    finding: Finding
    least: float = 0.0


@dataclass(frozen=True, slots=True)
class FoundHost:
    """A mail host as DNS gave it. ``signed``: all answers that led to its addresses were secure."""

    host: Host
    signed: bool
    alias: str  # the name that the host's stands for (CNAME); "" mostly


@dataclass(frozen=True, slots=True)
class Demanded:
    """Hosts with what they must prove; why others may not be used, in words; and how long that may be believed."""

    hosts: tuple[Host, ...]
    passed_over: tuple[str, ...]
    until: float


class Protector(Protocol):
    """Knows what TLS a domain's hosts must show; ``protection.Protection`` does."""

    async def demand(self, domain: str, found: Sequence[FoundHost]) -> Demanded:
        """Say it of the hosts found for a domain."""


class Names(Protocol):
    """The DNS answers that routing needs; ``resolver.Resolver`` gives them."""

    async def mx(self, domain: str) -> MxAnswer:
        """Find mail exchangers."""

    async def addresses(self, host: str, *, ipv6: bool) -> AddressAnswer:
        """Find addresses."""


def next_hop(job: Job) -> str:
    """Give what ``Routes.find`` takes: the job's domain, or its address literal with brackets."""
    return job.domain or job.forward_path.rpartition("@")[2].lower()


class Routes:
    """
    Finds the destination for a domain.

    ``own_names`` and ``own_addresses`` are the names in other people's MX, and the addresses, under which this very
    server takes mail: an MX that is us would make a loop. ``protector`` None: TLS is opportunistic, wherever the
    operator says nothing else. ``clock``: Unix seconds.
    """

    def __init__(
        self,
        names: Names,
        *,
        routes: Mapping[str, Route],
        settings: DeliverySettings,
        clock: Callable[[], float],
        own_names: Iterable[str] = (),
        own_addresses: Container[str] = (),
        protector: Protector | None = None,
    ) -> None:
        self._names = names
        self._protector = protector
        self._routes = {ascii_domain(domain) or domain.lower(): route for domain, route in routes.items()}
        self._port = settings.port
        self._ipv6 = settings.ipv6
        self._guard = Guard(settings.allow_private_destinations)
        self._clock = clock
        self._own_names = frozenset(name.lower() for name in own_names)
        self._own_addresses = own_addresses
        self._kept: OrderedDict[str, Destination] = OrderedDict()
        self._missing: OrderedDict[str, float] = OrderedDict()  # domain -> time of the first look-up that said so

    def known(self, domain: str) -> Destination | None:
        """Give the destination found before, while it may be used: no look-up, no waiting."""
        kept = self._kept.get(domain)
        if kept is None or self._clock() >= kept.until or self._clock() + _LONG < kept.until:
            return None
        self._kept.move_to_end(domain)
        return kept

    async def find(self, domain: str) -> Destination | NoRoute:
        """Find the destination for a domain in A-labels, or for an address literal with its brackets."""
        known = self.known(domain)
        if known is not None:
            return known
        found = await self._find(domain)
        if isinstance(found, Destination):
            self._kept[domain] = found
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    async def _find(self, domain: str) -> Destination | NoRoute:
        if domain.startswith("["):
            address = _literal(domain)
            refusal = self._guard.refusal(address) if address else "the address literal is not written correctly"
            if refusal:
                return _none(Reason.ADDRESS_INVALID, "5.4.4" if address else "5.1.3", refusal, permanent=True)
            if address in self._own_addresses:
                why = f"the mail would come back: {address} is this very server"
                return _none(Reason.SYSTEM_ERROR, "5.4.6", why, permanent=True)
        route = self._routes.get(domain) or self._routes.get("*")
        if route is not None:
            return await self._by_route(route)
        if domain.startswith("["):
            host = Host(domain, self._port, (_literal(domain),))
            return Destination(f"{domain}:{self._port}", (host,), by_route=False, until=self._clock() + _LONG)
        return await self._by_mx(domain)

    async def _by_route(self, route: Route) -> Destination | NoRoute:
        answer: AddressAnswer
        name = route.host.removeprefix("[").removesuffix("]")
        try:
            answer = Found((str(ip_address(name)),), self._clock() + _LONG)
        except ValueError:
            answer = await self._names.addresses(name.lower(), ipv6=self._ipv6)
        if not isinstance(answer, Found):  # an error of ours or of our own smarthost: never the recipient's
            why = answer.why if isinstance(answer, Failed) else f"the host of the route, {name}, has no address"
            return _none(Reason.CONNECTION_FAILED, "4.4.3", why)
        password = route.password.get_secret_value()
        host = Host(name, route.port, answer.records[:MOST_ADDRESSES], 0, route.tls, route.user, password)
        key = f"route {name}:{route.port} {route.tls} {route.user}"
        return Destination(key, (host,), by_route=True, until=answer.until)

    async def _by_mx(self, domain: str) -> Destination | NoRoute:
        answer = await self._names.mx(domain)
        if not isinstance(answer, NoSuchDomain | NoRecord):
            self._missing.pop(domain, None)
        match answer:
            case NullMx():
                why = "the domain says that it takes no email (null MX)"
                return _none(Reason.DOMAIN_NOT_FOUND, "5.1.10", why, permanent=True)
            case Failed(why=why):
                return _none(Reason.CONNECTION_FAILED, "4.4.3", why)
            case NoSuchDomain():
                return self._gone(domain, "the domain does not exist")
            case NoRecord(secure=secure):
                return await self._by_address(domain, secure=secure)
            case FoundMx():
                return await self._by_hosts(domain, answer)

    async def _by_address(self, domain: str, *, secure: bool) -> Destination | NoRoute:
        """Without MX the domain's own address is its mail host (RFC 5321 section 5.1)."""
        answer = await self._names.addresses(domain, ipv6=self._ipv6)
        match answer:
            case Failed(why=why):
                return _none(Reason.CONNECTION_FAILED, "4.4.3", why)
            case Found(until=until):
                self._missing.pop(domain, None)
                return await self._destination(domain, FoundMx(((0, domain),), until, secure), [answer])
            case _:
                return self._gone(domain, "the domain has neither a mail host nor an address")

    async def _by_hosts(self, domain: str, found: FoundMx) -> Destination | NoRoute:
        named = tuple(record for record in found.records if not _is_address(record[1]))
        if len(named) < len(found.records):
            _log.info("%s: an MX that is an address and no name is passed over", domain)
        named = named[:MOST_HOSTS]
        answers = await asyncio.gather(*(self._names.addresses(name, ipv6=self._ipv6) for _, name in named))
        return await self._destination(domain, replace(found, records=named), answers)

    async def _destination(
        self, domain: str, exchangers: FoundMx, answers: Sequence[AddressAnswer]
    ) -> Destination | NoRoute:
        """Put together what may be connected to; say why when that is nothing."""
        found: list[FoundHost] = []
        closed: list[str] = []  # why addresses may not be connected to
        records, until = exchangers.records, exchangers.until
        before = self._preference_of_own(records, answers)
        for (preference, name), answer in zip(records, answers, strict=True):
            if preference >= before or not isinstance(answer, Found):
                continue
            refusals = {address: self._guard.refusal(address) for address in answer.records}
            closed += filter(None, refusals.values())
            addresses = tuple(address for address, refusal in refusals.items() if not refusal)[:MOST_ADDRESSES]
            until = min(until, answer.until)
            if addresses:
                host = Host(name, self._port, addresses, preference)
                found.append(FoundHost(host, exchangers.secure and answer.secure, answer.alias))
        if found:
            return await self._demanded(domain, found, until)
        failed = [
            answer.why
            for (preference, _), answer in zip(records, answers, strict=True)
            if preference < before and isinstance(answer, Failed)
        ]
        if failed:
            return _none(Reason.CONNECTION_FAILED, "4.4.3", failed[0])
        if closed:
            why = f"{domain} has no public mail host: {closed[0]}"
            return _none(Reason.DOMAIN_NOT_FOUND, "5.4.4", why, permanent=True)
        if any(preference >= before for preference, _ in records):
            why = f"the mail would come back: the mail host of {domain} is this very server"
            return _none(Reason.SYSTEM_ERROR, "5.4.6", why, permanent=True)
        return _none(Reason.CONNECTION_FAILED, "4.4.4", f"none of the mail hosts of {domain} has an address")

    async def _demanded(self, domain: str, found: Sequence[FoundHost], until: float) -> Destination | NoRoute:
        """Mark the hosts with what TLS they must show. Where none is left the mail waits: never in clear."""
        hosts = tuple(one.host for one in found)
        if self._protector is not None:
            demanded = await self._protector.demand(domain, found)
            if not demanded.hosts:
                why = f"no mail host of {domain} may be used: {'; '.join(demanded.passed_over)}"
                return _none(Reason.CONNECTION_FAILED, "4.7.5", why)
            for why in demanded.passed_over:
                _log.info("%s: %s", domain, why)
            hosts, until = demanded.hosts, min(until, demanded.until)
        key = " ".join(f"{host.preference}:{host.name}{host.mark}" for host in hosts) + f":{self._port}"
        return Destination(key, hosts, by_route=False, until=until)

    def _preference_of_own(self, records: Sequence[tuple[int, str]], answers: Sequence[AddressAnswer]) -> float:
        """Give the best preference under which we stand in the MX; only better ones are of use (RFC 5321 5.1)."""
        return min(
            (
                float(preference)
                for (preference, name), answer in zip(records, answers, strict=True)
                if name in self._own_names
                or (isinstance(answer, Found) and any(record in self._own_addresses for record in answer.records))
            ),
            default=float("inf"),
        )

    def _gone(self, domain: str, why: str) -> NoRoute:
        """Believe that a domain is missing when a second look-up, SECOND_LOOK later or more, agrees."""
        now = self._clock()
        first = self._missing.get(domain)
        if first is not None and SECOND_LOOK <= now - first <= _LONG:
            return _none(Reason.DOMAIN_NOT_FOUND, "5.1.2", why, permanent=True)
        if first is None or not 0 <= now - first <= _LONG:
            first = self._missing[domain] = now
            while len(self._missing) > _REMEMBERED:
                self._missing.popitem(last=False)
        why = f"domain not found, checking again: {why}"
        finding = Finding(Reason.DOMAIN_NOT_FOUND, permanent=False, status="4.1.2", why=why)
        return NoRoute(finding, first + SECOND_LOOK - now)


def in_order(
    destination: Destination, *, draw: Callable[[], float], failing: Callable[[str, int], bool]
) -> list[tuple[Host, str]]:
    """
    Give hosts and addresses in the order of trying: by preference, shuffled within one, failing ones last.

    ``draw`` gives 0.0 up to 1.0; ``failing`` says of an address and port that it did not answer lately.
    """
    drawn = [(host.preference, draw(), n) for n, host in enumerate(destination.hosts)]
    pairs = [(destination.hosts[n], address) for _, _, n in sorted(drawn) for address in destination.hosts[n].addresses]
    return sorted(pairs, key=lambda pair: failing(pair[1], pair[0].port))


def _none(reason: Reason, status: str, why: str, *, permanent: bool = False) -> NoRoute:
    return NoRoute(Finding(reason, permanent=permanent, status=status, why=why))


def _literal(domain: str) -> str:
    """Read ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 section 4.1.3); "" for anything else."""
    inside = domain.removeprefix("[").removesuffix("]")
    text = inside[5:] if inside.lower().startswith("ipv6:") else inside
    if f"[{inside}]" != domain or not _is_address(text) or (":" in text) != (text != inside):
        return ""
    return str(ip_address(text))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
