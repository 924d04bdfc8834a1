"""Whose look-up comes next."""

import asyncio

from relay.delivery.turns import Turns


async def test_the_newest_and_the_oldest_take_turns() -> None:
    """A newcomer is next but for one; who waits longest is not forgotten."""
    room = Turns(1)
    order: list[int] = []
    go = asyncio.Event()

    async def one(number: int) -> None:
        async with room:
            order.append(number)
            await go.wait()

    tasks = [asyncio.create_task(one(number)) for number in range(7)]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*tasks)
    assert order == [0, 6, 1, 5, 2, 4, 3]


async def test_never_more_than_there_is_room_for() -> None:
    """However many come and go, those that are cancelled included."""
    room = Turns(3)
    inside = most = 0

    async def one() -> None:
        nonlocal inside, most
        async with room:
            inside += 1
            most = max(most, inside)
            try:
                await asyncio.sleep(0)
            finally:
                inside -= 1

    tasks = [asyncio.create_task(one()) for _ in range(50)]
    await asyncio.sleep(0)
    for task in tasks[::4]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert (inside, most) == (0, 3)
    async with room, room, room:  # all places are free again
        pass


async def test_a_turn_that_came_too_late_goes_to_the_next() -> None:
    """Cancelled in the very moment that it was let in."""
    room = Turns(1)
    await room.__aenter__()
    first, second = (asyncio.create_task(room.__aenter__()) for _ in range(2))
    await asyncio.sleep(0)
    await room.__aexit__(None, None, None)  # lets the newest in
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    await asyncio.wait_for(first, 5)
