"""The server among difficult clients: too many, too slow, too fast, deaf, and gone."""

import asyncio
import contextlib
import errno
import logging
import os
import smtplib
import socket
from email.message import EmailMessage
from typing import Any

import pytest

from relay.submission import replies, server
from relay.submission.limits import Offers
from store.nouns import Reply
from tests.relay.submission.rig import HOSTNAME, PASSWORD, USER, Client, Recorder, Serving, serving

LETTER = b"MAIL FROM:<ann@club.test>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
TEXT = b"Subject: x\r\n\r\nHi\r\n"


class Held:
    """Makes the handler wait until the test lets it go on."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self) -> None:
        self.entered.set()
        await self.go_on.wait()


async def until(condition: Any) -> None:
    """Let the loop turn until something is true."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event, and should not get one for a test
            await asyncio.sleep(0)


async def test_greeting_and_offers_name_no_version() -> None:
    """The banner tells the host and nothing of the program; EHLO offers what holds."""
    async with serving() as relay:
        client = await relay.connect(greeted=False)
        assert await client.reply() == f"220 {HOSTNAME} ESMTP"
        assert (await client.ask(b"EHLO c\r\n")).split("\n") == [
            f"250-{HOSTNAME}",
            "250-PIPELINING",
            "250-CHUNKING",
            "250-SIZE 10000",
            "250-8BITMIME",
            "250-SMTPUTF8",
            "250-ENHANCEDSTATUSCODES",
            "250-DSN",
            "250 AUTH PLAIN LOGIN",
        ]


async def test_a_listener_without_auth_offers_none() -> None:
    """The bounce listener has no AUTH to guess at, and no DSN that it would not keep."""
    async with serving(Recorder(open_to_all=True), offers=Offers()) as relay:
        client = await relay.connect()
        offered = await client.ask(b"EHLO c\r\n")
        assert "AUTH" not in offered
        assert "DSN" not in offered
        assert await client.ask(b"AUTH PLAIN AGEAYg==\r\n") == str(replies.NOT_IMPLEMENTED)
        assert await client.ask(b"MAIL FROM:<> RET=FULL\r\n") == str(replies.UNKNOWN_PARAMETER)


async def test_smtplib_sends_with_auth() -> None:
    """Python's own client logs in and sends; what was sent is what is handed over, with all that was said."""
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "ann@club.test", "bob@example.org", "Invoice"
    letter.set_content("..\nDear Bob,\n.\n")

    def send(address: tuple[str, int]) -> None:
        with smtplib.SMTP(*address, local_hostname="app.club.test") as client:
            client.login(USER, PASSWORD)
            client.send_message(letter, mail_options=["BODY=8BITMIME"])

    async with serving() as relay:
        await asyncio.to_thread(send, relay.server.address)
        (mail,) = relay.handler.taken
    assert (mail.reverse_path, mail.forward_paths) == ("ann@club.test", [("bob@example.org", {})])
    assert mail.content == letter.as_bytes().replace(b"\n", b"\r\n")
    assert mail.mail_parameters == {"BODY": "8BITMIME", "SIZE": str(len(mail.content))}
    assert (mail.protocol, mail.client_name) == ("ESMTPA", "app.club.test")
    assert not mail.bare


async def test_bare_line_ends_and_nul_are_noticed() -> None:
    """The handler hears of both; the octets come as they were."""
    async with serving() as relay:
        client = await relay.ready()
        for text, bare, nul in ((b"a\nb", True, False), (b"a\rb", True, False), (b"a\0b", False, True)):
            await client.send(LETTER + text + b"\r\n.\r\n")
            for _ in range(4):
                await client.reply()
            mail = relay.handler.taken[-1]
            assert (mail.content, mail.bare, mail.nul) == (text + b"\r\n", bare, nul)


@pytest.mark.parametrize("way", ["close", "half", "reset"])
async def test_the_commit_belongs_to_the_store_not_to_the_connection(way: str) -> None:
    """A client that leaves behind the final dot takes nothing back: the mail counts, once."""
    held = Held()
    async with serving(Recorder(before_data=held)) as relay:
        client = await relay.ready()
        await client.send(LETTER + TEXT + b".\r\n")
        await held.entered.wait()
        if way == "half":
            client.writer.write_eof()
        elif way == "close":
            client.writer.close()
        else:
            client.reset()
        for _ in range(20):
            await asyncio.sleep(0)
        held.go_on.set()
        await until(lambda: relay.handler.taken)
        assert [mail.content for mail in relay.handler.taken] == [TEXT]
        await until(lambda: relay.server.connections == 0 or way == "half")
        if way == "half":
            said = [await client.reply() for _ in range(5)]
            assert [reply[:3] for reply in said] == ["250", "250", "354", "250", ""]
    assert len(relay.handler.taken) == 1


async def test_before_the_dot_nothing_is_taken() -> None:
    """Whatever the client had sent, without its end it is no mail, though the client half-closes politely."""
    for leave in ("close", "half", "reset"):
        async with serving() as relay:
            client = await relay.ready()
            await client.send(LETTER + TEXT)
            for _ in range(3):
                await client.reply()
            if leave == "half":
                client.writer.write_eof()
            elif leave == "close":
                client.writer.close()
            else:
                client.reset()
            await until(lambda relay=relay: relay.server.connections == 0)
            assert relay.handler.taken == []


async def test_a_half_closed_client_gets_its_answers() -> None:
    """All commands that came before the end of the stream are answered."""
    async with serving() as relay:
        client = await relay.ready()
        await client.send(LETTER + TEXT + b".\r\nQUIT\r\n")
        client.writer.write_eof()
        assert [(await client.reply())[:3] for _ in range(6)] == ["250", "250", "354", "250", "221", ""]


async def test_a_client_that_does_not_wait_for_221(caplog: pytest.LogCaptureFixture) -> None:
    """QUIT and gone, as many programs do: the session ends, and the log has no fault of ours."""
    async with serving() as relay:
        for _ in range(30):
            client = await relay.connect()
            await client.send(b"QUIT\r\n")
            client.writer.close()
            await until(lambda: relay.server.connections == 0)
    assert "fault" not in caplog.text


async def test_a_fault_of_ours_never_shows_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """The peer hears 451 4.3.0, the log has all of it."""
    async with serving() as relay:
        client = await relay.ready()
        assert await client.ask(b"MAIL FROM:<trouble@club.test>\r\n") == "451 4.3.0 Our fault, try again later"
    assert "secret detail" in caplog.text


async def test_auth_that_cannot_be_checked_is_454(caplog: pytest.LogCaptureFixture) -> None:
    """A store that is away does not make a password wrong, and counts as no failure."""
    async with serving(Recorder(auth_trouble=True), auth_failures_per_connection=1) as relay:
        client = await relay.connect()
        await client.ask(b"EHLO c\r\n")
        for _ in range(3):
            assert await client.ask(b"AUTH PLAIN AGEAYg==\r\n") == str(replies.AUTH_UNAVAILABLE)
    assert "secret detail" in caplog.text


async def test_auth_failures_are_logged_without_the_password(caplog: pytest.LogCaptureFixture) -> None:
    """Address, user and count; never what was tried."""
    async with serving() as relay:
        client = await relay.connect()
        await client.ask(b"EHLO c\r\n")
        await client.ask(b"AUTH PLAIN AGFwcABodW50ZXIy\r\n")  # app, hunter2
    assert "127.0.0.1: AUTH failed as 'app', 1 times" in caplog.text
    assert "hunter2" not in caplog.text
    assert "AGFwcABodW50ZXIy" not in caplog.text


async def test_a_locked_pair_is_not_even_checked() -> None:
    """454 4.7.0 while locked, also with the right password and on a new connection; others are served."""
    async with serving(auth_failures_per_connection=2) as relay:
        first = await relay.connect()
        await first.ask(b"EHLO c\r\n")
        assert await first.ask(b"AUTH PLAIN AGFwcAB4\r\n") == str(replies.AUTH_FAILED)
        assert await first.ask(b"AUTH PLAIN AGFwcAB4\r\n") == str(replies.AUTH_SPENT)
        second = await relay.connect()
        await second.ask(b"EHLO c\r\n")
        asked = len(relay.handler.asked)
        assert await second.ask(b"AUTH PLAIN AGFwcABjb3JyZWN0IGhvcnNl\r\n") == str(replies.AUTH_LOCKED)
        assert len(relay.handler.asked) == asked
        assert await second.ask(b"AUTH PLAIN AG90aGVyAHg=\r\n") == str(replies.AUTH_FAILED)


async def test_a_failure_is_answered_late() -> None:
    """The delay comes before the answer, and only after a failure."""
    async with serving(auth_delays=(3600.0,)) as relay:
        slow = await relay.connect()
        await slow.ask(b"EHLO c\r\n")
        await slow.send(b"AUTH PLAIN AGFwcAB4\r\n")
        await until(lambda: relay.handler.asked)
        assert (await (await relay.connect()).ask(b"NOOP\r\n")).startswith("250")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(slow.reader.read(1), 0.05)


# Time


async def test_a_silent_client_is_cut_off() -> None:
    """421 4.4.2 when no command comes in time."""
    async with serving(first_command=0.05) as relay:
        client = await relay.connect()
        assert await client.reply() == str(replies.WAITED_TOO_LONG)
        assert await client.reply() == ""


async def test_a_command_octet_by_octet_gets_no_more_time() -> None:
    """The time is for the whole command: dripping octets does not extend it."""
    async with serving(idle=1.5) as relay:
        client = await relay.connect()
        await client.ask(b"NOOP\r\n")
        drip = asyncio.create_task(drip_into(client))
        assert await client.reply() == str(replies.WAITED_TOO_LONG)
        drip.cancel()


async def drip_into(client: Client, octet: bytes = b"x", every: float = 0.01) -> None:
    while True:
        client.writer.write(octet)
        await asyncio.sleep(every)


async def test_a_content_too_slow_is_cut_off() -> None:
    """A sender below the least rate is cut off, though it never stops; nothing is taken."""
    async with serving(content_grace=0.1, content_rate=10_000.0) as relay:
        client = await relay.ready()
        await client.send(LETTER)
        for _ in range(3):
            await client.reply()
        drip = asyncio.create_task(drip_into(client))
        assert await client.reply() == str(replies.WAITED_TOO_LONG)
        drip.cancel()
        assert relay.handler.taken == []


async def test_a_busy_sender_is_never_cut_off() -> None:
    """A sender above the least rate may take many times the grace, and longer than any wait for a command."""
    async with serving(content_grace=0.05, content_rate=10.0, idle=2.0) as relay:
        client = await relay.ready()
        await client.send(LETTER)
        for _ in range(3):
            await client.reply()
        for _ in range(50):
            await client.send(b"x" * 98 + b"\r\n")
            await asyncio.sleep(0.045)
        assert (await client.ask(b".\r\n")).startswith("250")


async def test_chunks_too_slow_are_cut_off() -> None:
    """The time of a content counts over all its chunks: a chunk of one octet now and then does not extend it."""
    async with serving(content_grace=0.1, content_rate=10_000.0) as relay:
        client = await relay.ready()
        await client.send(LETTER.removesuffix(b"DATA\r\n"))
        for _ in range(2):
            await client.reply()
        drip = asyncio.create_task(drip_into(client, b"BDAT 1\r\nx"))
        said = "250"
        while said.startswith("250"):
            said = await client.reply()
        drip.cancel()
        assert said == str(replies.WAITED_TOO_LONG)
        assert relay.handler.taken == []


async def test_a_chunk_that_stops_is_cut_off() -> None:
    """Octets that were announced and do not come."""
    async with serving(content_grace=0.05) as relay:
        client = await relay.ready()
        await client.send(LETTER.removesuffix(b"DATA\r\n") + b"BDAT 10 LAST\r\nabc")
        said = [await client.reply() for _ in range(4)]
        assert said[2:] == [str(replies.WAITED_TOO_LONG), ""]
        assert relay.handler.taken == []


async def test_a_client_that_never_reads_is_aborted() -> None:
    """Replies that nobody takes do not keep a connection beyond write_stall, nor does closing it."""
    async with serving(Recorder(open_to_all=True), write_stall=0.1, idle_commands=10**9, connections=2) as relay:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, relay.server.address)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(60):
                while relay.server.connections or not relay.handler:
                    try:
                        raw.send(b"HELP\r\n" * 1000)
                    except BlockingIOError:
                        await asyncio.sleep(0.01)
        await until(lambda: relay.server.connections == 0)
        raw.close()


async def test_who_speaks_before_the_greeting_is_sent_away() -> None:
    """Where a delay is set (port 25), talking into it is 554 5.5.1; waiting is rewarded."""
    async with serving(greeting_delay=0.05) as relay:
        client = await relay.connect(greeted=False)
        await client.send(b"EHLO c\r\n")
        assert await client.reply() == str(replies.SPOKE_TOO_EARLY)
        assert await client.reply() == ""
        await relay.connect()


# Numbers


async def test_too_many_connections_of_one_address() -> None:
    """421 4.7.0 in place of the greeting; a place that is left can be taken again."""
    async with serving(connections_per_address=2) as relay:
        inside = [await relay.connect() for _ in range(2)]
        extra = await relay.connect(greeted=False)
        assert await extra.reply() == str(replies.TOO_MANY_CONNECTIONS)
        assert await extra.reply() == ""
        await inside[0].ask(b"QUIT\r\n")
        await inside[0].close()
        await until(lambda: relay.server.connections == 1)
        await relay.connect()


async def test_who_authenticated_makes_room_for_others_of_its_address() -> None:
    """An application with many connections is not shut out by the limit for strangers, only by that for all."""
    async with serving(connections_per_address=2, connections=6) as relay:
        for _ in range(5):
            await relay.ready()
        await relay.connect()
        extra = await relay.connect(greeted=False)
        assert await extra.reply() == str(replies.TOO_MANY_CONNECTIONS)


async def test_many_connections_at_once() -> None:
    """What is over the limit is turned away, those within keep working, and all places come back."""
    async with serving(connections=50, connections_per_address=50) as relay:
        first = await relay.ready()
        clients = await asyncio.gather(*(relay.connect(greeted=False) for _ in range(300)))
        said = await asyncio.gather(*(client.reply() for client in clients))
        assert sum(reply.startswith("220") for reply in said) == 49
        assert sum(reply == str(replies.TOO_MANY_CONNECTIONS) for reply in said) == 251
        assert (await first.ask(b"NOOP\r\n")).startswith("250")
        await asyncio.gather(*(client.close() for client in clients))
        await until(lambda: relay.server.connections == 1)
        await relay.connect()


async def test_without_descriptors_accepting_rests(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """EMFILE makes the server pause, once, and go on afterwards; it never spins."""
    monkeypatch.setattr(server, "_PAUSE", 0.05)
    loop = asyncio.get_running_loop()
    accept, calls = loop.sock_accept, 0

    async def failing(listener: socket.socket) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.EMFILE, "Too many open files")
        return await accept(listener)

    monkeypatch.setattr(loop, "sock_accept", failing)
    async with serving() as relay:
        await relay.connect()
        await relay.connect()
        assert calls <= 4
    assert caplog.text.count("cannot accept connections for now: Too many open files") == 1


async def test_refused_recipients_can_be_limited() -> None:
    """The bounce listener closes on who guesses return paths."""
    async with serving(Recorder(open_to_all=True), offers=Offers(), refused_recipients=3) as relay:
        client = await relay.connect()
        await client.ask(b"EHLO c\r\n")
        await client.ask(b"MAIL FROM:<>\r\n")
        for _ in range(3):
            assert (await client.ask(b"RCPT TO:<refused@x.test>\r\n")).startswith("550")
        assert await client.ask(b"RCPT TO:<refused@x.test>\r\n") == str(replies.TOO_MANY_REFUSED)
        assert await client.reply() == ""


async def test_the_door_can_be_closed() -> None:
    """A relay whose store has no room says so in place of the greeting."""
    closed: list[Reply] = [Reply.make(421, "4.3.1", "No room for now")]
    async with serving(options={"closed_because": lambda: closed[0] if closed else None}) as relay:
        client = await relay.connect(greeted=False)
        assert await client.reply() == "421 4.3.1 No room for now"
        closed.clear()
        await relay.connect()


# Stopping


async def test_stop_says_421_to_who_waits_and_lets_the_rest_end() -> None:
    """Idle clients are sent away at once, a mail under way gets its 250, and nothing is accepted any more."""
    held = Held()
    async with serving(Recorder(before_data=held)) as relay:
        idle, busy = await relay.connect(), await relay.ready()
        await busy.send(LETTER + TEXT + b".\r\n")
        await held.entered.wait()
        stop = asyncio.create_task(relay.server.stop(30))
        assert await idle.reply() == str(replies.STOPPING)
        assert await idle.reply() == ""
        await idle.close()
        with pytest.raises(ConnectionRefusedError):
            await relay.connect()
        held.go_on.set()
        said = [await busy.reply() for _ in range(5)]
        assert [reply[:9] for reply in said] == ["250 2.1.0", "250 2.1.5", "354 End d", "250 2.0.0", "421 4.3.2"]
        await busy.close()
        await stop
        assert relay.server.connections == 0
        assert len(relay.handler.taken) == 1


async def test_stop_cuts_who_does_not_end() -> None:
    """The grace is an upper bound: a sender in the middle of a content is cut after it."""
    async with serving() as relay:
        client = await relay.ready()
        await client.send(LETTER + TEXT)
        for _ in range(3):
            await client.reply()
        await relay.server.stop(0.05)
        assert relay.server.connections == 0
        assert await client.reply() == ""
        assert relay.handler.taken == []


async def test_ipv6_and_several_addresses() -> None:
    """One server listens on as many addresses as it is told, IPv6 too."""
    async with serving() as relay:
        try:
            await relay.server.start("[::1]:0")
        except OSError:
            if os.environ.get("CI", "") not in ("", "false", "0"):
                raise  # in CI nothing is skipped in silence
            pytest.skip("no IPv6 on this machine")
        assert [host for host, _ in relay.server.addresses] == ["127.0.0.1", "::1"]
        await relay.connect(listener=1)


async def test_a_taken_port_is_an_error() -> None:
    """Starting on a port in use raises, it does not go on silently."""
    async with serving() as relay, serving() as other:
        host, port = relay.server.address
        with pytest.raises(OSError, match="in use"):
            await other.server.start(f"{host}:{port}")


def test_the_library_is_quiet() -> None:
    """The stock protocol's own log line for each connection does not reach our log."""
    assert not logging.getLogger("mail.log").isEnabledFor(logging.INFO)


async def test_no_command_is_obeyed_for_a_client_that_is_gone() -> None:
    """What was pipelined behind is not carried out once the connection is lost: nobody could learn of it."""
    held = Held()
    async with serving(Recorder(before_data=held)) as relay:
        client = await relay.ready()
        await client.send((LETTER + TEXT + b".\r\n") * 3)
        await held.entered.wait()
        client.reset()
        await wait_lost(relay)
        held.go_on.set()
        await until(lambda: relay.server.connections == 0)
        assert len(relay.handler.taken) == 1


async def wait_lost(relay: Serving) -> None:
    (protocol,) = relay.server._sessions.values()
    await until(lambda: protocol._lost)
