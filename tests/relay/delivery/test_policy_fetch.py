"""Fetching a policy over HTTPS: a door that the recipient's domain chooses (robustness.md 2.6)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import trustme

from relay.delivery.guard import Guard
from relay.delivery.policy_fetch import FetchFailed, PolicyFetch
from relay.delivery.resolver import AddressAnswer, Found, NoRecord
from relay.delivery.sts_policy import LARGEST, Policy
from tests.rigs.policy_host import Answer, Endless, Give, PolicyHost, Redirect, Stall, policy
from tests.rigs.virtual_time import run

HOST = "mta-sts.example.org"
AUTHORITY = trustme.CA()


@dataclass
class Names:
    """Addresses by hand."""

    records: tuple[str, ...] = ("127.0.0.1",)
    asked: list[str] = field(default_factory=list)

    async def addresses(self, host: str, *, ipv6: bool) -> AddressAnswer:  # noqa: ARG002 - its shape
        self.asked.append(host)
        return Found(self.records, 9e9) if self.records else NoRecord(9e9)


def server(*names: str, authority: trustme.CA = AUTHORITY) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def fetcher(web: PolicyHost, names: Names | None = None, *, allow: tuple[str, ...] = ("127.0.0.0/8",)) -> PolicyFetch:
    believed = ssl.create_default_context()
    AUTHORITY.configure_trust(believed)
    return PolicyFetch(names or Names(), guard=Guard(allow), ipv6=True, context=believed, port=web.port)


@pytest.fixture
async def web() -> AsyncIterator[PolicyHost]:
    async with PolicyHost(server(HOST)) as host:
        host.policies[HOST] = policy("enforce", "mx.example.org")
        yield host


async def test_a_policy_is_fetched(web: PolicyHost) -> None:
    """At the well-known place, by the domain's own name."""
    names = Names()
    assert await fetcher(web, names)("example.org") == Policy("enforce", 86400, ("mx.example.org",))
    assert web.asked == [f"{HOST}/.well-known/mta-sts.txt"]
    assert names.asked == [HOST]


GOOD = policy("enforce", "mx.example.org")


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Redirect(f"https://{HOST}/.well-known/mta-sts.txt"), "answers 301"),
        (Give(b"", status=404), "answers 404"),
        (Give(GOOD, status=206), "answers 206"),
        (Give(GOOD, content_type="text/html"), "not text/plain"),
        (Give(b"x" * (LARGEST + 1)), "longer than 64 kB"),
        (Endless(), "longer than 64 kB"),
        (Give(b"nonsense"), "of no use: a line is no field"),
    ],
    ids=str,
)
async def test_what_is_not_taken(web: PolicyHost, answer: Answer, why: str) -> None:
    """Each is no policy, in words; a redirect is not followed."""
    web.answer = answer
    with pytest.raises(FetchFailed, match=why):
        await fetcher(web)("example.org")
    assert len(web.asked) == 1


async def test_compressed_octets_stay_so(web: PolicyHost) -> None:
    """What we did not ask for is not unpacked: a small answer cannot become a large one."""
    web.answer = Give(b"\x1f\x8b\x08\x00" + bytes(100))
    with pytest.raises(FetchFailed, match=r"no UTF-8|no field"):
        await fetcher(web)("example.org")


def test_a_slow_server_is_given_up() -> None:
    """The whole answer has 30 seconds, however it trickles."""

    async def scenario() -> float:
        async with PolicyHost(server(HOST)) as web:
            web.answer = Stall(asyncio.Event())
            with pytest.raises(FetchFailed, match="within 30 s"):
                await fetcher(web)("example.org")
            return asyncio.get_running_loop().time()

    assert 30 <= run(scenario()) < 35


@pytest.mark.parametrize(
    "context",
    [server("other.test"), server("example.org"), server(HOST, authority=trustme.CA())],
    ids=["another name", "the domain's own name", "an unknown authority"],
)
async def test_the_certificate_must_prove_the_name(context: ssl.SSLContext) -> None:
    """Else whoever forges DNS could write the policy."""
    async with PolicyHost(context) as web:
        web.policies[HOST] = GOOD
        with pytest.raises(FetchFailed, match="certificate is not good"):
            await fetcher(web)("example.org")
        assert web.asked == []


@pytest.mark.parametrize("records", [("127.0.0.1",), ("10.0.0.1", "127.0.0.1"), ("::1",), ("::ffff:127.0.0.1",)])
async def test_nothing_of_our_own_network_is_asked(web: PolicyHost, records: tuple[str, ...]) -> None:
    """The name may point anywhere: loopback and private addresses are not connected to."""
    with pytest.raises(FetchFailed, match="no public web server"):
        await fetcher(web, Names(records), allow=())("example.org")
    assert web.asked == []


async def test_a_closed_address_beside_an_open_one_is_passed_over(web: PolicyHost) -> None:
    """What may not be connected to is left out; the rest is tried."""
    await fetcher(web, Names(("10.0.0.1", "127.0.0.1")))("example.org")
    assert len(web.asked) == 1


async def test_the_address_is_looked_at_when_connecting(web: PolicyHost, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if a name led past the first look, no socket is made for a closed address."""
    asked: list[str] = []

    class Turncoat(Guard):
        """Lets the first look pass."""

        def refusal(self, address: str) -> str:
            asked.append(address)
            return "" if len(asked) == 1 else f"{address} is closed"

    fetch = fetcher(web)
    monkeypatch.setattr(fetch, "_guard", Turncoat())
    with pytest.raises(FetchFailed, match="is closed"):
        await fetch("example.org")
    assert web.asked == []


async def test_no_address_and_nobody_there(web: PolicyHost) -> None:
    """In words, both."""
    with pytest.raises(FetchFailed, match="has no address"):
        await fetcher(web, Names(()))("example.org")
    async with PolicyHost(server(HOST)) as gone:
        pass
    with pytest.raises(FetchFailed, match="could not be reached"):
        await fetcher(gone)("example.org")
