"""TLS: STARTTLS, implicit, and what a man in the middle may not slip in."""

import asyncio
import os
import smtplib
import ssl
from pathlib import Path

import pytest

from relay.submission import replies
from relay.submission.certificate import CertificateFiles, load_context, make_certificate
from relay.submission.limits import Offers
from tests.relay.submission.conftest import Tls
from tests.relay.submission.rig import LOG, PASSWORD, USER, Recorder, serving

ONLY_TLS = Offers(auth="tls", dsn=True)
LOGIN = b"AUTH PLAIN AGFwcABjb3JyZWN0IGhvcnNl\r\n"
NOON = 1_790_000_000.0


async def test_starttls_then_auth(tls: Tls) -> None:
    """AUTH is not offered in clear text and refused with 538; under TLS it is both offered and taken."""
    async with serving(tls=tls.server, offers=ONLY_TLS) as relay:
        client = await relay.connect()
        offered = await client.ask(b"EHLO c\r\n")
        assert "STARTTLS" in offered
        assert "AUTH" not in offered
        assert await client.ask(LOGIN) == str(replies.AUTH_NEEDS_TLS)
        assert relay.handler.asked == []
        assert await client.ask(b"STARTTLS\r\n") == str(replies.READY_FOR_TLS)
        await client.start_tls(tls.client)
        assert await client.ask(LOGIN) == str(replies.EHLO_FIRST)  # all that was said in clear text is forgotten
        offered = await client.ask(b"EHLO c\r\n")
        assert "STARTTLS" not in offered
        assert "250 AUTH PLAIN LOGIN" in offered
        assert await client.ask(b"STARTTLS\r\n") == str(replies.TLS_ALREADY)
        assert await client.ask(LOGIN) == str(replies.AUTHENTICATED)


async def test_commands_behind_starttls_are_dropped(tls: Tls) -> None:
    """What came in the same packet was said in clear text, by anybody: nothing of it is answered within TLS."""
    async with serving(Recorder(open_to_all=True), tls=tls.server) as relay:
        client = await relay.connect()
        await client.ask(b"EHLO c\r\n")
        smuggled = b"EHLO evil\r\nMAIL FROM:<eve@evil.test>\r\nRCPT TO:<bob@example.org>\r\n"
        assert await client.ask(b"STARTTLS\r\n" + smuggled) == str(replies.READY_FOR_TLS)
        await client.start_tls(tls.client)
        assert await client.ask(b"DATA\r\n") == str(replies.MAIL_FIRST)
        assert await client.ask(b"MAIL FROM:<ann@club.test>\r\n") == str(replies.EHLO_FIRST)


async def test_a_message_begun_in_clear_text_is_forgotten(tls: Tls) -> None:
    """State is fresh after STARTTLS (RFC 3207 section 4.2), also who one was."""
    async with serving(tls=tls.server) as relay:
        client = await relay.ready()
        await client.ask(b"MAIL FROM:<ann@club.test>\r\n")
        await client.ask(b"STARTTLS\r\n")
        await client.start_tls(tls.client)
        await client.ask(b"EHLO c\r\n")
        assert await client.ask(b"RCPT TO:<bob@example.org>\r\n") == str(replies.MAIL_FIRST)
        assert await client.ask(b"MAIL FROM:<ann@club.test>\r\n") == str(replies.AUTH_FIRST)


async def test_smtplib_with_starttls_and_implicit_tls(tls: Tls) -> None:
    """Python's own client sends over both, and the handler hears of it."""

    def send(address: tuple[str, int], *, implicit: bool) -> None:
        if implicit:
            client: smtplib.SMTP = smtplib.SMTP_SSL("localhost", address[1], context=tls.client)
        else:
            client = smtplib.SMTP("localhost", address[1])
            client.starttls(context=tls.client)
        with client:
            client.login(USER, PASSWORD)
            client.sendmail("ann@club.test", ["bob@example.org"], b"Subject: x\r\n\r\n" + (b"y" * 998 + b"\r\n") * 9)

    for implicit in (False, True):
        async with serving(tls=tls.server, implicit_tls=implicit, offers=ONLY_TLS) as relay:
            await asyncio.to_thread(send, relay.server.address, implicit=implicit)
            (mail,) = relay.handler.taken
            assert mail.protocol == "ESMTPSA"
            assert len(mail.content) == 9014


async def test_session_tells_version_and_cipher(tls: Tls) -> None:
    """Session.tls names what was agreed, for Received and the records."""
    async with serving(tls=tls.server, implicit_tls=True, offers=ONLY_TLS) as relay:
        await relay.connect(ssl=tls.client, server_hostname="localhost")
        (protocol,) = relay.server._sessions.values()
        assert protocol.talk.tls.startswith("TLSv1.3 TLS_")


async def test_implicit_tls_does_not_offer_starttls(tls: Tls) -> None:
    """On port 465 everything is TLS from the start, and AUTH is there at once."""
    async with serving(tls=tls.server, implicit_tls=True, offers=ONLY_TLS) as relay:
        client = await relay.connect(ssl=tls.client, server_hostname="localhost")
        offered = await client.ask(b"EHLO c\r\n")
        assert "STARTTLS" not in offered
        assert "AUTH PLAIN LOGIN" in offered


async def test_a_broken_handshake_ends_only_itself(tls: Tls) -> None:
    """Clear text where a handshake should be: cut, no reply of SMTP, and others are served."""
    async with serving(tls=tls.server) as relay:
        client = await relay.connect()
        await client.ask(b"EHLO c\r\n")
        await client.ask(b"STARTTLS\r\n")
        await client.send(b"MAIL FROM:<eve@evil.test>\r\n" * 10)
        assert b"250" not in await client.reader.read()
        await relay.connect()


async def test_a_client_that_never_shakes_hands_is_cut_off(tls: Tls) -> None:
    """A handshake has its own time, under STARTTLS and under implicit TLS."""
    async with serving(tls=tls.server, handshake=0.05) as relay:
        client = await relay.connect()
        await client.ask(b"STARTTLS\r\n")
        assert await client.reader.read() == b""
    async with serving(tls=tls.server, implicit_tls=True, handshake=0.05) as relay:
        client = await relay.connect(greeted=False)
        assert await client.reader.read() == b""


@pytest.mark.parametrize(
    ("auth", "offered"), [("never", False), ("tls", False), ("loopback", True), ("insecure", True)]
)
async def test_auth_in_clear_text_by_configuration(auth: str, *, offered: bool) -> None:
    """This machine may use AUTH in clear text where the configuration says "loopback"."""
    async with serving(offers=Offers(auth=auth)) as relay:  # type: ignore[arg-type]  # one of the literals
        client = await relay.connect()
        assert ("AUTH" in await client.ask(b"EHLO c\r\n")) is offered
        assert (await client.ask(LOGIN)).startswith("235") is offered


def write(folder: Path, name: str = "one", host: str = "relay.club.test") -> tuple[Path, Path]:
    certificate, key = make_certificate(host, now=NOON, random=os.urandom(16))
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(certificate)
    paths[1].write_bytes(key)
    return paths


async def test_the_self_signed_certificate_serves(tmp_path: Path) -> None:
    """A client that is given it trusts it, by each of its names."""
    certificate, key = make_certificate("relay.club.test", now=__import__("time").time(), random=os.urandom(16))
    paths = tmp_path / "c.pem", tmp_path / "k.pem"
    paths[0].write_bytes(certificate)
    paths[1].write_bytes(key)
    trust = ssl.create_default_context(cadata=certificate.decode())
    async with serving(tls=load_context(*paths), implicit_tls=True) as relay:
        for name in ("relay.club.test", "localhost", "127.0.0.1"):
            await relay.connect(ssl=trust, server_hostname=name)


def test_only_tls_1_2_and_newer(tmp_path: Path) -> None:
    """Older versions are broken."""
    assert load_context(*write(tmp_path)).minimum_version is ssl.TLSVersion.TLSv1_2


async def test_a_new_certificate_is_taken_up_while_serving(tmp_path: Path) -> None:
    """The next handshake shows it; a pair that does not work leaves the old one in place."""
    paths = write(tmp_path)
    files = CertificateFiles(*paths, LOG)
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE

    async with serving(tls=files.context, implicit_tls=True) as relay:

        async def shown() -> str:
            client = await relay.connect(ssl=blind)
            shown: bytes = client.writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            return ssl.DER_cert_to_PEM_cert(shown)

        first = await shown()
        assert not files.refresh()
        newer = write(tmp_path, "two", "other.club.test")
        for old, new in zip(paths, newer, strict=True):
            new.replace(old)
        assert files.refresh()
        second = await shown()
        assert second == paths[0].read_text()
        assert first != second
        paths[1].write_text("no key")
        assert not files.refresh()
        assert await shown() == second
