"""One's own account: language, password, where one is logged in."""

from aiohttp import web

from admin.pages.render import Routes, go
from admin.pages.site import Site, form, number
from admin.routes import get, post
from admin.visit import set_cookie, visit_of
from store.languages import LANGUAGES
from store.nouns import Role


class AccountPages:
    """Answers ``/account``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Routes:
        """Give the routes."""
        return [
            get("/account", self.show),
            post("/account/language", self.language, Role.VIEWER),
            post("/account/password", self.password, Role.VIEWER),
            post("/account/sessions/{id}/end", self.end, Role.VIEWER),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """Show it."""
        visit = visit_of(request)
        assert visit.session is not None
        everybody = await self._site.store.sessions.list(idle=self._site.settings.session_idle)
        mine = [each for each in everybody if each.person == visit.session.person]
        return self._site.render.page(request, "account.html", sessions=mine)

    async def language(self, request: web.Request) -> web.Response:
        """Choose the language of the pages; "" is as the browser asks."""
        visit = visit_of(request)
        assert visit.session is not None
        wanted = (await form(request)).get("language", "")
        await self._site.store.people.set_language(visit.session.person, wanted if wanted in LANGUAGES else "")
        return go("/account", "language")

    async def password(self, request: web.Request) -> web.StreamResponse:
        """Change one's password: the old one is asked for, all other sessions end, this one gets a new token."""
        site, visit = self._site, visit_of(request)
        assert visit.session is not None
        fields = await form(request)
        name = visit.session.person
        if await site.store.people.check(name, fields.get("old", "")) is None:
            return go("/account", "wrong")
        noted = await site.noting(request, "person.password", name)
        try:
            await site.store.people.set_password(name, fields.get("new", ""), noted=noted)
        except ValueError:
            return go("/account", "weak")
        token = await site.store.sessions.begin(
            name,
            address=visit.address,
            agent=request.headers.get("User-Agent", ""),
            idle=site.settings.session_idle,
        )
        response = go("/account", "password")
        set_cookie(response, visit, token)
        return response

    async def end(self, request: web.Request) -> web.Response:
        """End one of one's own sessions."""
        visit = visit_of(request)
        assert visit.session is not None
        wanted = number(request.match_info["id"])
        everybody = await self._site.store.sessions.list(idle=self._site.settings.session_idle)
        if not any(each.id == wanted and each.person == visit.session.person for each in everybody):
            raise web.HTTPNotFound
        noted = await self._site.noting(request, "session.end", visit.session.person)
        await self._site.store.sessions.end(wanted, noted=noted)
        return go("/account", "ended")
