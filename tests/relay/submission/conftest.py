"""What the tests of submission share."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from store.open import open_store
from store.settings import StoreSettings
from tests.conftest import Clock
from tests.relay.submission.store_rig import Relay


@dataclass(frozen=True)
class Tls:
    """A server's context, and one of a client that trusts it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


_AUTHORITY = trustme.CA()


@pytest.fixture
def tls() -> Tls:
    """Make both sides of a real TLS connection."""
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    _AUTHORITY.issue_cert("localhost").configure_cert(server)
    _AUTHORITY.configure_trust(client)
    return Tls(server, client)


@pytest.fixture
async def relay(tmp_path: Path, clock: Clock) -> AsyncIterator[Relay]:
    """Open a store; ``await relay.serve()`` begins to serve from it."""
    settings = StoreSettings(url=f"sqlite:///{tmp_path}/homing.db", contents=tmp_path / "contents", reserve=0)
    store = await open_store(settings, clock=clock, node_name="test", serving=True)
    relay = Relay(store, tmp_path, clock)
    yield relay
    for server in relay.servers:
        await server.stop(0)
    for client in relay.clients:
        client.writer.transport.abort()
        await client.close()
    await store.close()
