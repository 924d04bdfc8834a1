"""The bound of large mails in memory: order, shares, and nobody who waits for ever."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relay.delivery import carrier, octets
from relay.delivery.octets import Octets
from tests.relay.delivery.world import World
from tests.rigs.smtp_sink import Hold, Say, SmtpSink


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_finds_no_room_waits_in_order() -> None:
    """A small one that comes later does not pass a large one that waits for all."""
    room = Octets(400)
    for group in "abcd":
        await room.take(group, 90)
    large = asyncio.create_task(room.take("e", 100))
    small = asyncio.create_task(room.take("f", 10))
    await turns()
    assert (large.done(), small.done(), room.taken) == (False, False, 360)
    room.give("a", 90)
    await turns()
    assert (large.done(), small.done(), room.taken) == (True, True, 380)


async def test_a_group_has_a_quarter() -> None:
    """Those of another group pass those that wait for their own."""
    room = Octets(400)
    await room.take("a", 60)
    second = asyncio.create_task(room.take("a", 60))
    other = asyncio.create_task(room.take("b", 60))
    await turns()
    assert (second.done(), other.done()) == (False, True)
    room.give("a", 60)
    await second


async def test_what_is_larger_than_all_goes_alone() -> None:
    """It is carried all the same."""
    room = Octets(400)
    await room.take("a", 1000)
    assert room.taken == 1000
    other = asyncio.create_task(room.take("b", 1))
    await turns()
    assert not other.done()
    room.give("a", 1000)
    await other


async def test_who_goes_while_waiting_takes_nothing() -> None:
    """Also where its turn had just come; those behind it get theirs."""
    room = Octets(400)
    await room.take("a", 400)
    first, second, third = (asyncio.create_task(room.take(group, 300)) for group in "bcd")
    await turns()
    first.cancel()
    room.give("a", 400)
    await turns()
    assert second.done()
    room.give("c", 300)
    third.cancel()  # its turn came in this very moment
    await asyncio.gather(first, third, return_exceptions=True)
    assert room.taken == 0


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 500), st.booleans()), max_size=30))
def test_everybody_gets_a_turn_and_all_comes_back(asks: list[tuple[str, int, bool]]) -> None:
    """Whoever asks for whatever, and goes or stays: never over the bound but alone, and zero in the end."""

    async def scenario() -> None:
        room = Octets(400)
        inside = 0

        async def one(group: str, size: int) -> None:
            nonlocal inside
            await room.take(group, size)
            inside += 1
            assert room.taken <= 400 or inside == 1
            try:
                await asyncio.sleep(0)
            finally:
                inside -= 1
                room.give(group, size)

        tasks = [asyncio.create_task(one(group, size)) for group, size, _ in asks]
        await asyncio.sleep(0)
        for task, (_, _, goes) in zip(tasks, asks, strict=True):
            if goes:
                task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert not [r for r in results if isinstance(r, AssertionError)]
        assert room.taken == 0

    asyncio.run(asyncio.wait_for(scenario(), 60))


async def test_large_mails_wait_for_room_and_small_ones_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at once for one destination, each counted three times; a small one passes them."""
    size = octets.LARGE
    monkeypatch.setattr(carrier, "Octets", lambda: Octets(4 * 2 * 3 * size))
    go = asyncio.Event()
    async with SmtpSink() as sink, World(sink) as world:
        for number in range(1, 5):  # each reply lets the lane have more connections
            world.offer(number)
            await world.settled()
        sink.on("dot", Hold(go), Say("250 2.0.0 taken"), recipient="large@example.org")
        for number in range(11, 16):
            world.offer(number, "large@example.org", content=b"x" * size, length=size)
        await sink.said(".", times=4 + 2)
        world.offer(20, "small@example.org")
        await sink.arrived(5)
        assert sum(session.verbs.count(".") for session in sink.sessions) == 4 + 2 + 1
        go.set()
        await world.settled()
        assert len(sink.mails) == 10
