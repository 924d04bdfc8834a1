"""The API over a real store, asked through HTTP on loopback."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web

from admin.api.door import Door
from admin.api.every import every
from store.open import Store, open_store
from store.settings import StoreSettings
from store.token_nouns import Scope
from tests.conftest import Clock


@dataclass
class Api:
    """The API, and a token of each scope."""

    url: str
    client: ClientSession
    tokens: dict[str, str]

    async def ask(
        self, path: str, *, method: str = "GET", scope: str = "read", body: Any = None, **more: Any
    ) -> ClientResponse:
        """Ask with a token; ``body`` goes as JSON. The answer is read."""
        headers = {"Authorization": f"Bearer {self.tokens[scope]}", **more.pop("headers", {})}
        if body is not None:
            more["data"] = json.dumps(body)
            headers = {"Content-Type": "application/json", **headers}
        async with self.client.request(method, self.url + path, headers=headers, **more) as response:
            await response.read()
            return response

    async def get(self, path: str, *, status: int = 200, **more: Any) -> Any:
        """Ask and give the JSON; the status must be this."""
        response = await self.ask(path, **more)
        assert response.status == status, await response.text()
        return await response.json(content_type=None)


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    settings = StoreSettings(url=f"sqlite:///{tmp_path}/homing.db", contents=tmp_path / "contents", reserve=0)
    store = await open_store(settings, clock=clock, node_name="test", serving=True)
    yield store
    await store.close()


@pytest.fixture
async def api(store: Store, clock: Clock) -> AsyncIterator[Api]:
    """Serve all routes."""
    door = Door(
        every(store),
        tokens=store.tokens,
        audit=store.audit,
        per_minute=10_000,
        clock=clock,
        log=logging.getLogger("tests.api"),
    )
    app = web.Application(middlewares=[door.middleware])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]
    tokens = {scope.value: await store.tokens.create(scope.value, [scope]) for scope in Scope}
    async with ClientSession() as client:
        yield Api(f"http://127.0.0.1:{port}/api/v1", client, tokens)
    await runner.cleanup()
