"""Connecting to several addresses: the quick one wins, in the order of preference where all are quick."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from relay.delivery.connection import Connection
from relay.delivery.pool import Pool, Unreachable
from relay.delivery.race import FALL_OVER
from relay.delivery.route import Destination, Host
from relay.settings import DeliverySettings
from store.nouns import Phase
from tests.relay.delivery.world import CONTEXTS
from tests.rigs.smtp_sink import Say, SmtpSink
from tests.rigs.virtual_time import run


@pytest.fixture
def deaf() -> Iterator[tuple[str, int]]:
    """An address that lets connections wait for ever: its backlog is full, so what comes is dropped unanswered."""
    with closing(socket.create_server(("127.0.0.3", 0), backlog=0)) as listening:
        address = listening.getsockname()
        waiting = []
        for _ in range(3):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(address)
            waiting.append(one)
        yield address
        for one in waiting:
            one.close()


def pool(**settings: object) -> Pool:
    return Pool(
        hostname="relay.test",
        settings=DeliverySettings(**settings),
        draw=lambda: 0.5,
        contexts=CONTEXTS,  # type: ignore[arg-type]
    )


def to(*ends: tuple[str, int]) -> Destination:
    hosts = tuple(Host(f"mx{n}.test", port, (address,), n, "off") for n, (address, port) in enumerate(ends))
    return Destination("key", hosts, by_route=False, until=0.0)


def test_an_address_that_does_not_answer_holds_nobody_up(deaf: tuple[str, int]) -> None:
    """The next one is tried a second later; then this one comes last for a while."""

    async def scenario() -> None:
        async with SmtpSink() as sink:
            keeper = pool()
            there = to(deaf, (sink.host, sink.port))
            one = await keeper.open(there)
            assert isinstance(one, Connection)
            assert one.host.name == "mx1.test"
            assert FALL_OVER <= asyncio.get_running_loop().time() < FALL_OVER + 0.5
            await keeper.close()

    run(scenario())


def test_what_was_called_off_is_tried_when_the_winner_is_of_no_use(deaf: tuple[str, int]) -> None:
    """With its own whole time: nothing is lost by having been slow."""

    async def scenario() -> None:
        async with SmtpSink() as sink:
            sink.on("greeting", Say("421 4.3.2 not today"))
            keeper = pool(connect_timeout=30.0)
            failed = await keeper.open(to(deaf, (sink.host, sink.port)))
            assert isinstance(failed, Unreachable)
            assert (failed.host, str(failed.outcome.reply)) == ("mx1.test", "421 4.3.2 not today")
            assert "no answer within 30 s" in failed.transcript
            assert 30.0 < asyncio.get_running_loop().time() < 33.0
            assert keeper._open == set()

    run(scenario())


async def test_addresses_that_refuse_are_passed_at_once() -> None:
    """Without waiting, in order."""
    async with SmtpSink() as sink:
        keeper = pool()
        with closing(socket.create_server(("127.0.0.1", 0))) as gone:
            refusing = gone.getsockname()
        one = await keeper.open(to(refusing, refusing, (sink.host, sink.port)))
        assert isinstance(one, Connection)
        assert one.host.name == "mx2.test"
        assert one.transcript is not None
        assert one.transcript.earlier.count("connection refused") == 2
        await keeper.close()


def test_nobody_connects(deaf: tuple[str, int]) -> None:
    """Each has its time, side by side: three that do not answer take hardly longer than one."""

    async def scenario() -> None:
        keeper = pool(connect_timeout=30.0)
        failed = await keeper.open(to(deaf, deaf, deaf))
        assert isinstance(failed, Unreachable)
        assert failed.outcome.phase is Phase.CONNECT
        assert asyncio.get_running_loop().time() < 33.0
        assert keeper._open == set()

    run(scenario())


def test_who_asks_and_goes_leaves_nothing_behind(deaf: tuple[str, int]) -> None:
    """Cancelled while several are under way."""

    async def scenario() -> None:
        keeper = pool()
        opening = asyncio.create_task(keeper.open(to(deaf, deaf, deaf)))
        await asyncio.sleep(2.5)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        await asyncio.sleep(0)
        assert keeper._open == set()

    run(scenario())
