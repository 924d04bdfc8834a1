"""The known traps of design.md section 5, and what a planner makes of our statements."""

import asyncio
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import BigInteger, Connection, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import Column, Table

from store import claims, due, history, opens, queue, schema, settle
from store.engine import database_url, sqlite_writer
from store.errors import StoreUnavailable
from store.open import Store
from tests.conftest import Clock
from tests.store.mail import accept, new_recipient


def test_begin_immediate_loses_no_update(tmp_path: Path) -> None:
    """Three writers that read and then write, 200 times each, make 600: none reads what another is about to change."""
    url = database_url(f"sqlite:///{tmp_path}/count.db")
    engine = sqlite_writer(url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE counter (n INTEGER)"))
        connection.execute(text("INSERT INTO counter VALUES (0)"))
    engine.dispose()

    def increment() -> None:
        mine = sqlite_writer(url)
        for _ in range(200):
            with mine.begin() as connection:
                n = connection.execute(text("SELECT n FROM counter")).scalar_one()
                connection.execute(text("UPDATE counter SET n = :n"), {"n": n + 1})
        mine.dispose()

    writers = [threading.Thread(target=increment) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    engine = sqlite_writer(url)
    with engine.begin() as connection:
        assert connection.execute(text("SELECT n FROM counter")).scalar_one() == 600
    engine.dispose()


@pytest.mark.parametrize("engine", ["sqlite"])
async def test_every_commit_is_synced(store: Store) -> None:
    """The connection that writes to SQLite runs with WAL and synchronous=FULL (promise 1)."""

    def ask(connection: Connection) -> tuple[object, object]:
        return (
            connection.exec_driver_sql("PRAGMA journal_mode").scalar(),
            connection.exec_driver_sql("PRAGMA synchronous").scalar(),
        )

    assert await store._connection.run(ask) == ("wal", 2)


@pytest.mark.parametrize("table", schema.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_id_is_a_big_integer(table: Table) -> None:
    """A column that holds an id is 64 bits wide on PostgreSQL."""
    columns: list[Column[object]] = [
        column
        for column in table.columns
        if column.name in ("id", "life", "position", "caused_by", "claimed_by") or column.name.endswith("_id")
    ]
    for column in columns:
        if isinstance(column.type, BigInteger):
            assert str(column.type.compile(postgresql.dialect())) == "BIGINT"
        else:  # texts whose name happens to end so
            assert column.name in ("header_message_id", "envelope_id")


async def test_the_largest_ids_bind(store: Store, clock: Clock) -> None:
    """Ids near 2^63 go through every kind of statement."""
    large = 2**63 - 10
    new = new_recipient(store, "ann@example.org")
    recipient = type(new)(**{**{name: getattr(new, name) for name in new.__slots__}, "id": large + 1})
    taken = await accept(store, now=clock(), recipients=[recipient], id=large)
    assert taken.jobs[0].recipient_id == large + 1
    await store.queue.mark_dot(large + 1)
    await store.queue.give_back([large + 1])
    clock.move(601)
    (job,) = await store.queue.claim_due(5)
    assert (job.message_id, job.recipient_id) == (large, large + 1)
    assert await store.queue.settle(large + 1, lambda _: None) is None
    assert await store.contents.read(job.content)


async def test_a_cancelled_accept_is_committed(store: Store, clock: Clock) -> None:
    """A client that hangs up behind the dot cancels its task, not the commit: the mail is there, and due."""
    task = asyncio.create_task(accept(store, "ann@example.org", now=clock()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await store.check()  # written behind it: what was let go is in the same queue
    await store.check()
    (found,) = await store.find.by_address("ann@example.org")
    assert [event.kind for event in found.events] == ["accepted"]
    assert [job.forward_path for job in await store.queue.claim_due(10)] == ["ann@example.org"]


async def test_a_cancelled_claim_is_let_go(store: Store, clock: Clock) -> None:
    """What a cancelled claim_due would have held is due again."""
    await accept(store, "ann@example.org", now=clock(), hold=False)
    task = asyncio.create_task(store.queue.claim_due(10))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.check()
    await store.check()
    assert len(await store.queue.claim_due(10)) == 1


async def test_promise_3_what_nobody_waits_for_is_let_go_however_long_it_takes(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that cannot be written just then does not leave a claim behind that only the end of the process ends."""
    await accept(store, "ann@example.org", now=clock(), hold=False)
    real, refusals = store.queue.give_back, 3

    async def give_back(ids: Sequence[int], *, next_attempt_at: float | None = None) -> None:
        nonlocal refusals
        if refusals:
            refusals -= 1
            raise StoreUnavailable("locked")
        await real(ids, next_attempt_at=next_attempt_at)

    monkeypatch.setattr(store.queue, "give_back", give_back)
    monkeypatch.setattr("store.queue.AGAIN", 0.0)
    task = asyncio.create_task(store.queue.claim_due(10))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    while refusals or store.queue._letting_go:
        await store.check()
    assert len(await store.queue.claim_due(10)) == 1


SERVED = [
    (due._DUE, "recipient_due", {"now": 1.0, "limit": 5, "crashes": 2}),
    (claims._SHAKEN_CLAIMED, "recipient_claimed", {"life": 1}),
    (claims._SUSPECT_DUE, "recipient_suspect", {"now": 1.0, "excluded": ["a"]}),
    (claims._HELD_BY, "recipient_claimed", {"lives": [1]}),
    (claims._GIVE_ALL_BACK, "recipient_claimed", {"life": 1, "at": 1.0}),
    (claims._CLAMP, "recipient_due", {"latest": 1.0}),
    (queue._NEXT_DUE, "recipient_due", {"one": 1}),
    (history._SUMMARY, "recipient_address", {"ids": [1]}),
    (opens._LAST_VIEWS, "open_recipient", {"ids": [1]}),
    (settle._REPORTS, "report_recipient", {"ids": [1]}),
]


@pytest.mark.parametrize(("statement", "index", "given"), SERVED, ids=lambda it: it if isinstance(it, str) else "")
@pytest.mark.parametrize("engine", ["sqlite"])
async def test_indexes_serve(store: Store, statement: object, index: str, given: dict[str, object]) -> None:
    """The statement that an index names is planned with it."""
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))  # type: ignore[attr-defined]  # any kind
    parameters = compiled.construct_params(given)
    bound = {
        name: compiled._bind_processors[name](value) if name in compiled._bind_processors else value
        for name, value in parameters.items()
    }

    def explain(connection: Connection) -> str:
        rows = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {compiled}", bound).fetchall()
        return " ".join(row[3] for row in rows)

    plan = await store._connection.run(explain)
    assert index in plan
    assert "SCAN message" not in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan
