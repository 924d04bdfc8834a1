"""The event stream: each event once, resumable, filtered, bounded, and quick to let go of who does not read."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse

from admin.api.stream import EventStream
from store.open import Store
from tests.admin.api.serving import Asking, serving
from tests.conftest import Clock
from tests.store.mail import accept, delivered


@asynccontextmanager
async def streaming(store: Store, clock: Clock, **more: Any) -> AsyncIterator[tuple[Asking, EventStream]]:
    stream = EventStream(store.journal, **{"gather": 0.01, **more})
    async with serving(stream.routes(), store, clock) as api:
        yield api, stream


@asynccontextmanager
async def open_stream(api: Asking, query: str = "", **headers: str) -> AsyncIterator[ClientResponse]:
    given = {"Authorization": f"Bearer {api.tokens['read']}"} | {
        name.replace("_", "-"): it for name, it in headers.items()
    }
    async with api.client.get(f"{api.url}/events/stream{query}", headers=given) as response:
        assert response.status == 200
        yield response


async def read(response: ClientResponse, count: int) -> list[dict[str, str]]:
    """Read so many events, as the standard says: comments are passed over, what has no data is no event."""
    found: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    async with asyncio.timeout(60):
        while len(found) < count:
            line = (await response.content.readline()).decode().rstrip("\n")
            if not line:
                if "data" in fields:
                    found.append(fields)
                fields = {}
            elif not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
    return found


async def mail(store: Store, clock: Clock, address: str = "ann@example.org", **more: Any) -> int:
    taken = await accept(store, address, now=clock(), **more)
    await store.queue.settle(taken.jobs[0].recipient_id, delivered(clock()))
    return taken.message_id


async def test_events_come_as_they_are_committed(store: Store, clock: Clock) -> None:
    """From now on, with position, kind and the fields that webhooks have."""
    await mail(store, clock)
    async with streaming(store, clock) as (api, _), open_stream(api) as response:
        assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert await response.content.readline() == b"retry: 2000\n"
        message = await mail(store, clock, "bæn@example.org", subject="Gebühr\r\ndata: x", tags=("fees",))
        first, second = await read(response, 2)
    assert (first["event"], second["event"]) == ("accepted", "delivered")
    assert int(second["id"]) == int(first["id"]) + 1
    said = json.loads(second["data"])
    assert (said["message"], said["address"], said["tags"]) == (str(message), "bæn@example.org", ["fees"])
    assert said["subject"] == "Gebühr\r\ndata: x"


async def test_a_reader_that_comes_back_misses_nothing(store: Store, clock: Clock) -> None:
    """By Last-Event-ID, or by ``after`` where headers cannot be set; each event once, also more than a page of them."""
    for _ in range(105):
        await mail(store, clock)
    async with streaming(store, clock) as (api, _):
        async with open_stream(api, "?after=0") as response:
            seen = [int(it["id"]) for it in await read(response, 7)]
        await mail(store, clock)
        async with open_stream(api, "?after=0", Last_Event_ID=str(seen[-1])) as response:
            seen += [int(it["id"]) for it in await read(response, 205)]
    assert seen == list(range(1, 213))


async def test_only_what_is_asked_for(store: Store, clock: Clock) -> None:
    """By kind, tag, customer, invoice, address and message; all must fit."""
    await mail(store, clock, customer="", invoice="1", tags=("x",))
    wanted = await mail(store, clock, customer="4711", invoice="1", tags=("x", "fees"))
    await mail(store, clock, "ben@example.org", customer="4711", invoice="2")
    queries = {
        "?after=0&event=delivered&tag=fees": [4],
        "?after=0&customer=4711&event=accepted": [3, 5],
        "?after=0&invoice=1": [1, 2, 3, 4],
        "?after=0&address=ben@example.org": [5, 6],
        f"?after=0&message={wanted}": [3, 4],
        "?after=0&event=accepted&event=delivered&customer=4711&tag=x": [3, 4],
    }
    async with streaming(store, clock) as (api, _):
        for query, positions in queries.items():
            async with open_stream(api, query) as response:
                assert [int(it["id"]) for it in await read(response, len(positions))] == positions, query


async def test_a_beat_moves_the_place_on(store: Store, clock: Clock) -> None:
    """Where nothing is wanted a comment says that the line lives, and the position is told without an event."""
    async with streaming(store, clock, beat=0.05) as (api, _), open_stream(api, "?event=opened") as response:
        await mail(store, clock)
        async with asyncio.timeout(60):
            lines = [await response.content.readline() for _ in range(2)]
            while lines[-2:] != [b": still here\n", b"id: 2\n"]:
                lines.append(await response.content.readline())


@pytest.mark.parametrize("last", ["999999999", "-1", "x", "1" * 30, "1.5"])
async def test_a_place_that_cannot_be_is_now(store: Store, clock: Clock, last: str) -> None:
    """Of another store, or nonsense: the stream begins with what comes."""
    await mail(store, clock)
    async with streaming(store, clock) as (api, _), open_stream(api, Last_Event_ID=last) as response:
        await response.content.readline()
        await mail(store, clock)
        assert [it["id"] for it in await read(response, 2)] == ["3", "4"]


async def test_readers_are_bounded(store: Store, clock: Clock) -> None:
    """One too many is told to come later; who leaves makes room."""
    async with streaming(store, clock, most=1, beat=0.05) as (api, stream):
        async with open_stream(api):
            answer = await api.ask("/events/stream")
            assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
            assert stream.clients == 1
        async with asyncio.timeout(60):
            while stream.clients:  # noqa: ASYNC110 - it finds out when it writes
                await asyncio.sleep(0.01)
        async with open_stream(api):
            assert stream.clients == 1


async def test_a_reader_that_does_not_read_is_cut_off(store: Store, clock: Clock) -> None:
    """After a while, and nothing is kept for it meanwhile."""
    for _ in range(150):
        await mail(store, clock, subject="x" * 20_000)
    async with streaming(store, clock, stall=0.2) as (api, stream):
        host, _, port = api.url.removeprefix("http://").removesuffix("/api/v1").partition(":")
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(lazy, (host, int(port)))
            request = (
                "GET /api/v1/events/stream?after=0 HTTP/1.1",
                "Host: x",
                f"Authorization: Bearer {api.tokens['read']}",
            )
            await loop.sock_sendall(lazy, "\r\n".join((*request, "", "")).encode())
            async with asyncio.timeout(60):
                while not stream.clients:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                while stream.clients:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


async def test_a_stream_ends_after_its_life(store: Store, clock: Clock) -> None:
    """So a token that was revoked is asked for again."""
    async with streaming(store, clock, life=0.1) as (api, _), open_stream(api) as response:
        async with asyncio.timeout(60):
            assert (await response.content.read()).startswith(b"retry: 2000")


async def test_who_may_read(store: Store, clock: Clock) -> None:
    """A token with the scope read; wrong filters are told before anything is streamed."""
    async with streaming(store, clock) as (api, _):
        assert (await api.ask("/events/stream", scope="send")).status == 403
        async with api.client.get(f"{api.url}/events/stream") as response:
            assert response.status == 401
        assert (await api.ask("/events/stream?event=boucned")).status == 422
        assert (await api.ask("/events/stream?message=x")).status == 422
