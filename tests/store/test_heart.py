"""The heart: it beats at its time, and in trouble it looks again soon. In virtual time."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from store.errors import StoreUnavailable
from store.heart import FIRST_LOOK, Heart
from store.open import Store, open_store
from store.settings import StoreSettings
from store.writer import Writer
from tests.conftest import Clock
from tests.rigs.virtual_time import run
from tests.store.mail import accept

EVERY = 20.0


class Sick:
    """A writer whose state a test sets, and the beats that came, by loop time."""

    def __init__(self) -> None:
        self.writer: Any = Writer(None, "sqlite")  # type: ignore[arg-type]  # it writes nothing
        self.beats: list[float] = []
        self.heals_at = float("inf")  # of itself: the beat from then on succeeds

    def fall_ill(self) -> None:
        self.writer.trouble = StoreUnavailable("the disk is gone")
        self.writer.troubled.set()

    async def beat(self) -> None:
        now = asyncio.get_running_loop().time()
        self.beats.append(now)
        if self.writer.trouble is not None and now < self.heals_at:
            raise self.writer.trouble
        self.writer.trouble = None
        self.writer.troubled.clear()


def watched(script: Callable[[Sick], Awaitable[None]]) -> list[float]:
    """Let a heart beat while a script runs; the times of its beats."""

    async def live() -> list[float]:
        sick = Sick()
        heart = asyncio.create_task(Heart(sick.writer, sick.beat, EVERY).run())
        await script(sick)
        heart.cancel()
        return sick.beats

    return run(live())


def test_it_beats_at_its_time_and_no_more_often() -> None:
    """While all is well nothing else wakes it."""
    assert watched(lambda _: asyncio.sleep(65)) == [20, 40, 60]


def test_in_trouble_it_looks_after_a_second_then_twice_as_long_each_time() -> None:
    """Up to the usual time; and once the store can be written the usual time counts again."""

    async def ill_for_a_minute(sick: Sick) -> None:
        sick.heals_at = 75
        await asyncio.sleep(30)
        sick.fall_ill()
        await asyncio.sleep(90)

    assert watched(ill_for_a_minute) == [20, 31, 33, 37, 45, 61, 81, 101]


def test_trouble_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    """With its cause; and that it is over, once."""

    async def ill(sick: Sick) -> None:
        sick.heals_at = 90
        sick.fall_ill()
        await asyncio.sleep(130)

    watched(ill)
    words = "no mail is taken until the store can be written: the disk is gone"
    assert [record.message for record in caplog.records] == [words, words, "the store can be written again"]


def test_q5_one_commit_that_failed_is_over_a_second_later(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store of which one commit failed becomes writable by itself, though nobody writes."""

    async def scenario() -> None:
        settings = StoreSettings(url=f"sqlite:///{tmp_path}/homing.db", contents=tmp_path / "contents", reserve=0)
        store = await open_store(settings, clock=clock, node_name="node", serving=True)
        await fail_once(store, clock, monkeypatch)
        assert not store.writable
        await asyncio.sleep(FIRST_LOOK + 0.1)
        assert store.writable
        assert (await accept(store, "ann@example.org", now=clock())).jobs
        await store.close()

    run(scenario())


async def fail_once(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have one commit fail, as when another process holds the lock for too long."""

    async def locked(_work: object) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(store._connection, "run", locked)
        with pytest.raises(StoreUnavailable, match="another process"):
            await accept(store, "ann@example.org", now=clock())
