"""The invoice log: one list over all mails about one invoice; and invoices to chase, which an office prints."""

from collections.abc import AsyncIterator, Sequence

from aiohttp import web

from admin.csv_file import stream
from admin.event_story import tell_event
from admin.pages.asked import newest, older
from admin.pages.render import Routes
from admin.pages.site import Site
from admin.pages.told import Told, told
from admin.routes import get
from admin.times import moment
from admin.visit import visit_of
from store.queries.rows import ChaseLine, InvoiceLog

PAGE = 50
DAY = 86_400.0
_SINCE = 90 * DAY  # how far back an invoice is chased
_MOST_DAYS = 60


class InvoicePages:
    """Answers ``/invoices`` and ``/chase``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Routes:
        """Give the routes."""
        return [get("/chase", self.chase), get("/chase.csv", self.phone_list), get("/invoices/{invoice:.+}", self.log)]

    async def log(self, request: web.Request) -> web.Response:
        """Show the log of one invoice."""
        site, language = self._site, visit_of(request).language
        log = await site.store.queries.invoices.log(
            request.match_info["invoice"], limit=PAGE, cursor=request.query.get("cursor")
        )
        if log is None:
            raise web.HTTPNotFound
        return site.render.page(
            request,
            "invoice.html",
            log=log,
            mails=await mails_of(site, log, language),
            older=older(request, log.sent),
            newest=newest(request),
        )

    async def chase(self, request: web.Request) -> web.Response:
        """List invoices that nobody is known to have read."""
        site, language, days = self._site, visit_of(request).language, self._days(request)
        now = site.clock()
        page = await site.store.queries.chase.invoices(
            sent_before=now - days * DAY, since=now - _SINCE, limit=PAGE, cursor=request.query.get("cursor")
        )
        return site.render.page(
            request,
            "chase.html",
            days=days,
            lines=[(line, await told(site, line.recipients, language)) for line in page.items],
            choices=sorted({1, 3, 7, 14, days}),
            older=older(request, page),
            newest=newest(request),
        )

    async def phone_list(self, request: web.Request) -> web.StreamResponse:
        """Give the same as CSV, a line for each address."""
        site, language, days = self._site, visit_of(request).language, self._days(request)
        now = site.clock()

        async def rows() -> AsyncIterator[Sequence[object]]:
            cursor = None
            while True:
                page = await site.store.queries.chase.invoices(
                    sent_before=now - days * DAY, since=now - _SINCE, limit=200, cursor=cursor
                )
                for line in page.items:
                    for each in await told(site, line.recipients, language):
                        yield chase_cells(line, each, now)
                if page.next is None:
                    return
                cursor = page.next

        head = ("customer", "address", "invoice", "subject", "sent", "mails", "status", "why", "what to do")
        return await stream(request, "to-chase", head, rows())

    def _days(self, request: web.Request) -> int:
        asked = request.query.get("days", "")
        configured = max(1, round(self._site.settings.chase_after / DAY))
        return min(int(asked), _MOST_DAYS) if asked.isascii() and asked.isdigit() and 0 < len(asked) < 4 else configured


def chase_cells(line: ChaseLine, each: Told, now: float) -> tuple[object, ...]:
    """Give one line of the phone list."""
    sent = moment(line.first_sent_at, now).iso[:10]
    story = each.story
    return (
        line.customer,
        each.row.forward_path,
        line.invoice,
        line.subject,
        sent,
        line.mails,
        story.word,
        f"{story.sentence} {story.more}".strip(),
        story.advice,
    )


async def mails_of(site: Site, log: InvoiceLog, language: str) -> list[tuple[object, list[tuple[Told, list[object]]]]]:
    """Tell each mail about an invoice: its recipients, each with its events."""
    mails = []
    for sent in log.sent.items:
        stories = await told(site, [found.recipient for found in sent.recipients], language)
        events = [[(event, tell_event(event, language)) for event in found.events] for found in sent.recipients]
        mails.append((sent, list(zip(stories, events, strict=True))))
    return mails  # type: ignore[return-value]  # the template knows their shapes
