"""Whose look-up comes next."""

import asyncio

from relay.delivery.turns import FOR_FRESH_MAIL, Turns


async def test_fresh_mail_and_all_other_take_turns() -> None:
    """Each in the order of its coming; who waits with nobody else is not held up."""
    room = Turns(1)
    order: list[str] = []
    go = asyncio.Event()

    async def one(name: str) -> None:
        FOR_FRESH_MAIL.set(name.startswith("fresh"))
        async with room:
            order.append(name)
            await go.wait()

    names = ["first", "old 1", "old 2", "old 3", "old 4", "fresh 1", "fresh 2"]
    tasks = [asyncio.create_task(one(name)) for name in names]
    await asyncio.sleep(0)
    go.set()
    await asyncio.gather(*tasks)
    assert order == ["first", "fresh 1", "old 1", "fresh 2", "old 2", "old 3", "old 4"]


async def test_what_is_begun_for_a_fresh_mail_is_for_it_too() -> None:
    """A task inherits it, and takes nobody else along."""
    FOR_FRESH_MAIL.set(False)

    async def inner() -> bool:
        return FOR_FRESH_MAIL.get()

    async def outer() -> bool:
        FOR_FRESH_MAIL.set(True)
        return await asyncio.create_task(inner())

    assert await asyncio.create_task(outer())
    assert not await asyncio.create_task(inner())


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
    await room.__aexit__(None, None, None)  # lets the first in
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await asyncio.wait_for(second, 60)
