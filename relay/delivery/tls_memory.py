"""
What is remembered about other servers' TLS, over restarts: MTA-STS policies, and domains seen with verified TLS.

Both exist to withstand who can forge DNS for a while, so they must outlive this process. They lie in one small file,
which is written anew, whole, after each change, and read once. It holds nothing that cannot be found out again, so a
damaged one is told in the log and begun anew. Each node has its own.
"""

import asyncio
import json
import logging
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from relay.delivery.sts_policy import BadPolicy, Policy, read_stored

MOST_DOMAINS = 10_000  # of each kind; the one used longest ago goes first
MOST_OCTETS = 16 * 1024**2  # of all policies' names together
SEEN_FOR = 30 * 86400.0  # seconds that a domain counts as seen with verified TLS (robustness.md 2.6)
_NOTED_FOR = 86400.0  # seen again within so long is not noted again
_DAY = 86400.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """A policy with the id that its TXT record had, and when it was fetched (Unix seconds)."""

    id: str
    policy: Policy
    fetched_at: float

    @property
    def expires_at(self) -> float:
        """Until when it is obeyed, whatever becomes of its TXT record and its web server."""
        return self.fetched_at + self.policy.max_age

    def alive(self, now: float) -> bool:
        """Whether it is to be obeyed; a clock that jumped back by more than a day counts as well."""
        return self.fetched_at - _DAY <= now < self.expires_at


class TlsMemory:
    """See the module. ``path`` None: nothing outlives this process. ``clock``: Unix seconds."""

    def __init__(self, path: Path | None, *, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._policies: OrderedDict[str, KeptPolicy] = OrderedDict()
        self._octets = 0
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._changed = False
        self._writing: asyncio.Task[None] | None = None

    def load(self) -> None:
        """Read the file. One that cannot be read is told in the log: nothing is known then."""
        if self._path is None or not self._path.exists():
            return
        try:
            content = json.loads(self._path.read_bytes())
            for domain, kept in content["policies"].items():
                policy = KeptPolicy(str(kept["id"]), read_stored(kept["policy"]), float(kept["fetched_at"]))
                if policy.alive(self._clock()):
                    self._put(domain, policy)
            for domain, at in content["seen"].items():
                self._seen[domain] = float(at)
        except (OSError, ValueError, TypeError, KeyError, AttributeError, BadPolicy) as error:
            _log.warning("%s cannot be read, what it knew of other servers' TLS is lost: %r", self._path, error)
        self._trim()

    def policy(self, domain: str) -> KeptPolicy | None:
        """Give the policy of a domain that is still to be obeyed."""
        kept = self._policies.get(domain)
        if kept is None or not kept.alive(self._clock()):
            return None
        self._policies.move_to_end(domain)
        return kept

    def known_policy(self, domain: str) -> Policy | None:
        """Give the policy of a domain as it was read."""
        kept = self.policy(domain)
        return kept.policy if kept else None

    def keep(self, domain: str, kept: KeptPolicy) -> None:
        """Keep a policy in the place of an earlier one."""
        self._put(domain, kept)
        self._trim()
        self._note_change()

    def seen_verified(self, domain: str) -> bool:
        """Whether mail for this domain went over verified TLS within SEEN_FOR."""
        return abs(self._clock() - self._seen.get(domain, float("-inf"))) <= SEEN_FOR

    def see_verified(self, domain: str) -> None:
        """Note that a host of this domain has proved who it is."""
        now = self._clock()
        if abs(now - self._seen.get(domain, float("-inf"))) >= _NOTED_FOR:
            self._seen[domain] = now
            self._seen.move_to_end(domain)
            self._trim()
            self._note_change()

    async def close(self) -> None:
        """Write what is not written yet."""
        while self._writing is not None:  # what changed meanwhile is written next
            await self._writing

    def _put(self, domain: str, kept: KeptPolicy) -> None:
        before = self._policies.pop(domain, None)
        self._octets += _octets(kept) - (_octets(before) if before else 0)
        self._policies[domain] = kept

    def _trim(self) -> None:
        while len(self._policies) > MOST_DOMAINS or self._octets > MOST_OCTETS:
            _, kept = self._policies.popitem(last=False)
            self._octets -= _octets(kept)
        while len(self._seen) > MOST_DOMAINS:
            self._seen.popitem(last=False)

    def _note_change(self) -> None:
        self._changed = True
        if self._path is not None and self._writing is None:
            self._writing = asyncio.get_running_loop().create_task(self._write(self._path))
            self._writing.add_done_callback(self._written)

    def _written(self, _: asyncio.Task[None]) -> None:
        self._writing = None
        if self._changed:
            self._note_change()

    async def _write(self, path: Path) -> None:
        """Write all of it into a file beside, and put that in the old one's place."""
        self._changed = False
        content = self._content()
        try:
            await asyncio.to_thread(_replace, path, content)
        except OSError as error:
            _log.warning("%s cannot be written: %s", path, error)

    def _content(self) -> dict[str, Any]:
        now = self._clock()
        policies = {domain: asdict(kept) for domain, kept in self._policies.items() if kept.alive(now)}
        return {"policies": policies, "seen": {domain: at for domain, at in self._seen.items() if now - at <= SEEN_FOR}}


def _octets(kept: KeptPolicy) -> int:
    return sum(map(len, kept.policy.mx))


def _replace(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.new")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
