"""
The domains that a sender writes to most, of those where mail arrived: what a mistyped domain may have been meant to be.

Looked up among the newest recipients only, by their primary key, and kept for a while: a page with many failures asks
once.
"""

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, select

from store.engine import Reader
from store.schema import message, recipient

NEWEST = 10_000  # recipients looked at
FEWEST = 3  # mails that must have arrived: a domain that was mistyped once is not one of the sender's own
MOST = 20  # domains given
KEPT = 600.0  # seconds

_newest = (
    select(recipient.c.message_id, recipient.c.domain, recipient.c.delivered_at, recipient.c.bounced_at)
    .order_by(recipient.c.id.desc())
    .limit(bindparam("newest"))
    .subquery()
)
_arrived = func.count().label("arrived")
# Served by the primary keys.
_USED = (
    select(message.c.credential, _newest.c.domain, _arrived)
    .join_from(_newest, message, message.c.id == _newest.c.message_id)
    .where(_newest.c.delivered_at.is_not(None), _newest.c.bounced_at.is_(None), _newest.c.domain != "")
    .group_by(message.c.credential, _newest.c.domain)
    .having(func.count() >= bindparam("fewest"))
    .order_by(_arrived.desc(), _newest.c.domain)
)


class Domains:
    """Knows the domains that each sender writes to."""

    def __init__(self, reader: Reader, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._clock = clock
        self._known: Mapping[str, Sequence[str]] = {}
        self._read_at: float | None = None

    async def most_used(self, credential: str) -> Sequence[str]:
        """
        Give the domains that a credential's mail arrives at, the most used first, at most MOST.

        What was read is given for KEPT seconds. Raises StoreUnavailable.
        """
        now = self._clock()
        if self._read_at is None or not 0 <= now - self._read_at < KEPT:
            self._known = await self._reader.run(_read)
            self._read_at = now
        return self._known.get(credential, ())


def _read(connection: Connection) -> dict[str, list[str]]:
    used: dict[str, list[str]] = {}
    for row in connection.execute(_USED, {"newest": NEWEST, "fewest": FEWEST}):
        used.setdefault(row.credential, []).append(row.domain)
    return {credential: domains[:MOST] for credential, domains in used.items()}
