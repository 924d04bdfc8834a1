"""Suppressions: addresses that mail is no longer sent to, with what caused it. What expired does not count."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Text, bindparam, delete, insert, or_, select

from store.addresses import address_key
from store.audit import Note, submit
from store.engine import Reader
from store.nouns import Reason
from store.rows import Suppression
from store.schema import suppression
from store.sql import among
from store.writer import Kind, Transaction, Writer

__all__ = ["LIVE", "Suppression", "Suppressions", "suppression_of"]

LIVE = or_(suppression.c.expires_at.is_(None), suppression.c.expires_at > bindparam("now"))
_GET = select(suppression).where(suppression.c.address_key == bindparam("key"), LIVE)
_LIST = (
    select(suppression)
    .where(suppression.c.address_key > bindparam("after"), LIVE)
    .order_by(suppression.c.address_key)
    .limit(bindparam("limit"))
)
_FORGET = delete(suppression).where(among(suppression.c.address_key, "keys", Text))
_ADD = insert(suppression)
_LIFT = delete(suppression).where(suppression.c.address_key == bindparam("key"))


def _add(transaction: Transaction, wishes: Sequence[dict[str, Any]]) -> list[None]:
    rows = {wish["address_key"]: wish for wish in wishes}
    transaction.connection.execute(_FORGET, {"keys": list(rows)})
    transaction.connection.execute(_ADD, list(rows.values()))
    return [None] * len(wishes)


def _lift(transaction: Transaction, wishes: Sequence[str]) -> list[bool]:
    return [transaction.connection.execute(_LIFT, {"key": key}).rowcount > 0 for key in wishes]


def _add_lists(transaction: Transaction, wishes: Sequence[list[dict[str, Any]]]) -> list[int]:
    for rows in wishes:
        _add(transaction, rows)
    return [len({row["address_key"] for row in rows}) for rows in wishes]


_ADDS = Kind("add suppressions", _add)
_ADDS_LISTS = Kind("add lists of suppressions", _add_lists)
_LIFTS = Kind("lift suppressions", _lift)


class Suppressions:
    """What people do with suppressions; failures add theirs through ``Queue.settle``."""

    def __init__(self, reader: Reader, writer: Writer, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock

    async def get(self, address: str) -> Suppression | None:
        """Give the suppression of an address, however it is written; None: mail may be sent."""
        given = {"key": address_key(address), "now": self._clock()}
        rows = await self._reader.run(lambda connection: connection.execute(_GET, given).all())
        return suppression_of(rows[0]) if rows else None

    async def add(
        self,
        address: str,
        reason: Reason = Reason.SUPPRESSED,
        note: str = "",
        *,
        expires_at: float | None = None,
        noted: Note | None = None,
    ) -> None:
        """Suppress an address because a person says so; only a person, or ``expires_at``, lifts it again."""
        await submit(self._writer, _ADDS, self._row(address, reason, note, expires_at), noted)

    async def add_all(self, addresses: Sequence[tuple[str, str]], *, noted: Note | None = None) -> None:
        """Suppress each address, with a note for each, in one transaction: some hundreds of them at most."""
        rows = [self._row(address, Reason.SUPPRESSED, note, None) for address, note in addresses]
        await submit(self._writer, _ADDS_LISTS, rows, noted, weight=len(rows))

    async def lift(self, address: str, *, noted: Note | None = None) -> bool:
        """Let mail go to an address again. False: it was not suppressed."""
        live = await self.get(address) is not None
        lifted = await submit(self._writer, _LIFTS, address_key(address), noted, happened=lambda was: was and live)
        return lifted and live

    def _row(self, address: str, reason: Reason, note: str, expires_at: float | None) -> dict[str, Any]:
        return {
            "address_key": address_key(address),
            "address": address,
            "reason": reason.value,
            "caused_by": None,
            "at": self._clock(),
            "expires_at": expires_at,
            "note": note,
        }

    async def list(self, limit: int = 100, after: str = "") -> Sequence[Suppression]:
        """Give suppressions in order of ``address_key``, those behind ``after``."""
        given = {"limit": limit, "after": after, "now": self._clock()}

        def read(connection: Connection) -> Sequence[Suppression]:
            return [suppression_of(row) for row in connection.execute(_LIST, given)]

        return await self._reader.run(read)


def suppression_of(row: Any) -> Suppression:
    """Make it from a row of the table."""
    return Suppression(
        address_key=row.address_key,
        address=row.address,
        reason=Reason(row.reason),
        caused_by=row.caused_by,
        at=row.at,
        expires_at=row.expires_at,
        note=row.note,
    )
