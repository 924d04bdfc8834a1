"""
People who may see the pages, with passwords they can choose: argon2id, in threads, at most two at once.

Whoever gets another password or another role is logged out everywhere, in the transaction that changes it.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from store.audit import Note, submit
from store.engine import Reader
from store.nouns import Role
from store.passwords import weakness
from store.schema import person, session
from store.writer import Kind, Transaction, Writer

_LONGEST_NAME = 64  # characters
_LONGEST = 1_024  # characters of a password; longer ones are wrong

_GET = select(person).where(person.c.name == bindparam("name"))
_LIST = select(person).order_by(person.c.name)
_COUNT = select(func.count()).select_from(person)
_ADMINS = select(person.c.name).where(person.c.role == Role.ADMIN.value)
_ADD = insert(person)
_SET = update(person).where(person.c.name == bindparam("b_name"))
_SET_HASH = _SET.values(password_hash=bindparam("password_hash"), changed_at=bindparam("changed_at"))
_REHASH = _SET.values(password_hash=bindparam("password_hash"))
_SET_ROLE = _SET.values(role=bindparam("role"))
_SET_LANGUAGE = _SET.values(language=bindparam("language"))
_REMOVE = delete(person).where(person.c.name == bindparam("b_name"))
_LOG_OUT = delete(session).where(session.c.person == bindparam("b_name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person, without the password."""

    name: str
    role: Role
    language: str  # "": as the browser asks
    created_at: float
    changed_at: float  # when the password was set last


_Change = Callable[[Connection], bool]


def _change(transaction: Transaction, changes: Sequence[_Change]) -> list[bool | Exception]:
    return [_tried(change, transaction.connection) for change in changes]


def _tried(change: _Change, connection: Connection) -> bool | Exception:
    try:
        with connection.begin_nested():
            return change(connection)
    except (ValueError, IntegrityError) as error:
        return error


_CHANGES: Kind[_Change, bool] = Kind("change people", _change)


class People:
    """Makes people and checks their passwords."""

    def __init__(self, reader: Reader, writer: Writer, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._hasher = PasswordHasher()
        self._nobody = ""  # the hash that is checked when the name is not known
        self._turns = asyncio.Semaphore(2)  # each takes 64 MiB and a core

    async def create(self, name: str, password: str, role: Role = Role.ADMIN, *, noted: Note | None = None) -> None:
        """Make a person. ValueError where the name is taken or unfit, or the password weak."""
        if not name or len(name) > _LONGEST_NAME or not name.isprintable() or name != name.strip():
            raise ValueError(f"a name has 1 to {_LONGEST_NAME} letters that can be seen")
        row = {"name": name, "password_hash": await self._hash(name, password), "created_at": self._clock()}
        try:
            await self._submit(
                lambda connection: connection.execute(_ADD, {**row, "role": role.value}).rowcount > 0, noted
            )
        except IntegrityError:
            raise ValueError(f"there is already somebody called {name}") from None

    async def check(self, name: str, password: str) -> Person | None:
        """Give the person whose password this is, else None; for an unknown name that takes as long."""
        if len(password) > _LONGEST:
            return None
        found = await self._row(name)
        hashed = found.password_hash if found else None
        async with self._turns:
            right, fresh = await asyncio.to_thread(self._verify, hashed, password)
        if not right or found is None:
            return None
        if fresh:  # the parameters rose since it was hashed
            await self._submit(
                lambda connection: connection.execute(_REHASH, {"b_name": name, "password_hash": fresh}).rowcount > 0
            )
        return _person(found)

    async def get(self, name: str) -> Person | None:
        """Give one person; None: there is none of that name."""
        found = await self._row(name)
        return _person(found) if found else None

    async def list(self) -> Sequence[Person]:
        """Give all people, by name."""
        return await self._reader.run(lambda connection: [_person(row) for row in connection.execute(_LIST)])

    async def count(self) -> int:
        """How many people there are."""
        return await self._reader.run(lambda connection: connection.execute(_COUNT).scalar_one())

    async def set_password(self, name: str, password: str, *, noted: Note | None = None) -> bool:
        """Give a person another password, and log them out everywhere. False: no such person. ValueError: weak."""
        given = {"b_name": name, "password_hash": await self._hash(name, password), "changed_at": self._clock()}
        return await self._submit(lambda connection: _and_log_out(connection, _SET_HASH, given), noted)

    async def set_role(self, name: str, role: Role, *, noted: Note | None = None) -> bool:
        """Give a person another role, and log them out. False: no such person. ValueError: the last admin."""
        given = {"b_name": name, "role": role.value}

        def change(connection: Connection) -> bool:
            if role is not Role.ADMIN:
                _keep_an_admin(connection, name)
            return _and_log_out(connection, _SET_ROLE, given)

        return await self._submit(change, noted)

    async def set_language(self, name: str, language: str) -> None:
        """Have the pages speak a language to a person; "": as the browser asks."""
        given = {"b_name": name, "language": language}
        await self._submit(lambda connection: connection.execute(_SET_LANGUAGE, given).rowcount > 0)

    async def remove(self, name: str, *, noted: Note | None = None) -> bool:
        """Let a person in no more. False: no such person. ValueError: the last admin."""

        def change(connection: Connection) -> bool:
            _keep_an_admin(connection, name)
            return _and_log_out(connection, _REMOVE, {"b_name": name})

        return await self._submit(change, noted)

    async def _submit(self, change: _Change, noted: Note | None = None) -> bool:
        return await submit(self._writer, _CHANGES, change, noted, happened=bool)

    async def _row(self, name: str) -> Any:
        return await self._reader.run(lambda connection: connection.execute(_GET, {"name": name}).one_or_none())

    async def _hash(self, name: str, password: str) -> str:
        if weak := weakness(password, name):
            raise ValueError(weak)
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    def _verify(self, hashed: str | None, password: str) -> tuple[bool, str]:
        """Whether the password is right, and a new hash of it where the old one is too cheap by now."""
        if not self._nobody:
            self._nobody = self._hasher.hash(secrets.token_urlsafe(16))
        try:
            self._hasher.verify(hashed or self._nobody, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False, ""
        if hashed is None:
            return False, ""
        return True, self._hasher.hash(password) if self._hasher.check_needs_rehash(hashed) else ""


def _and_log_out(connection: Connection, statement: Any, given: dict[str, Any]) -> bool:
    changed: bool = connection.execute(statement, given).rowcount > 0
    connection.execute(_LOG_OUT, {"b_name": given["b_name"]})
    return changed


def _keep_an_admin(connection: Connection, name: str) -> None:
    if connection.execute(_ADMINS).scalars().all() == [name]:
        raise ValueError(f"{name} is the last admin: somebody must be able to let others in")


def _person(row: Any) -> Person:
    return Person(
        name=row.name,
        role=Role(row.role),
        language=row.language,
        created_at=row.created_at,
        changed_at=row.changed_at or row.created_at,
    )
