"""relay/delivery/worker.py: what leaves is signed last, and mail that cannot be signed waits."""

import asyncio

from relay.delivery.envelope import Finding
from store.nouns import Phase, Reason
from tests.relay.delivery.world import EPOCH, World
from tests.rigs.smtp_sink import SmtpSink

NO_KEY = Finding(Reason.SYSTEM_ERROR, permanent=False, status="4.3.5", why="the key cannot be read")


async def signed(copy: bytes, at: float) -> bytes | Finding:
    return b"Signed: %d %d\r\n" % (at, len(copy)) + copy


async def test_the_copy_is_signed_with_the_time_of_acceptance() -> None:
    """The signature covers the recipient's own copy, for a server without 8BITMIME the converted one."""
    async with SmtpSink(offers=()) as sink, World(sink, sign=signed) as world:
        world.offer(1, content="Subject: x\r\n\r\nü\r\n".encode(), eight_bit=True)
        await world.settled()
        head, copy = sink.mails[0].content.split(b"\r\n", 1)
        assert copy == b"X-Recipient: 1\r\nSubject: x\r\n\r\n&#252;\r\n"
        assert head == b"Signed: %d %d" % (EPOCH, len(copy))


async def test_mail_that_cannot_be_signed_waits() -> None:
    """D16: never silently unsigned; for now only, a fault of ours, and the connection serves the next mail."""

    async def sign(copy: bytes, at: float) -> bytes | Finding:  # noqa: ARG001 - the worker's contract
        return NO_KEY if b"X-Recipient: 1\r\n" in copy else copy

    async with SmtpSink() as sink, World(sink, sign=sign, connections_per_destination=1) as world:
        world.offer(1)
        world.offer(2)
        await world.settled()
        attempt = world.last(1)
        assert (attempt.phase, attempt.reason, attempt.permanent) == (Phase.CHECK, Reason.SYSTEM_ERROR, False)
        assert (attempt.status, attempt.why) == ("4.3.5", "the key cannot be read")
        assert world.ledger.rows[1].state == "due"
        assert [mail.recipient for mail in sink.mails] == ["r2@example.org"]
        assert len(sink.sessions) == 1


async def test_a_stop_while_signing_gives_the_job_back() -> None:
    """Nothing was sent of it, so nothing is in doubt."""
    begun = asyncio.Event()

    async def sign(copy: bytes, at: float) -> bytes | Finding:  # noqa: ARG001 - the worker's contract
        begun.set()
        await asyncio.get_running_loop().create_future()
        return copy

    async with SmtpSink() as sink, World(sink, sign=sign) as world:
        world.offer(1)
        await begun.wait()
        await world.delivery.stop(1)
        assert world.ledger.rows[1].state == "due"
        assert world.ledger.given_back == [1]
        assert world.ledger.attempts == []
        assert sink.mails == []
