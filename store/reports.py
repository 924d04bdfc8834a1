"""
Mail that came back as it came: kept for people who want to see it, and for counting.

What came to postmaster@ or abuse@ is about no recipient of ours: it is kept under NOBODY.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select

from store.engine import Reader
from store.nodes import Nodes
from store.schema import report
from store.writer import Kind, Transaction, Writer

NOBODY = 0  # in place of a recipient: no id of ours is 0

_INSERT = insert(report)
_GET = select(report).where(report.c.id == bindparam("id"))
# All served by report_recipient.
_COUNT = select(func.count()).where(
    report.c.recipient_id == bindparam("recipient_id"), report.c.at >= bindparam("since")
)
_SAME = select(report.c.raw).where(
    report.c.recipient_id == bindparam("recipient_id"), func.length(report.c.raw) == bindparam("length")
)
_OF = select(report).where(report.c.recipient_id == bindparam("recipient_id")).order_by(report.c.at)


_OCTETS = func.length(report.c.raw).label("octets")
_LIST = select(report.c.id, report.c.recipient_id, report.c.at, report.c.kind, _OCTETS)
_LIST_OF = _LIST.where(report.c.recipient_id == bindparam("recipient_id")).order_by(report.c.at, report.c.id)
# Served by the primary key.
_NEWEST = _LIST.order_by(report.c.id.desc()).limit(bindparam("limit"))


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One report without its bytes."""

    id: int
    recipient_id: int
    at: float
    kind: str
    octets: int  # as many as are kept


@dataclass(frozen=True, slots=True)
class RawReport:
    """One report."""

    id: int
    recipient_id: int
    at: float
    kind: str
    raw: bytes


def _keep(transaction: Transaction, wishes: Sequence[RawReport]) -> list[int]:
    transaction.connection.execute(
        _INSERT,
        [{"id": it.id, "recipient_id": it.recipient_id, "at": it.at, "kind": it.kind, "raw": it.raw} for it in wishes],
    )
    return [it.id for it in wishes]


_KEEP = Kind("keep reports", _keep)


class Reports:
    """Keeps and gives reports."""

    def __init__(self, reader: Reader, writer: Writer, nodes: Nodes) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes

    async def keep(self, recipient_id: int, at: float, kind: str, raw: bytes) -> int:
        """Keep a report and give its id. Kind ``bounce`` counts in ``RecipientFacts.reports``."""
        await self._nodes.join()
        return await self._writer.submit(_KEEP, RawReport(self._nodes.ids.next(), recipient_id, at, kind, raw))

    async def holds(self, recipient_id: int, raw: bytes) -> bool:
        """Whether this very report is kept for the recipient."""

        def read(connection: Connection) -> bool:
            rows = connection.execute(_SAME, {"recipient_id": recipient_id, "length": len(raw)})
            return any(bytes(row.raw) == raw for row in rows)

        return await self._reader.run(read)

    async def count_since(self, recipient_id: int, at: float) -> int:
        """How many reports came for the recipient since then, of any kind."""
        given = {"recipient_id": recipient_id, "since": at}
        return await self._reader.run(lambda connection: connection.execute(_COUNT, given).scalar_one())

    async def get(self, report_id: int) -> RawReport | None:
        """Give one report; None: there is none, or no longer."""
        rows = await self._reader.run(lambda connection: connection.execute(_GET, {"id": report_id}).all())
        return _report(rows[0]) if rows else None

    async def listed(self, recipient_id: int) -> list[ReportRow]:
        """List the reports of a recipient, oldest first; of NOBODY: mail to postmaster@ and abuse@."""
        given = {"recipient_id": recipient_id}
        return [_row(row) for row in await self._reader.run(lambda c: c.execute(_LIST_OF, given).all())]

    async def newest(self, limit: int) -> list[ReportRow]:
        """List the newest reports of all, newest first."""
        return [_row(row) for row in await self._reader.run(lambda c: c.execute(_NEWEST, {"limit": limit}).all())]

    async def of(self, recipient_id: int) -> list[RawReport]:
        """Give all reports of a recipient, oldest first."""
        given = {"recipient_id": recipient_id}
        return [_report(row) for row in await self._reader.run(lambda c: c.execute(_OF, given).all())]


def _row(row: Any) -> ReportRow:
    return ReportRow(row.id, row.recipient_id, row.at, row.kind, row.octets)


def _report(row: Any) -> RawReport:
    return RawReport(row.id, row.recipient_id, row.at, row.kind, bytes(row.raw))
