"""
The event stream (server-sent events): each event as it is committed, to be resumed by ``Last-Event-ID``.

A client's place is a position of the journal and nothing else: no event waits in memory for it, and one that reads too
slowly is cut off and comes back to where it was. What is sent with ``id`` alone moves a client's place past events
that it did not want.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable

from aiohttp import web

from admin.api.models.stream import StreamQuery
from admin.api.problems import Problem
from admin.api.route import Call, Route
from store.event_fields import told_fields
from store.journal import Journal
from store.journal_record import ToldEvent
from store.token_nouns import Scope

CLIENTS = 100
PAGE = 200  # events that are read and written at once
BEAT = 15.0  # seconds without news after which a comment says that we are there
POLL = 2.0  # seconds between looks for events of other processes
GATHER = 0.1  # seconds after news in which more of them come
STALL = 20.0  # seconds that a client may take for a page
LIFE = 3_600.0  # seconds; then the client comes again, and shows its token again
_LARGEST = 2**63 - 1


class EventStream:
    """Answers ``/events/stream``. ``clients`` are there now."""

    def __init__(
        self,
        journal: Journal,
        *,
        most: int = CLIENTS,
        beat: float = BEAT,
        stall: float = STALL,
        life: float = LIFE,
        gather: float = GATHER,
    ) -> None:
        """Build it; ``most`` clients at once, the rest in seconds."""
        self._journal = journal
        self._most = most
        self._beat = beat
        self._stall = stall
        self._life = life
        self._gather = gather
        self.clients = 0

    def routes(self) -> list[Route]:
        """Give the route."""
        return [
            Route(
                method="GET", path="/events/stream", handler=self.follow, scope=Scope.READ, group="Events",
                summary="Follow events as they are committed (server-sent events)", query=StreamQuery,
                produces="text/event-stream",
                description="Each event has its position as `id`, its kind as `event`, and as `data` the fields that a "
                "webhook has. Come back with `Last-Event-ID`, and each event comes exactly once. Comments say every 15 "
                "seconds that the line lives; after an hour it ends, and is to be opened anew.",
                errors=(503,),
            ),
        ]  # fmt: skip

    async def follow(self, call: Call) -> web.StreamResponse:
        """Answer one client for as long as it stays."""
        if self.clients >= self._most:
            raise Problem(503, f"At most {self._most} streams are open at once.", headers={"Retry-After": "30"})
        self.clients += 1
        try:
            return await self._follow(call.request, call.query)
        finally:
            self.clients -= 1

    async def _follow(self, request: web.Request, query: StreamQuery) -> web.StreamResponse:
        position = await self._begin(request.headers.get("Last-Event-ID", "") or query.after)
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
        )
        await response.prepare(request)
        with contextlib.suppress(TimeoutError, ConnectionError), self._journal.news() as news:
            async with asyncio.timeout(self._life):
                await self._write(request, response, b"retry: 2000\n\n")
                await self._tell(request, response, news, position=position, wants=query.wants)
        return response

    async def _begin(self, given: str) -> int:
        """Say behind which position to begin; what is none, or of another store, is now."""
        last = await self._journal.last_position()
        if not given.isascii() or not given.isdigit() or len(given) > 19:
            return last
        return min(int(given), last)

    async def _tell(
        self,
        request: web.Request,
        response: web.StreamResponse,
        news: asyncio.Event,
        *,
        position: int,
        wants: Callable[[ToldEvent], bool],
    ) -> None:
        loop = asyncio.get_running_loop()
        said_at = loop.time()
        while True:
            news.clear()
            page = await self._journal.told(position, PAGE)
            frames = b"".join(_frame(told) for told in page if wants(told))
            if page:
                position = page[-1].record.position
            if not frames and loop.time() - said_at >= self._beat:
                frames = b": still here\nid: %d\n\n" % position
            if frames:
                await self._write(request, response, frames)
                said_at = loop.time()
            if not page:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(POLL, self._beat)):
                        await news.wait()
            await asyncio.sleep(0.0 if len(page) == PAGE else self._gather)

    async def _write(self, request: web.Request, response: web.StreamResponse, octets: bytes) -> None:
        """Write, or cut a client off that does not read."""
        try:
            async with asyncio.timeout(self._stall):
                await response.write(octets)
        except TimeoutError:
            if request.transport is not None:
                request.transport.abort()
            raise


def _frame(told: ToldEvent) -> bytes:
    """Write one event. JSON has no line ends in it, so it is one line of data."""
    data = json.dumps(told_fields(told), ensure_ascii=False, separators=(",", ":"))
    return f"id: {told.record.position}\nevent: {told.record.event.kind}\ndata: {data}\n\n".encode("utf-8", "replace")
