"""Fixtures for the tests of the program itself: a configuration in a folder of its own, and a store to look into."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from relay.config import Config
from relay.settings import DeliverySettings, DkimSettings, RelaySettings, SandboxSettings, SubmissionSettings
from store.open import Store, open_store
from store.settings import StoreSettings
from tests.conftest import Clock

FREE = ("127.0.0.1:0",)


def config_in(folder: Path) -> Config:
    """Give a configuration that meets nobody else: free ports, everything below one folder."""
    base = Config()
    return Config(
        relay=RelaySettings(
            hostname="relay.test",
            master_key=folder / "master.key",
            submission=SubmissionSettings(
                listen=FREE, certificate=folder / "tls" / "certificate.pem", private_key=folder / "tls" / "key.pem"
            ),
            delivery=DeliverySettings(drain=1.0),
            dkim=DkimSettings(keys=folder / "dkim"),
            sandbox=SandboxSettings(listen=FREE[0]),
        ),
        bounce=base.bounce.model_copy(update={"listen": FREE}),
        pixel=base.pixel.model_copy(update={"listen": FREE}),
        admin=base.admin.model_copy(update={"listen": FREE}),
        store=StoreSettings(url=f"sqlite:///{folder}/homing.db", contents=folder / "contents", reserve=0),
    )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_in(tmp_path)


@pytest.fixture
async def store(config: Config, clock: Clock) -> AsyncIterator[Store]:
    opened = await open_store(config.store, clock=clock, node_name="test", serving=True)
    yield opened
    await opened.close()
