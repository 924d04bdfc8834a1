"""Statements that the driver carries out itself: alike on both engines, whatever the order of their parameters."""

from collections.abc import Callable
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Integer, Text, bindparam, case, insert, literal, null, or_, select

from store.open import Store
from store.prepared import Prepared
from store.schema import credential, mark, suppression
from store.sql import among

T = TypeVar("T")


async def run(store: Store, work: Callable[[Connection], T]) -> T:
    return await store._connection.run(work)


_ADD = Prepared(insert(mark).values({"name": None, "at": None}).inline(), "at", "name")
_FIND = Prepared(
    select(mark.c.name, mark.c.at, literal(7))
    .where(
        mark.c.at >= bindparam("least"),
        or_(among(mark.c.name, "names", Text), mark.c.name == case((mark.c.at > bindparam("least"), bindparam("one")))),
    )
    .order_by(mark.c.name),
    "one",
    "names",
    "least",
)


async def test_rows_and_lists_go_in_and_rows_come_out(store: Store) -> None:
    """In the order of the names, a parameter that stands twice and a literal included."""

    def work(connection: Connection) -> list[tuple[object, ...]]:
        for n, name in enumerate("abcde"):
            _ADD.run(connection, n + 1.5, name)
        return [tuple(row) for row in _FIND.rows(connection, "d", {"a", "c"}, 2.0)]

    assert await run(store, work) == [("c", 3.5, 7), ("d", 4.5, 7)]


async def test_octets_and_flags_are_taken(store: Store) -> None:
    """bytes, bool and None as they are."""
    names = ("name", "user_name", "secret_hash", "created_at", "revoked_at", "network_login")
    add = Prepared(insert(credential).values(dict.fromkeys(names)).inline(), *names)

    def work(connection: Connection) -> tuple[object, ...]:
        add.run(connection, "app", "u1", b"\0\xff", 1.0, None, True)
        row = connection.execute(select(*(credential.c[name] for name in names))).one()
        return tuple(row)

    assert await run(store, work) == ("app", "u1", b"\0\xff", 1.0, None, True)


async def test_a_wrong_statement_says_so(store: Store) -> None:
    """A parameter that is missing or unknown, and a list that the driver cannot take."""
    wrong = [
        Prepared(select(mark.c.at).where(mark.c.name == bindparam("name"))),
        Prepared(select(mark.c.at).where(mark.c.name == bindparam("name")), "name", "other"),
        Prepared(select(mark.c.at).where(mark.c.name.in_(["a", "b"]))),
    ]

    def work(connection: Connection) -> None:
        for statement in wrong:
            with pytest.raises(ValueError, match=r"parameters|among"):
                statement.sql(connection)

    await run(store, work)


async def test_it_is_the_statement_itself(store: Store) -> None:
    """What a person reads in a plan is what runs."""
    statement = Prepared(select(suppression.c.address_key, null(), literal(1, Integer)))
    assert "FROM suppression" in await run(store, statement.sql)
