"""
People who may see the pages, with passwords they can choose: argon2id, in threads, at most two at once.

A right password is remembered for a minute, as an HMAC under a key of this process, so that pages are quick.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Sequence
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import bindparam, delete, func, insert, select

from store.engine import Reader
from store.schema import person
from store.writer import Kind, Transaction, Writer

_REMEMBERED_SECONDS = 60.0
_REMEMBERED = 100  # passwords
_LONGEST = 1_024  # characters; longer ones are wrong

_GET = select(person.c.password_hash).where(person.c.name == bindparam("name"))
_COUNT = select(func.count()).select_from(person)
_FORGET = delete(person).where(person.c.name == bindparam("b_name"))
_ADD = insert(person)


def _set(transaction: Transaction, wishes: Sequence[dict[str, Any]]) -> list[None]:
    for wish in wishes:
        transaction.connection.execute(_FORGET, {"b_name": wish["name"]})
        transaction.connection.execute(_ADD, wish)
    return [None] * len(wishes)


_SETS = Kind("set people", _set)


class People:
    """Makes people and checks their passwords."""

    def __init__(self, reader: Reader, writer: Writer, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._hasher = PasswordHasher()
        self._nobody = ""  # the hash that is checked when the name is not known
        self._turns = asyncio.Semaphore(2)  # each takes 64 MiB and a core
        self._key = secrets.token_bytes(32)
        self._remembered: dict[bytes, float] = {}  # until when, by HMAC

    async def create(self, name: str, password: str) -> None:
        """Make a person, or give one a new password."""
        async with self._turns:
            hashed = await asyncio.to_thread(self._hasher.hash, password)
        await self._writer.submit(_SETS, {"name": name, "password_hash": hashed, "created_at": self._clock()})
        self._remembered.clear()

    async def check(self, name: str, password: str) -> bool:
        """Whether this is the person's password; for an unknown name it takes as long."""
        if len(password) > _LONGEST:
            return False
        hashed = await self._reader.run(lambda connection: connection.execute(_GET, {"name": name}).scalar())
        proof = self._proof(name, password, hashed or "")
        now = self._clock()
        if now < self._remembered.get(proof, 0.0) <= now + _REMEMBERED_SECONDS:
            return True
        async with self._turns:
            right = await asyncio.to_thread(self._verify, hashed, password)
        if right:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            self._remembered[proof] = now + _REMEMBERED_SECONDS
        return right

    async def count(self) -> int:
        """How many people there are."""
        return await self._reader.run(lambda connection: connection.execute(_COUNT).scalar_one())

    def _proof(self, name: str, password: str, hashed: str) -> bytes:
        """What is remembered instead of a password; another one when the password was changed elsewhere."""
        said = f"{name}\0{hashed}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, said, hashlib.sha256)

    def _verify(self, hashed: str | None, password: str) -> bool:
        if not self._nobody:
            self._nobody = self._hasher.hash("nobody")
        try:
            return self._hasher.verify(hashed or self._nobody, password) and hashed is not None
        except (VerificationError, InvalidHashError):
            return False
