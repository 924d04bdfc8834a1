"""
What TLS the mail hosts of a domain must show: DANE where a host has it, else MTA-STS where the domain has it.

``Protection.demand`` is asked by ``route.py``, which found the hosts, and marks each with what it must prove or passes
it over. ``Protection.refusal`` is asked by ``connection.py`` after a handshake. DANE goes before MTA-STS (RFC 8461
section 2): a host that fails it is not saved by a policy.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from relay.delivery.mta_sts import MtaSts, Standing
from relay.delivery.resolver import Failed, FoundTlsa, TlsaAnswer
from relay.delivery.route import Demanded, FoundHost, Host
from relay.delivery.tls import DNSSEC_INVALID, VALIDATION_FAILURE
from relay.delivery.tls_memory import TlsMemory
from relay.delivery.tlsa import check, usable

_FOREVER = float("inf")
_REMEMBERED = 10_000  # hosts
_MOST_DOMAINS = 1_000  # of one host


class Pins(Protocol):
    """What is asked of ``resolver.Resolver``."""

    async def tlsa(self, host: str, port: int) -> TlsaAnswer:
        """Find TLSA records."""


class Results(Protocol):
    """Counts how TLS went; ``tls_results.TlsResults`` does."""

    def passed_over(self, domain: str, host: Host, why: str) -> None:
        """Count a host that must not be used."""


class Protection:
    """
    Knows what the hosts of every domain must prove, and whether they did.

    Args:
        pins: Looks up TLSA records; None: no DANE.
        policies: Knows MTA-STS policies; None: none are obeyed.
        memory: Which domains were seen with verified TLS.
        allow_downgrade: Domains that may get mail in clear all the same; ``"*"`` is all.
        clock: Unix seconds.
        results: Counts what is passed over; None: nobody does.
    """

    def __init__(
        self,
        *,
        pins: Pins | None,
        policies: MtaSts | None,
        memory: TlsMemory,
        allow_downgrade: Sequence[str] = (),
        clock: Callable[[], float],
        results: Results | None = None,
    ) -> None:
        self._pins = pins
        self._policies = policies
        self._memory = memory
        self._allow_downgrade = frozenset(domain.lower() for domain in allow_downgrade)
        self._clock = clock
        self._results = results
        self._domains: OrderedDict[tuple[str, str], set[str]] = OrderedDict()  # host and proof -> whose mail it takes

    async def demand(self, domain: str, found: Sequence[FoundHost]) -> Demanded:
        """Mark each host of a domain with what it must prove, or pass it over and say why."""
        standing = await self._standing(domain)
        answers = await asyncio.gather(*(self._pins_of(one) for one in found))
        until = min(standing.until, *(until for _, until in answers))
        hosts: list[Host] = []
        passed_over: list[str] = []
        for one, (pinned, _) in zip(found, answers, strict=True):
            match pinned:
                case Failed(why=why):
                    self._note_passed_over(domain, one.host, DNSSEC_INVALID)
                    passed_over.append(f"{one.host.name} has a signed name, and its TLSA records cannot be had: {why}")
                case Host():
                    names = tuple(dict.fromkeys((*pinned.proven_names, one.host.name, domain)))
                    hosts.append(replace(pinned, proven_names=names))
                case None:
                    host = self._by_policy(domain, one.host, standing)
                    if host is None:
                        self._note_passed_over(domain, one.host, VALIDATION_FAILURE)
                        passed_over.append(f"{one.host.name} is not named by the MTA-STS policy of the domain")
                    else:
                        hosts.append(host)
        for host in hosts:
            self._remember(host, domain)
        return Demanded(tuple(hosts), tuple(passed_over), until)

    def refusal(self, host: Host, chain: Sequence[bytes]) -> str:
        """Say why a host under DANE is not who it should be, by its certificates (DER); "" when it is."""
        return check(host.tlsa, chain, names=host.proven_names, now=self._clock()) if host.tlsa else ""

    def proven(self, host: Host) -> None:
        """Note that a host has proved what was demanded of it."""
        for domain in self._domains.get((host.name, host.mark), ()):
            self._memory.see_verified(domain)

    async def _standing(self, domain: str) -> Standing:
        return Standing(None, _FOREVER) if self._policies is None else await self._policies.standing(domain)

    async def _pins_of(self, one: FoundHost) -> tuple[Host | Failed | None, float]:
        """
        Look for TLSA records of a host (RFC 7672 section 2.2); where it is an alias, at the true name first.

        Returns:
            The host under DANE; Failed when nothing can be known, so that it must not be used; None: no DANE. And the
            clock time up to which this may be believed.
        """
        if self._pins is None or not one.signed:
            return None, _FOREVER
        until = _FOREVER
        for base in filter(None, (one.alias, one.host.name)):
            answer = await self._pins.tlsa(base, one.host.port)
            until = min(until, answer.until)
            if isinstance(answer, Failed):
                return answer, until
            if isinstance(answer, FoundTlsa) and answer.secure:
                records = usable(answer.records)
                return replace(one.host, tls="required", proof="DANE", tlsa=records, proven_names=(base,)), until
        return None, until

    def _by_policy(self, domain: str, host: Host, standing: Standing) -> Host | None:
        """Mark a host without DANE; None when it must not be used."""
        policy = standing.policy
        if policy is None:
            # A policy that says "none" or "testing" is the domain's own word; silence may be somebody else's.
            guarded = not self._allow_downgrade & {domain, "*"} and self._memory.seen_verified(domain)
            return replace(host, tls="required", proof="seen") if guarded else host
        match policy.mode:
            case "enforce":
                return replace(host, tls="required", proof="MTA-STS") if policy.names(host.name) else None
            case "testing" if policy.names(host.name):
                return replace(host, proof="MTA-STS testing")
            case _:
                return host

    def _note_passed_over(self, domain: str, host: Host, why: str) -> None:
        if self._results is not None:
            self._results.passed_over(domain, host, why)

    def _remember(self, host: Host, domain: str) -> None:
        if host.proof in ("", "seen"):
            return
        key = (host.name, host.mark)
        domains = self._domains.setdefault(key, set())
        self._domains.move_to_end(key)
        if len(domains) < _MOST_DOMAINS:
            domains.add(domain)
        while len(self._domains) > _REMEMBERED:
            self._domains.popitem(last=False)
