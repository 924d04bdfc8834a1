"""Contents in memory: once per message, bounded."""

import asyncio
from collections.abc import Callable

from relay.delivery.shelf import Shelf
from store.nouns import ContentRef, Job


class Contents:
    """A store that counts, and answers when it is told to."""

    def __init__(self) -> None:
        self.reads = 0
        self.go = asyncio.Event()
        self.go.set()

    async def read(self, ref: ContentRef) -> bytes:
        self.reads += 1
        await self.go.wait()
        return b"x" * ref.message_id


async def test_what_was_put_is_not_read(make_job: Callable[..., Job]) -> None:
    """Until the last job of the message is done; then its room is free again."""
    contents = Contents()
    shelf = Shelf(contents, room=100)
    jobs = [make_job(recipient_id=number, message_id=7) for number in (1, 2)]
    shelf.expect(jobs)
    shelf.put(7, b"y" * 60)
    assert await shelf.get(jobs[0]) == b"y" * 60
    assert shelf.room == 40
    shelf.done(jobs[0])
    assert await shelf.get(jobs[1]) == b"y" * 60
    shelf.done(jobs[1])
    assert (shelf.room, contents.reads) == (100, 0)


async def test_what_finds_no_room_is_read_in_its_turn(make_job: Callable[..., Job]) -> None:
    """The bound holds; nothing is lost by it."""
    contents = Contents()
    shelf = Shelf(contents, room=100)
    job = make_job(recipient_id=101, message_id=101)
    shelf.expect([job])
    shelf.put(101, b"y" * 101)
    assert shelf.room == 100
    assert await shelf.get(job) == b"x" * 101
    assert contents.reads == 1


async def test_a_message_to_many_is_read_once(make_job: Callable[..., Job]) -> None:
    """By those that ask at the same time, and kept for those that ask later."""
    contents = Contents()
    shelf = Shelf(contents, room=100)
    jobs = [make_job(recipient_id=number, message_id=5) for number in range(1, 11)]
    shelf.expect(jobs)
    contents.go.clear()
    asking = [asyncio.create_task(shelf.get(job)) for job in jobs[:5]]
    await asyncio.sleep(0)
    asking[0].cancel()
    contents.go.set()
    results = await asyncio.gather(*asking, return_exceptions=True)
    assert results[1:] == [b"xxxxx"] * 4
    assert [await shelf.get(job) for job in jobs[5:]] == [b"xxxxx"] * 5
    assert contents.reads == 1
    for job in jobs:
        shelf.done(job)
    assert shelf.room == 100


async def test_a_content_nobody_waits_for_is_not_kept(make_job: Callable[..., Job]) -> None:
    """A single recipient's content leaves the memory with it."""
    shelf = Shelf(Contents(), room=100)
    job = make_job(recipient_id=9)
    shelf.expect([job])
    await shelf.get(job)
    assert shelf.room == 100
    shelf.put(33, b"z")
    assert shelf.room == 100
