"""The customer view: who somebody is to us, whether their address works, and all that they were sent."""

from urllib.parse import quote

from aiohttp import web

from admin.pages.asked import asked, newest, older
from admin.pages.render import Routes, go
from admin.pages.site import Site, form
from admin.pages.told import chips, told
from admin.routes import get, post
from admin.visit import visit_of
from store.nouns import Role

PAGE = 40


class CustomerPages:
    """Answers ``/customers``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Routes:
        """Give the routes."""
        return [
            get("/customers", self.find),
            post("/customers/try-again", self.try_again, Role.OPERATOR),
            get("/customers/{key:.+}", self.show),
        ]

    async def find(self, request: web.Request) -> web.Response:
        """List addresses, with what is known of each."""
        site, question = self._site, asked(request)
        page = await site.store.queries.customers.find(
            question.search, now=site.clock(), limit=PAGE, cursor=question.cursor
        )
        return site.render.page(
            request,
            "customers.html",
            asked=question,
            addresses=page.items,
            older=older(request, page),
            newest=newest(request),
            smtp_settings=site.outside.smtp_settings,
        )

    async def show(self, request: web.Request) -> web.Response:
        """Show one customer, or one address."""
        site, question, key = self._site, asked(request), request.match_info["key"]
        view = await site.store.queries.customers.view(
            key, search=question.search, now=site.clock(), limit=PAGE, cursor=question.cursor
        )
        if view is None:
            raise web.HTTPNotFound
        path = f"/customers/{quote(key, safe='@')}"
        words = {"type": question.kind}
        return site.render.page(
            request,
            "customer.html",
            key=key,
            path_here=path,
            view=view,
            asked=question,
            rows=await told(site, view.rows.items, visit_of(request).language),
            chips=chips(view.counts, path, words, question.status),
            older=older(request, view.rows),
            newest=newest(request),
        )

    async def try_again(self, request: web.Request) -> web.Response:
        """Let mail go to an address again, because a person says that it was corrected."""
        fields = await form(request)
        address = fields.get("address", "")
        back = f"/customers/{quote(fields.get('key', address), safe='@')}"
        before = await self._site.store.suppressions.get(address)
        if before is None:
            return go(back, "cannot")
        noted = await self._site.noting(request, "suppression.lift", address, before={"reason": before.reason.value})
        return go(back, "lifted" if await self._site.store.suppressions.lift(address, noted=noted) else "cannot")
