"""A store of some months, made once for each test of the lists."""

import pytest
from sqlalchemy import Connection

from bench.seed_views import Rows, insert_rows, rows
from store.open import Store
from tests.conftest import Clock
from tests.store.conftest import engine, open_again, settings, store

__all__ = ["engine", "open_again", "settings", "store"]

MESSAGES = 300


@pytest.fixture
async def seeded(store: Store, clock: Clock) -> Rows:
    """Fill the store; give what was written."""
    everything: Rows = {"message": [], "recipient": [], "event": [], "open": [], "suppression": []}
    for chunk in rows(MESSAGES, now=clock()):
        for name, made in chunk.items():
            everything[name] += made

    def write(connection: Connection) -> None:
        insert_rows(connection, everything)

    await store._connection.run(write)
    return everything
