"""The API over a real store, asked through HTTP on loopback."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from admin.api.door import Door
from admin.api.embeds import EmbedRoutes
from admin.api.every import every
from admin.api.outside import Outside
from admin.api.route import Route
from admin.api.stream import EventStream
from admin.api.webhooks import WebhookRoutes
from admin.outside import Outside as PagesOutside
from admin.server import AdminServer
from admin.settings import AdminSettings, WebhookSettings
from admin.webhooks.retry import Answer
from relay.config import Config
from relay.handing_over import AcceptingStore, FirstSenders, Handing, SendAgain, TokenSenders
from relay.submission.acceptance import Acceptance
from relay.webhooks import url_rules
from store.open import Store, open_store
from store.settings import StoreSettings
from store.token_nouns import Scope
from store.webhook_nouns import Webhook
from tests.conftest import Clock

PER_MINUTE = 100_000


@dataclass(frozen=True)
class Answered:
    """One answer, read."""

    status: int
    headers: Mapping[str, str]
    octets: bytes

    @property
    def text(self) -> str:
        return self.octets.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.octets)


@dataclass
class Api:
    """The API, and a token of each scope."""

    url: str
    client: ClientSession
    tokens: dict[str, str]
    door: Door
    per_minute: int

    async def ask(
        self, path: str, *, method: str = "GET", scope: str = "read", body: Any = None, **more: Any
    ) -> Answered:
        """Ask with a token; ``body`` goes as JSON."""
        headers = {"Authorization": f"Bearer {self.tokens[scope]}", **more.pop("headers", {})}
        if body is not None:
            more["data"] = json.dumps(body)
            headers = {"Content-Type": "application/json", **headers}
        async with self.client.request(method, self.url + path, headers=headers, **more) as response:
            return Answered(response.status, response.headers, await response.read())

    async def get(self, path: str, *, status: int = 200, **more: Any) -> Any:
        """Ask and give the JSON; the status must be this."""
        response = await self.ask(path, **more)
        assert response.status == status, response.text
        return response.json


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    settings = StoreSettings(url=f"sqlite:///{tmp_path}/homing.db", contents=tmp_path / "contents", reserve=0)
    store = await open_store(settings, clock=clock, node_name="test", serving=True)
    yield store
    await store.close()


def outside(store: Store, clock: Clock) -> Outside:
    """The real acceptance behind it; nothing is delivered."""

    def from_(senders: TokenSenders) -> Acceptance:
        return Acceptance(
            store=AcceptingStore(ids=lambda: store.ids, queue=store.queue, credentials=senders),
            config=Config(),
            deliver=lambda *_: None,
            clock=clock,
            log=logging.getLogger("tests.api"),
        )

    again = from_(FirstSenders(store.tokens, store.credentials))
    return Outside(
        send=Handing(from_(TokenSenders(store.tokens, store.credentials))),
        send_again=SendAgain(again, store.queries.recipients, store.contents),
    )


class NoCalls:
    """Makes no call of a webhook."""

    async def test(self, webhook: Webhook) -> Answer:
        del webhook
        return Answer(status=None, error="nobody is called here")


def all_routes(store: Store, clock: Clock) -> list[Route]:
    """Give every route that the program serves."""
    return [
        *every(store, outside(store, clock)),
        *WebhookRoutes(store, url_rules(WebhookSettings()), NoCalls()).routes(),
        *EventStream(store.journal).routes(),
        *EmbedRoutes("https://mail.club.example", [b"k" * 32], longest=86_400.0).routes(),
    ]


@pytest.fixture
async def api(store: Store, clock: Clock) -> AsyncIterator[Api]:
    """Serve all routes."""
    door = Door(
        all_routes(store, clock),
        tokens=store.tokens,
        audit=store.audit,
        per_minute=PER_MINUTE,
        clock=clock,
        log=logging.getLogger("tests.api"),
    )
    settings = AdminSettings(listen=("127.0.0.1:0",))
    log = logging.getLogger("tests.api")
    server = AdminServer(
        settings=settings, store=store, ready=dict, outside=PagesOutside(), clock=clock, log=log, api=door
    )
    await server.start()
    port = server.addresses[0][1]
    tokens = {scope.value: await store.tokens.create(scope.value, [scope]) for scope in Scope}
    async with ClientSession() as client:
        yield Api(f"http://127.0.0.1:{port}/api/v1", client, tokens, door, PER_MINUTE)
    await server.stop()
