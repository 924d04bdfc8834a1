"""relay/background.py: loops beside the mail that trouble of the store does not end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from relay.background import SWEEP_SECONDS, follow_journal, keep_fresh, keep_swept, take_over_lapsed
from relay.submission.certificate import CertificateFiles
from store.errors import StoreUnavailable
from store.events import Accepted
from store.journal_record import EventRecord
from store.open import Store
from tests.rigs.virtual_time import run

LOG = logging.getLogger("homing.test")


def record(position: int) -> EventRecord:
    return EventRecord(
        position=position,
        event=Accepted(message_id=1, recipient_id=position, at=1.0),
        forward_path="ann@example.org",
        subject="",
        customer="",
        invoice="",
        message_accepted_at=1.0,
    )


def answering(*answers: object) -> Callable[..., Awaitable[Any]]:
    """Give or raise one answer after the other; the last one again and again."""
    left = list(answers)

    async def answer(*_: object) -> object:
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, Exception):
            raise given
        return given

    return answer


async def for_seconds(seconds: float, loop: Coroutine[Any, Any, None]) -> None:
    """Let a loop run for so long, then end it; it must end by being cancelled alone."""
    task = asyncio.create_task(loop)
    await asyncio.sleep(seconds)
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


def test_promise_3_what_a_dead_node_held_is_taken_over_and_delivery_woken() -> None:
    """Delivery hears of it at once, and only when there was something."""
    woken: list[str] = []
    store = cast("Store", SimpleNamespace(queue=SimpleNamespace(release_lapsed=answering(0, 3, 0))))
    loop = take_over_lapsed(store, every=20.0, wake=lambda: woken.append("woken"), log=LOG)
    run(for_seconds(70.0, loop))
    assert woken == ["woken"]


def test_promise_9_the_sweep_is_repeated() -> None:
    """Every hour, by the clock that is handed in."""
    swept: list[float] = []

    async def sweep(now: float) -> None:
        swept.append(now)

    store = cast("Store", SimpleNamespace(retention=SimpleNamespace(sweep=sweep)))
    run(for_seconds(2.5 * SWEEP_SECONDS, keep_swept(store, clock=lambda: 5.0, log=LOG)))
    assert swept == [5.0, 5.0, 5.0]


def test_trouble_of_the_store_is_logged_once_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Five failures in a row are one line; a failure after a success is a line again."""
    gone = StoreUnavailable("the disk is gone")
    release = answering(gone, gone, gone, gone, gone, 0, gone, 0)
    store = cast("Store", SimpleNamespace(queue=SimpleNamespace(release_lapsed=release)))
    run(for_seconds(10.0, take_over_lapsed(store, every=1.0, wake=lambda: None, log=LOG)))
    told = [line.getMessage() for line in caplog.records]
    assert told == ["taking over waits for the store: the disk is gone"] * 2


def test_the_journal_is_followed_from_where_it_stopped() -> None:
    """Trouble in between neither repeats nor skips an event; the first look is from now on."""
    begun: list[int | None] = []
    written: list[list[int]] = []

    async def pages(position: int | None, *, gather: float) -> AsyncIterator[list[EventRecord]]:
        assert 0 < gather < 1
        begun.append(position)
        first = (position or 0) + 1
        yield [record(first), record(first + 1)]
        yield [record(first + 2)]
        raise StoreUnavailable("locked")

    store = cast("Store", SimpleNamespace(journal=SimpleNamespace(pages=pages)))
    write = follow_journal(store, log=LOG, write=lambda many: written.append([one.position for one in many]))
    run(for_seconds(2.5, write))
    assert begun == [None, 3, 6]
    assert written == [[1, 2], [3], [4, 5], [6], [7, 8], [9]]


async def test_a_certificate_is_looked_at_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one is taken up without a restart."""
    monkeypatch.setattr("relay.background.CERTIFICATE_SECONDS", 0.0)
    looked = asyncio.Event()
    loop = asyncio.get_running_loop()
    files = SimpleNamespace(refresh=lambda: loop.call_soon_threadsafe(looked.set))
    task = asyncio.create_task(keep_fresh(cast("CertificateFiles", files)))
    for _ in range(2):
        looked.clear()
        async with asyncio.timeout(60):
            await looked.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
