"""admin/health.py."""

import asyncio
import json

import pytest

from admin.health import Health
from store.errors import StoreUnavailable
from store.open import Store
from tests.admin.rig import NOW, Visitor


class Checked:
    """A store that counts how often it is asked, and can be broken."""

    def __init__(self) -> None:
        self.checks = 0
        self.writable = True

    async def check(self) -> None:
        self.checks += 1
        if not self.writable:
            raise StoreUnavailable("database is locked: /var/secret/homing.db")


async def test_alive_whatever_else(visitor: Visitor, up: dict[str, bool]) -> None:
    """The process lives also while nothing else does; no log-in."""
    up["submission"] = False
    answer = await visitor.get("/healthz")
    assert (answer.status, json.loads(answer.text)) == (200, {"alive": True})


async def test_ready(visitor: Visitor) -> None:
    """Store and listeners are up; no log-in."""
    answer = await visitor.get("/readyz")
    assert answer.status == 200
    assert json.loads(answer.text) == {"ready": True, "parts": {"store": True, "submission": True, "bounce": True}}


async def test_not_ready_while_the_store_is_locked(
    visitor: Visitor, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """503 with the part that cannot; why is not told to strangers."""
    broken = Checked()
    broken.writable = False
    monkeypatch.setattr(store._writer, "submit", lambda *_, **__: broken.check())
    answer = await visitor.get("/readyz")
    assert answer.status == 503
    assert json.loads(answer.text) == {"ready": False, "parts": {"store": False, "submission": True, "bounce": True}}
    assert "secret" not in answer.text


async def test_not_ready_while_a_listener_is_down(visitor: Visitor, up: dict[str, bool]) -> None:
    """A part that is not up makes the whole not ready."""
    up["bounce"] = False
    answer = await visitor.get("/readyz")
    assert (answer.status, json.loads(answer.text)["parts"]["bounce"]) == (503, False)


async def test_the_store_is_asked_once_a_second() -> None:
    """However often strangers ask, also at the same time; red and green change a second later."""
    now, store = NOW, Checked()
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


async def test_a_store_that_never_answers_is_not_ready() -> None:
    """The answer comes within seconds all the same."""
    health = Health(check=asyncio.Event().wait, ready=dict, clock=lambda: NOW, patience=0.01)  # type: ignore[arg-type]
    assert not await health._store_is_writable()
