"""How TLS to mail hosts went, added up by day, for the reports that their domains ask for (RFC 8460)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from store.engine import Reader
from store.nouns import TlsResult
from store.schema import tls_result
from store.writer import Kind, Transaction, Writer

KEPT_DAYS = 7  # a report that could not be made in that time is not made any more


def _add(insert: Any) -> Any:
    statement = insert(tls_result)
    return statement.on_conflict_do_update(
        index_elements=[tls_result.c.day, tls_result.c.domain, tls_result.c.facts],
        set_={"sessions": tls_result.c.sessions + statement.excluded.sessions},
    )


_ADD = {"sqlite": _add(sqlite.insert), "postgresql": _add(postgresql.insert)}
# Served by the primary key, as is _FORGET.
_OF_DAY = (
    select(tls_result)
    .where(tls_result.c.day == bindparam("of"))
    .order_by(tls_result.c.domain, tls_result.c.sessions.desc(), tls_result.c.facts)
)
_FORGET = delete(tls_result).where(tls_result.c.day <= bindparam("of"))


def _add_all(transaction: Transaction, wishes: Sequence[Sequence[TlsResult]]) -> list[None]:
    rows = [
        {"day": result.day, "domain": result.domain, "facts": result.facts, "sessions": result.sessions}
        for results in wishes
        for result in sorted(results, key=lambda result: (result.day, result.domain, result.facts))
    ]
    if rows:
        transaction.connection.execute(_ADD[transaction.dialect], rows)
    return [None] * len(wishes)


def _forget(transaction: Transaction, wishes: Sequence[int]) -> list[None]:
    transaction.connection.execute(_FORGET, {"of": max(wishes)})
    return [None] * len(wishes)


_ADDING: Kind[Sequence[TlsResult], None] = Kind("add TLS results", _add_all)
_FORGETTING: Kind[int, None] = Kind("forget TLS results", _forget)


class TlsResults:
    """Adds up, gives and forgets."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self._reader = reader
        self._writer = writer

    async def add(self, results: Sequence[TlsResult]) -> None:
        """Add sessions to what is there. Raises StoreUnavailable: none was added."""
        await self._writer.submit(_ADDING, results, weight=len(results))

    async def of_day(self, day: int) -> list[TlsResult]:
        """Give a day's, by domain, the most frequent first."""
        rows = await self._reader.run(lambda connection: connection.execute(_OF_DAY, {"of": day}).all())
        return [TlsResult(row.day, row.domain, row.facts, row.sessions) for row in rows]

    async def forget(self, day: int) -> None:
        """Delete what is of this day or an earlier one."""
        await self._writer.submit(_FORGETTING, day)
