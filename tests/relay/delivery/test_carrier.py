"""One job over one connection: what ends it, and what becomes of the connection. The whole: test_worker.py."""

import asyncio

import pytest

from relay.delivery.carrier import MOST_PASSAGES
from relay.delivery.pool import MOST_PUT_OFF
from relay.delivery.serving import Serving
from store.nouns import Job, Phase, Reason
from tests.relay.delivery.world import CONTENT, World
from tests.rigs.smtp_sink import Drop, Say, Silence, SmtpSink


def serving(world: World) -> Serving:
    return world.delivery._serving


async def test_a_finding_keeps_the_connection_for_the_next_mail() -> None:
    """What cannot be sent says nothing of the server."""
    async with SmtpSink(offers=("SIZE 100",)) as sink, World(sink) as world:
        world.offer(1, content=CONTENT + b"x" * 200)
        await world.settled()
        world.offer(2)
        await world.settled()
        assert (world.last(1).reason, world.last(1).phase) == (Reason.MESSAGE_TOO_LARGE, Phase.CHECK)
        assert world.last(2).phase is Phase.END_OF_DATA
        assert len(sink.sessions) == 1


@pytest.mark.parametrize(("times", "sessions"), [(1, 2), (2, 3)])
async def test_a_host_that_hung_up_is_tried_last(times: int, sessions: int) -> None:
    """The address is remembered; with no other one it is tried all the same."""
    async with SmtpSink() as sink, World(sink) as world:
        sink.on("mail", Drop(), times=times)
        for number in range(1, sessions + 1):
            world.offer(number)
            await world.settled()
        assert len(sink.sessions) == sessions
        assert world.pool._is_failing("127.0.0.1", sink.port) is False  # the last one took a mail
        assert world.last(sessions).phase is Phase.END_OF_DATA


async def test_a_host_that_puts_everything_off_is_left_for_another_connection() -> None:
    """After a few refusals for now in a row; one mail that is taken, or refused for good, starts the count anew."""
    async with SmtpSink() as sink, World(sink) as world:
        wanted = [*[False] * (MOST_PUT_OFF - 1), True, *[False] * MOST_PUT_OFF, True]
        for number, taken in enumerate(wanted, 1):
            if not taken:
                sink.on("data", Say("451 4.3.2 not now"), times=1)
            world.offer(number)
            await world.settled()
        assert [session.verbs.count("MAIL") for session in sink.sessions] == [2 * MOST_PUT_OFF, 1]


async def test_bdat_that_is_not_known_is_done_again_by_data() -> None:
    """In the same attempt, over the same connection: nobody is told of it."""
    async with SmtpSink(offers=("CHUNKING", "PIPELINING")) as sink, World(sink) as world:
        sink.on("bdat", Say("500 5.5.2 what?"))
        for number in (1, 2):
            world.offer(number, content=CONTENT + b"line\r\n" * 50_000)
            await world.settled()
        assert len(sink.sessions) == 1
        assert [attempt.phase for attempt, _ in world.ledger.attempts] == [Phase.END_OF_DATA] * 2
        assert sink.count("BDAT") == 1  # once is enough in a session
        assert world.ledger.marked == [1, 2]


async def test_what_is_broken_off_before_its_dot_is_given_back() -> None:
    """No attempt is counted for it, and nobody hears of it."""
    async with SmtpSink() as sink, World(sink, claiming=False) as world:
        sink.on("rcpt", Silence())
        world.offer(1)
        await sink.said("RCPT")
        await world.delivery.stop(1)
        assert world.ledger.given_back == [1]
        assert world.ledger.attempts == []
        assert serving(world).busy == 0


async def test_a_copy_of_a_loop_is_never_sent() -> None:
    """Counted before anybody is connected to."""
    loop = b"Received: from a by relay.test with ESMTP id 1\r\n" * (MOST_PASSAGES + 1)
    async with SmtpSink() as sink, World(sink) as world:
        world.offer(1, content=loop + CONTENT)
        await world.settled()
        assert sink.sessions == []
        assert world.last(1).status == "5.4.6"


async def test_a_large_copy_gives_its_octets_back_whatever_happens() -> None:
    """Delivered, refused, or a fault of ours."""

    def outgoing(job: Job, content: bytes, seven_bit: bool) -> bytes:  # noqa: ARG001, FBT001 - the worker's contract
        if job.recipient_id == 3:
            raise ZeroDivisionError
        return content

    async with SmtpSink() as sink, World(sink, outgoing=outgoing) as world:
        sink.on("rcpt", Say("550 5.1.1 no"), recipient="r2@example.org")
        large = CONTENT + b"line\r\n" * 50_000
        for number in (1, 2, 3):
            world.offer(number, content=large, length=len(large))
        await asyncio.wait_for(world.settled(), 60)
        assert len(sink.mails) == 1
        assert serving(world)._carrier._octets.taken == 0
