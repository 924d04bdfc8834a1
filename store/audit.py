"""
The audit: who changed what, when, from where, with what was there before and after. Appended, never changed.

Secrets are never handed to it: a password that was changed is told as changed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from store.engine import Reader
from store.nodes import Nodes
from store.schema import audit
from store.writer import Kind, Transaction, Writer

_LARGEST_ID = 2**63 - 1
_ADD = insert(audit)
_LIST = select(audit).where(audit.c.id < bindparam("before_id")).order_by(audit.c.id.desc()).limit(bindparam("limit"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of the audit."""

    id: int
    at: float
    who: str  # name of a person, "token:NAME", "shell:USER"
    address: str
    action: str  # "suppression.lift"
    subject: str  # what it was done to
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def _add(transaction: Transaction, rows: Sequence[dict[str, Any]]) -> list[None]:
    transaction.connection.execute(_ADD, list(rows))
    return [None] * len(rows)


_ADDS = Kind("add to the audit", _add)


class Audit:
    """Notes changes, and gives them."""

    def __init__(self, reader: Reader, writer: Writer, nodes: Nodes, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes
        self._clock = clock

    async def note(
        self,
        action: str,
        subject: str = "",
        *,
        who: str,
        address: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """
        Note one change.

        Args:
            action: What was done: ``suppression.lift``, ``person.role``.
            subject: What it was done to: an address, a name, an id.
            who: Name of a person, ``token:NAME`` of a token of the API, ``shell:USER`` on the command line.
            address: IP address that the request came from.
            before: What was there, without secrets; JSON values.
            after: What is there now, likewise.
        """
        await self._nodes.join()
        row = {
            "id": self._nodes.ids.next(),
            "at": self._clock(),
            "who": who,
            "address": address,
            "action": action,
            "subject": subject,
            "before": json.dumps(dict(before or {}), ensure_ascii=False),
            "after": json.dumps(dict(after or {}), ensure_ascii=False),
        }
        await self._writer.submit(_ADDS, row)

    async def list(self, limit: int = 100, *, before: int | None = None) -> Sequence[Change]:
        """Give the newest changes, newest first: ids below ``before``."""
        given = {"limit": limit, "before_id": _LARGEST_ID if before is None else before}

        def read(connection: Connection) -> list[Change]:
            return [_change(row) for row in connection.execute(_LIST, given)]

        return await self._reader.run(read)


def _change(row: Any) -> Change:
    return Change(
        id=row.id,
        at=row.at,
        who=row.who,
        address=row.address,
        action=row.action,
        subject=row.subject,
        before=json.loads(row.before),
        after=json.loads(row.after),
    )
