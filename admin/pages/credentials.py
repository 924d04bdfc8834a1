"""What applications log in with: make one, whose password is shown this once, and end one."""

from aiohttp import web

from admin.pages.render import Routes, go
from admin.pages.site import Site, form
from admin.routes import get, post
from store.nouns import Role


class CredentialPages:
    """Answers ``/credentials``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Routes:
        """Give the routes."""
        return [
            get("/credentials", self.show, Role.ADMIN, fresh=True),
            post("/credentials", self.create, Role.ADMIN, fresh=True),
            post("/credentials/{name}/revoke", self.revoke, Role.ADMIN, fresh=True),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """List them."""
        return await self._page(request)

    async def create(self, request: web.Request) -> web.Response:
        """Make one and show its password, which is never to be had again."""
        fields = await form(request)
        name = fields.get("name", "").strip()
        rate = fields.get("rate", "").strip() or "0"
        if not name or not name.isprintable() or len(name) > 64 or not (rate.isascii() and rate.isdigit()):
            return await self._page(
                request, trouble="A credential has a name, and a rate that is a number.", status=422
            )
        domains, networks = _words(fields.get("from_domains", "")), _words(fields.get("networks", ""))
        limits = {"from_domains": domains, "networks": networks, "rate": int(rate)}
        noted = await self._site.noting(request, "credential.add", name, after=limits)
        try:
            user, password = await self._site.store.credentials.create(
                name, from_domains=domains, networks=networks, rate=int(rate), noted=noted
            )
        except ValueError as error:
            return await self._page(request, trouble=str(error), status=422)
        return await self._page(request, made=(name, user, password))

    async def revoke(self, request: web.Request) -> web.Response:
        """End one."""
        name = request.match_info["name"]
        noted = await self._site.noting(request, "credential.revoke", name)
        if not await self._site.store.credentials.revoke(name, noted=noted):
            return go("/credentials", "cannot")
        return go("/credentials", "revoked")

    async def _page(
        self,
        request: web.Request,
        *,
        made: tuple[str, str, str] | None = None,
        trouble: str = "",
        status: int = 200,
    ) -> web.Response:
        return self._site.render.page(
            request,
            "credentials.html",
            status=status,
            credentials=await self._site.store.credentials.list(),
            made=made,
            trouble=trouble,
            smtp_settings=self._site.outside.smtp_settings,
        )


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()
