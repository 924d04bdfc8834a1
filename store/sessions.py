"""
Who is logged in at the pages: a session for each log-in, told by a token that only its browser has.

The store keeps the token's SHA-256: 256 random bits need no slower hash. A session ends when nobody used it for a
while, after seven days at the latest, when somebody ends it, and when its person gets another password or role.
"""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from store.audit import Note, submit
from store.engine import Reader
from store.nodes import Nodes
from store.nouns import Role
from store.schema import person, session
from store.sql import among
from store.writer import Kind, Transaction, Writer

LONGEST = 7 * 86_400.0  # seconds from the log-in
MOST = 20  # of one person; a new one ends the oldest
_SEEN_EVERY = 60.0  # seconds: how exact ``seen_at`` is
_AGENT = 200  # characters that are kept

_BY_HASH = (
    select(session, person.c.role, person.c.language)
    .join_from(session, person, person.c.name == session.c.person)
    .where(session.c.token_hash == bindparam("token_hash"))
)
_LIST = (
    select(session, person.c.role, person.c.language)
    .join_from(session, person, person.c.name == session.c.person)
    .order_by(session.c.seen_at.desc(), session.c.id)
)
_OF = select(session.c.id).where(session.c.person == bindparam("name")).order_by(session.c.id)
_ADD = insert(session)
_SEEN = update(session).where(session.c.id == bindparam("b_id")).values(seen_at=bindparam("now"))
_PROVED = update(session).where(session.c.id == bindparam("b_id")).values(proved_at=bindparam("now"))
_END = delete(session).where(among(session.c.id, "ids"))
_LAPSED = delete(session).where(or_(session.c.seen_at < bindparam("idle"), session.c.created_at < bindparam("old")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One log-in."""

    id: int
    person: str
    role: Role
    language: str  # that the person chose; "": as the browser asks
    created_at: float
    seen_at: float  # within a minute
    proved_at: float  # when the password was given last
    address: str
    agent: str


_Change = Callable[[Connection], int]
_CHANGES: Kind[_Change, int] = Kind(
    "change sessions", lambda transaction, changes: _carry_out(transaction, list(changes))
)


def _carry_out(transaction: Transaction, changes: Sequence[_Change]) -> list[int]:
    return [change(transaction.connection) for change in changes]


class Sessions:
    """Begins sessions, finds them by their token, and ends them."""

    def __init__(self, reader: Reader, writer: Writer, nodes: Nodes, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._writer = writer
        self._nodes = nodes
        self._clock = clock

    async def begin(self, name: str, *, address: str, agent: str, idle: float, noted: Note | None = None) -> str:
        """Begin a session of a person who gave the right password; give its token, which is kept nowhere."""
        token = secrets.token_urlsafe(32)
        now = self._clock()
        row = {
            "id": self._nodes.ids.next(),
            "token_hash": _hash(token),
            "person": name,
            "created_at": now,
            "seen_at": now,
            "proved_at": now,
            "address": address,
            "agent": agent[:_AGENT],
        }

        def change(connection: Connection) -> int:
            connection.execute(_LAPSED, {"idle": now - idle, "old": now - LONGEST})
            others = list(connection.execute(_OF, {"name": name}).scalars())
            connection.execute(_END, {"ids": others[: max(0, len(others) - MOST + 1)]})
            connection.execute(_ADD, row)
            return 1

        await submit(self._writer, _CHANGES, change, noted)
        return token

    async def find(self, token: str, *, idle: float) -> Session | None:
        """Give the session of a token and note that it is used; None: there is none, or it has ended."""
        given = {"token_hash": _hash(token)}
        row = await self._reader.run(lambda connection: connection.execute(_BY_HASH, given).one_or_none())
        now = self._clock()
        if row is None or row.seen_at < now - idle or row.created_at < now - LONGEST:
            return None
        if row.seen_at < now - _SEEN_EVERY:
            await self._change(lambda connection: connection.execute(_SEEN, {"b_id": row.id, "now": now}).rowcount)
        return _session(row)

    async def prove(self, session_id: int) -> None:
        """Note that the password was given again."""
        given = {"b_id": session_id, "now": self._clock()}
        await self._change(lambda connection: connection.execute(_PROVED, given).rowcount)

    async def list(self, *, idle: float) -> Sequence[Session]:
        """Give all sessions that have not ended, the one used last first."""
        now = self._clock()

        def read(connection: Connection) -> list[Session]:
            return [
                _session(row)
                for row in connection.execute(_LIST)
                if row.seen_at >= now - idle and row.created_at >= now - LONGEST
            ]

        return await self._reader.run(read)

    async def end(self, *session_ids: int, noted: Note | None = None) -> int:
        """End sessions; give how many there were."""
        return await self._change(lambda connection: connection.execute(_END, {"ids": session_ids}).rowcount, noted)

    async def _change(self, change: _Change, noted: Note | None = None) -> int:
        return await submit(self._writer, _CHANGES, change, noted, happened=bool)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def _session(row: Any) -> Session:
    return Session(
        id=row.id,
        person=row.person,
        role=Role(row.role),
        language=row.language,
        created_at=row.created_at,
        seen_at=row.seen_at,
        proved_at=row.proved_at,
        address=row.address,
        agent=row.agent,
    )
