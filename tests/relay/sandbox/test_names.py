"""relay/sandbox/names.py."""

import asyncio
import contextlib

import dns.asyncresolver
import dns.exception
import dns.resolver
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.sandbox.names import NameServer, answer
from tests.relay.sandbox.rig import LOG

TABLE = {"club.test": {"MX": ["10 mx.club.test."]}, "mx.club.test": {"A": ["127.0.0.1"]}, "none.test": {"MX": ["0 ."]}}


async def test_a_resolver_is_answered() -> None:
    """What is in the table; NXDOMAIN for a name that is not; no answer for a type that is not."""
    server = NameServer(TABLE, log=LOG)
    await server.start()
    resolver = dns.asyncresolver.Resolver(configure=False)
    host, _, port = server.address.partition(":")
    resolver.nameservers, resolver.port = [host], int(port)
    try:
        assert [str(each) for each in await resolver.resolve("Club.Test", "MX")] == ["10 mx.Club.Test."]
        assert [str(each) for each in await resolver.resolve("mx.club.test", "A")] == ["127.0.0.1"]
        assert [str(each) for each in await resolver.resolve("none.test", "MX")] == ["0 ."]
        with pytest.raises(dns.resolver.NoAnswer):
            await resolver.resolve("mx.club.test", "AAAA")
        with pytest.raises(dns.resolver.NXDOMAIN):
            await resolver.resolve("other.test", "MX")
    finally:
        server.stop()
        await asyncio.sleep(0)


@given(st.binary(max_size=100))
def test_what_is_no_question(octets: bytes) -> None:
    """Any octets: an answer, or an error that says so."""
    with contextlib.suppress(dns.exception.DNSException, ValueError):
        assert isinstance(answer(TABLE, octets), bytes)
