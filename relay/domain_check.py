"""
What DNS should say of our domains, and what it says: for the page of domains.

The bounce domain needs its mail sent here and a sender policy; a domain that we sign for needs the public key of each
DKIM key, and should have a DMARC policy.
"""

import asyncio
import re
from collections.abc import Sequence

from admin.outside import DnsRecord
from relay.config import Config
from relay.delivery.resolver import Failed, Found, FoundMx, Resolver
from relay.dkim_keys import StoredKey, list_domains, read_domain

_BLANKS = re.compile(r"\s+")


class DomainCheck:
    """Knows our domains and asks DNS about them."""

    def __init__(self, config: Config, resolver: Resolver) -> None:
        self._bounce_domains = (config.bounce_domain, *config.bounce.aligned_domains)
        self._hostname = config.relay.hostname
        self._keys = config.relay.dkim.keys
        self._resolver = resolver

    async def domains(self) -> Sequence[str]:
        """List the domains that bounces come to, then those that have DKIM keys."""
        signed = await asyncio.to_thread(self._signed)
        return list(dict.fromkeys((*self._bounce_domains, *signed)))

    async def check(self, domain: str) -> Sequence[DnsRecord]:
        """Ask for each record that the domain should have."""
        asked = []
        if domain in self._bounce_domains:
            asked += [self._mx(domain), self._text(domain, "v=spf1", "v=spf1 a:" + self._hostname + " -all")]
        keys = await asyncio.to_thread(self._stored, domain)
        asked += [self._key(key) for key in keys if key.key is not None and key.state != "retired"]
        if keys:
            asked.append(self._text(f"_dmarc.{domain}", "v=DMARC1", "v=DMARC1; p=none"))
        return await asyncio.gather(*asked)

    def _signed(self) -> list[str]:
        try:
            return list_domains(self._keys)
        except OSError:
            return []

    def _stored(self, domain: str) -> Sequence[StoredKey]:
        return read_domain(self._keys, domain).keys if domain in self._signed() else ()

    async def _mx(self, domain: str) -> DnsRecord:
        answer = await self._resolver.mx(domain)
        wanted = f"10 {self._hostname}."
        if isinstance(answer, Failed):
            return DnsRecord(domain, "MX", wanted, (), "unknown")
        found = answer.records if isinstance(answer, FoundMx) else ()
        right = any(host == self._hostname for _, host in found)
        state = "right" if right else "wrong" if found else "missing"
        return DnsRecord(domain, "MX", wanted, tuple(f"{preference} {host}." for preference, host in found), state)

    async def _text(self, name: str, begins: str, wanted: str) -> DnsRecord:
        """A policy: one that is there is the operator's own choice; two of them are none."""
        answer = await self._resolver.texts(name)
        if isinstance(answer, Failed):
            return DnsRecord(name, "TXT", wanted, (), "unknown")
        records = answer.records if isinstance(answer, Found) else ()
        found = tuple(record for record in records if record.lower().startswith(begins.lower()))
        return DnsRecord(name, "TXT", wanted, found, "right" if len(found) == 1 else "wrong" if found else "missing")

    async def _key(self, stored: StoredKey) -> DnsRecord:
        assert stored.key is not None
        name, wanted = f"{stored.selector}._domainkey.{stored.domain}", stored.key.record
        answer = await self._resolver.texts(name)
        if isinstance(answer, Failed):
            return DnsRecord(name, "TXT", wanted, (), "unknown")
        found = answer.records if isinstance(answer, Found) else ()
        right = any(_public(record) == _public(wanted) for record in found)
        return DnsRecord(name, "TXT", wanted, tuple(found), "right" if right else "wrong" if found else "missing")


def _public(record: str) -> str:
    """Give the key of a record (tag p, RFC 6376 section 3.6.1), whatever blanks are in it."""
    for tag in record.split(";"):
        name, _, value = tag.partition("=")
        if name.strip() == "p":
            return _BLANKS.sub("", value)
    return ""
