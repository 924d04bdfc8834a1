"""The secrets of webhooks in the database: sealed under the key at hand, those of older versions at the next start."""

from dataclasses import replace

import pytest
from sqlalchemy import text

from store.open import Store, open_store
from store.settings import StoreSettings
from store.webhook_nouns import Webhook
from tests.conftest import Clock

OLD, NEW = bytes(32), bytes(range(32))


async def opened(settings: StoreSettings, clock: Clock, *keys: bytes) -> Store:
    return await open_store(settings, clock=clock, node_name="node", serving=True, secret_keys=keys)


async def kept(store: Store) -> list[str]:
    """Give both secrets as they lie in the table."""
    query = text("SELECT secret, previous_secret FROM webhook")
    return list(await store._reader.run(lambda connection: connection.execute(query).one()))


async def test_no_secret_lies_in_clear(settings: StoreSettings, clock: Clock) -> None:
    """Made, changed and rotated: what is in the table is sealed, what comes out is the secret."""
    store = await opened(settings, clock, NEW)
    made = await store.webhooks.create(Webhook(id=0, url="https://x.test/"))
    rotated = await store.webhooks.rotate(made.id)
    assert rotated is not None
    assert rotated.secrets(clock()) == (rotated.secret, made.secret)
    assert await store.webhooks.get(made.id) == rotated
    assert await store.webhooks.list() == [rotated]
    for sealed, secret in zip(await kept(store), rotated.secrets(clock()), strict=True):
        assert sealed.startswith("sealed:")
        assert secret.removeprefix("whsec_") not in sealed
    await store.close()


async def test_older_ones_are_sealed_at_the_next_start(settings: StoreSettings, clock: Clock) -> None:
    """Those in clear; those of the master key before; and once that is done, nothing is written."""
    store = await opened(settings, clock)
    made = await store.webhooks.create(Webhook(id=0, url="https://x.test/"))
    made = await store.webhooks.rotate(made.id) or made
    assert await kept(store) == [made.secret, made.previous_secret]
    await store.close()
    before: list[str] = []
    for keys in ((OLD,), (NEW, OLD), (NEW,)):
        store = await opened(settings, clock, *keys)
        now = await kept(store)
        assert (now == before) == (keys == (NEW,))
        assert await store.webhooks.get(made.id) == made
        assert await store.webhooks.seal_again() == 0
        before = now
        await store.close()


@pytest.mark.parametrize("keys", [(), (OLD,)])
async def test_a_key_that_is_lost(settings: StoreSettings, clock: Clock, keys: tuple[bytes, ...]) -> None:
    """The endpoint is there without a secret, what is sealed stays; a rotation makes a new one."""
    store = await opened(settings, clock, NEW)
    made = await store.webhooks.create(Webhook(id=0, url="https://x.test/"))
    sealed = await kept(store)
    await store.close()
    store = await opened(settings, clock, *keys)
    assert await kept(store) == sealed
    found = await store.webhooks.get(made.id)
    assert found is not None
    assert found.secret == ""
    changed = await store.webhooks.change(made.id, lambda it: replace(it, enabled=False, description="x"))
    assert changed is not None
    assert (changed.description, await kept(store)) == ("x", sealed)
    rotated = await store.webhooks.rotate(made.id)
    assert rotated is not None
    assert rotated.secrets(clock()) == (rotated.secret,)
    assert rotated.secret.startswith("whsec_")
    await store.close()
