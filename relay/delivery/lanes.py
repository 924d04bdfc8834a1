"""All lanes, and the groups that share their limits: who has much waiting, and who is forgotten."""

from collections import OrderedDict
from collections.abc import Iterator

from relay.delivery.lane import Lane
from relay.delivery.pacing import Group
from relay.delivery.providers import Paces, group_name
from relay.delivery.route import Destination
from relay.settings import DeliverySettings

LANE_FULL = 200  # waiting for one group, above which no more of its domains are claimed
MOST_LANES = 10_000
_MOST_DOMAINS = 5_000  # remembered of one group


class Lanes:
    """Finds the lane of a destination."""

    def __init__(self, settings: DeliverySettings, workers: int = 1) -> None:
        self._most = max(1, settings.connections_per_destination // workers)
        self._paces = Paces(settings, workers)
        self._lanes: OrderedDict[str, Lane] = OrderedDict()
        self._groups: dict[str, Group] = {}

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    def __getitem__(self, key: str) -> Lane:
        return self._lanes[key]

    def __contains__(self, key: str) -> bool:
        return key in self._lanes

    def of(self, destination: Destination, domain: str) -> Lane:
        """Give the lane of a destination, which takes mail for ``domain``."""
        lane = self._lanes.get(destination.key)
        if lane is None:
            group = self._group(destination)
            most = max(self._most, group.pace.connections)
            lane = self._lanes[destination.key] = Lane(destination, group, most)
        lane.destination = destination
        domains = lane.group.domains
        if domain and domain not in domains:
            if len(domains) >= _MOST_DOMAINS:
                domains.pop()
            domains.add(domain)
        return lane

    def _group(self, destination: Destination) -> Group:
        name = group_name(destination)
        group = self._groups.get(name)
        if group is None:
            pace = self._paces.of(name, [host.name for host in destination.hosts])
            group = self._groups[name] = Group(name, pace)
        return group

    @property
    def crowded(self) -> bool:
        """Whether there are too many to keep all in mind."""
        return len(self._lanes) > MOST_LANES

    def forget(self) -> list[str]:
        """Drop lanes without work, the healthy ones first, then those down longest; give their keys."""
        idle = [lane for lane in self if not lane.jobs and not lane.busy]
        idle.sort(key=lambda lane: (lane.failures > 0, lane.down_until))
        keys = [lane.key for lane in idle[: MOST_LANES // 10]]
        for key in keys:
            self._lanes.pop(key).group.waiting.pop(key, None)
        used = {lane.group.name for lane in self._lanes.values()}
        self._groups = {name: group for name, group in self._groups.items() if name in used or group.timer}
        return keys

    def full_domains(self, most: int) -> tuple[set[str], int]:
        """Give the domains of groups in which ``most`` or more jobs wait, and how many jobs wait in those groups."""
        waiting: dict[str, int] = {}
        for lane in self._lanes.values():
            if lane.jobs:
                waiting[lane.group.name] = waiting.get(lane.group.name, 0) + len(lane.jobs)
        full = {name: count for name, count in waiting.items() if count >= most}
        domains: set[str] = set()
        for name in full:
            domains |= self._groups[name].domains
        return domains, sum(full.values())
