"""What the tests of the store share: a store on each engine, and short ways to fill it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from store.open import Store, open_store
from store.settings import Retention, StoreSettings
from tests.conftest import Clock

OpenAgain = Callable[..., Awaitable[Store]]


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """Each test that takes a store runs on both engines."""
    return str(request.param)


@pytest.fixture
def settings(engine: str, request: pytest.FixtureRequest, tmp_path: Path) -> StoreSettings:
    """A store of its own; on PostgreSQL the schema is there already."""
    url = f"sqlite:///{tmp_path}/homing.db" if engine == "sqlite" else request.getfixturevalue("postgres_url")
    return StoreSettings(url=url, contents=tmp_path / "contents", reserve=0, retention=Retention())


@pytest.fixture
async def open_again(settings: StoreSettings, clock: Clock) -> AsyncIterator[OpenAgain]:
    """Gives a way to open one more store on the same database; all are closed at the end."""
    stores: list[Store] = []

    async def opened(*, serving: bool = True, name: str = "node", successor: bool = False) -> Store:
        stores.append(await open_store(settings, clock=clock, node_name=name, serving=serving, successor=successor))
        return stores[-1]

    yield opened
    for store in stores:
        await store.close()


@pytest.fixture
async def store(open_again: OpenAgain) -> Store:
    return await open_again()
