"""What the pages' tests share: a store, and a server that runs."""

from collections.abc import AsyncIterator

import pytest

from admin import login
from admin.server import AdminServer
from admin.settings import AdminSettings
from tests.admin.rig import LOG, NOW, SETTINGS, FakeStore


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def up() -> dict[str, bool]:
    return {"submission": True, "bounce": True}


@pytest.fixture
async def server(store: FakeStore, up: dict[str, bool], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AdminServer]:
    monkeypatch.setattr(login, "DELAY", 0.0)
    server = AdminServer(
        settings=AdminSettings(listen=("127.0.0.1:0",)),
        store=store,
        ready=lambda: dict(up),
        smtp_settings=SETTINGS,
        clock=lambda: NOW,
        log=LOG,
    )
    await server.start()
    yield server
    await server.stop()
