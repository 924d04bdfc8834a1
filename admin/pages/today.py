"""
Today: what was sent, what needs a person, and what happens just now.

The live list is fed by server-sent events, each of which is a row of HTML; without a script it is as of the page.
"""

import asyncio
import contextlib

from aiohttp import web

from admin.event_story import tell_event
from admin.pages.render import Routes, go
from admin.pages.site import Site
from admin.pages.told import told
from admin.routes import get, post
from admin.visit import visit_of
from store.errors import StoreError
from store.journal_record import EventRecord
from store.nouns import Role
from store.queries.events import Which

DAY = 86_400.0
DELAYED = 3_600.0  # seconds after which what waits needs a look
_ROWS = 30
_LIVE_FOR = 300.0  # seconds of one stream; the browser asks again, and is asked again who it is
_BEAT = 15.0  # seconds of silence before a sign of life, so that proxies keep the connection
_MOST_STREAMS = 50


class TodayPage:
    """Answers ``/``, ``/live`` and the test mail."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._streams = 0

    def routes(self) -> Routes:
        """Give the routes."""
        return [get("/", self.show), get("/live", self.live), post("/test-mail", self.send_test, Role.OPERATOR)]

    async def show(self, request: web.Request) -> web.Response:
        """Show the page."""
        site, language = self._site, visit_of(request).language
        now = site.clock()
        today = site.store.queries.today
        sent = await today.sent(now - DAY)
        failed = await today.failed(now - DAY, limit=_ROWS)
        delayed = await today.delayed(now - DELAYED, limit=_ROWS)
        events = (await site.store.queries.events.newest(Which(), limit=_ROWS)).items
        return site.render.page(
            request,
            "today.html",
            sent=sent,
            failed=await told(site, failed.items, language),
            more_failed=failed.next is not None,
            delayed=await told(site, delayed.items, language),
            delayed_count=await today.delayed_count(now - DELAYED),
            events=[(event, tell_event(event.event, language)) for event in events],
            position=events[0].position if events else 0,
            smtp_settings=site.outside.smtp_settings,
            can_test=site.outside.send_test is not None,
            test_address=site.outside.test_address,
        )

    async def live(self, request: web.Request) -> web.StreamResponse:
        """Stream what happens as rows for the list (server-sent events)."""
        if self._streams >= _MOST_STREAMS:
            raise web.HTTPServiceUnavailable
        self._streams += 1
        try:
            return await self._stream(request)
        finally:
            self._streams -= 1

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        language = visit_of(request).language
        last = request.headers.get("Last-Event-ID") or request.query.get("after", "")
        position = int(last) if last.isascii() and last.isdigit() and len(last) < 19 else None
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        follow = self._site.store.journal.follow(position)
        news: asyncio.Queue[EventRecord] = asyncio.Queue(maxsize=200)

        async def read() -> None:
            async for record in follow:
                await news.put(record)

        reading = asyncio.create_task(read())
        try:
            async with asyncio.timeout(_LIVE_FOR):
                while not reading.done():
                    try:
                        async with asyncio.timeout(_BEAT):
                            record = await news.get()
                    except TimeoutError:
                        await response.write(b": still here\n\n")
                        continue
                    await response.write(self._event(record, language).encode("utf-8", "replace"))
        except (TimeoutError, ConnectionError):  # it was long enough, or the browser is gone
            pass
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await reading
        return response

    def _event(self, record: EventRecord, language: str) -> str:
        """Write a row as one server-sent event."""
        row = self._site.render.text(
            "live_row.html", language, event=record, story=tell_event(record.event, language), fresh=True
        )
        lines = "".join(f"data: {line}\n" for line in row.splitlines() if line.strip())
        return f"id: {record.position}\nevent: row\n{lines}\n"

    async def send_test(self, request: web.Request) -> web.Response:
        """Send a test mail to the sandbox, as an application would."""
        send = self._site.outside.send_test
        if send is None:
            raise web.HTTPNotFound
        try:
            await send()
        except StoreError as error:
            self._site.log.warning("the test mail was not taken: %s", error)
            return go("/", "cannot")
        await self._site.audit(request, "test-mail.send", self._site.outside.test_address)
        return go("/", "test-sent")
