"""The server on a real store that cannot be written for a minute: locked, read-only, full (promise 6, P5)."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pixel import buffer as pixel_buffer
from pixel.server import PixelServer
from pixel.settings import PixelSettings
from pixel.token import Tokens
from store.errors import StoreUnavailable
from store.nouns import Open, Verdict
from store.open import Store, open_store
from store.settings import StoreSettings
from store.writing import SqliteWriteConnection
from tests.conftest import Clock
from tests.pixel.rig import GRACE, LOG, Answer, ask
from tests.store.mail import accept, delivered

ROOM = 40
ASKED = 50
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def clock() -> Clock:
    return Clock(1_790_000_000.0)


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    url = f"sqlite:///{tmp_path}/homing.db"
    settings = StoreSettings(url=url, contents=tmp_path / "contents", reserve=0)
    store = await open_store(settings, clock=clock, node_name="node", serving=True)
    await pragma(store, "busy_timeout = 20")  # milliseconds, in place of ten seconds
    yield store
    await store.close()


@pytest.fixture
async def server(
    store: Store, tokens: Tokens, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PixelServer]:
    monkeypatch.setattr(pixel_buffer, "BATCH_PAUSE", 0.005)
    monkeypatch.setattr(pixel_buffer, "RETRY_PAUSE", 0.005)
    settings = PixelSettings(listen=("127.0.0.1:0",), buffer=ROOM)
    server = PixelServer(tokens=tokens, opens=store.opens, settings=settings, clock=clock, log=LOG)
    await server.start()
    yield server
    await server.stop(GRACE)


async def pragma(store: Store, text: str) -> None:
    """Set something of the connection that writes."""
    connection = store._connection
    assert isinstance(connection, SqliteWriteConnection)

    def work() -> None:
        raw = connection._engine.raw_connection()
        raw.cursor().execute(f"PRAGMA {text}").fetchall()
        raw.close()

    await connection._thread.run(work)


async def fill(store: Store, recipient_id: int, at: float) -> None:
    """Let the file have not one more page, and use up what room its pages have."""
    await pragma(store, "max_page_count = 1")  # no fewer than there are

    async def go_on() -> None:
        for n in range(10_000):
            await store.opens.record([Open(recipient_id, at + n, Verdict.SCANNER, "a rule")], view_window=0.0)

    with pytest.raises(StoreUnavailable):
        await go_on()


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Another process writes, and does not come to an end."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(GRACE):
        while not done():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("trouble", ["locked", "read-only", "full"])
async def test_promise_6_opens_outlive_a_minute_of_trouble(  # noqa: PLR0917 - fixtures
    store: Store,
    server: PixelServer,
    tokens: Tokens,
    clock: Clock,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    *,
    trouble: str,
) -> None:
    """
    Every request is answered; afterwards what had room is written, with the times at which it was asked for.

    What had none is counted in ``dropped`` and told in the log, and nothing else is.
    """
    taken = await accept(store, *(f"member{n}@example.org" for n in range(ASKED + 1)), now=clock())
    spare, *ids = [job.recipient_id for job in taken.jobs]
    for id_ in ids:
        await store.queue.settle(id_, delivered(clock()))
    began_at = clock.move(60.0)
    answers: list[Answer] = []

    async def a_minute() -> None:
        """Ask for all the pixels, and let a minute go by in which the store is tried again and again."""
        tries = store.opens.judge_and_record
        tried = 0

        async def counted(*args: object, **kwargs: object) -> int:
            nonlocal tried
            tried += 1
            return await tries(*args, **kwargs)  # type: ignore[arg-type]

        store.opens.judge_and_record = counted  # type: ignore[method-assign]
        for id_ in ids:
            answers.append(await ask(server, f"/o/{tokens.encode(id_)}.gif", headers={"User-Agent": FIREFOX}))
            clock.move(60.0 / ASKED)
        now = tried
        await until(lambda: tried >= now + 3)
        assert (server.buffer.recorded, server.buffer.waiting, server.buffer.dropped) == (0, ROOM, ASKED - ROOM)
        assert server.buffer.hold == 0.0  # nobody is let wait for a store that does not write
        store.opens.judge_and_record = tries  # type: ignore[method-assign]

    with caplog.at_level(logging.WARNING):
        if trouble == "locked":
            with locked(tmp_path / "homing.db"):
                await a_minute()
        elif trouble == "read-only":
            await pragma(store, "query_only = ON")
            await a_minute()
            await pragma(store, "query_only = OFF")
        else:
            await fill(store, spare, began_at)
            await a_minute()
            await pragma(store, "max_page_count = 1000000")
        await until(lambda: server.buffer.waiting == 0)

    assert len(answers) == ASKED
    assert {(answer.status, answer.body, tuple(sorted(answer.headers))) for answer in answers} == {
        (200, answers[0].body, tuple(sorted(answers[0].headers)))
    }
    kept = [await store.opens.of(id_) for id_ in ids]
    assert [len(opens) for opens in kept] == [1] * ROOM + [0] * (ASKED - ROOM)
    assert [opens[0].at for opens in kept[:ROOM]] == pytest.approx([began_at + n * 60.0 / ASKED for n in range(ROOM)])
    assert {opens[0].verdict for opens in kept[:ROOM]} == {Verdict.PERSON}
    assert (server.buffer.recorded, server.buffer.dropped, server.buffer.failed) == (ROOM, ASKED - ROOM, 0)
    lost = [record.getMessage() for record in caplog.records if "were lost" in record.getMessage()]
    assert sum(int(line.split()[0]) for line in lost) == ASKED - ROOM
