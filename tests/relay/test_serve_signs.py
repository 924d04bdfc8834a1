"""relay/serve.py: what a running relay sends is signed last, and the door knows for whom."""

import asyncio
import json
import logging
import smtplib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from relay.config import Config
from relay.dkim_keys import activate, add_key
from relay.preflight import check, host_and_port
from relay.serve import Relay, running
from relay.settings import Route
from tests.conftest import Clock
from tests.rigs.dkim import ED25519, RSA, dkimpy_says
from tests.rigs.smtp_sink import SmtpSink

LOG = logging.getLogger("homing.test")
ALREADY_SIGNED = b"DKIM-Signature: v=1; a=rsa-sha256; d=%s; s=x; h=From; bh=x; b=x\r\n"
HTML = b"From: Office <office@%s>\r\nContent-Type: text/html\r\n\r\n<html><body><p>Hi</p></body></html>\r\n"


@pytest.fixture
def clock() -> Clock:
    """In the past: verifiers look at the real clock."""
    return Clock(1_600_000_000.0)


def put_keys(folder: Path, domain: str, at: float) -> dict[str, str]:
    records = {}
    for key in (RSA, ED25519):
        pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        add_key(folder, domain, key.selector, pem, now=at)
        activate(folder, domain, key.selector, now=at)
        records |= {replace(key, domain=domain).record_name: key.record}
    return records


def routed(config: Config, sink: SmtpSink) -> Config:
    routes = {"else.test": Route(host="127.0.0.1", port=sink.port, tls="off")}
    return config.model_copy(update={"relay": config.relay.model_copy(update={"routes": routes})})


async def send(relay: Relay, *mails: bytes) -> None:
    host, port = host_and_port(relay.addresses["submission"])

    def hand_over() -> None:
        with smtplib.SMTP(host, port) as client:
            client.login(relay.secrets.user, relay.secrets.password)
            for mail in mails:
                client.sendmail("office@club.test", ["ann@else.test"], mail)

    await asyncio.to_thread(hand_over)


async def warnings(relay: Relay) -> list[list[str]]:
    def read(connection: Any) -> list[list[str]]:
        rows = connection.exec_driver_sql("SELECT warnings FROM message ORDER BY id")
        return [json.loads(row[0]) for row in rows]

    return await relay.store._reader.run(read)


async def test_mail_leaves_with_its_pixel_and_two_good_signatures(config: Config, clock: Clock) -> None:
    """The signatures cover the very bytes that the other side gets, and say when the mail was accepted."""
    dns = put_keys(config.relay.dkim.keys, "club.test", clock.now)
    async with SmtpSink() as sink, running(routed(config, sink), log=LOG, clock=clock) as relay:
        await send(relay, HTML % b"club.test")
        await sink.arrived(1)
        content = sink.mails[0].content
        assert await warnings(relay) == [[]]
    assert content.startswith(b"DKIM-Signature: ")
    assert b" t=1600000000;" in content
    assert content.count(b"<img ") == 1
    assert dkimpy_says(content, dns, signature=0)
    assert dkimpy_says(content, dns, signature=1)


async def test_mail_of_a_domain_without_a_key_is_accepted_with_a_warning(config: Config, clock: Clock) -> None:
    """It leaves unsigned."""
    put_keys(config.relay.dkim.keys, "club.test", clock.now)
    async with SmtpSink() as sink, running(routed(config, sink), log=LOG, clock=clock) as relay:
        await send(relay, HTML % b"nokey.test")
        await sink.arrived(1)
        assert b"DKIM-Signature" not in sink.mails[0].content
        assert await warnings(relay) == [["nokey.test has no DKIM key: the mail leaves unsigned"]]


async def test_mail_that_the_application_signed_gets_a_pixel_only_where_we_sign_too(
    config: Config, clock: Clock
) -> None:
    """Design section 7: its own signature stays, and fails; ours is good."""
    dns = put_keys(config.relay.dkim.keys, "club.test", clock.now)
    async with SmtpSink() as sink, running(routed(config, sink), log=LOG, clock=clock) as relay:
        await send(relay, *(ALREADY_SIGNED % domain + HTML % domain for domain in (b"club.test", b"nokey.test")))
        await sink.arrived(2)
        ours, theirs = sorted((mail.content for mail in sink.mails), key=len, reverse=True)
    assert ours.count(b"<img ") == 1
    assert ours.count(b"DKIM-Signature:") == 3
    assert dkimpy_says(ours, dns)
    assert b"<img " not in theirs
    assert theirs.count(b"DKIM-Signature:") == 1


def test_a_key_that_cannot_sign_keeps_the_relay_from_starting(config: Config, clock: Clock) -> None:
    """D16: said with the file before anything is started; unless mail may leave unsigned, by explicit choice."""
    folder = config.relay.dkim.keys
    assert check(config) == []
    put_keys(folder, "club.test", clock.now)
    assert check(config) == []
    (folder / "club.test" / "rsa1.pem").chmod(0o644)
    (problem,) = check(config)
    assert str(problem) == (
        f"[relay.dkim] keys: mail from club.test cannot be signed: {folder}/club.test/rsa1.pem can be read by others: "
        "chmod 600 it"
    )
    relaxed = config.relay.dkim.model_copy(update={"unsigned": "send"})
    assert check(config.model_copy(update={"relay": config.relay.model_copy(update={"dkim": relaxed})})) == []


def test_keys_that_cannot_be_listed_keep_the_relay_from_starting(config: Config) -> None:
    """A file where the folder should be."""
    config.relay.dkim.keys.write_text("")
    (problem,) = check(config)
    assert "cannot be read: not a directory" in str(problem)
