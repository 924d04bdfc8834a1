"""Who may see the pages, for admins: add, remove, roles, passwords, sessions, and the audit of what they changed."""

from aiohttp import web

from admin.pages.render import Routes, go
from admin.pages.site import Site, form, number
from admin.routes import get, post
from store.nouns import Role

PAGE = 50  # lines of the audit


class PeoplePages:
    """Answers ``/people`` and ``/audit``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Routes:
        """Give the routes."""
        return [
            get("/people", self.show, Role.ADMIN, fresh=True),
            post("/people", self.add, Role.ADMIN, fresh=True),
            post("/people/{name}/role", self.role, Role.ADMIN, fresh=True),
            post("/people/{name}/password", self.password, Role.ADMIN, fresh=True),
            post("/people/{name}/remove", self.remove, Role.ADMIN, fresh=True),
            post("/people/sessions/{id}/end", self.end, Role.ADMIN, fresh=True),
            get("/audit", self.audit, Role.ADMIN),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """List people and sessions."""
        store = self._site.store
        sessions = await store.sessions.list(idle=self._site.settings.session_idle)
        return self._site.render.page(request, "people.html", people=await store.people.list(), sessions=sessions)

    async def add(self, request: web.Request) -> web.Response:
        """Let somebody in."""
        fields = await form(request)
        name, role = fields.get("name", "").strip(), _role(fields)
        if await self._site.store.people.get(name) is not None:
            return go("/people", "taken")
        noted = await self._site.noting(request, "person.add", name, after={"role": role.value})
        try:
            await self._site.store.people.create(name, fields.get("password", ""), role, noted=noted)
        except ValueError as error:
            return go("/people", "taken" if "name has" in str(error) else "weak")
        return go("/people", "person")

    async def role(self, request: web.Request) -> web.Response:
        """Change what somebody may do."""
        name, role = request.match_info["name"], _role(await form(request))
        before = await self._site.store.people.get(name)
        if before is None:
            raise web.HTTPNotFound
        was, will_be = {"role": before.role.value}, {"role": role.value}
        noted = await self._site.noting(request, "person.role", name, before=was, after=will_be)
        try:
            await self._site.store.people.set_role(name, role, noted=noted)
        except ValueError:
            return go("/people", "last-admin")
        return go("/people", "role")

    async def password(self, request: web.Request) -> web.Response:
        """Give somebody a new password."""
        name, password = request.match_info["name"], (await form(request)).get("password", "")
        noted = await self._site.noting(request, "person.password", name)
        try:
            if not await self._site.store.people.set_password(name, password, noted=noted):
                raise web.HTTPNotFound
        except ValueError:
            return go("/people", "weak")
        return go("/people", "password")

    async def remove(self, request: web.Request) -> web.Response:
        """Let somebody in no more."""
        name = request.match_info["name"]
        noted = await self._site.noting(request, "person.remove", name)
        try:
            if not await self._site.store.people.remove(name, noted=noted):
                raise web.HTTPNotFound
        except ValueError:
            return go("/people", "last-admin")
        return go("/people", "removed")

    async def end(self, request: web.Request) -> web.Response:
        """End anybody's session."""
        noted = await self._site.noting(request, "session.end", request.match_info["id"])
        if not await self._site.store.sessions.end(number(request.match_info["id"]), noted=noted):
            raise web.HTTPNotFound
        return go("/people", "ended")

    async def audit(self, request: web.Request) -> web.Response:
        """Show who changed what, the newest first."""
        before = request.query.get("before")
        lines = await self._site.store.audit.list(PAGE + 1, before=number(before) if before else None)
        older = lines[PAGE - 1].id if len(lines) > PAGE else None
        return self._site.render.page(request, "audit.html", lines=lines[:PAGE], older=older)


def _role(fields: dict[str, str]) -> Role:
    try:
        return Role(fields.get("role", ""))
    except ValueError:
        raise web.HTTPBadRequest from None
