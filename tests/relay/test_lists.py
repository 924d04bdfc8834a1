"""relay/lists.py and relay/list_commands.py: lists beside a running relay, and what people are told of them."""

import json
import logging
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from pixel.list_files import ListFolder
from pixel.lists import About, AddressList, read_published
from pixel.networks import Prefixes
from pixel.settings import ListSettings
from relay import lists
from relay.cli import main
from relay.lists import ListKeeper
from tests.conftest import Clock

LOG = logging.getLogger("tests.lists")


class Used:
    """What the pixel's server was told to use, in order."""

    def __init__(self) -> None:
        self.counts: list[int | None] = []

    def __call__(self, name: str, networks: Prefixes | None) -> None:
        assert name == "apple-relay"
        self.counts.append(None if networks is None else len(networks))


def save(settings: ListSettings, at: float, *prefixes: str) -> None:
    networks, count = read_published(prefixes)
    about = About(name="apple-relay", source="http://list.test/x", etag="", loaded_at=at, prefixes=count)
    ListFolder(settings.folder).save(AddressList(about, networks))


@pytest.fixture
def settings(tmp_path: Path) -> ListSettings:
    return ListSettings(folder=tmp_path / "lists", apple_relay="http://127.0.0.1:1/x")


async def test_files_are_taken_up_when_they_change(settings: ListSettings, clock: Clock) -> None:
    """Missing, there, unchanged, changed, damaged, gone: the server uses what is there, and is told only of changes."""
    used = Used()
    keeper = ListKeeper(settings, used, clock=clock, log=LOG)
    await keeper.look()
    save(settings, clock(), "192.0.2.0/24")
    await keeper.look()
    await keeper.look()
    save(settings, clock.move(60), "192.0.2.0/24", "198.51.100.0/24")
    await keeper.look()
    path = ListFolder(settings.folder).path("apple-relay")
    path.write_bytes(b"junk")
    os.utime(path, (1.0, 1.0))
    await keeper.look()
    path.unlink()
    await keeper.look()
    assert used.counts == [None, 1, 2, None, None]


async def test_never_asks_nobody(
    settings: ListSettings, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By default nothing leaves the machine; "daily" asks once, and again an hour after a failure."""
    asked: list[str] = []

    async def update(folder: ListFolder, name: str, url: str, *, clock: Clock) -> None:
        del folder, name, clock
        asked.append(url)
        raise lists.ListTrouble("nobody there")

    monkeypatch.setattr(lists, "update", update)
    keeper = ListKeeper(settings, Used(), clock=clock, log=LOG)
    await keeper.look()
    assert asked == []
    keeper = ListKeeper(settings.model_copy(update={"update": "daily"}), Used(), clock=clock, log=LOG)
    for wait in (0.0, 60.0, lists.RETRY):
        clock.move(wait)
        await keeper.look()
    assert asked == ["http://127.0.0.1:1/x"] * 2
    assert "nobody there" in caplog.text
    save(settings, clock(), "192.0.2.0/24")
    clock.move(lists.DAY - 1)
    await keeper.look()
    assert len(asked) == 2
    clock.move(1)
    await keeper.look()
    assert len(asked) == 3


def test_commands(tmp_path: Path) -> None:
    """`lists show` tells what is missing and what is there; an update that does not work ends with 2 and a sentence."""
    config = tmp_path / "config.toml"
    config.write_text('[pixel.lists]\napple_relay = "http://127.0.0.1:1/x"\n')
    run = CliRunner()
    shown = run.invoke(main, ["lists", "show", "--config", str(config)])
    assert (shown.exit_code, "not loaded" in shown.output) == (0, True)
    failed = run.invoke(main, ["lists", "update", "--config", str(config)])
    assert (failed.exit_code, "http://127.0.0.1:1/x" in failed.output) == (2, True)
    save(ListSettings(folder=tmp_path / "var/lists"), 1_790_000_000.0, "192.0.2.0/24", "2a02:26f7::/64")
    [line] = run.invoke(main, ["lists", "show", "--json", "--config", str(config)]).output.splitlines()
    told = json.loads(line)
    assert (told["networks"], told["loaded_at"], told["why"]) == (2, "2026-09-21T14:13:20.000Z", None)
