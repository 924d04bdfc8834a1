"""Who stands behind mail hosts, and how fast each is spoken to: ``providers.toml``, or what the operator says."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from ipaddress import ip_address

from publicsuffixlist import PublicSuffixList

from relay.delivery.pacing import Pace
from relay.delivery.route import Destination
from relay.settings import DeliverySettings, PaceSettings


@dataclass(frozen=True, slots=True)
class Provider:
    """One entry of ``providers.toml``."""

    name: str
    mx: tuple[str, ...]
    example: str
    pace: Pace


def _load() -> tuple[Provider, ...]:
    data = tomllib.loads(files("relay.delivery").joinpath("providers.toml").read_text(encoding="utf-8"))
    return tuple(
        Provider(
            name=entry["name"],
            mx=tuple(entry["mx"]),
            example=entry["example"],
            pace=Pace(entry["connections"], float(entry.get("per_minute", 0)), entry.get("messages", 0)),
        )
        for entry in data["provider"]
    )


PROVIDERS = _load()
_BY_MX = {suffix: provider for provider in PROVIDERS for suffix in provider.mx}


@cache
def _suffixes() -> PublicSuffixList:
    """Read the list when the first mail goes to none of the providers: 20 ms, and two megabytes from then on."""
    return PublicSuffixList()


def provider_of(host: str) -> Provider | None:
    """Find the provider that a mail host belongs to; None: it is none of ours."""
    labels = host.lower().rstrip(".").split(".")
    return next((found for n in range(len(labels)) if (found := _BY_MX.get(".".join(labels[n:])))), None)


def group_name(destination: Destination) -> str:
    """
    Name the group that shares its limits: a provider, or the registrable domain of the mail hosts.

    The best host names it. What the operator chose by a route, and a bare address, is a group by itself.
    """
    host = destination.hosts[0].name if destination.hosts else ""
    if destination.by_route or not host or _is_address(host):
        return destination.key
    provider = provider_of(host)
    return provider.name if provider else _suffixes().privatesuffix(host.lower().rstrip(".")) or host


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]").removeprefix("IPv6:"))
    except ValueError:
        return False
    return True


class Paces:
    """
    Gives the pace of each group. Never more than ``connections_per_destination``, unless the operator names it.

    With several workers each gives its part of it, of connections at least one: together they keep the limits.
    """

    def __init__(self, settings: DeliverySettings, workers: int = 1) -> None:
        self._workers = workers
        self._usual = settings.connections_per_destination
        self._named: Mapping[str, PaceSettings] = settings.pacing
        self._shipped = {provider.name: provider.pace for provider in PROVIDERS}

    def of(self, name: str, hosts: Sequence[str] = ()) -> Pace:
        """Give the pace of a group; ``hosts`` are its mail hosts, by whose names an operator may have named it too."""
        pace = self._of_all(name, hosts)
        connections = max(1, pace.connections // self._workers)
        return replace(pace, connections=connections, per_minute=pace.per_minute / self._workers)

    def _of_all(self, name: str, hosts: Sequence[str]) -> Pace:
        shipped = self._shipped.get(name)
        usual = Pace(self._usual)
        pace = replace(shipped, connections=min(shipped.connections, self._usual)) if shipped else usual
        said = next((self._named[key] for key in (name, *hosts) if key in self._named), None)
        if said is None:
            return pace
        return Pace(
            connections=said.connections or pace.connections,
            per_minute=said.per_minute or pace.per_minute,
            messages=said.messages or pace.messages,
        )
