"""relay/delivery/providers.py: who stands behind mail hosts, and how fast each is spoken to."""

import pytest

from relay.delivery.pacing import Pace
from relay.delivery.providers import PROVIDERS, Paces, Provider, group_name, provider_of
from relay.delivery.route import Destination, Host
from relay.settings import DeliverySettings, PaceSettings


def destination(*hosts: str, by_route: bool = False) -> Destination:
    return Destination("the key", tuple(Host(name, 25, ("192.0.2.1",)) for name in hosts), by_route=by_route, until=0.0)


@pytest.mark.parametrize("provider", PROVIDERS, ids=lambda it: it.name)
def test_each_example_finds_its_own_entry(provider: Provider) -> None:
    """No entry hides another, and no number is odd."""
    assert provider_of(provider.example) is provider
    assert provider_of(provider.example.upper() + ".") is provider
    assert 1 <= provider.pace.connections <= 20
    assert sum(it.name == provider.name for it in PROVIDERS) == 1


@pytest.mark.parametrize(
    ("hosts", "name"),
    [
        (["aspmx.l.google.com", "alt1.aspmx.l.google.com"], "google"),
        (["a-org.mail.protection.outlook.com"], "microsoft-365"),
        (["outlook-com.olc.protection.outlook.com"], "microsoft-consumer"),
        (["mx1.hoster.co.uk"], "hoster.co.uk"),
        (["kunde7.mx.hoster.de"], "hoster.de"),
        (["notgoogle.com"], "notgoogle.com"),
        (["192.0.2.1"], "the key"),
        (["[IPv6:2001:db8::1]"], "the key"),
        (["localhost"], "localhost"),
        ([], "the key"),
    ],
)
def test_groups(hosts: list[str], name: str) -> None:
    """A provider, or the registrable domain of the mail hosts; names that only end alike are others."""
    assert group_name(destination(*hosts)) == name


def test_a_route_is_a_group_by_itself() -> None:
    """Its host may be any provider's: the operator's choice has its own limits."""
    assert group_name(destination("smtp.google.com", by_route=True)) == "the key"


def test_paces() -> None:
    """Shipped ones, at most the usual connections; what the operator names comes first, part by part."""
    named = {
        "yahoo": PaceSettings(connections=30),
        "hoster.de": PaceSettings(per_minute=10),
        "mx.x.test": PaceSettings(messages=3),
    }
    paces = Paces(DeliverySettings(connections_per_destination=8, pacing=named))
    assert paces.of("google") == Pace(8, 0.0, 100)
    assert paces.of("yahoo") == Pace(30, 0.0, 20)
    assert paces.of("hoster.de") == Pace(8, 10.0, 0)
    assert paces.of("x.test", ["mx.x.test"]) == Pace(8, 0.0, 3)
    assert paces.of("anybody.example") == Pace(8)


def test_workers_keep_the_limits_together() -> None:
    """Each has its part of connections and mails a minute, and one connection at least."""
    named = {"hoster.de": PaceSettings(per_minute=10), "one.test": PaceSettings(connections=1)}
    paces = Paces(DeliverySettings(connections_per_destination=8, pacing=named), workers=4)
    assert paces.of("google") == Pace(2, 0.0, 100)
    assert paces.of("hoster.de") == Pace(2, 2.5, 0)
    assert paces.of("one.test") == Pace(1)
