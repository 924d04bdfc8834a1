"""relay/serve.py: a relay starts whole or not at all, and stops without losing anything."""

import asyncio
import logging
import re
import smtplib
import socket
from pathlib import Path

import pytest

from relay.config import Config
from relay.first_start import welcome
from relay.preflight import host_and_port
from relay.send_test import send
from relay.serve import CannotStart, running
from store.errors import StoreUnavailable
from store.nouns import RecipientStatus

LOG = logging.getLogger("homing.test")


async def test_a_first_start_makes_keys_and_says_how_to_use_them(config: Config, tmp_path: Path) -> None:
    """Keys are private, the welcome holds all that one needs to send, and the next start makes no new ones."""
    async with running(config, log=LOG) as relay:
        text = welcome(config, relay.secrets, relay.addresses, "homing")
    for secret in (tmp_path / "master.key", tmp_path / "tls" / "key.pem"):
        assert secret.stat().st_mode & 0o077 == 0
    host, port = host_and_port(relay.addresses["submission"])
    for line in (
        f"    Server      {host}",
        f"    Port        {port}",
        "    Encryption  STARTTLS",
        f"    User        {relay.secrets.user}",
        f"    Password    {relay.secrets.password}",
        f"    Address     http://{relay.addresses['admin']}/",
        f"    homing send-test --user {relay.secrets.user} --password {relay.secrets.password} ann@sandbox.test",
    ):
        assert line in text.splitlines()
    async with running(config, log=LOG) as again:
        assert (again.secrets.password, again.secrets.admin_password) == ("", "")
        assert "Password" not in welcome(config, again.secrets, again.addresses, "homing").replace("PASSWORD", "")


async def test_the_printed_test_mail_is_delivered_and_opened(config: Config) -> None:
    """The whole way within one process: accepted, delivered to the sandbox, opened by its reader."""
    pixel_port = _free_port()
    pixel = config.pixel.model_copy(
        update={"listen": (f"127.0.0.1:{pixel_port}",), "base_url": f"http://127.0.0.1:{pixel_port}"}
    )
    async with running(config.model_copy(update={"pixel": pixel}), log=LOG) as relay:
        host, port = host_and_port(relay.addresses["submission"])
        reply = await asyncio.to_thread(
            send,
            host,
            port,
            user=relay.secrets.user,
            password=relay.secrets.password,
            sender="office@club.test",
            recipient="ann@sandbox.test",
        )
        queued = re.fullmatch(r"250 2\.0\.0 Ok: queued as ([0-9]+)", reply)
        assert queued
        kinds = []
        async for record in relay.store.journal.follow(0):
            kinds.append(record.event.kind)
            if record.event.kind == "opened":
                break
        assert kinds == ["accepted", "delivered", "opened"]
        (found,) = await relay.store.find.message(int(queued[1]))
        assert found.recipient.status is RecipientStatus.OPENED
        assert (found.recipient.customer, found.recipient.invoice) == ("4711", "INV-1042")


async def test_nobody_sends_without_a_password(config: Config) -> None:
    """Never an open relay, whoever asks."""
    async with running(config, log=LOG) as relay:
        host, port = host_and_port(relay.addresses["submission"])

        def refused() -> int:
            with smtplib.SMTP(host, port) as client:
                client.ehlo()
                return client.mail("office@club.test")[0]

        assert await asyncio.to_thread(refused) == 530


async def test_a_second_process_on_one_sqlite_store_does_not_start(config: Config) -> None:
    """It says so in one sentence, and the first one goes on."""
    async with running(config, log=LOG) as relay:
        with pytest.raises(CannotStart, match="serves from"):
            async with running(config, log=LOG):
                pytest.fail("it started")
        assert relay.store.writable


async def test_q5_the_door_is_closed_in_trouble_and_opens_by_itself(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the store cannot be written who connects hears 421 4.3.1; once it can, 220, though nobody wrote."""
    monkeypatch.setattr("store.heart.FIRST_LOOK", 0.05)
    async with running(config, log=LOG) as relay:
        host, port = host_and_port(relay.addresses["submission"])

        async def greeting() -> bytes:
            reader, writer = await asyncio.open_connection(host, port)
            line = await reader.readline()
            writer.close()
            return line

        async def refuse(_work: object) -> None:
            raise StoreUnavailable("the disk is gone")

        with monkeypatch.context() as patched:
            patched.setattr(relay.store._connection, "run", refuse)
            with pytest.raises(StoreUnavailable):
                await relay.store.check()
            assert (await greeting()).startswith(b"421 4.3.1 ")
        async with asyncio.timeout(60):
            while (line := await greeting()).startswith(b"421"):  # noqa: ASYNC110 - only the door tells
                await asyncio.sleep(0.05)
        assert line.startswith(b"220 ")


async def test_a_start_that_fails_half_way_leaves_nothing_running(config: Config) -> None:
    """A port that is taken at the last moment: every earlier part is stopped again, and the next start works."""
    async with running(config, log=LOG) as relay:
        taken = relay.addresses["admin"]
        other = config.model_copy(
            update={
                "admin": config.admin.model_copy(update={"listen": (taken,)}),
                "store": config.store.model_copy(update={"url": config.store.url.replace("homing.db", "other.db")}),
            }
        )
        with pytest.raises(CannotStart):
            async with running(other, log=LOG):
                pytest.fail("it started")
    async with running(other, log=LOG) as later:
        assert later.addresses["admin"] == taken


async def test_a_damaged_key_file_is_named(config: Config, tmp_path: Path) -> None:
    """No traceback, and nothing was started."""
    (tmp_path / "master.key").write_text("rubbish\n")
    with pytest.raises(CannotStart, match="is not a key file"):
        async with running(config, log=LOG):
            pytest.fail("it started")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
