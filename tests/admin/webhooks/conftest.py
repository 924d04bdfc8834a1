"""A store, a receiver, and what tells it of the store's events."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from admin.settings import WebhookSettings
from admin.webhooks.dispatcher import Dispatcher
from admin.webhooks.sender import Sender
from relay.delivery.resolver import AddressAnswer, Found
from relay.webhooks import make_sender
from store.open import Store, open_store
from store.settings import StoreSettings
from store.webhook_nouns import Webhook
from tests.conftest import Clock
from tests.rigs.hook_receiver import HookReceiver
from tests.store.mail import accept, delivered

LOG = logging.getLogger("homing.test.webhooks")


class Names:
    """Addresses by hand: for each look-up the next of ``answers``, the last one for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = [*answers] or ["127.0.0.1"]
        self.asked = 0

    async def addresses(self, host: str, *, ipv6: bool) -> AddressAnswer:
        del host, ipv6
        self.asked += 1
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Found((address,), 9e9)


def sender(clock: Callable[[], float], receiver: HookReceiver, names: Names | None = None, **more: Any) -> Sender:
    """Make a sender that may call the receiver."""
    context = more.pop("context", None)
    given = {"allow_http": True, "allow_private": ("127.0.0.0/8",), "ports": (443, receiver.port), **more}
    settings = WebhookSettings(**given)
    chance = random.Random(1).random
    return make_sender(settings, names or Names(), ipv6=True, clock=clock, draw=chance, context=context)


@pytest.fixture(params=["sqlite"])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    url = f"sqlite:///{tmp_path}/homing.db" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    return StoreSettings(url=url, contents=tmp_path / "contents", reserve=0)


@pytest.fixture
async def store(settings: StoreSettings, clock: Clock) -> AsyncIterator[Store]:
    opened = await open_store(settings, clock=clock, node_name="test", serving=True)
    yield opened
    await opened.close()


@pytest.fixture
async def receiver() -> AsyncIterator[HookReceiver]:
    async with HookReceiver() as running:
        yield running


@contextlib.asynccontextmanager
async def telling(store: Store, clock: Clock, receiver: HookReceiver, **more: Any) -> AsyncIterator[None]:
    """Tell all endpoints of a store what happens."""
    posts = sender(clock, receiver, **more)
    dispatcher = Dispatcher(
        journal=store.journal,
        endpoints=store.webhooks,
        calls=store.webhook_calls,
        sender=posts,
        clock=clock,
        draw=random.Random(2).random,
        log=LOG,
        look=0.01,
        poll=0.01,
    )
    task = asyncio.create_task(dispatcher.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await posts.close()


async def endpoint(store: Store, receiver: HookReceiver, **more: Any) -> Webhook:
    """Make an endpoint at the receiver."""
    return await store.webhooks.create(Webhook(**{"id": 0, "url": receiver.url, **more}))


async def deliver(store: Store, clock: Clock, count: int, **more: Any) -> list[int]:
    """Have mails delivered; gives the ids of their recipients. Each has two events."""
    ids = []
    for _ in range(count):
        taken = await accept(store, "ann@example.org", now=clock(), **more)
        (row,) = await store.find.message(taken.message_id)
        await store.queue.settle(row.recipient.recipient_id, delivered(clock()))
        ids.append(row.recipient.recipient_id)
    return ids
