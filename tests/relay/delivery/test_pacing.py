"""relay/delivery/pacing.py and what the worker makes of it: groups, rates, pauses, and a fair share for the small."""

import asyncio
from itertools import pairwise
from typing import Any

from relay.delivery.pacing import FIRST_PAUSE, LONGEST_PAUSE, Group, Pace, Slower
from relay.delivery.resolver import Found, FoundMx
from relay.settings import PaceSettings
from tests.relay.delivery.world import EPOCH, World
from tests.rigs.smtp_sink import After, Say, SmtpSink
from tests.rigs.virtual_time import run

TOLD = Slower("mx.test", "192.0.2.1", "421 slow down")


def test_places() -> None:
    """As many as the pace has, less those at work."""
    group = Group("g", Pace(3))
    assert group.room(0.0) == 3
    group.busy = 3
    assert group.room(0.0) == 0
    assert group.may_begin(0.0)
    assert group.wait(0.0) == 0.0


def test_a_rate() -> None:
    """Mails a minute, with five seconds' worth at once after a silence, and at least one."""
    group = Group("g", Pace(100, per_minute=60))
    assert group.room(10.0) == 5
    for _ in range(5):
        group.begun()
    assert (group.room(10.0), group.may_begin(10.0), group.wait(10.0)) == (0, False, 1.0)
    assert group.room(11.0) == 1
    assert group.room(1000.0) == 5
    slow = Group("g", Pace(100, per_minute=2))
    assert slow.room(0.0) == 1
    slow.begun()
    assert slow.wait(0.0) == 30.0


def test_pauses() -> None:
    """As long as it asks, else longer each time; half as many connections after it, won back by what gets through."""
    group = Group("g", Pace(8))
    group.busy = 8
    group.slow_down(TOLD, 100.0, None)
    assert (group.paused_for(100.0), group.limit) == (FIRST_PAUSE, 4)
    group.slow_down(TOLD, 101.0, None)  # another connection was told the same
    assert (group.paused_for(101.0), group.limit) == (FIRST_PAUSE - 1, 4)
    assert (group.room(101.0), group.wait(101.0)) == (0, FIRST_PAUSE - 1)
    group.busy = 4
    group.slow_down(TOLD, 200.0, None)
    assert (group.paused_for(200.0), group.limit) == (2 * FIRST_PAUSE, 2)
    group.slow_down(TOLD, 300.0, 120.0)
    assert group.paused_for(300.0) == 120.0
    group.slow_down(TOLD, 500.0, 7200.0)
    assert group.paused_for(500.0) == LONGEST_PAUSE
    for _ in range(1000):
        group.got_through()
    assert group.limit == 8
    group.slow_down(TOLD, 5000.0, None)
    assert group.paused_for(5000.0) == FIRST_PAUSE


def provider(world: World, *domains: str) -> None:
    """Let the mail of domains go to hosts of one provider, a host for each domain."""
    for domain in domains:
        world.names.exchangers[domain] = FoundMx(((10, f"{domain}.mx.big.test"),), EPOCH + 86400)
        world.names.hosts[f"{domain}.mx.big.test"] = Found(("127.0.0.1",), EPOCH + 86400)


def at_provider(sink: SmtpSink, **settings: Any) -> World:
    return World(None, port=sink.port, allow_private_destinations=("127.0.0.0/8",), **settings)


def test_all_domains_of_a_provider_share_its_connections() -> None:
    """Never more than the provider takes, and none of its domains waits for the end of another's queue."""

    async def scenario() -> None:
        pace = {"big.test": PaceSettings(connections=2)}
        async with SmtpSink() as sink, at_provider(sink, pacing=pace, connection_idle=0.5) as world:
            sink.on("dot", After(1.0), Say("250 2.0.0 ok"))
            provider(world, "a.test", "b.test", "c.test")
            for number in range(90):
                world.offer(number, f"r{number}@{'a' if number < 70 else 'b' if number < 80 else 'c'}.test")
            await world.settled()
            assert len(sink.mails) == 90
            order = [mail.recipient[-6] for mail in sink.mails]
            assert order.index("b") < 50
            assert order.index("c") < 70
            assert world.clock() - EPOCH >= 44.0

    run(scenario())


def test_a_rate_holds_over_all_domains_and_connections() -> None:
    """Sixty a minute: one a second after the first few."""

    async def scenario() -> list[float]:
        pace = {"big.test": PaceSettings(per_minute=60)}
        async with SmtpSink() as sink, at_provider(sink, pacing=pace) as world:
            provider(world, "a.test", "b.test")
            for number in range(40):
                world.offer(number, f"r{number}@{'ab'[number % 2]}.test")
            await world.settled()
            return sorted(attempt.at - EPOCH for attempt, _ in world.ledger.attempts)

    times = run(scenario())
    assert len(times) == 40
    assert 33.0 <= times[-1] - times[0] <= 40.0
    assert all(later - earlier <= 1.6 for earlier, later in pairwise(times))


def test_few_mails_on_one_connection_where_that_is_liked() -> None:
    """A provider's own limit of mails per connection."""

    async def scenario() -> int:
        pace = {"big.test": PaceSettings(connections=1, messages=3)}
        async with SmtpSink() as sink, at_provider(sink, pacing=pace) as world:
            provider(world, "a.test")
            for number in range(12):
                world.offer(number, f"r{number}@a.test")
            await world.settled()
            return len(sink.sessions)

    assert run(scenario()) == 4


def test_a_provider_that_wants_fewer_mails_is_left_alone() -> None:
    """One mail is told so; the others wait in hand, are not burnt on refusals, and go when the time has passed."""

    async def scenario() -> None:
        async with SmtpSink() as sink, at_provider(sink) as world:
            sink.on("rcpt", Say("421 4.7.0 too many messages, try again in 40 seconds"), times=1)
            provider(world, "a.test", "b.test")
            for number in range(30):
                world.offer(number, f"r{number}@{'ab'[number % 2]}.test")
            await world.over()
            assert len(sink.mails) == 30
            refused = [attempt for attempt, _ in world.ledger.attempts if attempt.reply and attempt.reply.code == 421]
            assert len(refused) == 1
            others = [attempt.at - EPOCH for attempt, _ in world.ledger.attempts if attempt.at - EPOCH > 1.0]
            assert min(others) >= 39.0
            assert max(others) < 60.0

    run(scenario())


def test_a_long_pause_puts_the_others_off() -> None:
    """They do not wait in memory: they are deferred with what was said, and come back after the pause."""

    async def scenario() -> None:
        async with SmtpSink() as sink, at_provider(sink) as world:
            sink.on("rcpt", Say("421 4.7.0 too many messages, try again in 10 minutes"), times=1)
            provider(world, "a.test")
            for number in range(10):
                world.offer(number, f"r{number}@a.test")
            await world.over()
            assert len(sink.mails) == 10
            why = [attempt.why for attempt, _ in world.ledger.attempts if attempt.why]
            assert len(why) == 9
            assert why[0].startswith(
                "waiting for a.test.mx.big.test, which asked for fewer mails a short while ago: 421"
            )
            assert 600.0 <= world.clock() - EPOCH <= 700.0

    run(scenario())


def test_too_many_connections_means_one_fewer() -> None:
    """A greeting of 421 beside connections that work is nobody's failure: no attempt is counted for it."""

    async def scenario() -> None:
        async with SmtpSink() as sink, at_provider(sink) as world:
            sink.on("greeting", Say("421 4.7.0 too many connections"), session=2)
            sink.on("dot", After(0.5), Say("250 2.0.0 ok"))
            provider(world, "a.test")
            for number in range(20):
                world.offer(number, f"r{number}@a.test")
            await world.over()
            assert len(sink.mails) == 20
            assert len(world.ledger.attempts) == 20

    run(scenario())


def test_greylisting_is_tried_early() -> None:
    """Again after a minute, and then every five: in as soon as the server lets us, with the same return path."""

    async def scenario() -> list[float]:
        async with SmtpSink() as sink, World(sink) as world:
            sink.on("rcpt", Say("450 4.7.1 Greylisted"), times=3)
            world.offer(1)
            await world.over()
            assert {mail.reverse_path for mail in sink.mails} == {"b1@bounces.test"}
            return [attempt.at - EPOCH for attempt in world.ledger.of(1)]

    times = run(scenario())
    assert [round((later - earlier) / 60) for earlier, later in pairwise(times)] == [1, 5, 5]


def test_very_many_to_slow_domains_do_not_delay_another() -> None:
    """Thousands wait for slow providers, offered, due, and in many domains: a mail to another arrives within 2 s."""

    async def scenario() -> None:
        async with SmtpSink() as slow, SmtpSink() as quick, at_provider(slow, sinks={"quick.test": quick}) as world:
            slow.on("dot", After(20.0), Say("250 2.0.0 at last"))
            provider(world, "one.test", *(f"d{n}.test" for n in range(300)))
            for number in range(3000):
                world.job(number, f"r{number}@one.test")
            for number in range(3000, 6000):
                world.job(number, f"r{number}@d{number % 300}.test")
            for number in range(6000, 12000):
                world.offer(number, f"r{number}@one.test")
            await asyncio.sleep(60)
            for number in range(20_000, 20_010):
                begun = world.clock()
                (world.offer if number % 2 else world.job)(number, f"r{number}@quick.test")
                await quick.arrived(number - 19_999)
                assert world.clock() - begun <= 2.1
                await asyncio.sleep(7.3)

    run(scenario())
