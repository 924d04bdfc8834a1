"""
The pages' server: is it alive, is it ready, and all that people look at.

Its port is another one than the pixel's, and nothing of it is reachable there. Everything but ``/healthz``,
``/readyz``, the log-in and the files of the pages asks for a session.
"""

import logging
from asyncio import Server, get_running_loop
from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from admin.api.door import Door
from admin.guard import Guard
from admin.health import Health
from admin.outside import Outside
from admin.pages.all import all_pages
from admin.pages.render import Renderer
from admin.pages.site import Site
from admin.routes import Route, get
from admin.security import Connection, add_headers, plain, plain_errors
from admin.settings import AdminSettings
from admin.statics import Statics
from admin.visit import networks
from store.errors import StoreError
from store.open import Store
from store.queries.page import BadCursor

LARGEST_FORM = 2 * 1024 * 1024  # octets: a list of addresses to import


class AdminServer:
    """Serves the pages. ``addresses`` tells where it listens once it runs."""

    def __init__(
        self,
        *,
        settings: AdminSettings,
        store: Store,
        ready: Callable[[], dict[str, bool]],
        outside: Outside,
        clock: Callable[[], float],
        log: logging.Logger,
        api: Door | None = None,
        before: Sequence[Middleware] = (),
    ) -> None:
        """
        Build it.

        Args:
            settings: Where it listens, and for how long a session lasts.
            store: Who may look, and at what.
            ready: The other parts by name, and whether each is up, for ``/readyz``.
            outside: What the pages need of the rest of the relay.
            clock: Unix seconds, UTC.
            log: Where faults are told.
            before: Answer what asks for no log-in of a person, each a path or a folder of its own.
            api: Answers ``/api/``, before a log-in is asked for; None: nothing does.
        """
        self._settings = settings
        self._log = log
        self._listening: list[Server] = []
        statics = Statics()
        self._render = Renderer(statics, clock)
        site = Site(store=store, settings=settings, outside=outside, render=self._render, clock=clock, log=log)
        health = Health(check=store.check, ready=ready, clock=clock)
        routes = [
            get("/healthz", health.healthz, None),
            get("/readyz", health.readyz, None),
            *statics.routes(),
            *all_pages(site),
        ]
        guard = Guard(
            sessions=store.sessions,
            routes={route.handler: route for route in routes},
            proxies=networks(settings.proxy_networks),
            idle=settings.session_idle,
            clock=clock,
        )
        app = web.Application(
            middlewares=[plain_errors, self._as_page, self._outage, guard.check], client_max_size=LARGEST_FORM
        )
        if api is not None:
            app.middlewares.insert(0, api.middleware)
        for door in before:
            app.middlewares.insert(0, door)
        app.on_response_prepare.append(add_headers)
        _add(app, routes)
        self._runner = web.AppRunner(app, shutdown_timeout=5.0)

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listening socket; none before ``start``."""
        return [sock.getsockname()[:2] for server in self._listening for sock in server.sockets]

    async def start(self) -> None:
        """Listen. OSError when an address cannot be listened at."""
        await self._runner.setup()
        manager = self._runner.server
        assert manager is not None
        loop = get_running_loop()
        try:
            for address in self._settings.listen:
                host, _, port = address.rpartition(":")
                self._listening.append(
                    await loop.create_server(lambda: Connection(manager, loop), host.strip("[]"), int(port))
                )
        except OSError:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop listening, let answers under way end, close the connections."""
        for server in self._listening:
            server.close()
        await self._runner.cleanup()
        self._listening.clear()

    @web.middleware
    async def _as_page(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Show an error to a person as a page."""
        try:
            response = await handler(request)
        except web.HTTPException as error:
            if error.status < 400 or (page := self._render.missing(request, error.status)) is None:
                raise
            return page
        if response.status == 503 and (page := self._render.missing(request, 503)) is not None:
            return page
        return response

    @web.middleware
    async def _outage(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Say plainly that the store is away; what else goes wrong is logged by aiohttp and told as nothing."""
        try:
            return await handler(request)
        except BadCursor:
            raise web.HTTPNotFound from None
        except StoreError as error:
            self._log.warning("a page could not be shown: %s", error)
            return plain(503)


def _add(app: web.Application, routes: Sequence[Route]) -> None:
    for route in routes:
        if route.method == "GET":
            app.router.add_get(route.path, route.handler)
        else:
            app.router.add_route(route.method, route.path, route.handler)
