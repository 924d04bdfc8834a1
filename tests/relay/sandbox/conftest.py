"""What the sandbox's tests share."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from relay.sandbox.mx import MailServer
from relay.sandbox.world import Sandbox
from relay.settings import SandboxSettings
from tests.relay.sandbox.rig import LOG, Letters, Pixels, Sleeps


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
async def listener(letters: Letters) -> AsyncIterator[MailServer]:
    """A server that takes what the sandbox sends back."""
    server = MailServer(letters, hostname="bounces.club.test", log=LOG)
    await server.start("127.0.0.1", 0)
    yield server
    await server.stop()


@pytest.fixture
def pixels() -> Pixels:
    return Pixels()


@pytest.fixture
async def pixel_address(pixels: Pixels) -> AsyncIterator[str]:
    """Where a server of pixels listens."""
    runner = web.ServerRunner(web.Server(pixels))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    yield f"{host}:{port}"
    await runner.cleanup()


@pytest.fixture
def sleeps() -> Sleeps:
    return Sleeps()


@pytest.fixture
async def sandbox(listener: MailServer, pixel_address: str, sleeps: Sleeps) -> AsyncIterator[Sandbox]:
    """A sandbox that reaches both."""
    world = Sandbox(SandboxSettings(listen="127.0.0.1:0"), clock=lambda: 1_800_000_000.0, log=LOG, sleep=sleeps)
    await world.start()
    host, port = listener.address
    world.reach(pixel=pixel_address, bounces=f"{host}:{port}")
    yield world
    await world.stop()
