"""Messages: the list, and one message as overview, recipients and source."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from admin.csv_file import stream
from admin.pages.asked import Asked, asked, newest, older
from admin.pages.chart import bar, opens
from admin.pages.render import Routes, go
from admin.pages.site import Site, chosen, number
from admin.pages.told import MARKS, chips, told
from admin.routes import get, post
from admin.visit import visit_of
from store.errors import ContentDamaged
from store.nouns import Role
from store.queries.rows import AddressHealth, Overview
from store.queries.search import Search
from store.reasons import told as reason_told
from store.shown import Shown

PAGE = 40
RECIPIENTS = 50
MOST_AGAIN = 1_000  # recipients that one click sends to again
_PREVIEW = {
    # Whatever is in the mail: nothing is loaded, nothing runs, and it sits in an origin of its own (W2).
    "Content-Security-Policy": "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; "
    "frame-ancestors 'self'; form-action 'none'; base-uri 'none'",
    "X-Frame-Options": "SAMEORIGIN",
    "X-DNS-Prefetch-Control": "off",
}
_WITH_FRAME = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
}


class MessagePages:
    """Answers ``/messages``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Routes:
        """Give the routes."""
        return [
            get("/messages", self.find),
            get("/messages/{id}", self.overview),
            get("/messages/{id}/preview", self.preview),
            get("/messages/{id}/recipients", self.recipients),
            get("/messages/{id}/recipients.csv", self.export),
            post("/messages/{id}/again", self.again, Role.OPERATOR),
            get("/messages/{id}/source", self.source, Role.ADMIN, fresh=True),
            get("/messages/{id}/raw", self.raw, Role.ADMIN, fresh=True),
        ]

    async def find(self, request: web.Request) -> web.Response:
        """List messages, or what the search box finds."""
        site, question = self._site, asked(request)
        page, people = await asyncio.gather(
            site.store.queries.messages.newest(question.search, limit=PAGE, cursor=question.cursor),
            self._people(question),
        )
        return site.render.page(
            request,
            "messages.html",
            asked=question,
            lines=page.items,
            people=people,
            bar=bar,
            marks=MARKS,
            older=older(request, page),
            newest=newest(request),
            smtp_settings=site.outside.smtp_settings,
            can_test=site.outside.send_test is not None,
            test_address=site.outside.test_address,
        )

    async def _people(self, question: Asked) -> Sequence[AddressHealth]:
        """Give the first addresses that fit free words: often it is a person who is looked for."""
        if not question.typed.search.text or question.cursor is not None:
            return ()
        only = Search(text=question.typed.search.text)
        return (await self._site.store.queries.customers.find(only, now=self._site.clock(), limit=3)).items

    async def overview(self, request: web.Request) -> web.Response:
        """Show one message: numbers, when it was opened, and the mail itself."""
        site = self._site
        overview = await self._get(request)
        language = visit_of(request).language
        view = request.query.get("view", "desktop")
        mail = await self._read(overview)
        return site.render.page(
            request,
            "message.html",
            headers=_WITH_FRAME,
            overview=overview,
            message=overview.message,
            counts=overview.counts,
            bar=bar(overview.counts),
            marks=MARKS,
            chart=opens(overview.first_opens, overview.slot_seconds),
            reasons=[
                (reason_told(each.reason, each.mistyped, language), each.count, each.reason)
                for each in overview.reasons
            ],
            mail=mail,
            view=view if view in ("desktop", "mobile", "text") else "desktop",
        )

    async def preview(self, request: web.Request) -> web.Response:
        """Give the mail's HTML for the frame of the overview: locked in, with nothing that loads or runs."""
        mail = await self._read(await self._get(request))
        if mail is None or not mail.html:
            raise web.HTTPNotFound
        return web.Response(text=mail.html, content_type="text/html", charset="utf-8", headers=_PREVIEW)

    async def recipients(self, request: web.Request) -> web.Response:
        """List the recipients, what needs a person first."""
        site, question, overview = self._site, asked(request), await self._get(request)
        search = self._within(question, overview)
        page = await site.store.queries.recipients.failures_first(search, limit=RECIPIENTS, cursor=question.cursor)
        path = f"/messages/{overview.message.message_id}/recipients"
        rows = await told(site, page.items, visit_of(request).language)
        return site.render.page(
            request,
            "recipients.html",
            asked=question,
            message=overview.message,
            rows=rows,
            addresses="\n".join(each.row.forward_path for each in rows),
            chips=chips(overview.counts, path, {"q": question.line}, question.status, failures_first=True),
            export=str(request.rel_url.without_query_params("cursor").with_path(f"{path}.csv", keep_query=True)),
            can_send=site.outside.send_again is not None and overview.message.content_erased_at is None,
            older=older(request, page),
            newest=newest(request),
        )

    @staticmethod
    def _within(question: Asked, overview: Overview) -> Search:
        fields = {**{name: getattr(question.search, name) for name in Search.__slots__}}
        return Search(**{**fields, "message_id": overview.message.message_id})

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Give the recipients as CSV."""
        site, overview = self._site, await self._get(request)
        search = self._within(asked(request), overview)
        language = visit_of(request).language

        async def rows() -> AsyncIterator[Sequence[object]]:
            cursor = None
            while True:
                page = await site.store.queries.recipients.failures_first(search, limit=500, cursor=cursor)
                for each in await told(site, page.items, language):
                    row, story = each.row, each.story
                    yield (
                        row.forward_path,
                        story.word,
                        f"{story.sentence} {story.more}".strip(),
                        story.advice,
                        row.opens,
                        row.last_reply,
                        row.remote_host,
                        row.recipient_id,
                    )
                if page.next is None:
                    return
                cursor = page.next

        head = ("address", "status", "why", "what to do", "opens", "server's words", "server", "recipient id")
        return await stream(request, f"recipients-{overview.message.message_id}", head, rows())

    async def again(self, request: web.Request) -> web.Response:
        """Send the message again to the recipients that were ticked."""
        site = self._site
        message_id = number(request.match_info["id"])
        path = f"/messages/{message_id}/recipients"
        ids = await chosen(request, "id")
        if not ids or site.outside.send_again is None:
            return go(path, "nothing")
        rows = await site.store.queries.recipients.get(ids[:MOST_AGAIN])
        mine = [row.recipient_id for row in rows if row.message_id == message_id]
        if not mine:
            return go(path, "nothing")
        sent = await site.outside.send_again(mine)
        await site.audit(
            request, "message.again", str(message_id), after={"recipients": len(mine), "messages": list(sent)}
        )
        return go(path, "again" if sent else "cannot")

    async def source(self, request: web.Request) -> web.Response:
        """Show header, parts and the mail as it came."""
        overview = await self._get(request)
        raw = await self._raw(overview.message.message_id)
        mail = await self._read(overview)
        await self._site.audit(request, "message.source", str(overview.message.message_id))
        return self._site.render.page(
            request,
            "source.html",
            message=overview.message,
            mail=mail,
            raw=raw[: 256 * 1024].decode("utf-8", "replace") if raw is not None else None,
            cut=raw is not None and len(raw) > 256 * 1024,
        )

    async def raw(self, request: web.Request) -> web.Response:
        """Give the mail as a file (W3)."""
        overview = await self._get(request)
        raw = await self._raw(overview.message.message_id)
        if raw is None:
            raise web.HTTPNotFound
        await self._site.audit(request, "message.raw", str(overview.message.message_id))
        name = f'attachment; filename="{overview.message.message_id}.eml"'
        return web.Response(body=raw, content_type="application/octet-stream", headers={"Content-Disposition": name})

    async def _get(self, request: web.Request) -> Overview:
        overview = await self._site.store.queries.overviews.of(number(request.match_info["id"]))
        if overview is None:
            raise web.HTTPNotFound
        return overview

    async def _raw(self, message_id: int) -> bytes | None:
        ref = await self._site.store.contents.ref(message_id)
        if ref is None:
            return None
        try:
            return await self._site.store.contents.read(ref)
        except ContentDamaged as error:
            self._site.log.warning("message %s cannot be shown: %s", message_id, error)
            return None

    async def _read(self, overview: Overview) -> Shown | None:
        """Read the mail for people; None: its content is no longer kept."""
        read = self._site.outside.read_mail
        raw = await self._raw(overview.message.message_id)
        return None if raw is None or read is None else await asyncio.to_thread(read, raw)
