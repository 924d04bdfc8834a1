"""What the pixel's tests share: tokens of a fixed key, a store of opens that can be broken, a running server."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pixel.server import PixelServer
from pixel.settings import PixelSettings
from pixel.token import Tokens
from store.seal import Seal, derive_key
from tests.pixel.rig import GRACE, LOG, Clock, FakeOpens


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(Seal(derive_key(b"m" * 32, "homing pixel"), kind=1))


@pytest.fixture
def opens() -> FakeOpens:
    return FakeOpens()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def serve(
    tokens: Tokens, opens: FakeOpens, clock: Clock
) -> AsyncIterator[Callable[[PixelSettings], Awaitable[PixelServer]]]:
    """Start a server with given settings; it is stopped at the end."""
    started: list[PixelServer] = []

    async def start(settings: PixelSettings) -> PixelServer:
        server = PixelServer(tokens=tokens, opens=opens, settings=settings, clock=clock, log=LOG)
        await server.start()
        started.append(server)
        return server

    yield start
    for server in started:
        await server.stop(GRACE)


@pytest.fixture
async def server(serve: Callable[[PixelSettings], Awaitable[PixelServer]]) -> PixelServer:
    return await serve(PixelSettings(listen=("127.0.0.1:0",)))
