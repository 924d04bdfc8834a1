"""What the pages' tests share: a store with people and mails in it, and a server that runs."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from admin.outside import Outside
from admin.pages import login
from admin.server import AdminServer
from admin.settings import AdminSettings
from relay.message.shown import shown
from store.open import Store, open_store
from store.settings import StoreSettings
from tests.admin.rig import LOG, PASSWORD, PEOPLE, SETTINGS, Filled, Visitor, fill
from tests.conftest import Clock


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    """Give a store with a viewer, an operator and an admin; their passwords are hashed cheaply."""
    settings = StoreSettings(url=f"sqlite:///{tmp_path}/homing.db", contents=tmp_path / "contents", reserve=0)
    store = await open_store(settings, clock=clock, node_name="test", serving=True)
    store.people._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    for name, role in PEOPLE.items():
        await store.people.create(name, PASSWORD, role)
    yield store
    await store.close()


@pytest.fixture
async def filled(store: Store, clock: Clock) -> Filled:
    return await fill(store, clock())


@pytest.fixture
def up() -> dict[str, bool]:
    return {"submission": True, "bounce": True}


@pytest.fixture
def again() -> list[int]:
    """Give the ids of recipients that a page had sent again."""
    return []


@pytest.fixture
def outside(again: list[int]) -> Outside:
    async def send_again(ids: Sequence[int]) -> Sequence[int]:
        again.extend(ids)
        return [1]

    return Outside(smtp_settings=SETTINGS, read_mail=shown, send_again=send_again)


@pytest.fixture
async def server(
    store: Store, up: dict[str, bool], outside: Outside, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AdminServer]:
    monkeypatch.setattr(login, "DELAY", 0.0)
    server = AdminServer(
        settings=AdminSettings(listen=("127.0.0.1:0",)),
        store=store,
        ready=lambda: dict(up),
        outside=outside,
        clock=clock,
        log=LOG,
    )
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def visitor(server: AdminServer) -> Visitor:
    """Give somebody who is not logged in."""
    return Visitor(server)


async def _in(server: AdminServer, name: str) -> Visitor:
    visitor = Visitor(server)
    assert (await visitor.log_in(name)).status == 303
    return visitor


@pytest.fixture
async def viewer(server: AdminServer) -> Visitor:
    return await _in(server, "vera")


@pytest.fixture
async def operator(server: AdminServer) -> Visitor:
    return await _in(server, "otto")


@pytest.fixture
async def admin(server: AdminServer) -> Visitor:
    return await _in(server, "ada")
