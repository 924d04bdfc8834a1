"""
What the queue's statements look at: each goes by an index, whatever the number of rows, on both engines.

Every statement that a call really makes is caught with its parameters and explained by the database itself. A table
may be gone through as a whole only by a partial index of what is not settled: what was settled long ago, the most of
all rows, is never looked at.
"""

import json
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import asyncpg
import pytest
from sqlalchemy import Connection, Engine, event

from store import due, prepared
from store.nouns import State
from store.open import Store
from store.settings import StoreSettings
from store.settle import Word
from store.waiting import Which
from tests.conftest import Clock
from tests.store.conftest import OpenAgain
from tests.store.mail import accept, bounced, deferred, delivered

LARGE = ("recipient", "message", "event", "report", "suppression", "transcript", "open", "opt_out", "content")
# Partial indexes: they hold what waits, or is worked on, and nothing that is settled.
WAITING = ("recipient_due", "recipient_due_domain", "recipient_suspect", "recipient_claimed", "recipient_held")
_SCAN = re.compile(rf"SCAN (?:{'|'.join((*LARGE, 'this', 'other'))})\b")
_WHOLE_PARTIAL = re.compile(rf"USING (?:COVERING )?INDEX (?:{'|'.join(WAITING)})\b")

Statement = tuple[str, Sequence[Any]]
Call = Callable[[Store, float], Awaitable[object]]


@contextmanager
def caught() -> Iterator[list[Statement]]:
    """Catch the statements that any engine executes, each with its (first) parameters."""
    statements: list[Statement] = []

    def catch(*told: Any) -> None:
        _connection, _cursor, statement, parameters, _context, many = told
        if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)", statement):
            statements.append((statement, parameters[0] if many else parameters))

    execute = prepared.execute

    def catch_prepared(connection: Connection, sql: str, parameters: Sequence[Any]) -> Any:
        statements.append((sql, parameters))
        return execute(connection, sql, parameters)

    event.listen(Engine, "before_cursor_execute", catch)
    try:
        with (
            patch("store.prepared.execute", side_effect=catch_prepared),
            patch("store.many.execute", side_effect=catch_prepared),
        ):
            yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", catch)


def unserved_by_sqlite(settings: StoreSettings, statements: Sequence[Statement]) -> list[str]:
    """Give the steps of SQLite's plans that go through a whole table."""
    connection = sqlite3.connect(settings.url.removeprefix("sqlite:///"))
    try:
        plans = [
            f"{row[3]} <- {statement}"
            for statement, parameters in statements
            for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]
    finally:
        connection.close()
    return [step for step in plans if _SCAN.match(step) and not _WHOLE_PARTIAL.search(step)]


async def unserved_by_postgresql(settings: StoreSettings, statements: Sequence[Statement]) -> list[str]:
    """Give the nodes of PostgreSQL's plans that go through a whole table, when it is asked to avoid that."""
    connection = await asyncpg.connect(settings.url)
    try:
        await connection.execute("SET enable_seqscan = off")  # the tables are small: it would read them whole by choice
        plans = [
            (json.loads(await connection.fetchval(f"EXPLAIN (FORMAT JSON) {statement}", *parameters)), statement)
            for statement, parameters in statements
        ]
    finally:
        await connection.close()
    return [
        f"{node['Node Type']} {node.get('Index Name', '')} on {node.get('Relation Name', '')} <- {statement}"
        for plan, statement in plans
        for node in nodes(plan[0]["Plan"])
        if whole(node)
    ]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Give a node and all below it."""
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def whole(node: dict[str, Any]) -> bool:
    """Whether a node goes through a whole large table."""
    if node["Node Type"] == "Seq Scan":
        return node["Relation Name"] in LARGE
    by_index = node["Node Type"] in ("Index Scan", "Index Only Scan", "Bitmap Index Scan")
    return by_index and "Index Cond" not in node and node["Index Name"] not in WAITING


async def settle_each(store: Store, now: float) -> None:
    """Delivered, deferred, bounced with the history of its address."""
    jobs = (await accept(store, "ann@a.test", "bob@a.test", "gone@a.test", now=now)).jobs
    for job, decide in zip(jobs, (delivered(now), deferred(now, now + 60), bounced(now)), strict=True):
        await store.queue.settle(job.recipient_id, decide)


async def mark_and_give_back(store: Store, now: float) -> None:
    (job,) = (await accept(store, "ann@a.test", now=now)).jobs
    await store.queue.mark_dot(job.recipient_id)
    await store.queue.give_back([job.recipient_id])


async def say_all_words(store: Store, now: float) -> None:
    ids = [job.recipient_id for job in (await accept(store, "ann@a.test", now=now)).jobs]
    for word in (Word.HOLD, Word.RELEASE, Word.RETRY, Word.CANCEL):
        assert await store.queue.say(word, ids) == 1


async def claim_from_domain_to_domain(store: Store, now: float) -> None:
    """The earliest are all of a domain that is left out."""
    await accept(store, *(f"r{n}@a.test" for n in range(due.HEAD)), now=now - 10.0, hold=False)
    assert [job.domain for job in await store.queue.claim_due(10, exclude_domains={"a.test"})] == ["b.test"]


CALLS: dict[str, Call] = {
    "accept": lambda store, now: accept(store, "ann@a.test", now=now, header_message_id="<1@a.test>"),
    "accept with an idempotency key": lambda store, now: accept(store, "a@b.test", now=now, idempotency_key="k"),
    "claim_due": lambda store, _: store.queue.claim_due(10),
    "claim_due but for some domains": lambda store, _: store.queue.claim_due(10, exclude_domains={"a.test", "b.test"}),
    "claim_due from domain to domain": claim_from_domain_to_domain,
    "next_due_at": lambda store, _: store.queue.next_due_at(),
    "mark_dot, give_back": mark_and_give_back,
    "give_all_back": lambda store, _: store.queue.give_all_back(),
    "settle": settle_each,
    "say": say_all_words,
    "clamp": lambda store, _: store.queue.clamp(3600.0),
    "waiting.by_destination": lambda store, _: store.waiting.by_destination(),
    "waiting.recipients": lambda store, _: store.waiting.recipients(Which()),
    "waiting.ids of a domain": lambda store, _: store.waiting.ids(Which(domain="a.test")),
    "waiting.ids of an address": lambda store, _: store.waiting.ids(Which(address="ann@a.test")),
    "waiting.ids of a message": lambda store, _: store.waiting.ids(Which(message_id=1)),
    "waiting.ids of a state": lambda store, _: store.waiting.ids(Which(state=State.HELD)),
}


async def unserved(settings: StoreSettings, statements: Sequence[Statement]) -> list[str]:
    """Give what is not served by an index."""
    if settings.url.startswith("sqlite"):
        return unserved_by_sqlite(settings, statements)
    return await unserved_by_postgresql(settings, statements)


@pytest.mark.parametrize("name", CALLS)
async def test_it_goes_by_an_index(store: Store, settings: StoreSettings, clock: Clock, name: str) -> None:
    """Each statement of a call, on rows in every state."""
    await accept(store, "ann@a.test", "bob@b.test", now=clock(), hold=False)
    await accept(store, "eve@a.test", now=clock())
    with caught() as statements:
        await CALLS[name](store, clock())
    assert statements
    assert await unserved(settings, statements) == []


async def test_what_a_dead_process_held_is_found_by_an_index(
    store: Store, open_again: OpenAgain, settings: StoreSettings, clock: Clock
) -> None:
    """release_lapsed: at the start (SQLite), and of another node (PostgreSQL)."""
    await accept(store, "ann@a.test", now=clock())
    if settings.url.startswith("sqlite"):
        await store.close()
        with caught() as statements:
            await open_again(name="next")
    else:
        other = await open_again(name="next")
        with caught() as statements:
            for _ in range(6):  # it looks more than once before it calls anybody dead
                await other.queue.release_lapsed()
                clock.move(20.0)
    assert any("crashes" in statement for statement, _ in statements)
    assert await unserved(settings, statements) == []


async def test_a_statement_without_an_index_is_seen(store: Store, settings: StoreSettings, clock: Clock) -> None:
    """What looks for these would find them: by a column that no index has, and over all that is settled."""
    await accept(store, "ann@a.test", now=clock())
    for statement in (
        "SELECT id FROM recipient WHERE remote_host = 'mx.test'",
        "SELECT count(*) FROM recipient",
        "SELECT position FROM event ORDER BY at",
    ):
        assert len(await unserved(settings, [(statement, ())])) == 1
