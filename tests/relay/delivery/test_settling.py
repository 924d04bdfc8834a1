"""Outcomes on their way into the store: none is let go, in virtual time."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from relay.delivery.settling import LONGEST_WAIT, Settling
from store.errors import StoreUnavailable
from tests.rigs.virtual_time import run


class Writes:
    """An act that fails for so many times."""

    def __init__(self, failures: int, error: Callable[[], Exception] = lambda: StoreUnavailable("full")) -> None:
        self.failures, self.error = failures, error
        self.calls = 0
        self.done = asyncio.Event()

    async def __call__(self) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error()


def test_it_is_written_again_until_the_store_takes_it(caplog: pytest.LogCaptureFixture) -> None:
    """Paused meanwhile, told once a minute, and done once."""

    async def scenario() -> list[bool]:
        changes: list[bool] = []
        settling = Settling(most=10, on_change=lambda: changes.append(settling.paused))
        write = Writes(30)
        settling.write(write, write.done.set)
        await write.done.wait()
        await asyncio.sleep(0)
        assert write.calls == 31
        assert asyncio.get_running_loop().time() > 20 * LONGEST_WAIT
        assert settling.outstanding == 0
        return changes

    with caplog.at_level(logging.WARNING):
        assert run(scenario()) == [True, False]
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert 5 <= len(told) <= 8  # some seven minutes


def test_a_mistake_of_ours_does_not_drop_an_outcome(caplog: pytest.LogCaptureFixture) -> None:
    """Logged in full and tried again; other deliveries are not paused by it."""

    async def scenario() -> None:
        settling = Settling(most=10, on_change=lambda: None)
        write = Writes(2, lambda: ZeroDivisionError("a bug"))
        settling.write(write, write.done.set)
        await write.done.wait()
        assert write.calls == 3
        assert not settling.paused

    run(scenario())
    assert caplog.text.count("a bug") >= 2


async def test_there_is_room_for_so_many() -> None:
    """Then callers wait, so that memory is bounded."""
    settling = Settling(most=2, on_change=lambda: None)
    go = asyncio.Event()
    await asyncio.wait_for(settling.room(), 60)
    for _ in range(2):
        settling.write(go.wait, lambda: None)
    waiting = asyncio.create_task(settling.room())
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    go.set()
    await waiting
    assert await settling.drain(1) == 0


def test_drain_gives_up_after_its_time() -> None:
    """And says how many outcomes were not written."""

    async def scenario() -> tuple[int, float]:
        settling = Settling(most=10, on_change=lambda: None)
        for _ in range(3):
            settling.write(Writes(1000), lambda: None)
        left = await settling.drain(20)
        return left, asyncio.get_running_loop().time()

    left, took = run(scenario())
    assert left == 3
    assert took == pytest.approx(20, abs=0.1)
