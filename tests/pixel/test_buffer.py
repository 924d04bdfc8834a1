"""pixel/buffer.py."""

import asyncio
import logging
from collections.abc import Sequence
from itertools import pairwise

import pytest

from pixel.buffer import BATCH, BATCH_PAUSE, MAX_BATCH, MAX_HOLD, MAX_WAITING_OF_ONE, RETRY_PAUSE, SLICE, OpenBuffer
from store.nouns import Open
from tests.pixel.rig import GRACE, LOG, Clock, FakeOpens, Judge, Pauses, an_open, buffer, until_asked


async def test_opens_are_written_in_batches(opens: FakeOpens) -> None:
    """What comes within a fifth of a second is one transaction."""
    pauses = Pauses()
    waiting = buffer(opens, pauses)
    waiting.start()
    for recipient_id in range(50):
        waiting.add(an_open(recipient_id))
    await pauses.end_one()
    await until_asked(opens)
    assert opens.batches == [50]
    assert pauses.asked[0] == BATCH_PAUSE
    assert (waiting.waiting, waiting.recorded) == (0, 50)
    await waiting.stop(GRACE)


async def test_nothing_to_write_asks_nothing_of_the_store(opens: FakeOpens) -> None:
    """An idle server does not wake up, and stopping it writes nothing."""
    pauses = Pauses()
    waiting = buffer(opens, pauses)
    waiting.start()
    await asyncio.sleep(0)
    await waiting.stop(GRACE)
    assert (pauses.asked, opens.batches) == ([], [])


async def test_a_long_line_is_written_without_pauses(opens: FakeOpens) -> None:
    """More than a batch that waits is written at once, in transactions of bounded size."""
    pauses = Pauses()
    waiting = buffer(opens, pauses)
    waiting.start()
    for recipient_id in range(2 * BATCH + 1):
        waiting.add(an_open(recipient_id))
    await pauses.end_one()
    await until_asked(opens)
    await until_asked(opens)
    assert opens.batches == [BATCH, BATCH]
    await waiting.stop(GRACE)
    assert opens.batches == [BATCH, BATCH, 1]


@pytest.mark.parametrize(
    ("wait", "first"),
    [(BATCH, BATCH), (2 * BATCH, BATCH), (2 * BATCH + 2, BATCH + 1), (2 * MAX_BATCH, MAX_BATCH), (9_999, MAX_BATCH)],
)
async def test_a_flood_is_written_in_larger_transactions(opens: FakeOpens, wait: int, first: int) -> None:
    """Half of what waits, and never more than the bound: a sync for each thousand would be too many on a slow disk."""
    waiting = buffer(opens)
    for recipient_id in range(wait):
        waiting.add(an_open(recipient_id))
    await waiting._write_batch()
    assert opens.batches == [first]
    await waiting.stop(GRACE)
    assert sum(opens.batches) == wait


async def test_a_large_batch_is_crossed_off_in_slices(opens: FakeOpens) -> None:
    """Whatever else the event loop has to do waits for no more than a slice, and in the end nothing is left."""
    waiting = buffer(opens)
    for recipient_id in range(2 * BATCH):
        waiting.add(an_open(recipient_id))
    left: list[int] = []

    async def look() -> None:
        while waiting._of_one:
            left.append(len(waiting._of_one))
            await asyncio.sleep(0)

    looking = asyncio.create_task(look())
    await waiting._write_batch()
    await waiting._write_batch()
    await looking
    assert max(before - after for before, after in pairwise([*left, 0])) <= SLICE
    assert (waiting.waiting, waiting._first_at, waiting.recorded) == (0, {}, 2 * BATCH)


async def test_opens_outlive_a_store_that_cannot_be_written(opens: FakeOpens) -> None:
    """P5: they wait, are tried again, and arrive once each, in order, when the store is back."""
    pauses = Pauses()
    waiting = buffer(opens, pauses)
    waiting.start()
    opens.refuse = True
    waiting.add(an_open(1))
    await pauses.end_one()
    await until_asked(opens)
    waiting.add(an_open(2))
    await pauses.end_one()  # the wait before the next try
    await pauses.end_one()
    await until_asked(opens)
    assert opens.recorded == []
    opens.refuse = False
    await pauses.end_one()
    await pauses.end_one()
    await until_asked(opens)
    assert [each.recipient_id for each in opens.recorded] == [1, 2]
    assert pauses.asked[:4] == [BATCH_PAUSE, RETRY_PAUSE, BATCH_PAUSE, RETRY_PAUSE]
    assert (waiting.waiting, waiting.dropped) == (0, 0)
    await waiting.stop(GRACE)


async def test_bound_and_one_past_it(opens: FakeOpens, caplog: pytest.LogCaptureFixture) -> None:
    """P5: the buffer holds as many as it has room for; the loss beyond is counted and told in the log."""
    waiting = buffer(opens, room=10)
    for recipient_id in range(10):
        waiting.add(an_open(recipient_id))
    assert (waiting.waiting, waiting.dropped) == (10, 0)
    waiting.add(an_open(10))
    assert (waiting.waiting, waiting.dropped) == (10, 1)
    with caplog.at_level(logging.WARNING):
        await waiting.stop(GRACE)
    assert len(opens.recorded) == 10
    assert "1 opens were lost" in caplog.text


@pytest.mark.parametrize(
    ("taken", "since", "hold"),
    [(50, 0.0, 0.0), (51, 0.0, 0.02), (75, 1.9, 0.5), (100, 0.0, 1.0), (100, 2.1, 0.0)],
)
def test_hold_grows_beyond_half_of_the_room(opens: FakeOpens, taken: int, since: float, hold: float) -> None:
    """None up to half, all of it when full; and none where the store has not written for two seconds."""
    clock = Clock(100.0)
    waiting = buffer(opens, room=100, clock=clock)
    for recipient_id in range(taken):
        waiting.add(an_open(recipient_id, at=100.0))
    clock.now += since
    assert waiting.hold == pytest.approx(hold * MAX_HOLD)
    assert MAX_HOLD < 0.02  # P5: what is asked is answered within twenty milliseconds


async def test_hold_ends_with_the_store(opens: FakeOpens) -> None:
    """A store that writes keeps the hold up; one that refuses ends it after two seconds."""
    clock, pauses = Clock(100.0), Pauses()
    waiting = buffer(opens, pauses, room=2, clock=clock)
    waiting.start()
    for at in (100.0, 101.9, 103.8):
        clock.now = at
        for recipient_id in (1, 2):
            waiting.add(an_open(recipient_id, at=at, agent=str(at)))
        assert waiting.hold == MAX_HOLD
        opens.refuse = at == 103.8
        await pauses.end_one()
        await until_asked(opens)
    clock.now = 105.9
    assert (waiting.waiting, waiting.hold) == (2, 0.0)
    opens.refuse = False
    await waiting.stop(GRACE)


async def test_same_load_again_takes_no_room(opens: FakeOpens) -> None:
    """P2: a load like one that waits is the same view, up to the window's end; then it is a view of its own."""
    waiting = buffer(opens, room=3)
    for at in (100.0, 100.1, 129.9, 130.0):
        waiting.add(an_open(1, at))
    assert (waiting.waiting, waiting.repeated, waiting.dropped) == (2, 2, 0)
    waiting.add(an_open(1, 100.2, agent="another"))
    assert waiting.waiting == 3
    await waiting.stop(GRACE)
    waiting.add(an_open(1, 130.1))
    assert waiting.waiting == 1


def test_one_pixel_cannot_fill_the_buffer(opens: FakeOpens) -> None:
    """P2: one recipient's opens, each with another agent, hold a hundred places and not one more."""
    waiting = buffer(opens)
    for n in range(1_000):
        waiting.add(an_open(1, agent=f"made up {n}"))
    waiting.add(an_open(2))
    assert (waiting.waiting, waiting.dropped) == (MAX_WAITING_OF_ONE + 1, 1_000 - MAX_WAITING_OF_ONE)


async def test_one_open_that_chokes_the_store_takes_no_other_with_it(opens: FakeOpens) -> None:
    """For a fault of ours each is tried by itself; the bad one is counted and told, the others are written."""
    opens.poison = 3
    waiting = buffer(opens)
    for recipient_id in range(6):
        waiting.add(an_open(recipient_id))
    await waiting.stop(GRACE)
    assert [each.recipient_id for each in opens.recorded] == [0, 1, 2, 4, 5]
    assert (waiting.waiting, waiting.recorded, waiting.failed) == (0, 5, 1)


async def test_stop_writes_what_waits(opens: FakeOpens) -> None:
    """An open that came just before the stop is written."""
    waiting = buffer(opens)
    waiting.start()
    waiting.add(an_open(1))
    await waiting.stop(GRACE)
    assert len(opens.recorded) == 1


async def test_stop_with_a_store_that_cannot_be_written(opens: FakeOpens, caplog: pytest.LogCaptureFixture) -> None:
    """Stopping does not wait for ever for a store that is gone, and says what was lost."""
    opens.refuse = True
    waiting = buffer(opens)
    waiting.start()
    waiting.add(an_open(1))
    waiting.add(an_open(2))
    await waiting.stop(GRACE)
    assert waiting.dropped == 2
    assert "2 opens were lost" in caplog.text


async def test_stop_ends_where_the_store_never_answers(opens: FakeOpens, monkeypatch: pytest.MonkeyPatch) -> None:
    """The grace passes without a batch: what waits is lost and counted, and the stop ends."""

    async def never(_: object, __: object, *, view_window: float) -> int:
        del view_window
        await asyncio.Event().wait()
        return 0

    monkeypatch.setattr(opens, "judge_and_record", never)
    waiting = buffer(opens)
    waiting.add(an_open(1))
    await waiting.stop(0.0)
    assert (waiting.waiting, waiting.recorded, waiting.dropped) == (0, 0, 1)


async def test_stop_goes_on_as_long_as_the_store_writes(opens: FakeOpens, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each batch takes nearly all of the grace, all together more: none is lost."""
    loop, record = asyncio.get_running_loop(), opens.judge_and_record
    began = loop.time()
    passed = 0.0
    monkeypatch.setattr(loop, "time", lambda: began + passed)

    async def slowly(ids: Sequence[int], judge: Judge, *, view_window: float) -> int:
        nonlocal passed
        passed += 0.9 * GRACE
        await asyncio.sleep(0)
        return await record(ids, judge, view_window=view_window)

    monkeypatch.setattr(opens, "judge_and_record", slowly)
    waiting = buffer(opens)
    for recipient_id in range(3 * BATCH):
        waiting.add(an_open(recipient_id))
    await waiting.stop(GRACE)
    assert (waiting.waiting, waiting.recorded, waiting.dropped) == (0, 3 * BATCH, 0)
    assert passed > GRACE


async def test_stop_does_not_write_a_batch_twice(tokens: object) -> None:
    """A batch that is being written when the stop comes is waited for, and not written again."""
    del tokens
    written: list[Open] = []
    may_end = asyncio.Event()
    began = asyncio.Event()

    class SlowOpens:
        async def judge_and_record(
            self,
            recipient_ids: Sequence[int],
            judge: Judge,
            *,
            view_window: float,
        ) -> int:
            assert view_window == 30.0
            written.extend(judge({}))
            began.set()
            await may_end.wait()
            return len(recipient_ids)

    async def no_pause(_: float) -> None:
        return

    waiting = OpenBuffer(SlowOpens(), 10, 30.0, LOG, clock=Clock(), pause=no_pause)
    waiting.start()
    waiting.add(an_open(1))
    await began.wait()
    stopping = asyncio.create_task(waiting.stop(GRACE))
    await asyncio.sleep(0)
    may_end.set()
    await stopping
    assert len(written) == 1
