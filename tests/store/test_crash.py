"""kill -9 in the middle of accepting: what was acknowledged is there, whole (promise 1, Q1)."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from store.settings import StoreSettings
from tests.conftest import Clock
from tests.store.conftest import OpenAgain

VICTIM = Path(__file__).with_name("accept_in_a_loop.py")


async def run_and_kill(settings: StoreSettings, acknowledged: int) -> list[tuple[int, int, int]]:
    """Let the victim accept, kill it at its so-manieth 250, and give what it had acknowledged."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable, str(VICTIM), json.dumps({"url": settings.url, "contents": str(settings.contents)}),
        stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert victim.stdout is not None
    lines = [await victim.stdout.readline() for _ in range(acknowledged)]
    victim.kill()
    lines += (await victim.stdout.read()).splitlines(keepends=True)
    await victim.wait()
    whole = [line.split() for line in lines if line.endswith(b"\n") and line.count(b" ") == 2]
    return [(int(message), int(recipient), int(number)) for message, recipient, number in whole]


@pytest.mark.parametrize("rounds", [(1, 40, 333)])
async def test_1_kill_9_loses_nothing(
    settings: StoreSettings, open_again: OpenAgain, clock: Clock, rounds: tuple[int, ...]
) -> None:
    """After each kill every acknowledged message is there with its content, its event and its recipient."""
    acknowledged: list[tuple[int, int, int]] = []
    for count in rounds:
        acknowledged += await run_and_kill(settings, count)
    assert len(acknowledged) >= sum(rounds)
    clock.now = 3_000_000_000.0  # later than whatever the victims wrote by the real clock
    store = await open_again()
    for _ in range(5):  # on PostgreSQL the victims' leases pass
        await store.queue.release_lapsed()
        clock.move(20)
    claimed = {}
    while jobs := await store.queue.claim_due(500):
        claimed |= {job.recipient_id: job for job in jobs}
        await store.queue.hold([job.recipient_id for job in jobs])  # so that suspects have their turn, too
    for message_id, recipient_id, number in acknowledged:
        found = await store.find.recipient(recipient_id)
        assert found is not None
        assert found.events[0].kind == "accepted"
        ref = await store.contents.ref(message_id)
        assert ref is not None
        assert await store.contents.read(ref) == f"{message_id}:".encode() * (1 + number % 700)
        assert recipient_id in claimed
    records, position = 0, 0
    while page := await store.journal.after(position):
        records, position = records + sum(it.event.kind == "accepted" for it in page), page[-1].position
    assert records >= len(acknowledged)
