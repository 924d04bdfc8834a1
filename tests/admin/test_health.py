"""admin/health.py."""

import asyncio
import json

from admin.health import Health
from admin.server import AdminServer
from tests.admin.rig import NOW, FakeStore, ask


async def test_alive_whatever_else(server: AdminServer, store: FakeStore, up: dict[str, bool]) -> None:
    """The process lives also while nothing else does; no log-in."""
    store.writable = up["submission"] = False
    answer = await ask(server, "/healthz", headers={})
    assert (answer.status, json.loads(answer.text)) == (200, {"alive": True})


async def test_ready(server: AdminServer) -> None:
    """Store and listeners are up; no log-in."""
    answer = await ask(server, "/readyz", headers={})
    assert answer.status == 200
    assert json.loads(answer.text) == {"ready": True, "parts": {"store": True, "submission": True, "bounce": True}}


async def test_not_ready_while_the_store_is_locked(server: AdminServer, store: FakeStore) -> None:
    """503 with the part that cannot; why is not told to strangers."""
    store.writable = False
    answer = await ask(server, "/readyz", headers={})
    assert answer.status == 503
    assert json.loads(answer.text) == {"ready": False, "parts": {"store": False, "submission": True, "bounce": True}}
    assert "secret" not in answer.text


async def test_not_ready_while_a_listener_is_down(server: AdminServer, up: dict[str, bool]) -> None:
    """A part that is not up makes the whole not ready."""
    up["bounce"] = False
    answer = await ask(server, "/readyz", headers={})
    assert (answer.status, json.loads(answer.text)["parts"]["bounce"]) == (503, False)


async def test_the_store_is_asked_once_a_second(store: FakeStore) -> None:
    """However often strangers ask, also at the same time; red and green change a second later."""
    now = NOW
    health = Health(check=store.check, ready=dict, clock=lambda: now)
    await asyncio.gather(*(health._store_is_writable() for _ in range(50)))
    assert store.checks == 1
    store.writable = False
    now += 0.99
    assert await health._store_is_writable()
    now += 0.01
    assert not await health._store_is_writable()
    now -= 3_600.0  # a clock that was set back does not keep an old answer
    store.writable = True
    assert await health._store_is_writable()


async def test_a_store_that_never_answers_is_not_ready(store: FakeStore) -> None:
    """The answer comes within seconds all the same."""
    del store
    health = Health(check=asyncio.Event().wait, ready=dict, clock=lambda: NOW, patience=0.01)  # type: ignore[arg-type]
    assert not await health._store_is_writable()
