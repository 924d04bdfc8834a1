"""Whose turn it is: hosts that hang, queues that are long, and the fresh mail beside them."""

import asyncio
from typing import Any

import pytest

from relay.delivery.resolver import Found, FoundMx
from relay.delivery.serving import PATIENCE, TURN_SECONDS
from relay.delivery.turns import Turns
from tests.relay.delivery.world import EPOCH, World
from tests.rigs.smtp_sink import After, Say, Silence, SmtpSink
from tests.rigs.virtual_time import run

LOOPBACK = ("127.0.0.0/8",)


def domains(world: World, sink: SmtpSink, *names: str) -> None:
    """Let the mail of each domain go to a host of its own, which is ``sink``."""
    world.routes._port = sink.port
    for name in names:
        world.names.exchangers[name] = FoundMx(((10, f"mx.{name}"),), EPOCH + 86400)
        world.names.hosts[f"mx.{name}"] = Found(("127.0.0.1",), EPOCH + 86400)


@pytest.mark.parametrize("stage", ["greeting", "ehlo", "mail", "data", "dot"])
def test_one_connection_that_hangs_does_not_hold_up_its_destination(stage: str) -> None:
    """A second one is tried after a moment's patience, and the other mails go over it."""

    async def scenario() -> float:
        async with SmtpSink() as sink, World(sink) as world:
            sink.on(stage, Silence(), session=1)
            for number in range(1, 21):
                world.offer(number)
            await sink.arrived(19)
            return world.loop.time()

    assert run(scenario()) < PATIENCE + 1


def test_a_host_that_never_answers_gets_few_connections() -> None:
    """Whatever waits for it."""

    async def scenario() -> int:
        async with SmtpSink() as sink, World(sink) as world:
            sink.on("greeting", Silence())
            for number in range(1, 101):
                world.offer(number)
            await asyncio.sleep(250)
            return sink.open_sessions

    assert run(scenario()) == 4


def test_hosts_that_never_answer_do_not_take_the_places_of_others() -> None:
    """No second connection is tried where half of all are at work."""

    async def scenario() -> int:
        async with SmtpSink() as sink, World(None, connections=40, allow_private_destinations=LOOPBACK) as world:
            sink.on("greeting", Silence())
            domains(world, sink, *(f"d{n}.test" for n in range(20)))
            for number in range(100):
                world.offer(number, f"r{number}@d{number % 20}.test")
            await asyncio.sleep(250)
            return sink.open_sessions

    assert run(scenario()) == 20


@pytest.mark.parametrize("seconds", [20.0, 299.0])
def test_a_fresh_mail_passes_the_queues_of_very_many_slow_domains(seconds: float) -> None:
    """Hundreds of domains with a queue from the store, more than there are connections: it arrives within a second."""

    async def scenario() -> list[float]:
        async with SmtpSink() as slow, SmtpSink() as quick:
            slow.on("dot", After(seconds), Say("250 2.0.0 at last"))
            sinks = {"quick.test": quick}
            async with World(None, sinks=sinks, connections=40, allow_private_destinations=LOOPBACK) as world:
                domains(world, slow, *(f"d{n}.test" for n in range(300)))
                for number in range(3000):
                    world.job(number, f"r{number}@d{number % 300}.test")
                delays = []
                for number in range(20):
                    await asyncio.sleep(7.7)
                    begun = world.loop.time()
                    world.offer(10_000 + number, f"r{number}@quick.test")
                    await quick.arrived(number + 1)
                    delays.append(world.loop.time() - begun)
                return delays

    assert max(run(scenario())) < 1


def test_fresh_mail_for_a_slow_domain_does_not_use_up_what_is_kept_for_others() -> None:
    """A domain that is known to be slow waits for a usual place, whatever it waits with."""

    async def scenario() -> float:
        async with SmtpSink() as slow, SmtpSink() as quick:
            slow.on("dot", After(20), Say("250 2.0.0 at last"))
            sinks = {"quick.test": quick}
            async with World(None, sinks=sinks, connections=16, allow_private_destinations=LOOPBACK) as world:
                names = [f"d{n}.test" for n in range(14)]
                domains(world, slow, *names)
                for number in range(14):
                    world.offer(number, f"r@{names[number]}")
                await asyncio.sleep(100)  # each is known to be slow now
                for number in range(100, 400):
                    world.offer(number, f"r@{names[number % 14]}")
                await asyncio.sleep(1)
                begun = world.loop.time()
                world.offer(1000, "ann@quick.test")
                await quick.arrived(1)
                return world.loop.time() - begun

    assert run(scenario()) < 1


def test_queues_share_few_connections_in_turns() -> None:
    """A long queue gives way after its turn, and no other waits for its end."""

    async def scenario() -> dict[str, int]:
        async with SmtpSink() as sink, World(None, connections=2, allow_private_destinations=LOOPBACK) as world:
            sink.on("dot", After(1), Say("250 2.0.0 taken"))
            domains(world, sink, "a.test", "b.test", "c.test", "d.test")
            for number in range(400):
                world.job(number, f"r@{'abcd'[number // 100]}.test")
            world.delivery.wake()
            await asyncio.sleep(10 * TURN_SECONDS)
            counts = dict.fromkeys("abcd", 0)
            for mail in sink.mails:
                counts[mail.recipient[2]] += 1
            return counts

    counts = run(scenario())
    assert sum(counts.values()) >= 150
    assert min(counts.values()) >= 25


def test_the_look_ups_of_a_fresh_mail_pass_those_of_very_many_domains() -> None:
    """Each domain needs look-ups of a second; a thousand wait, and a fresh mail is there within a few seconds."""

    async def scenario() -> float:
        async with SmtpSink() as sink, World(None, allow_private_destinations=LOOPBACK) as world:
            names = [f"d{n}.test" for n in range(1000)]
            domains(world, sink, *names, "fresh.test")
            room = Turns(8)
            for kind in ("mx", "addresses"):
                answer = getattr(world.names, kind)

                async def slow(*asked: Any, answer: Any = answer, **more: Any) -> Any:
                    async with room:
                        await asyncio.sleep(1)
                        return await answer(*asked, **more)

                setattr(world.names, kind, slow)
            for number, name in enumerate(names):
                world.job(number, f"r@{name}")
            world.delivery.wake()
            await asyncio.sleep(10)
            before = world.loop.time()
            world.offer(5000, "r@fresh.test")
            while not world.ledger.of(5000):
                world.ledger.changed.clear()
                await world.ledger.changed.wait()
            world.delivery._stopping = True
            return world.loop.time() - before

    assert run(scenario()) < 5
