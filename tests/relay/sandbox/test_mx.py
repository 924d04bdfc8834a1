"""relay/sandbox/mx.py."""

import asyncio
import contextlib
import smtplib
from collections.abc import AsyncIterator

import pytest

from relay.sandbox import mx
from relay.sandbox.mx import MailServer
from relay.sandbox.sender import stuffed
from store.nouns import Reply
from tests.relay.sandbox.rig import LOG, PIXEL_MAIL, Letters, by_smtplib

MAIL = b"Subject: x\r\n\r\n.one dot\r\n..two dots\r\n.\r\nand a line of one dot\r\n"


@pytest.fixture
async def server(letters: Letters) -> AsyncIterator[MailServer]:
    server = MailServer(letters, hostname="mx.sandbox.test", log=LOG)
    await server.start("127.0.0.1", 0)
    yield server
    await server.stop()


async def raw(server: MailServer, octets: bytes, *, each_by_itself: bool = False) -> list[str]:
    """Send octets, all at once or one by one, and give the replies up to the end of the session."""
    reader, writer = await asyncio.open_connection(*server.address)
    for chunk in [octets[n : n + 1] for n in range(len(octets))] if each_by_itself else [octets]:
        writer.write(chunk)
        await writer.drain()
    said = (await reader.read()).decode().splitlines()
    writer.close()
    return said


DIALOGUE = (
    b"EHLO sender.test\r\nMAIL FROM:<a@club.test> SIZE=99\r\nRCPT TO:<b@sandbox.test>\r\nDATA\r\n"
    + stuffed(MAIL)
    + b"MAIL FROM:<>\r\nRCPT TO:<c@sandbox.test>\r\nDATA\r\n.\r\nQUIT\r\n"
)


@pytest.mark.parametrize("each_by_itself", [False, True])
async def test_whole_and_one_byte_at_a_time(server: MailServer, letters: Letters, each_by_itself: bool) -> None:  # noqa: FBT001 - a column of the table
    """Two pipelined mails arrive octet for octet, dots undoubled, however the octets come in."""
    said = await raw(server, DIALOGUE, each_by_itself=each_by_itself)
    assert [line[:4] for line in said] == (
        ["220 ", *["250-"] * 5, "250 ", "250 ", "250 ", "354 ", "250 ", "250 ", "250 ", "354 ", "250 ", "221 "]
    )
    assert letters.taken == [("a@club.test", ["b@sandbox.test"], MAIL), ("", ["c@sandbox.test"], b"")]


async def test_python_s_client_is_served(server: MailServer, letters: Letters) -> None:
    """A client that knows nothing of us delivers, several recipients and mails in one session."""

    def talk(client: smtplib.SMTP) -> dict[str, tuple[int, bytes]]:
        client.sendmail("a@club.test", ["b@sandbox.test", "c@sandbox.test"], PIXEL_MAIL)
        client.noop()
        client.rset()
        return client.sendmail("a@club.test", "d@sandbox.test", PIXEL_MAIL)

    assert await by_smtplib(server.address, talk) == {}
    assert [paths for _, paths, _ in letters.taken] == [["b@sandbox.test", "c@sandbox.test"], ["d@sandbox.test"]]
    assert letters.taken[0][2] == PIXEL_MAIL


async def test_refusal_of_the_desk_is_said(server: MailServer, letters: Letters) -> None:
    """A refused address is not part of the mail; with none left there is nothing to send."""
    letters.refuse = [Reply.make(550, "5.1.1", "No such user")]
    said = await raw(server, b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@sandbox.test>\r\nDATA\r\nQUIT\r\n")
    assert said[3:] == ["550 5.1.1 No such user", "503 5.5.1 Bad sequence of commands", "221 2.0.0 Bye"]
    assert letters.taken == []


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (b"BREW coffee", "500"),
        (b"", "500"),
        (b"MAIL TO", "501"),
        (b"MAIL FROM:a@club.test", "501"),
        (b"RCPT TO:<b@sandbox.test>", "503"),
        (b"DATA", "503"),
        (b"VRFY ann", "252"),
        (b"\xff\xfe", "500"),
    ],
)
async def test_out_of_order_and_unknown(server: MailServer, command: bytes, code: str) -> None:
    """What is not understood, or comes too early, is said so, and the session goes on."""
    said = await raw(server, b"EHLO x\r\n" + command + b"\r\nQUIT\r\n")
    assert said[-2][:3] == code
    assert said[-1][:3] == "221"


async def test_too_large_a_mail(server: MailServer, letters: Letters, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mail over the bound is read to its end, refused, and not kept; the next one is taken."""
    monkeypatch.setattr(mx, "MAX_CONTENT", 1_000)
    start = b"MAIL FROM:<>\r\nRCPT TO:<b@sandbox.test>\r\nDATA\r\n"
    said = await raw(server, start + b"x" * 200_000 + b"\r\n.\r\n" + start + b"x\r\n.\r\nQUIT\r\n")
    assert said[4] == "552 5.3.4 Message too large"
    assert said[-2] == "250 2.0.0 Ok"
    assert [content for _, _, content in letters.taken] == [b"x\r\n"]


async def test_line_without_an_end(server: MailServer) -> None:
    """The session ends; nothing is kept."""
    with contextlib.suppress(ConnectionError):
        assert len(await raw(server, b"x" * 300_000)) <= 1


async def test_stop_hangs_up(server: MailServer) -> None:
    """A session that waits is ended."""
    reader, writer = await asyncio.open_connection(*server.address)
    await reader.readline()
    await server.stop()
    assert await reader.read() == b""
    writer.close()
