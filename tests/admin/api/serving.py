"""Some routes of the API over a real store, through HTTP on loopback."""

import json
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, web

from admin.api.door import Door
from admin.api.route import Route
from store.open import Store
from store.token_nouns import Scope


@dataclass(frozen=True)
class Read:
    """One answer, read."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@dataclass
class Asking:
    """Some routes, and a token of each scope."""

    url: str
    client: ClientSession
    tokens: dict[str, str]

    async def ask(self, path: str, *, method: str = "GET", scope: str = "read", body: Any = None) -> Read:
        """Ask with a token; ``body`` goes as JSON."""
        headers = {"Authorization": f"Bearer {self.tokens[scope]}"}
        more: dict[str, Any] = {}
        if body is not None:
            more["data"] = json.dumps(body)
            headers["Content-Type"] = "application/json"
        async with self.client.request(method, self.url + path, headers=headers, **more) as response:
            return Read(response.status, response.headers, await response.text())

    async def get(self, path: str, **more: Any) -> Any:
        """Ask, and give the JSON of an answer that is 200."""
        answer = await self.ask(path, **more)
        assert answer.status == 200, answer.text
        return answer.json


@asynccontextmanager
async def serving(routes: list[Route], store: Store, clock: Callable[[], float]) -> AsyncIterator[Asking]:
    """Serve them, with a token of each scope."""
    door = Door(
        routes,
        tokens=store.tokens,
        audit=store.audit,
        per_minute=10_000,
        clock=clock,
        log=logging.getLogger("tests.api"),
    )
    runner = web.AppRunner(web.Application(middlewares=[door.middleware]), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    tokens = {scope.value: await store.tokens.create(scope.value, [scope]) for scope in Scope}
    async with ClientSession() as client:
        yield Asking(f"http://127.0.0.1:{port}/api/v1", client, tokens)
    await runner.cleanup()
