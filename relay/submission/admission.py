"""Who hands mail over, and whether they may now: proved users, networks that need no password, and rates."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from relay.submission import replies
from relay.submission.handler import Session
from relay.submission.rate import HOUR, Rates
from relay.submission.sender import SenderDomains
from store.credentials import Credential
from store.nouns import Reply


class Credentials(Protocol):
    """What is needed of ``store.credentials``."""

    async def check(self, user: str, password: str, client: str) -> Credential | None:
        """Say whose password it is."""

    async def current(self, user: str) -> Credential | None:
        """Say what a user that proved itself may do now; None: it is no longer in force."""

    async def of_network(self, client: str) -> Credential | None:
        """Say whose network needs no password."""

    async def taken_since(self, name: str, since: float) -> int:
        """Count the messages of a credential."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who hands a message over."""

    name: str  # of the credential, or the trusted network
    domains: SenderDomains
    rate: int = 0  # messages per hour; 0: any number


class Admission:
    """Knows who may send. ``trusted_networks`` may without any credential."""

    def __init__(self, credentials: Credentials, trusted_networks: Sequence[str], clock: Callable[[], float]) -> None:
        self._credentials = credentials
        self._trusted = [ipaddress.ip_network(network) for network in trusted_networks]
        self._clock = clock
        self._rates = Rates()
        self._trusted_sender = lru_cache(1024)(self._find_trusted)

    async def sender(self, session: Session) -> Sender | Reply:
        """
        Say who is there, or give the reply to who may not send.

        A credential that was revoked since it proved itself is taken from the session: 535 now, then 530.
        """
        if session.credential is not None:
            found = await self._credentials.current(session.credential.user)
            if found is None:
                session.credential = None
                return replies.AUTH_REVOKED
        else:
            found = await self._credentials.of_network(session.client_address)
        if found is not None:
            sender = Sender(found.name, SenderDomains(found.from_domains), found.rate)
            return replies.RATE_SPENT if await self._spent(sender) else sender
        return self._trusted_sender(session.client_address) or replies.AUTH_FIRST

    def take(self, sender: Sender) -> None:
        """Count a message that is about to be written."""
        if sender.rate:
            self._rates.take(sender.name)

    def give_back(self, sender: Sender) -> None:
        """Uncount it: it was not written."""
        if sender.rate:
            self._rates.give_back(sender.name)

    async def _spent(self, sender: Sender) -> bool:
        if not sender.rate:
            return False
        now = self._clock()
        if self._rates.is_stale(sender.name, now):
            self._rates.looked(sender.name, await self._credentials.taken_since(sender.name, now - HOUR), now)
        return self._rates.spent(sender.name, sender.rate)

    def _find_trusted(self, client: str) -> Sender | None:
        try:
            address = ipaddress.ip_address(client)
        except ValueError:  # a proxy did not name the client
            return None
        network = next((network for network in self._trusted if address in network), None)
        return Sender(str(network), SenderDomains(())) if network is not None else None
