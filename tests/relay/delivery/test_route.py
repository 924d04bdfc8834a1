"""Where mail for a domain goes (robustness.md 2.5, N1 to N12)."""

from collections.abc import AsyncIterator, Callable

import pytest

from relay.delivery.resolver import Resolver
from relay.delivery.route import Destination, Host, NoRoute, Routes, in_order, next_hop
from relay.settings import DeliverySettings, DnsSettings, Route
from store.nouns import Job, Reason
from tests.rigs import dns_server as rig
from tests.rigs.dns_server import DnsServer

PUBLIC = "5.5.5.5"


class World:
    """A DNS server, routes that ask it, and a clock."""

    def __init__(self, dns: DnsServer) -> None:
        self.dns = dns
        self.now = 1_800_000_000.0

    def routes(
        self,
        *,
        routes: dict[str, Route] | None = None,
        allow: tuple[str, ...] = (),
        own_names: tuple[str, ...] = (),
        own_addresses: tuple[str, ...] = (),
        ipv6: bool = True,
    ) -> Routes:
        clock = lambda: self.now  # noqa: E731 - the world's time
        return Routes(
            Resolver(DnsSettings(nameservers=(self.dns.nameserver,), lifetime=2.0), clock=clock),
            routes=routes or {},
            settings=DeliverySettings(allow_private_destinations=allow, ipv6=ipv6),
            clock=clock,
            own_names=own_names,
            own_addresses=own_addresses,
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with DnsServer() as dns:
        yield World(dns)


def hosts(found: Destination | NoRoute) -> list[tuple[int, str, tuple[str, ...]]]:
    assert isinstance(found, Destination), found
    return [(host.preference, host.name, host.addresses) for host in found.hosts]


def told(found: Destination | NoRoute) -> tuple[Reason, bool, str]:
    assert isinstance(found, NoRoute), found
    return found.finding.reason, found.finding.permanent, found.finding.status


async def test_mail_hosts_by_preference(world: World) -> None:
    """MX with their addresses; the destination may be used until the first of their records ends."""
    world.dns.add("example.org", "MX", "20 b.test.", "10 a.test.")
    world.dns.add("a.test", "A", PUBLIC)
    world.dns.add("b.test", "AAAA", "2a00::1")
    routes = world.routes()
    found = await routes.find("example.org")
    assert hosts(found) == [(10, "a.test", (PUBLIC,)), (20, "b.test", ("2a00::1",))]
    assert routes.known("example.org") is found
    world.now += 300
    assert routes.known("example.org") is None


async def test_the_domain_itself_without_mx(world: World) -> None:
    """N2: implicit MX."""
    world.dns.add("example.org", "A", PUBLIC)
    assert hosts(await world.routes().find("example.org")) == [(0, "example.org", (PUBLIC,))]


async def test_null_mx_is_final_at_once(world: World) -> None:
    """N4: RFC 7505."""
    world.dns.add("example.org", "MX", "0 .")
    assert told(await world.routes().find("example.org")) == (Reason.DOMAIN_NOT_FOUND, True, "5.1.10")


@pytest.mark.parametrize("exists", [False, True])
async def test_a_missing_domain_is_final_when_a_later_look_up_agrees(world: World, *, exists: bool) -> None:
    """N1, N3: the first time it is deferred and says so; at least five minutes later it is final."""
    if exists:
        world.dns.add("gone.test", "TXT", '"no host here"')
    routes = world.routes()
    first = await routes.find("gone.test")
    assert told(first) == (Reason.DOMAIN_NOT_FOUND, False, "4.1.2")
    assert isinstance(first, NoRoute)
    assert first.finding.why.startswith("domain not found, checking again")
    assert first.least == 300
    world.now += 299
    early = await routes.find("gone.test")
    assert told(early) == (Reason.DOMAIN_NOT_FOUND, False, "4.1.2")
    assert isinstance(early, NoRoute)
    assert early.least == 1
    world.now += 61  # past the resolver's own memory of what is not there
    assert told(await routes.find("gone.test")) == (Reason.DOMAIN_NOT_FOUND, True, "5.1.2")
    assert world.dns.asked("gone.test", "MX") == 3


async def test_a_domain_that_comes_back_is_missing_anew(world: World) -> None:
    """A look-up between that finds it makes the next absence a first one again."""
    routes = world.routes()
    await routes.find("flaky.test")
    world.now += 400
    world.dns.add("flaky.test", "MX", "10 a.test.")
    world.dns.add("a.test", "A", PUBLIC)
    assert isinstance(await routes.find("flaky.test"), Destination)
    world.dns.remove("flaky.test")
    world.now += 400
    assert told(await routes.find("flaky.test"))[1] is False


async def test_a_memory_of_long_ago_does_not_count(world: World) -> None:
    """A domain missed a week ago and missed now was looked up once, not twice."""
    routes = world.routes()
    await routes.find("gone.test")
    world.now += 7 * 86400
    assert told(await routes.find("gone.test"))[1] is False
    world.now -= 30 * 86400  # a clock that jumps back
    assert told(await routes.find("gone.test"))[1] is False


@pytest.mark.parametrize("answer", [rig.Servfail(), rig.Refused()], ids=repr)
@pytest.mark.parametrize("name", ["example.org", "mx.test"])
async def test_a_dns_fault_is_never_final(world: World, answer: rig.Answer, name: str) -> None:
    """N6: deferred 4.4.3, however often."""
    if name == "mx.test":
        world.dns.add("example.org", "MX", "10 mx.test.")
        world.dns.add(name, "A", answer)
        world.dns.add(name, "AAAA", answer)
    else:
        world.dns.add(name, "MX", answer)
    routes = world.routes()
    for _ in range(3):
        assert told(await routes.find("example.org")) == (Reason.CONNECTION_FAILED, False, "4.4.3")
        world.now += 1000


async def test_a_mail_host_without_address_is_passed_over(world: World) -> None:
    """N7: the others by preference; none left: deferred, permanent by expiry only."""
    world.dns.add("example.org", "MX", "10 dead.test.", "20 b.test.")
    world.dns.add("b.test", "A", PUBLIC)
    assert hosts(await world.routes().find("example.org")) == [(20, "b.test", (PUBLIC,))]
    world.dns.add("dead.example", "MX", "10 dead.test.")
    assert told(await world.routes().find("dead.example")) == (Reason.CONNECTION_FAILED, False, "4.4.4")


async def test_an_mx_that_is_an_address_is_passed_over(world: World) -> None:
    """N9."""
    world.dns.add("example.org", "MX", "10 5.5.5.5.", "20 b.test.")
    world.dns.add("b.test", "A", PUBLIC)
    assert hosts(await world.routes().find("example.org")) == [(20, "b.test", (PUBLIC,))]
    assert world.dns.asked("5.5.5.5", "A") == 0


async def test_private_hosts_are_not_connected_to(world: World) -> None:
    """N10: such addresses are left out; nothing left: permanent 5.4.4; allowed networks are allowed."""
    world.dns.add("example.org", "MX", "10 in.test.", "20 mixed.test.")
    world.dns.add("in.test", "A", "127.0.0.1")
    world.dns.add("mixed.test", "A", "10.0.0.1", PUBLIC)
    world.dns.add("inside.test", "A", "169.254.169.254")
    assert hosts(await world.routes().find("example.org")) == [(20, "mixed.test", (PUBLIC,))]
    inside = await world.routes().find("inside.test")
    assert told(inside) == (Reason.DOMAIN_NOT_FOUND, True, "5.4.4")
    assert isinstance(inside, NoRoute)
    assert "no public mail host" in inside.finding.why
    allowed = world.routes(allow=("127.0.0.0/8",))
    assert hosts(await allowed.find("example.org"))[0] == (10, "in.test", ("127.0.0.1",))


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("[127.0.0.1]", "5.4.4"),
        ("[10.1.1.1]", "5.4.4"),
        ("[ipv6:::1]", "5.4.4"),
        ("[::1]", "5.1.3"),
        ("[ipv6:5.5.5.5]", "5.1.3"),
        ("[]", "5.1.3"),
        ("[example.org]", "5.1.3"),
        ("[5.5.5.5", "5.1.3"),
        ("[5.5.5.5]", ""),
        ("[ipv6:2a00::1]", ""),
    ],
)
async def test_address_literals_are_guarded(world: World, literal: str, expected: str) -> None:
    """A sender cannot aim us inwards; a public literal is what RFC 5321 section 4.1.3 says."""
    found = await world.routes().find(literal)
    if expected:
        assert told(found) == (Reason.ADDRESS_INVALID, True, expected)
    else:
        assert isinstance(found, Destination)
    # not even through a smarthost that takes everything else
    everything = await world.routes(routes={"*": Route(host="127.0.0.1")}).find(literal)
    assert isinstance(everything, NoRoute) is bool(expected)


async def test_our_own_address_as_a_literal_is_a_loop(world: World) -> None:
    """N11 for literals."""
    found = await world.routes(own_addresses=(PUBLIC,)).find(f"[{PUBLIC}]")
    assert told(found) == (Reason.SYSTEM_ERROR, True, "5.4.6")


async def test_an_allowed_literal_is_connected_to(world: World) -> None:
    """For test networks."""
    found = await world.routes(allow=("127.0.0.1",)).find("[127.0.0.1]")
    assert hosts(found) == [(0, "[127.0.0.1]", ("127.0.0.1",))]


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"own_names": ("B.test",)}, ["a.test"]),
        ({"own_addresses": ("5.5.5.2",)}, ["a.test"]),
        ({"own_names": ("a.test",)}, None),
        ({"own_addresses": ("5.5.5.3",)}, ["a.test"]),  # of the same preference: c.test takes b.test with it
        ({"own_names": ("d.test",)}, ["a.test", "b.test", "c.test"]),
        ({"own_addresses": ("9.9.9.9",)}, ["a.test", "b.test", "c.test", "d.test"]),
    ],
    ids=repr,
)
async def test_we_are_never_our_own_mail_host(
    world: World, own: dict[str, tuple[str, ...]], expected: list[str] | None
) -> None:
    """N11: we go with all of the same or worse preference; nothing left: 5.4.6."""
    world.dns.add("example.org", "MX", "10 a.test.", "20 b.test.", "20 c.test.", "30 d.test.")
    for number, name in enumerate("abcd", 1):
        world.dns.add(f"{name}.test", "A", f"5.5.5.{number}")
    found = await world.routes(**own).find("example.org")  # type: ignore[arg-type]  # a table of options
    if expected is None:
        assert told(found) == (Reason.SYSTEM_ERROR, True, "5.4.6")
    else:
        assert [name for _, name, _ in hosts(found)] == expected


async def test_ten_hosts_with_four_addresses_each(world: World) -> None:
    """N12: the best ten, the first four."""
    world.dns.add("example.org", "MX", *(f"{number} m{number}.test." for number in range(1, 51)))
    for number in range(1, 51):
        world.dns.add(f"m{number}.test", "A", *(f"5.5.{number}.{last}" for last in range(1, 21)))
    found = hosts(await world.routes().find("example.org"))
    assert [preference for preference, _, _ in found] == list(range(1, 11))
    assert {len(addresses) for _, _, addresses in found} == {4}


async def test_domains_with_the_same_hosts_share_a_destination(world: World) -> None:
    """So limits and back-off are the provider's; another backup host is another destination."""
    for domain, backup in (("a.example", "b"), ("b.example", "b"), ("c.example", "c")):
        world.dns.add(domain, "MX", "10 a.test.", f"20 {backup}.test.")
    for name in "abc":
        world.dns.add(f"{name}.test", "A", PUBLIC)
    routes = world.routes()
    keys = [found.key for name in "abc" if isinstance(found := await routes.find(f"{name}.example"), Destination)]
    assert keys[0] == keys[1] != keys[2]


async def test_a_route_takes_the_place_of_mx(world: World) -> None:
    """By domain, else "*"; with its port, TLS and login; not guarded, since the operator chose it; no look-up."""
    routes = world.routes(
        routes={
            "Bücher.example": Route(host="127.0.0.1", port=2527, tls="off"),
            "*": Route(host="[::1]", port=465, tls="implicit", user="ann", password="secret"),  # type: ignore[arg-type]  # pydantic converts
        }
    )
    one = await routes.find("xn--bcher-kva.example")
    assert isinstance(one, Destination)
    assert one.by_route
    assert one.hosts == (Host("127.0.0.1", 2527, ("127.0.0.1",), 0, "off"),)
    other = await routes.find("anything.example")
    assert isinstance(other, Destination)
    assert other.hosts == (Host("::1", 465, ("::1",), 0, "implicit", "ann", "secret"),)
    assert "secret" not in repr(other)
    assert world.dns.queries == []


async def test_a_route_by_name_is_looked_up_and_its_failure_is_never_the_recipients(world: World) -> None:
    """A smarthost that DNS does not know is our trouble: deferred."""
    world.dns.add("smart.test", "A", "10.0.0.1")
    routes = world.routes(routes={"a.example": Route(host="smart.test"), "b.example": Route(host="typo.test")})
    assert hosts(await routes.find("a.example")) == [(0, "smart.test", ("10.0.0.1",))]
    for _ in range(2):
        assert told(await routes.find("b.example")) == (Reason.CONNECTION_FAILED, False, "4.4.3")
        world.now += 1000


@pytest.mark.parametrize("name", ["a..b", "x" * 64 + ".org"])
async def test_a_name_that_dns_cannot_hold_is_missing(world: World, name: str) -> None:
    """N16: no look-up."""
    assert told(await world.routes().find(name)) == (Reason.DOMAIN_NOT_FOUND, False, "4.1.2")
    assert world.dns.queries == []


@pytest.mark.parametrize(
    ("path", "domain", "expected"),
    [("a@example.org", "example.org", "example.org"), ("a@[IPv6:::1]", "", "[ipv6:::1]")],
)
def test_next_hop(make_job: Callable[..., Job], path: str, domain: str, expected: str) -> None:
    """The domain, or the literal."""
    assert next_hop(make_job(forward_path=path, domain=domain)) == expected


def test_the_order_is_by_preference_shuffled_within_one_failing_last() -> None:
    """Draws decide among equals; an address that failed lately waits behind all others."""
    destination = Destination(
        "key",
        (Host("a", 25, ("1", "2"), 10), Host("b", 25, ("3",), 20), Host("c", 25, ("4",), 20)),
        by_route=False,
        until=0.0,
    )

    def order(draws: list[float], failing: set[str]) -> list[str]:
        drawn = iter(draws)
        return [
            address for _, address in in_order(destination, draw=lambda: next(drawn), failing=lambda a, _: a in failing)
        ]

    assert order([0.9, 0.1, 0.2], set()) == ["1", "2", "3", "4"]
    assert order([0.1, 0.9, 0.2], set()) == ["1", "2", "4", "3"]
    assert order([0.1, 0.1, 0.2], {"1", "3"}) == ["2", "4", "1", "3"]
