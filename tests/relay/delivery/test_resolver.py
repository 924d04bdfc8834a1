"""DNS answers become values, are cached within bounds, and are asked for once at a time (robustness.md 2.5)."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from relay.delivery.resolver import Failed, Found, FoundMx, FoundTlsa, NoRecord, NoSuchDomain, NullMx, Resolver
from relay.delivery.tlsa import Tlsa
from relay.settings import DnsSettings
from tests.rigs import dns_server as rig
from tests.rigs.dns_server import DnsServer


class Clock:
    """Unix time that only a test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def dns() -> AsyncIterator[DnsServer]:
    async with DnsServer() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


def resolver(dns: DnsServer, clock: Clock, *, lifetime: float = 5.0, entries: int = 100) -> Resolver:
    settings = DnsSettings(nameservers=(dns.nameserver,), lifetime=lifetime, cache_entries=entries)
    return Resolver(settings, clock=clock)


async def test_mail_exchangers_come_by_preference(dns: DnsServer, clock: Clock) -> None:
    """Found exchangers are sorted, in lower case, without their last dot."""
    dns.add("example.org", "MX", "20 b.example.org.", "10 A.example.org.", "20 a2.example.org.")
    answer = await resolver(dns, clock).mx("example.org")
    assert isinstance(answer, FoundMx)
    assert answer.records == ((10, "a.example.org"), (20, "a2.example.org"), (20, "b.example.org"))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((rig.Nxdomain(),), NoSuchDomain),  # N1
        ((rig.Nodata(),), NoRecord),  # N2, N3
        (("0 .",), NullMx),  # N4
        (("0 .", "10 mx.example.org."), FoundMx),  # N5
        ((rig.Servfail(),), Failed),  # N6
        ((rig.Refused(),), Failed),
        ((rig.Truncated(("10 mx.example.org.",)),), FoundMx),
        ((rig.Chain(("a.test", "b.test"), ("10 mx.example.org.",)),), FoundMx),  # N8
        ((rig.Chain(tuple(f"c{n}.test" for n in range(8)), ("10 mx.example.org.",)),), FoundMx),
        ((rig.Chain(tuple(f"c{n}.test" for n in range(9)), ("10 mx.example.org.",)),), Failed),
        ((rig.Chain(("a.test", "b.test", "a.test")),), Failed),
        ((rig.Forged("10 evil.test.", "10 mx.example.org."),), FoundMx),  # N14
    ],
    ids=repr,
)
async def test_an_answer_is_a_value(
    dns: DnsServer, clock: Clock, answers: tuple[rig.Answer, ...], expected: type[object]
) -> None:
    """What a name server says decides the type of the answer; only true answers speak about the domain."""
    dns.add("example.org", "MX", *answers)
    answer = await resolver(dns, clock).mx("example.org")
    assert type(answer) is expected
    if isinstance(answer, FoundMx):
        assert answer.records == ((10, "mx.example.org"),)


@pytest.mark.parametrize("answer", [rig.Silence(), rig.Garbage(), rig.OtherQuestion(), rig.Truncated()], ids=repr)
async def test_no_true_answer_is_a_failure_and_never_a_missing_domain(
    dns: DnsServer, clock: Clock, answer: rig.Answer
) -> None:
    """Silence, bytes that are no answer, and an answer to another question end with the time allowed (N6)."""
    dns.add("example.org", "MX", answer)
    assert isinstance(await resolver(dns, clock, lifetime=0.3).mx("example.org"), Failed)


@pytest.mark.parametrize(
    "name", ["", "a..b", "example.org.", "x" * 64 + ".org", "a." * 127 + "org", "bücher.example", "a\0b.org", ".org"]
)
async def test_what_dns_cannot_hold_is_not_asked_for(dns: DnsServer, clock: Clock, name: str) -> None:
    """A name too long, with an empty label, a last dot or bytes over 127 leads to no look-up (N16)."""
    assert isinstance(await resolver(dns, clock).mx(name), NoSuchDomain)
    assert dns.queries == []


async def test_addresses_of_both_families_take_turns(dns: DnsServer, clock: Clock) -> None:
    """IPv4 first, then one of each; without IPv6 nobody asks for it."""
    dns.add("mx.example.org", "A", "192.0.2.1", "192.0.2.2")
    dns.add("mx.example.org", "AAAA", "2001:db8::1")
    both = await resolver(dns, clock).addresses("mx.example.org", ipv6=True)
    assert isinstance(both, Found)
    assert both.records == ("192.0.2.1", "2001:db8::1", "192.0.2.2")
    dns.queries.clear()
    four = await resolver(dns, clock).addresses("mx.example.org", ipv6=False)
    assert isinstance(four, Found)
    assert four.records == ("192.0.2.1", "192.0.2.2")
    assert dns.asked("mx.example.org", "AAAA") == 0


@pytest.mark.parametrize(
    ("four", "six", "expected"),
    [
        ("192.0.2.1", rig.Servfail(), Found),
        (rig.Nxdomain(), "2001:db8::1", Found),
        (rig.Nodata(), rig.Servfail(), Failed),
        (rig.Nxdomain(), rig.Servfail(), Failed),
        (rig.Nodata(), rig.Nodata(), NoRecord),
        (rig.Nxdomain(), rig.Nxdomain(), NoSuchDomain),
    ],
)
async def test_one_family_is_enough_and_a_failure_is_never_absence(
    dns: DnsServer, clock: Clock, four: rig.Answer, six: rig.Answer, expected: type[object]
) -> None:
    """What was found wins over a failure, a failure over "not there"."""
    dns.add("mx.example.org", "A", four)
    dns.add("mx.example.org", "AAAA", six)
    assert type(await resolver(dns, clock).addresses("mx.example.org", ipv6=True)) is expected


async def test_localhost_is_not_asked_for(dns: DnsServer, clock: Clock) -> None:
    """RFC 6761: localhost is loopback."""
    answer = await resolver(dns, clock).addresses("localhost", ipv6=True)
    assert isinstance(answer, Found)
    assert answer.records == ("127.0.0.1", "::1")
    assert dns.queries == []


@pytest.mark.parametrize(("ttl", "kept"), [(1, 60), (300, 300), (7 * 86400, 86400)])
async def test_an_answer_is_kept_by_its_ttl_within_bounds(clock: Clock, ttl: int, kept: int) -> None:
    """At least a minute, at most a day; at that moment it is asked for again (N13)."""
    async with DnsServer(ttl=ttl) as dns:
        dns.add("example.org", "MX", "10 mx.example.org.")
        asked = resolver(dns, clock)
        for later, times in [(0, 1), (kept - 1, 1), (kept, 2)]:
            clock.now = 1_800_000_000.0 + later
            await asked.mx("example.org")
            assert dns.asked("example.org", "MX") == times


async def test_absence_is_kept_for_a_minute(dns: DnsServer, clock: Clock) -> None:
    """A second look-up of a missing domain five minutes later is a true one."""
    asked = resolver(dns, clock)
    for later, times in [(0, 1), (59, 1), (60, 2)]:
        clock.now = 1_800_000_000.0 + later
        assert isinstance(await asked.mx("missing.test"), NoSuchDomain)
        assert dns.asked("missing.test", "MX") == times


async def test_a_clock_that_jumps_back_prolongs_nothing(dns: DnsServer, clock: Clock) -> None:
    """An answer from the future is not used."""
    dns.add("example.org", "MX", "10 mx.example.org.")
    asked = resolver(dns, clock)
    await asked.mx("example.org")
    clock.now -= 3600
    await asked.mx("example.org")
    assert dns.asked("example.org", "MX") == 2


async def test_a_name_is_asked_for_once_at_a_time(dns: DnsServer, clock: Clock) -> None:
    """A hundred mails to one domain make one query, and a caller that goes leaves the others their answer."""
    go = asyncio.Event()
    dns.add("example.org", "MX", rig.After(go, ("10 mx.example.org.",)))
    asked = resolver(dns, clock)
    waiting = [asyncio.create_task(asked.mx("example.org")) for _ in range(100)]
    await dns.asked_first()
    waiting[0].cancel()
    go.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert all(isinstance(answer, FoundMx) for answer in answers[1:])
    assert len(dns.queries) == 1


async def test_the_cache_is_bounded_and_forgets_what_was_used_longest_ago(dns: DnsServer, clock: Clock) -> None:
    """With room for two, the third look-up drops the one not used since."""
    for name in ("a.test", "b.test", "c.test"):
        dns.add(name, "MX", f"10 mx.{name}.")
    asked = resolver(dns, clock, entries=2)
    for name in ("a.test", "b.test", "a.test", "c.test", "a.test", "b.test"):
        await asked.mx(name)
    assert [query[0] for query in dns.queries] == ["a.test", "b.test", "c.test", "b.test"]


async def test_close_gives_up_what_is_under_way(dns: DnsServer, clock: Clock) -> None:
    """No task is left behind."""
    dns.add("example.org", "MX", rig.Silence())
    asked = resolver(dns, clock)
    waiting = asyncio.create_task(asked.mx("example.org"))
    await dns.asked_first()
    await asked.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


@pytest.mark.parametrize(
    ("text", "address", "port"),
    [
        ("192.0.2.53", "192.0.2.53", 53),
        ("127.0.0.1:5353", "127.0.0.1", 5353),
        ("::1", "::1", 53),
        ("[::1]:5353", "::1", 5353),
        ("[::1]", "::1", 53),
    ],
)
def test_name_servers_are_written_with_or_without_a_port(clock: Clock, text: str, address: str, port: int) -> None:
    """Both families, both forms."""
    stub = Resolver(DnsSettings(nameservers=(text,)), clock=clock)._dns
    server = stub.nameservers[0]
    assert (server.address, server.port) == (address, port)


async def test_texts_are_joined(dns: DnsServer, clock: Clock) -> None:
    """The strings of one TXT record are one text; what is no ASCII is replaced."""
    dns.add("_mta-sts.example.org", "TXT", '"v=STSv1; " "id=1;"', r'"\228"')
    answer = await resolver(dns, clock).texts("_mta-sts.example.org")
    assert isinstance(answer, Found)
    assert sorted(answer.records) == ["v=STSv1; id=1;", "\ufffd"]


async def test_tlsa_records_are_read(dns: DnsServer, clock: Clock) -> None:
    """All of them, also those of no use."""
    dns.add("_25._tcp.mx.example.org", "TLSA", "3 1 1 " + "ab" * 32, "9 9 9 00")
    answer = await resolver(dns, clock).tlsa("mx.example.org", 25)
    assert isinstance(answer, FoundTlsa)
    assert set(answer.records) == {Tlsa(3, 1, 1, b"\xab" * 32), Tlsa(9, 9, 9, b"\x00")}
    assert type(await resolver(dns, clock).tlsa("other.example.org", 25)) is NoSuchDomain


def _validating(dns: DnsServer, clock: Clock, *, validating: bool = True) -> Resolver:
    return Resolver(DnsSettings(nameservers=(dns.nameserver,), validating=validating), clock=clock)


async def test_answers_are_secure_where_a_validating_resolver_says_so(dns: DnsServer, clock: Clock) -> None:
    """The AD bit, for every kind of answer; an alias is told."""
    dns.sign("example.org")
    dns.add("example.org", "MX", "10 mx.example.org.")
    dns.add("mx.example.org", "A", "5.5.5.5")
    dns.add("mx.example.org", "AAAA", rig.Nodata())
    dns.add("_25._tcp.mx.example.org", "TLSA", "3 1 1 " + "ab" * 32)
    dns.add("alias.example.org", "A", rig.Chain(("True.example.org",), ("5.5.5.6",)))
    dns.add("plain.test", "MX", "10 mx.example.org.")
    asks = _validating(dns, clock)
    mx, pins = await asks.mx("example.org"), await asks.tlsa("mx.example.org", 25)
    addresses, alias = (
        await asks.addresses("mx.example.org", ipv6=True),
        await asks.addresses("alias.example.org", ipv6=False),
    )
    assert isinstance(mx, FoundMx)
    assert isinstance(pins, FoundTlsa)
    assert isinstance(addresses, Found)
    assert isinstance(alias, Found)
    assert (mx.secure, pins.secure, addresses.secure, alias.secure) == (True, True, True, True)
    assert (addresses.alias, alias.alias) == ("", "true.example.org")
    plain, nothing = await asks.mx("plain.test"), await asks.mx("mx.example.org")
    assert isinstance(plain, FoundMx)
    assert not plain.secure
    assert isinstance(nothing, NoRecord)
    assert nothing.secure


async def test_without_the_setting_nothing_is_secure(dns: DnsServer, clock: Clock) -> None:
    """Whoever sits between us and a resolver can set the bit."""
    dns.sign("example.org")
    dns.add("example.org", "MX", "10 mx.example.org.")
    answer = await _validating(dns, clock, validating=False).mx("example.org")
    assert isinstance(answer, FoundMx)
    assert not answer.secure


@pytest.mark.parametrize(
    ("servers", "believed"),
    [(("127.0.0.1",), True), (("[::1]:53",), True), (("127.0.0.1", "9.9.9.9"), False), (("192.0.2.53",), False)],
)
def test_ad_is_believed_from_this_machine_only(clock: Clock, servers: tuple[str, ...], *, believed: bool) -> None:
    """robustness.md 2.6: over loopback, and nowhere else."""
    assert Resolver(DnsSettings(nameservers=servers, validating=True), clock=clock).validating is believed
