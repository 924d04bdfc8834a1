"""``/metrics`` of a whole relay: what happened is counted, nobody else reads it, and it names no one (W15)."""

import asyncio
import time
from typing import Any

import aiohttp
import pytest

from relay.config import Config
from store.errors import StoreUnavailable
from store.token_nouns import Scope
from tests.admin.metrics.test_exposition import read
from tests.conftest import Clock
from tests.relay.whole import Whole, whole


async def scrape(world: Whole, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    url = f"http://{world.relay.addresses['admin']}/metrics"
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as answer:
        return answer.status, await answer.read()


async def scrape_when(world: Whole, *names: bytes) -> tuple[int, bytes]:
    """Wait until these stand there: whoever reads the store sees a commit a moment before it is counted."""
    async with asyncio.timeout(60):
        while True:
            status, text = await scrape(world)
            if status != 200 or all(name in text for name in names):
                return status, text


def opened(config: Config, networks: tuple[str, ...]) -> Config:
    metrics = config.admin.metrics.model_copy(update={"networks": networks})
    return config.model_copy(update={"admin": config.admin.model_copy(update={"metrics": metrics})})


async def test_what_happened_is_counted(config: Config) -> None:
    """A mail delivered, from the final dot to the 250; parts that are up; connections; sizes. No address in it."""
    async with whole(opened(config, ("127.0.0.0/8",)), Clock(time.time())) as world:
        recipient = await world.send("ann.secret@school.test", X_Homing_Customer="4711-secret", X_Homing_Tag="secret")
        await world.event(recipient, "delivered")
        status, text = await scrape_when(
            world, b'homing_events_total{event="delivered"', b'homing_delivery_seconds_count{worker="0"} 1'
        )
    assert status == 200
    found = read(text)

    def value(name: str, **labels: str) -> float:
        return found[name, tuple(sorted(labels.items()))]

    assert value("homing_events_total", event="accepted", worker="0") == 1
    assert value("homing_events_total", event="delivered", worker="0") == 1
    for name in ("accept", "attempt", "delivery"):
        assert value(f"homing_{name}_seconds_count", worker="0") == 1
    assert value("homing_store_commit_seconds_count", worker="0") > 1
    assert value("homing_queue_recipients", state="due", worker="") == 0
    assert value("homing_store_writable", worker="0") == 1
    assert value("homing_ready", part="submission", worker="0") == 1
    assert value("homing_connections", part="outgoing", worker="0") >= 0
    assert value("homing_pixel_opens_dropped_total", worker="0") == 0
    assert value("homing_resident_memory_bytes", worker="0") > 10**6
    assert value("homing_cpu_seconds_total", worker="0") > 0
    assert b"secret" not in text
    assert b"@" not in text


async def test_nobody_else_reads_it(config: Config, clock: Clock) -> None:
    """Not without a token, even on the machine itself; not with one that may not read; only by GET and HEAD."""
    async with whole(config, clock) as world:
        tokens = world.relay.store.tokens
        reading = await tokens.create("prometheus", [Scope.READ])
        sending = await tokens.create("app", [Scope.SEND])
        assert (await scrape(world))[0] == 401
        assert (await scrape(world, Authorization=f"Bearer {sending}"))[0] == 401
        assert (await scrape(world, Authorization="Bearer homing_x"))[0] == 401
        assert (await scrape(world, Authorization=f"Basic {reading}"))[0] == 401
        assert (await scrape(world, Authorization=f"Bearer {reading}"))[0] == 200
        assert await scrape(world, "HEAD", Authorization=f"Bearer {reading}") == (200, b"")
        assert (await scrape(world, "POST", Authorization=f"Bearer {reading}"))[0] == 405


async def test_a_store_that_is_away_takes_only_its_own_numbers(
    config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the process counts is told all the same; the store is asked again after a few seconds, not at each look."""
    asked = 0
    async with whole(opened(config, ("127.0.0.1",)), clock) as world:
        read_figures = world.relay.store.figures.read

        async def away(now: float) -> Any:
            nonlocal asked
            asked += 1
            if asked == 1:
                raise StoreUnavailable("away")
            return await read_figures(now)

        monkeypatch.setattr(world.relay.store.figures, "read", away)
        first, second = await scrape(world), await scrape(world)
        clock.move(6.0)
        third = await scrape(world)
    assert asked == 2
    assert [b"homing_queue_recipients{" in text for _, text in (first, second, third)] == [False, False, True]
    assert b"homing_store_commit_seconds_count" in first[1]
