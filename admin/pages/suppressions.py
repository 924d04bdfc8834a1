"""Addresses that mail is no longer sent to: find, add, lift, take over from a file and give out as one."""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence

from aiohttp import web

from admin.csv_file import stream
from admin.pages.asked import newest, older
from admin.pages.render import Routes, go
from admin.pages.site import Site, form
from admin.routes import get, post
from admin.times import moment
from admin.visit import visit_of
from store.addresses import split_address
from store.nouns import Reason, Role
from store.queries.words import clean
from store.reasons import text as reason_text

PAGE = 50
_AT_ONCE = 500  # addresses of one transaction, with its line of the audit
MOST_IMPORTED = 50_000  # addresses of one file
_ADDRESS = re.compile(r"[^\s@<>\"',;]{1,64}@[^\s@<>\"',;]{1,255}")


class SuppressionPages:
    """Answers ``/suppressions``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Routes:
        """Give the routes."""
        return [
            get("/suppressions", self.show),
            get("/suppressions.csv", self.export),
            post("/suppressions", self.add, Role.OPERATOR),
            post("/suppressions/lift", self.lift, Role.OPERATOR),
            post("/suppressions/import", self.take_over, Role.OPERATOR),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """List them, with the mail that caused each."""
        site, text = self._site, clean(request.query.get("q", ""))
        wanted = _reasons(request.query.get("reason", ""))
        page = await site.store.queries.stopped.suppressions(
            text=text, reasons=wanted, limit=PAGE, cursor=request.query.get("cursor")
        )
        return site.render.page(
            request,
            "suppressions.html",
            q=text,
            wanted=wanted,
            lines=page.items,
            by_reason=await site.store.queries.stopped.by_reason(),
            older=older(request, page),
            newest=newest(request),
        )

    async def export(self, request: web.Request) -> web.StreamResponse:
        """Give them as CSV."""
        site, language = self._site, visit_of(request).language

        async def rows() -> AsyncIterator[Sequence[object]]:
            cursor = None
            while True:
                page = await site.store.queries.stopped.suppressions(limit=500, cursor=cursor)
                for line in page.items:
                    it = line.suppression
                    since = moment(it.at, it.at).iso
                    until = moment(it.expires_at, it.at).iso if it.expires_at else ""
                    sentence = reason_text(it.reason, language).sentence
                    yield (it.address, it.reason.value, sentence, since, until, it.note, line.subject, line.reply)
                if page.next is None:
                    return
                cursor = page.next

        head = ("address", "reason", "why", "since", "until", "note", "mail that caused it", "server's words")
        return await stream(request, "suppressions", head, rows())

    async def add(self, request: web.Request) -> web.Response:
        """Stop one address by hand."""
        fields = await form(request)
        address = fields.get("address", "").strip()
        if not _ADDRESS.fullmatch(address) or not split_address(address)[1]:
            return go("/suppressions", "no-addresses")
        note = clean(fields.get("note", ""))
        noted = await self._site.noting(request, "suppression.add", address, after={"note": note})
        await self._site.store.suppressions.add(address, note=note, noted=noted)
        return go("/suppressions", "suppressed")

    async def lift(self, request: web.Request) -> web.Response:
        """Let mail go to an address again."""
        address = (await form(request)).get("address", "")
        before = await self._site.store.suppressions.get(address)
        if before is None:
            return go("/suppressions", "cannot")
        noted = await self._site.noting(request, "suppression.lift", address, before={"reason": before.reason.value})
        if not await self._site.store.suppressions.lift(address, noted=noted):
            return go("/suppressions", "cannot")
        return go("/suppressions", "lifted")

    async def take_over(self, request: web.Request) -> web.Response:
        """Add the addresses of a CSV file, or of pasted lines; those that are suppressed already stay as they are."""
        data = await request.post()
        text = str(data.get("text", "")) if isinstance(data.get("text"), str) else ""
        file = data.get("file")
        if isinstance(file, web.FileField):
            text += "\n" + file.file.read().decode("utf-8-sig", "replace")
        addresses = list(addresses_in(text))
        if not addresses:
            return go("/suppressions", "no-addresses")
        suppressions = self._site.store.suppressions
        new = [(address, "imported") for address in addresses if await suppressions.get(address) is None]
        for start in range(0, len(new), _AT_ONCE):
            some = new[start : start + _AT_ONCE]
            noted = await self._site.noting(request, "suppression.import", after={"addresses": len(some)})
            await suppressions.add_all(some, noted=noted)
        return go("/suppressions", "imported")


def addresses_in(text: str) -> Iterable[str]:
    """Give the first address of each line of a CSV file, each once."""
    seen: set[str] = set()
    lines = [line.replace("\0", "") for line in text.splitlines()]
    for cells in csv.reader(io.StringIO("\n".join(lines), newline="")):
        for cell in cells:
            address = cell.strip().removeprefix("'")
            if _ADDRESS.fullmatch(address):
                if address.lower() not in seen and len(seen) < MOST_IMPORTED:
                    seen.add(address.lower())
                    yield address
                break


def _reasons(text: str) -> tuple[Reason, ...]:
    return (Reason(text),) if text in set(Reason) else ()
