"""
Tokens of the API: what programs prove themselves with, apart from the passwords of SMTP and of people.

A token is made by us: a prefix that scanners for lost secrets know, and 256 random bits. The store keeps its SHA-256.
What is looked up is kept in memory for some seconds.
"""

import contextlib
import hashlib
import json
import re
import secrets
import string
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from store.audit import Note, submit
from store.engine import Reader
from store.errors import StoreUnavailable
from store.schema import api_token
from store.token_nouns import Scope, Token
from store.writer import Kind, Transaction, Writer

PREFIX = "homing_"
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_ALPHABET = string.digits + string.ascii_letters
_LENGTH = 43  # of 62 letters: 256 bits
_FRESH_SECONDS = 5.0  # a revoked token works no longer than that
_USED_EVERY = 60.0  # seconds: how exact ``last_used_at`` is

_ADD = insert(api_token)
_ALL = select(api_token).order_by(api_token.c.name)
_LIVE = select(api_token).where(api_token.c.revoked_at.is_(None))
_REVOKE = (
    update(api_token)
    .where(api_token.c.name == bindparam("b_name"), api_token.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_USED = (
    update(api_token)
    .where(api_token.c.name == bindparam("b_name"))
    .values(last_used_at=bindparam("now"), last_used_from=bindparam("address"))
)


def _add(transaction: Transaction, wishes: Sequence[dict[str, Any]]) -> list[None]:
    transaction.connection.execute(_ADD, list(wishes))
    return [None] * len(wishes)


def _revoke(transaction: Transaction, wishes: Sequence[tuple[str, float]]) -> list[bool]:
    return [transaction.connection.execute(_REVOKE, {"b_name": name, "now": now}).rowcount > 0 for name, now in wishes]


def _use(transaction: Transaction, wishes: Sequence[dict[str, Any]]) -> list[None]:
    transaction.connection.execute(_USED, list(wishes))
    return [None] * len(wishes)


_ADDS = Kind("add tokens", _add)
_REVOKES = Kind("revoke tokens", _revoke)
_USES = Kind("note the use of tokens", _use)


class Tokens:
    """Makes, checks and revokes tokens."""

    def __init__(self, reader: Reader, writer: Writer, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._known: dict[bytes, Token] = {}  # by hash; those that are not revoked
        self._known_at = float("-inf")
        self._noted: dict[str, float] = {}  # name -> when its use was noted last

    async def create(
        self,
        name: str,
        scopes: Sequence[Scope],
        *,
        expires_at: float | None = None,
        from_domains: Sequence[str] = (),
        rate: int = 0,
        noted: Note | None = None,
    ) -> str:
        """
        Make a token and give it; it is never to be had again.

        Raises:
            ValueError: The name is taken or no name, there is no scope, the rate is below 0, or it has expired
                already; in a plain sentence.
        """
        if not name or len(name) > 200 or _UNSEEN.search(name):
            raise ValueError("a token needs a name of up to 200 letters on one line")
        if not scopes:
            raise ValueError("a token without a scope may do nothing: read, send or admin")
        if not 0 <= rate < 2**31:
            raise ValueError(f"a rate of {rate} messages per hour makes no sense; 0 is any number")
        now = self._clock()
        if expires_at is not None and expires_at <= now:
            raise ValueError("this token would have expired already")
        token = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        row = {
            "name": name,
            "token_hash": _hash(token),
            "scopes": json.dumps(sorted({scope.value for scope in scopes})),
            "from_domains": json.dumps([domain.lower() for domain in from_domains]),
            "rate": rate,
            "created_at": now,
            "expires_at": expires_at,
        }
        try:
            await submit(self._writer, _ADDS, row, noted)
        except IntegrityError as error:
            raise ValueError(f"there is a token named {name} already, maybe a revoked one") from error
        self._known_at = float("-inf")
        return token

    async def check(self, token: str, address: str) -> Token | None:
        """
        Give what a token may do; None: it is none, or no longer. ``address``, an IP, is noted as its last user.

        The hash is looked up, not compared: who tries to guess learns nothing of a hash's beginning from the time.
        """
        if not token.startswith(PREFIX) or len(token) != len(PREFIX) + _LENGTH or not token.isascii():
            return None
        await self._refresh()
        found = self._known.get(_hash(token))
        now = self._clock()
        if found is None or not found.in_force(now):
            return None
        self._note_use(found.name, now, address)
        return found

    def _note_use(self, name: str, now: float, address: str) -> None:
        """Have its use written down with the next transaction; a store that cannot be written keeps nobody out."""
        if 0 <= now - self._noted.get(name, float("-inf")) < _USED_EVERY or self._writer.trouble is not None:
            return
        self._noted[name] = now
        with contextlib.suppress(StoreUnavailable):
            self._writer.enqueue(_USES, {"b_name": name, "now": now, "address": address})

    async def named(self, name: str) -> Token | None:
        """Give a token that is in force, by its name."""
        await self._refresh()
        now = self._clock()
        return next((it for it in self._known.values() if it.name == name and it.in_force(now)), None)

    async def _refresh(self) -> None:
        """Read again what is in force, when what is known is some seconds old."""
        now = self._clock()
        if self._known_at <= now < self._known_at + _FRESH_SECONDS:
            return
        rows = await self._reader.run(lambda connection: connection.execute(_LIVE).all())
        self._known = {bytes(row.token_hash): _token(row) for row in rows}
        self._known_at = now

    async def list(self) -> Sequence[Token]:
        """Give all, in order of name, the revoked ones too."""

        def read(connection: Connection) -> Sequence[Token]:
            return [_token(row) for row in connection.execute(_ALL)]

        return await self._reader.run(read)

    async def revoke(self, name: str, *, noted: Note | None = None) -> bool:
        """End a token, within seconds for running processes. False: there is none of that name that is not ended."""
        revoked = await submit(self._writer, _REVOKES, (name, self._clock()), noted, happened=bool)
        self._known_at = float("-inf")
        return revoked


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode("ascii")).digest()


def _token(row: Any) -> Token:
    return Token(
        name=row.name,
        scopes=tuple(Scope(scope) for scope in json.loads(row.scopes)),
        from_domains=tuple(json.loads(row.from_domains)),
        rate=row.rate,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        last_used_from=row.last_used_from,
        revoked_at=row.revoked_at,
    )
