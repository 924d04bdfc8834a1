"""Opening a store: schema, lock, mismatches, and what a serving process finds."""

import asyncio
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from store import many, migrate, prepared
from store.errors import StoreLocked, StoreMismatch, StoreUnavailable
from store.open import Store, open_store
from store.settings import StoreSettings
from tests.conftest import Clock
from tests.rigs.postgres import Postgres
from tests.store.conftest import OpenAgain
from tests.store.mail import CONTENT, accept, delivered


@pytest.fixture
def engine() -> str:
    """Here the store is on SQLite where a test does not say otherwise."""
    return "sqlite"


async def test_q8_two_processes(store: Store, open_again: OpenAgain) -> None:
    """The second process that wants to serve from a SQLite store is refused in plain words; a tool is not."""
    with pytest.raises(StoreLocked, match=r"another process \(\d+\) serves from .*homing\.db already"):
        await open_again(name="second")
    tool = await open_again(serving=False, name="tool")
    assert await tool.journal.last_position() == 0
    await store.close()
    await open_again(name="third")


async def test_tool_writes_beside_the_relay(store: Store, open_again: OpenAgain, clock: Clock) -> None:
    """A tool beside the relay writes with ids of its own node, and takes no mail."""
    tool = await open_again(serving=False, name="tool")
    await tool.suppressions.add("ann@example.org", note="asked by phone")
    assert not (await accept(store, "ann@example.org", now=clock())).jobs
    await tool.join()
    assert tool.node != store.node
    with pytest.raises(StoreUnavailable, match="only the relay itself"):
        await accept(tool, "bob@example.org", now=clock())


async def test_what_was_taken_survives_a_restart(open_again: OpenAgain, clock: Clock) -> None:
    """Contents and queue are as before after a stop and a start, and new contents go behind the old ones."""
    store = await open_again()
    first = await accept(store, "ann@example.org", now=clock())
    await store.close()
    store = await open_again()
    second = await accept(store, "bob@example.org", now=clock(), content=b"second")
    (ann,) = await store.queue.claim_due(10)
    assert ann.content == first.jobs[0].content
    assert await store.contents.read(ann.content) == CONTENT
    assert await store.contents.read(second.jobs[0].content) == b"second"
    assert second.jobs[0].content.segment == 1


async def test_no_store_for_a_tool(settings: StoreSettings, clock: Clock) -> None:
    """A tool makes no store: it says how one comes to be."""
    with pytest.raises(StoreMismatch, match="start the relay once"):
        await open_store(settings, clock=clock, node_name="tool", serving=False)


@pytest.mark.parametrize("url", ["mysql://x/y", "sqlite://", "sqlite:///:memory:"])
async def test_wrong_url(url: str, settings: StoreSettings, clock: Clock) -> None:
    """A URL that is neither engine's is refused with what would be right."""
    with pytest.raises(StoreMismatch, match="sqlite"):
        await open_store(settings.model_copy(update={"url": url}), clock=clock, node_name="x", serving=True)


async def test_q13_newer_store(store: Store, open_again: OpenAgain, tmp_path: Path) -> None:
    """A store of a newer Homing is refused with words, by the relay and by tools, and left as it is."""
    await store.close()
    file = sqlite3.connect(tmp_path / "homing.db")
    file.execute("UPDATE schema_version SET version_num = '9999'")
    file.commit()
    file.close()
    for serving in (True, False):
        with pytest.raises(StoreMismatch, match=r"schema 9999.*newer Homing"):
            await open_again(serving=serving)


async def test_q13_copy_before_an_upgrade(
    store: Store, open_again: OpenAgain, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before a step changes an existing file a whole copy is kept; an upgrade that fails leaves all as it was."""
    await accept(store, "ann@example.org", now=clock())
    await store.close()
    monkeypatch.setattr(migrate, "newest", lambda: "0002")
    monkeypatch.setattr(migrate, "create_views", lambda _connection: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        await open_again()
    copy = sqlite3.connect(tmp_path / "homing.db.before-0002")
    assert copy.execute("SELECT address FROM message_recipients").fetchall() == [("ann@example.org",)]
    copy.close()
    monkeypatch.undo()
    again = await open_again()
    assert len(await again.queue.claim_due(10)) == 1


async def test_q13_older_store_and_a_tool(store: Store, open_again: OpenAgain, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool does not upgrade: it says that the relay does."""
    await store.close()
    monkeypatch.setattr(migrate, "newest", lambda: "0002")
    with pytest.raises(StoreMismatch, match="restart the relay"):
        await open_again(serving=False)


async def test_damaged_file(settings: StoreSettings, clock: Clock, tmp_path: Path) -> None:
    """A file that is no database is refused, not written over."""
    (tmp_path / "homing.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(Exception, match="not a database"):
        await open_store(settings, clock=clock, node_name="x", serving=True)
    assert (tmp_path / "homing.db").read_bytes().startswith(b"not a database")


HOLD_LOCK = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
database.execute("ROLLBACK")
print("free", flush=True)
sys.stdin.readline()
"""


async def test_q5_locked_store(
    open_again: OpenAgain, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While another process holds the lock, accepting is StoreUnavailable after a bounded wait; then it goes on."""
    monkeypatch.setattr("store.engine.PATIENCE", 0.2)
    monkeypatch.setattr("store.writer.PATIENCE", 0.2)
    store = await open_again()
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD_LOCK, str(tmp_path / "homing.db"),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert other.stdin is not None
    assert other.stdout is not None
    assert await other.stdout.readline() == b"held\n"
    with pytest.raises(StoreUnavailable) as caught:
        await accept(store, "ann@example.org", now=clock())
    assert not caught.value.full
    assert not store.writable
    with pytest.raises(StoreUnavailable):
        await store.check()
    assert await store.journal.last_position() == 0  # readers do not wait
    other.stdin.write(b"\n")
    assert await other.stdout.readline() == b"free\n"
    await store.check()
    assert store.writable
    assert (await accept(store, "ann@example.org", now=clock())).jobs
    other.stdin.write(b"\n")
    await other.communicate()


async def test_q3_reserve(store: Store, clock: Clock, settings: StoreSettings) -> None:
    """Below the reserve no mail is taken (``full``), what is here can still be crossed off, and it recovers."""
    taken = await accept(store, "ann@example.org", now=clock())
    store._room._reserve = 2**62
    clock.move(2)
    with pytest.raises(StoreUnavailable, match="less than the reserve") as caught:
        await accept(store, "bob@example.org", now=clock())
    assert caught.value.full
    assert not store.writable
    await store.queue.mark_dot(taken.jobs[0].recipient_id)
    assert await store.queue.settle(taken.jobs[0].recipient_id, delivered(clock()))
    store._room._reserve = settings.reserve
    clock.move(2)
    assert (await accept(store, "bob@example.org", now=clock())).jobs


async def test_q3_disk_full_at_the_content(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the content cannot be written nothing of the message is there, and settling goes on in the same batch."""
    taken = await accept(store, "ann@example.org", now=clock())

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("store.segments.os.pwrite", full)
    outcomes = await asyncio.gather(
        accept(store, "bob@example.org", now=clock()),
        store.queue.settle(taken.jobs[0].recipient_id, delivered(clock())),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], StoreUnavailable)
    assert outcomes[0].full
    assert outcomes[1] is not None
    assert not isinstance(outcomes[1], BaseException)
    monkeypatch.undo()
    assert await store.find.by_address("bob@example.org") == []
    again = await accept(store, "bob@example.org", now=clock())
    assert await store.contents.read(again.jobs[0].content) == CONTENT


async def test_each_failing_statement(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever statement of an acceptance fails: it is refused and leaves nothing, or it is whole (7.4)."""
    straight = prepared.execute  # what goes to SQLite's driver by itself
    for n in range(1, 30):
        count = 0

        def fail(*_: object, limit: int = n) -> None:
            nonlocal count
            count += 1
            if count == limit:
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR
                raise error

        def execute(*given: Any, fail: Callable[[], None] = fail) -> Any:
            fail()
            return straight(*given)

        for module in (prepared, many):
            monkeypatch.setattr(module, "execute", execute)
        engine = store._connection._engine  # type: ignore[attr-defined]  # of the SQLite kind
        event.listen(engine, "before_cursor_execute", fail)
        try:
            taken = await accept(store, f"m{n}@example.org", now=clock(), idempotency_key=f"k{n}")
        except StoreUnavailable:
            assert await store.find.by_address(f"m{n}@example.org") == []
        else:
            (found,) = await store.find.by_address(f"m{n}@example.org")
            assert found.events
            assert await store.contents.read(taken.jobs[0].content) == CONTENT
            if count < n:
                break
        finally:
            event.remove(engine, "before_cursor_execute", fail)
    else:
        raise AssertionError("an acceptance takes more statements than it should")


async def test_postgresql_makes_its_schema(postgres: Postgres, settings: StoreSettings, clock: Clock) -> None:
    """On an empty database of PostgreSQL the relay makes the schema, and two that start at once do not collide."""
    name = postgres.empty()
    with_url = settings.model_copy(update={"url": postgres.url(name)})
    with pytest.raises(StoreMismatch, match="the store is empty"):
        await open_store(with_url, clock=clock, node_name="tool", serving=False)
    stores = await asyncio.gather(
        *(open_store(with_url, clock=clock, node_name=f"n{n}", serving=True) for n in range(2))
    )
    assert {store.node for store in stores} == {0, 1}
    for store in stores:
        await store.close()
    postgres.drop(name)


async def test_postgresql_that_does_not_sync(postgres: Postgres, settings: StoreSettings, clock: Clock) -> None:
    """synchronous_commit off would break the promise of 250: such a server is refused (7.2)."""
    name = postgres.fresh()
    postgres.sql(name, f"ALTER DATABASE {name} SET synchronous_commit = off")
    with_url = settings.model_copy(update={"url": postgres.url(name)})
    with pytest.raises(StoreMismatch, match="synchronous_commit off"):
        await open_store(with_url, clock=clock, node_name="x", serving=True)
    postgres.drop(name)


async def test_postgresql_that_is_not_there(settings: StoreSettings, clock: Clock) -> None:
    """A server that cannot be reached is StoreUnavailable, in words."""
    with_url = settings.model_copy(update={"url": "postgresql://homing@127.0.0.1:1/nothing"})
    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        await open_store(with_url, clock=clock, node_name="x", serving=True)
