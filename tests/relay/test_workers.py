"""relay/workers.py: what a worker has of the whole."""

from pathlib import Path

from relay.config import Config
from relay.settings import DeliverySettings, RelaySettings, TlsSettings
from relay.workers import Worker

CONFIG = Config(
    relay=RelaySettings(
        delivery=DeliverySettings(connections=200), tls=TlsSettings(memory=Path("var/tls-memory.json")), workers=3
    )
)


def test_a_process_by_itself_lives_by_the_configuration_as_it_is() -> None:
    """One worker is what Homing was before there were several."""
    assert Worker().part_of(CONFIG) is CONFIG
    assert (Worker().is_first, Worker().shares_ports, Worker().name) == (True, False, "")


def test_workers_share_the_connections_and_never_have_none() -> None:
    """Together they open no more than configured, or one each."""
    parts = [Worker(number, 3, "f").part_of(CONFIG).relay.delivery.connections for number in range(3)]
    assert parts == [66, 66, 66]
    few = CONFIG.model_copy(update={"relay": RelaySettings(delivery=DeliverySettings(connections=2))})
    assert Worker(1, 3, "f").part_of(few).relay.delivery.connections == 1


def test_files_that_one_process_writes_belong_to_one_worker() -> None:
    """The first keeps the configured file of TLS memory and fetches lists; the others do neither."""
    config = CONFIG.model_copy(
        update={
            "pixel": CONFIG.pixel.model_copy(
                update={"lists": CONFIG.pixel.lists.model_copy(update={"update": "daily"})}
            )
        }
    )
    first, second = (Worker(number, 3, "f").part_of(config) for number in (0, 1))
    assert (first.relay.tls.memory, first.pixel.lists.update) == (Path("var/tls-memory.json"), "daily")
    assert (second.relay.tls.memory, second.pixel.lists.update) == (Path("var/tls-memory-1.json"), "never")


def test_a_place_has_one_name_over_all_who_have_it() -> None:
    """So a worker takes over what its predecessor held."""
    assert Worker(1, 3, "f00d").name == Worker(1, 3, "f00d").name == "f00d.1"
