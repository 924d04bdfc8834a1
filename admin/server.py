"""
The pages' server: is it alive, is it ready, and who got what.

Its port is another one than the pixel's, and nothing of it is reachable there. Everything but ``/healthz``, ``/readyz``
and the stylesheet asks for a log-in.
"""

import hashlib
import logging
from asyncio import Server, get_running_loop
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Protocol

from aiohttp import web
from aiohttp.typedefs import Handler

from admin.api.door import Door
from admin.health import Health
from admin.login import People, require_login
from admin.recent import DidYouMean, Recent, RecentPage, no_guess
from admin.security import Connection, add_headers, plain, plain_errors
from admin.settings import AdminSettings
from store.errors import StoreError

_OPEN_PATHS = frozenset({"/healthz", "/readyz", "/style.css"})


class Store(Protocol):
    """What is needed of ``store.open.Store``."""

    @property
    def people(self) -> People:
        """Who may see the pages."""
        ...

    @property
    def recent(self) -> Recent:
        """What was sent of late."""
        ...

    async def check(self) -> None:
        """Raise StoreError when the store cannot be written."""
        ...


class AdminServer:
    """Serves the pages. ``addresses`` tells where it listens once it runs."""

    def __init__(
        self,
        *,
        settings: AdminSettings,
        store: Store,
        ready: Callable[[], dict[str, bool]],
        smtp_settings: Sequence[tuple[str, str]],
        clock: Callable[[], float],
        log: logging.Logger,
        did_you_mean: DidYouMean = no_guess,
        api: Door | None = None,
    ) -> None:
        """
        Build it.

        Args:
            settings: Where it listens.
            store: Who may look, and at what.
            ready: The other parts by name, and whether each is up, for ``/readyz``.
            smtp_settings: Names and values that a page without mail tells to put into an application. No secrets.
            clock: Unix seconds, UTC.
            log: Where faults are told.
            api: Answers ``/api/``, before a log-in is asked for; None: nothing does.
            did_you_mean: Gives the address that was probably meant in place of one that failed; "": none.
        """
        self._settings = settings
        self._log = log
        self._listening: list[Server] = []
        style = files("admin").joinpath("static/style.css").read_text(encoding="utf-8")
        version = hashlib.sha256(style.encode()).hexdigest()[:8]
        login = require_login(store.people, open_paths=_OPEN_PATHS, clock=clock)
        health = Health(check=store.check, ready=ready, clock=clock)
        page = RecentPage(
            store.recent,
            smtp_settings=smtp_settings,
            style_version=version,
            clock=clock,
            did_you_mean=did_you_mean,
        )

        async def stylesheet(request: web.Request) -> web.Response:
            del request
            return web.Response(text=style, content_type="text/css", charset="utf-8")

        app = web.Application(middlewares=[plain_errors, self._outage, login], client_max_size=64 * 1024)
        if api is not None:
            app.middlewares.insert(0, api.middleware)
        app.on_response_prepare.append(add_headers)
        app.router.add_get("/healthz", health.healthz)
        app.router.add_get("/readyz", health.readyz)
        app.router.add_get("/style.css", stylesheet)
        app.router.add_get("/", page.show)
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
    async def _outage(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Say plainly that the store is away; what else goes wrong is logged by aiohttp and told as nothing."""
        try:
            return await handler(request)
        except StoreError as error:
            self._log.warning("a page could not be shown: %s", error)
            return plain(503)
