"""
The audit: who changed what, when, from where, with what was there before and after. Appended, never changed.

What changes the store takes a ``Note`` along and is carried out by ``submit``, which writes both in one transaction: no
change stands there without its line, and no line without its change. Secrets are never handed to it: a password that
was changed is told as changed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A line that is to be written with its change. Made by ``Audit.prepare``."""

    id: int
    at: float
    who: str
    address: str
    action: str
    subject: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    tell: Callable[[Any], Mapping[str, Any]] | None = None  # what ``after`` says of the result besides

    def about(self, subject: object) -> "Note":
        """Give the same line about what only the change itself makes: an id."""
        return replace(self, subject=str(subject))

    def row(self, result: Any) -> dict[str, Any]:
        """Give the row, after a change that came to ``result``."""
        after = {**self.after, **(self.tell(result) if self.tell else {})}
        return {
            "id": self.id,
            "at": self.at,
            "who": self.who,
            "address": self.address,
            "action": self.action,
            "subject": self.subject,
            "before": json.dumps(dict(self.before), ensure_ascii=False),
            "after": json.dumps(after, ensure_ascii=False),
        }


W = TypeVar("W")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Noted:
    kind: Kind[Any, Any]
    wish: Any
    note: Note
    happened: Callable[[Any], bool]


def _carry_out(transaction: Transaction, wishes: Sequence[_Noted]) -> list[Any]:
    results = []
    for it in wishes:
        (result,) = it.kind.perform(transaction, [it.wish])
        if not isinstance(result, Exception) and it.happened(result):
            transaction.connection.execute(_ADD, it.note.row(result))
        results.append(result)
    return results


def _committed(it: _Noted, result: Any) -> None:
    if it.kind.committed is not None:
        it.kind.committed(it.wish, result)


_NOTED = Kind("change and note in the audit", _carry_out, committed=_committed)


def _always(result: object) -> bool:
    del result
    return True


async def submit(
    writer: Writer,
    kind: Kind[W, R],
    wish: W,
    note: Note | None,
    *,
    happened: Callable[[R], bool] = _always,
    weight: int = 1,
) -> R:
    """
    Have a wish carried out by a writer, with its line of the audit in the same transaction.

    Args:
        writer: Of the store.
        kind: Of the wish. It must hold nothing that is let go when nobody waits for it.
        wish: What is to be done.
        note: Its line; None: it needs none.
        happened: Says by the result whether there is anything to note.
        weight: Rows, about.
    """
    if note is None:
        return await writer.submit(kind, wish, weight=weight)
    return cast("R", await writer.submit(_NOTED, _Noted(kind, wish, note, happened), weight=weight + 1))


def _add(transaction: Transaction, notes: Sequence[Note]) -> list[None]:
    transaction.connection.execute(_ADD, [note.row(None) for note in notes])
    return [None] * len(notes)


_ADDS = Kind("add to the audit", _add)


class Audit:
    """Prepares lines, notes what changes nothing of the store, and gives what was noted."""

    def __init__(self, reader: Reader, writer: Writer, nodes: Nodes, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes
        self._clock = clock

    async def prepare(
        self,
        action: str,
        subject: str = "",
        *,
        who: str,
        address: str = "",
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
        tell: Callable[[Any], Mapping[str, Any]] | None = None,
    ) -> Note:
        """
        Make the line that a change takes along.

        Args:
            action: What was done: ``suppression.lift``, ``person.role``.
            subject: What it was done to: an address, a name, an id.
            who: Name of a person, ``token:NAME`` of a token of the API, ``shell:USER`` on the command line.
            address: IP address that the request came from.
            before: What was there, without secrets; JSON values.
            after: What is there now, likewise.
            tell: What of the change's result is to stand in ``after`` besides.
        """
        await self._nodes.join()
        return Note(
            id=self._nodes.ids.next(),
            at=self._clock(),
            who=who,
            address=address,
            action=action,
            subject=subject,
            before=before or {},
            after=after or {},
            tell=tell,
        )

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
        """Note what is no change of the store's own tables, by itself: that a mail was looked at, or sent again."""
        note = await self.prepare(action, subject, who=who, address=address, before=before, after=after)
        await self._writer.submit(_ADDS, note)

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
