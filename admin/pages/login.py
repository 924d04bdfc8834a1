"""
Log-in, log-out, and the password once more before a sensitive act.

A wrong password is answered late and with the same words whatever was wrong; an address with too many of them is not
asked any more for a while (W5). Each log-in begins a new session and ends the one that the browser came with (W6).
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from admin.failures import WINDOW, Failures
from admin.pages.render import Routes
from admin.pages.site import Site, form
from admin.routes import get, post
from admin.visit import drop_cookie, local_path, may_log_in, set_cookie, visit_of
from store.nouns import Role

DELAY = 1.0  # seconds before a wrong password is answered


class LoginPages:
    """Answers ``/login``, ``/logout`` and ``/confirm``."""

    def __init__(self, site: Site, pause: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._site = site
        self._pause = pause
        self._failures = Failures()

    def routes(self) -> Routes:
        """Give the routes."""
        return [
            get("/login", self.ask, None),
            post("/login", self.log_in, None),
            post("/logout", self.log_out, Role.VIEWER),
            get("/confirm", self.ask_again),
            post("/confirm", self.confirm, Role.VIEWER),
        ]

    async def ask(self, request: web.Request) -> web.Response:
        """Show the form."""
        if visit_of(request).session is not None:
            raise web.HTTPSeeOther(local_path(request.query.get("next", "/")))
        return self._form(request, local_path(request.query.get("next", "/")))

    async def log_in(self, request: web.Request) -> web.StreamResponse:
        """Begin a session, or say that name or password is wrong."""
        site, visit = self._site, visit_of(request)
        fields = await form(request)
        where = local_path(fields.get("next", "/"))
        if not may_log_in(request, visit, plain_http=site.settings.plain_http):
            return self._form(request, where, trouble="plain", status=403)
        if self._failures.too_many(visit.address, site.clock()):
            return self._form(request, where, trouble="wait", status=429)
        name = fields.get("name", "").strip()
        person = None if "\0" in name else await site.store.people.check(name, fields.get("password", ""))
        if person is None:
            await self._failed(visit.address)
            site.log.warning("wrong password at the pages: name %r from %s", name[:64], visit.address)
            return self._form(request, where, name=name[:64], trouble="wrong", status=401)
        if visit.session is not None:
            await site.store.sessions.end(visit.session.id)
        token = await site.store.sessions.begin(
            person.name,
            address=visit.address,
            agent=request.headers.get("User-Agent", ""),
            idle=site.settings.session_idle,
            noted=await site.store.audit.prepare("session.begin", person.name, who=person.name, address=visit.address),
        )
        response = web.Response(status=303, headers={"Location": where})
        set_cookie(response, visit, token)
        return response

    async def log_out(self, request: web.Request) -> web.StreamResponse:
        """End the session here and in the store."""
        visit = visit_of(request)
        assert visit.session is not None
        noted = await self._site.noting(request, "session.end", visit.session.person)
        await self._site.store.sessions.end(visit.session.id, noted=noted)
        response = web.Response(status=303, headers={"Location": "/login"})
        drop_cookie(response, visit)
        return response

    async def ask_again(self, request: web.Request) -> web.Response:
        """Show the form for the password alone."""
        where = local_path(request.query.get("next", "/"))
        return self._site.render.page(request, "confirm.html", next=where, wrong=False)

    async def confirm(self, request: web.Request) -> web.Response:
        """Note that the password was given again, and go on."""
        site, visit = self._site, visit_of(request)
        fields = await form(request)
        where = local_path(fields.get("next", "/"))
        assert visit.session is not None
        if self._failures.too_many(visit.address, site.clock()):
            return site.render.page(request, "confirm.html", status=429, next=where, wrong=True)
        if await site.store.people.check(visit.session.person, fields.get("password", "")) is None:
            await self._failed(visit.address)
            return site.render.page(request, "confirm.html", status=401, next=where, wrong=True)
        await site.store.sessions.prove(visit.session.id)
        return web.Response(status=303, headers={"Location": where})

    async def _failed(self, address: str) -> None:
        self._failures.note(address, self._site.clock())
        await self._pause(DELAY)

    def _form(
        self, request: web.Request, where: str, *, name: str = "", trouble: str = "", status: int = 200
    ) -> web.Response:
        headers = {"Retry-After": str(int(WINDOW))} if status == 429 else None
        return self._site.render.page(
            request, "login.html", status=status, headers=headers, next=where, name=name, trouble=trouble
        )
