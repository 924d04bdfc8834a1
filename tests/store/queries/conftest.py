"""A store of some months, made once for each test of the lists."""

import pytest

from bench.seed_views import Rows, everything, insert_rows
from store.open import Store
from tests.conftest import Clock
from tests.store.conftest import engine, open_again, settings, store

__all__ = ["engine", "open_again", "settings", "store"]

MESSAGES = 300


@pytest.fixture
async def seeded(store: Store, clock: Clock) -> Rows:
    """Fill the store; give what was written."""
    whole = everything(MESSAGES, now=clock())
    await store._connection.run(lambda connection: insert_rows(connection, whole))
    return whole
