"""Domains with what DNS says of them, and the settings and sizes: for whoever runs the relay."""

import asyncio
from collections.abc import Sequence

from aiohttp import web

from admin.outside import DnsRecord
from admin.pages.render import Routes
from admin.pages.site import Site
from admin.routes import get
from store.nouns import Role
from store.queries.sizes import Sizes

_KEPT = 60.0  # seconds that measured sizes are good for: measuring counts every row
_PATIENCE = 10.0  # seconds for all of a domain's records


class OperatePages:
    """Answers ``/domains`` and ``/settings``."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._sizes: tuple[float, Sizes] | None = None
        self._measuring = asyncio.Lock()

    def routes(self) -> Routes:
        """Give the routes."""
        return [get("/domains", self.domains), get("/settings", self.settings)]

    async def domains(self, request: web.Request) -> web.Response:
        """Show each domain with the records it should have, and what was found for the one that is asked."""
        outside = self._site.outside
        names = await outside.domains() if outside.domains else ()
        checked = request.query.get("check", "")
        records: Sequence[DnsRecord] = ()
        if checked in names and outside.check_domain is not None:
            try:
                async with asyncio.timeout(_PATIENCE):
                    records = await outside.check_domain(checked)
            except TimeoutError:
                records = ()
        return self._site.render.page(
            request,
            "domains.html",
            names=names,
            checked=checked if checked in names else "",
            records=records,
            can_check=outside.check_domain is not None,
        )

    async def settings(self, request: web.Request) -> web.Response:
        """Show what is configured, how much is kept, and how much it will be."""
        now = self._site.clock()
        async with self._measuring:
            if self._sizes is None or not 0 <= now - self._sizes[0] < _KEPT:
                self._sizes = (now, await self._site.store.queries.sizes.now(now))
        tables: dict[str, list[tuple[str, str]]] = {}
        for table, key, value in self._site.outside.settings:
            tables.setdefault(table, []).append((key, value))
        return self._site.render.page(
            request,
            "settings.html",
            sizes=self._sizes[1],
            measured=self._sizes[0],
            tables=tables,
            admin=Role.ADMIN,
            retention=self._site.outside.keeps_contents,
        )
